"""Previews of contents: rows chosen from facts, what the cache is due, and what frontends ask.

Rows follow from the facts of a content, but those that were made: these follow from a file in the cache, stand in place of
slices or where there are none, and go when it goes. They are there only while the work is `done` (I22). Every question of
a listing is one query per page. Rules: `catalog.previews`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from catalog.capture import NS_PER_S
from catalog.facts import Facts
from catalog.ids import ContentHash, ContentId
from catalog.previews import LARGEST, SIZES, Chosen, Plan, is_same_bytes, kept_apart, plan, shown_length
from catalog.store import changes
from catalog.store.db import Row, Session, Writer
from catalog.store.facts_codec import facts_from_text
from catalog.store.work_items import work_item
from catalog.values import WorkItem

# An error that is not the file's fault is tried again after this.
RETRY_NS = 300 * NS_PER_S

_COLUMNS = 'p.slot, p."offset", p.length, p.width, p.height, p.orientation'


class Shown(NamedTuple):
    """One preview as the tree shows it.

    `slots` names the files of the cache that hold these very bytes, the nearest first; `hash` is the original's, None =
    unread.
    """

    content_id: ContentId
    chosen: Chosen
    hash: ContentHash | None
    mtime_ns: int
    ctime_ns: int
    uid: str
    slots: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Bytes as they are shown."""
        return shown_length(self.chosen.length, self.chosen.orientation)


class Due(NamedTuple):
    """A content whose previews shall lie in the cache as planned."""

    content_id: ContentId
    item: WorkItem
    hash: ContentHash
    plan: Plan


class Done(NamedTuple):
    """A content whose previews should lie in the cache: files of `slots`; `lacks_made` = what was made had to go."""

    content_id: ContentId
    hash: ContentHash
    lacks_made: bool
    slots: tuple[int, ...]


def record(writer: Writer, content_id: ContentId, facts: Facts, *, size_bytes: int) -> None:
    """Choose from fresh facts, in the caller's transaction; where they say the same as before nothing is done again.

    `size_bytes` is that of the file that was read.
    """
    planned = plan(facts, size_bytes)
    before = rows_of(writer, content_id)
    # What was made of these bytes before is what would be made.
    is_new = planned.with_made(row for row in before if row.offset is None) != before
    if is_new:
        _replace(writer, content_id, planned.rows)
    if is_new and before:
        changes.append(writer, [("photo", str(content_id), None)])
    if planned.has_pictures:
        _set_work(writer, content_id, "make" if planned.is_making else "copy", is_new=is_new)
    else:
        writer.execute("DELETE FROM preview_work WHERE content_id = ?", (content_id,))


def hand_over(writer: Writer, content_id: ContentId, *, into: ContentId) -> None:
    """Give the rows of a content that is about to go to the one that takes its facts."""
    for table in ("preview", "preview_work"):
        writer.execute(f"DELETE FROM {table} WHERE content_id = ?", (into,))
        writer.execute(f"UPDATE {table} SET content_id = ? WHERE content_id = ?", (into, content_id))


# What frontends ask


def preview_of(session: Session, content_id: ContentId, slot: int) -> Shown | None:
    """Return what is shown for a slot of a content, or None."""
    rows = session.rows(_PREVIEW_OF, (content_id,))
    return next((shown for row in rows if (shown := _shown(row, rows)).chosen.slot == slot), None)


def largest_of(session: Session, content_ids: Sequence[ContentId]) -> dict[ContentId, Shown]:
    """Return the largest preview of each of these contents that has one. One query."""
    if not content_ids:
        return {}
    rows = session.rows(_LARGEST, (json.dumps(content_ids),))
    return {ContentId(row[0]): _shown(row, ()) for row in rows}


# What the cache is due


def due(session: Session, limit: int, *, after: ContentId | None, now_ns: int) -> list[Due]:
    """Return contents whose previews are to be copied or made, by id behind `after`: hashed, and on an online volume."""
    return [
        Due(
            ContentId(row[1]),
            work_item(row, "preview"),
            ContentHash(row[9]),
            plan(facts_from_text(row[10]), row[11]),
        )
        for row in session.rows(_DUE, (after or 0, now_ns, limit))
    ]


def done_after(session: Session, after: int, limit: int) -> list[Done]:
    """Return what was copied or made, by id behind `after`."""
    found = []
    for content_id, digest, task in session.rows(
        "SELECT w.content_id, c.hash, w.task FROM preview_work AS w JOIN content AS c ON c.id = w.content_id"
        " WHERE w.state = 'done' AND c.hash IS NOT NULL AND w.content_id > ? ORDER BY w.content_id LIMIT ?",
        (after, limit),
    ):
        rows = rows_of(session, content_id)
        lacks_made = task == "make" and all(one.offset is not None for one in rows)
        slots = tuple(one.slot for one in kept_apart(rows))
        found.append(Done(ContentId(content_id), ContentHash(digest), lacks_made, slots))
    return found


def note_done(writer: Writer, content_id: ContentId, planned: Plan, made: Iterable[Chosen] = ()) -> None:
    """Note that all that was planned lies in the cache, and show what was made.

    Nothing is noted if newer facts, or a merge, came in between: then something else is due.
    """
    if plan_of(writer, content_id) != planned:
        return
    before = rows_of(writer, content_id)
    rows = planned.with_made(made)
    if rows != before:
        _replace(writer, content_id, rows)
        changes.append(writer, [("photo", str(content_id), None)])
    writer.execute(
        "UPDATE preview_work SET state = 'done', version = '', reason = NULL, retry_ns = NULL WHERE content_id = ?",
        (content_id,),
    )


