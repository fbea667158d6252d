"""What the readers of one file have learnt so far: a Facts value in the making.

Every reader writes here; the first word on a property stands, so readers are called in order of trust.
Strings are cleaned here, once: cameras pad with NULs and blanks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from catalog.date_texts import candidate_from_quicktime, candidate_from_text
from catalog.facts import READER_VERSION, DateCandidate, Facts, Finding, Kind, Preview, Tier
from daemon.media.descriptive import DescriptiveDraft

MAX_TEXT = 200  # longer makes and models are noise
MAX_CANDIDATES = 40
MAX_PREVIEWS = 8
MAX_SIDE_PX = 2_147_483_647  # headers with 64-bit sizes lie; the catalog holds 63 bits
MAX_PREVIEW_PX = 65_535  # ITU T.81: a frame header has 16 bits for each side
MAX_FINDINGS = 20


@dataclass(slots=True)
class Draft:
    """Collected properties; see `catalog.facts.Facts` for meanings and units."""

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
    candidates: list[DateCandidate] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    descriptive: DescriptiveDraft = field(default_factory=DescriptiveDraft)
    previews: list[Preview] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    has_maker_notes: bool = False
    # What XMP says of a motion photo: lengths in bytes from the end of the file, best first; they often lie.
    motion_hints: list[int] = field(default_factory=list)

    def say_size(self, width: object, height: object) -> None:
        """Note stored pixels, unless a better source did or they are no sizes."""
        if (
            self.width is None
            and isinstance(width, int)
            and isinstance(height, int)
            and 0 < width <= MAX_SIDE_PX
            and 0 < height <= MAX_SIDE_PX
        ):
            self.width, self.height = width, height

    def say_text(self, name: str, value: str | None) -> None:
        """Note `make`, `model`, `lens` or `software`."""
        text = clean_text(value)
        if text and getattr(self, name) is None:
            setattr(self, name, text)

    def say_orientation(self, value: object) -> None:
        """Note EXIF's 1 to 8; anything else is absence."""
        if self.orientation is None and isinstance(value, int) and 1 <= value <= 8:
            self.orientation = value

    def say_duration(self, seconds: float | None) -> None:
        """Note a length; endless and negative ones are absence."""
        if self.duration_s is None and seconds is not None and math.isfinite(seconds) and 0 < seconds < 1e7:
            self.duration_s = round(seconds, 6)

    def say_position(self, lat: float | None, lon: float | None, alt: float | None = None) -> None:
        """Note a position in signed degrees; (0, 0) is what receivers without a fix write."""
        if self.lat is not None or lat is None or lon is None or (lat == 0 and lon == 0):
            return
        if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
            return
        self.lat, self.lon = lat, lon
        if alt is not None and math.isfinite(alt) and abs(alt) < 100_000:
            self.alt = alt

    def say_date(
        self,
        source: str,
        text: str | None,
        *,
        subsec: str | None = None,
        offset: str | None = None,
        is_utc: bool = False,
    ) -> None:
        """Note the text of a date tag, usable or not; None and empty texts are absence."""
        if text and text.strip("\0 "):
            candidate = candidate_from_text(source, text[:80], subsec=subsec, offset=offset, is_utc=is_utc)
            self.add_candidate(candidate)

    def say_quicktime_date(self, seconds: int) -> None:
        """Note the creation time of a movie header."""
        self.add_candidate(candidate_from_quicktime("QuickTime:CreateDate", seconds))

    def add_candidate(self, candidate: DateCandidate) -> None:
        """Note a candidate; the first of a source that is usable stands, doubles are dropped."""
        same = [one for one in self.candidates if one.source == candidate.source]
        if len(self.candidates) >= MAX_CANDIDATES or any(
            one.local or candidate.local is None for one in same
        ):
            return
        self.candidates = [one for one in self.candidates if one.source != candidate.source]
        self.candidates.append(candidate)

    def say_extra(self, name: str, value: object) -> None:
        """Note a property of `catalog.facts.EXTRA`; the first word stands, None is absence."""
        if value is not None:
            self.extra.setdefault(name, value)

    def add_preview(self, preview: Preview) -> None:
        """Note an embedded picture, once; a size that no JPEG has is a lie."""
        if max(preview.width, preview.height) > MAX_PREVIEW_PX:
            return
        if preview.length > 0 and all(preview.offset != one.offset for one in self.previews):
            self.previews.append(preview)

    def note(self, tool: str, reason: str) -> None:
        """Record that a reader could not (wholly) read the file; each reason once."""
        finding = Finding(tool, str(READER_VERSION), reason[:300])
        if finding not in self.findings and len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding)

    def facts(self, tier: Tier) -> Facts:
        """Return the finished value."""
        stale = self.descriptive.forget_stale_faces(self.width, self.height)
        if stale:
            self.note("xmp", stale)
        return Facts(
            kind=self.kind,
            mime=self.mime,
            width=self.width,
            height=self.height,
            orientation=self.orientation,
            duration_s=self.duration_s,
            make=self.make,
            model=self.model,
            lens=self.lens,
            lat=self.lat,
            lon=self.lon,
            alt=self.alt,
            software=self.software,
            is_raw=self.is_raw,
            is_panorama=self.is_panorama,
            needs_deep=self.needs_deep,
            tier=tier,
            candidates=tuple(self.candidates),
            findings=tuple(self.findings),
            descriptive=self.descriptive.finished(),
            previews=tuple(self._sorted_previews()),
            extra=self.extra,
        )

    def _sorted_previews(self) -> list[Preview]:
        by_size = sorted(self.previews, key=lambda one: (-one.width * one.height, -one.length, one.offset))
        return by_size[:MAX_PREVIEWS]


def of_facts(facts: Facts) -> Draft:
    """Return a draft that continues where the header reader stopped."""
    taken = {name: getattr(facts, name) for name in Draft.__dataclass_fields__ if hasattr(facts, name)}
    taken |= {
        "candidates": list(facts.candidates),
        "findings": list(facts.findings),
        "descriptive": DescriptiveDraft.of(facts.descriptive),
        "previews": list(facts.previews),
        "extra": dict(facts.extra),
    }
    return Draft(**taken)


def clean_text(value: str | None) -> str:
    """Return the text up to its first NUL, without control characters and outer blanks, bounded."""
    text = (value or "").split("\0", 1)[0]
    return "".join(character for character in text if character.isprintable()).strip()[:MAX_TEXT]
