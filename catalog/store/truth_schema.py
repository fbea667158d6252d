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
            "form": "xmp or takeout.",
            "state": "due, done, failed (reason says why) or unbound (nobody knows which photo it is about; reason says why).",
            "version": "catalog.facts.READER_VERSION of the last reading; 0 = never read.",
            "reason": "Why it failed, is unbound, or what was ambiguous about it, in user words; NULL otherwise.",
            "author": "Author of its statements, volume:path at the first reading; NULL before.",
            "bound": "JSON array of the ids of the assets that its statements are about.",
            "digest": "BLAKE3 of the canonical JSON of what it said last; NULL before.",
            "retry_ns": "Do not try before; NULL = any time.",
        },
        "CREATE TABLE sidecar (location_id INTEGER PRIMARY KEY REFERENCES location(id),"
        " form TEXT NOT NULL CHECK (form IN ('xmp', 'takeout')),"
        " state TEXT NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'done', 'failed', 'unbound')),"
        " version INTEGER NOT NULL DEFAULT 0, reason TEXT, author TEXT, bound TEXT NOT NULL DEFAULT '[]', digest BLOB,"
        " retry_ns INTEGER) STRICT",
    ),
    "preview": Table(
        "A smaller JPEG of a photo that can be served without decoding the original.",
        {
            "content_id": "Of these bytes.",
            "slot": "256 or 1024: for that long edge; 0 = the largest there is.",
            "offset": "Where it lies in the original; NULL = it was made, and lies in the cache.",
            "length": "Bytes of the JPEG there.",
            "width": "Stored pixels; 0 = unknown.",
            "height": "Stored pixels; 0 = unknown.",
            "orientation": "EXIF orientation to be put in front of it, so that it is shown upright; 1 = none.",
        },
        "CREATE TABLE preview (content_id INTEGER NOT NULL REFERENCES content(id), slot INTEGER NOT NULL,"
        ' "offset" INTEGER, length INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,'
        " orientation INTEGER NOT NULL, PRIMARY KEY (content_id, slot)) STRICT, WITHOUT ROWID",
    ),
    "place": Table(
        "A country, region or city in which a photo was taken: a folder of Places/.",
        {
            "id": "Never reused; the inode key of its folder.",
            "parent_id": "The region or country above it; NULL for countries.",
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
        "CREATE TABLE neighbour_zone (content_id INTEGER PRIMARY KEY REFERENCES content(id),"
        " offset_min INTEGER NOT NULL, zone TEXT, from_uid TEXT NOT NULL) STRICT",
    ),
    "zone_due": Table(
        "A directory whose photos got new facts since zones of neighbours were looked for.",
        {"directory_id": "Which one."},
        "CREATE TABLE zone_due (directory_id INTEGER PRIMARY KEY REFERENCES directory(id)) STRICT",
    ),
}

TRUTH_INDEXES: dict[str, tuple[str, str]] = {
    "embedded_name_uid": (
        "The words that mean a tag or person.",
        "CREATE INDEX embedded_name_uid ON embedded_name (uid)",
    ),
    "sidecar_due": (
        "Sidecars to be read.",
        "CREATE INDEX sidecar_due ON sidecar (location_id) WHERE state = 'due'",
    ),
    "place_sibling": (
        "The label is one place's in its folder.",
        "CREATE UNIQUE INDEX place_sibling ON place (ifnull(parent_id, 0), fold)",
    ),
    "content_pixels": (
        "Pictures with the same pixels.",
        "CREATE INDEX content_pixels ON content (pixel_hash) WHERE pixel_hash IS NOT NULL",
    ),
    "effective_place": (
        "Photos taken in a place.",
        "CREATE INDEX effective_place ON effective (place_id) WHERE place_id IS NOT NULL",
    ),
}