def note_failed(writer: Writer, content_id: ContentId, version: str, reason: str) -> None:
    """Note that these makers cannot; others may."""
    writer.execute(
        "UPDATE preview_work SET state = 'failed', version = ?, reason = ?, retry_ns = NULL WHERE content_id = ?",
        (version, reason[:300], content_id),
    )


def note_later(writer: Writer, content_id: ContentId, now_ns: int) -> None:
    """Note that it is not the file's fault."""
    writer.execute(
        "UPDATE preview_work SET retry_ns = ? WHERE content_id = ?", (now_ns + RETRY_NS, content_id)
    )


def note_gone(writer: Writer, hashes: Iterable[ContentHash]) -> None:
    """Note that the cache has no room for these any more: slices are shown again in place of what was made of them."""
    for digest in hashes:
        row = writer.row("SELECT id FROM content WHERE hash = ?", (digest,))
        if row is not None:
            _show_slices(writer, ContentId(row[0]))


def make_due(writer: Writer, content_ids: Iterable[ContentId]) -> None:
    """Let previews be copied or made again; until then slices are shown."""
    for content_id in content_ids:
        _show_slices(writer, content_id)
        writer.execute("UPDATE preview_work SET state = 'due' WHERE content_id = ?", (content_id,))


def retry_failed(writer: Writer, version: str) -> int:
    """Make due again what other makers could not do; return how many."""
    return writer.execute(
        "UPDATE preview_work SET state = 'due', version = '', reason = NULL, retry_ns = NULL WHERE state = 'failed'"
        " AND version <> ?",
        (version,),
    )


def rows_of(session: Session, content_id: int) -> list[Chosen]:
    """Return the rows of a content by slot."""
    rows = session.rows(
        f"SELECT {_COLUMNS} FROM preview AS p WHERE p.content_id = ? ORDER BY p.slot", (content_id,)
    )
    return [Chosen(*row) for row in rows]


def plan_of(session: Session, content_id: ContentId) -> Plan | None:
    """Return what previews a content has by the facts that are stored; None = there are none, or it is gone."""
    row = session.row("SELECT facts, size FROM content WHERE id = ?", (content_id,))
    return None if row is None or row[0] is None else plan(facts_from_text(row[0]), row[1])


# Inside

# preview's primary key; asset_content or content's asset
_PREVIEW = (
    f"SELECT p.content_id, {_COLUMNS}, c.hash, a.mtime_ns, a.changed_ns, a.uid FROM preview AS p"
    " CROSS JOIN content AS c ON c.id = p.content_id CROSS JOIN asset AS a ON a.id = c.asset_id"
)
_PREVIEW_OF = _PREVIEW + " WHERE p.content_id = ?"
_LARGEST = _PREVIEW + f" WHERE p.slot = {LARGEST} AND p.content_id IN (SELECT value FROM json_each(?))"
# index preview_due
_DUE = (
    "SELECT l.id, l.content_id, l.volume_id, v.root, CASE d.path WHEN x'' THEN l.name"
    " ELSE CAST(d.path || '/' || l.name AS BLOB) END, l.size, l.mtime_ns, l.ctime_ns, l.inode, c.hash, c.facts, c.size"
    " FROM preview_work AS w INDEXED BY preview_due CROSS JOIN content AS c ON c.id = w.content_id"
    " AND c.hash IS NOT NULL AND c.facts IS NOT NULL AND c.facts_state IN ('done', 'failed')"
    " CROSS JOIN location AS l ON l.id = (SELECT id FROM location WHERE content_id = c.id AND state = 'present'"
    " AND volume_id IN (SELECT id FROM volume WHERE state = 'online') ORDER BY id LIMIT 1)"
    " CROSS JOIN directory AS d ON d.id = l.directory_id CROSS JOIN volume AS v ON v.id = l.volume_id"
    " WHERE w.state = 'due' AND w.content_id > ? AND (w.retry_ns IS NULL OR w.retry_ns <= ?)"
    " ORDER BY w.content_id LIMIT ?"
)


def _show_slices(writer: Writer, content_id: ContentId) -> None:
    """Take back what was made of a content."""
    planned = plan_of(writer, content_id)
    if planned is not None and any(one.offset is None for one in rows_of(writer, content_id)):
        _replace(writer, content_id, planned.rows)
        changes.append(writer, [("photo", str(content_id), None)])


def _replace(writer: Writer, content_id: ContentId, chosen: Iterable[Chosen]) -> None:
    writer.execute("DELETE FROM preview WHERE content_id = ?", (content_id,))
    writer.executemany(
        'INSERT INTO preview (content_id, slot, "offset", length, width, height, orientation) VALUES (?, ?, ?, ?, ?, ?, ?)',
        [(content_id, *one) for one in chosen],
    )


def _set_work(writer: Writer, content_id: ContentId, task: str, *, is_new: bool) -> None:
    writer.execute(
        "INSERT INTO preview_work (content_id, task) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET task = ?2, state = 'due',"
        " version = '', reason = NULL, retry_ns = NULL WHERE ?3 OR task <> ?2",
        (content_id, task, is_new),
    )


def _shown(row: Row, rows: Sequence[Row]) -> Shown:
    """Return a row as it is shown; `rows` are all of its content, where a file of the cache is asked for."""
    chosen = Chosen(*row[1:7])
    slots = tuple(one[1] for one in rows if one[1] in SIZES and is_same_bytes(Chosen(*one[1:7]), chosen))
    digest = None if row[7] is None else ContentHash(row[7])
    return Shown(ContentId(row[0]), chosen, digest, row[8], row[9], row[10], slots)
