"""The SQL face of queries: a predicate tree (`catalog.query`) compiled to one statement, and counts of everything.

Both faces mean the same, which a test holds on random trees and photos; so every condition here is true or
false, never NULL (a term about an unknown value is false, its `Not` true). Answers come in pages by asset id, so a
million photos need no more memory than one page. The compiler holds no user text: all values are parameters.

Which index leads is left to SQLite where a condition on a column stands alone in the conjunction: days, kinds,
cameras and short ids are searched, everything else is asked of each asset in the order of ids.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from catalog.buckets import MediaType
from catalog.ids import AssetId
from catalog.names import fold
from catalog.query.fields import KINDS
from catalog.query.predicate import (
    DEFAULT_EXCLUDED,
    And,
    Choice,
    DayRange,
    Near,
    Not,
    NumberRange,
    Predicate,
    Term,
    TextMatch,
    TypeFlag,
    camera_texts,
    excluded_states,
)
from catalog.store.db import Session

Fragment = tuple[str, list[Any]]

# States of volumes whose files can be read now; a volume that was never probed counts (photos.documents agrees).
_REACHABLE = "('online', 'unknown')"
_PRESENT = "EXISTS (SELECT 1 FROM location AS l WHERE l.content_id = a.content_id AND l.state = 'present')"
_READABLE = (
    "EXISTS (SELECT 1 FROM location AS l JOIN volume AS v ON v.id = l.volume_id WHERE l.content_id = a.content_id"
    f" AND l.state = 'present' AND v.state IN {_REACHABLE})"
)
_GUESS = "(a.capture IS NOT NULL AND json_extract(a.capture, '$.confidence') = 'guess')"
_DATED = "(a.capture IS NOT NULL AND json_extract(a.capture, '$.confidence') <> 'guess')"
# A page of ids is sorted anew for each page, so an index other than the ids' leads only to so few photos.
NARROW = 20_000


def matching(session: Session, predicate: Predicate, after_id: AssetId, limit: int) -> list[AssetId]:
    """Return the next photos that match, by id, those behind `after_id`, at most `limit`.

    Aliases never match; what is trashed, hidden or missing only where the query speaks about it.
    """
    register_functions(session)
    sql, values = statement(predicate, is_narrow=_is_narrow(session, predicate))
    return [AssetId(row[0]) for row in session.rows(sql, [after_id, *values, limit])]


def statement(predicate: Predicate, *, is_narrow: bool = False) -> tuple[str, list[Any]]:
    """Return the SELECT and the parameters between `after` (first) and `limit` (last).

    With `is_narrow` the day leads (index asset_timeline), else the id.
    """
    condition, values = compiled(predicate)
    excluded = sorted(excluded_states(predicate) | {"alias"})
    marks = ", ".join("?" * len(excluded))
    lead = " INDEXED BY asset_timeline" if is_narrow else ""
    shown = " AND a.is_shown = 1" if is_narrow else ""
    sql = (
        f"SELECT a.id FROM asset AS a{lead} WHERE a.id > ? AND a.state NOT IN ({marks}){shown} AND {condition}"
        " ORDER BY a.id LIMIT ?"
    )
    return sql, [*excluded, *values]


def _is_narrow(session: Session, predicate: Predicate) -> bool:
    """Tell whether a day or a few are asked for, and only of shown photos: the counts of the buckets know."""
    ranges = [
        part.value for part in _conjunction(predicate) if isinstance(part, Term) and part.field == "date"
    ]
    if not ranges or excluded_states(predicate) != DEFAULT_EXCLUDED:
        return False
    asked = ranges[0]
    assert isinstance(asked, DayRange), "dates are ranges of days"
    count = session.value(
        "SELECT coalesce(sum(count), 0) FROM bucket WHERE view = 1 AND key BETWEEN ? AND ?",
        (asked.low, asked.high),
    )
    return int(count) <= NARROW


def _conjunction(predicate: Predicate) -> tuple[Predicate, ...]:
    return predicate.parts if isinstance(predicate, And) else (predicate,)


def compiled(predicate: Predicate) -> Fragment:
    """Return (condition, parameters) of a tree; the condition is never NULL."""
    if isinstance(predicate, Not):
        condition, values = compiled(predicate.part)
        return f"NOT {condition}", values
    if isinstance(predicate, Term):
        condition, values = _TERMS[predicate.field](predicate.value)
        return f"({condition})", values
    parts = [compiled(part) for part in predicate.parts]
    word, empty = (" AND ", "1") if isinstance(predicate, And) else (" OR ", "0")
    joined = word.join(condition for condition, _ in parts) or empty
    return f"({joined})", [value for _, values in parts for value in values]


def stats(session: Session) -> dict[str, Any]:
    """Return counts of everything the catalog knows; null-free but for the oldest and newest day."""
    by_state: dict[str, int] = dict(session.rows("SELECT state, count(*) FROM asset GROUP BY state"))
    kinds: dict[str, int] = dict(
        session.rows("SELECT kind, count(*) FROM asset WHERE is_shown = 1 GROUP BY kind")
    )
    size = session.value("SELECT coalesce(sum(size), 0) FROM asset WHERE is_shown = 1")
    days = session.row("SELECT min(day), max(day) FROM asset WHERE is_shown = 1 AND day > 0") or (None, None)
    files: dict[str, int] = dict(session.rows("SELECT state, count(*) FROM location GROUP BY state"))
    return {
        "photos": sum(count for state, count in by_state.items() if state != "alias"),
        "states": {
            state: by_state.get(state, 0) for state in ("shown", "pending", "missing", "trashed", "hidden")
        },
        "kinds": {kind: kinds.get(kind, 0) for kind in ("photo", "video", "audio")},
        "bytes": size,
        "first_day": days[0],
        "last_day": days[1],
        "undated": session.value("SELECT count(*) FROM asset WHERE is_shown = 1 AND day < 0"),
        "merged": by_state.get("alias", 0),
        "files": {"present": files.get("present", 0), "missing": files.get("missing", 0)},
        "hashed": session.value("SELECT count(*) FROM content WHERE hash IS NOT NULL"),
        "findings": session.value("SELECT count(*) FROM finding"),
        "cameras": session.value("SELECT count(*) FROM camera"),
        "volumes": session.value("SELECT count(*) FROM volume"),
    }


def register_functions(session: Session) -> None:
    """Give the connection the functions that conditions call; once per connection, cheap afterwards."""
    if getattr(session.database, "has_query_functions", False):
        return
    connection = session.connection
    connection.create_scalar_function("glassine_fold", _fold, 1, deterministic=True)
    connection.create_scalar_function("glassine_near", _near, 5, deterministic=True)
    connection.create_scalar_function("glassine_text", _text, 1, deterministic=True)
    connection.create_scalar_function("glassine_camera", _camera_text, 3, deterministic=True)
    session.database.has_query_functions = True


def _fold(*values: Any) -> str | None:
    (text,) = values
    return fold(text) if isinstance(text, str) else None


def _text(*values: Any) -> str | None:
    (raw,) = values
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else None


def _camera_text(*values: Any) -> str | None:
    number, make, model = values
    texts = camera_texts(make, model)
    return texts[number] if number < len(texts) else None


def _near(*values: Any) -> int:
    lat, lon, at_lat, at_lon, radius_km = values
    return int(Near(at_lat, at_lon, radius_km).contains(lat, lon))


# ---- terms: value -> (condition that is true or false, parameters)


def _like(expression: str, value: TextMatch, *, is_folded: bool = False) -> Fragment:
    """A text column against folded pieces; LIKE is SQLite's only for ASCII, and folded texts have no capitals."""
    column = expression if is_folded else f"glassine_fold({expression})"
    return f"ifnull({column} LIKE ? ESCAPE '\\', 0)", [value.like_pattern()]


