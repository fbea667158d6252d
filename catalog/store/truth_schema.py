"""The schema of what is read beside the facts: names in files, foreign sidecars, previews, places, zones of neighbours.

Part of `catalog/store/schema.py`, whose conventions hold here. Everything in these tables follows from files and can be
read again; what sidecars say is in `statement`, where nothing is ever lost.
"""

from __future__ import annotations

from catalog.store.table import Table

TRUTH_TABLES: dict[str, Table] = {
    "embedded_name": Table(
        "Which tag or person a word in files and sidecars means. Made when it is first read, never changed: a tag that is"
        " renamed or merged later keeps its photos. A word without a row says nothing (I20).",
        {
            "kind": "tag or person.",
            "text": "The tag's path or the person's name, as catalog.facts.Descriptive has it.",
            "uid": "Of the tag or person that is meant.",
        },
        "CREATE TABLE embedded_name (kind TEXT NOT NULL CHECK (kind IN ('tag', 'person')), text TEXT NOT NULL,"
        " uid TEXT NOT NULL, PRIMARY KEY (kind, text)) STRICT, WITHOUT ROWID",
    ),
    "sidecar": Table(
        "A foreign sidecar on a volume: a file that another program wrote about a photo beside it. Never written to.",
        {
            "location_id": "The file.",
            "directory_id": "Where it lies; as in location.",
            "cell": "catalog.sidecars.names.cell_of(name): photos that it could be about by name have the same.",
            "form": "xmp or takeout.",
            "state": "due, done, failed (reason says why) or unbound (nobody knows which photo it is about; reason says why).",
            "version": "catalog.facts.READER_VERSION of the last reading; 0 = never read.",
            "reason": "Why it failed or is unbound, or what of it could not be read, in user words; NULL otherwise.",
            "overruled": "What another sidecar of the photo says otherwise, so that this one does not count; NULL otherwise.",
            "author": "Author of its statements, volume:path at the first reading; NULL before.",
            "said": "Facts of the last reading that made sense (JSON, without findings); NULL before. Its statements follow from"
            " it, also when the file is empty, broken or gone now.",
            "read_ns": "When that was; NULL before.",
            "retry_ns": "Do not try before; NULL = any time.",
        },
        "CREATE TABLE sidecar (location_id INTEGER PRIMARY KEY REFERENCES location(id) ON DELETE CASCADE,"
        " directory_id INTEGER NOT NULL REFERENCES directory(id) ON DELETE CASCADE, cell TEXT NOT NULL,"
        " form TEXT NOT NULL CHECK (form IN ('xmp', 'takeout')),"
        " state TEXT NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'done', 'failed', 'unbound')),"
        " version INTEGER NOT NULL DEFAULT 0, reason TEXT, overruled TEXT, author TEXT, said TEXT, read_ns INTEGER,"
        " retry_ns INTEGER) STRICT",
    ),
    "sidecar_photo": Table(
        "Which photos a sidecar is about.",
        {
            "asset_id": "The photo.",
            "location_id": "The sidecar.",
            "rule": "How that is known (catalog.sidecars.binding.RULES); version = it is about a duplicate of the photo and says"
            " nothing of itself; maybe = it is one of several; former = it was, and its statements stay.",
        },
        "CREATE TABLE sidecar_photo (asset_id INTEGER NOT NULL REFERENCES asset(id) ON DELETE CASCADE,"
        " location_id INTEGER NOT NULL REFERENCES sidecar(location_id) ON DELETE CASCADE, rule TEXT NOT NULL,"
        " PRIMARY KEY (asset_id, location_id)) STRICT, WITHOUT ROWID",
    ),
    "file_cell": Table(
        "Files by the cell of their names, where sidecars were looked at: photos that a sidecar could be about.",
        {
            "directory_id": "Where the file lies; as in location.",
            "cell": "One of catalog.sidecars.names.cells_of(name); cell of the sidecars.",
            "location_id": "The file; no sidecar. No reference, which would ask for an index: who removes a location removes these rows (`trace_rows`).",
        },
        "CREATE TABLE file_cell (directory_id INTEGER NOT NULL REFERENCES directory(id) ON DELETE CASCADE,"
        " cell TEXT NOT NULL, location_id INTEGER NOT NULL, PRIMARY KEY (directory_id, cell, location_id)) STRICT, WITHOUT ROWID",
    ),
    "cell_fill": Table(
        "How far the files of a directory are in file_cell.",
        {
            "directory_id": "Which one.",
            "filled_to": "Its files up to this location that were present then, or came back since, are there (I21).",
        },
        "CREATE TABLE cell_fill (directory_id INTEGER PRIMARY KEY REFERENCES directory(id) ON DELETE CASCADE,"
        " filled_to INTEGER NOT NULL) STRICT",
    ),
    "preview": Table(
        "A smaller JPEG of a photo, or its movie, that can be served without decoding the original.",
        {
            "content_id": "Of these bytes.",
            "slot": "256 or 1024: for that long edge; 0 = the largest there is; -1 = the movie of a motion photo.",
            "offset": "Where it lies in the original; NULL = it was made, and lies in the cache.",
            "length": "Bytes of it there: of the original, or of the file in the cache.",
            "width": "Stored pixels; 0 = unknown.",
            "height": "Stored pixels; 0 = unknown.",
            "orientation": "EXIF orientation to be put in front of it, so that it is shown upright; 1 = none.",
        },
        "CREATE TABLE preview (content_id INTEGER NOT NULL REFERENCES content(id) ON DELETE CASCADE,"
        ' slot INTEGER NOT NULL, "offset" INTEGER, length INTEGER NOT NULL, width INTEGER NOT NULL,'
        " height INTEGER NOT NULL, orientation INTEGER NOT NULL, PRIMARY KEY (content_id, slot)) STRICT, WITHOUT ROWID",
    ),
    "preview_work": Table(
        "What the daemon has to do, or has done, so that previews of these bytes lie in the cache.",
        {
            "content_id": "Of these bytes.",
            "task": "copy (slices of the original) or make (a decoder is needed).",
            "state": "due, done, or failed (reason says why).",
            "version": "Of the makers (daemon.media.preview_protocol.makers_version()) that failed: another one tries again.",
            "reason": "Why it failed, in user words; NULL otherwise.",
            "retry_ns": "Do not try before; NULL = any time.",
        },
        "CREATE TABLE preview_work (content_id INTEGER PRIMARY KEY REFERENCES content(id) ON DELETE CASCADE,"
        " task TEXT NOT NULL CHECK (task IN ('copy', 'make')),"
        " state TEXT NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'done', 'failed')), version TEXT NOT NULL DEFAULT '',"
        " reason TEXT, retry_ns INTEGER) STRICT",
    ),
    "place": Table(
        "A country, region or city in which a photo was taken: a folder of Places/.",
        {
            "id": "Never reused; the inode key of its folder.",
            "parent_id": "The region above it, or the country where that has no regions; NULL for countries.",
            "level": "country, region or city.",
            "name": "As GeoNames spells it.",
            "label": "What its folder is called: the name cleaned, with a number where a sibling has that label already.",
            "fold": "names.fold(label): unique among the children of one parent.",
        },
        "CREATE TABLE place (id INTEGER PRIMARY KEY AUTOINCREMENT, parent_id INTEGER REFERENCES place(id),"
        " level TEXT NOT NULL CHECK (level IN ('country', 'region', 'city')), name TEXT NOT NULL,"
        " label TEXT NOT NULL, fold TEXT NOT NULL) STRICT",
    ),
    "neighbour_zone": Table(
        "The offset of a clock that tells none, as photos taken around it in the same folder have it.",
        {
            "content_id": "Of these bytes.",
            "offset_min": "Minutes east of UTC.",
            "zone": "IANA name or NULL.",
            "from_uid": "Of the photo that it was taken from.",
        },
        "CREATE TABLE neighbour_zone (content_id INTEGER PRIMARY KEY REFERENCES content(id) ON DELETE CASCADE,"
        " offset_min INTEGER NOT NULL, zone TEXT, from_uid TEXT NOT NULL) STRICT",
    ),
    "zone_due": Table(
        "A directory whose photos got new facts since zones of neighbours were looked for.",
        {
            "directory_id": "Which one.",
            "marks": "How often it was marked: who looked takes the row away only if nobody marked it since.",
        },
        "CREATE TABLE zone_due (directory_id INTEGER PRIMARY KEY REFERENCES directory(id) ON DELETE CASCADE,"
        " marks INTEGER NOT NULL DEFAULT 1) STRICT",
    ),
}

