"""Instants as HTTP and WebDAV write them. Pure; works before 1970; no locale.

A listing repeats days, so the day's part is remembered. Years outside 1-9999 cannot be written and are clamped.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from email.utils import mktime_tz, parsedate_tz
from functools import lru_cache

NS_PER_S = 1_000_000_000
SECONDS_PER_DAY = 86_400
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_FIRST_S = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())
_LAST_S = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(maxsize=4096)
def _day_text(day: int) -> tuple[str, str]:
    moment = date.fromordinal(day + _EPOCH_ORDINAL)
    http = f"{_WEEKDAYS[moment.weekday()]}, {moment.day:02d} {_MONTHS[moment.month - 1]} {moment.year:04d} "
    return http, f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}T"


@lru_cache(maxsize=256)  # one entry shows its time in two forms, a burst of photos has few
def _split(seconds: int) -> tuple[tuple[str, str], str]:
    day, second = divmod(min(max(seconds, _FIRST_S), _LAST_S), SECONDS_PER_DAY)
    return _day_text(day), f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


def http_date(instant_ns: int) -> str:
    """Return the IMF-fixdate of RFC 9110 5.6.7, floored to the second."""
    (http, _), clock = _split(instant_ns // NS_PER_S)
    return f"{http}{clock} GMT"


def rfc3339(instant_ns: int) -> str:
    """Return the form of `DAV:creationdate` (RFC 4918 15.1), floored to the second."""
    (_, iso), clock = _split(instant_ns // NS_PER_S)
    return f"{iso}{clock}Z"


def parse_http_date(text: str) -> int | None:
    """Return seconds since 1970 of any of the three forms of RFC 9110, or None if it is no date."""
    try:
        fields = parsedate_tz(text)
        return None if fields is None else mktime_tz(fields)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
