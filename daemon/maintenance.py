"""What the daemon does by itself from time to time: look at the trash and purge what is past its retention; tick the missing rule.

Must not know: how a file is purged, or which rows go. A failure is a line in the log and the next look is another try; nothing here ends
the daemon.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from catalog.errors import GlassineError
from daemon.missing import Missing
from daemon.purge.request import NS_PER_DAY
from daemon.purge.service import Item, Purger, PurgeWish
from daemon.scan import ScanServices

log = logging.getLogger(__name__)

MACHINE = "glassine"  # author of what the program does by itself
# Who just started has frontends to bring up; a purge is in no hurry.
_FIRST_LOOK_S = 10.0
# Corrections of a clock that runs well; a greater leap ahead is not believed.
_TOLERANCE_NS = 3_600 * 10**9


class SteadyClock:
    """The wall clock, but never far ahead of the time that this machine ran since we started (sleep included).

    A clock that is set forward by mistake (reliability.md R14) must not end a retention; after a restart its word is
    taken again.
    """

    def __init__(self) -> None:
        self._wall_ns = time.time_ns()
        self._boot_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def now_ns(self) -> int:
        """Return the instant that counts."""
        ran_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self._boot_ns
        return min(time.time_ns(), self._wall_ns + ran_ns + _TOLERANCE_NS)


@asynccontextmanager
async def open_maintenance(
    purger: Purger, scan: ScanServices, clock: SteadyClock | None = None
) -> AsyncIterator[None]:
    """Look at the trash and at missing files for the length of the block, first a few seconds after its start.

    Volumes that their owner forgot are swept at once, and whenever one is forgotten.
    """
    steady = clock or SteadyClock()
    missing = Missing(scan.writer, scan.volumes, scan.settings)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_look_for_ever, purger, steady)
        nursery.start_soon(_tick_for_ever, missing, steady)
        nursery.start_soon(missing.sweep_when_told)
        yield
        nursery.cancel_scope.cancel()


async def _look_for_ever(purger: Purger, clock: SteadyClock) -> None:
    async def look() -> None:
        await look_at_trash(purger, clock.now_ns())

    await _do_for_ever(look, purger.settings.interval_s, "looking at the trash")


async def _tick_for_ever(missing: Missing, clock: SteadyClock) -> None:
    async def tick() -> None:
        await missing.tick(clock.now_ns())

    await _do_for_ever(tick, missing.settings.missing_tick_s, "the missing rule")


async def _do_for_ever(work: Callable[[], Awaitable[None]], interval_s: float, name: str) -> None:
    await trio.sleep(min(_FIRST_LOOK_S, interval_s))
    while True:
        try:
            await work()
        except GlassineError as error:
            log.warning("%s failed: %s", name, error.message)
        except Exception:
            log.exception("%s failed", name)
        await trio.sleep(interval_s)


async def look_at_trash(purger: Purger, now_ns: int) -> Counter[str]:
    """Settle interrupted purges, and with `auto_purge` purge what is past its retention; return files by state."""
    counts: Counter[str] = Counter()
    settings = purger.settings

    async def note(item: Item) -> None:
        counts[item.state] += 1
        if item.state in ("refused", "failed"):
            log.info("%s: %r was not purged (%s)", item.file.volume, item.file.path, item.reason)

    if settings.auto_purge:
        await purger.purge(PurgeWish(None, settings.retention_days * NS_PER_DAY, MACHINE), now_ns, note)
    else:
        await purger.settle()
    if counts["done"]:
        log.info("%d files were purged: past %d days in the trash", counts["done"], settings.retention_days)
    return counts
