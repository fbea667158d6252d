"""Terms of a query as conditions about the asset `a`: SQL text that is true or false, never NULL, and parameters.

One function per field. Names that people give (tags, albums, persons, labels) are few beside photos: they are compared
when the condition is made, and the condition holds the numbers of their rows. The text of a condition never holds what a
user wrote. `catalog.store.leads` says through which index the photos of a term are found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from catalog.buckets import ALL, OWN, Badge, MediaType, View
from catalog.query.fields import KINDS
from catalog.query.predicate import (
    And,
    Choice,
    DayRange,
    Near,
    Not,
    NumberRange,
    PathMatch,
    Predicate,
    Term,
    TextMatch,
    TypeFlag,
    Words,
)
from catalog.store.db import Session
from catalog.store.meant import albums_meant, cameras_meant, labels_meant, persons_called, tags_meant
from catalog.store.places import LEVELS, Level, places_meant
from catalog.store.query_functions import folded
from catalog.store.verifying import IS_DAMAGED

Fragment = tuple[str, list[Any]]
Condition = Callable[[Session, Any], Fragment]

NEVER: Fragment = ("0", [])
# States of volumes whose files can be read now; a volume that was never probed counts (photos.documents agrees).
_REACHABLE = "('online', 'unknown')"
_PRESENT = "EXISTS (SELECT 1 FROM location AS l WHERE l.content_id = a.content_id AND l.state = 'present')"
_READABLE = (
    "EXISTS (SELECT 1 FROM location AS l JOIN volume AS v ON v.id = l.volume_id WHERE l.content_id = a.content_id"
    f" AND l.state = 'present' AND v.state IN {_REACHABLE})"
)
_GUESS = "(a.capture IS NOT NULL AND json_extract(a.capture, '$.confidence') = 'guess')"
_DATED = "(a.capture IS NOT NULL AND json_extract(a.capture, '$.confidence') <> 'guess')"
_TAGS, _ALBUMS, _PEOPLE, _PLACES, _TRASH = (
    int(one) for one in (View.TAGS, View.ALBUMS, View.PEOPLE, View.PLACES, View.TRASH)
)
# Columns of photo_text that a field asks; a bare word asks all.
_COLUMNS = {
    "word": ("name", "title", "description", "tags", "people", "place"),
    "title": ("title",),
    "description": ("description",),
    "person": ("people",),
}
TEXT_FIELDS = frozenset(_COLUMNS)


def compiled(session: Session, predicate: Predicate) -> Fragment:
    """Return (condition, parameters) of a tree; the condition is never NULL."""
    if isinstance(predicate, Not):
        condition, values = compiled(session, predicate.part)
        return f"NOT {condition}", values
    if isinstance(predicate, Term):
        condition, values = _TERMS[predicate.field](session, predicate.value)
        return f"({condition})", values
    parts = [compiled(session, part) for part in predicate.parts]
    word, empty = (" AND ", "1") if isinstance(predicate, And) else (" OR ", "0")
    joined = word.join(condition for condition, _ in parts) or empty
    return f"({joined})", [value for _, values in parts for value in values]


def words_asked(field: str, value: Words) -> str:
    """Return the FTS5 expression of words of a field."""
    phrase = f'"{" ".join(value.tokens)}" *'
    columns = _COLUMNS[field]
    return phrase if field == "word" else f"{{{' '.join(columns)}}} : {phrase}"


# ---- parts of conditions


def _like(expression: str, value: TextMatch, *, is_folded: bool = False) -> Fragment:
    """A text column against folded pieces; LIKE is SQLite's only for ASCII, and folded texts have no capitals."""
    column = expression if is_folded else folded(expression)
    return f"ifnull({column} LIKE ? ESCAPE '\\', 0)", [value.like_pattern()]


def _column_text(expression: str, *, is_folded: bool = False) -> Condition:
    return lambda session, value: _like(expression, value, is_folded=is_folded)


def _fact(path: str) -> str:
    """Of the version whose facts count."""
    return f"(SELECT json_extract(f.facts, '$.{path}') FROM content AS f WHERE f.id = a.facts_id)"


def _said(condition: str) -> str:
    """Of the layer's effective values."""
    return f"EXISTS (SELECT 1 FROM effective AS e WHERE e.asset_id = a.id AND {condition})"


