"""Facts: what the bytes of one content say, and the findings about bytes that say nothing sensible.

A `Facts` value is what a media worker returns and what `catalog.store` keeps as JSON beside the content.
It can be dropped and read again at any time. Nothing in it comes from a path; that is `catalog.dates`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from catalog.values import WorkItem

Kind = Literal["photo", "video", "audio"]
Tier = Literal["header", "deep"]

# Raise it when readers learn something: contents read by an older version are due again.
READER_VERSION = 2


@dataclass(frozen=True, slots=True)
class DateCandidate:
    """One date that the bytes offer, accepted or not.

    Attributes:
        source: the tag, one of `catalog.dates.SOURCES`.
        raw: the value as stored, for `why date`.
        local: normalised local time (see `catalog.capture`), or None when it is unusable.
        offset_min: minutes east of UTC as the tag says, or None.
        is_utc: the value is an instant in UTC (mvhd, GPS), so its local clock is not known from it alone.
        rejected: why it cannot be used, or None.
    """

    source: str
    raw: str
    local: str | None
    offset_min: int | None = None
    is_utc: bool = False
    rejected: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A recorded fact about a file that a tool could not (wholly) read."""

    tool: str
    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class FaceRegion:
    """A region around a face, as stored: fractions of the picture *before* orientation, from its top left corner.

    `name` is None for a face that nobody named.
    """

    name: str | None
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class Descriptive:
    """What people and programs wrote into a file or sidecar about the picture: descriptive metadata.

    Attributes:
        title, description, label, rights: texts, or None when nothing is said.
        rating: 0-5, None = never rated; `is_rejected` is a flag of its own (XMP's -1, digiKam's pick label).
        creators: names, in their order.
        tags: paths, names from the top joined by `/`; a slash within a name is `\uff0f`. Each once, in their order.
        people: names of people in the picture, those of `faces` included; each once.
        faces: regions, the unnamed ones too.
    """

    title: str | None = None
    description: str | None = None
    rating: int | None = None
    is_rejected: bool = False
    label: str | None = None
    creators: tuple[str, ...] = ()
    rights: str | None = None
    tags: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    faces: tuple[FaceRegion, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """A smaller picture of the same shot that lies whole in the file.

    Attributes:
        origin: what told of it: `exif` (IFD1), `mpf`, `raw` (a directory or box of a RAW file), `heif` (an item that a
            decoder must turn into a JPEG), `psd`, `cover` (of a sound file).
        offset: of its first byte in the file; for `heif` of the item.
        length: in bytes.
        width: in stored pixels; 0 = unknown. height: the same.
        orientation: EXIF's, as the picture's own EXIF says it; 0 = it says none.
    """

    origin: str
    offset: int
    length: int
    width: int = 0
    height: int = 0
    orientation: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What one content says of itself.

    `kind` is None when the bytes are no media that we know. Sizes are stored pixels, before orientation.
    Positions are signed degrees and metres. `needs_deep` asks for the exiftool tier. `descriptive` is what people wrote
    into the bytes, None = nothing. `previews` are pictures that lie whole in the file, largest first. `extra` holds only
    what is listed in `EXTRA`.
    """

    kind: Kind | None
    mime: str
    width: int | None = None
    height: int | None = None
    orientation: int | None = None
    duration_s: float | None = None
    make: str | None = None
    model: str | None = None
    lens: str | None = None
    lat: float | None = None
    lon: float | None = None
    alt: float | None = None
    software: str | None = None
    is_raw: bool = False
    is_panorama: bool = False
    needs_deep: bool = False
    tier: Tier = "header"
    candidates: tuple[DateCandidate, ...] = ()
    findings: tuple[Finding, ...] = ()
    descriptive: Descriptive | None = None
    previews: tuple[Preview, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types; the inverse of `facts_from_json`. Twenty times faster than `asdict`."""
        document = {name: getattr(self, name) for name in _FACT_FIELDS}
        document["candidates"] = [_fields_of(one, _CANDIDATE_FIELDS) for one in self.candidates]
        document["findings"] = [_fields_of(one, _FINDING_FIELDS) for one in self.findings]
        document["descriptive"] = descriptive_to_json(self.descriptive) if self.descriptive else None
        document["previews"] = [list(_fields_of(one, _PREVIEW_FIELDS).values()) for one in self.previews]
        return document


# What `Facts.extra` may hold, and nothing else.
EXTRA: dict[str, str] = {
    "rotation_deg": "clockwise, of a video track",
    "irot_deg": "counter-clockwise, of a HEIF item; decoders apply it themselves",
    "live_id": "Apple's content identifier: the same in still and movie of a Live Photo",
    "burst_id": "Apple's BurstUUID or Google's BurstID: the same in all frames of a burst",
    "motion": "[offset, length] of the movie in a motion photo; its bytes 4 to 8 are `ftyp`",
    "frames": "pictures of an animation, if more than one; of a GIF, those in its first 4 MiB",
    "gain_map": "true: an HDR gain map goes with it",
    "projection": "GPano:ProjectionType",
    "zone_min": "minutes east of UTC that a maker note tells for the camera's clock",
    "zone_source": "the tag that told `zone_min`",
    "exposure": "{time_s, f_number, iso, focal_mm, focal_35mm, bias_ev, flash}: those that are known; flash: true = it fired",
    "serial": "of the camera",
    "codec": "of the first video track, or of the sound: its four characters or name",
    "audio": "{artist, album, genre, track}: of a sound file, those that are known",
    "for_extension": "photoshop:SidecarForExtension, of a sidecar",
    "derived_from": "xmpMM:DerivedFrom, of a sidecar: the name of the file that it is about",
    "original_name": "the title of a Takeout JSON: the file's name when it was uploaded",
    "favorite": "true: a Takeout JSON says so",
    "trashed": "true: a Takeout JSON says so",
    "archived": "true: a Takeout JSON says so",
}


_FACT_FIELDS = tuple(Facts.__dataclass_fields__)
_CANDIDATE_FIELDS = tuple(DateCandidate.__dataclass_fields__)
_FINDING_FIELDS = tuple(Finding.__dataclass_fields__)


_PREVIEW_FIELDS = tuple(Preview.__dataclass_fields__)
_FACE_FIELDS = tuple(FaceRegion.__dataclass_fields__)


def descriptive_to_json(descriptive: Descriptive) -> dict[str, Any]:
    """Return plain JSON types without what says nothing; the inverse of `descriptive_from_json`."""
    document: dict[str, Any] = {}
    for name in Descriptive.__dataclass_fields__:
        value = getattr(descriptive, name)
        if value is None or value is False or value == ():
            continue
        if name == "faces":
            value = [list(_fields_of(one, _FACE_FIELDS).values()) for one in value]
        document[name] = list(value) if isinstance(value, tuple) else value
    return document


def descriptive_from_json(document: dict[str, Any]) -> Descriptive:
    """Rebuild the value; raises TypeError or ValueError for anything else."""
    known: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
    }
    known["faces"] = tuple(FaceRegion(*one) for one in document.get("faces", ()))
    return Descriptive(**known)


