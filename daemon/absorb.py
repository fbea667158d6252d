"""From listings to rows: takes what a walk tells and writes it, whole scan or single directory alike.

Positive news (new, changed, returned) is written at once, in short batches. Absence is not: what a complete
listing did not show is remembered, and only after the walk, if the root is still the mount it was at the start,
looked at again (`settle`): it moved, when another name has its very stamp by then, or is called missing. The digest of a directory is stored last, when all that follows from its
listing is done: a kill anywhere repeats work and skips none.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

import trio

from catalog.errors import VolumeOffline
from catalog.ids import DirectoryId, LocationId
from catalog.store import looks, scanning, second_look
from catalog.store.db import Writer
from catalog.values import Deferred, DirectoryListing, Gone, ListingDiff, Volume
from daemon.batches import cut, families, filled, in_order, pages
from daemon.config import ScanSection
from daemon.judging import is_accepted
from daemon.volume_process.protocol import Unchanged, WalkEnd
from daemon.volume_session import VolumeSession
from daemon.writer import WriterService

log = logging.getLogger(__name__)

# A batch aims at this long with the write lock held; an edit waits for one batch at most.
_BATCH_AIM_S = 0.025
_LEAST_ENTRIES, _MOST_ENTRIES = 50, 1000
# Parts of a listing that wait while one batch is written: some 500 kB.
_PARTS_WAITING = 8
_ERRORS_KEPT = 1000
# Entries that a scan did not see and remembers, some 10 MB; where it is more, the catalog is asked again.
_GONE_KEPT = 50_000
# Names that wait for the other halves of swaps, some 20 MB; more are written at once, and photos may be missing for a moment.
_DEFERRED_KEPT = 50_000
# Files whose rows go or are called missing in one batch, twice that where they are one stack: 0.2 ms each where they moved,
# 0.35 ms where they are missing.
_SETTLED_AT_ONCE = 60
# A directory below the start that vanished between its parent's listing and its own: no error, next look knows.
_VANISHED = frozenset({"ENOENT", "ENOTDIR"})


@dataclass(slots=True)
class Tally:
    """What was found so far; `errors` keeps the first `_ERRORS_KEPT` pairs of path and errno name."""

    directories: int = 0
    directories_unchanged: int = 0
    files: int = 0
    added: int = 0
    changed: int = 0
    returned: int = 0
    moved: int = 0
    missing: int = 0
    error_count: int = 0
    errors: list[tuple[bytes, str]] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Return the numbers by name, as a scan's row keeps them."""
        names = [
            "directories",
            "directories_unchanged",
            "files",
            "added",
            "changed",
            "returned",
            "moved",
            "missing",
        ]
        return {**{name: getattr(self, name) for name in names}, "errors": self.error_count}

    def note_error(self, path: bytes, error: str) -> None:
        """Count a directory that could not be (wholly) listed."""
        self.error_count += 1
        if len(self.errors) < _ERRORS_KEPT:
            self.errors.append((path, error))


@dataclass(frozen=True, slots=True)
class _Doubtful:
    """A complete listing that lacks something the catalog has: its digest waits for the second look.

    `gone` None: too much is gone to be kept in memory; at the second look everything known of the directory is looked at,
    and it has no digest, so that the next scan lists it again.
    """

    directory_id: DirectoryId
    path: bytes
    digest: bytes | None
    mtime_ns: int
    gone: tuple[Gone, ...] | None


