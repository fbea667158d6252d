"""The schema of what is known about volumes beside their rows: nested mounts, stamps on the move, damage, verifications.

Part of `catalog/store/schema.py`, whose conventions hold here. Nothing in these tables is said by people.
"""

from __future__ import annotations

from catalog.store.table import Table

VOLUMES_TABLES: dict[str, Table] = {
    "nested_mount": Table(
        "Another file system that was mounted below the root of a volume, with a presence of its own: while it is away nothing"
        " at or below it is looked at, or called missing.",
        {
            "volume_id": "Of this volume.",
            "path": "Where it was mounted, from the volume's root, bytes without leading slash.",
            "key": "What tells this file system from another one at the same place; opaque.",
            "state": "present or away.",
            "since_ns": "When the state last changed.",
        },
        "CREATE TABLE nested_mount (volume_id INTEGER NOT NULL REFERENCES volume(id), path BLOB NOT NULL,"
        " key TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('present', 'away')), since_ns INTEGER NOT NULL,"
        " PRIMARY KEY (volume_id, path)) STRICT, WITHOUT ROWID",
    ),
    "displaced": Table(
        "A stamp that a file had before another file took its name: where names are swapped or rotated it turns up again under"
        " another one, and its bytes need not be read. Dropped after the next complete scan of the volume.",
        {
            "volume_id": "Of this volume, whose file system keeps inodes.",
            "inode": "As in location.",
            "size": "As in location.",
            "mtime_ns": "As in location.",
            "content_id": "The bytes that had this stamp.",
            "path": "Where they were, from the volume's root: only the same file system keeps the inode.",
            "noted_ns": "When.",
        },
        "CREATE TABLE displaced (volume_id INTEGER NOT NULL REFERENCES volume(id), inode INTEGER NOT NULL,"
        " size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
        " content_id INTEGER NOT NULL REFERENCES content(id) ON DELETE CASCADE, path BLOB NOT NULL, noted_ns INTEGER NOT NULL,"
        " PRIMARY KEY (volume_id, inode, size, mtime_ns)) STRICT, WITHOUT ROWID",
    ),
    "damage": Table(
        "A file whose bytes are not those that were hashed, although no stamp changed: bit rot. Reported, never mended. Goes"
        " when its bytes are the right ones again, or its stamp changes.",
        {
            "location_id": "The file.",
            "found": "BLAKE3-256 of what is there now, 32 bytes.",
            "found_ns": "When that was read first.",
            "read_ns": "When it was read last.",
        },
        "CREATE TABLE damage (location_id INTEGER PRIMARY KEY REFERENCES location(id) ON DELETE CASCADE,"
        " found BLOB NOT NULL CHECK (length(found) = 32), found_ns INTEGER NOT NULL, read_ns INTEGER NOT NULL) STRICT",
    ),
    "verification": Table(
        "One row per run of a verification of a volume: the history, the schedule, and the guard that one runs at a time.",
        {
            "id": "Never reused.",
            "volume_id": "Of this volume; one running row per volume (unique index).",
            "cutoff_ns": "Files whose bytes were compared since then were left out.",
            "started_ns": "When.",
            "ended_ns": "NULL while running.",
            "state": "running, done (it came to its end), paused (out of time, or the volume went; the next run goes on), failed or abandoned.",
            "counts": "JSON of files compared, bytes, damaged, mended, errors, and left (not reached, or unreadable).",
            "error": "Why it failed; NULL otherwise.",
        },
        "CREATE TABLE verification (id INTEGER PRIMARY KEY AUTOINCREMENT, volume_id INTEGER NOT NULL REFERENCES volume(id),"
        " cutoff_ns INTEGER NOT NULL, started_ns INTEGER NOT NULL, ended_ns INTEGER,"
        " state TEXT NOT NULL CHECK (state IN ('running', 'done', 'paused', 'failed', 'abandoned')),"
        " counts TEXT NOT NULL DEFAULT '{}', error TEXT) STRICT",
    ),
}

VOLUMES_INDEXES: dict[str, tuple[str, str]] = {
    "asset_location": (
        "Whose ruling place a location is: without it every row that goes would be looked for in all assets.",
        "CREATE INDEX asset_location ON asset (location_id)",
    ),
    "displaced_content": ("Stamps of bytes.", "CREATE INDEX displaced_content ON displaced (content_id)"),
    "location_recheck": (
        "Files whose change time moved for a reason that no other stamp tells: their bytes are read again.",
        "CREATE INDEX location_recheck ON location (volume_id, id) WHERE recheck_due = 1 AND state = 'present'",
    ),
    "verification_running": (
        "One running verification per volume.",
        "CREATE UNIQUE INDEX verification_running ON verification (volume_id) WHERE state = 'running'",
    ),
    "verification_volume": (
        "History of a volume.",
        "CREATE INDEX verification_volume ON verification (volume_id, id)",
    ),
}
