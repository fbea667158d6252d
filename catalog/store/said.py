"""What is said about an asset, as values: effective scalars, folders of the layer, texts. No state, no stack, no clock.

Statements name tags, albums and persons by uid, words in files mean one (`embedded_names`). Here they become what those
things are now: what was merged counts for its goal, what was deleted for nothing, a person in a face region is a person
in the photo. What the bytes say ranks below every statement; of sets, element by element. Reads things in bulk.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from catalog import text
from catalog.buckets import ALL, OWN, Bucket, View
from catalog.faces import region_uid, upright
from catalog.facts import Descriptive, Facts
from catalog.layer import Layer, Statement, effective, effective_set, winner
from catalog.store.births import added_day
from catalog.store.db import Session
from catalog.store.embedded_names import NameKind
from catalog.store.places import PlaceOf

_ALBUMS, _TAGS, _PEOPLE, _FAVORITES, _RATINGS, _TRASH = (
    int(view) for view in (View.ALBUMS, View.TAGS, View.PEOPLE, View.FAVORITES, View.RATINGS, View.TRASH)
)
_PLACES = int(View.PLACES)


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
    creator: str | None = None
    rights: str | None = None
    face_count: int = 0
    place_id: int | None = None


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


Region = Mapping[str, Any]  # {person: uid or None, x, y, w, h}: fractions of the upright picture
UidsOf = Callable[[NameKind, Collection[str]], Mapping[str, str]]


class Words(NamedTuple):
    """Which thing each word of some files means, by uid; a word that is not here says nothing."""

    tags: Mapping[str, str] = {}
    persons: Mapping[str, str] = {}


NO_WORDS = Words()


class Embedded(NamedTuple):
    """What the bytes say where the layer can say something too; sets by the elements that statements would have."""

    title: str | None = None
    description: str | None = None
    rating: int | None = None
    rejected: bool | None = None
    label: str | None = None
    creator: str | None = None
    rights: str | None = None
    position: dict[str, Any] | None = None
    tags: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    faces: Mapping[str, Region] = {}

    def elements(self, name: str) -> Collection[str]:
        """Return the elements of a set property that the bytes hold."""
        known: dict[str, Collection[str]] = {"tag": self.tags, "person": self.persons, "face": self.faces}
        return known.get(name, ())


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


def read_words(facts: Iterable[Facts | None], uids_of: UidsOf) -> Words:
    """Ask once what all words of these files mean; asks nothing where no file has any."""
    said = [one.descriptive for one in facts if one is not None and one.descriptive is not None]
    tags = dict.fromkeys(text for one in said for text in one.tags)
    people = dict.fromkeys(name for one in said for name in _names_in(one))
    if not tags and not people:
        return NO_WORDS
    return Words(uids_of("tag", list(tags)), uids_of("person", list(people)))


def words_in(facts: Facts | None) -> dict[NameKind, list[str]]:
    """Return every text of a file that means a tag or a person."""
    said = facts.descriptive if facts is not None else None
    return {} if said is None else {"tag": list(said.tags), "person": _names_in(said)}


def _names_in(said: Descriptive) -> list[str]:
    return [*said.people, *(face.name for face in said.faces if face.name is not None)]


def embedded_of(facts: Facts | None, words: Words = NO_WORDS) -> Embedded:
    """Return what the bytes say.

    Args:
        facts: of the version that counts.
        words: `read_words` of (at least) these facts.
    """
    if facts is None:
        return _SILENT
    position = None
    if facts.lat is not None and facts.lon is not None:
        position = {"lat": facts.lat, "lon": facts.lon, "alt": facts.alt}
    said = facts.descriptive
    if said is None:
        return _SILENT if position is None else Embedded(position=position)
    # Who has a face in it is in it by that face: without it, nobody has said so.
    faces = {face.name for face in said.faces}
    return Embedded(
        title=said.title,
        description=said.description,
        rating=said.rating,
        rejected=said.is_rejected or None,
        label=said.label,
        creator="; ".join(said.creators) or None,
        rights=said.rights,
        position=position,
        tags=_uids(said.tags, words.tags),
        persons=_uids((name for name in said.people if name not in faces), words.persons),
        faces=_regions(facts, said, words),
    )


_SILENT = Embedded()


def _uids(texts: Iterable[str], uids: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(uids[text] for text in texts if text in uids))


def _regions(facts: Facts, said: Descriptive, words: Words) -> dict[str, Region]:
    found: dict[str, Region] = {}
    for stored in said.faces:
        shown = upright(stored, facts.orientation)
        person = words.persons.get(stored.name) if stored.name is not None else None
        found[region_uid(stored)] = {"person": person, "x": shown.x, "y": shown.y, "w": shown.w, "h": shown.h}
    return found


def read_things(session: Session, statements: Iterable[Statement], words: Words = NO_WORDS) -> Things:
    """Read the things that these statements and words name."""
    named: dict[str, set[str]] = {
        "tag": set(words.tags.values()),
        "album": set(),
        "person": set(words.persons.values()),
    }
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
    place_of: PlaceOf,
) -> Said:
    """Put together what is said about one asset.

    Args:
        name_tokens: of its display name.
        statements: all about it.
        embedded: what its bytes say.
        things: `read_things` of (at least) these statements and of the words of `embedded`.
        year: of its capture; None before the first facts.
        zone: the library's.
        place_of: where a position is.
    """
    if not statements and embedded is _SILENT:
        return Said(NOTHING, frozenset(), Text(name_tokens))
    by_name: _ByName = {}
    for one in statements:
        by_name.setdefault(one.property, []).append(one)
    regions = face_regions(by_name.get("face", ()), embedded)
    scalars = _scalars(by_name, embedded, len(regions))
    tags = _tags(by_name, embedded, things)
    persons = _persons(by_name, embedded, regions, things)
    folders = {Bucket(_ALBUMS, row_id, 0) for row_id in _albums(by_name, things)}
    for tag in tags:
        folders.add(Bucket(_TAGS, tag.id, OWN))
        folders.update(Bucket(_TAGS, row_id, ALL) for row_id in tag.above)
    folders.update(Bucket(_PEOPLE, row_id, year or 0) for row_id, _ in persons)
    place = None if scalars.lat is None or scalars.lon is None else place_of(scalars.lat, scalars.lon)
    if place is not None and place.row is not None:
        scalars = scalars._replace(place_id=place.row)
        folders.add(Bucket(_PLACES, place.row, 0))
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
        text.indexed(place.names) if place is not None else "",
    )
    return Said(scalars, frozenset(folders), texts)


_ByName = dict[str, list[Statement]]


def _scalars(by_name: _ByName, embedded: Embedded, face_count: int) -> Effective:
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
        is_rejected=int(bool(value("rejected", embedded.rejected))),
        label=value("label", embedded.label) or None,
        is_favorite=int(bool(value("favorite"))),
        is_hidden=int(bool(value("hidden"))),
        trashed_ns=value("trashed"),
        lat=position.get("lat"),
        lon=position.get("lon"),
        alt=position.get("alt"),
        creator=value("creator", embedded.creator) or None,
        rights=value("rights", embedded.rights) or None,
        face_count=face_count,
    )


def _elements(name: str, by_name: _ByName, embedded: Embedded = _SILENT) -> Iterable[str]:
    of_bytes = embedded.elements(name)
    return effective_set(name, by_name[name], embedded=of_bytes) if name in by_name else of_bytes


def _tags(by_name: _ByName, embedded: Embedded, things: Things) -> list[Tag]:
    """Return the tags of an asset by path, each once: merged ones are a union."""
    uids = _elements("tag", by_name, embedded)
    tags = {things.tags[uid].id: things.tags[uid] for uid in uids if uid in things.tags}
    return sorted(tags.values(), key=lambda tag: (tag.path, tag.id))


def _albums(by_name: _ByName, things: Things) -> set[int]:
    return {things.albums[uid] for uid in _elements("album", by_name) if uid in things.albums}


def _persons(
    by_name: _ByName, embedded: Embedded, regions: Mapping[str, tuple[Region, Layer]], things: Things
) -> list[tuple[int, str]]:
    """Return (row, name) of the persons of an asset by name, each once; who has a face in it is in it."""
    uids = set(_elements("person", by_name, embedded))
    uids.update(region.get("person") or "" for region, _ in regions.values())
    found = {things.persons[uid] for uid in uids if uid in things.persons}
    return sorted(found, key=lambda person: (person[1], person[0]))


def face_regions(said: Sequence[Statement], embedded: Embedded) -> dict[str, tuple[Region, Layer]]:
    """Return the face regions of a photo: uid -> (the region, whose word it is).

    Args:
        said: statements about it; those of other properties do not matter.
        embedded: what its bytes say.
    """
    found: dict[str, tuple[Region, Layer]] = {}
    for region, layer in effective_set("face", said, embedded=embedded.faces).items():
        ruling = winner(one for one in said if one.property == "face" and one.element == region)
        found[region] = (embedded.faces[region] if ruling is None else ruling.value, layer)
    return found
