"""Watch volumes: inotify as a hint, a periodic look as the truth.

One task per volume that is in use. It probes; while the volume is online it scans once, then follows hints and looks again:
quickly every `quick_interval_s`, completely every hour (network) or day (local). While it is not, it probes, more
rarely the longer it lasts. Where inotify cannot serve (network, limit of watches, overflow) the looks do alone, and
`status` says so. Must not know: how a directory is listed, what rows look like.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from catalog.errors import CatalogError, GlassineError, StorageFull, VolumeOffline
from catalog.ids import VolumeId
from catalog.store.volumes import library_paths
from catalog.values import Volume
from daemon.bell import Bell
from daemon.scan import ScanServices, follow_hint, scan_volume
from daemon.volume_process.protocol import TreeChange
from daemon.volumes import is_remote

log = logging.getLogger(__name__)

# Probing what is not there: soon after it went, then ever more rarely; a hung one costs a process each time.
_FIRST_PROBE_S = 5.0
# An unexpected error of one volume must not spin.
_AFTER_ERROR_S = 60.0


@dataclass(slots=True)
class WatchNote:
    """What `status` says about one volume's watching. Read it, do not change it."""

    is_watching: bool = False
    note: str | None = None


class Watch:
    """Owned by `open_watch`."""

    def __init__(self, services: ScanServices) -> None:
        self._services = services
        self._bell = Bell()
        self._scopes: dict[VolumeId, trio.CancelScope] = {}
        self.notes: dict[VolumeId, WatchNote] = {}

    def refresh(self) -> None:
        """Say that a volume was added, changed, enabled or disabled: its task starts afresh. Never a checkpoint."""
        self._bell.ring()

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
        return volume.root, volume.backend, volume.excludes, frozenset(path.path for path in paths)

    async def _serve(self, volume_id: VolumeId, scope: trio.CancelScope, note: WatchNote) -> None:
        pause_s = _FIRST_PROBE_S
        with scope:
            while True:
                try:
                    volume = await self._services.volumes.probe(volume_id)
                    note.note = volume.state_reason
                    if volume.state == "online":
                        pause_s = _FIRST_PROBE_S
                        await self._keep_up(volume, note)
                except VolumeOffline as error:
                    note.note = error.message
                except CatalogError:
                    raise  # a bad catalog stops everything
                except GlassineError as error:
                    log.warning("watching volume %d failed: %s", volume_id, error.message)
                    note.note, pause_s = error.message, _AFTER_ERROR_S
                note.is_watching = False
                await trio.sleep(pause_s)
                pause_s = min(pause_s * 2, max(_FIRST_PROBE_S, self._services.settings.quick_interval_s))

    async def _keep_up(self, volume: Volume, note: WatchNote) -> None:
        """Scan, then follow hints and look again, until it raises VolumeOffline, or StorageFull."""
        ended: list[VolumeOffline | StorageFull] = []
        async with trio.open_nursery() as nursery:

            async def until_offline(work: Callable[[Volume, WatchNote], Awaitable[None]]) -> None:
                try:
                    await work(volume, note)
                except (VolumeOffline, StorageFull) as error:  # kept aside: a nursery would wrap it
                    ended.append(error)
                    nursery.cancel_scope.cancel()

            nursery.start_soon(until_offline, self._look_for_ever)
            if is_remote(volume):
                note.note = "other machines change it unseen: the periodic looks find what is new"
            else:
                nursery.start_soon(until_offline, self._follow_for_ever)
        raise ended[0]

    async def _look_for_ever(self, volume: Volume, _note: WatchNote) -> None:
        settings = self._services.settings
        hours = settings.full_interval_network_h if is_remote(volume) else settings.full_interval_local_h
        while True:
            await scan_volume(self._services, volume.id)
            next_whole_s = trio.current_time() + hours * 3600
            while trio.current_time() < next_whole_s:
                await trio.sleep(settings.quick_interval_s)
                await scan_volume(self._services, volume.id, quick=True)

    async def _follow_for_ever(self, volume: Volume, note: WatchNote) -> None:
        session = await self._services.volumes.session(volume)
        async with session.open_watch() as changes:
            async for change in changes:
                note.is_watching = change.watch_limit is None
                note.note = change.watch_limit
                await self._follow(volume, change)

    async def _follow(self, volume: Volume, change: TreeChange) -> None:
        if change.is_unmounted:
            raise VolumeOffline(f"{volume.name} was unmounted", volume=volume.name)
        if change.is_overflow:
            await scan_volume(self._services, volume.id)
        elif change.directories or change.new_trees:
            await follow_hint(self._services, volume, change.directories, change.new_trees)


@asynccontextmanager
async def open_watch(services: ScanServices) -> AsyncIterator[Watch]:
    """Watch all volumes for the length of the block."""
    async with trio.open_nursery() as nursery:
        watch = Watch(services)
        nursery.start_soon(watch._supervise)
        yield watch
        nursery.cancel_scope.cancel()
