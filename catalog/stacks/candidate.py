"""A file that could belong to a stack, what its bytes say of moment and camera, and how two of them compare.

Only facts count: what a person said about a date does not tear a pair apart, nor make one. Two moments are compared as
instants where both offsets are known, else as wall clocks, which is what cameras write.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from catalog.capture import Precision, parse_local
from catalog.facts import Kind
from catalog.ids import AssetId, VolumeId
from catalog.stacks.names import Form, family_of, form_of, is_edit_folder

US_PER_S = 1_000_000
_US_PER_MIN = 60 * US_PER_S
_EPOCH = datetime(1, 1, 1)  # noqa: DTZ001 - wall clocks have no zone


@dataclass(frozen=True, slots=True)
class Candidate:
    """One asset at its ruling location, with its facts.

    Attributes:
        directory: of the volume, raw bytes; name: last component, raw bytes.
        local: best date of the header (never of the path, mtime or a person), or None; precision: of it.
        offset_min: minutes east of UTC, or None when unknown.
        duration_s: of a movie, or None.
        live_id: Apple's content identifier, or None.
        burst_id: Apple's BurstUUID or Google's BurstID, or None.
    """

    asset_id: AssetId
    volume_id: VolumeId
    directory: bytes
    name: bytes
    kind: Kind
    mime: str = ""
    is_raw: bool = False
    local: str | None = None
    precision: Precision | None = None
    offset_min: int | None = None
    make: str | None = None
    model: str | None = None
    duration_s: float | None = None
    live_id: str | None = None
    burst_id: str | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Microseconds since year 1: of the wall clock, and of the instant where the offset is known."""

    local_us: int
    instant_us: int | None
    is_subsec: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """A candidate, taken apart once; rules look at these."""

    candidate: Candidate
    form: Form
    family: bytes
    is_in_edits: bool
    moment: Moment | None
    camera: tuple[str, str] | None

    @property
    def id(self) -> AssetId:
        """Of the asset."""
        return self.candidate.asset_id

    @property
    def place(self) -> tuple[VolumeId, bytes]:
        """Volume and directory."""
        return self.candidate.volume_id, self.candidate.directory

    @property
    def cell(self) -> tuple[VolumeId, bytes, str]:
        """What `cell_of` is the hash of."""
        return self.candidate.volume_id, self.family, self.form.base

    @property
    def is_movie(self) -> bool:
        """Video; what is neither photo nor video is no subject."""
        return self.candidate.kind == "video"


def subject_of(candidate: Candidate) -> Subject:
    """Take a candidate apart."""
    return Subject(
        candidate,
        form_of(candidate.name),
        family_of(candidate.directory),
        is_edit_folder(candidate.directory),
        _moment(candidate),
        _camera(candidate),
    )


def _moment(candidate: Candidate) -> Moment | None:
    if candidate.local is None or candidate.precision not in ("second", "subsec"):
        return None
    parsed = parse_local(candidate.local)
    if parsed is None:
        return None
    since = parsed[0] - _EPOCH
    local_us = (since.days * 86_400 + since.seconds) * US_PER_S + since.microseconds
    offset_min = candidate.offset_min
    instant_us = None if offset_min is None else local_us - offset_min * _US_PER_MIN
    return Moment(local_us, instant_us, candidate.precision == "subsec")


def _camera(candidate: Candidate) -> tuple[str, str] | None:
    make, model = (" ".join((text or "").casefold().split()) for text in (candidate.make, candidate.model))
    return (make, model) if make or model else None


def span_us(moments: Iterable[Moment]) -> int:
    """Return how far apart the moments are: the greatest distance of any two; 0 for fewer than two."""
    found = list(moments)
    instants = [one.instant_us for one in found if one.instant_us is not None]
    spans = [max(instants) - min(instants)] if instants else []
    if len(instants) < len(found):  # with one whose offset is unknown, each is compared on the wall clock
        clocks = [one.local_us for one in found]
        spans.append(max(clocks) - min(clocks))
    return max(spans, default=0)
