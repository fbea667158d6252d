"""Through which index a query finds its photos: a lead is a SELECT of asset ids that holds every match, and few others.

A page of answers is asked in the order of ids. A lead of at most NARROW ids is gathered and sorted anew for each page;
where a query has none so small, its condition is asked of one asset after the other, which is quick as matches are many.
What no index can serve (patterns that begin with `*`, lenses, numbers of pixels or bytes, negations) leads nowhere.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from catalog.buckets import ALL, View
from catalog.ids import SHORT_LENGTH
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
    Words,
)
from catalog.store.conditions import TEXT_FIELDS, range_of, words_asked
from catalog.store.db import Session
from catalog.store.meant import (
    albums_meant,
    cameras_meant,
    directories_meant,
    labels_meant,
    persons_called,
    tags_meant,
    volumes_meant,
)
from catalog.store.places import LEVELS, Level, places_meant

NARROW = 20_000
# Their leads find photos with a day, or with a file.
_ONLY_IF_SHOWN = ("date", "volume", "held", "path")
# So few that a better lead is not worth looking for.
_FEW = 200
# A degree of latitude is 111.2 km on our sphere; a little less makes the band a little wider than asked.
_KM_PER_DEGREE = 111.0


@dataclass(frozen=True, slots=True)
class Lead:
    """A SELECT of asset ids (an id may come twice) and its parameters."""

    sql: str
    values: tuple[Any, ...]


def lead_of(session: Session, predicate: Predicate, *, is_shown_only: bool) -> Lead | None:
    """Return the narrowest lead of a query, or None if there is none of at most NARROW ids.

    Args:
        session: to count, and to look up names.
        predicate: the query.
        is_shown_only: only photos of state shown are wanted, or such without a date; then days lead as well.
    """
    best: tuple[int, Lead] | None = None
    for part in predicate.parts if isinstance(predicate, And) else (predicate,):
        lead = _any_lead(session, part, is_shown_only)
        if lead is None:
            continue
        count = _count(session, lead)
        if count <= NARROW and (best is None or count < best[0]):
            best = count, lead
        if count <= _FEW:
            break
    return None if best is None else best[1]


def _count(session: Session, lead: Lead) -> int:
    sql = f"SELECT count(*) FROM (SELECT 1 FROM ({lead.sql}) LIMIT {NARROW + 1})"
    return int(session.value(sql, lead.values))


def _any_lead(session: Session, predicate: Predicate, is_shown_only: bool) -> Lead | None:
    if isinstance(predicate, Not):
        return None
    if isinstance(predicate, Term):
        return _term_lead(session, predicate, is_shown_only)
    found = [_any_lead(session, part, is_shown_only) for part in predicate.parts]
    leads = [lead for lead in found if lead is not None]
    if isinstance(predicate, And):
        return leads[0] if leads else None
    if not leads or len(leads) < len(found):
        return None
    sql = " UNION ALL ".join(f"SELECT * FROM ({lead.sql})" for lead in leads)
    return Lead(sql, tuple(value for lead in leads for value in lead.values))


def _term_lead(session: Session, term: Term, is_shown_only: bool) -> Lead | None:
    if isinstance(term.value, Words) and term.field in TEXT_FIELDS:
        sql = "SELECT rowid FROM photo_text WHERE photo_text MATCH ?"
        return Lead(sql, (words_asked(term.field, term.value),))
    if isinstance(term.value, Choice):
        found = _OF_WORD.get((term.field, term.value.word))
        if found is None and is_shown_only:
            found = _OF_WORD_IF_SHOWN.get((term.field, term.value.word))
        return None if found is None else Lead(found, ())
    if term.field in _ONLY_IF_SHOWN and not is_shown_only:
        return None
    maker = _OF_TERM.get(term.field)
    return None if maker is None else maker(session, term.value)


def _of_folders(view: View, keys: list[int], sub: int | None) -> Lead:
    of_sub = "" if sub is None else f" AND m.sub = {sub}"
    sql = (
        f"SELECT m.asset_id FROM member AS m WHERE m.view = {int(view)}"
        f" AND m.key IN (SELECT value FROM json_each(?)){of_sub}"
    )
    return Lead(sql, (json.dumps(keys),))


def _tag(session: Session, value: PathMatch) -> Lead:
    return _of_folders(View.TAGS, tags_meant(session, value), ALL)


def _album(session: Session, value: PathMatch) -> Lead:
    return _of_folders(View.ALBUMS, albums_meant(session, value), 0)


def _person(session: Session, value: TextMatch) -> Lead:
    return _of_folders(View.PEOPLE, persons_called(session, value), None)


def _place(level: Level | None) -> Callable[[Session, Any], Lead]:
    return lambda session, value: _of_folders(View.PLACES, places_meant(session, level, value), 0)


def _days(session: Session, value: DayRange) -> Lead:
    return Lead(
        "SELECT b.id FROM asset AS b INDEXED BY asset_day WHERE b.state = 'shown' AND b.day BETWEEN ? AND ?",
        (value.low, value.high),
    )


def _trashed(session: Session, value: DayRange) -> Lead:
    sql = f"SELECT m.asset_id FROM member AS m WHERE m.view = {int(View.TRASH)} AND m.key BETWEEN ? AND ?"
    return Lead(sql, (value.low, value.high))


def _rating(session: Session, value: NumberRange) -> Lead:
    condition, values = range_of("e.rating", value)
    return Lead(f"SELECT e.asset_id FROM effective AS e WHERE {condition}", tuple(values))


def _label(session: Session, value: TextMatch) -> Lead:
    return Lead(
        "SELECT e.asset_id FROM effective AS e WHERE e.label IS NOT NULL AND e.label IN (SELECT value FROM json_each(?))",
        (json.dumps(labels_meant(session, value)),),
    )


def _stack(session: Session, value: TextMatch) -> Lead:
    pattern = value.like_pattern()
    return Lead(
        "SELECT b.id FROM stack AS s CROSS JOIN asset AS b ON b.stack_id = s.id"
        " WHERE s.kind LIKE ? ESCAPE '\\' OR s.uid LIKE ? ESCAPE '\\'",
        (pattern, pattern),
    )


def _near(session: Session, value: Near) -> Lead:
    reach = value.radius_km / _KM_PER_DEGREE
    return Lead(
        "SELECT e.asset_id FROM effective AS e WHERE e.lat IS NOT NULL AND e.lat BETWEEN ? AND ?"
        " AND glassine_near(e.lat, e.lon, ?, ?, ?)",
        (value.lat - reach, value.lat + reach, value.lat, value.lon, value.radius_km),
    )


def _camera(session: Session, value: TextMatch) -> Lead:
    return Lead(
        "SELECT b.id FROM asset AS b INDEXED BY asset_camera WHERE b.camera_id IS NOT NULL"
        " AND b.camera_id IN (SELECT value FROM json_each(?))",
        (json.dumps(cameras_meant(session, value)),),
    )


def _added(session: Session, value: DayRange) -> Lead:
    return Lead(
        "SELECT b.id FROM asset AS b INDEXED BY asset_recent WHERE b.added_day BETWEEN ? AND ?",
        (value.low, value.high),
    )


_FILES_IN = (
    " CROSS JOIN location AS l ON l.directory_id = d.id CROSS JOIN content AS c ON c.id = l.content_id"
)


def _volume(session: Session, value: TextMatch) -> Lead:
    """Photos with a file there; who has none any more is missing, so it leads only where those are not asked."""
    sql = f"SELECT c.asset_id FROM json_each(?) AS wanted CROSS JOIN directory AS d ON d.volume_id = wanted.value{_FILES_IN}"
    return Lead(sql, (json.dumps(volumes_meant(session, value)),))


def _path(session: Session, value: TextMatch) -> Lead | None:
    """Photos with a file in a directory whose path fits the pattern's beginning."""
    if not value.parts[0]:
        return None
    sql = f"SELECT c.asset_id FROM json_each(?) AS wanted CROSS JOIN directory AS d ON d.id = wanted.value{_FILES_IN}"
    return Lead(sql, (json.dumps(directories_meant(session, value)),))


