"""Which date rules: one answer per file, and the verdict on every candidate with its reason.

Pure over facts, path, mtime, what sidecars tell and what a neighbour tells, so a change of rules needs no file to be opened
again, and `why date` can print the whole table. The order is `date_order`, what is believed `date_rules`, zones
`date_zones`, findings `date_findings`; what people say stands above all of it and is none of its business.

Invariants: the first plausible candidate in the order wins; exactly one verdict is `won`; mtime is always last and always usable; a wall
clock is only shifted when the source is an instant in UTC. What tells the winner's own moment more finely takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from catalog.capture import NS_PER_S, CaptureTime, Confidence, format_local, from_mtime, parse_local
from catalog.date_order import MOVIE_HEADER, SIDECARS, SOURCES, TAKEOUT, in_order
from catalog.date_rules import is_scan, why_rejected
from catalog.date_zones import Witnesses, Zoned, ZoneSource, is_timed, zone_of_instant, zone_of_local
from catalog.facts import DateCandidate, Facts, Kind
from catalog.neighbours import NeighbourZone
from catalog.path_dates import path_candidates
from catalog.told_dates import candidates_from_statements
from catalog.video_clock import judge_video_clock
from catalog.zones import from_utc, offset_of_local

__all__ = [
    "RULES_VERSION",
    "SOURCES",
    "Judged",
    "NeighbourZone",
    "Resolution",
    "ZoneSource",
    "candidates_from_statements",
    "layer_of",
    "path_candidates",
    "resolve",
]

# Raise it when a rule here, in the modules named above, in `path_dates` or in `buckets` changes: what older rules decided is
# decided again.
RULES_VERSION = 4

Verdict = Literal["won", "lost", "rejected"]
_OF_THE_PATH = frozenset({"filename", "directory", "mtime"})
_DERIVED = frozenset({"filename", "directory", "IFD0:ModifyDate", TAKEOUT})
# What a scanner writes by itself.
_SCANNERS_OWN = frozenset({"ExifIFD:CreateDate", "IFD0:ModifyDate", "XMP-xmp:CreateDate"})
_SMALL_HEADER = 2_082_844_800  # below it a movie header counts from 1970, against the standard


@dataclass(frozen=True, slots=True)
class Judged:
    """One candidate with the verdict on it, in user words.

    `zone_source` of the winner is what told its zone; of the others whether they tell one themselves (`tag`, `none`).
    """

    candidate: DateCandidate
    verdict: Verdict
    reason: str
    zone_source: ZoneSource = "none"


@dataclass(frozen=True, slots=True)
class Resolution:
    """The ruling capture time and, best source first, what became of every candidate; mtime is last."""

    capture: CaptureTime
    table: tuple[Judged, ...]

    @property
    def won(self) -> Judged:
        """The row of the winner."""
        return next(one for one in self.table if one.verdict == "won")


class _Ruling(NamedTuple):
    """The winner, and the candidate that stood first but told the same moment less finely, or the day of a scan."""

    winner: DateCandidate
    coarser: DateCandidate | None = None
    scanned: DateCandidate | None = None


class _Moment(NamedTuple):
    """What becomes of the winner: the record, what told the zone, a note for people."""

    capture: CaptureTime
    zone_source: ZoneSource
    note: str


def resolve(  # noqa: PLR0917 - the contract of docs/architecture.md
    kind: Kind,
    facts: Facts | None,
    relpath: bytes,
    mtime_ns: int,
    zone: ZoneInfo,
    now_ns: int,
    *,
    told: Sequence[DateCandidate] = (),
    neighbour: NeighbourZone | None = None,
) -> Resolution:
    """Decide the capture time of a file from its facts, its path and its mtime.

    Args:
        kind: selects the order; the facts' own kind is not looked at.
        facts: None when unread or unreadable: then path and mtime decide.
        relpath: path from the volume's root.
        mtime_ns: of the file.
        zone: the library's zone, for instants without a place.
        now_ns: the present, to tell dates from the future.
        told: what sidecars tell; see `candidates_from_statements`.
        neighbour: the offset of a photo nearby, for a wall clock that has no other.
    """
    candidates = in_order(kind, (*told, *(facts.candidates if facts else ()), *path_candidates(relpath)))
    reasons = [why_rejected(candidate, candidates, facts, now_ns) for candidate in candidates]
    usable = [one for one, reason in zip(candidates, reasons, strict=True) if reason is None]
    fallback = from_mtime(mtime_ns, zone)
    file_time = DateCandidate("mtime", _utc_text(mtime_ns), fallback.local, fallback.offset_min)
    ruling = _ruling_of(usable, facts)
    if ruling is None:
        lost = [_rejected(one, reason or "") for one, reason in zip(candidates, reasons, strict=True)]
        nothing = "nothing better is known: the time of the file is a guess"
        return Resolution(fallback, (*lost, Judged(file_time, "won", nothing, "library")))
    moment = _moment_of(ruling, Witnesses(kind, usable, facts, zone, neighbour))
    table = [
        _rejected(one, reason) if reason is not None else _verdict(one, ruling, moment)
        for one, reason in zip(candidates, reasons, strict=True)
    ]
    guess = Judged(file_time, "lost", "only a guess, and something better is known", "library")
    return Resolution(moment.capture, (*table, guess))


def layer_of(capture: CaptureTime) -> Literal["user", "sidecar", "embedded", "file"]:
    """Return the layer that a capture time comes from."""
    if capture.source == "user":
        return "user"
    if capture.source in _OF_THE_PATH:
        return "file"
    return "sidecar" if capture.source in SIDECARS or capture.source == TAKEOUT else "embedded"


# ---- who wins


def _ruling_of(usable: Sequence[DateCandidate], facts: Facts | None) -> _Ruling | None:
    """Return the first candidate, or the one that tells the same moment better; None if there are none.

    Of a scan, whose own date is that of the scanner's work, a name or folder that tells an earlier year rules.
    """
    if not usable:
        return None
    first = usable[0]
    if is_scan(facts) and _is_the_scanners(first, usable):
        named = (
            one for one in usable if one.source in ("filename", "directory") and _year(one) < _year(first)
        )
        earlier = next(named, None)
        return _Ruling(first) if earlier is None else _Ruling(_finest(earlier, usable), scanned=first)
    if first.source in SIDECARS:
        finer = (one for one in usable if _is_of_bytes(one) and _tells_better(one, first))
    elif first.source == TAKEOUT:
        finer = (one for one in usable if _is_of_bytes(one) and _same_instant(one, first))
    elif first.source == "filename":
        finer = (one for one in usable[1:] if one.source == "directory" and _is_prefix(first, one))
    else:
        return _Ruling(first)
    better = next(finer, None)
    return _Ruling(first) if better is None else _Ruling(better, first)


def _is_the_scanners(candidate: DateCandidate, usable: Sequence[DateCandidate]) -> bool:
    """Tell whether a date of a scan is the scanner's own; a time taken that differs from it was said by somebody."""
    if candidate.source != "ExifIFD:DateTimeOriginal":
        return candidate.source in _SCANNERS_OWN
    return any(one.source in _SCANNERS_OWN and one.local == candidate.local for one in usable)


