"""What the dynamic views share: folders that ask a question each time, and hold no rows.

Names follow the library-wide claim (`catalog.store.dynamic`), cookies are asset rows. Nobody may keep the names of such a
folder (`Node.is_fleeting`); its photos are the same nodes as everywhere.
"""

from __future__ import annotations

from catalog.buckets import View
from catalog.query import Predicate
from catalog.store import changes, dynamic, library_facts, listing
from catalog.store.db import Reader
from vfs.inodes import Inode
from vfs.nodes import DIRECTORY_MIME, Entry, Node
from vfs.views.contract import missing
from vfs.views.folders import decoded, photo_node


def matching(reader: Reader, predicate: Predicate, after: int, limit: int) -> list[Entry]:
    """Return a page of the photos that match."""
    return [
        Entry(row.name.encode(), row.asset_id, photo_node(row))
        for row in dynamic.photos_matching(reader, predicate, after, limit)
    ]


def matching_photo(reader: Reader, predicate: Predicate, name: bytes) -> Node:
    """Return the photo that matches and is called exactly so."""
    row = dynamic.photo_matching_named(reader, predicate, decoded(name))
    if row is None:
        raise missing(name)
    return photo_node(row)


def matching_folded(reader: Reader, predicate: Predicate, name: str) -> Node:
    """Return the photo that matches and to whose name case and Unicode form do not matter."""
    row = dynamic.photo_matching_folded(reader, predicate, name)
    if row is None:
        raise missing(name)
    return photo_node(row)


def fleeting_nodes(reader: Reader, inodes: list[Inode], *, since_ns: int = 0) -> list[Node]:
    """Return folders of a dynamic view, as young as the last change of the Timeline or as `since_ns`.

    Any change in the catalog may be one of theirs: the generation is that of the whole feed.
    """
    changed_ns = max(
        listing.view_changed_ns(reader, View.TIMELINE) or library_facts.created_ns(reader), since_ns
    )
    generation = changes.latest_seq(reader) + since_ns
    return [
        Node(inode, True, 0, changed_ns, changed_ns, DIRECTORY_MIME, generation=generation)
        for inode in inodes
    ]


def fleeting_node(reader: Reader, inode: Inode, *, since_ns: int = 0) -> Node:
    """Return one of them."""
    (found,) = fleeting_nodes(reader, [inode], since_ns=since_ns)
    return found
