"""Folders that people name and nest: what Albums/ and Tags/ share. A folder holds folders, and photos of its own.

Cookies: folders by their row, then photos by asset + 2^48, so a listing goes on where it stopped whatever is added. A
folder and a photo never have one name (`catalog.buckets.looks_like_media`).
"""

from __future__ import annotations

from typing import NamedTuple

from catalog.buckets import Bucket, View
from catalog.store import layer_folders, listing
from catalog.store.db import Reader
from catalog.values import FolderRow, Viewer
from vfs.inodes import Fixed, Inode, Kind, Unpacked, pack
from vfs.nodes import Entry, Node
from vfs.views.contract import Step, missing
from vfs.views.folders import decoded, folded_photo, photo, photos, row_node, view_node

PHOTO_COOKIES = 1 << 48  # rows of folders stay below it


class Place(NamedTuple):
    """A folder: the row (0 = the root of the view), and the bucket of the photos in it (None = none ever)."""

    row: int
    bucket: Bucket | None


class NestedView:
    """See `vfs.views.contract.LabelledView`. This is Albums/; Tags/ differs in its numbers and in `_all`."""

    def __init__(self, *, view: View, fixed: Fixed) -> None:
        self._view = view
        self._root = pack(Kind.FIXED, fixed)

    def node(self, reader: Reader, at: Unpacked) -> Node:
        """Return the view's root or a folder."""
        if at.kind is Kind.FIXED:
            return view_node(reader, self._root, self._view)
        return row_node(pack(*at), self._row(reader, self._place(at).row))

    def lookup(self, reader: Reader, at: Unpacked, name: bytes, viewer: Viewer) -> Node:
        """Return a folder, or a photo."""
        place, label = self._place(at), decoded(name)
        row = listing.folder_labelled(reader, self._view, place.row, label)
        if row is not None:
            return self._folder(row)
        if place.bucket is None:
            raise missing(name)
        return photo(reader, place.bucket, name)

    def folded(self, reader: Reader, at: Unpacked, name: str) -> Node | None:
        """Find a folder or a photo."""
        place = self._place(at)
        row = listing.folder_folded(reader, self._view, place.row, name)
        if row is not None:
            return self._folder(row)
        if place.bucket is None:
            raise missing(name)
        return folded_photo(reader, place.bucket, name)

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return folders, then photos."""
        place = self._place(at)
        entries = self._folders(reader, place, after, limit) if after < PHOTO_COOKIES else []
        if place.bucket is not None and len(entries) < limit:
            room = limit - len(entries)
            entries += photos(reader, place.bucket, after, room, cookies_above=PHOTO_COOKIES)
        return entries

    def parent(self, reader: Reader, at: Unpacked) -> Inode:
        """Return the folder above."""
        if at.kind is Kind.FIXED:
            return pack(Kind.FIXED, Fixed.ROOT)
        return self._number(self._row(reader, self._place(at).row).parent_id)

    def leaf(self, bucket: Bucket) -> Inode:
        """Return the number of the folder that shows a bucket."""
        return self._number(bucket.key)

    def steps(self, reader: Reader, bucket: Bucket) -> list[Step]:
        """Return the labels from the top."""
        rungs = layer_folders.upwards(reader, self._view, bucket.key)
        return [Step(self._number(rung.parent_id), rung.label.encode()) for rung in reversed(rungs)]

    def chain(self, reader: Reader, row: int) -> list[Inode]:
        """See `LabelledView.chain`."""
        rungs = layer_folders.upwards(reader, self._view, row)
        return [*(self._number(rung.id) for rung in rungs), self._root]

    def _place(self, at: Unpacked) -> Place:
        if at.kind is Kind.FIXED:
            return Place(0, None)
        return Place(at.key, Bucket(self._view, at.key, 0))

    def _number(self, row: int) -> Inode:
        return pack(Kind.ALBUM, row) if row else self._root

    def _folder(self, row: FolderRow) -> Node:
        return row_node(self._number(row.id), row)

    def _folders(self, reader: Reader, place: Place, after: int, limit: int) -> list[Entry]:
        rows = listing.folders_below(reader, self._view, place.row, after, limit)
        return [Entry(row.label.encode(), row.id, self._folder(row)) for row in rows]

    def _row(self, reader: Reader, row: int) -> FolderRow:
        found = listing.folder_by_id(reader, self._view, row)
        if found is None:
            raise missing(f"{self._view.name.lower()} {row}")
        return found


def albums_view() -> NestedView:
    """Return Albums/."""
    return NestedView(view=View.ALBUMS, fixed=Fixed.ALBUMS)