def _finest(candidate: DateCandidate, usable: Sequence[DateCandidate]) -> DateCandidate:
    """Return the folder that tells more finely what a name tells, else the candidate."""
    finer = (one for one in usable if one.source == "directory" and _is_prefix(candidate, one))
    return next(finer, candidate)


def _year(candidate: DateCandidate) -> str:
    return (candidate.local or "")[:4]


def _is_of_bytes(candidate: DateCandidate) -> bool:
    source = candidate.source
    return source not in _OF_THE_PATH and source not in SIDECARS and source != TAKEOUT


def _is_prefix(coarse: DateCandidate, fine: DateCandidate) -> bool:
    short, long = coarse.local or "-", fine.local or ""
    return len(long) > len(short) and long.startswith(short)


def _tells_better(candidate: DateCandidate, first: DateCandidate) -> bool:
    """Tell whether bytes say what a sidecar says, and more: a finer clock, an offset, or the local clock of its `Z`."""
    if candidate.is_utc:
        return False
    offsets = {candidate.offset_min, first.offset_min} - {None}
    if len(offsets) < 2 and (candidate.local or "").startswith(first.local or "-"):
        is_finer = len(candidate.local or "") > len(first.local or "")
        return is_finer or (candidate.offset_min is not None and first.offset_min is None)
    is_as_fine = len(candidate.local or "") >= len(first.local or "")
    return (
        first.offset_min == 0 and candidate.offset_min != 0 and is_as_fine and _same_instant(candidate, first)
    )


def _same_instant(candidate: DateCandidate, first: DateCandidate) -> bool:
    """Tell whether a clock with an offset tells the same second as the first, which is UTC."""
    ours, theirs = parse_local(candidate.local or ""), parse_local(first.local or "")
    if ours is None or theirs is None or candidate.offset_min is None or candidate.is_utc:
        return False
    shifted = ours[0].replace(microsecond=0) - timedelta(minutes=candidate.offset_min)
    return is_timed(ours[1]) and shifted == theirs[0].replace(microsecond=0)


# ---- what becomes of the winner


def _moment_of(ruling: _Ruling, witnesses: Witnesses) -> _Moment:
    winner = ruling.winner
    if winner.source == MOVIE_HEADER:
        return _of_movie_header(winner, witnesses)
    confidence = _confidence(winner, witnesses.facts)
    if winner.is_utc:
        return _of_instant(winner.source, winner.local or "", witnesses, confidence)
    zoned = _zone_of(ruling, witnesses)
    note = (
        zoned.note
        if confidence == "exact" or not _is_scan_date(winner, witnesses.facts)
        else _scan_note(zoned)
    )
    capture = _record(winner.source, winner.local or "", zoned, confidence)
    return _Moment(capture, zoned.source, note)


