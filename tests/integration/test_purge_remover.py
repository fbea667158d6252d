"""The remover: takes a file that is exactly what was written down, and leaves everything else. Real files, real child."""

from __future__ import annotations

import mmap
import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trio
from blake3 import blake3

from capabilities import require
from catalog.errors import VolumeOffline
from catalog.ids import ContentHash
from daemon.purge.protocol import Ending, Order, RemoverHello
from daemon.purge.session import Remover, open_remover
from sacred import REPOSITORY
from source_mutant import seed_mutant
from vfs.beneath import file_stamp
from vfs.confine import landlock_abi
from vfs.storage.local import LocalStorage

BODY = b"the bytes of a photo " * 1000
OLD_NS = 1_000_000_000 * 10**9


@dataclass(frozen=True, slots=True)
class Disk:
    """A volume's root with the file `dir/photo.jpg`, and the order to remove it."""

    root: Path
    order: Order

    @property
    def photo(self) -> Path:
        return self.root / "dir" / "photo.jpg"

    def hello(self) -> RemoverHello:
        with LocalStorage(os.fsencode(self.root)) as storage:
            return RemoverHello(os.fsencode(self.root), storage.probe().key, storage.instance(), True)


def order_for(root: Path, path: str, body: bytes = BODY) -> Order:
    stamp = file_stamp(os.stat(root / path))
    return Order(path.encode(), ContentHash(blake3(body).digest()), stamp)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    root = tmp_path / "volume"
    (root / "dir").mkdir(parents=True)
    photo = root / "dir" / "photo.jpg"
    photo.write_bytes(BODY)
    os.utime(photo, ns=(OLD_NS, OLD_NS))
    return Disk(root, order_for(root, "dir/photo.jpg"))


async def removed(disk: Disk, order: Order | None = None) -> Ending:
    async with open_remover(disk.hello()) as remover:
        return await verified_and_gone(remover, order or disk.order)


async def verified_and_gone(remover: Remover, order: Order) -> Ending:
    refusal = await remover.verify(order)
    return refusal if refusal is not None else await remover.go()


async def test_a_file_that_is_what_was_written_down_is_removed_and_nothing_else(disk: Disk) -> None:
    other = disk.root / "dir" / "other.jpg"
    other.write_bytes(BODY)
    assert await removed(disk) == Ending("done")
    assert not disk.photo.exists()
    assert other.read_bytes() == BODY


# ---- the matrix: each of these makes it another file


def _other_content_same_size(disk: Disk) -> None:
    status = disk.photo.stat()
    disk.photo.write_bytes(BODY[::-1])
    os.utime(disk.photo, ns=(status.st_atime_ns, status.st_mtime_ns))


def _other_mtime(disk: Disk) -> None:
    os.utime(disk.photo, ns=(OLD_NS, OLD_NS + 1))


def _other_mode(disk: Disk) -> None:
    disk.photo.chmod(0o600)


def _replaced_by_rename(disk: Disk) -> None:
    new = disk.root / "dir" / "new.jpg"
    new.write_bytes(BODY)
    os.utime(new, ns=(OLD_NS, OLD_NS))
    new.rename(disk.photo)


def _replaced_by_a_symlink(disk: Disk) -> None:
    disk.photo.rename(disk.root / "moved.jpg")
    disk.photo.symlink_to(disk.root / "moved.jpg")


def _directory_replaced_by_a_symlink(disk: Disk) -> None:
    (disk.root / "dir").rename(disk.root / "elsewhere")
    (disk.root / "dir").symlink_to(disk.root / "elsewhere")


def _directory_swapped(disk: Disk) -> None:
    (disk.root / "dir").rename(disk.root / "elsewhere")
    (disk.root / "dir").mkdir()
    disk.photo.write_bytes(BODY)
    os.utime(disk.photo, ns=(OLD_NS, OLD_NS))


def _truncated(disk: Disk) -> None:
    os.truncate(disk.photo, len(BODY) - 1)


def _appended(disk: Disk) -> None:
    with disk.photo.open("ab") as file:
        file.write(b"!")


def _a_directory_now(disk: Disk) -> None:
    disk.photo.unlink()
    disk.photo.mkdir()


def _a_fifo_now(disk: Disk) -> None:
    disk.photo.unlink()
    os.mkfifo(disk.photo)