def _uid(session: Session, value: TextMatch) -> Lead | None:
    start = value.parts[0]
    if len(start) < SHORT_LENGTH:
        return None
    return Lead("SELECT b.id FROM asset AS b WHERE b.short = ?", (start[:SHORT_LENGTH],))


def _hash(session: Session, value: TextMatch) -> Lead | None:
    """Contents are searched from the first to the last digest that begin so."""
    start = value.parts[0][: math.floor(len(value.parts[0]) / 2) * 2][:64]
    try:
        low = bytes.fromhex(start)
    except ValueError:
        return None
    if not low or " " in start:
        return None
    return Lead("SELECT c.asset_id FROM content AS c WHERE c.hash BETWEEN ? AND ?", (low, low + b"\xff" * 32))


_OF_TERM: dict[str, Callable[[Session, Any], Lead | None]] = {
    "tag": _tag,
    "album": _album,
    "person": _person,
    "place": _place(None),
    **{level: _place(level) for level in LEVELS},
    "date": _days,
    "trashed": _trashed,
    "rating": _rating,
    "label": _label,
    "stack": _stack,
    "near": _near,
    "uid": _uid,
    "hash": _hash,
    "camera": _camera,
    "added": _added,
    "volume": _volume,
    "held": _volume,
    "path": _path,
}


