"""The trash as rows: who is in it since when, and the files that these photos still have.

Reads only. What it means for a file is `catalog.purge`'s to say; putting and restoring are statements (`trashed`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from catalog.ids import AssetId, ContentHash, LocationId, Uid, VolumeId
from catalog.purge import TrashedFile
from catalog.store.db import Row, Session


@dataclass(frozen=True, slots=True)
class TrashedPhoto:
    """A photo in the trash; `files` are the present ones of its current bytes, first seen first."""

    asset_id: AssetId
    uid: Uid
    name: str
    trashed_ns: int
    size: int
    files: tuple[TrashedFile, ...]


@dataclass(frozen=True, slots=True)
class TrashCursor:
    """Where the next page begins: behind a photo in the order of trashing, or behind so many of the wanted ones."""

    trashed_ns: int = -(2**63)
    asset_id: int = 0
    taken: int = 0


PAGE = 500
_PAGE = """
    SELECT a.id, a.uid, a.name, e.trashed_ns, a.size FROM {source} JOIN asset AS a ON a.id = e.asset_id
    WHERE e.trashed_ns IS NOT NULL AND (e.trashed_ns, e.asset_id) > (?, ?)
    ORDER BY e.trashed_ns, e.asset_id LIMIT ?"""
_PAGE_OF_ALL = _PAGE.format(source="effective AS e")  # index effective_trashed
_PAGE_AMONG = _PAGE.format(
    source="json_each(?) AS wanted CROSS JOIN effective AS e ON e.asset_id = wanted.value"
)
_FILES = """
    SELECT l.id, a.id, a.uid, a.name, e.trashed_ns, v.id, v.name, v.mode, v.state, v.backend, d.path, l.name,
           l.state = 'present' AND a.content_id = l.content_id, l.size, l.mtime_ns, l.ctime_ns, l.inode, c.hash,
           EXISTS (SELECT 1 FROM purge AS p WHERE p.location_id = l.id AND p.state = 'planned'),
           max(l.first_seen_ns, ifnull((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'restored_ns'), l.first_seen_ns))
    FROM {source} CROSS JOIN location AS l ON {condition}
    JOIN content AS c ON c.id = l.content_id JOIN asset AS a ON a.id = c.asset_id
    LEFT JOIN effective AS e ON e.asset_id = a.id
    JOIN volume AS v ON v.id = l.volume_id JOIN directory AS d ON d.id = l.directory_id
    ORDER BY l.id"""
_FILES_OF_ASSETS = _FILES.format(
    source="json_each(?) AS wanted CROSS JOIN asset AS w ON w.id = wanted.value",
    condition="l.content_id = w.content_id AND l.state = 'present'",
)
_FILES_BY_ID = _FILES.format(source="json_each(?) AS wanted", condition="l.id = wanted.value")


def trash_page(
    session: Session, among: Sequence[AssetId] | None = None, cursor: TrashCursor | None = TrashCursor()
) -> tuple[list[TrashedPhoto], TrashCursor | None]:
    """Return a page of the photos in the trash, and where the next one begins; None = there is none.

    Args:
        among: only these photos, in this order of pages; None = all, those trashed first first.
        cursor: as the page before gave it.
    """
    if cursor is None:
        return [], None
    if among is not None:
        part = among[cursor.taken : cursor.taken + PAGE]
        photos = _photos(session, TrashCursor(), part) if part else []
        rest = TrashCursor(taken=cursor.taken + PAGE)
        return photos, rest if rest.taken < len(among) else None
    photos = _photos(session, cursor, None)
    if len(photos) < PAGE:
        return photos, None
    return photos, TrashCursor(photos[-1].trashed_ns, photos[-1].asset_id)


def not_in_trash(session: Session, asset_ids: Sequence[AssetId]) -> list[Uid]:
    """Return the uids of those that are not in the trash."""
    rows = session.rows(
        "SELECT a.uid FROM json_each(?) AS wanted JOIN asset AS a ON a.id = wanted.value"
        " LEFT JOIN effective AS e ON e.asset_id = a.id WHERE e.trashed_ns IS NULL ORDER BY wanted.key",
        (json.dumps(list(asset_ids)),),
    )
    return [Uid(row[0]) for row in rows]


def _photos(session: Session, after: TrashCursor, among: Sequence[AssetId] | None) -> list[TrashedPhoto]:
    start = (after.trashed_ns, after.asset_id, PAGE)
    if among is None:
        rows = session.rows(_PAGE_OF_ALL, start)
    else:
        rows = session.rows(_PAGE_AMONG, (json.dumps(list(among)), *start))
    by_asset: dict[AssetId, list[TrashedFile]] = {}
    for file in _files(session, _FILES_OF_ASSETS, [row[0] for row in rows]):
        by_asset.setdefault(file.asset_id, []).append(file)
    return [
        TrashedPhoto(asset_id, uid, name, trashed_ns, size, tuple(by_asset.get(asset_id, ())))
        for asset_id, uid, name, trashed_ns, size in rows
    ]


def trashed_file(session: Session, location_id: LocationId) -> TrashedFile | None:
    """Return how a file stands now, whether it is in the trash or not; None if it is no photo's (any more)."""
    return next(iter(_files(session, _FILES_BY_ID, [location_id])), None)


def _files(session: Session, sql: str, ids: Iterable[int]) -> list[TrashedFile]:
    rows = session.rows(sql, (json.dumps(list(ids)),))
    read = _subjects_of_jobs(session) if rows else frozenset()
    return [_file(row, read) for row in rows]


def _file(row: Row, read: frozenset[str]) -> TrashedFile:
    location_id, asset_id, uid, name, trashed_ns, volume_id, volume, mode, state, backend = row[:10]
    folder, base, is_present, size, mtime_ns, ctime_ns, inode, digest, is_undecided, known_ns = row[10:]
    return TrashedFile(
        location_id=LocationId(location_id),
        asset_id=AssetId(asset_id),
        uid=Uid(uid),
        name=name,
        trashed_ns=trashed_ns,
        volume_id=VolumeId(volume_id),
        volume=volume,
        volume_mode=mode,
        volume_state=state,
        backend=backend,
        path=folder + b"/" + base if folder else base,
        is_present=bool(is_present),
        size=size,
        mtime_ns=mtime_ns,
        ctime_ns=ctime_ns,
        inode=inode,
        hash=None if digest is None else ContentHash(digest),
        is_in_use=uid in read or (digest is not None and digest.hex() in read),
        is_undecided=bool(is_undecided),
        known_ns=known_ns,
    )


def _subjects_of_jobs(session: Session) -> frozenset[str]:
    """Return what jobs that wait or run are about: a photo by its uid, bytes by their hash (hex)."""
    rows = session.rows("SELECT DISTINCT subject FROM job WHERE state IN ('pending', 'running')")
    return frozenset(row[0] for row in rows)