class Absorber:
    """Takes the items of one or more walks of a volume; then call `settle`. One task at a time.

    `prove` raises VolumeOffline unless the volume is online by a fresh look at who it is; it is asked after the second look
    and before anything is called missing, for a disk may go, or be swapped, between any two of these steps.
    """

    def __init__(
        self,
        writer: WriterService,
        volume: Volume,
        settings: ScanSection,
        *,
        on_news: Callable[[], None],
        prove: Callable[[], Awaitable[object]],
        on_batch: Callable[[], None] = lambda: None,
    ) -> None:
        self.tally = Tally()
        self.new_directories: list[bytes] = []
        self._writer = writer
        self._volume = volume
        self._settings = settings
        self._on_news = on_news
        self._prove = prove
        self._on_batch = on_batch
        self._entries_aimed = 200
        self._doubtful: list[_Doubtful] = []
        self._gone_kept = 0
        self._deferred: list[Deferred] = []
        self._incomplete: set[bytes] = set()  # directories of these
        self._is_root_bare = False

    async def take_walk(
        self,
        session: VolumeSession,
        starts: Sequence[bytes],
        *,
        is_recursive: bool = True,
        known: dict[bytes, bytes] | None = None,
    ) -> str | None:
        """Walk and write; return the instance of the root, None if it changed meanwhile.

        Raises:
            VolumeOffline: the volume stopped answering; what was written so far is true and stays.
        """
        send, receive = trio.open_memory_channel[DirectoryListing | Unchanged | WalkEnd](_PARTS_WAITING)
        ended: list[WalkEnd] = []
        offline: list[VolumeOffline] = []

        async def pump() -> None:
            try:
                async with send, session.open_walk(starts, is_recursive=is_recursive, known=known) as items:
                    async for item in items:
                        await send.send(item)
            except VolumeOffline as error:  # kept aside: a nursery would wrap it
                offline.append(error)

        async with trio.open_nursery() as nursery, receive:
            nursery.start_soon(pump)
            while items := await self._next_items(receive):
                ended += [item for item in items if isinstance(item, WalkEnd)]
                await self._take(items, frozenset(starts))
        if offline:
            raise offline[0]
        return ended[0].instance if ended else None

    async def _next_items(
        self, receive: trio.MemoryReceiveChannel[DirectoryListing | Unchanged | WalkEnd]
    ) -> list[DirectoryListing | Unchanged | WalkEnd]:
        """Return what is there now, up to one batch; waits only for the first item. Empty at the end."""
        try:
            items = [await receive.receive()]
        except trio.EndOfChannel:
            return []
        entries = _weight(items[0])
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            while entries < self._entries_aimed:
                items.append(receive.receive_nowait())
                entries += _weight(items[-1])
        return items

    async def _take(
        self, items: Iterable[DirectoryListing | Unchanged | WalkEnd], starts: frozenset[bytes]
    ) -> None:
        parts: list[DirectoryListing] = []
        for item in items:
            if isinstance(item, Unchanged):
                self.tally.directories += len(item.paths)
                self.tally.directories_unchanged += len(item.paths)
                self.tally.files += item.files
            elif isinstance(item, DirectoryListing) and self._is_worth_writing(item, starts):
                parts += cut(item, self._entries_aimed)
        for batch in filled(parts, self._entries_aimed, _weight):
            await self._write(batch)
        self._on_batch()

    def _is_worth_writing(self, part: DirectoryListing, starts: frozenset[bytes]) -> bool:
        if part.error in _VANISHED and part.path and part.path not in starts:
            return False
        self.tally.files += sum(entry.kind == "f" for entry in part.entries)
        if part.is_last:
            self.tally.directories += 1
            if part.error is not None:
                self.tally.note_error(part.path, part.error)
        return True

    async def _write(self, parts: list[DirectoryListing]) -> None:
        before_s = time.monotonic()
        may_defer = len(self._deferred) < _DEFERRED_KEPT
        diffs = await self._writer.run_batch(
            _apply, self._volume, parts, may_defer=may_defer, incomplete=frozenset(self._incomplete)
        )
        self._adapt(time.monotonic() - before_s)
        is_news = False
        for part, diff in zip(parts, diffs, strict=True):
            self.tally.added += len(diff.added)
            self.tally.changed += len(diff.changed)
            self.tally.returned += len(diff.returned)
            self.new_directories += diff.new_directories
            self._deferred += diff.deferred
            self._incomplete.update(one.directory for one in diff.deferred)
            is_news = is_news or bool(diff.added or diff.changed or diff.returned)
            if diff.gone or (diff.is_complete and part.path in self._incomplete):
                is_whole = part.is_first and part.is_last and part.error is None
                self._is_root_bare = self._is_root_bare or (not part.path and is_whole and not part.entries)
                self._doubt(part, diff)
        if is_news:
            self._on_news()

    async def _write_deferred(self) -> None:
        """Write what waited for the rest of the walk, the halves of a swap at once."""
        ordered = in_order(self._deferred)
        self._deferred, self._incomplete = [], set()
        for page in pages(ordered, _SETTLED_AT_ONCE):
            parts = [
                DirectoryListing(one.directory, 0, (one.entry,), is_first=False, is_last=False, digest=None)
                for one in page
            ]
            diffs = await self._writer.run_batch(_apply, self._volume, parts)
            self.tally.changed += sum(len(diff.changed) for diff in diffs)
            self._on_batch()

    def _doubt(self, part: DirectoryListing, diff: ListingDiff) -> None:
        self._gone_kept += len(diff.gone)
        is_kept = self._gone_kept <= _GONE_KEPT
        gone, digest = (diff.gone, part.digest) if is_kept else (None, None)
        self._doubtful.append(_Doubtful(diff.directory_id, part.path, digest, part.mtime_ns, gone))

    def _adapt(self, took_s: float) -> None:
        """Aim at `_BATCH_AIM_S` per batch on this machine; waiting for edits makes it cautious, never bold."""
        factor = min(1.5, max(0.5, _BATCH_AIM_S / max(took_s, 0.001)))
        self._entries_aimed = int(min(_MOST_ENTRIES, max(_LEAST_ENTRIES, self._entries_aimed * factor)))

    async def settle(self, session: VolumeSession, instance: str) -> None:
        """Take the second look at all that was not seen, and call missing what is gone.

        Args:
            instance: the root as it was at the start and the end of the walk; any other mount stops this at once.

        Raises:
            VolumeOffline: the root is another one now, or empty and was not; nothing more is called missing.
        """
        if self._is_root_bare and not is_accepted(self._volume):
            raise VolumeOffline(
                f"{self._volume.name} is empty, but files were seen there before", volume=self._volume.name
            )
        await self._write_deferred()
        for doubtful in self._doubtful:
            is_settled = True
            async with aclosing(self._gone(doubtful)) as pages:
                async for page in pages:
                    is_settled = await self._look_again(session, instance, page) and is_settled
            if is_settled and doubtful.digest is not None:
                await self._writer.run_batch(_finish, self._volume, doubtful)
        self._doubtful.clear()
        self._gone_kept = 0

    async def _look_again(self, session: VolumeSession, instance: str, page: Sequence[Gone]) -> bool:
        """Take the second look at one page and settle what is gone; whether all of it is."""
        seen_instance, fates = await session.look([gone.path for gone in page])
        if seen_instance != instance:
            raise VolumeOffline(f"{self._volume.name} changed during the scan", volume=self._volume.name)
        if "gone" in fates:
            await self._prove()
        await self._settle([gone for gone, fate in zip(page, fates, strict=True) if fate == "gone"])
        self._on_batch()
        return all(fate == "gone" for fate in fates)

    async def _gone(self, doubtful: _Doubtful) -> AsyncGenerator[Sequence[Gone], None]:
        """Yield pages of what is to be looked at, files by name, so that those of one photo's stack stand together."""
        if doubtful.gone is not None:
            for page in pages(
                sorted(doubtful.gone, key=lambda one: (one.kind, one.path)), self._settings.page_size
            ):
                yield page
            return
        after: Gone | None = None
        while known := await self._writer.read(
            looks.known_in, doubtful.directory_id, after=after, limit=self._settings.page_size
        ):
            after = known[-1]
            yield known

    async def _settle(self, gone: Sequence[Gone]) -> None:
        await self._settle_files([(LocationId(one.id), one.path) for one in gone if one.kind == "f"])
        for one in gone:
            if one.kind == "d":
                await self._settle_tree(DirectoryId(one.id))

    async def _settle_files(self, files: Sequence[tuple[LocationId, bytes]]) -> None:
        for step in families(files, min(_SETTLED_AT_ONCE, self._settings.missing_cap)):
            settled = await self._writer.run_batch(
                second_look.settle_gone, self._volume.id, step, time.time_ns()
            )
            self.tally.moved += settled.moved
            self.tally.missing += settled.missing

    async def _settle_tree(self, directory_id: DirectoryId) -> None:
        """Let go of a tree, one directory at a time from the deepest, so that no batch is long."""
        beneath = await self._writer.read(looks.present_beneath, self._volume.id, directory_id)
        for one in beneath:
            await self._settle_files(await self._writer.read(second_look.files_in, one))
            self.tally.missing += await self._writer.run_batch(
                second_look.settle_directory, self._volume.id, one, time.time_ns()
            )


