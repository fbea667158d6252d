"""The journal after a restored dump: the history that came with it, or one row that holds everything that came.

Invariant: the items of the journal, replayed, are what is said (I19). Works on the temporary tables of `dump_intake`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from catalog.store import things
from catalog.store.db import Writer
from catalog.store.dump_intake import pages

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def record_everything(writer: Writer, journal_id: int) -> None:
    """Note every statement and thing as brought by one journal row: replayed, the journal is what is said (I19)."""
    writer.execute(
        "INSERT INTO journal_item (journal_id, asset_id, property, element, source, author, after, after_ns)"
        " SELECT ?, asset_id, property, element, source, author, value, made_ns FROM statement ORDER BY id",
        (journal_id,),
    )
    for kind in things.KINDS:
        if kind != "stack":
            _record_things(writer, journal_id, kind)
    stacks = [uid for (uid,) in writer.rows("SELECT uid FROM stack WHERE origin = 'user' ORDER BY id")]
    _record_things(writer, journal_id, "stack", stacks)


def _record_things(writer: Writer, journal_id: int, kind: str, uids: list[str] | None = None) -> None:
    writer.executemany(
        "INSERT INTO journal_thing (journal_id, kind, uid, after) VALUES (?, ?, ?, ?)",
        [
            (journal_id, kind, uid, _ENCODER.encode(row))
            for uid, row in things.snapshots(writer, kind, uids).items()
        ],
    )


def restore_history(writer: Writer) -> None:
    """Bring the rows of the journal back under their numbers, which people know; those of this library follow them."""
    newest = int(writer.value("SELECT max(id) FROM temp.d_journal"))
    own = writer.rows("SELECT id, command, author, made_ns FROM journal ORDER BY id")
    writer.execute("DELETE FROM journal")  # no item refers to them: nothing was said here
    for page in pages(writer, "SELECT pos, document FROM temp.d_journal WHERE pos > ? ORDER BY pos LIMIT ?"):
        for _, text in page:
            _history_row(writer, json.loads(text))
    for _, text in _history(writer):
        document = json.loads(text)
        writer.execute(
            "UPDATE journal SET undone_by = ? WHERE id = ?", (document["undone_by"], document["id"])
        )
    first = max(newest, writer.last_id("journal")) + 1
    writer.executemany(
        "INSERT INTO journal (id, command, author, made_ns) VALUES (?, ?, ?, ?)",
        [(first + offset, *row[1:]) for offset, row in enumerate(own)],
    )


def _history(writer: Writer) -> Iterator[tuple[Any, ...]]:
    sql = (
        "SELECT pos, document FROM temp.d_journal WHERE pos > ? AND json_extract(document, '$.undone_by') IS NOT NULL"
        " ORDER BY pos LIMIT ?"
    )
    for page in pages(writer, sql):
        yield from page


def _history_row(writer: Writer, document: dict[str, Any]) -> None:
    writer.execute(
        "INSERT INTO journal (id, command, author, made_ns) VALUES (?, ?, ?, ?)",
        (document["id"], _ENCODER.encode(document["command"]), document["author"], document["made_ns"]),
    )
    writer.executemany(
        "INSERT INTO journal_item (journal_id, asset_id, property, element, source, author, before, before_ns, after,"
        " after_ns) VALUES (?, (SELECT id FROM asset WHERE uid = ?), ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                document["id"], item["photo"], item["property"], item["element"], item["source"], item["author"],
                _text_of(item, "before"), item.get("before_ns"), _text_of(item, "after"), item.get("after_ns"),
            )
            for item in document["items"]
        ],
    )  # fmt: skip
    writer.executemany(
        "INSERT INTO journal_thing (journal_id, kind, uid, before, after) VALUES (?, ?, ?, ?, ?)",
        [
            (
                document["id"], thing["kind"], thing["uid"],
                *(None if thing[name] is None else _ENCODER.encode(thing[name]) for name in ("before", "after")),
            )
            for thing in document["things"]
        ],
    )  # fmt: skip


def _text_of(item: dict[str, Any], name: str) -> str | None:
    return _ENCODER.encode(item[name]) if name in item else None
