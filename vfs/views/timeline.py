"""Timeline/: by the local wall-clock day of capture.

`2019/2019-08/2019-08-07/`, `2019/2019-08/2019-08-xx/` (month known), `2019/2019-xx/` (year known) and
`Undated/2019/` (only an mtime to go by). Leaf folders are buckets; keys are `catalog.capture.local_day`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

from catalog.buckets import Bucket, View
from catalog.store import listing
from catalog.store.db import Reader
from catalog.values import BucketRow, Viewer
from vfs.inodes import DateLevel, Fixed, Inode, Kind, Unpacked, pack, pack_date, unpack_date
from vfs.nodes import Entry, Node
from vfs.views.contract import Step, missing, page
from vfs.views.folders import folded_photo, folder_node, photo, photos, view_node

TIMELINE = pack(Kind.FIXED, Fixed.TIMELINE)
UNDATED = pack(Kind.FIXED, Fixed.UNDATED)
UNDATED_NAME = b"Undated"
_UNDATED_COOKIE = 1 << 20  # behind every year
_YEAR = re.compile(rb"\d{4}")
_MONTH = re.compile(rb"(\d{4})-(\d\d|xx)")
_DAY = re.compile(rb"(\d{4})-(\d\d)-(\d\d|xx)")


class TimelineView:
    """See `vfs.views.contract.StaticView`."""

    def node(self, reader: Reader, at: Unpacked) -> Node:
        """Return Timeline, Undated, or the folder of a date."""
        inode = pack(*at)
        if inode == TIMELINE:
            return view_node(reader, inode, View.TIMELINE)
        return folder_node(inode, self._rows(reader, at))

    def lookup(self, reader: Reader, at: Unpacked, name: bytes, viewer: Viewer) -> Node:
        """Return a folder by its date, or a photo of a leaf folder."""
        bucket = _bucket(at)
        if bucket is not None:
            return photo(reader, bucket, name)
        inode = _child(at, name)
        if inode is None:
            raise missing(name)
        return self.node(reader, _unpacked(inode))

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return years, months, days or photos."""
        bucket = _bucket(at)
        if bucket is not None:
            return photos(reader, bucket, after, limit)
        rows = sorted(self._rows(reader, at), key=lambda row: row.key)
        entries = []
        for (inode, name, cookie), group in groupby(rows, key=lambda row: _step_below(at, row.key)):
            entries.append(Entry(name, cookie, folder_node(inode, group)))
        return page(entries, after, limit)

    def parent(self, reader: Reader, at: Unpacked) -> Inode:
        """Return the folder above."""
        inode = pack(*at)
        if inode == TIMELINE:
            return pack(Kind.FIXED, Fixed.ROOT)
        if inode == UNDATED:
            return TIMELINE
        level, packed = unpack_date(at.key)
        if level is DateLevel.UNDATED:
            return UNDATED
        if level is DateLevel.YEAR:
            return TIMELINE
        return _above(level, packed)

    def folded(self, reader: Reader, at: Unpacked, name: str) -> Node | None:
        """Find a photo of a day; folders are few."""
        bucket = _bucket(at)
        return None if bucket is None else folded_photo(reader, bucket, name)

    def leaf(self, bucket: Bucket) -> Inode:
        """Return the number of a day's folder."""
        if bucket.key < 0:
            return pack_date(DateLevel.UNDATED, -bucket.key)
        return pack_date(DateLevel.DAY, bucket.key)

    def steps(self, reader: Reader, bucket: Bucket) -> list[Step]:
        """Return the names down to a day."""
        steps, at = [], Unpacked(Kind.FIXED, Fixed.TIMELINE)
        while _bucket(at) is None:
            inode, name, _ = _step_below(at, bucket.key)
            steps.append(Step(pack(*at), name))
            at = _unpacked(inode)
        return steps

    def _rows(self, reader: Reader, at: Unpacked) -> Iterable[BucketRow]:
        low, high = _key_range(at)
        return listing.buckets_of_view(reader, View.TIMELINE, low, high)


