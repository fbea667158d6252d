"""Memories/{Today,This Week,This Month}/<year>/: what was photographed at this time of the year, in earlier years.

Local wall-clock days of capture, "now" in the library's zone. Never this year, so never the future. A week is an ISO week:
the same number in the earlier ISO year, which names the folder. The month takes in photos whose day nobody knows; the others
need a known day. On 28 February of a year without a 29th, the 29ths of leap years are shown too.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from enum import IntEnum
from itertools import groupby
from zoneinfo import ZoneInfo

from catalog.query import Or, Predicate, parse
from catalog.store import dynamic
from catalog.store.db import Reader
from catalog.values import Viewer
from vfs.inodes import Fixed, Inode, Kind, Unpacked, pack, pack_pair, unpack_pair
from vfs.nodes import Entry, Node
from vfs.views.contract import missing, page
from vfs.views.dynamic import (
    fleeting_node,
    fleeting_nodes,
    matching,
    matching_folded,
    matching_photo,
)

MEMORIES = pack(Kind.FIXED, Fixed.MEMORIES)
_ROOT = pack(Kind.FIXED, Fixed.ROOT)
_MONTH_DAYS = 99  # of a packed day: more than any month has


class Span(IntEnum):
    """Folders of Memories/. Numbers are part of inodes: never changed."""

    TODAY = 1
    WEEK = 2
    MONTH = 3


SPAN_NAMES: dict[Span, bytes] = {Span.TODAY: b"Today", Span.WEEK: b"This Week", Span.MONTH: b"This Month"}


def ranges_of(span: Span, year: int, today: date) -> list[dynamic.Days]:
    """Return the packed days that a year's folder of a span shows on a day; [] if that year has none."""
    if span is Span.MONTH:
        low = year * 10_000 + today.month * 100
        return [(low, low + _MONTH_DAYS)]
    days = _week(year, today) if span is Span.WEEK else _same_day(year, today)
    packed = [day.year * 10_000 + day.month * 100 + day.day for day in days]
    # By month: what lies between two months are photos of which only the month is known.
    groups = [list(group) for _, group in groupby(packed, key=lambda day: day // 100)]
    return [(group[0], group[-1]) for group in groups]


def years_of(span: Span, today: date, years_back: int) -> range:
    """Return the years that a span may show."""
    this_year = today.isocalendar().year if span is Span.WEEK else today.year
    return range(max(1, this_year - years_back), this_year)


def _same_day(year: int, today: date) -> list[date]:
    days = [] if (today.month, today.day) == (2, 29) and not isleap(year) else [today.replace(year=year)]
    if (today.month, today.day) == (2, 28) and not isleap(today.year) and isleap(year):
        days.append(date(year, 2, 29))
    return days


def _week(year: int, today: date) -> list[date]:
    try:
        monday = date.fromisocalendar(year, today.isocalendar().week, 1)
    except ValueError:  # that year has no week 53
        return []
    return [monday + timedelta(days=number) for number in range(7)]


class MemoriesView:
    """See `vfs.views.contract.View`.

    Args:
        today: the local day.
        zone: the library's, in which days begin.
        years_back: how many years are shown.
        excludes: queries of what is left out.
    """

    def __init__(
        self, *, today: Callable[[], date], zone: ZoneInfo, years_back: int, excludes: tuple[str, ...] = ()
    ) -> None:
        self._today = today
        self._zone = zone
        self._years_back = years_back
        self._excludes = excludes

    def node(self, reader: Reader, at: Unpacked) -> Node:
        """Return Memories, a span, or a year that has something to show."""
        if at.kind is not Kind.FIXED:
            span, year = _unpacked(at)
            if year and year not in self._years(reader, span, [year]):
                raise missing(f"{year:04d}")
        return fleeting_node(reader, pack(*at), since_ns=self._midnight_ns())

    def lookup(self, reader: Reader, at: Unpacked, name: bytes, viewer: Viewer) -> Node:
        """Return a span, a year, or a photo."""
        if at.kind is Kind.FIXED:
            span = next((span for span, shown in SPAN_NAMES.items() if shown == name), None)
            if span is None:
                raise missing(name)
            return self.node(reader, _at(span, 0))
        span, year = _unpacked(at)
        if year:
            return matching_photo(reader, self._predicate(span, year), name)
        if len(name) != 4 or not name.isdigit() or not int(name):
            raise missing(name)
        return self.node(reader, _at(span, int(name)))

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return spans, years or photos."""
        if at.kind is Kind.FIXED:
            spans = [pack_pair(Kind.MEMORIES, span, 0) for span in SPAN_NAMES]
            nodes = fleeting_nodes(reader, spans, since_ns=self._midnight_ns())
            entries = [
                Entry(SPAN_NAMES[span], int(span), node) for span, node in zip(Span, nodes, strict=True)
            ]
            return page(entries, after, limit)
        span, year = _unpacked(at)
        if year:
            return matching(reader, self._predicate(span, year), after, limit)
        return page(self._year_entries(reader, span), after, limit)

    def parent(self, reader: Reader, at: Unpacked) -> Inode:
        """Return the folder above."""
        if at.kind is Kind.FIXED:
            return _ROOT
        span, year = _unpacked(at)
        return pack_pair(Kind.MEMORIES, span, 0) if year else MEMORIES

    def folded(self, reader: Reader, at: Unpacked, name: str) -> Node | None:
        """Find a photo; folders are few."""
        if at.kind is Kind.FIXED or not _unpacked(at)[1]:
            return None
        return matching_folded(reader, self._predicate(*_unpacked(at)), name)

    def _year_entries(self, reader: Reader, span: Span) -> list[Entry]:
        years = self._years(reader, span, years_of(span, self._today(), self._years_back))
        inodes = [pack_pair(Kind.MEMORIES, span, year) for year in years]
        nodes = fleeting_nodes(reader, inodes, since_ns=self._midnight_ns())
        return [Entry(b"%04d" % year, year, node) for year, node in zip(years, nodes, strict=True)]

    def _years(self, reader: Reader, span: Span, wanted: Iterable[int]) -> list[int]:
        """Return those of these years that have something to show."""
        today = self._today()
        possible = years_of(span, today, self._years_back)
        ranges = {year: ranges_of(span, year, today) for year in wanted if year in possible}
        return dynamic.years_with_days(reader, ranges, excluded=self._excluded(today))

    def _predicate(self, span: Span, year: int) -> Predicate:
        today = self._today()
        if year not in years_of(span, today, self._years_back):
            raise missing(f"{year:04d}")
        return dynamic.of_days(ranges_of(span, year, today), excluded=self._excluded(today))

    def _excluded(self, today: date) -> Predicate | None:
        if not self._excludes:
            return None
        return Or(tuple(parse(query, today=today) for query in self._excludes))

    def _midnight_ns(self) -> int:
        today = self._today()
        start = datetime(today.year, today.month, today.day, tzinfo=self._zone)
        return int(start.timestamp()) * 10**9


def _at(span: Span, year: int) -> Unpacked:
    return Unpacked(Kind.MEMORIES, pack_pair(Kind.MEMORIES, span, year) - pack(Kind.MEMORIES, 0))


def _unpacked(at: Unpacked) -> tuple[Span, int]:
    number, year = unpack_pair(at.key)
    try:
        return Span(number), year
    except ValueError as error:
        raise missing(f"span {number}") from error
