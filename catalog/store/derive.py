"""What an asset looks like: every denormalised column, computed from the rows that rule it.

One computation for the writer (`catalog.store.assets`) and the checker (`catalog.store.check`), which compares.
Reads contents, ruling locations and statements in bulk; writes nothing. No clock: a capture time is judged at the
moment when its bytes were first seen, so that the answer is the same on every day.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from catalog import dates
from catalog.buckets import Bucket, MediaType, buckets_of
from catalog.capture import CaptureTime, instant_ns, local_day
from catalog.facts import Facts, Kind
from catalog.ids import AssetId, ContentId, LocationId
from catalog.layer import Source, Statement, effective
from catalog.media_types import looks_like_screenshot
from catalog.store.db import Session
from catalog.store.facts_codec import facts_from_text

# INTEGER columns hold 64 bits: 1677 to 2262 in ns. What was taken outside of it is shown at the end of the scale.
_LOWEST_NS, _HIGHEST_NS = -(2**63), 2**63 - 1
_KIND_FLAGS = {"photo": int(MediaType.PHOTO), "video": int(MediaType.VIDEO), "audio": int(MediaType.AUDIO)}
_RAW, _PANORAMA, _SCREENSHOT = int(MediaType.RAW), int(MediaType.PANORAMA), int(MediaType.SCREENSHOT)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
RULING_PROPERTIES = ("capture", "trashed", "hidden")

CameraOf = Callable[[str, str], int | None]


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
    is_shown: int
    state: str

    def buckets(self) -> frozenset[Bucket]:
        """Return the leaf folders that show an asset with these columns."""
        return buckets_of(
            is_shown=bool(self.is_shown),
            day=self.day,
            year=self.year,
            added_day=self.added_day,
            types=self.types,
            camera_id=self.camera_id,
        )


COLUMN_NAMES = Columns._fields


class Names(NamedTuple):
    """The columns of `asset` that never change and decide how it is called."""

    short: str
    name: str
    fold: str
    is_suffixed: int


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that decides about one asset's columns, as read from the tables."""

    asset_id: AssetId
    names: Names
    merged_into: AssetId | None
    columns: Columns  # as stored now
    content: ContentRow | None
    location: LocationRow | None


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
    directory: bytes
    name: bytes

    @property
    def path(self) -> bytes:
        """From the volume's root."""
        return self.directory + b"/" + self.name if self.directory else self.name


_RULING = """coalesce(
    (SELECT id FROM location WHERE content_id = a.content_id AND state = 'present' ORDER BY id LIMIT 1),
    (SELECT id FROM location WHERE content_id = a.content_id ORDER BY id LIMIT 1), c.last_location_id)"""
_INPUTS = f"""
    SELECT a.id, a.short, a.name, a.fold, a.is_suffixed, a.merged_into, {", ".join("a." + name for name in COLUMN_NAMES)},
           c.kind, c.mime, c.size, c.facts, c.facts_state, c.facts_version, c.created_ns,
           l.id, CASE WHEN l.content_id IS c.id THEN l.state ELSE 'replaced' END, l.mtime_ns, d.path, l.name
    FROM json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value
    LEFT JOIN content AS c ON c.id = a.content_id
    LEFT JOIN location AS l ON l.id = {_RULING}
    LEFT JOIN directory AS d ON d.id = l.directory_id"""
_FIRST_COLUMN = 6
_FIRST_CONTENT = _FIRST_COLUMN + len(COLUMN_NAMES)
_FIRST_LOCATION = _FIRST_CONTENT + len(ContentRow._fields)


def read_inputs(session: Session, asset_ids: Sequence[AssetId]) -> list[Inputs]:
    """Read what decides about these assets, in the order given; unknown ids are left out."""
    found = []
    for row in session.rows(_INPUTS, (json.dumps(asset_ids),)):
        found.append(
            Inputs(
                row[0],
                Names._make(row[1:5]),
                row[5],
                Columns._make(row[_FIRST_COLUMN:_FIRST_CONTENT]),
                ContentRow._make(row[_FIRST_CONTENT:_FIRST_LOCATION]) if row[_FIRST_CONTENT] else None,
                LocationRow._make(row[_FIRST_LOCATION:]) if row[_FIRST_LOCATION] else None,
            )
        )
    return found


def read_statements(
    session: Session, asset_ids: Sequence[AssetId], properties: Iterable[str] = RULING_PROPERTIES
) -> dict[AssetId, list[Statement]]:
    """Read the statements about these properties; assets without any are not in the answer."""
    wanted = list(properties)
    marks = ", ".join("?" * len(wanted))
    rows = session.rows(
        "SELECT id, asset_id, property, element, value, source, author, made_ns FROM statement"
        f" WHERE asset_id IN (SELECT value FROM json_each(?)) AND property IN ({marks})",
        (json.dumps(asset_ids), *wanted),
    )
    found: dict[AssetId, list[Statement]] = {}
    for row in rows:
        source: Source = row[5]
        said = Statement(row[0], AssetId(row[1]), row[2], row[3], json.loads(row[4]), source, row[6], row[7])
        found.setdefault(said.asset_id, []).append(said)
    return found


