"""Previews of contents: rows chosen from facts, what the cache is due, and what frontends ask.

Rows follow from the facts of a content, but those that were made: these follow from a file in the cache, and go when it
goes. Every question of a listing is one query per page. Rules: `catalog.previews`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from catalog.capture import NS_PER_S
from catalog.facts import Facts
from catalog.ids import ContentHash, ContentId, LocationId, VolumeId
from catalog.previews import (
    LARGEST,
    SIZES,
    SLICE_MOST_BYTES,
    Chosen,
    Picture,
    choose,
    movie_of,
    needs_making,
    shown_length,
)
from catalog.store import changes
from catalog.store.db import Row, Session, Writer
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
    """A content whose previews shall lie in the cache: slices (`chosen`), or what is made of it."""

    content_id: ContentId
    item: WorkItem
    is_made: bool
    hash: ContentHash
    orientation: int
    is_raw: bool
    chosen: tuple[Chosen, ...]


class Done(NamedTuple):
    """A content whose previews should lie in the cache: files of `slots`."""

    content_id: ContentId
    hash: ContentHash
    is_made: bool
    slots: tuple[int, ...]


def record(writer: Writer, content_id: ContentId, facts: Facts, *, size_bytes: int) -> None:
    """Choose from fresh facts, in the caller's transaction; where they say the same as before nothing is done again.

    `size_bytes` is that of the file that was read.
    """
    slices = choose(facts.previews, Picture(facts.width, facts.height, facts.orientation, size_bytes))
    movie = movie_of(facts.extra.get("motion"), size_bytes)
    is_making = needs_making(facts.previews, is_raw=facts.is_raw, has_slice=bool(slices))
    before = _rows(writer, content_id)
    # What was made of these bytes before is what would be made.
    made = [row for row in before if row.offset is None and is_making]
    wanted = sorted([*slices, *made, *([movie] if movie is not None else [])])
    is_new = wanted != before
    if is_new:
        _replace(writer, content_id, wanted)
    if is_new and before:
        changes.append(writer, [("photo", str(content_id), None)])
    if slices or is_making:
        _set_work(writer, content_id, "make" if is_making else "copy", is_new=is_new)
    elif before:
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
    found = []
    for row in session.rows(_DUE, (after or 0, now_ns, limit)):
        content_id, task, digest, orientation, is_raw = row[1], *row[9:13]
        chosen = tuple(kept_apart(_rows(session, content_id)))
        found.append(
            Due(
                ContentId(content_id),
                _item(row),
                task == "make",
                ContentHash(digest),
                orientation or 1,
                bool(is_raw),
                chosen,
            )
        )
    return found


def done_after(session: Session, after: int, limit: int) -> list[Done]:
    """Return what was copied or made, by id behind `after`."""
    rows = session.rows(
        "SELECT w.content_id, c.hash, w.task FROM preview_work AS w JOIN content AS c ON c.id = w.content_id"
        " WHERE w.state = 'done' AND c.hash IS NOT NULL AND w.content_id > ? ORDER BY w.content_id LIMIT ?",
        (after, limit),
    )
    return [
        Done(
            ContentId(row[0]),
            ContentHash(row[1]),
            row[2] == "make",
            tuple(one.slot for one in kept_apart(_rows(session, row[0]))),
        )
        for row in rows
    ]


def kept_apart(chosen: Iterable[Chosen]) -> list[Chosen]:
    """Return those whose bytes have a file in the cache of their own: both sizes, equal ones once, none too large."""
    found: list[Chosen] = []
    for one in chosen:
        if one.slot in SIZES and (one.offset is None or one.length <= SLICE_MOST_BYTES):
            found += [] if any(_same_bytes(one, other) for other in found) else [one]
    return found


def note_done(writer: Writer, content_id: ContentId) -> None:
    """Note that the slices lie in the cache."""
    writer.execute(
        "UPDATE preview_work SET state = 'done', reason = NULL, retry_ns = NULL WHERE content_id = ?",
        (content_id,),
    )


def note_made(writer: Writer, content_id: ContentId, made: Iterable[Chosen]) -> None:
    """Note pictures that were made and lie in the cache; `largest` follows from them."""
    if (
        writer.value("SELECT 1 FROM preview_work WHERE content_id = ? AND task = 'make'", (content_id,))
        is None
    ):
        return  # newer facts, or a merge, came in between
    kept = [row for row in _rows(writer, content_id) if row.offset is not None]
    rows = sorted(made)
    largest = [rows[-1]._replace(slot=LARGEST)] if rows else []
    _replace(writer, content_id, [*kept, *rows, *largest])
    note_done(writer, content_id)
    changes.append(writer, [("photo", str(content_id), None)])


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
    """Note that the cache has no room for these any more: what was made of them is not shown."""
    for digest in hashes:
        row = writer.row("SELECT id FROM content WHERE hash = ?", (digest,))
        if row is not None and writer.execute(
            'DELETE FROM preview WHERE content_id = ? AND "offset" IS NULL', (row[0],)
        ):
            changes.append(writer, [("photo", str(row[0]), None)])


def make_due(writer: Writer, content_ids: Iterable[ContentId]) -> None:
    """Let previews be copied or made again."""
    for content_id in content_ids:
        writer.execute("UPDATE preview_work SET state = 'due' WHERE content_id = ?", (content_id,))


def retry_failed(writer: Writer, version: str) -> int:
    """Make due again what other makers could not do; return how many."""
    return writer.execute(
        "UPDATE preview_work SET state = 'due', retry_ns = NULL WHERE state = 'failed' AND version <> ?",
        (version,),
    )


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
    " ELSE CAST(d.path || '/' || l.name AS BLOB) END, l.size, l.mtime_ns, l.ctime_ns, l.inode, w.task, c.hash,"
    " json_extract(c.facts, '$.orientation'), json_extract(c.facts, '$.is_raw') FROM preview_work AS w INDEXED BY preview_due"
    " CROSS JOIN content AS c ON c.id = w.content_id AND c.hash IS NOT NULL AND c.facts_state IN ('done', 'failed')"
    " CROSS JOIN location AS l ON l.id = (SELECT id FROM location WHERE content_id = c.id AND state = 'present'"
    " AND volume_id IN (SELECT id FROM volume WHERE state = 'online') ORDER BY id LIMIT 1)"
    " CROSS JOIN directory AS d ON d.id = l.directory_id CROSS JOIN volume AS v ON v.id = l.volume_id"
    " WHERE w.state = 'due' AND w.content_id > ? AND (w.retry_ns IS NULL OR w.retry_ns <= ?)"
    " ORDER BY w.content_id LIMIT ?"
)


def _rows(session: Session, content_id: int) -> list[Chosen]:
    """Return the rows of a content by slot."""
    rows = session.rows(
        f"SELECT {_COLUMNS} FROM preview AS p WHERE p.content_id = ? ORDER BY p.slot", (content_id,)
    )
    return [Chosen(*row) for row in rows]


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


def _same_bytes(one: Chosen, other: Chosen) -> bool:
    return one[1:] == other[1:]


def _shown(row: Row, rows: Sequence[Row]) -> Shown:
    """Return a row as it is shown; `rows` are all of its content, where a file of the cache is asked for."""
    chosen = Chosen(*row[1:7])
    slots = tuple(one[1] for one in rows if one[1] in SIZES and _same_bytes(Chosen(*one[1:7]), chosen))
    digest = None if row[7] is None else ContentHash(row[7])
    return Shown(ContentId(row[0]), chosen, digest, row[8], row[9], row[10], slots)


def _item(row: Row) -> WorkItem:
    location_id, content_id, volume_id, root, path, size, mtime_ns, ctime_ns, inode = row[:9]
    return WorkItem(
        LocationId(location_id),
        ContentId(content_id),
        VolumeId(volume_id),
        bytes(root),
        bytes(path),
        size,
        mtime_ns,
        ctime_ns,
        inode,
        "preview",
    )
