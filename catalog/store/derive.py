"""What an asset looks like: every denormalised column, folder and text, computed from the rows that rule it.

One computation for the writer (`catalog.store.assets`) and the checker (`catalog.store.check`), which compares. Two
stages: what an asset is alone (`catalog.store.alone`), then what its stack makes of it (`together`). Writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

from catalog.buckets import Bucket, MediaType, View
from catalog.ids import AssetId
from catalog.store.alone import (
    Alone,
    Rows,
    alone_all,
    capture_from_document,
    capture_to_text,
    effective_capture,
    resolution_of,
)
from catalog.store.db import Session
from catalog.store.inputs import (
    COLUMN_NAMES,
    Columns,
    Inputs,
    Names,
    read_inputs,
    read_statements,
    ready_facts,
)
from catalog.store.said import NOTHING, Effective, Said, Text

__all__ = [
    "COLUMN_NAMES",
    "Alone",
    "Columns",
    "Derived",
    "Inputs",
    "Member",
    "Names",
    "Rows",
    "alone_all",
    "capture_from_document",
    "capture_to_text",
    "derive_all",
    "effective_capture",
    "mates_of",
    "read_inputs",
    "read_statements",
    "ready_facts",
    "resolution_of",
    "together",
]

_LIVE = int(MediaType.LIVE)
_STACKS, _TRASH = int(View.STACKS), int(View.TRASH)


class Member(NamedTuple):
    """A row of the table `member`, without the asset."""

    view: int
    key: int
    sub: int
    is_listed: int


@dataclass(frozen=True, slots=True)
class Derived:
    """All that follows about one asset. `effective` None: no row; `text` None: an alias has none."""

    columns: Columns
    effective: Effective | None
    members: frozenset[Member]
    text: Text | None

    def buckets(self) -> frozenset[Bucket]:
        """Return every leaf folder that lists the asset."""
        own = self.columns.buckets()
        return (
            own | {Bucket(*member[:3]) for member in self.members if member.is_listed}
            if self.members
            else own
        )


def derive_all(session: Session, inputs: Sequence[Inputs], zone: ZoneInfo, rows: Rows) -> list[Derived]:
    """Compute what follows about each asset, in order. Their stack mates are read as well."""
    alone = {one.asset_id: one for one in alone_all(session, inputs, zone, rows)}
    missing = mates_of(session, alone.values()) - alone.keys()
    mates = alone_all(session, read_inputs(session, sorted(missing)), zone, rows) if missing else []
    found = together(session, alone | {one.asset_id: one for one in mates})
    return [found[one.asset_id] for one in inputs]


def mates_of(session: Session, alone: Iterable[Alone]) -> set[AssetId]:
    """Return everyone who is in one stack with some of these, themselves included."""
    stacks = sorted({one.columns.stack_id for one in alone if one.columns.stack_id is not None})
    return (
        {AssetId(row[0]) for row in session.rows(STACK_MEMBERS, (json.dumps(stacks),))} if stacks else set()
    )


# index asset_stack
STACK_MEMBERS = "SELECT a.id FROM json_each(?) AS wanted CROSS JOIN asset AS a INDEXED BY asset_stack ON a.stack_id = wanted.value"


class _Stack(NamedTuple):
    """A stack of at least two photos that can be seen."""

    id: int
    kind: str
    cover: Alone


def together(session: Session, alone: Mapping[AssetId, Alone]) -> dict[AssetId, Derived]:
    """Compute what follows about assets of whom all stack mates are there too."""
    stacks = _stacks(session, alone.values())
    return {asset_id: _derived(one, stacks.get(one.columns.stack_id or 0)) for asset_id, one in alone.items()}


def _stacks(session: Session, alone: Iterable[Alone]) -> dict[int, _Stack]:
    shown: dict[int, list[Alone]] = {}
    for one in alone:
        if one.columns.stack_id is not None and one.columns.state == "shown":
            shown.setdefault(one.columns.stack_id, []).append(one)
    seen = {stack_id: group for stack_id, group in shown.items() if len(group) > 1}
    if not seen:
        return {}
    rows = session.rows(STACK_KINDS, (json.dumps(sorted(seen)),))
    return {stack_id: _Stack(stack_id, kind, _cover(seen[stack_id])) for stack_id, kind in rows}


STACK_KINDS = "SELECT s.id, s.kind FROM json_each(?) AS wanted CROSS JOIN stack AS s ON s.id = wanted.value WHERE s.is_deleted = 0"


def _cover(shown: list[Alone]) -> Alone:
    """Return the one that was chosen last, else the first by the rules."""
    chosen = [one for one in shown if one.covers_ns is not None]
    if chosen:
        return max(chosen, key=lambda one: (one.covers_ns or 0, -one.asset_id))
    return min(shown, key=lambda one: (one.rank(), one.asset_id))


def _derived(one: Alone, stack: _Stack | None) -> Derived:
    said = one.said
    if said is None:
        return Derived(one.columns, None, frozenset(), None)
    columns, cover = one.columns, None
    if stack is not None and columns.state == "shown":
        if stack.cover.asset_id != one.asset_id:
            cover = stack.cover
            columns = columns._replace(cover_id=cover.asset_id, is_shown=0)
        elif stack.kind == "live":
            columns = columns._replace(types=columns.types | _LIVE)
    effective_row = None if said.effective == NOTHING else said.effective
    return Derived(columns, effective_row, _members(one, said, stack, cover), said.text)


def _members(one: Alone, said: Said, stack: _Stack | None, cover: Alone | None) -> frozenset[Member]:
    """Return the folders of an asset. A cover that is in a folder is listed there: it is shown."""
    if not said.folders and stack is None:
        return frozenset()
    is_shown = one.columns.state == "shown"
    beside: frozenset[Bucket] = (
        cover.said.folders if cover is not None and cover.said is not None else frozenset()
    )
    found = [
        Member(*folder, int(is_shown and folder not in beside))
        for folder in said.folders
        if folder.view != _TRASH
    ]
    is_here = one.location is not None and one.location.state == "present"
    is_trash = one.columns.state == "trashed" and is_here
    found.extend(Member(*folder, int(is_trash)) for folder in said.folders if folder.view == _TRASH)
    if stack is not None:
        found.append(Member(_STACKS, stack.id, stack.cover.columns.year or 0, int(is_shown)))
    return frozenset(found)
