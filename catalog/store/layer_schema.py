"""The schema of the layer: what people say, the things they say it with, and what follows from it.

Part of `catalog/store/schema.py`, whose conventions hold here. A *thing* is a tag, an alias of a tag, an album, a
person, a saved search or a stack made by hand: a row with a uid, never deleted (a thing that is gone is a row with
`is_deleted` 1, so that its number, which is an inode's, is never another's and an undo brings back the same).
"""

from __future__ import annotations

from catalog.store.table import Table

_THING = "id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE"
_GONE = "is_deleted INTEGER NOT NULL DEFAULT 0 CHECK (is_deleted IN (0, 1)), created_ns INTEGER NOT NULL"
_ID = "Never reused; the inode key of its folder."
_UID = "26 characters; what statements, dumps and the journal call it."
_LABEL = "What its folder is called: the name cleaned, with ~short where a sibling has that label already."
_FOLD = "names.fold(label): unique among the living of one parent (I16)."
_DELETED = "1 = gone; what statements say of it waits for an undo."
_CREATED = "When the row was made."

LAYER_TABLES: dict[str, Table] = {
    "statement": Table(
        "What people, sidecars and plugins say. Never removed by the machine.",
        {
            "id": "Never reused.",
            "asset_id": "About this asset; never an alias (I5).",
            "property": "One of catalog.layer.PROPERTIES.",
            "element": "For sets: uid of the tag, album or person, or of the face region; '' for scalars.",
            "value": "JSON of the value; null = cleared; for sets false = removed, anything else = a member.",
            "source": "user, sidecar or plugin.",
            "author": "Account, sidecar path or plugin name.",
            "made_ns": "When.",
        },
        "CREATE TABLE statement (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " asset_id INTEGER NOT NULL REFERENCES asset(id), property TEXT NOT NULL,"
        " element TEXT NOT NULL DEFAULT '', value TEXT NOT NULL,"
        " source TEXT NOT NULL CHECK (source IN ('user', 'sidecar', 'plugin')), author TEXT NOT NULL,"
        " made_ns INTEGER NOT NULL, UNIQUE (asset_id, property, element, source, author)) STRICT",
    ),
    "journal": Table(
        "Every user command and every merge, so that it can be told and undone.",
        {
            "id": "Never reused; order of commit.",
            "command": "JSON of the command value.",
            "author": "Who.",
            "made_ns": "When.",
            "undone_by": "The journal row that took it back, or NULL.",
        },
        "CREATE TABLE journal (id INTEGER PRIMARY KEY AUTOINCREMENT, command TEXT NOT NULL,"
        " author TEXT NOT NULL, made_ns INTEGER NOT NULL, undone_by INTEGER REFERENCES journal(id)) STRICT",
    ),
    "journal_item": Table(
        "One statement that a journal row changed. All items from the first on, replayed, are the table statement (I19).",
        {
            "journal_id": "Of this journal row.",
            "asset_id": "About this asset (as it was called then; may be an alias now).",
            "property": "As in statement.",
            "element": "As in statement.",
            "source": "As in statement.",
            "author": "As in statement.",
            "before": "JSON before, or NULL = there was no statement.",
            "before_ns": "made_ns before; NULL with before.",
            "after": "JSON after, or NULL = there is no statement.",
            "after_ns": "made_ns after; NULL with after.",
        },
        "CREATE TABLE journal_item (journal_id INTEGER NOT NULL REFERENCES journal(id),"
        " asset_id INTEGER NOT NULL REFERENCES asset(id), property TEXT NOT NULL, element TEXT NOT NULL,"
        " source TEXT NOT NULL, author TEXT NOT NULL, before TEXT, before_ns INTEGER, after TEXT, after_ns INTEGER,"
        " CHECK ((before IS NULL) = (before_ns IS NULL)), CHECK ((after IS NULL) = (after_ns IS NULL))) STRICT",
    ),
    "journal_thing": Table(
        "One thing (see above) that a journal row made or changed.",
        {
            "journal_id": "Of this journal row.",
            "kind": "tag, tag_alias, album, person, search or stack: the name of its table (search: saved_search).",
            "uid": "Which one.",
            "before": "JSON of the row's columns without id and uid, references as uids; NULL = there was no such row.",
            "after": "The same after it.",
        },
        "CREATE TABLE journal_thing (journal_id INTEGER NOT NULL REFERENCES journal(id), kind TEXT NOT NULL,"
        " uid TEXT NOT NULL, before TEXT, after TEXT) STRICT",
    ),
    "tag": Table(
        "A tag: a node of the hierarchy. Statements name it by uid, so that a rename touches one row and its subtree.",
        {
            "id": _ID,
            "uid": _UID,
            "parent_id": "The tag above it; NULL = top level. Never a cycle (I16).",
            "name": "NFC, as it was first written; no slash. Equal only but for case = another tag.",
            "path": "Names from the top joined by /; denormalised (I16).",
            "label": _LABEL,
            "fold": _FOLD,
            "merged_into": "Not NULL: what is said with this tag counts for that one; never a chain or a cycle (I16).",
            "is_deleted": _DELETED,
            "created_ns": _CREATED,
        },
        f"CREATE TABLE tag ({_THING}, parent_id INTEGER REFERENCES tag(id), name TEXT NOT NULL, path TEXT NOT NULL,"
        f" label TEXT NOT NULL, fold TEXT NOT NULL, merged_into INTEGER REFERENCES tag(id), {_GONE}) STRICT",
    ),
    "tag_alias": Table(
        "Another path that means a tag: what is written by that name lands there.",
        {
            "id": "Never reused.",
            "uid": _UID,
            "path": "NFC path; unique among the living.",
            "tag_id": "The tag that is meant.",
            "origin": "user = said so; renamed = the tag's former path: sidecars and files still say it, but a user who"
            " writes it makes a new tag, and the alias goes.",
            "is_deleted": _DELETED,
            "created_ns": _CREATED,
        },
        f"CREATE TABLE tag_alias ({_THING}, path TEXT NOT NULL, tag_id INTEGER NOT NULL REFERENCES tag(id),"
        f" origin TEXT NOT NULL CHECK (origin IN ('user', 'renamed')), {_GONE}) STRICT",
    ),
    "album": Table(
        "An album; its photos are statements whose value {at} orders them.",
        {
            "id": _ID,
            "uid": _UID,
            "parent_id": "The album that holds it; NULL = top level. Never a cycle (I16).",
            "name": "NFC, no slash; unique among the living of one parent.",
            "path": "Names from the top joined by /; denormalised (I16).",
            "label": _LABEL,
            "fold": _FOLD,
            "cover": "uid of the photo on its cover; NULL = the first one.",
            "is_deleted": _DELETED,
            "created_ns": _CREATED,
        },
        f"CREATE TABLE album ({_THING}, parent_id INTEGER REFERENCES album(id), name TEXT NOT NULL,"
        f" path TEXT NOT NULL, label TEXT NOT NULL, fold TEXT NOT NULL, cover TEXT, {_GONE}) STRICT",
    ),
    "person": Table(
        "Somebody in photos: named by statements person and by face regions.",
        {
            "id": _ID,
            "uid": _UID,
            "name": "NFC; unique among the living, whatever the case.",
            "label": _LABEL,
            "fold": _FOLD,
            "merged_into": "Not NULL: what is said of this person counts for that one; never a chain or a cycle (I16).",
            "is_deleted": _DELETED,
            "created_ns": _CREATED,
        },
        f"CREATE TABLE person ({_THING}, name TEXT NOT NULL, label TEXT NOT NULL, fold TEXT NOT NULL,"
        f" merged_into INTEGER REFERENCES person(id), {_GONE}) STRICT",
    ),
    "saved_search": Table(
        "A query with a name: a folder of Searches/.",
        {
            "id": _ID,
            "uid": _UID,
            "name": "NFC; unique among the living, whatever the case.",
            "label": _LABEL,
            "fold": _FOLD,
            "query": "As it was written; it was valid then.",
            "is_deleted": _DELETED,
            "created_ns": _CREATED,
        },
        f"CREATE TABLE saved_search ({_THING}, name TEXT NOT NULL, label TEXT NOT NULL, fold TEXT NOT NULL,"
        f" query TEXT NOT NULL, {_GONE}) STRICT",
    ),
    "stack": Table(
        "Photos that belong together. Made by rule (then its members follow from the photos) or by hand (then statements"
        " say who is in it). A stack with fewer than two photos that can be seen is none, and its row waits.",
        {
            "id": _ID,
            "uid": _UID,
            "origin": "rule = members follow from the photos; user = statements say who is in it, a person's where kind is"
            " manual, else the program's: versions of one photo (catalog.store.lineage).",
            "kind": "raw, live, burst, variant, edit or manual.",
            "label": "Folder below Stacks/<year>/: stem of the cover when it was made, and ~short of this uid.",
            "is_deleted": _DELETED,
            "created_ns": _CREATED,
        },
        f"CREATE TABLE stack ({_THING}, origin TEXT NOT NULL CHECK (origin IN ('rule', 'user')),"
        " kind TEXT NOT NULL CHECK (kind IN ('raw', 'live', 'burst', 'variant', 'edit', 'manual')),"
        f" label TEXT NOT NULL, {_GONE}) STRICT",
    ),
    "effective": Table(
        "What the layer and the bytes together say of a photo. One row where anything is said. Denormalised (I17).",
        {
            "asset_id": "Of this asset; never an alias.",
            "title": "Text or NULL.",
            "description": "Text or NULL.",
            "rating": "0-5; NULL = never rated.",
            "is_rejected": "1 = rejected.",
            "label": "Colour label or NULL.",
            "is_favorite": "1 = favourite.",
            "is_hidden": "1 = hidden.",
            "trashed_ns": "Since when in the trash; NULL = not.",
            "lat": "Degrees north; NULL = no position.",
            "lon": "Degrees east; NULL = no position.",
            "alt": "Metres; NULL = unknown.",
            "creator": "Who made it: names joined by `; `; NULL = nobody says.",
            "rights": "Who holds the rights, and what others may do; NULL = nobody says.",
            "face_count": "Face regions in it, unnamed ones too.",
            "place_id": "Row of the place of that position, the city if there is one; NULL = on no land that we know.",
        },
        "CREATE TABLE effective (asset_id INTEGER PRIMARY KEY REFERENCES asset(id), title TEXT, description TEXT,"
        " rating INTEGER CHECK (rating BETWEEN 0 AND 5),"
        " is_rejected INTEGER NOT NULL DEFAULT 0 CHECK (is_rejected IN (0, 1)), label TEXT,"
        " is_favorite INTEGER NOT NULL DEFAULT 0 CHECK (is_favorite IN (0, 1)),"
        " is_hidden INTEGER NOT NULL DEFAULT 0 CHECK (is_hidden IN (0, 1)), trashed_ns INTEGER,"
        " lat REAL, lon REAL, alt REAL, creator TEXT, rights TEXT,"
        " face_count INTEGER NOT NULL DEFAULT 0, place_id INTEGER REFERENCES place(id), CHECK ((lat IS NULL) = (lon IS NULL))) STRICT",
    ),
    "member": Table(
        "Which folders of the layer's views a photo belongs to, whatever its state. Denormalised (I17).",
        {
            "view": "Code of catalog.buckets.View, from ALBUMS on.",
            "key": "Albums: album id; Tags: tag id; People: person id; Favorites: 0; Ratings: rating; Stacks: stack id;"
            " Trash: day of trashing in the library's zone, YYYYMMDD.",
            "sub": "Tags: 0 = the tag itself, 1 = it or a tag below it (_all); People: year of capture (0 before the first"
            " facts); Stacks: year of the cover; else 0.",
            "asset_id": "The photo; the cookie of listings.",
            "is_listed": "1 = the folder shows it now: its state fits, and no cover stands for it in the same folder.",
        },
        "CREATE TABLE member (view INTEGER NOT NULL, key INTEGER NOT NULL, sub INTEGER NOT NULL,"
        " asset_id INTEGER NOT NULL REFERENCES asset(id),"
        " is_listed INTEGER NOT NULL CHECK (is_listed IN (0, 1)),"
        " PRIMARY KEY (view, key, sub, asset_id)) STRICT, WITHOUT ROWID",
    ),
    "photo_text": Table(
        "Full text: one row per asset that is no alias, its texts as tokens of catalog.text. Denormalised (I17).",
        {
            "name": "Of the display name.",
            "title": "Of the effective title.",
            "description": "Of the effective description.",
            "tags": "Of the effective tags.",
            "people": "Of the effective people.",
            "place": "Of the place names (a later issue).",
        },
        "CREATE VIRTUAL TABLE photo_text USING fts5 (name, title, description, tags, people, place,"
        " tokenize = 'ascii', columnsize = 0)",
    ),
    "purge": Table(
        "A file that is, or was, to be removed from a writable volume: written before the file is touched.",
        {
            "id": "Never reused.",
            "journal_id": "The command or the daemon's tick that planned it.",
            "asset_id": "The trashed photo.",
            "location_id": "The file.",
            "hash": "What its bytes must still be, 32 bytes.",
            "size": "Bytes it must still have.",
            "mtime_ns": "The time it must still have.",
            "ctime_ns": "The change time it must still have.",
            "inode": "The inode it must still be.",
            "state": "planned, done, refused (it is not that file any more, or the volume is away) or failed.",
            "reason": "Why it was refused or failed; NULL otherwise.",
            "planned_ns": "When the row was made.",
            "ended_ns": "When it was done or not; NULL while planned.",
        },
        "CREATE TABLE purge (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " journal_id INTEGER NOT NULL REFERENCES journal(id), asset_id INTEGER NOT NULL REFERENCES asset(id),"
        " location_id INTEGER NOT NULL REFERENCES location(id), hash BLOB NOT NULL CHECK (length(hash) = 32),"
        " size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,"
        " state TEXT NOT NULL CHECK (state IN ('planned', 'done', 'refused', 'failed')), reason TEXT,"
        " planned_ns INTEGER NOT NULL, ended_ns INTEGER CHECK ((ended_ns IS NULL) = (state = 'planned'))) STRICT",
    ),
}

