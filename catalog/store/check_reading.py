"""How the checker reads: violations as they are found, and all assets a page at a time."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.ids import AssetId
from catalog.store.db import Session

# A broken catalog breaks everywhere; nobody reads more.
MAX_VIOLATIONS = 1000
_PAGE = 500

Found = Iterator[tuple[str, str]]  # (subject, message)


def violations_in(session: Session, sql: str) -> Found:
    """Return the rows (subject, message) of a statement, as many as anybody reads."""
    yield from session.rows(f"{sql} LIMIT {MAX_VIOLATIONS}")


def asset_pages(session: Session, condition: str = "1") -> Iterator[list[AssetId]]:
    """Return all assets that fulfil a condition, by id, a page at a time."""
    after = 0
    while page := [
        AssetId(row[0])
        for row in session.rows(
            f"SELECT id FROM asset WHERE id > ? AND ({condition}) ORDER BY id LIMIT ?", (after, _PAGE)
        )
    ]:
        yield page
        after = page[-1]
