"""Migration 3: what is read beside the facts. New tables, a hash of pixels, the place of a photo.

Nothing is derived here: newer readers and rules make everything due again (`catalog.store.renewal`, `ingest.renew_facts`).
"""

from __future__ import annotations

from catalog.store.truth_schema import TRUTH_INDEXES, TRUTH_TABLES

STATEMENTS: tuple[str, ...] = (
    *(table.ddl for table in TRUTH_TABLES.values()),
    "ALTER TABLE content ADD COLUMN pixel_hash BLOB",
    "ALTER TABLE effective ADD COLUMN creator TEXT",
    "ALTER TABLE effective ADD COLUMN rights TEXT",
    "ALTER TABLE effective ADD COLUMN face_count INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE effective ADD COLUMN place_id INTEGER REFERENCES place(id)",
    *(ddl for _, ddl in TRUTH_INDEXES.values()),
)
