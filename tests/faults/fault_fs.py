"""A file system that passes another directory through, read-only, and fails on command: the broken disk of the fault tests.

`FaultFs` (the test's side) starts this file as a process of its own and speaks JSON lines with it over its pipes;
when the pipe ends, or the process is killed, the mount goes. Works for an ordinary user with fusermount3.

| mode | what callers get at and below `below` |
|---|---|
| normal | the stored files |
| eio, estale, eacces | that error from every call |
| hang | no answer until another mode is set; then the call goes on as usual |
| slow | the answer `ms` later |
| empty | a directory without entries (its own mtime moves) |
| hollow | directories as they are, but no file in them: a union whose branch is gone |
| half | every second entry of the directory `below` is gone (its own mtime moves) |

Nothing is cached by the kernel (time-outs of 0, no keep_cache), so a mode counts from the next call on. Inode numbers, sizes
and times are those of the stored files. Knows nothing of the product.
"""

from __future__ import annotations

import errno
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
from typing import Any

import pyfuse3
import trio

_ERRORS = {"eio": errno.EIO, "estale": errno.ESTALE, "eacces": errno.EACCES}
MODES = ("normal", *_ERRORS, "hang", "slow", "empty", "hollow", "half")
_POKE_S = 1.0
_TYPE_NAME = "faultfs"


# ---- the test's side


