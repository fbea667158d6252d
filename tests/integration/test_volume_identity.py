"""Who a volume is: told from what is at its root, on real directories and real mounts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio
from living import ZONE, Living, open_living

import daemon.scan
from catalog.errors import NotFound, VolumeOffline
from catalog.ids import VolumeId
from catalog.library import Library
from catalog.store import volumes as volume_store
from catalog.store.migrations import create
from catalog.store.samples import samples
from catalog.values import Volume
from daemon.config import Config
from daemon.foreground_probe import probe_in_foreground
from daemon.mount_events import open_mount_events
from daemon.scan import scan_volume
from daemon.services import forget_states
from daemon.volume_process.marker_file import marker_bytes
from loop_disk import loop_disk
from sacred import fingerprints

MARKER = ".glassine-volume"


def fill(root: Path, count: int = 12) -> Path:
    """Put files of no kind that we know into a few folders: they are locations, and are read once."""
    for number in range(count):
        folder = root / f"{2010 + number % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:03}.txt").write_bytes(b"text %d" % number)
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fill(tmp_path / "photos")


@asynccontextmanager
async def living(tmp_path: Path) -> AsyncIterator[Living]:
    async with open_living(Library(tmp_path / "library")) as services:
        yield services


async def scanned(services: Living, volume_id: VolumeId) -> Volume:
    await scan_volume(services.services, volume_id, waits_for_ingest=True)
    return await services.volume(volume_id)


def hashed_bytes(services: Living, volume_id: VolumeId) -> int:
    return services.ingest.progress(volume_id).hashed_bytes


def clear(root: Path) -> None:
    for entry in root.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


# ---- known files


async def test_a_root_without_any_known_file_is_suspect_until_they_return(tmp_path: Path, root: Path) -> None:
    async with living(tmp_path) as services:
        volume_id = await services.add(root)
        assert (await scanned(services, volume_id)).state == "online"
        os.rename(root / "2010", tmp_path / "2010")
        os.rename(root / "2011", tmp_path / "2011")
        assert (await services.volumes.probe(volume_id)).state == "online"
        os.rename(root / "2012", tmp_path / "2012")
        (root / "readme.txt").write_bytes(b"this disk is being repaired")
        found = await services.volumes.probe(volume_id)
        assert found.state == "suspect"
        assert "half empty: 12 of 12 known files" in (found.state_reason or "")
        assert await services.files("missing") == set()
        for year in ("2010", "2011", "2012"):
            os.rename(tmp_path / year, root / year)
        assert (await services.volumes.probe(volume_id)).state == "online"
        assert len(await services.files()) == 12


def _rename_the_top(root: Path) -> None:
    os.rename(root / "all", root / "everything")


def _rename_the_folders(root: Path) -> None:
    for year in ("2010", "2011", "2012"):
        os.rename(root / "all" / year, root / "all" / f"year {year}")


def _rename_the_files(root: Path) -> None:
    for path in sorted(root.rglob("*.txt")):
        path.rename(path.with_name(f"renamed {path.name}"))


def _sort_deeper(root: Path) -> None:
    for path in sorted(root.rglob("*.txt")):
        (path.parent / "08").mkdir(exist_ok=True)
        path.rename(path.parent / "08" / path.name)


@pytest.mark.parametrize("sort", [_rename_the_top, _rename_the_folders, _rename_the_files, _sort_deeper])
async def test_a_volume_that_was_re_sorted_while_nobody_watched_is_not_taken_for_an_emptied_one(
    tmp_path: Path, sort: Callable[[Path], None]
) -> None:
    root = tmp_path / "photos"
    fill(root / "all")
    async with living(tmp_path) as services:
        volume_id = await services.add(root)
        await scanned(services, volume_id)
        sort(root)
        assert (await services.volumes.probe(volume_id)).state == "online"
        await scanned(services, volume_id)
        assert {os.fsencode(path.relative_to(root)) for path in root.rglob("*.txt")} == await services.files()


async def test_what_the_owner_accepts_is_believed_and_written_down_by_the_next_scan(
    tmp_path: Path, root: Path
) -> None:
    async with living(tmp_path) as services:
        volume_id = await services.add(root)
        await scanned(services, volume_id)
        clear(root)
        (root / "new.txt").write_bytes(b"new")
        assert (await services.volumes.probe(volume_id)).state == "suspect"
        await services.writer.run(volume_store.accept_absence, volume_id, time.time_ns())
        assert (await scanned(services, volume_id)).state == "online"
        assert await services.files() == {b"new.txt"}
        assert len(await services.files("missing")) == 12
        assert (await services.volumes.probe(volume_id)).state == "online"


async def test_a_root_made_anew_and_restored_is_recognised_by_its_files(tmp_path: Path, root: Path) -> None:
    async with living(tmp_path) as services:
        volume_id = await services.add(root)
        before = await scanned(services, volume_id)
        os.rename(root, tmp_path / "old")
        root.mkdir()
        assert (await services.volumes.probe(volume_id)).state == "suspect"
        shutil.copytree(tmp_path / "old", root, dirs_exist_ok=True)  # keeps the times
        after = await services.volumes.probe(volume_id)
        assert (after.state, after.state_reason) == ("online", None)
        assert json.loads(after.identity or "")["key"] != json.loads(before.identity or "")["key"]
        (root / "2010" / "000.txt").write_bytes(b"another file at the same place")
        assert (await services.volumes.probe(volume_id)).state == "online"  # the identity is recorded


async def test_another_folder_at_the_same_place_is_suspect_and_nothing_in_it_is_believed(
    tmp_path: Path, root: Path
) -> None:
    async with living(tmp_path) as services:
        volume_id = await services.add(root)
        await scanned(services, volume_id)
        os.rename(root, tmp_path / "old")
        fill(root, 3)
        found = await services.volumes.probe(volume_id)
        assert found.state == "suspect"
        assert f"`glassine volume relocate photos {root}`" in (found.state_reason or "")
        assert len(await services.files()) == 12
        # the way out: the owner says that this is the place
        await services.writer.run(volume_store.relocate, volume_id, os.fsencode(root), time.time_ns())
        assert (await services.volumes.probe(volume_id)).state == "online"


async def test_samples_are_spread_are_the_same_each_time_and_leave_out_what_is_away(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for number in range(40):
        folder = root / f"{number:02}" / "deep"
        folder.mkdir(parents=True)
        for name in ("a.txt", "b.txt", "empty.txt"):
            (folder / name).write_bytes(b"" if name == "empty.txt" else name.encode())
    async with living(tmp_path) as services:
        volume_id = await services.add(root)
        await scanned(services, volume_id)
        chosen = await services.writer.read(samples, volume_id)
        assert len(chosen) == 16
        folders = [int(sample.path[:2]) for sample in chosen]
        assert len(set(folders)) >= 15
        assert (min(folders), max(folders) > 35) == (0, True)
        assert not [sample for sample in chosen if sample.size == 0]
        assert chosen == await services.writer.read(samples, volume_id)
        now_ns = time.time_ns()
        for key in ("uuid:1/2", None):
            await services.writer.run(volume_store.note_nested_mounts, volume_id, [(b"00", key)], now_ns)
        others = await services.writer.read(samples, volume_id)
        assert len(others) == 16
        assert not [sample for sample in others if sample.path.startswith(b"00/")]


async def test_samples_of_one_large_folder_are_spread_over_it(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    for number in range(200):
        (root / f"{number:03}.txt").write_bytes(b"x")
    async with living(tmp_path) as services:
        volume_id = await services.add(root)
        assert await services.writer.read(samples, volume_id) == []
        await scanned(services, volume_id)
        chosen = await services.writer.read(samples, volume_id)
        assert len(chosen) == 16
        numbers = sorted(int(sample.path[:3]) for sample in chosen)
        assert max(right - left for left, right in pairwise(numbers)) < 40


# ---- nothing is believed that this process did not see


async def test_after_a_start_no_volume_is_believed_before_it_was_looked_at(
    tmp_path: Path, root: Path
) -> None:
    other = fill(tmp_path / "other")
    async with living(tmp_path) as services:
        first, second = await services.add(root), await services.add(other, "other")
        unused = await services.add(fill(tmp_path / "third"), "third")
        for volume_id in (first, second, unused):
            await scanned(services, volume_id)
        now_ns = time.time_ns()
        await services.writer.run(volume_store.set_volume_state, unused, "disabled", "by me", now_ns)
        assert await services.volumes.may_destroy() is None
    async with living(tmp_path) as services:
        assert not services.volumes.was_probed(first)  # the catalog still says online: that proves nothing
        assert "photos" in (await services.volumes.may_destroy() or "")
        await services.writer.run(forget_states, time.time_ns())
        assert {one.name: one.state for one in await services.volumes.all()} == {
            "photos": "unknown",
            "other": "unknown",
            "third": "disabled",
        }
        await services.volumes.probe(first)
        assert services.volumes.was_probed(first)
        assert await services.volumes.may_destroy() == "nobody has looked at the volume other yet"
        shutil.rmtree(other)
        await services.volumes.probe(second)
        assert await services.volumes.may_destroy() == "the volume other is offline"
        fill(other)
        await services.writer.run(volume_store.set_volume_state, second, "disabled", None, now_ns)
        assert await services.volumes.may_destroy() is None


def test_a_probe_in_the_foreground_tells_states(tmp_path: Path, root: Path) -> None:
    library = Library(tmp_path / "library")
    with closing(create(library, ZONE, time.time_ns())) as writer:
        for name, place in (("photos", root), ("card", tmp_path / "nothing")):
            volume_store.add_volume(writer, name, os.fsencode(place), now_ns=time.time_ns())
    found = probe_in_foreground(library, Config(), None)
    assert [(one.name, one.state) for one in found] == [("photos", "online"), ("card", "offline")]
    assert [one.name for one in probe_in_foreground(library, Config(), "card")] == ["card"]
    with pytest.raises(NotFound, match="there is no volume 'nobody'"):
        probe_in_foreground(library, Config(), "nobody")


# ---- the marker


async def add_writable(services: Living, root: Path, name: str = "photos") -> VolumeId:
    return await services.writer.run(
        volume_store.add_volume, name, os.fsencode(root), now_ns=time.time_ns(), mode="rw"
    )


async def test_a_writable_volume_gets_a_marker_that_is_no_file_of_its_library(
    tmp_path: Path, root: Path
) -> None:
    async with living(tmp_path) as services:
        volume_id = await add_writable(services, root)
        volume = await scanned(services, volume_id)
        text = json.loads((root / MARKER).read_text())
        assert text == {"glassine_volume": volume.marker, "name": "photos"}
        assert len(volume.marker or "") == 26
        assert (root / MARKER).stat().st_mode & 0o777 == 0o644
        assert len(await services.files()) == 12
        before = fingerprints(root)
        await scanned(services, volume_id)
        assert fingerprints(root) == before
        # it is known by it, on another file system with other times
        os.rename(root, tmp_path / "old")
        shutil.copytree(tmp_path / "old", root, copy_function=shutil.copyfile)
        await scanned(services, volume_id)
        # a marker that its owner removed comes back, with the same uid
        (root / MARKER).unlink()
        again = await services.volumes.probe(volume_id)
        assert (again.state, again.state_reason, again.marker) == ("online", None, volume.marker)
        assert json.loads((root / MARKER).read_text()) == text


async def test_a_read_only_volume_gets_none(tmp_path: Path, root: Path) -> None:
    before = fingerprints(root)
    async with living(tmp_path) as services:
        volume = await scanned(services, await services.add(root))
    assert (volume.state, volume.marker) == ("online", None)
    assert fingerprints(root) == before


async def test_a_copy_of_a_volume_is_not_taken_for_it_nor_for_another_one(tmp_path: Path, root: Path) -> None:
    async with living(tmp_path) as services:
        first = await add_writable(services, root)
        await scanned(services, first)
        copy = tmp_path / "copy"
        shutil.copytree(root, copy)
        second = await add_writable(services, copy, "copy")
        found = await services.volumes.probe(second)
        assert found.state == "suspect"
        assert "that of the volume 'photos'" in (found.state_reason or "")
        (copy / MARKER).unlink()
        found = await services.volumes.probe(second)
        assert found.state == "online"
        assert found.marker not in (None, (await services.volume(first)).marker)


async def test_a_marker_that_is_there_is_learnt_and_never_written_over(tmp_path: Path, root: Path) -> None:
    uid = "0123456789abcdefghjkmnpqrs"
    (root / MARKER).write_bytes(marker_bytes(uid, "of another library"))
    before = fingerprints(root)
    async with living(tmp_path) as services:
        volume_id = await add_writable(services, root)
        assert (await services.volumes.probe(volume_id)).state == "online"
        assert (await services.volume(volume_id)).marker == uid
        assert fingerprints(root) == before
        (root / MARKER).write_bytes(marker_bytes("z" * 26, "another disk"))
        found = await services.volumes.probe(volume_id)
        assert (found.state, found.marker) == ("suspect", uid)


@pytest.mark.parametrize("content", [b"", b"not ours", b"[1]", b'{"glassine_volume": 7}', bytes(9000), None])
async def test_what_is_no_marker_of_ours_is_left_alone_and_does_not_matter(
    tmp_path: Path, root: Path, content: bytes | None
) -> None:
    if content is None:
        os.symlink("/etc/passwd", root / MARKER)
    else:
        (root / MARKER).write_bytes(content)
    before = fingerprints(root)
    async with living(tmp_path) as services:
        volume_id = await add_writable(services, root)
        for _ in range(2):
            found = await services.volumes.probe(volume_id)
            assert (found.state, found.marker) == ("online", None)
    assert fingerprints(root) == before


# ---- mounts that come and go


@contextmanager
def tmpfs(place: Path) -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "glassine-test", place], check=True)
    try:
        yield place
    finally:
        while os.path.ismount(place):
            subprocess.run(["umount", "-l", place], check=True)


async def until(is_so: Callable[[], Awaitable[bool]], *, within_s: float = 5) -> float:
    """Wait until something is so; return the seconds it took."""
    before_s = time.monotonic()
    with trio.fail_after(within_s):
        while not await is_so():  # noqa: ASYNC110 - the catalog on disk rings no bell
            await trio.sleep(0.005)
    return time.monotonic() - before_s


@pytest.mark.root
async def test_a_disk_that_goes_and_returns_is_noticed_at_once_by_the_mount_table(tmp_path: Path) -> None:
    with loop_disk(tmp_path / "disk", size_kib=4096) as disk:
        fill(disk)
        async with living(tmp_path) as services, open_mount_events(services.volumes):
            volume_id = await services.add(disk)
            other = await services.add(fill(tmp_path / "other"), "other")
            await scanned(services, volume_id)
            await scanned(services, other)
            read = hashed_bytes(services, volume_id)
            other_since = (await services.volume(other)).state_since_ns

            async def is_in(state: str) -> bool:
                return (await services.volume(volume_id)).state == state

            for _ in range(3):
                disk.lazy_unmount()
                assert await until(lambda: is_in("offline")) < 1
                assert "not mounted" in ((await services.volume(volume_id)).state_reason or "")
                disk.mount_again()
                assert await until(lambda: is_in("online")) < 1
            await scanned(services, volume_id)
            assert hashed_bytes(services, volume_id) == read
            assert len(await services.files()) == 12
            assert await services.files("missing") == set()
            assert (await services.volume(other)).state_since_ns == other_since


@pytest.mark.root
async def test_a_disk_that_a_symlink_leads_to_is_missed_at_once_too(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    with loop_disk(tmp_path / "disk", size_kib=4096) as disk:
        fill(disk)
        async with living(tmp_path) as services, open_mount_events(services.volumes):
            volume_id = await services.add(tmp_path / "link")
            await scanned(services, volume_id)

            async def is_in(state: str) -> bool:
                return (await services.volume(volume_id)).state == state

            disk.lazy_unmount()
            assert await until(lambda: is_in("offline")) < 1
            disk.mount_again()


async def test_a_storage_that_comes_between_the_proof_and_the_walk_of_a_scan_is_not_listed(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(tmp_path) as services:
        volume_id = await services.add(root)
        await scanned(services, volume_id)
        known = await services.files()
        starts = daemon.scan._starts
        other = fill(tmp_path / "other", 3)
        (other / "2010" / "000.txt").write_bytes(b"another photo of the same name")
        (other / "foreign.txt").write_bytes(b"x")

        async def swapped_meanwhile(*arguments: Any) -> list[bytes]:
            root.rename(tmp_path / "away")
            other.rename(root)
            await services.volumes.stop(volume_id)  # as the mount table has it done
            return await starts(*arguments)

        before = await services.rows("SELECT id, size, mtime_ns, content_id FROM location ORDER BY id")
        monkeypatch.setattr(daemon.scan, "_starts", swapped_meanwhile)
        with pytest.raises(VolumeOffline):
            await scan_volume(services.services, volume_id, full=True)
        assert await services.files() == known
        assert (
            await services.rows("SELECT id, size, mtime_ns, content_id FROM location ORDER BY id") == before
        )
        assert (await services.volumes.probe(volume_id)).state == "suspect"


async def test_a_process_that_began_at_another_root_than_there_is_now_is_replaced(
    tmp_path: Path, root: Path
) -> None:
    async with living(tmp_path) as services:
        volume_id = await services.add(root)
        volume = await services.volumes.probe(volume_id)
        session = await services.volumes.session(volume)
        assert session.begun_at == session.instance
        await services.volumes.probe(volume_id)
        assert await services.volumes.session(volume) is session
        # As if another file system had been there when it was started (it came between two system calls of the child).
        session.begun_at, session.instance = "1/1", None
        await services.volumes.probe(volume_id)
        assert await services.volumes.session(volume) is not session


@pytest.mark.root
async def test_a_disk_that_came_after_its_process_had_begun_is_served_by_another_one(tmp_path: Path) -> None:
    with loop_disk(tmp_path / "disk", size_kib=4096) as disk:
        fill(disk)
        async with living(tmp_path) as services:
            volume_id = await services.add(disk)
            await scanned(services, volume_id)
            await services.volumes.stop(volume_id)
            disk.unmount()
            volume = await services.volume(volume_id)
            early = await services.volumes.session(volume)

            async def has_begun() -> bool:
                return early.confinement is not None

            await until(has_begun)  # it reads and watches what was there without the disk
            disk.mount_again()
            assert (await services.volumes.probe(volume_id)).state == "online"
            session = await services.volumes.session(volume)
            assert session is not early
            async with session.open_watch() as changes:
                assert (await anext(changes)).watch_limit is None
            disk.unmount()


@pytest.mark.root
async def test_another_disk_at_the_same_place_is_suspect(tmp_path: Path) -> None:
    with loop_disk(tmp_path / "disk", size_kib=4096) as disk:
        fill(disk)
        async with living(tmp_path) as services, open_mount_events(services.volumes):
            volume_id = await services.add(disk)
            await scanned(services, volume_id)

            async def is_in(state: str) -> bool:
                return (await services.volume(volume_id)).state == state

            with tmpfs(Path(disk)):
                fill(disk)  # the same names, and other files
                await services.volumes.probe(volume_id)
                await until(lambda: is_in("suspect"))
                assert "another storage" in ((await services.volume(volume_id)).state_reason or "")
                assert await services.volumes.may_destroy() == "the volume photos is suspect"
                disk.lazy_unmount()
            disk.mount_again()
            assert await until(lambda: is_in("online")) < 1
            assert len(await services.files()) == 12


@pytest.mark.root
async def test_a_file_system_below_a_root_has_a_presence_of_its_own(tmp_path: Path, root: Path) -> None:
    with tmpfs(root / "card"):
        fill(root / "card", 6)
        async with living(tmp_path) as services, open_mount_events(services.volumes):
            volume_id = await services.add(root)
            await scanned(services, volume_id)
            assert len(await services.files()) == 18

            async def nested() -> list[tuple[bytes, bool]]:
                found = await services.writer.read(volume_store.nested_mounts, volume_id)
                return [(one.path, one.is_away) for one in found]

            async def is_away() -> bool:
                return await nested() == [(b"card", True)]

            assert await nested() == [(b"card", False)]
            subprocess.run(["umount", "-l", root / "card"], check=True)
            assert await until(is_away) < 1
            assert (await scanned(services, volume_id)).state == "online"
            assert (len(await services.files()), await services.files("missing")) == (18, set())
            with tmpfs(root / "card"):  # another one: not the one that is waited for
                fill(root / "card", 3)
                await scanned(services, volume_id)
                assert await nested() == [(b"card", True)]
                assert (len(await services.files()), await services.files("missing")) == (18, set())
                # the owner says that it is the right one
                await services.writer.run(volume_store.accept_absence, volume_id, time.time_ns())
                await scanned(services, volume_id)
                assert await nested() == [(b"card", False)]
                assert len(await services.files("missing")) == 3


@pytest.mark.root
async def test_inodes_of_another_disk_prove_nothing_once_the_owner_says_that_the_volume_is_there(
    tmp_path: Path,
) -> None:
    with (
        loop_disk(tmp_path / "disk", size_kib=4096) as disk,
        loop_disk(tmp_path / "new", size_kib=4096) as new,
    ):
        fill(disk)
        async with living(tmp_path) as services:
            volume_id = await services.add(disk)
            await scanned(services, volume_id)
            moved_files = ("2010/000.txt", "2011/001.txt", "2012/002.txt")

            async def inodes() -> set[int]:
                return {
                    row[0]
                    for row in await services.writer.read(
                        lambda reader: reader.rows(
                            "SELECT inode FROM location WHERE volume_id = ?", (volume_id,)
                        )
                    )
                }

            assert 0 not in await inodes()
            # the same disk elsewhere: its numbers hold
            await services.writer.run(volume_store.relocate, volume_id, os.fsencode(disk), time.time_ns())
            await services.volumes.probe(volume_id)
            assert 0 not in await inodes()
            shutil.copytree(disk, new, dirs_exist_ok=True)
            await services.writer.run(volume_store.relocate, volume_id, os.fsencode(new), time.time_ns())
            assert (await services.volumes.probe(volume_id)).state == "online"
            assert await inodes() == {0}
            await scanned(services, volume_id)
            assert {os.stat(Path(new) / one).st_ino for one in moved_files} <= await inodes()
            assert 0 not in await inodes()
