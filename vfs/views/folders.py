"""Folders made of buckets: leaf listings and the attributes of the folders above them; shared by all static views.

A folder's times are those of the last change below it; its generation is the greatest below it.
"""

from __future__ import annotations

from collections.abc import Iterable

from catalog.buckets import Bucket, View
from catalog.store import library_facts, listing
from catalog.store.db import Reader
from catalog.values import BucketRow, FolderRow, PhotoRow
from vfs.inodes import Inode, Kind, pack
from vfs.nodes import DIRECTORY_MIME, Entry, Node
from vfs.views.contract import missing

_CONTENT = pack(Kind.CONTENT, 0)


def photo_node(row: PhotoRow) -> Node:
    """Return the node of a photo: the same in every view."""
    # Positional and without `pack`: this runs 100,000 times in a large folder.
    return Node(
        Inode(_CONTENT | row.content_id),
        False,
        row.size,
        row.mtime_ns,
        row.ctime_ns,
        row.mime,
        row.hash,
        row.uid,
    )


def photos(reader: Reader, bucket: Bucket, after: int, limit: int, *, cookies_above: int = 0) -> list[Entry]:
    """Return a page of a leaf folder; cookies are those of `listing`, all of them `cookies_above` higher."""
    rows = listing.photos_in(reader, bucket, max(0, after - cookies_above), limit)
    # `listing.photo_cookie` without a call for each of 100,000 photos.
    if bucket.view >= View.ALBUMS:
        return [Entry(row.name.encode(), row.asset_id + cookies_above, photo_node(row)) for row in rows]
    return [Entry(row.name.encode(), row.content_id + cookies_above, photo_node(row)) for row in rows]


def photo(reader: Reader, bucket: Bucket, name: bytes) -> Node:
    """Return the photo that a leaf folder shows under exactly this name, or as `name~id.ext`."""
    row = listing.photo_named(reader, bucket, decoded(name))
    if row is None:
        raise missing(name)
    return photo_node(row)


def folded_photo(reader: Reader, bucket: Bucket, name: str) -> Node:
    """Return the photo of a leaf folder to whose name case and Unicode form do not matter."""
    row = listing.photo_folded(reader, bucket, name)
    if row is None:
        raise missing(name)
    return photo_node(row)


def row_node(inode: Inode, row: FolderRow) -> Node:
    """Return the folder of an album, a tag, a person or a stack."""
    return Node(
        inode=inode,
        is_dir=True,
        size=0,
        mtime_ns=row.changed_ns,
        ctime_ns=row.changed_ns,
        mime=DIRECTORY_MIME,
        generation=row.generation,
    )


def folder_node(inode: Inode, rows: Iterable[BucketRow]) -> Node:
    """Return a folder that holds these non-empty buckets; NotFound if there are none."""
    changed_ns = generation = 0
    is_empty = True
    for row in rows:
        is_empty = False
        changed_ns = max(changed_ns, row.changed_ns)
        generation = max(generation, row.generation)
    if is_empty:
        raise missing(f"inode {inode:x}")
    return Node(
        inode=inode,
        is_dir=True,
        size=0,
        mtime_ns=changed_ns,
        ctime_ns=changed_ns,
        mime=DIRECTORY_MIME,
        generation=generation,
    )


def fixed_node(inode: Inode, changed_ns: int) -> Node:
    """Return a folder that is always there."""
    return Node(
        inode=inode, is_dir=True, size=0, mtime_ns=changed_ns, ctime_ns=changed_ns, mime=DIRECTORY_MIME
    )


def view_node(reader: Reader, inode: Inode, view: View) -> Node:
    """Return the folder of a view: as old as its last change, or as the library if it never held a photo."""
    return fixed_node(inode, listing.view_changed_ns(reader, view) or library_facts.created_ns(reader))


def decoded(name: bytes) -> str:
    """Return a name of a view as text; NotFound if it is no UTF-8, because no view has such a name."""
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise missing(name) from error