def _zone_of(ruling: _Ruling, witnesses: Witnesses) -> Zoned:
    winner, coarser, _ = ruling
    if winner.offset_min is None and coarser is not None and coarser.offset_min is not None:
        zoned = zone_of_local(winner.local or "", coarser.offset_min, witnesses)
        return zoned._replace(source="another tag", note=f"offset from {coarser.source}")
    return zone_of_local(winner.local or "", winner.offset_min, witnesses)


def _confidence(winner: DateCandidate, facts: Facts | None) -> Confidence:
    return "derived" if winner.source in _DERIVED or _is_scan_date(winner, facts) else "exact"


def _is_scan_date(winner: DateCandidate, facts: Facts | None) -> bool:
    return winner.source == "ExifIFD:CreateDate" and is_scan(facts)


def _scan_note(zoned: Zoned) -> str:
    return "a scanner made it: the date of the scan" + (f"; {zoned.note}" if zoned.note else "")


def _of_movie_header(winner: DateCandidate, witnesses: Witnesses) -> _Moment:
    """Judge what the clock of a movie header meant: see `catalog.video_clock`."""
    duration_s = witnesses.facts.duration_s if witnesses.facts is not None else None
    clock = judge_video_clock(winner.local or "", witnesses.named, duration_s)
    if clock.offset_min is not None:
        key = _key_at(clock.local, clock.offset_min, witnesses.place)
        zoned = Zoned(clock.offset_min, key, "file name", clock.note)
        return _Moment(_record(winner.source, clock.local, zoned, "exact"), "file name", clock.note)
    if clock.is_local:
        zoned = zone_of_local(clock.local, None, witnesses)
        note = f"{clock.note}; {zoned.note}"
        return _Moment(_record(winner.source, clock.local, zoned, "derived"), zoned.source, note)
    is_small = winner.raw.isdecimal() and int(winner.raw) < _SMALL_HEADER
    told = _of_instant(winner.source, clock.local, witnesses, "derived" if is_small else "exact")
    notes = [clock.note, "it counts from 1970, against the standard" if is_small else "", told.note]
    return told._replace(note="; ".join(note for note in notes if note))


def _key_at(local: str, offset_min: int, place: ZoneInfo | None) -> str | None:
    parsed = parse_local(local)
    assert parsed is not None, local
    return place.key if place is not None and offset_of_local(parsed[0], place) == offset_min else None


def _of_instant(source: str, utc_local: str, witnesses: Witnesses, confidence: Confidence) -> _Moment:
    """Show an instant in UTC where it was taken, if anything tells, else in the library's zone."""
    parsed = parse_local(utc_local)
    assert parsed is not None, utc_local
    moment, precision = parsed
    if not is_timed(precision):
        unknown = Zoned(None, None, "none", "")
        return _Moment(_record(source, utc_local, unknown, confidence), "none", "")
    where, zone_source, note = zone_of_instant(utc_local, witnesses)
    if isinstance(where, ZoneInfo):
        local, offset_min = from_utc(moment, where)
        zoned = Zoned(offset_min, where.key, zone_source, note)
    else:
        local = moment + timedelta(minutes=where)
        zoned = Zoned(where, None, zone_source, note)
    return _Moment(_record(source, format_local(local, precision), zoned, confidence), zone_source, note)


def _record(source: str, local: str, zoned: Zoned, confidence: Confidence) -> CaptureTime:
    parsed = parse_local(local)
    assert parsed is not None, local
    return CaptureTime(local, parsed[1], zoned.offset_min, zoned.key, source, confidence)


# ---- the table


def _rejected(candidate: DateCandidate, reason: str) -> Judged:
    return Judged(candidate, "rejected", reason, _own_zone(candidate))


def _verdict(candidate: DateCandidate, ruling: _Ruling, moment: _Moment) -> Judged:
    winner, coarser, scanned = ruling
    if candidate is winner:
        reason = SOURCES.get(candidate.source, candidate.source)
        reason = f"{reason}; {moment.note}" if moment.note else reason
        return Judged(candidate, "won", reason, moment.zone_source)
    if candidate is scanned:
        where = "the folder" if winner.source == "directory" else "the name"
        return Judged(
            candidate, "lost", f"the day of the scan, and {where} tells an earlier year", _own_zone(candidate)
        )
    if candidate is coarser:
        better = "the folder" if winner.source == "directory" else winner.source
        what = "date" if winner.source == "directory" else "moment"
        return Judged(candidate, "lost", f"{better} tells the same {what} more finely", _own_zone(candidate))
    return Judged(candidate, "lost", f"{winner.source} comes first", _own_zone(candidate))


def _own_zone(candidate: DateCandidate) -> ZoneSource:
    return "tag" if candidate.offset_min is not None else "none"


def _utc_text(mtime_ns: int) -> str:
    seconds = min(max(mtime_ns // NS_PER_S, -62_135_510_400), 253_402_214_400)
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat()
