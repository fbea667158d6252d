"""Tags/: a tag's folder holds the tags below it, `_all` (every photo of the tag and of those below), and its own photos."""

from __future__ import annotations

from catalog.buckets import ALL, OWN, Bucket, View
from catalog.store.db import Reader
from catalog.values import FolderRow, Viewer
from vfs.inodes import Fixed, Inode, Kind, Unpacked, pack_tag, unpack_tag
from vfs.nodes import Entry, Node
from vfs.views.contract import Step
from vfs.views.folders import folded_photo, photo, photos, row_node
from vfs.views.nested import PHOTO_COOKIES, NestedView, Place

ALL_NAME = b"_all"
_ALL_COOKIE = PHOTO_COOKIES  # between the folders and the first photo: assets count from 1


class TagsView(NestedView):
    """See `NestedView`."""

    def __init__(self) -> None:
        super().__init__(view=View.TAGS, fixed=Fixed.TAGS)

    def lookup(self, reader: Reader, at: Unpacked, name: bytes, viewer: Viewer) -> Node:
        """Return a tag, `_all`, or a photo."""
        if _is_all(at):
            return photo(reader, self._bucket(at), name)
        if name == ALL_NAME and at.kind is Kind.TAG:
            return self._all(self._row(reader, self._place(at).row))
        return super().lookup(reader, at, name, viewer)

    def folded(self, reader: Reader, at: Unpacked, name: str) -> Node | None:
        """Find a tag, `_all`, or a photo."""
        if _is_all(at):
            return folded_photo(reader, self._bucket(at), name)
        if at.kind is Kind.TAG and name.casefold() == ALL_NAME.decode():
            return self._all(self._row(reader, self._place(at).row))
        return super().folded(reader, at, name)

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return tags, `_all`, then photos; in `_all` photos alone."""
        if _is_all(at):
            return photos(reader, self._bucket(at), after, limit)
        return super().children(reader, at, viewer, after, limit)

    def parent(self, reader: Reader, at: Unpacked) -> Inode:
        """Return the folder above."""
        return self._number(unpack_tag(at.key)[0]) if _is_all(at) else super().parent(reader, at)

    def leaf(self, bucket: Bucket) -> Inode:
        """Return the number of a tag's folder or of its `_all`."""
        return pack_tag(bucket.key, bucket.sub)

    def steps(self, reader: Reader, bucket: Bucket) -> list[Step]:
        """Return the labels from the top, and `_all` if it is meant."""
        steps = super().steps(reader, bucket)
        return [*steps, Step(self._number(bucket.key), ALL_NAME)] if bucket.sub == ALL and steps else steps

    def _place(self, at: Unpacked) -> Place:
        if at.kind is Kind.FIXED:
            return Place(0, None)
        row, sub = unpack_tag(at.key)
        return Place(row, Bucket(self._view, row, sub))

    def _bucket(self, at: Unpacked) -> Bucket:
        return Bucket(self._view, *unpack_tag(at.key))

    def _number(self, row: int) -> Inode:
        return pack_tag(row, OWN) if row else self._root

    def _folders(self, reader: Reader, place: Place, after: int, limit: int) -> list[Entry]:
        entries = super()._folders(reader, place, after, limit)
        if place.bucket is not None and len(entries) < limit:
            entries.append(Entry(ALL_NAME, _ALL_COOKIE, self._all(self._row(reader, place.row))))
        return entries

    def _all(self, row: FolderRow) -> Node:
        return row_node(pack_tag(row.id, ALL), row)


def _is_all(at: Unpacked) -> bool:
    return at.kind is Kind.TAG and unpack_tag(at.key)[1] == ALL
