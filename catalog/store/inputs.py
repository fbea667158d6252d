"""What decides about an asset: its stored columns, its bytes, its ruling location and what is said, read in bulk.

Reads only, judges nothing but which version's facts count. `catalog.store.derive` computes from these values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from catalog.buckets import Bucket, buckets_of
from catalog.dates import NeighbourZone
from catalog.facts import Facts, Kind
from catalog.ids import AssetId, ContentId, LocationId, VolumeId
from catalog.layer import PROPERTIES, Source, Statement
from catalog.store.db import Session
from catalog.store.facts_codec import facts_from_text


class Columns(NamedTuple):
    """The denormalised columns of `asset`, in the order of `COLUMN_NAMES`."""

    content_id: ContentId | None
    facts_id: ContentId | None
    location_id: LocationId | None
    kind: Kind
    mime: str
    size: int
    capture: str | None
    mtime_ns: int
    day: int | None
    year: int | None
    added_day: int
    camera_id: int | None
    types: int
    cell: int | None
    twin: int | None
    stack_id: int | None
    cover_id: AssetId | None
    is_shown: int
    state: str

    def buckets(self) -> frozenset[Bucket]:
        """Return the leaf folders, up to CAMERAS, that show an asset with these columns."""
        return buckets_of(
            is_shown=bool(self.is_shown),
            day=self.day,
            year=self.year,
            added_day=self.added_day,
            types=self.types,
            camera_id=self.camera_id,
            is_covered=self.state == "shown" and not self.is_shown,
        )


COLUMN_NAMES = Columns._fields


class Names(NamedTuple):
    """The columns of `asset` that never change and decide how it is called."""

    short: str
    name: str
    fold: str
    is_suffixed: int


class ContentRow(NamedTuple):
    """The current version of the bytes."""

    kind: Kind
    mime: str
    size: int
    facts: str | None
    facts_state: str
    facts_version: int
    created_ns: int


class LocationRow(NamedTuple):
    """The ruling location. `state` is `replaced` where other bytes have taken the place of the asset's."""

    id: LocationId
    state: str
    mtime_ns: int
    volume_id: VolumeId
    directory: bytes
    name: bytes

    @property
    def path(self) -> bytes:
        """From the volume's root."""
        return self.directory + b"/" + self.name if self.directory else self.name


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that decides about one asset's columns, as read from the tables."""

    asset_id: AssetId
    names: Names
    merged_into: AssetId | None
    columns: Columns  # as stored now
    content: ContentRow | None
    location: LocationRow | None
    neighbour: NeighbourZone | None = None  # of the current version's clock, if it tells no zone itself


_RULING = """coalesce(
    (SELECT id FROM location WHERE content_id = a.content_id AND state = 'present' ORDER BY id LIMIT 1),
    (SELECT id FROM location WHERE content_id = a.content_id ORDER BY id LIMIT 1), c.last_location_id)"""
INPUTS = f"""
    SELECT a.id, a.short, a.name, a.fold, a.is_suffixed, a.merged_into, {", ".join("a." + name for name in COLUMN_NAMES)},
           c.kind, c.mime, c.size, c.facts, c.facts_state, c.facts_version, c.created_ns,
           l.id, CASE WHEN l.content_id IS c.id THEN l.state ELSE 'replaced' END, l.mtime_ns, l.volume_id, d.path, l.name,
           n.offset_min, n.zone, n.from_uid
    FROM json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value
    LEFT JOIN content AS c ON c.id = a.content_id
    LEFT JOIN location AS l ON l.id = {_RULING}
    LEFT JOIN directory AS d ON d.id = l.directory_id
    LEFT JOIN neighbour_zone AS n ON n.content_id = c.id"""
