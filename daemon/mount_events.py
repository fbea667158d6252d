"""Mounts that come and go are seen at once: the kernel wakes whoever waits on the mount table.

Which volumes a change is about is told from the table alone; no volume is touched for that, for one of them may hang. Those
alone are probed, each in a task of its own. Nothing is polled: without a mount or an unmount nobody wakes up.
"""

from __future__ import annotations

import logging
import os
import select
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import trio

from catalog.errors import NotFound
from catalog.ids import VolumeId
from catalog.values import Volume
from daemon.bell import Bell
from daemon.volume_process.mounts import Mount, MountTable, mount_of
from daemon.volume_process.nested import nested_mounts
from daemon.volumes import Volumes

log = logging.getLogger(__name__)

_TABLE = "/proc/self/mountinfo"
_SHUT = frozenset({"disabled", "retired"})


@dataclass(frozen=True, slots=True)
class Standing:
    """What the table says of one volume.

    Attributes:
        root: the mount that holds its root, as `Mount.text`.
        nested: (path, text) of those below it.
        is_seen: the mount that the last probe found is still in the table (a root may be named through a symlink).
    """

    root: str | None
    nested: tuple[tuple[bytes, str], ...]
    is_seen: bool

    def differs_from(self, before: Standing | None) -> bool:
        """Whether mounts changed since; that a probe has seen more meanwhile is no change."""
        if before is None:
            return True
        is_lost = before.is_seen and not self.is_seen
        return is_lost or (self.root, self.nested) != (before.root, before.nested)


def standings(
    volumes: Iterable[Volume], mounts: Sequence[Mount], seen: Mapping[VolumeId, str]
) -> dict[VolumeId, Standing]:
    """Return what the table says of each volume in use; pure.

    Args:
        volumes: all volumes.
        mounts: the table.
        seen: the mount that held a root when it was probed last.
    """
    local = [volume for volume in volumes if volume.backend == "local"]
    texts = {mount.text for mount in mounts}
    found = {}
    for volume in local:
        if volume.state in _SHUT:
            continue
        others = [other.root for other in local if other.id != volume.id and other.state != "retired"]
        below = nested_mounts(
            volume.root, mounts, [root for root in others if root.startswith(volume.root.rstrip(b"/") + b"/")]
        )
        holder = mount_of(volume.root, list(mounts))
        found[volume.id] = Standing(
            holder.text if holder else None,
            tuple(sorted((path, mount.text) for path, mount in below.items())),
            seen.get(volume.id) in texts,
        )
    return found


@asynccontextmanager
async def open_mount_events(volumes: Volumes) -> AsyncIterator[None]:
    """Probe volumes whose mounts change, for the length of the block. Without a mount table nothing happens."""
    table = MountTable(_TABLE)
    if not table.is_there:
        yield
        return
    try:
        async with trio.open_nursery() as nursery:
            bell = Bell()
            follower = _Follower(volumes, table, nursery)  # from here on nothing is missed
            nursery.start_soon(_listen, bell)
            nursery.start_soon(follower.follow, bell)
            yield
            nursery.cancel_scope.cancel()
    finally:
        table.close()


async def _listen(bell: Bell) -> None:
    """Ring after every change of the table, and once at the start."""
    with _open_epoll() as epoll:
        while True:
            # Asking consumes the event, and arming asks: what came before the line below was armed is lost to it. So who
            # hears this ring reads the table after it, for his turn comes when we wait.
            bell.ring()
            await trio.lowlevel.wait_readable(epoll.fileno())
            epoll.poll(0)


@contextmanager
def _open_epoll() -> Iterator[select.epoll]:
    """Give an epoll that is readable when the table changed: trio itself knows nothing of EPOLLPRI."""
    fd = os.open(_TABLE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with select.epoll() as epoll:
            epoll.register(fd, select.EPOLLPRI | select.EPOLLERR)
            yield epoll
    finally:
        os.close(fd)


class _Follower:
    """Compares tables, and probes."""

    def __init__(self, volumes: Volumes, table: MountTable, nursery: trio.Nursery) -> None:
        self._volumes = volumes
        self._table = table
        self._before = table.mounts()
        self._nursery = nursery
        self._probing: dict[VolumeId, bool] = {}  # under way -> whether to look once more

    async def follow(self, bell: Bell) -> None:
        heard = 0
        while True:
            heard = await bell.wait(heard)
            volumes = await self._volumes.all()
            table = self._table.mounts()
            # Both by what is known now: a volume may have been probed, or added, since the last change.
            before = standings(volumes, self._before, self._volumes.mounts)
            for volume_id, standing in standings(volumes, table, self._volumes.mounts).items():
                if standing.differs_from(before.get(volume_id)):
                    self._look(volume_id)
            self._before = table

    def _look(self, volume_id: VolumeId) -> None:
        if volume_id in self._probing:
            self._probing[volume_id] = True
            return
        self._probing[volume_id] = True
        self._nursery.start_soon(self._probe, volume_id)

    async def _probe(self, volume_id: VolumeId) -> None:
        try:
            while self._probing[volume_id]:
                self._probing[volume_id] = False
                log.info("the mounts of volume %d changed", volume_id)
                await self._volumes.probe(volume_id)
        except NotFound:
            log.debug("volume %d was forgotten meanwhile", volume_id)
        finally:
            del self._probing[volume_id]
