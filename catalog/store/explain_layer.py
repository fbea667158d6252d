"""Why, about the layer: who says what and which saying wins, why a photo is in no folder, where a missing one was.

Charter 8. Reads only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from catalog.facts import Facts
from catalog.ids import AssetId
from catalog.layer import PRECEDENCE, PROPERTIES, Statement, winner
from catalog.store.db import Session
from catalog.store.derive import (
    Inputs,
    capture_from_document,
    read_statements,
    ready_facts,
    resolution_of,
)
from catalog.store.embedded_names import uids_of
from catalog.store.explain import date_layer, inputs_of, uid_of
from catalog.store.explain_missing import why_nowhere
from catalog.store.layer_documents import Document, face_document
from catalog.store.said import Embedded, Things, embedded_of, read_things, read_words
from catalog.store.texts import instant_text


def explain_layers(session: Session, asset_id: AssetId) -> Document:
    """Return property -> what each layer says about it, strongest first.

    A saying is `{layer, value, element, removed, author, made_at, wins}`. Values read as in the photo document: tags and
    albums by path, persons by name. `element` tells the members of a set apart (uid of the tag, region …), `removed`
    that somebody took it out. Bytes and path have no author and no time.

    Raises:
        NotFound: no such photo.
    """
    one = inputs_of(session, asset_id)
    said = read_statements(session, [asset_id]).get(asset_id, [])
    _, facts = ready_facts(session, one)
    words = read_words([facts], partial(uids_of, session))
    things = read_things(session, said, words)
    embedded = embedded_of(facts, words)
    layers: dict[str, list[Document]] = {}
    for name in PROPERTIES:
        sayings = [statement for statement in said if statement.property == name]
        found = _of_statements(session, sayings, things)
        if name == "capture":
            found += _capture_of_bytes(session, one, facts, said)
        elif PROPERTIES[name].is_set:
            found += _elements_of_bytes(session, embedded, name, sayings, things)
        elif getattr(embedded, name, None) is not None:
            found += [_of_bytes(getattr(embedded, name), wins=not sayings)]
        if found:
            layers[name] = sorted(found, key=lambda saying: PRECEDENCE.index(saying["layer"]))
    return {"uid": uid_of(session, asset_id), "name": one.names.name, "layers": layers}


def explain_hidden(session: Session, asset_id: AssetId) -> Document:
    """Return every reason for which a photo is not in the folders where one would look for it; none: it is shown.

    Raises:
        NotFound: no such photo.
    """
    one = inputs_of(session, asset_id)
    said = read_statements(session, [asset_id]).get(asset_id, [])
    reasons = [
        *_said_away(said, "trashed", "in the trash: it is in no view but Trash/, until it is restored"),
        *_said_away(said, "hidden", "hidden: it is in no view"),
        *_absence(session, one),
        *_not_read(one),
        *_behind_cover(session, one),
    ]
    return {
        "uid": uid_of(session, asset_id),
        "name": one.names.name,
        "state": one.columns.state,
        "is_listed": bool(one.columns.is_shown),
        "reasons": reasons,
    }


# rows by id
COVER = (
    "SELECT s.uid, s.kind, s.origin, b.uid, b.name, b.id FROM asset AS a CROSS JOIN asset AS b ON b.id = a.cover_id"
    " CROSS JOIN stack AS s ON s.id = a.stack_id WHERE a.id = ?"
)


def _of_statements(session: Session, sayings: Sequence[Statement], things: Things) -> list[Document]:
    found = []
    for one in sorted(
        sayings, key=lambda one: (one.element, PRECEDENCE.index(one.source), -one.made_ns, -one.id)
    ):
        ruling = winner(other for other in sayings if other.element == one.element)
        is_removed = PROPERTIES[one.property].is_set and not one.value
        found.append(
            {
                "layer": one.source,
                "value": _value(session, one, things),
                "element": one.element or None,
                "removed": is_removed,
                "author": one.author,
                "made_at": instant_text(one.made_ns),
                "wins": ruling is one and not (one.value is None and one.property in ("capture", "trashed")),
            }
        )
    return found


def _value(session: Session, said: Statement, things: Things) -> Any:
    """Return a statement's value as the photo document would write it."""
    if said.property in ("trashed", "cover"):
        return None if said.value is None else instant_text(said.value)
    if said.property == "capture" and said.value is not None:
        return capture_from_document(said.value).to_document()
    if said.property == "face":
        return face_document(said.value, things) if said.value else None
    if said.property in _NAMES_OF:
        name = session.value(_NAMES_OF[said.property], (said.element,))
        return said.element if name is None else name
    return said.value


