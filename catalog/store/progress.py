"""How far the work is: counts for `status` and for the progress of a scan. Reads only, by indexes alone.

What waits is told by `catalog.store.ingest.due_counts`.
"""

from __future__ import annotations

from dataclasses import dataclass

from catalog.ids import VolumeId
from catalog.store.db import Reader

# Index location_unread.
UNREADABLE = (
    "SELECT CAST(CASE d.path WHEN x'' THEN l.name ELSE d.path || '/' || l.name END AS BLOB) AS path, l.hash_failure"
    " FROM location AS l CROSS JOIN directory AS d ON d.id = l.directory_id"
    " WHERE l.volume_id = ? AND l.hash_failure IS NOT NULL AND l.state = 'present' AND l.hash_failure GLOB 'E[A-Z]*'"
    " ORDER BY path LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class VolumeCounts:
    """Files of one volume: seen and still there, seen and gone; and whether a scan of it is running."""

    present: int = 0
    missing: int = 0
    is_scanning: bool = False


def volume_counts(reader: Reader) -> dict[VolumeId, VolumeCounts]:
    """Return the counts of every volume that has any file or a running scan; about 50 ms per million files."""
    # location_inode covers all files of storages with inodes; what has none (object stores) is counted beside it.
    total: dict[int, int] = dict(
        reader.rows("SELECT volume_id, count(*) FROM location WHERE inode <> 0 GROUP BY volume_id")
    )
    for volume_id, number in reader.rows(
        "SELECT volume_id, count(*) FROM location WHERE inode = 0 GROUP BY volume_id"
    ):
        total[volume_id] = total.get(volume_id, 0) + number
    missing: dict[int, int] = dict(
        reader.rows("SELECT volume_id, count(*) FROM location WHERE state = 'missing' GROUP BY volume_id")
    )
    running = {row[0] for row in reader.rows("SELECT volume_id FROM scan WHERE state = 'running'")}
    return {
        VolumeId(volume_id): VolumeCounts(
            total.get(volume_id, 0) - missing.get(volume_id, 0),
            missing.get(volume_id, 0),
            volume_id in running,
        )
        for volume_id in total.keys() | running
    }


def shown_count(reader: Reader) -> int:
    """Return the number of photos in the Timeline: its buckets' counts, so thousands of rows at most."""
    return int(reader.value("SELECT coalesce(sum(count), 0) FROM bucket WHERE view = 1"))


def unreadable(reader: Reader, volume_id: VolumeId, limit: int) -> list[tuple[bytes, str]]:
    """Return (path from the volume's root, errno name) of present files whose bytes could not be read, by path.

    Files that were busy or changed while they were read are none: they are read later.
    """
    rows = reader.rows(UNREADABLE, (volume_id, limit))
    return [(bytes(path), failure) for path, failure in rows]


def last_scan_started_ns(reader: Reader, volume_id: VolumeId) -> int:
    """Return when the newest scan of a volume began, running or ended; 0 before the first (index scan_volume)."""
    found = reader.value(
        "SELECT started_ns FROM scan WHERE volume_id = ? ORDER BY id DESC LIMIT 1", (volume_id,)
    )
    return int(found or 0)
