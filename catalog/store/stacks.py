"""Stacks in the catalog: which assets belong together, by their owner's word first, else by rule.

`settle` decides about everybody who shares a cell or an identifier with what changed: load, group (`catalog.stacks`),
lay statements over it, write the differences. Called by `catalog.store.assets.Refresh` alone, in its transaction.

Invariants
- an asset is in one stack at most, and what people say wins for ever: `stack` = false is in none, a uid is in that one;
- a partner of a rule joins the stack made by hand that the others of its group are in, if that is one;
- membership asks for no state: a trashed, hidden or missing photo stays where it is, its stack waits for it;
- a stack by rule keeps its row as long as one member stays, and gets it back when it forms again: its uid is a hash of a
  member's, so that undo, a flap of a disk or a rebuild lead to the same folder.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from blake3 import blake3

from catalog import names
from catalog.ids import AssetId, Uid, new_uid, short_of, uid_from_int
from catalog.layer import effective
from catalog.stacks import Group, group
from catalog.store.db import Session, Writer
from catalog.store.inputs import read_statements
from catalog.store.stack_candidates import Placed, by_ids, by_twins, in_cells, read_candidates
from catalog.store.stack_listing import StackRow, covers_among, stack_of, stacks, stacks_with

_AT_ONCE = 500  # cells: memory is a page's, however much a command changes

__all__ = [
    "StackRow",
    "covers_among",
    "label_of",
    "misplaced",
    "settle",
    "stack_of",
    "stack_uid_of",
    "stacks",
    "stacks_with",
]


def settle(
    writer: Writer, asset_ids: Collection[AssetId], cells: Collection[int], now_ns: int
) -> set[AssetId]:
    """Form, change and dissolve the stacks that these assets can be in.

    Args:
        writer: inside a transaction; the rows of `asset` have their new cell, twin, facts_id and location_id.
        asset_ids: whose facts, location, cell, twin or `stack` statement changed.
        cells: the cells and twins that they had and have.
        now_ns: when rows of new stacks are made.

    Returns:
        Everyone whose stack became another, and everyone who is or was in one stack with them.
    """
    touched: set[AssetId] = set()
    decided: set[AssetId] = set()
    for page in _pages(sorted(cells)):
        touched |= _settle(writer, _scope_of_cells(writer, page), now_ns, decided)
    for page in _pages(sorted(set(asset_ids) - decided)):  # without a cell, or too late for a crowded one
        touched |= _settle(writer, _Scope(_without_mates(writer, page), {}), now_ns, decided)
    return touched


def misplaced(session: Session, asset_ids: Collection[AssetId]) -> list[tuple[AssetId, str]]:
    """Return those of these assets whose stack is not what statements and rules say, and what is wrong: for `check`."""
    placed = by_ids(session, asset_ids)
    scope = _scope_of_cells(session, {one.cell for one in placed if one.cell is not None})
    rest = _without_mates(session, [one.id for one in placed if one.id not in scope.decided])
    plan = _plan(session, _Scope(scope.decided | rest, scope.halves))
    mates = {asset_id: set(one.members) for one in plan.by_rule for asset_id in one.members}
    members = _members_by_stack(session, {one.stack_id for one in placed if one.stack_id is not None})
    wrong: list[tuple[AssetId, str]] = []
    for one in placed:
        by_hand = plan.by_hand.get(one.id)
        if by_hand is not None and one.stack_id != by_hand:
            wrong.append((one.id, f"it is in stack {one.stack_id}, not in {by_hand}, which was made by hand"))
        elif by_hand is None and members.get(one.stack_id or 0, set()) != mates.get(one.id, set()):
            wrong.append((one.id, f"stack {one.stack_id} is not what the rules make of it"))
    return wrong


def stack_uid_of(asset_uid: str) -> Uid:
    """Return the uid of the stack by rule that an asset founds."""
    return uid_from_int(int.from_bytes(blake3(b"stack\0" + asset_uid.encode()).digest(16), "big"))


def label_of(cover_name: str, uid: str) -> str:
    """Return the folder label of a stack: the stem of its cover's display name and `~short`; it never changes."""
    return f"{names.clean_label(names.split_extension(cover_name)[0])}~{short_of(uid)}"


# ---- who is looked at


class _Scope(NamedTuple):
    """Whose stack is decided about, and those outside who share an identifier with them, who only bear witness."""

    decided: dict[AssetId, Placed]
    halves: dict[AssetId, Placed]


def _scope_of_cells(session: Session, hashes: Collection[int]) -> _Scope:
    """Return everyone whose stack can be another after something changed in these cells and identifiers.

    That is everyone in them, and in the cells of who shares one of the identifiers: the two halves of a Live Photo that
    share no cell are a stack of their own and leave their cells.
    """
    found = in_cells(session, hashes)
    further = {one.cell for one in by_twins(session, hashes) if one.cell is not None}.difference(hashes)
    found += in_cells(session, further) if further else []
    decided = {one.id: one for one in sorted(found, key=lambda one: one.id)}
    twins = {one.twin for one in found if one.twin is not None}
    halves = {one.id: one for one in by_twins(session, twins) if one.id not in decided} if twins else {}
    return _Scope(decided, halves)


