"""What a look at a volume compares with the disk: times of directories, and what lies beneath one. Reads only."""

from __future__ import annotations

from typing import NamedTuple

from catalog.ids import DirectoryId, VolumeId
from catalog.store.db import Session
from catalog.values import Gone


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


# index directory_name; what is behind UNIQUE (directory_id, name) of location
KNOWN_DIRECTORIES = (
    "SELECT id, name FROM directory INDEXED BY directory_name"
    " WHERE parent_id = ? AND name > ? AND state = 'present' ORDER BY name LIMIT ?"
)
KNOWN_FILES = "SELECT id, name FROM location WHERE directory_id = ? AND name > ? AND +state = 'present' ORDER BY name LIMIT ?"


def known_in(session: Session, directory_id: DirectoryId, *, after: Gone | None, limit: int) -> list[Gone]:
    """Return what is known to lie in a directory, behind `after`: directories first, by name; empty = that was all."""
    path = bytes(session.value("SELECT path FROM directory WHERE id = ?", (directory_id,)))
    prefix = path + b"/" if path else b""
    last = b"" if after is None else after.path[len(prefix) :]
    found: list[Gone] = []
    if after is None or after.kind == "d":
        rows = session.rows(KNOWN_DIRECTORIES, (directory_id, last, limit))
        found, last = [Gone("d", row_id, prefix + bytes(name)) for row_id, name in rows], b""
    if not found:
        rows = session.rows(KNOWN_FILES, (directory_id, last, limit))
        found = [Gone("f", row_id, prefix + bytes(name)) for row_id, name in rows]
    return found
