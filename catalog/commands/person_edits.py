"""Carrying out what a person says about persons: in photos, in face regions, and the persons themselves."""

from __future__ import annotations

import math
from typing import Any

from catalog.commands.layer import FaceAdd, FaceRemove, PersonAdd, PersonMerge, PersonRemove, PersonRename
from catalog.errors import AlreadyExists, InvalidValue, NotFound
from catalog.ids import AssetId, new_uid
from catalog.labels import check_name, shown
from catalog.names import fold
from catalog.store import persons, things
from catalog.store.edits import Edit
from catalog.store.held import held
from catalog.store.sayings import ruling
from catalog.store.things import Snapshot
from catalog.things import Person

# Regions are often computed in single precision: 0.1 + 0.9 may be a little more than 1.
TOLERANCE = 1e-6


def add(edit: Edit, command: PersonAdd) -> dict[str, Any]:
    """Say that a person is in photos; an unknown one is made."""
    asset_ids = edit.photos(command.photos)
    person, is_new = _find_or_make(edit, command.person)
    merged = things.members_of_class(edit.writer, "person", [person.uid])[1:]
    said = ruling(edit.writer, asset_ids, "person", merged) if merged else {}
    having = {
        asset_id
        for asset_id, of_asset in said.items()
        if any(one.value and one.source == edit.source for one in of_asset.values())
    }
    edit.say([one for one in asset_ids if one not in having], "person", True, person.uid)
    return {"person": person.name, "created": is_new}


def _find_or_make(edit: Edit, text: str) -> tuple[Person, bool]:
    name = check_name(text, persons.WHAT)
    found = persons.find(edit.writer, name)
    if found is not None:
        return found, False
    uid = new_uid()
    edit.put("person", uid, persons.new_person(edit.writer, uid, name, edit.made_ns))
    made = persons.find(edit.writer, name)
    assert made is not None, "just made"
    return made, True


def remove(edit: Edit, command: PersonRemove) -> dict[str, Any]:
    """Say that a person is not in photos; face regions of that person become nobody's."""
    asset_ids = edit.photos(command.photos)
    person = persons.resolve_person(edit.writer, command.person)
    elements = things.members_of_class(edit.writer, "person", [person.uid])
    by_element: dict[str, list[AssetId]] = {}
    for asset_id, of_asset in held(edit.writer, asset_ids, "person", elements).items():
        for element in of_asset:
            by_element.setdefault(element, []).append(asset_id)
    for element, having in by_element.items():
        edit.say(having, "person", False, element)
    for asset_id, region, value in _regions_of(edit, asset_ids, elements):
        edit.say([asset_id], "face", {**value, "person": None}, region)
    return {"person": person.name}


def _regions_of(
    edit: Edit, asset_ids: list[AssetId], elements: list[str]
) -> list[tuple[AssetId, str, dict[str, Any]]]:
    """Return (photo, region, value) of the face regions of a person."""
    wanted = set(elements)
    return [
        (asset_id, region, value)
        for asset_id, of_asset in held(edit.writer, asset_ids, "face").items()
        for region, value in of_asset.items()
        if value.get("person") in wanted
    ]


def rename(edit: Edit, command: PersonRename) -> dict[str, Any]:
    """Give a person another name."""
    person = persons.resolve_person(edit.writer, command.person)
    name = check_name(command.name, persons.WHAT)
    other = persons.find(edit.writer, name)
    if other is not None and other.uid != person.uid:
        raise AlreadyExists(
            f"there is a person {shown(other.name)} already",
            hint="`person merge` makes the two one",
            person=other.name,
        )
    label = persons.label_for(edit.writer, name, person.uid)
    edit.put(
        "person", person.uid, {**_now(edit, person.uid), "name": name, "label": label, "fold": fold(label)}
    )
    return {"person": name, "former": person.name}


def merge(edit: Edit, command: PersonMerge) -> dict[str, Any]:
    """Make several persons one: what is said of them counts for that one."""
    if not command.persons:
        raise InvalidValue("no person is named", hint="name the persons that are really one")
    into = persons.resolve_person(edit.writer, command.into)
    found = [persons.resolve_person(edit.writer, text) for text in command.persons]
    others = {person.uid: person for person in found if person.uid != into.uid}
    uids = things.members_of_class(edit.writer, "person", others)
    now = things.snapshots(edit.writer, "person", uids)
    edit.put_all([("person", uid, {**now[uid], "merged_into": into.uid}) for uid in uids])
    return {"person": into.name, "merged": [person.name for person in others.values()]}


def _now(edit: Edit, uid: str) -> Snapshot:
    found = things.snapshot(edit.writer, "person", uid)
    assert found is not None, "just resolved"
    return found


# ---- face regions


def add_face(edit: Edit, command: FaceAdd) -> dict[str, Any]:
    """Mark a face; the person, if one is named, is in the photo by it."""
    (asset_id,) = edit.photos([command.photo])
    _require_region(command)
    person, is_new = _find_or_make(edit, command.person) if command.person is not None else (None, False)
    region = new_uid()
    extent = {name: float(getattr(command, name)) for name in ("x", "y", "w", "h")}
    edit.say([asset_id], "face", {"person": person.uid if person else None, **extent}, region)
    return {"face": region, "person": person.name if person else None, "created": is_new}


def _require_region(command: FaceAdd) -> None:
    for name in ("x", "y", "w", "h"):
        value = getattr(command, name)
        if not math.isfinite(value) or not 0 <= value <= 1:
            raise InvalidValue(
                f"{name} of a face is 0 to 1 of the upright picture, not {value}", value=str(value)
            )
    for name in ("w", "h"):
        if getattr(command, name) <= 0:
            raise InvalidValue(f"{name} of a face is more than 0", value=str(getattr(command, name)))
    for start, extent in (("x", "w"), ("y", "h")):
        end = getattr(command, start) + getattr(command, extent)
        if end > 1 + TOLERANCE:
            raise InvalidValue(
                f"the face leaves the picture: {start} + {extent} is {end:g}", value=f"{end:g}"
            )


def remove_face(edit: Edit, command: FaceRemove) -> dict[str, Any]:
    """Remove a face region, or those of a person."""
    (asset_id,) = edit.photos([command.photo])
    if (command.face is None) == (command.person is None):
        raise InvalidValue("either a face or a person is named", hint="see `glassine face list PHOTO`")
    if command.face is not None:
        regions = list(held(edit.writer, [asset_id], "face", [command.face]).get(asset_id, {}))
    else:
        assert command.person is not None, "one of the two is given"
        person = persons.resolve_person(edit.writer, command.person)
        elements = things.members_of_class(edit.writer, "person", [person.uid])
        regions = [region for _, region, _ in _regions_of(edit, [asset_id], elements)]
    if not regions:
        wanted = command.face if command.face is not None else command.person
        raise NotFound(f"the photo has no face {shown(str(wanted))}", photo=command.photo)
    for region in regions:
        edit.say([asset_id], "face", False, region)
    return {"faces": regions}
