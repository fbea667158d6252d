"""The purge as rows: written down before a file is touched, judged again right before, ended after.

| row `purge` | the file |
|---|---|
| planned | untouched, being verified, or gone: nobody knows until somebody looks |
| done | its name is gone; the location is missing, what is said about the photo stays |
| refused, failed | untouched |

Invariants: a row is committed before anybody opens its file; a location has one planned row at most; ending a row and
calling the location missing is one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from catalog.failpoints import failpoint
from catalog.ids import AssetId, ContentHash, LocationId, VolumeId
from catalog.purge import PurgeRule, Reason, TrashedFile, Written, why_kept, why_stopped
from catalog.store import journal
from catalog.store.absence import mark_missing
from catalog.store.db import Session, Writer
from catalog.store.trash import trashed_file

RowState = Literal["planned", "done", "refused", "failed"]
DO = "trash.purge"  # what the journal calls it; it cannot be undone (catalog.store.undo)
_COLUMNS = "p.id, p.location_id, p.asset_id, p.hash, p.size, p.mtime_ns, p.ctime_ns, p.inode, p.planned_ns"


@dataclass(frozen=True, slots=True)
class Undecided:
    """A planned row that nobody works on: what it says, and where the file is, or was."""

    written: Written
    volume_id: VolumeId
    path: bytes


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of writing down.

    Attributes:
        written: what may be touched now, by location.
        kept: what the rule keeps as things stand now.
        later: other names of an inode that is in `written`: write them down when that is over, for then they have a
            new change time.
    """

    written: dict[LocationId, Written]
    kept: dict[LocationId, Reason]
    later: tuple[TrashedFile, ...]


def record(
    writer: Writer, files: Sequence[TrashedFile], rule: PurgeRule, *, author: str, now_ns: int
) -> Recorded:
    """Write down files that are about to be purged, as they are known now; one transaction with its journal row."""
    with writer.atomic():
        chosen: dict[tuple[VolumeId, int], TrashedFile] = {}
        kept: dict[LocationId, Reason] = {}
        later = []
        for planned in files:
            file = trashed_file(writer, planned.location_id)
            reason = "not_trashed" if file is None else why_kept(file, rule)
            if file is None or reason is not None:
                kept[planned.location_id] = reason or "not_trashed"
            elif chosen.setdefault((file.volume_id, file.inode), file) is not file:
                later.append(file)
        written = _insert(writer, list(chosen.values()), author=author, now_ns=now_ns)
    failpoint("purge.recorded")
    return Recorded(written, kept, tuple(later))


def _insert(
    writer: Writer, files: Sequence[TrashedFile], *, author: str, now_ns: int
) -> dict[LocationId, Written]:
    if not files:
        return {}
    command = {"do": DO, "photos": sorted({file.uid for file in files}), "files": len(files)}
    journal_id = journal.append(writer, command, author=author, now_ns=now_ns)
    first = writer.last_id("purge") + 1
    written = {file.location_id: _written(file, first + at, now_ns) for at, file in enumerate(files)}
    writer.executemany(
        "INSERT INTO purge (id, journal_id, asset_id, location_id, hash, size, mtime_ns, ctime_ns, inode, state,"
        " planned_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'planned', ?)",
        [_row(one, journal_id) for one in written.values()],
    )
    return written


def _written(file: TrashedFile, purge_id: int, now_ns: int) -> Written:
    assert file.hash is not None, "unhashed bytes are never purged"
    return Written(
        purge_id=purge_id,
        location_id=file.location_id,
        asset_id=file.asset_id,
        hash=file.hash,
        size=file.size,
        mtime_ns=file.mtime_ns,
        ctime_ns=file.ctime_ns,
        inode=file.inode,
        planned_ns=now_ns,
    )


def _row(one: Written, journal_id: int) -> tuple[object, ...]:
    numbers = (one.size, one.mtime_ns, one.ctime_ns, one.inode, one.planned_ns)
    return (one.purge_id, journal_id, one.asset_id, one.location_id, one.hash, *numbers)


def why_stop(writer: Writer, written: Written, rule: PurgeRule) -> Reason | None:
    """Judge a written purge again, on the one writer, right before the file is touched; None = go on."""
    with writer.atomic():
        state = writer.value("SELECT state FROM purge WHERE id = ?", (written.purge_id,))
        if state != "planned":
            return "changed"
        return why_stopped(written, trashed_file(writer, written.location_id), rule)


def finish(
    writer: Writer,
    written: Written,
    state: str,
    reason: str | None,
    *,
    now_ns: int,
    ctime_ns: int | None = None,
) -> None:
    """End a row; with state done the location is missing from now on. One transaction; an ended row stays as it is.

    Args:
        ctime_ns: of the inode after one of its names went: the other names that we know have it too.
    """
    with writer.atomic():
        ended = writer.execute(
            "UPDATE purge SET state = ?, reason = ?, ended_ns = ? WHERE id = ? AND state = 'planned'",
            (state, reason, now_ns, written.purge_id),
        )
        if ended and state == "done":
            volume_id = writer.value("SELECT volume_id FROM location WHERE id = ?", (written.location_id,))
            mark_missing(writer, volume_id, [written.location_id], now_ns)
            if ctime_ns is not None:
                _touch_other_names(writer, written, volume_id, ctime_ns)
    failpoint("purge.finished")


def _touch_other_names(writer: Writer, written: Written, volume_id: VolumeId, ctime_ns: int) -> None:
    """Do what the next scan would do: the change time of the other names of the inode is the one that we caused."""
    writer.execute(
        "UPDATE location SET ctime_ns = ? WHERE volume_id = ? AND inode = ? AND inode <> 0 AND size = ?"
        " AND mtime_ns = ? AND ctime_ns = ? AND state = 'present'",
        (ctime_ns, volume_id, written.inode, written.size, written.mtime_ns, written.ctime_ns),
    )


def undecided(session: Session) -> list[Undecided]:
    """Return all rows that are planned, oldest first; those whose purge still runs are among them."""
    rows = session.rows(
        f"SELECT {_COLUMNS}, l.volume_id, d.path, l.name FROM purge AS p"
        " JOIN location AS l ON l.id = p.location_id JOIN directory AS d ON d.id = l.directory_id"
        " WHERE p.state = 'planned' ORDER BY p.id"
    )
    found = []
    for row in rows:
        purge_id, location_id, asset_id, digest, *numbers = row[:9]
        written = Written(purge_id, LocationId(location_id), AssetId(asset_id), ContentHash(digest), *numbers)
        volume_id, folder, name = row[9:]
        found.append(Undecided(written, VolumeId(volume_id), folder + b"/" + name if folder else name))
    return found


def endings(session: Session, purge_ids: Sequence[int]) -> dict[int, tuple[RowState, str | None]]:
    """Return state and reason of rows."""
    rows = session.rows(
        "SELECT id, state, reason FROM purge WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
        (json.dumps(list(purge_ids)),),
    )
    return {purge_id: (state, reason) for purge_id, state, reason in rows}