def derive_all(
    session: Session, inputs: Sequence[Inputs], zone: ZoneInfo, camera_of: CameraOf
) -> list[Columns]:
    """Compute the columns of each asset, in order."""
    statements = read_statements(session, [one.asset_id for one in inputs])
    return [
        _derive(session, one, statements.get(one.asset_id, []), zone=zone, camera_of=camera_of)
        for one in inputs
    ]


def _derive(
    session: Session, inputs: Inputs, statements: list[Statement], *, zone: ZoneInfo, camera_of: CameraOf
) -> Columns:
    content, location = inputs.content, inputs.location
    if inputs.merged_into is not None or content is None or location is None:
        return _alias(inputs.columns)
    facts_id, facts = ready_facts(session, inputs)
    is_ready = facts_id is not None
    state = _state(is_ready, location, statements)
    base = inputs.columns._replace(
        facts_id=facts_id, location_id=location.id, kind=content.kind, mime=content.mime, size=content.size, state=state,
        is_shown=int(state == "shown"),
    )  # fmt: skip
    if location.state == "replaced":
        return base  # the file there is another photo: its name and mtime say nothing about this one
    if not is_ready:
        return base._replace(
            capture=None, mtime_ns=location.mtime_ns, day=None, year=None, camera_id=None, types=0
        )
    capture = effective_capture(content, location, facts, statements, zone)
    day = local_day(capture)
    return base._replace(
        capture=capture_to_text(capture),
        mtime_ns=_shown_instant(capture, location, zone),
        day=day,
        year=int(capture.local[:4]),
        camera_id=_camera_id(facts, camera_of),
        types=types_of(content.kind, facts, inputs.names.name),
    )


def _alias(columns: Columns) -> Columns:
    return columns._replace(
        content_id=None, facts_id=None, location_id=None, capture=None, day=None, year=None, camera_id=None, types=0, is_shown=0,
        state="alias",
    )  # fmt: skip


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


def effective_capture(
    content: ContentRow,
    location: LocationRow,
    facts: Facts | None,
    statements: list[Statement],
    zone: ZoneInfo,
) -> CaptureTime:
    """Return what the layer says, else what bytes, path and mtime say."""
    said = effective("capture", statements)
    if said is not None:
        return capture_from_document(said.value)
    return dates.resolve(
        content.kind, facts, location.path, location.mtime_ns, zone, content.created_ns
    ).capture


def _state(is_ready: bool, location: LocationRow, statements: list[Statement]) -> str:
    if statements and effective("trashed", statements) is not None:
        return "trashed"
    hidden = effective("hidden", statements) if statements else None
    if hidden is not None and hidden.value:
        return "hidden"
    if location.state != "present":
        return "missing"
    return "shown" if is_ready else "pending"


def _shown_instant(capture: CaptureTime, location: LocationRow, zone: ZoneInfo) -> int:
    # A guess is the mtime itself, to the nanosecond.
    if capture.confidence == "guess":
        return location.mtime_ns
    return min(max(instant_ns(capture, zone), _LOWEST_NS), _HIGHEST_NS)


def _camera_id(facts: Facts | None, camera_of: CameraOf) -> int | None:
    if facts is None:
        return None
    make, model = (facts.make or "").strip(), (facts.model or "").strip()
    return camera_of(make, model) if make or model else None


def types_of(kind: Kind, facts: Facts | None, name: str) -> int:
    """Return the mask of the folders of Types/ for a photo of this kind, these facts and this (first) name."""
    types = _KIND_FLAGS[kind]
    if facts is not None and facts.is_raw:
        types |= _RAW
    if facts is not None and facts.is_panorama:
        types |= _PANORAMA
    if kind == "photo" and looks_like_screenshot(name.encode()):
        types |= _SCREENSHOT
    return types


def capture_to_text(capture: CaptureTime) -> str:
    """Return the JSON that `asset.capture` holds: no nulls."""
    document = {name: value for name, value in capture.to_json().items() if value is not None}
    return _ENCODER.encode(document)


def capture_from_document(document: dict[str, Any]) -> CaptureTime:
    """Rebuild the value from JSON; absent keys are null."""
    return CaptureTime(
        local=document["local"],
        precision=document["precision"],
        offset_min=document.get("offset_min"),
        zone=document.get("zone"),
        source=document["source"],
        confidence=document["confidence"],
    )