def _column_text(expression: str, *, is_folded: bool = False) -> Callable[[Any], Fragment]:
    return lambda value: _like(expression, value, is_folded=is_folded)


def _fact(path: str) -> str:
    """Of the version whose facts count."""
    return f"(SELECT json_extract(f.facts, '$.{path}') FROM content AS f WHERE f.id = a.facts_id)"


def _number(expression: str) -> Callable[[Any], Fragment]:
    def term(value: NumberRange) -> Fragment:
        ends = [(value.low, ">=" if value.has_low else ">"), (value.high, "<=" if value.has_high else "<")]
        asked = [(f"{expression} {operator} ?", end) for end, operator in ends if end is not None]
        conditions = [f"{expression} IS NOT NULL", *(condition for condition, _ in asked)]
        return " AND ".join(conditions), [end for _, end in asked]

    return term


def _days(column: str) -> Callable[[Any], Fragment]:
    def term(value: DayRange) -> Fragment:
        return f"{column} IS NOT NULL AND {column} BETWEEN ? AND ?", [value.low, value.high]

    return term


def _camera(value: TextMatch) -> Fragment:
    texts = [_like(f"glassine_camera({number}, k.make, k.model)", value) for number in range(3)]
    condition = " OR ".join(part for part, _ in texts)
    return (
        f"a.camera_id IS NOT NULL AND a.camera_id IN (SELECT k.id FROM camera AS k WHERE {condition})",
        [one for _, values in texts for one in values],
    )


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


