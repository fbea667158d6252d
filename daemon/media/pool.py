"""The pool of media workers: batches of files in, one result per file out, whatever the files do.

A worker that crashes, hangs or babbles has exactly one culprit, the first file without an answer: it gets a
finding, the worker is replaced and the rest of the batch goes on. A worker that waits for a storage which
does not answer is no fault of the file: that is the error `ETIMEDOUT`. What is too much for a normal worker is read once
more by a heavy one, of which there is one at a time over the whole pool; what defeats that one has a finding. Knows no catalog.

Invariants
- A worker reads one volume and no other: a hung volume hangs its own workers only, and a worker's confinement
  names one root. At most `workers` are busy; about as many wait for more work.
- Waiting for the heavy worker holds no other file up: its turn is apart from those of the normal ones.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from catalog.facts import READER_VERSION, FactsResult, Finding
from catalog.values import WorkItem
from daemon.media.exiftool_paths import WITHOUT_EXIFTOOL, is_exiftool_there
from daemon.media.protocol import HEAVY, NORMAL, NOT_MY_CLASS, WorkerClass
from daemon.media.worker_process import WorkerProcess, remove_leftovers, short_temporary

log = logging.getLogger(__name__)

CHUNK = 50  # files per request: round trips vanish, several workers share a batch
LEAST_CHUNK = 10  # a handful of files is not worth a second worker, let alone a second exiftool
# Verdicts that are not about the file -> the error that its result carries.
_NO_FAULT = {"storage": "ETIMEDOUT", "stale": "ESTALE"}


@dataclass(slots=True)
class PoolReport:
    """For `status` and `doctor`: what holds the workers, and how they fared. Read it, do not change it."""

    confinement: dict[str, Any] | None = None
    has_exiftool: bool = False
    workers_started: int = 0
    workers_lost: int = 0
    heavy_files: int = 0
    worker_pids: set[int] = field(default_factory=set)


class _NotStarted(Exception):
    """No worker came up; `error` is the errno name for the files that wait for it."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class MediaPool:
    """Made by `open_media_pool`. `read` may be called by several tasks at a time."""

    def __init__(self, *, workers: int, has_exiftool: bool, deadlines_s: dict[WorkerClass, float]) -> None:
        self.report = PoolReport(has_exiftool=has_exiftool)
        self._has_exiftool = has_exiftool
        self._deadlines_s = deadlines_s
        self._limiter = trio.CapacityLimiter(workers)
        self._heavy_limiter = trio.CapacityLimiter(1)
        self._most_idle = max(2, workers)  # two volumes that take turns keep their workers
        self._idle: list[WorkerProcess] = []
        self._all: set[WorkerProcess] = set()

    async def read(self, items: Sequence[WorkItem]) -> list[FactsResult]:
        """Read files; returns one result per item, in order. Checkpoint.

        Never raises for what files or workers do. A result without facts and finding has an `error`.
        """
        results: dict[int, FactsResult] = {}

        async def read_chunk(places: Sequence[int]) -> None:
            async with self._limiter:
                found = await self._read_chunk([items[place] for place in places], NORMAL)
            results.update(zip(places, found, strict=True))
            heavy = [place for place in places if results[place].error == NOT_MY_CLASS]
            if heavy:
                again = await self._read_heavy([items[place] for place in heavy])
                results.update(zip(heavy, again, strict=True))

        async with trio.open_nursery() as nursery:
            for places in _chunks_by_root(items, int(self._limiter.total_tokens)):
                nursery.start_soon(read_chunk, places)
        return [results[place] for place in range(len(items))]

    async def _read_heavy(self, items: Sequence[WorkItem]) -> list[FactsResult]:
        """Read files of one root with a worker that may use much; such files are rare, so it does not wait for more."""
        async with self._heavy_limiter:
            self.report.heavy_files += len(items)
            try:
                found = await self._read_chunk(items, HEAVY)
            finally:
                for worker in [one for one in self._idle if one.worker_class is HEAVY]:
                    self._idle.remove(worker)
                    await self._drop(worker)
        # A heavy worker never says that it is not for it; bytes from workers are not trusted.
        return [
            _blamed(one.item, "a media worker answered nonsense") if one.error == NOT_MY_CLASS else one
            for one in found
        ]

    async def _read_chunk(self, items: Sequence[WorkItem], worker_class: WorkerClass) -> list[FactsResult]:
        """Read files of one root."""
        done: list[FactsResult] = []
        stale_at: int | None = None
        while len(done) < len(items):
            try:
                worker = await self._take_worker(items[0].root, worker_class)
            except _NotStarted as failure:
                return [*done, *(FactsResult(item, error=failure.error) for item in items[len(done) :])]
            answers, verdict = await self._ask(worker, items[len(done) :])
            done += answers
            if verdict is None:
                continue
            # A fresh worker covers the root as it is now; if that one says `stale` too, the root moves about.
            if verdict == "stale" and stale_at != len(done):
                stale_at = len(done)
            elif verdict == "storage":
                # It hangs, and so would one worker after the other, for a deadline each, while other volumes wait.
                return [*done, *(_blamed(item, verdict) for item in items[len(done) :])]
            else:
                done.append(_blamed(items[len(done)], verdict))
        return done

    async def _ask(
        self, worker: WorkerProcess, items: Sequence[WorkItem]
    ) -> tuple[list[FactsResult], str | None]:
        """Return the answers in order, and None or why the worker did not answer the next item."""
        answers: list[FactsResult] = []
        is_whole = False
        try:
            verdict = await worker.ask(items, answers, deadline_s=self._deadlines_s[worker.worker_class])
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

    async def _take_worker(self, root: bytes, worker_class: WorkerClass) -> WorkerProcess:
        """Return an idle worker of the root and class that lives, else a new one.

        Raises:
            _NotStarted: no worker came up.
        """
        for worker in [one for one in self._idle if (one.root, one.worker_class) == (root, worker_class)]:
            self._idle.remove(worker)
            if worker.is_alive:
                return worker
            await self._drop(worker)
        while len(self._idle) >= self._most_idle:
            await self._drop(self._idle.pop(0))
        return await self._start_worker(root, worker_class)

    async def _start_worker(self, root: bytes, worker_class: WorkerClass) -> WorkerProcess:
        worker = WorkerProcess(root, worker_class, has_exiftool=self._has_exiftool)
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

    async def _drop(self, worker: WorkerProcess) -> None:
        self._all.discard(worker)
        self.report.worker_pids.discard(worker.pid)
        await worker.end()

    def degraded(self) -> list[str]:
        """Say what the readers of files lack, a sentence each. Never a checkpoint."""
        lacks = [] if self.report.has_exiftool else [f"exiftool: {WITHOUT_EXIFTOOL}"]
        confinement = self.report.confinement or {}
        return lacks + [f"media workers: {text}" for text in confinement.get("missing", ())]

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
    *,
    workers: int,
    has_exiftool: bool = True,
    deadline_s: float = NORMAL.deadline_s,
    heavy_deadline_s: float = HEAVY.deadline_s,
) -> AsyncIterator[MediaPool]:
    """Open a pool; workers start when they are needed, for the root of the item. Main thread.

    Args:
        workers: at most so many read at a time.
        has_exiftool: whether deep items may use exiftool, if it is installed.
        deadline_s: per file of a normal worker; only tests change it. heavy_deadline_s: of a heavy one.
    """
    assert threading.current_thread() is threading.main_thread()
    remove_leftovers(short_temporary())
    is_there = has_exiftool and is_exiftool_there()
    deadlines_s = {NORMAL: deadline_s, HEAVY: heavy_deadline_s}
    pool = MediaPool(workers=workers, has_exiftool=is_there, deadlines_s=deadlines_s)
    try:
        yield pool
    finally:
        with trio.CancelScope(shield=True):
            await pool.close()
