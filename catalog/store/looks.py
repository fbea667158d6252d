"""What a look at a volume compares with the disk: times of directories, and what lies beneath one. Reads only."""

from __future__ import annotations

from typing import NamedTuple

from catalog.ids import DirectoryId, VolumeId
from catalog.store.db import Session


class DirectoryTime(NamedTuple):
    """A present directory; `mtime_ns` is None when its last listing was not complete: it must be listed anyway."""

    id: DirectoryId
    path: bytes
    mtime_ns: int | None


def directory_times(
    session: Session, volume_id: VolumeId, *, after: DirectoryId, limit: int
) -> list[DirectoryTime]:
    """Return present directories of a volume, by id, behind `after`; reads the primary key in order."""
    rows = session.rows(
        "SELECT id, path, CASE WHEN digest IS NOT NULL AND error IS NULL THEN mtime_ns END FROM directory"
        " WHERE id > ? AND volume_id = ? AND state = 'present' ORDER BY id LIMIT ?",
        (after, volume_id, limit),
    )
    return [DirectoryTime(DirectoryId(row[0]), bytes(row[1]), row[2]) for row in rows]


def present_beneath(session: Session, volume_id: VolumeId, directory_id: DirectoryId) -> list[DirectoryId]:
    """Return a directory and all present ones beneath it, the deepest first; by index directory_parent."""
    rows = session.rows(
        "WITH RECURSIVE beneath(id, depth) AS (SELECT ?, 0 UNION ALL"
        " SELECT d.id, b.depth + 1 FROM beneath AS b JOIN directory AS d ON d.parent_id = b.id"
        " WHERE d.state = 'present' AND d.volume_id = ?) SELECT id FROM beneath ORDER BY depth DESC, id",
        (directory_id, volume_id),
    )
    return [DirectoryId(row[0]) for row in rows]