def _without_mates(session: Session, asset_ids: Sequence[int]) -> dict[AssetId, Placed]:
    """Return assets for which no rule has a mate: only what people say counts."""
    placed = by_ids(session, [AssetId(one) for one in asset_ids])
    return {one.id: one._replace(cell=None, twin=None) for one in placed}


class _Plan(NamedTuple):
    """What should be. `by_hand`: asset -> row of the stack that it is said, or found, to be in."""

    by_hand: dict[AssetId, int]
    by_rule: list[Group]


def _plan(session: Session, scope: _Scope) -> _Plan:
    said = _said(session, [*scope.decided, *scope.halves])
    rows = _stacks_by_hand(session, {uid for uid in said.values() if uid is not None})
    by_hand = {asset_id: rows[uid] for asset_id, uid in said.items() if uid is not None and uid in rows}
    alone = {asset_id for asset_id, uid in said.items() if uid is None}
    by_rule: list[Group] = []
    found = _groups(session, scope, alone)
    while found:
        one = found.pop()
        stacks_of_it = {by_hand[member] for member in one.members if member in by_hand}
        if not stacks_of_it:
            by_rule.append(one)
        elif len(stacks_of_it) == 1:
            (stack_id,) = stacks_of_it
            by_hand.update(dict.fromkeys(one.members, stack_id))
        else:  # its members were put into different stacks: the others are on their own
            left = [member for member in one.members if member not in by_hand]
            found += group(read_candidates(session, left)) if len(left) > 1 else []
    return _Plan(by_hand, sorted(by_rule, key=lambda group_: group_.members))


def _said(session: Session, asset_ids: Sequence[AssetId]) -> dict[AssetId, str | None]:
    """Return what people say: uid of a stack, or None = in none; who is spoken of by nobody is left out."""
    found: dict[AssetId, str | None] = {}
    for asset_id, statements in read_statements(session, asset_ids, ("stack",)).items():
        ruling = effective("stack", statements)
        if ruling is not None and ruling.value is not None:
            found[asset_id] = ruling.value or None
    return found


def _stacks_by_hand(session: Session, uids: Collection[str]) -> dict[str, int]:
    return dict(
        session.rows(
            "SELECT uid, id FROM stack WHERE uid IN (SELECT value FROM json_each(?)) AND origin = 'user'"
            " AND is_deleted = 0",
            (json.dumps(sorted(uids)),),
        )
    )


def _groups(session: Session, scope: _Scope, alone: Collection[AssetId]) -> list[Group]:
    """Return what the rules say about those in scope; who is alone by word takes no part."""
    everyone = (*scope.decided.values(), *scope.halves.values())
    cells, twins = _crowded(one.cell for one in everyone), _crowded(one.twin for one in everyone)
    wanted = {one.id for one in everyone if one.cell in cells or one.twin in twins}.difference(alone)
    if len(wanted) < 2:
        return []
    found = group(read_candidates(session, wanted))
    # Of a half's own cell only the half is here: what else that cell holds is not for us to say.
    return [one for one in found if not scope.halves.keys() >= set(one.members)]


def _crowded(hashes: Iterable[int | None]) -> set[int]:
    seen: set[int] = set()
    crowded: set[int] = set()
    for one in hashes:
        if one is not None:
            (crowded if one in seen else seen).add(one)
    return crowded


# ---- rows of stacks


def _settle(writer: Writer, scope: _Scope, now_ns: int, decided: set[AssetId]) -> set[AssetId]:
    """Decide about a scope and write it; add to `decided`, return who is touched as `settle` does."""
    decided.update(scope.decided)
    plan = _plan(writer, scope)
    wanted, touched = _write_rows(writer, plan, scope, now_ns)
    changed = {
        one.id: (one.stack_id, wanted.get(one.id))
        for one in scope.decided.values()
        if one.stack_id != wanted.get(one.id)
    }
    touched.update(stack_id for pair in changed.values() for stack_id in pair if stack_id is not None)
    before = _members(writer, touched)
    writer.executemany(
        "UPDATE asset SET stack_id = ? WHERE id = ?",
        [(new, asset_id) for asset_id, (_, new) in changed.items()],
    )
    return before | _members(writer, touched) | changed.keys()


def _write_rows(
    writer: Writer, plan: _Plan, scope: _Scope, now_ns: int
) -> tuple[dict[AssetId, int], set[int]]:
    """Find or make the row of each stack; return asset -> row, and the rows whose kind became another."""
    wanted = dict(plan.by_hand)
    if not plan.by_rule:
        return wanted, set()
    book = _Rows(writer, plan.by_rule, scope, now_ns)
    for one in plan.by_rule:
        wanted.update(dict.fromkeys(one.members, book.row_of(one)))
    book.write()
    return wanted, book.renamed


