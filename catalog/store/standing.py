"""How volumes stand: nested mounts, damage, verifications, and the history of looks. Reads only, by indexes alone.

What `status`, `volume show` and `.glassine/status.json` tell beside the volume's row and `catalog.store.progress`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from catalog.ids import VolumeId
from catalog.store.db import Row, Session
from catalog.store.verifying import IS_DAMAGED

# index scan_volume, verification_volume: the newest rows of each by id, then by time
HISTORY = (
    "SELECT * FROM (SELECT id, kind, started_ns, ended_ns, state, counts, error, NULL FROM scan WHERE volume_id = ?1"
    " ORDER BY id DESC LIMIT ?2) UNION ALL SELECT * FROM (SELECT id, 'verify', started_ns, ended_ns, state, counts, error,"
    " cutoff_ns FROM verification WHERE volume_id = ?1 ORDER BY id DESC LIMIT ?2) ORDER BY started_ns DESC, id DESC LIMIT ?2"
)
_NEWEST = (
    "SELECT id, 'verify', started_ns, ended_ns, state, counts, error, cutoff_ns FROM verification"
    " WHERE volume_id = ? {} ORDER BY id DESC LIMIT 1"
)
LAST_VERIFICATION = _NEWEST.format("")
LAST_WHOLE_VERIFICATION = _NEWEST.format(
    "AND state = 'done' AND coalesce(json_extract(counts, '$.left'), 0) = 0"
)


@dataclass(frozen=True, slots=True)
class Look:
    """One scan or verification of a volume, running or ended.

    Attributes:
        kind: full, quick or verify.
        state: running, done, partial, failed or abandoned; of a verification `paused` instead of partial.
        counts: what it came to, by name.
        cutoff_ns: of a verification that is done: every file was compared since then.
    """

    id: int
    kind: str
    started_ns: int
    ended_ns: int | None
    state: str
    counts: dict[str, Any]
    error: str | None
    cutoff_ns: int | None


@dataclass(frozen=True, slots=True)
class Nested:
    """A file system known below a volume's root, and since when it is there or away."""

    path: bytes
    is_away: bool
    since_ns: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one volume beside its row.

    Attributes:
        damaged: files whose bytes are not those that were hashed, although no stamp changed.
        last_verification: the newest one, running or ended.
        verified_ns: every file was compared with its hash at or after this; None = there was no whole verification.
    """

    damaged: int = 0
    nested: tuple[Nested, ...] = field(default=())
    last_verification: Look | None = None
    verified_ns: int | None = None

    @property
    def away(self) -> tuple[bytes, ...]:
        """Where file systems below the root are away."""
        return tuple(one.path for one in self.nested if one.is_away)


def standings(session: Session) -> dict[VolumeId, Standing]:
    """Return how every volume stands; milliseconds."""
    damaged: dict[int, int] = dict(
        session.rows(
            "SELECT l.volume_id, count(*) FROM damage AS m CROSS JOIN location AS l ON l.id = m.location_id"
            f" CROSS JOIN content AS c ON c.id = l.content_id WHERE {IS_DAMAGED} GROUP BY l.volume_id"
        )
    )
    nested: dict[int, list[Nested]] = {}
    for volume_id, path, state, since_ns in session.rows(
        "SELECT volume_id, path, state, since_ns FROM nested_mount ORDER BY volume_id, path"
    ):
        nested.setdefault(volume_id, []).append(Nested(bytes(path), state == "away", since_ns))
    found = {}
    for (volume_id,) in session.rows("SELECT id FROM volume WHERE forgotten_ns IS NULL"):
        whole = session.row(LAST_WHOLE_VERIFICATION, (volume_id,))
        last = session.row(LAST_VERIFICATION, (volume_id,))
        found[VolumeId(volume_id)] = Standing(
            damaged.get(volume_id, 0),
            tuple(nested.get(volume_id, ())),
            None if last is None else _look(last),
            None if whole is None else whole[7],
        )
    return found


def history(session: Session, volume_id: VolumeId, limit: int) -> list[Look]:
    """Return the newest scans and verifications of a volume, newest first."""
    return [_look(row) for row in session.rows(HISTORY, (volume_id, limit))]


def directory_count(session: Session) -> int:
    """Return how many directories of volumes in use are known: so many watches a complete watch takes."""
    return int(
        session.value(
            "SELECT count(*) FROM directory AS d CROSS JOIN volume AS v ON v.id = d.volume_id"
            " WHERE d.state = 'present' AND v.forgotten_ns IS NULL AND v.state NOT IN ('disabled', 'retired')"
        )
    )


def newest_known_ns(session: Session) -> int:
    """Return the latest moment that the catalog wrote down itself of late: a clock that is behind it went backwards."""
    return int(
        session.value(
            "SELECT max(coalesce((SELECT max(ended_ns) FROM (SELECT ended_ns FROM scan ORDER BY id DESC LIMIT 1000)), 0),"
            " coalesce((SELECT max(state_since_ns) FROM volume), 0),"
            " coalesce((SELECT made_ns FROM journal ORDER BY id DESC LIMIT 1), 0))"
        )
    )


def _look(row: Row) -> Look:
    look_id, kind, started_ns, ended_ns, state, counts, error, cutoff_ns = row
    return Look(look_id, kind, started_ns, ended_ns, state, json.loads(counts), error, cutoff_ns)