def range_of(expression: str, value: NumberRange) -> Fragment:
    """A number within a range; NULL is in none."""
    ends = [(value.low, ">=" if value.has_low else ">"), (value.high, "<=" if value.has_high else "<")]
    asked = [(f"{expression} {operator} ?", end) for end, operator in ends if end is not None]
    conditions = [f"{expression} IS NOT NULL", *(condition for condition, _ in asked)]
    return " AND ".join(conditions), [end for _, end in asked]


def _number(expression: str) -> Condition:
    return lambda session, value: range_of(expression, value)


def _days(column: str) -> Condition:
    def term(session: Session, value: DayRange) -> Fragment:
        return f"{column} IS NOT NULL AND {column} BETWEEN ? AND ?", [value.low, value.high]

    return term


def _in_folder(view: int, keys: Iterable[int], sub: int | None) -> Fragment:
    """Membership in some folders. Few: primary key of member; many, or any sub: index member_asset."""
    numbers = list(keys)
    if not numbers:
        return NEVER
    of_sub = "" if sub is None else f" AND m.sub = {sub}"
    if len(numbers) == 1 and sub is not None:
        return (
            f"EXISTS (SELECT 1 FROM member AS m WHERE m.view = {view} AND m.key = ?{of_sub} AND m.asset_id = a.id)",
            numbers,
        )
    return (
        f"EXISTS (SELECT 1 FROM member AS m INDEXED BY member_asset WHERE m.asset_id = a.id AND m.view = {view}{of_sub}"
        " AND m.key IN (SELECT value FROM json_each(?)))",
        [json.dumps(numbers)],
    )


def _in_view(view: int) -> str:
    return (
        "EXISTS (SELECT 1 FROM member AS m INDEXED BY member_asset"
        f" WHERE m.asset_id = a.id AND m.view = {view})"
    )


# ---- terms


def _words(field: str) -> Condition:
    """Full text of one photo: its row of photo_text is read, which holds tokens."""
    columns = ", ".join(f"t.{column}" for column in _COLUMNS[field])

    def term(session: Session, value: Words) -> Fragment:
        condition = (
            f"EXISTS (SELECT 1 FROM photo_text AS t WHERE t.rowid = a.id AND glassine_holds(?, {columns}))"
        )
        return condition, [" ".join(value.tokens)]

    return term


def _words_or(field: str, pattern: Condition) -> Condition:
    words = _words(field)

    def term(session: Session, value: Words | TextMatch) -> Fragment:
        return words(session, value) if isinstance(value, Words) else pattern(session, value)

    return term


def _said_text(column: str) -> Condition:
    def term(session: Session, value: TextMatch) -> Fragment:
        condition, values = _like(f"e.{column}", value)
        return _said(condition), values

    return term


def _anywhere(session: Session, value: TextMatch) -> Fragment:
    """A pattern over every whole text of a photo. No index can serve it."""
    tags = [
        tag_id
        for tag_id, path in session.rows(
            "SELECT id, path FROM tag WHERE is_deleted = 0 AND merged_into IS NULL"
        )
        if value.accepts(path)
    ]
    parts = [
        _like("a.fold", value, is_folded=True),
        _said_text("title")(session, value),
        _said_text("description")(session, value),
        _in_folder(_TAGS, tags, OWN),
        _person_pattern(session, value),
        _place(None)(session, value),
    ]
    return " OR ".join(part for part, _ in parts), [one for _, values in parts for one in values]


def _person_pattern(session: Session, value: TextMatch) -> Fragment:
    return _in_folder(_PEOPLE, persons_called(session, value), None)


def _place(level: Level | None) -> Condition:
    def term(session: Session, value: Words | TextMatch) -> Fragment:
        return _in_folder(_PLACES, places_meant(session, level, value), 0)

    return term


def _tag(session: Session, value: PathMatch) -> Fragment:
    return _in_folder(_TAGS, tags_meant(session, value), ALL)


def _album(session: Session, value: PathMatch) -> Fragment:
    return _in_folder(_ALBUMS, albums_meant(session, value), 0)


def _rating(session: Session, value: NumberRange) -> Fragment:
    condition, values = range_of("e.rating", value)
    return _said(condition), values


