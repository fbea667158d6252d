"""Watching at its limits: queues that overflow, too few watches, disks that sleep, one volume that fails. Needs root.

The limits are the kernel's own (sysctl), set small for the length of a test.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from living import Living
from test_watch import eventually, watched

import daemon.watch
from catalog.errors import VolumeOffline
from catalog.ids import VolumeId
from catalog.store import scanning
from daemon.config import ScanSection
from daemon.excludes import Excludes
from daemon.mount_events import open_mount_events
from daemon.volume_process.walk import Territory
from daemon.volume_process.watchers import InotifyWatcher
from faults.fault_fs import open_fault_fs
from loop_disk import loop_disk
from source_mutant import seed_mutant

pytestmark = [pytest.mark.root, pytest.mark.slow]

OPERATIONS = 20_000


@contextmanager
def limit(name: str, value: int) -> Iterator[None]:
    """Set a limit of the kernel below /proc/sys/fs."""
    path = Path("/proc/sys/fs") / name
    before = path.read_text()
    path.write_text(str(value))
    try:
        yield
    finally:
        path.write_text(before)


@pytest.fixture
def without_fanotify() -> Iterator[None]:
    """Let the kernel refuse every new fanotify group."""
    with limit("fanotify/max_user_groups", 0):
        yield


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "photos"
    (path / "2019").mkdir(parents=True)
    (path / "2019" / "first.txt").write_bytes(b"first")
    return path


def truth_of(root: Path) -> set[bytes]:
    return {
        os.fsencode(os.path.relpath(os.path.join(where, name), root))
        for where, _, names in os.walk(root)
        for name in names
    }


def becomes_true(living: Living, root: Path) -> Callable[[], Awaitable[bool]]:
    async def is_true() -> bool:
        return await living.files() == truth_of(root)

    return is_true


@pytest.mark.usefixtures("without_fanotify")
async def test_lost_events_lead_to_a_look_at_everything_and_directories_that_were_lost_are_watched(
    tmp_path: Path, root: Path
) -> None:
    with limit("inotify/max_queued_events", 16):
        async with watched(tmp_path, root) as (living, watch, volume_id):
            for number in range(300):
                folder = root / f"{number % 30}"
                folder.mkdir(exist_ok=True)
                (folder / f"{number}.txt").write_bytes(b"x")
            await eventually(becomes_true(living, root))
            for number in range(30):
                await trio.sleep(0.1)  # one at a time: no overflow now, and no quick look for a minute
                (root / f"{number}" / "late.txt").write_bytes(b"x")
            await eventually(becomes_true(living, root))
            assert watch.notes[volume_id].method == "inotify"
            assert watch.notes[volume_id].is_watching


@pytest.mark.usefixtures("without_fanotify")
async def test_too_few_watches_are_said_with_the_limit_and_the_looks_do_the_rest(
    tmp_path: Path, root: Path
) -> None:
    for number in range(200):
        (root / f"{number:03}").mkdir()
    with limit("inotify/max_user_watches", 50):
        async with watched(tmp_path, root, ScanSection(quick_interval_s=1)) as (living, watch, volume_id):
            told = (await watch.describe())["photos"]
            assert "fs.inotify.max_user_watches" in str(told["note"])
            assert (told["method"], told["is_watching"]) == ("inotify", False)
            for number in range(200):
                (root / f"{number:03}" / "new.txt").write_bytes(b"new")
            await eventually(becomes_true(living, root))

            async def was_looked_at_quickly() -> bool:
                os.sync()  # a disk that wrote nothing is left alone
                return await quick_looks(living, volume_id) > 0

            await eventually(was_looked_at_quickly)


@pytest.mark.usefixtures("without_fanotify")
async def test_the_part_that_could_be_watched_is_followed_at_once(tmp_path: Path, root: Path) -> None:
    for number in range(200):
        (root / f"{number:03}").mkdir()
    with limit("inotify/max_user_watches", 50):
        async with watched(tmp_path, root) as (living, _, _):  # a quick look comes after a minute
            (root / "new.txt").write_bytes(b"new")
            assert await eventually(becomes_true(living, root)) < 5


def settings_of_a_sleepy_disk() -> ScanSection:
    return ScanSection(quick_interval_s=1)


async def quick_looks(living: Living, volume_id: VolumeId) -> int:
    scans = await living.writer.read(scanning.scans, volume_id, 1000)
    return sum(scan.kind == "quick" for scan in scans)


@pytest.mark.usefixtures("without_fanotify")
async def test_a_quiet_disk_is_not_looked_at_even_if_it_cannot_be_watched(tmp_path: Path) -> None:
    with loop_disk(tmp_path / "photos", size_kib=8 * 1024) as disk:
        for number in range(100):
            (disk / f"{number:03}").mkdir()
        (disk / "a.txt").write_bytes(b"a")
        os.sync()
        with limit("inotify/max_user_watches", 50):
            async with watched(tmp_path, disk, settings_of_a_sleepy_disk()) as (living, watch, volume_id):
                assert not watch.notes[volume_id].is_watching
                await _until_it_stands_still(living, volume_id)
                for number in range(100):
                    (disk / f"{number:03}" / "new.txt").write_bytes(b"new")
                os.sync()  # as the kernel does within half a minute

                async def is_found() -> bool:
                    return len(await living.files()) == 101

                await eventually(is_found)


async def _until_it_stands_still(living: Living, volume_id: VolumeId) -> None:
    """Wait until no quick look came for three times their interval (the file system's own last writes may be late)."""
    with trio.fail_after(60):
        while True:
            before = await quick_looks(living, volume_id)
            await trio.sleep(3.2)
            if await quick_looks(living, volume_id) == before:
                return


@pytest.fixture
def long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a watch that failed wait so long that only the mount table can have ended it."""
    monkeypatch.setattr(daemon.watch, "_FIRST_PAUSE_S", 300.0)


@pytest.mark.usefixtures("long_pauses")
async def test_a_disk_that_is_taken_away_holds_nobody_up_and_is_followed_again_when_it_is_back(
    tmp_path: Path, root: Path
) -> None:
    with loop_disk(tmp_path / "disk", size_kib=8 * 1024) as disk:
        (disk / "a.txt").write_bytes(b"a")
        async with watched(tmp_path, disk) as (living, watch, volume_id):
            other = await living.add(root, "other")
            watch.refresh()
            async with open_mount_events(living.volumes):

                async def both_are_watched() -> bool:
                    notes = [watch.notes.get(one) for one in (volume_id, other)]
                    return all(note is not None and note.is_watching for note in notes)

                async def is_offline() -> bool:
                    return (await living.volume(volume_id)).state == "offline"

                async def is_found() -> bool:
                    return b"2019/new.txt" in await living.files()

                async def is_found_on_disk() -> bool:
                    return b"b.txt" in await living.files()

                await eventually(both_are_watched)
                disk.lazy_unmount()
                await eventually(is_offline)
                (root / "2019" / "new.txt").write_bytes(b"x")
                assert await eventually(is_found) < 3
                disk.mount_again()
                await eventually(both_are_watched)  # the mount says so: nobody waits for a pause
                (disk / "b.txt").write_bytes(b"b")
                await eventually(is_found_on_disk)


@pytest.mark.usefixtures("long_pauses")
async def test_a_disk_that_is_back_before_its_watch_has_ended_is_followed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with loop_disk(tmp_path / "disk", size_kib=8 * 1024) as disk:
        (disk / "a.txt").write_bytes(b"a")
        async with watched(tmp_path, disk) as (living, watch, volume_id), open_mount_events(living.volumes):
            lost = living.volumes.lost
            went = []

            async def lost_while_it_comes_back(lost_id: VolumeId, error: VolumeOffline) -> None:
                await eventually(is_in("offline"))
                disk.mount_again()
                await eventually(is_in("online"))
                went.append(lost_id)
                await lost(lost_id, error)

            def is_in(state: str) -> Callable[[], Awaitable[bool]]:
                async def is_so() -> bool:
                    return (await living.volume(volume_id)).state == state

                return is_so

            async def is_watched() -> bool:
                return bool(went) and watch.notes[volume_id].is_watching

            monkeypatch.setattr(living.volumes, "lost", lost_while_it_comes_back)
            disk.lazy_unmount()
            await eventually(is_watched)
            assert went == [volume_id]


@pytest.mark.usefixtures("without_fanotify")
async def test_where_nothing_can_be_heard_the_looks_do_alone_and_it_is_said(
    tmp_path: Path, root: Path
) -> None:
    with limit("inotify/max_user_instances", 0):
        async with watched(tmp_path, root, ScanSection(quick_interval_s=1)) as (living, watch, _):
            told = (await watch.describe())["photos"]
            assert (told["method"], told["is_watching"]) == ("polling", False)
            assert "max_user_instances" in str(told["note"])
            (root / "2019" / "new.txt").write_bytes(b"new")
            await eventually(becomes_true(living, root))


# ---- convergence


class Rioter:
    """Does random things to a tree."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.random = random.Random(seed)
        self.made = 0

    def directories(self) -> list[Path]:
        return [Path(where) for where, _, _ in os.walk(self.root)]

    def act(self) -> None:
        """Do one thing; what is impossible is left out."""
        what = self.random.choices(
            ("write", "remove", "rename", "mkdir", "move", "rmtree"), (60, 15, 10, 8, 5, 2)
        )[0]
        try:
            getattr(self, what)()
        except OSError:
            return

    def place(self) -> Path:
        """Walk down from the root at random: cheaper than to list everything."""
        here = self.root
        while self.random.random() < 0.6:
            below = [entry.path for entry in os.scandir(here) if entry.is_dir()]
            if not below:
                break
            here = Path(self.random.choice(below))
        return here

    def file(self) -> Path:
        found = [entry.path for entry in os.scandir(self.place()) if entry.is_file()]
        if not found:
            raise FileNotFoundError
        return Path(self.random.choice(found))

    def write(self) -> None:
        self.made += 1
        (self.place() / f"{self.made}.txt").write_bytes(b"x" * self.random.randrange(9))

    def remove(self) -> None:
        self.file().unlink()

    def rename(self) -> None:
        os.rename(self.file(), self.place() / f"{self.random.randrange(50)}.txt")

    def mkdir(self) -> None:
        self.made += 1
        (self.place() / f"d{self.made}" / "deep").mkdir(parents=True)

    def move(self) -> None:
        self.made += 1
        source = self.place()
        if source != self.root:
            os.rename(source, self.place() / f"m{self.made}")

    def rmtree(self) -> None:
        place = self.place()
        if self.root not in (place.parent, place):
            shutil.rmtree(place)


async def _riot(tmp_path: Path, root: Path, operations: int, *, within_s: float) -> None:
    async with watched(tmp_path, root) as (living, watch, volume_id):
        rioter = Rioter(root, seed=operations)
        for number in range(operations):
            rioter.act()
            if number % 50 == 0:
                await trio.lowlevel.checkpoint()
        await eventually(becomes_true(living, root), within_s=within_s)
        for folder in rioter.directories():
            await trio.sleep(0.03)
            (folder / "late.txt").write_bytes(b"x")  # every directory is watched in the end
        await eventually(becomes_true(living, root), within_s=within_s)
        assert watch.notes[volume_id].is_watching


@pytest.mark.usefixtures("without_fanotify")
async def test_two_thousand_random_operations_under_overflow_end_in_the_truth(
    tmp_path: Path, root: Path
) -> None:
    with limit("inotify/max_queued_events", 64):
        await _riot(tmp_path, root, OPERATIONS // 10, within_s=40)


async def test_two_thousand_random_operations_under_a_mark_end_in_the_truth(
    tmp_path: Path, root: Path
) -> None:
    await _riot(tmp_path, root, OPERATIONS // 10, within_s=40)


@pytest.mark.long
@pytest.mark.parametrize("queue", [64, 1024])
@pytest.mark.usefixtures("without_fanotify")
async def test_twenty_thousand_random_operations_under_overflow_end_in_the_truth(
    tmp_path: Path, root: Path, queue: int
) -> None:
    with limit("inotify/max_queued_events", queue):
        await _riot(tmp_path, root, OPERATIONS, within_s=240)


@pytest.mark.usefixtures("without_fanotify")
async def test_the_riot_notices_a_watcher_that_takes_an_overflow_for_nothing(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant = seed_mutant(
        tmp_path / "mutant", "daemon.volume_process.watching", "self._is_overflow = True", "pass"
    )
    monkeypatch.setenv("PYTHONPATH", str(mutant))
    with limit("inotify/max_queued_events", 64), pytest.raises(BaseExceptionGroup) as caught:
        await _riot(tmp_path, root, OPERATIONS // 10, within_s=5)
    assert caught.group_contains(trio.TooSlowError)


@pytest.mark.mount
async def test_a_folder_that_cannot_be_read_for_a_moment_is_not_believed_to_be_watched(
    tmp_path: Path,
) -> None:
    stored = tmp_path / "stored"
    for name in ("good", "bad/below"):
        (stored / name).mkdir(parents=True)
    with open_fault_fs(stored, tmp_path / "disk") as disk:
        disk.set("eio", below="bad")
        watcher = InotifyWatcher(os.fsencode(disk.place), Territory(Excludes((), ())))
        try:
            watcher.start()
            assert "bad" in (watcher.watch_limit or "")
        finally:
            watcher.close()
