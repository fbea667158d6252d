"""What SQL cannot say of texts and places by itself: functions that conditions of queries call. Pure but for their making."""

from __future__ import annotations

from typing import Any

from catalog.names import fold
from catalog.query.predicate import Near
from catalog.store.db import Session


def register_functions(session: Session) -> None:
    """Give the connection the functions that conditions call; once per connection, cheap afterwards."""
    if getattr(session.database, "has_query_functions", False):
        return
    connection = session.connection
    for name, function, count in (
        ("glassine_fold", _fold, 1),
        ("glassine_near", _near, 5),
        ("glassine_text", _text, 1),
        ("glassine_holds", _holds, -1),
    ):
        connection.create_scalar_function(name, function, count, deterministic=True)
    session.database.has_query_functions = True


def folded(expression: str) -> str:
    """Return the folded text of a column; for printable ASCII without a call of Python."""
    return f"CASE WHEN {expression} GLOB '*[^ -~]*' THEN glassine_fold({expression}) ELSE lower({expression}) END"


def _fold(*values: Any) -> str | None:
    (text,) = values
    return fold(text) if isinstance(text, str) else None


def _text(*values: Any) -> str | None:
    (raw,) = values
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else None


def _near(*values: Any) -> int:
    lat, lon, at_lat, at_lon, radius_km = values
    return int(Near(at_lat, at_lon, radius_km).contains(lat, lon))


def _holds(*values: Any) -> int:
    """Tell whether columns of photo_text hold words: ` word word` is followed by anything, as the last is a prefix."""
    wanted, *columns = values
    return int(any(f" {wanted}" in f" {column}" for column in columns))
