"""One run of a verification: read what is due of a volume, past the page cache, and compare it with its hashes.

Reads go through the volume's own process (idle I/O class, a budget), results to the catalog in small batches, beside scans and
ingest; files that were never hashed go first. What was compared is stamped, so a run that was stopped, ran out of time or lost
its volume is simply begun again: the rest is what is still due.

Invariants
- A difference is damage only if the volume still proves itself after it, and a second reading differs as well.
- EIO, ESTALE, a hang, a volume that goes: errors, never damage. A file with another stamp is listed again.
- Nothing is read of a volume that is not online. Nothing is written to any.

Must not know: when and by whose wish it runs, how anything is shown.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, Protocol

import trio

from catalog.errors import StorageFull, VolumeOffline
from catalog.ids import ContentHash, LocationId, VolumeId
from catalog.store import ingest as ingest_store
from catalog.store import verifying
from catalog.store.verifying import Copy, Damage, Outcome, Reading
from catalog.store.volumes import nested_mounts
from catalog.values import Volume, WorkItem
from daemon.judging import way_out
from daemon.scan import ScanServices, follow_hint
from daemon.volume_session import VolumeSession, cut_by_bytes
from vfs.beneath import FileStamp

log = logging.getLogger(__name__)

_ITEMS_AT_ONCE = 200
# After so much, files that were never hashed get their turn: a second of a disk.
_BYTES_AT_ONCE = 64 * 1024 * 1024
# What was compared before a file of this size is recorded before it is begun.
_LARGE_BYTES = 8 * 1024 * 1024
# What an interruption may cost at most: it is read once more.
_RECORD_EVERY_S = 1.0
# Asking whether ingest has work costs a search of an index where much is unread.
_GIVE_WAY_EVERY_S = 5.0
_LAST_WORDS_S = 5.0
# A clock that was corrected by more than this has stamped wrong times.
_CLOCK_TOLERANCE_NS = 3_600 * 10**9
# The file is not what the catalog knows: a listing tells what it is.
_NEWS = frozenset({"changed", "ENOENT", "ENOTDIR"})
# The volume may be the matter, not the file: it must prove itself before a file is blamed. EACCES is what a process
# gets that was confined to the mount before this one.
_ASK_THE_VOLUME = frozenset(
    {"EIO", "ESTALE", "ENOTCONN", "ETIMEDOUT", "ENODEV", "ENXIO", "EHOSTDOWN", "EACCES", "ENOENT", "ENOTDIR"}
)


@dataclass(frozen=True, slots=True)
class VerifyProgress:
    """How far a run is: numbers since it began, of this volume.

    Attributes:
        checked, bytes: files compared, and what was read of them.
        due, due_bytes: what there was to compare when it began.
    """

    volume: str
    checked: int
    bytes: int
    due: int
    due_bytes: int
    damaged: int
    mended: int
    errors: int
    seconds: float


@dataclass(frozen=True, slots=True)
class VerifyOutcome:
    """How a run ended: done (it came to its end) or paused (out of time).

    `counts["left"]` files are still due: not reached, or they could not be read.
    """

    run_id: int
    state: Literal["done", "paused"]
    counts: dict[str, int]
    has_changes: bool


class Listener(Protocol):
    """Who wants to know how a run goes."""

    def progress(self, progress: VerifyProgress) -> None:
        """Take the newest numbers; never a checkpoint."""

    async def damaged(self, damage: Damage, copies: Sequence[Copy]) -> None:
        """Take a damaged file, and where good copies of it are."""

    async def failed(self, volume: Volume, path: bytes, reason: str) -> None:
        """Take a file that could not be compared: errno name, or `busy`."""


@dataclass(frozen=True, slots=True)
class VerifyWish:
    """What to compare.

    Attributes:
        cutoff_ns: all that was not compared since then.
        deadline_s: stop then (trio's clock).
        bytes_per_s: read no faster; 0 = no limit.
        tells_all: also tell what is known to be damaged and was not read by this run.
    """

    cutoff_ns: int
    deadline_s: float = float("inf")
    bytes_per_s: int = 0
    tells_all: bool = True


async def verify_volume(
    services: ScanServices, volume_id: VolumeId, wish: VerifyWish, listener: Listener
) -> VerifyOutcome:
    """Compare what is due on a volume with its hashes. One run of a volume at a time: `daemon.verify.Verifier` sees to it.

    Raises:
        VolumeOffline: the volume is not online, or went away meanwhile; the run is paused.
    """
    volume = await services.volumes.probe(volume_id)
    _require_online(volume)
    run_id = await services.writer.run_batch(verifying.begin, volume_id, wish.cutoff_ns, time.time_ns())
    run = _Run(services, volume, wish, listener)
    state: _State = "abandoned"
    told: str | None = None
    try:
        with trio.move_on_at(wish.deadline_s) as limit:
            await run.compare()
        await run.tell_the_rest()
        counts = await run.note_left()
        # What could not be read is an error of a run that came to its end: the next one begins anew.
        is_cut_short = limit.cancelled_caught or counts["left"] > counts["errors"]
        ended: Literal["done", "paused"] = "paused" if is_cut_short else "done"
        state = ended
    except VolumeOffline as error:
        state, told = "paused", error.message
        await services.volumes.lost(volume_id, error)
        raise
    except Exception as error:
        state, told = "failed", repr(error)
        raise
    finally:
        await _end(services, run_id, state, run.counts(), told)
    return VerifyOutcome(run_id, ended, counts, run.has_changes)


_State = Literal["done", "paused", "failed", "abandoned"]


async def _end(
    services: ScanServices, run_id: int, state: _State, counts: dict[str, int], told: str | None
) -> None:
    with trio.move_on_after(_LAST_WORDS_S, shield=True):
        try:
            await services.writer.run(
                verifying.end, run_id, state, counts=counts, now_ns=time.time_ns(), error=told
            )
        except StorageFull as error:  # the next run ends it
            log.warning("how a verification ended is not written: %s", error.message)


def _require_online(volume: Volume) -> None:
    if volume.state != "online":
        reason = volume.state_reason or "switched off"
        raise VolumeOffline(
            f"{volume.name} is {volume.state}: {reason}",
            hint=way_out(volume),
            volume=volume.name,
            state=volume.state,
        )


def latest_ns() -> int:
    """Return the instant behind which a comparison cannot have been."""
    return time.time_ns() + _CLOCK_TOLERANCE_NS


class _Run:
    """One run under way."""

    def __init__(self, services: ScanServices, volume: Volume, wish: VerifyWish, listener: Listener) -> None:
        self.has_changes = False
        self._services = services
        self._volume = volume
        self._wish = wish
        self._listener = listener
        self._began_s = time.monotonic()
        self._next_way_s = 0.0
        self._due = (0, 0)
        self._numbers = {"checked": 0, "bytes": 0, "damaged": 0, "mended": 0, "errors": 0}
        self._told: set[LocationId] = set()

    def counts(self) -> dict[str, int]:
        """Return the numbers by the names that the catalog and the summary know."""
        return dict(self._numbers)

    async def note_left(self) -> dict[str, int]:
        """Count what is still due; return all numbers."""
        self._numbers["left"] = (await self.left())[0]
        return self.counts()

    async def left(self) -> tuple[int, int]:
        """Return how many files are due, and their bytes."""
        return await self._services.writer.read(
            verifying.left, self._volume.id, self._wish.cutoff_ns, latest_ns=latest_ns()
        )

    async def compare(self) -> None:
        """Read what is due, in order; returns when nothing is left behind the last one."""
        self._due = await self.left()
        self._tell_progress()
        mounts = await self._services.writer.read(nested_mounts, self._volume.id)
        away = [mount.path for mount in mounts if mount.is_away]
        after = 0
        while items := await self._services.writer.read(
            verifying.due,
            self._volume.id,
            self._wish.cutoff_ns,
            after,
            _ITEMS_AT_ONCE,
            latest_ns=latest_ns(),
        ):
            after = items[-1].location_id
            for portion in _portions([item for item in items if not _is_within(item.path, away)]):
                await self._give_way()
                await self._compare(portion)

    async def _give_way(self) -> None:
        """Let files that were never hashed go first."""
        if time.monotonic() < self._next_way_s:
            return
        due = await self._services.writer.read(
            ingest_store.hash_due, self._volume.id, 1, now_ns=time.time_ns()
        )
        if due:
            await self._services.ingest.drained(self._volume.id)
        self._next_way_s = time.monotonic() + _GIVE_WAY_EVERY_S

    async def _compare(self, items: list[WorkItem]) -> None:
        """Read a portion and settle all that comes of it."""
        found = await self._read_and_record(items)
        if doubtful := [item for item, reason in found.failed if reason in _ASK_THE_VOLUME]:
            found = await self._blame_the_volume_first(found, doubtful)
        if found.differing:
            # Another disk at this place would differ in everything.
            _require_online(await self._services.volumes.probe(self._volume.id))
            again = await self._read_and_record(found.differing, is_second=True)
            found.failed += again.failed
        await self._tell_failures(found)

    async def _blame_the_volume_first(self, found: Outcome, doubtful: list[WorkItem]) -> Outcome:
        """Ask the volume who it is; where that made a new process of it, read once more what failed."""
        before = await self._session()
        _require_online(await self._services.volumes.probe(self._volume.id))
        if await self._session() is before:
            return found
        again = await self._read_and_record(doubtful)
        again.differing += found.differing
        again.failed += [one for one in found.failed if one[1] not in _ASK_THE_VOLUME]
        return again

    async def _session(self) -> VolumeSession:
        return await self._services.volumes.session(self._volume)

    async def _read_and_record(self, items: list[WorkItem], *, is_second: bool = False) -> Outcome:
        """Return the files that differ for the first time, and those that could not be read; all else is noted."""
        rest = Outcome()
        async with aclosing(self._read(items, is_second=is_second)) as batches:
            async for readings in batches:
                outcome = await self._services.writer.run_batch(verifying.record, readings, time.time_ns())
                rest.differing += outcome.differing
                rest.failed += outcome.failed
                await self._note(outcome)
        return rest

    async def _read(self, items: list[WorkItem], *, is_second: bool) -> AsyncGenerator[list[Reading], None]:
        session = await self._session()
        files = [
            (item.path, FileStamp(item.size, item.mtime_ns, item.ctime_ns, item.inode)) for item in items
        ]
        waiting: list[Reading] = []
        recorded_s = time.monotonic()
        async with session.open_hash(files, bytes_per_s=self._wish.bytes_per_s, from_disk=True) as groups:
            async for group in groups:
                for answer in group:
                    digest = None if answer.digest is None else ContentHash(answer.digest)
                    waiting.append(Reading(items[answer.index], digest, answer.failure, is_second))
                if time.monotonic() - recorded_s > _RECORD_EVERY_S:
                    yield waiting
                    waiting, recorded_s = [], time.monotonic()
        if waiting:
            yield waiting

    async def _note(self, outcome: Outcome) -> None:
        numbers = self._numbers
        numbers["checked"] += outcome.verified + len(outcome.damaged)
        numbers["bytes"] += outcome.bytes
        numbers["damaged"] += len(outcome.damaged)
        numbers["mended"] += outcome.mended
        if outcome.damaged:
            await self._tell(await self._services.writer.read(verifying.damage_of, outcome.damaged))
        self._tell_progress()

    async def _tell_failures(self, found: Outcome) -> None:
        """Tell what could not be read; what is not the file that the catalog knows is no failure, but news: list it again."""
        news = {item.path.rpartition(b"/")[0] for item, reason in found.failed if reason in _NEWS}
        for item, reason in found.failed:
            if reason not in _NEWS:
                self._numbers["errors"] += 1
                await self._listener.failed(self._volume, item.path, reason)
        if news:
            self.has_changes = True
            await follow_hint(self._services, self._volume, sorted(news), ())

    async def _tell(self, found: Sequence[Damage]) -> None:
        for damage in found:
            if damage.location_id not in self._told:
                self._told.add(damage.location_id)
                copies = await self._services.writer.read(verifying.good_copies, damage.location_id)
                await self._listener.damaged(damage, copies)

    async def tell_the_rest(self) -> None:
        """Tell what earlier runs found damaged and this one did not read; all of it counts."""
        if not self._wish.tells_all:
            return
        after = 0
        while page := await self._services.writer.read(verifying.damaged, self._volume.id, after=after):
            after = page[-1].location_id
            await self._tell(page)
        self._numbers["damaged"] = len(self._told)

    def _tell_progress(self) -> None:
        due, due_bytes = self._due
        self._listener.progress(
            VerifyProgress(
                volume=self._volume.name,
                due=due,
                due_bytes=due_bytes,
                seconds=time.monotonic() - self._began_s,
                **self._numbers,
            )
        )


def _is_within(path: bytes, places: Sequence[bytes]) -> bool:
    """Tell whether a file lies below one of these: where a file system is away, its files are not looked for."""
    return any(path.startswith(place + b"/") for place in places)


def _portions(items: list[WorkItem]) -> Iterator[list[WorkItem]]:
    """Cut files so that a portion is read within seconds where files allow it, and fits one request."""
    portion: list[WorkItem] = []
    size = 0
    for item in items:
        if size + item.size > _BYTES_AT_ONCE or item.size >= _LARGE_BYTES:
            yield from cut_by_bytes(portion, lambda item: len(item.path))
            portion, size = [], 0
        portion.append(item)
        size += item.size
    yield from cut_by_bytes(portion, lambda item: len(item.path))
