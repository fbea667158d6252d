"""Undo: taking back one row of the journal, exactly, or not at all.

Every statement and thing that the row changed is compared with what the row left (value and time). What is different
was changed by a later row, and the undo is refused with that row's number; so it is where the later edits need a thing
that would be gone. Assets that were merged meanwhile are followed to the photo that they are now. An undo is a row
itself, so that it can be taken back: that is the redo.

Invariants: after an undo every statement and thing of the row is what it was before it, made at that time, but for tags
and persons that files name, which stay (`undo_named`); a row is marked (`undone_by`) exactly while it is taken back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from catalog.errors import Conflict, NotFound
from catalog.ids import AssetId
from catalog.store import things
from catalog.store.db import Session, Writer
from catalog.store.edits import MAX_TOLD, Edit, EditResult, Key, Word
from catalog.store.identity import MACHINE
from catalog.store.things import Snapshot
from catalog.store.undo_limits import refuse_broken_things, refuse_taken_names, things_in_the_way
from catalog.store.undo_named import kept_alive

_NOT_UNDOABLE = {
    "merge": "the photos are one because their bytes are the same, and they still are",
    "read_sidecar": "the sidecar says so: change it there, or say otherwise, which counts more",
    "trash.purge": "a purge removed files; no edit brings them back",
}


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did: the row it took back, that row's command (as the journal keeps it), and the edit."""

    undone: int
    command: dict[str, Any]
    result: EditResult


class Row(NamedTuple):
    """The head of a journal row."""

    id: int
    command: dict[str, Any]
    author: str
    made_ns: int
    undone_by: int | None


class _Item(NamedTuple):
    key: Key  # as it was called then
    before: Word | None
    after: Word | None


def undo(
    writer: Writer,
    journal_id: int | None,
    *,
    author: str,
    now_ns: int,
    max_items: int | None = None,
) -> Undone:
    """Take back a row of the journal.

    Args:
        writer: the one.
        journal_id: which row; None = the newest of this author that is not taken back and is no undo itself.
        author: who wants it.
        now_ns: the moment.
        max_items: as in `Edit.finish`.

    Raises:
        NotFound: no such row, or nothing to take back. Conflict: a later row stands in the way (details `journal`,
        `photos`, `things`), or this kind of row cannot be taken back; nothing was changed.
    """
    with writer.joined():
        row = _row(writer, journal_id) if journal_id is not None else _newest(writer, author)
        _require_undoable(writer, row)
        edit = Edit(writer, author=author, now_ns=now_ns)
        wanted = _words_before(writer, row)
        snapshots = _things_before(writer, row)
        for key in kept_alive(writer, _base(writer, row).id, snapshots):
            del snapshots[key]
        edit.set_words(wanted)
        back = [(kind, uid, before) for (kind, uid), (_, before) in snapshots.items()]
        refuse_taken_names(writer, row.id, back)
        edit.put_all(back)
        refuse_broken_things(writer, row.id, row.made_ns, snapshots)
        result = edit.finish({"do": "undo", "journal": row.id}, max_items=max_items)
        if result.journal_id is not None:
            _mark(writer, row, result.journal_id)
    return Undone(row.id, row.command, result)


# ---- which row


_ROW = "SELECT id, command, author, made_ns, undone_by FROM journal "


def _row(session: Session, journal_id: int) -> Row:
    found = session.row(_ROW + "WHERE id = ?", (journal_id,))
    if found is None:
        raise NotFound(
            f"there is no row {journal_id} in the journal", hint="see `glassine log`", journal=journal_id
        )
    return Row(found[0], json.loads(found[1]), *found[2:])


def _newest(session: Session, author: str) -> Row:
    found = session.row(
        _ROW + "WHERE author = ? AND undone_by IS NULL AND json_extract(command, '$.do') <> 'undo'"
        " AND (EXISTS (SELECT 1 FROM journal_item AS i WHERE i.journal_id = journal.id)"
        " OR EXISTS (SELECT 1 FROM journal_thing AS t WHERE t.journal_id = journal.id)) ORDER BY id DESC LIMIT 1",
        (author,),
    )
    if found is None:
        raise NotFound("there is nothing to take back", hint="see `glassine log`")
    return Row(found[0], json.loads(found[1]), *found[2:])


