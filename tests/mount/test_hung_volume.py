"""A volume that hangs, as a dead NAS does: a stopped FUSE server stands in for it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mounted import Mount, open_mount, wait_until

from capabilities import require
from catalog.store import volumes
from library_builder import VOLUME, BuiltLibrary, FileSpec, build_library
from vfs import mounting

pytestmark = [pytest.mark.mount, pytest.mark.slow]

DAY = "Timeline/2019/2019-08/2019-08-07"
SPEC = FileSpec(captured="2019-08-07T12:00:00")


class Nas:
    """A directory served by a process that can be stopped."""

    def __init__(self, place: Path, stored: Path) -> None:
        self.place = place
        self._server = subprocess.Popen(
            [shutil.which("bindfs") or "bindfs", "-f", "--no-allow-other", stored, place],
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: mounting.mount_type(place) is not None)
        except BaseException:
            self.close()
            raise

    def hang(self) -> None:
        self._server.send_signal(signal.SIGSTOP)

    def answer(self) -> None:
        self._server.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.answer()
        subprocess.run(["fusermount3", "-uz", self.place], check=False)
        try:
            self._server.wait(10)
        except subprocess.TimeoutExpired:
            self._server.kill()
            raise


@pytest.fixture
def nas(tmp_path) -> Iterator[tuple[Nas, BuiltLibrary]]:
    require("bindfs")
    (tmp_path / "stored").mkdir()
    (tmp_path / "volume").mkdir()
    served = Nas(tmp_path / "volume", tmp_path / "stored")
    try:
        built = build_library(tmp_path, {f"{number:02d}.jpg": SPEC for number in range(40)})
        yield served, built
        built.close()
    finally:
        served.close()


def reading(path: Path, results: list[bytes | OSError]) -> threading.Thread:
    def read() -> None:
        try:
            results.append(path.read_bytes())
        except OSError as error:
            results.append(error)

    thread = threading.Thread(target=read, daemon=True)  # one that hangs must not keep pytest from its end
    thread.start()
    return thread


def test_readers_of_a_hung_volume_keep_nobody_else_waiting(nas, tmp_path):
    served, built = nas
    results: list[bytes | OSError] = []
    with open_mount(built.library, tmp_path / "mnt") as mount:
        served.hang()
        readers = [reading(mount.place / DAY / f"{number:02d}.jpg", results) for number in range(20)]
        time.sleep(0.3)  # more readers than the volume has threads: all of them stuck
        started = time.monotonic()
        assert len(os.listdir(mount.place / "Types/Photos/2019")) == 40
        assert len(os.listdir(mount.place / f"Originals/{VOLUME}")) == 40
        for number in range(20, 40):
            assert (mount.place / f"Recent/{built.added_day}/{number:02d}.jpg").stat().st_size
        assert not (mount.place / DAY / "nothing.jpg").exists()
        assert mount.status()
        assert time.monotonic() - started < 1
        assert results == []
        served.answer()
        for reader in readers:
            reader.join(10)
    assert sorted(results) == sorted(SPEC.bytes_for(b"%02d.jpg" % number) for number in range(20))  # type: ignore[type-var]


def test_a_hung_volume_that_is_declared_suspect_is_refused_at_once(nas, tmp_path):
    served, built = nas
    results: list[bytes | OSError] = []
    with open_mount(built.library, tmp_path / "mnt") as mount:
        served.hang()
        readers = [reading(mount.place / DAY / f"{number:02d}.jpg", results) for number in range(20)]
        time.sleep(0.2)
        volumes.set_volume_state(built.writer, built.volume_id, "suspect", "hangs", time.time_ns())
        started = time.monotonic()
        with pytest.raises(OSError, match="Input/output error"):
            (mount.place / DAY / "30.jpg").read_bytes()
        assert time.monotonic() - started < 0.5
        served.answer()
        for reader in readers:
            reader.join(10)


def test_a_mount_ends_although_a_reader_hangs_and_the_reader_gets_an_error(nas, tmp_path):
    served, built = nas
    results: list[bytes | OSError] = []
    mount = Mount(built.library, tmp_path / "mnt", tmp_path / "log")
    try:
        served.hang()
        reader = reading(mount.place / DAY / "00.jpg", results)
        time.sleep(0.2)
        started = time.monotonic()
        assert mount.end() == 0
        assert time.monotonic() - started < 12
        reader.join(10)
        assert isinstance(results[0], OSError)
    finally:
        served.answer()
        mount.clean_up()
