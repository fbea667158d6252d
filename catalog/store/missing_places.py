"""What the missing rule is asked about: places of missing files with all that decides, and why volumes hold them back.

Reads for `daemon.missing`, which lets rows go, and for `why missing`, which explains; one reading, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from catalog.absence_rule import GUARD_FLOOR, Absence, guard
from catalog.ids import LocationId, VolumeId
from catalog.store import changes, volumes
from catalog.store.db import Session, Writer
from catalog.values import NestedMount, Volume

# Beyond so many complete scans the rule asks for no more.
_MOST_SCANS = 1_000

# index location_missing, whose entries are in the order of ids; purge_location; sidecar's primary key
_ABSENCE = """
    SELECT l.id, CAST(CASE d.path WHEN x'' THEN l.name ELSE d.path || '/' || l.name END AS BLOB), l.missing_since_ns,
        a.location_id IS l.id, EXISTS (SELECT 1 FROM purge AS p WHERE p.location_id = l.id),
        EXISTS (SELECT 1 FROM sidecar AS s CROSS JOIN sidecar_photo AS o ON o.location_id = s.location_id
            CROSS JOIN statement AS t ON t.asset_id = o.asset_id AND t.source = 'sidecar' AND t.author = s.author
            WHERE s.location_id = l.id)
    FROM location AS l CROSS JOIN directory AS d ON d.id = l.directory_id
    LEFT JOIN content AS c ON c.id = l.content_id LEFT JOIN asset AS a ON a.id = c.asset_id WHERE l.state = 'missing' AND """
PAGE = _ABSENCE + "l.volume_id = ? AND l.id > ? ORDER BY l.id LIMIT ?"
ONE = _ABSENCE + "l.id = ?"
# index scan_volume
COMPLETE_SCANS = (
    "SELECT started_ns FROM scan WHERE volume_id = ? AND kind = 'full' AND state = 'done' AND started_ns > ?"
    " AND ended_ns <= ? ORDER BY id DESC LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class MissingPlace:
    """A place where a file was, and what the rule is to know of it."""

    location_id: LocationId
    path: bytes
    absence: Absence


def missing_places(
    session: Session, volume: Volume, *, after: LocationId | None, limit: int, now_ns: int
) -> list[MissingPlace]:
    """Return places of missing files of a volume by id, `limit` at most, those after `after`.

    Scans that ended after `now_ns` do not count: the clock was ahead then. That another volume is away is not in it: the
    caller asks for that at the last moment.
    """
    rows = [_Row._make(row) for row in session.rows(PAGE, (volume.id, after or 0, limit))]
    return _places(session, volume, volume.id, rows, library_hold=None, now_ns=now_ns) if rows else []


def missing_place(
    session: Session,
    volume: Volume | None,
    volume_id: VolumeId,
    location_id: LocationId,
    *,
    library_hold: str | None,
    now_ns: int,
) -> MissingPlace:
    """Return one place that is missing.

    Args:
        session: any.
        volume: None = it was forgotten.
        volume_id: where the place is.
        location_id: the place.
        library_hold: why nothing at all goes now; None = nothing speaks against it.
        now_ns: the instant at which it is judged.
    """
    rows = [_Row._make(row) for row in session.rows(ONE, (location_id,))]
    return _places(session, volume, volume_id, rows, library_hold=library_hold, now_ns=now_ns)[0]


class _Row(NamedTuple):
    location_id: LocationId
    path: bytes
    since_ns: int
    is_last_trace: int
    is_purge: int
    is_witness: int


def _places(
    session: Session,
    volume: Volume | None,
    volume_id: VolumeId,
    rows: Sequence[_Row],
    *,
    library_hold: str | None,
    now_ns: int,
) -> list[MissingPlace]:
    oldest_ns = min(row.since_ns for row in rows)
    scans = [row[0] for row in session.rows(COMPLETE_SCANS, (volume_id, oldest_ns, now_ns, _MOST_SCANS))]
    away = [one for one in volumes.nested_mounts(session, volume_id) if one.is_away]
    return [
        MissingPlace(
            row.location_id,
            row.path,
            Absence(
                missing_since_ns=row.since_ns,
                full_scans=sum(1 for started_ns in scans if started_ns > row.since_ns),
                is_last_trace=bool(row.is_last_trace),
                is_accepted=volume is not None and row.since_ns <= (volume.accepted_ns or -1),
                volume_hold=None if volume is None else volume.hold,
                library_hold=library_hold or why_unseen(volume, away, row.path),
                is_purge=bool(row.is_purge),
                is_witness=bool(row.is_witness),
            ),
        )
        for row in rows
    ]


def why_unseen(volume: Volume | None, away: Sequence[NestedMount], path: bytes) -> str | None:
    """Tell why nobody can know whether a file of a volume is there; None = who looks sees it."""
    if volume is None:
        return "its owner forgot the volume"
    if volume.state != "online":
        return f"its volume is {volume.state}: what is there is not known"
    for mount in away:
        if path == mount.path or path.startswith(mount.path + b"/"):
            place = mount.path.decode("utf-8", "replace")
            return f"the file system that was mounted at {place} is away: what is there is not known"
    return None


def library_hold(session: Session) -> str | None:
    """Tell why nothing at all goes now, as the catalog knows it: files may have moved to a volume that is away."""
    for one in volumes.volumes(session):
        if one.state in ("unknown", "suspect", "offline"):
            return f"the volume {one.name!r} is {one.state}: the file may be there"
    return None


def guard_of(session: Session, volume: Volume, percent: int) -> str | None:
    """Tell why a mass disappearance on a volume waits for its owner, or None. What the owner accepted does not count.

    Counts the files of the volume only where many are missing: about 0.3 s per million.
    """
    missing = int(
        session.value(
            "SELECT count(*) FROM location WHERE volume_id = ? AND state = 'missing' AND missing_since_ns > ?",
            (volume.id, volume.accepted_ns or 0),
        )
    )
    if missing <= GUARD_FLOOR:
        return None
    known = int(session.value("SELECT count(*) FROM location WHERE volume_id = ?", (volume.id,)))
    return guard(missing, known, percent)


def set_hold(writer: Writer, volume_id: VolumeId, hold: str | None) -> bool:
    """Note why rows of a volume are kept beyond their grace; return whether that is new or gone (not: other numbers)."""
    with writer.atomic():
        before = writer.value("SELECT hold FROM volume WHERE id = ?", (volume_id,))
        if before != hold:
            writer.execute("UPDATE volume SET hold = ? WHERE id = ?", (hold, volume_id))
            changes.append(writer, [("volume", str(volume_id), None)])
    return (before is None) != (hold is None)
