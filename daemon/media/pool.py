"""The pool of media workers: batches of files in, one result per file out, whatever the files do.

A worker that crashes, hangs or babbles has exactly one culprit, the first file without an answer: it gets a
finding, the worker is replaced and the rest of the batch goes on. A worker that waits for a storage which
does not answer is no fault of the file: that is the error `ETIMEDOUT`. Knows no catalog.

Invariants
- Workers start on the main thread: PR_SET_PDEATHSIG fires when the *thread* that forked ends, and trio ends
  idle worker threads after 10 s. Each has a session of its own, so killing its group takes exiftool along.
- A worker reads one volume and no other: a hung volume hangs its own workers only, and a worker's confinement
  names one root. At most `workers` are busy; about as many wait for more work.
- Nobody waits for a worker that hangs in the kernel: it is killed and left behind.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

import trio

from catalog.facts import READER_VERSION, FactsResult, Finding
from catalog.values import WorkItem
from daemon.frames import FrameError, FrameReceiver, send_frame
from daemon.media.exiftool_paths import is_exiftool_there
from daemon.media.protocol import PARENT_VARIABLE, decode_answer, errand_of

log = logging.getLogger(__name__)

FILE_DEADLINE_S = 20.0  # per file; header readers take milliseconds, exiftool's own deadline is 15 s
START_DEADLINE_S = 20.0  # a cold interpreter from a slow disk takes 5 s
CHUNK = 50  # files per request: round trips vanish, several workers share a batch
LEAST_CHUNK = 10  # a handful of files is not worth a second worker, let alone a second exiftool
FILES_PER_WORKER = 50_000  # then a fresh one: no leak of any library lives for ever
_REAP_S = 1.0
# Where a process sleeps in the kernel when its storage does not answer (FUSE, NFS, page cache).
_STORAGE_WAITS = ("request_wait", "nfs", "rpc_wait", "folio_wait", "wait_on_page", "fuse", "cifs", "smb")
# Verdicts that are not about the file -> the error that its result carries.
_NO_FAULT = {"storage": "ETIMEDOUT", "stale": "ESTALE"}
_PREFIX = "glassine-media-"  # of private directories: then the pid of their daemon
_PASSED_ON = ("PATH", "HOME", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START")


@dataclass(slots=True)
class PoolReport:
    """For `status` and `doctor`: what holds the workers, and how they fared. Read it, do not change it."""

    confinement: dict[str, Any] | None = None
    has_exiftool: bool = False
    workers_started: int = 0
    workers_lost: int = 0
    worker_pids: set[int] = field(default_factory=set)


class _NotStarted(Exception):
    """No worker came up; `error` is the errno name for the files that wait for it."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class MediaPool:
    """Made by `open_media_pool`. `read` may be called by several tasks at a time."""

    def __init__(self, *, workers: int, has_exiftool: bool, deadline_s: float) -> None:
        self.report = PoolReport(has_exiftool=has_exiftool)
        self._has_exiftool = has_exiftool
        self._deadline_s = deadline_s
        self._limiter = trio.CapacityLimiter(workers)
        self._most_idle = max(2, workers)  # two volumes that take turns keep their workers
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()

    async def read(self, items: Sequence[WorkItem]) -> list[FactsResult]:
        """Read files; returns one result per item, in order. Checkpoint.

        Never raises for what files or workers do. A result without facts and finding has an `error`.
        """
        results: dict[int, FactsResult] = {}

        async def read_chunk(places: Sequence[int]) -> None:
            async with self._limiter:
                found = await self._read_chunk([items[place] for place in places])
            results.update(zip(places, found, strict=True))

        async with trio.open_nursery() as nursery:
            for places in _chunks_by_root(items, int(self._limiter.total_tokens)):
                nursery.start_soon(read_chunk, places)
        return [results[place] for place in range(len(items))]

    async def _read_chunk(self, items: Sequence[WorkItem]) -> list[FactsResult]:
        """Read files of one root."""
        done: list[FactsResult] = []
        stale_at: int | None = None
        while len(done) < len(items):
            try:
                worker = await self._take_worker(items[0].root)
            except _NotStarted as failure:
                return [*done, *(FactsResult(item, error=failure.error) for item in items[len(done) :])]
            answers, verdict = await self._ask(worker, items[len(done) :])
            done += answers
            if verdict is None:
                continue
            # A fresh worker covers the root as it is now; if that one says `stale` too, the root moves about.
            if verdict == "stale" and stale_at != len(done):
                stale_at = len(done)
            else:
                done.append(_blamed(items[len(done)], verdict))
        return done

    async def _ask(self, worker: _Worker, items: Sequence[WorkItem]) -> tuple[list[FactsResult], str | None]:
        """Return the answers in order, and None or why the worker did not answer the next item."""
        answers: list[FactsResult] = []
        is_whole = False
        try:
            verdict = await worker.ask(items, answers, deadline_s=self._deadline_s)
            is_whole = verdict is None
        finally:
            # Also when we are cancelled: a worker in the middle of a batch is of no use to the next asker.
            if is_whole and worker.files_left > 0:
                self._idle.append(worker)
            else:
                await self._drop(worker)
        if verdict not in (None, "stale"):
            self.report.workers_lost += 1
        return answers, verdict

    async def _take_worker(self, root: bytes) -> _Worker:
        """Return an idle worker of the root that lives, else a new one.

        Raises:
            _NotStarted: no worker came up.
        """
        for worker in [one for one in self._idle if one.root == root]:
            self._idle.remove(worker)
            if worker.is_alive:
                return worker
            await self._drop(worker)
        while len(self._idle) >= self._most_idle:
            await self._drop(self._idle.pop(0))
        return await self._start_worker(root)

    async def _start_worker(self, root: bytes) -> _Worker:
        worker = _Worker(root, has_exiftool=self._has_exiftool)
        self._all.add(worker)
        self.report.workers_started += 1
        self.report.worker_pids.add(worker.pid)
        failure: str | None = "EAGAIN"
        try:
            failure = await worker.greet()
        finally:
            if failure is not None:
                await self._drop(worker)
        if failure is not None:
            log.warning("a media worker for %r cannot be started (%s)", root, failure)
            raise _NotStarted(failure)
        self.report.confinement, self.report.has_exiftool = worker.confinement, worker.has_exiftool
        return worker

    async def _drop(self, worker: _Worker) -> None:
        self._all.discard(worker)
        self.report.worker_pids.discard(worker.pid)
        await worker.end()

    async def close(self) -> None:
        """End all workers. Shielded, with a deadline per worker."""
        self._idle.clear()
        for worker in list(self._all):
            await self._drop(worker)


