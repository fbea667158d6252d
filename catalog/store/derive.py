"""What an asset looks like: every denormalised column, folder and text, computed from the rows that rule it.

One computation for the writer (`catalog.store.assets`) and the checker (`catalog.store.check`), which compares. Two
stages: what an asset is alone (`alone_all`), then what its stack makes of it (`together`). Reads in bulk; writes nothing
but cameras through `camera_of`. No clock: a capture time is judged at the moment when its bytes were first seen, so that the
answer is the same on every day.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from catalog import dates, text
from catalog.buckets import Bucket, MediaType, View
from catalog.capture import CaptureTime, instant_ns, local_day
from catalog.facts import Facts, Kind
from catalog.ids import AssetId, ContentId
from catalog.layer import Statement, effective
from catalog.media_types import looks_like_screenshot
from catalog.stacks import Candidate, cell_of, cover_rank, twin_of
from catalog.store.db import Session
from catalog.store.inputs import (
    COLUMN_NAMES,
    Columns,
    ContentRow,
    Inputs,
    LocationRow,
    Names,
    positioned_facts,
    read_inputs,
    read_statements,
    ready_facts,
)
from catalog.store.said import NOTHING, Effective, Said, Text, Things, embedded_of, read_things, what_is_said

__all__ = [
    "COLUMN_NAMES",
    "Alone",
    "CameraOf",
    "Columns",
    "Derived",
    "Inputs",
    "Member",
    "Names",
    "alone_all",
    "capture_from_document",
    "capture_to_text",
    "derive_all",
    "effective_capture",
    "read_inputs",
    "read_statements",
    "ready_facts",
    "together",
]

# INTEGER columns hold 64 bits: 1677 to 2262 in ns. What was taken outside of it is shown at the end of the scale.
_LOWEST_NS, _HIGHEST_NS = -(2**63), 2**63 - 1
_KIND_FLAGS = {"photo": int(MediaType.PHOTO), "video": int(MediaType.VIDEO), "audio": int(MediaType.AUDIO)}
_RAW, _PANORAMA, _SCREENSHOT = int(MediaType.RAW), int(MediaType.PANORAMA), int(MediaType.SCREENSHOT)
_LIVE = int(MediaType.LIVE)
_STACKS, _TRASH = int(View.STACKS), int(View.TRASH)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

CameraOf = Callable[[str, str], int | None]


class Member(NamedTuple):
    """A row of the table `member`, without the asset."""

    view: int
    key: int
    sub: int
    is_listed: int


@dataclass(frozen=True, slots=True)
class Derived:
    """All that follows about one asset. `effective` None: no row; `text` None: an alias has none."""

    columns: Columns
    effective: Effective | None
    members: frozenset[Member]
    text: Text | None

    def buckets(self) -> frozenset[Bucket]:
        """Return every leaf folder that lists the asset."""
        own = self.columns.buckets()
        return (
            own | {Bucket(*member[:3]) for member in self.members if member.is_listed}
            if self.members
            else own
        )


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


def derive_all(
    session: Session, inputs: Sequence[Inputs], zone: ZoneInfo, camera_of: CameraOf
) -> list[Derived]:
    """Compute what follows about each asset, in order. Their stack mates are read as well."""
    alone = {one.asset_id: one for one in alone_all(session, inputs, zone, camera_of)}
    missing = mates_of(session, alone.values()) - alone.keys()
    mates = alone_all(session, read_inputs(session, sorted(missing)), zone, camera_of) if missing else []
    found = together(session, alone | {one.asset_id: one for one in mates})
    return [found[one.asset_id] for one in inputs]


def mates_of(session: Session, alone: Iterable[Alone]) -> set[AssetId]:
    """Return everyone who is in one stack with some of these, themselves included."""
    stacks = sorted({one.columns.stack_id for one in alone if one.columns.stack_id is not None})
    return (
        {AssetId(row[0]) for row in session.rows(STACK_MEMBERS, (json.dumps(stacks),))} if stacks else set()
    )


# index asset_stack
STACK_MEMBERS = "SELECT a.id FROM json_each(?) AS wanted CROSS JOIN asset AS a INDEXED BY asset_stack ON a.stack_id = wanted.value"


# ---- stage 1: an asset alone


def alone_all(
    session: Session,
    inputs: Sequence[Inputs],
    zone: ZoneInfo,
    camera_of: CameraOf,
    *,
    keeps_capture: bool = False,
) -> list[Alone]:
    """Compute what each asset is by itself, in order.

    With `keeps_capture` nothing that a date is made of changed since the columns were derived: half of the time.
    """
    statements = read_statements(session, [one.asset_id for one in inputs])
    things = read_things(session, (said for group in statements.values() for said in group))
    return [
        _alone(
            session,
            one,
            statements.get(one.asset_id, []),
            things,
            zone=zone,
            camera_of=camera_of,
            keeps_capture=keeps_capture,
        )
        for one in inputs
    ]


def _alone(
    session: Session,
    inputs: Inputs,
    statements: list[Statement],
    things: Things,
    *,
    zone: ZoneInfo,
    camera_of: CameraOf,
    keeps_capture: bool,
) -> Alone:
    content, location, stored = inputs.content, inputs.location, inputs.columns
    if inputs.merged_into is not None or content is None or location is None:
        return Alone(inputs.asset_id, inputs.names, stored, _alias(stored), None, None, None)
    if keeps_capture and _is_as_derived(stored, location):
        facts = positioned_facts(content)
        columns = _base(stored, content, location, stored.facts_id, statements)
    else:
        facts_id, facts = ready_facts(session, inputs)
        columns = _columns(
            inputs, content, location, facts_id, facts, statements=statements, zone=zone, camera_of=camera_of
        )
    said = what_is_said(
        text.indexed([inputs.names.name]),
        statements,
        embedded_of(facts),
        things,
        year=columns.year,
        zone=zone,
    )
    cover = effective("cover", statements) if statements else None
    return Alone(
        inputs.asset_id,
        inputs.names,
        stored,
        columns,
        said,
        location,
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
        is_shown=int(state == "shown"), cover_id=None, types=stored.types & ~_LIVE,
    )  # fmt: skip


def _columns(
    inputs: Inputs,
    content: ContentRow,
    location: LocationRow,
    facts_id: ContentId | None,
    facts: Facts | None,
    *,
    statements: list[Statement],
    zone: ZoneInfo,
    camera_of: CameraOf,
) -> Columns:
    base = _base(inputs.columns, content, location, facts_id, statements)
    if location.state == "replaced":
        return base  # the file there is another photo: its name and mtime say nothing about this one
    if facts_id is None:
        return base._replace(
            capture=None, mtime_ns=location.mtime_ns, day=None, year=None, camera_id=None, types=0, cell=None, twin=None,
        )  # fmt: skip
    capture = effective_capture(content, location, facts, statements, zone)
    live_id = facts.extra.get("live_id") if facts is not None else None
    return base._replace(
        capture=capture_to_text(capture),
        mtime_ns=_shown_instant(capture, location, zone),
        day=local_day(capture),
        year=int(capture.local[:4]),
        camera_id=_camera_id(facts, camera_of),
        types=types_of(content.kind, facts, inputs.names.name),
        cell=cell_of(location.volume_id, location.directory, location.name),
        twin=twin_of(location.volume_id, location.directory, live_id) if live_id else None,
    )


def _alias(columns: Columns) -> Columns:
    return columns._replace(
        content_id=None, facts_id=None, location_id=None, capture=None, day=None, year=None, camera_id=None, types=0,
        cell=None, twin=None, stack_id=None, cover_id=None, is_shown=0, state="alias",
    )  # fmt: skip


def effective_capture(
    content: ContentRow,
    location: LocationRow,
    facts: Facts | None,
    statements: list[Statement],
    zone: ZoneInfo,
) -> CaptureTime:
    """Return what the layer says, else what bytes, path and mtime say."""
    said = effective("capture", statements) if statements else None
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


# ---- stage 2: what its stack makes of it


class _Stack(NamedTuple):
    """A stack of at least two photos that can be seen."""

    id: int
    kind: str
    cover: Alone


def together(session: Session, alone: Mapping[AssetId, Alone]) -> dict[AssetId, Derived]:
    """Compute what follows about assets of whom all stack mates are there too."""
    stacks = _stacks(session, alone.values())
    return {asset_id: _derived(one, stacks.get(one.columns.stack_id or 0)) for asset_id, one in alone.items()}


def _stacks(session: Session, alone: Iterable[Alone]) -> dict[int, _Stack]:
    shown: dict[int, list[Alone]] = {}
    for one in alone:
        if one.columns.stack_id is not None and one.columns.state == "shown":
            shown.setdefault(one.columns.stack_id, []).append(one)
    seen = {stack_id: group for stack_id, group in shown.items() if len(group) > 1}
    if not seen:
        return {}
    rows = session.rows(STACK_KINDS, (json.dumps(sorted(seen)),))
    return {stack_id: _Stack(stack_id, kind, _cover(seen[stack_id])) for stack_id, kind in rows}


STACK_KINDS = "SELECT s.id, s.kind FROM json_each(?) AS wanted CROSS JOIN stack AS s ON s.id = wanted.value WHERE s.is_deleted = 0"


def _cover(shown: list[Alone]) -> Alone:
    """Return the one that was chosen last, else the first by the rules."""
    chosen = [one for one in shown if one.covers_ns is not None]
    if chosen:
        return max(chosen, key=lambda one: (one.covers_ns or 0, -one.asset_id))
    return min(shown, key=lambda one: (one.rank(), one.asset_id))


def _derived(one: Alone, stack: _Stack | None) -> Derived:
    said = one.said
    if said is None:
        return Derived(one.columns, None, frozenset(), None)
    columns, cover = one.columns, None
    if stack is not None and columns.state == "shown":
        if stack.cover.asset_id != one.asset_id:
            cover = stack.cover
            columns = columns._replace(cover_id=cover.asset_id, is_shown=0)
        elif stack.kind == "live":
            columns = columns._replace(types=columns.types | _LIVE)
    effective_row = None if said.effective == NOTHING else said.effective
    return Derived(columns, effective_row, _members(one, said, stack, cover), said.text)


def _members(one: Alone, said: Said, stack: _Stack | None, cover: Alone | None) -> frozenset[Member]:
    """Return the folders of an asset. A cover that is in a folder is listed there: it is shown."""
    if not said.folders and stack is None:
        return frozenset()
    is_shown = one.columns.state == "shown"
    beside: frozenset[Bucket] = (
        cover.said.folders if cover is not None and cover.said is not None else frozenset()
    )
    found = [
        Member(*folder, int(is_shown and folder not in beside))
        for folder in said.folders
        if folder.view != _TRASH
    ]
    is_here = one.location is not None and one.location.state == "present"
    is_trash = one.columns.state == "trashed" and is_here
    found.extend(Member(*folder, int(is_trash)) for folder in said.folders if folder.view == _TRASH)
    if stack is not None:
        found.append(Member(_STACKS, stack.id, stack.cover.columns.year or 0, int(is_shown)))
    return frozenset(found)