_FIRST_COLUMN = 6
_FIRST_CONTENT = _FIRST_COLUMN + len(COLUMN_NAMES)
_FIRST_LOCATION = _FIRST_CONTENT + len(ContentRow._fields)
_FIRST_NEIGHBOUR = _FIRST_LOCATION + len(LocationRow._fields)
# statement(asset_id, property, …) is unique: its implicit index.
# A value that is no JSON (damage; I13 reports it) says nothing here, so that everybody else is still derived.
STATEMENTS = (
    "SELECT s.id, s.asset_id, s.property, s.element, CASE WHEN json_valid(s.value) THEN s.value ELSE 'null' END,"
    " s.source, s.author, s.made_ns"
    " FROM json_each(?) AS wanted CROSS JOIN statement AS s ON s.asset_id = wanted.value"
)


def read_inputs(session: Session, asset_ids: Sequence[AssetId]) -> list[Inputs]:
    """Read what decides about these assets, in the order given; unknown ids are left out."""
    found = []
    for row in session.rows(INPUTS, (json.dumps(asset_ids),)):
        found.append(
            Inputs(
                row[0],
                Names._make(row[1:5]),
                row[5],
                Columns._make(row[_FIRST_COLUMN:_FIRST_CONTENT]),
                ContentRow._make(row[_FIRST_CONTENT:_FIRST_LOCATION]) if row[_FIRST_CONTENT] else None,
                LocationRow._make(row[_FIRST_LOCATION:_FIRST_NEIGHBOUR]) if row[_FIRST_LOCATION] else None,
                NeighbourZone(*row[_FIRST_NEIGHBOUR:]) if row[_FIRST_NEIGHBOUR] is not None else None,
            )
        )
    return found


def read_statements(
    session: Session, asset_ids: Sequence[AssetId], properties: Iterable[str] = PROPERTIES
) -> dict[AssetId, list[Statement]]:
    """Read what is said about these properties; assets without any statement are not in the answer."""
    wanted = frozenset(properties)
    found: dict[AssetId, list[Statement]] = {}
    for row in session.rows(STATEMENTS, (json.dumps(asset_ids),)):
        if row[2] in wanted:
            source: Source = row[5]
            said = Statement(
                row[0], AssetId(row[1]), row[2], row[3], json.loads(row[4]), source, row[6], row[7]
            )
            found.setdefault(said.asset_id, []).append(said)
    return found


def ready_facts(session: Session, inputs: Inputs) -> tuple[ContentId | None, Facts | None]:
    """Return the version whose facts count, None before there are any, and those facts (None: unreadable).

    New bytes of a known photo are not read yet: until then the facts of the newest version that was read
    count, so that an edited photo stays where it is.
    """
    content = inputs.content
    assert content is not None, "an alias has no facts"
    is_ready, facts = _judged(content.facts, content.facts_state, content.facts_version)
    if is_ready:
        return inputs.columns.content_id, facts
    older = session.rows(
        "SELECT id, facts, facts_state, facts_version FROM content WHERE asset_id = ? AND id <> ? ORDER BY id DESC",
        (inputs.asset_id, inputs.columns.content_id),
    )
    for content_id, text, state, version in older:
        is_ready, facts = _judged(text, state, version)
        if is_ready:
            return ContentId(content_id), facts
    return None, None


def telling_facts(content: ContentRow) -> Facts | None:
    """Return the facts of a version if they can say what the layer can say too; the text is not parsed for nothing."""
    text = content.facts
    if text is None or ('"lat":' not in text and '"descriptive":' not in text):
        return None
    return facts_from_text(text)


def _judged(text: str | None, state: str, version: int) -> tuple[bool, Facts | None]:
    """Return whether a content's facts are good enough to show it, and the facts.

    Facts of an older reader are, while they wait to be read again; so are header facts with a date, while the deep
    tier is due. Header facts without one are not: the photo would appear below Undated and then move.
    """
    if version == 0:
        return False, None
    facts = facts_from_text(text) if text is not None else None
    if state != "deep" or facts is None or facts.tier == "deep":
        return True, facts
    return any(one.local and not one.rejected for one in facts.candidates), facts
