"""Refresh: the one place where an asset's denormalised columns, its folders and its names change.

Whoever changes what an asset is made of (facts, locations, statements, things, merges) calls `refresh`, or, when it
changes the asset's own row as well, a `Refresh`: `remember` before, `apply` after, in one transaction. Stack mates
are taken in by themselves.

Invariants: columns, effective values, memberships and texts = `derive` of the rows (I9, I17, I18); bucket counts follow
(I6); names as `claims` says (I7); the change feed tells every frontend about each entry that came, went or changed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from zoneinfo import ZoneInfo

from catalog.failpoints import failpoint
from catalog.ids import AssetId
from catalog.store import cameras, embedded_names, stacks
from catalog.store.db import Session, Writer
from catalog.store.derive import (
    COLUMN_NAMES,
    STACK_MEMBERS,
    Alone,
    Columns,
    Derived,
    Rows,
    alone_all,
    mates_of,
    together,
)
from catalog.store.folder_moves import FolderMoves, Move
from catalog.store.inputs import read_inputs
from catalog.store.layer_rows import LayerWrites, read_rows
from catalog.store.places import PlaceRows

# What places an asset in a stack is written before `stacks.settle` looks at it, the rest when all is decided.
_PLACE = "UPDATE asset SET cell = ?, twin = ?, facts_id = ?, location_id = ?, kind = ?, mime = ? WHERE id = ?"
_WRITTEN_BEFORE = ("cell", "twin", "stack_id")
_PLACED = COLUMN_NAMES.index("cell")
assert COLUMN_NAMES[_PLACED : _PLACED + len(_WRITTEN_BEFORE)] == _WRITTEN_BEFORE, "they stand side by side"
_WRITTEN = tuple(name for name in COLUMN_NAMES if name not in _WRITTEN_BEFORE)
_UPDATE = f"UPDATE asset SET {', '.join(f'{name} = ?' for name in _WRITTEN)}, changed_ns = ? WHERE id = ?"
_STORED = (
    f"SELECT a.id, {', '.join('a.' + name for name in COLUMN_NAMES)}"
    " FROM json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value"
)
_STACK_OF = "SELECT a.id, a.stack_id FROM json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value"
_READ_AT_ONCE = 500
# Claims come out the same in one piece or in many (who leaves a folder is its incumbent until then), so a command for
# 100,000 photos needs the memory of so many.
_REFRESHED_AT_ONCE = 4_000


def refresh(
    writer: Writer,
    asset_ids: Iterable[AssetId],
    now_ns: int,
    zone: ZoneInfo,
    *,
    may_restack: bool = False,
    keeps_capture: bool = False,
    is_thorough: bool = False,
) -> None:
    """Recompute these assets; aliases and unknown ids are harmless. One transaction, or the caller's.

    Args:
        writer: the one.
        asset_ids: any number, any order.
        now_ns: what `changed_ns` becomes where anything changes.
        zone: the library's.
        may_restack: see `Refresh.remember`.
        keeps_capture: only statements and things changed since they were derived, and none about the capture.
        is_thorough: compare every text, also of photos of which nothing is said: newer rules may index names otherwise.
    """
    wanted = list(dict.fromkeys(asset_ids))
    with writer.joined():
        for start in range(0, len(wanted), _REFRESHED_AT_ONCE):
            renewal = Refresh(writer, zone, keeps_capture=keeps_capture, is_thorough=is_thorough)
            renewal.remember(wanted[start : start + _REFRESHED_AT_ONCE], may_restack=may_restack)
            renewal.apply(now_ns)


# statement(property, element): index statement_property; things by their uid.
_SAYING = "SELECT DISTINCT s.asset_id FROM statement AS s WHERE {} ORDER BY s.asset_id"
_BY_ELEMENT = "s.property = '{}' AND s.element IN (SELECT value FROM json_each(?))"
SAYING: dict[str, str] = {
    "tag": _SAYING.format(_BY_ELEMENT.format("tag")),
    "album": _SAYING.format(_BY_ELEMENT.format("album")),
    "person": _SAYING.format(
        f"({_BY_ELEMENT.format('person')}) OR (s.property = 'face'"
        " AND CASE WHEN s.value <> 'false' THEN json_extract(s.value, '$.person') END IN (SELECT value FROM json_each(?)))"
    ),
    "stack": _SAYING.format(
        "s.property = 'stack' AND s.element = '' AND json_extract(s.value, '$') IN (SELECT value FROM json_each(?))"
    ),
}


def assets_saying(session: Session, kind: str, uids: Collection[str]) -> list[AssetId]:
    """Return the assets of which somebody says (or denies), or whose bytes say, one of these things, by id, each once.

    Args:
        session: any.
        kind: tag, album, person (faces too) or stack.
        uids: exactly these; what was merged into them has uids of its own.
    """
    wanted = json.dumps(sorted(uids))
    parameters = (wanted, wanted) if kind == "person" else (wanted,)
    found = {AssetId(row[0]) for row in session.rows(SAYING[kind], parameters)}
    return sorted(found.union(embedded_names.assets_naming(session, kind, uids)))


class Refresh:
    """One recomputation, alive within one transaction of its caller."""

    def __init__(
        self, writer: Writer, zone: ZoneInfo, *, keeps_capture: bool = False, is_thorough: bool = False
    ) -> None:
        self._writer = writer
        self._zone = zone
        self._keeps_capture = keeps_capture
        self._is_thorough = is_thorough
        self._before: dict[AssetId, Columns] = {}
        self._may_restack: set[AssetId] = set()
        self._cameras: dict[tuple[str, str], int] = {}

    def remember(self, asset_ids: Iterable[AssetId], *, may_restack: bool = False) -> None:
        """Keep how these assets look, before their rows are changed; the first time counts.

        Args:
            asset_ids: any; unknown ones are harmless.
            may_restack: their stack may become another for a reason that no column tells: new facts, or a statement
                or a thing about stacks.
        """
        wanted = list(dict.fromkeys(asset_ids))
        if may_restack:
            self._may_restack.update(wanted)
        for page in _pages([asset_id for asset_id in wanted if asset_id not in self._before]):
            for row in self._writer.rows(_STORED, (json.dumps(page),)):
                self._before[AssetId(row[0])] = Columns._make(row[1:])

    def apply(self, now_ns: int) -> None:
        """Recompute everything remembered and their stack mates, write the differences and tell the feed."""
        rows = Rows(
            self._camera_of,
            partial(embedded_names.made_uids, self._writer, now_ns=now_ns),
            PlaceRows(self._writer).of,
        )
        alone = self._alone(sorted(self._before), rows)
        restacked = self._restack(alone, now_ns)
        self._take_in_mates(alone, restacked, rows)
        derived = together(self._writer, alone)
        self._write(alone, derived, restacked, now_ns)
        self._before = {}
        self._may_restack = set()

    def _alone(self, asset_ids: Sequence[AssetId], rows: Rows) -> dict[AssetId, Alone]:
        found: dict[AssetId, Alone] = {}
        for page in _pages(asset_ids):
            inputs = read_inputs(self._writer, page)
            for one in alone_all(self._writer, inputs, self._zone, rows, keeps_capture=self._keeps_capture):
                found[one.asset_id] = one
        return found

    def _restack(self, alone: dict[AssetId, Alone], now_ns: int) -> set[AssetId]:
        """Write what places assets in stacks, have the stacks settled; return whose stack became another."""
        moved: list[AssetId] = []
        cells: set[int] = set()
        for asset_id, one in alone.items():
            old, new = one.stored, one.columns
            # The place too: names within a cell, and the directories of its family, are for the rules to judge.
            is_moved = _placing(old) != _placing(new)
            if is_moved or asset_id in self._may_restack:
                moved.append(asset_id)
                cells.update(cell for cell in (old.cell, old.twin, new.cell, new.twin) if cell is not None)
        if not moved:
            return set()
        self._writer.executemany(_PLACE, [self._place(alone[asset_id]) for asset_id in moved])
        aliases = [(asset_id,) for asset_id in moved if alone[asset_id].said is None]
        self._writer.executemany("UPDATE asset SET stack_id = NULL WHERE id = ?", aliases)
        return stacks.settle(self._writer, moved, cells, now_ns)

    def _place(self, one: Alone) -> tuple[object, ...]:
        columns = one.columns
        return (
            columns.cell,
            columns.twin,
            columns.facts_id,
            columns.location_id,
            columns.kind,
            columns.mime,
            one.asset_id,
        )

    def _take_in_mates(self, alone: dict[AssetId, Alone], restacked: set[AssetId], rows: Rows) -> None:
        """Add everybody who is, or was, in one stack with somebody here, as the stacks are now."""
        known = json.dumps(sorted(restacked & alone.keys()))
        for asset_id, stack_id in self._writer.rows(_STACK_OF, (known,)) if restacked else ():
            alone[asset_id] = alone[asset_id].in_stack(stack_id)
        left = sorted({one.stack_id for one in self._before.values() if one.stack_id is not None})
        wanted = restacked - alone.keys()
        if left:
            members = self._writer.rows(STACK_MEMBERS, (json.dumps(left),))
            wanted.update({AssetId(row[0]) for row in members} - alone.keys())
        wanted |= mates_of(self._writer, alone.values()) - alone.keys()
        while wanted:
            self.remember(sorted(wanted))
            alone.update(self._alone(sorted(wanted), rows))
            wanted = mates_of(self._writer, alone.values()) - alone.keys()

    def _write(
        self,
        alone: dict[AssetId, Alone],
        derived: dict[AssetId, Derived],
        restacked: set[AssetId],
        now_ns: int,
    ) -> None:
        moves: list[Move] = []
        writes = LayerWrites()
        for page in _pages(sorted(derived)):
            rows = read_rows(self._writer, page)
            rows.read_texts(self._writer, page if self._is_thorough else rows.with_words(page, derived))
            for asset_id in page:
                one, new, before = alone[asset_id], derived[asset_id], self._before[asset_id]
                is_said = writes.differ(asset_id, rows, new)
                if is_said or asset_id in restacked or new.columns != one.stored or new.columns != before:
                    looked = Derived(before, None, rows.members_of(asset_id), None)
                    moves.append(Move(asset_id, one.names, looked, new))
        folders = FolderMoves(self._writer, now_ns)
        folders.move(moves)
        self._writer.executemany(_UPDATE, [_row(move, now_ns) for move in moves])
        writes.write(self._writer)
        failpoint("store.refresh")
        folders.write()

    def _camera_of(self, make: str, model: str) -> int:
        key = (make, model)
        if key not in self._cameras:
            self._cameras[key] = cameras.get_or_create(self._writer, make, model)
        return self._cameras[key]


def _placing(columns: Columns) -> tuple[int | None, ...]:
    return columns.cell, columns.twin, columns.stack_id, columns.location_id


def _row(move: Move, now_ns: int) -> tuple[object, ...]:
    columns = move.after.columns
    return (*columns[:_PLACED], *columns[_PLACED + len(_WRITTEN_BEFORE) :], now_ns, move.asset_id)


def _pages(asset_ids: Sequence[AssetId]) -> Iterator[list[AssetId]]:
    for start in range(0, len(asset_ids), _READ_AT_ONCE):
        yield list(asset_ids[start : start + _READ_AT_ONCE])