CHANGES: list[Callable[[Disk], None]] = [
    _other_content_same_size, _other_mtime, _other_mode, _replaced_by_rename, _replaced_by_a_symlink,
    _directory_replaced_by_a_symlink, _directory_swapped, _truncated, _appended, _a_directory_now, _a_fifo_now,
]  # fmt: skip


def everything_below(root: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(root)): (path.lstat().st_ino, path.lstat().st_size)
        for path in sorted(root.rglob("*"))
    }


@pytest.mark.parametrize("change", CHANGES)
async def test_a_file_that_changed_before_is_left(disk: Disk, change: Callable[[Disk], None]) -> None:
    change(disk)
    before = everything_below(disk.root)
    assert await removed(disk) == Ending("refused", "changed")
    assert everything_below(disk.root) == before


# Writers in place wait for the lease that the remover holds: they are another test.
IN_PLACE = (_other_content_same_size, _truncated, _appended)


@pytest.mark.parametrize("change", [one for one in CHANGES if one not in IN_PLACE])
async def test_a_file_that_changes_after_it_was_verified_is_left(
    disk: Disk, change: Callable[[Disk], None]
) -> None:
    async with open_remover(disk.hello()) as remover:
        assert await remover.verify(disk.order) is None
        await trio.to_thread.run_sync(change, disk)
        before = everything_below(disk.root)
        assert await remover.go() == Ending("refused", "changed")
        assert everything_below(disk.root) == before


async def test_bytes_that_only_the_hash_can_tell_are_left(disk: Disk) -> None:
    """Same size, times and inode as written down: what a clock set back, or a bad disk, can leave."""
    status = disk.photo.stat()
    disk.photo.write_bytes(BODY[:-1] + b"?")
    os.utime(disk.photo, ns=(status.st_atime_ns, status.st_mtime_ns))
    order = replace(disk.order, stamp=file_stamp(os.stat(disk.photo)))
    assert await removed(disk, order) == Ending("refused", "changed")
    assert disk.photo.exists()


async def test_a_file_that_is_gone_is_told(disk: Disk) -> None:
    disk.photo.unlink()
    assert await removed(disk) == Ending("refused", "gone")


async def test_a_file_that_somebody_has_open_for_writing_is_left(disk: Disk) -> None:
    with disk.photo.open("r+b"):
        assert (await removed(disk)).state == "refused"
    assert disk.photo.exists()


async def test_a_file_that_somebody_has_mapped_for_writing_is_left(disk: Disk) -> None:
    with disk.photo.open("r+b") as file, mmap.mmap(file.fileno(), 0):
        file.close()
        assert (await removed(disk)).state == "refused"
    assert disk.photo.exists()


async def test_a_writer_that_comes_after_the_verification_wins(disk: Disk) -> None:
    """Whoever opens it for writing breaks the lease: the file stays, and the writer waited for no longer than a moment."""
    async with open_remover(disk.hello()) as remover:
        assert await remover.verify(disk.order) is None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, _appended, disk)
            await trio.sleep(0.2)  # it is blocked in open by now, or it has written
            ending = await remover.go()
    assert ending.state == "refused"
    assert disk.photo.read_bytes() == BODY + b"!"


async def test_of_an_inode_with_several_names_one_name_goes_and_its_change_time_is_told(disk: Disk) -> None:
    twin = disk.root / "twin.jpg"
    os.link(disk.photo, twin)
    ending = await removed(disk, order_for(disk.root, "dir/photo.jpg"))
    assert ending == Ending("done", None, twin.stat().st_ctime_ns)
    assert not disk.photo.exists()
    assert twin.read_bytes() == BODY


async def test_stop_leaves_the_file(disk: Disk) -> None:
    async with open_remover(disk.hello()) as remover:
        assert await remover.verify(disk.order) is None
        assert await remover.stop() == Ending("refused", "stopped")
        assert await verified_and_gone(remover, disk.order) == Ending("done")


@pytest.mark.parametrize("path", [b"../outside.jpg", b"/etc/hostname", b"dir/../../outside.jpg", b""])
async def test_a_path_that_leads_out_is_refused(disk: Disk, path: bytes) -> None:
    outside = disk.root.parent / "outside.jpg"
    outside.write_bytes(BODY)
    ending = await removed(disk, replace(disk.order, path=path))
    assert ending.state == "refused"
    assert outside.exists()


