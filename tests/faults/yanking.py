"""A cell of the yank matrix: a fault at a random moment of a phase, and what must be true during and after it.

During: the state is noted with its reason, nothing that was said is lost, no row is purged, nothing is called missing that is
only away, the other volume is online and quick. After: online by itself, no file that was read is opened again, `check` is
clean, the tree is the same, the originals are untouched.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from difflib import unified_diff

from catalog.commands.client import submit
from catalog.commands.values import AddVolume
from catalog.store.check import check
from catalog.store.db import open_reader, open_writer
from faults.witness import walk_parts
from faults.yank_bench import BACK_S, DUPLICATES, OTHER, TOPS, YANKED, Bench, Shot, add_whole, wait_until
from sacred import Fingerprint, fingerprints

PHASES = ("first scan", "idle", "rescan", "verify", "purge tick")
NOTED_S = 40.0
HELD_S = 1.5
DAY_NS = 86_400 * 1_000_000_000


# ---- phases: what goes on when the fault comes


def _first_scan(bench: Bench, dice: random.Random) -> None:
    submit(bench.library, AddVolume(YANKED, bytes(bench.rig.place)))
    wait_until(lambda: _count(bench, "location", YANKED) > 0, what="the first rows are there", turn_s=0.01)
    time.sleep(dice.uniform(0, 1.5))


def _idle(bench: Bench, dice: random.Random) -> None:
    time.sleep(dice.uniform(0, 0.5))


def _rescan(bench: Bench, dice: random.Random) -> None:
    scans = _newest(bench, "scan")
    bench.command("scan", YANKED, "--full")
    wait_until(lambda: _newest(bench, "scan") > scans, what="a scan runs", turn_s=0.01)
    time.sleep(dice.uniform(0, 0.4))


def _verify(bench: Bench, dice: random.Random) -> None:
    runs = _newest(bench, "verification")
    bench.command("scan", YANKED, "--verify")
    wait_until(lambda: _newest(bench, "verification") > runs, what="a verification runs", turn_s=0.01)
    time.sleep(dice.uniform(0, 1.0))


def _purge_tick(bench: Bench, dice: random.Random) -> None:
    """Have files that went long ago on both volumes, whose rows go one in a second, and wait until the first went."""
    if not bench.shot().missing(YANKED):
        _let_duplicates_go(bench)
    before = bench.missing()
    wait_until(
        lambda: bench.missing() < before,
        what="rows of what is missing for long go",
    )
    time.sleep(dice.uniform(0, 1.2))


STARTS: dict[str, Callable[[Bench, random.Random], None]] = {
    "first scan": _first_scan,
    "idle": _idle,
    "rescan": _rescan,
    "verify": _verify,
    "purge tick": _purge_tick,
}


def _let_duplicates_go(bench: Bench) -> None:
    for root in (bench.rig.parts[0][0], bench.home / "other"):
        for path in (root / "twice").iterdir():
            path.unlink()
    for volume in (YANKED, OTHER):
        bench.product.run("scan", volume, "--full", **bench.environment)
    assert len(bench.shot().missing(YANKED)) == len(bench.shot().missing(OTHER)) == DUPLICATES
    bench.stop()
    writer = open_writer(bench.library)
    try:
        with writer.atomic():
            writer.execute(
                "UPDATE location SET missing_since_ns = missing_since_ns - ? WHERE state = 'missing'",
                (60 * DAY_NS,),
            )
    finally:
        writer.close()
    bench.originals = _fingerprints(bench)
    bench.opens.take()
    bench.start()


def _count(bench: Bench, table: str, volume: str) -> int:
    sql = f"SELECT count(*) FROM {table} AS t JOIN volume AS v ON v.id = t.volume_id WHERE v.name = ?"
    return int(bench.rows(sql, volume)[0][0])


def _newest(bench: Bench, table: str) -> int:
    sql = f"SELECT coalesce(max(t.id), 0) FROM {table} AS t JOIN volume AS v ON v.id = t.volume_id WHERE v.name = ?"
    return int(bench.rows(sql, YANKED)[0][0])


# ---- a cell


def run_cell(bench: Bench, phase: str, dice: random.Random) -> None:
    """Break the disk in a phase and mend it; AssertionError says what was lost, or not noticed."""
    if phase != "first scan":
        if bench.state()[0] == "none":
            add_whole(bench)
        bench.wait_quiet()
    if not bench.originals:
        bench.originals = _fingerprints(bench)
    tree = bench.tree(*TOPS) if phase != "first scan" else None
    STARTS[phase](bench, dice)
    before = bench.shot()
    bench.rig.inject()
    try:
        noted = _while_broken(bench, before, phase)
        done = noted.done[YANKED] if phase != "verify" else _compared(bench)
        bench.opens.take()
    finally:
        bench.rig.undo()
    _after_return(bench, before, phase, done)
    if tree is not None and phase != "purge tick":
        difference = list(unified_diff(tree, bench.tree(*TOPS), lineterm="", n=0))
        assert not difference, f"the tree is another one: {difference[:20]}"


def _compared(bench: Bench) -> set[str]:
    """Return what the newest verification has compared: whoever goes on with it opens only the others."""
    rows = bench.rows(
        "SELECT CAST(CASE d.path WHEN x'' THEN l.name ELSE d.path || '/' || l.name END AS TEXT) FROM location AS l"
        " JOIN directory AS d ON d.id = l.directory_id JOIN volume AS v ON v.id = l.volume_id WHERE v.name = ?"
        " AND l.verified_ns >= (SELECT max(started_ns) FROM verification)",
        YANKED,
    )
    return {row[0] for row in rows}


def _while_broken(bench: Bench, before: Shot, phase: str) -> Shot:
    fault = bench.fault

    def is_noted() -> bool:
        state, reason = bench.state()
        return state in fault.states and (state == "online" or fault.reason in (reason or ""))

    wait_until(is_noted, what=f"the state is one of {fault.states} ({bench.state()})", deadline_s=NOTED_S)
    if len(bench.rig.parts) > 1:
        wait_until(
            lambda: bench.rows("SELECT 1 FROM nested_mount WHERE state = 'away'"),
            what="the nested mount is away",
        )
    noted = bench.shot()
    _assert_other_is_quick(bench)
    time.sleep(HELD_S)
    held = bench.shot()
    for shot in (noted, held):
        _assert_nothing_lost(bench, before, shot, phase)
        assert shot.states[OTHER][0] == "online", shot.states
    if "online" not in fault.states:
        gone = noted.locations.keys() - held.locations.keys()
        assert not gone, f"rows were purged while a volume is away: {[noted.locations[one] for one in gone]}"
    _assert_other_is_quick(bench)
    return held


def _assert_other_is_quick(bench: Bench) -> None:
    """The best of three counts: the benches of other faults use the same two cores."""
    took_s = min(bench.read_other() for _ in range(3))
    assert took_s < 1.0, f"listing and reading the other volume took {took_s:.1f} s"


def _assert_nothing_lost(bench: Bench, before: Shot, after: Shot, phase: str) -> None:
    assert after.statements == before.statements, "statements are lost or changed"
    assert after.journal >= before.journal
    overdue = (
        {key for key, row in before.locations.items() if row[2] == "missing"}
        if phase == "purge tick"
        else set()
    )
    purged = before.locations.keys() - after.locations.keys() - overdue
    assert not purged, f"rows were purged: {[before.locations[one] for one in purged]}"
    assert after.missing(OTHER) <= before.missing(OTHER)
    if not bench.fault.may_miss:
        missing = after.missing(YANKED) - before.missing(YANKED)
        assert not missing, f"called missing: {sorted(missing)[:5]} ({len(missing)})"


def _after_return(bench: Bench, before: Shot, phase: str, done: set[str]) -> None:
    wait_until(
        lambda: bench.state() == ("online", None), what="the volume is online again", deadline_s=BACK_S
    )
    if bench.fault.wants_scan:
        bench.product.run("scan", YANKED, **bench.environment)
    opened: set[str] = set()

    def is_whole() -> bool:
        opened.update(bench.opens.take())
        late = bench.shot().missing(YANKED) - before.missing(YANKED)
        return not late and not bench.is_due()

    wait_until(is_whole, what="all files are back and read", deadline_s=BACK_S)
    time.sleep(1.5)
    opened |= bench.opens.take()
    again = opened & done
    assert not again, f"{len(again)} files were opened again: {sorted(again)[:5]}"
    after = bench.shot()
    _assert_nothing_lost(bench, before, after, phase)
    stored = {os.path.join(shown, name) for _, shown, names in walk_parts(bench.rig.parts) for name in names}
    present = {path for name, path, state in after.locations.values() if (name, state) == (YANKED, "present")}
    if phase == "first scan":
        bench.say(YANKED)
    assert stored == present, (
        f"not in the catalog: {sorted(stored - present)[:5]}, too much: {sorted(present - stored)[:5]}"
    )
    assert _fingerprints(bench) == bench.originals, "originals were touched"
    bench.opens.take()
    _assert_checks(bench)
    if phase == "purge tick":
        left = len(after.missing(YANKED)) + len(after.missing(OTHER))
        wait_until(
            lambda: bench.missing() < left,
            what="rows go again when all is back",
        )


def _fingerprints(bench: Bench) -> list[dict[bytes, Fingerprint]]:
    """Fingerprint all originals; not a root whose mode the fault itself changes, and with it its change time."""
    found = [fingerprints(root) for root, _ in bench.rig.parts]
    if bench.fault.is_user:
        for of_part in found:
            del of_part[b"."]
    return found


def _assert_checks(bench: Bench) -> None:
    """`check` finds nothing; while the daemon writes, a question may fall between two transactions: then once more."""
    for _ in range(3):
        reader = open_reader(bench.library)
        try:
            found = check(reader)
        finally:
            reader.close()
        if not found:
            return
        time.sleep(0.3)
    raise AssertionError(f"check: {found[:3]}")
