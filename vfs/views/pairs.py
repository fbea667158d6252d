"""Views of two levels, a label and a year: the shape that Types/ and Cameras/ share.

A bucket's key is the label's row, its sub the year of capture.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import Protocol

from catalog.buckets import Bucket, View
from catalog.store import listing
from catalog.store.db import Reader
from catalog.values import BucketRow, Viewer
from vfs.inodes import Fixed, Inode, Kind, Unpacked, pack, pack_pair, unpack_pair
from vfs.nodes import Entry, Node
from vfs.views.contract import Step, missing, page
from vfs.views.folders import folded_photo, folder_node, photo, photos, view_node

_YEAR = re.compile(rb"\d{4}")


class Labels(Protocol):
    """Where the names of the upper level come from."""

    def label(self, reader: Reader, key: int) -> str:
        """Return the folder's name; NotFound if there is no such row."""

    def key(self, reader: Reader, label: str) -> int | None:
        """Inverse of `label`, or None."""

    def label_of_row(self, row: BucketRow) -> str:
        """Return the folder's name without a query."""


class PairView:
    """See `vfs.views.contract.StaticView`."""

    def __init__(self, *, view: View, kind: Kind, fixed: Fixed, labels: Labels) -> None:
        self._view = view
        self._kind = kind
        self._root = pack(Kind.FIXED, fixed)
        self._labels = labels

    def node(self, reader: Reader, at: Unpacked) -> Node:
        """Return the view's root, a label or a year."""
        if at.kind is Kind.FIXED:
            return view_node(reader, self._root, self._view)
        return folder_node(pack(*at), self._rows(reader, at))

    def lookup(self, reader: Reader, at: Unpacked, name: bytes, viewer: Viewer) -> Node:
        """Return a label, a year, or a photo."""
        bucket = self.bucket(at)
        if bucket is not None:
            return photo(reader, bucket, name)
        if at.kind is Kind.FIXED:
            key = self._labels.key(reader, name.decode("utf-8", "replace"))
            child = None if key is None else pack_pair(self._kind, key, 0)
        else:
            is_year = _YEAR.fullmatch(name) and int(name)
            child = pack_pair(self._kind, unpack_pair(at.key)[0], int(name)) if is_year else None
        if child is None:
            raise missing(name)
        return self.node(reader, Unpacked(self._kind, child - pack(self._kind, 0)))

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return labels, years or photos."""
        bucket = self.bucket(at)
        if bucket is not None:
            return photos(reader, bucket, after, limit)
        rows = self._rows(reader, at)
        if at.kind is Kind.FIXED:
            return page(self._label_entries(rows), after, limit)
        years = [
            Entry(
                b"%04d" % row.sub, row.sub, folder_node(self.leaf(Bucket(row.view, row.key, row.sub)), [row])
            )
            for row in rows
        ]
        return page(years, after, limit)

    def parent(self, reader: Reader, at: Unpacked) -> Inode:
        """Return the folder above."""
        if at.kind is Kind.FIXED:
            return pack(Kind.FIXED, Fixed.ROOT)
        key, year = unpack_pair(at.key)
        return pack_pair(self._kind, key, 0) if year else self._root

    def folded(self, reader: Reader, at: Unpacked, name: str) -> Node | None:
        """Find a photo of a year; folders are few."""
        bucket = self.bucket(at)
        return None if bucket is None else folded_photo(reader, bucket, name)

    def bucket(self, at: Unpacked) -> Bucket | None:
        """Return the bucket behind a year's folder, or None."""
        if at.kind is Kind.FIXED:
            return None
        key, year = unpack_pair(at.key)
        return Bucket(self._view, key, year) if year else None

    def leaf(self, bucket: Bucket) -> Inode:
        """Return the number of a year's folder."""
        return pack_pair(self._kind, bucket.key, bucket.sub)

    def steps(self, reader: Reader, bucket: Bucket) -> list[Step]:
        """Return the names of label and year."""
        label = self._labels.label(reader, bucket.key).encode()
        above = pack_pair(self._kind, bucket.key, 0)
        return [Step(self._root, label), Step(above, b"%04d" % bucket.sub)]

    def _label_entries(self, rows: list[BucketRow]) -> list[Entry]:
        entries = []
        for key, group in groupby(sorted(rows, key=lambda row: row.key), key=lambda row: row.key):
            members = list(group)
            name = self._labels.label_of_row(members[0]).encode()
            entries.append(Entry(name, key, folder_node(pack_pair(self._kind, key, 0), members)))
        return entries

    def _rows(self, reader: Reader, at: Unpacked) -> list[BucketRow]:
        if at.kind is Kind.FIXED:
            return listing.buckets_of_view(reader, self._view)
        key, year = unpack_pair(at.key)
        rows = listing.buckets_of_view(reader, self._view, key, key)
        return [row for row in rows if not year or row.sub == year]
