"""The schema as prose and SQL: meaning, unit, sentinels and invariants of every table and column.

Times named `_ns` are nanoseconds since 1970-01-01T00:00Z. Paths and file names are BLOBs, exactly the bytes
that the operating system gave; text columns are NFC UTF-8. All tables are STRICT; ids are AUTOINCREMENT and
never reused, because inode numbers are made of them. A column called denormalised is recomputed by
`store/check.py` and compared. The invariants I1, I2 … are functions of the same name there.

`TABLES` maps table -> (prose, {column: prose}, DDL); `INDEXES` and their purpose follow; what people say is in
`layer_schema.py`, what is known of volumes in `volumes_schema.py`. The migrations lead to exactly this, which a test compares.
"""

from __future__ import annotations

from catalog.store.layer_schema import LAYER_INDEXES, LAYER_TABLES
from catalog.store.table import Table
from catalog.store.truth_schema import TRUTH_INDEXES, TRUTH_TABLES
from catalog.store.volumes_schema import VOLUMES_INDEXES, VOLUMES_TABLES

SCHEMA_VERSION = 4  # PRAGMA user_version; the number of the last migration


TABLES: dict[str, Table] = {
    "meta": Table(
        "One row per fact about the library itself.",
        {
            "key": "library_uid (26 characters), zone (IANA name, fixed at init), created_ns, facts_version (of the readers"
            " for which all older facts were made due again), rules_version (of the rules that derived the columns), restored_ns"
            " (when this catalog, or its layer, was last restored: the grace of the trash counts from then at least).",
            "value": "Its value as text.",
        },
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    ),
    "migration": Table(
        "One row per migration applied, in the transaction of the migration itself.",
        {
            "number": "1, 2, 3 …; PRAGMA user_version equals the greatest (I1).",
            "name": "What it did, in a word or two.",
            "digest": "BLAKE3 hex of its statements; a mismatch means the program was changed after release.",
            "applied_ns": "When.",
        },
        "CREATE TABLE migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL,"
        " applied_ns INTEGER NOT NULL) STRICT",
    ),
    "volume": Table(
        "A storage with an identity, a mode and a state. Never deleted: one that is forgotten keeps its row.",
        {
            "id": "Never reused.",
            "name": "Shown below Originals/; cleaned by names.clean_label, unique under names.fold.",
            "fold": "names.fold(name).",
            "root": "Absolute path of the root, bytes; the key of an object store.",
            "backend": "local or memory; a key of vfs.storage.BACKENDS.",
            "mode": "ro (default) or rw.",
            "state": "unknown, online, suspect, offline, disabled or retired.",
            "state_reason": "Why it is not online, in user words; NULL when online or unknown.",
            "state_since_ns": "When the state last changed.",
            "identity": "JSON of what the last good probe saw (file system, root inode …), and `unmounted`: where file systems"
            " were that the owner does not wait for any more (hex). After a relocation `left` alone: what it was at its former"
            " root. NULL before the first probe.",
            "had_data": "1 once a scan found a regular file: an empty root is then suspect, not truth.",
            "excludes": "JSON array of gitignore patterns of this volume.",
            "quick_scan_ns": "End of the last quick look; NULL never.",
            "full_scan_ns": "End of the last complete scan; NULL never.",
            "created_ns": "When it was added.",
            "marker": "Uid in the file .glassine-volume at its root, where we were allowed to write one; NULL = none.",
            "accepted_ns": "When the owner last said that what is gone is gone (`volume accept-empty`): what was missing then is not"
            " held by the guard against mass disappearance; NULL never.",
            "forgotten_ns": "When the owner forgot it: it is no volume any more, its row explains where photos were last seen;"
            " NULL = a volume.",
            "hold": "Why rows of missing files are kept beyond their grace, in user words; NULL = nothing is held.",
        },
        "CREATE TABLE volume (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, fold TEXT NOT NULL UNIQUE,"
        " root BLOB NOT NULL, backend TEXT NOT NULL DEFAULT 'local',"
        " mode TEXT NOT NULL DEFAULT 'ro' CHECK (mode IN ('ro', 'rw')),"
        " state TEXT NOT NULL DEFAULT 'unknown' CHECK (state IN"
        " ('unknown', 'online', 'suspect', 'offline', 'disabled', 'retired')),"
        " state_reason TEXT, state_since_ns INTEGER NOT NULL, identity TEXT,"
        " had_data INTEGER NOT NULL DEFAULT 0 CHECK (had_data IN (0, 1)), excludes TEXT NOT NULL DEFAULT '[]',"
        " quick_scan_ns INTEGER, full_scan_ns INTEGER, created_ns INTEGER NOT NULL,"
        " marker TEXT, accepted_ns INTEGER, forgotten_ns INTEGER, hold TEXT) STRICT",
    ),
    "library_path": Table(
        "A directory of a volume that is scanned. A volume without any is scanned from its root.",
        {
            "id": "Never reused.",
            "volume_id": "Of this volume.",
            "path": "Relative to the root, bytes without leading slash; empty = the root.",
        },
        "CREATE TABLE library_path (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " volume_id INTEGER NOT NULL REFERENCES volume(id), path BLOB NOT NULL,"
        " UNIQUE (volume_id, path)) STRICT",
    ),
    "directory": Table(
        "A directory seen on a volume: a node of Originals/. Kept when it goes missing.",
        {
            "id": "Never reused; the inode key in Originals/.",
            "volume_id": "Of this volume.",
            "parent_id": "The directory that holds it; NULL only for the root of the volume.",
            "name": "Last component, raw bytes; empty for the root.",
            "path": "Path from the volume's root, bytes without leading slash; denormalised (I2).",
            "mtime_ns": "Of the directory itself.",
            "digest": "Of its last complete listing, stored after everything that follows from it; NULL = list it"
            " again (never listed without error, or changed by other means). Equal digest = nothing to do.",
            "state": "present or missing.",
            "error": "errno name of the last failed listing; NULL when it listed.",
            "changed_ns": "When its set of entries last changed in the catalog; the ctime shown.",
        },
        "CREATE TABLE directory (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " volume_id INTEGER NOT NULL REFERENCES volume(id), parent_id INTEGER REFERENCES directory(id),"
        " name BLOB NOT NULL, path BLOB NOT NULL, mtime_ns INTEGER NOT NULL, digest BLOB,"
        " state TEXT NOT NULL DEFAULT 'present' CHECK (state IN ('present', 'missing')), error TEXT,"
        " changed_ns INTEGER NOT NULL, UNIQUE (volume_id, path)) STRICT",
    ),
    "location": Table(
        "A regular file seen on a volume: where bytes were last seen. Deleted when it has been missing for longer than its grace"
        " (`catalog.absence_rule`), or moved; the last trace of a photo stays.",
        {
            "id": "Never reused; the inode key of files in Originals/.",
            "volume_id": "Of this volume; equals the directory's (I2).",
            "directory_id": "In this directory.",
            "name": "Raw bytes of the last component.",
            "size": "Bytes.",
            "mtime_ns": "As stat gave it.",
            "ctime_ns": "As stat gave it; 0 where the storage has none.",
            "inode": "st_ino; 0 where the storage has none.",
            "state": "present or missing. Whether the volume is offline is the volume's state.",
            "missing_since_ns": "Set exactly when state is missing (I3).",
            "content_id": "What bytes these are; NULL = no asset (unknown kind, or empty). While the location is"
            " present its content is the current one of its asset (I12).",
            "sniff_due": "1 = kind unknown by name, bytes not looked at yet.",
            "first_seen_ns": "When it was first seen here; after a purge, when it was seen again.",
            "hash_failure": "Why the last attempt to hash failed (errno name, changed, busy); NULL otherwise.",
            "hash_retry_ns": "Do not try to hash before; NULL = any time.",
            "access": "Mode, owner, group and number of links as one number (vfs.storage.contract.access_of): a change of these"
            " explains a new change time; 0 = not known.",
            "verified_ns": "When its bytes were last read and had the hash of its content; NULL = never.",
            "recheck_due": "1 = its change time moved and nothing explains it: its bytes are to be read again.",
        },
        "CREATE TABLE location (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " volume_id INTEGER NOT NULL REFERENCES volume(id),"
        " directory_id INTEGER NOT NULL REFERENCES directory(id), name BLOB NOT NULL,"
        " size INTEGER NOT NULL CHECK (size >= 0), mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,"
        " inode INTEGER NOT NULL,"
        " state TEXT NOT NULL DEFAULT 'present' CHECK (state IN ('present', 'missing')),"
        " missing_since_ns INTEGER CHECK ((missing_since_ns IS NULL) = (state = 'present')),"
        " content_id INTEGER REFERENCES content(id),"
        " sniff_due INTEGER NOT NULL DEFAULT 0 CHECK (sniff_due IN (0, 1)),"
        " first_seen_ns INTEGER NOT NULL, hash_failure TEXT, hash_retry_ns INTEGER,"
        " access INTEGER NOT NULL DEFAULT 0, verified_ns INTEGER,"
        " recheck_due INTEGER NOT NULL DEFAULT 0 CHECK (recheck_due IN (0, 1)), UNIQUE (directory_id, name)) STRICT",
    ),
    "asset": Table(
        "The thing remembered. Follows content, never a path. Columns from content_id on are denormalised.",
        {
            "id": "Never reused; smaller = older.",
            "uid": "26 characters; unique because its first six are.",
            "short": "First six characters of uid (I11).",
            "merged_into": "Not NULL: this uid is an alias of that older asset, and the row is nothing else (I4).",
            "name": "Display name, cleaned, fixed when first shown: names never move.",
            "fold": "names.fold(name): the group in which names can clash (I11).",
            "is_suffixed": "1 = the plain name is never shown: it is lossy, or looks like somebody's ~short name.",
            "first_seen_ns": "When it was first seen; its day in the library's zone is Recent's folder.",
            "content_id": "The current version of its bytes; NULL only for aliases.",
            "facts_id": "The version whose facts count: the current one, or while that is unread the newest other one"
            " that was read; NULL before the first facts.",
            "location_id": "The ruling location, whose path and mtime take part in the date: the first-seen present"
            " one, else the first-seen one (smaller id = seen earlier), else content.last_location_id (then the date"
            " stays as it was). The volume's state plays no part, so that a"
            " volume that comes or goes changes nothing (charter 3); bytes are read from any online one.",
            "kind": "photo, video or audio.",
            "mime": "Best known type.",
            "size": "Bytes of the current content.",
            "capture": "JSON of the effective CaptureTime without its nulls; NULL before the first facts.",
            "mtime_ns": "Instant of the capture: the mtime shown.",
            "day": "capture.local_day; NULL before the first facts.",
            "year": "Absolute year of the capture; NULL before the first facts.",
            "added_day": "YYYYMMDD of first_seen_ns in the library's zone.",
            "camera_id": "Camera of the effective make and model, or NULL.",
            "types": "Bit mask of catalog.buckets.MediaType and Badge; 0 before the first facts.",
            "cell": "catalog.stacks.cell_of the ruling location: where its stack mates are looked for; NULL = none possible.",
            "twin": "catalog.stacks.twin_of volume, directory and Apple's content identifier; NULL without one.",
            "stack_id": "The stack it belongs to, by its owner's word or by rule; NULL = none.",
            "cover_id": "The asset that stands for it in views; NULL = it stands for itself (I18).",
            "is_shown": "1 = listed in views: state is shown, and no cover stands for it.",
            "state": "alias, else trashed, else hidden, else missing (no location present or known), else pending (no version"
            " of its bytes has facts yet; while the deep tier is due, header facts without a date are not enough,"
            " or the photo would appear below Undated and move), else shown.",
            "changed_ns": "Last change of anything above: the ctime shown.",
        },
        "CREATE TABLE asset (id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL,"
        " short TEXT NOT NULL UNIQUE, merged_into INTEGER REFERENCES asset(id),"
        " name TEXT NOT NULL, fold TEXT NOT NULL,"
        " is_suffixed INTEGER NOT NULL DEFAULT 0 CHECK (is_suffixed IN (0, 1)), first_seen_ns INTEGER NOT NULL,"
        " content_id INTEGER REFERENCES content(id),"
        " facts_id INTEGER, location_id INTEGER REFERENCES location(id),"
        " kind TEXT NOT NULL CHECK (kind IN ('photo', 'video', 'audio')), mime TEXT NOT NULL,"
        " size INTEGER NOT NULL, capture TEXT, mtime_ns INTEGER NOT NULL, day INTEGER, year INTEGER,"
        " added_day INTEGER NOT NULL, camera_id INTEGER REFERENCES camera(id),"
        " types INTEGER NOT NULL DEFAULT 0, cell INTEGER, twin INTEGER,"
        " stack_id INTEGER REFERENCES stack(id), cover_id INTEGER REFERENCES asset(id),"
        " is_shown INTEGER NOT NULL DEFAULT 0 CHECK (is_shown IN (0, 1)),"
        " state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN"
        " ('shown', 'pending', 'missing', 'trashed', 'hidden', 'alias')),"
        " changed_ns INTEGER NOT NULL,"
        " CHECK ((merged_into IS NOT NULL) = (state = 'alias')),"
        " CHECK ((is_shown = 1) = (state = 'shown' AND cover_id IS NULL))) STRICT",
    ),
    "content": Table(
        "One version of an asset's bytes: row at first sight, hash when read.",
        {
            "id": "Never reused; the inode key of photos in views: new bytes, new number, new page cache.",
            "asset_id": "Of this asset; never an alias (I5).",
            "hash": "BLAKE3-256, 32 bytes; NULL while unread. Unique; its index also finds the unread ones.",
            "size": "Bytes.",
            "kind": "photo, video or audio, by name first, by bytes once read.",
            "mime": "By name first, by bytes once read.",
            "facts": "JSON of catalog.facts.Facts without defaults and findings; NULL before the first look.",
            "facts_version": "catalog.facts.READER_VERSION of the last look, failed ones too; 0 = never looked at.",
            "facts_state": "due, deep (header read, exiftool tier due), done or failed (a finding says why).",
            "facts_retry_ns": "Do not try before; NULL = any time.",
            "last_location_id": "Where these bytes were before that file changed; tells where to look for a photo whose"
            " bytes are nowhere now. NULL = never replaced.",
            "created_ns": "When the row was made; a capture time long after it is not believed.",
            "pixel_hash": "BLAKE3-256 of what a JPEG's decoder sees (tables, frame, scans), whatever its metadata; NULL for"
            " other formats, for JPEGs that are damaged, while unread, and where the hash was learnt before or from a dump.",
        },
        "CREATE TABLE content (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " asset_id INTEGER NOT NULL REFERENCES asset(id) DEFERRABLE INITIALLY DEFERRED,"
        " hash BLOB UNIQUE CHECK (hash IS NULL OR length(hash) = 32), size INTEGER NOT NULL,"
        " kind TEXT NOT NULL CHECK (kind IN ('photo', 'video', 'audio')), mime TEXT NOT NULL, facts TEXT,"
        " facts_version INTEGER NOT NULL DEFAULT 0,"
        " facts_state TEXT NOT NULL DEFAULT 'due' CHECK (facts_state IN ('due', 'deep', 'done', 'failed')),"
        " facts_retry_ns INTEGER, last_location_id INTEGER, created_ns INTEGER NOT NULL, pixel_hash BLOB) STRICT",
    ),
    "finding": Table(
        "A recorded fact about bytes that a tool could not (wholly) read. Replaced when facts are read again.",
        {
            "id": "Never reused.",
            "content_id": "About these bytes.",
            "tool": "Reader: pillow, bmff, exiftool, worker …",
            "version": "Its version; a new one makes the content due again.",
            "reason": "In user words.",
            "found_ns": "When.",
        },
        "CREATE TABLE finding (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " content_id INTEGER NOT NULL REFERENCES content(id) ON DELETE CASCADE,"
        " tool TEXT NOT NULL, version TEXT NOT NULL, reason TEXT NOT NULL, found_ns INTEGER NOT NULL) STRICT",
    ),
    "camera": Table(
        "A make and model, as a folder of Cameras/.",
        {
            "id": "Never reused; the inode key of the folder.",
            "make": "As the bytes of its first photo say, trimmed; may be empty.",
            "model": "As the bytes of its first photo say, trimmed; may be empty.",
            "label": "What the folder is called: make and model without a doubled make, cleaned, unique.",
            "fold": "names.fold(label).",
        },
        "CREATE TABLE camera (id INTEGER PRIMARY KEY AUTOINCREMENT, make TEXT NOT NULL, model TEXT NOT NULL,"
        " label TEXT NOT NULL, fold TEXT NOT NULL UNIQUE, UNIQUE (make, model)) STRICT",
    ),
    "bucket": Table(
        "A leaf folder of a static view that holds, or held, photos. Denormalised (I6).",
        {
            "view": "Code of catalog.buckets.View.",
            "key": "Timeline: packed day; Recent: added day; Types: type code; Cameras: camera id; the layer's: see member.",
            "sub": "Types and Cameras: year; the layer's: see member; else 0.",
            "count": "Photos shown in it.",
            "changed_ns": "When its entries last changed: the mtime and ctime shown.",
            "generation": "change.seq of that moment: the collection ETag.",
        },
        "CREATE TABLE bucket (view INTEGER NOT NULL, key INTEGER NOT NULL, sub INTEGER NOT NULL,"
        " count INTEGER NOT NULL CHECK (count >= 0), changed_ns INTEGER NOT NULL, generation INTEGER NOT NULL,"
        " PRIMARY KEY (view, key, sub)) STRICT, WITHOUT ROWID",
    ),
    "claim": Table(
        "Who owns a plain name in a bucket. Written by the writer on the first clash and when the owner leaves;"
        " never removed: a claim whose owner is gone is the tombstone that keeps the name.",
        {
            "view": "Of this bucket.",
            "key": "Of this bucket.",
            "sub": "Of this bucket.",
            "fold": "Folded plain name.",
            "asset_id": "The owner, shown or gone; all others carry ~short (I7).",
        },
        "CREATE TABLE claim (view INTEGER NOT NULL, key INTEGER NOT NULL, sub INTEGER NOT NULL,"
        " fold TEXT NOT NULL, asset_id INTEGER NOT NULL REFERENCES asset(id),"
        " PRIMARY KEY (view, key, sub, fold)) STRICT, WITHOUT ROWID",
    ),
    "change": Table(
        "The change feed: what frontends must notice, appended in the transaction that did it. The oldest rows"
        " are pruned; a reader that finds a gap invalidates everything.",
        {
            "seq": "Never reused, ascending in commit order.",
            "kind": "One of catalog.changes.KINDS.",
            "subject": "What changed; by kind (see catalog/changes.py).",
            "name": "Shown name of the entry as bytes, or NULL.",
        },
        "CREATE TABLE change (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,"
        " subject TEXT NOT NULL, name BLOB) STRICT",
    ),
    "scan": Table(
        "One row per scan of a volume: the history, and the guard that one runs at a time.",
        {
            "id": "Never reused.",
            "volume_id": "Of this volume; one running row per volume (unique index).",
            "kind": "full or quick.",
            "started_ns": "When.",
            "ended_ns": "NULL while running.",
            "state": "running, done, partial (something could not be listed), failed or abandoned.",
            "counts": "JSON of what was found, added, changed, missing, errors.",
            "error": "Why it failed; NULL otherwise.",
        },
        "CREATE TABLE scan (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " volume_id INTEGER NOT NULL REFERENCES volume(id), kind TEXT NOT NULL CHECK (kind IN ('full', 'quick')),"
        " started_ns INTEGER NOT NULL, ended_ns INTEGER,"
        " state TEXT NOT NULL CHECK (state IN ('running', 'done', 'partial', 'failed', 'abandoned')),"
        " counts TEXT NOT NULL DEFAULT '{}', error TEXT) STRICT",
    ),
    "job": Table(
        "Coarse background work. Per-file work is a column with a partial index instead.",
        {
            "id": "Never reused.",
            "kind": "What to do.",
            "subject": "On what.",
            "state": "pending, running, done, failed or cancelled.",
            "attempts": "Tries so far.",
            "run_after_ns": "Not before.",
            "lease_until_ns": "A running job whose lease ended may be claimed again; NULL otherwise (I8).",
            "fence": "Grows with every claim; a stale completion carries an older one and is refused.",
            "batch": "Groups jobs of one cause; NULL = none.",
            "error": "Of the last attempt.",
            "created_ns": "When.",
        },
        "CREATE TABLE job (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, subject TEXT NOT NULL,"
        " state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN"
        " ('pending', 'running', 'done', 'failed', 'cancelled')),"
        " attempts INTEGER NOT NULL DEFAULT 0, run_after_ns INTEGER NOT NULL DEFAULT 0,"
        " lease_until_ns INTEGER CHECK ((lease_until_ns IS NOT NULL) = (state = 'running')),"
        " fence INTEGER NOT NULL DEFAULT 0, batch TEXT, error TEXT, created_ns INTEGER NOT NULL) STRICT",
    ),
    "account": Table(
        "Who may sign in over HTTP.",
        {
            "id": "Never reused.",
            "name": "Login, NFC; unique under casefold.",
            "fold": "casefold of name.",
            "password": "argon2id hash in PHC format.",
            "is_disabled": "1 = cannot sign in.",
            "created_ns": "When.",
            "changed_ns": "When the password or the flag last changed: ends cached sign-ins.",
        },
        "CREATE TABLE account (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,"
        " fold TEXT NOT NULL UNIQUE, password TEXT NOT NULL,"
        " is_disabled INTEGER NOT NULL DEFAULT 0 CHECK (is_disabled IN (0, 1)),"
        " created_ns INTEGER NOT NULL, changed_ns INTEGER NOT NULL) STRICT",
    ),
}

