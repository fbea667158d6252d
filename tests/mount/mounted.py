"""A real mount in a process of its own, and a face of it for the frontend suite."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from catalog.library import Library
from contract.frontend_suite import Status
from vfs import mounting

START_LIMIT_S = 30.0
END_LIMIT_S = 20.0
_PROGRAM = """
import logging, sys
from pathlib import Path
from catalog.errors import GlassineError
from catalog.library import Library
from vfs.fuse_main import MountOptions, serve
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
options = MountOptions(Library(sys.argv[1]), Path(sys.argv[2]), allow_other=sys.argv[3] == "other")
try:
    code = serve(options, on_ready=lambda: print("ready", flush=True))
except GlassineError as error:
    print(type(error).__name__, error.message, flush=True)
    code = error.exit_code
sys.exit(code)
"""


class Mount:
    """A running mount: its launcher process, its place and its log."""

    def __init__(self, library: Library, place: Path, log_path: Path, *, others: bool = False) -> None:
        self.place = place
        self._log_path = log_path
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    _PROGRAM,
                    str(library.path),
                    str(place),
                    "other" if others else "owner",
                ],
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], START_LIMIT_S)
        self.first_line = self.process.stdout.readline().decode().strip() if readable else "timeout"

    @property
    def is_ready(self) -> bool:
        return self.first_line == "ready"

    @property
    def log(self) -> str:
        return self._log_path.read_text()

    @property
    def server_pid(self) -> int:
        """The confined process that answers the kernel."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def status(self) -> dict[str, object]:
        """What the mount says of itself."""
        return json.loads((self.place / ".glassine" / "status.json").read_bytes())

    def operations(self) -> dict[str, int]:
        """Requests so far, by kind."""
        return self.status()["frontend"]["operations"]  # type: ignore[index,no-any-return]

    def end(self, how: int = signal.SIGTERM) -> int:
        """Ask it to end and return its exit code; the caller asserts that the mount is gone."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(END_LIMIT_S)

    def clean_up_process(self) -> None:
        """Leave no process behind, whatever the test did; the mount stays as it is."""
        if self.process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self.end()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def clean_up(self) -> None:
        """Leave nothing behind, whatever the test did."""
        self.clean_up_process()
        if mounting.mount_type(self.place) == mounting.FS_TYPE:
            mounting.unmount(self.place, is_lazy=True)


@contextmanager
def open_mount(library: Library, place: Path, *, others: bool = False) -> Iterator[Mount]:
    """Mount, hand it over, and end it; a bug that the server logged fails the test."""
    mount = Mount(library, place, place.with_name(place.name + ".log"), others=others)
    try:
        assert mount.is_ready, mount.first_line + mount.log
        yield mount
    finally:
        mount.clean_up()
    assert "Traceback" not in mount.log, mount.log


def wait_until(is_done, limit_s: float = 5.0) -> float:
    """Poll until it is true and return the seconds it took; fail at the limit."""
    started = time.monotonic()
    while not is_done():
        assert time.monotonic() - started < limit_s, "it did not happen in time"
        time.sleep(0.01)
    return time.monotonic() - started


class MountOser:
    """The mount as a face: plain system calls."""

    is_raw = True
    mtime_unit_ns = 1

    def __init__(self, place: Path) -> None:
        self._place = place

    def _path(self, path: str) -> bytes:
        return os.fsencode(self._place) + b"/" + os.fsencode(path)

    def listdir(self, path: str) -> list[str]:
        return [os.fsdecode(name) for name in os.listdir(self._path(path))]

    def stat(self, path: str) -> Status:
        found = os.stat(self._path(path))
        is_dir = os.path.isdir(self._path(path))
        return Status(is_dir, found.st_size, found.st_mtime_ns)

    def read(self, path: str) -> bytes:
        with open(self._path(path), "rb") as file:
            return file.read()

    @contextmanager
    def open(self, path: str) -> Iterator[_Opened]:
        fd = os.open(self._path(path), os.O_RDONLY)
        try:
            yield _Opened(fd)
        finally:
            os.close(fd)


class _Opened:
    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read_at(self, offset: int, size: int) -> bytes:
        return os.pread(self._fd, size, offset)
