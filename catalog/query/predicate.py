"""What a query means, as a small tree of values: the one thing that text, SQL and Python agree on.

`catalog.query.parse` makes the tree, `catalog.store.find` compiles it to SQL, `match` asks one photo document.
Everything here is typed and already parsed: no store ever looks at query text, no clock is read. Pure.

Rules that both faces keep:
- A term about a value that a photo does not have is false (so its `Not` is true); in SQL: never NULL.
- Texts compare folded (`catalog.names.fold`) on both sides, words as tokens (`catalog.text`).
- A term whose document value is a list is true if any element is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from catalog.buckets import MediaType
from catalog.names import fold
from catalog.text import matches

LOWEST_DAY = 1
HIGHEST_DAY = 9999_12_31
EARTH_RADIUS_KM = 6371.0088  # mean radius, IUGG

# States that `find` leaves out unless the query speaks about them (`is:trashed` …) or says `is:any`.
DEFAULT_EXCLUDED: frozenset[str] = frozenset({"trashed", "hidden", "missing"})


@dataclass(frozen=True, slots=True)
class TextMatch:
    """A folded text with wildcards, as the pieces between them, anchored at both ends.

    `("beach",)` is equality, `("img_", "")` a prefix, `("", "beach", "")` contains. In SQL:
    `fold(column) LIKE like_pattern() ESCAPE '\\'` (folded texts hold no ASCII capitals, so LIKE's ASCII case
    folding changes nothing).
    """

    parts: tuple[str, ...]

    def accepts(self, text: object) -> bool:
        """Tell whether a text (any case, any normalisation) matches; anything but a str does not."""
        return isinstance(text, str) and _text_pattern(self.parts).fullmatch(fold(text)) is not None

    def like_pattern(self) -> str:
        """Return the pattern for SQL's LIKE with `ESCAPE '\\'`."""
        return "%".join(re.sub(r"([\\%_])", r"\\\1", part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Words:
    """A word or quoted phrase: its tokens (`catalog.text.tokens`) in a row in one text, the last as a prefix."""

    tokens: tuple[str, ...]

    def accepts(self, text: object) -> bool:
        """Tell whether a text holds them."""
        return isinstance(text, str) and matches(self.tokens, (text,))


@dataclass(frozen=True, slots=True)
class PathMatch:
    """A tag or album: that of this path, or whose path ends so, and everything below it.

    `parts` is a folded path (one part), or pieces between wildcards (several): they mean the whole path.
    `is_from_top`: a path without wildcards is meant from the top, not as an end (what an alias stands for).
    """

    parts: tuple[str, ...]
    is_from_top: bool = False

    def accepts(self, path: object) -> bool:
        """Tell whether a path, or one that it is below of, is meant."""
        return isinstance(path, str) and any(self.means(above) for above in _with_those_above(fold(path)))

    def means(self, path: str) -> bool:
        """Tell whether this very path (folded) is meant."""
        if len(self.parts) > 1:
            return _text_pattern(self.parts).fullmatch(path) is not None
        return path == self.parts[0] if self.is_from_top else f"/{path}".endswith(f"/{self.parts[0]}")


@dataclass(frozen=True, slots=True)
class DayRange:
    """Packed days (`YYYYMMDD`, zeros for unknown parts), both ends included and always given.

    `2019-08` is 20190800..20190831, `2019` is 20190000..20191231, an open end is LOWEST_DAY or HIGHEST_DAY. A photo
    of which only the year is known has the day 20190000: in `date=2019`, not in `date=2019-08`. Guesses
    (negative days: only an mtime to go by) are in no range.
    """

    low: int
    high: int

    def accepts(self, day: object) -> bool:
        """Tell whether a packed day lies within."""
        return isinstance(day, int) and self.low <= day <= self.high


@dataclass(frozen=True, slots=True)
class NumberRange:
    """Numbers; an end that is None is open. `has_low` / `has_high`: that end itself belongs to the range."""

    low: float | None
    high: float | None
    has_low: bool = True
    has_high: bool = True

    def accepts(self, number: object) -> bool:
        """Tell whether a number lies within."""
        if isinstance(number, bool) or not isinstance(number, int | float):
            return False
        if self.low is not None and (number < self.low or (number == self.low and not self.has_low)):
            return False
        return self.high is None or number < self.high or (number == self.high and self.has_high)


@dataclass(frozen=True, slots=True)
class Choice:
    """One word of a closed list (of `has`, `is` and `kind`; see `catalog.query.fields`)."""

    word: str

    def accepts(self, word: object) -> bool:
        """Tell whether it is this word."""
        return word == self.word


@dataclass(frozen=True, slots=True)
class TypeFlag:
    """One bit of `asset.types`: RAW, LIVE, PANORAMA or SCREENSHOT (the three kinds are `Term("kind", Choice)`)."""

    flag: MediaType

    def accepts(self, name: object) -> bool:
        """Tell whether it is the lower-case name of this type, as the document's `types` holds it."""
        return name == (self.flag.name or "").lower()


@dataclass(frozen=True, slots=True)
class Near:
    """Positions within a distance on the sphere. Degrees and km; a registered SQL function may call `contains`."""

    lat: float
    lon: float
    radius_km: float

    def accepts(self, position: object) -> bool:
        """Tell whether a document's position `{lat, lon, …}` lies within."""
        return isinstance(position, Mapping) and self.contains(position.get("lat"), position.get("lon"))

    def contains(self, lat: float | None, lon: float | None) -> bool:
        """Tell whether a point lies within; an unknown point does not."""
        if lat is None or lon is None:
            return False
        return distance_km(self.lat, self.lon, lat, lon) <= self.radius_km


Value = TextMatch | Words | PathMatch | DayRange | NumberRange | Choice | TypeFlag | Near


@dataclass(frozen=True, slots=True)
class Term:
    """One statement about a photo.

    | field | value | document | columns |
    |---|---|---|---|
    | word | Words or TextMatch (wildcards: whole texts) | name, title, description, tags, people, place | photo_text; texts |
    | title, description | Words, TextMatch | title, description | photo_text; effective |
    | person | Words, TextMatch | people | photo_text; member and person |
    | country, region, city, place | Words, TextMatch | that of place, or any of it | member and place |
    | tag, album | PathMatch | tags, albums | member |
    | rating | NumberRange | rating | effective.rating |
    | label | TextMatch | label | effective.label |
    | stack | TextMatch | kind and id of stack | stack of asset.stack_id |
    | trashed | DayRange | trashed_on (`YYYY-MM-DD`, the folder of Trash/) | member |
    | name | TextMatch | name | asset.fold |
    | uid | TextMatch | uid | asset.uid |
    | hash | TextMatch | hash | lower(hex(content.hash)) of the current content |
    | mime | TextMatch | mime | asset.mime |
    | camera | TextMatch | any of `camera_texts(make, model)` | camera of asset.camera_id |
    | lens | TextMatch | camera.lens | facts.lens of the current content |
    | volume | TextMatch | volume of any location | volume.fold of any location of the asset's content |
    | held | TextMatch | volume of any location that is not missing | the same |
    | path | TextMatch | path of any location | directory.path + name, decoded as the document does |
    | kind | Choice | kind | asset.kind |
    | type | TypeFlag | types | asset.types |
    | date | DayRange | capture, packed by `catalog.capture.local_day` | asset.day |
    | added | DayRange | added (`YYYY-MM-DD`, the folder of Recent/) | asset.added_day |
    | size, width, height, duration | NumberRange | size, width, height, duration_s | asset.size, facts |
    | creator | TextMatch | creator | effective.creator |
    | iso, aperture, shutter, focal | NumberRange | iso, f_number, time_s, focal_mm of exposure | facts |
    | near | Near | position | effective.lat, effective.lon |
    | has | Choice | see fields.HAS | … |
    | is | Choice | see fields.IS | asset, effective, facts, volume.state |
    """

    field: str
    value: Value

    def match(self, document: Mapping[str, Any]) -> bool:
        """Tell whether it holds for a photo document."""
        # Inside: `match` imports the value classes of this module.
        from catalog.query.match import values_of

        return any(self.value.accepts(value) for value in values_of(self.field, document))


@dataclass(frozen=True, slots=True)
class And:
    """All parts hold; without parts: true."""

    parts: tuple[Predicate, ...]

    def match(self, document: Mapping[str, Any]) -> bool:
        """Tell whether it holds for a photo document."""
        return all(part.match(document) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """Some part holds; without parts: false."""

    parts: tuple[Predicate, ...]

    def match(self, document: Mapping[str, Any]) -> bool:
        """Tell whether it holds for a photo document."""
        return any(part.match(document) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Predicate

    def match(self, document: Mapping[str, Any]) -> bool:
        """Tell whether it holds for a photo document."""
        return not self.part.match(document)


Predicate = And | Or | Not | Term
EVERYTHING = And(())


def excluded_states(predicate: Predicate) -> frozenset[str]:
    """Return the values of `asset.state` that `find` leaves out for this query (aliases always are).

    A query that mentions `is:trashed`, `is:hidden` or `is:missing` anywhere decides about those itself, and so does
    `trashed=…` about the trash; `is:any` (true of every photo) lifts all three.
    """
    terms = terms_of(predicate)
    mentioned = {term.value.word for term in terms if term.field == "is" and isinstance(term.value, Choice)}
    if any(term.field == "trashed" for term in terms):
        mentioned.add("trashed")
    return frozenset() if "any" in mentioned else DEFAULT_EXCLUDED - mentioned


def camera_texts(make: str | None, model: str | None) -> tuple[str, ...]:
    """Return the texts that `camera:` looks at: the make, the model, and both without a doubled make."""
    make, model = make or "", model or ""
    both = model if fold(model).startswith(fold(make)) else f"{make} {model}"
    return tuple(dict.fromkeys(text for text in (both.strip(), make, model) if text))


def distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Return the great-circle distance (haversine) of two points in degrees."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    half_phi, half_lambda = (phi2 - phi1) / 2, math.radians(lon2 - lon1) / 2
    chord = math.sin(half_phi) ** 2 + math.cos(phi1) * math.cos(phi2) * math.sin(half_lambda) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(chord)))


def terms_of(predicate: Predicate) -> list[Term]:
    """Return every term of a tree, from left to right."""
    if isinstance(predicate, Term):
        return [predicate]
    if isinstance(predicate, Not):
        return terms_of(predicate.part)
    return [term for part in predicate.parts for term in terms_of(part)]


def with_terms(predicate: Predicate, change: Callable[[Term], Predicate]) -> Predicate:
    """Return the tree with every term replaced by what `change` makes of it."""
    if isinstance(predicate, Term):
        return change(predicate)
    if isinstance(predicate, Not):
        return Not(with_terms(predicate.part, change))
    return type(predicate)(tuple(with_terms(part, change) for part in predicate.parts))


def _with_those_above(path: str) -> Iterator[str]:
    components = path.split("/")
    return ("/".join(components[:count]) for count in range(1, len(components) + 1))


@lru_cache(maxsize=512)
def _text_pattern(parts: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in parts), re.DOTALL)
