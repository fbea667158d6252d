"""Migration 4: volumes that may vanish. What tells a volume from another one, and files that moved, changed or rotted.

Nothing is derived here: what is 0 or NULL is learnt by the next look at the files.
"""

from __future__ import annotations

from catalog.store.volumes_schema import VOLUMES_INDEXES, VOLUMES_TABLES

STATEMENTS: tuple[str, ...] = (
    "ALTER TABLE volume ADD COLUMN marker TEXT",
    "ALTER TABLE volume ADD COLUMN accepted_ns INTEGER",
    "ALTER TABLE volume ADD COLUMN forgotten_ns INTEGER",
    "ALTER TABLE volume ADD COLUMN hold TEXT",
    "ALTER TABLE location ADD COLUMN access INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE location ADD COLUMN verified_ns INTEGER",
    "ALTER TABLE location ADD COLUMN recheck_due INTEGER NOT NULL DEFAULT 0 CHECK (recheck_due IN (0, 1))",
    *(table.ddl for table in VOLUMES_TABLES.values()),
    *(ddl for _, ddl in VOLUMES_INDEXES.values()),
)
