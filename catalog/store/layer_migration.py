"""Migration 2: the layer. New tables, and `asset` with what stacks need. Frozen: the text as it was released.

No catalog made before it holds a statement or a journal item (nothing could say one), so those tables are made anew.
`asset` is rebuilt the way SQLite's documentation tells (lang_altertable, section 7): foreign keys are off meanwhile.
"""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    "DROP TABLE journal_item",
    "DROP TABLE statement",
    "CREATE TABLE statement (id INTEGER PRIMARY KEY AUTOINCREMENT, asset_id INTEGER NOT NULL "
    "REFERENCES asset(id), property TEXT NOT NULL, element TEXT NOT NULL DEFAULT '', value TEXT NOT "
    "NULL, source TEXT NOT NULL CHECK (source IN ('user', 'sidecar', 'plugin')), author TEXT NOT "
    "NULL, made_ns INTEGER NOT NULL, UNIQUE (asset_id, property, element, source, author)) STRICT",
    "CREATE TABLE journal_item (journal_id INTEGER NOT NULL REFERENCES journal(id), asset_id INTEGER "
    "NOT NULL REFERENCES asset(id), property TEXT NOT NULL, element TEXT NOT NULL, source TEXT NOT "
    "NULL, author TEXT NOT NULL, before TEXT, before_ns INTEGER, after TEXT, after_ns INTEGER, CHECK "
    "((before IS NULL) = (before_ns IS NULL)), CHECK ((after IS NULL) = (after_ns IS NULL))) STRICT",
    "CREATE TABLE journal_thing (journal_id INTEGER NOT NULL REFERENCES journal(id), kind TEXT NOT "
    "NULL, uid TEXT NOT NULL, before TEXT, after TEXT) STRICT",
    "CREATE TABLE tag (id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE, parent_id "
    "INTEGER REFERENCES tag(id), name TEXT NOT NULL, path TEXT NOT NULL, label TEXT NOT NULL, fold "
    "TEXT NOT NULL, merged_into INTEGER REFERENCES tag(id), is_deleted INTEGER NOT NULL DEFAULT 0 "
    "CHECK (is_deleted IN (0, 1)), created_ns INTEGER NOT NULL) STRICT",
    "CREATE TABLE tag_alias (id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE, path "
    "TEXT NOT NULL, tag_id INTEGER NOT NULL REFERENCES tag(id), origin TEXT NOT NULL CHECK (origin IN "
    "('user', 'renamed')), is_deleted INTEGER NOT NULL DEFAULT 0 CHECK (is_deleted IN (0, 1)), "
    "created_ns INTEGER NOT NULL) STRICT",
    "CREATE TABLE album (id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE, parent_id "
    "INTEGER REFERENCES album(id), name TEXT NOT NULL, path TEXT NOT NULL, label TEXT NOT NULL, fold "
    "TEXT NOT NULL, cover TEXT, is_deleted INTEGER NOT NULL DEFAULT 0 CHECK (is_deleted IN (0, 1)), "
    "created_ns INTEGER NOT NULL) STRICT",
    "CREATE TABLE person (id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE, name TEXT "
    "NOT NULL, label TEXT NOT NULL, fold TEXT NOT NULL, merged_into INTEGER REFERENCES person(id), "
    "is_deleted INTEGER NOT NULL DEFAULT 0 CHECK (is_deleted IN (0, 1)), created_ns INTEGER NOT NULL) "
    "STRICT",
    "CREATE TABLE saved_search (id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE, name "
    "TEXT NOT NULL, label TEXT NOT NULL, fold TEXT NOT NULL, query TEXT NOT NULL, is_deleted INTEGER "
    "NOT NULL DEFAULT 0 CHECK (is_deleted IN (0, 1)), created_ns INTEGER NOT NULL) STRICT",
    "CREATE TABLE stack (id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE, origin TEXT "
    "NOT NULL CHECK (origin IN ('rule', 'user')), kind TEXT NOT NULL CHECK (kind IN ('raw', 'live', "
    "'burst', 'variant', 'edit', 'manual')), label TEXT NOT NULL, is_deleted INTEGER NOT NULL DEFAULT "
    "0 CHECK (is_deleted IN (0, 1)), created_ns INTEGER NOT NULL) STRICT",
    "CREATE TABLE effective (asset_id INTEGER PRIMARY KEY REFERENCES asset(id), title TEXT, "
    "description TEXT, rating INTEGER CHECK (rating BETWEEN 0 AND 5), is_rejected INTEGER NOT NULL "
    "DEFAULT 0 CHECK (is_rejected IN (0, 1)), label TEXT, is_favorite INTEGER NOT NULL DEFAULT 0 "
    "CHECK (is_favorite IN (0, 1)), is_hidden INTEGER NOT NULL DEFAULT 0 CHECK (is_hidden IN (0, 1)), "
    "trashed_ns INTEGER, lat REAL, lon REAL, alt REAL, CHECK ((lat IS NULL) = (lon IS NULL))) STRICT",
    "CREATE TABLE member (view INTEGER NOT NULL, key INTEGER NOT NULL, sub INTEGER NOT NULL, asset_id "
    "INTEGER NOT NULL REFERENCES asset(id), is_listed INTEGER NOT NULL CHECK (is_listed IN (0, 1)), "
    "PRIMARY KEY (view, key, sub, asset_id)) STRICT, WITHOUT ROWID",
    "CREATE VIRTUAL TABLE photo_text USING fts5 (name, title, description, tags, people, place, "
    "tokenize = 'ascii', columnsize = 0)",
    "CREATE TABLE purge (id INTEGER PRIMARY KEY AUTOINCREMENT, journal_id INTEGER NOT NULL REFERENCES "
    "journal(id), asset_id INTEGER NOT NULL REFERENCES asset(id), location_id INTEGER NOT NULL "
    "REFERENCES location(id), hash BLOB NOT NULL CHECK (length(hash) = 32), size INTEGER NOT NULL, "
    "mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, state TEXT NOT "
    "NULL CHECK (state IN ('planned', 'done', 'refused', 'failed')), reason TEXT, planned_ns INTEGER "
    "NOT NULL, ended_ns INTEGER CHECK ((ended_ns IS NULL) = (state = 'planned'))) STRICT",
    "CREATE TABLE asset_rebuilt (id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL, short TEXT "
    "NOT NULL UNIQUE, merged_into INTEGER REFERENCES asset(id), name TEXT NOT NULL, fold TEXT NOT "
    "NULL, is_suffixed INTEGER NOT NULL DEFAULT 0 CHECK (is_suffixed IN (0, 1)), first_seen_ns "
    "INTEGER NOT NULL, content_id INTEGER REFERENCES content(id), facts_id INTEGER, location_id "
    "INTEGER REFERENCES location(id), kind TEXT NOT NULL CHECK (kind IN ('photo', 'video', 'audio')), "
    "mime TEXT NOT NULL, size INTEGER NOT NULL, capture TEXT, mtime_ns INTEGER NOT NULL, day INTEGER, "
    "year INTEGER, added_day INTEGER NOT NULL, camera_id INTEGER REFERENCES camera(id), types INTEGER "
    "NOT NULL DEFAULT 0, cell INTEGER, twin INTEGER, stack_id INTEGER REFERENCES stack(id), cover_id "
    "INTEGER REFERENCES asset(id), is_shown INTEGER NOT NULL DEFAULT 0 CHECK (is_shown IN (0, 1)), "
    "state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('shown', 'pending', 'missing', 'trashed', "
    "'hidden', 'alias')), changed_ns INTEGER NOT NULL, CHECK ((merged_into IS NOT NULL) = (state = "
    "'alias')), CHECK ((is_shown = 1) = (state = 'shown' AND cover_id IS NULL))) STRICT",
    "INSERT INTO asset_rebuilt (id, uid, short, merged_into, name, fold, is_suffixed, first_seen_ns, "
    "content_id, facts_id, location_id, kind, mime, size, capture, mtime_ns, day, year, added_day, "
    "camera_id, types, is_shown, state, changed_ns) SELECT id, uid, short, merged_into, name, fold, "
    "is_suffixed, first_seen_ns, content_id, facts_id, location_id, kind, mime, size, capture, "
    "mtime_ns, day, year, added_day, camera_id, types, is_shown, state, changed_ns FROM asset",
    "UPDATE sqlite_sequence SET seq = max(ifnull(seq, 0), ifnull((SELECT seq FROM sqlite_sequence "
    "WHERE name = 'asset'), 0)) WHERE name = 'asset_rebuilt'",
    "DROP TABLE asset",
    "ALTER TABLE asset_rebuilt RENAME TO asset",
    "CREATE INDEX asset_timeline ON asset (day, content_id) WHERE is_shown = 1",
    "CREATE INDEX asset_recent ON asset (added_day, is_shown, content_id)",
    "CREATE INDEX asset_camera ON asset (camera_id, is_shown, year, content_id) WHERE camera_id IS NOT NULL",
    "CREATE INDEX asset_kind ON asset (kind, is_shown, year, content_id)",
    "CREATE INDEX asset_special ON asset (year, content_id, types) WHERE state = 'shown' AND types > 7",
    "CREATE INDEX asset_day ON asset (day, id) WHERE state = 'shown'",
    "CREATE INDEX asset_cell ON asset (cell) WHERE cell IS NOT NULL",
    "CREATE INDEX asset_twin ON asset (twin) WHERE twin IS NOT NULL",
    "CREATE INDEX asset_stack ON asset (stack_id) WHERE stack_id IS NOT NULL",
    "CREATE INDEX asset_fold ON asset (fold, id) WHERE is_suffixed = 0",
    "CREATE INDEX asset_name ON asset (fold, day, added_day, year, camera_id, types, is_suffixed) "
    "WHERE is_shown = 1",
    "CREATE INDEX asset_state ON asset (state) WHERE is_shown = 0",
    "CREATE INDEX asset_alias ON asset (merged_into) WHERE merged_into IS NOT NULL",
    "CREATE UNIQUE INDEX asset_content ON asset (content_id)",
    "CREATE INDEX statement_property ON statement (property, element)",
    "CREATE INDEX journal_item_journal ON journal_item (journal_id)",
    "CREATE INDEX journal_item_asset ON journal_item (asset_id)",
    "CREATE INDEX journal_thing_journal ON journal_thing (journal_id)",
    "CREATE INDEX journal_thing_uid ON journal_thing (uid)",
    "CREATE UNIQUE INDEX tag_sibling ON tag (ifnull(parent_id, 0), fold) WHERE is_deleted = 0 AND "
    "merged_into IS NULL",
    "CREATE INDEX tag_below ON tag (ifnull(parent_id, 0)) WHERE is_deleted = 0 AND merged_into IS NULL",
    "CREATE UNIQUE INDEX tag_path ON tag (path) WHERE is_deleted = 0 AND merged_into IS NULL",
    "CREATE INDEX tag_merged ON tag (merged_into) WHERE merged_into IS NOT NULL",
    "CREATE UNIQUE INDEX tag_alias_path ON tag_alias (path) WHERE is_deleted = 0",
    "CREATE INDEX tag_alias_tag ON tag_alias (tag_id) WHERE is_deleted = 0",
    "CREATE UNIQUE INDEX album_sibling ON album (ifnull(parent_id, 0), fold) WHERE is_deleted = 0",
    "CREATE INDEX album_below ON album (ifnull(parent_id, 0)) WHERE is_deleted = 0",
    "CREATE UNIQUE INDEX album_path ON album (path) WHERE is_deleted = 0",
    "CREATE UNIQUE INDEX person_fold ON person (fold) WHERE is_deleted = 0 AND merged_into IS NULL",
    "CREATE INDEX person_merged ON person (merged_into) WHERE merged_into IS NOT NULL",
    "CREATE UNIQUE INDEX saved_search_fold ON saved_search (fold) WHERE is_deleted = 0",
    "CREATE INDEX member_asset ON member (asset_id)",
    "CREATE INDEX effective_rating ON effective (rating) WHERE rating IS NOT NULL",
    "CREATE INDEX effective_label ON effective (label) WHERE label IS NOT NULL",
    "CREATE INDEX effective_trashed ON effective (trashed_ns) WHERE trashed_ns IS NOT NULL",
    "CREATE INDEX effective_lat ON effective (lat, lon) WHERE lat IS NOT NULL",
    "CREATE INDEX bucket_sub ON bucket (view, sub, key) WHERE count > 0",
    "CREATE INDEX purge_planned ON purge (id) WHERE state = 'planned'",
    "CREATE INDEX purge_location ON purge (location_id)",
)
