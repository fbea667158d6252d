"""In which zone a date is: the rules of metadata.md 1.4, each answer with the name of what told it.

Tag, maker note, coordinates, another tag, GPS clock, neighbours, library: the first that tells rules. `+00:00` is information.
Pure. A wall clock is never shifted: an offset is found for it. Only an instant in UTC is shown in a zone.

Positions go stale: a phone keeps its last fix, and with it the time of that fix. If the GPS clock is off the quarter hour,
or further from the wall clock than any zone on earth is, the fix is old and its clock tells no offset. The zone of its position still
counts (an hour-old fix is in the same zone but for travellers), unless the dates differ by more than one day: zones alone
explain one, two are a phone that has not seen the sky since, and where it has been meanwhile is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from catalog.capture import MAX_OFFSET_MIN, PRECISIONS, Precision, parse_local
from catalog.date_order import GPS_CLOCKS, MOVIE_HEADER, TAKEOUT
from catalog.facts import DateCandidate, Facts, Kind
from catalog.neighbours import NeighbourZone
from catalog.video_clock import judge_video_clock
from catalog.zones import offset_of_local, zone_at

# The closed list; `why date` has one per row.
ZoneSource = Literal[
    "tag",
    "maker note",
    "coordinates",
    "another tag",
    "GPS clock",
    "file name",
    "neighbours",
    "library",
    "none",
]

RESIDUE_S = 120  # cameras and GPS fixes are apart this much (53 of 65 measured)
_ROLLOVER = timedelta(weeks=1024)  # old receivers count weeks to 1024 and begin again
_CAMERA_CLOCK = frozenset(
    {"ExifIFD:DateTimeOriginal", "ExifIFD:CreateDate", "MakerNotes:DateTimeOriginal", "IFD0:ModifyDate"}
)


class Zoned(NamedTuple):
    """An offset in minutes or None, the IANA name or None, what told it, and a note for people (may be empty)."""

    offset_min: int | None
    key: str | None
    source: ZoneSource
    note: str


class Fix(NamedTuple):
    """What the GPS clock says about a wall clock: an offset, or that the fix is old, and whether its place counts."""

    offset_min: int | None
    is_old: bool
    is_elsewhere: bool


@dataclass(frozen=True)
class Witnesses:
    """All that can tell a zone: of one file, at one time.

    Attributes:
        usable: candidates that can be believed, best source first.
        library: its zone, for instants without a place.
    """

    kind: Kind
    usable: Sequence[DateCandidate]
    facts: Facts | None
    library: ZoneInfo
    neighbour: NeighbourZone | None

    @cached_property
    def place(self) -> ZoneInfo | None:
        """The zone of the position; None without one."""
        facts = self.facts
        if facts is None or facts.lat is None or facts.lon is None:
            return None
        return zone_at(facts.lat, facts.lon)

    @cached_property
    def named(self) -> DateCandidate | None:
        """What the file's name tells."""
        return next((one for one in self.usable if one.source == "filename"), None)

    def maker_note(self, local: str) -> tuple[int, str] | None:
        """Return the minutes and the tag that the camera's maker tells for its clock, if that clock says `local`."""
        extra = self.facts.extra if self.facts is not None else {}
        minutes, tag = extra.get("zone_min"), extra.get("zone_source")
        if not isinstance(minutes, int) or abs(minutes) > MAX_OFFSET_MIN:
            return None
        if not any(
            one.source in _CAMERA_CLOCK and (one.local or "")[:16] == local[:16] for one in self.usable
        ):
            return None
        return minutes, str(tag or "a maker note")

    def fix(self, moment: datetime) -> Fix | None:
        """Return what the GPS clock says about a wall clock; None without one."""
        clock = next((one for one in self.usable if one.source in GPS_CLOCKS and one.is_utc), None)
        parsed = parse_local(clock.local or "") if clock is not None else None
        return _judged_fix(moment, parsed[0]) if parsed is not None else None


def is_timed(precision: Precision) -> bool:
    """Tell whether a value has a time of day: without one a zone says nothing."""
    return PRECISIONS.index(precision) >= PRECISIONS.index("minute")


def zone_of_local(local: str, own_offset_min: int | None, witnesses: Witnesses) -> Zoned:
    """Find the offset of a wall clock: its own, else the first witness's; None = unknown."""
    parsed = parse_local(local)
    assert parsed is not None, local
    moment, precision = parsed
    if not is_timed(precision):
        return Zoned(None, None, "none", "")
    fix = witnesses.fix(moment)
    stale = "; the GPS fix is stale" if fix is not None and fix.is_old else ""
    if own_offset_min is not None:
        return _of_tag(moment, own_offset_min, witnesses.place, stale)
    found = (
        _by_maker_note(local, witnesses)
        or _by_place(moment, witnesses, fix)
        or _by_another_tag(local, witnesses)
        or _by_movie_header(local, witnesses)
        or _by_gps_clock(fix)
        or _by_name_in_utc(moment, witnesses)
        or _by_neighbour(witnesses)
        or Zoned(None, None, "library", "offset unknown")
    )
    return found._replace(note=found.note + stale)


