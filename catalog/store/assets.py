"""Refresh: the one place where an asset's denormalised columns, its folders and its names change.

Whoever changes what an asset is made of (facts, locations, statements, merges) calls `refresh`, or, when it
changes the asset's own row as well, a `Refresh`: `remember` before, `apply` after, in one transaction.

Invariants: columns = `derive` of the rows (I9); bucket counts follow (I6); names as `claims` says (I7); the change
feed tells every frontend about each entry that came, went or changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from catalog.buckets import Bucket
from catalog.failpoints import failpoint
from catalog.ids import AssetId
from catalog.store import cameras, changes
from catalog.store.claims import ClaimBook
from catalog.store.db import Writer
from catalog.store.derive import COLUMN_NAMES, Columns, Inputs, Names, derive_all, read_inputs

_UPDATE = f"UPDATE asset SET {', '.join(f'{name} = ?' for name in COLUMN_NAMES)}, changed_ns = ? WHERE id = ?"
_READ_AT_ONCE = 500


def refresh(writer: Writer, asset_ids: Iterable[AssetId], now_ns: int, zone: ZoneInfo) -> None:
    """Recompute these assets; aliases and unknown ids are harmless. One transaction (nests)."""
    with writer.atomic():
        renewal = Refresh(writer, zone)
        renewal.remember(asset_ids)
        renewal.apply(now_ns)


class Refresh:
    """One recomputation, alive within one transaction of its caller."""

    def __init__(self, writer: Writer, zone: ZoneInfo) -> None:
        self._writer = writer
        self._zone = zone
        self._before: dict[AssetId, Columns] = {}
        self._cameras: dict[tuple[str, str], int] = {}

    def remember(self, asset_ids: Iterable[AssetId]) -> None:
        """Keep how these assets look, before their rows are changed; the first time counts."""
        new = [asset_id for asset_id in dict.fromkeys(asset_ids) if asset_id not in self._before]
        for start in range(0, len(new), _READ_AT_ONCE):
            for one in read_inputs(self._writer, new[start : start + _READ_AT_ONCE]):
                self._before[one.asset_id] = one.columns

    def apply(self, now_ns: int) -> None:
        """Recompute everything remembered, write the differences and tell the feed."""
        folders = _Folders(self._writer, now_ns)
        wanted = sorted(self._before)
        changed: list[tuple[Inputs, Columns]] = []
        for start in range(0, len(wanted), _READ_AT_ONCE):
            inputs = read_inputs(self._writer, wanted[start : start + _READ_AT_ONCE])
            columns = derive_all(self._writer, inputs, self._zone, self._camera_of)
            for one, new in zip(inputs, columns, strict=True):
                if new != one.columns or new != self._before[one.asset_id]:
                    changed.append((one, new))
        folders.move([(one.asset_id, one.names, self._before[one.asset_id], new) for one, new in changed])
        self._writer.executemany(_UPDATE, [(*new, now_ns, one.asset_id) for one, new in changed])
        failpoint("store.refresh")
        folders.write()
        self._before = {}

    def _camera_of(self, make: str, model: str) -> int:
        key = (make, model)
        if key not in self._cameras:
            self._cameras[key] = cameras.get_or_create(self._writer, make, model)
        return self._cameras[key]


_Move = tuple[AssetId, Names, Columns, Columns]


class _Folders:
    """Counts, names and feed entries that follow from the moves of one transaction."""

    def __init__(self, writer: Writer, now_ns: int) -> None:
        self._writer = writer
        self._now_ns = now_ns
        self._claims = ClaimBook(writer)
        self._counts: dict[Bucket, int] = {}
        self._feed: list[changes.Entry] = []

    def move(self, moves: Sequence[_Move]) -> None:
        """Decide names and counts. Before the rows change: the incumbents are read from them."""
        paths = [(before.buckets(), after.buckets()) for _, _, before, after in moves]
        for (asset_id, called, _, _), (old, new) in zip(moves, paths, strict=True):
            for bucket in sorted(old - new):
                self._entry("entry-", bucket, self._claims.depart(bucket, asset_id, called), -1)
        for (asset_id, called, before, after), (old, new) in zip(moves, paths, strict=True):
            for bucket in sorted(new - old):
                self._entry("entry+", bucket, self._claims.arrive(bucket, asset_id, called), +1)
            self._stay(asset_id, called, old & new, before, after)

    def _stay(
        self, asset_id: AssetId, called: Names, buckets: frozenset[Bucket], before: Columns, after: Columns
    ) -> None:
        if not buckets:
            return
        if before.content_id == after.content_id:
            self._feed.append(("photo", str(after.content_id), None))
            return
        for bucket in sorted(buckets):  # the same name leads to another inode now
            name = self._claims.name_in(bucket, asset_id, called)
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
