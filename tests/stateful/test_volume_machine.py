"""Volumes that vanish, against a model: whatever is done to disks, clocks and processes, no photo and no word is lost.

Two disks with files as `lstat` shows them; random file operations, volumes that go, come back empty or as another disk, listings
that end half-way or fail, kills, clocks that jump, ticks of the missing rule, forgetting, `accept-empty`, and words said meanwhile.
The tick is the daemon's (`daemon.missing`), the judge the real one; what a probe finds is the model's.

The model remembers what people would: uids with their names and words, how long (of real time) and for how many complete scans
a file is gone. Short in every run, thousands of steps with --long; seeded mutants make it fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pytest
import trio
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from catalog.ids import LocationId, VolumeId
from catalog.store import scanning as store
from catalog.store import second_look, traces, volumes
from catalog.store.derive import read_inputs
from catalog.store.photos import resolve_photo
from catalog.values import DirectoryListing, Volume
from daemon.bell import Bell
from daemon.config import ScanSection
from daemon.missing import Missing
from daemon.services import forget_states
from sacred import REPOSITORY
from source_mutant import seed_mutant
from store_harness import NOW_NS, File, StoreHarness, digest, make_harness

DAY_NS = 86_400 * 10**9
Disk = dict[bytes, dict[bytes, File]]
Condition = Literal["on", "off", "empty", "swapped"]

DISKS = st.integers(0, 1)
CONDITIONS: list[Condition] = ["on", "on", "on", "on", "off", "empty", "swapped"]
DIRECTORIES = [b"a", b"a/b", b"c"]
NAMES = [b"1.JPG", b"2.JPG", b"3.JPG", b"n.txt"]
PLACES = [(directory, name) for directory in DIRECTORIES for name in NAMES]
PATHS = st.sampled_from(PLACES)
BODIES = st.integers(0, 12).map("body {:02d}".format)
Place = tuple[bytes, bytes]
Operation = tuple[int, str, int, Place, str]
OPERATION_NAMES = [
    "create",
    "edit_in_place",
    "edit_and_keep_mtime",
    "rename",
    "move_to_the_other_disk",
    "copy",
    "copy_with_its_time",
    "hard_link",
    "swap",
    "delete",
    "delete_directory",
    "restore",
]
OPERATIONS = st.lists(
    st.tuples(
        DISKS,
        st.sampled_from([*OPERATION_NAMES, "create", "rename", "delete"]),
        st.integers(0, 50),
        PATHS,
        BODIES,
    ),
    max_size=6,
)
_JUDGED: dict[Condition, tuple[Any, str | None]] = {
    "on": ("online", None),
    "off": ("offline", "nothing is there"),
    "empty": ("suspect", "it is empty"),
    "swapped": ("suspect", "another storage is there"),
}


@dataclass(slots=True)
class Mounted:
    """A disk as its owner knows it, and where the catalog has it."""

    volume_id: VolumeId
    files: Disk
    condition: Condition = "on"
    complete_scans: int = 0


@dataclass(slots=True)
class Gone:
    """A file that two looks did not find."""

    since_true_ns: int
    scans_then: int
    volume_id: VolumeId
    was_clock_behind: bool


@dataclass(slots=True)
class Direct:
    """What `Missing` needs of the writer's service and of the volumes', on one connection and without a loop between."""

    catalog: StoreHarness
    bell: Bell = field(default_factory=Bell)

    async def run_batch(self, function: Callable[..., Any], /, *args: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return function(self.catalog.writer, *args)

    async def read(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return function(self.catalog.writer, *args, **kwargs)

    async def all(self) -> list[Volume]:
        await trio.lowlevel.checkpoint()
        return volumes.volumes(self.catalog.writer)

    async def may_destroy(self) -> str | None:
        await trio.lowlevel.checkpoint()
        away = traces.away_volumes(self.catalog.writer)
        return f"{away[0]} is away" if away else None


class VolumeMachine(RuleBasedStateMachine):
    """One library, two disks."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="glassine-volumes-"))
        self.catalog: StoreHarness = make_harness(self.directory / "library")
        self.other = volumes.add_volume(self.catalog.writer, "Other", b"/other", now_ns=NOW_NS)
        volumes.set_volume_state(self.catalog.writer, self.other, "online", None, NOW_NS)
        self.disks = [
            Mounted(self.catalog.volume_id, {b"": {}, **{one: {} for one in DIRECTORIES}}),
            Mounted(self.other, {b"": {}, **{one: {} for one in DIRECTORIES}}),
        ]
        self.inode = 100
        self.stamp = 1_600_000_000 * 10**9
        self.deleted: list[File] = []
        # Inodes whose bytes changed and whose mtime did not; and those where another reason explains the new change time.
        self.edited: set[int] = set()
        self.beyond_notice: set[int] = set()
        # Time as it is, and by how much the wall clock is wrong.
        self.true_ns = NOW_NS
        self.wrong_ns = 0
        self.steady_ns = NOW_NS
        self.has_believed_a_wrong_clock = False
        self.name_of: dict[str, str] = {}
        self.words_of: dict[str, set[str]] = {}
        self.words_of_body: dict[str, set[str]] = {}
        self.word = 0
        self.gone: dict[LocationId, Gone] = {}
        self.forgotten = 0
        for disk in (0, 1):
            for number in range(4):
                self.create(
                    disk, PLACES[number], PLACES[5 * number % len(PLACES)], f"body {disk * 3 + number:02d}"
                )
        self.settle([])

    # ---- the disks

    def fresh(self, body: str, **stamps: int) -> File:
        self.inode += 1
        self.stamp += 10**9
        stamps = {"mtime_ns": self.stamp, "ctime_ns": self.stamp, "inode": self.inode} | stamps
        return File(body, **stamps)

    def file_at(self, disk: int, place: Place) -> File | None:
        return self.disks[disk].files.get(place[0], {}).get(place[1])

    def write(self, disk: int, place: Place, file: File) -> None:
        files = self.disks[disk].files
        above = place[0].rpartition(b"/")[0]
        files.setdefault(above, {})
        files.setdefault(place[0], {})[place[1]] = file

    def unlink(self, disk: int, place: Place) -> File | None:
        file = self.disks[disk].files.get(place[0], {}).pop(place[1], None)
        if file is not None:
            self.deleted.append(file)
        return file

    @rule(operations=OPERATIONS)
    def operate(self, operations: list[Operation]) -> None:
        """Do something to files and directories."""
        for disk, name, number, goal, body in operations:
            known = self.places(disk)
            place = known[number % len(known)] if known else goal
            getattr(self, name)(disk, place, goal, body)

    def places(self, disk: int) -> list[Place]:
        return sorted((path, name) for path, names in self.disks[disk].files.items() for name in names)

    def create(self, disk: int, place: Place, goal: Place, body: str) -> None:
        self.write(disk, goal, self.fresh(body))

    def edit_in_place(self, disk: int, place: Place, goal: Place, body: str) -> None:
        file = self.file_at(disk, place)
        if file is not None:
            self.change(disk, file, self.fresh(body, inode=file.inode))
            self.beyond_notice.discard(file.inode)

    def edit_and_keep_mtime(self, disk: int, place: Place, goal: Place, body: str) -> None:
        file = self.file_at(disk, place)
        if file is not None:
            (self.edited if self.is_known(disk, place, file) else self.beyond_notice).add(file.inode)
            self.change(disk, file, self.fresh(body, inode=file.inode, mtime_ns=file.mtime_ns))

    def is_known(self, disk: int, place: Place, file: File) -> bool:
        """Tell whether the catalog knows a file as it is, under its only name: then its new change time tells of an edit."""
        row = self.catalog.writer.row(
            "SELECT l.inode, l.mtime_ns, l.ctime_ns FROM location AS l JOIN directory AS d ON d.id = l.directory_id"
            " WHERE l.volume_id = ? AND d.path = ? AND l.name = ? AND l.state = 'present'",
            (self.disks[disk].volume_id, *place),
        )
        names = [
            one
            for held in self.disks[disk].files.values()
            for one in held.values()
            if one.inode == file.inode
        ]
        return row == (file.inode, file.mtime_ns, file.ctime_ns) and len(names) == 1

    def touch(self, file: File) -> File:
        """Return it with the change time that a rename or a link leaves; an edit that nobody saw yet hides behind that."""
        if file.inode in self.edited:
            self.beyond_notice.add(file.inode)
        return replace(file, ctime_ns=file.ctime_ns + 1)

    def change(self, disk: int, before: File, after: File) -> None:
        """All names of the inode show the same file."""
        for names in self.disks[disk].files.values():
            for name, file in names.items():
                if file.inode == before.inode:
                    names[name] = after

    def rename(self, disk: int, place: Place, goal: Place, body: str) -> None:
        file = self.file_at(disk, place)
        if file is not None and place != goal:
            self.unlink(disk, goal)
            self.disks[disk].files[place[0]].pop(place[1])
            self.write(disk, goal, self.touch(file))

    def move_to_the_other_disk(self, disk: int, place: Place, goal: Place, body: str) -> None:
        file = self.unlink(disk, place)
        if file is not None:
            self.write(1 - disk, goal, self.fresh(file.body, mtime_ns=file.mtime_ns))

    def copy(self, disk: int, place: Place, goal: Place, body: str) -> None:
        file = self.file_at(disk, place)
        if file is not None and place != goal:
            self.write(disk, goal, self.fresh(file.body))

    def copy_with_its_time(self, disk: int, place: Place, goal: Place, body: str) -> None:
        file = self.file_at(disk, place)
        if file is not None and place != goal:
            self.write(disk, goal, self.fresh(file.body, mtime_ns=file.mtime_ns))

    def hard_link(self, disk: int, place: Place, goal: Place, body: str) -> None:
        file = self.file_at(disk, place)
        if file is not None and place != goal:
            self.unlink(disk, goal)
            linked = replace(self.touch(file), access=file.access + 1)
            self.change(disk, file, linked)
            self.write(disk, goal, linked)

    def swap(self, disk: int, place: Place, goal: Place, body: str) -> None:
        one, other = self.file_at(disk, place), self.file_at(disk, goal)
        if one is not None and other is not None:
            self.write(disk, goal, self.touch(one))
            self.write(disk, place, self.touch(other))

    def delete(self, disk: int, place: Place, goal: Place, body: str) -> None:
        self.unlink(disk, place)

    def delete_directory(self, disk: int, place: Place, goal: Place, body: str) -> None:
        files = self.disks[disk].files
        for path in [one for one in files if one == goal[0] or one.startswith(goal[0] + b"/")]:
            self.deleted.extend(files.pop(path).values())

    def restore(self, disk: int, place: Place, goal: Place, body: str) -> None:
        """From a backup: the bytes and the time of a file that was there once."""
        if self.deleted:
            file = self.deleted[int(body[-2:]) % len(self.deleted)]
            self.write(disk, goal, self.fresh(file.body, mtime_ns=file.mtime_ns))

    # ---- volumes, processes, clocks

    @rule(disk=DISKS, condition=st.sampled_from(CONDITIONS), is_noticed=st.booleans())
    def plug(self, disk: int, condition: Condition, is_noticed: bool) -> None:
        self.disks[disk].condition = condition
        if is_noticed or condition == "on":
            self.probe(disk)

    def probe(self, disk: int) -> None:
        mounted = self.disks[disk]
        state, reason = _JUDGED[mounted.condition]
        volumes.set_volume_state(self.catalog.writer, mounted.volume_id, state, reason, self.now())

    @rule(disk=DISKS)
    def accept_empty(self, disk: int) -> None:
        """The owner says that what is gone is gone; where the root is empty, for ever."""
        mounted = self.disks[disk]
        volumes.accept_absence(self.catalog.writer, mounted.volume_id, self.now())
        if mounted.condition == "empty":
            for names in mounted.files.values():
                self.deleted.extend(names.values())
            mounted.files = {b"": {}}
            mounted.condition = "on"
            self.probe(disk)

    @rule(hours=st.sampled_from([1, 24 * 8, 24 * 31]), jump_days=st.sampled_from([0, 0, 0, -400, -3, 3, 400]))
    def time_passes(self, hours: int, jump_days: int) -> None:
        """Time goes by, and the wall clock is set right, or wrong."""
        self.pass_time(hours * 3_600)
        self.wrong_ns = jump_days * DAY_NS

    def pass_time(self, seconds: int) -> None:
        self.true_ns += seconds * 10**9
        self.steady_ns += seconds * 10**9

    def now(self) -> int:
        """Return what the wall clock says; it never stands still."""
        self.true_ns += 1_000
        self.steady_ns += 1_000
        self.catalog.now_ns = self.true_ns + self.wrong_ns
        return self.catalog.now_ns

    @rule()
    def kill(self) -> None:
        self.catalog.reopen()
        now_ns = self.now()
        store.abandon_scans(self.catalog.writer, now_ns)
        forget_states(self.catalog.writer, now_ns)
        self.steady_ns = now_ns
        self.has_believed_a_wrong_clock |= self.wrong_ns != 0
        for disk in (0, 1):
            self.probe(disk)

    # ---- looking

    def is_seen(self, disk: int) -> bool:
        mounted = self.disks[disk]
        volume = volumes.volume_by_id(self.catalog.writer, mounted.volume_id)
        return mounted.condition == "on" and volume.state == "online"

    def turn_to(self, disk: int) -> None:
        self.now()
        self.catalog.volume_id = self.disks[disk].volume_id
        self.catalog.disk = self.disks[disk].files

    def list_one(self, disk: int, path: bytes) -> None:
        self.turn_to(disk)
        diff = self.catalog.list_directory(path)
        for one in diff.gone:
            if one.kind == "d":
                self.settle_directory(disk, one.path)
        self.note_what_is_gone()

    def settle_directory(self, disk: int, path: bytes) -> None:
        """What the second look does below a directory that is gone, deepest first."""
        volume_id = self.disks[disk].volume_id
        rows = self.catalog.writer.rows(
            "SELECT id, path FROM directory WHERE volume_id = ? AND state = 'present' ORDER BY path DESC",
            (volume_id,),
        )
        for directory_id, found in rows:
            if found == path or found.startswith(path + b"/"):
                files = [one for one, _ in second_look.files_in(self.catalog.writer, directory_id)]
                second_look.settle_gone(self.catalog.writer, volume_id, files, self.now())
                second_look.settle_directory(self.catalog.writer, volume_id, directory_id, self.now())

    @rule(disk=DISKS, operations=OPERATIONS, wanted=st.sets(st.sampled_from([b"", *DIRECTORIES])))
    def look_at_some(self, disk: int, operations: list[Operation], wanted: set[bytes]) -> None:
        self.operate(operations)
        for path in sorted(wanted & self.disks[disk].files.keys()):
            if self.is_seen(disk):
                self.list_one(disk, path)

    @rule(disk=DISKS, directory=st.sampled_from(DIRECTORIES), fails=st.booleans())
    def look_half_way(self, disk: int, directory: bytes, fails: bool) -> None:
        """A listing that is cut: by a kill, or by an error at its end."""
        if not self.is_seen(disk) or directory not in self.disks[disk].files:
            return
        self.turn_to(disk)
        entries = self.catalog.entries(directory)[:1]
        error = "EIO" if fails else None
        part = DirectoryListing(directory, 5, entries, is_first=True, is_last=fails, digest=None, error=error)
        store.apply_listing(self.catalog.writer, self.catalog.volume_id, part, self.now())

    @rule(disk=DISKS)
    def scan(self, disk: int) -> None:
        if not self.is_seen(disk):
            return
        mounted = self.disks[disk]
        row = store.begin_scan(self.catalog.writer, mounted.volume_id, "full", self.now())
        for path in sorted(mounted.files):
            self.list_one(disk, path)
        store.end_scan(self.catalog.writer, row, "done", counts={}, now_ns=self.now())
        mounted.complete_scans += 1

    @rule(disk=DISKS)
    def read(self, disk: int) -> None:
        if self.is_seen(disk):
            self.turn_to(disk)
            self.catalog.read_facts()
            self.catalog.read_hashes()

    @rule(operations=OPERATIONS)
    def settle(self, operations: list[Operation]) -> None:
        """Scan and read everything that is there: then the catalog knows exactly what the disks hold."""
        self.operate(operations)
        seen = [disk for disk in (0, 1) if self.is_seen(disk)]
        for disk in seen:
            self.scan(disk)
        for _ in range(6):
            for disk in seen:
                self.pass_time(700)
                self.read(disk)
        for disk in seen:
            self.compare(disk)

    def compare(self, disk: int) -> None:
        mounted = self.disks[disk]
        rows = self.catalog.writer.rows(
            "SELECT d.path, l.name, c.hash, a.uid FROM location AS l JOIN directory AS d ON d.id = l.directory_id"
            " LEFT JOIN content AS c ON c.id = l.content_id LEFT JOIN asset AS a ON a.id = c.asset_id"
            " WHERE l.volume_id = ? AND l.state = 'present'",
            (mounted.volume_id,),
        )
        known = {(bytes(directory), bytes(name)): (found, uid) for directory, name, found, uid in rows}
        held = {(path, name): file for path, names in mounted.files.items() for name, file in names.items()}
        assert known.keys() == held.keys()
        self.edited -= {file.inode for file in held.values()}
        for place, file in held.items():
            # What no stamp shows is for a verification to find.
            if place[1].endswith(b".JPG") and file.inode not in self.beyond_notice:
                found, uid = known[place]
                assert found == digest(file.body), place
                words = self.words(uid)
                assert words >= self.words_of_body.get(file.body, set()), place

    @rule(operations=OPERATIONS, days=st.sampled_from([6, 8, 31]), scans=st.integers(1, 2))
    def weeks_pass(self, operations: list[Operation], days: int, scans: int) -> None:
        """Nothing happens for a while but scans and ticks."""
        self.settle(operations)
        self.pass_time(days * 86_400)
        for _ in range(scans):
            for disk in (0, 1):
                self.scan(disk)
        self.tick()

    # ---- what people do

    def words(self, uid: str) -> set[str]:
        asset_id = resolve_photo(self.catalog.writer, uid)
        return {element for name, element in self.catalog.said(asset_id) if name == "tag"}

    @precondition(lambda self: self.name_of)
    @rule(numbers=st.lists(st.integers(0, 100), min_size=1, max_size=5))
    def say(self, numbers: list[int]) -> None:
        uids = sorted(self.name_of)
        for number in numbers:
            uid = uids[number % len(uids)]
            self.word += 1
            word = f"word{self.word}"
            asset_id = resolve_photo(self.catalog.writer, uid)
            self.now()
            self.catalog.say(asset_id, "tag", "true", element=word, made_ns=self.word)
            self.words_of.setdefault(uid, set()).add(word)
            self.remember_word_of_bytes(asset_id, word)

    def remember_word_of_bytes(self, asset_id: int, word: str) -> None:
        """What is said of a photo whose bytes were read is said of these bytes, wherever they turn up."""
        found = self.catalog.writer.value(
            "SELECT c.hash FROM asset AS a JOIN content AS c ON c.id = a.content_id WHERE a.id = ?",
            (asset_id,),
        )
        for number in range(13):
            body = f"body {number:02d}"
            if found == digest(body):
                self.words_of_body.setdefault(body, set()).add(word)

    @rule(disk=DISKS, steps=st.integers(0, 3))
    def forget(self, disk: int, steps: int) -> None:
        """Forget a volume, perhaps with a kill in the middle of its sweeping, and add the disk again."""
        mounted = self.disks[disk]
        writer = self.catalog.writer
        volumes.mark_forgotten(writer, mounted.volume_id, self.now())
        for _ in range(steps):
            traces.sweep_forgotten(writer, self.now(), 2)
        if steps % 2:
            self.kill_but_probe_nothing(disk)
        while traces.sweep_forgotten(self.catalog.writer, self.now(), 5):
            pass
        self.forgotten += 1
        mounted.volume_id = volumes.add_volume(
            self.catalog.writer,
            f"Disk {self.forgotten}",
            f"/disk/{self.forgotten}".encode(),
            now_ns=self.now(),
        )
        mounted.complete_scans = 0
        self.probe(disk)
        self.gone = {one: gone for one, gone in self.gone.items() if self.has_row(one)}

    def kill_but_probe_nothing(self, disk: int) -> None:
        self.catalog.reopen()
        forget_states(self.catalog.writer, self.now())
        self.probe(1 - disk)

    def has_row(self, location_id: LocationId) -> bool:
        return self.catalog.writer.row("SELECT 1 FROM location WHERE id = ?", (location_id,)) is not None

    # ---- the rule of the missing

    @rule()
    def tick(self) -> None:
        before = self.row_ids()
        away = [one.name for one in volumes.volumes(self.catalog.writer) if one.state != "online"]
        direct = Direct(self.catalog)
        missing = Missing(direct, direct, ScanSection(missing_guard_percent=100))  # type: ignore[arg-type]
        self.now()
        dropped = trio.run(missing.tick, min(self.steady_ns, self.catalog.now_ns))
        went = before - self.row_ids()
        assert len(went) == dropped
        assert not (went and away), f"rows went while {away} were away"
        for location_id in went:
            gone = self.gone.pop(location_id)
            scans = (
                next(one.complete_scans for one in self.disks if one.volume_id == gone.volume_id)
                - gone.scans_then
            )
            days = (self.true_ns - gone.since_true_ns) / DAY_NS
            is_due = (days >= 7 and scans >= 2) or (days >= 30 and scans >= 1)
            # The price (decision 0006): a clock that was behind when a file went, or wrong when we started, is believed.
            is_doubtful = gone.was_clock_behind or self.has_believed_a_wrong_clock
            assert is_due or (is_doubtful and scans >= 1), f"it went after {days} days, {scans} scans"

    def row_ids(self) -> set[LocationId]:
        return {LocationId(row[0]) for row in self.catalog.writer.rows("SELECT id FROM location")}

    # ---- what always holds

    @invariant()
    def nothing_is_lost(self) -> None:
        self.note_what_is_gone()
        writer = self.catalog.writer
        for uid, name in writer.rows("SELECT uid, name FROM asset"):
            assert self.name_of.setdefault(uid, name) == name, f"{uid} was called {self.name_of[uid]}"
        for uid in self.name_of:
            asset_id = resolve_photo(writer, uid)
            (inputs,) = read_inputs(writer, [asset_id])
            assert inputs.content is not None, f"{uid} has no bytes"
            assert inputs.location is not None, f"nobody knows where {uid} was"
            assert self.words(uid) >= self.words_of.get(uid, set()), f"words about {uid} are lost"

    def note_what_is_gone(self) -> None:
        rows = self.catalog.writer.rows("SELECT id, volume_id FROM location WHERE state = 'missing'")
        scans = {one.volume_id: one.complete_scans for one in self.disks}
        missing = {LocationId(row[0]): VolumeId(row[1]) for row in rows}
        self.gone = {one: gone for one, gone in self.gone.items() if one in missing}
        for location_id, volume_id in missing.items():
            self.gone.setdefault(
                location_id, Gone(self.true_ns, scans.get(volume_id, 0), volume_id, self.wrong_ns < 0)
            )

    @invariant()
    def the_catalog_is_sound(self) -> None:
        violations = self.catalog.check()
        assert violations == [], violations

    def teardown(self) -> None:
        self.catalog.close()
        shutil.rmtree(self.directory)


