"""Watching: hints make it quick, looks make it true."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import trio
from living import Living, open_living

from capabilities import require
from catalog.ids import VolumeId
from catalog.library import Library
from catalog.store import scanning
from catalog.store import volumes as volume_store
from daemon.config import ScanSection
from daemon.watch import Watch, open_watch

pytestmark = pytest.mark.slow


@asynccontextmanager
async def watched(
    tmp_path: Path, root: Path, settings: ScanSection | None = None
) -> AsyncIterator[tuple[Living, Watch, VolumeId]]:
    """Open everything with a watch, and wait until the first scan is done and hints are followed (or cannot be)."""
    async with open_living(Library(tmp_path / "library"), settings) as living:
        volume_id = await living.add(root)
        async with open_watch(living.services) as watch:

            async def is_ready() -> bool:
                note = watch.notes.get(volume_id)
                has_scanned = (await living.volume(volume_id)).full_scan_ns is not None
                return has_scanned and note is not None and (note.is_watching or note.note is not None)

            await eventually(is_ready)
            await living.ingest.drained(volume_id)
            yield living, watch, volume_id


@contextmanager
def mounted_tmpfs(place: Path) -> Iterator[None]:
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=False, stderr=subprocess.DEVNULL)


async def eventually(is_so: Callable[[], Awaitable[bool]], *, within_s: float = 10) -> float:
    """Wait until something is so; return the seconds it took."""
    before_s = time.monotonic()
    with trio.fail_after(within_s):
        while not await is_so():  # noqa: ASYNC110 - the catalog on disk rings no bell
            await trio.sleep(0.02)
    return time.monotonic() - before_s


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "photos"
    (path / "2019").mkdir(parents=True)
    (path / "2019" / "first.txt").write_bytes(b"first")
    return path


@pytest.fixture
def photo(sample: Path) -> Path:
    return next(iter(sorted(sample.rglob("*.[jJ][pP][gG]"))))


async def test_a_new_photo_is_there_at_once_and_shown_after_its_facts(
    tmp_path: Path, root: Path, photo: Path
) -> None:
    (root / "2019" / "warm.jpg").write_bytes(photo.read_bytes() + b"warm")  # the media worker is up already
    async with watched(tmp_path, root) as (living, _, _):

        async def is_shown() -> bool:
            return await living.rows("SELECT 1 FROM asset WHERE is_shown = 1 AND name = 'new.jpg'") == [(1,)]

        shutil.copy(photo, root / "2019" / "new.jpg")
        assert await eventually(is_shown) < 2


async def test_what_goes_is_missing_and_what_comes_as_a_tree_is_found(tmp_path: Path, root: Path) -> None:
    async with watched(tmp_path, root) as (living, _, _):
        (root / "2019" / "first.txt").unlink()

        async def is_missing() -> bool:
            return await living.files("missing") == {b"2019/first.txt"}

        await eventually(is_missing)
        (tmp_path / "import" / "a" / "b").mkdir(parents=True)
        (tmp_path / "import" / "a" / "b" / "x.txt").write_bytes(b"x")
        os.rename(tmp_path / "import", root / "import")

        async def is_found() -> bool:
            return b"import/a/b/x.txt" in await living.files()

        await eventually(is_found)
        shutil.rmtree(root / "import")

        async def is_gone() -> bool:
            return b"import/a/b/x.txt" in await living.files("missing")

        await eventually(is_gone)


async def test_a_thousand_quick_changes_end_in_the_truth(tmp_path: Path, root: Path) -> None:
    async with watched(tmp_path, root) as (living, _, _):
        for number in range(1000):
            folder = root / f"{number % 7}"
            folder.mkdir(exist_ok=True)
            (folder / f"{number}.txt").write_bytes(b"x")
            if number % 3 == 0:
                (folder / f"{number}.txt").unlink()
            if number % 100 == 99:
                os.rename(folder, root / f"moved {number}")
        truth = {
            os.path.relpath(os.path.join(where, name), root).encode()
            for where, _, names in os.walk(root)
            for name in names
        }

        async def is_true() -> bool:
            return await living.files() == truth

        await eventually(is_true)


async def test_without_hints_the_looks_find_what_is_new(tmp_path: Path, root: Path) -> None:
    settings = ScanSection(quick_interval_s=1)
    async with watched(tmp_path, root, settings) as (living, _, volume_id):
        session = await living.volumes.session(await living.volume(volume_id))
        session.end("the test takes the hints away")  # the next look starts a new process
        (root / "2019" / "new.txt").write_bytes(b"new")

        async def is_found() -> bool:
            return b"2019/new.txt" in await living.files()

        await eventually(is_found, within_s=20)


async def test_a_volume_added_later_is_scanned_at_once_and_a_disabled_one_is_let_go(
    tmp_path: Path, root: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.txt").write_bytes(b"x")
    async with watched(tmp_path, root) as (living, watch, first):
        await living.add(other, name="other")
        watch.refresh()

        async def is_found() -> bool:
            return b"x.txt" in await living.files()

        await eventually(is_found)
        await living.writer.run(volume_store.set_volume_state, first, "disabled", None, 1)
        watch.refresh()

        async def is_let_go() -> bool:
            return first not in watch.notes and all(
                one["volume"] != first for one in living.volumes.processes()
            )

        await eventually(is_let_go)
        (root / "2019" / "late.txt").write_bytes(b"late")
        await trio.sleep(0.3)
        assert b"2019/late.txt" not in await living.files()


@pytest.mark.mount
async def test_a_volume_that_others_change_unseen_is_polled_and_the_note_says_so(
    tmp_path: Path, root: Path
) -> None:
    require("bindfs")
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    subprocess.run(["bindfs", "--no-allow-other", root, mounted], check=True)
    try:
        async with watched(tmp_path, mounted, ScanSection(quick_interval_s=1)) as (living, watch, volume_id):
            assert "unseen" in (watch.notes[volume_id].note or "")
            (root / "2019" / "new.txt").write_bytes(b"new")

            async def is_found() -> bool:
                return b"2019/new.txt" in await living.files()

            await eventually(is_found)
    finally:
        subprocess.run(["fusermount3", "-u", "-z", mounted], check=True)


async def test_a_root_that_is_emptied_is_suspect_and_nothing_is_missing(tmp_path: Path, root: Path) -> None:
    async with watched(tmp_path, root) as (living, _, volume_id):
        os.rename(root / "2019", tmp_path / "2019")

        async def is_suspect() -> bool:
            return (await living.volume(volume_id)).state == "suspect"

        await eventually(is_suspect)
        assert await living.files("missing") == set()
        assert await living.files() == {b"2019/first.txt"}


async def test_a_disk_whose_every_change_is_heard_is_not_looked_at_and_not_probed(
    tmp_path: Path, root: Path
) -> None:
    async with watched(tmp_path, root, ScanSection(quick_interval_s=1)) as (living, watch, volume_id):
        await trio.sleep(0.2)  # the scan that follows the start of the watch
        before = await living.writer.read(scanning.scans, volume_id)
        await trio.sleep(2.5)
        assert await living.writer.read(scanning.scans, volume_id) == before
        assert [scan.kind for scan in before] == ["full", "full"]
        told = (await watch.describe())["photos"]
        assert told["is_watching"]
        assert told["method"] in ("inotify", "fanotify")
        assert told["next_full_scan"]


async def test_a_root_that_is_moved_away_is_noticed_without_a_look_and_its_return_too(
    tmp_path: Path, root: Path
) -> None:
    async with watched(tmp_path, root) as (living, _, volume_id):

        async def is_offline() -> bool:
            return (await living.volume(volume_id)).state != "online"

        async def is_online() -> bool:
            return (await living.volume(volume_id)).state == "online"

        os.rename(root, tmp_path / "elsewhere")
        assert await eventually(is_offline) < 3
        assert await living.files("missing") == set()
        os.rename(tmp_path / "elsewhere", root)
        await eventually(is_online, within_s=20)


async def test_a_file_that_changes_in_place_is_noticed_without_a_look(tmp_path: Path, root: Path) -> None:
    async with watched(tmp_path, root) as (living, _, _):
        with open(root / "2019" / "first.txt", "r+b") as file:
            file.write(b"FIRST and more")

        async def is_noticed() -> bool:
            return await living.rows("SELECT size FROM location WHERE name = x'66697273742e747874'") == [
                (14,)
            ]

        await eventually(is_noticed)


async def test_a_nomedia_file_takes_a_tree_away_and_gives_it_back(tmp_path: Path, root: Path) -> None:
    (root / "2019" / "deep").mkdir()
    (root / "2019" / "deep" / "x.txt").write_bytes(b"x")
    (root / "y.txt").write_bytes(b"y")
    async with watched(tmp_path, root) as (living, _, _):
        (root / "2019" / ".nomedia").touch()

        async def is_hidden() -> bool:
            return await living.files() == {b"y.txt"}

        await eventually(is_hidden)
        (root / "2019" / ".nomedia").unlink()

        async def is_back() -> bool:
            return await living.files() == {b"y.txt", b"2019/first.txt", b"2019/deep/x.txt"}

        await eventually(is_back)


async def test_a_library_inside_a_watched_volume_is_never_cataloged(tmp_path: Path, root: Path) -> None:
    async with watched(tmp_path, tmp_path) as (living, _, _):
        (tmp_path / "library" / "config.toml").write_text("")
        (tmp_path / "library").touch()
        (tmp_path / "late.txt").write_bytes(b"x")

        async def is_found() -> bool:
            return b"late.txt" in await living.files()

        await eventually(is_found)
        await trio.sleep(1.2)  # hints about quiet directories come after a second
        assert await living.files() == {b"late.txt", b"photos/2019/first.txt"}


@pytest.mark.root
async def test_what_the_owner_accepts_is_looked_at_at_once(tmp_path: Path, root: Path) -> None:
    with mounted_tmpfs(root / "card"):
        (root / "card" / "x.txt").write_bytes(b"x")
        async with watched(tmp_path, root) as (living, watch, volume_id):

            async def is_away() -> bool:
                found = await living.writer.read(volume_store.nested_mounts, volume_id)
                return [one.is_away for one in found] == [True]

            async def is_missing() -> bool:
                return await living.files("missing") == {b"card/x.txt"}

            subprocess.run(["umount", "-l", root / "card"], check=True)
            await living.volumes.probe(volume_id)
            await eventually(is_away)
            await trio.sleep(0.2)
            assert not await is_missing()
            await living.writer.run(volume_store.accept_absence, volume_id, time.time_ns())
            watch.refresh()
            await eventually(is_missing)


async def test_a_volume_that_is_away_can_be_forgotten(tmp_path: Path, root: Path) -> None:
    async with watched(tmp_path, root) as (living, watch, volume_id):
        os.rename(root, tmp_path / "away")

        async def is_waited_for() -> bool:
            note = watch.notes.get(volume_id)
            is_away = (await living.volume(volume_id)).state == "offline"
            return is_away and note is not None and not note.is_watching

        await eventually(is_waited_for, within_s=20)
        for _ in range(3):
            await living.writer.run(volume_store.mark_forgotten, volume_id, time.time_ns())
            living.volumes.bell.ring()  # as `daemon.services.edit` does, then `daemon.main`
            await trio.sleep(0.1)
            watch.refresh()
            await trio.sleep(0.1)
        assert watch.notes == {}
