"""Who is called by the plain name in a folder: claims and tombstones (decision 0001, rivals.md 4.4).

Alone in its fold group of a bucket: plain name, no row. The first clash writes a claim for the one that was
there; a plain owner that leaves writes one for itself, and it stays: the name is never given to another photo. Who
must carry the suffix anyway takes no part. Invariants: survivors renamed = 0, names re-used = 0.

One `ClaimBook` lives for one transaction: departures are told first, then arrivals, oldest asset first.
"""

from __future__ import annotations

from catalog import names
from catalog.buckets import Bucket, is_always_suffixed
from catalog.ids import AssetId
from catalog.store.db import Writer
from catalog.store.inputs import Names
from catalog.store.shapes import SHAPES, Shape, shape_of

_Key = tuple[Bucket, str]


def _owners(shape: Shape) -> str:
    """(owner by claim, plain owner that never needed one): the primary key of claim, and the shape's index of names."""
    joined = " CROSS JOIN member AS m" if shape.is_joined else ""
    return (
        "SELECT (SELECT asset_id FROM claim WHERE view = ?1 AND key = ?2 AND sub = ?3 AND fold = ?4),"
        f" (SELECT a.id FROM asset AS a INDEXED BY {shape.names}{joined}"
        f" WHERE a.fold = ?4 AND a.is_suffixed = 0 AND {shape.condition} LIMIT 1)"
    )


OWNERS: dict[int, str] = {key: _owners(shape) for key, shape in SHAPES.items()}


class ClaimBook:
    """The claims that one transaction reads and writes."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._owners: dict[_Key, AssetId | None] = {}
        self._incumbents: dict[_Key, AssetId | None] = {}
        self._new_claims: list[tuple[int, int, int, str, AssetId]] = []

    def depart(self, bucket: Bucket, asset_id: AssetId, called: Names) -> str:
        """Note that the asset leaves the folder; return the name it had there."""
        if must_suffix(bucket, called):
            return names.with_suffix(called.name, called.short)
        key = (bucket, called.fold)
        owner = self._owner(key)
        if owner is None:
            self._claim(key, asset_id)
            owner = asset_id
        return called.name if owner == asset_id else names.with_suffix(called.name, called.short)

    def arrive(self, bucket: Bucket, asset_id: AssetId, called: Names) -> str:
        """Note that the asset appears in the folder; return the name it gets there."""
        if must_suffix(bucket, called):
            return names.with_suffix(called.name, called.short)
        key = (bucket, called.fold)
        owner = self._owner(key)
        if owner is None:
            owner = self._incumbents[key]
            if owner is None:
                self._incumbents[key] = asset_id
                return called.name
            self._claim(key, owner)
        return called.name if owner == asset_id else names.with_suffix(called.name, called.short)

    def name_in(self, bucket: Bucket, asset_id: AssetId, called: Names) -> str:
        """Return the name of an asset that stays in the folder."""
        if must_suffix(bucket, called):
            return names.with_suffix(called.name, called.short)
        is_plain = self._owner((bucket, called.fold)) in (None, asset_id)
        return called.name if is_plain else names.with_suffix(called.name, called.short)

    def write(self) -> None:
        """Insert the new claims."""
        self._writer.executemany(
            "INSERT INTO claim (view, key, sub, fold, asset_id) VALUES (?, ?, ?, ?, ?)", self._new_claims
        )
        self._new_claims = []

    def _owner(self, key: _Key) -> AssetId | None:
        """Return the claim's owner; the first question about a name also asks who has it without a claim."""
        if key not in self._owners:
            bucket, fold = key
            row = self._writer.row(OWNERS[shape_of(bucket)], (*bucket, fold))
            assert row is not None, "a SELECT without FROM has one row"
            self._owners[key], self._incumbents[key] = row
        return self._owners[key]

    def _claim(self, key: _Key, owner: AssetId) -> None:
        self._owners[key] = owner
        self._new_claims.append((*key[0], key[1], owner))


def must_suffix(bucket: Bucket, called: Names) -> bool:
    """Tell whether an asset never has its plain name in a folder, whoever else is there."""
    return bool(called.is_suffixed) or is_always_suffixed(bucket.view, called.fold)
