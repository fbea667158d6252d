"""The journal: every user command and every merge, with the statements before and after.

Invariant: a statement and its journal row are written in one transaction, so that all items, replayed, are the
statements (I19).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from catalog.ids import AssetId
from catalog.store.db import Session, Writer
from catalog.values import JournalItem, JournalRow

MACHINE = "glassine"  # author of what the program does by itself
_ITEM_COLUMNS = tuple(JournalItem.__dataclass_fields__)
_INSERT_ITEM = f"INSERT INTO journal_item (journal_id, {', '.join(_ITEM_COLUMNS)}) VALUES (?, {', '.join('?' * len(_ITEM_COLUMNS))})"


def append(
    writer: Writer,
    command: Mapping[str, Any],
    *,
    author: str,
    now_ns: int,
    items: Sequence[JournalItem] = (),
) -> int:
    """Append a row, inside the caller's transaction; return its id.

    No row is older than the one before it, whatever the clock does: who says something next looks at the newest alone.
    """
    with writer.atomic():
        text = json.dumps(dict(command), ensure_ascii=False, separators=(",", ":"))
        writer.execute(
            "INSERT INTO journal (command, author, made_ns) VALUES (?1, ?2, max(?3,"
            " ifnull((SELECT made_ns FROM journal ORDER BY id DESC LIMIT 1), ?3)))",
            (text, author, now_ns),
        )
        journal_id = writer.last_id("journal")
        writer.executemany(
            _INSERT_ITEM,
            [(journal_id, *(getattr(one, name) for name in _ITEM_COLUMNS)) for one in items],
        )
    return journal_id


def append_new_thing(
    writer: Writer, journal_id: int, kind: str, uid: str, content: Mapping[str, Any]
) -> None:
    """Add to a row that it made a thing; `content` as `catalog.store.things` snapshots it."""
    text = json.dumps(dict(content), ensure_ascii=False, separators=(",", ":"))
    writer.execute(
        "INSERT INTO journal_thing (journal_id, kind, uid, before, after) VALUES (?, ?, ?, NULL, ?)",
        (journal_id, kind, uid, text),
    )


def newest(session: Session, limit: int = 50, *, before: int | None = None) -> list[JournalRow]:
    """Return journal rows, newest first; `before` pages on."""
    rows = session.rows(
        "SELECT id, command, author, made_ns, undone_by FROM journal WHERE id < ? ORDER BY id DESC LIMIT ?",
        (before if before is not None else 2**63 - 1, limit),
    )
    return [
        JournalRow(row[0], json.loads(row[1]), row[2], row[3], row[4], _items(session, row[0]))
        for row in rows
    ]


def unite_statements(writer: Writer, younger: AssetId, older: AssetId) -> list[JournalItem]:
    """Move what is said about one asset to another; of two sayings by the same author the later one stays.

    Returns what changed on both, for the journal.
    """
    items: list[JournalItem] = []
    rows = writer.rows(
        "SELECT id, property, element, source, author, value, made_ns FROM statement WHERE asset_id = ? ORDER BY id",
        (younger,),
    )
    for row_id, name, element, source, author, value, made_ns in rows:
        said = (name, element, source, author)
        known = writer.row(
            "SELECT id, value, made_ns FROM statement"
            " WHERE asset_id = ? AND property = ? AND element = ? AND source = ? AND author = ?",
            (older, *said),
        )
        items.append(JournalItem(younger, *said, value, made_ns, None, None))
        if known is None:
            writer.execute("UPDATE statement SET asset_id = ? WHERE id = ?", (older, row_id))
            items.append(JournalItem(older, *said, None, None, value, made_ns))
            continue
        writer.execute("DELETE FROM statement WHERE id = ?", (row_id,))
        if made_ns > known[2]:
            writer.execute(
                "UPDATE statement SET value = ?, made_ns = ? WHERE id = ?", (value, made_ns, known[0])
            )
            items.append(JournalItem(older, *said, known[1], known[2], value, made_ns))
    return items


def inherit_statements(writer: Writer, heir: AssetId, former: AssetId) -> list[JournalItem]:
    """Say of an asset of which nothing is said what is said of another now; return that, for the journal.

    That the other stands for its stack (`cover`) is about that one alone.
    """
    rows = writer.rows(
        "SELECT property, element, source, author, value, made_ns FROM statement WHERE asset_id = ?1"
        " AND property <> 'cover' AND NOT EXISTS"
        " (SELECT 1 FROM statement AS own WHERE own.asset_id = ?2 AND own.property = statement.property"
        " AND own.element = statement.element AND own.source = statement.source AND own.author = statement.author)"
        " ORDER BY id",
        (former, heir),
    )
    writer.executemany(
        "INSERT INTO statement (asset_id, property, element, source, author, value, made_ns) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(heir, *row) for row in rows],
    )
    return [
        JournalItem(heir, name, element, source, author, None, None, value, made_ns)
        for name, element, source, author, value, made_ns in rows
    ]


def _items(session: Session, journal_id: int) -> tuple[JournalItem, ...]:
    rows = session.rows(
        f"SELECT {', '.join(_ITEM_COLUMNS)} FROM journal_item WHERE journal_id = ? ORDER BY rowid",
        (journal_id,),
    )
    return tuple(JournalItem(AssetId(row[0]), *row[1:]) for row in rows)