def _label(session: Session, value: TextMatch) -> Fragment:
    condition = "e.label IS NOT NULL AND e.label IN (SELECT value FROM json_each(?))"
    return _said(condition), [json.dumps(labels_meant(session, value))]


def _stack(session: Session, value: TextMatch) -> Fragment:
    pattern = value.like_pattern()
    return (
        f"{_STACKED} AND a.stack_id IN"
        " (SELECT s.id FROM stack AS s WHERE s.kind LIKE ? ESCAPE '\\' OR s.uid LIKE ? ESCAPE '\\')",
        [pattern, pattern],
    )


def _trashed(session: Session, value: DayRange) -> Fragment:
    return (
        "EXISTS (SELECT 1 FROM member AS m INDEXED BY member_asset"
        f" WHERE m.asset_id = a.id AND m.view = {_TRASH} AND m.key BETWEEN ? AND ?)",
        [value.low, value.high],
    )


def _near_term(session: Session, value: Near) -> Fragment:
    condition = "e.lat IS NOT NULL AND glassine_near(e.lat, e.lon, ?, ?, ?)"
    return _said(condition), [value.lat, value.lon, value.radius_km]


def _camera(session: Session, value: TextMatch) -> Fragment:
    condition = "+a.camera_id IS NOT NULL AND +a.camera_id IN (SELECT k.value FROM json_each(?) AS k)"
    return condition, [json.dumps(cameras_meant(session, value))]


_AT = (
    " JOIN volume AS v ON v.id = l.volume_id JOIN directory AS d ON d.id = l.directory_id"
    " WHERE l.content_id = a.content_id AND {}"
)
# A photo whose bytes are nowhere now has the place where they were last.
_WAS_AT = (
    "NOT EXISTS (SELECT 1 FROM location AS l WHERE l.content_id = a.content_id) AND EXISTS (SELECT 1 FROM content AS c"
    " JOIN location AS l ON l.id = c.last_location_id JOIN volume AS v ON v.id = l.volume_id"
    " JOIN directory AS d ON d.id = l.directory_id WHERE c.id = a.content_id AND {})"
)


def _locations(expression: str, *, is_folded: bool = False) -> Condition:
    def term(session: Session, value: TextMatch) -> Fragment:
        condition, values = _like(expression, value, is_folded=is_folded)
        at = f"EXISTS (SELECT 1 FROM location AS l{_AT.format(condition)})"
        return f"{at} OR ({_WAS_AT.format(condition)})", values + values

    return term


def _held(session: Session, value: TextMatch) -> Fragment:
    condition, values = _like("v.fold", value, is_folded=True)
    return f"EXISTS (SELECT 1 FROM location AS l{_AT.format(condition)} AND l.state = 'present')", values


# A stack of one, of which the others were split off, is none.
_STACKED = (
    "a.stack_id IS NOT NULL AND EXISTS"
    " (SELECT 1 FROM asset AS o INDEXED BY asset_stack WHERE o.stack_id = a.stack_id AND o.id <> a.id)"
)


def _sidecar(condition: str) -> str:
    return (
        "EXISTS (SELECT 1 FROM sidecar_photo AS p CROSS JOIN sidecar AS s ON s.location_id = p.location_id"
        " CROSS JOIN location AS l ON l.id = s.location_id"
        f" WHERE p.asset_id = a.id AND l.state = 'present' AND {condition})"
    )


