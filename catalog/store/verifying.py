"""Verification: are the bytes still those that were hashed? What is due, what came of it, and what is damaged.

A file whose stamp is the one in the catalog and whose bytes have another hash has rotted: on its medium, on the way, or by
a program that set the times back. That is a fact about this one file: it goes to `damage`, and nothing else changes.

Invariants
- `location.verified_ns` is written for bytes that had the hash of the location's content, and for no others.
- A difference counts only from a second reading. Hashes, assets, names, facts and statements are never written here.
- What could not be read is no damage, whatever the error.
- A row of `damage` counts only while its file is there and was not found good since (`IS_DAMAGED`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from catalog.failpoints import failpoint
from catalog.ids import ContentHash, ContentId, LocationId, Uid, VolumeId
from catalog.query.match import DAMAGE_TOOL
from catalog.store.db import Row, Session, Writer
from catalog.store.work_items import work_item
from catalog.values import VolumeState, WorkItem

# Readings per transaction: some 12 us each where all agree (2 cores, 2026-11-21), so 3 ms of write lock and one sync.
BATCH = 250
MAX_INSTANT_NS = 2**63 - 1
_VERSION = "1"
# More places than these help nobody who looks for one good copy.
_MOST_COPIES = 20

RunState = Literal["running", "done", "paused", "failed", "abandoned"]

_PATH = "CASE d.path WHEN x'' THEN l.name ELSE CAST(d.path || '/' || l.name AS BLOB) END"
# `l` is a location, `c` its content, `m` a row of damage. Where the file changed since, its content is another one, unread or
# found good later than the damage.
IS_DAMAGED = (
    "l.state = 'present' AND c.hash IS NOT NULL AND (l.verified_ns IS NULL OR l.verified_ns < m.read_ns)"
)
# The primary key in order; an index of a volume's files would have to be as large as the table, and one run reads it once.
# A time of comparison that lies ahead of the clock is a wrong one. What waits to be read again (its change time moved) is
# no matter of ours until it was.
_WANTED = (
    "l.volume_id = ?2 AND l.state = 'present' AND l.size > 0 AND l.recheck_due = 0"
    " AND (l.verified_ns IS NULL OR l.verified_ns < ?3 OR l.verified_ns > ?4) AND c.hash IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM damage AS m WHERE m.location_id = l.id AND m.read_ns BETWEEN ?3 AND ?4)"
)
DUE = (
    f"SELECT l.id, l.content_id, l.volume_id, v.root, {_PATH}, l.size, l.mtime_ns, l.ctime_ns, l.inode"
    " FROM location AS l NOT INDEXED CROSS JOIN content AS c ON c.id = l.content_id"
    " CROSS JOIN directory AS d ON d.id = l.directory_id CROSS JOIN volume AS v ON v.id = l.volume_id"
    f" WHERE l.id > ?1 AND {_WANTED} ORDER BY l.id LIMIT ?5"
)
_LEFT = (
    "SELECT count(*), coalesce(sum(l.size), 0) FROM location AS l NOT INDEXED"
    f" CROSS JOIN content AS c ON c.id = l.content_id WHERE l.id > ?1 AND {_WANTED}"
)
_DAMAGED = (
    f"SELECT l.id, a.uid, a.name, v.id, v.name, {_PATH}, c.hash, m.found, m.found_ns, m.read_ns, c.id"
    " FROM damage AS m CROSS JOIN location AS l ON l.id = m.location_id CROSS JOIN content AS c ON c.id = l.content_id"
    " CROSS JOIN asset AS a ON a.id = c.asset_id CROSS JOIN directory AS d ON d.id = l.directory_id"
    f" CROSS JOIN volume AS v ON v.id = l.volume_id WHERE {IS_DAMAGED}"
)
# index location_content. Another name of the same inode is no copy: it is the same bytes.
_COPIES = (
    f"SELECT v.name, v.state, {_PATH}, l.verified_ns FROM location AS o CROSS JOIN location AS l ON l.content_id = o.content_id"
    " CROSS JOIN content AS c ON c.id = l.content_id CROSS JOIN directory AS d ON d.id = l.directory_id"
    " CROSS JOIN volume AS v ON v.id = l.volume_id LEFT JOIN damage AS m ON m.location_id = l.id"
    " WHERE o.id = ? AND l.id <> o.id AND l.state = 'present' AND l.recheck_due = 0"
    " AND NOT (l.volume_id = o.volume_id AND l.inode = o.inode AND o.inode <> 0)"
    f" AND (m.location_id IS NULL OR NOT ({IS_DAMAGED}))"
    " ORDER BY v.state IN ('online', 'unknown') DESC, l.verified_ns DESC, l.id LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a file anew came to: the hash of its bytes, or why there is none (errno name, changed, busy).

    `is_second`: the reading that decides, after one that differed.
    """

    item: WorkItem
    hash: ContentHash | None
    failure: str | None = None
    is_second: bool = False