async def test_another_volume_at_the_path_is_refused(disk: Disk) -> None:
    hello = disk.hello()
    disk.root.rename(disk.root.parent / "away")
    (disk.root / "dir").mkdir(parents=True)
    os.link(disk.root.parent / "away" / "dir" / "photo.jpg", disk.photo)
    async with open_remover(hello) as remover:
        assert await verified_and_gone(remover, disk.order) == Ending("refused", "offline")
    assert disk.photo.exists()


async def test_a_volume_that_is_swapped_under_a_running_remover_is_refused(disk: Disk) -> None:
    async with open_remover(disk.hello()) as remover:
        disk.root.rename(disk.root.parent / "away")
        (disk.root / "dir").mkdir(parents=True)
        os.link(disk.root.parent / "away" / "dir" / "photo.jpg", disk.photo)
        ending = await verified_and_gone(remover, disk.order)
    assert ending.state in ("refused", "failed")
    assert disk.photo.exists()


async def test_a_file_system_that_says_no_is_a_failure_with_its_reason(disk: Disk) -> None:
    require("user")
    (disk.root / "dir").chmod(0o555)
    try:
        assert await removed(disk) == Ending("failed", "EACCES")
    finally:
        (disk.root / "dir").chmod(0o755)
    assert disk.photo.exists()


async def test_looking_tells_there_and_gone_and_never_opens(disk: Disk) -> None:
    async with open_remover(disk.hello()) as remover:
        assert await remover.look(b"dir/photo.jpg") == "there"
        assert await remover.look(b"dir/nothing.jpg") == "gone"
        assert await remover.look(b"nothing/nothing.jpg") == "gone"


async def test_a_remover_that_dies_is_told_as_a_volume_that_cannot_be_reached(disk: Disk) -> None:
    async with open_remover(disk.hello()) as remover:
        remover._pipes.kill()
        with pytest.raises(VolumeOffline):
            await remover.verify(disk.order)


async def test_the_remover_is_confined(disk: Disk) -> None:
    async with open_remover(disk.hello()) as remover:
        assert remover.confinement is not None
        assert remover.confinement["landlock_abi"] == landlock_abi()
        assert remover.confinement["has_seccomp"]


# ---- these checks are needed: without each of them a file goes that must stay


async def _hash_alone(disk: Disk) -> Ending:
    disk.photo.write_bytes(BODY[:-1] + b"?")
    os.utime(disk.photo, ns=(OLD_NS, OLD_NS))
    return await removed(disk, replace(disk.order, stamp=file_stamp(os.stat(disk.photo))))


async def _swapped_after(disk: Disk) -> Ending:
    async with open_remover(disk.hello()) as remover:
        assert await remover.verify(disk.order) is None
        _directory_swapped(disk)
        return await remover.go()


async def _written_after(disk: Disk) -> Ending:
    async with open_remover(disk.hello()) as remover:
        assert await remover.verify(disk.order) is None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, _appended, disk)
            await trio.sleep(0.2)
            return await remover.go()


async def _stopped(disk: Disk) -> Ending:
    async with open_remover(disk.hello()) as remover:
        assert await remover.verify(disk.order) is None
        return await remover.stop()


async def _other_root(disk: Disk) -> Ending:
    hello = replace(disk.hello(), instance="another mount")
    async with open_remover(hello) as remover:
        return await verified_and_gone(remover, disk.order)


MUTANTS: dict[str, tuple[str, str, Callable[[Disk], Awaitable[Ending]]]] = {
    "the hash": ("if proof.digest != self.order.hash:", "if False:", _hash_alone),
    "what the name means": ("self._refuse_another(directory_fd, name)", "pass", _swapped_after),
    "the lease": ("if not proof.is_intact():", "if False:", _written_after),
    "the word": ("if not may_go():", "if may_go() is None:", _stopped),
    "the root": ("if storage.instance() != hello.instance", "if False", _other_root),
}


@pytest.mark.parametrize("check", MUTANTS)
async def test_a_remover_that_does_not_look_at_it_removes_what_must_stay(
    disk: Disk, check: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, mishap = MUTANTS[check]
    twin = replace(disk, root=Path(shutil.copytree(disk.root, tmp_path / "twin")))
    twin = replace(twin, order=order_for(twin.root, "dir/photo.jpg"))
    assert (await mishap(disk)).state == "refused"
    seeded = seed_mutant(tmp_path / "mutant", "daemon.purge.remover", old, new)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(seeded), str(REPOSITORY)]))
    assert (await mishap(twin)).state == "done"
