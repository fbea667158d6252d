"""The schedule of looks: a table, and clocks that jump."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.ids import VolumeId
from catalog.values import Volume
from daemon import disk_activity
from daemon.config import ScanSection
from daemon.schedule import Known, Looks, Now, begin, learn, next_looks, wall_of

S = 1_000_000_000
H = 3600 * S
DAY = 24 * H
SETTINGS = ScanSection()
START = Now(wall_ns=1_800_000_000 * S, steady_ns=5 * S)  # just booted: what was before is negative


def a_volume(full_age_ns: int | None, quick_age_ns: int | None = None, *, now: Now = START) -> Volume:
    return Volume(
        id=VolumeId(1),
        name="photos",
        root=b"/photos",
        backend="local",
        mode="ro",
        state="online",
        state_reason=None,
        state_since_ns=0,
        identity=None,
        had_data=True,
        excludes=(),
        quick_scan_ns=None if quick_age_ns is None else now.wall_ns - quick_age_ns,
        full_scan_ns=None if full_age_ns is None else now.wall_ns - full_age_ns,
        created_ns=0,
    )


def looks(known: Known, *, hears_all: bool = False, is_remote: bool = False) -> Looks:
    return next_looks(known, SETTINGS, hears_all=hears_all, is_remote=is_remote)


def at(steady_ns: int, *, jump_ns: int = 0) -> Now:
    """Return the moment at a steady time, on a wall clock that jumped since the start."""
    return Now(START.wall_ns + steady_ns - START.steady_ns + jump_ns, steady_ns)


@pytest.mark.parametrize(
    ("full_age_ns", "is_remote", "kind", "wait_ns"),
    [
        pytest.param(None, False, "full", 0, id="local, never scanned"),
        pytest.param(None, True, "full", 0, id="network, never scanned"),
        pytest.param(5 * 60 * S, False, "full", 0, id="local: nobody heard what happened before the start"),
        pytest.param(5 * 60 * S, True, "quick", 0, id="network: a restart does not start the hour anew"),
        pytest.param(2 * H, True, "full", 0, id="network: the hour is over"),
        pytest.param(-DAY, True, "full", 0, id="network: a stamp from the future proves nothing"),
        pytest.param(-DAY, False, "full", 0, id="local: a stamp from the future"),
        pytest.param(400 * DAY, True, "full", 0, id="network: the clock went ahead while we were down"),
    ],
)
def test_what_comes_first_after_a_start(
    full_age_ns: int | None, is_remote: bool, kind: str, wait_ns: int
) -> None:
    found = looks(begin(a_volume(full_age_ns), START), is_remote=is_remote)
    assert found.kind == kind
    assert max(0, found.due_ns - START.steady_ns) == wait_ns


def test_a_network_volume_is_scanned_when_its_hour_is_over_whoever_started_meanwhile() -> None:
    known = begin(a_volume(50 * 60 * S), START)
    assert looks(known, is_remote=True).full_ns == START.steady_ns + 10 * 60 * S


def test_after_its_quick_look_a_network_volume_waits_for_a_minute() -> None:
    known = replace(begin(a_volume(5 * 60 * S), START), quick_ns=START.steady_ns + 2 * S)
    found = looks(known, is_remote=True)
    assert (found.kind, found.due_ns) == ("quick", START.steady_ns + 62 * S)


def test_a_disk_whose_every_change_is_heard_is_left_alone_for_a_day() -> None:
    known = replace(begin(a_volume(None), START), full_ns=10 * S, is_caught_up=True)
    assert looks(known, hears_all=True) == Looks(10 * S + DAY, None)
    assert looks(known, hears_all=True).kind == "full"


def test_a_disk_that_is_watched_in_part_is_looked_at_quickly() -> None:
    known = replace(begin(a_volume(None), START), full_ns=10 * S, is_caught_up=True)
    assert looks(known) == Looks(10 * S + DAY, 70 * S)


def test_hearing_all_is_no_reason_to_leave_out_looks_at_what_other_machines_change() -> None:
    known = replace(begin(a_volume(None), START), full_ns=10 * S, is_caught_up=True)
    assert looks(known, hears_all=True, is_remote=True) == Looks(10 * S + H, 70 * S)


def test_a_watch_that_starts_again_is_followed_by_a_complete_scan() -> None:
    known = replace(begin(a_volume(None), START), full_ns=10 * S, is_caught_up=True)
    again = replace(known, started_ns=100 * S, is_caught_up=False)
    assert looks(again, hears_all=True).due_ns == 100 * S


def test_a_scan_that_somebody_asked_for_counts() -> None:
    known = replace(begin(a_volume(50 * 60 * S), START), quick_ns=START.steady_ns)
    now = at(100 * S)
    asked = replace(a_volume(None), full_scan_ns=now.wall_ns - 3 * S)
    known = learn(known, asked, now)
    assert looks(known, is_remote=True).full_ns == 97 * S + H


@pytest.mark.parametrize("jump_ns", [-400 * DAY, -DAY, -H, -1, H, DAY, 400 * DAY])
@pytest.mark.parametrize("is_remote", [False, True])
def test_a_clock_that_jumps_neither_stops_looks_nor_makes_them_spin(jump_ns: int, is_remote: bool) -> None:
    """Run three days of looks on a wall clock that jumps in the middle: their number is what it is without a jump."""

    def run(jump_ns: int) -> dict[str, int]:
        counts = {"full": 0, "quick": 0}
        volume = a_volume(None)
        known, steady_ns = begin(volume, START), START.steady_ns
        while steady_ns < 3 * DAY:
            now = at(steady_ns, jump_ns=jump_ns if steady_ns > DAY + H // 2 else 0)
            known = learn(known, volume, now)
            found = looks(known, is_remote=is_remote)
            if found.due_ns > steady_ns:
                steady_ns = found.due_ns
                continue
            counts[found.kind] += 1
            if sum(counts.values()) > 10_000:
                break
            if found.kind == "full":
                volume = replace(volume, full_scan_ns=now.wall_ns)
                known = replace(known, full_ns=steady_ns, is_caught_up=True)
            else:
                volume = replace(volume, quick_scan_ns=now.wall_ns)
                known = replace(known, quick_ns=steady_ns)
            steady_ns += S  # it took a second
        return counts

    usual, jumped = run(0), run(jump_ns)
    assert usual["full"] == (72 if is_remote else 3)
    assert abs(jumped["full"] - usual["full"]) <= 1
    assert abs(jumped["quick"] - usual["quick"]) <= 60


def test_the_next_scan_is_told_on_the_wall_clock() -> None:
    assert wall_of(START.steady_ns + H, START) == START.wall_ns + H


# ---- whether a disk wrote


def test_the_writes_and_discards_of_a_device_are_counted_and_reads_are_not(tmp_path: Path) -> None:
    place = tmp_path / "dev" / "block" / "8:1"
    place.mkdir(parents=True)
    (place / "stat").write_text("  100 1 2 3  200 5 6 7  0 9 10  50 12 13 14  3 4\n")
    device = os.makedev(8, 1)
    assert disk_activity.counter(device, tmp_path) == 250
    (place / "stat").write_text("  999 1 2 3  200 5 6 7  0 9 10  50 12 13 14  3 4\n")
    assert disk_activity.counter(device, tmp_path) == 250
    (place / "stat").write_text("  100 1 2 3  200 5 6 7  0 9 10\n")  # Linux before 4.18
    assert disk_activity.counter(device, tmp_path) == 200


def test_a_file_system_without_a_device_of_its_own_has_no_count(tmp_path: Path) -> None:
    assert disk_activity.counter(os.makedev(0, 50)) is None
    assert disk_activity.counter(os.stat("/proc").st_dev) is None
