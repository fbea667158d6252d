"""The journal for people: rows with what they changed, bounded however much it was. Reads only.

Elements of sets come with the name that the thing has now; a row that changed 100,000 photos tells their number and the
first of its items.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from catalog.ids import AssetId
from catalog.store import things
from catalog.store.db import Row, Session

# Items and things of one row that are read at most; the rest is counted.
MAX_ITEMS = 100
NEWEST = "SELECT id, command, author, made_ns, undone_by FROM journal WHERE id < ? ORDER BY id DESC LIMIT ?"
OF_ASSETS = (  # journal_item_asset
    "SELECT id, command, author, made_ns, undone_by FROM journal WHERE id IN ("
    " SELECT i.journal_id FROM json_each(?) AS w CROSS JOIN journal_item AS i ON i.asset_id = w.value"
    " WHERE i.journal_id < ?) ORDER BY id DESC LIMIT ?"
)
MERGED = "SELECT a.id FROM json_each(?) AS w CROSS JOIN asset AS a ON a.merged_into = w.value"  # asset_alias
# journal_item_journal, which holds the items of a row in the order of writing
COUNTS = "SELECT count(DISTINCT asset_id), count(*) FROM journal_item WHERE journal_id = ?"
_ITEM = (
    "SELECT a.uid, i.property, i.element, i.source, i.author, i.before, i.before_ns, i.after, i.after_ns"
    " FROM journal_item AS i CROSS JOIN asset AS a ON a.id = i.asset_id WHERE i.journal_id = ?1"
)
ITEMS = f"{_ITEM} ORDER BY i.rowid LIMIT ?2"
ITEMS_OF_ASSETS = f"{_ITEM} AND i.asset_id IN (SELECT value FROM json_each(?3)) ORDER BY i.rowid LIMIT ?2"
THINGS = "SELECT kind, uid, before, after FROM journal_thing WHERE journal_id = ? ORDER BY rowid LIMIT ?"
_SET_KINDS = {"tag": "tag", "album": "album", "person": "person"}


class Said(NamedTuple):
    """A statement's value (JSON types) and when it was said."""

    value: Any
    made_ns: int


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One statement that a row changed; before/after None = there was, or is, no statement.

    Attributes:
        element: uid of a tag, album, person or face region, source of a date; None for scalars.
        name: path of the tag or album, name of the person, as it is now; None without one.
    """

    uid: str
    property: str
    element: str | None
    name: str | None
    source: str
    author: str
    before: Said | None
    after: Said | None


@dataclass(frozen=True, slots=True)
class ThingChange:
    """One tag, album, person, search or stack that a row made or changed; documents of `catalog.store.things`."""

    kind: str
    uid: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the journal. `photos`, `item_count`, `thing_count`: all there were, not only those that are told."""

    id: int
    command: dict[str, Any]
    author: str
    made_ns: int
    undone_by: int | None
    photos: int
    item_count: int
    thing_count: int
    items: tuple[ItemChange, ...]
    things: tuple[ThingChange, ...]


def entries(
    session: Session,
    *,
    limit: int,
    before: int | None = None,
    asset_ids: Sequence[AssetId] | None = None,
) -> list[Entry]:
    """Return journal rows, newest first.

    Args:
        session: to read with.
        limit: rows at most.
        before: only rows older than this one.
        asset_ids: only rows that changed one of these photos (or what has merged into them), and only their items.
    """
    top = before if before is not None else 2**63 - 1
    wanted = None if asset_ids is None else _with_merged(session, asset_ids)
    rows = (
        session.rows(NEWEST, (top, limit))
        if wanted is None
        else session.rows(OF_ASSETS, (wanted, top, limit))
    )
    return [_entry(session, row, wanted) for row in rows]


def _with_merged(session: Session, asset_ids: Sequence[AssetId]) -> str:
    rows = session.rows(MERGED, (json.dumps(list(asset_ids)),))
    return json.dumps([*asset_ids, *(row[0] for row in rows)])


def _entry(session: Session, row: Row, wanted: str | None) -> Entry:
    journal_id, command, author, made_ns, undone_by = row
    photos, item_count = session.rows(COUNTS, (journal_id,))[0]
    thing_count = session.value("SELECT count(*) FROM journal_thing WHERE journal_id = ?", (journal_id,))
    return Entry(
        id=journal_id,
        command=json.loads(command),
        author=author,
        made_ns=made_ns,
        undone_by=undone_by,
        photos=photos,
        item_count=item_count,
        thing_count=thing_count,
        items=_items(session, journal_id, wanted),
        things=_things(session, journal_id),
    )


def _items(session: Session, journal_id: int, wanted: str | None) -> tuple[ItemChange, ...]:
    rows = (
        session.rows(ITEMS, (journal_id, MAX_ITEMS))
        if wanted is None
        else session.rows(ITEMS_OF_ASSETS, (journal_id, MAX_ITEMS, wanted))
    )
    names = _names(session, rows)
    return tuple(
        ItemChange(
            uid=uid,
            property=name,
            element=element or None,
            name=names.get((name, element)),
            source=source,
            author=author,
            before=_said(before, before_ns),
            after=_said(after, after_ns),
        )
        for uid, name, element, source, author, before, before_ns, after, after_ns in rows
    )


def _names(session: Session, rows: Iterable[Row]) -> Mapping[tuple[str, str], str]:
    elements: dict[str, set[str]] = {}
    for row in rows:
        if row[1] in _SET_KINDS:
            elements.setdefault(row[1], set()).add(row[2])
    found = {}
    for name, uids in elements.items():
        for uid, content in things.snapshots(session, _SET_KINDS[name], uids).items():
            found[name, uid] = str(content.get("path") or content["name"])
    return found


def _things(session: Session, journal_id: int) -> tuple[ThingChange, ...]:
    rows = session.rows(THINGS, (journal_id, MAX_ITEMS))
    return tuple(ThingChange(kind, uid, _loaded(before), _loaded(after)) for kind, uid, before, after in rows)


def _said(text: str | None, made_ns: int | None) -> Said | None:
    return None if text is None or made_ns is None else Said(json.loads(text), made_ns)


def _loaded(text: str | None) -> dict[str, Any] | None:
    found: dict[str, Any] | None = None if text is None else json.loads(text)
    return found
