"""What readers learn of descriptive metadata, source by source, until it becomes one `catalog.facts.Descriptive`.

Scalars: the first word stands, so readers call in the order of metadata.md 2.2 (XMP, then IPTC, then EXIF, then XP*).
Tags: all paths of all sources, but a flat keyword that is a name within a longer path, or the same but for case, is
that path's (Lightroom and digiKam write both forms). Texts are cleaned here, once. Knows no format.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from catalog.facts import Descriptive, FaceRegion

MAX_TEXT = 10_000  # characters of a description; titles, names and labels are cut at MAX_NAME
MAX_NAME = 1_000
MAX_TAGS = 1_000
MAX_DEPTH = 30
MAX_PEOPLE = 500
SLASH = "\uff0f"  # stands for a slash within a name


@dataclass(slots=True)
class DescriptiveDraft:
    """Collected statements. Absent or empty values say nothing; bad ones are ignored."""

    title: str | None = None
    description: str | None = None
    rating: int | None = None
    is_rejected: bool = False
    label: str | None = None
    rights: str | None = None
    creators: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    faces: list[FaceRegion] = field(default_factory=list)
    _paths: list[tuple[str, ...]] = field(default_factory=list)

    @classmethod
    def of(cls, known: Descriptive | None) -> DescriptiveDraft:
        """Return a draft that goes on where an earlier tier stopped."""
        if known is None:
            return cls()
        return cls(
            title=known.title,
            description=known.description,
            rating=known.rating,
            is_rejected=known.is_rejected,
            label=known.label,
            rights=known.rights,
            creators=list(known.creators),
            people=list(known.people),
            faces=list(known.faces),
            _paths=[tuple(path.split("/")) for path in known.tags],
        )

    def say_title(self, text: str | None) -> None:
        """Note a title."""
        self.title = self.title or clean_name(text) or None

    def say_description(self, text: str | None) -> None:
        """Note a description; line breaks stay."""
        self.description = self.description or clean_text(text) or None

    def say_label(self, text: str | None) -> None:
        """Note a colour label."""
        self.label = self.label or clean_name(text) or None

    def say_rights(self, text: str | None) -> None:
        """Note who holds the rights."""
        self.rights = self.rights or clean_text(text) or None

    def say_rating(self, value: float | None) -> None:
        """Note stars from 0 to 5, rounded; -1 rejects (XMP part 1, 8.4); anything else is ignored."""
        if value is None or not math.isfinite(value):
            return
        if value == -1:
            self.is_rejected = True
        elif self.rating is None and 0 <= value <= 5:
            self.rating = round(value)

    def say_creators(self, names: Iterable[str]) -> None:
        """Note who made it; the first source that names anybody stands."""
        if not self.creators:
            self.creators = _once(clean_name(name) for name in names)[:MAX_PEOPLE]

    def say_tag(self, names: Sequence[str]) -> None:
        """Note one tag: its names from the top; a keyword is one name, whatever characters it has."""
        path = tuple(cleaned for name in names if (cleaned := clean_name(name).replace("/", SLASH)))
        if path and len(path) <= MAX_DEPTH and len(self._paths) < MAX_TAGS:
            self._paths.append(path)

    def say_person(self, name: str | None) -> None:
        """Note somebody in the picture."""
        cleaned = clean_name(name)
        if cleaned and cleaned not in self.people and len(self.people) < MAX_PEOPLE:
            self.people.append(cleaned)

    def say_face(self, name: str | None, x: float, y: float, w: float, h: float) -> None:
        """Note a face: fractions of the stored picture, from the top left; cut to the picture, doubles are dropped."""
        if not all(math.isfinite(one) for one in (x, y, w, h)) or w <= 0 or h <= 0:
            return
        left, top, right, bottom = max(0.0, x), max(0.0, y), min(1.0, x + w), min(1.0, y + h)
        if left >= right or top >= bottom or len(self.faces) >= MAX_PEOPLE:
            return
        region = FaceRegion(
            clean_name(name) or None,
            round(left, 6),
            round(top, 6),
            round(right - left, 6),
            round(bottom - top, 6),
        )
        self.say_person(region.name)
        if not any(_is_same(region, other) for other in self.faces):
            self.faces.append(region)

    def finished(self) -> Descriptive | None:
        """Return the value; None when nothing is said."""
        found = Descriptive(
            title=self.title,
            description=self.description,
            rating=self.rating,
            is_rejected=self.is_rejected,
            label=self.label,
            creators=tuple(self.creators),
            rights=self.rights,
            tags=tuple("/".join(path) for path in self._tags()),
            people=tuple(self.people),
            faces=tuple(self.faces),
        )
        return None if found == Descriptive() else found

    def _tags(self) -> list[tuple[str, ...]]:
        paths = list(dict.fromkeys(self._paths))
        deep = [path for path in paths if len(path) > 1]
        in_paths = {name.casefold() for path in deep for name in path}
        found: dict[tuple[str, ...], tuple[str, ...]] = {}
        for path in paths:
            is_above = len(path) > 1 and any(other[: len(path)] == path and other != path for other in deep)
            if is_above or (len(path) == 1 and path[0].casefold() in in_paths):
                continue  # what is above a tag is said with it
            found.setdefault(tuple(name.casefold() for name in path), path)
        return list(found.values())


def _is_same(one: FaceRegion, other: FaceRegion) -> bool:
    near = all(abs(getattr(one, name) - getattr(other, name)) < 0.01 for name in ("x", "y", "w", "h"))
    return near and (one.name == other.name or one.name is None)


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))


def clean_name(text: str | None) -> str:
    """Return NFC text of one line without control characters and outer blanks, cut at `MAX_NAME`."""
    kept = "".join(one if one.isprintable() else " " for one in (text or "").split("\0", 1)[0])
    return _composed(" ".join(kept.split()))[:MAX_NAME]


def clean_text(text: str | None) -> str:
    """Return NFC text with its line breaks, without other control characters, cut at `MAX_TEXT`."""
    lines = (text or "").split("\0", 1)[0].replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(one for one in lines if one.isprintable() or one in "\n\t")
    return _composed(kept.strip())[:MAX_TEXT]


def _composed(text: str) -> str:
    """Return NFC; lone surrogates, which no file can mean and UTF-8 cannot carry, become U+FFFD."""
    return unicodedata.normalize("NFC", text).encode("utf-8", "replace").decode("utf-8")
