"""The purge at work: what the rule lets go is written down, verified, judged again, removed, and noted, file by file.

One purge runs at a time. Per file: its row is committed; a remover, confined to that volume, compares every byte; the
rule is asked again on the one writer; only then does the remover get the word. While it acts on the word, edits that may
bring a photo back wait (`removal`): they come before the question, and the file stays, or after the answer.

A row that stays planned (a killed process, a volume that went away, a client that hung up) is settled by the next
purge, before anything else: `settle`. Must not know: who asked, and how it is shown.
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Literal

import trio

from catalog.commands.layer import TrashRestore, Undo
from catalog.errors import VolumeOffline
from catalog.failpoints import failpoint
from catalog.ids import AssetId, LocationId, VolumeId
from catalog.purge import PurgeRule, TrashedFile, Written, why_kept
from catalog.store import purging
from catalog.store.sayings import assets_of_uids
from catalog.store.trash import TrashCursor, trash_page
from catalog.values import Volume
from daemon.config import TrashSection
from daemon.purge.protocol import Ending, Order, RemoverHello
from daemon.purge.session import Remover, open_remover
from daemon.volume_process.mounts import LEASED
from daemon.volume_session import HANG_S
from daemon.volumes import Volumes
from daemon.writer import WriterService
from vfs.beneath import FileStamp

log = logging.getLogger(__name__)

_BRINGING_BACK = (TrashRestore, Undo)
# Rows written down ahead of the files: what a kill leaves to be looked at.
_WRITTEN_AHEAD = 100


@dataclass(frozen=True, slots=True)
class PurgeWish:
    """What is to be purged, and for whom.

    Attributes:
        asset_ids: only these photos; None = the whole trash.
        min_age_ns: in the trash for so long at least; 0 = by hand, at once.
        author: whose row of the journal it is.
    """

    asset_ids: tuple[AssetId, ...] | None
    min_age_ns: int
    author: str


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one file: kept (by the rule), or how its purge ended; `reason` is a code."""

    file: TrashedFile
    state: Literal["kept", "done", "refused", "failed"]
    reason: str | None


Tell = Callable[[Item], Awaitable[None]]


class Purger:
    """Owned by whoever opened writer and volumes. All methods: main thread's loop; checkpoints."""

    def __init__(
        self, writer: WriterService, volumes: Volumes, settings: TrashSection, *, hang_s: float = HANG_S
    ) -> None:
        self.settings = settings
        self._writer = writer
        self._volumes = volumes
        self._hang_s = hang_s
        self._turn = trio.Lock()
        # Held from the last question to the noted answer: a few milliseconds per file.
        self.removal = trio.Lock()

    async def purge(self, wish: PurgeWish, now_ns: int, tell: Tell) -> None:
        """Purge what the rule lets go; waits while another purge runs.

        Args:
            now_ns: the instant at which the time in the trash is judged.
            tell: gets every file that was looked at, with what became of it.
        """
        rule = PurgeRule(now_ns, wish.min_age_ns)
        async with self._turn:
            await self._settle()
            cursor: TrashCursor | None = TrashCursor()
            while cursor is not None:
                photos, cursor = await self._writer.read(trash_page, wish.asset_ids, cursor)
                files = [file for photo in photos for file in photo.files]
                await _Run(self, wish, rule, tell).purge(files)

    def open_turn(self, command: object) -> AbstractAsyncContextManager[object]:
        """Hold an edit that may bring photos back while a removal is under way; all others go on."""
        return self.removal if isinstance(command, _BRINGING_BACK) else nullcontext()

    async def settle(self) -> None:
        """Find out how interrupted purges ended, as far as their volumes are online. Removes nothing."""
        async with self._turn:
            await self._settle()

    async def _settle(self) -> None:
        rows = await self._writer.read(purging.undecided)
        rows.sort(key=attrgetter("volume_id"))
        for volume_id, group in groupby(rows, key=attrgetter("volume_id")):
            volume = await self._volumes.probe(volume_id)
            if volume.state != "online":
                continue
            try:
                async with self.open_remover(volume) as remover:
                    for row in group:
                        await self._look(remover, row)
            except VolumeOffline as error:
                await self._volumes.lost(volume_id, error)

    async def _look(self, remover: Remover, row: purging.Undecided) -> None:
        """Nothing there = it was removed (or somebody else removed it: gone it is); something there = it was not."""
        fate = await remover.look(row.path)
        if fate != "unknown":
            ending = Ending("done") if fate == "gone" else Ending("refused", "interrupted")
            log.info("an interrupted purge is settled: %r is %s", row.path, fate)
            await self.finish(row.written, ending)

    async def finish(self, written: Written, ending: Ending) -> None:
        """Note how it ended."""
        await self._writer.run(
            purging.finish,
            written,
            ending.state,
            ending.reason,
            now_ns=time.time_ns(),
            ctime_ns=ending.ctime_ns,
        )

    @asynccontextmanager
    async def open_remover(self, volume: Volume) -> AsyncIterator[Remover]:
        """Have a remover of a volume that was probed a moment ago.

        Raises:
            VolumeOffline: its mount changed, or it does not answer.
        """
        instance = (await self._volumes.session(volume)).instance
        identity = json.loads(volume.identity or "{}")
        if instance is None or "key" not in identity:
            raise VolumeOffline(f"{volume.name} was never looked at", volume=volume.name)
        may_lease = identity.get("fs_type") in LEASED
        hello = RemoverHello(volume.root, identity["key"], instance, may_lease)
        async with open_remover(hello, hang_s=self._hang_s) as remover:
            yield remover

    async def record(self, files: Sequence[TrashedFile], rule: PurgeRule, author: str) -> purging.Recorded:
        """Write files down."""
        return await self._writer.run(purging.record, files, rule, author=author, now_ns=time.time_ns())

    async def remove(self, remover: Remover, written: Written, file: TrashedFile, rule: PurgeRule) -> Ending:
        """Have one file verified, ask again, and have it removed and noted.

        Raises:
            VolumeOffline: how it ended is unknown; its row stays planned.
        """
        stamp = FileStamp(written.size, written.mtime_ns, written.ctime_ns, written.inode)
        refusal = await remover.verify(Order(file.path, written.hash, stamp))
        if refusal is not None:
            await self.finish(written, refusal)
            return refusal
        # Whoever hangs up now must not leave the file half decided; bounded by the remover's limit of silence.
        with trio.CancelScope(shield=True):
            async with self.removal:
                ending = await self._remove_verified(remover, written, rule)
        return ending

    async def _remove_verified(self, remover: Remover, written: Written, rule: PurgeRule) -> Ending:
        stop = await self._writer.run(purging.why_stop, written, rule)
        failpoint("purge.judged")
        if stop is None:
            ending = await remover.go()
            failpoint("purge.answered")
        else:
            await remover.stop()
            ending = Ending("refused", stop)
        await self.finish(written, ending)
        return ending

    async def assets_named(self, uids: Sequence[str]) -> tuple[AssetId, ...]:
        """Return the photos of uids; NotFound names the first unknown one."""
        return tuple(await self._writer.read(assets_of_uids, uids))

    async def endings(self, purge_ids: Sequence[int]) -> dict[int, tuple[purging.RowState, str | None]]:
        """Return state and reason of rows."""
        return await self._writer.read(purging.endings, purge_ids)

    async def probe(self, volume_id: VolumeId) -> Volume:
        """Look at a volume."""
        return await self._volumes.probe(volume_id)

    async def lost(self, volume_id: VolumeId, error: VolumeOffline) -> None:
        """Take note that a volume failed, and find out what can be found out."""
        log.warning("a purge broke off: %s", error.message)
        await self._volumes.lost(volume_id, error)
        await self._settle()


