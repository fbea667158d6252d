"""Recent/: by the day a photo was first seen, the last days only; one leaf folder per day.

Which days are recent depends on the clock: a folder leaves at midnight, without any change in the catalog.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from zoneinfo import ZoneInfo

from catalog.buckets import Bucket, View
from catalog.store import listing
from catalog.store.db import Reader
from catalog.values import Viewer
from catalog.zones import local_day
from vfs.inodes import Fixed, Inode, Kind, Unpacked, pack
from vfs.nodes import Entry, Node
from vfs.options import first_recent_day
from vfs.views.contract import Step, missing, page
from vfs.views.folders import folded_photo, folder_node, photo, photos, view_node

RECENT = pack(Kind.FIXED, Fixed.RECENT)
_DAY = re.compile(rb"(\d{4})-(\d\d)-(\d\d)")
_LAST_KEY = 9999_99_99


class RecentView:
    """See `vfs.views.contract.StaticView`.

    Args:
        zone: the library's, in which days begin.
        clock: ns since 1970.
        days: how many days are recent, today included.
    """

    def __init__(self, *, zone: ZoneInfo, clock: Callable[[], int], days: int) -> None:
        self._zone = zone
        self._clock = clock
        self._days = days

    def node(self, reader: Reader, at: Unpacked) -> Node:
        """Return Recent or one of its days."""
        inode = pack(*at)
        if inode == RECENT:
            return view_node(reader, inode, View.RECENT)
        if at.key < self._first_day():
            raise missing(_name(at.key))
        return folder_node(inode, listing.buckets_of_view(reader, View.RECENT, at.key, at.key))

    def lookup(self, reader: Reader, at: Unpacked, name: bytes, viewer: Viewer) -> Node:
        """Return a day, or a photo of a day."""
        if at.kind is Kind.RECENT:
            return photo(reader, Bucket(View.RECENT, at.key, 0), name)
        match = _DAY.fullmatch(name)
        if match is None:
            raise missing(name)
        year, month, day = (int(part) for part in match.groups())
        return self.node(reader, Unpacked(Kind.RECENT, year * 10_000 + month * 100 + day))

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return days, or the photos of a day."""
        if at.kind is Kind.RECENT:
            return photos(reader, Bucket(View.RECENT, at.key, 0), after, limit)
        rows = listing.buckets_of_view(reader, View.RECENT, self._first_day(), _LAST_KEY)
        entries = [
            Entry(_name(row.key), row.key, folder_node(pack(Kind.RECENT, row.key), [row])) for row in rows
        ]
        return page(entries, after, limit)

    def parent(self, reader: Reader, at: Unpacked) -> Inode:
        """Return the folder above."""
        return RECENT if at.kind is Kind.RECENT else pack(Kind.FIXED, Fixed.ROOT)

    def folded(self, reader: Reader, at: Unpacked, name: str) -> Node | None:
        """Find a photo of a day; folders are few."""
        if at.kind is not Kind.RECENT:
            return None
        return folded_photo(reader, Bucket(View.RECENT, at.key, 0), name)

    def leaf(self, bucket: Bucket) -> Inode:
        """Return the number of a day's folder."""
        return pack(Kind.RECENT, bucket.key)

    def steps(self, reader: Reader, bucket: Bucket) -> list[Step]:
        """Return the one name down to a day."""
        return [Step(RECENT, _name(bucket.key))]

    def _first_day(self) -> int:
        first = first_recent_day(local_day(self._clock(), self._zone), self._days)
        return first.year * 10_000 + first.month * 100 + first.day


def _name(key: int) -> bytes:
    return b"%04d-%02d-%02d" % (key // 10_000, key // 100 % 100, key % 100)