# What an element is called, also when it is gone: who took a tag off a photo may have deleted it afterwards.
_NAMES_OF = {
    "tag": "SELECT path FROM tag WHERE uid = ?",
    "album": "SELECT path FROM album WHERE uid = ?",
    "person": "SELECT name FROM person WHERE uid = ?",
}


def _of_bytes(value: Any, *, wins: bool, layer: str = "embedded", element: str | None = None) -> Document:
    """Return what bytes or path say; they have no author and no time."""
    return {
        "layer": layer,
        "value": value,
        "element": element,
        "removed": False,
        "author": None,
        "made_at": None,
        "wins": wins,
    }


def _elements_of_bytes(
    session: Session, embedded: Embedded, name: str, sayings: Sequence[Statement], things: Things
) -> list[Document]:
    """Return the members of a set that the bytes name: each wins where nobody says anything about it."""
    said = {one.element for one in sayings}
    found = []
    for element in embedded.elements(name):
        if name == "face":
            value: Any = face_document(embedded.faces[element], things)
        else:
            value = session.value(_NAMES_OF[name], (element,))
        found.append(_of_bytes(value, wins=element not in said, element=element))
    return found


def _capture_of_bytes(
    session: Session, one: Inputs, facts: Facts | None, said: Sequence[Statement]
) -> list[Document]:
    """Return the date that rules where nobody set one: of sidecars, bytes or path."""
    assert one.content is not None, "only aliases have none"
    assert one.location is not None, "somebody saw the bytes"
    if one.columns.capture is None:
        return []
    capture = resolution_of(one.content, one.location, facts, said, session.zone, one.neighbour).capture
    is_overruled = any(other.property == "capture" and other.value is not None for other in said)
    return [_of_bytes(capture.to_document(), wins=not is_overruled, layer=date_layer(capture))]


def _reason(kind: str, message: str, **known: Any) -> Document:
    return {
        "kind": kind,
        "message": message,
        "since": None,
        "by": None,
        "stack": None,
        "cover": None,
        **known,
    }


def _said_away(said: Sequence[Statement], name: str, message: str) -> list[Document]:
    ruling = winner(one for one in said if one.property == name)
    if ruling is None or not ruling.value:
        return []
    since_ns = ruling.value if name == "trashed" else ruling.made_ns
    by = ruling.author if ruling.source == "user" else f"{ruling.source} {ruling.author}"
    return [_reason(name, message, since=instant_text(since_ns), by=by)]


def _absence(session: Session, one: Inputs) -> list[Document]:
    assert one.location is not None, "somebody saw the bytes"
    if one.location.state == "present":
        return []
    rule, since = why_nowhere(session, one)
    return [_reason("missing", f"missing: {rule}", since=since)]


def _not_read(one: Inputs) -> list[Document]:
    if one.columns.capture is not None:
        return []
    return [_reason("pending", "not read yet: it appears once its file was looked at")]


# (origin, whether its kind is manual) -> how a stack that statements made came to be
_STACKED = {("user", True): "put together by hand", ("user", False): "of versions of one photo"}


def _behind_cover(session: Session, one: Inputs) -> list[Document]:
    """Tell for whom a cover stands; not of photos that could not be shown anyway, which have none."""
    row = session.row(COVER, (one.asset_id,))
    if row is None:
        return []
    uid, kind, origin, cover, name, cover_id = row
    chosen = read_statements(session, [AssetId(cover_id)], ["cover"]).get(AssetId(cover_id), [])
    ruling = winner(chosen)
    why, by_hand = "the best of those that can be shown", False
    if ruling is not None and ruling.value is not None:
        by_hand = ruling.source == "user"
        why = "chosen by hand" if by_hand else "the present version"
    how = _STACKED.get((origin, kind == "manual"), f"put together by the rule {kind}")
    message = (
        f"behind the cover {name} ({cover}, {why}) of a stack {how}: it is listed where its cover is not"
    )
    return [
        _reason(
            "covered", message, stack=uid, cover=cover, by="user" if by_hand or kind == "manual" else "rule"
        )
    ]
