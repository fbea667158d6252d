"""Photos as documents (CLI.md, "Photo document"), and how a word names one.

Reads in bulk: a page of 500 documents costs a handful of statements. Every field is always there; what has no value
is null. `name`, `types` and `added` exist for queries (catalog.query). Writes nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Any

from catalog.buckets import MediaType, View, path_of
from catalog.capture import CaptureTime
from catalog.errors import NotFound
from catalog.facts import Facts
from catalog.ids import SHORT_LENGTH, AssetId, ContentId, VolumeId, canonical_prefix
from catalog.layer import PROPERTIES, Statement, effective, effective_set
from catalog.store.db import Row, Session
from catalog.store.derive import (
    Columns,
    Inputs,
    capture_from_document,
    read_inputs,
    read_statements,
    ready_facts,
)
from catalog.store.explain import Document, date_layer, explain_date, explain_name, instant_text, name_in

__all__ = ["asset_at", "assets_below", "documents", "explain_date", "explain_name", "resolve_photo"]


def documents(session: Session, asset_ids: Sequence[AssetId]) -> list[Document]:
    """Return the documents of these photos, in the order given; aliases and unknown ids are left out."""
    inputs = [one for one in read_inputs(session, list(asset_ids)) if one.content is not None]
    ids = [one.asset_id for one in inputs]
    uids = _identities(session, ids)
    statements = read_statements(session, ids, PROPERTIES)
    content_ids = [one.columns.content_id for one in inputs if one.columns.content_id is not None]
    hashes = _hashes(session, content_ids)
    findings = _findings(session, content_ids)
    locations = _locations(session, content_ids)
    labels: dict[int, str] = dict(session.rows("SELECT id, label FROM camera")) if inputs else {}
    found = []
    for one in inputs:
        assert one.columns.content_id is not None, "only aliases have none"
        content_id = one.columns.content_id
        places = locations.get(content_id, [])
        said = statements.get(one.asset_id, [])
        _, facts = ready_facts(session, one)
        document = {
            **_identity(one, uids[one.asset_id], hashes.get(content_id)),
            **_of_facts(one.columns, facts, said),
            **_of_layer(said),
            "findings": findings.get(content_id, []),
            "locations": [_location(row) for row in places],
            "views": _views(session, one, labels) + _originals(places),
            "name": one.names.name,
            "types": [flag.name.lower() for flag in MediaType if flag.name and one.columns.types & flag],
            "added": _day_text(one.columns.added_day),
        }
        document["sources"] = _sources(document, one.columns, facts, said)
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


def _of_facts(columns: Columns, facts: Facts | None, said: list[Statement]) -> Document:
    embedded = _embedded_position(facts)
    position = effective("position", said, embedded=embedded)
    capture = None if columns.capture is None else capture_from_document(json.loads(columns.capture))
    return {
        "width": facts.width if facts else None,
        "height": facts.height if facts else None,
        "orientation": facts.orientation if facts else None,
        "duration_s": facts.duration_s if facts else None,
        "capture": None if capture is None else capture.to_json(),
        "camera": {
            "make": _stripped(facts.make) if facts else None,
            "model": _stripped(facts.model) if facts else None,
            "lens": (facts.lens or None) if facts else None,
        },
        "position": None if position is None else position.value,
        "place": None,
    }


def _stripped(text: str | None) -> str | None:
    return (text or "").strip() or None


def _embedded_position(facts: Facts | None) -> Document | None:
    if facts is None or facts.lat is None or facts.lon is None:
        return None
    return {"lat": facts.lat, "lon": facts.lon, "alt": facts.alt}


def _of_layer(said: list[Statement]) -> Document:
    def value(name: str) -> Any:
        found = effective(name, said)
        return None if found is None else found.value

    trashed = value("trashed")
    return {
        "title": value("title"),
        "description": value("description"),
        "rating": value("rating"),
        "rejected": bool(value("rejected")),
        "label": value("label"),
        "favorite": bool(value("favorite")),
        "hidden": bool(value("hidden")),
        "tags": sorted(effective_set("tag", said)),
        "people": sorted(effective_set("person", said)),
        "faces": [],
        "stack": None,
        "trashed_at": None if trashed is None else instant_text(int(trashed)),
    }


def _sources(
    document: Document, columns: Columns, facts: Facts | None, said: list[Statement]
) -> dict[str, str]:
    """Return property -> layer of every property that has a value."""
    sources: dict[str, str] = {}
    if document["capture"] is not None:
        layer = effective("capture", said)
        sources["capture"] = layer.layer if layer else date_layer(CaptureTime(**document["capture"]))
    if facts is not None and (facts.make or facts.model or facts.lens):
        sources["camera"] = "embedded"
    position = effective("position", said, embedded=_embedded_position(facts))
    if position is not None:
        sources["position"] = position.layer
    for name in ("title", "description", "rating", "rejected", "label", "favorite", "hidden"):
        found = effective(name, said)
        if found is not None:
            sources[name] = found.layer
    for name, key in (("tags", "tag"), ("people", "person")):
        layers = set(effective_set(key, said).values())
        if layers:
            sources[name] = min(layers, key=("user", "sidecar", "plugin", "embedded", "file").index)
    return sources


def _views(session: Session, one: Inputs, labels: dict[int, str]) -> list[str]:
    paths = []
    for bucket in sorted(one.columns.buckets()):
        owner = None
        if not one.names.is_suffixed:
            owner = session.value(
                "SELECT asset_id FROM claim WHERE view = ? AND key = ? AND sub = ? AND fold = ?",
                (*bucket, one.names.fold),
            )
        label = labels.get(bucket.key) if bucket.view == View.CAMERAS else None
        paths.append(f"{path_of(bucket, label)}/{name_in(one, owner)}")
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


def _identities(session: Session, asset_ids: Sequence[AssetId]) -> dict[AssetId, str]:
    rows = session.rows(
        "SELECT id, uid FROM asset WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(asset_ids),)
    )
    return {AssetId(row_id): uid for row_id, uid in rows}


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


def _day_text(packed: int) -> str:
    return f"{packed // 10_000:04d}-{packed // 100 % 100:02d}-{packed % 100:02d}"
