"""The requests of a volume process: one thread each, all of one volume, answers through one locked pipe.

A request's thread may hang in the kernel; the pulse then says for how long nothing moved, and the daemon
decides. Nothing here judges what it sees: no state of the volume, no catalog.
"""

from __future__ import annotations

import ctypes
import logging
import os
import platform
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, astuple
from typing import Any

from catalog.errors import GlassineError
from daemon.excludes import Excludes
from daemon.frames import encode_frame
from daemon.volume_process import walk as walking
from daemon.volume_process.hashing import hash_file
from daemon.volume_process.mounts import LEASED, OWN_FS_TYPE, Mount, MountTable, is_below, mount_of
from daemon.volume_process.protocol import (
    MOST_PATH_BYTES,
    PULSE_S,
    WALK_WINDOW,
    Hello,
    ProbeReport,
    encode_listing,
)
from daemon.volume_process.watching import TreeWatcher
from vfs.beneath import FileStamp
from vfs.storage import BACKENDS
from vfs.storage.contract import Storage
from vfs.storage.local import LocalStorage, error_name

log = logging.getLogger(__name__)

_FLUSH_S = 0.25
_FLUSH_ITEMS = 64
_WATCH_TURN_S = 1.0
_UNCHANGED_PER_FRAME = 1000
# ioprio_set(2): class idle = only when nobody else wants the disk; number by architecture.
_SYS_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30}
_IOPRIO_IDLE = 3 << 13


class Cancelled(Exception):
    """The daemon does not want the answer any more."""


