"""Scans against real trees and the real catalog; `open_living` runs `check` at the end of each."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from living import Living, open_living
from trees import hostile_tree, independent_walk

from capabilities import require
from catalog.errors import VolumeOffline
from catalog.ids import VolumeId
from catalog.library import Library
from catalog.store import changes, scanning
from catalog.store import volumes as volume_store
from catalog.store.db import open_reader, open_writer
from daemon.scan import ScanProgress, scan_volume
from faults.fault_fs import open_fault_fs
from media_files import jpeg


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A small tree of files that are no media: the scan is under test, not the readers."""
    root = tmp_path / "photos"
    for folder in ("2019", "2019/August", "2020"):
        (root / folder).mkdir(parents=True)
        for number in range(5):
            (root / folder / f"{number}.txt").write_bytes(f"{folder} {number}".encode())
    return root


async def test_the_catalog_has_what_is_on_disk_and_a_second_scan_writes_nothing(
    library: Library, photos: Path
) -> None:
    async with open_living(library) as living:
        volume_id = await living.add(photos)
        first = await scan_volume(living.services, volume_id)
        assert (first.state, first.counts["added"], first.counts["directories"]) == ("done", 15, 4)
        assert await living.files() == set(independent_walk(photos))
        before = await living.writer.read(changes.latest_seq)
        second = await scan_volume(living.services, volume_id)
        assert (second.counts["directories_unchanged"], second.counts["files"]) == (4, 15)
        assert await living.writer.read(changes.latest_seq) == before


async def test_new_changed_and_removed_files_are_noticed(library: Library, photos: Path) -> None:
    async with open_living(library) as living:
        volume_id = await living.add(photos)
        await scan_volume(living.services, volume_id)
        (photos / "2020" / "new.txt").write_bytes(b"new")
        (photos / "2019" / "0.txt").write_bytes(b"longer than it was before")
        (photos / "2019" / "1.txt").unlink()
        outcome = await scan_volume(living.services, volume_id)
        assert {name: outcome.counts[name] for name in ("added", "changed", "missing")} == {
            "added": 1,
            "changed": 1,
            "missing": 1,
        }
        assert await living.files("missing") == {b"2019/1.txt"}
        (photos / "2019" / "1.txt").write_bytes(b"2019 1")
        assert (await scan_volume(living.services, volume_id)).counts["returned"] == 1
        assert await living.files("missing") == set()


async def test_a_directory_that_goes_takes_all_below_it_along_and_brings_it_back(
    library: Library, photos: Path
) -> None:
    async with open_living(library) as living:
        volume_id = await living.add(photos)
        await scan_volume(living.services, volume_id)
        os.rename(photos / "2019", photos.parent / "elsewhere")
        outcome = await scan_volume(living.services, volume_id)
        assert outcome.counts["missing"] == 10
        assert await living.files() == set(independent_walk(photos))
        os.rename(photos.parent / "elsewhere", photos / "2019")
        back = await scan_volume(living.services, volume_id)
        assert (back.counts["returned"], back.counts["added"]) == (10, 0)


async def test_a_quick_look_finds_what_came_and_went_and_a_whole_scan_also_what_changed_inside(
    library: Library, photos: Path
) -> None:
    async with open_living(library) as living:
        volume_id = await living.add(photos)
        await scan_volume(living.services, volume_id)
        (photos / "new" / "deep").mkdir(parents=True)
        (photos / "new" / "deep" / "x.txt").write_bytes(b"x")
        (photos / "2020" / "0.txt").unlink()
        with open(photos / "2020" / "1.txt", "ab") as file:
            file.write(b"more")
        status = os.stat(photos / "2019")
        with open(photos / "2019" / "1.txt", "ab") as file:
            file.write(b"more")
        assert os.stat(photos / "2019").st_mtime_ns == status.st_mtime_ns
        quick = await scan_volume(living.services, volume_id, quick=True)
        assert (quick.counts["added"], quick.counts["missing"], quick.counts["changed"]) == (1, 1, 1)
        assert await living.files() == set(independent_walk(photos))
        whole = await scan_volume(living.services, volume_id)
        assert (whole.counts["added"], whole.counts["missing"], whole.counts["changed"]) == (0, 0, 1)


async def test_a_full_scan_lists_everything_again_and_finds_nothing_new(
    library: Library, photos: Path
) -> None:
    async with open_living(library) as living:
        volume_id = await living.add(photos)
        await scan_volume(living.services, volume_id)
        outcome = await scan_volume(living.services, volume_id, full=True)
        assert (outcome.counts["directories_unchanged"], outcome.counts["added"]) == (0, 0)


