"""The change feed's table: append in the transaction that changes something, follow from anywhere.

Vocabulary: `catalog.changes`. Invariant: sequence numbers ascend in commit order (one writer) and are never
reused; whoever asks for rows that were pruned is told so and starts afresh.
"""

from __future__ import annotations

from collections.abc import Iterable

from catalog.changes import FEED_ROWS_KEPT, Change
from catalog.store.db import Session, Writer

# (kind, subject, name)
Entry = tuple[str, str, bytes | None]

# Pruned in strides, so that most appends delete nothing and none deletes much.
PRUNE_STRIDE = 2_000


def append(writer: Writer, entries: Iterable[Entry]) -> int:
    """Append in order, inside the caller's transaction; return the newest sequence number."""
    before = writer.last_id("change")
    writer.executemany("INSERT INTO change (kind, subject, name) VALUES (?, ?, ?)", entries)
    newest = writer.last_id("change")
    if newest // PRUNE_STRIDE != before // PRUNE_STRIDE:
        writer.execute("DELETE FROM change WHERE seq <= ?", (newest - FEED_ROWS_KEPT - PRUNE_STRIDE,))
    return newest


def since(session: Session, seq: int, limit: int = 1000) -> list[Change] | None:
    """Return the rows after `seq`, oldest first, at most `limit`; None = some of them are gone.

    None also when `seq` lies ahead of the feed: then this is another catalog (a restored backup).
    """
    rows = session.rows(
        "SELECT seq, kind, subject, name FROM change WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit)
    )
    if rows and rows[0][0] != seq + 1:
        return None
    if not rows and latest_seq(session) != seq:
        return None
    return [Change(*row) for row in rows]


def latest_seq(session: Session) -> int:
    """Return the newest sequence number ever given; 0 = none."""
    return int(session.value("SELECT seq FROM sqlite_sequence WHERE name = 'change'") or 0)
