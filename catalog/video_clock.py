"""What the clock of a movie header meant: UTC as the standard says, the camera's local time, or the end.

The file name is the witness (metadata.md 1.3): if the two differ by a whole number of quarter hours, the
header is UTC and the difference is the offset; if by nothing, the header was local. Many phones write the
moment the recording ended, so both the header and the header minus the duration are tried. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from catalog.capture import MAX_OFFSET_MIN, format_local, parse_local
from catalog.facts import DateCandidate

RESIDUE_S = 120  # between the camera's name and its header
GRID_S = 900  # all zones in use since 1972 are multiples of 15 minutes


@dataclass(frozen=True, slots=True)
class VideoClock:
    """The judged header: `local` is a wall clock if `offset_min` is set or `is_local`, else still UTC."""

    local: str
    offset_min: int | None
    is_local: bool
    note: str


def judge_video_clock(header_utc: str, named: DateCandidate | None, duration_s: float | None) -> VideoClock:
    """Judge a header time (naive, read as UTC) against the date in the file name, if that tells seconds."""
    header = parse_local(header_utc)
    assert header is not None, header_utc
    witness = parse_local(named.local or "") if named else None
    if named is None or witness is None or witness[1] not in ("second", "subsec"):
        return VideoClock(header_utc, None, is_local=False, note="")
    best = _closest(header[0], witness[0], duration_s or 0.0)
    if best is None:
        return VideoClock(header_utc, None, is_local=False, note="")
    shift_min, start, is_end = best
    ended = "; the header holds the end of the recording" if is_end else ""
    if named.is_utc:
        # A UTC name proves a UTC header only when both are the same; it knows no zone.
        text = _text(start) if shift_min == 0 else header_utc
        return VideoClock(text, None, is_local=False, note=ended.removeprefix("; "))
    if shift_min == 0:
        return VideoClock(
            _text(start), None, is_local=True, note=f"the header holds local time, as the name does{ended}"
        )
    local = _text(start + timedelta(minutes=shift_min))
    return VideoClock(local, shift_min, is_local=False, note=f"UTC; the file name tells the offset{ended}")


def _closest(header: datetime, witness: datetime, duration_s: float) -> tuple[int, datetime, bool] | None:
    """Return (offset in minutes, start of the recording, whether the header is its end) with least residue."""
    found: list[tuple[float, bool, int, datetime]] = []
    for is_end in (False, True):
        start = header - timedelta(seconds=duration_s) if is_end else header
        seconds = (witness - start).total_seconds()
        minutes = round(seconds / GRID_S) * (GRID_S // 60)
        residue = abs(seconds - minutes * 60)
        if abs(minutes) <= MAX_OFFSET_MIN and residue <= RESIDUE_S:
            found.append((residue, is_end, minutes, start))
    if not found:
        return None
    _, is_end, minutes, start = min(found)
    return minutes, start, is_end


def _text(moment: datetime) -> str:
    return format_local(moment + timedelta(microseconds=500_000), "second")