class _Rows:
    """The rows of the stacks by rule of one settlement."""

    def __init__(self, writer: Writer, groups: Sequence[Group], scope: _Scope, now_ns: int) -> None:
        self._writer = writer
        self._now_ns = now_ns
        members = json.dumps([member for one in groups for member in one.members])
        self._uids: dict[AssetId, str] = {}
        self._names: dict[AssetId, str] = {}
        self._present: dict[AssetId, int] = {}
        for asset_id, uid, name, row in writer.rows(FOUNDERS, (members,)):
            self._uids[asset_id], self._names[asset_id] = uid, name
            if row is not None:
                self._present[asset_id] = row
        founded = json.dumps(sorted(stack_uid_of(uid) for uid in self._uids.values()))
        present = set(self._present.values())
        self._by_uid: dict[str, int] = {}
        self._kinds: dict[int, str] = {}
        for uid, row, kind in writer.rows(KNOWN, (founded, json.dumps(sorted(present)))):
            self._by_uid[uid], self._kinds[row] = row, kind
        # A row that somebody has is not for a group that could find it by its founder.
        elsewhere = set(self._by_uid.values()) - present
        taken = writer.rows(IN_STACKS, (json.dumps(sorted(elsewhere)),))
        self._reserved = present | {row for asset_id, row in taken if asset_id not in scope.decided}
        self._claimed: set[int] = set()
        self._new: list[tuple[object, ...]] = []
        self._next_id = writer.last_id("stack") + 1
        self._changed_kinds: list[tuple[str, int]] = []
        self.renamed: set[int] = set()

    def row_of(self, one: Group) -> int:
        """Return the row: the oldest that a member is in, else one that a member founded, else a new one."""
        claimed = self._present_row(one)
        if claimed is None:
            claimed = self._founded_row(one)
        if claimed is None:
            return self._new_row(one)
        self._claimed.add(claimed)
        if self._kinds[claimed] != one.kind:
            self._changed_kinds.append((one.kind, claimed))
            self.renamed.add(claimed)
        return claimed

    def _present_row(self, one: Group) -> int | None:
        rows = {self._present[member] for member in one.members if member in self._present} - self._claimed
        return min(rows, default=None)

    def _founded_row(self, one: Group) -> int | None:
        rows = (self._by_uid.get(stack_uid_of(self._uids[member])) for member in one.members)
        free = (row for row in rows if row and row not in self._reserved and row not in self._claimed)
        return next(free, None)

    def _new_row(self, one: Group) -> int:
        founded = (stack_uid_of(self._uids[member]) for member in one.members)
        # A random one only if each member founded a stack that others are in now.
        uid = next((uid for uid in founded if uid not in self._by_uid), None) or new_uid()
        row = self._next_id
        self._next_id += 1
        self._by_uid[uid] = row
        self._claimed.add(row)
        self._new.append((row, uid, one.kind, label_of(self._names[one.cover], uid), self._now_ns))
        return row

    def write(self) -> None:
        """Insert the new rows, correct the kinds."""
        self._writer.executemany(
            "INSERT INTO stack (id, uid, origin, kind, label, created_ns) VALUES (?, ?, 'rule', ?, ?, ?)",
            self._new,
        )
        self._writer.executemany("UPDATE stack SET kind = ? WHERE id = ?", self._changed_kinds)


FOUNDERS = (
    "SELECT a.id, a.uid, a.name, s.id FROM json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value"
    " LEFT JOIN stack AS s ON s.id = a.stack_id AND s.origin = 'rule' AND s.is_deleted = 0"
)
KNOWN = (
    "SELECT s.uid, s.id, s.kind FROM json_each(?1) AS wanted CROSS JOIN stack AS s ON s.uid = wanted.value"
    " UNION SELECT s.uid, s.id, s.kind FROM json_each(?2) AS wanted CROSS JOIN stack AS s ON s.id = wanted.value"
)
# index asset_stack
IN_STACKS = (
    "SELECT a.id, a.stack_id FROM json_each(?) AS wanted"
    " CROSS JOIN asset AS a INDEXED BY asset_stack ON a.stack_id = wanted.value"
)


def _members(session: Session, stack_ids: Collection[int]) -> set[AssetId]:
    return {member for members in _members_by_stack(session, stack_ids).values() for member in members}


def _members_by_stack(session: Session, stack_ids: Collection[int]) -> dict[int, set[AssetId]]:
    found: dict[int, set[AssetId]] = {}
    for asset_id, stack_id in session.rows(IN_STACKS, (json.dumps(sorted(stack_ids)),)) if stack_ids else ():
        found.setdefault(stack_id, set()).add(AssetId(asset_id))
    return found


def _pages(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), _AT_ONCE):
        yield numbers[start : start + _AT_ONCE]