def _locations(expression: str, *, is_folded: bool = False) -> Callable[[Any], Fragment]:
    def term(value: TextMatch) -> Fragment:
        condition, values = _like(expression, value, is_folded=is_folded)
        at = f"EXISTS (SELECT 1 FROM location AS l{_AT.format(condition)})"
        return f"{at} OR ({_WAS_AT.format(condition)})", values + values

    return term


def _near_term(value: Near) -> Fragment:
    return f"glassine_near({_fact('lat')}, {_fact('lon')}, ?, ?, ?)", [value.lat, value.lon, value.radius_km]


_HAS: dict[str, str] = {
    "gps": f"{_fact('lat')} IS NOT NULL AND {_fact('lon')} IS NOT NULL",
    "camera": "a.camera_id IS NOT NULL",
    "lens": f"ifnull({_fact('lens')}, '') <> ''",
    "date": _DATED,
    "offset": f"{_DATED} AND json_extract(a.capture, '$.offset_min') IS NOT NULL",
    "hash": "EXISTS (SELECT 1 FROM content AS c WHERE c.id = a.content_id AND c.hash IS NOT NULL)",
    "dimensions": f"{_fact('width')} IS NOT NULL AND {_fact('height')} IS NOT NULL",
    "finding": "EXISTS (SELECT 1 FROM finding AS f WHERE f.content_id = a.content_id)",
}
_FLAGS = {(flag.name or "").lower(): int(flag) for flag in MediaType}
_IS: dict[str, str] = {
    "any": "1",
    "trashed": "a.state = 'trashed'",
    "hidden": "a.state = 'hidden'",
    "missing": f"NOT {_PRESENT}",
    "offline": f"{_PRESENT} AND NOT {_READABLE}",
    "pending": "a.capture IS NULL",
    "undated": _GUESS,
    **{kind: f"a.kind = '{kind}'" for kind in KINDS},
    **{word: f"a.types & {flag} <> 0" for word, flag in _FLAGS.items() if word not in KINDS},
}


def _word(table: dict[str, str]) -> Callable[[Any], Fragment]:
    def term(value: Choice) -> Fragment:
        return table[value.word], []

    return term


def _kind(value: Choice) -> Fragment:
    return "a.kind = ?", [value.word]


def _type(value: TypeFlag) -> Fragment:
    return "a.types & ? <> 0", [int(value.flag)]


_PATH = "glassine_text(CASE d.path WHEN x'' THEN l.name ELSE CAST(d.path || '/' || l.name AS BLOB) END)"
_HASH = "(SELECT lower(hex(c.hash)) FROM content AS c WHERE c.id = a.content_id AND c.hash IS NOT NULL)"
_TERMS: dict[str, Callable[[Any], Fragment]] = {
    "word": _column_text("a.fold", is_folded=True),
    "name": _column_text("a.fold", is_folded=True),
    "uid": _column_text("a.uid", is_folded=True),
    "hash": _column_text(_HASH, is_folded=True),
    "mime": _column_text("a.mime"),
    "camera": _camera,
    "lens": _column_text(_fact("lens")),
    "volume": _locations("v.fold", is_folded=True),
    "path": _locations(_PATH),
    "kind": _kind,
    "type": _type,
    "date": _days("a.day"),
    "added": _days("a.added_day"),
    "size": _number("a.size"),
    "width": _number(_fact("width")),
    "height": _number(_fact("height")),
    "duration": _number(_fact("duration_s")),
    "near": _near_term,
    "has": _word(_HAS),
    "is": _word(_IS),
}