def _apply(
    writer: Writer,
    volume: Volume,
    parts: Sequence[DirectoryListing],
    *,
    may_defer: bool = False,
    incomplete: frozenset[bytes] = frozenset(),
) -> list[ListingDiff]:
    """Write parts of listings in one transaction; digests of those that lack nothing with them, and have nothing deferred."""
    now_ns = time.time_ns()
    diffs = []
    waiting = set(incomplete)
    with writer.atomic():
        for part in parts:
            diff = scanning.apply_listing(writer, volume.id, part, now_ns, may_defer=may_defer)
            waiting.update(one.directory for one in diff.deferred)
            if diff.is_complete and not diff.gone and part.path not in waiting:
                scanning.finish_listing(
                    writer, volume.id, part.path, digest=part.digest, mtime_ns=part.mtime_ns, now_ns=now_ns
                )
            diffs.append(diff)
    return diffs


def _finish(writer: Writer, volume: Volume, listing: _Doubtful) -> None:
    scanning.finish_listing(
        writer,
        volume.id,
        listing.path,
        digest=listing.digest,
        mtime_ns=listing.mtime_ns,
        now_ns=time.time_ns(),
    )


def _weight(item: DirectoryListing | Unchanged | WalkEnd) -> int:
    # A listing costs two statements beside its entries.
    return len(item.entries) + 5 if isinstance(item, DirectoryListing) else 1
