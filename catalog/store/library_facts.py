"""What the library says of itself in `meta`: written by `catalog.store.migrations.create`, and when it was restored."""

from __future__ import annotations

from catalog.store.db import Session, Writer


def created_ns(session: Session) -> int:
    """Return when the library was made, in ns since 1970."""
    return int(session.value("SELECT value FROM meta WHERE key = 'created_ns'"))


def note_restored(writer: Writer, now_ns: int) -> None:
    """Write down that what is said here is as of an earlier time; inside the caller's transaction."""
    writer.execute(
        "INSERT INTO meta VALUES ('restored_ns', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        (str(now_ns),),
    )
