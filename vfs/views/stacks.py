"""Stacks/<year of the cover>/<label>/: every photo of a stack, the cover among them."""

from __future__ import annotations

import re

from catalog.buckets import Bucket, View
from catalog.store import layer_folders, listing
from catalog.store.db import Reader
from catalog.values import FolderRow, Viewer
from vfs.inodes import Fixed, Inode, Kind, Unpacked, pack, pack_pair, unpack_pair
from vfs.nodes import Entry, Node
from vfs.views.contract import Step, missing, page
from vfs.views.folders import decoded, folded_photo, photo, photos, row_node, view_node

STACKS = pack(Kind.FIXED, Fixed.STACKS)
_YEAR = re.compile(rb"\d{4}")
_NO_ROW = 0  # in the number of a year's folder, in the place of a stack


class StacksView:
    """See `vfs.views.contract.StaticView`."""

    def node(self, reader: Reader, at: Unpacked) -> Node:
        """Return the view's root, a year or a stack."""
        if at.kind is Kind.FIXED:
            return view_node(reader, STACKS, View.STACKS)
        row, year = unpack_pair(at.key)
        if row != _NO_ROW:
            return row_node(pack(*at), _existing(listing.stack_folder(reader, year, row), at))
        years = layer_folders.stack_year_folders(reader)
        return _year_node(_existing(next((folder for folder in years if folder.id == year), None), at))

    def lookup(self, reader: Reader, at: Unpacked, name: bytes, viewer: Viewer) -> Node:
        """Return a year, a stack, or a photo of a stack."""
        if at.kind is Kind.FIXED:
            if not _YEAR.fullmatch(name):
                raise missing(name)
            return self.node(reader, Unpacked(Kind.STACK, _key(_NO_ROW, int(name))))
        bucket = _bucket(at)
        if bucket is not None:
            return photo(reader, bucket, name)
        _, year = unpack_pair(at.key)
        row = listing.stack_labelled(reader, year, decoded(name))
        if row is None:
            raise missing(name)
        return _stack_node(year, row)

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return years, stacks or photos."""
        if at.kind is Kind.FIXED:
            years = layer_folders.stack_year_folders(reader)
            return page(
                [Entry(year.label.encode(), year.id, _year_node(year)) for year in years], after, limit
            )
        bucket = _bucket(at)
        if bucket is not None:
            return photos(reader, bucket, after, limit)
        _, year = unpack_pair(at.key)
        rows = listing.stacks_of_year(reader, year, after, limit)
        return [Entry(row.label.encode(), row.id, _stack_node(year, row)) for row in rows]

    def parent(self, reader: Reader, at: Unpacked) -> Inode:
        """Return the folder above."""
        if at.kind is Kind.FIXED:
            return pack(Kind.FIXED, Fixed.ROOT)
        row, year = unpack_pair(at.key)
        return STACKS if row == _NO_ROW else pack_pair(Kind.STACK, _NO_ROW, year)

    def folded(self, reader: Reader, at: Unpacked, name: str) -> Node | None:
        """Find a stack, or a photo of one; years are few."""
        if at.kind is Kind.FIXED:
            return None
        bucket = _bucket(at)
        if bucket is not None:
            return folded_photo(reader, bucket, name)
        _, year = unpack_pair(at.key)
        row = listing.stack_folded(reader, year, name)
        if row is None:
            raise missing(name)
        return _stack_node(year, row)

    def leaf(self, bucket: Bucket) -> Inode:
        """Return the number of a stack's folder."""
        return pack_pair(Kind.STACK, bucket.key, bucket.sub)

    def steps(self, reader: Reader, bucket: Bucket) -> list[Step]:
        """Return the names of year and stack."""
        of_year = pack_pair(Kind.STACK, _NO_ROW, bucket.sub)
        labels = [rung.label.encode() for rung in layer_folders.upwards(reader, View.STACKS, bucket.key)]
        return [Step(STACKS, b"%04d" % bucket.sub), *(Step(of_year, label) for label in labels)]


def _bucket(at: Unpacked) -> Bucket | None:
    """Return the bucket of a stack's folder, None for the folders above."""
    if at.kind is Kind.FIXED:
        return None
    row, year = unpack_pair(at.key)
    return None if row == _NO_ROW else Bucket(View.STACKS, row, year)


def _key(row: int, year: int) -> int:
    return pack_pair(Kind.STACK, row, year) - pack(Kind.STACK, 0)


def _year_node(row: FolderRow) -> Node:
    return row_node(pack_pair(Kind.STACK, _NO_ROW, row.id), row)


def _stack_node(year: int, row: FolderRow) -> Node:
    return row_node(pack_pair(Kind.STACK, row.id, year), row)


def _existing(row: FolderRow | None, at: Unpacked) -> FolderRow:
    if row is None:
        raise missing(f"stack {at.key}")
    return row