async def test_only_library_paths_are_scanned(library: Library, photos: Path) -> None:
    async with open_living(library) as living:
        volume_id = await living.add(photos)
        await living.writer.run(volume_store.add_library_path, volume_id, b"2019/August")
        await scan_volume(living.services, volume_id)
        assert await living.files() == {b"2019/August/%d.txt" % number for number in range(5)}


async def test_progress_is_told_and_ends_with_the_outcome(library: Library, photos: Path) -> None:
    told: list[ScanProgress] = []
    async with open_living(library) as living:
        volume_id = await living.add(photos)
        outcome = await scan_volume(living.services, volume_id, waits_for_ingest=True, report=told.append)
    assert [progress.phase for progress in told][-1] == "ingest"
    assert told[-1].files == outcome.counts["files"] == 15
    assert [progress.files for progress in told] == sorted(progress.files for progress in told)


# ---- what is left out


async def test_our_own_library_inside_the_volume_is_never_entered_and_keeps_its_lock(photos: Path) -> None:
    library = Library(photos / "library")
    async with open_living(library) as living:
        volume_id = await living.add(photos)
        await scan_volume(living.services, volume_id)
        files = await living.files()
        assert len(files) == 15
        assert not any(path.startswith(b"library") for path in files)
        # The writer's locks are still held (howtocorrupt 2.2). Asked by another process: our own look would drop them.
        asked = subprocess.run([sys.executable, "-c", _ASK_FOR_LOCK, library.catalog_path], check=False)
        assert asked.returncode == 1


_ASK_FOR_LOCK = """
import fcntl, os, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 512, 0x40000000, os.SEEK_SET)
    except OSError:
        sys.exit(1)
"""


async def test_a_volume_inside_another_belongs_to_itself_alone(library: Library, photos: Path) -> None:
    async with open_living(library) as living:
        outer = await living.add(photos)
        inner = await living.add(photos / "2019", name="inner")
        await scan_volume(living.services, outer)
        await scan_volume(living.services, inner)
        rows = await living.rows("SELECT volume_id, count(*) FROM location GROUP BY volume_id")
        assert dict(rows) == {outer: 5, inner: 10}  # type: ignore[arg-type]


async def test_what_new_rules_leave_out_goes_and_comes_back_with_them(library: Library, photos: Path) -> None:
    async with open_living(library) as living:
        volume_id = await living.add(photos)
        await scan_volume(living.services, volume_id)
        (photos / "2019" / ".nomedia").touch()
        await scan_volume(living.services, volume_id)
        assert len(await living.files()) == 5
        (photos / "2019" / ".nomedia").unlink()
        await scan_volume(living.services, volume_id)
        assert len(await living.files()) == 15


@pytest.mark.slow
async def test_a_hostile_tree_is_catalogued_exactly(library: Library, tmp_path: Path) -> None:
    # 300 levels: the 3,000 are walked in test_volume_process; SQLite's share of them is no news.
    with hostile_tree(tmp_path, levels=300) as root:
        async with open_living(library) as living:
            volume_id = await living.add(root)
            outcome = await scan_volume(living.services, volume_id)
            assert outcome.state == "done"
            on_disk = independent_walk(root)
            assert await living.files() == set(on_disk)
            rows = await living.rows("SELECT size, mtime_ns, ctime_ns, inode FROM location")
            assert sorted(rows) == sorted(tuple(stamp) for stamp in on_disk.values())  # type: ignore[type-var]


# ---- absence is not deletion


def _empty(root: Path) -> None:
    for entry in root.iterdir():
        shutil.rmtree(entry)


def _take_away(root: Path) -> None:
    os.rename(root, root.with_name("away"))


def _replace(root: Path) -> None:
    _take_away(root)
    (root / "other").mkdir(parents=True)
    (root / "other" / "strange.txt").write_bytes(b"another disk")


def _replace_by_empty(root: Path) -> None:
    _take_away(root)
    root.mkdir()


def _replace_by_file(root: Path) -> None:
    _take_away(root)
    root.write_bytes(b"no directory")


