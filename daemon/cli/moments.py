"""Texts of `date set` and `date shift`: a moment of any precision, and a distance in time. Pure.

What is read here is exact or refused: 31 February, a zone that nobody knows, an offset that contradicts the zone,
a distance without a unit. Years are 1 to 9999, as a capture time can hold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.capture import MAX_OFFSET_MIN, format_local, parse_local
from catalog.errors import InvalidValue

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

WHEN_EXAMPLE = "2019, 2019-08, 2019-08-07, 2019-08-07T14:03 or 2019-08-07T14:03:05+02:00"
DELTA_EXAMPLE = "+1h30m, -2d, +1y2mo3d, -00:30 or +7:00:00"
# More than the whole calendar, so that nothing which could end inside it is refused here; the photos decide.
_MAX_DAYS = 10_000 * 366
_US_PER_S = 1_000_000
_US_PER_DAY = 86_400 * _US_PER_S

_WHEN = re.compile(
    r"(?P<date>\d{4}(?:-\d{2}){0,2})(?:[T ](?P<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?))?"
    r"\s*(?P<offset>Z|z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_UNITS = re.compile(
    r"(?:(?P<y>\d+)y)?(?:(?P<mo>\d+)mo)?(?:(?P<w>\d+)w)?(?:(?P<d>\d+)d)?"
    r"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m(?:in)?)?(?:(?P<s>\d+)(?:\.(?P<f>\d{1,6}))?s)?",
    re.ASCII,
)
_CLOCK = re.compile(r"(?P<h>\d{1,6}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d)(?:\.(?P<f>\d{1,6}))?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class When:
    """A moment as the user knows it: `local` as in CLI.md; offset (minutes east) and zone None when unknown."""

    local: str
    offset_min: int | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """A distance: calendar months first, then days, then microseconds, all of one sign."""

    months: int = 0
    days: int = 0
    microseconds: int = 0


def read_when(text: str, zone: str | None = None) -> When:
    """Read WHEN; with a `zone` (IANA) a time of day gets the offset that the zone has then.

    Raises:
        InvalidValue: no such date or zone, or an offset without a time of day or against the zone.
    """
    match = _WHEN.fullmatch(text.strip())
    if match is None:
        raise _bad_when(text, "is no date")
    local = match["date"] + (f"T{match['time']}" if match["time"] else "")
    parsed = parse_local(local)
    if parsed is None:
        raise _bad_when(text, "is no date of the calendar")
    moment, precision = parsed
    local = format_local(moment, precision)
    offset_min = _offset(text, match["offset"])
    if offset_min is not None and match["time"] is None:
        raise _bad_when(text, "has an offset but no time of day")
    if zone is None:
        return When(local, offset_min)
    from catalog.zones import offset_of_local

    known = _known_zone(zone)
    there = offset_of_local(moment, known) if match["time"] else None
    if offset_min is not None and there is not None and offset_min != there:
        raise InvalidValue(
            f"{text} says {_offset_text(offset_min)}, but {zone} has {_offset_text(there)} then",
            hint="Give the offset or the zone, or make them agree.",
            value=text,
        )
    return When(local, there if offset_min is None else offset_min, zone)


def read_delta(text: str) -> Delta:
    """Read DELTA: a sign (none is plus), then units from large to small, or a clock `H:MM[:SS]`.

    Raises:
        InvalidValue: not that, nothing at all, or more than the calendar holds.
    """
    stripped = text.strip()
    sign = -1 if stripped[:1] in ("-", "\u2212") else 1
    body = stripped[1:] if stripped[:1] in ("-", "\u2212", "+") else stripped
    match = _CLOCK.fullmatch(body) or _UNITS.fullmatch(body)
    if not body or match is None:
        raise _bad_delta(text, "is no distance in time")
    months, days, microseconds = _amounts(text, match.groupdict())
    if not (months or days or microseconds):
        raise _bad_delta(text, "moves nothing")
    if months * 30 + days + microseconds // _US_PER_DAY > _MAX_DAYS:
        raise _bad_delta(text, "is longer than the calendar, which ends with the year 9999")
    return Delta(sign * months, sign * days, sign * microseconds)


def _amounts(text: str, part: dict[str, str | None]) -> tuple[int, int, int]:
    def number(unit: str) -> int:
        digits = part.get(unit) or "0"
        if len(digits) > 15:
            raise _bad_delta(text, "is longer than the calendar, which ends with the year 9999")
        return int(digits)

    seconds = number("h") * 3600 + number("m") * 60 + number("s")
    fraction = int((part.get("f") or "0").ljust(6, "0"))
    return number("y") * 12 + number("mo"), number("w") * 7 + number("d"), seconds * _US_PER_S + fraction


def _offset(text: str, said: str | None) -> int | None:
    if said is None:
        return None
    if said in "Zz":
        return 0
    hours, minutes = int(said[1:3]), int(said[-2:])
    offset_min = hours * 60 + minutes
    if minutes > 59 or offset_min > MAX_OFFSET_MIN:
        raise _bad_when(text, "has an offset beyond 14 hours")
    return -offset_min if said[0] == "-" else offset_min


def _known_zone(name: str) -> ZoneInfo:
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    from catalog.zones import zone_named

    found = zone_named(name)
    if found is None or name not in available_timezones():  # `posixrules` and files of other kinds are none
        near = get_close_matches(name, available_timezones(), n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]}?" if near else "A name like Europe/Rome."
        raise InvalidValue(f"there is no zone {name!r}", hint=hint, value=name)
    return found


def _offset_text(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"


def _bad_when(text: str, what: str) -> InvalidValue:
    return InvalidValue(f"{text!r} {what}", hint=f"For instance {WHEN_EXAMPLE}.", value=text)


def _bad_delta(text: str, what: str) -> InvalidValue:
    return InvalidValue(f"{text!r} {what}", hint=f"For instance {DELTA_EXAMPLE}.", value=text)
