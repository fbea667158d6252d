"""Migration 3: what is read beside the facts. New tables, a hash of pixels, the place of a photo. Frozen: as it was released.

Nothing is derived here: newer readers and rules make everything due again (`catalog.store.renewal`, `ingest.renew_facts`).
"""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    "CREATE TABLE embedded_name (kind TEXT NOT NULL CHECK (kind IN ('tag', 'person')), text TEXT "
    "NOT NULL, uid TEXT NOT NULL, PRIMARY KEY (kind, text)) STRICT, WITHOUT ROWID",
    "CREATE TABLE sidecar (location_id INTEGER PRIMARY KEY REFERENCES location(id) ON DELETE "
    "CASCADE, directory_id INTEGER NOT NULL REFERENCES directory(id) ON DELETE CASCADE, cell "
    "TEXT NOT NULL, form TEXT NOT NULL CHECK (form IN ('xmp', 'takeout')), state TEXT NOT NULL "
    "DEFAULT 'due' CHECK (state IN ('due', 'done', 'failed', 'unbound')), version INTEGER NOT "
    "NULL DEFAULT 0, reason TEXT, overruled TEXT, author TEXT, said TEXT, read_ns INTEGER, "
    "retry_ns INTEGER) STRICT",
    "CREATE TABLE sidecar_photo (asset_id INTEGER NOT NULL REFERENCES asset(id) ON DELETE "
    "CASCADE, location_id INTEGER NOT NULL REFERENCES sidecar(location_id) ON DELETE CASCADE, "
    "rule TEXT NOT NULL, PRIMARY KEY (asset_id, location_id)) STRICT, WITHOUT ROWID",
    "CREATE TABLE file_cell (directory_id INTEGER NOT NULL REFERENCES directory(id) ON DELETE "
    "CASCADE, cell TEXT NOT NULL, location_id INTEGER NOT NULL, PRIMARY KEY (directory_id, cell, "
    "location_id)) STRICT, WITHOUT ROWID",
    "CREATE TABLE cell_fill (directory_id INTEGER PRIMARY KEY REFERENCES directory(id) ON DELETE "
    "CASCADE, filled_to INTEGER NOT NULL) STRICT",
    "CREATE TABLE preview (content_id INTEGER NOT NULL REFERENCES content(id) ON DELETE CASCADE, "
    'slot INTEGER NOT NULL, "offset" INTEGER, length INTEGER NOT NULL, width INTEGER NOT NULL, '
    "height INTEGER NOT NULL, orientation INTEGER NOT NULL, PRIMARY KEY (content_id, slot)) "
    "STRICT, WITHOUT ROWID",
    "CREATE TABLE preview_work (content_id INTEGER PRIMARY KEY REFERENCES content(id) ON DELETE "
    "CASCADE, task TEXT NOT NULL CHECK (task IN ('copy', 'make')), state TEXT NOT NULL DEFAULT "
    "'due' CHECK (state IN ('due', 'done', 'failed')), version TEXT NOT NULL DEFAULT '', reason "
    "TEXT, retry_ns INTEGER) STRICT",
    "CREATE TABLE place (id INTEGER PRIMARY KEY AUTOINCREMENT, parent_id INTEGER REFERENCES "
    "place(id), level TEXT NOT NULL CHECK (level IN ('country', 'region', 'city')), name TEXT "
    "NOT NULL, label TEXT NOT NULL, fold TEXT NOT NULL) STRICT",
    "CREATE TABLE neighbour_zone (content_id INTEGER PRIMARY KEY REFERENCES content(id) ON "
    "DELETE CASCADE, offset_min INTEGER NOT NULL, zone TEXT, from_uid TEXT NOT NULL) STRICT",
    "CREATE TABLE zone_due (directory_id INTEGER PRIMARY KEY REFERENCES directory(id) ON DELETE "
    "CASCADE, marks INTEGER NOT NULL DEFAULT 1) STRICT",
    "ALTER TABLE content ADD COLUMN pixel_hash BLOB",
    "ALTER TABLE effective ADD COLUMN creator TEXT",
    "ALTER TABLE effective ADD COLUMN rights TEXT",
    "ALTER TABLE effective ADD COLUMN face_count INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE effective ADD COLUMN place_id INTEGER REFERENCES place(id)",
    "CREATE INDEX sidecar_titled ON sidecar_photo (location_id) WHERE rule = 'title'",
    "CREATE INDEX embedded_name_uid ON embedded_name (uid)",
    "CREATE INDEX sidecar_due ON sidecar (location_id) WHERE state = 'due'",
    "CREATE INDEX sidecar_cell ON sidecar (directory_id, cell)",
    "CREATE INDEX sidecar_unbound ON sidecar (directory_id) WHERE state = 'unbound'",
    "CREATE INDEX sidecar_author ON sidecar (author) WHERE author IS NOT NULL",
    "CREATE INDEX sidecar_trouble ON sidecar (state) WHERE state IN ('failed', 'unbound') OR "
    "overruled IS NOT NULL",
    "CREATE INDEX sidecar_photo_location ON sidecar_photo (location_id)",
    "CREATE INDEX preview_due ON preview_work (content_id) WHERE state = 'due'",
    "CREATE UNIQUE INDEX place_sibling ON place (ifnull(parent_id, 0), fold)",
    "CREATE UNIQUE INDEX place_name ON place (ifnull(parent_id, 0), level, name)",
    "CREATE INDEX place_below ON place (ifnull(parent_id, 0))",
    "CREATE INDEX content_pixels ON content (pixel_hash) WHERE pixel_hash IS NOT NULL",
    "CREATE INDEX effective_faces ON effective (face_count) WHERE face_count > 0",
    "CREATE INDEX effective_place ON effective (place_id) WHERE place_id IS NOT NULL",
)