@pytest.mark.parametrize(
    ("harm", "state"),
    [
        (_empty, "suspect"),
        (_take_away, "offline"),
        (_replace, "suspect"),
        (_replace_by_empty, "suspect"),
        (_replace_by_file, "offline"),
    ],
)
async def test_a_volume_that_is_not_itself_changes_nothing_but_its_state(
    library: Library, photos: Path, harm: Callable[[Path], None], state: str
) -> None:
    async with open_living(library) as living:
        volume_id = await living.add(photos)
        await scan_volume(living.services, volume_id)
        files = await living.files()
        harm(photos)
        with pytest.raises(VolumeOffline):
            await scan_volume(living.services, volume_id)
        volume = await living.volume(volume_id)
        assert volume.state == state
        assert volume.state_reason
        assert await living.files() == files


async def test_a_volume_that_comes_back_is_online_again_without_a_word_to_say(
    library: Library, photos: Path
) -> None:
    async with open_living(library) as living:
        volume_id = await living.add(photos)
        await scan_volume(living.services, volume_id)
        _replace(photos)
        with pytest.raises(VolumeOffline):
            await scan_volume(living.services, volume_id)
        shutil.rmtree(photos)
        os.rename(photos.with_name("away"), photos)
        outcome = await scan_volume(living.services, volume_id)
        assert (outcome.counts["added"], outcome.counts["directories_unchanged"]) == (0, 4)
        assert (await living.volume(volume_id)).state == "online"


async def test_a_root_that_is_swapped_during_the_scan_loses_nothing(library: Library, tmp_path: Path) -> None:
    root = tmp_path / "many"
    for number in range(300):
        (root / f"{number:03}").mkdir(parents=True)
        (root / f"{number:03}" / "x.txt").write_bytes(b"x")
    async with open_living(library) as living:
        volume_id = await living.add(root)
        await scan_volume(living.services, volume_id)
        files = await living.files()
        for number in range(100, 300):
            (root / f"{number:03}" / "x.txt").unlink()

        def swap(progress: ScanProgress) -> None:
            if progress.directories and not (tmp_path / "away").exists():
                os.rename(root, tmp_path / "away")
                (root / "000").mkdir(parents=True)

        with pytest.raises(VolumeOffline):
            await scan_volume(living.services, volume_id, full=True, report=swap)
        assert await living.files() == files
        (last,) = await living.rows("SELECT state, error FROM scan ORDER BY id DESC LIMIT 1")
        assert last[0] == "failed"


async def test_an_unreadable_directory_makes_the_scan_partial_and_nothing_missing(
    library: Library, photos: Path
) -> None:
    require("user")
    async with open_living(library) as living:
        volume_id = await living.add(photos)
        await scan_volume(living.services, volume_id)
        (photos / "2019").chmod(0)
        try:
            outcome = await scan_volume(living.services, volume_id)
        finally:
            (photos / "2019").chmod(0o700)
        assert (outcome.state, outcome.errors) == ("partial", ((b"2019", "EACCES"),))
        assert len(await living.files()) == 15
        assert (await scan_volume(living.services, volume_id)).state == "done"


@pytest.mark.mount
async def test_a_directory_that_cannot_be_read_is_doubtful_and_the_rest_is_scanned(
    library: Library, photos: Path, tmp_path: Path
) -> None:
    with open_fault_fs(photos, tmp_path / "served") as served:
        async with open_living(library) as living:
            volume_id = await living.add(tmp_path / "served")
            await scan_volume(living.services, volume_id)
            served.set("eio", below="2019")
            (photos / "2020" / "0.txt").unlink()
            (photos / "2020" / "new.txt").write_bytes(b"new")
            outcome = await scan_volume(living.services, volume_id)
            assert (outcome.state, outcome.errors) == ("partial", ((b"2019", "EIO"),))
            assert await living.files("missing") == {b"2020/0.txt"}
            assert b"2020/new.txt" in await living.files()
            assert {path for path in await living.files() if path.startswith(b"2019/")} == {
                path for path in independent_walk(photos) if path.startswith(b"2019/")
            }
            served.set("normal")
            healed = await scan_volume(living.services, volume_id)
            assert (healed.state, healed.counts["added"], healed.counts["missing"]) == ("done", 0, 0)


async def test_what_another_file_put_aside_is_remembered_until_the_next_complete_scan(
    library: Library, photos: Path
) -> None:
    async with open_living(library) as living:
        (photos / "2020" / "a.jpg").write_bytes(jpeg(seed=1))
        volume_id = await living.add(photos)
        await scan_volume(living.services, volume_id, waits_for_ingest=True)
        (photos.parent / "other").write_bytes(jpeg(seed=2))
        os.replace(photos.parent / "other", photos / "2020" / "a.jpg")
        await scan_volume(living.services, volume_id, quick=True, waits_for_ingest=True)
        assert await living.rows("SELECT count(*) > 0 FROM displaced") == [(1,)]
        await scan_volume(living.services, volume_id)
        assert await living.rows("SELECT count(*) FROM displaced") == [(0,)]


