"""Watch volumes: events are hints, a scan is the truth, `daemon.schedule` says when.

One task per volume that is in use. It probes; while the volume is online two tasks of their own run, each started again
when it fails, the other going on meanwhile: one follows hints, one looks. While it is not online the task waits for its
mount, or probes, more rarely the longer it lasts. A disk whose every change is heard is not touched: no looks and no probes
until something happens or the complete scan is due. Must not know: how a directory is listed, what rows look like.

Invariant: after every start of a watch, after every return of a volume, and whenever hints were lost, a complete scan begins.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import trio

from catalog.errors import CatalogError, GlassineError, NotFound, VolumeOffline
from catalog.ids import VolumeId
from catalog.store.volumes import library_paths, nested_mounts, volume_by_id
from catalog.values import Volume
from daemon import disk_activity
from daemon.bell import Bell
from daemon.cli.output import instant
from daemon.endings import first_error
from daemon.scan import ScanServices, follow_hint, scan_volume
from daemon.schedule import Known, Now, begin, learn, next_looks, wall_of
from daemon.volume_facts import is_remote
from daemon.volume_process.protocol import TreeChange, WatchMethod

log = logging.getLogger(__name__)

# Probing what is not there, or starting again what failed: soon at first, then ever more rarely.
_FIRST_PAUSE_S = 5.0
_MOST_PAUSE_S = 60.0
# A sleeping machine stops our timers: they are looked at again this often.
_MOST_WAIT_S = 3600.0


@dataclass(slots=True)
class WatchNote:
    """How one volume is watched. Read it, do not change it.

    Attributes:
        method: how changes are heard.
        is_watching: every change that this machine makes is heard.
        note: why not, else None.
        next_full_ns: wall time of the next complete scan, None while the volume is not online.
    """

    method: WatchMethod = "polling"
    is_watching: bool = False
    note: str | None = None
    next_full_ns: int | None = None

    def reset(self, why: str | None) -> None:
        """Say that nothing is heard now."""
        self.method, self.is_watching, self.note, self.next_full_ns = "polling", False, why, None


class _Online:
    """One volume from the moment it is online until it is not."""

    def __init__(self, volume: Volume, note: WatchNote) -> None:
        self.volume = volume
        self.note = note
        self.is_remote = is_remote(volume)
        self.changed = Bell()
        self.has_tried = trio.Event()  # to watch, whatever came of it
        self.demands = 0
        # Writes that the device had completed before the last look.
        self.writes: int | None = None

    def demand_full(self) -> None:
        """Have a complete scan begin after now."""
        self.demands += 1
        self.changed.ring()


class Watch:
    """Owned by `open_watch`."""

    def __init__(self, services: ScanServices) -> None:
        self._services = services
        self._bell = Bell()
        self._scopes: dict[VolumeId, trio.CancelScope] = {}
        # The row that the last attempt to serve a volume began with, after its own look.
        self._begun_with: dict[VolumeId, Volume] = {}
        self.notes: dict[VolumeId, WatchNote] = {}

    def refresh(self) -> None:
        """Say that a volume was added, changed, enabled or disabled: its task starts afresh. Never a checkpoint."""
        self._bell.ring()

    async def describe(self) -> dict[str, dict[str, object]]:
        """Return how each volume in use is watched, by its name, as JSON values for `status`."""
        names = {volume.id: volume.name for volume in await self._services.volumes.all()}
        return {
            names[volume_id]: {
                "method": note.method,
                "is_watching": note.is_watching,
                "note": note.note,
                "next_full_scan": instant(note.next_full_ns),
            }
            for volume_id, note in self.notes.items()
            if volume_id in names
        }

    async def _supervise(self) -> None:
        async with trio.open_nursery() as nursery:
            rows: dict[VolumeId, tuple[object, ...]] = {}
            while True:
                heard = self._bell.rings
                volumes = {volume.id: volume for volume in await self._services.volumes.all()}
                wanted = {
                    volume.id: await self._what_matters(volume)
                    for volume in volumes.values()
                    if volume.state not in ("disabled", "retired")
                }
                for volume_id in [one for one in self._scopes if rows.get(one) != wanted.get(one)]:
                    self._scopes.pop(volume_id).cancel()
                    self.notes.pop(volume_id, None)
                    self._begun_with.pop(volume_id, None)
                    if volume_id not in wanted:
                        await self._services.volumes.stop(volume_id)
                for volume_id in wanted.keys() - self._scopes.keys():
                    self._scopes[volume_id] = trio.CancelScope()
                    self.notes[volume_id] = WatchNote()
                    nursery.start_soon(self._serve, volume_id, self._scopes[volume_id], self.notes[volume_id])
                rows = wanted
                await self._bell.wait(heard)

    async def _what_matters(self, volume: Volume) -> tuple[object, ...]:
        """Return what a watching task must start afresh for when it changes."""
        paths = await self._services.writer.read(library_paths, volume.id)
        # What its owner accepts is no change of the tree: no watch tells it, and the next complete scan may be a day off.
        place = (volume.root, volume.backend, volume.excludes, volume.accepted_ns)
        return *place, frozenset(path.path for path in paths)

    async def _serve(self, volume_id: VolumeId, scope: trio.CancelScope, note: WatchNote) -> None:
        pauses = _Pauses()
        is_return = False  # it was looked at before, and is not just seen for the first time by this process
        with scope:
            while True:
                error = await self._attempt(self._probe_and_keep_up, volume_id, note, is_return)
                is_return = True
                if error is not None and not isinstance(error, VolumeOffline):
                    _tell(volume_id, "watching", error)
                note.reset(_message(error) if error is not None else note.note)
                await self._pause(volume_id, pauses.next_s())

    async def _probe_and_keep_up(self, volume_id: VolumeId, note: WatchNote, is_return: bool) -> None:
        self._begun_with[volume_id] = await self._row(volume_id)
        volume = self._begun_with[volume_id] = await self._services.volumes.probe(volume_id)
        note.note = volume.state_reason
        if volume.state == "online":
            online = _Online(volume, note)
            if is_return:
                # What a look saw while it went is not to be trusted, and no directory's time need tell.
                online.demand_full()
            await self._keep_up(online)

    async def _pause(self, volume_id: VolumeId, pause_s: float) -> None:
        """Wait; no longer than until somebody else (the mount table) finds that the volume came online."""
        with trio.move_on_after(pause_s):
            heard = self._services.volumes.bell.rings
            while not await self._has_returned(volume_id):
                heard = await self._services.volumes.bell.wait(heard)

    async def _has_returned(self, volume_id: VolumeId) -> bool:
        """Whether it came online after the last attempt began, be it while that attempt failed.

        Told by its row; one that was forgotten has not, and whoever asks is about to be cancelled.
        """
        try:
            now = await self._row(volume_id)
        except NotFound:
            return False
        before = self._begun_with.get(volume_id)
        if before is None or now.state != "online":
            return False
        return before.state != "online" or before.state_since_ns != now.state_since_ns

    async def _keep_up(self, online: _Online) -> None:
        """Follow hints and look, until it raises VolumeOffline."""
        ended: list[VolumeOffline] = []
        async with trio.open_nursery() as nursery:

            async def again_and_again(work: Callable[[_Online], Awaitable[None]], what: str) -> None:
                pauses = _Pauses()
                while True:
                    error = await self._attempt(work, online)
                    if isinstance(error, VolumeOffline):  # kept aside: a nursery would wrap it
                        ended.append(error)
                        nursery.cancel_scope.cancel()
                        return
                    if error is not None:
                        _tell(online.volume.id, what, error)
                        online.note.note = _message(error)
                    await trio.sleep(pauses.next_s())

            nursery.start_soon(again_and_again, self._look_for_ever, "looking at")
            if online.is_remote:
                online.note.note = "other machines change it unseen: the periodic looks find what is new"
            else:
                nursery.start_soon(again_and_again, self._follow_for_ever, "following")
        await self._services.volumes.lost(
            online.volume.id, ended[0]
        )  # its state is told now, not after a pause
        raise ended[0]

    async def _attempt(self, work: Callable[..., Awaitable[None]], *arguments: object) -> Exception | None:
        """Do it; return what made it fail. A bad catalog stops everything."""
        try:
            await work(*arguments)
        except ExceptionGroup as group:
            error: Exception = _first(group)
        except Exception as one:  # noqa: BLE001 - the border of one volume: what fails here must not stop others
            error = one
        else:
            return None
        if isinstance(error, CatalogError):
            raise error
        return error

    # ---- looks

    async def _look_for_ever(self, online: _Online) -> None:
        """Scan when it is due, or demanded."""
        if not online.is_remote and online.volume.full_scan_ns is not None:
            await online.has_tried.wait()  # then one scan does: it begins when everything is heard
        known = begin(await self._row(online.volume.id), _now())
        served = 0
        while True:
            heard, now = online.changed.rings, _now()
            known = learn(known, await self._row(online.volume.id), now)
            if online.demands != served:
                served = online.demands
                known = replace(known, started_ns=now.steady_ns, full_ns=None, is_caught_up=False)
            looks = next_looks(
                known,
                self._services.settings,
                hears_all=online.note.is_watching,
                is_remote=online.is_remote,
            )
            online.note.next_full_ns = wall_of(looks.full_ns, now)
            wait_s = (looks.due_ns - now.steady_ns) / 1e9
            if wait_s > 0:
                with trio.move_on_after(min(wait_s, _MOST_WAIT_S)):
                    await online.changed.wait(heard)
            elif looks.kind == "full":
                known = await self._look_at_all(online, known)
            else:
                known = await self._look_quickly(online, known)

    async def _look_at_all(self, online: _Online, known: Known) -> Known:
        writes = await self._writes_of(online)
        await scan_volume(self._services, online.volume.id)
        online.writes = writes
        return replace(known, full_ns=_now().steady_ns, is_caught_up=True)

    async def _look_quickly(self, online: _Online, known: Known) -> Known:
        writes = await self._writes_of(online)
        if online.is_remote or writes is None or writes != online.writes:
            await scan_volume(self._services, online.volume.id, quick=True)
        online.writes = writes
        return replace(known, quick_ns=_now().steady_ns)

    async def _writes_of(self, online: _Online) -> int | None:
        """Return the count that stands still while nobody writes to the volume; None = there is none."""
        volume_id = online.volume.id
        instance = (await self._services.volumes.session(online.volume)).instance
        nested = await self._services.writer.read(nested_mounts, volume_id)
        if instance is None or nested:
            return None
        return disk_activity.counter(int(instance.partition("/")[0]))

    # ---- hints

    async def _follow_for_ever(self, online: _Online) -> None:
        note = online.note
        try:
            session = await self._services.volumes.session(online.volume)
            async with session.open_watch() as changes:
                first = await anext(changes)
                self._note(online, first)
                online.demand_full()
                online.has_tried.set()
                async for change in changes:
                    self._note(online, change)
                    await self._follow(online, change)
        finally:
            note.method, note.is_watching = "polling", False
            online.has_tried.set()
            online.changed.ring()

    @staticmethod
    def _note(online: _Online, change: TreeChange) -> None:
        note = online.note
        is_watching = change.watch_limit is None
        if is_watching != note.is_watching:
            online.changed.ring()
        note.method, note.is_watching, note.note = change.method, is_watching, change.watch_limit

    async def _follow(self, online: _Online, change: TreeChange) -> None:
        name = online.volume.name
        if change.is_unmounted:
            raise VolumeOffline(f"{name} was unmounted, moved or removed", volume=name)
        if change.is_overflow:
            online.demand_full()
        elif change.directories or change.new_trees:
            await follow_hint(self._services, online.volume, change.directories, change.new_trees)

    async def _row(self, volume_id: VolumeId) -> Volume:
        return await self._services.writer.read(volume_by_id, volume_id)


class _Pauses:
    """How long to wait before the next try: longer each time, unless the last one went well for a while."""

    def __init__(self) -> None:
        self._pause_s = _FIRST_PAUSE_S
        self._since_s = trio.current_time()

    def next_s(self) -> float:
        """Return the pause that comes now."""
        now_s = trio.current_time()
        if now_s - self._since_s > _MOST_PAUSE_S:
            self._pause_s = _FIRST_PAUSE_S
        pause_s, self._pause_s = self._pause_s, min(2 * self._pause_s, _MOST_PAUSE_S)
        self._since_s = now_s + pause_s
        return pause_s


def _now() -> Now:
    return Now(time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME))


def _first(group: BaseExceptionGroup[BaseException]) -> Exception:
    error = first_error(group)
    return error if isinstance(error, Exception) else RuntimeError(str(error))


def _message(error: Exception) -> str:
    return error.message if isinstance(error, GlassineError) else repr(error)


def _tell(volume_id: VolumeId, what: str, error: Exception) -> None:
    if isinstance(error, GlassineError):
        log.warning("%s volume %d failed: %s", what, volume_id, error.message)
    else:
        log.error("%s volume %d failed", what, volume_id, exc_info=error)


@asynccontextmanager
async def open_watch(services: ScanServices) -> AsyncIterator[Watch]:
    """Watch all volumes for the length of the block."""
    async with trio.open_nursery() as nursery:
        watch = Watch(services)
        nursery.start_soon(watch._supervise)
        yield watch
        nursery.cancel_scope.cancel()
