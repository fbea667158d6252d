"""Carrying out what a person says about when and where photos were taken.

Dates are records, never bare timestamps: a shift moves the local clock of each photo and keeps its precision; what the
precision does not know cannot be shifted.
"""

from __future__ import annotations

import calendar
import json
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from catalog.capture import (
    MAX_OFFSET_MIN,
    PRECISIONS,
    CaptureTime,
    Precision,
    format_local,
    parse_local,
)
from catalog.commands.layer import DateClear, DateSet, DateShift, PlaceClear, PlaceSet
from catalog.errors import InvalidValue
from catalog.ids import AssetId
from catalog.labels import shown
from catalog.store.edits import Edit
from catalog.store.sayings import captures_of

_US_PER_DAY = 86_400 * 10**6
_EXAMPLES = "2019, 2019-08, 2019-08-07, 2019-08-07T14:03 or 2019-08-07T14:03:05"


def set_date(edit: Edit, command: DateSet) -> dict[str, Any]:
    """Say when photos were taken."""
    capture = _capture(command.local, command.offset_min, command.zone).to_json()
    edit.say(edit.photos(command.photos), "capture", capture)
    return {"capture": capture}


def clear_date(edit: Edit, command: DateClear) -> dict[str, Any]:
    """Take back what was said about the date."""
    edit.take_back(edit.photos(command.photos), "capture")
    return {}


def _capture(local: str, offset_min: int | None, zone: str | None) -> CaptureTime:
    parsed = parse_local(local)
    if parsed is None:
        raise InvalidValue(f"{shown(local)} is no date", hint=f"write it as {_EXAMPLES}", value=local)
    moment, precision = parsed
    if offset_min is not None and abs(offset_min) > MAX_OFFSET_MIN:
        raise InvalidValue(f"an offset is at most 14 hours, not {offset_min} minutes", value=offset_min)
    if zone is not None:
        offset_min = _offset_in(_zone(zone), moment, precision, offset_min)
    return CaptureTime(format_local(moment, precision), precision, offset_min, zone, "user", "exact")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (
        ValueError,
        OSError,
        KeyError,
    ) as error:  # ZoneInfoNotFoundError is a KeyError; a directory an OSError
        raise InvalidValue(
            f"there is no time zone {shown(name)}", hint="write it as Europe/Berlin", value=name
        ) from error


def _offset_in(zone: ZoneInfo, moment: datetime, precision: Precision, offset_min: int | None) -> int | None:
    """Return the offset of a local time in a zone, None where the clock shows it twice or never, or is not known."""
    if not _knows(precision, "minute"):
        return offset_min
    possible = {_minutes(moment.replace(tzinfo=zone, fold=fold)) for fold in (0, 1)}
    if offset_min is None:
        (first, *others) = possible
        return None if others else first
    if offset_min not in possible:
        raise InvalidValue(
            f"{zone.key} is not {offset_min} minutes from UTC at {moment.isoformat()}",
            hint="leave the offset out",
            value=offset_min,
        )
    return offset_min


def _minutes(aware: datetime) -> int | None:
    offset = aware.utcoffset() or timedelta()
    minutes, rest = divmod(offset.total_seconds(), 60)
    return int(minutes) if rest == 0 else None  # before the railways: local mean time


# ---- shift


def shift_date(edit: Edit, command: DateShift) -> dict[str, Any]:
    """Move the effective capture times of photos."""
    if not (command.months or command.days or command.microseconds):
        raise InvalidValue("a shift of nothing", hint="say by how much, as in +1h or -2d")
    asset_ids = edit.photos(command.photos)
    needed = _needed(command)
    moved: dict[AssetId, Any] = {}
    for asset_id, (uid, text) in captures_of(edit.writer, asset_ids).items():
        if text is None:
            raise InvalidValue(
                f"the date of the photo {uid} is not known yet",
                hint="set it, or wait until it was read",
                photo=uid,
            )
        moved[asset_id] = _shifted(uid, json.loads(text), command, needed).to_json()
    edit.say_each(moved, "capture")
    return {"months": command.months, "days": command.days, "microseconds": command.microseconds}


def _needed(command: DateShift) -> Precision:
    """Return the precision that a date must have to be shifted so."""
    microseconds = command.microseconds
    if microseconds % 10**6:
        return "subsec"
    if microseconds % (60 * 10**6):
        return "second"
    if microseconds % _US_PER_DAY:
        return "minute"
    if microseconds or command.days:
        return "day"
    return "month" if command.months % 12 else "year"


def _knows(precision: str, needed: str) -> bool:
    order: Sequence[str] = PRECISIONS
    return order.index(precision) >= order.index(needed)


def _shifted(uid: str, document: dict[str, Any], command: DateShift, needed: Precision) -> CaptureTime:
    precision: Precision = document["precision"]
    parsed = parse_local(document["local"])
    assert parsed is not None, document
    if not _knows(precision, needed):
        raise InvalidValue(
            f"the date of the photo {uid} is known to the {precision} only ({document['local']});"
            f" a shift by this needs the {needed}",
            hint="set the date of this photo first, or leave it out",
            photo=uid,
        )
    try:
        moment = _plus_months(parsed[0], command.months) + timedelta(
            days=command.days, microseconds=command.microseconds
        )
    except (OverflowError, ValueError) as error:
        raise InvalidValue(
            f"the shift takes the photo {uid} ({document['local']}) out of the years 1 to 9999", photo=uid
        ) from error
    offset_min = document.get("offset_min")
    if document.get("zone"):
        offset_min = _moved_offset(ZoneInfo(document["zone"]), moment, precision, offset_min)
    return CaptureTime(
        format_local(moment, precision), precision, offset_min, document.get("zone"), "user", "exact"
    )


def _moved_offset(
    zone: ZoneInfo, moment: datetime, precision: Precision, offset_min: int | None
) -> int | None:
    """Return the offset of the zone at the moved time; where that does not say, the photo's own."""
    if not _knows(precision, "minute"):
        return offset_min
    moved = _offset_in(zone, moment, precision, None)
    return offset_min if moved is None else moved


def _plus_months(moment: datetime, months: int) -> datetime:
    """Add calendar months; the day stays as far as the month has it."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError(year)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


# ---- place


def set_place(edit: Edit, command: PlaceSet) -> dict[str, Any]:
    """Say where photos were taken, or that it is not to be told."""
    position = _position(command)
    edit.say(edit.photos(command.photos), "position", position)
    return {"position": position}


def clear_place(edit: Edit, command: PlaceClear) -> dict[str, Any]:
    """Take back what was said about the position."""
    edit.take_back(edit.photos(command.photos), "position")
    return {}


def _position(command: PlaceSet) -> dict[str, float | None] | None:
    if command.lat is None and command.lon is None:
        if command.alt is not None:
            raise InvalidValue("an altitude needs a latitude and a longitude", value=str(command.alt))
        return None
    if command.lat is None or command.lon is None:
        raise InvalidValue("a position is a latitude and a longitude")
    for name, value, limit in (("latitude", command.lat, 90.0), ("longitude", command.lon, 180.0)):
        if not math.isfinite(value) or abs(value) > limit:
            raise InvalidValue(f"a {name} is -{limit:g} to {limit:g} degrees, not {value}", value=str(value))
    if command.alt is not None and not math.isfinite(command.alt):
        raise InvalidValue(f"an altitude is a number of metres, not {command.alt}", value=str(command.alt))
    alt = None if command.alt is None else float(command.alt)
    return {"lat": float(command.lat), "lon": float(command.lon), "alt": alt}
