"""The missing rule as a table: what keeps a place, what lets it go, and in which order the reasons count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.absence_rule import GUARD_FLOOR, NS_PER_DAY, Absence, guard, judge

NOW_NS = 1_790_000_000 * 10**9
LONG_GONE = Absence(NOW_NS - 400 * NS_PER_DAY, 5)


def gone(days: float, scans: int, **known: Any) -> Absence:
    """Return a place that was found missing so many days ago."""
    return Absence(NOW_NS - int(days * NS_PER_DAY), scans, **known)


@pytest.mark.parametrize(
    ("days", "scans", "verdict"),
    [
        (0, 0, "keep"),
        (6.99, 9, "keep"),
        (7, 2, "go"),
        (7, 1, "keep"),
        (29.99, 1, "keep"),
        (30, 1, "go"),
        (4_000, 0, "keep"),
        (-3, 9, "keep"),  # the clock was ahead when it went
    ],
)
def test_days_and_complete_scans_together_let_a_place_go(days: float, scans: int, verdict: str) -> None:
    judged = judge(gone(days, scans), NOW_NS)
    assert judged.verdict == verdict
    assert f"{max(0, int(days))} days" in judged.reason


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"is_purge": True}, "the trash tells of it"),
        ({"is_witness": True}, "it is a sidecar, and what it said counts"),
        ({"is_last_trace": True}, "it is the last place where the photo was seen"),
        ({"library_hold": "another volume is away"}, "another volume is away"),
        ({"volume_hold": "too many are gone"}, "too many are gone"),
    ],
)
def test_each_of_these_keeps_a_place_for_ever(known: dict[str, Any], reason: str) -> None:
    judged = judge(replace(LONG_GONE, **known), NOW_NS)
    assert (judged.verdict, judged.reason) == ("keep", reason)


def test_what_is_told_is_what_would_keep_it_longest() -> None:
    everything = replace(
        LONG_GONE, is_purge=True, is_witness=True, is_last_trace=True, library_hold="away", volume_hold="many"
    )
    order = []
    for name, nothing in (
        ("is_purge", False),
        ("is_witness", False),
        ("is_last_trace", False),
        ("library_hold", None),
        ("volume_hold", None),
    ):
        order.append(judge(everything, NOW_NS).reason)
        everything = replace(everything, **{name: nothing})
    assert len(set(order)) == 5
    assert judge(everything, NOW_NS).verdict == "go"


def test_the_owner_lifts_the_guard_and_nothing_else() -> None:
    accepted = replace(LONG_GONE, is_accepted=True)
    assert judge(replace(accepted, volume_hold="too many"), NOW_NS).verdict == "go"
    assert judge(replace(accepted, library_hold="away"), NOW_NS).verdict == "keep"
    assert judge(replace(accepted, is_last_trace=True), NOW_NS).verdict == "keep"
    assert judge(gone(1, 9, is_accepted=True), NOW_NS).verdict == "keep"


@given(st.integers(-(10**18), 10**18), st.integers(0, 10), st.booleans())
def test_the_last_trace_never_goes(age_ns: int, scans: int, is_accepted: bool) -> None:
    absence = Absence(NOW_NS - age_ns, scans, is_last_trace=True, is_accepted=is_accepted)
    assert judge(absence, NOW_NS).verdict == "keep"


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 10))
def test_who_waits_longer_goes_no_later(days: int, more: int, scans: int) -> None:
    if judge(gone(days, scans), NOW_NS).verdict == "go":
        assert judge(gone(days + more, scans), NOW_NS).verdict == "go"
        assert judge(gone(days, scans + 1), NOW_NS).verdict == "go"


@pytest.mark.parametrize(
    ("missing", "known", "holds"),
    [
        (0, 0, False),
        (GUARD_FLOOR, GUARD_FLOOR, False),
        (GUARD_FLOOR + 1, GUARD_FLOOR + 1, True),
        (51, 510, False),
        (52, 510, True),
        (100_000, 1_000_000, False),
        (100_001, 1_000_000, True),
    ],
)
def test_above_a_part_of_the_volume_and_above_everyday_numbers_the_guard_holds(
    missing: int, known: int, holds: bool
) -> None:
    told = guard(missing, known, 10)
    assert (told is not None) == holds
    if told is not None:
        assert str(missing) in told
        assert "accept-empty" in told