def _fields_of(value: object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def facts_from_json(document: dict[str, Any]) -> Facts:
    """Rebuild the value; unknown keys (of a newer reader) are kept in `extra`."""
    known = {name: document[name] for name in Facts.__dataclass_fields__ if name in document}
    known["candidates"] = tuple(DateCandidate(**item) for item in known.get("candidates", ()))
    known["findings"] = tuple(Finding(**item) for item in known.get("findings", ()))
    if known.get("descriptive") is not None:
        known["descriptive"] = descriptive_from_json(known["descriptive"])
    known["previews"] = tuple(Preview(*item) for item in known.get("previews") or ())
    unknown = {name: value for name, value in document.items() if name not in Facts.__dataclass_fields__}
    known["extra"] = {**known.get("extra", {}), **unknown}
    return Facts(**known)


@dataclass(frozen=True, slots=True)
class FactsResult:
    """What came of reading one file.

    Exactly one of three is set: `facts` (possibly with findings inside; `kind` None = no media), `finding`
    (the bytes defeated a reader or its whole process; the file stays served), or `error`: an errno name, or
    `changed` when the file is not the one that the item describes. An error is not the file's fault: try later.
    """

    item: WorkItem
    facts: Facts | None = None
    finding: Finding | None = None
    error: str | None = None