# ---- kills and hangs


@pytest.mark.slow
async def test_a_hung_volume_is_suspect_and_another_one_never_notices(
    library: Library, photos: Path, tmp_path: Path
) -> None:
    async with open_living(library, hang_s=1) as living:
        hung = await living.add(photos)
        (tmp_path / "good").mkdir()
        good = await living.add(tmp_path / "good", name="good")
        await scan_volume(living.services, hung)
        session = await living.volumes.session(await living.volume(hung))
        os.kill(session.child.pid, signal.SIGSTOP)
        async with trio.open_nursery() as nursery:

            async def scan_hung() -> None:
                with pytest.raises(VolumeOffline):
                    await scan_volume(living.services, hung)

            nursery.start_soon(scan_hung)
            with trio.fail_after(0.9):
                await scan_volume(living.services, good)
        volume = await living.volume(hung)
        assert volume.state == "suspect"
        assert "did not answer" in (volume.state_reason or "")
        assert (await scan_volume(living.services, hung)).state == "done"


async def test_a_scan_that_was_cut_off_is_taken_up_again(library: Library, tmp_path: Path) -> None:
    root = tmp_path / "many"
    for number in range(400):
        (root / f"{number:03}").mkdir(parents=True)
        (root / f"{number:03}" / "x.txt").write_bytes(b"x")
    async with open_living(library) as living:
        volume_id = await living.add(root)
        with trio.CancelScope() as scope:

            def cut(progress: ScanProgress) -> None:
                if progress.directories > 50:
                    scope.cancel()

            await scan_volume(living.services, volume_id, report=cut)
        assert scope.cancelled_caught
        assert 0 < len(await living.files()) < 400
        rest = await scan_volume(living.services, volume_id)
        assert rest.counts["directories_unchanged"] >= 50
        assert await living.files() == set(independent_walk(root))
        states = await living.rows("SELECT state, error FROM scan ORDER BY id")
        assert states == [("abandoned", "interrupted"), ("done", None)]


async def test_a_first_scan_that_was_killed_lists_again_only_what_it_had_not_finished(
    library: Library, tmp_path: Path
) -> None:
    root = tmp_path / "many"
    for number in range(3000):
        (root / f"{number:04}").mkdir(parents=True)
        (root / f"{number:04}" / "x.txt").write_bytes(b"x")
    async with open_living(library) as living:
        volume_id = await living.add(root)
    reader = open_reader(library)

    def finished() -> int:
        return int(reader.value("SELECT count(*) FROM directory WHERE digest IS NOT NULL"))

    scan = subprocess.Popen(
        [sys.executable, "-m", "daemon.cli.main", "--library", str(library.path), "scan"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with trio.fail_after(30):
            while finished() < 200:  # noqa: ASYNC110 - another process writes it
                await trio.sleep(0.002)
    finally:
        scan.kill()
        scan.wait()
    # A commit that was killed between its last frame and telling others of it is found by whoever opens the catalog next.
    reader.close()
    reader = open_reader(library)
    kept = finished()
    reader.close()
    assert kept < 3000
    async with open_living(library) as living:
        rest = await scan_volume(living.services, volume_id)
        assert rest.counts["directories_unchanged"] == kept
        assert rest.counts["directories"] == 3001
        assert await living.files() == set(independent_walk(root))


async def test_scans_of_a_dead_process_are_abandoned_at_start(library: Library, photos: Path) -> None:
    async with open_living(library) as living:
        volume_id = await living.add(photos)
    writer = open_writer(library)
    scanning.begin_scan(writer, volume_id, "full", 1)
    writer.close()
    async with open_living(library) as living:
        assert (await scan_volume(living.services, volume_id)).state == "done"
    reader = open_reader(library)
    assert [scan.state for scan in scanning.scans(reader, volume_id)] == ["done", "abandoned"]
    reader.close()


async def test_two_scans_of_one_volume_take_turns(library: Library, photos: Path) -> None:
    async with open_living(library) as living:
        volume_id = await living.add(photos)
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(_scan, living, volume_id)
        assert len(await living.files()) == 15


async def _scan(living: Living, volume_id: VolumeId) -> None:
    assert (await scan_volume(living.services, volume_id)).state == "done"
