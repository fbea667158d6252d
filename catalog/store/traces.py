"""Rows that go: places of files that are gone for good, or known elsewhere; and empty directories. Never a word, never a photo.

A row of `location` is a *trace*: where bytes were last seen. What stays whoever asks, because it explains something:
- the ruling place of a photo that is nowhere: the last trace (its date may follow from that path, and time alone changes no date);
- a place whose bytes were overwritten, of a photo that has no other one;
- what the trash tells of (a row of `purge`), and a sidecar whose words count: they follow from its row.

Whether a row may go by its age is `catalog.absence_rule`. A volume that was forgotten (decision 0006, 7) has its name and
place free at once (`volumes.mark_forgotten`); what follows for its rows is done here, in steps, by whoever holds the library
lock: the daemon, a scan in the foreground, or the command itself. A row of `job` (kind forget) says that it is done. Where the
same bytes turn up again, by their hash, photos are what they were.

Invariants: one transaction per batch, below 50 ms of write lock;
everything that refers to a place refers to one that exists afterwards; ids are never used again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.failpoints import failpoint
from catalog.ids import LocationId, VolumeId
from catalog.store import volumes
from catalog.store.absence import mark_missing
from catalog.store.db import Session, Writer
from catalog.store.trace_rows import drop_batch, drop_directories, replaced_places

# Rows per transaction: some 17 ms where each is of another photo, 35 ms where present ones of a forgotten volume become
# missing (2 cores, 2026-11-21).
BATCH = 100


def drop(writer: Writer, location_ids: Iterable[LocationId], now_ns: int) -> int:
    """Remove rows of places, and directories that are empty and missing then; return how many rows of places went.

    In transactions of BATCH rows; call it outside of one. What must stay (see above) is left as it is, present or missing:
    whoever looked for it on the disk calls `mark_missing` afterwards. A place that is present goes only where another
    present one holds the same bytes: it moved.
    """
    wanted = list(dict.fromkeys(location_ids))
    replaced = replaced_places(writer, wanted)
    dropped = 0
    for start in range(0, len(wanted), BATCH):
        batch = [one for one in wanted[start : start + BATCH] if one not in replaced]
        with writer.atomic():
            dropped += _drop(writer, batch, now_ns)
        failpoint("store.traces")
    return dropped


def drop_missing(writer: Writer, judged: Mapping[LocationId, int], now_ns: int) -> int:
    """Remove rows that the missing rule lets go, unless anything changed since it was asked; return how many went.

    One transaction: hand over BATCH rows at most. Nothing goes while any volume in use is not online.

    Args:
        judged: place -> since when it was missing, as the rule was told.
    """
    replaced = replaced_places(writer, list(judged))
    with writer.atomic():
        if away_volumes(writer):
            return 0
        rows = writer.rows(_STILL, (json.dumps(list(judged)),))
        still = [LocationId(row[0]) for row in rows if judged[LocationId(row[0])] == row[1]]
        dropped = _drop(writer, [one for one in still if one not in replaced], now_ns)
    failpoint("store.traces")
    return dropped


_STILL = (
    "SELECT l.id, l.missing_since_ns FROM json_each(?) AS wanted CROSS JOIN location AS l ON l.id = wanted.value"
    " CROSS JOIN volume AS v ON v.id = l.volume_id WHERE l.state = 'missing' AND v.state = 'online'"
)


def away_volumes(session: Session) -> list[str]:
    """Return the names of volumes in use that are not online: while there is one, no row of a missing file goes."""
    return [one.name for one in volumes.volumes(session) if one.state in ("unknown", "suspect", "offline")]


def _drop(writer: Writer, location_ids: Sequence[LocationId], now_ns: int) -> int:
    gone = drop_batch(writer, location_ids, now_ns)
    drop_directories(writer, sorted({one.directory_id for one in gone}))
    return len(gone)


# ---- volumes that their owner forgot


@dataclass(frozen=True, slots=True)
class ForgetPlan:
    """What forgetting a volume would do.

    Attributes:
        files: present ones, whose places are forgotten.
        bytes: of those.
        photos_only_here: they become missing, and are kept with all that was said.
        photos_only_here_said: those of them about which anything was said.
        photos_elsewhere: seen on another volume too; they stay where they are shown.
    """

    files: int
    bytes: int
    photos_only_here: int
    photos_only_here_said: int
    photos_elsewhere: int


# index location_content and what is behind UNIQUE of statement, per photo
_PLAN = """
    SELECT coalesce(sum(1 - elsewhere), 0), coalesce(sum((1 - elsewhere) * said), 0), coalesce(sum(elsewhere), 0) FROM (
        SELECT EXISTS (SELECT 1 FROM asset AS a CROSS JOIN location AS m ON m.content_id = a.content_id
                WHERE a.id = here.asset_id AND m.volume_id <> ?1 AND m.state = 'present') AS elsewhere,
            EXISTS (SELECT 1 FROM statement AS s WHERE s.asset_id = here.asset_id) AS said
        FROM (SELECT DISTINCT c.asset_id FROM location AS l CROSS JOIN content AS c ON c.id = l.content_id
            WHERE l.volume_id = ?1 AND l.state = 'present') AS here)"""


def forget_plan(session: Session, volume_id: VolumeId) -> ForgetPlan:
    """Return what forgetting a volume would do. Reads all its rows: about 3 s per million photos."""
    files, size = session.rows(
        "SELECT count(*), coalesce(sum(size), 0) FROM location WHERE volume_id = ? AND state = 'present'",
        (volume_id,),
    )[0]
    return ForgetPlan(files, size, *session.rows(_PLAN, (volume_id,))[0])


# index job_due does not hold it; jobs are few
UNSWEPT = (
    "SELECT v.id FROM volume AS v WHERE v.forgotten_ns IS NOT NULL AND NOT EXISTS (SELECT 1 FROM job AS j"
    " WHERE j.kind = 'forget' AND j.subject = CAST(v.id AS TEXT) AND j.state = 'done') ORDER BY v.id LIMIT 1"
)


def next_forgotten(session: Session) -> VolumeId | None:
    """Return the first volume that was forgotten and is not swept yet."""
    found = session.value(UNSWEPT)
    return None if found is None else VolumeId(found)


_PROGRESS = "CREATE TEMP TABLE IF NOT EXISTS sweep (volume_id INTEGER PRIMARY KEY, step INTEGER, after)"


def sweep_forgotten(writer: Writer, now_ns: int, limit: int = BATCH) -> bool:
    """Do the next step for a volume that was forgotten: `limit` rows at most; return whether more is to do.

    Present files become missing; then all places go but last traces, directories but those of last traces, and what was
    known about the volume alone. How far it is, this connection remembers; after a kill it begins again, which repeats nothing.
    """
    volume_id = next_forgotten(writer)
    if volume_id is None:
        return False
    writer.execute(_PROGRESS)
    step, after = writer.row("SELECT step, after FROM temp.sweep WHERE volume_id = ?", (volume_id,)) or (
        0,
        None,
    )
    if step == len(_STEPS):
        writer.execute(
            "INSERT INTO job (kind, subject, state, created_ns) VALUES ('forget', ?, 'done', ?)",
            (str(volume_id), now_ns),
        )
        return next_forgotten(writer) is not None
    after = _STEPS[step](writer, volume_id, after, limit, now_ns)
    failpoint("store.forgetting")
    writer.execute(
        "INSERT OR REPLACE INTO temp.sweep VALUES (?, ?, ?)",
        (volume_id, step if after is not None else step + 1, after),
    )
    return True


# ---- the steps: each does `limit` rows after the place where it ended, and returns where it ends now; None = all is done

Place = int | bytes
_Step = Callable[[Writer, VolumeId, Any, int, int], Place | None]


def _call_missing(
    writer: Writer, volume_id: VolumeId, after: int | None, limit: int, now_ns: int
) -> int | None:
    # By id, so that the table is read once however many files there are.
    rows = writer.rows(
        "SELECT id FROM location NOT INDEXED WHERE id > ? AND volume_id = ? AND state = 'present' ORDER BY id LIMIT ?",
        (after or 0, volume_id, limit),
    )
    mark_missing(writer, volume_id, [LocationId(row[0]) for row in rows], now_ns)
    return rows[-1][0] if rows else None


def _drop_places(
    writer: Writer, volume_id: VolumeId, after: int | None, limit: int, now_ns: int
) -> int | None:
    # index location_missing, whose entries are in the order of ids
    rows = writer.rows(
        "SELECT id FROM location WHERE volume_id = ? AND state = 'missing' AND id > ? ORDER BY id LIMIT ?",
        (volume_id, after or 0, limit),
    )
    drop(writer, [LocationId(row[0]) for row in rows], now_ns)
    return rows[-1][0] if rows else None


def _drop_knowledge(
    writer: Writer, volume_id: VolumeId, after: int | None, limit: int, now_ns: int
) -> int | None:
    """Forget what was known about the volume alone; scans stay as its history."""
    with writer.atomic():
        stamps = writer.execute(
            "DELETE FROM displaced WHERE volume_id = ?1 AND (inode, size, mtime_ns) IN"
            " (SELECT inode, size, mtime_ns FROM displaced WHERE volume_id = ?1 LIMIT ?2)",
            (volume_id, limit),
        )
        if stamps:
            return stamps
        writer.execute(
            "DELETE FROM damage WHERE location_id IN (SELECT id FROM location WHERE volume_id = ? AND state = 'missing')",
            (volume_id,),
        )
        for table in ("nested_mount", "library_path", "verification"):
            writer.execute(f"DELETE FROM {table} WHERE volume_id = ?", (volume_id,))
        writer.execute("UPDATE volume SET hold = NULL WHERE id = ?", (volume_id,))
    return None


def _drop_directories(
    writer: Writer, volume_id: VolumeId, after: bytes | None, limit: int, now_ns: int
) -> bytes | None:
    # The index behind UNIQUE (volume_id, path), backwards: what lies in a directory comes before it.
    rows = writer.rows(
        "SELECT id, path FROM directory WHERE volume_id = ?1 AND parent_id IS NOT NULL AND (?2 IS NULL OR path < ?2)"
        " ORDER BY path DESC LIMIT ?3",
        (volume_id, after, limit),
    )
    with writer.atomic():
        writer.executemany(
            "UPDATE directory SET state = 'missing', digest = NULL, changed_ns = ? WHERE id = ? AND state = 'present'",
            [(now_ns, row[0]) for row in rows],
        )
        drop_directories(writer, [row[0] for row in rows])
    return rows[-1][1] if rows else None


_STEPS: tuple[_Step, ...] = (_call_missing, _drop_places, _drop_knowledge, _drop_directories)
