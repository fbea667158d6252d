"""Previews in the cache: copies of slices, and what only a decoder gives, so that pictures show without their originals.

When facts and hash of a photo are known, a media worker is asked for its pictures, and they are written into the library's
cache. That is a convenience: whatever fails here is a row with the versions that failed, or is tried later, and holds up
nothing else. A full cache lets go of what was not used for longest; what was made and had to go is made again when there is
room at a start of the daemon, or when the whole directory of the cache is gone. Nothing is written on volumes. Must not
know: what a preview is made of.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

import trio

from catalog.facts import FactsResult
from catalog.ids import ContentHash, ContentId
from catalog.library import Library
from catalog.previews import MADE_MOST_BYTES, MADE_MOST_PX, Chosen, Plan, previews_dir, shown_length
from catalog.store import previews as store
from catalog.store.db import Writer
from catalog.store.previews import Due
from catalog.values import WorkItem
from daemon.bell import Bell
from daemon.media.preview_protocol import (
    Picture,
    PreviewItem,
    PreviewResult,
    Wish,
    makers_version,
    preview_item,
)
from daemon.preview_cache import PreviewCache
from daemon.writer import WriterService

log = logging.getLogger(__name__)

# Pictures of a batch are held in memory: 4 MiB each at most, some hundred KiB as a rule.
BATCH = 12
# While a long ingest runs nobody comes to rest; what is ready is looked for this often, and ever more rarely while nothing is:
# a daemon that has nothing to do sleeps.
LOOK_S = 20.0
_MOST_LOOK_S = 640.0
# A disk that is full, or a cache that cannot be written, is tried again after this.
RETRY_S = 300.0
_RECONCILED_AT_ONCE = 1_000

_T = TypeVar("_T")


class PictureSource(Protocol):
    """What is needed of `daemon.media.pool.MediaPool`."""

    async def read(self, items: Sequence[WorkItem]) -> Sequence[FactsResult]:
        """Return one result per item, in order; never raises for what files do."""


class Previews:
    """Owned by `open_previews`."""

    def __init__(self, cache: PreviewCache, writer: WriterService, media: PictureSource, idle: Bell) -> None:
        self.cache = cache
        self._writer = writer
        self._media = media
        self._idle = idle
        self._version = makers_version()
        self._failure: str | None = None
        # One thread at a time counts the bytes of the cache.
        self._limiter = trio.CapacityLimiter(1)

    def degraded(self) -> list[str]:
        """Say what does not work, for `status`."""
        return [] if self._failure is None else [f"previews: {self._failure}"]

    async def run(self) -> None:
        """Keep the cache filled, for ever. Checkpoint."""
        if not self.cache.most_bytes:
            return
        is_begun = False
        look_s = LOOK_S
        while True:
            heard, pause_s = self._idle.rings, look_s
            look_s = min(2 * look_s, _MOST_LOOK_S)
            try:
                if not is_begun or await self._blocking(self.cache.is_lost):
                    await self._begin()
                    is_begun = True
                while await self._pass():
                    look_s = LOOK_S
                self._failure = None
            except OSError as error:
                pause_s = RETRY_S
                self._note_failure(error)
            with trio.move_on_after(pause_s):
                await self._idle.wait(heard)
                look_s = LOOK_S
                if self._failure is not None:
                    await trio.sleep_forever()

    async def _begin(self) -> None:
        """Take stock: what the cache lost while we were away is due again, as long as there is room."""
        await self._blocking(self.cache.measure)
        await self._writer.run_batch(_retry_failed, self._version)
        after = 0
        while self.cache.has_room:
            done = await self._writer.read(store.done_after, after, _RECONCILED_AT_ONCE)
            if not done:
                break
            after = done[-1].content_id
            lost = await self._blocking(self._lost, done)
            if lost:
                await self._writer.run_batch(_make_due, lost)

    def _lost(self, done: Iterable[store.Done]) -> list[ContentId]:
        return [
            one.content_id for one in done if one.lacks_made or not self.cache.has_all(one.hash, one.slots)
        ]

    async def _pass(self) -> bool:
        """Do all that is due once, in order; tell whether something was done."""
        after: ContentId | None = None
        is_news = False
        while batch := await self._writer.read(store.due, BATCH, after=after, now_ns=time.time_ns()):
            after = batch[-1].item.content_id
            results = await self._media.read([_item(one) for one in batch])
            for one, result in zip(batch, results, strict=True):
                is_news = await self._take(one, result) or is_news
            if self.cache.is_full:
                await self._writer.run_batch(_note_gone, await self._blocking(self.cache.trim))
        return is_news

    async def _take(self, due: Due, result: FactsResult) -> bool:
        """Keep the pictures of one photo and note what came of it; False = it is due as before."""
        content_id = due.content_id
        if result.error is not None:
            await self._writer.run_batch(_note_later, content_id, time.time_ns())
            return False
        pictures = result.pictures if isinstance(result, PreviewResult) and result.finding is None else ()
        why = _why_refused(due, pictures) if result.finding is None else _told(result)
        if why is not None:
            await self._writer.run_batch(_note_failed, content_id, self._version, why)
            return True
        for picture in pictures:
            await self._blocking(self.cache.put, due.hash, picture.slot, picture.body)
        made = [
            Chosen(one.slot, None, len(one.body), one.width, one.height, 1)
            for one in pictures[len(due.plan.copied) :]
        ]
        await self._writer.run_batch(_note_done, content_id, due.plan, made)
        return True

    async def _blocking(self, work: Callable[..., _T], *arguments: object) -> _T:
        return await trio.to_thread.run_sync(work, *arguments, limiter=self._limiter)

    def _note_failure(self, error: OSError) -> None:
        if self._failure is None:
            log.warning("the cache of previews cannot be written: %s", error)
        self._failure = f"the cache cannot be written ({error.strerror})"


def _item(due: Due) -> PreviewItem:
    """Return what a worker is asked: slices first, then what is made."""
    plan = due.plan
    wishes: list[Wish] = [("slice", one.slot, one.offset, one.length, one.orientation) for one in plan.copied]
    if plan.source is not None:
        source = plan.source
        wishes.append(("scale", plan.scaled, source.offset, source.length, source.orientation))
    if plan.decoded is not None:
        wishes.append(("make", *plan.decoded))
    return preview_item(due.item, wishes)


def _why_refused(due: Due, pictures: Sequence[Picture]) -> str | None:
    """Say what is wrong with the pictures of a worker, which has read hostile bytes; None = they are as asked for."""
    wanted = [(one.slot, shown_length(one.length, one.orientation)) for one in due.plan.copied]
    copied, made = pictures[: len(wanted)], pictures[len(wanted) :]
    slots = {one.slot for one in made}
    is_right = (
        [(one.slot, len(one.body)) for one in copied] == wanted
        and len(slots) == len(made)
        and (due.plan.wants(slots) if due.plan.is_making else not made)
        and all(_is_sane(one) for one in made)
        and all(one.body.startswith(b"\xff\xd8") for one in pictures)
    )
    return None if is_right else "what came back is not what was asked for"


def _is_sane(made: Picture) -> bool:
    edges = (made.width, made.height)
    return min(edges) > 0 and max(edges) <= MADE_MOST_PX[made.slot] and len(made.body) <= MADE_MOST_BYTES


def _told(result: FactsResult) -> str:
    return "nobody said why" if result.finding is None else f"{result.finding.tool}: {result.finding.reason}"


# What runs in the writer's thread


def _retry_failed(writer: Writer, version: str) -> None:
    with writer.atomic():
        store.retry_failed(writer, version)


def _make_due(writer: Writer, content_ids: list[ContentId]) -> None:
    with writer.atomic():
        store.make_due(writer, content_ids)


def _note_gone(writer: Writer, hashes: set[ContentHash]) -> None:
    with writer.atomic():
        store.note_gone(writer, hashes)


def _note_later(writer: Writer, content_id: ContentId, now_ns: int) -> None:
    with writer.atomic():
        store.note_later(writer, content_id, now_ns)


def _note_failed(writer: Writer, content_id: ContentId, version: str, why: str) -> None:
    with writer.atomic():
        store.note_failed(writer, content_id, version, why)


def _note_done(writer: Writer, content_id: ContentId, planned: Plan, made: list[Chosen]) -> None:
    with writer.atomic():
        store.note_done(writer, content_id, planned, made)


@asynccontextmanager
async def open_previews(
    library: Library, writer: WriterService, media: PictureSource, idle: Bell, *, most_bytes: int
) -> AsyncIterator[Previews]:
    """Fill the cache for the length of the block.

    Args:
        library: whose cache.
        writer: the one writer.
        media: who reads originals.
        idle: rings when files have been read.
        most_bytes: the cache may have; 0 = nothing is copied and nothing made.
    """
    previews = Previews(PreviewCache(previews_dir(library.cache_dir), most_bytes), writer, media, idle)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(previews.run)
        yield previews
        nursery.cancel_scope.cancel()
