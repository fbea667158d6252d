"""One batch of places that go: which of them may, and everything that refers to them. For `catalog.store.traces` alone.

Decides nothing about age. All functions take part in the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from catalog.ids import AssetId, ContentId, LocationId
from catalog.sidecars.names import cells_of, form_of
from catalog.store import changes, sidecar_rows
from catalog.store.assets import Refresh
from catalog.store.db import Session, Writer
from catalog.store.directories import note_change

# index location_content; purge_location; sidecar's primary key; statement (asset_id, property …): a photo's are few
WANTED = """
    SELECT l.id, l.volume_id, l.directory_id, l.name, l.state = 'present', l.content_id, a.id, a.content_id, a.location_id
    FROM json_each(?) AS wanted CROSS JOIN location AS l ON l.id = wanted.value
    LEFT JOIN content AS c ON c.id = l.content_id LEFT JOIN asset AS a ON a.id = c.asset_id
    WHERE NOT EXISTS (SELECT 1 FROM purge AS p WHERE p.location_id = l.id)
    AND NOT EXISTS (SELECT 1 FROM sidecar AS s CROSS JOIN sidecar_photo AS o ON o.location_id = s.location_id
        CROSS JOIN statement AS t ON t.asset_id = o.asset_id AND t.source = 'sidecar' AND t.author = s.author
        WHERE s.location_id = l.id)"""
# index asset_location: a photo whose bytes were overwritten is in one of these states, whatever its stack
REPLACED = (
    "SELECT l.id FROM json_each(?) AS wanted CROSS JOIN asset AS a INDEXED BY asset_location ON a.location_id = wanted.value"
    " CROSS JOIN location AS l ON l.id = a.location_id"
    " WHERE a.is_shown = 0 AND a.state IN ('missing', 'trashed', 'hidden') AND l.content_id IS NOT a.content_id"
)
HELD_ELSEWHERE = (
    "SELECT 1 FROM location WHERE content_id = ? AND state = 'present'"
    " AND id NOT IN (SELECT value FROM json_each(?)) LIMIT 1"
)


class Trace(NamedTuple):
    """A row that is wanted gone, with the photo that its bytes are a version of."""

    id: LocationId
    volume_id: int
    directory_id: int
    name: bytes
    is_present: bool
    content_id: ContentId | None
    asset_id: AssetId | None
    current_id: ContentId | None
    ruling_id: LocationId | None

    @property
    def is_current(self) -> bool:
        """Whether its bytes are the current ones of the photo."""
        return self.content_id is not None and self.content_id == self.current_id


def replaced_places(session: Session, location_ids: Sequence[LocationId]) -> set[LocationId]:
    """Return those of these places where photos that are nowhere lay before other bytes took their names."""
    return {LocationId(row[0]) for row in session.rows(REPLACED, (json.dumps(location_ids),))}


def drop_batch(writer: Writer, location_ids: Sequence[LocationId], now_ns: int) -> list[Trace]:
    """Remove what may go of one batch, with everything that refers to it, in the caller's transaction; return it."""
    rows = writer.rows(WANTED, (json.dumps(location_ids),))
    gone = _droppable(writer, [Trace._make(row) for row in rows])
    if not gone:
        return []
    refresh = Refresh(writer, writer.zone)
    refresh.remember(one.asset_id for one in gone if one.asset_id is not None)
    sidecar_rows.mark_around(
        writer, [one.id for one in gone if one.is_present or form_of(one.name) is not None]
    )
    # Until the commit photos may still name a place that is gone: `refresh` gives them another one.
    writer.rows("PRAGMA defer_foreign_keys = 1")
    _delete(writer, gone)
    refresh.apply(now_ns)
    _tell_last_places(writer, gone)
    changes.append(writer, [("orig-", str(one.directory_id), one.name) for one in gone])
    for directory_id in {one.directory_id for one in gone if one.is_present}:
        writer.execute("UPDATE directory SET digest = NULL WHERE id = ?", (directory_id,))
        note_change(writer, directory_id, now_ns)
    return gone


