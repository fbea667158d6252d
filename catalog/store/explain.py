"""Why: the rule and the inputs behind a photo's date and its names (charter 8). Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalog import names
from catalog.buckets import Bucket
from catalog.capture import CaptureTime
from catalog.dates import Judged, Resolution, layer_of
from catalog.errors import NotFound
from catalog.ids import AssetId
from catalog.layer import Statement, winner
from catalog.store.alone import resolution_of
from catalog.store.db import Session
from catalog.store.derive import Inputs, effective_capture, read_inputs, read_statements, ready_facts
from catalog.store.folders import Labels, folder_path, has_plain_name, labels_of, name_in
from catalog.store.layer_documents import read_layer
from catalog.store.texts import instant_text

Document = dict[str, Any]


def explain_date(session: Session, asset_id: AssetId) -> Document:
    """Return the effective capture time, who says it, and every candidate with the verdict on it.

    Raises:
        NotFound: no such photo.
    """
    one = inputs_of(session, asset_id)
    content, location = one.content, one.location
    assert content is not None, "only aliases have none"
    assert location is not None, "somebody saw the bytes"
    facts_id, facts = ready_facts(session, one)
    is_ready = facts_id is not None
    said = read_statements(session, [asset_id]).get(asset_id, [])
    resolution = resolution_of(content, location, facts, said, session.zone, one.neighbour)
    capture = effective_capture(content, location, facts, said, session.zone, one.neighbour)
    ruling = winner(one for one in said if one.property == "capture")
    # A statement of null says: what the bytes, the path and the sidecars say.
    by = ruling if ruling is not None and ruling.value is not None else None
    zone_source = _zone_source(resolution, by, capture)
    return {
        "uid": uid_of(session, asset_id),
        "name": one.names.name,
        "capture": capture.to_document() if is_ready else None,
        "layer": by.source if by is not None else date_layer(capture),
        "zone_source": zone_source if is_ready else None,
        "neighbour": one.neighbour.from_uid if one.neighbour and zone_source == "neighbours" else None,
        "said_by": None if by is None else by.author,
        "said_at": None if by is None else instant_text(by.made_ns),
        "rule": _date_rule(resolution, is_said=by is not None, is_ready=is_ready),
        "path": location.path.decode("utf-8", "replace"),
        "mtime": instant_text(location.mtime_ns),
        "zone": session.zone.key,
        "candidates": _candidates(resolution, said),
    }


def explain_name(session: Session, asset_id: AssetId) -> Document:
    """Return how the photo is called in each folder, by which rule, and who has the plain name.

    Raises:
        NotFound: no such photo.
    """
    one = inputs_of(session, asset_id)
    first = session.row(
        "SELECT l.name FROM location AS l JOIN content AS c ON c.id = l.content_id WHERE c.asset_id = ?"
        " ORDER BY l.id LIMIT 1",
        (asset_id,),
    )
    listed = read_layer(session, [asset_id], [], {}).listed(asset_id)
    buckets = sorted([*one.columns.buckets(), *listed])
    labels = labels_of(session, buckets)
    raw: bytes | None = first[0] if first is not None else None
    return {
        "uid": uid_of(session, asset_id),
        "short": one.names.short,
        "name": one.names.name,
        "suffixed_name": names.with_suffix(one.names.name, one.names.short),
        "fold": one.names.fold,
        "always_suffixed": bool(one.names.is_suffixed),
        "original": None if raw is None else raw.decode("utf-8", "replace"),
        "rule": (
            "the name always carries the short id: it cannot tell the whole original name, or looks like a name"
            " with a short id itself"
            if one.names.is_suffixed
            else "the name is that of the first file, cleaned, and never changes; the first photo of a name in a"
            " folder has it plain, later ones carry their short id"
        ),
        "folders": [_called(session, one, bucket, labels) for bucket in buckets],
    }


def _called(session: Session, one: Inputs, bucket: Bucket, labels: Labels) -> Document:
    owner = session.row(
        "SELECT a.id, a.uid, a.is_shown FROM claim AS k JOIN asset AS a ON a.id = k.asset_id"
        " WHERE k.view = ? AND k.key = ? AND k.sub = ? AND k.fold = ?",
        (*bucket, one.names.fold),
    )
    if one.names.is_suffixed:
        reason = "always carries its short id"
    elif not has_plain_name(one.names, bucket):
        reason = (
            "a name without the extension of a photo carries its short id where folders stand beside photos"
        )
    elif owner is None:
        reason = "no other photo had this name here"
    elif owner[0] == one.asset_id:
        reason = "had this name here first"
    else:
        reason = f"the plain name belongs to {owner[1]}, which had it first"
    return {
        "folder": folder_path(bucket, labels),
        "name": name_in(one.asset_id, one.names, bucket, None if owner is None else owner[0]),
        "reason": reason,
        "plain_owner": None if owner is None else owner[1],
    }


def inputs_of(session: Session, asset_id: AssetId) -> Inputs:
    """Return what decides about a photo.

    Raises:
        NotFound: no such photo.
    """
    found = read_inputs(session, [asset_id])
    if not found or found[0].content is None or found[0].location is None:
        raise NotFound(f"there is no photo number {asset_id}")
    return found[0]


def _date_rule(resolution: Resolution, *, is_said: bool, is_ready: bool) -> str:
    if is_said:
        return "what a person, a sidecar or a plugin says rules over what the file says"
    return resolution.won.reason if is_ready else "the file was not read yet"


def _zone_source(resolution: Resolution, by: Statement | None, capture: CaptureTime) -> str:
    """Return what told the zone of the ruling date; of one that was said the statement itself does."""
    if by is None:
        return resolution.won.zone_source
    return "tag" if capture.offset_min is not None else "none"


def _candidates(resolution: Resolution, said: Sequence[Statement]) -> list[Document]:
    """Return every row of the table; one that a sidecar tells names that sidecar."""
    by_source: dict[str, list[Statement]] = {}
    for one in said:
        if one.property == "date" and one.value:
            by_source.setdefault(one.element, []).append(one)
    authors = {source: ruling.author for source, group in by_source.items() if (ruling := winner(group))}
    return [_judged(one, authors.get(one.candidate.source)) for one in resolution.table]


def _judged(one: Judged, author: str | None) -> Document:
    return {
        "source": one.candidate.source,
        "raw": one.candidate.raw,
        "local": one.candidate.local,
        "offset_min": one.candidate.offset_min,
        "is_utc": one.candidate.is_utc,
        "zone_source": one.zone_source,
        "said_by": author,
        "verdict": one.verdict,
        "reason": one.reason,
    }


def date_layer(capture: CaptureTime) -> str:
    """Return the layer of a date that nobody said."""
    return layer_of(capture)


def uid_of(session: Session, asset_id: AssetId) -> str:
    """Return the uid of an asset that exists."""
    return str(session.value("SELECT uid FROM asset WHERE id = ?", (asset_id,)))