TABLES |= LAYER_TABLES | TRUTH_TABLES | VOLUMES_TABLES

# name -> (purpose, DDL). A listing names the index it relies on; tests/integration/test_plans.py holds it.
INDEXES: dict[str, tuple[str, str]] = {
    "asset_timeline": (
        "One day of the Timeline, paged by content.",
        "CREATE INDEX asset_timeline ON asset (day, content_id) WHERE is_shown = 1",
    ),
    "asset_recent": (
        "One day of Recent, paged by content; days of find, members of stacks as well.",
        "CREATE INDEX asset_recent ON asset (added_day, is_shown, content_id)",
    ),
    "asset_camera": (
        "One year of a camera, paged by content; all photos of it for find.",
        "CREATE INDEX asset_camera ON asset (camera_id, is_shown, year, content_id) WHERE camera_id IS NOT NULL",
    ),
    "asset_kind": (
        "One year of Types/Photos, Videos, Audio, paged by content; all of a kind for find.",
        "CREATE INDEX asset_kind ON asset (kind, is_shown, year, content_id)",
    ),
    "asset_special": (
        "One year of the rarer types (RAW, Panoramas, Screenshots …), paged by content, filtered by the mask; members of"
        " stacks as well, or a RAW behind its JPEG would be in no folder.",
        "CREATE INDEX asset_special ON asset (year, content_id, types) WHERE state = 'shown' AND types > 7",
    ),
    "asset_day": (
        "A few days of find, members of stacks as well, by id.",
        "CREATE INDEX asset_day ON asset (day, id) WHERE state = 'shown'",
    ),
    "asset_cell": ("Possible stack mates.", "CREATE INDEX asset_cell ON asset (cell) WHERE cell IS NOT NULL"),
    "asset_twin": (
        "Possible halves of a Live Photo.",
        "CREATE INDEX asset_twin ON asset (twin) WHERE twin IS NOT NULL",
    ),
    "asset_stack": (
        "Members of a stack.",
        "CREATE INDEX asset_stack ON asset (stack_id) WHERE stack_id IS NOT NULL",
    ),
    "asset_fold": (
        "Who was the first of its name in the whole library: the plain name in dynamic views is that one's.",
        "CREATE INDEX asset_fold ON asset (fold, id) WHERE is_suffixed = 0",
    ),
    "asset_name": (
        "A name in any folder: the day decides in the Timeline; elsewhere the other columns filter the few photos"
        " of the same name, and where they are many a claim answers first.",
        "CREATE INDEX asset_name ON asset (fold, day, added_day, year, camera_id, types, is_suffixed)"
        " WHERE is_shown = 1",
    ),
    "asset_state": (
        "Everything that is not shown: pending, missing, trashed.",
        "CREATE INDEX asset_state ON asset (state) WHERE is_shown = 0",
    ),
    "asset_alias": (
        "Aliases of an asset.",
        "CREATE INDEX asset_alias ON asset (merged_into) WHERE merged_into IS NOT NULL",
    ),
    "asset_content": (
        "Whose current version a content is; no content is current for two.",
        "CREATE UNIQUE INDEX asset_content ON asset (content_id)",
    ),
    "content_asset": ("Versions of an asset.", "CREATE INDEX content_asset ON content (asset_id)"),
    "content_facts_due": (
        "Contents whose header or deep facts are due.",
        "CREATE INDEX content_facts_due ON content (facts_state, id) WHERE facts_state IN ('due', 'deep')",
    ),
    "finding_content": ("Findings of a content.", "CREATE INDEX finding_content ON finding (content_id)"),
    "location_content": (
        "Where a content was seen.",
        "CREATE INDEX location_content ON location (content_id) WHERE content_id IS NOT NULL",
    ),
    "location_sniff_due": (
        "Files of unknown name whose bytes were not looked at.",
        "CREATE INDEX location_sniff_due ON location (volume_id, id) WHERE sniff_due = 1 AND state = 'present'",
    ),
    "location_inode": (
        "Files of a volume, to count them and to find a moved one by its inode.",
        "CREATE INDEX location_inode ON location (volume_id, inode) WHERE inode <> 0",
    ),
    "location_directory": (
        "The files of a directory of Originals/, paged by location.",
        "CREATE INDEX location_directory ON location (directory_id) WHERE state = 'present'",
    ),
    "location_missing": (
        "Files that are gone.",
        "CREATE INDEX location_missing ON location (volume_id) WHERE state = 'missing'",
    ),
    "location_unread": (
        "Files whose bytes could not be read: few.",
        "CREATE INDEX location_unread ON location (volume_id) WHERE hash_failure IS NOT NULL",
    ),
    "directory_parent": (
        "Subdirectories, paged by directory.",
        "CREATE INDEX directory_parent ON directory (parent_id) WHERE state = 'present'",
    ),
    "directory_name": (
        "A subdirectory by its name.",
        "CREATE INDEX directory_name ON directory (parent_id, name)",
    ),
    "claim_asset": ("Claims of an asset.", "CREATE INDEX claim_asset ON claim (asset_id)"),
    "job_due": (
        "Jobs to claim.",
        "CREATE INDEX job_due ON job (run_after_ns, id) WHERE state IN ('pending', 'running')",
    ),
    "job_unique": (
        "One live job per kind and subject.",
        "CREATE UNIQUE INDEX job_unique ON job (kind, subject) WHERE state IN ('pending', 'running')",
    ),
    "scan_running": (
        "One running scan per volume.",
        "CREATE UNIQUE INDEX scan_running ON scan (volume_id) WHERE state = 'running'",
    ),
    "scan_volume": ("History of a volume.", "CREATE INDEX scan_volume ON scan (volume_id, id)"),
}

INDEXES |= LAYER_INDEXES | TRUTH_INDEXES | VOLUMES_INDEXES
