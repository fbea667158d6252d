"""When volumes are verified: by somebody's wish, or by the schedule of `[verify]`, once a day at most and in the idle hours of a disk.

The schedule is persisted by the rows of `verification` and by what is stamped on each file: a daemon that is restarted goes on
where it was.

Invariants
- One run per volume. Who asks for one ends the scheduled run of that volume, and waits for another wish.
- The schedule wakes no volume: it looks at the catalog alone, and takes only volumes that are online and have something due.

Must not know: how a run reads (`daemon.verify_run`), sockets, commands.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import trio

from catalog.errors import GlassineError
from catalog.ids import VolumeId
from catalog.store import verifying
from catalog.store.db import Reader
from catalog.store.verifying import Copy, Damage
from catalog.values import Volume
from daemon.config import VerifySection
from daemon.scan import ScanServices
from daemon.verify_run import (
    Listener,
    VerifyOutcome,
    VerifyProgress,
    VerifyWish,
    latest_ns,
    verify_volume,
)

log = logging.getLogger(__name__)

DAY_NS = 86_400 * 10**9
# Within so long a run of everything that was cut short goes on, later it begins anew: all was compared within a week then.
_GOES_ON_NS = 7 * DAY_NS
_MIB = 1024 * 1024
# Who just started has frontends to bring up and volumes to scan.
FIRST_LOOK_S = 3_600.0
LOOK_EVERY_S = 3_600.0


class Verifier:
    """Runs verifications, one per volume at a time. Made once, by `services`; its tasks belong to its callers."""

    def __init__(self, services: ScanServices, settings: VerifySection) -> None:
        self.services = services
        self.settings = settings
        self._turns: dict[VolumeId, trio.Lock] = {}
        self._scheduled: dict[VolumeId, trio.CancelScope] = {}

    @property
    def bytes_per_s(self) -> int:
        """The budget of every run."""
        return self.settings.mib_per_s * _MIB

    async def verify(self, volume_id: VolumeId, wish: VerifyWish, listener: Listener) -> VerifyOutcome:
        """Compare a volume by somebody's wish; a scheduled run of it ends, another wish is waited for.

        Raises:
            VolumeOffline: the volume is not online, or went away meanwhile; the run is paused.
        """
        if volume_id in self._scheduled:
            self._scheduled[volume_id].cancel()
        async with self._turn(volume_id):
            return await verify_volume(self.services, volume_id, wish, listener)

    async def cutoff_of_all(self, volume_id: VolumeId, now_ns: int) -> int:
        """Return the cut-off of a run of everything: now, or where a run that was begun lately and cut short has its own."""
        last = await self.services.writer.read(verifying.last_run, volume_id)
        was_cut_short = last is not None and last.state not in ("done", "running")
        if last is not None and was_cut_short and now_ns - _GOES_ON_NS < last.cutoff_ns <= now_ns:
            return last.cutoff_ns
        return now_ns

    def _turn(self, volume_id: VolumeId) -> trio.Lock:
        return self._turns.setdefault(volume_id, trio.Lock())

    async def look(self, now_ns: int) -> None:
        """Verify, side by side, the volumes whose turn it is; return when all of these runs have ended."""
        every_days = self.settings.every_days
        if not every_days:
            return
        cutoff_ns = now_ns - every_days * DAY_NS
        async with trio.open_nursery() as nursery:
            for volume in await self.services.volumes.all():
                if volume.state == "online" and await self.services.writer.read(
                    _is_its_turn, volume.id, cutoff_ns, now_ns
                ):
                    nursery.start_soon(self._verify_by_schedule, volume, cutoff_ns)

    async def _verify_by_schedule(self, volume: Volume, cutoff_ns: int) -> None:
        turn = self._turn(volume.id)
        if turn.locked():
            return  # somebody's wish is being fulfilled: that will do for today
        wish = VerifyWish(
            cutoff_ns,
            trio.current_time() + self.settings.time_limit_min * 60,
            self.bytes_per_s,
            tells_all=False,
        )
        try:
            with trio.CancelScope() as scope:
                self._scheduled[volume.id] = scope
                async with turn:
                    await verify_volume(self.services, volume.id, wish, LoggingListener())
        except GlassineError as error:
            log.info("verifying %s ended: %s", volume.name, error.message)
        finally:
            del self._scheduled[volume.id]


def _is_its_turn(reader: Reader, volume_id: VolumeId, cutoff_ns: int, now_ns: int) -> bool:
    """Tell whether no run began within a day, and something is due."""
    last = verifying.last_run(reader, volume_id)
    if last is not None and now_ns - DAY_NS < last.started_ns <= now_ns:
        return False
    return bool(verifying.due(reader, volume_id, cutoff_ns, 0, 1, latest_ns=latest_ns()))


class LoggingListener:
    """Whoever runs the daemon reads its log."""

    def progress(self, progress: VerifyProgress) -> None:
        """Nobody watches."""

    async def damaged(self, damage: Damage, copies: Sequence[Copy]) -> None:
        """Say what a person must act on."""
        shown = os.fsdecode(damage.path)
        log.error("%s: %r is damaged; %d good copies are known", damage.volume, shown, len(copies))

    async def failed(self, volume: Volume, path: bytes, reason: str) -> None:
        """Note it; the next run tries again."""
        log.info("%s: %r could not be compared (%s)", volume.name, path, reason)


@asynccontextmanager
async def open_verification(
    verifier: Verifier,
    *,
    first_look_s: float = FIRST_LOOK_S,
    look_every_s: float = LOOK_EVERY_S,
    now_ns: Callable[[], int] = time.time_ns,
) -> AsyncIterator[None]:
    """Verify by schedule for the length of the block; a run under way is abandoned at its end, and goes on next time."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_look_for_ever, verifier, first_look_s, look_every_s, now_ns)
        yield
        nursery.cancel_scope.cancel()


async def _look_for_ever(
    verifier: Verifier, first_look_s: float, look_every_s: float, now_ns: Callable[[], int]
) -> None:
    await trio.sleep(first_look_s)
    while True:
        try:
            await verifier.look(now_ns())
        except (
            Exception
        ):  # border: a mistake in one look must not end the daemon; a cancellation is no Exception
            log.exception("a scheduled verification failed")
        await trio.sleep(look_every_s)
