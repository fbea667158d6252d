"""The checker's part about foreign sidecars (I21)."""

from __future__ import annotations

from catalog.sidecars.names import cell_of, cells_of, form_of
from catalog.store.check_reading import Found, violations_in
from catalog.store.db import Session
from catalog.store.sidecar_settling import RULES_STORED

_NOTED = (
    "SELECT f.location_id, f.cell, l.directory_id, l.name FROM file_cell AS f LEFT JOIN location AS l"
    " ON l.id = f.location_id WHERE f.directory_id = ?"
)
_TO_BE_NOTED = "SELECT id, name FROM location WHERE directory_id = ? AND state = 'present' AND id <= ?"


def sidecars(session: Session) -> Found:
    """I21: sidecars are where their files are, are about photos that are no aliases, and their words have an author."""
    for row_id, directory_id, cell, form, in_directory, name in session.rows(
        "SELECT s.location_id, s.directory_id, s.cell, s.form, l.directory_id, l.name FROM sidecar AS s"
        " JOIN location AS l ON l.id = s.location_id"
    ):
        if directory_id != in_directory or cell != cell_of(bytes(name)) or form != form_of(bytes(name)):
            yield f"sidecar {row_id}", "its directory, cell or form is not that of its file"
    yield from violations_in(
        session,
        "SELECT 'sidecar ' || p.location_id, 'it is about an alias, asset ' || p.asset_id FROM sidecar_photo AS p"
        " JOIN asset AS a ON a.id = p.asset_id WHERE a.merged_into IS NOT NULL",
    )
    yield from _cells(session)
    rules = ", ".join(f"'{rule}'" for rule in sorted(RULES_STORED))
    yield from violations_in(
        session,
        f"SELECT 'sidecar ' || location_id, 'nobody knows the rule ' || rule FROM sidecar_photo WHERE rule NOT IN ({rules})",
    )
    yield from violations_in(
        session,
        "SELECT 'statement ' || id, 'a sidecar says it, and it does not say which' FROM statement"
        " WHERE source = 'sidecar' AND author = ''",
    )
    yield from violations_in(
        session,
        "SELECT 'sidecar ' || location_id, 'another one has its author' FROM sidecar WHERE author IS NOT NULL"
        " GROUP BY author HAVING count(*) > 1",
    )


def _cells(session: Session) -> Found:
    for directory_id, filled_to in session.rows("SELECT directory_id, filled_to FROM cell_fill"):
        noted: dict[int, set[str]] = {}
        for row_id, cell, in_directory, name in session.rows(_NOTED, (directory_id,)):
            noted.setdefault(row_id, set()).add(cell)
            if in_directory != directory_id or cell not in cells_of(bytes(name)):
                yield f"location {row_id}", "its row in file_cell is not that of its name"
        for row_id, name in session.rows(_TO_BE_NOTED, (directory_id, filled_to)):
            if form_of(bytes(name)) is None and noted.get(row_id, set()) < set(cells_of(bytes(name))):
                yield f"location {row_id}", "it has no row in file_cell"
