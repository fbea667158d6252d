"""Volumes as a service: which process serves which volume, and what state each volume is in.

A probe compares what is at the root with what was there when the volume was added; the judgement is one pure
function. Absence changes nothing but the state (charter 3). A child that hangs is killed and left behind, its volume
is suspect, and other volumes never notice.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import trio

from catalog.errors import StorageFull, VolumeOffline
from catalog.ids import VolumeId
from catalog.library import Library
from catalog.store import volumes as store
from catalog.values import Volume, VolumeState
from daemon.bell import Bell
from daemon.children import wait_ended
from daemon.config import ScanSection
from daemon.volume_process.mounts import is_below
from daemon.volume_process.protocol import Hello, ProbeReport
from daemon.volume_process.starting import SpareChild
from daemon.volume_session import HANG_S, VolumeSession, start_session
from daemon.writer import WriterService

log = logging.getLogger(__name__)

# Processes that hang in the kernel cost memory and a process number each; more of them help nobody.
_MOST_LEFT_BEHIND = 3
# Errors that say "nothing is there"; every other one says "something is wrong".
_NOTHING_THERE = frozenset({"ENOENT", "ENOTDIR", "ENODEV", "ENXIO", "ENOMEDIUM"})
_SHUT = frozenset({"disabled", "retired"})


@dataclass(frozen=True, slots=True)
class Judgement:
    """The state that follows from a probe, why, and the identity to record (None = keep the old one)."""

    state: VolumeState
    reason: str | None
    identity: str | None = None


def judge(volume: Volume, report: ProbeReport) -> Judgement:  # noqa: PLR0911 - a table of rules
    """Decide a volume's state from what was recorded and what is there now. The rules, first match wins."""
    root = os.fsdecode(volume.root)
    if report.error in _NOTHING_THERE:
        return Judgement("offline", f"nothing is at {root} ({report.error})")
    if report.error is not None:
        return Judgement("suspect", f"{root} cannot be listed ({report.error})")
    if report.is_own_state:
        return Judgement("suspect", f"{root} is a folder or a mount of Glassine itself")
    recorded = json.loads(volume.identity) if volume.identity else None
    if recorded is not None and recorded["key"] != report.key:
        if report.is_empty:
            return Judgement("offline", f"not mounted: {root} is an empty folder of another file system")
        return Judgement("suspect", f"another storage is at {root}: {report.description}")
    if report.is_empty and volume.had_data:
        return Judgement("suspect", f"{root} is empty, but files were seen there before")
    fresh = {"key": report.key, "description": report.description, "fs_type": report.fs_type}
    return Judgement("online", None, json.dumps({**fresh, "is_remote": report.is_remote}, sort_keys=True))


def is_remote(volume: Volume) -> bool:
    """Whether the last good probe found a file system that other machines change unseen."""
    return bool(volume.identity) and bool(json.loads(volume.identity or "{}").get("is_remote"))


