"""Files of a directory by the cell of their names: how settling finds the photos beside a sidecar, whatever the folder's size.

Kept for directories in which settling ever looked for photos, and for no others: most libraries have few sidecars. Filled in
the order of ids, a slice at a time, so that the write lock is never held for a whole folder. A row is never wrong, since the
name of a location never changes; whether the file is there, and a photo, is asked when it is used.

Invariant (I21): up to `cell_fill.filled_to`, every present file of the directory that is no sidecar has its rows. Files that
come later have greater ids; those that come back are noted by the listing that sees them (`note_seen`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from catalog.ids import DirectoryId, LocationId
from catalog.sidecars.names import cells_of, form_of
from catalog.store.db import Row, Session, Writer

# Names per transaction of `fill_beside`: some 10 us each.
SLICE = 1_000

# index location_directory, whose entries are in the order of ids
FILES_AFTER = (
    "SELECT id, name FROM location INDEXED BY location_directory"
    " WHERE directory_id = ? AND state = 'present' AND id > ? ORDER BY id LIMIT ?"
)
FILLED_TO = "SELECT filled_to FROM cell_fill WHERE directory_id = ?"
DIRECTORIES_OF = "SELECT DISTINCT s.directory_id FROM json_each(?) AS wanted CROSS JOIN sidecar AS s ON s.location_id = wanted.value"
_KEEP = "INSERT INTO file_cell (directory_id, cell, location_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_FILL = (
    "INSERT INTO cell_fill (directory_id, filled_to) VALUES (?, ?)"
    " ON CONFLICT DO UPDATE SET filled_to = excluded.filled_to"
)


def fill(writer: Writer, directory_id: DirectoryId, *, limit: int = -1) -> int:
    """Note the files of a directory that are not noted yet, at most `limit` of them; return how many were looked at.

    In the caller's transaction. None are left when it looked at fewer than `limit`.
    """
    after = writer.value(FILLED_TO, (directory_id,)) or 0
    rows = writer.rows(FILES_AFTER, (directory_id, after, limit))
    if rows:
        _keep(writer, directory_id, rows)
        writer.execute(_FILL, (directory_id, rows[-1][0]))
    return len(rows)


def fill_beside(writer: Writer, sidecars: Iterable[LocationId]) -> bool:
    """Note at most SLICE files beside these sidecars, in one transaction; return whether some may be left."""
    left = SLICE
    with writer.atomic():
        for (directory_id,) in writer.rows(DIRECTORIES_OF, (json.dumps(list(sidecars)),)):
            left -= fill(writer, directory_id, limit=left)
            if left == 0:
                return True
    return False


def is_filled(session: Session, sidecars: Iterable[LocationId]) -> bool:
    """Tell whether all files beside these sidecars are noted: then there is nothing to write."""
    directories = session.rows(DIRECTORIES_OF, (json.dumps(list(sidecars)),))
    return not any(
        session.rows(FILES_AFTER, (directory_id, session.value(FILLED_TO, (directory_id,)) or 0, 1))
        for (directory_id,) in directories
    )


def note_seen(writer: Writer, directory_id: DirectoryId, files: Sequence[tuple[LocationId, bytes]]) -> None:
    """Note files that came back to a directory which is filled beyond them. In the caller's transaction."""
    filled_to = writer.value(FILLED_TO, (directory_id,))
    if filled_to is not None:
        _keep(writer, directory_id, [one for one in files if one[0] <= filled_to])


def _keep(writer: Writer, directory_id: DirectoryId, files: Iterable[Row]) -> None:
    rows = [
        (directory_id, cell, location_id)
        for location_id, name in files
        if form_of(bytes(name)) is None
        for cell in cells_of(bytes(name))
    ]
    writer.executemany(_KEEP, rows)
