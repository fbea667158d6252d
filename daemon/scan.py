"""Bring the catalog up to date with a volume: a whole scan, a quick look, or the directories that a watcher named.

Three ways, one ending. A complete scan lists every directory and skips those whose digest is known; a quick look
lists those whose own mtime moved (new, renamed, removed entries); a hint lists what it names. After each the root must be the
mount it was before, and only then is anything looked at again and called missing.

One scan of a volume runs at a time (hints excepted: listing a directory twice at once does no harm, because what a
mixed-up listing lacks is still there at the second look). Must not know: sockets, commands, formats.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import trio

from catalog.errors import VolumeOffline
from catalog.ids import DirectoryId, VolumeId
from catalog.store import looks, moves, scanning
from catalog.store import volumes as volume_store
from catalog.values import Volume
from daemon.absorb import Absorber
from daemon.config import ScanSection
from daemon.ingest import Ingest
from daemon.judging import way_out
from daemon.volume_session import VolumeSession
from daemon.volumes import Volumes
from daemon.writer import WriterService

log = logging.getLogger(__name__)

_TIMES_PER_PAGE = 5000
# Recording how a scan ended must not be lost to Ctrl-C, and must not hold it up either.
_LAST_WORDS_S = 5.0


@dataclass(frozen=True, slots=True)
class ScanServices:
    """What a scan needs; made once, by `main`."""

    writer: WriterService
    volumes: Volumes
    ingest: Ingest
    settings: ScanSection


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """How far a scan is: numbers since it began, of this volume."""

    volume: str
    phase: Literal["walk", "ingest"]
    directories: int
    files: int
    added: int
    changed: int
    moved: int
    missing: int
    errors: int
    facts: int
    deep_facts: int
    sidecars: int
    hashed: int
    hashed_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    """How a scan ended.

    Attributes:
        state: done, or partial when something could not be listed; then `errors` says what (path, errno name).
        counts: as in `ScanProgress`, beside `returned` and `directories_unchanged`.
    """

    scan_id: int
    volume_id: VolumeId
    volume: str
    state: Literal["done", "partial"]
    counts: dict[str, int]
    errors: tuple[tuple[bytes, str], ...]
    seconds: float


Report = Callable[[ScanProgress], None]


class _Meter:
    """Turns the running numbers of walk and ingest into progress values."""

    def __init__(self, services: ScanServices, volume: Volume, report: Report | None) -> None:
        self._ingest = services.ingest.progress(volume.id)
        self._volume = volume
        self._report = report
        self._began_s = time.monotonic()
        self._before = self._numbers()
        self.phase: Literal["walk", "ingest"] = "walk"
        self.counts: dict[str, int] = {}

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began_s

    def ingested(self) -> dict[str, int]:
        return {name: number - self._before[name] for name, number in self._numbers().items()}

    def _numbers(self) -> dict[str, int]:
        names = ("facts", "deep_facts", "sidecars", "hashed", "hashed_bytes")
        return {name: getattr(self._ingest, name) for name in names}

    def tell(self) -> None:
        if self._report is None:
            return
        names = ("directories", "files", "added", "changed", "moved", "missing", "errors")
        self._report(
            ScanProgress(
                volume=self._volume.name,
                phase=self.phase,
                seconds=self.seconds,
                **{name: self.counts.get(name, 0) for name in names},
                **self.ingested(),
            )
        )


async def scan_volume(
    services: ScanServices,
    volume_id: VolumeId,
    *,
    full: bool = False,
    quick: bool = False,
    waits_for_ingest: bool = False,
    report: Report | None = None,
) -> ScanOutcome:
    """Scan a volume; waits while another scan of it runs.

    Args:
        full: forget what is known of directories and list everything again.
        quick: only directories whose own mtime moved.
        waits_for_ingest: return after facts and hashes that can be read are read.
        report: called after every batch (and every second while waiting for ingest).

    Raises:
        VolumeOffline: the volume is not online, or went away meanwhile; nothing was called missing then.
    """
    async with services.volumes.scan_turn(volume_id):
        volume = await _prove_online(services, volume_id)
        meter = _Meter(services, volume, report)
        absorber = _absorber(services, volume, meter)
        kind: Literal["quick", "full"] = "quick" if quick else "full"
        began_ns = time.time_ns()
        scan_id = await services.writer.run(scanning.begin_scan, volume.id, kind, began_ns)
        try:
            if full:
                await services.writer.run_batch(scanning.forget_digests, volume.id)
            await (_look_quickly if quick else _walk_whole)(services, volume, absorber)
        except VolumeOffline as error:
            await _end(services, scan_id, "failed", absorber, error.message)
            await services.volumes.lost(volume.id, error)
            raise
        except BaseException as error:
            await _end(services, scan_id, "abandoned", absorber, _why_abandoned(error))
            raise
        state: Literal["done", "partial"] = "partial" if absorber.tally.error_count else "done"
        if state == "done" and not quick:
            # Every file that was put aside by another one's name has been seen under its new one by now, or is gone.
            await services.writer.run_batch(moves.forget_displaced, volume.id, began_ns)
        await _end(services, scan_id, state, absorber, None)
    if waits_for_ingest:
        await _wait_for_ingest(services, volume, meter)
    return ScanOutcome(
        scan_id=scan_id,
        volume_id=volume.id,
        volume=volume.name,
        state=state,
        counts={**absorber.tally.counts(), **meter.ingested()},
        errors=tuple(absorber.tally.errors),
        seconds=meter.seconds,
    )


async def follow_hint(
    services: ScanServices, volume: Volume, directories: Sequence[bytes], new_trees: Sequence[bytes]
) -> None:
    """List the directories that a watcher named, and whole trees that appeared.

    Raises:
        VolumeOffline: as `scan_volume`.
    """
    absorber = _absorber(services, volume, None)
    starts = await _starts(services, volume)
    named = [path for path in directories if _is_within(path, starts)]
    trees = [path for path in new_trees if _is_within(path, starts)]
    session = await services.volumes.session(volume)
    try:
        await _list_named(session, absorber, named, trees)
        _require_root(volume, absorber)
    except VolumeOffline as error:
        await services.volumes.lost(volume.id, error)
        raise


def _absorber(services: ScanServices, volume: Volume, meter: _Meter | None) -> Absorber:
    def tell() -> None:
        if meter is not None:
            meter.counts = absorber.tally.counts()
            meter.tell()

    absorber = Absorber(
        services.writer,
        volume,
        services.settings,
        on_news=services.ingest.wake,
        prove=partial(_prove_online, services, volume.id),
        on_batch=tell,
    )
    return absorber


async def _prove_online(services: ScanServices, volume_id: VolumeId) -> Volume:
    """Look who the volume is now, and return it.

    Raises:
        VolumeOffline: it is not online.
    """
    volume = await services.volumes.probe(volume_id)
    if volume.state != "online":
        raise VolumeOffline(
            f"{volume.name} is {volume.state}: {volume.state_reason or 'switched off'}",
            hint=way_out(volume),
            volume=volume.name,
            state=volume.state,
        )
    return volume


async def _walk_whole(services: ScanServices, volume: Volume, absorber: Absorber) -> None:
    starts = await _starts(services, volume)
    known = await services.writer.read(scanning.known_digests, volume.id)
    session = await services.volumes.session(volume)
    instance = await absorber.take_walk(session, starts, known=known)
    _require_root(volume, absorber)
    await absorber.settle(session, _unchanged(volume, instance))


async def _look_quickly(services: ScanServices, volume: Volume, absorber: Absorber) -> None:
    starts = await _starts(services, volume)
    session = await services.volumes.session(volume)
    changed: list[bytes] = []
    after = DirectoryId(0)
    while page := await services.writer.read(
        looks.directory_times, volume.id, after=after, limit=_TIMES_PER_PAGE
    ):
        after = page[-1].id
        inside = [row for row in page if _is_within(row.path, starts)]
        changed += [row.path for row in inside if row.mtime_ns is None]
        changed += await session.times(
            [(row.path, row.mtime_ns) for row in inside if row.mtime_ns is not None]
        )
        absorber.tally.directories += len(inside)
    if changed:
        await _list_named(session, absorber, changed, ())


async def _list_named(
    session: VolumeSession, absorber: Absorber, directories: Sequence[bytes], trees: Sequence[bytes]
) -> None:
    """List directories, then everything below those that are new, and settle what is gone."""
    instances = set()
    if directories:
        instances.add(await absorber.take_walk(session, directories, is_recursive=False))
    # A parent's listing and a watcher may both name a tree; below another one it is walked anyway.
    tops = _tops({*trees, *absorber.new_directories})
    if tops:
        instances.add(await absorber.take_walk(session, tops))
    if len(instances) == 1 and (instance := instances.pop()) is not None:
        await absorber.settle(session, instance)


def _tops(paths: set[bytes]) -> list[bytes]:
    tops: list[bytes] = []
    for path in sorted(paths, key=lambda path: path.split(b"/")):
        if not tops or not _is_within(path, tops[-1:]):
            tops.append(path)
    return tops


def _require_root(volume: Volume, absorber: Absorber) -> None:
    """Refuse to call it a look when the root itself could not be listed: that is the volume's matter, not a directory's."""
    error = next((name for path, name in absorber.tally.errors if not path), None)
    if error is not None:
        raise VolumeOffline(f"the root of {volume.name} cannot be listed ({error})", volume=volume.name)


def _unchanged(volume: Volume, instance: str | None) -> str:
    if instance is None:
        raise VolumeOffline(f"{volume.name} changed during the scan", volume=volume.name)
    return instance


async def _starts(services: ScanServices, volume: Volume) -> list[bytes]:
    paths = await services.writer.read(volume_store.library_paths, volume.id)
    return _tops({path.path for path in paths}) or [b""]


def _is_within(path: bytes, tops: Sequence[bytes]) -> bool:
    return any(not top or path == top or path.startswith(top + b"/") for top in tops)


def _why_abandoned(error: BaseException) -> str:
    """Say for the history why a scan did not come to its end; a cancellation is nobody's fault and has no words of its own."""
    faults = error.subgroup(Exception) if isinstance(error, BaseExceptionGroup) else error
    return repr(faults) if isinstance(faults, Exception) else "interrupted"


async def _end(
    services: ScanServices,
    scan_id: int,
    state: Literal["done", "partial", "failed", "abandoned"],
    absorber: Absorber,
    error: str | None,
) -> None:
    with trio.move_on_after(_LAST_WORDS_S, shield=True):
        await services.writer.run(
            scanning.end_scan,
            scan_id,
            state,
            counts=absorber.tally.counts(),
            now_ns=time.time_ns(),
            error=error,
        )


async def _wait_for_ingest(services: ScanServices, volume: Volume, meter: _Meter) -> None:
    meter.phase = "ingest"
    async with trio.open_nursery() as nursery:

        async def tell_for_ever() -> None:
            while True:
                meter.tell()
                await trio.sleep(1)

        nursery.start_soon(tell_for_ever)
        await services.ingest.drained(volume.id)
        nursery.cancel_scope.cancel()
    meter.tell()