def _in_view(view: View) -> str:
    return f"SELECT m.asset_id FROM member AS m WHERE m.view = {int(view)}"


# Which are not shown: index asset_state. What lacks a present file is missing unless it is trashed or hidden.
_UNSHOWN = "SELECT b.id FROM asset AS b WHERE b.is_shown = 0 AND b.state IN ({})"
_OF_WORD: dict[tuple[str, str], str] = {
    ("is", "trashed"): "SELECT e.asset_id FROM effective AS e WHERE e.trashed_ns IS NOT NULL",
    ("is", "hidden"): _UNSHOWN.format("'hidden', 'trashed'"),
    ("is", "missing"): _UNSHOWN.format("'missing', 'hidden', 'trashed'"),
    ("is", "pending"): _UNSHOWN.format("'pending', 'missing', 'hidden', 'trashed'"),
    ("is", "damaged"): "SELECT c.asset_id FROM damage AS m CROSS JOIN location AS l ON l.id = m.location_id"
    " CROSS JOIN content AS c ON c.id = l.content_id",
    ("is", "favorite"): _in_view(View.FAVORITES),
    ("is", "cover"): "SELECT b.id FROM asset AS b WHERE b.stack_id IS NOT NULL",
    ("has", "stack"): "SELECT b.id FROM asset AS b WHERE b.stack_id IS NOT NULL",
    ("has", "rating"): "SELECT e.asset_id FROM effective AS e WHERE e.rating IS NOT NULL",
    ("has", "label"): "SELECT e.asset_id FROM effective AS e WHERE e.label IS NOT NULL",
    ("has", "gps"): "SELECT e.asset_id FROM effective AS e WHERE e.lat IS NOT NULL",
    ("has", "face"): "SELECT e.asset_id FROM effective AS e WHERE e.face_count > 0",
    ("has", "sidecar"): "SELECT p.asset_id FROM sidecar_photo AS p WHERE p.asset_id > 0",
    ("has", "tag"): _in_view(View.TAGS),
    ("has", "album"): _in_view(View.ALBUMS),
    ("has", "person"): _in_view(View.PEOPLE),
    ("has", "place"): _in_view(View.PLACES),
    **{
        (field, kind): f"SELECT b.id FROM asset AS b INDEXED BY asset_kind WHERE b.kind = '{kind}'"
        for field in ("kind", "is")
        for kind in KINDS
    },
}
_OF_WORD_IF_SHOWN: dict[tuple[str, str], str] = {
    ("is", "undated"): (
        "SELECT b.id FROM asset AS b INDEXED BY asset_day WHERE b.state = 'shown' AND b.day < 0"
    ),
}
