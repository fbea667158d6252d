"""What an asset is by itself: its columns without a look at its stack mates, and what is said about it.

The first stage of `catalog.store.derive`. Reads in bulk; writes nothing but cameras, tags and persons through `Rows`. No clock:
a capture time is judged at the moment when its bytes were first seen, so that the answer is the same on every day.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from catalog import dates, text
from catalog.buckets import Badge, MediaType
from catalog.capture import CaptureTime, instant_ns, local_day
from catalog.dates import NeighbourZone
from catalog.facts import Facts, Kind
from catalog.ids import AssetId, ContentId
from catalog.layer import Statement, effective
from catalog.media_types import looks_like_screenshot
from catalog.stacks import Candidate, cell_of, cover_rank, identifier_of, twin_of
from catalog.store.db import Session
from catalog.store.inputs import (
    Columns,
    ContentRow,
    Inputs,
    LocationRow,
    Names,
    read_statements,
    ready_facts,
    telling_facts,
)
from catalog.store.places import PlaceOf
from catalog.store.said import Said, Things, UidsOf, Words, embedded_of, read_things, read_words, what_is_said

# INTEGER columns hold 64 bits: 1677 to 2262 in ns. What was taken outside of it is shown at the end of the scale.
_LOWEST_NS, _HIGHEST_NS = -(2**63), 2**63 - 1
_KIND_FLAGS = {"photo": int(MediaType.PHOTO), "video": int(MediaType.VIDEO), "audio": int(MediaType.AUDIO)}
_RAW, _PANORAMA, _SCREENSHOT = int(MediaType.RAW), int(MediaType.PANORAMA), int(MediaType.SCREENSHOT)
_LIVE = int(MediaType.LIVE)
_MOTION, _ANIMATED, _HDR = int(Badge.MOTION), int(Badge.ANIMATED), int(Badge.HDR)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

CameraOf = Callable[[str, str], int | None]


class Rows(NamedTuple):
    """Rows that words and positions in files mean. The writer makes those that are missing; whoever compares reads alone.

    Attributes:
        camera_of: row of the camera that make and model call.
        uids_of: of the tags or persons that these texts mean; a text without one says nothing.
        place_of: the place of a position.
    """

    camera_of: CameraOf
    uids_of: UidsOf
    place_of: PlaceOf


class Alone(NamedTuple):
    """What an asset is without a look at its stack mates.

    Attributes:
        stored: its columns as they stand in the table.
        columns: with no cover; `types` without LIVE.
        said: None for an alias.
        location: the ruling one; None for an alias.
        covers_ns: since when its owner lets it stand for its stack; None = nobody said so.
    """

    asset_id: AssetId
    names: Names
    stored: Columns
    columns: Columns
    said: Said | None
    location: LocationRow | None
    covers_ns: int | None

    def in_stack(self, stack_id: int | None) -> Alone:
        """Return the same after its stack became another."""
        return self._replace(
            stored=self.stored._replace(stack_id=stack_id), columns=self.columns._replace(stack_id=stack_id)
        )

    def rank(self) -> tuple[int, ...]:
        """Return the place among its stack mates by the rules: the least one shown is the cover."""
        location = self.location
        assert location is not None, "an alias is in no stack"
        is_raw = bool(self.columns.types & _RAW)
        return cover_rank(
            Candidate(
                self.asset_id,
                location.volume_id,
                location.directory,
                location.name,
                self.columns.kind,
                is_raw=is_raw,
            )
        )


class _Read(NamedTuple):
    """An asset that is no alias, with what its bytes say. `is_as_derived`: nothing that a date is made of changed."""

    inputs: Inputs
    content: ContentRow
    location: LocationRow
    facts_id: ContentId | None
    facts: Facts | None
    is_as_derived: bool


def alone_all(
    session: Session,
    inputs: Sequence[Inputs],
    zone: ZoneInfo,
    rows: Rows,
    *,
    keeps_capture: bool = False,
) -> list[Alone]:
    """Compute what each asset is by itself, in order.

    With `keeps_capture` nothing that a date is made of changed since the columns were derived: half of the time.
    """
    statements = read_statements(session, [one.asset_id for one in inputs])
    found = [_read(session, one, keeps_capture=keeps_capture) for one in inputs]
    words = read_words((one.facts for one in found if one is not None), rows.uids_of)
    things = read_things(session, (said for group in statements.values() for said in group), words)
    return [
        _alias(one)
        if read is None
        else _alone(read, statements.get(one.asset_id, []), words, things, zone, rows)
        for one, read in zip(inputs, found, strict=True)
    ]


def _read(session: Session, inputs: Inputs, *, keeps_capture: bool) -> _Read | None:
    """Return what the bytes of an asset say; None for an alias."""
    content, location, stored = inputs.content, inputs.location, inputs.columns
    if inputs.merged_into is not None or content is None or location is None:
        return None
    if keeps_capture and _is_as_derived(stored, location):
        return _Read(inputs, content, location, stored.facts_id, telling_facts(content), is_as_derived=True)
    return _Read(inputs, content, location, *ready_facts(session, inputs), is_as_derived=False)


def _alone(  # noqa: PLR0917 - everything that decides
    read: _Read,
    statements: list[Statement],
    words: Words,
    things: Things,
    zone: ZoneInfo,
    rows: Rows,
) -> Alone:
    inputs = read.inputs
    if read.is_as_derived:
        columns = _base(inputs.columns, read.content, read.location, read.facts_id, statements)
    else:
        columns = _columns(read, statements=statements, zone=zone, camera_of=rows.camera_of)
    said = what_is_said(
        text.indexed([inputs.names.name]),
        statements,
        embedded_of(read.facts, words),
        things,
        year=columns.year,
        zone=zone,
        place_of=rows.place_of,
    )
    cover = effective("cover", statements) if statements else None
    return Alone(
        inputs.asset_id,
        inputs.names,
        inputs.columns,
        columns,
        said,
        read.location,
        None if cover is None else cover.value,
    )


def _is_as_derived(stored: Columns, location: LocationRow) -> bool:
    """Tell whether the facts of the current version count, from where they counted when the columns were derived."""
    return (
        stored.capture is not None
        and stored.facts_id == stored.content_id
        and stored.location_id == location.id
        and location.state != "replaced"
    )


def _base(
    stored: Columns,
    content: ContentRow,
    location: LocationRow,
    facts_id: ContentId | None,
    statements: list[Statement],
) -> Columns:
    """Return the columns with what never waits for facts: bytes, place, state."""
    state = _state(facts_id is not None, location, statements)
    return stored._replace(
        facts_id=facts_id, location_id=location.id, kind=content.kind, mime=content.mime, size=content.size, state=state,
        is_shown=int(state == "shown"), cover_id=None, types=_without_stack(stored.types),
    )  # fmt: skip


def _without_stack(types: int) -> int:
    """Leave out what the stack of an asset says: a motion photo is live by itself."""
    return types if types & _MOTION else types & ~_LIVE


def _columns(read: _Read, *, statements: list[Statement], zone: ZoneInfo, camera_of: CameraOf) -> Columns:
    inputs, content, location, facts = read.inputs, read.content, read.location, read.facts
    base = _base(inputs.columns, content, location, read.facts_id, statements)
    if location.state == "replaced":
        return base  # the file there is another photo: its name and mtime say nothing about this one
    if read.facts_id is None:
        return base._replace(
            capture=None, mtime_ns=location.mtime_ns, day=None, year=None, camera_id=None, types=0, cell=None, twin=None,
        )  # fmt: skip
    capture = effective_capture(content, location, facts, statements, zone, inputs.neighbour)
    extra = facts.extra if facts is not None else {}
    twin_id = identifier_of(extra.get("live_id"), extra.get("burst_id"))
    return base._replace(
        capture=capture_to_text(capture),
        mtime_ns=_shown_instant(capture, location, zone),
        day=local_day(capture),
        year=int(capture.local[:4]),
        camera_id=_camera_id(facts, camera_of),
        types=types_of(content.kind, facts, inputs.names.name),
        cell=cell_of(location.volume_id, location.directory, location.name),
        twin=twin_of(location.volume_id, location.directory, twin_id) if twin_id else None,
    )


def _alias(inputs: Inputs) -> Alone:
    columns = inputs.columns._replace(
        content_id=None, facts_id=None, location_id=None, capture=None, day=None, year=None, camera_id=None, types=0,
        cell=None, twin=None, stack_id=None, cover_id=None, is_shown=0, state="alias",
    )  # fmt: skip
    return Alone(inputs.asset_id, inputs.names, inputs.columns, columns, None, None, None)


def effective_capture(  # noqa: PLR0917 - everything that a date is made of
    content: ContentRow,
    location: LocationRow,
    facts: Facts | None,
    statements: Sequence[Statement],
    zone: ZoneInfo,
    neighbour: NeighbourZone | None = None,
) -> CaptureTime:
    """Return what the layer says, else what sidecars, bytes, path and mtime say."""
    said = effective("capture", statements) if statements else None
    if said is not None:
        return capture_from_document(said.value)
    return resolution_of(content, location, facts, statements, zone, neighbour).capture


def resolution_of(  # noqa: PLR0917 - everything that a date is made of
    content: ContentRow,
    location: LocationRow,
    facts: Facts | None,
    statements: Sequence[Statement],
    zone: ZoneInfo,
    neighbour: NeighbourZone | None = None,
) -> dates.Resolution:
    """Return the verdict on every date that somebody but a person or plugin tells: one call for writer, checker and `why`."""
    return dates.resolve(
        content.kind,
        facts,
        location.path,
        location.mtime_ns,
        zone,
        content.created_ns,
        told=dates.candidates_from_statements(statements) if statements else (),
        neighbour=neighbour,
    )


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
    if facts is not None and facts.extra:
        types |= _badges(facts)
    if kind == "photo" and looks_like_screenshot(name.encode()):
        types |= _SCREENSHOT
    return types


def _badges(facts: Facts) -> int:
    """Return what the bytes hold beside the picture: a movie, more pictures, a gain map."""
    badges = _MOTION | _LIVE if facts.extra.get("motion") else 0
    if (facts.extra.get("frames") or 1) > 1:
        badges |= _ANIMATED
    return badges | _HDR if facts.extra.get("gain_map") else badges


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
