"""Our rules against the table of `date_cases`, and the laws that hold for any candidates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.date_order import MOVIE_HEADER, RANKS, SIDECARS, SOURCES, TAKEOUT
from catalog.dates import Resolution, resolve
from catalog.facts import DateCandidate, Facts, Kind
from date_cases import BERLIN, CASES, DAY, GPS, MTIME_NS, NEIGHBOUR, NOW_NS, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_has_the_capture_time_of_the_table(case: Case) -> None:
    resolution = case.resolve()
    capture = resolution.capture
    assert (capture.local, capture.offset_min, capture.zone, capture.precision, capture.source, capture.confidence) == (
        case.local, case.offset_min, case.zone, case.precision, case.source, case.confidence,
    )  # fmt: skip
    assert resolution.won.zone_source == case.zone_source


def test_the_table_is_as_large_as_it_has_to_be() -> None:
    assert len(CASES) >= 80
    assert sum(case.exiftool_is_wrong for case in CASES) >= 20
    assert len({case.name for case in CASES}) == len(CASES)
    assert {case.zone_source for case in CASES} == {
        "tag", "maker note", "coordinates", "another tag", "GPS clock", "neighbours", "file name", "library", "none",
    }  # fmt: skip


# ---- laws

_UTC_SOURCES = {
    MOVIE_HEADER,
    TAKEOUT,
    GPS,
    "XMP-exif:GPSDateTime",
    "Matroska:DateTimeOriginal",
    "ASF:CreationDate",
}
_LOCALS = st.sampled_from(
    ["2019", "2019-08", "2019-08-07", "2019-08-07T14:33", "2019-08-07T14:33:02", "2019-08-07T14:33:02.450000",
     "2011-02-03T04:05:06", "1931-02-03T04:05:06", "2000-01-01T00:00:05", "2099-01-01T00:00:00", None]
)  # fmt: skip


@st.composite
def _candidates(draw: st.DrawFn) -> DateCandidate:
    source = draw(st.sampled_from(sorted(set(SOURCES) - {"user", "mtime", "filename", "directory"})))
    is_utc = source in _UTC_SOURCES
    offset_min = None if is_utc else draw(st.sampled_from([None, None, 0, 120, -420]))
    return DateCandidate(source, "1", draw(_LOCALS), offset_min, is_utc)


_KINDS: st.SearchStrategy[Kind] = st.sampled_from(["photo", "video", "audio"])
_PATHS = st.sampled_from(
    [b"a.jpg", b"IMG_20190807_143302.jpg", b"PXL_20190807_123302.jpg", b"2019-08-07/b.jpg"]
)


def _of(kind: Kind, candidates: list[DateCandidate], path: bytes) -> Resolution:
    bytes_say = tuple(one for one in candidates if one.source not in (*SIDECARS, TAKEOUT))
    told = tuple(one for one in candidates if one.source in (*SIDECARS, TAKEOUT))
    return resolve(kind, Facts(kind, "x", candidates=bytes_say), path, MTIME_NS, BERLIN, NOW_NS, told=told)


@given(_KINDS, st.lists(_candidates(), max_size=8), _PATHS)
def test_exactly_one_wins_every_row_has_a_reason_and_the_answer_repeats(
    kind: Kind, candidates: list[DateCandidate], path: bytes
) -> None:
    resolution = _of(kind, candidates, path)
    assert [one.verdict for one in resolution.table].count("won") == 1
    assert all(one.reason for one in resolution.table)
    assert resolution.won.candidate.source == resolution.capture.source
    assert resolution == _of(kind, candidates, path)


@given(_KINDS, st.lists(_candidates(), max_size=8), _PATHS)
def test_the_first_plausible_one_wins_or_one_that_tells_its_moment_better(
    kind: Kind, candidates: list[DateCandidate], path: bytes
) -> None:
    rows = [one for one in _of(kind, candidates, path).table if one.verdict != "rejected"]
    first, won = rows[0], next(one for one in rows if one.verdict == "won")
    if won is not first:
        assert first.candidate.source in (*SIDECARS, TAKEOUT, "filename")
        assert "more finely" in first.reason


_PLACED_BY_WHAT_THEY_TELL = {DAY, "XML:CreationDateValue"}


@given(_KINDS, st.lists(_candidates(), max_size=8), _PATHS)
def test_lesser_candidates_never_move_the_clock_of_the_first_plausible_one(
    kind: Kind, candidates: list[DateCandidate], path: bytes
) -> None:
    ranks = RANKS[kind]
    offered = [
        one for one in candidates if one.source in ranks and one.source not in _PLACED_BY_WHAT_THEY_TELL
    ]
    after = _of(kind, offered, path)
    first = next(one.candidate.source for one in after.table if one.verdict != "rejected")
    # GPS, unlike all other tags, can confirm the day of a reset clock that stands above the first.
    greater = [one for one in offered if ranks[one.source] <= ranks[first] or "GPS" in one.source]
    before = _of(kind, greater, path)
    if after.capture.source == before.capture.source:
        assert after.capture.local == before.capture.local
    else:  # the same moment, more finely
        assert before.capture.source == first
        assert first in (*SIDECARS, TAKEOUT)
        assert first == TAKEOUT or after.capture.local.startswith(before.capture.local)


@given(_candidates(), _PATHS)
def test_a_neighbour_never_moves_a_clock(candidate: DateCandidate, path: bytes) -> None:
    facts = Facts("photo", "x", candidates=(candidate,))
    alone = resolve("photo", facts, path, MTIME_NS, BERLIN, NOW_NS).capture
    beside = resolve("photo", facts, path, MTIME_NS, BERLIN, NOW_NS, neighbour=NEIGHBOUR).capture
    assert (beside.local, beside.source, beside.precision) == (alone.local, alone.source, alone.precision)
    assert alone.offset_min is None or beside.offset_min == alone.offset_min
