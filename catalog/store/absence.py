"""Absence: what two looks did not find is called missing. Nothing is removed (charter 3).

Called only by whoever looked at the disk again; a listing alone never makes anything missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from catalog.errors import NotFound
from catalog.failpoints import failpoint
from catalog.ids import AssetId, DirectoryId, LocationId, VolumeId
from catalog.store import changes
from catalog.store.assets import Refresh
from catalog.store.db import Writer
from catalog.store.directories import note_change
from catalog.store.sidecar_rows import mark_around

# Files per transaction: 0.3 ms of write lock each where every one is a photo of another day.
BATCH = 150


def mark_missing(writer: Writer, volume_id: VolumeId, location_ids: Iterable[LocationId], now_ns: int) -> int:
    """Call files missing that two looks did not find; return how many were present until now.

    In transactions of BATCH files. Their assets stay; those without any present location leave the views.
    """
    wanted = list(location_ids)
    marked = 0
    for start in range(0, len(wanted), BATCH):
        with writer.atomic():
            marked += _mark_batch(writer, volume_id, wanted[start : start + BATCH], now_ns)
        failpoint("store.missing")
    return marked


def mark_directory_missing(
    writer: Writer, volume_id: VolumeId, directory_id: DirectoryId, now_ns: int
) -> int:
    """Call a directory and all below it missing; return how many files were present until now.

    Files first, in batches, then the directories in one transaction: a kill between repeats the rest.
    """
    path = writer.value(
        "SELECT path FROM directory WHERE id = ? AND volume_id = ?", (directory_id, volume_id)
    )
    if path is None:
        raise NotFound(f"there is no directory {directory_id} on volume {volume_id}")
    beneath = _directories_beneath(writer, volume_id, path)
    files = [
        row[0]
        for directory, _, _ in beneath
        for row in writer.rows(
            "SELECT id FROM location WHERE directory_id = ? AND state = 'present'", (directory,)
        )
    ]
    marked = mark_missing(writer, volume_id, files, now_ns)
    with writer.atomic():
        writer.executemany(
            "UPDATE directory SET state = 'missing', digest = NULL, changed_ns = ? WHERE id = ?",
            [(now_ns, directory) for directory, _, _ in beneath],
        )
        changes.append(
            writer, [("orig-", str(parent), name) for _, parent, name in beneath if parent is not None]
        )
        parent = next((parent for directory, parent, _ in beneath if directory == directory_id), None)
        if parent is not None:
            note_change(writer, parent, now_ns)
            writer.execute("UPDATE directory SET digest = NULL WHERE id = ?", (parent,))
    return marked


def _mark_batch(writer: Writer, volume_id: VolumeId, location_ids: Sequence[LocationId], now_ns: int) -> int:
    rows = writer.rows(
        "SELECT l.id, l.directory_id, l.name, c.asset_id FROM json_each(?) AS wanted"
        " CROSS JOIN location AS l ON l.id = wanted.value LEFT JOIN content AS c ON c.id = l.content_id"
        " WHERE l.state = 'present' AND l.volume_id = ?",
        (json.dumps(location_ids), volume_id),
    )
    if not rows:
        return 0
    refresh = Refresh(writer, writer.zone)
    refresh.remember(AssetId(row[3]) for row in rows if row[3] is not None)
    writer.executemany(
        "UPDATE location SET state = 'missing', missing_since_ns = ? WHERE id = ?",
        [(now_ns, row[0]) for row in rows],
    )
    # What is not there is not damaged; should it return, its bytes are compared like all others.
    writer.executemany("DELETE FROM damage WHERE location_id = ?", [(row[0],) for row in rows])
    changes.append(writer, [("orig-", str(row[1]), row[2]) for row in rows])
    directories = {row[1] for row in rows}
    writer.executemany("UPDATE directory SET digest = NULL WHERE id = ?", [(one,) for one in directories])
    for directory_id in directories:
        note_change(writer, directory_id, now_ns)
    mark_around(writer, [row[0] for row in rows])
    refresh.apply(now_ns)
    return len(rows)


def _directories_beneath(
    writer: Writer, volume_id: VolumeId, path: bytes
) -> list[tuple[int, int | None, bytes]]:
    """Return (id, parent, name) of the directory itself and all present ones below it, deepest first."""
    condition, bounds = "", tuple[bytes, ...]()
    if path:
        # '0' follows '/' in ASCII: the open range holds exactly the paths that begin with `path/`.
        condition, bounds = " AND (path = ? OR (path > ? AND path < ?))", (path, path + b"/", path + b"0")
    rows = writer.rows(
        "SELECT id, parent_id, name, path FROM directory"
        f" WHERE volume_id = ?{condition} AND state = 'present' ORDER BY path DESC",
        (volume_id, *bounds),
    )
    return [(row[0], row[1], row[2]) for row in rows]
