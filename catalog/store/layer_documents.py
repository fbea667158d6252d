"""The layer's part of photo documents: what is said and what follows from it, read in bulk.

Values come from the tables `effective` and `member`, which queries ask as well; statements tell the sources.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from catalog.buckets import OWN, Bucket, View
from catalog.facts import Facts
from catalog.ids import AssetId
from catalog.layer import PRECEDENCE, Layer, Statement, effective, effective_set
from catalog.store.db import Row, Session
from catalog.store.embedded_names import uids_of
from catalog.store.places import documents_of
from catalog.store.said import (
    NO_WORDS,
    NOTHING,
    Effective,
    Embedded,
    Things,
    Words,
    embedded_of,
    face_regions,
    read_things,
    read_words,
)
from catalog.store.texts import day_text, instant_text

Document = dict[str, Any]

EFFECTIVE = (
    f"SELECT e.asset_id, {', '.join(f'e.{name}' for name in Effective._fields)} FROM json_each(?) AS wanted"
    " CROSS JOIN effective AS e ON e.asset_id = wanted.value"
)
MEMBERS = (
    "SELECT m.asset_id, m.view, m.key, m.sub, m.is_listed FROM json_each(?) AS wanted"
    " CROSS JOIN member AS m INDEXED BY member_asset ON m.asset_id = wanted.value ORDER BY m.view, m.key, m.sub"
)
STACKS = (
    "SELECT s.id, s.uid, s.kind, b.id, b.uid, b.state = 'shown' AND b.cover_id IS NULL FROM json_each(?) AS wanted"
    " CROSS JOIN stack AS s ON s.id = wanted.value CROSS JOIN asset AS b ON b.stack_id = s.id ORDER BY b.id"
)
_NAMES: dict[int, str] = {
    View.TAGS: "SELECT t.id, t.path FROM json_each(?) AS wanted CROSS JOIN tag AS t ON t.id = wanted.value",
    View.ALBUMS: "SELECT t.id, t.path FROM json_each(?) AS wanted CROSS JOIN album AS t ON t.id = wanted.value",
    View.PEOPLE: "SELECT t.id, t.name FROM json_each(?) AS wanted CROSS JOIN person AS t ON t.id = wanted.value",
}
_SCALARS = (
    "title", "description", "rating", "rejected", "label", "creator", "rights", "favorite", "hidden",
)  # fmt: skip


@dataclass(slots=True)
class LayerPart:
    """What the layer's tables hold about some photos; alive within one call."""

    effective: dict[AssetId, Effective] = field(default_factory=dict)
    folders: dict[AssetId, list[tuple[Bucket, bool]]] = field(
        default_factory=dict
    )  # and whether listed there
    names: dict[tuple[int, int], str] = field(default_factory=dict)  # (view, key) -> path or name
    stacks: dict[int, Document] = field(default_factory=dict)
    things: Things = field(default_factory=Things)
    words: Words = NO_WORDS
    places: dict[int, dict[str, str | None]] = field(default_factory=dict)  # row -> country, region, city

    def listed(self, asset_id: AssetId) -> list[Bucket]:
        """Return the folders of the layer that list a photo."""
        return [bucket for bucket, is_listed in self.folders.get(asset_id, ()) if is_listed]

    def document(
        self, asset_id: AssetId, stack_id: int | None, said: Sequence[Statement], facts: Facts | None
    ) -> Document:
        """Return the fields of the photo document that the layer decides about, but for `capture` and `views`."""
        values = self.effective.get(asset_id, NOTHING)
        trashed_on = next(
            (bucket.key for bucket, _ in self.folders.get(asset_id, ()) if bucket.view == View.TRASH), None
        )
        return {
            "position": None
            if values.lat is None
            else {"lat": values.lat, "lon": values.lon, "alt": values.alt},
            "place": None if values.place_id is None else self.places[values.place_id],
            "title": values.title,
            "description": values.description,
            "rating": values.rating,
            "rejected": bool(values.is_rejected),
            "label": values.label,
            "creator": values.creator,
            "rights": values.rights,
            "favorite": bool(values.is_favorite),
            "hidden": bool(values.is_hidden),
            "tags": self._called(asset_id, View.TAGS, OWN),
            "albums": self._called(asset_id, View.ALBUMS, 0),
            "people": self._called(asset_id, View.PEOPLE, None),
            "faces": faces(said, embedded_of(facts, self.words), self.things),
            "stack": None if stack_id is None else self.stacks.get(stack_id),
            "trashed_at": None if values.trashed_ns is None else instant_text(values.trashed_ns),
            "trashed_on": None if trashed_on is None else day_text(trashed_on),
        }

    def _called(self, asset_id: AssetId, view: View, sub: int | None) -> list[str]:
        found = {
            self.names[view, bucket.key]
            for bucket, _ in self.folders.get(asset_id, ())
            if bucket.view == view and sub in (None, bucket.sub)
        }
        return sorted(found)


