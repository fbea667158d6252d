"""Photos as documents (CLI.md, "Photo document"), and how a word names one.

Reads in bulk: a page of 500 documents costs a handful of statements. Every field is always there; what has no value
is null. `name`, `types`, `albums`, `added` and `trashed_on` exist for queries (catalog.query). Writes nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence

from catalog.buckets import Bucket, MediaType
from catalog.capture import CaptureTime
from catalog.errors import NotFound
from catalog.facts import Facts
from catalog.ids import SHORT_LENGTH, AssetId, ContentId, VolumeId, canonical_prefix
from catalog.layer import PROPERTIES, Statement, effective
from catalog.store.db import Row, Session
from catalog.store.derive import (
    Columns,
    Inputs,
    capture_from_document,
    read_inputs,
    read_statements,
    ready_facts,
)
from catalog.store.explain import Document, date_layer, explain_date, explain_name
from catalog.store.explain_layer import explain_hidden, explain_layers
from catalog.store.explain_missing import explain_missing, explain_missing_path
from catalog.store.explain_sidecars import NO_SIDECARS, beside
from catalog.store.folders import Labels, folder_path, has_plain_name, labels_of, name_in
from catalog.store.layer_documents import LayerPart, layer_sources, read_layer
from catalog.store.listing import CLAIM_OWNER
from catalog.store.texts import day_text
from catalog.store.verifying import findings_of

__all__ = [
    "asset_at",
    "assets_below",
    "documents",
    "explain_date",
    "explain_hidden",
    "explain_layers",
    "explain_missing",
    "explain_missing_path",
    "explain_name",
    "names_of",
    "resolve_photo",
    "uids_of",
]


def documents(session: Session, asset_ids: Sequence[AssetId]) -> list[Document]:
    """Return the documents of these photos, in the order given; aliases and unknown ids are left out."""
    inputs = [one for one in read_inputs(session, list(asset_ids)) if one.content is not None]
    ids = [one.asset_id for one in inputs]
    uids = uids_of(session, ids)
    statements = read_statements(session, ids, PROPERTIES)
    content_ids = [one.columns.content_id for one in inputs if one.columns.content_id is not None]
    hashes = _hashes(session, content_ids)
    findings = _findings(session, content_ids)
    sidecars = beside(session, ids)
    locations = _locations(session, content_ids)
    stack_ids = [one.columns.stack_id for one in inputs if one.columns.stack_id is not None]
    facts_of = {one.asset_id: ready_facts(session, one)[1] for one in inputs}
    layer = read_layer(session, ids, stack_ids, statements, facts_of.values())
    buckets = {one.asset_id: [*one.columns.buckets(), *layer.listed(one.asset_id)] for one in inputs}
    labels = labels_of(session, (bucket for group in buckets.values() for bucket in group))
    found = []
    for one in inputs:
        assert one.columns.content_id is not None, "only aliases have none"
        content_id = one.columns.content_id
        places = locations.get(content_id, [])
        said = statements.get(one.asset_id, [])
        facts = facts_of[one.asset_id]
        document = {
            **_identity(one, uids[one.asset_id], hashes.get(content_id)),
            **_of_facts(one.columns, facts),
            **layer.document(one.asset_id, one.columns.stack_id, said, facts),
            "findings": [*findings.get(content_id, []), *sidecars.get(one.asset_id, NO_SIDECARS).findings],
            "sidecars": sidecars.get(one.asset_id, NO_SIDECARS).paths,
            "locations": [_location(row) for row in places],
            "views": _views(session, one, buckets[one.asset_id], labels) + _originals(places),
            "name": one.names.name,
            "types": [flag.name.lower() for flag in MediaType if flag.name and one.columns.types & flag],
            "added": day_text(one.columns.added_day),
        }
        document["sources"] = _sources(document, facts, said, layer)
        found.append(document)
    return found


def resolve_photo(session: Session, text: str) -> AssetId:
    """Return the photo that a uid, a prefix of at least six characters, or `~short` names.

    Never ambiguous: the first six characters are unique in a library. An alias leads to the asset that it
    merged into.

    Raises:
        NotFound: there is none, or the text can be none.
    """
    prefix = canonical_prefix(text)
    row = None
    if prefix is not None:
        row = session.row("SELECT id, uid, merged_into FROM asset WHERE short = ?", (prefix[:SHORT_LENGTH],))
    if prefix is None or row is None or not row[1].startswith(prefix):
        raise NotFound(
            f"{text!r} names no photo",
            hint="a photo is named by its uid, the first six characters of it or more, or ~short",
            photo=text,
        )
    return AssetId(row[2] or row[0])


def asset_at(session: Session, volume_id: VolumeId, path: bytes) -> AssetId | None:
    """Return the photo whose original is at this path of a volume (missing or not), or None."""
    directory, _, name = path.rpartition(b"/")
    found = session.value(
        "SELECT c.asset_id FROM directory AS d JOIN location AS l ON l.directory_id = d.id"
        " JOIN content AS c ON c.id = l.content_id WHERE d.volume_id = ? AND d.path = ? AND l.name = ?",
        (volume_id, directory, name),
    )
    return None if found is None else AssetId(found)


def assets_below(
    session: Session, volume_id: VolumeId, path: bytes, after: AssetId, limit: int
) -> list[AssetId]:
    """Return photos with a present original below a directory of a volume, by id, each once.

    Walks all assets behind `after` in order until the page is full: the memory is a page's.
    """
    low, high = (path + b"/", path + b"0") if path else (b"", b"\xff" * 8)
    rows = session.rows(
        "SELECT a.id FROM asset AS a WHERE a.id > ?1 AND a.content_id IS NOT NULL AND EXISTS ("
        " SELECT 1 FROM location AS l JOIN directory AS d ON d.id = l.directory_id"
        " WHERE l.content_id = a.content_id AND l.state = 'present' AND l.volume_id = ?2"
        " AND (d.path = ?3 OR (d.path >= ?4 AND d.path < ?5))) ORDER BY a.id LIMIT ?6",
        (after, volume_id, path, low, high, limit),
    )
    return [AssetId(row[0]) for row in rows]


def _identity(one: Inputs, uid: str, digest: bytes | None) -> Document:
    return {
        "uid": uid,
        "hash": None if digest is None else digest.hex(),
        "kind": one.columns.kind,
        "mime": one.columns.mime,
        "size": one.columns.size,
    }


def _of_facts(columns: Columns, facts: Facts | None) -> Document:
    capture = None if columns.capture is None else capture_from_document(json.loads(columns.capture))
    return {
        "width": facts.width if facts else None,
        "height": facts.height if facts else None,
        "orientation": facts.orientation if facts else None,
        "duration_s": facts.duration_s if facts else None,
        "capture": None if capture is None else capture.to_document(),
        "camera": {
            "make": _stripped(facts.make) if facts else None,
            "model": _stripped(facts.model) if facts else None,
            "lens": (facts.lens or None) if facts else None,
        },
        **_beside_the_picture(facts),
    }


_EXPOSURE = ("time_s", "f_number", "iso", "focal_mm", "focal_35mm", "bias_ev", "flash")
_SOUND = ("artist", "album", "genre", "track")


def _beside_the_picture(facts: Facts | None) -> Document:
    """Return what `Facts.extra` tells people of."""
    extra = facts.extra if facts is not None else {}
    return {
        "exposure": _all_of(_EXPOSURE, extra.get("exposure")),
        "serial": extra.get("serial"),
        "codec": extra.get("codec"),
        "audio": _all_of(_SOUND, extra.get("audio")),
        "frames": extra.get("frames"),
        "motion": bool(extra.get("motion")),
        "gain_map": bool(extra.get("gain_map")),
        "projection": extra.get("projection"),
    }


def _all_of(names: Sequence[str], known: Document | None) -> Document | None:
    return {name: known.get(name) for name in names} if known else None


def _stripped(text: str | None) -> str | None:
    return (text or "").strip() or None


def _sources(
    document: Document, facts: Facts | None, said: list[Statement], layer: LayerPart
) -> dict[str, str]:
    """Return property -> layer of every property that has a value."""
    sources: dict[str, str] = {}
    if document["capture"] is not None:
        ruling = effective("capture", said)
        sources["capture"] = ruling.layer if ruling else date_layer(CaptureTime(**document["capture"]))
    if facts is not None and (facts.make or facts.model or facts.lens):
        sources["camera"] = "embedded"
    return sources | layer_sources(said, facts, document, layer)


def _views(session: Session, one: Inputs, buckets: Iterable[Bucket], labels: Labels) -> list[str]:
    paths = []
    for bucket in sorted(buckets):
        owner = None
        if has_plain_name(one.names, bucket):
            owner = session.value(CLAIM_OWNER, (*bucket, one.names.fold))
        paths.append(f"{folder_path(bucket, labels)}/{name_in(one.asset_id, one.names, bucket, owner)}")
    return paths


def _originals(rows: Iterable[Row]) -> list[str]:
    return [
        f"Originals/{volume}/{_path(directory, name).decode('utf-8', 'replace')}"
        for _, volume, _, directory, name, state in rows
        if state == "present"
    ]


def _location(row: Row) -> Document:
    _, volume, volume_state, directory, name, state = row
    path = _path(directory, name)
    try:
        text, exact = path.decode(), None
    except UnicodeDecodeError:
        text, exact = path.decode("utf-8", "replace"), base64.b64encode(path).decode("ascii")
    is_offline = state == "present" and volume_state not in ("online", "unknown")
    return {"volume": volume, "path": text, "path_b64": exact, "state": "offline" if is_offline else state}


def _path(directory: bytes, name: bytes) -> bytes:
    return directory + b"/" + name if directory else name


def uids_of(session: Session, asset_ids: Sequence[AssetId]) -> dict[AssetId, str]:
    """Return the uid of every asset that exists, in one statement however many they are."""
    rows = session.rows(
        "SELECT id, uid FROM asset WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(asset_ids),)
    )
    return {AssetId(row_id): uid for row_id, uid in rows}


def names_of(session: Session, asset_ids: Sequence[AssetId]) -> list[Document]:
    """Return `{uid, name, state}` of each of these photos, in the order given; unknown ids are left out."""
    rows = session.rows(
        "SELECT id, uid, name, state FROM asset WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(asset_ids),),
    )
    found = {row_id: {"uid": uid, "name": name, "state": state} for row_id, uid, name, state in rows}
    return [found[asset_id] for asset_id in asset_ids if asset_id in found]


def _hashes(session: Session, content_ids: Sequence[ContentId]) -> dict[ContentId, bytes]:
    rows = session.rows(
        "SELECT id, hash FROM content WHERE id IN (SELECT value FROM json_each(?)) AND hash IS NOT NULL",
        (json.dumps(content_ids),),
    )
    return {ContentId(row_id): digest for row_id, digest in rows}


def _findings(session: Session, content_ids: Sequence[ContentId]) -> dict[ContentId, list[Document]]:
    rows = session.rows(
        "SELECT content_id, tool, version, reason FROM finding"
        " WHERE content_id IN (SELECT value FROM json_each(?)) ORDER BY id",
        (json.dumps(content_ids),),
    )
    found: dict[ContentId, list[Document]] = {}
    for content_id, tool, version, reason in rows:
        found.setdefault(content_id, []).append({"tool": tool, "version": version, "reason": reason})
    for content_id, damages in findings_of(session, content_ids).items():
        found.setdefault(content_id, []).extend(damages)
    return found


def _locations(session: Session, content_ids: Sequence[ContentId]) -> dict[ContentId, list[Row]]:
    rows = session.rows(
        "SELECT l.content_id, v.name, v.state, d.path, l.name, l.state FROM location AS l"
        " JOIN directory AS d ON d.id = l.directory_id JOIN volume AS v ON v.id = l.volume_id"
        " WHERE l.content_id IN (SELECT value FROM json_each(?)) ORDER BY l.id",
        (json.dumps(content_ids),),
    )
    found: dict[ContentId, list[Row]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    replaced = [content_id for content_id in content_ids if content_id not in found]
    for row in session.rows(_LAST_LOCATIONS, (json.dumps(replaced),)) if replaced else ():
        found.setdefault(row[0], []).append(row)
    return found


# Bytes that are nowhere now: where they were before the file there changed.
_LAST_LOCATIONS = (
    "SELECT c.id, v.name, v.state, d.path, l.name, 'missing' FROM content AS c"
    " JOIN location AS l ON l.id = c.last_location_id JOIN directory AS d ON d.id = l.directory_id"
    " JOIN volume AS v ON v.id = l.volume_id WHERE c.id IN (SELECT value FROM json_each(?))"
)
