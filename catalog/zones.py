"""Zones: from coordinates, from a name, and the offset that a zone has at a moment.

tzfpy's polygons cost 34 MiB (metadata.md 1.4), so they are loaded at the first position that needs them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=1024)
def zone_named(key: str) -> ZoneInfo | None:
    """Return the zone, or None if this system does not know it."""
    try:
        return ZoneInfo(key)
    except (KeyError, ValueError, OSError):
        return None


def local_day(now_ns: int, zone: ZoneInfo) -> date:
    """Return the day that a moment, in ns since 1970, belongs to."""
    return datetime.fromtimestamp(now_ns / 1e9, UTC).astimezone(zone).date()


def zone_at(lat: float, lon: float) -> ZoneInfo | None:
    """Return the zone of a position, or None on the high seas without one or for nonsense."""
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    import tzfpy

    key = tzfpy.get_tz(lon, lat)
    return zone_named(key) if key else None


def offset_of_local(moment: datetime, zone: ZoneInfo) -> int:
    """Return minutes east of UTC of a naive wall clock in the zone, whole minutes (the earlier of two)."""
    offset = moment.replace(tzinfo=zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds() / 60)


def from_utc(moment: datetime, zone: ZoneInfo) -> tuple[datetime, int]:
    """Return (naive wall clock in the zone, its offset in minutes) of a naive UTC moment.

    Clamped one day inside datetime's range, where the shift could overflow.
    """
    inside = min(max(moment, datetime(1, 1, 2)), datetime(9999, 12, 30))  # noqa: DTZ001
    offset = inside.replace(tzinfo=UTC).astimezone(zone).utcoffset()
    assert offset is not None
    offset_min = round(offset.total_seconds() / 60)
    return inside + timedelta(minutes=offset_min), offset_min


def offset_text(minutes: int) -> str:
    """Return `+02:00` for 120."""
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"
