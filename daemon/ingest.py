"""Ingest: per-file work that is due is done, in order of use: header facts, kinds of unnamed files, hashes,
sidecars, deep facts.

Per online volume two tasks: one reads facts (media workers), one reads hashes (the volume's own process, idle I/O
class, budget). Hashes wait until no header facts are due on their volume, so that the Timeline is there first. What is due
is a question to the catalog, so nothing is lost by a kill; a row that cannot be done carries its own "not
before", so that a second run does nothing. When nothing is due everybody sleeps until the bell rings.

Knows no formats and no rules of identity: readers and store do. Opens no file.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

import trio

from catalog.errors import NotFound, VolumeOffline
from catalog.facts import FactsResult, Tier
from catalog.ids import ContentHash, ContentId, LocationId, VolumeId
from catalog.store import file_cells, neighbours, sidecars, waits
from catalog.store import ingest as store
from catalog.values import HashResult, SniffResult, Volume, WorkItem
from daemon.bell import Bell
from daemon.config import ScanSection
from daemon.recording import (
    record_apart,
    record_facts,
    record_hashes,
    record_sidecars,
    record_sniffs,
    record_zones,
)
from daemon.volume_process.protocol import HashAnswer
from daemon.volume_session import cut_by_bytes
from daemon.volumes import Volumes
from daemon.writer import WriterService
from vfs.beneath import FileStamp

log = logging.getLogger(__name__)

# One batch of facts is some 45 ms of write lock at most (store.record_facts) and 0.1 s of two workers.
FACTS_BATCH = 100
# exiftool takes some 20 ms per file: small batches keep the Timeline moving.
DEEP_BATCH = 50
HASH_BATCH = 200
# Read at once; they are written in smaller batches.
SIDECARS_BATCH = 100
# Folders per pass whose neighbours are looked at; new facts are looked for in between.
ZONE_FOLDERS = 50
_MIB = 1024 * 1024
# Work that waits for its "not before" is asked for at least this often; an indexed question that finds nothing.
_LOOK_AGAIN_S = 300.0
_NS_PER_S = 1_000_000_000
# What must be idle for a volume to be drained.
_KINDS = ("facts", "hash")
# First pause after a failure and the longest one, doubled in between. Busy: somebody writes just now.
_PAUSES_S = {"busy": (5.0, 600.0), "changed": (30.0, 3_600.0)}
_PAUSE_S = (300.0, 86_400.0)
# The same for a volume whose process ended in the middle of a request.
_AGAIN_S = (0.5, 60.0)
# The volume, not the file, is the matter: ask the volume before anything else is tried.
_VOLUME_ERRORS = frozenset(
    {"EIO", "ESTALE", "ENOTCONN", "ETIMEDOUT", "ENODEV", "ENXIO", "EHOSTDOWN", "EACCES"}
)


class FactsReader(Protocol):
    """What is needed of `daemon.media.pool.MediaPool`."""

    async def read(self, items: Sequence[WorkItem]) -> list[FactsResult]:
        """Return one result per item, in order; never raises for what files do."""


@dataclass(slots=True)
class Progress:
    """What was done for one volume since the service began."""

    facts: int = 0
    deep_facts: int = 0
    sidecars: int = 0
    sniffed: int = 0
    hashed: int = 0
    hashed_bytes: int = 0
    failed: int = 0


class Ingest:
    """Owned by `open_ingest`."""

    def __init__(
        self, writer: WriterService, volumes: Volumes, reader: FactsReader, settings: ScanSection
    ) -> None:
        self._writer = writer
        self._volumes = volumes
        self._reader = reader
        self._settings = settings
        self._bell = Bell()
        self._idle_bell = Bell()
        self._idle_since: dict[tuple[VolumeId, str], int] = {}
        self._scopes: dict[VolumeId, trio.CancelScope] = {}
        self._supervised = 0
        self._attempts: dict[LocationId, int] = {}
        self._retry_s: dict[tuple[VolumeId, str], float] = {}
        self._postponed: dict[LocationId, float] = {}
        self._progress: dict[VolumeId, Progress] = {}

    def wake(self) -> None:
        """Say that something may be due. Never a checkpoint."""
        self._bell.ring()

    async def try_again(self, volume_id: VolumeId) -> None:
        """Let all files of a volume that wait after an error be tried at once.

        The pauses of files of other volumes that are not written down end too: such files are few.
        """
        for kind in waits.KINDS:
            after = 0
            while ids := await self._writer.read(waits.waiting, kind, volume_id, after):
                await self._writer.run_batch(waits.make_due, kind, ids)
                after = ids[-1]
        self._postponed.clear()
        self._attempts.clear()
        for key in [key for key in self._retry_s if key[0] == volume_id]:
            del self._retry_s[key]
        self._bell.ring()

    def progress(self, volume_id: VolumeId) -> Progress:
        """Return the running numbers of a volume; read them, do not change them."""
        return self._progress.setdefault(volume_id, Progress())

    @property
    def idle_bell(self) -> Bell:
        """Rings when a part of the work has come to rest: others may look what is ready for them."""
        return self._idle_bell

    async def drained(self, volume_id: VolumeId) -> None:
        """Wait until nothing is due on a volume that can be done now, or it is not online."""
        self._bell.ring()
        heard = 0
        while not self._is_drained(volume_id):
            heard = await self._idle_bell.wait(heard)

    def _is_drained(self, volume_id: VolumeId) -> bool:
        # Compared with the newest ring: what one task found may be work for another that was idle already.
        newest = self._bell.rings
        if self._supervised < newest:
            return False
        if volume_id not in self._scopes:
            return True
        return all(self._idle_since.get((volume_id, kind), -1) >= newest for kind in _KINDS)

    async def _supervise(self) -> None:
        """Keep one pair of tasks per online volume."""
        heard_volumes = -1
        async with trio.open_nursery() as nursery:
            while True:
                ring = self._bell.rings
                heard_volumes = self._volumes.bell.rings
                online = {
                    volume.id: volume for volume in await self._volumes.all() if volume.state == "online"
                }
                for volume_id in self._scopes.keys() - online.keys():
                    self._scopes.pop(volume_id).cancel()
                    for kind in ("headers", *_KINDS):
                        self._idle_since.pop((volume_id, kind), None)
                for volume_id in online.keys() - self._scopes.keys():
                    self._scopes[volume_id] = trio.CancelScope()
                    nursery.start_soon(self._serve, online[volume_id], self._scopes[volume_id])
                # What could not be read while a disk went was its fault and no file's.
                for volume_id in self._volumes.take_returned() & online.keys():
                    nursery.start_soon(self.try_again, volume_id)
                self._supervised = ring
                self._idle_bell.ring()
                await self._next_ring(ring, heard_volumes)

    async def _next_ring(self, ring: int, heard_volumes: int) -> None:
        async with trio.open_nursery() as nursery:

            async def wait(bell: Bell, heard: int) -> None:
                await bell.wait(heard)
                nursery.cancel_scope.cancel()

            nursery.start_soon(wait, self._bell, ring)
            nursery.start_soon(wait, self._volumes.bell, heard_volumes)

    async def _serve(self, volume: Volume, scope: trio.CancelScope) -> None:
        with scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._facts_for_ever, volume)
                nursery.start_soon(self._hash_for_ever, volume)

    def _note_idle(self, volume: Volume, kind: str, ring: int) -> None:
        self._idle_since[volume.id, kind] = ring
        self._idle_bell.ring()

    async def _rest(self, volume: Volume, kind: str, ring: int) -> None:
        """Say that nothing is due and sleep until the bell rings, or until something may be tried again."""
        self._note_idle(volume, kind, ring)
        pause_s = (
            self._retry_s.pop((volume.id, kind), trio.current_time() + _LOOK_AGAIN_S) - trio.current_time()
        )
        with trio.move_on_after(max(0.0, min(pause_s, _LOOK_AGAIN_S))):
            await self._bell.wait(ring)

    def _pause(self, volume: Volume, kind: str, location_id: LocationId, failure: str | None) -> float:
        """Return for how many seconds a file that failed is left alone; twice as long each time."""
        first_s, most_s = _PAUSES_S.get(failure or "", _PAUSE_S)
        attempts = self._attempts[location_id] = self._attempts.get(location_id, 0) + 1
        pause_s = min(most_s, first_s * float(1 << min(attempts - 1, 20)))
        self._rest_until(volume, kind, trio.current_time() + pause_s)
        return pause_s

    def _rest_until(self, volume: Volume, kind: str, at_s: float) -> None:
        self._retry_s[volume.id, kind] = min(at_s, self._retry_s.get((volume.id, kind), at_s))

    def _look_again_at(self, volume: Volume, instant_ns: int | None) -> None:
        """Rest no longer than until then: a file that waits for the bytes of another one has no failure here."""
        if instant_ns is not None:
            at_s = trio.current_time() + (instant_ns - time.time_ns()) / _NS_PER_S
            self._rest_until(volume, "hash", at_s)

    # ---- facts

    async def _facts_for_ever(self, volume: Volume) -> None:
        while True:
            ring = self._bell.rings
            did_work = await self._facts_pass(volume, "header", FACTS_BATCH)
            did_work = await self._sniff_pass(volume) or did_work
            if did_work:
                continue
            self._note_idle(volume, "headers", ring)
            if await self._sidecars_pass(volume):
                continue
            if not await self._deep_batch(volume) and not await self._zones_pass(volume):
                await self._rest(volume, "facts", ring)

    async def _facts_pass(self, volume: Volume, tier: Tier, batch: int) -> bool:
        """Read all that is due in a tier once, in order; the next batch is read while the last one is written."""
        send, receive = trio.open_memory_channel[list[FactsResult]](1)
        done = 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._record_facts, volume, receive)
            async with send:
                after: ContentId | None = None
                while items := await self._due(volume, tier, batch, after):
                    after = items[-1].content_id
                    done += len(items)
                    await send.send(await self._reader.read(items))
        return done > 0

    async def _deep_batch(self, volume: Volume) -> bool:
        items = await self._due(volume, "deep", DEEP_BATCH, None)
        if items:
            await self._write_facts(volume, await self._reader.read(items))
        return bool(items)

    async def _due(self, volume: Volume, tier: Tier, limit: int, after: ContentId | None) -> list[WorkItem]:
        return await self._writer.read(
            store.facts_due, limit, tier=tier, volume_id=volume.id, now_ns=time.time_ns(), after=after
        )

    async def _record_facts(
        self, volume: Volume, receive: trio.MemoryReceiveChannel[list[FactsResult]]
    ) -> None:
        async with receive:
            async for results in receive:
                await self._write_facts(volume, results)

    async def _write_facts(self, volume: Volume, results: list[FactsResult]) -> None:
        await record_apart(self._writer, record_facts, results)
        progress = self.progress(volume.id)
        for result in results:
            if result.item.tier == "deep":
                progress.deep_facts += result.error is None
            else:
                progress.facts += result.error is None
            progress.failed += result.error is not None
        await self._ask_the_volume(volume, {result.error for result in results})

    # ---- foreign sidecars

    async def _sidecars_pass(self, volume: Volume) -> bool:
        """Read sidecars that are due, each once: after the headers, so that their words meet photos that are known."""
        after: LocationId | None = None
        while items := await self._sidecars_due(volume, after):
            after = items[-1].location_id
            results = await self._reader.read(items)
            await self._note_files_beside([item.location_id for item in items])
            for batch in sidecars.batches(results):
                await record_apart(self._writer, record_sidecars, batch)
            self.progress(volume.id).sidecars += sum(result.error is None for result in results)
            self.progress(volume.id).failed += sum(result.error is not None for result in results)
            await self._ask_the_volume(volume, {result.error for result in results})
        return after is not None

    async def _note_files_beside(self, location_ids: list[LocationId]) -> None:
        """Have all names beside these sidecars known, in slices: else the first batch of a large folder would do it all."""
        if not await self._writer.read(file_cells.is_filled, location_ids):
            while await self._writer.run_batch(file_cells.fill_beside, location_ids):
                pass

    async def _sidecars_due(self, volume: Volume, after: LocationId | None) -> list[WorkItem]:
        return await self._writer.read(
            sidecars.sidecars_due, SIDECARS_BATCH, volume_id=volume.id, now_ns=time.time_ns(), after=after
        )

    # ---- zones of neighbours

    async def _zones_pass(self, volume: Volume) -> bool:
        """Look at folders whose photos got new facts: last of all, since it gives offsets and moves no photo."""
        folders = await self._writer.read(neighbours.zones_due, volume.id, ZONE_FOLDERS)
        for folder in folders:
            changes = await self._writer.read(neighbours.zone_changes, folder.directory_id)
            for start in range(0, len(changes), neighbours.ZONES_BATCH):
                batch = changes[start : start + neighbours.ZONES_BATCH]
                await self._writer.run_batch(record_zones, batch, [])
        if folders:
            await self._writer.run_batch(record_zones, [], folders)
        return bool(folders)

    # ---- kinds of files whose names say nothing

    async def _sniff_pass(self, volume: Volume) -> bool:
        after: LocationId | None = None
        is_news = False
        while items := await self._sniffs_due(volume, after):
            after = items[-1].location_id
            now_s = trio.current_time()
            ready = [item for item in items if self._postponed.get(item.location_id, now_s) <= now_s]
            results = await self._reader.read(ready)
            found = [_sniffed(result) for result in results if result.error is None]
            if await self._writer.run_batch(record_sniffs, found):
                is_news = True
                self._bell.ring()
            self.progress(volume.id).sniffed += len(found)
            for result in results:
                if result.error is not None:
                    location_id = result.item.location_id
                    self._postponed[location_id] = now_s + self._pause(
                        volume, "facts", location_id, result.error
                    )
            await self._ask_the_volume(volume, {result.error for result in results})
        return is_news

    async def _sniffs_due(self, volume: Volume, after: LocationId | None) -> list[WorkItem]:
        return await self._writer.read(
            store.sniff_due, volume.id, FACTS_BATCH, now_ns=time.time_ns(), after=after
        )

    # ---- hashes

    async def _hash_for_ever(self, volume: Volume) -> None:
        did_work = False
        pause_s = _AGAIN_S[0]
        while True:
            ring = self._bell.rings
            if await self._due(volume, "header", 1, None):
                if self._idle_since.get((volume.id, "headers"), -1) >= ring:
                    # It became due while its reader sleeps: what failed may be tried again. Nobody else would ring.
                    self._bell.ring()
                    ring = self._bell.rings
                await self._wait_for_headers(volume, ring)
                continue
            items = await self._hashes_due(volume)
            if not items:
                if did_work:
                    # Hashes told whose files these are, and so whose sidecars; who reads those may sleep by now.
                    did_work = False
                    self._bell.ring()
                    continue
                next_ns = await self._writer.read(store.next_hash_ns, volume.id)
                self._look_again_at(volume, next_ns)
                await self._rest(volume, "hash", ring)
                continue
            did_work = True
            for part in cut_by_bytes(items, lambda item: len(item.path)):
                if await self._hash(volume, part):
                    pause_s = _AGAIN_S[0]
                    continue
                # The process went, and the volume is online (else we were cancelled): a file may be what ends each of them.
                await trio.sleep(pause_s)
                pause_s = min(2 * pause_s, _AGAIN_S[1])

    async def _wait_for_headers(self, volume: Volume, ring: int) -> None:
        heard = 0
        while self._idle_since.get((volume.id, "headers"), -1) < ring:
            heard = await self._idle_bell.wait(heard)

    async def _hashes_due(self, volume: Volume) -> list[WorkItem]:
        """Return files that were never read, then those whose bytes may have changed unseen."""
        now_ns = time.time_ns()
        return await self._writer.read(
            store.hash_due, volume.id, HASH_BATCH, now_ns=now_ns
        ) or await self._writer.read(store.recheck_due, volume.id, HASH_BATCH, now_ns=now_ns)

    async def _hash(self, volume: Volume, items: list[WorkItem]) -> bool:
        """Read files and record what they are; False = their volume's process went, and the rest is due as before."""
        files = [
            (item.path, FileStamp(item.size, item.mtime_ns, item.ctime_ns, item.inode)) for item in items
        ]
        bytes_per_s = self._settings.hash_mib_per_s * _MIB
        try:
            session = await self._volumes.session(volume)
            async with session.open_hash(files, bytes_per_s=bytes_per_s) as groups:
                async for group in groups:
                    await self._write_hashes(volume, items, group)
        except VolumeOffline as error:
            log.debug("hashing on %s stopped: %s", volume.name, error.message)
            await self._volumes.lost(volume.id, error)
            return False
        return True

    async def _write_hashes(self, volume: Volume, items: list[WorkItem], group: list[HashAnswer]) -> None:
        results = [self._hash_result(volume, items[answer.index], answer) for answer in group]
        await self._writer.run_batch(record_hashes, results)
        progress = self.progress(volume.id)
        for result in results:
            progress.hashed += result.hash is not None
            progress.hashed_bytes += result.item.size if result.hash is not None else 0
            progress.failed += result.hash is None
        await self._ask_the_volume(volume, {result.failure for result in results})

    def _hash_result(self, volume: Volume, item: WorkItem, answer: HashAnswer) -> HashResult:
        if answer.digest is not None:
            self._attempts.pop(item.location_id, None)
            return HashResult(item, ContentHash(answer.digest), pixel_hash=answer.pixel_digest)
        pause_s = self._pause(volume, "hash", item.location_id, answer.failure)
        return HashResult(item, None, answer.failure, time.time_ns() + int(pause_s * _NS_PER_S))

    async def _ask_the_volume(self, volume: Volume, errors: set[str | None]) -> None:
        if errors & _VOLUME_ERRORS:
            with suppress(NotFound):  # it was forgotten meanwhile: we are about to be cancelled
                await self._volumes.probe(volume.id)


def _sniffed(result: FactsResult) -> SniffResult:
    if result.facts is None:  # the bytes defeated a reader: a file, and no photo that we know
        return SniffResult(result.item, None, "application/octet-stream")
    return SniffResult(result.item, result.facts.kind, result.facts.mime)


@asynccontextmanager
async def open_ingest(
    writer: WriterService, volumes: Volumes, reader: FactsReader, settings: ScanSection
) -> AsyncIterator[Ingest]:
    """Work for the length of the block; what was begun and not written is done again next time."""
    async with trio.open_nursery() as nursery:
        ingest = Ingest(writer, volumes, reader, settings)
        nursery.start_soon(ingest._supervise)
        yield ingest
        nursery.cancel_scope.cancel()
