"""Capture time: a record (local wall clock, offset or unknown, precision, source), never a bare timestamp.

The timeline's day is the local wall-clock day; nothing here shifts a clock. Only `instant_ns` turns the
record into an instant, with the offset if known, else in the library's zone. Pure; no clock is read.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Literal
from zoneinfo import ZoneInfo

Precision = Literal["year", "month", "day", "minute", "second", "subsec"]
Confidence = Literal["exact", "derived", "guess"]

PRECISIONS: tuple[Precision, ...] = ("year", "month", "day", "minute", "second", "subsec")
NS_PER_S = 1_000_000_000
MAX_OFFSET_MIN = 14 * 60
_LOCAL = re.compile(
    r"(?P<y>\d{4})(?:-(?P<m>\d{2})(?:-(?P<d>\d{2})(?:T(?P<H>\d{2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:\.(?P<f>\d{1,6}))?)?)?)?)?"
)


@dataclass(frozen=True, slots=True)
class CaptureTime:
    """When a photo was taken, as far as anybody knows.

    Attributes:
        local: `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, `…THH:MM`, `…THH:MM:SS` or `…THH:MM:SS.ffffff`, by precision.
        precision: the finest field that is known.
        offset_min: minutes east of UTC, or None when unknown; 0 is information, not absence.
        zone: IANA name, or None.
        source: the tag or rule that the value came from; the closed list is `catalog.dates.SOURCES`.
        confidence: exact (a tag said so), derived (a name or a rule), guess (mtime).
    """

    local: str
    precision: Precision
    offset_min: int | None
    zone: str | None
    source: str
    confidence: Confidence

    def to_json(self) -> dict[str, object]:
        """Return the form that statements, rows and dumps hold, in the order of CLI.md."""
        return {
            "local": self.local,
            "offset_min": self.offset_min,
            "zone": self.zone,
            "precision": self.precision,
            "source": self.source,
            "confidence": self.confidence,
        }

    def to_document(self) -> dict[str, object]:
        """Return the document of CLI.md: a time of day is `HH:MM:SS` there, also where only the minute is known."""
        return {**self.to_json(), "local": self.local + (":00" if self.precision == "minute" else "")}


def parse_local(text: str) -> tuple[datetime, Precision] | None:
    """Read a local time of any precision.

    Returns:
        The earliest naive moment it can mean and its precision, or None if it is not a real date.
    """
    match = _LOCAL.fullmatch(text)
    if match is None:
        return None
    part = match.groupdict()
    fraction = part["f"]
    try:
        moment = datetime(  # noqa: DTZ001 - a wall clock has no zone, on purpose
            int(part["y"]),
            int(part["m"] or 1),
            int(part["d"] or 1),
            int(part["H"] or 0),
            int(part["M"] or 0),
            int(part["S"] or 0),
            int(fraction.ljust(6, "0")) if fraction else 0,
        )
    except ValueError:
        return None
    known = [key for key in ("y", "m", "d", "M", "S", "f") if part[key] is not None]
    return moment, PRECISIONS[len(known) - 1]


def format_local(moment: datetime, precision: Precision) -> str:
    """Write a naive moment with the fields of its precision."""
    text = moment.isoformat(timespec="microseconds")
    return text[: {"year": 4, "month": 7, "day": 10, "minute": 16, "second": 19, "subsec": 26}[precision]]


def local_day(capture: CaptureTime) -> int:
    """Return the packed timeline day: `YYYYMMDD`, `YYYYMM00`, `YYYY0000`, or `-YYYY` for a guess.

    A guess (only an mtime to go by) belongs to `Timeline/Undated/<year>/`.
    """
    year = int(capture.local[:4])
    if capture.confidence == "guess":
        return -year
    month = int(capture.local[5:7] or 0)
    day = int(capture.local[8:10] or 0)
    return year * 10_000 + month * 100 + day


def shown_moment(capture: CaptureTime) -> datetime:
    """Return the naive local moment that stands for the record: mid-year parts are the 1st at 12:00."""
    parsed = parse_local(capture.local)
    assert parsed is not None, capture.local
    moment, precision = parsed
    return moment.replace(hour=12) if precision in ("year", "month", "day") else moment


def instant_ns(capture: CaptureTime, library_zone: ZoneInfo) -> int:
    """Return the instant shown as mtime, in ns since 1970 (negative before), exact to the microsecond.

    The offset rules if known, else the capture's own zone, else the library's.
    """
    moment = shown_moment(capture)
    if capture.offset_min is not None:
        aware = moment.replace(tzinfo=timezone(timedelta(minutes=capture.offset_min)))
    else:
        aware = moment.replace(tzinfo=ZoneInfo(capture.zone) if capture.zone else library_zone)
    return _epoch_us(aware) * 1000


def _epoch_us(aware: datetime) -> int:
    # timedelta arithmetic, not .timestamp(): a double loses microseconds; year 1 with an eastern offset
    # would leave datetime's range if it were converted to UTC first.
    offset = aware.utcoffset()
    assert offset is not None
    delta = aware.replace(tzinfo=None) - datetime(1970, 1, 1) - offset  # noqa: DTZ001
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_mtime(mtime_ns: int, library_zone: ZoneInfo) -> CaptureTime:
    """Return the guess that an mtime allows, as wall clock of the library's zone; clamped to years 1-9999."""
    seconds = mtime_ns // NS_PER_S
    low, high = -62_135_510_400, 253_402_214_400  # 0001-01-02 and 9999-12-31, one day inside datetime's range
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=min(max(seconds, low), high))
    offset = moment.astimezone(library_zone).utcoffset() or timedelta()
    # Whole minutes, in the clock too: local times before railways had odd seconds, and the two must agree.
    offset_min = round(offset.total_seconds() / 60)
    local = moment.replace(tzinfo=None) + timedelta(minutes=offset_min)
    return CaptureTime(
        local=format_local(local, "second"),
        precision="second",
        offset_min=offset_min,
        zone=library_zone.key,
        source="mtime",
        confidence="guess",
    )


def day_bounds(packed: int) -> tuple[date, date]:
    """Return the first and last calendar day of a packed timeline day (see `local_day`)."""
    year, month, day = abs(packed) // 10_000, packed // 100 % 100, packed % 100
    if packed < 0:
        return date(-packed, 1, 1), date(-packed, 12, 31)
    if month == 0:
        return date(year, 1, 1), date(year, 12, 31)
    if day == 0:
        return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])
    return date(year, month, day), date(year, month, day)