def _droppable(writer: Writer, traces: Sequence[Trace]) -> list[Trace]:
    """Leave out what its photo, or a file that is there, still needs."""
    ids = json.dumps([one.id for one in traces])
    is_elsewhere: dict[ContentId, bool] = {}
    for one in traces:
        if one.content_id is not None and one.content_id not in is_elsewhere:
            is_elsewhere[one.content_id] = writer.row(HELD_ELSEWHERE, (one.content_id, ids)) is not None
    return [
        one
        for one in traces
        if (one.content_id is not None and is_elsewhere[one.content_id])
        or not (one.is_present or (one.is_current and one.id == one.ruling_id))
    ]


def _delete(writer: Writer, gone: Sequence[Trace]) -> None:
    """Remove the rows and what is about them alone; previews, facts and zones are the bytes' and stay."""
    keys = [(one.id,) for one in gone]
    writer.executemany(
        "DELETE FROM file_cell WHERE directory_id = ? AND cell = ? AND location_id = ?",
        [(one.directory_id, cell, one.id) for one in gone for cell in cells_of(one.name)],
    )
    for table in ("damage", "sidecar_photo", "sidecar"):
        writer.executemany(f"DELETE FROM {table} WHERE location_id = ?", keys)
    writer.executemany("DELETE FROM location WHERE id = ?", keys)


def _tell_last_places(writer: Writer, gone: Sequence[Trace]) -> None:
    """Versions that were last seen at one of these places were last seen where their photo is, or was."""
    writer.execute(
        "UPDATE content SET last_location_id = (SELECT a.location_id FROM asset AS a WHERE a.id = content.asset_id)"
        " WHERE asset_id IN (SELECT value FROM json_each(?1)) AND (last_location_id IN (SELECT value FROM json_each(?2))"
        " OR (last_location_id IS NULL AND id IN (SELECT value FROM json_each(?3))"
        " AND NOT EXISTS (SELECT 1 FROM location AS l WHERE l.content_id = content.id)))",
        (
            json.dumps(sorted({one.asset_id for one in gone if one.asset_id is not None})),
            json.dumps([one.id for one in gone]),
            json.dumps(sorted({one.content_id for one in gone if one.content_id is not None})),
        ),
    )


# A directory below which a file system is, or was, mounted is its place: it explains why nothing is looked at there.
EMPTY = (
    "SELECT d.parent_id, d.name FROM directory AS d WHERE d.id = ? AND d.state = 'missing'"
    " AND d.parent_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM location AS l WHERE l.directory_id = d.id)"
    " AND NOT EXISTS (SELECT 1 FROM directory AS b WHERE b.parent_id = d.id) AND NOT EXISTS (SELECT 1 FROM nested_mount AS n"
    " WHERE n.volume_id = d.volume_id AND (n.path = d.path OR (n.path > CAST(d.path || '/' AS BLOB)"
    " AND n.path < CAST(d.path || '0' AS BLOB))))"
)


# Not left to ON DELETE CASCADE: foreign keys may be off.
_OF_DIRECTORY = (
    ("file_cell", "directory_id"),
    ("cell_fill", "directory_id"),
    ("zone_due", "directory_id"),
    ("directory", "id"),
)


def drop_directories(writer: Writer, directory_ids: Iterable[int]) -> int:
    """Remove those of these directories that are missing and empty, and then those above them; return how many.

    Never a root, none that holds any row, none at or above a nested mount.
    """
    dropped = 0
    for directory_id in directory_ids:
        current: int | None = directory_id
        while current is not None and (row := writer.row(EMPTY, (current,))) is not None:
            for table, column in _OF_DIRECTORY:
                writer.execute(f"DELETE FROM {table} WHERE {column} = ?", (current,))
            changes.append(writer, [("orig-", str(row[0]), row[1])])
            current = row[0]
            dropped += 1
    return dropped
