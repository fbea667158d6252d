"""Photos that come into folders, leave them or change in place: counts, names and feed entries of one transaction.

The same for every view with buckets: whether a column or a membership puts a photo there does not matter here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from catalog.buckets import Bucket
from catalog.ids import AssetId
from catalog.store import changes
from catalog.store.claims import ClaimBook
from catalog.store.db import Writer
from catalog.store.derive import Derived
from catalog.store.inputs import Names


class Move(NamedTuple):
    """One asset as it looked and as it will; `before` needs columns and members alone."""

    asset_id: AssetId
    names: Names
    before: Derived
    after: Derived


class FolderMoves:
    """Counts, names and feed entries that follow from the moves of one transaction."""

    def __init__(self, writer: Writer, now_ns: int) -> None:
        self._writer = writer
        self._now_ns = now_ns
        self._claims = ClaimBook(writer)
        self._counts: dict[Bucket, int] = {}
        self._feed: list[changes.Entry] = []

    def move(self, moves: Sequence[Move]) -> None:
        """Decide names and counts. Before the rows change: the incumbents are read from them."""
        paths = [(move.before.buckets(), move.after.buckets()) for move in moves]
        for move, (old, new) in zip(moves, paths, strict=True):
            for bucket in sorted(old - new):
                name = self._claims.depart(bucket, move.asset_id, move.names)
                self._entry("entry-", bucket, name, -1)
        for move, (old, new) in zip(moves, paths, strict=True):
            for bucket in sorted(new - old):
                name = self._claims.arrive(bucket, move.asset_id, move.names)
                self._entry("entry+", bucket, name, +1)
            self._stay(move, old & new)

    def _stay(self, move: Move, buckets: frozenset[Bucket]) -> None:
        if not buckets:
            return
        content_id = move.after.columns.content_id
        if move.before.columns.content_id == content_id:
            self._feed.append(("photo", str(content_id), None))
            return
        for bucket in sorted(buckets):  # the same name leads to another inode now
            name = self._claims.name_in(bucket, move.asset_id, move.names)
            self._entry("entry-", bucket, name, 0)
            self._entry("entry+", bucket, name, 0)

    def _entry(self, kind: str, bucket: Bucket, name: str, difference: int) -> None:
        self._feed.append((kind, bucket.subject(), name.encode()))
        self._counts[bucket] = self._counts.get(bucket, 0) + difference

    def write(self) -> None:
        """Write claims, feed and counts."""
        self._claims.write()
        touched = [
            (bucket, difference, self._count_of(bucket)) for bucket, difference in self._counts.items()
        ]
        for bucket, difference, count in touched:
            if (count or 0) == 0 and difference > 0:
                self._feed.append(("bucket+", bucket.subject(), None))
            elif count and count + difference == 0:
                self._feed.append(("bucket-", bucket.subject(), None))
        if not self._feed:
            return
        generation = changes.append(self._writer, self._feed)
        self._writer.executemany(
            "INSERT OR REPLACE INTO bucket (view, key, sub, count, changed_ns, generation) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (*bucket, (count or 0) + difference, self._now_ns, generation)
                for bucket, difference, count in touched
            ],
        )

    def _count_of(self, bucket: Bucket) -> int | None:
        count = self._writer.value("SELECT count FROM bucket WHERE view = ? AND key = ? AND sub = ?", bucket)
        return None if count is None else int(count)