TRUTH_INDEXES: dict[str, tuple[str, str]] = {
    "sidecar_titled": (
        "Sidecars bound by their title: their names tell nothing.",
        "CREATE INDEX sidecar_titled ON sidecar_photo (location_id) WHERE rule = 'title'",
    ),
    "embedded_name_uid": (
        "The words that mean a tag or person.",
        "CREATE INDEX embedded_name_uid ON embedded_name (uid)",
    ),
    "sidecar_due": (
        "Sidecars to be read.",
        "CREATE INDEX sidecar_due ON sidecar (location_id) WHERE state = 'due'",
    ),
    "sidecar_cell": (
        "Sidecars that could be about a photo.",
        "CREATE INDEX sidecar_cell ON sidecar (directory_id, cell)",
    ),
    "sidecar_unbound": (
        "Sidecars of a directory about which nobody knows whose they are.",
        "CREATE INDEX sidecar_unbound ON sidecar (directory_id) WHERE state = 'unbound'",
    ),
    "sidecar_author": (
        "Whose statements these are.",
        "CREATE INDEX sidecar_author ON sidecar (author) WHERE author IS NOT NULL",
    ),
    "sidecar_trouble": (
        "Sidecars that doctor tells of.",
        "CREATE INDEX sidecar_trouble ON sidecar (state) WHERE state IN ('failed', 'unbound') OR overruled IS NOT NULL",
    ),
    "sidecar_photo_location": (
        "Photos of a sidecar.",
        "CREATE INDEX sidecar_photo_location ON sidecar_photo (location_id)",
    ),
    "preview_due": (
        "Previews to be copied or made.",
        "CREATE INDEX preview_due ON preview_work (content_id) WHERE state = 'due'",
    ),
    "place_sibling": (
        "The label is one place's in its folder.",
        "CREATE UNIQUE INDEX place_sibling ON place (ifnull(parent_id, 0), fold)",
    ),
    "place_name": (
        "A name is one place's of its level in its folder.",
        "CREATE UNIQUE INDEX place_name ON place (ifnull(parent_id, 0), level, name)",
    ),
    "place_below": (
        "Folders below a place, paged by row.",
        "CREATE INDEX place_below ON place (ifnull(parent_id, 0))",
    ),
    "content_pixels": (
        "Pictures with the same pixels.",
        "CREATE INDEX content_pixels ON content (pixel_hash) WHERE pixel_hash IS NOT NULL",
    ),
    "effective_faces": (
        "Photos with faces.",
        "CREATE INDEX effective_faces ON effective (face_count) WHERE face_count > 0",
    ),
    "effective_place": (
        "Photos taken in a place.",
        "CREATE INDEX effective_place ON effective (place_id) WHERE place_id IS NOT NULL",
    ),
}