class FaultFs:
    """A mounted fault file system; closed by `open_fault_fs` or `close`."""

    def __init__(self, stored: Path, place: Path, *, pace_ms: float = 0) -> None:
        self.stored = stored
        self.place = place
        place.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(stored), str(place), str(pace_ms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            assert self._line() == {"ready": True}
        except BaseException:
            self.close()
            raise

    def set(self, mode: str, *, below: str = "", ms: float = 0) -> None:
        """Switch the mode, for all of it or for what is at and below one directory; calls that hang go on."""
        assert mode in MODES
        self._ask({"mode": mode, "below": below, "ms": ms})

    def opened(self) -> dict[str, int]:
        """Return how often each file was opened since the last time that this was asked."""
        counts: dict[str, int] = self._ask({"opened": True})["opened"]
        return counts

    def hanging(self) -> int:
        """Return how many calls hang now."""
        return int(self._ask({"hanging": True})["hanging"])

    def unmount(self) -> None:
        """Detach it lazily, as a disk that is pulled: open descriptors go on, the path shows what is below."""
        subprocess.run(["fusermount3", "-u", "-z", str(self.place)], check=True, capture_output=True)

    def kill(self) -> None:
        """End the server without a word: callers get ENOTCONN until it is unmounted."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """Leave no mount and no process; whoever hangs gets an error."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        subprocess.run(["fusermount3", "-u", "-z", "-q", str(self.place)], check=False, capture_output=True)

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        while not select.select([self.process.stdout], [], [], _POKE_S)[0]:
            # A request whose caller was killed leaves the queue between pyfuse3's poll and its read, which then waits for the
            # next one: a signal ends that wait. The server takes it as nothing.
            self.process.send_signal(signal.SIGURG)
        line = self.process.stdout.readline()
        assert line, f"the fault file system ended ({self.process.poll()})"
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def open_fault_fs(stored: Path, place: Path, *, pace_ms: float = 0) -> Iterator[FaultFs]:
    """Mount one for the length of the block. `pace_ms`: what every call takes, whatever the mode."""
    served = FaultFs(stored, place, pace_ms=pace_ms)
    try:
        yield served
    finally:
        served.close()


# ---- the process


class _Faulty(pyfuse3.Operations):  # type: ignore[misc]
    def __init__(self, stored: bytes, pace_s: float) -> None:
        super().__init__()
        self._stored = stored
        self._pace_s = pace_s
        self._paths = {pyfuse3.ROOT_INODE: b""}
        self._mode, self._below, self._delay_s = "normal", b"", 0.0
        self._changed_ns = 0
        self._changed = trio.Event()
        self.hanging = 0
        self.opened: dict[str, int] = {}
        self._open_paths: dict[int, bytes] = {}

    def switch(self, mode: str, below: bytes, delay_s: float, now_ns: int) -> None:
        self._mode, self._below, self._delay_s, self._changed_ns = mode, below, delay_s, now_ns
        self._changed.set()
        self._changed = trio.Event()

    def _is_hit(self, path: bytes) -> bool:
        return not self._below or path == self._below or path.startswith(self._below + b"/")

    async def _fault(self, path: bytes) -> None:
        if self._pace_s:
            await trio.sleep(self._pace_s)
        while self._mode == "hang" and self._is_hit(path):
            self.hanging += 1
            try:
                await self._changed.wait()
            finally:
                self.hanging -= 1
        if not self._is_hit(path):
            return
        if self._mode == "slow":
            await trio.sleep(self._delay_s)
        elif self._mode in _ERRORS:
            raise pyfuse3.FUSEError(_ERRORS[self._mode])

    def _full(self, path: bytes) -> bytes:
        return self._stored + b"/" + path if path else self._stored

    def _shown(self, directory: bytes) -> list[bytes]:
        names = sorted(os.listdir(self._full(directory)))
        if self._mode == "empty" and self._is_hit(directory):
            return []
        if self._mode == "hollow" and self._is_hit(directory):
            return [name for name in names if os.path.isdir(self._full(directory) + b"/" + name)]
        return names[::2] if self._mode == "half" and directory == self._below else names

    def _attributes(self, path: bytes) -> pyfuse3.EntryAttributes:
        try:
            status = os.lstat(self._full(path))
        except OSError as error:
            raise pyfuse3.FUSEError(error.errno) from error
        entry = pyfuse3.EntryAttributes()
        entry.st_ino = status.st_ino if path else pyfuse3.ROOT_INODE
        self._paths[entry.st_ino] = path
        for name in (
            *("st_mode", "st_nlink", "st_uid", "st_gid", "st_rdev", "st_size"),
            *("st_atime_ns", "st_mtime_ns", "st_ctime_ns"),
        ):
            setattr(entry, name, getattr(status, name))
        if self._mode in ("empty", "half") and path == self._below:
            entry.st_mtime_ns = self._changed_ns
        entry.entry_timeout = entry.attr_timeout = 0
        return entry

    async def getattr(self, inode: int, ctx: object = None) -> pyfuse3.EntryAttributes:
        await self._fault(self._paths[inode])
        return self._attributes(self._paths[inode])

    async def lookup(self, parent: int, name: bytes, ctx: object = None) -> pyfuse3.EntryAttributes:
        directory = self._paths[parent]
        path = directory + b"/" + name if directory else name
        await self._fault(path)
        if name not in (b".", b"..") and name not in self._shown_or_fail(directory):
            raise pyfuse3.FUSEError(errno.ENOENT)
        return self._attributes(path)

    def _shown_or_fail(self, directory: bytes) -> list[bytes]:
        try:
            return self._shown(directory)
        except OSError as error:
            raise pyfuse3.FUSEError(error.errno) from error

    async def opendir(self, inode: int, ctx: object) -> int:
        await self._fault(self._paths[inode])
        return inode

    async def readdir(self, handle: int, start: int, token: object) -> None:
        directory = self._paths[handle]
        await self._fault(directory)
        for number, name in enumerate(self._shown_or_fail(directory)):
            if number < start:
                continue
            with suppress(pyfuse3.FUSEError):  # it went meanwhile
                entry = self._attributes(directory + b"/" + name if directory else name)
                if not pyfuse3.readdir_reply(token, name, entry, number + 1):
                    break

    async def open(self, inode: int, flags: int, ctx: object) -> pyfuse3.FileInfo:
        path = self._paths[inode]
        await self._fault(path)
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise pyfuse3.FUSEError(errno.EROFS)
        shown = os.fsdecode(path)
        self.opened[shown] = self.opened.get(shown, 0) + 1
        try:
            fd = os.open(self._full(path), os.O_RDONLY | os.O_NOFOLLOW)
        except OSError as error:
            raise pyfuse3.FUSEError(error.errno) from error
        self._open_paths[fd] = path
        return pyfuse3.FileInfo(fh=fd, direct_io=True)

    async def read(self, handle: int, offset: int, size: int) -> bytes:
        await self._fault(self._open_paths[handle])
        try:
            return os.pread(handle, size, offset)
        except OSError as error:
            raise pyfuse3.FUSEError(error.errno) from error

    async def release(self, handle: int) -> None:
        self._open_paths.pop(handle, None)
        os.close(handle)

    async def readlink(self, inode: int, ctx: object) -> bytes:
        await self._fault(self._paths[inode])
        return os.readlink(self._full(self._paths[inode]))

    async def statfs(self, ctx: object) -> pyfuse3.StatvfsData:
        found, status = os.statvfs(self._stored), pyfuse3.StatvfsData()
        for name in (
            "f_bsize",
            "f_frsize",
            "f_blocks",
            "f_bfree",
            "f_bavail",
            "f_files",
            "f_ffree",
            "f_favail",
        ):
            setattr(status, name, getattr(found, name))
        return status


async def _obey(faulty: _Faulty) -> None:
    """Take commands until the pipe ends; then end."""
    pending = b""
    commands = trio.lowlevel.FdStream(os.dup(0))
    while chunk := await commands.receive_some(65536):
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            asked = json.loads(line)
            answer: dict[str, Any] = {"done": True}
            if "mode" in asked:
                below = os.fsencode(asked["below"])
                faulty.switch(asked["mode"], below, asked["ms"] / 1000, time.time_ns())
            elif "opened" in asked:
                answer, faulty.opened = {"opened": faulty.opened}, {}
            else:
                answer = {"hanging": faulty.hanging}
            _say(answer)


def _say(answer: dict[str, Any]) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


async def _serve(faulty: _Faulty) -> None:
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            # Unmounted by somebody else, it goes on serving what is still open, until it is told to end.
            await pyfuse3.main()

        nursery.start_soon(run)
        _say({"ready": True})
        await _obey(faulty)
        nursery.cancel_scope.cancel()


def _main(stored: str, place: str, pace_ms: str) -> None:
    signal.signal(signal.SIGURG, lambda *_: None)
    faulty = _Faulty(os.fsencode(stored), float(pace_ms) / 1000)
    options = {f"fsname={_TYPE_NAME}", f"subtype={_TYPE_NAME}", "ro", "default_permissions"}
    pyfuse3.init(faulty, place, options)
    try:
        trio.run(_serve, faulty)
    finally:
        pyfuse3.close(unmount=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