_DAMAGED = (
    "EXISTS (SELECT 1 FROM location AS l CROSS JOIN damage AS m ON m.location_id = l.id CROSS JOIN content AS c"
    f" ON c.id = l.content_id WHERE l.content_id = a.content_id AND {IS_DAMAGED})"
)
_HAS: dict[str, str] = {
    "gps": _said("e.lat IS NOT NULL"),
    "camera": "+a.camera_id IS NOT NULL",
    "lens": f"ifnull({_fact('lens')}, '') <> ''",
    "date": _DATED,
    "offset": f"{_DATED} AND json_extract(a.capture, '$.offset_min') IS NOT NULL",
    "hash": "EXISTS (SELECT 1 FROM content AS c WHERE c.id = a.content_id AND c.hash IS NOT NULL)",
    "dimensions": f"{_fact('width')} IS NOT NULL AND {_fact('height')} IS NOT NULL",
    "finding": "(EXISTS (SELECT 1 FROM finding AS f WHERE f.content_id = a.content_id)"
    f" OR {_sidecar('s.reason IS NOT NULL')} OR {_DAMAGED})",
    "sidecar": _sidecar("p.rule <> 'maybe'"),
    **{name: _said(f"ifnull(e.{name}, '') <> ''") for name in ("title", "description", "label", "creator")},
    "rating": _said("e.rating IS NOT NULL"),
    "tag": _in_view(_TAGS),
    "album": _in_view(_ALBUMS),
    "person": _in_view(_PEOPLE),
    "place": _in_view(_PLACES),
    "face": _said("e.face_count > 0"),
    "stack": _STACKED,
}
_FLAGS = {(flag.name or "").lower(): int(flag) for flag in MediaType}
_BADGES = {"motion": Badge.MOTION, "animated": Badge.ANIMATED, "hdr": Badge.HDR}
_IS: dict[str, str] = {
    "any": "1",
    "trashed": _said("e.trashed_ns IS NOT NULL"),
    "hidden": _said("e.is_hidden = 1"),
    "favorite": _said("e.is_favorite = 1"),
    "rejected": _said("e.is_rejected = 1"),
    "cover": f"{_STACKED} AND a.cover_id IS NULL AND a.state = 'shown'",
    "missing": f"NOT {_PRESENT}",
    "offline": f"{_PRESENT} AND NOT {_READABLE}",
    "pending": "a.capture IS NULL",
    "damaged": _DAMAGED,
    "undated": _GUESS,
    **{word: f"a.types & {int(badge)} <> 0" for word, badge in _BADGES.items()},
    **{kind: f"+a.kind = '{kind}'" for kind in KINDS},
    **{word: f"a.types & {flag} <> 0" for word, flag in _FLAGS.items() if word not in KINDS},
}


def _word(table: dict[str, str]) -> Condition:
    def term(session: Session, value: Choice) -> Fragment:
        return table[value.word], []

    return term


def _kind(session: Session, value: Choice) -> Fragment:
    return "+a.kind = ?", [value.word]  # by id or by a lead, never by the index


def _type(session: Session, value: TypeFlag) -> Fragment:
    return "a.types & ? <> 0", [int(value.flag)]


_PATH = "glassine_text(CASE d.path WHEN x'' THEN l.name ELSE CAST(d.path || '/' || l.name AS BLOB) END)"
_HASH = "(SELECT lower(hex(c.hash)) FROM content AS c WHERE c.id = a.content_id AND c.hash IS NOT NULL)"
_TERMS: dict[str, Condition] = {
    "word": _words_or("word", _anywhere),
    "title": _words_or("title", _said_text("title")),
    "description": _words_or("description", _said_text("description")),
    "person": _words_or("person", _person_pattern),
    "place": _place(None),
    **{level: _place(level) for level in LEVELS},
    "tag": _tag,
    "album": _album,
    "rating": _rating,
    "label": _label,
    "stack": _stack,
    "trashed": _trashed,
    "creator": _said_text("creator"),
    "iso": _number(_fact("extra.exposure.iso")),
    "aperture": _number(_fact("extra.exposure.f_number")),
    "shutter": _number(_fact("extra.exposure.time_s")),
    "focal": _number(_fact("extra.exposure.focal_mm")),
    "name": _column_text("a.fold", is_folded=True),
    "uid": _column_text("a.uid", is_folded=True),
    "hash": _column_text(_HASH, is_folded=True),
    "mime": _column_text("a.mime"),
    "camera": _camera,
    "lens": _column_text(_fact("lens")),
    "volume": _locations("v.fold", is_folded=True),
    "held": _held,
    "path": _locations(_PATH),
    "kind": _kind,
    "type": _type,
    "date": _days("a.day"),
    "added": _days("+a.added_day"),
    "size": _number("a.size"),
    "width": _number(_fact("width")),
    "height": _number(_fact("height")),
    "duration": _number(_fact("duration_s")),
    "near": _near_term,
    "has": _word(_HAS),
    "is": _word(_IS),
}
