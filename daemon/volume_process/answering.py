"""The requests of a volume process: one thread each, all of one volume, answers through one locked pipe.

A request's thread may hang in the kernel; the pulse then says for how long nothing moved, and the daemon
decides. Nothing here judges what it sees: no state of the volume, no catalog.
"""

from __future__ import annotations

import ctypes
import errno
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
from daemon.frames import encode_frame
from daemon.volume_process import probing
from daemon.volume_process import walk as walking
from daemon.volume_process.fanotify import Marks
from daemon.volume_process.hashing import Digests, hash_file
from daemon.volume_process.mounts import LEASED, MountTable
from daemon.volume_process.protocol import (
    MOST_PATH_BYTES,
    PULSE_S,
    Hello,
    ProbeReport,
    encode_listing,
)
from daemon.volume_process.request import Cancelled, Request
from daemon.volume_process.second_look import SecondLook
from daemon.volume_process.surveying import Surveyor
from daemon.volume_process.watchers import open_watcher, unheard_mounts
from vfs.beneath import FileStamp
from vfs.storage import BACKENDS
from vfs.storage.contract import Storage
from vfs.storage.local import error_name

log = logging.getLogger(__name__)

_FLUSH_S = 0.25
_FLUSH_ITEMS = 64
_UNCHANGED_PER_FRAME = 1000
# ioprio_set(2): class idle = only when nobody else wants the disk; number by architecture.
_SYS_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30}
_IOPRIO_IDLE = 3 << 13


class Answerer:
    """Takes requests and answers them. Lives as long as the process."""

    def __init__(self, hello: Hello, mounts: MountTable, out_fd: int, marks: Marks | None = None) -> None:
        self._marks = marks
        self._stirs = threading.Event()
        self._hello = hello
        self._out_fd = out_fd
        self._out_lock = threading.Lock()
        self._requests: dict[int, Request] = {}
        self._requests_lock = threading.Lock()
        self._digests: dict[int, dict[bytes, bytes]] = {}
        self._mounts = mounts
        self._surveyor = Surveyor(hello, mounts)

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
        request = Request(number, self._stirs)
        with self._requests_lock:
            self._requests[number] = request
        self._stirs.set()
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
        """Tell every second, while something is asked that does not rest, for how long the volume did not move."""
        seen: dict[int, tuple[int, float]] = {}
        while True:
            self._stirs.wait()
            time.sleep(PULSE_S)
            self._stirs.clear()
            with self._requests_lock:
                requests = list(self._requests.values())
            rests = all(
                request.is_resting for request in requests
            )  # looked at after `clear`: no stir is lost
            if not rests:
                self._stirs.set()
            now = time.monotonic()
            previous = seen
            seen = {request.number: (request.moves, now) for request in requests}
            for request in requests:
                moves, since = previous.get(request.number, (None, now))
                if moves == request.moves and not request.is_waiting:
                    seen[request.number] = (request.moves, since)
            if requests:
                self.send(["pulse", 0, max(now - since for _, since in seen.values()), rests])

    def _open(self) -> Storage:
        return BACKENDS[self._hello.backend](self._hello.root)

    def _probe(self, request: Request, samples: list[tuple[bytes, int, int]]) -> list[Any]:
        try:
            with self._open() as storage:
                report = self._look_at_root(storage, request, samples)
        except OSError as error:
            report = ProbeReport(error=error_name(error))
        return ["probed", request.number, asdict(report)]

    def _look_at_root(
        self, storage: Storage, request: Request, samples: list[tuple[bytes, int, int]]
    ) -> ProbeReport:
        survey = self._surveyor.survey(storage)
        return probing.report(
            storage,
            self._hello,
            territory=survey.territory,
            mount=survey.holder,
            nested=survey.nested,
            samples=samples,
            tick=request.tick,
        )

    def _walk(self, request: Request, starts: list[bytes], is_recursive: bool) -> list[Any]:
        known: Mapping[bytes, bytes] = self._digests.get(request.number, {})
        with self._open() as storage:
            territory = self._surveyor.survey(storage).territory
            before = storage.instance()
            self.send(["started", request.number, before])
            found = walking.walk(
                storage,
                starts,
                territory,
                known=known,
                is_recursive=is_recursive,
                tick=request.tick,
                survey_again=lambda path: self._surveyor.survey_again(storage, path),
            )
            self._send_walk(request, found)
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
        word = {True: "gone", False: "present", None: "unknown"}
        with self._open() as storage:
            territory = self._surveyor.survey(storage).territory
            instance = storage.instance()
            second = SecondLook(storage, territory, request.tick)
            fates = {path: word[second.is_gone(path)] for path in sorted(paths)}
        return ["looked", request.number, instance, [fates[path] for path in paths]]

    def _times(self, request: Request, directories: list[tuple[bytes, int]]) -> list[Any]:
        changed: list[int] = []
        with self._open() as storage:
            territory = self._surveyor.survey(storage).territory
            for index, (path, mtime_ns) in enumerate(directories):
                if territory.is_away(path):
                    continue
                try:
                    is_same = storage.identify_directory(path)[1] == mtime_ns
                except OSError:
                    is_same = False  # its listing will say what is wrong
                if not is_same:
                    changed.append(index)
                request.tick()
        return ["timed", request.number, changed]

    def _hash(self, request: Request, items: list[list[Any]], bytes_per_s: int, from_disk: bool) -> list[Any]:
        _yield_the_disk()
        request.bytes_per_s = bytes_per_s
        answers: list[tuple[int, bytes | None, str | None, bytes | None]] = []
        sent_s = time.monotonic()
        with self._open() as storage:
            territory = self._surveyor.survey(storage).territory
            for index, (path, *stamp) in enumerate(items):
                digests, failure = _hash_one(
                    storage, territory, path, FileStamp(*stamp), request, from_disk=from_disk
                )
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
            territory = self._surveyor.survey(storage).territory
        unheard = unheard_mounts(self._hello, self._mounts)
        watcher = open_watcher(self._hello.root, territory, self._marks, unheard)
        try:
            watcher.start(request.tick)
            self.send(["watching", request.number, watcher.watch_limit, watcher.method])
            while True:
                with request.resting(watcher.wake):
                    change = watcher.wait(None, request.stir)
                request.tick()
                if change is not None:
                    request.wait_for_window()
                    self.send(["changed", request.number, *astuple(change)])
        finally:
            watcher.close()


def _hash_one(
    storage: Storage,
    territory: walking.Territory,
    path: bytes,
    expected: FileStamp,
    request: Request,
    *,
    from_disk: bool,
) -> tuple[Digests | None, str | None]:
    """Hash one file by the rules of the mount that holds it; nothing is opened where its file system is away."""
    if territory.is_away(path):
        return None, errno.errorcode[errno.ENODEV]
    mount = territory.mount_of(path)
    may_lease = mount is not None and mount.fs_type in LEASED
    return hash_file(storage, path, expected, request, may_lease=may_lease, from_disk=from_disk)


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
