"""The one writer of the catalog, as a service: every write of this process goes through it, one at a time.

A full disk is no end: batches wait until there is room again, while edits are refused and told so.

Edits (a person waits) go before batches (ingest and scans): at most one batch is under way or queued, and a new
one starts only when no edit waits. So an edit waits for one batch at most, and batches are kept far below 50 ms
by those who write them. Knows no meaning of what is written.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

import trio

from catalog.errors import StorageFull
from catalog.library import Library
from catalog.store.db import Reader, ReaderPool, Writer, open_writer
from catalog.store.scanning import abandon_scans
from catalog.store.verifying import abandon as abandon_verifications

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# Reads of the daemon itself: what is due, which digests are known. Frontends have pools of their own.
_READERS = 3
# A disk that is full gets room when somebody makes some.
_FULL_RETRY_S = 5.0


class WriterService:
    """Owned by `open_writer_service`; may be used by any task of the loop."""

    def __init__(self, writer: Writer, readers: ReaderPool) -> None:
        self._writer = writer
        self._readers = readers
        self._write_limiter = trio.CapacityLimiter(1)
        self._read_limiter = trio.CapacityLimiter(_READERS)
        self._batch_turn = trio.Lock()
        self._edits_waiting = 0
        self._full: str | None = None
        self._no_edit_waits = trio.lowlevel.ParkingLot()

    async def run(
        self, function: Callable[Concatenate[Writer, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call `function(writer, …)` in the writer's thread: an edit. Checkpoint; a commit is not cancelled."""
        self._edits_waiting += 1
        try:
            return await self._write(partial(function, self._writer, *args, **kwargs))
        finally:
            self._edits_waiting -= 1
            if not self._edits_waiting:
                self._no_edit_waits.unpark_all()

    async def run_batch(
        self, function: Callable[Concatenate[Writer, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call `function(writer, …)` when no edit waits. Keep it below 50 ms.

        It is one transaction, so that it can be called again: as long as the disk is full it is tried every few seconds.
        """
        async with self._batch_turn:
            while True:
                while self._edits_waiting:
                    await self._no_edit_waits.park()
                try:
                    answer = await self._write(partial(function, self._writer, *args, **kwargs))
                except StorageFull as error:
                    self._note_full(error)
                    await trio.sleep(_FULL_RETRY_S)
                else:
                    self._note_room()
                    return answer

    def degraded(self) -> list[str]:
        """Say what does not work, for `status`."""
        return [] if self._full is None else [f"{self._full}: what is new waits until there is room"]

    def _note_full(self, error: StorageFull) -> None:
        if self._full is None:
            log.warning("%s: what is new waits until there is room", error.message)
        self._full = error.message

    def _note_room(self) -> None:
        if self._full is not None:
            log.info("there is room on the disk again")
        self._full = None

    async def read(
        self, function: Callable[Concatenate[Reader, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call `function(reader, …)` in a thread with a read-only connection."""

        def call() -> T:
            with self._readers.reader() as reader:
                return function(reader, *args, **kwargs)

        return await trio.to_thread.run_sync(call, limiter=self._read_limiter)

    async def _write(self, call: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(call, limiter=self._write_limiter)


@asynccontextmanager
async def open_writer_service(library: Library) -> AsyncIterator[WriterService]:
    """Open the writing connection for the length of the block; the caller holds the library lock.

    Scans and verifications that a killed process left running are abandoned first.
    """
    writer = open_writer(library)
    readers = ReaderPool(library, _READERS)
    try:
        # We hold the lock: whoever wrote "running" is dead.
        abandon_scans(writer, time.time_ns())
        abandon_verifications(writer, time.time_ns())
        yield WriterService(writer, readers)
    finally:
        readers.close()
        writer.close()