class _Run:
    """One page of files under way."""

    def __init__(self, purger: Purger, wish: PurgeWish, rule: PurgeRule, tell: Tell) -> None:
        self._purger = purger
        self._wish = wish
        self._rule = rule
        self._tell = tell
        self._under_way: dict[LocationId, tuple[Written, TrashedFile]] = {}

    async def purge(self, files: Sequence[TrashedFile]) -> None:
        """Keep what the rule keeps, purge the rest volume by volume."""
        free: dict[VolumeId, list[TrashedFile]] = {}
        for file in files:
            reason = why_kept(file, self._rule)
            if reason is None or reason == "offline":  # what the catalog says of the volume may be old
                free.setdefault(file.volume_id, []).append(file)
            else:
                await self._tell(Item(file, "kept", reason))
        for volume_id, ours in free.items():
            await self._volume(volume_id, deque(ours))

    async def _volume(self, volume_id: VolumeId, waiting: deque[TrashedFile]) -> None:
        volume = await self._purger.probe(volume_id)
        try:
            if volume.state == "online":
                async with self._purger.open_remover(volume) as remover:
                    while waiting:
                        part = [waiting.popleft() for _ in range(min(_WRITTEN_AHEAD, len(waiting)))]
                        waiting.extend(await self._part(remover, part))
        except VolumeOffline as error:
            await self._purger.lost(volume_id, error)
            await self._tell_lost()
        for file in waiting:
            await self._tell(Item(file, "kept", "offline"))

    async def _part(self, remover: Remover, files: Sequence[TrashedFile]) -> Sequence[TrashedFile]:
        """Write files down and purge them one by one; return what must wait for another name of its inode."""
        by_location = {file.location_id: file for file in files}
        recorded = await self._purger.record(files, self._rule, self._wish.author)
        for location_id, reason in recorded.kept.items():
            await self._tell(Item(by_location[location_id], "kept", reason))
        self._under_way = {one: (row, by_location[one]) for one, row in recorded.written.items()}
        for location_id, (written, file) in list(self._under_way.items()):
            ending = await self._purger.remove(remover, written, file, self._rule)
            del self._under_way[location_id]
            await self._tell(Item(file, ending.state, ending.reason))
        return recorded.later

    async def _tell_lost(self) -> None:
        """Tell what became of the files that were written down when the volume went away."""
        rows = {written.purge_id: file for written, file in self._under_way.values()}
        self._under_way = {}
        for purge_id, (state, reason) in (await self._purger.endings(list(rows))).items():
            if state == "planned":
                await self._tell(Item(rows[purge_id], "failed", "undecided"))
            else:
                await self._tell(Item(rows[purge_id], state, reason))