_ALIVE = "WHERE is_deleted = 0"
_CANONICAL = "WHERE is_deleted = 0 AND merged_into IS NULL"

LAYER_INDEXES: dict[str, tuple[str, str]] = {
    "statement_property": (
        "All assets with a property, or an element of a set.",
        "CREATE INDEX statement_property ON statement (property, element)",
    ),
    "journal_item_journal": (
        "Items of a journal row.",
        "CREATE INDEX journal_item_journal ON journal_item (journal_id)",
    ),
    "journal_item_asset": (
        "History of an asset.",
        "CREATE INDEX journal_item_asset ON journal_item (asset_id)",
    ),
    "journal_thing_journal": (
        "Things of a journal row.",
        "CREATE INDEX journal_thing_journal ON journal_thing (journal_id)",
    ),
    "journal_thing_uid": ("History of a thing.", "CREATE INDEX journal_thing_uid ON journal_thing (uid)"),
    "tag_sibling": (
        "The label is one tag's in its folder.",
        f"CREATE UNIQUE INDEX tag_sibling ON tag (ifnull(parent_id, 0), fold) {_CANONICAL}",
    ),
    "tag_below": (
        "Subfolders of a tag, paged by row.",
        f"CREATE INDEX tag_below ON tag (ifnull(parent_id, 0)) {_CANONICAL}",
    ),
    "tag_path": ("A tag by its path.", f"CREATE UNIQUE INDEX tag_path ON tag (path) {_CANONICAL}"),
    "tag_merged": (
        "What was merged into a tag.",
        "CREATE INDEX tag_merged ON tag (merged_into) WHERE merged_into IS NOT NULL",
    ),
    "tag_alias_path": (
        "What a path means.",
        f"CREATE UNIQUE INDEX tag_alias_path ON tag_alias (path) {_ALIVE}",
    ),
    "tag_alias_tag": ("Aliases of a tag.", f"CREATE INDEX tag_alias_tag ON tag_alias (tag_id) {_ALIVE}"),
    "album_sibling": (
        "The label is one album's in its folder.",
        f"CREATE UNIQUE INDEX album_sibling ON album (ifnull(parent_id, 0), fold) {_ALIVE}",
    ),
    "album_below": (
        "Subfolders of an album, paged by row.",
        f"CREATE INDEX album_below ON album (ifnull(parent_id, 0)) {_ALIVE}",
    ),
    "album_path": ("An album by its path.", f"CREATE UNIQUE INDEX album_path ON album (path) {_ALIVE}"),
    "person_fold": (
        "A person by name or label.",
        f"CREATE UNIQUE INDEX person_fold ON person (fold) {_CANONICAL}",
    ),
    "person_merged": (
        "Who was merged into a person.",
        "CREATE INDEX person_merged ON person (merged_into) WHERE merged_into IS NOT NULL",
    ),
    "saved_search_fold": (
        "A saved search by name or label.",
        f"CREATE UNIQUE INDEX saved_search_fold ON saved_search (fold) {_ALIVE}",
    ),
    "member_asset": ("Folders of an asset.", "CREATE INDEX member_asset ON member (asset_id)"),
    "effective_rating": (
        "Photos by rating.",
        "CREATE INDEX effective_rating ON effective (rating) WHERE rating IS NOT NULL",
    ),
    "effective_label": (
        "Photos by colour label.",
        "CREATE INDEX effective_label ON effective (label) WHERE label IS NOT NULL",
    ),
    "effective_trashed": (
        "The trash, oldest first: what its retention is over for.",
        "CREATE INDEX effective_trashed ON effective (trashed_ns) WHERE trashed_ns IS NOT NULL",
    ),
    "effective_lat": (
        "Photos of a band of latitudes.",
        "CREATE INDEX effective_lat ON effective (lat, lon) WHERE lat IS NOT NULL",
    ),
    "bucket_sub": (
        "Years of Stacks/, and the stacks of one.",
        "CREATE INDEX bucket_sub ON bucket (view, sub, key) WHERE count > 0",
    ),
    "purge_planned": (
        "What a killed purge left undecided.",
        "CREATE INDEX purge_planned ON purge (id) WHERE state = 'planned'",
    ),
    "purge_location": (
        "Whether a file was ever purged.",
        "CREATE INDEX purge_location ON purge (location_id)",
    ),
}