def read_layer(
    session: Session,
    asset_ids: Sequence[AssetId],
    stack_ids: Sequence[int],
    statements: Mapping[AssetId, Sequence[Statement]],
    facts: Iterable[Facts | None] = (),
) -> LayerPart:
    """Read what the layer's tables hold about these photos and stacks, in a handful of statements."""
    wanted = (json.dumps(asset_ids),)
    words = read_words(facts, partial(uids_of, session))
    part = LayerPart(
        effective={AssetId(row[0]): Effective._make(row[1:]) for row in session.rows(EFFECTIVE, wanted)},
        things=read_things(session, (said for group in statements.values() for said in group), words),
        words=words,
    )
    place_ids = {one.place_id for one in part.effective.values() if one.place_id is not None}
    part.places = documents_of(session, place_ids) if place_ids else {}
    for asset_id, view, key, sub, is_listed in session.rows(MEMBERS, wanted):
        part.folders.setdefault(AssetId(asset_id), []).append((Bucket(view, key, sub), bool(is_listed)))
    for view, sql in _NAMES.items():
        keys = {bucket.key for group in part.folders.values() for bucket, _ in group if bucket.view == view}
        rows = session.rows(sql, (json.dumps(sorted(keys)),)) if keys else []
        part.names.update({(int(view), row_id): name for row_id, name in rows})
    if stack_ids:
        part.stacks = _stacks(session.rows(STACKS, (json.dumps(sorted(set(stack_ids))),)))
    return part


def faces(said: Sequence[Statement], embedded: Embedded, things: Things) -> list[Document]:
    """Return the face regions of a photo, from left to right."""
    found = [
        {"id": uid, **face_document(region, things)}
        for uid, (region, _) in face_regions(said, embedded).items()
    ]
    return sorted(found, key=lambda face: (face["x"], face["y"], face["id"]))


def face_document(value: Mapping[str, Any], things: Things) -> Document:
    """Return a region with the name of its person, null if nobody is known."""
    person = things.persons.get(value.get("person") or "")
    return {"name": person[1] if person else None, **{side: value[side] for side in ("x", "y", "w", "h")}}


def layer_sources(
    said: Sequence[Statement], facts: Facts | None, document: Document, part: LayerPart
) -> dict[str, str]:
    """Return property -> layer of what the layer decides about and somebody, or the bytes, said."""
    embedded, things = embedded_of(facts, part.words), part.things
    of_bytes = {name: getattr(embedded, name, None) for name in (*_SCALARS, "position")}
    found = {
        name: ruling.layer
        for name in ("position", *_SCALARS)
        if (ruling := effective(name, said, embedded=of_bytes[name])) is not None
    }
    if document["trashed_at"] is not None and (trashed := effective("trashed", said)) is not None:
        found["trashed_at"] = trashed.layer
    if (stack := effective("stack", said)) is not None:
        found["stack"] = stack.layer
    elements = {
        "tags": ("tag", things.tags),
        "albums": ("album", things.albums),
        "people": ("person", things.persons),
    }
    for name, (key, living) in elements.items():
        layers = {
            layer
            for element, layer in effective_set(key, said, embedded=embedded.elements(key)).items()
            if element in living
        }
        if layers:
            found[name] = _strongest(layers)
    regions = face_regions(said, embedded).values()
    if regions:
        found["faces"] = _strongest({layer for _, layer in regions})
    named = {layer for region, layer in regions if region.get("person") in things.persons}
    if named:
        found["people"] = _strongest(named | ({found["people"]} if "people" in found else set()))
    return dict(found)


def _strongest(layers: set[Layer]) -> Layer:
    return min(layers, key=PRECEDENCE.index)


def _stacks(rows: Sequence[Row]) -> dict[int, Document]:
    """Return number -> {id, kind, cover, members}; members by age, the cover null while none of them is shown.

    A stack of one is none.
    """
    found: dict[int, Document] = {}
    for stack_id, uid, kind, _, member, is_cover in rows:
        stack = found.setdefault(stack_id, {"id": uid, "kind": kind, "cover": None, "members": []})
        stack["members"].append(member)
        if is_cover:
            stack["cover"] = member
    return {stack_id: stack for stack_id, stack in found.items() if len(stack["members"]) > 1}
