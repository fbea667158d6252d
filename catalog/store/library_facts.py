"""What the library says of itself in `meta`; written once, by `catalog.store.migrations.create`."""

from __future__ import annotations

from catalog.store.db import Session


def created_ns(session: Session) -> int:
    """Return when the library was made, in ns since 1970."""
    return int(session.value("SELECT value FROM meta WHERE key = 'created_ns'"))