@dataclass(slots=True)
class Outcome:
    """What came of readings.

    Attributes:
        verified, bytes: files that have their hash still, and their size in all.
        mended: of these, files that were damaged before.
        differing: they have another one at the first reading; nothing was written: read them a second time.
        damaged: they had another one at the second reading as well.
        failed: (file, reason) of those that could not be read.
        outdated: the catalog has learnt another version since, or nobody knows their hash any more: due again by itself.
    """

    verified: int = 0
    bytes: int = 0
    mended: int = 0
    differing: list[WorkItem] = field(default_factory=list)
    damaged: list[LocationId] = field(default_factory=list)
    failed: list[tuple[WorkItem, str]] = field(default_factory=list)
    outdated: int = 0


@dataclass(frozen=True, slots=True)
class Copy:
    """Another place of the same bytes that is not known to be damaged. `verified_ns` None = not read there since it was found."""

    volume: str
    volume_state: VolumeState
    path: bytes
    verified_ns: int | None


@dataclass(frozen=True, slots=True)
class Damage:
    """A damaged file.

    Attributes:
        path: from the root of its volume.
        expected, found: what its bytes should hash to, and what they did when they were read last.
        found_ns, read_ns: when that was read first and last.
    """

    location_id: LocationId
    uid: Uid
    name: str
    volume_id: VolumeId
    volume: str
    path: bytes
    expected: ContentHash
    found: ContentHash
    found_ns: int
    read_ns: int
    content_id: ContentId


@dataclass(frozen=True, slots=True)
class Run:
    """One row of `verification`."""

    id: int
    volume_id: VolumeId
    cutoff_ns: int
    started_ns: int
    ended_ns: int | None
    state: RunState
    counts: dict[str, int]
    error: str | None


# ---- what is due


def due(
    session: Session,
    volume_id: VolumeId,
    cutoff_ns: int,
    after: int,
    limit: int,
    *,
    latest_ns: int = MAX_INSTANT_NS,
) -> list[WorkItem]:
    """Return files whose bytes were not compared since the cut-off, by id; 0.2 s per million files if none is left.

    Args:
        cutoff_ns: leave out what was compared (and good, or damaged) at or after this.
        after: go on behind this location.
        latest_ns: a comparison later than this is a clock's mistake and does not count.
    """
    rows = session.rows(DUE, (after, volume_id, cutoff_ns, latest_ns, limit))
    return [work_item(row) for row in rows]


def left(
    session: Session, volume_id: VolumeId, cutoff_ns: int, *, latest_ns: int = MAX_INSTANT_NS
) -> tuple[int, int]:
    """Return how many files are due and how many bytes they have; 0.3 s per million files."""
    row = session.row(_LEFT, (0, volume_id, cutoff_ns, latest_ns))
    return (0, 0) if row is None else (row[0], row[1])


# ---- what came of it


def record(writer: Writer, readings: Sequence[Reading], now_ns: int) -> Outcome:
    """Write what readings came to, one transaction; hand over at most BATCH at once."""
    outcome = Outcome()
    with writer.atomic():
        for reading in readings:
            _record(writer, reading, now_ns, outcome)
        failpoint("store.verified")
    return outcome


def _record(writer: Writer, reading: Reading, now_ns: int, outcome: Outcome) -> None:
    item = reading.item
    expected = _expected(writer, item)
    if expected is None:
        outcome.outdated += 1
    elif reading.hash is None:
        outcome.failed.append((item, reading.failure or "unknown"))
    elif reading.hash == expected:
        writer.execute("UPDATE location SET verified_ns = ? WHERE id = ?", (now_ns, item.location_id))
        outcome.mended += writer.execute("DELETE FROM damage WHERE location_id = ?", (item.location_id,))
        outcome.verified += 1
        outcome.bytes += item.size
    elif not reading.is_second:
        outcome.differing.append(item)
    else:
        writer.execute(
            "INSERT INTO damage (location_id, found, found_ns, read_ns) VALUES (?1, ?2, ?3, ?3)"
            " ON CONFLICT DO UPDATE SET found = excluded.found, read_ns = excluded.read_ns",
            (item.location_id, reading.hash, now_ns),
        )
        outcome.damaged.append(item.location_id)


def _expected(session: Session, item: WorkItem) -> ContentHash | None:
    """Return the hash that the bytes should have if the location is still exactly the file that was read, else None.

    The change time counts too: who changed bytes and set the other times back is seen by it, and that is no rot.
    """
    found = session.value(
        "SELECT c.hash FROM location AS l JOIN content AS c ON c.id = l.content_id WHERE l.id = ? AND l.size = ?"
        " AND l.mtime_ns = ? AND l.ctime_ns = ? AND l.inode = ? AND l.state = 'present' AND l.recheck_due = 0",
        (item.location_id, item.size, item.mtime_ns, item.ctime_ns, item.inode),
    )
    return None if found is None else ContentHash(found)


def forget_outdated(writer: Writer, volume_id: VolumeId) -> int:
    """Drop the damage of files that have changed or were found good since; return how many. Damage is rare."""
    with writer.atomic():
        return writer.execute(
            "DELETE FROM damage WHERE location_id IN (SELECT l.id FROM damage AS m CROSS JOIN location AS l ON l.id = m.location_id"
            " LEFT JOIN content AS c ON c.id = l.content_id WHERE l.volume_id = ? AND l.state = 'present'"
            f" AND NOT coalesce({IS_DAMAGED}, 0))",
            (volume_id,),
        )


