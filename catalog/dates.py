"""Which date rules: the closed list of sources, their order, and the verdict on every candidate.

Pure over facts, path and mtime, so a change of rules needs no file to be opened again, and `why date` can
print the whole table. Order and traps: metadata.md 1.2 (stills), 1.3 (video), 1.4 (zones), 1.5 (bogus
values); sidecars, Takeout and user edits join in the Truth and Layer issues, above this.

Invariants: the first plausible candidate in the order wins; exactly one verdict is `won`; mtime is always
last and always usable; a wall clock is only shifted when the source is an instant in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from catalog.capture import (
    MAX_OFFSET_MIN,
    NS_PER_S,
    PRECISIONS,
    CaptureTime,
    Confidence,
    format_local,
    from_mtime,
    parse_local,
)
from catalog.facts import DateCandidate, Facts, Kind
from catalog.path_dates import path_candidates
from catalog.video_clock import judge_video_clock
from catalog.zones import from_utc, offset_of_local, zone_at

__all__ = ["RULES_VERSION", "SOURCES", "Judged", "Resolution", "path_candidates", "resolve"]

# Raise it when a rule here, in `path_dates` or in `buckets` changes: what older rules decided is decided again.
RULES_VERSION = 3

# The closed list: name -> meaning. `CaptureTime.source` and `DateCandidate.source` hold nothing else.
SOURCES: dict[str, str] = {
    "user": "said by a person",
    "ExifIFD:DateTimeOriginal": "EXIF: when the picture was taken",
    "ExifIFD:CreateDate": "EXIF: when it was digitised; the scan date of scans",
    "MakerNotes:DateTimeOriginal": "a maker's own record of when it was taken (Canon CRW, Sigma X3F, Reconyx)",
    "XMP-exif:DateTimeOriginal": "embedded XMP: when it was taken",
    "XMP-photoshop:DateCreated": "embedded XMP: when the content was created",
    "XMP-xmp:CreateDate": "embedded XMP: when the file was first created",
    "IPTC:DateCreated": "IPTC date and time created",
    "PNG:CreationTime": "PNG text chunk Creation Time",
    "RIFF:DateTimeOriginal": "date of an AVI or WAV recording",
    "QuickTime:Keys:CreationDate": "Apple's creation date, with its offset",
    "QuickTime:UserData:ContentCreateDate": "QuickTime ©day",
    "XML:CreationDateValue": "Sony's XML block in a video",
    "Matroska:DateTimeOriginal": "Matroska DateUTC",
    "ASF:CreationDate": "Windows Media creation date (UTC)",
    "H264:DateTimeOriginal": "AVCHD: clock inside the video stream",
    "ID3:RecordingTime": "ID3 recording time, or year",
    "Vorbis:Date": "Vorbis comment DATE",
    "XMP-exif:GPSDateTime": "embedded XMP: time of the GPS fix (UTC)",
    "GPS:GPSDateTime": "EXIF: time of the GPS fix (UTC)",
    "IFD0:ModifyDate": "EXIF: when the file was last written by the camera",
    "QuickTime:CreateDate": "movie header: creation time (UTC by the standard)",
    "filename": "a date in the file's name",
    "directory": "a date in a folder's name",
    "mtime": "time of last change of the file: a guess",
}
_TAKEN = ("ExifIFD:DateTimeOriginal", "MakerNotes:DateTimeOriginal", "ExifIFD:CreateDate")
_XMP = ("XMP-exif:DateTimeOriginal", "XMP-photoshop:DateCreated", "XMP-xmp:CreateDate")
_PATH = ("filename", "directory", "mtime")
_STILL_ORDER: tuple[str, ...] = (
    *_TAKEN,
    *_XMP,
    "IPTC:DateCreated",
    "PNG:CreationTime",
    "GPS:GPSDateTime",
    "XMP-exif:GPSDateTime",
    "IFD0:ModifyDate",
    "QuickTime:CreateDate",
    *_PATH,
)
_VIDEO_ORDER: tuple[str, ...] = (
    "QuickTime:Keys:CreationDate",
    "QuickTime:UserData:ContentCreateDate",
    "XML:CreationDateValue",
    "H264:DateTimeOriginal",
    *_TAKEN,
    "XMP-exif:DateTimeOriginal",
    "XMP-photoshop:DateCreated",
    "RIFF:DateTimeOriginal",
    "Matroska:DateTimeOriginal",
    "ASF:CreationDate",
    "QuickTime:CreateDate",
    "XMP-xmp:CreateDate",
    "IFD0:ModifyDate",
    "GPS:GPSDateTime",
    "XMP-exif:GPSDateTime",
    *_PATH,
)
_AUDIO_ORDER: tuple[str, ...] = (
    *(source for source in _VIDEO_ORDER if source not in _PATH),
    "ID3:RecordingTime",
    "Vorbis:Date",
    *_PATH,
)
_ORDERS: dict[Kind, tuple[str, ...]] = {"photo": _STILL_ORDER, "video": _VIDEO_ORDER, "audio": _AUDIO_ORDER}
_RANKS: dict[Kind, dict[str, int]] = {
    kind: {source: rank for rank, source in enumerate(order)} for kind, order in _ORDERS.items()
}
_DERIVED = frozenset({"filename", "directory", "IFD0:ModifyDate"})
_INDEPENDENT_OF_THE_CLOCK = frozenset(
    {"filename", "directory", "GPS:GPSDateTime", "XMP-exif:GPSDateTime", "user"}
)

FUTURE_SLACK_NS = 48 * 3600 * NS_PER_S  # a clock two days ahead is a wrong zone and a bit; more is wrong
OFFSET_RESIDUE_S = 120  # cameras and GPS fixes are apart this much (53 of 65 measured)
_EDITORS = re.compile(
    r"photoshop|lightroom|adobe|gimp|picasa|darktable|rawtherapee|digikam|capture one|affinity|snapseed|paint"
    r"|acdsee|imagemagick|graphicsmagick|luminar|irfanview|xnview|photoscape|pixelmator|acorn|aperture|iphoto"
    r"|photo ?editor|photo gallery|paintshop|zoner|on1|dxo|corel|instagram|facebook|vsco|exiftool|ulead|krita"
    r"|microsoft windows|^photos |^photos$|nero|gthumb|shotwell|silkypix|viewnx|capture ?nx|topaz|ffmpeg|lavf",
    re.IGNORECASE,
)

Verdict = Literal["won", "lost", "rejected"]


@dataclass(frozen=True, slots=True)
class Judged:
    """One candidate with the verdict on it, in user words."""

    candidate: DateCandidate
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """The ruling capture time and, best source first, what became of every candidate; mtime is last."""

    capture: CaptureTime
    table: tuple[Judged, ...]


def resolve(  # noqa: PLR0917 - the contract of docs/architecture.md
    kind: Kind, facts: Facts | None, relpath: bytes, mtime_ns: int, zone: ZoneInfo, now_ns: int
) -> Resolution:
    """Decide the capture time of a file from its facts, its path and its mtime.

    Args:
        kind: selects the order; the facts' own kind is not looked at.
        facts: None when unread or unreadable: then path and mtime decide.
        relpath: path from the volume's root.
        mtime_ns: of the file.
        zone: the library's zone, for instants without a place.
        now_ns: the present, to tell dates from the future.
    """
    candidates = _in_order(kind, (*(facts.candidates if facts else ()), *path_candidates(relpath)))
    judged = [_plausible(candidate, candidates, facts, now_ns) for candidate in candidates]
    usable = [one.candidate for one in judged if one.verdict != "rejected"]
    winner = _finer_of_the_path(usable) if usable else None
    fallback = from_mtime(mtime_ns, zone)
    file_time = DateCandidate("mtime", _utc_text(mtime_ns), fallback.local, fallback.offset_min)
    if winner is None:
        table = (
            *judged,
            Judged(file_time, "won", "nothing better is known: the time of the file is a guess"),
        )
        return Resolution(fallback, table)
    capture, note = _capture_of(winner, usable, facts, zone)
    table = tuple(
        one if one.verdict == "rejected" else _verdict(one.candidate, winner, note) for one in judged
    )
    return Resolution(
        capture, (*table, Judged(file_time, "lost", "only a guess, and something better is known"))
    )


def _in_order(kind: Kind, candidates: Sequence[DateCandidate]) -> list[DateCandidate]:
    ranks = _RANKS[kind]

    def rank(candidate: DateCandidate) -> tuple[bool, int]:
        # A QuickTime or sound date without a time of day is a label (often of a release): after the clocks.
        is_label = candidate.source in ("QuickTime:UserData:ContentCreateDate", "XML:CreationDateValue") and (
            candidate.local is not None and len(candidate.local) <= 10
        )
        place = ranks.get("QuickTime:CreateDate", 0) if is_label else ranks.get(candidate.source)
        return is_label, len(ranks) if place is None else place

    return sorted(candidates, key=lambda candidate: (rank(candidate)[1], rank(candidate)[0]))


def _plausible(
    candidate: DateCandidate, all_candidates: Sequence[DateCandidate], facts: Facts | None, now_ns: int
) -> Judged:
    reason = (
        candidate.rejected
        or _rejected_by_clock(candidate, now_ns)
        or _rejected_as_reset(candidate, all_candidates)
        or _rejected_as_edit(candidate, facts)
    )
    return Judged(candidate, "rejected" if reason else "lost", reason or "")


def _rejected_by_clock(candidate: DateCandidate, now_ns: int) -> str | None:
    parsed = parse_local(candidate.local or "")
    if parsed is None:
        return "not a date"
    latest = datetime(1970, 1, 1) + timedelta(seconds=(now_ns + FUTURE_SLACK_NS) // NS_PER_S)  # noqa: DTZ001
    return "lies in the future" if parsed[0] > latest else None


def _rejected_as_reset(candidate: DateCandidate, all_candidates: Sequence[DateCandidate]) -> str | None:
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


def _rejected_as_edit(candidate: DateCandidate, facts: Facts | None) -> str | None:
    if candidate.source != "IFD0:ModifyDate" or facts is None or not facts.software:
        return None
    if _EDITORS.search(facts.software):
        return f"the time of an edit: the software tag names an editor ({facts.software[:40]})"
    return None


def _finer_of_the_path(usable: Sequence[DateCandidate]) -> DateCandidate:
    """Return the first candidate; if that is a name, a folder that tells the same more finely replaces it."""
    first = usable[0]
    if first.source == "filename" and len(usable) > 1:
        folder = usable[1]
        if len(folder.local or "") > len(first.local or "") and (folder.local or "").startswith(
            first.local or "-"
        ):
            return folder
    return first


def _capture_of(
    winner: DateCandidate, usable: Sequence[DateCandidate], facts: Facts | None, zone: ZoneInfo
) -> tuple[CaptureTime, str]:
    """Turn the winner into the record, and say which rule gave the offset."""
    place = (
        zone_at(facts.lat, facts.lon) if facts and facts.lat is not None and facts.lon is not None else None
    )
    confidence: Confidence = "derived" if winner.source in _DERIVED else "exact"
    if winner.source == "QuickTime:CreateDate":
        return _capture_of_movie_header(winner, usable, facts, place or zone, is_placed=place is not None)
    if winner.is_utc:
        note = "UTC; shown in the zone of its position" if place else "UTC; shown in the library's zone"
        return _from_instant(winner.source, winner.local or "", place or zone, confidence), note
    offset_min, key, note = _zone_of_local(winner, usable, place)
    return _record(winner.source, winner.local or "", offset_min, key, confidence), note


def _capture_of_movie_header(
    winner: DateCandidate,
    usable: Sequence[DateCandidate],
    facts: Facts | None,
    zone: ZoneInfo,
    *,
    is_placed: bool,
) -> tuple[CaptureTime, str]:
    """Judge what the clock of a movie header meant: see `catalog.video_clock`."""
    named = next((one for one in usable if one.source == "filename"), None)
    duration_s = facts.duration_s if facts else None
    clock = judge_video_clock(winner.local or "", named, duration_s)
    if clock.offset_min is not None:
        key = zone.key if is_placed else None
        return _record(winner.source, clock.local, clock.offset_min, key, "exact"), clock.note
    if clock.is_local:
        return _record(winner.source, clock.local, None, None, "derived"), clock.note
    is_small = winner.raw.isdecimal() and int(winner.raw) < 2_082_844_800
    confidence: Confidence = "derived" if is_small else "exact"
    note = "UTC; shown in the zone of its position" if is_placed else "UTC; shown in the library's zone"
    return _from_instant(winner.source, clock.local, zone, confidence), note


def _from_instant(source: str, utc_local: str, zone: ZoneInfo, confidence: Confidence) -> CaptureTime:
    parsed = parse_local(utc_local)
    assert parsed is not None, utc_local
    moment, precision = parsed
    if PRECISIONS.index(precision) < PRECISIONS.index("minute"):
        return _record(source, utc_local, None, None, confidence)
    local, offset_min = from_utc(moment, zone)
    return CaptureTime(format_local(local, precision), precision, offset_min, zone.key, source, confidence)


def _zone_of_local(
    winner: DateCandidate, usable: Sequence[DateCandidate], place: ZoneInfo | None
) -> tuple[int | None, str | None, str]:
    """Find the offset of a wall clock: its own, its place's, another tag's, from a UTC clock; else unknown."""
    parsed = parse_local(winner.local or "")
    assert parsed is not None
    moment, precision = parsed
    if PRECISIONS.index(precision) < PRECISIONS.index("minute"):
        return None, None, ""
    if winner.offset_min is not None:
        key = place.key if place and offset_of_local(moment, place) == winner.offset_min else None
        return winner.offset_min, key, ""
    if place is not None:
        return offset_of_local(moment, place), place.key, "offset from the zone of its position"
    for other in usable:
        if other.offset_min is not None and (other.local or "")[:16] == (winner.local or "")[:16]:
            return other.offset_min, None, f"offset from {other.source}"
    for other in usable:
        # A GPS clock or a PXL_ name; a movie header is UTC by promise only.
        is_witness = other.is_utc and other.source != "QuickTime:CreateDate"
        instant = parse_local(other.local or "") if is_witness else None
        offset_min = _offset_between(moment, instant[0]) if instant else None
        if offset_min is not None:
            return offset_min, None, f"offset from the difference to {other.source}"
    return None, None, "offset unknown"


def _offset_between(local: datetime, utc: datetime) -> int | None:
    """Return the difference on the 15-minute grid, or None if it is beyond 14 hours or off the grid."""
    seconds = (local.replace(microsecond=0) - utc.replace(microsecond=0)).total_seconds()
    minutes = round(seconds / 900) * 15
    if abs(minutes) > MAX_OFFSET_MIN or abs(seconds - minutes * 60) > OFFSET_RESIDUE_S:
        return None
    return minutes


def _record(
    source: str, local: str, offset_min: int | None, key: str | None, confidence: Confidence
) -> CaptureTime:
    parsed = parse_local(local)
    assert parsed is not None, local
    return CaptureTime(local, parsed[1], offset_min, key, source, confidence)


def _verdict(candidate: DateCandidate, winner: DateCandidate, note: str) -> Judged:
    if candidate is winner:
        reason = SOURCES.get(candidate.source, candidate.source)
        return Judged(candidate, "won", f"{reason}; {note}" if note else reason)
    if candidate.source == "filename" and winner.source == "directory":
        return Judged(candidate, "lost", "the folder tells the same date more finely")
    return Judged(candidate, "lost", f"{winner.source} comes first")


def _utc_text(mtime_ns: int) -> str:
    seconds = min(max(mtime_ns // NS_PER_S, -62_135_510_400), 253_402_214_400)
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat()
