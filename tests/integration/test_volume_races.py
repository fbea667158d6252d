"""Somebody switches a volume off, moves it, or accepts it as it is, while it is being looked at; and children that die at once."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import time
from pathlib import Path

import pytest
import trio
from living import ZONE, Living, open_living

from catalog.commands import Command, DisableVolume, ForgetVolume, encode
from catalog.errors import VolumeOffline
from catalog.ids import VolumeId
from catalog.library import Library
from catalog.store import volumes as volume_store
from catalog.store.migrations import create
from catalog.values import VolumeState
from daemon.config import Config, ScanSection
from daemon.foreground import foreground_requests
from daemon.scan import scan_volume
from daemon.services import open_services
from full_disk import fill, small_disk
from media_files import jpeg
from vfs.beneath import FileStamp, file_stamp


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "photos"
    for number in range(6):
        (path / f"{number % 2}").mkdir(parents=True, exist_ok=True)
        (path / f"{number % 2}" / f"{number}.txt").write_bytes(b"text %d" % number)
    return path


def stamp(path: Path) -> FileStamp:
    return file_stamp(path.stat())


async def set_state(living: Living, volume_id: VolumeId, state: VolumeState) -> None:
    await living.writer.run(volume_store.set_volume_state, volume_id, state, None, time.time_ns())


async def child_of(living: Living, volume_id: VolumeId) -> int:
    return (await living.volumes.session(await living.volume(volume_id))).child.pid


async def test_a_volume_that_is_disabled_while_a_look_at_it_hangs_stays_disabled(
    tmp_path: Path, root: Path
) -> None:
    async with open_living(Library(tmp_path / "library"), hang_s=1) as living:
        volume_id = await living.add(root)
        assert (await living.volumes.probe(volume_id)).state == "online"
        os.kill(await child_of(living, volume_id), signal.SIGSTOP)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(living.volumes.probe, volume_id)
            await trio.sleep(0.1)
            await set_state(living, volume_id, "disabled")
        assert (await living.volume(volume_id)).state == "disabled"


async def test_a_child_that_is_killed_in_the_middle_of_a_look_says_nothing_about_its_volume(
    tmp_path: Path, root: Path
) -> None:
    async with open_living(Library(tmp_path / "library")) as living:
        volume_id = await living.add(root)
        await living.volumes.probe(volume_id)
        pid = await child_of(living, volume_id)
        os.kill(pid, signal.SIGSTOP)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(living.volumes.probe, volume_id)
            await trio.sleep(0.1)
            os.kill(pid, signal.SIGKILL)
        volume = await living.volume(volume_id)
        assert (volume.state, volume.state_reason) == ("online", None)
        assert await child_of(living, volume_id) != pid


async def test_a_volume_that_is_not_in_use_gets_no_process(tmp_path: Path, root: Path) -> None:
    async with open_living(Library(tmp_path / "library")) as living:
        volume_id = await living.add(root)
        volume = await living.volumes.probe(volume_id)  # what a run holds that began before
        await set_state(living, volume_id, "disabled")
        await living.volumes.stop(volume_id)
        with pytest.raises(VolumeOffline):
            await living.volumes.session(volume)
        assert living.volumes.processes() == []
        assert (await living.volume(volume_id)).state == "disabled"


async def test_a_volume_that_is_relocated_while_it_is_read_is_looked_at_where_it_is_now(
    tmp_path: Path, root: Path
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(root, moved)
    async with open_living(Library(tmp_path / "library")) as living:
        volume_id = await living.add(root)
        await scan_volume(living.services, volume_id, waits_for_ingest=True)
        session = await living.volumes.session(await living.volume(volume_id))
        files = [(b"0/0.txt", stamp(root / "0" / "0.txt"))] * 2
        async with session.open_hash(files, bytes_per_s=1):  # takes some ten seconds
            await living.writer.run(volume_store.relocate, volume_id, os.fsencode(moved), time.time_ns())
            assert (await living.volumes.probe(volume_id)).state == "online"
            assert f"/{moved.stat().st_ino}" in ((await living.volume(volume_id)).identity or "")
            assert not session.is_alive


async def test_an_emptied_volume_that_its_owner_accepts_is_empty_after_the_next_scan(
    tmp_path: Path, root: Path
) -> None:
    async with open_living(Library(tmp_path / "library")) as living:
        volume_id = await living.add(root)
        await scan_volume(living.services, volume_id, waits_for_ingest=True)
        for folder in ("0", "1"):
            shutil.rmtree(root / folder)
        assert (await living.volumes.probe(volume_id)).state == "suspect"
        await living.writer.run(volume_store.accept_absence, volume_id, time.time_ns())
        await scan_volume(living.services, volume_id)
        assert (await living.files(), len(await living.files("missing"))) == (set(), 6)
        assert (await living.volume(volume_id)).state == "online"


async def test_a_request_that_is_given_up_half_sent_breaks_nothing(tmp_path: Path, root: Path) -> None:
    async with open_living(Library(tmp_path / "library")) as living:
        volume_id = await living.add(root)
        session = await living.volumes.session(await living.volumes.probe(volume_id))
        known = {b"%d" % number: b"d" * 16 for number in range(50_000)}
        os.kill(session.child.pid, signal.SIGSTOP)  # more than fits into the pipe
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as asking:
                nursery.start_soon(_cancel_soon, asking, session.child.pid)
                async with session.open_walk([b""], known=known):
                    pass
        assert asking.cancelled_caught
        assert (await session.probe()).error is None


async def _cancel_soon(asking: trio.CancelScope, pid: int) -> None:
    await trio.sleep(0.2)
    asking.cancel()
    await trio.sleep(0.1)
    os.kill(pid, signal.SIGCONT)


@pytest.mark.slow
async def test_a_child_that_dies_over_a_file_again_and_again_is_not_started_without_a_pause(
    tmp_path: Path, root: Path
) -> None:
    (root / "large.jpg").write_bytes(jpeg(seed=1) + os.urandom(3 << 20))
    async with open_living(Library(tmp_path / "library"), ScanSection(hash_mib_per_s=1)) as living:
        volume_id = await living.add(root)
        await scan_volume(living.services, volume_id)
        killed = set()
        with trio.move_on_after(4):
            while True:
                session = await living.volumes.session(await living.volume(volume_id))
                is_probing = living.volumes._probing[volume_id].locked()
                if session.is_working and not is_probing and session.child.pid not in killed:
                    killed.add(session.child.pid)
                    session.child.kill()
                await trio.sleep(0.01)
        assert 2 <= len(killed) < 6
        assert (await living.volume(volume_id)).state == "online"

        async def has_all_hashes() -> bool:
            return await living.rows("SELECT COUNT(*) FROM content WHERE hash IS NULL") == [(0,)]

        with trio.fail_after(30):  # and it goes on when nobody kills it
            while not await has_all_hashes():  # noqa: ASYNC110 - the catalog on disk rings no bell
                await trio.sleep(0.1)


async def test_without_a_process_for_it_a_volume_is_suspect_and_nobody_fails(
    tmp_path: Path, root: Path
) -> None:
    async with open_living(Library(tmp_path / "library")) as living:
        volume_id = await living.add(root)
        # Every reader of the catalog is open before there is no descriptor left.
        async with trio.open_nursery() as nursery:
            for _ in range(16):
                nursery.start_soon(living.volumes.all)
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest_free = os.dup(0)
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + 1, before[1]))
        try:
            volume = await living.volumes.probe(volume_id)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        assert (volume.state, "Too many open files" in (volume.state_reason or "")) == ("suspect", True)
        assert (await living.volumes.probe(volume_id)).state == "online"


@pytest.mark.root
@pytest.mark.allows_log("the disk that holds the library is full")
async def test_a_full_disk_does_not_keep_a_look_from_ending(tmp_path: Path, root: Path) -> None:
    with small_disk(tmp_path / "disk", size_kib=8192) as disk:
        async with open_living(Library(disk / "library")) as living:
            volume_id = await living.add(root)
            await living.volumes.probe(volume_id)
            fill(disk)
            with small_disk(root / "card", size_kib=64):  # something to note
                with trio.fail_after(10):
                    assert (await living.volumes.probe(volume_id)).state == "online"
                (disk / "fill").unlink()
                await living.volumes.probe(volume_id)
                found = await living.writer.read(volume_store.nested_mounts, volume_id)
                assert [one.path for one in found] == [b"card"]


async def test_a_volume_that_is_disabled_or_forgotten_is_read_no_longer_without_a_daemon_too(
    tmp_path: Path, root: Path
) -> None:
    library = Library(tmp_path / "library")
    create(library, ZONE, time.time_ns()).close()
    edits: list[Command] = [DisableVolume("one"), ForgetVolume("two")]
    async with open_services(library, Config()) as services:
        handlers = foreground_requests(services, lambda: None, is_scanning=True)
        for name, command in zip(("one", "two"), edits, strict=True):
            place = shutil.copytree(root, tmp_path / name)
            volume_id = await services.writer.run(
                volume_store.add_volume, name, os.fsencode(place), now_ns=time.time_ns()
            )
            session = await services.scan.volumes.session(await services.scan.volumes.probe(volume_id))
            await handlers["edit"](encode(command), _hear_nothing)
            assert not session.is_alive


async def _hear_nothing(line: object) -> None:
    """Nobody waits for a sign of life."""
