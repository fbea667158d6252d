"""Migration 1, as released: the statements that made the first catalogs. Never edited; the digest would not fit.

What the tables mean is told in `catalog/store/schema.py`, for the newest form of each.
"""

from __future__ import annotations

STATEMENTS: tuple[str, ...] = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, "
    "applied_ns INTEGER NOT NULL) STRICT",
    "CREATE TABLE volume (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, fold TEXT NOT "
    "NULL UNIQUE, root BLOB NOT NULL, backend TEXT NOT NULL DEFAULT 'local', mode TEXT NOT NULL "
    "DEFAULT 'ro' CHECK (mode IN ('ro', 'rw')), state TEXT NOT NULL DEFAULT 'unknown' CHECK (state IN"
    " ('unknown', 'online', 'suspect', 'offline', 'disabled', 'retired')), state_reason TEXT, "
    "state_since_ns INTEGER NOT NULL, identity TEXT, had_data INTEGER NOT NULL DEFAULT 0 CHECK "
    "(had_data IN (0, 1)), excludes TEXT NOT NULL DEFAULT '[]', quick_scan_ns INTEGER, full_scan_ns "
    "INTEGER, created_ns INTEGER NOT NULL) STRICT",
    "CREATE TABLE library_path (id INTEGER PRIMARY KEY AUTOINCREMENT, volume_id INTEGER NOT NULL "
    "REFERENCES volume(id), path BLOB NOT NULL, UNIQUE (volume_id, path)) STRICT",
    "CREATE TABLE directory (id INTEGER PRIMARY KEY AUTOINCREMENT, volume_id INTEGER NOT NULL "
    "REFERENCES volume(id), parent_id INTEGER REFERENCES directory(id), name BLOB NOT NULL, path BLOB"
    " NOT NULL, mtime_ns INTEGER NOT NULL, digest BLOB, state TEXT NOT NULL DEFAULT 'present' CHECK "
    "(state IN ('present', 'missing')), error TEXT, changed_ns INTEGER NOT NULL, UNIQUE (volume_id, "
    "path)) STRICT",
    "CREATE TABLE location (id INTEGER PRIMARY KEY AUTOINCREMENT, volume_id INTEGER NOT NULL "
    "REFERENCES volume(id), directory_id INTEGER NOT NULL REFERENCES directory(id), name BLOB NOT "
    "NULL, size INTEGER NOT NULL CHECK (size >= 0), mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT "
    "NULL, inode INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'present' CHECK (state IN ('present', "
    "'missing')), missing_since_ns INTEGER CHECK ((missing_since_ns IS NULL) = (state = 'present')), "
    "content_id INTEGER REFERENCES content(id), sniff_due INTEGER NOT NULL DEFAULT 0 CHECK (sniff_due"
    " IN (0, 1)), first_seen_ns INTEGER NOT NULL, hash_failure TEXT, hash_retry_ns INTEGER, UNIQUE "
    "(directory_id, name)) STRICT",
    "CREATE TABLE asset (id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL, short TEXT NOT NULL"
    " UNIQUE, merged_into INTEGER REFERENCES asset(id), name TEXT NOT NULL, fold TEXT NOT NULL, "
    "is_suffixed INTEGER NOT NULL DEFAULT 0 CHECK (is_suffixed IN (0, 1)), first_seen_ns INTEGER NOT "
    "NULL, content_id INTEGER REFERENCES content(id), facts_id INTEGER, location_id INTEGER "
    "REFERENCES location(id), kind TEXT NOT NULL CHECK (kind IN ('photo', 'video', 'audio')), mime "
    "TEXT NOT NULL, size INTEGER NOT NULL, capture TEXT, mtime_ns INTEGER NOT NULL, day INTEGER, year"
    " INTEGER, added_day INTEGER NOT NULL, camera_id INTEGER REFERENCES camera(id), types INTEGER NOT"
    " NULL DEFAULT 0, is_shown INTEGER NOT NULL DEFAULT 0 CHECK (is_shown IN (0, 1)), state TEXT NOT "
    "NULL DEFAULT 'pending' CHECK (state IN ('shown', 'pending', 'missing', 'trashed', 'hidden', "
    "'alias')), changed_ns INTEGER NOT NULL, CHECK ((merged_into IS NOT NULL) = (state = 'alias')), "
    "CHECK ((is_shown = 1) = (state = 'shown'))) STRICT",
    "CREATE TABLE content (id INTEGER PRIMARY KEY AUTOINCREMENT, asset_id INTEGER NOT NULL REFERENCES"
    " asset(id) DEFERRABLE INITIALLY DEFERRED, hash BLOB UNIQUE CHECK (hash IS NULL OR length(hash) ="
    " 32), size INTEGER NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('photo', 'video', 'audio')), "
    "mime TEXT NOT NULL, facts TEXT, facts_version INTEGER NOT NULL DEFAULT 0, facts_state TEXT NOT "
    "NULL DEFAULT 'due' CHECK (facts_state IN ('due', 'deep', 'done', 'failed')), facts_retry_ns "
    "INTEGER, last_location_id INTEGER, created_ns INTEGER NOT NULL) STRICT",
    "CREATE TABLE finding (id INTEGER PRIMARY KEY AUTOINCREMENT, content_id INTEGER NOT NULL "
    "REFERENCES content(id) ON DELETE CASCADE, tool TEXT NOT NULL, version TEXT NOT NULL, reason TEXT"
    " NOT NULL, found_ns INTEGER NOT NULL) STRICT",
    "CREATE TABLE camera (id INTEGER PRIMARY KEY AUTOINCREMENT, make TEXT NOT NULL, model TEXT NOT "
    "NULL, label TEXT NOT NULL, fold TEXT NOT NULL UNIQUE, UNIQUE (make, model)) STRICT",
    "CREATE TABLE bucket (view INTEGER NOT NULL, key INTEGER NOT NULL, sub INTEGER NOT NULL, count "
    "INTEGER NOT NULL CHECK (count >= 0), changed_ns INTEGER NOT NULL, generation INTEGER NOT NULL, "
    "PRIMARY KEY (view, key, sub)) STRICT, WITHOUT ROWID",
    "CREATE TABLE claim (view INTEGER NOT NULL, key INTEGER NOT NULL, sub INTEGER NOT NULL, fold TEXT"
    " NOT NULL, asset_id INTEGER NOT NULL REFERENCES asset(id), PRIMARY KEY (view, key, sub, fold)) "
    "STRICT, WITHOUT ROWID",
    "CREATE TABLE statement (id INTEGER PRIMARY KEY AUTOINCREMENT, asset_id INTEGER NOT NULL "
    "REFERENCES asset(id), property TEXT NOT NULL, element TEXT NOT NULL DEFAULT '', value TEXT NOT "
    "NULL, source TEXT NOT NULL CHECK (source IN ('user', 'sidecar', 'plugin')), author TEXT NOT "
    "NULL, made_ns INTEGER NOT NULL, UNIQUE (asset_id, property, element, source, author)) STRICT",
    "CREATE TABLE journal (id INTEGER PRIMARY KEY AUTOINCREMENT, command TEXT NOT NULL, author TEXT "
    "NOT NULL, made_ns INTEGER NOT NULL, undone_by INTEGER REFERENCES journal(id)) STRICT",
    "CREATE TABLE journal_item (journal_id INTEGER NOT NULL REFERENCES journal(id), asset_id INTEGER "
    "NOT NULL REFERENCES asset(id), property TEXT NOT NULL, element TEXT NOT NULL, source TEXT NOT "
    "NULL, before TEXT, after TEXT) STRICT",
    "CREATE TABLE change (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, subject TEXT NOT"
    " NULL, name BLOB) STRICT",
    "CREATE TABLE scan (id INTEGER PRIMARY KEY AUTOINCREMENT, volume_id INTEGER NOT NULL REFERENCES "
    "volume(id), kind TEXT NOT NULL CHECK (kind IN ('full', 'quick')), started_ns INTEGER NOT NULL, "
    "ended_ns INTEGER, state TEXT NOT NULL CHECK (state IN ('running', 'done', 'partial', 'failed', "
    "'abandoned')), counts TEXT NOT NULL DEFAULT '{}', error TEXT) STRICT",
    "CREATE TABLE job (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, subject TEXT NOT "
    "NULL, state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'done', "
    "'failed', 'cancelled')), attempts INTEGER NOT NULL DEFAULT 0, run_after_ns INTEGER NOT NULL "
    "DEFAULT 0, lease_until_ns INTEGER CHECK ((lease_until_ns IS NOT NULL) = (state = 'running')), "
    "fence INTEGER NOT NULL DEFAULT 0, batch TEXT, error TEXT, created_ns INTEGER NOT NULL) STRICT",
    "CREATE TABLE account (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, fold TEXT NOT "
    "NULL UNIQUE, password TEXT NOT NULL, is_disabled INTEGER NOT NULL DEFAULT 0 CHECK (is_disabled "
    "IN (0, 1)), created_ns INTEGER NOT NULL, changed_ns INTEGER NOT NULL) STRICT",
    "CREATE INDEX asset_timeline ON asset (day, content_id) WHERE is_shown = 1",
    "CREATE INDEX asset_recent ON asset (added_day, content_id) WHERE is_shown = 1",
    "CREATE INDEX asset_camera ON asset (camera_id, year, content_id) WHERE is_shown = 1 AND "
    "camera_id IS NOT NULL",
    "CREATE INDEX asset_kind ON asset (kind, year, content_id) WHERE is_shown = 1",
    "CREATE INDEX asset_special ON asset (year, content_id, types) WHERE is_shown = 1 AND types > 7",
    "CREATE INDEX asset_name ON asset (fold, day, added_day, year, camera_id, types, is_suffixed) "
    "WHERE is_shown = 1",
    "CREATE INDEX asset_state ON asset (state) WHERE is_shown = 0",
    "CREATE INDEX asset_alias ON asset (merged_into) WHERE merged_into IS NOT NULL",
    "CREATE UNIQUE INDEX asset_content ON asset (content_id)",
    "CREATE INDEX content_asset ON content (asset_id)",
    "CREATE INDEX content_facts_due ON content (facts_state, id) WHERE facts_state IN ('due', 'deep')",
    "CREATE INDEX finding_content ON finding (content_id)",
    "CREATE INDEX location_content ON location (content_id) WHERE content_id IS NOT NULL",
    "CREATE INDEX location_sniff_due ON location (volume_id, id) WHERE sniff_due = 1 AND state = 'present'",
    "CREATE INDEX location_inode ON location (volume_id, inode) WHERE inode <> 0",
    "CREATE INDEX location_directory ON location (directory_id) WHERE state = 'present'",
    "CREATE INDEX location_missing ON location (volume_id) WHERE state = 'missing'",
    "CREATE INDEX location_unread ON location (volume_id) WHERE hash_failure IS NOT NULL",
    "CREATE INDEX directory_parent ON directory (parent_id) WHERE state = 'present'",
    "CREATE INDEX directory_name ON directory (parent_id, name)",
    "CREATE INDEX claim_asset ON claim (asset_id)",
    "CREATE INDEX statement_property ON statement (property, element)",
    "CREATE INDEX journal_item_journal ON journal_item (journal_id)",
    "CREATE INDEX journal_item_asset ON journal_item (asset_id)",
    "CREATE INDEX job_due ON job (run_after_ns, id) WHERE state IN ('pending', 'running')",
    "CREATE UNIQUE INDEX job_unique ON job (kind, subject) WHERE state IN ('pending', 'running')",
    "CREATE UNIQUE INDEX scan_running ON scan (volume_id) WHERE state = 'running'",
    "CREATE INDEX scan_volume ON scan (volume_id, id)",
)