def _require_undoable(session: Session, row: Row) -> None:
    if row.undone_by is not None:
        raise Conflict(
            f"row {row.id} was taken back already, by row {row.undone_by}",
            hint=f"`glassine undo {row.undone_by}` does it again",
            journal=[row.undone_by],
        )
    do = str(row.command.get("do"))
    if row.author == MACHINE or do in _NOT_UNDOABLE:
        reason = _NOT_UNDOABLE.get(do, "the program did this by itself, and would do it again")
        raise Conflict(f"row {row.id} ({do}) cannot be taken back: {reason}", journal=[row.id])
    for table in ("journal_item", "journal_thing"):
        if session.row(f"SELECT 1 FROM {table} WHERE journal_id = ? LIMIT 1", (row.id,)) is not None:
            return
    raise Conflict(
        f"row {row.id} ({do}) cannot be taken back: it said nothing about photos",
        hint="use the opposite command",
        journal=[row.id],
    )


def _base(session: Session, row: Row) -> Row:
    """Return the row that this one takes back or does again, however often that happened; itself if it is no undo."""
    while row.command.get("do") == "undo":
        row = _row(session, int(row.command["journal"]))
    return row


def _mark(writer: Writer, row: Row, by: int) -> None:
    """Mark the row as taken back. If it was an undo, what it took back is in force again; and so on."""
    writer.execute("UPDATE journal SET undone_by = ? WHERE id = ?", (by, row.id))
    is_undone = True
    while row.command.get("do") == "undo":
        is_undone = not is_undone
        below = _row(writer, int(row.command["journal"]))
        writer.execute(
            "UPDATE journal SET undone_by = ? WHERE id = ?", (row.id if is_undone else None, below.id)
        )
        row = below


# ---- statements


def _words_before(writer: Writer, row: Row) -> dict[Key, tuple[Word | None, Word | None]]:
    """Return statement -> (now, before the row), assets as they are called now.

    Raises:
        Conflict: some statement is not what the row left.
    """
    items = _items(writer, row.id)
    now_called = _canonical(writer, [item.key.asset_id for item in items])
    groups: dict[Key, list[_Item]] = {}
    for item in items:
        groups.setdefault(item.key._replace(asset_id=now_called[item.key.asset_id]), []).append(item)
    current = _current(writer, groups)
    changed = [key for key, group in groups.items() if current.get(key) not in [item.after for item in group]]
    changed += _united(writer, row, groups)
    if changed:
        raise _overtaken(writer, row, list(dict.fromkeys(changed)))
    return {key: (current.get(key), _united_before(group)) for key, group in groups.items()}


def _items(session: Session, journal_id: int) -> list[_Item]:
    rows = session.rows(
        "SELECT asset_id, property, element, source, author, before, before_ns, after, after_ns FROM journal_item"
        " WHERE journal_id = ? ORDER BY rowid",
        (journal_id,),
    )
    return [
        _Item(
            Key(AssetId(row[0]), *row[1:5]),
            Word(row[5], row[6]) if row[5] is not None else None,
            Word(row[7], row[8]) if row[7] is not None else None,
        )
        for row in rows
    ]


def _canonical(session: Session, asset_ids: Iterable[AssetId]) -> dict[AssetId, AssetId]:
    return dict(
        session.rows(
            "SELECT a.id, ifnull(a.merged_into, a.id) FROM json_each(?) AS wanted"
            " CROSS JOIN asset AS a ON a.id = wanted.value",
            (json.dumps(list(dict.fromkeys(asset_ids))),),
        )
    )


def _current(session: Session, keys: Iterable[Key]) -> dict[Key, Word]:
    wanted = set(keys)
    rows = session.rows(
        "SELECT s.asset_id, s.property, s.element, s.source, s.author, s.value, s.made_ns"
        " FROM json_each(?) AS wanted CROSS JOIN statement AS s ON s.asset_id = wanted.value"
        " WHERE s.property IN (SELECT value FROM json_each(?))",
        (
            json.dumps(sorted({key.asset_id for key in wanted})),
            json.dumps(sorted({key.property for key in wanted})),
        ),
    )
    found = {Key(AssetId(row[0]), *row[1:5]): Word(row[5], row[6]) for row in rows}
    return {key: word for key, word in found.items() if key in wanted}


def _united_before(group: list[_Item]) -> Word | None:
    """Return what was said before of what is one photo now: as when two are merged, the later word."""
    said = [item.before for item in group if item.before is not None]
    return max(said, key=lambda word: word.made_ns, default=None)


