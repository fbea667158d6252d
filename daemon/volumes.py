"""Volumes as a service: which process serves which volume, and what state each volume is in.

A probe compares what is at the root with what was there when the volume was added; the judgement is one pure
function (`daemon.judging`). Absence changes nothing but the state (charter 3). A child that hangs is killed and left behind,
its volume is suspect, and other volumes never notice. An online volume that is writable gets its marker here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import trio

from catalog.errors import NotFound, StorageFull, VolumeOffline
from catalog.ids import VolumeId, new_uid
from catalog.library import Library
from catalog.store import volumes as store
from catalog.store.db import Writer
from catalog.store.samples import samples, set_marker
from catalog.values import Sample, Volume
from daemon.bell import Bell
from daemon.children import wait_ended
from daemon.config import ScanSection
from daemon.judging import Judgement, is_marker_due, judge
from daemon.known_inodes import forget_inodes, outdated
from daemon.marker.protocol import MarkerOrder
from daemon.marker.session import place_marker
from daemon.rearranged import is_rearranged
from daemon.volume_facts import recorded_identity
from daemon.volume_hello import hello_for
from daemon.volume_process.protocol import Hello, ProbeReport
from daemon.volume_process.starting import SpareChild
from daemon.volume_session import HANG_S, VolumeSession, start_session
from daemon.writer import WriterService

log = logging.getLogger(__name__)

# Processes that hang in the kernel cost memory and a process number each; more of them help nobody.
_MOST_LEFT_BEHIND = 3
_SHUT = frozenset({"disabled", "retired"})
# Looking once more lets a process that was started by new rules be the one that looked.
_MOST_LOOKS = 2


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
        self._probing: dict[VolumeId, trio.Lock] = {}
        self._hangs: dict[VolumeId, int] = {}  # looks that hung
        # Whose process watches another tree than there is now: a file system below the root came or went.
        self._outdated: set[VolumeId] = set()
        self._probed: set[VolumeId] = set()
        # Instances of roots where no marker could be written; looked at again by the next process.
        self._unmarkable: set[str] = set()
        # The mount that held each root when it was looked at last, as the mount table wrote it.
        self.mounts: dict[VolumeId, str] = {}
        # The instance of the root at which each volume was proven last; "" = at none.
        self._proven: dict[VolumeId, str] = {}
        self._returned: set[VolumeId] = set()
        # Rung after every change of a state: ingest and watchers look again at who is online.
        self.bell = Bell()

    async def all(self) -> list[Volume]:
        """Return all volumes as the catalog has them now."""
        return await self._writer.read(store.volumes)

    async def named(self, name: str) -> Volume:
        """Return the volume of this name.

        Raises:
            NotFound: no such volume.
        """
        return await self._writer.read(store.volume_by_name, name)

    def scan_turn(self, volume_id: VolumeId) -> trio.Lock:
        """Return the lock under which a volume is scanned: one scan at a time."""
        return self._scan_turns.setdefault(volume_id, trio.Lock())

    def was_probed(self, volume_id: VolumeId) -> bool:
        """Whether this very process has looked at a volume and come to a judgement."""
        return volume_id in self._probed

    async def may_destroy(self) -> str | None:
        """Return why nothing may be removed from the catalog anywhere now, in user words; None = it may.

        A volume in use that is away may be where the missing files went. Disabled and retired ones do not count.
        """
        for volume in await self.all():
            if volume.state in _SHUT:
                continue
            if volume.state in ("suspect", "offline"):
                return f"the volume {volume.name} is {volume.state}"
            if volume.state == "unknown" or not self.was_probed(volume.id):
                return f"nobody has looked at the volume {volume.name} yet"
        return None

    def take_returned(self) -> set[VolumeId]:
        """Return volumes that came back, or had a file system below them come back, since this was last asked."""
        returned, self._returned = self._returned, set()
        return returned

    async def probe(self, volume_id: VolumeId) -> Volume:
        """Look at a volume's root, write its state and return it. Disabled and retired ones are left alone.

        One at a time; who waited for a look that hung takes its answer.
        """
        hangs = self._hangs.get(volume_id, 0)
        async with self._probing.setdefault(volume_id, trio.Lock()):
            if self._hangs.get(volume_id, 0) != hangs:
                return await self._writer.read(store.volume_by_id, volume_id)
            return await self._probe(volume_id)

    async def _probe(self, volume_id: VolumeId) -> Volume:
        for _ in range(_MOST_LOOKS):
            volume = await self._writer.read(store.volume_by_id, volume_id)
            if volume.state in _SHUT:
                return volume
            try:
                report, judgement = await self._look(volume)
            except VolumeOffline as error:
                self._probed.add(volume_id)
                self._hangs[volume_id] = self._hangs.get(volume_id, 0) + bool(error.details.get("hangs"))
                return await self._note(volume, Judgement("suspect", error.message))
            self._probed.add(volume_id)
            if judgement.state == "online":
                self._proven[volume_id] = report.instance
            noted = await self._note(volume, judgement)
            try:
                is_outdated = noted.state == "online" and await self._learn(noted, report)
            except StorageFull as error:  # the next probe learns it
                log.warning("what is new of volume %s is not written: %s", volume.name, error.message)
                break
            if not is_outdated:
                break
        return await self._writer.read(store.volume_by_id, volume_id) if noted.mode == "rw" else noted

    async def _look(self, volume: Volume) -> tuple[ProbeReport, Judgement]:
        wanted = await self._writer.read(samples, volume.id)
        report = await self._report(volume, wanted)
        markers = await self._other_markers(volume.id)
        judgement = judge(volume, report, markers)
        if judgement.is_half_empty:
            session = await self.session(volume)
            gone = [one for one, fate in zip(wanted, report.samples, strict=True) if fate == "gone"]
            if await is_rearranged(session, self._writer, volume.id, gone):
                log.info("volume %s was re-sorted: no file that was looked for is where it was", volume.name)
                judgement = judge(volume, report, markers, is_rearranged=True)
        return report, judgement

    async def _learn(self, volume: Volume, report: ProbeReport) -> bool:
        """Note what an online volume has beside its state; True = its process must start afresh, and look again."""
        await self._mark(volume, report)
        known = await self._writer.read(store.nested_mounts, volume.id)
        remembered = {nested.path: nested.key for nested in known}
        there = {nested.path: nested.key for nested in known if not nested.is_away}
        # One that is away and still not there is no news.
        news = [(path, key) for path, key in report.nested if there.get(path) != key]
        if not news:
            return False
        for path, key in news:
            log.info("below volume %s: %r is %s", volume.name, path, "there" if key else "away")
            if key not in (None, remembered.get(path)):
                await forget_inodes(self._writer, volume, (path,))
        await self._writer.run(store.note_nested_mounts, volume.id, news, time.time_ns())
        self._outdated.add(volume.id)
        if any(key is not None for _, key in news):
            self._returned.add(volume.id)
        self.bell.ring()
        return True

    async def _mark(self, volume: Volume, report: ProbeReport) -> None:
        """Give a writable volume its marker, or learn the one that is there."""
        if volume.mode != "rw":
            return
        uid = report.marker
        if uid is None and is_marker_due(volume, report) and report.instance not in self._unmarkable:
            uid = await self._write_marker(volume, report)
        if uid is not None and uid != volume.marker:
            await self._writer.run(set_marker, volume.id, uid)

    async def _write_marker(self, volume: Volume, report: ProbeReport) -> str | None:
        """Have a marker written; return its uid, or None if that cannot be done here: a volume does without."""
        # One try by root and process: also keeps a second probe from writing while the first one does.
        self._unmarkable.add(report.instance)
        uid = volume.marker or new_uid()
        order = MarkerOrder(volume.root, report.key, report.instance, uid, volume.name)
        try:
            failure = await place_marker(order, hang_s=self._hang_s)
        except VolumeOffline as error:
            failure = error.message
        except OSError as error:
            failure = f"no process can be started: {error.strerror}"
        if failure is not None:
            log.info("volume %s gets no marker: %s", volume.name, failure)
            return None
        log.info("volume %s has its marker now", volume.name)
        self._unmarkable.discard(report.instance)
        return uid

    async def _other_markers(self, volume_id: VolumeId) -> dict[str, str]:
        return {
            other.marker: other.name
            for other in await self.all()
            if other.marker is not None and other.id != volume_id
        }

    async def lost(self, volume_id: VolumeId, error: VolumeOffline) -> None:
        """Take note that work on a volume failed as a whole: a hang is believed at once, else a probe decides.

        Of one that was forgotten meanwhile there is nothing to note.
        """
        with suppress(NotFound):
            if not error.details.get("hangs"):
                await self.probe(volume_id)
                return
            volume = await self._writer.read(store.volume_by_id, volume_id)
            if volume.state not in _SHUT:
                await self._note(volume, Judgement("suspect", error.message))

    async def _note(self, volume: Volume, judgement: Judgement) -> Volume:
        if judgement.state != volume.state:
            log.info("volume %s is %s: %s", volume.name, judgement.state, judgement.reason or "it answers")
        if judgement.state != "online":
            self._proven[volume.id] = ""
            await self.stop(volume.id)
        try:
            if judgement.identity is not None:
                await forget_inodes(self._writer, volume, outdated(volume, judgement.identity))
            await self._write(volume, judgement)
        except StorageFull as error:
            # The next probe writes it; work on the volume stops or goes on by what is true.
            log.warning(
                "that volume %s is %s is not written: %s", volume.name, judgement.state, error.message
            )
            return replace(volume, state=judgement.state, state_reason=judgement.reason)
        return await self._writer.read(store.volume_by_id, volume.id)

    async def _write(self, volume: Volume, judgement: Judgement) -> None:
        if judgement.identity is not None and judgement.identity != volume.identity:
            before = recorded_identity(volume).get("key")
            after = recorded_identity(replace(volume, identity=judgement.identity))["key"]
            if before not in (None, after):
                log.info(
                    "volume %s is recognised by its files: it was %s, now %s", volume.name, before, after
                )
            await self._writer.run(store.set_identity, volume.id, judgement.identity, before=volume.identity)
        if (judgement.state, judgement.reason) != (volume.state, volume.state_reason):
            if not await self._writer.run(_note_state, volume, judgement, time.time_ns()):
                return
            if judgement.state == "online":
                self._returned.add(volume.id)
            self.bell.ring()

    async def _report(self, volume: Volume, wanted: Sequence[Sample]) -> ProbeReport:
        was_running = volume.id in self._sessions
        session = await self.session(volume)
        try:
            report = await session.probe(wanted)
        except VolumeOffline as error:
            if session.is_alive or error.details.get("hangs"):
                raise
            # Somebody killed it, the kernel for want of memory perhaps: that says nothing about the volume.
            session = await self.session(volume)
            report = await session.probe(wanted)
        # A child reads and watches only the root it found when it started: after a remount it must be a new one.
        is_another = any(seen not in (None, report.instance) for seen in (session.instance, session.begun_at))
        if is_another or (was_running and report.error is not None):
            await self.stop(volume.id)
            session = await self.session(volume)
            report = await session.probe(wanted)
        session.instance = session.proven = report.instance  # whoever looks closer does so there
        self.mounts[volume.id] = report.mount
        return report

    async def session(self, volume: Volume) -> VolumeSession:
        """Return the living session of a volume; starts its process if there is none, or if its rules changed.

        Raises:
            VolumeOffline: it is disabled, retired or forgotten by now, or too many earlier processes of it still hang in the kernel.
        """
        lock = self._starting.setdefault(volume.id, trio.Lock())
        async with lock:
            hello = await self._hello(volume)
            session = self._sessions.get(volume.id)
            # New rules wait for the end of what is under way: nobody's scan fails because another volume was added.
            is_outdated = volume.id in self._outdated
            if session is not None:
                if session.is_alive and _may_go_on(session, hello, is_outdated=is_outdated):
                    return session
                session.end("its settings changed")
            if self._left_behind.get(volume.id, 0) >= _MOST_LEFT_BEHIND:
                raise VolumeOffline(
                    f"{volume.name} still hangs: {_MOST_LEFT_BEHIND} of its processes wait in the kernel"
                )
            child = self._spare.take() if self._spare is not None else None
            try:
                session = start_session(hello, hang_s=self._hang_s, child=child)
            except OSError as error:
                raise VolumeOffline(
                    f"no process can be started for {volume.name}: {error.strerror}", volume=volume.name
                ) from error
            session.proven = self._proven.get(volume.id)
            self._sessions[volume.id] = session
            self._outdated.discard(volume.id)
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

    async def stop_unused(self) -> None:
        """End the processes of volumes that were disabled, retired or forgotten, whatever they are doing."""
        used = {volume.id for volume in await self.all() if volume.state not in _SHUT}
        for volume_id in self._sessions.keys() - used:
            await self.stop(volume_id)

    async def _hello(self, known: Volume) -> Hello:
        volumes = {volume.id: volume for volume in await self.all()}
        volume = volumes.get(known.id)
        if volume is None or volume.state in _SHUT:
            # Whoever still works on it began before: a run goes from one request to the next without a look.
            raise VolumeOffline(f"{known.name} is not in use", volume=known.name)
        nested = await self._writer.read(store.nested_mounts, volume.id)
        return hello_for(self._library, self._settings, volume, volumes.values(), nested)

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


def _note_state(writer: Writer, volume: Volume, judgement: Judgement, now_ns: int) -> bool:
    """Write what a look found; False = its owner switched the volume off or moved it meanwhile, and the look says nothing now."""
    with writer.atomic():
        row = store.volume_by_id(writer, volume.id)
        if row.state in _SHUT or row.root != volume.root:
            return False
        store.set_volume_state(writer, volume.id, judgement.state, judgement.reason, now_ns)
    return True


def _may_go_on(session: VolumeSession, hello: Hello, *, is_outdated: bool) -> bool:
    """Whether a process is right, or is at work and may end that first.

    It may not if it reads another place than the volume's, or waits for a mount that nobody waits for any more.
    """
    old = session.hello
    if old == hello and not is_outdated:
        return True
    is_right = (old.root, old.backend) == (hello.root, hello.backend) and set(old.nested) <= set(hello.nested)
    return session.is_working and is_right


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