def zone_of_instant(local_utc: str, witnesses: Witnesses) -> tuple[ZoneInfo | int, ZoneSource, str]:
    """Find where to show an instant in UTC: a zone, or an offset in minutes, what told it, and a note."""
    parsed = parse_local(local_utc)
    assert parsed is not None, local_utc
    if witnesses.place is not None:
        return witnesses.place, "coordinates", "UTC; shown in the zone of its position"
    named = witnesses.named
    if named is not None and not named.is_utc:
        witness = parse_local(named.local or "")
        is_fine = witness is not None and witness[1] in ("second", "subsec")
        offset_min = offset_between(witness[0], parsed[0]) if witness is not None and is_fine else None
        if offset_min is not None:
            return offset_min, "file name", "UTC; the file name tells the offset"
    return witnesses.library, "library", "UTC; shown in the library's zone"


def offset_between(local: datetime, utc: datetime) -> int | None:
    """Return the difference on the 15-minute grid, or None if it is beyond 14 hours or off the grid."""
    seconds = (local.replace(microsecond=0) - utc.replace(microsecond=0)).total_seconds()
    minutes = round(seconds / 900) * 15
    if abs(minutes) > MAX_OFFSET_MIN or abs(seconds - minutes * 60) > RESIDUE_S:
        return None
    return minutes


def _judged_fix(local: datetime, utc: datetime) -> Fix:
    turns = round((local - utc) / _ROLLOVER)
    if abs(turns) <= 2:  # a receiver that counts from 1980 or 1999 again is wrong by whole turns, and not old
        utc += turns * _ROLLOVER
    offset_min = offset_between(local, utc)
    return Fix(offset_min, offset_min is None, abs((local.date() - utc.date()).days) > 1)


def _of_tag(moment: datetime, offset_min: int, place: ZoneInfo | None, stale: str) -> Zoned:
    if place is None:
        return Zoned(offset_min, None, "tag", f"offset of its own{stale}")
    if offset_of_local(moment, place) == offset_min:
        return Zoned(offset_min, place.key, "tag", f"offset of its own{stale}")
    return Zoned(
        offset_min, None, "tag", f"offset of its own, which rules over {place.key} of its position{stale}"
    )


def _by_maker_note(local: str, witnesses: Witnesses) -> Zoned | None:
    told = witnesses.maker_note(local)
    return Zoned(told[0], None, "maker note", f"offset from {told[1]}") if told is not None else None


def _by_place(moment: datetime, witnesses: Witnesses, fix: Fix | None) -> Zoned | None:
    place = witnesses.place
    if place is None or (fix is not None and fix.is_elsewhere):
        return None
    offset_min = offset_of_local(moment, place)
    note = "offset from the zone of its position"
    if fix is not None and fix.offset_min is not None and fix.offset_min != offset_min:
        note += (
            f" (the GPS clock is {fix.offset_min} minutes off: the camera may have been set to another zone)"
        )
    return Zoned(offset_min, place.key, "coordinates", note)


def _by_another_tag(local: str, witnesses: Witnesses) -> Zoned | None:
    for other in witnesses.usable:
        if other.offset_min is not None and (other.local or "")[:16] == local[:16]:
            return Zoned(other.offset_min, None, "another tag", f"offset from {other.source}")
    return None


def _by_movie_header(local: str, witnesses: Witnesses) -> Zoned | None:
    """Compare with the clock of a movie header, as with a file name; no difference means that it was local too."""
    header = next((one for one in witnesses.usable if one.source == MOVIE_HEADER), None)
    if witnesses.kind != "video" or header is None or header.local is None:
        return None
    duration_s = witnesses.facts.duration_s if witnesses.facts is not None else None
    clock = judge_video_clock(header.local, DateCandidate(MOVIE_HEADER, "", local), duration_s)
    if clock.offset_min is None:
        return None
    return Zoned(
        clock.offset_min, None, "another tag", "offset from the difference to the movie header, which is UTC"
    )


def _by_gps_clock(fix: Fix | None) -> Zoned | None:
    if fix is None or fix.offset_min is None:
        return None
    return Zoned(fix.offset_min, None, "GPS clock", "offset from the difference to the GPS clock")


def _by_name_in_utc(moment: datetime, witnesses: Witnesses) -> Zoned | None:
    """Use a `PXL_` name or another tag in UTC; not Takeout's: Google takes a clock without a zone for UTC."""
    for other in witnesses.usable:
        if not other.is_utc or other.source in (*GPS_CLOCKS, MOVIE_HEADER, TAKEOUT):
            continue
        instant = parse_local(other.local or "")
        offset_min = offset_between(moment, instant[0]) if instant is not None else None
        if offset_min is not None:
            source: ZoneSource = "file name" if other.source == "filename" else "another tag"
            return Zoned(
                offset_min, None, source, f"offset from the difference to {other.source}, which is UTC"
            )
    return None


def _by_neighbour(witnesses: Witnesses) -> Zoned | None:
    told = witnesses.neighbour
    if told is None:
        return None
    note = f"offset of photo {told.from_uid}, taken around it in the same folder"
    return Zoned(told.offset_min, told.zone, "neighbours", note)
