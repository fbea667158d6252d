"""Who may be purged: every row of the rule, and what no rule may ever let through."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.ids import AssetId, ContentHash, LocationId, Uid, VolumeId
from catalog.purge import (
    KEPT_BECAUSE,
    LASTING,
    PurgeRule,
    TrashedFile,
    Written,
    purge_after_ns,
    why_kept,
    why_never,
    why_stopped,
)

DAY_NS = 86_400 * 10**9
TRASHED_NS = 1_790_000_000 * 10**9
RULE = PurgeRule(TRASHED_NS + 30 * DAY_NS, 30 * DAY_NS)
FILE = TrashedFile(
    location_id=LocationId(1), asset_id=AssetId(2), uid=Uid("u" * 26), name="a.jpg", trashed_ns=TRASHED_NS,
    volume_id=VolumeId(3), volume="Photos", volume_mode="rw", volume_state="online", backend="local", path=b"a.jpg",
    is_present=True, size=7, mtime_ns=5, ctime_ns=6, inode=8, hash=ContentHash(b"h" * 32),
)  # fmt: skip
WRITTEN = Written(1, FILE.location_id, FILE.asset_id, ContentHash(b"h" * 32), 7, 5, 6, 8, RULE.now_ns)


def test_what_fits_every_rule_may_go() -> None:
    assert why_kept(FILE, RULE) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"trashed_ns": None}, "not_trashed"),
        ({"is_present": False}, "gone"),
        ({"volume_mode": "ro"}, "read_only"),
        ({"backend": "memory"}, "no_removal"),
        ({"hash": None}, "not_hashed"),
        ({"trashed_ns": TRASHED_NS + 1}, "retention"),
        ({"volume_state": "unknown"}, "offline"),
        ({"volume_state": "suspect"}, "offline"),
        ({"volume_state": "offline"}, "offline"),
        ({"volume_state": "disabled"}, "offline"),
        ({"volume_state": "retired"}, "offline"),
        ({"is_in_use": True}, "in_use"),
        ({"is_undecided": True}, "undecided"),
    ],
)
def test_each_of_these_alone_keeps_a_file(change: dict[str, object], reason: str) -> None:
    changed = replace(FILE, **change)  # type: ignore[arg-type]
    assert why_kept(changed, RULE) == reason
    assert (why_never(changed) is not None or changed.trashed_ns is None) == (reason in LASTING)
    assert KEPT_BECAUSE[reason]


@given(
    trashed_ns=st.integers(-(2**62), 2**62),
    mtime_ns=st.integers(-(2**62), 2**62),
    ctime_ns=st.integers(-(2**62), 2**62),
    now_ns=st.integers(-(2**62), 2**62),
    days=st.integers(0, 36_500),
)
def test_only_the_moment_of_trashing_counts(
    trashed_ns: int, mtime_ns: int, ctime_ns: int, now_ns: int, days: int
) -> None:
    file = replace(FILE, trashed_ns=trashed_ns, mtime_ns=mtime_ns, ctime_ns=ctime_ns)
    is_kept = why_kept(file, PurgeRule(now_ns, days * DAY_NS)) is not None
    assert is_kept == (now_ns - trashed_ns < days * DAY_NS)


@given(
    mode=st.sampled_from(["ro", "rw"]),
    state=st.sampled_from(["unknown", "online", "suspect", "offline", "disabled", "retired"]),
    facts=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    min_age_ns=st.integers(0, 100 * DAY_NS),
)
def test_nothing_but_hashed_free_present_files_of_online_writable_volumes_ever_goes(
    mode: str, state: str, facts: tuple[bool, bool, bool], min_age_ns: int
) -> None:
    is_hashed, is_present, is_in_use = facts
    file = replace(
        FILE, volume_mode=mode, volume_state=state, hash=FILE.hash if is_hashed else None,  # type: ignore[arg-type]
        is_present=is_present, is_in_use=is_in_use,
    )  # fmt: skip
    if why_kept(file, PurgeRule(RULE.now_ns, min_age_ns)) is None:
        assert (mode, state, is_hashed, is_present, is_in_use) == ("rw", "online", True, True, False)
        assert min_age_ns <= 30 * DAY_NS


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"is_undecided": True}, None),
        ({"hash": ContentHash(b"x" * 32)}, "changed"),
        ({"size": 8}, "changed"),
        ({"mtime_ns": 9}, "changed"),
        ({"ctime_ns": 9}, "changed"),
        ({"inode": 9}, "changed"),
        ({"trashed_ns": None}, "not_trashed"),
        ({"trashed_ns": RULE.now_ns + 1}, "trashed_anew"),
        ({"volume_state": "suspect"}, "offline"),
        ({"volume_mode": "ro"}, "read_only"),
        ({"is_in_use": True}, "in_use"),
        ({"is_present": False}, "gone"),
    ],
)
def test_what_was_written_down_stops_when_anything_is_otherwise_now(
    change: dict[str, object], reason: str | None
) -> None:
    assert why_stopped(WRITTEN, replace(FILE, **change), RULE) == reason  # type: ignore[arg-type]


def test_a_file_that_is_no_photos_any_more_stops() -> None:
    assert why_stopped(WRITTEN, None, RULE) == "not_trashed"


def test_a_photo_is_purged_by_itself_after_its_retention_if_any_file_ever_may_go() -> None:
    read_only = replace(FILE, volume_mode="ro")
    assert purge_after_ns((read_only,), 30 * DAY_NS) is None
    assert purge_after_ns((), 30 * DAY_NS) is None
    away = replace(FILE, volume_state="offline")
    assert purge_after_ns((read_only, away), 30 * DAY_NS) == TRASHED_NS + 30 * DAY_NS
