"""What a sidecar says about one photo, as statements: property and element -> value.

Tags and people are made when a word is read for the first time (`embedded_names`). Faces are turned upright, as that photo is
turned. What Takeout calls trashed or archived is no statement: nothing is hidden or thrown away because another program did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from catalog.date_order import SIDECAR_PREFIX, TOLD
from catalog.faces import region_uid, upright
from catalog.facts import Descriptive, Facts
from catalog.sidecars.names import Form
from catalog.store import embedded_names
from catalog.store.db import Writer

# (property, element) -> JSON value
Words = dict[tuple[str, str], Any]
# Of these properties one sidecar says all or nothing: halves of two would not fit together. Who is in the picture counts still.
_WHOLE = frozenset({"face"})


class Meaning(NamedTuple):
    """What the names in a sidecar mean: text -> uid."""

    tags: Mapping[str, str]
    persons: Mapping[str, str]


def meaning_of(writer: Writer, facts: Facts, now_ns: int) -> Meaning:
    """Return the tags and persons that a sidecar names; those that are new are made, in the caller's transaction."""
    said = facts.descriptive or Descriptive()
    return Meaning(
        embedded_names.made_uids(writer, "tag", said.tags, now_ns),
        embedded_names.made_uids(writer, "person", said.people, now_ns),
    )


def words_of(facts: Facts, form: Form, meaning: Meaning, orientation: int | None) -> Words:
    """Return what a sidecar says about a photo that is turned like this."""
    said = facts.descriptive or Descriptive()
    words: Words = {(name, ""): value for name, value in scalars_of(facts).items() if value is not None}
    words |= {("tag", meaning.tags[text]): True for text in said.tags if text in meaning.tags}
    in_faces = {face.name for face in said.faces}
    words |= {
        ("person", meaning.persons[name]): True
        for name in said.people
        if name in meaning.persons and name not in in_faces
    }
    return words | _faces(said, meaning, orientation) | _dates(facts, form)


def scalars_of(facts: Facts) -> dict[str, Any]:
    """Return the scalar properties of a sidecar; None where it does not speak of one."""
    said = facts.descriptive or Descriptive()
    return {
        "title": said.title,
        "description": said.description,
        "rating": said.rating,
        "rejected": said.is_rejected or None,
        "label": said.label,
        "creator": "; ".join(said.creators) or None,
        "rights": said.rights,
        "favorite": facts.extra.get("favorite") or None,
        "position": None if facts.lat is None else {"lat": facts.lat, "lon": facts.lon, "alt": facts.alt},
    }


def _faces(said: Descriptive, meaning: Meaning, orientation: int | None) -> Words:
    words: Words = {}
    for stored in said.faces:
        shown = upright(stored, orientation)
        person = meaning.persons.get(stored.name) if stored.name is not None else None
        value = {"person": person, "x": shown.x, "y": shown.y, "w": shown.w, "h": shown.h}
        words["face", region_uid(stored)] = value
    return words


def _dates(facts: Facts, form: Form) -> Words:
    words: Words = {}
    for one in facts.candidates:
        element = f"{SIDECAR_PREFIX}{one.source}" if form == "xmp" else one.source
        if element in TOLD:
            value = {"raw": one.raw, "local": one.local, "offset_min": one.offset_min, "is_utc": one.is_utc}
            words["date", element] = value
    return words


def shared_out(voices: Iterable[Words]) -> list[tuple[Words, frozenset[str]]]:
    """Let the first of several sidecars that says something about a property have the say.

    Args:
        voices: what each says, the more certain one first.

    Returns for each what is left of it, and the names of the properties of which an earlier one says something else.
    """
    said: Words = {}
    wholly: set[str] = set()
    shares = []
    for words in voices:
        kept = {key: value for key, value in words.items() if key not in said and key[0] not in wholly}
        kept |= _people_of_dropped_faces(words, kept, said)
        overruled = {
            name
            for (name, element), value in words.items()
            if (name, element) not in kept and said.get((name, element)) != value
        }
        said |= kept
        wholly |= {name for name, _ in kept} & _WHOLE
        shares.append((kept, frozenset(overruled)))
    return shares


def _people_of_dropped_faces(words: Words, kept: Words, said: Words) -> Words:
    """Return who is in the picture by faces that do not count, as far as nobody said so before."""
    faces = [value for (name, _), value in said.items() if name == "face"]
    known = {value["person"] for value in faces} | {element for name, element in said if name == "person"}
    return {
        ("person", value["person"]): True
        for (name, element), value in words.items()
        if name == "face" and (name, element) not in kept and value["person"] not in (None, *known)
    }
