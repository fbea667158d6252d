"""The checker's part about volumes that may vanish: what is forgotten, damaged, displaced, to be read again (I23-I26)."""

from __future__ import annotations

from catalog.store.check_reading import Found, violations_in
from catalog.store.db import Session

# A volume that was forgotten, and whose rows were swept (`catalog.store.traces`).
_SWEPT = (
    "v.forgotten_ns IS NOT NULL AND EXISTS (SELECT 1 FROM job AS j"
    " WHERE j.kind = 'forget' AND j.subject = CAST(v.id AS TEXT) AND j.state = 'done')"
)


def forgotten(session: Session) -> Found:
    """I23: a forgotten volume holds neither its name nor its place; once swept, no file that is there, and nothing of its own."""
    yield from violations_in(
        session,
        "SELECT 'volume ' || id, 'it was forgotten and still holds its name, its place or a state' FROM volume"
        " WHERE forgotten_ns IS NOT NULL AND (fold <> '/forgotten/' || id OR root <> CAST('/forgotten/' || id AS BLOB)"
        " OR state <> 'retired')",
    )
    yield from violations_in(
        session,
        "SELECT 'location ' || l.id, 'it is present on a volume that was forgotten' FROM volume AS v"
        f" JOIN location AS l ON l.volume_id = v.id WHERE {_SWEPT} AND l.state = 'present'",
    )
    for table in ("nested_mount", "library_path", "verification"):
        yield from violations_in(
            session,
            f"SELECT 'volume ' || v.id, 'it was forgotten and has rows of {table}' FROM volume AS v"
            f" WHERE {_SWEPT} AND EXISTS (SELECT 1 FROM {table} AS t WHERE t.volume_id = v.id)",
        )


def damaged(session: Session) -> Found:
    """I24: a damaged file is there, the hash of its bytes was known, and what was found instead is another one."""
    yield from violations_in(
        session,
        "SELECT 'damage ' || d.location_id, CASE WHEN l.state <> 'present' THEN 'its file is missing'"
        " WHEN c.hash IS NULL THEN 'nobody knows what its bytes should be' ELSE 'what was found is what should be there' END"
        " FROM damage AS d JOIN location AS l ON l.id = d.location_id LEFT JOIN content AS c ON c.id = l.content_id"
        " WHERE l.state <> 'present' OR c.hash IS NULL OR c.hash = d.found",
    )


def displaced(session: Session) -> Found:
    """I25: stamps on the move are of volumes that are volumes, and tell an inode."""
    yield from violations_in(
        session,
        "SELECT 'volume ' || v.id, 'it was forgotten and has stamps on the move' FROM volume AS v"
        f" WHERE {_SWEPT} AND EXISTS (SELECT 1 FROM displaced AS t WHERE t.volume_id = v.id)",
    )
    yield from violations_in(
        session,
        "SELECT 'displaced ' || volume_id || ':' || content_id, 'it has no inode' FROM displaced WHERE inode = 0",
    )


def rechecked(session: Session) -> Found:
    """I26: bytes are to be read again only where their hash is known: others are to be read anyway."""
    yield from violations_in(
        session,
        "SELECT 'location ' || l.id, 'it is to be read again, and was never read' FROM location AS l"
        " LEFT JOIN content AS c ON c.id = l.content_id WHERE l.recheck_due = 1 AND c.hash IS NULL",
    )
