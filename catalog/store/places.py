"""Rows of places: countries, regions and cities where photos were taken, each the folder of `Places/` that it is.

`catalog.places` says where a position is; a row is made by the writer when the first photo is there, and stays: its number
is the folder's inode. A country without regions holds its cities itself. Places of one name in one region are one place.
Nothing here is said by anybody: rows follow from positions and from the table that the program comes with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from catalog import names, places
from catalog.errors import InvalidValue
from catalog.places import Place
from catalog.query.predicate import TextMatch, Words
from catalog.store.db import Session, Writer
from catalog.store.meant import remembered

Level = Literal["country", "region", "city"]
LEVELS: tuple[Level, ...] = ("country", "region", "city")


class Located(NamedTuple):
    """The place of a position: the row of its city, None where there is no row yet, and its names from the top."""

    row: int | None
    names: tuple[str, ...]


PlaceOf = Callable[[float, float], Located | None]


def place_id(session: Session, place: Place) -> int | None:
    """Return the row of a place's city, or None."""
    row = 0
    for level, name in _steps(place):
        found = session.value(PLACE_CALLED, (row, level, name))
        if found is None:
            return None
        row = int(found)
    return row


def get_or_create(writer: Writer, place: Place) -> int:
    """Return the row of a place's city; it and those above it are made where they are missing."""
    row = 0
    for level, name in _steps(place):
        found = writer.value(PLACE_CALLED, (row, level, name))
        row = _new(writer, row, level, name) if found is None else int(found)
    return row


def stored_place(session: Session, lat: float, lon: float) -> Located | None:
    """Return where a position is, with the row that there is: for those who compare."""
    place = places.place_at(lat, lon)
    return None if place is None else Located(place_id(session, place), _names(place))


@dataclass(slots=True)
class PlaceRows:
    """Rows of places for one transaction of the writer, who makes those that are missing."""

    writer: Writer
    _known: dict[Place, int] = field(default_factory=dict)

    def of(self, lat: float, lon: float) -> Located | None:
        """Return where a position is."""
        place = places.place_at(lat, lon)
        if place is None:
            return None
        if place not in self._known:
            self._known[place] = get_or_create(self.writer, place)
        return Located(self._known[place], _names(place))


def documents_of(session: Session, place_ids: Iterable[int]) -> dict[int, dict[str, str | None]]:
    """Return row -> `{country, region, city}` of these places."""
    found: dict[int, dict[str, str | None]] = {}
    for start, level, name in session.rows(PLACES_WITH_THOSE_ABOVE, (json.dumps(sorted(place_ids)),)):
        found.setdefault(start, dict.fromkeys(LEVELS))[level] = name
    return found


def places_meant(session: Session, level: Level | None, value: Words | TextMatch) -> list[int]:
    """Return the rows of all places that are, or lie in, one whose name matches (of a level, or of any)."""
    return remembered(session, ("place", level, value), lambda: list(_look(session, level, value)))


def _look(session: Session, level: Level | None, value: Words | TextMatch) -> Iterator[int]:
    meant: set[int] = set()
    # Those above are older: their numbers are smaller.
    for row, parent, of_level, name in session.rows(
        "SELECT id, parent_id, level, name FROM place ORDER BY id"
    ):
        if parent in meant or (level in (None, of_level) and value.accepts(name)):
            meant.add(row)
            yield row


def snapshots(session: Session) -> list[dict[str, Any]]:
    """Return every place for the dump, by its names: its level, its names from the top, and its label."""
    paths: dict[int | None, list[str]] = {None: []}
    found = []
    for row, parent, level, name, label in session.rows(
        "SELECT id, parent_id, level, name, label FROM place ORDER BY id"
    ):
        paths[row] = [*paths[parent], name]
        found.append({"level": level, "names": paths[row], "label": label})
    return sorted(found, key=lambda place: (place["names"], place["level"]))


def restore(writer: Writer, items: Iterable[Mapping[str, Any]]) -> None:
    """Put the places of a dump in the place of those here, and lay out `temp.s_place` (path of labels -> row).

    Nothing may refer to a place. Labels stay as they were there.

    Raises:
        InvalidValue: a place without the one above it, or one that is there twice.
    """
    writer.execute("DELETE FROM place")
    rows: dict[tuple[str, ...], int] = {(): 0}  # names of countries and regions; a city is above nothing
    for item in sorted(items, key=lambda place: (len(place["names"]), place["level"])):
        names_of = tuple(item["names"])
        parent = rows.get(names_of[:-1])
        if parent is None or writer.value(PLACE_CALLED, (parent, item["level"], names_of[-1])) is not None:
            raise InvalidValue(f"the dump contradicts itself: the place {'/'.join(names_of)}")
        row = _new(writer, parent, item["level"], names_of[-1], label=item["label"])
        if item["level"] != "city":
            rows[names_of] = row
    writer.execute("DROP TABLE IF EXISTS temp.s_place")
    writer.execute("CREATE TEMP TABLE s_place (path TEXT PRIMARY KEY, id INTEGER NOT NULL)")
    writer.execute(
        f"INSERT INTO temp.s_place SELECT path, id FROM ({LABEL_PATH.replace('SELECT', 'SELECT t.id,', 1)})"
    )


def _steps(place: Place) -> Iterator[tuple[Level, str]]:
    for level, name in zip(LEVELS, place, strict=True):
        if name is not None:
            yield level, name


def _names(place: Place) -> tuple[str, ...]:
    return tuple(name for name in place if name is not None)


def _new(writer: Writer, parent: int, level: Level, name: str, *, label: str | None = None) -> int:
    row, label = writer.last_id("place") + 1, _free_label(writer, parent, label or names.clean_label(name))
    writer.execute(
        "INSERT INTO place (id, parent_id, level, name, label, fold) VALUES (?, ?, ?, ?, ?, ?)",
        (row, parent or None, level, name, label, names.fold(label)),
    )
    return row


def _free_label(writer: Writer, parent: int, plain: str) -> str:
    """Return what the folder is called: a sibling that has the label already keeps it."""
    label, number = plain, 1
    while writer.value(PLACE_LABELLED, (parent, names.fold(label))) is not None:
        number += 1
        label = f"{plain} ({number})"
    return label


# unique indexes place_name, place_sibling
PLACE_CALLED = "SELECT id FROM place WHERE ifnull(parent_id, 0) = ? AND level = ? AND name = ?"
PLACE_LABELLED = "SELECT id FROM place WHERE ifnull(parent_id, 0) = ? AND fold = ?"
# Labels from the top, which hold no slash.
LABEL_PATH = (
    "SELECT coalesce(o.label || '/', '') || coalesce(p.label || '/', '') || t.label AS path FROM place AS t"
    " LEFT JOIN place AS p ON p.id = t.parent_id LEFT JOIN place AS o ON o.id = p.parent_id"
)
# UNION, not UNION ALL: a cycle must end here too.
PLACES_WITH_THOSE_ABOVE = (
    "WITH RECURSIVE up (start, id) AS (SELECT value, value FROM json_each(?) AS wanted"
    " UNION SELECT up.start, t.parent_id FROM up CROSS JOIN place AS t ON t.id = up.id WHERE t.parent_id IS NOT NULL)"
    " SELECT up.start, t.level, t.name FROM up CROSS JOIN place AS t ON t.id = up.id"
)
