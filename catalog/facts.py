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
READER_VERSION = 1


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
class Facts:
    """What one content says of itself.

    `kind` is None when the bytes are no media that we know. Sizes are stored pixels, before orientation.
    Positions are signed degrees and metres. `needs_deep` asks for the exiftool tier. `extra` may hold `rotation_deg`
    (clockwise, of a video track), `irot_deg` (counter-clockwise, of a HEIF item), `live_id` (Apple's content identifier).
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
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types; the inverse of `facts_from_json`. Twenty times faster than `asdict`."""
        document = {name: getattr(self, name) for name in _FACT_FIELDS}
        document["candidates"] = [_fields_of(one, _CANDIDATE_FIELDS) for one in self.candidates]
        document["findings"] = [_fields_of(one, _FINDING_FIELDS) for one in self.findings]
        return document


_FACT_FIELDS = tuple(Facts.__dataclass_fields__)
_CANDIDATE_FIELDS = tuple(DateCandidate.__dataclass_fields__)
_FINDING_FIELDS = tuple(Finding.__dataclass_fields__)


def _fields_of(value: object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def facts_from_json(document: dict[str, Any]) -> Facts:
    """Rebuild the value; unknown keys (of a newer reader) are kept in `extra`."""
    known = {name: document[name] for name in Facts.__dataclass_fields__ if name in document}
    known["candidates"] = tuple(DateCandidate(**item) for item in known.get("candidates", ()))
    known["findings"] = tuple(Finding(**item) for item in known.get("findings", ()))
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
