"""The tick of the missing rule: once in a while rows of files that are gone for good go, and forgotten volumes are swept.

What may go is judged by `catalog.absence_rule` and asked again in the transaction that lets it go (`catalog.store.traces`).

| before | what must be so |
|---|---|
| a tick | every volume in use was probed by this process and is online |
| each batch of rows | the same, asked anew; one that went meanwhile ends the tick |
| a row | still missing, and since the same moment, as the rule was told |

At most `scan.missing_cap` rows go in a tick, over the whole library; where a tick ended the next one goes on. The clock is
`daemon.maintenance.SteadyClock`: set forward while we run it ends no grace, and scans that ended in the future do not count. A
restart believes the clock again, and a clock that was behind when a file went cannot be told from time that passed: complete
scans after the file went, and the last trace of every photo, remain then. Must not know: how rows go.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from catalog.absence_rule import judge
from catalog.errors import GlassineError
from catalog.ids import LocationId, VolumeId
from catalog.store import missing_places, traces
from catalog.values import Volume
from daemon.config import ScanSection
from daemon.volumes import Volumes
from daemon.writer import WriterService

log = logging.getLogger(__name__)

# Pages read in a tick; a million missing files are looked at in some four days of hourly ticks.
_PAGES = 20


class Missing:
    """One per daemon. All methods: the loop's thread; checkpoints."""

    def __init__(self, writer: WriterService, volumes: Volumes, settings: ScanSection) -> None:
        self.settings = settings
        self._writer = writer
        self._volumes = volumes
        # Where the next tick goes on; None = from the beginning.
        self._cursor: tuple[VolumeId, LocationId] | None = None
        self._told_hold: str | None = None

    async def tick(self, now_ns: int) -> int:
        """Look at missing files and let go what may go; return how many rows went."""
        used = [one for one in await self._volumes.all() if one.state not in ("disabled", "retired")]
        await self._note_guards(used)
        hold = await self._volumes.may_destroy()
        self._tell(hold)
        if hold is not None:
            return 0
        dropped = 0
        for _ in range(_PAGES):
            page = await self._next_page(now_ns)
            if not page:
                break
            dropped += await self._let_go(page, self.settings.missing_cap - dropped, now_ns)
            if dropped >= self.settings.missing_cap or await self._volumes.may_destroy() is not None:
                break
        if dropped:
            log.info("%d rows of files that are gone went; no photo and no word did", dropped)
        return dropped

    async def _next_page(self, now_ns: int) -> list[missing_places.MissingPlace]:
        """Return the places after the cursor; empty = all were looked at, and the next tick begins anew."""
        for volume in await self._volumes.all():
            if volume.state != "online" or (self._cursor is not None and volume.id < self._cursor[0]):
                continue
            after = self._cursor[1] if self._cursor is not None and self._cursor[0] == volume.id else None
            page = await self._writer.read(
                missing_places.missing_places,
                volume,
                after=after,
                limit=self.settings.page_size,
                now_ns=now_ns,
            )
            if page:
                self._cursor = (volume.id, page[-1].location_id)
                return page
        self._cursor = None
        return []

    async def _let_go(self, page: Sequence[missing_places.MissingPlace], most: int, now_ns: int) -> int:
        """Drop what of a page the rule lets go, `most` rows at most; a page that is cut is read again by the next tick."""
        going = [one for one in page if judge(one.absence, now_ns).verdict == "go"]
        if len(going) > most:
            assert self._cursor is not None, "a page was read"
            self._cursor = (self._cursor[0], LocationId(going[most].location_id - 1))
            going = going[:most]
        dropped = 0
        for start in range(0, len(going), traces.BATCH):
            # The last look before anything goes: a volume that is suspect by now may be where these files are.
            if await self._volumes.may_destroy() is not None:
                break
            batch = {
                one.location_id: one.absence.missing_since_ns for one in going[start : start + traces.BATCH]
            }
            dropped += await self._writer.run_batch(traces.drop_missing, batch, time.time_ns())
        return dropped

    async def _note_guards(self, volumes: Sequence[Volume]) -> None:
        """Store, for `status` and `why missing`, which volumes lost so much that nothing of them goes."""
        for volume in volumes:
            hold = await self._writer.read(
                missing_places.guard_of, volume, self.settings.missing_guard_percent
            )
            if hold == volume.hold:
                continue
            if not await self._writer.run_batch(missing_places.set_hold, volume.id, hold):
                continue
            if hold is not None:
                log.warning("%s: %s", volume.name, hold)
            else:
                log.info("%s: rows of missing files are not held back any more", volume.name)

    def _tell(self, hold: str | None) -> None:
        """Say once why nothing goes, not every hour."""
        if hold is not None and hold != self._told_hold:
            log.info("places of missing files are kept for now: %s", hold)
        self._told_hold = hold

    async def sweep(self) -> None:
        """Take away what the rows of forgotten volumes leave; returns when nothing is left to do."""
        while (volume_id := await self._writer.read(traces.next_forgotten)) is not None:
            # Who still scans it would bring rows back.
            async with self._volumes.scan_turn(volume_id):
                while await self._writer.read(traces.next_forgotten) == volume_id:
                    await self._writer.run_batch(traces.sweep_forgotten, time.time_ns())

    async def sweep_when_told(self) -> None:
        """Sweep now, and whenever volumes changed. Ends by being cancelled."""
        heard = self._volumes.bell.rings
        while True:
            try:
                await self.sweep()
            except GlassineError as error:
                log.warning("a forgotten volume could not be swept: %s", error.message)
            heard = await self._volumes.bell.wait(heard)