def _chunks_by_root(items: Sequence[WorkItem], workers: int) -> list[list[int]]:
    """Return places of items in chunks of one root each, at most `CHUNK` long, a fair share for every worker."""
    size = min(CHUNK, max(LEAST_CHUNK, -(-len(items) // workers)))
    places_by_root: dict[bytes, list[int]] = {}
    for place, item in enumerate(items):
        places_by_root.setdefault(item.root, []).append(place)
    return [
        places[at : at + size] for places in places_by_root.values() for at in range(0, len(places), size)
    ]


def _blamed(item: WorkItem, verdict: str) -> FactsResult:
    """Return the result of the file over which a worker was lost."""
    if verdict in _NO_FAULT:
        return FactsResult(item, error=_NO_FAULT[verdict])
    log.warning("a media worker was lost over %r: %s", item.path, verdict)
    return FactsResult(item, finding=Finding("worker", str(READER_VERSION), verdict))


@asynccontextmanager
async def open_media_pool(
    *, workers: int, has_exiftool: bool = True, deadline_s: float = FILE_DEADLINE_S
) -> AsyncIterator[MediaPool]:
    """Open a pool; workers start when they are needed, for the root of the item. Main thread.

    Args:
        workers: at most so many read at a time.
        has_exiftool: whether deep items may use exiftool, if it is installed.
        deadline_s: per file; only tests change it.
    """
    assert threading.current_thread() is threading.main_thread()
    _remove_leftovers(_short_temporary())
    is_there = has_exiftool and is_exiftool_there()
    pool = MediaPool(workers=workers, has_exiftool=is_there, deadline_s=deadline_s)
    try:
        yield pool
    finally:
        with trio.CancelScope(shield=True):
            await pool.close()


class _Worker:
    """One child process and its pipes."""

    def __init__(self, root: bytes, *, has_exiftool: bool) -> None:
        self.root = root
        self.has_exiftool = has_exiftool
        self.confinement: dict[str, Any] | None = None
        self.files_left = FILES_PER_WORKER
        self._directory = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_short_temporary())
        self._child = _start()
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._down = trio.lowlevel.FdStream(os.dup(self._child.stdin.fileno()))
        self._up = trio.lowlevel.FdStream(os.dup(self._child.stdout.fileno()))
        self._child.stdin.close()
        self._child.stdout.close()
        self._receiver = FrameReceiver(self._up)

    @property
    def pid(self) -> int:
        """Process id, also of its process group."""
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._child.poll() is None

    async def greet(self) -> str | None:
        """Tell the worker its root and wait until it is confined; returns None, or the errno name of a failure."""
        directory = os.fsencode(self._directory) if self.has_exiftool else None
        try:
            with trio.fail_after(START_DEADLINE_S):
                await send_frame(self._down, ["hello", self.root, directory])
                message = cast("list[Any] | None", await self._receiver.receive())
        except trio.TooSlowError:
            return "ETIMEDOUT" if _waits_for_storage(self.pid) else "EAGAIN"
        except (trio.BrokenResourceError, FrameError):
            return "EAGAIN"
        if message is None or message[0] != "ready":
            return "EAGAIN"
        self.confinement, self.has_exiftool = message[1], message[2]
        return None

    async def ask(
        self, items: Sequence[WorkItem], answers: list[FactsResult], *, deadline_s: float
    ) -> str | None:
        """Have the items read; appends an answer per item to `answers`.

        Returns:
            None if all were answered; `stale`; `storage` if it waited for a volume; else what happened to the
            worker over the first item without an answer, in user words.
        """
        self.files_left -= len(items)
        try:
            with trio.fail_after(deadline_s):
                await send_frame(self._down, ["read", [list(errand_of(item)) for item in items]])
            while len(answers) < len(items):
                with trio.fail_after(deadline_s):
                    message = cast("list[Any] | None", await self._receiver.receive())
                if message is None:
                    return await self._how_it_ended()
                if message[0] == "stale":
                    return "stale"
                answers.append(decode_answer(message, items[len(answers)]))
        except trio.TooSlowError:
            return "storage" if _waits_for_storage(self.pid) else f"no answer in {deadline_s:g} s"
        except (trio.BrokenResourceError, OSError):
            return await self._how_it_ended()
        except (FrameError, IndexError, TypeError, KeyError):
            return "a media worker answered nonsense"
        return None

    async def _how_it_ended(self) -> str:
        await _wait_ended(self.pid, _REAP_S)
        code = self._child.poll()
        if code is None:
            return "closed its pipe"
        return f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"

    async def end(self) -> None:
        """Kill the worker and its exiftool, collect it, remove its directory. Idempotent; waits a second at most."""
        with trio.CancelScope(shield=True):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            await trio.aclose_forcefully(self._down)
            await trio.aclose_forcefully(self._up)
            await _wait_ended(self.pid, _REAP_S)
            if self._child.poll() is None:
                log.warning("media worker %d hangs in the kernel and is left behind", self.pid)
            shutil.rmtree(self._directory, ignore_errors=True)


def _start() -> subprocess.Popen[bytes]:
    """Start a worker; blocks for the fork. The environment is ours: no user's perl, no user's zone."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {"TZ": "UTC", "LC_ALL": "C.UTF-8", PARENT_VARIABLE: str(os.getpid())}
    return subprocess.Popen(
        [sys.executable, "-P", "-B", "-m", "daemon.media.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        cwd="/",
        start_new_session=True,
    )


def _short_temporary() -> str:
    """Return where private directories go; a TMPDIR with a control character would reach exiftool's arguments."""
    chosen = tempfile.gettempdir()
    return chosen if chosen.isprintable() else "/tmp"


def _remove_leftovers(temporary: str) -> None:
    """Remove private directories of daemons that were killed: a confined worker may not remove its own."""
    for name in os.listdir(temporary):
        owner, _, _ = name.removeprefix(_PREFIX).partition("-")
        if not name.startswith(_PREFIX) or not owner.isdecimal() or os.path.exists(f"/proc/{owner}"):
            continue
        path = os.path.join(temporary, name)
        # Race: another daemon removes it first; nothing is left to do then.
        with suppress(OSError):
            if os.lstat(path).st_uid == os.geteuid():
                shutil.rmtree(path)


async def _wait_ended(pid: int, patience_s: float) -> None:
    with trio.move_on_after(patience_s), suppress(ProcessLookupError):
        pidfd = os.pidfd_open(pid)
        try:
            await trio.lowlevel.wait_readable(pidfd)
        finally:
            os.close(pidfd)


def _waits_for_storage(pid: int) -> bool:
    """Tell whether the worker, or its exiftool, sleeps in the kernel until a storage answers."""
    children = _line_of(f"/proc/{pid}/task/{pid}/children").split()
    for one in (str(pid), *children):
        after_name = _line_of(f"/proc/{one}/stat").rpartition(")")[2].split()
        if after_name[:1] == ["D"] or _line_of(f"/proc/{one}/wchan").startswith(_STORAGE_WAITS):
            return True
    return False


def _line_of(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
