"""Which date can be believed: the verdicts of metadata.md 1.5 on one candidate among the others.

Pure. Says why not, in user words; knows no order and no zones. Nothing is rejected for being old: a scan may be of 1919.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from catalog.capture import NS_PER_S, parse_local
from catalog.date_order import GPS_CLOCKS
from catalog.date_texts import NOT_A_DATE, OLDEST_YEAR
from catalog.facts import DateCandidate, Facts

FUTURE_SLACK_NS = 48 * 3600 * NS_PER_S  # a clock two days ahead is a wrong zone and a bit; more is wrong
IN_THE_FUTURE = "lies in the future"
NO_FIX = "older than GPS receivers: there was no fix"
_FIRST_GPS_YEAR = 1995
# Sidecars and Takeout copy what the camera wrote, so they are no witnesses for its clock.
_INDEPENDENT_OF_THE_CLOCK = frozenset(
    {"filename", "directory", "GPS:GPSDateTime", "XMP-exif:GPSDateTime", "user"}
)
_RESETS: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda local: local.startswith("1904-01-01"), "1904-01-01 is the zero of QuickTime clocks"),
    (
        lambda local: local[:10] in ("1969-12-31", "1970-01-01", "1970-01-02"),
        "1970-01-01 is the zero of Unix clocks",
    ),
    (lambda local: local.startswith("1980-01-01"), "1980-01-01 is the zero of FAT and of many cameras"),
    (lambda local: local.startswith("2000-01-01T00:00"), "2000-01-01 00:00 is what an unset camera says"),
    (lambda local: local.startswith("2002-12-08T12:00"), "2002-12-08 12:00 is what an unset camera says"),
    (lambda local: local.startswith("2012-01-01T00:00"), "2012-01-01 00:00 is what an unset camera says"),
)
RESET_REASONS: frozenset[str] = frozenset(why for _, why in _RESETS)
_EDITORS = re.compile(
    r"photoshop|lightroom|adobe|gimp|picasa|darktable|rawtherapee|digikam|capture one|affinity|snapseed|paint"
    r"|acdsee|imagemagick|graphicsmagick|luminar|irfanview|xnview|photoscape|pixelmator|acorn|aperture|iphoto"
    r"|photo ?editor|photo gallery|paintshop|zoner|on1|dxo|corel|instagram|facebook|vsco|exiftool|ulead|krita"
    r"|microsoft windows|^photos |^photos$|nero|gthumb|shotwell|silkypix|viewnx|capture ?nx|topaz|ffmpeg|lavf",
    re.IGNORECASE,
)
_SCANNERS = re.compile(
    r"scan|perfection|coolscan|opticfilm|plustek|reflecta|epson (?:gt|es|ds|expression|wf|et|xp)\b|canon mp\b"
    r"|multifunction|noritsu|frontier|hasselblad (?:x1|x5|flextight)|imacon|heidelberg|umax|mustek|microtek",
    re.IGNORECASE,
)


def why_rejected(
    candidate: DateCandidate, all_candidates: Sequence[DateCandidate], facts: Facts | None, now_ns: int
) -> str | None:
    """Return why a candidate cannot be believed, or None."""
    return (
        candidate.rejected
        or _by_the_clock(candidate, now_ns)
        or _as_no_fix(candidate)
        or _as_reset(candidate, all_candidates)
        or _as_edit(candidate, facts)
    )


def is_scan(facts: Facts | None) -> bool:
    """Tell whether a scanner made it: its dates are those of the scan."""
    made_by = f"{facts.make or ''} {facts.model or ''}" if facts is not None else ""
    return bool(_SCANNERS.search(made_by))


def _by_the_clock(candidate: DateCandidate, now_ns: int) -> str | None:
    parsed = parse_local(candidate.local or "")
    if parsed is None:
        return NOT_A_DATE
    if parsed[0].year < OLDEST_YEAR:  # readers do not offer it; a statement may
        return f"older than photography ({parsed[0].year})"
    latest = datetime(1970, 1, 1) + timedelta(seconds=(now_ns + FUTURE_SLACK_NS) // NS_PER_S)  # noqa: DTZ001
    return IN_THE_FUTURE if parsed[0] > latest else None


def _as_no_fix(candidate: DateCandidate) -> str | None:
    """Reject what a receiver says that never heard a satellite: 1980-01-06 is the zero of GPS."""
    is_gps = candidate.source in GPS_CLOCKS
    return NO_FIX if is_gps and int((candidate.local or "0")[:4]) < _FIRST_GPS_YEAR else None


def _as_reset(candidate: DateCandidate, all_candidates: Sequence[DateCandidate]) -> str | None:
    """Reject what an unset clock writes, unless something that knows no such clock agrees on the day."""
    local = candidate.local or ""
    if candidate.source in _INDEPENDENT_OF_THE_CLOCK or len(local) <= 10:
        return None
    why = next((why for is_reset, why in _RESETS if is_reset(local)), None)
    if why is None:
        return None
    agrees = any(
        other.source in _INDEPENDENT_OF_THE_CLOCK and (other.local or "")[:10] == local[:10]
        for other in all_candidates
    )
    return None if agrees else why


def _as_edit(candidate: DateCandidate, facts: Facts | None) -> str | None:
    if candidate.source != "IFD0:ModifyDate" or facts is None or not facts.software:
        return None
    if _EDITORS.search(facts.software):
        return f"the time of an edit: the software tag names an editor ({facts.software[:40]})"
    return None
