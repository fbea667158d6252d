"""The SQL face of queries: a predicate tree (`catalog.query`) as one statement, and counts of everything.

Both faces mean the same, which a test holds on random trees and photos: `catalog.store.conditions` says what must hold
of a photo, `catalog.store.leads` through which index it is found. Answers come in pages by asset id, so a million
photos need no more memory than one page.
"""

from __future__ import annotations

from typing import Any

from catalog.ids import AssetId
from catalog.names import fold
from catalog.query.predicate import (
    DEFAULT_EXCLUDED,
    Or,
    PathMatch,
    Predicate,
    Term,
    excluded_states,
    terms_of,
    with_terms,
)
from catalog.store.conditions import compiled
from catalog.store.db import Session
from catalog.store.leads import Lead, lead_of
from catalog.store.meant import remembered
from catalog.store.query_functions import folded, register_functions

__all__ = ["compiled", "matching", "register_functions", "statement", "stats", "with_aliases"]


def matching(session: Session, predicate: Predicate, after_id: AssetId, limit: int) -> list[AssetId]:
    """Return the next photos that match, by id, those behind `after_id`, at most `limit`.

    Aliases never match; what is trashed, hidden or missing only where the query speaks about it.
    """
    register_functions(session)
    asked = with_aliases(session, predicate)
    lead = lead_of(session, asked, is_shown_only=excluded_states(asked) == DEFAULT_EXCLUDED)
    sql, values = statement(session, asked, lead)
    return [AssetId(row[0]) for row in session.rows(sql, [after_id, *values, limit])]


def statement(session: Session, predicate: Predicate, lead: Lead | None = None) -> tuple[str, list[Any]]:
    """Return the SELECT and the parameters between `after` (first) and `limit` (last).

    With a lead only the photos are asked that it holds, else one after the other.
    """
    condition, values = compiled(session, predicate)
    excluded = sorted(excluded_states(predicate) | {"alias"})
    marks = ", ".join("?" * len(excluded))
    led, led_values = "", []
    if lead is not None:
        led, led_values = f" AND a.id IN ({lead.sql})", list(lead.values)
    sql = (
        f"SELECT a.id FROM asset AS a WHERE a.id > ?{led} AND a.state NOT IN ({marks}) AND {condition}"
        " ORDER BY a.id LIMIT ?"
    )
    return sql, [*led_values, *excluded, *values]


def with_aliases(session: Session, predicate: Predicate) -> Predicate:
    """Return the query with what aliases of tags mean beside what they say."""
    if not any(term.field == "tag" for term in terms_of(predicate)):
        return predicate
    register_functions(session)
    return with_terms(predicate, lambda term: _with_alias(session, term))


# Aliases are few beside tags; they are compared without regard to case, as paths are.
TAGS_BY_ALIAS = (
    "SELECT t.path FROM tag_alias AS l JOIN tag AS t ON t.id = l.tag_id WHERE l.is_deleted = 0"
    f" AND t.is_deleted = 0 AND t.merged_into IS NULL AND {folded('l.path')} = ? ORDER BY t.path"
)


def _with_alias(session: Session, term: Term) -> Predicate:
    if not isinstance(term.value, PathMatch) or term.field != "tag" or len(term.value.parts) > 1:
        return term
    alias = term.value.parts[0]
    rows = remembered(session, ("alias", alias), lambda: session.rows(TAGS_BY_ALIAS, (alias,)))
    meant = [Term("tag", PathMatch((fold(path),), is_from_top=True)) for (path,) in rows]
    return Or((term, *meant)) if meant else term


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
