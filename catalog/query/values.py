"""Reading the typed values of a query: days, numbers with units, points. Pure; ValueError says what is wrong."""

from __future__ import annotations

import calendar
import math
import re
from datetime import date, timedelta
from typing import Literal

from catalog.buckets import MediaType
from catalog.ids import canonical_prefix
from catalog.names import fold
from catalog.query.fields import STACK_KINDS
from catalog.query.predicate import (
    HIGHEST_DAY,
    LOWEST_DAY,
    Choice,
    DayRange,
    Near,
    NumberRange,
    TextMatch,
    TypeFlag,
)

NumberKind = Literal["number", "bytes", "seconds"]

_PARTIAL = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
_RELATIVE = re.compile(r"-(\d{1,6})([dwmy])", re.ASCII)
_NUMBER = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*([A-Za-z]*)", re.ASCII)
_CLOCK = re.compile(
    r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s?)?", re.ASCII | re.IGNORECASE
)
_FRACTION = re.compile(r"(\d{1,9})/([1-9]\d{0,8})s?", re.ASCII)
_NEARLY = 0.01  # cameras round: 1/60 s is 0.0166, 0.01667 or 1/59
_UNITS = {"aperture": "f/", "focal": "mm"}
_BYTES = {
    "": 1, "b": 1,
    "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9, "t": 10**12, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip


def choice_value(word: str) -> Choice:
    """Return the value for a word of a closed list (checked by the caller)."""
    return Choice(word)


def type_value(word: str) -> TypeFlag:
    """Return the value for the name of a media type (checked by the caller)."""
    return TypeFlag(MediaType[word.upper()])


def day_value(operator: str, text: str, today: date) -> DayRange:
    """Read a day, a partial day, a relative one, or a range of them."""
    start, dots, end = text.partition("..")
    if operator not in (":", "="):
        if dots:
            raise ValueError("a range cannot be compared")
        low, high = _days(text, today)
        return {
            ">=": DayRange(low, HIGHEST_DAY),
            ">": DayRange(high + 1, HIGHEST_DAY),
            "<=": DayRange(LOWEST_DAY, high),
            "<": DayRange(LOWEST_DAY, low - 1),
        }[operator]
    if not dots:
        low, high = _days(text, today)
        return DayRange(low, HIGHEST_DAY if _RELATIVE.fullmatch(text) else high)
    low = _days(start, today)[0] if start else LOWEST_DAY
    high = _days(end, today)[1] if end else HIGHEST_DAY
    if low > high:
        raise ValueError("the range ends before it begins")
    return DayRange(low, high)


def _days(text: str, today: date) -> tuple[int, int]:
    """Return the first and last packed day that a text can mean."""
    if text in ("today", "yesterday"):
        text = f"-{int(text == 'yesterday')}d"
    if relative := _RELATIVE.fullmatch(text):
        day = _packed(_back(today, int(relative[1]), relative[2]))
        return day, day
    match = _PARTIAL.fullmatch(text)
    if match is None:
        raise ValueError("this is no date")
    year, month, day_of_month = int(match[1]), int(match[2] or 0), int(match[3] or 0)
    if year < 1 or (match[2] and not 1 <= month <= 12):
        raise ValueError("there is no such month")
    if not match[2]:
        return year * 10_000, year * 10_000 + 1231
    last = calendar.monthrange(year, month)[1]
    if match[3] and not 1 <= day_of_month <= last:
        raise ValueError("there is no such day")
    first = year * 10_000 + month * 100 + day_of_month
    return first, first if match[3] else first + last


def _packed(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def _back(today: date, count: int, unit: str) -> date:
    """Go back; months and years keep the day of the month as far as it exists. Never before year 1."""
    try:
        if unit in "dw":
            return today - timedelta(days=count * (7 if unit == "w" else 1))
        months = today.year * 12 + today.month - 1 - count * (12 if unit == "y" else 1)
        year, month = divmod(months, 12)
        return date(year, month + 1, min(today.day, calendar.monthrange(year, month + 1)[1]))
    except (OverflowError, ValueError):
        return date(1, 1, 1)


def number_value(operator: str, text: str, kind: NumberKind) -> NumberRange:
    """Read a number with its unit, or a range of them."""
    read = {"number": _plain, "bytes": _bytes, "seconds": _seconds}[kind]
    start, dots, end = text.partition("..")
    if operator not in (":", "="):
        if dots:
            raise ValueError("a range cannot be compared")
        number, has_end = read(text), operator.endswith("=")
        return (
            NumberRange(number, None, has_low=has_end)
            if ">" in operator
            else NumberRange(None, number, has_high=has_end)
        )
    if not dots:
        return NumberRange(read(text), read(text))
    low, high = read(start) if start else None, read(end) if end else None
    if low is not None and high is not None and low > high:
        raise ValueError("the range ends before it begins")
    return NumberRange(low, high)


def optical_value(field: str, operator: str, text: str) -> NumberRange:
    """Read what a camera is set to: with or without `f/` or `mm`; times to a hundredth part."""
    unit = _UNITS.get(field, "")
    found = number_value(
        operator,
        text.lower().replace(unit, "") if unit else text,
        "seconds" if field == "shutter" else "number",
    )
    if field != "shutter":
        return found
    low, high = found.low, found.high
    return NumberRange(
        None if low is None else low * (1 - _NEARLY if found.has_low else 1 + _NEARLY),
        None if high is None else high * (1 + _NEARLY if found.has_high else 1 - _NEARLY),
        found.has_low,
        found.has_high,
    )


def _split(text: str) -> tuple[float, str]:
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise ValueError("this is no number")
    return float(match[1]), match[2].lower()


def _plain(text: str) -> float:
    number, unit = _split(text)
    if unit not in ("", "px"):
        raise ValueError(f"there is no unit {unit} here")
    return number


def _bytes(text: str) -> float:
    number, unit = _split(text)
    if unit not in _BYTES:
        raise ValueError(f"there is no unit {unit}; k, M, G, KiB, MiB and GiB are known")
    return number * _BYTES[unit]


def _seconds(text: str) -> float:
    if fraction := _FRACTION.fullmatch(text.strip()):
        return int(fraction[1]) / int(fraction[2])
    match = _CLOCK.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise ValueError("this is no length of time")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def near_value(text: str) -> Near:
    """Read `latitude,longitude,distance`."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3:
        raise ValueError("three values are needed: latitude, longitude, distance")
    (lat, lat_unit), (lon, lon_unit), (distance, unit) = (_split(part) for part in parts)
    if lat_unit or lon_unit or not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise ValueError("latitude is -90 to 90 and longitude -180 to 180 degrees")
    if unit not in ("", "km", "m") or distance < 0 or not math.isfinite(distance):
        raise ValueError("the distance is in km or m")
    return Near(lat, lon, distance / 1000 if unit == "m" else distance)


def stack_value(text: str) -> TextMatch:
    """Read the kind of a stack, or the beginning of a stack's id."""
    kind = fold(text)
    if kind in STACK_KINDS:
        return TextMatch((kind,))
    prefix = canonical_prefix(text)
    if prefix is None:
        raise ValueError(
            f"a stack is {', '.join(STACK_KINDS)}, or the first six characters of its id or more"
        )
    return TextMatch((prefix, ""))
