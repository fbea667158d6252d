"""What could not be read and is left alone for a while: found and made due at once when somebody asks for it.

Ids are found by a reader, so that the write lock is held for the few rows that wait and not for the search. Why the last
attempt failed stays known until the next one ends.
"""

from __future__ import annotations

import json
from typing import Literal

from catalog.ids import VolumeId
from catalog.store.db import Session, Writer

Kind = Literal["hash", "header", "deep", "sidecar"]
KINDS: tuple[Kind, ...] = ("hash", "header", "deep", "sidecar")
# Rows of one transaction: a few milliseconds.
BATCH = 500

_ON_VOLUME = "EXISTS (SELECT 1 FROM location AS l WHERE l.content_id = c.id AND l.state = 'present' AND l.volume_id = ?1)"
# index content_facts_due, whose condition is repeated: SQLite proves nothing from `= 'due'`.
_FACTS = (
    "SELECT c.id FROM content AS c INDEXED BY content_facts_due WHERE c.facts_state IN ('due', 'deep')"
    f" AND c.facts_state = '{{}}' AND c.id > ?2 AND c.facts_retry_ns IS NOT NULL AND {_ON_VOLUME} ORDER BY c.id LIMIT ?3"
)
WAITING: dict[Kind, str] = {
    # index location_unread
    "hash": "SELECT l.id FROM location AS l INDEXED BY location_unread WHERE l.volume_id = ?1 AND l.hash_failure IS NOT NULL"
    " AND l.id > ?2 AND l.hash_retry_ns IS NOT NULL ORDER BY l.id LIMIT ?3",
    "header": _FACTS.format("due"),
    "deep": _FACTS.format("deep"),
    # index sidecar_due
    "sidecar": "SELECT s.location_id FROM sidecar AS s INDEXED BY sidecar_due CROSS JOIN location AS l ON l.id = s.location_id"
    " WHERE s.state = 'due' AND s.location_id > ?2 AND s.retry_ns IS NOT NULL AND l.volume_id = ?1"
    " AND l.state = 'present' ORDER BY s.location_id LIMIT ?3",
}
_CLEAR: dict[Kind, str] = {
    "hash": "UPDATE location SET hash_retry_ns = NULL WHERE id IN (SELECT value FROM json_each(?))",
    "header": "UPDATE content SET facts_retry_ns = NULL WHERE id IN (SELECT value FROM json_each(?))",
    "sidecar": "UPDATE sidecar SET retry_ns = NULL WHERE location_id IN (SELECT value FROM json_each(?))",
}
_CLEAR["deep"] = _CLEAR["header"]
_UNREAD_SIDECARS = (
    "SELECT CASE d.path WHEN x'' THEN l.name ELSE CAST(d.path || '/' || l.name AS BLOB) END"
    f" FROM ({WAITING['sidecar']}) AS w CROSS JOIN location AS l ON l.id = w.location_id"
    " CROSS JOIN directory AS d ON d.id = l.directory_id"
)


def waiting(session: Session, kind: Kind, volume_id: VolumeId, after: int) -> list[int]:
    """Return up to BATCH ids of files of a volume (or of their contents) that failed and wait, in order, behind `after`."""
    return [row[0] for row in session.rows(WAITING[kind], (volume_id, after, BATCH))]


def make_due(writer: Writer, kind: Kind, ids: list[int]) -> int:
    """Let these be tried again at once; return how many. One transaction: hand over what `waiting` returned."""
    with writer.atomic():
        return writer.execute(_CLEAR[kind], (json.dumps(ids),))


def unread_sidecars(session: Session, volume_id: VolumeId, limit: int) -> list[bytes]:
    """Return the paths of sidecars that could not be read and wait for another try."""
    return [bytes(row[0]) for row in session.rows(_UNREAD_SIDECARS, (volume_id, 0, limit))]
