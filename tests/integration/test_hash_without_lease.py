"""Files that cannot be leased: who has one mapped and dirty writes without moving a stamp, until the page is written back."""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from blake3 import blake3

from daemon.volume_process import hashing
from daemon.volume_process.hashing import CHANGED, CHUNK_BYTES, hash_file
from loop_disk import loop_disk
from vfs.beneath import FileStamp, file_stamp
from vfs.storage.local import LocalStorage

pytestmark = pytest.mark.root

SIZE = 3 * CHUNK_BYTES


class Meanwhile:
    """A pace in which somebody does something once the first chunk was read."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act: Callable[[], None] | None = act
        self._taken = 0

    def take(self, size: int) -> None:
        self._taken += size
        if self._taken > CHUNK_BYTES and self._act is not None:
            self._act()
            self._act = None

    def tick(self) -> None:
        pass


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system whose mapped pages stamp the file when they become dirty; not every /tmp does (tmpfs)."""
    with loop_disk(tmp_path / "disk", size_kib=16 * 1024) as disk:
        (disk / "x.mov").write_bytes(b"o" * SIZE)
        yield Path(disk)


@contextmanager
def mapped_and_dirty(path: Path) -> Iterator[mmap.mmap]:
    """Map a file and make a page at its begin and one near its end dirty."""
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[0] = mapped[2 * CHUNK_BYTES + 5] = ord("1")
        yield mapped


def _stamp(path: Path) -> FileStamp:
    return file_stamp(path.stat())


def _in_an_hour() -> int:
    return time.time_ns() + 3600 * 10**9


def _hash_while_somebody_writes(path: Path, mapped: mmap.mmap) -> tuple[bytes | None, str | None]:
    before = _stamp(path)

    def write() -> None:
        time.sleep(0.05)  # longer than the kernel's tick, by which it stamps
        mapped[0] = mapped[2 * CHUNK_BYTES + 5] = ord("2")

    with LocalStorage(os.fsencode(path.parent)) as storage:
        digests, failure = hash_file(
            storage, b"x.mov", before, Meanwhile(write), may_lease=False, now_ns=_in_an_hour
        )
    return digests.whole if digests else None, failure


def test_a_writer_that_has_dirty_pages_mapped_is_noticed_while_we_read(disk: Path) -> None:
    with mapped_and_dirty(disk / "x.mov") as mapped:
        assert _hash_while_somebody_writes(disk / "x.mov", mapped) == (None, CHANGED)


def test_without_writing_back_first_a_hash_of_no_version_at_all_would_be_believed(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "_write_back", lambda *_: None)
    with mapped_and_dirty(disk / "x.mov") as mapped:
        versions = set()
        for value in b"12":
            body = bytearray(b"o" * SIZE)
            body[0] = body[2 * CHUNK_BYTES + 5] = value
            versions.add(blake3(body).digest())
        digest, failure = _hash_while_somebody_writes(disk / "x.mov", mapped)
        assert failure is None
        assert digest not in versions


def test_a_file_that_nobody_writes_is_hashed_and_keeps_its_stamps(disk: Path) -> None:
    before = _stamp(disk / "x.mov")
    with LocalStorage(os.fsencode(disk)) as storage:
        digests, failure = hash_file(
            storage, b"x.mov", before, Meanwhile(lambda: None), may_lease=False, now_ns=_in_an_hour
        )
    assert failure is None
    assert digests is not None
    assert digests.whole == blake3(b"o" * SIZE).digest()
    assert _stamp(disk / "x.mov") == before