# ---- runs


def begin(writer: Writer, volume_id: VolumeId, cutoff_ns: int, now_ns: int) -> int:
    """Note that a verification runs; return its id. The caller has the volume's turn.

    So a run that is still written down as running was never ended, for lack of room or by a mistake: it is abandoned.
    """
    with writer.atomic():
        writer.execute(
            "UPDATE verification SET state = 'abandoned', ended_ns = ? WHERE volume_id = ? AND state = 'running'",
            (now_ns, volume_id),
        )
        forget_outdated(writer, volume_id)
        writer.execute(
            "INSERT INTO verification (volume_id, cutoff_ns, started_ns, state) VALUES (?, ?, ?, 'running')",
            (volume_id, cutoff_ns, now_ns),
        )
        return int(writer.connection.last_insert_rowid())


def end(
    writer: Writer,
    run_id: int,
    state: Literal["done", "paused", "failed", "abandoned"],
    *,
    counts: dict[str, int],
    now_ns: int,
    error: str | None = None,
) -> None:
    """Note how a verification ended. Harmless when it ended before."""
    with writer.atomic():
        writer.execute(
            "UPDATE verification SET state = ?, counts = ?, ended_ns = ?, error = ? WHERE id = ? AND state = 'running'",
            (state, json.dumps(counts), now_ns, error, run_id),
        )


def abandon(writer: Writer, now_ns: int) -> int:
    """End the runs that a killed process left running; called by whoever takes the library lock."""
    with writer.atomic():
        return writer.execute(
            "UPDATE verification SET state = 'abandoned', ended_ns = ? WHERE state = 'running'", (now_ns,)
        )


def last_run(session: Session, volume_id: VolumeId) -> Run | None:
    """Return the newest run of a volume, running or ended (index verification_volume)."""
    row = session.row(
        "SELECT id, volume_id, cutoff_ns, started_ns, ended_ns, state, counts, error FROM verification"
        " WHERE volume_id = ? ORDER BY id DESC LIMIT 1",
        (volume_id,),
    )
    if row is None:
        return None
    run_id, of_volume, cutoff_ns, started_ns, ended_ns, state, counts, error = row
    return Run(run_id, VolumeId(of_volume), cutoff_ns, started_ns, ended_ns, state, json.loads(counts), error)


# ---- what is damaged


def damaged(
    session: Session, volume_id: VolumeId | None = None, *, after: int = 0, limit: int = 1000
) -> list[Damage]:
    """Return damaged files of a volume, or of all, by the id of their location."""
    sql = f"{_DAMAGED} AND l.id > ?1 AND (?2 IS NULL OR l.volume_id = ?2) ORDER BY l.id LIMIT ?3"
    return [_damage(row) for row in session.rows(sql, (after, volume_id, limit))]


def damage_of(session: Session, location_ids: Sequence[LocationId]) -> list[Damage]:
    """Return the damage of these files; those that have none are left out."""
    sql = f"{_DAMAGED} AND l.id IN (SELECT value FROM json_each(?)) ORDER BY l.id"
    return [_damage(row) for row in session.rows(sql, (json.dumps(location_ids),))]


def good_copies(session: Session, location_id: LocationId) -> list[Copy]:
    """Return where the same bytes were seen and are not known to be damaged: readable ones first, newest comparison first."""
    rows = session.rows(_COPIES, (location_id, _MOST_COPIES))
    return [Copy(name, state, bytes(path), verified_ns) for name, state, path, verified_ns in rows]


def findings_of(
    session: Session, content_ids: Sequence[ContentId]
) -> dict[ContentId, list[dict[str, str | None]]]:
    """Return `{tool, version, reason}` of every damaged file of these contents, for the photo document."""
    if session.value("SELECT 1 FROM damage LIMIT 1") is None:
        return {}
    sql = f"{_DAMAGED} AND c.id IN (SELECT value FROM json_each(?)) ORDER BY l.id"
    found: dict[ContentId, list[dict[str, str | None]]] = {}
    for row in session.rows(sql, (json.dumps(content_ids),)):
        one = _damage(row)
        shown = one.path.decode("utf-8", "backslashreplace")
        reason = f"{one.volume}: {shown} is damaged: its bytes are not those that were read before"
        found.setdefault(one.content_id, []).append(
            {"tool": DAMAGE_TOOL, "version": _VERSION, "reason": reason}
        )
    return found


def _damage(row: Row) -> Damage:
    location_id, uid, name, volume_id, volume, path, expected, found, found_ns, read_ns, content_id = row
    return Damage(
        LocationId(location_id),
        Uid(uid),
        name,
        VolumeId(volume_id),
        volume,
        bytes(path),
        ContentHash(expected),
        ContentHash(found),
        found_ns,
        read_ns,
        ContentId(content_id),
    )