def _united(session: Session, row: Row, groups: dict[Key, list[_Item]]) -> list[Key]:
    """Return the statements for which a later merge had to choose between a word of the row and another.

    What the other photo's word would be now cannot be told from the row: it would be lost. Words that only moved along
    are none of these, nor are those of photos about which the row spoke alike.
    """
    ours = {(key, item.key.asset_id) for key, group in groups.items() for item in group}
    overtaken: list[Key] = []
    for said, younger, older, is_moved in _unions(session, row.id, groups):
        sides = {(said, younger), (said, older)}
        if is_moved:
            ours |= {(said, older)} if (said, younger) in ours else set()
        elif sides & ours and not sides <= ours:
            overtaken.append(said)
    return overtaken


def _unions(
    session: Session, journal_id: int, groups: dict[Key, list[_Item]]
) -> list[tuple[Key, AssetId, AssetId, bool]]:
    """Return what later merges did with these statements, in order: (statement, younger, older, it only moved)."""
    rows = session.rows(
        "SELECT i.journal_id, i.asset_id, i.property, i.element, i.source, i.author, i.before IS NULL, o.id,"
        " ifnull(o.merged_into, o.id) FROM journal AS j CROSS JOIN journal_item AS i ON i.journal_id = j.id"
        " CROSS JOIN asset AS o ON o.short = substr(json_extract(j.command, '$.into'), 1, 6)"
        " WHERE j.id > ? AND j.author = ? AND json_extract(j.command, '$.do') = 'merge' ORDER BY j.id, i.rowid",
        (journal_id, MACHINE),
    )
    found: dict[tuple[int, Key], tuple[AssetId, AssetId, bool]] = {}
    for merge, called, name, element, source, author, is_new, older, now_called in rows:
        key = Key(AssetId(now_called), name, element, source, author)
        if key not in groups:
            continue
        younger, _, is_moved = found.get((merge, key), (AssetId(older), AssetId(older), False))
        if called != older:
            younger = AssetId(called)
        found[merge, key] = (younger, AssetId(older), is_moved or (called == older and bool(is_new)))
    return [(key, *union) for (_, key), union in found.items()]


def _overtaken(session: Session, row: Row, keys: list[Key]) -> Conflict:
    assets = sorted({key.asset_id for key in keys})
    names = {(key.asset_id, key.property, key.element) for key in keys}
    rows = session.rows(
        "SELECT c.id, c.uid, i.journal_id, i.property, i.element FROM json_each(?) AS wanted"
        " CROSS JOIN asset AS c ON c.id = wanted.value"
        " CROSS JOIN asset AS a ON a.id = c.id OR a.merged_into = c.id"
        " CROSS JOIN journal_item AS i ON i.asset_id = a.id AND i.journal_id > ?",
        (json.dumps(assets[:MAX_TOLD]), row.id),
    )
    later = {one[2] for one in rows if (one[0], one[3], one[4]) in names}
    uids = session.rows(
        "SELECT uid FROM asset WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
        (json.dumps(assets[:MAX_TOLD]),),
    )
    what = ", ".join(sorted({key.property for key in keys}))
    by = f" by row {max(later)}" if later else ""
    return Conflict(
        f"row {row.id} cannot be taken back: {what} of {len(assets)} photo{'s' if len(assets) != 1 else ''} was"
        f" changed later{by}",
        hint="take the later rows back first (see `glassine log`), or say it anew",
        journal=sorted(later),
        photos=[uid for (uid,) in uids],
        things=[],
    )


# ---- things


def _things_before(session: Session, row: Row) -> dict[tuple[str, str], tuple[Snapshot, Snapshot | None]]:
    """Return (kind, uid) -> (now, before the row).

    Raises:
        Conflict: some thing is not what the row left.
    """
    rows = session.rows(
        "SELECT kind, uid, before, after FROM journal_thing WHERE journal_id = ? ORDER BY rowid", (row.id,)
    )
    found: dict[tuple[str, str], tuple[Snapshot, Snapshot | None]] = {}
    changed: list[tuple[str, str]] = []
    current = {
        kind: things.snapshots(session, kind, [uid for one, uid, _, _ in rows if one == kind])
        for kind in {one[0] for one in rows}
    }
    for kind, uid, before, after in rows:
        now = current[kind].get(uid)
        if now is None or now != json.loads(after or "null"):
            changed.append((kind, uid))
        else:
            found[kind, uid] = (now, None if before is None else json.loads(before))
    if changed:
        raise things_in_the_way(session, row.id, changed, "was changed later")
    return found