class Request:
    """One request under way; is a `hashing.Pace` too.

    Attributes:
        moves: grows whenever the volume answered; the pulse compares it.
        is_waiting: the thread waits for the daemon, a budget or inotify and not for the volume.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.moves = 0
        self.is_waiting = False
        self.bytes_per_s = 0
        self._may_send = threading.Semaphore(WALK_WINDOW)
        self._is_cancelled = threading.Event()
        self._next_read_s = 0.0

    def tick(self) -> None:
        """Note that the volume answered; raises Cancelled when it is of no use any more."""
        self.moves += 1
        if self._is_cancelled.is_set():
            raise Cancelled

    def take(self, size: int) -> None:
        """Wait until `size` more bytes fit the budget."""
        if self.bytes_per_s:
            now = time.monotonic()
            self._next_read_s = max(now, self._next_read_s) + size / self.bytes_per_s
            with self.waiting():
                self._is_cancelled.wait(max(0.0, self._next_read_s - now))
        self.tick()

    def wait_for_window(self) -> None:
        """Wait until one more part may be sent."""
        with self.waiting():
            self._may_send.acquire()
        self.tick()

    def waiting(self) -> _Waiting:
        """Mark a `with` block in which the thread does not wait for the volume."""
        return _Waiting(self)

    def acknowledge(self) -> None:
        """Let one more part be sent."""
        self._may_send.release()

    def cancel(self) -> None:
        """Make the thread stop at its next tick."""
        self._is_cancelled.set()
        self._may_send.release()


class _Waiting:
    def __init__(self, request: Request) -> None:
        self._request = request

    def __enter__(self) -> None:
        self._request.is_waiting = True

    def __exit__(self, *_: object) -> None:
        self._request.moves += 1
        self._request.is_waiting = False


class Answerer:
    """Takes requests and answers them. Lives as long as the process."""

    def __init__(self, hello: Hello, mounts: MountTable, out_fd: int) -> None:
        self._hello = hello
        self._mounts = mounts
        self._out_fd = out_fd
        self._out_lock = threading.Lock()
        self._excludes = Excludes(hello.excludes, hello.config_excludes)
        self._requests: dict[int, Request] = {}
        self._requests_lock = threading.Lock()
        self._digests: dict[int, dict[bytes, bytes]] = {}

    def send(self, message: list[Any]) -> None:
        """Write one frame; blocks while the pipe is full."""
        frame = encode_frame(message)
        with self._out_lock:
            try:
                _write_all(self._out_fd, frame)
            except BrokenPipeError:
                os._exit(0)  # the daemon is gone, and so are we

    def take(self, message: list[Any]) -> None:
        """Take one message of the daemon; never blocks on the volume."""
        kind, number, *arguments = message
        if kind == "digests":
            self._digests.setdefault(number, {}).update(arguments[0])
        elif kind in ("ack", "cancel"):
            with self._requests_lock:
                request = self._requests.get(number)
            if request is not None:
                request.acknowledge() if kind == "ack" else request.cancel()
        else:
            self._start(kind, number, arguments)

    def _start(self, kind: str, number: int, arguments: list[Any]) -> None:
        work_by_kind: dict[str, Callable[..., list[Any]]] = {
            "probe": self._probe,
            "walk": self._walk,
            "look": self._look,
            "times": self._times,
            "hash": self._hash,
            "watch": self._watch,
        }
        work = work_by_kind[kind]
        request = Request(number)
        with self._requests_lock:
            self._requests[number] = request
        threading.Thread(target=self._run, args=(work, request, arguments), name=f"{kind} {number}").start()

    def _run(self, work: Callable[..., list[Any]], request: Request, arguments: list[Any]) -> None:
        try:
            answer = work(request, *arguments)
        except Cancelled:
            answer = ["end", request.number, None, True, None]
        except OSError as error:
            answer = ["failed", request.number, error_name(error), str(error)]
        except Exception as error:  # the border of a request: one failure is one answer
            log.exception("request %d failed", request.number)
            message = error.message if isinstance(error, GlassineError) else repr(error)
            answer = ["failed", request.number, type(error).__name__, message]
        with self._requests_lock:
            del self._requests[request.number]
        self._digests.pop(request.number, None)
        self.send(answer)

    def pulse_for_ever(self) -> None:
        """Tell every second, while something is asked, for how long the volume did not move."""
        seen: dict[int, tuple[int, float]] = {}
        while True:
            time.sleep(PULSE_S)
            with self._requests_lock:
                requests = list(self._requests.values())
            now = time.monotonic()
            previous = seen
            seen = {request.number: (request.moves, now) for request in requests}
            for request in requests:
                moves, since = previous.get(request.number, (None, now))
                if moves == request.moves and not request.is_waiting:
                    seen[request.number] = (request.moves, since)
            if requests:
                self.send(["pulse", 0, max(now - since for _, since in seen.values())])

    def _open(self) -> Storage:
        return BACKENDS[self._hello.backend](self._hello.root)

    def _survey(self, storage: Storage) -> tuple[walking.Territory, Mount | None]:
        """Return what may be looked at, from the mount table alone, and the mount that holds the root."""
        if not isinstance(storage, LocalStorage):
            return walking.Territory(self._excludes), None
        root = os.readlink(b"/proc/self/fd/%d" % storage.root_fd)
        mounts = self._mounts.mounts()
        foreign = [mount.point for mount in mounts if mount.fs_type == OWN_FS_TYPE]
        foreign += self._hello.other_roots
        bases = {root, self._hello.root}
        skipped = {
            point[len(base) :].strip(b"/")
            for point in foreign
            for base in bases
            if point != base and is_below(point, base)
        }
        return walking.Territory(self._excludes, self._hello.own_files, skipped), mount_of(root, mounts)

    def _probe(self, request: Request, samples: list[tuple[bytes, int, int]]) -> list[Any]:
        try:
            with self._open() as storage:
                report = self._look_at_root(storage, request)
        except OSError as error:
            report = ProbeReport(error=error_name(error))
        return ["probed", request.number, asdict(report)]

    def _look_at_root(self, storage: Storage, request: Request) -> ProbeReport:
        territory, mount = self._survey(storage)
        identity = storage.probe()
        request.tick()
        directory, _ = storage.identify_directory(b"")
        listing = walking.list_directory(storage, territory, b"", request.tick)
        return ProbeReport(
            error=None if listing.entries else listing.error,
            key=identity.key,
            instance=storage.instance(),
            description=identity.description,
            fs_type=mount.fs_type if mount else "",
            is_remote=mount is not None and mount.is_remote,
            is_empty=not listing.entries,
            is_own_state=directory in self._hello.own_files
            or (mount is not None and mount.fs_type == OWN_FS_TYPE),
        )

    def _walk(self, request: Request, starts: list[bytes], is_recursive: bool) -> list[Any]:
        known: Mapping[bytes, bytes] = self._digests.get(request.number, {})
        with self._open() as storage:
            territory, _ = self._survey(storage)
            before = storage.instance()
            self.send(["started", request.number, before])
            self._send_walk(
                request,
                walking.walk(
                    storage, starts, territory, known=known, is_recursive=is_recursive, tick=request.tick
                ),
            )
        with suppress(OSError), self._open() as again:
            if again.instance() == before:
                return ["end", request.number, before, False, None]
        return ["end", request.number, None, False, None]

    def _send_walk(self, request: Request, found: Any) -> None:
        paths: list[bytes] = []
        files = path_bytes = 0
        sent_s = time.monotonic()

        def flush() -> None:
            nonlocal paths, files, path_bytes, sent_s
            if paths:
                request.wait_for_window()
                self.send(["unchanged", request.number, paths, files])
            paths, files, path_bytes, sent_s = [], 0, 0, time.monotonic()

        for part in found:
            if isinstance(part, walking.Same):
                paths.append(part.path)
                files += part.files
                path_bytes += len(part.path)
                is_full = len(paths) >= _UNCHANGED_PER_FRAME or path_bytes >= MOST_PATH_BYTES
                if is_full or time.monotonic() - sent_s > _FLUSH_S:
                    flush()
                continue
            request.wait_for_window()
            self.send(
                encode_listing(
                    request.number,
                    path=part.path,
                    mtime_ns=part.mtime_ns,
                    entries=part.entries,
                    is_first=part.is_first,
                    is_last=part.is_last,
                    digest=part.digest,
                    error=part.error,
                )
            )
        flush()

    def _look(self, request: Request, paths: list[bytes]) -> list[Any]:
        fates: list[str] = []
        word = {True: "gone", False: "present", None: "unknown"}
        with self._open() as storage:
            territory, _ = self._survey(storage)
            instance = storage.instance()
            for path in paths:
                fates.append(word[walking.is_gone(storage, territory, path)])
                request.tick()
        return ["looked", request.number, instance, fates]

    def _times(self, request: Request, directories: list[tuple[bytes, int]]) -> list[Any]:
        changed: list[int] = []
        with self._open() as storage:
            for index, (path, mtime_ns) in enumerate(directories):
                try:
                    is_same = storage.identify_directory(path)[1] == mtime_ns
                except OSError:
                    is_same = False  # its listing will say what is wrong
                if not is_same:
                    changed.append(index)
                request.tick()
        return ["timed", request.number, changed]

    def _hash(self, request: Request, items: list[list[Any]], bytes_per_s: int) -> list[Any]:
        _yield_the_disk()
        request.bytes_per_s = bytes_per_s
        answers: list[tuple[int, bytes | None, str | None, bytes | None]] = []
        sent_s = time.monotonic()
        with self._open() as storage:
            _, mount = self._survey(storage)
            may_lease = storage.capabilities.leases and mount is not None and mount.fs_type in LEASED
            for index, (path, *stamp) in enumerate(items):
                digests, failure = hash_file(storage, path, FileStamp(*stamp), request, may_lease=may_lease)
                whole, pixels = digests or (None, None)
                answers.append((index, whole, failure, pixels))
                if len(answers) >= _FLUSH_ITEMS or time.monotonic() - sent_s > _FLUSH_S:
                    self.send(["hashed", request.number, answers])
                    answers, sent_s = [], time.monotonic()
        if answers:
            self.send(["hashed", request.number, answers])
        return ["end", request.number, None, False, None]

    def _watch(self, request: Request) -> list[Any]:
        with self._open() as storage:
            territory, _ = self._survey(storage)
        watcher = TreeWatcher(self._hello.root, territory)
        try:
            watcher.add_trees([b""], request.tick)
            self.send(["watching", request.number, watcher.watch_limit])
            while True:
                with request.waiting():
                    change = watcher.wait(_WATCH_TURN_S, request.tick)
                request.tick()
                if change is not None:
                    request.wait_for_window()
                    self.send(["changed", request.number, *astuple(change)])
        finally:
            watcher.close()


def _yield_the_disk() -> None:
    """Give this thread the idle I/O class: hashing must not slow anybody down. Without effect on some disks."""
    number = _SYS_IOPRIO_SET.get(platform.machine())
    if number is not None:
        with suppress(OSError):
            ctypes.CDLL(None).syscall(number, 1, 0, _IOPRIO_IDLE)


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
