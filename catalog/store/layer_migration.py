"""Migration 2: the layer. New tables, and `asset` with what stacks need.

No catalog made before it holds a statement or a journal item (nothing could say one), so those tables are made anew.
`asset` is rebuilt the way SQLite's documentation tells (lang_altertable, section 7): foreign keys are off meanwhile.
"""

from __future__ import annotations

from catalog.store.layer_schema import LAYER_INDEXES, LAYER_TABLES
from catalog.store.schema import INDEXES, TABLES

_KEPT = (
    "id, uid, short, merged_into, name, fold, is_suffixed, first_seen_ns, content_id, facts_id, location_id, kind, mime,"
    " size, capture, mtime_ns, day, year, added_day, camera_id, types, is_shown, state, changed_ns"
)
_ASSET_INDEXES = [ddl for name, (_, ddl) in INDEXES.items() if name.startswith("asset_")]

STATEMENTS: tuple[str, ...] = (
    "DROP TABLE journal_item",
    "DROP TABLE statement",
    *(table.ddl for name, table in LAYER_TABLES.items() if name != "journal"),
    TABLES["asset"].ddl.replace("CREATE TABLE asset ", "CREATE TABLE asset_rebuilt ", 1),
    f"INSERT INTO asset_rebuilt ({_KEPT}) SELECT {_KEPT} FROM asset",
    "UPDATE sqlite_sequence SET seq = max(ifnull(seq, 0), ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'asset'), 0))"
    " WHERE name = 'asset_rebuilt'",
    "DROP TABLE asset",
    "ALTER TABLE asset_rebuilt RENAME TO asset",
    *_ASSET_INDEXES,
    *(ddl for name, (_, ddl) in LAYER_INDEXES.items()),
)