PROFILE = settings(
    max_examples=10,
    stateful_step_count=60,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # shrinking a real library takes minutes; do it by hand
    suppress_health_check=list(HealthCheck),
    database=None,
)


@pytest.mark.slow
def test_whatever_happens_to_volumes_no_photo_and_no_word_is_lost() -> None:
    run_state_machine_as_test(VolumeMachine, settings=PROFILE)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(3600)
def test_thousands_of_steps() -> None:
    run_state_machine_as_test(
        VolumeMachine, settings=settings(PROFILE, max_examples=150, stateful_step_count=100)
    )


# ---- mutants: a machine that cannot fail proves nothing

MUTANTS = [
    pytest.param(
        "catalog.store.trace_rows",
        "or not (one.is_present or (one.is_current and one.id == one.ruling_id))",
        "or not one.is_present",
        id="the last trace of a photo goes too",
    ),
    pytest.param(
        "catalog.absence_rule",
        "((7, 2), (30, 1))",
        "((1, 1), (30, 0))",
        id="the grace is shorter than it should be",
    ),
    pytest.param(
        "catalog.store.traces",
        'one.state in ("unknown", "suspect", "offline")',
        'one.state == "unknown"',
        id="a volume that is away holds nothing back",
    ),
    pytest.param(
        "catalog.store.traces",
        "mark_missing(writer, volume_id, [LocationId(row[0]) for row in rows], now_ns)",
        "pass",
        id="files of a forgotten volume stay present",
        marks=pytest.mark.long,
    ),
    pytest.param(
        "catalog.store.trace_rows",
        "    _delete(writer, gone)\n    refresh.apply(now_ns)",
        "    _delete(writer, gone)",
        id="photos are not derived anew when a row goes",
        marks=pytest.mark.long,
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("module", "old", "new"), MUTANTS)
def test_the_machine_notices_a_mutant(tmp_path: Path, module: str, old: str, new: str) -> None:
    mutant = seed_mutant(tmp_path / "mutant", module, old, new)
    paths = os.pathsep.join(map(str, (mutant, REPOSITORY, REPOSITORY / "tests")))
    ended = subprocess.run(
        [sys.executable, "-c", "from stateful.test_volume_machine import run_the_same; run_the_same()"],
        env={**os.environ, "PYTHONPATH": paths},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert ended.returncode != 0, "nothing was noticed"
    assert "Failing test case: <state machine>" in ended.stdout + ended.stderr, ended.stderr


@pytest.mark.slow
@pytest.mark.long
def test_without_a_mutant_the_same_examples_are_fine() -> None:
    run_the_same()


def run_the_same() -> None:
    """Run the machine on the same examples each time."""
    run_state_machine_as_test(VolumeMachine, settings=settings(PROFILE, max_examples=60, derandomize=True))