class Volumes:
    """Owned by `open_volumes`."""

    def __init__(
        self,
        library: Library,
        writer: WriterService,
        settings: ScanSection,
        nursery: trio.Nursery,
        *,
        hang_s: float,
        spare: SpareChild | None,
    ) -> None:
        self._writer = writer
        self._settings = settings
        self._session_nursery = nursery
        self._hang_s = hang_s
        self._library = library
        self._spare = spare
        self._sessions: dict[VolumeId, VolumeSession] = {}
        self._starting: dict[VolumeId, trio.Lock] = {}
        self._scan_turns: dict[VolumeId, trio.Lock] = {}
        self._left_behind: dict[VolumeId, int] = {}
        # Rung after every change of a state: ingest and watchers look again at who is online.
        self.bell = Bell()

    async def all(self) -> list[Volume]:
        """Return all volumes as the catalog has them now."""
        return await self._writer.read(store.volumes)

    def scan_turn(self, volume_id: VolumeId) -> trio.Lock:
        """Return the lock under which a volume is scanned: one scan at a time."""
        return self._scan_turns.setdefault(volume_id, trio.Lock())

    async def probe(self, volume_id: VolumeId) -> Volume:
        """Look at a volume's root, write its state and return it. Disabled and retired ones are left alone."""
        volume = await self._writer.read(store.volume_by_id, volume_id)
        if volume.state in _SHUT:
            return volume
        try:
            judgement = judge(volume, await self._report(volume))
        except VolumeOffline as error:
            judgement = Judgement("suspect", error.message)
        return await self._note(volume, judgement)

    async def lost(self, volume_id: VolumeId, error: VolumeOffline) -> Volume:
        """Take note that work on a volume failed as a whole: a hang is believed at once, else a probe decides."""
        if not error.details.get("hangs"):
            return await self.probe(volume_id)
        volume = await self._writer.read(store.volume_by_id, volume_id)
        return (
            volume if volume.state in _SHUT else await self._note(volume, Judgement("suspect", error.message))
        )

    async def _note(self, volume: Volume, judgement: Judgement) -> Volume:
        if judgement.state != volume.state:
            log.info("volume %s is %s: %s", volume.name, judgement.state, judgement.reason or "it answers")
        if judgement.state != "online":
            await self.stop(volume.id)
        try:
            await self._write(volume, judgement)
        except StorageFull as error:
            # The next probe writes it; work on the volume stops or goes on by what is true.
            log.warning(
                "that volume %s is %s is not written: %s", volume.name, judgement.state, error.message
            )
            return replace(volume, state=judgement.state, state_reason=judgement.reason)
        return await self._writer.read(store.volume_by_id, volume.id)

    async def _write(self, volume: Volume, judgement: Judgement) -> None:
        if (judgement.state, judgement.reason) != (volume.state, volume.state_reason):
            await self._writer.run(
                store.set_volume_state, volume.id, judgement.state, judgement.reason, time.time_ns()
            )
            self.bell.ring()
        if judgement.identity is not None and judgement.identity != volume.identity:
            await self._writer.run(store.set_identity, volume.id, judgement.identity)

    async def _report(self, volume: Volume) -> ProbeReport:
        was_running = volume.id in self._sessions
        session = await self.session(volume)
        report = await session.probe()
        # A child may read only the root it found when it started: after a remount it must be a new one.
        is_another = session.instance not in (None, report.instance)
        if was_running and (report.error is not None or is_another):
            await self.stop(volume.id)
            session = await self.session(volume)
            report = await session.probe()
        session.instance = report.instance
        return report

    async def session(self, volume: Volume) -> VolumeSession:
        """Return the living session of a volume; starts its process if there is none, or if its rules changed.

        Raises:
            VolumeOffline: too many earlier processes of it still hang in the kernel.
        """
        lock = self._starting.setdefault(volume.id, trio.Lock())
        async with lock:
            hello = await self._hello(volume.id)
            session = self._sessions.get(volume.id)
            # New rules wait for the end of what is under way: nobody's scan fails because another volume was added.
            if session is not None and session.is_alive and (session.hello == hello or session.is_working):
                return session
            if session is not None:
                session.end("its settings changed")
            if self._left_behind.get(volume.id, 0) >= _MOST_LEFT_BEHIND:
                raise VolumeOffline(
                    f"{volume.name} still hangs: {_MOST_LEFT_BEHIND} of its processes wait in the kernel"
                )
            child = self._spare.take() if self._spare is not None else None
            session = start_session(hello, hang_s=self._hang_s, child=child)
            self._sessions[volume.id] = session
            await self._session_nursery.start(self._serve, volume.id, session)
            return session

    async def _serve(
        self, volume_id: VolumeId, session: VolumeSession, *, task_status: trio.TaskStatus[None]
    ) -> None:
        try:
            await session.serve(task_status=task_status)
        finally:
            if self._sessions.get(volume_id) is session:
                del self._sessions[volume_id]
            is_reaped = await session.reap()
        if not is_reaped:
            await self._wait_for_left_behind(volume_id, session)

    async def _wait_for_left_behind(self, volume_id: VolumeId, session: VolumeSession) -> None:
        pid = session.child.pid
        log.warning("process %d of volume %d hangs in the kernel and is left behind", pid, volume_id)
        self._left_behind[volume_id] = self._left_behind.get(volume_id, 0) + 1
        await wait_ended(pid)
        session.child.poll()
        self._left_behind[volume_id] -= 1

    async def stop(self, volume_id: VolumeId) -> None:
        """End the process of a volume, if there is one; open requests fail with VolumeOffline."""
        session = self._sessions.pop(volume_id, None)
        if session is not None:
            session.end("the volume is not served now")
        await trio.lowlevel.checkpoint()

    async def _hello(self, volume_id: VolumeId) -> Hello:
        volumes = {volume.id: volume for volume in await self.all()}
        volume = volumes.pop(volume_id)
        return Hello(
            root=volume.root,
            backend=volume.backend,
            excludes=volume.excludes,
            config_excludes=tuple(self._settings.excludes),
            own_files=_own_files(self._library),
            other_roots=tuple(
                other.root
                for other in volumes.values()
                if other.backend == "local" and other.state != "retired" and is_below(other.root, volume.root)
            ),
        )

    def processes(self) -> list[dict[str, object]]:
        """Return pid, volume and confinement of every living child, for `status`."""
        return [
            {
                "kind": "volume",
                "pid": session.child.pid,
                "volume": volume_id,
                "confinement": session.confinement,
            }
            for volume_id, session in self._sessions.items()
        ]


def _own_files(library: Library) -> tuple[tuple[int, int], ...]:
    """Return (st_dev, st_ino) of our own directories: told by identity, whatever way leads there."""
    found = []
    for path in (library.path, library.state_dir, library.cache_dir, library.sidecars_dir):
        with suppress(FileNotFoundError):
            status = path.stat()
            found.append((status.st_dev, status.st_ino))
    return tuple(found)


@asynccontextmanager
async def open_volumes(
    library: Library,
    writer: WriterService,
    settings: ScanSection,
    *,
    hang_s: float = HANG_S,
    spare: SpareChild | None = None,
) -> AsyncIterator[Volumes]:
    """Serve volumes for the length of the block; all children are dead or left behind after it.

    Args:
        spare: a child that was started ahead of time; the first volume that is asked for gets it.
    """
    async with trio.open_nursery() as nursery:
        yield Volumes(library, writer, settings, nursery, hang_s=hang_s, spare=spare)
        nursery.cancel_scope.cancel()
