"""What readers learn of descriptive metadata, source by source, until it becomes one `catalog.facts.Descriptive`.

Readers meet the sources of a file in the order of its bytes, which is not the order of trust. So each source has a draft
of its own (`said_by`), and `finished` settles by rank (metadata.md 2.2): of scalars and creators the first source that
says something stands; tags, people and faces of all are united. What is said to the draft itself comes before all.

A flat keyword that is a name within a longer path, or the same but for case, is that path's (Lightroom and digiKam write
both forms). Texts are cleaned here, once. Knows no format.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from catalog.facts import Descriptive, FaceRegion

MAX_TEXT = 10_000  # characters of a description; titles, names and labels are cut at MAX_NAME
MAX_NAME = 1_000
MAX_TAGS = 1_000
MAX_DEPTH = 30
MAX_PEOPLE = 500
SLASH = "\uff0f"  # stands for a slash within a name

# The order of trust. `comment` is EXIF's UserComment, which cameras fill too; `container` are the words of file formats
# that are no metadata standard of their own: PNG texts, ID3, QuickTime user data.
Source = Literal["xmp", "iptc", "exif", "xp", "comment", "container"]
RANKS: tuple[Source, ...] = ("xmp", "iptc", "exif", "xp", "comment", "container")

_IPTC_KEYWORD_BYTES = 64  # IPTC cuts keywords here, some writers a character earlier (IIM 4.2, 2:25)
# What cameras call every picture; programs carry it on from EXIF into XMP and IPTC.
_CAMERA_TEXT = re.compile(
    r"""(?:konica\s)?minolta\sdigital\scamera|olympus\sdigital\scamera|sony\sdsc|dcim|digital\s(?:still\s)?camera
      | samsung\s(?:digital\scamera|camera\spictures)|kodak\sdigital\sstill\scamera|exif[_ ]jpeg[_ ](?:t\d+_)?picture""",
    re.VERBOSE | re.IGNORECASE,
)
_ASPECT_TOLERANCE = 0.02
# Controls, byte order marks, and lone surrogates, which no file can mean and UTF-8 cannot carry. Joiners stay: families
# of emoji and Persian words need them.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_SAME_PLACE = 0.01


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
    applied_to: tuple[float, float] | None = (
        None  # width and height of the picture that the faces were drawn on
    )
    _paths: list[tuple[str, ...]] = field(default_factory=list)
    _sources: dict[Source, DescriptiveDraft] = field(default_factory=dict)

    @classmethod
    def of(cls, known: Descriptive | None) -> DescriptiveDraft:
        """Return a draft that goes on where an earlier tier stopped; what is known stands."""
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

    def said_by(self, source: Source) -> DescriptiveDraft:
        """Return the draft of one source; it belongs to this one."""
        return self._sources.setdefault(source, DescriptiveDraft())

    def say_title(self, text: str | None) -> None:
        """Note a title."""
        self.title = self.title or clean_name(text) or None

    def say_description(self, text: str | None) -> None:
        """Note a description; line breaks stay. What a camera calls every picture is none."""
        if self.description is None and text:
            cleaned = clean_text(text)
            self.description = None if _CAMERA_TEXT.fullmatch(cleaned) else cleaned or None

    def say_label(self, text: str | None) -> None:
        """Note a colour label."""
        self.label = self.label or clean_name(text) or None

    def say_rights(self, text: str | None) -> None:
        """Note who holds the rights."""
        self.rights = self.rights or clean_text(text) or None

    def say_rating(self, value: float | None) -> None:
        """Note stars from 0 to 5, half ones rounded up; -1 rejects (XMP part 1, 8.4); anything else is ignored."""
        if value is None or not math.isfinite(value):
            return
        if value == -1:
            self.is_rejected = True
        elif self.rating is None and 0 <= value <= 5:
            self.rating = math.floor(value + 0.5)

    def say_creators(self, names: Iterable[str]) -> None:
        """Note who made it; the first call that names anybody stands."""
        if not self.creators:
            self.creators = _once(clean_name(name) for name in names)[:MAX_PEOPLE]

    def say_tag(self, names: Sequence[str]) -> None:
        """Note one tag: its names from the top; a keyword is one name, whatever characters it has."""
        if len(self._paths) >= MAX_TAGS or len(names) > 4 * MAX_DEPTH:  # blank names do not count, but cost
            return
        path = tuple(cleaned for name in names if (cleaned := clean_name(name).replace("/", SLASH)))
        if path and len(path) <= MAX_DEPTH:
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
        self._add_face(region)

    def say_applied_to(self, width: float | None, height: float | None) -> None:
        """Note the size of the picture that the faces were drawn on (mwg-rs:AppliedToDimensions)."""
        if self.applied_to is None and width and height and 0 < width < 1e7 and 0 < height < 1e7:
            self.applied_to = (width, height)

    def forget_stale_faces(self, width: int | None, height: int | None) -> str | None:
        """Drop faces that were drawn on a picture of another shape than the stored one; their people stay.

        Returns:
            The reason, in user words, or None when nothing was dropped. An unknown size drops nothing.
        """
        for one in (self, *self._sources.values()):
            if not (one.faces and one.applied_to and width and height):
                continue
            if not _is_same_shape(one.applied_to, (width, height)):
                one.faces.clear()
                drawn = "x".join(f"{side:.0f}" for side in one.applied_to)
                return f"the face regions are of a picture of {drawn} and this one has {width}x{height}"
        return None

    def finished(self) -> Descriptive | None:
        """Return the settled value; None when nothing is said. Changes nothing."""
        merged = DescriptiveDraft()
        for one in self._by_rank():
            merged._take(one)
        found = Descriptive(
            title=merged.title,
            description=merged.description,
            rating=merged.rating,
            is_rejected=merged.is_rejected,
            label=merged.label,
            creators=tuple(merged.creators),
            rights=merged.rights,
            tags=tuple("/".join(path) for path in _settled(merged._paths)),
            people=tuple(merged.people),
            faces=tuple(merged.faces),
        )
        return None if found == Descriptive() else found

    def _by_rank(self) -> list[DescriptiveDraft]:
        return [self, *(self._sources[source] for source in RANKS if source in self._sources)]

    def _take(self, other: DescriptiveDraft) -> None:
        self.title = self.title or other.title
        self.description = self.description or other.description
        self.label = self.label or other.label
        self.rights = self.rights or other.rights
        self.rating = other.rating if self.rating is None else self.rating
        self.is_rejected = self.is_rejected or other.is_rejected
        self.creators = self.creators or other.creators
        self.people = _once((*self.people, *other.people))[:MAX_PEOPLE]
        self._paths = [*self._paths, *other._paths][:MAX_TAGS]
        for region in other.faces:
            self._add_face(region)

    def _add_face(self, region: FaceRegion) -> None:
        if len(self.faces) < MAX_PEOPLE and not any(_is_same(region, other) for other in self.faces):
            self.faces.append(region)


def _settled(paths: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return each tag once, in order: without what is said by a longer path, and without what IPTC maimed."""
    by_letters: dict[str, tuple[str, ...]] = {}
    for path in paths:
        # `AC／DC` and `AC/DC` are one tag of two programs: the reader that knew more came first.
        by_letters.setdefault("/".join(path).replace(SLASH, "/").replace("|", "/").casefold(), path)
    folded = [tuple(name.casefold() for name in path) for path in by_letters.values()]
    in_paths = {name for path in folded if len(path) > 1 for name in path}
    above = {path[:depth] for path in folded for depth in range(2, len(path))}
    return [
        path
        for path, folds in zip(by_letters.values(), folded, strict=True)
        if folds not in above
        and not (len(path) == 1 and (folds[0] in in_paths or _is_maimed(folds[0], folded)))
    ]