def _unpacked(inode: Inode) -> Unpacked:
    return (
        Unpacked(Kind.FIXED, Fixed.UNDATED)
        if inode == UNDATED
        else Unpacked(Kind.TIMELINE, inode & (1 << 55) - 1)
    )


def _bucket(at: Unpacked) -> Bucket | None:
    """Return the bucket of a leaf folder, None for the folders above."""
    if at.kind is Kind.FIXED:
        return None
    level, packed = unpack_date(at.key)
    if level is DateLevel.DAY:
        return Bucket(View.TIMELINE, packed, 0)
    return Bucket(View.TIMELINE, -packed, 0) if level is DateLevel.UNDATED else None


def _key_range(at: Unpacked) -> tuple[int, int]:
    """Return the first and last bucket key below a folder."""
    if at == (Kind.FIXED, Fixed.TIMELINE):
        return -9999, 9999_99_99
    if at == (Kind.FIXED, Fixed.UNDATED):
        return -9999, -1
    level, packed = unpack_date(at.key)
    if level is DateLevel.YEAR:
        return packed, packed + 99_99
    if level is DateLevel.MONTH:
        return packed, packed + 99
    return (-packed, -packed) if level is DateLevel.UNDATED else (packed, packed)


def _step_below(at: Unpacked, key: int) -> tuple[Inode, bytes, int]:
    """Return (number, name, cookie) of the next folder on the way from `at` to the bucket with this key."""
    year, month = key // 10_000, key // 100 % 100
    if at == (Kind.FIXED, Fixed.UNDATED):
        return pack_date(DateLevel.UNDATED, -key), b"%04d" % -key, -key
    if at == (Kind.FIXED, Fixed.TIMELINE):
        if key < 0:
            return UNDATED, UNDATED_NAME, _UNDATED_COOKIE
        return pack_date(DateLevel.YEAR, year * 10_000), b"%04d" % year, year
    if unpack_date(at.key)[0] is DateLevel.YEAR and month:
        start = key - key % 100
        return pack_date(DateLevel.MONTH, start), b"%04d-%02d" % (year, month), start
    return pack_date(DateLevel.DAY, key), day_name(key), key


def day_name(key: int) -> bytes:
    """Return the name of a day's folder: `2019-08-07`, `2019-08-xx` or `2019-xx`."""
    year, month, day = key // 10_000, key // 100 % 100, key % 100
    if not month:
        return b"%04d-xx" % year
    return b"%04d-%02d-%02d" % (year, month, day) if day else b"%04d-%02d-xx" % (year, month)


def _child(at: Unpacked, name: bytes) -> Inode | None:
    """Return the number that a name would have, whether it holds photos or not; None if it is no such name."""
    if at == (Kind.FIXED, Fixed.TIMELINE):
        if name == UNDATED_NAME:
            return UNDATED
        return pack_date(DateLevel.YEAR, int(name) * 10_000) if _YEAR.fullmatch(name) else None
    if at == (Kind.FIXED, Fixed.UNDATED):
        return pack_date(DateLevel.UNDATED, int(name)) if _YEAR.fullmatch(name) else None
    level, _ = unpack_date(at.key)
    pattern = _MONTH if level is DateLevel.YEAR else _DAY
    match = pattern.fullmatch(name)
    if match is None:
        return None
    fields = [0 if part == b"xx" else int(part) for part in match.groups()]
    key = sum(part * unit for part, unit in zip(fields, (10_000, 100, 1), strict=False))
    child_level = DateLevel.MONTH if level is DateLevel.YEAR and fields[1] else DateLevel.DAY
    inode = pack_date(child_level, key)
    # `2019-00` and the like have no folder: a name must be the one that the number gets.
    return inode if _step_below(at, key)[:2] == (inode, name) and _is_below(at, key) else None


def _is_below(at: Unpacked, key: int) -> bool:
    low, high = _key_range(at)
    return low <= key <= high


def _above(level: DateLevel, packed: int) -> Inode:
    year_start = packed - packed % 10_000
    if level is DateLevel.MONTH or packed == year_start:
        return pack_date(DateLevel.YEAR, year_start)
    return pack_date(DateLevel.MONTH, packed - packed % 100)
