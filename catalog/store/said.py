"""What is said about an asset, as values: effective scalars, folders of the layer, texts. No state, no stack, no clock.

Statements name tags, albums and persons by uid. Here they become what those things are now: what was merged counts for
its goal, what was deleted for nothing, a person in a face region is a person in the photo. Reads things in bulk.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from catalog import text
from catalog.buckets import ALL, OWN, Bucket, View
from catalog.facts import Facts
from catalog.layer import Statement, effective, effective_set, winner
from catalog.store.births import added_day
from catalog.store.db import Session

_ALBUMS, _TAGS, _PEOPLE, _FAVORITES, _RATINGS, _TRASH = (
    int(view) for view in (View.ALBUMS, View.TAGS, View.PEOPLE, View.FAVORITES, View.RATINGS, View.TRASH)
)
_THING_PROPERTIES = frozenset({"tag", "album", "person", "face"})


class Effective(NamedTuple):
    """A row of the table `effective`, without the asset, in the order of its columns."""

    title: str | None = None
    description: str | None = None
    rating: int | None = None
    is_rejected: int = 0
    label: str | None = None
    is_favorite: int = 0
    is_hidden: int = 0
    trashed_ns: int | None = None
    lat: float | None = None
    lon: float | None = None
    alt: float | None = None


NOTHING = Effective()
EFFECTIVE_NAMES = Effective._fields


class Text(NamedTuple):
    """A row of the table `photo_text`: tokens of `catalog.text`."""

    name: str
    title: str = ""
    description: str = ""
    tags: str = ""
    people: str = ""
    place: str = ""


TEXT_NAMES = Text._fields


class Embedded(NamedTuple):
    """What the bytes say where the layer can say something too; sets as uids of things."""

    title: str | None = None
    description: str | None = None
    rating: int | None = None
    label: str | None = None
    position: dict[str, Any] | None = None
    tags: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tag:
    """A living tag: `above` are the rows of the tags above it and its own."""

    id: int
    path: str
    above: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Things:
    """The living things that some statements name, by the uid that they use."""

    tags: Mapping[str, Tag] = field(default_factory=dict)
    albums: Mapping[str, int] = field(default_factory=dict)
    persons: Mapping[str, tuple[int, str]] = field(default_factory=dict)  # row, name


class Said(NamedTuple):
    """What the layer and the bytes say about one asset, whatever its state."""

    effective: Effective
    folders: frozenset[Bucket]
    text: Text


def embedded_of(facts: Facts | None) -> Embedded:
    """Return what the bytes say; readers tell of positions alone today."""
    if facts is None or facts.lat is None or facts.lon is None:
        return _SILENT
    return Embedded(position={"lat": facts.lat, "lon": facts.lon, "alt": facts.alt})


_SILENT = Embedded()


def read_things(session: Session, statements: Iterable[Statement]) -> Things:
    """Read the things that these statements name."""
    named: dict[str, set[str]] = {"tag": set(), "album": set(), "person": set()}
    for said in statements:
        if said.property in named:
            named[said.property].add(said.element)
        elif said.property == "face" and said.value and said.value.get("person"):
            named["person"].add(said.value["person"])
    return Things(
        _read_tags(session, named["tag"]) if named["tag"] else {},
        dict(session.rows(ALBUMS_NAMED, (json.dumps(sorted(named["album"])),))) if named["album"] else {},
        {
            uid: (row_id, name)
            for uid, row_id, name in (
                session.rows(PERSONS_NAMED, (json.dumps(sorted(named["person"])),)) if named["person"] else ()
            )
        },
    )


# uid is unique: the implicit index of the column; then rows by id.
ALBUMS_NAMED = "SELECT t.uid, t.id FROM json_each(?) AS wanted CROSS JOIN album AS t ON t.uid = wanted.value WHERE t.is_deleted = 0"
PERSONS_NAMED = (
    "SELECT t.uid, c.id, c.name FROM json_each(?) AS wanted CROSS JOIN person AS t ON t.uid = wanted.value"
    " CROSS JOIN person AS c ON c.id = ifnull(t.merged_into, t.id) WHERE t.is_deleted = 0 AND c.is_deleted = 0"
)
TAGS_NAMED = (
    "SELECT t.uid, c.id, c.path FROM json_each(?) AS wanted CROSS JOIN tag AS t ON t.uid = wanted.value"
    " CROSS JOIN tag AS c ON c.id = ifnull(t.merged_into, t.id) WHERE t.is_deleted = 0 AND c.is_deleted = 0"
)
# UNION, not UNION ALL: a cycle, which I16 reports, must end here too.
TAGS_ABOVE = (
    "WITH RECURSIVE up (start, id, parent_id) AS ("
    " SELECT t.id, t.id, t.parent_id FROM json_each(?) AS wanted CROSS JOIN tag AS t ON t.id = wanted.value"
    " UNION SELECT up.start, t.id, t.parent_id FROM up CROSS JOIN tag AS t ON t.id = up.parent_id)"
    " SELECT start, id FROM up"
)


def _read_tags(session: Session, uids: set[str]) -> dict[str, Tag]:
    rows = session.rows(TAGS_NAMED, (json.dumps(sorted(uids)),))
    above: dict[int, list[int]] = {}
    for start, row_id in session.rows(TAGS_ABOVE, (json.dumps(sorted({row[1] for row in rows})),)):
        above.setdefault(start, []).append(row_id)
    tags = {row_id: Tag(row_id, path, tuple(above[row_id])) for _, row_id, path in rows}
    return {uid: tags[row_id] for uid, row_id, _ in rows}


def what_is_said(
    name_tokens: str,
    statements: Sequence[Statement],
    embedded: Embedded,
    things: Things,
    *,
    year: int | None,
    zone: ZoneInfo,
) -> Said:
    """Put together what is said about one asset.

    Args:
        name_tokens: of its display name.
        statements: all about it.
        embedded: what its bytes say.
        things: `read_things` of (at least) these statements.
        year: of its capture; None before the first facts.
        zone: the library's.
    """
    if not statements and embedded is _SILENT:
        return Said(NOTHING, frozenset(), Text(name_tokens))
    by_name: _ByName = {}
    for one in statements:
        by_name.setdefault(one.property, []).append(one)
    scalars = _scalars(by_name, embedded)
    tags = _tags(by_name, embedded, things)
    persons = _persons(by_name, embedded, things)
    folders = {Bucket(_ALBUMS, row_id, 0) for row_id in _albums(by_name, things)}
    for tag in tags:
        folders.add(Bucket(_TAGS, tag.id, OWN))
        folders.update(Bucket(_TAGS, row_id, ALL) for row_id in tag.above)
    folders.update(Bucket(_PEOPLE, row_id, year or 0) for row_id, _ in persons)
    if scalars.is_favorite:
        folders.add(Bucket(_FAVORITES, 0, 0))
    if scalars.rating:
        folders.add(Bucket(_RATINGS, scalars.rating, 0))
    if scalars.trashed_ns is not None:
        folders.add(Bucket(_TRASH, added_day(scalars.trashed_ns, zone), 0))
    texts = Text(
        name_tokens,
        text.indexed([scalars.title]) if scalars.title else "",
        text.indexed([scalars.description]) if scalars.description else "",
        text.indexed([tag.path for tag in tags]) if tags else "",
        text.indexed([name for _, name in persons]) if persons else "",
    )
    return Said(scalars, frozenset(folders), texts)


_ByName = dict[str, list[Statement]]


def _scalars(by_name: _ByName, embedded: Embedded) -> Effective:
    def value(name: str, of_bytes: Any = None) -> Any:
        if name not in by_name:
            return of_bytes
        ruling = effective(name, by_name[name], embedded=of_bytes)
        return None if ruling is None else ruling.value

    position = value("position", embedded.position) or {}
    return Effective(
        title=value("title", embedded.title) or None,
        description=value("description", embedded.description) or None,
        rating=value("rating", embedded.rating),
        is_rejected=int(bool(value("rejected"))),
        label=value("label", embedded.label) or None,
        is_favorite=int(bool(value("favorite"))),
        is_hidden=int(bool(value("hidden"))),
        trashed_ns=value("trashed"),
        lat=position.get("lat"),
        lon=position.get("lon"),
        alt=position.get("alt"),
    )


def _elements(name: str, by_name: _ByName, embedded: tuple[str, ...] = ()) -> Iterable[str]:
    return effective_set(name, by_name[name], embedded=embedded) if name in by_name else embedded


def _tags(by_name: _ByName, embedded: Embedded, things: Things) -> list[Tag]:
    """Return the tags of an asset by path, each once: merged ones are a union."""
    uids = _elements("tag", by_name, embedded.tags)
    tags = {things.tags[uid].id: things.tags[uid] for uid in uids if uid in things.tags}
    return sorted(tags.values(), key=lambda tag: (tag.path, tag.id))


def _albums(by_name: _ByName, things: Things) -> set[int]:
    return {things.albums[uid] for uid in _elements("album", by_name) if uid in things.albums}


def _persons(by_name: _ByName, embedded: Embedded, things: Things) -> list[tuple[int, str]]:
    """Return (row, name) of the persons of an asset by name, each once; who has a face in it is in it."""
    uids = set(_elements("person", by_name, embedded.persons))
    uids.update(_person_of(by_name["face"], region) for region in _elements("face", by_name))
    found = {things.persons[uid] for uid in uids if uid in things.persons}
    return sorted(found, key=lambda person: (person[1], person[0]))


def _person_of(faces: list[Statement], region: str) -> str:
    ruling = winner(said for said in faces if said.element == region)
    return "" if ruling is None else ruling.value.get("person") or ""
