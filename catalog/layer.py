"""The layer: what people, sidecars and plugins say, and which saying wins. Values and rules; pure, no SQL.

One statement = (asset, property, element, value, source, author, time). Scalars have the element "" and any JSON
value; sets (tags, albums …) have one statement per element with true = added, false = removed, so that two
sources merge. Precedence: `user > sidecar > plugin > embedded > file`; the machine never removes a statement.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from catalog.ids import AssetId

Source = Literal["user", "sidecar", "plugin"]
Layer = Literal["user", "sidecar", "plugin", "embedded", "file"]

# Strongest first.
PRECEDENCE: tuple[Layer, ...] = ("user", "sidecar", "plugin", "embedded", "file")
_RANK: dict[str, int] = {layer: rank for rank, layer in enumerate(PRECEDENCE)}


class Property(NamedTuple):
    """What can be said: about one value (scalar) or about the elements of a set."""

    is_set: bool
    meaning: str


PROPERTIES: dict[str, Property] = {
    "capture": Property(False, "CaptureTime document; null = what the bytes and the path say"),
    "date": Property(
        True,
        "element: one of catalog.dates.SOURCES; {raw, local, offset_min, is_utc}: a date that a sidecar tells, judged"
        " with those of the bytes; false = it tells none any more",
    ),
    "title": Property(False, "text"),
    "description": Property(False, "text"),
    "rating": Property(False, "0-5"),
    "rejected": Property(False, "true or false"),
    "label": Property(False, "colour label, text"),
    "creator": Property(False, "names, joined by `; `"),
    "rights": Property(False, "text"),
    "favorite": Property(False, "true or false"),
    "hidden": Property(False, "true = in no view"),
    "trashed": Property(False, "instant (ns) since when; null = restored"),
    "position": Property(False, "{lat, lon, alt}: signed degrees, metres or null; null = no position"),
    "stack": Property(False, "uid of a stack made by hand; false = split off, in no stack"),
    "cover": Property(
        False, "instant (ns): stands for its stack since then; the latest wins; null = by rule"
    ),
    "tag": Property(True, "element: uid of a tag; true or false"),
    "album": Property(
        True, "element: uid of an album; {at: number} = in it at this place; false = taken out"
    ),
    "person": Property(True, "element: uid of a person; true or false"),
    "face": Property(
        True,
        "element: uid of the region; {person: uid or null, x, y, w, h}, 0..1, upright, top left; false = no face",
    ),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One saying. `made_ns` and `id` order sayings of the same source: the later one wins."""

    id: int
    asset_id: AssetId
    property: str
    element: str
    value: Any
    source: Source
    author: str
    made_ns: int


class Effective(NamedTuple):
    """A value and the layer that it comes from."""

    value: Any
    layer: Layer


def winner(statements: Iterable[Statement]) -> Statement | None:
    """Return the statement that rules among those about one property and element; None if there are none."""
    return min(statements, key=lambda said: (_RANK[said.source], -said.made_ns, -said.id), default=None)


def effective(
    name: str, statements: Iterable[Statement], *, embedded: Any = None, file: Any = None
) -> Effective | None:
    """Return the ruling value of a scalar property, or None if nobody says anything.

    A statement of null clears: the value is null although the bytes may say otherwise, except for `capture`
    and `trashed`, where null means what it says in PROPERTIES.
    """
    ruling = winner(said for said in statements if said.property == name)
    if ruling is not None and not (ruling.value is None and name in ("capture", "trashed")):
        return Effective(ruling.value, ruling.source)
    if embedded is not None:
        return Effective(embedded, "embedded")
    return None if file is None else Effective(file, "file")


def effective_set(
    name: str, statements: Iterable[Statement], *, embedded: Iterable[str] = ()
) -> dict[str, Layer]:
    """Return element -> layer of a set property: what the bytes hold, corrected element by element."""
    found: dict[str, Layer] = dict.fromkeys(embedded, "embedded")
    by_element: dict[str, list[Statement]] = {}
    for said in statements:
        if said.property == name:
            by_element.setdefault(said.element, []).append(said)
    for element, sayings in by_element.items():
        ruling = winner(sayings)
        assert ruling is not None, "a group has a member"
        if ruling.value:
            found[element] = ruling.source
        else:
            found.pop(element, None)
    return found
