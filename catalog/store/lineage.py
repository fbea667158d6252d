"""Lineage: a former version of a photo that turned up beside the present one is stacked with it (DESIGN section 3).

The stack is a thing like one that was made by hand, of the kind that the present one's stack had, else `edit`; who is in
it, and that the present version stands for it, the machine says in statements. They are of the layer `plugin`, so that
whatever people say wins for ever, in the transaction and the journal row of the inheritance.

Invariants
- where anything is said of the stack of either photo nothing is added: a split stays one, the heir inherits the rest;
- versions whose clocks or cameras contradict each other are not stacked: another picture was written over the first one;
- who was stacked unread, and turns out to be a third photo, is taken out again;
- the machine's cover yields to every cover that a person chose, whenever that was.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from catalog.ids import AssetId, new_uid
from catalog.stacks import are_versions
from catalog.store import journal, things
from catalog.store.assets import Refresh
from catalog.store.db import Writer
from catalog.store.stack_candidates import read_versions
from catalog.store.stacks import label_of
from catalog.store.things import Snapshot
from catalog.values import JournalItem

# Value of the statement `cover`: earlier than every instant at which a person chose a cover.
COVERS_SINCE_NS = 1


_OURS = f"source = 'plugin' AND author = '{journal.MACHINE}'"
_STACKED = f"property = 'stack' AND {_OURS}"
_COVERS = f"property = 'cover' AND {_OURS}"


class NewStack(NamedTuple):
    """A stack that was just made, and the statements about it."""

    uid: str
    row: Snapshot
    items: list[JournalItem]


def stack_with_former(writer: Writer, present: AssetId, heir: AssetId, *, now_ns: int) -> NewStack | None:
    """Put a photo and the heir of its former bytes into one new stack; return it, or None = they are in none.

    Both have their contents and statements already, and the caller's `Refresh` remembers both with `may_restack`.
    """
    said = writer.row(
        "SELECT 1 FROM statement WHERE asset_id IN (?, ?) AND property = 'stack' LIMIT 1", (present, heir)
    )
    if said is not None or not _are_versions(writer, present, heir):
        return None
    name, kind, is_behind = writer.row(
        "SELECT a.name, s.kind, a.cover_id IS NOT NULL FROM asset AS a LEFT JOIN stack AS s ON s.id = a.stack_id"
        " WHERE a.id = ?",
        (present,),
    ) or (None, None, None)
    assert name is not None, "the photo is there"
    uid = new_uid()
    row: Snapshot = {
        "origin": "user",
        "kind": kind or "edit",
        "label": label_of(name, uid),
        "is_deleted": 0,
        "created_ns": now_ns,
    }
    things.restore(writer, "stack", uid, row)
    items = [_say(writer, one, "stack", uid, now_ns) for one in (present, heir)]
    if not is_behind:  # else something better stands for it, and for its former self
        items += _cover(writer, present, now_ns)
    return NewStack(uid, row, items)


def withdraw(writer: Writer, present: AssetId, refresh: Refresh) -> list[JournalItem]:
    """Take back that a photo is a version of another: its bytes, read only now, are a third photo's.

    Returns what changed, for the journal. What people said of the stack stays.
    """
    own = writer.value(f"SELECT value FROM statement WHERE asset_id = ? AND {_STACKED}", (present,))
    if own is None:
        return []
    rows = writer.rows(
        "SELECT id, asset_id, property, value, made_ns FROM statement"
        f" WHERE element = '' AND {_STACKED} AND value = ?1"
        f" UNION ALL SELECT id, asset_id, property, value, made_ns FROM statement WHERE asset_id = ?2 AND {_COVERS}",
        (own, present),
    )
    refresh.remember([AssetId(row[1]) for row in rows], may_restack=True)
    writer.executemany("DELETE FROM statement WHERE id = ?", [(row[0],) for row in rows])
    return [
        JournalItem(AssetId(one), name, "", "plugin", journal.MACHINE, value, made_ns, None, None)
        for _, one, name, value, made_ns in rows
    ]


def _are_versions(writer: Writer, present: AssetId, heir: AssetId) -> bool:
    found = read_versions(writer, [present, heir])
    return len(found) == 2 and are_versions(*found)


def _cover(writer: Writer, present: AssetId, now_ns: int) -> list[JournalItem]:
    known = writer.row(
        "SELECT 1 FROM statement WHERE asset_id = ? AND property = 'cover' LIMIT 1", (present,)
    )
    return [] if known is not None else [_say(writer, present, "cover", COVERS_SINCE_NS, now_ns)]


def _say(writer: Writer, asset_id: AssetId, name: str, value: str | int, now_ns: int) -> JournalItem:
    said = (asset_id, name, "", "plugin", journal.MACHINE)
    text = json.dumps(value)
    writer.execute(
        "INSERT INTO statement (asset_id, property, element, source, author, value, made_ns)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*said, text, now_ns),
    )
    return JournalItem(*said, None, None, text, now_ns)