def _is_maimed(name: str, folded: Sequence[tuple[str, ...]]) -> bool:
    """Tell whether a keyword is what IPTC left of another name: cut, or with `?` for letters beyond Latin-1."""
    is_full = _IPTC_KEYWORD_BYTES - 3 <= len(name.encode()) <= _IPTC_KEYWORD_BYTES
    if not is_full and "?" not in name:
        return False
    return any(
        other != name and ((is_full and other.startswith(name)) or _is_masked(name, other))
        for path in folded
        for other in path
    )


def _is_masked(name: str, other: str) -> bool:
    if len(name) != len(other):
        return False
    return all(one == two or (one == "?" and not two.isascii()) for one, two in zip(name, other, strict=True))


def _is_same(one: FaceRegion, other: FaceRegion) -> bool:
    is_near = (
        abs(one.x - other.x) < _SAME_PLACE
        and abs(one.y - other.y) < _SAME_PLACE
        and abs(one.w - other.w) < _SAME_PLACE
        and abs(one.h - other.h) < _SAME_PLACE
    )
    return is_near and (one.name == other.name or one.name is None)


def _is_same_shape(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Tell whether two sizes have one aspect; sizes are whole pixels, so those of tiny pictures tell it coarsely."""
    rounding = sum(0.5 / side for side in (*one, *other))
    return abs(math.log(one[0] * other[1] / (one[1] * other[0]))) <= _ASPECT_TOLERANCE + rounding


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))


def clean_name(text: str | None) -> str:
    """Return NFC text of one line without control characters and outer blanks, cut at `MAX_NAME`."""
    if not text:
        return ""
    line = text.split("\0", 1)[0]
    if not line.isprintable():
        line = _CONTROLS.sub(" ", line)
    return _composed(" ".join(line.split()))[:MAX_NAME].rstrip()


def clean_text(text: str | None) -> str:
    """Return NFC text with its line breaks, without other control characters, cut at `MAX_TEXT`."""
    if not text:
        return ""
    lines = text.split("\0", 1)[0]
    if not lines.isprintable():
        lines = lines.replace("\r\n", "\n").replace("\r", "\n")
        lines = _CONTROLS.sub(lambda match: match[0] if match[0] in "\n\t" else "", lines)
    return _composed(lines.strip())[:MAX_TEXT].rstrip()


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)
