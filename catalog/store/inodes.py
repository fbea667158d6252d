"""Inode numbers are of one file system: which files have theirs from the same one, and how numbers of a former one are forgotten.

Where a volume, or a place below it, is on another file system than before, every number that is known there names another
file now: with the same size and time by chance it would join two photos. `daemon.volumes` has them forgotten before the new
identity is written, so that a kill in between repeats it. Files without a number are told by size and time, and read again
where their change time is another one (`catalog.store.stamps`); no photo is missing meanwhile.
"""

from __future__ import annotations

import json

from catalog.ids import VolumeId
from catalog.store.db import Session, Writer

# Rows per transaction: some 5 ms.
BATCH = 1_000

# index location_inode
IN_VOLUME = "SELECT id FROM location INDEXED BY location_inode WHERE volume_id = ?1 AND inode <> 0 LIMIT ?2"
# The index behind UNIQUE (volume_id, path). '0' follows '/' in ASCII.
_DIRECTORIES = (
    "SELECT id FROM directory WHERE volume_id = ?1 AND path = ?2 UNION ALL SELECT id FROM directory WHERE volume_id = ?1"
    " AND path > CAST(?2 || '/' AS BLOB) AND path < CAST(?2 || '0' AS BLOB)"
)
HOLDS_ANY = f"SELECT 1 FROM ({_DIRECTORIES}) AS d CROSS JOIN location AS l ON l.directory_id = d.id AND l.inode <> 0 LIMIT 1"
# By id, so that the table is read once however many files there are.
_BENEATH = (
    "SELECT id FROM location NOT INDEXED WHERE id > ?3 AND volume_id = ?1 AND inode <> 0"
    f" AND directory_id IN ({_DIRECTORIES}) ORDER BY id LIMIT ?4"
)
_FORGET_DISPLACED = (
    "DELETE FROM displaced WHERE volume_id = ?1 AND (inode, size, mtime_ns) IN (SELECT inode, size, mtime_ns FROM displaced"
    " WHERE volume_id = ?1 AND (?2 = x'' OR (path > CAST(?2 || '/' AS BLOB) AND path < CAST(?2 || '0' AS BLOB))) LIMIT ?3)"
)
_FORGET_DIGESTS = (
    "UPDATE directory SET digest = NULL WHERE id IN (SELECT id FROM directory WHERE volume_id = ?1 AND digest IS NOT NULL"
    " AND (?2 = x'' OR path = ?2 OR (path > CAST(?2 || '/' AS BLOB) AND path < CAST(?2 || '0' AS BLOB))) LIMIT ?3)"
)


class Mounts:
    """Where other file systems are, or were, mounted below a root."""

    def __init__(self, session: Session, volume_id: VolumeId) -> None:
        rows = session.rows("SELECT path FROM nested_mount WHERE volume_id = ?", (volume_id,))
        self._paths = sorted((bytes(row[0]) for row in rows), key=len, reverse=True)

    def of(self, directory: bytes) -> bytes:
        """Return the mount point that holds a directory; empty = the volume's own file system."""
        for path in self._paths:
            if directory == path or directory.startswith(path + b"/"):
                return path
        return b""


def forget(
    writer: Writer, volume_id: VolumeId, beneath: bytes = b"", after: int = 0, limit: int = BATCH
) -> int | None:
    """Forget the numbers of files, one step; return the `after` of the next step, None = none is left.

    Stamps on the move go with them, and the digests of directories: the next scan lists them, and learns the new numbers.

    Args:
        writer: outside of a transaction; a step is one, of `limit` rows of each kind.
        volume_id: of this volume.
        beneath: at and below this directory; empty = all of the volume.
        after: where the last step ended.
        limit: rows of a step.
    """
    if after == 0:
        with writer.atomic():
            done = writer.execute(_FORGET_DISPLACED, (volume_id, beneath, limit))
            done += writer.execute(_FORGET_DIGESTS, (volume_id, beneath, limit))
        if done:
            return 0
    rows = _numbered(writer, volume_id, beneath, after, limit)
    if not rows:
        return None
    with writer.atomic():
        writer.execute(
            "UPDATE location SET inode = 0 WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(rows),)
        )
    return rows[-1]


def _numbered(session: Session, volume_id: VolumeId, beneath: bytes, after: int, limit: int) -> list[int]:
    # Found before the write lock is taken.
    if not beneath:
        return [row[0] for row in session.rows(IN_VOLUME, (volume_id, limit))]
    if after == 0 and session.value(HOLDS_ANY, (volume_id, beneath)) is None:
        return []
    return [row[0] for row in session.rows(_BENEATH, (volume_id, beneath, after, limit))]
