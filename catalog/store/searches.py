"""Saved searches: looking them up whatever the case, listings, and snapshots of new ones."""

from __future__ import annotations

from catalog.errors import NotFound
from catalog.labels import check_name, label_of, shown
from catalog.names import clean_label, fold
from catalog.store.db import Session
from catalog.store.things import Snapshot
from catalog.things import SavedSearch

WHAT = "saved search"
_SELECT = "SELECT id, uid, name, label, query, created_ns FROM saved_search WHERE is_deleted = 0"


def find(session: Session, name: str) -> SavedSearch | None:
    """Return the saved search of this (checked) name, whatever the case."""
    plain = fold(clean_label(name))
    rows = session.rows(
        f"{_SELECT} AND fold = ?1 UNION {_SELECT} AND fold > ?2 AND fold < ?3",
        (plain, plain + "~", plain + "\x7f"),
    )
    return next((SavedSearch(*row) for row in rows if fold(row[2]) == fold(name)), None)


def resolve_search(session: Session, text: str) -> SavedSearch:
    """Return the saved search that a name means.

    Raises:
        NotFound: none is called so. InvalidValue: none can be.
    """
    found = find(session, check_name(text, WHAT))
    if found is None:
        raise NotFound(
            f"there is no saved search {shown(text)}", hint="see `glassine search list`", search=text
        )
    return found


def searches(session: Session) -> list[SavedSearch]:
    """Return all saved searches by name."""
    found = [SavedSearch(*row) for row in session.rows(_SELECT)]
    return sorted(found, key=lambda search: (fold(search.name), search.id))


def search_labelled(session: Session, label: str) -> SavedSearch | None:
    """Return the saved search whose folder has exactly this label."""
    rows = session.rows(f"{_SELECT} AND fold = ?", (fold(label),))
    return next((SavedSearch(*row) for row in rows if row[3] == label), None)


def search_by_id(session: Session, row_id: int) -> SavedSearch | None:
    """Return the saved search of this row, if it is living."""
    row = session.row(f"{_SELECT} AND id = ?", (row_id,))
    return None if row is None else SavedSearch(*row)


def saved(session: Session, uid: str, name: str, query: str, before: Snapshot) -> Snapshot:
    """Return the snapshot of a saved search with this name and query."""

    def taken(folded: str) -> bool:
        row = session.row(
            "SELECT 1 FROM saved_search WHERE fold = ? AND uid <> ? AND is_deleted = 0", (folded, uid)
        )
        return row is not None

    label = label_of(name, uid, taken)
    return {**before, "name": name, "label": label, "fold": fold(label), "query": query, "is_deleted": 0}
