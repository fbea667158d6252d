"""Zones of neighbours, kept: which folders are to be looked at, what is found there, and what becomes of it.

The rule is `catalog.neighbours`. A folder is due when photos in it got new facts; who looks (a reader) brings only what became
different, the writer keeps it and refreshes those photos. An input of derivation like the facts, path-free but for the
moment of looking: a photo that moves keeps the offset of its clock.

Invariants: only photos whose own bytes, path and sidecars tell no offset have a row; a photo with a row is no source. A folder that was
marked again while somebody looked stays due.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from catalog.capture import PRECISIONS, parse_local
from catalog.date_order import GPS_CLOCKS, MOVIE_HEADER, TAKEOUT
from catalog.facts import Facts
from catalog.ids import AssetId, ContentId, VolumeId
from catalog.neighbours import NeighbourZone, Shot, zones_by_neighbours
from catalog.store.assets import refresh
from catalog.store.db import Row, Session, Writer

# Changes per transaction: each is a refresh of a photo, as new facts are.
ZONES_BATCH = 150
_SHOTS_AT_ONCE = 2_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall clocks are compared with each other only
# What people say is no camera's clock, and neither is the time of a file.
_NO_CLOCK = frozenset({"user", "mtime"})
# An instant in UTC that was shown in the library's zone for want of a better one tells nobody an offset.
_INSTANTS = frozenset(
    {*GPS_CLOCKS, MOVIE_HEADER, TAKEOUT, "Matroska:DateTimeOriginal", "ASF:CreationDate", "filename"}
)

MARK_DUE = (
    "INSERT INTO zone_due (directory_id) SELECT DISTINCT l.directory_id FROM json_each(?) AS wanted"
    " CROSS JOIN location AS l ON l.content_id = wanted.value WHERE l.state = 'present'"
    " ON CONFLICT DO UPDATE SET marks = marks + 1"
)
CONTENTS_OF = (
    "SELECT a.content_id FROM json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value"
    " WHERE a.content_id IS NOT NULL"
)
DUE = (
    "SELECT z.directory_id, z.marks FROM zone_due AS z CROSS JOIN directory AS d ON d.id = z.directory_id"
    " WHERE d.volume_id = ? ORDER BY z.directory_id LIMIT ?"
)
# The index behind UNIQUE (directory_id, name) of location: a page of a folder, each photo by the location that rules it.
SHOTS = (
    "SELECT l.name, c.id, a.id, a.camera_id, a.capture, n.offset_min, n.zone, n.from_uid"
    " FROM location AS l CROSS JOIN content AS c ON c.id = l.content_id"
    " CROSS JOIN asset AS a ON a.id = c.asset_id LEFT JOIN neighbour_zone AS n ON n.content_id = c.id"
    " WHERE l.directory_id = ? AND l.name > ? AND a.location_id = l.id AND a.facts_id = c.id"
    " AND a.content_id = c.id AND a.capture IS NOT NULL ORDER BY l.name LIMIT ?"
)
_KEEP = (
    "INSERT INTO neighbour_zone (content_id, offset_min, zone, from_uid)"
    " SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM content WHERE id = ?1)"
    " ON CONFLICT DO UPDATE SET offset_min = excluded.offset_min, zone = excluded.zone, from_uid = excluded.from_uid"
)
_FORGET = "DELETE FROM neighbour_zone WHERE content_id = ?"


class DueFolder(NamedTuple):
    """A folder to be looked at, as it was marked when somebody began to look."""

    directory_id: int
    marks: int


class ZoneChange(NamedTuple):
    """A photo whose offset became another; None: neighbours tell none any more."""

    content_id: ContentId
    asset_id: AssetId
    zone: NeighbourZone | None


def facts_changed(writer: Writer, told: Collection[tuple[ContentId, Facts]]) -> None:
    """Mark the folders of contents that got facts; what tells a zone itself needs no neighbour. In the caller's transaction."""
    writer.executemany(_FORGET, [(content_id,) for content_id, facts in told if _tells_a_zone(facts)])
    mark_due(writer, [content_id for content_id, _ in told])


def mark_due(writer: Writer, content_ids: Collection[ContentId]) -> None:
    """Mark the folders where these bytes lie. In the caller's transaction."""
    if content_ids:
        writer.execute(MARK_DUE, (json.dumps(list(content_ids)),))


def mark_due_of_assets(writer: Writer, asset_ids: Collection[AssetId]) -> None:
    """Mark the folders of photos of which sidecars tell another time or place. In the caller's transaction."""
    if asset_ids:
        rows = writer.rows(CONTENTS_OF, (json.dumps(sorted(asset_ids)),))
        mark_due(writer, [ContentId(row[0]) for row in rows])


def zones_due(session: Session, volume_id: VolumeId, limit: int) -> list[DueFolder]:
    """Return folders of a volume that are to be looked at."""
    return [DueFolder(*row) for row in session.rows(DUE, (volume_id, limit))]


def zone_changes(session: Session, directory_id: int) -> list[ZoneChange]:
    """Look at a folder: return what is different from what is kept. Some 15 us per photo, 400 bytes each while it looks."""
    shots: list[Shot] = []
    kept: dict[ContentId, NeighbourZone] = {}
    for row in _rows(session, directory_id):
        shot, zone = _shot(row, session.zone)
        if shot is not None:
            shots.append(shot)
            if zone is not None:
                kept[shot.content_id] = zone
    found = zones_by_neighbours(shots)
    uids = _uids(session, {source.asset_id for source in found.values()})
    changes = []
    for shot in shots:
        source, old = found.get(shot.content_id), kept.get(shot.content_id)
        new = (
            None
            if source is None
            else NeighbourZone(source.offset_min or 0, source.zone, uids[source.asset_id])
        )
        # Another photo that tells the same is no news: else one new photo would touch the whole folder.
        if (new and new[:2]) != (old and old[:2]):
            changes.append(ZoneChange(shot.content_id, shot.asset_id, new))
    return changes


def record_zones(
    writer: Writer, changes: Sequence[ZoneChange], done: Sequence[DueFolder], zone: ZoneInfo, now_ns: int
) -> None:
    """Keep at most ZONES_BATCH changes, refresh the photos, and take away the due marks of the folders that are done."""
    with writer.atomic():
        writer.executemany(_FORGET, [(one.content_id,) for one in changes if one.zone is None])
        writer.executemany(_KEEP, [(one.content_id, *one.zone) for one in changes if one.zone is not None])
        # Offsets tell how far apart two clocks are, so stacks may become others.
        refresh(writer, [one.asset_id for one in changes], now_ns, zone, may_restack=True)
        writer.executemany("DELETE FROM zone_due WHERE directory_id = ? AND marks = ?", done)


def _tells_a_zone(facts: Facts) -> bool:
    return (
        facts.lat is not None
        or "zone_min" in facts.extra
        or any(one.offset_min is not None and one.rejected is None for one in facts.candidates)
    )


def _rows(session: Session, directory_id: int) -> Iterator[Row]:
    last = b""
    while rows := session.rows(SHOTS, (directory_id, last, _SHOTS_AT_ONCE)):
        last = rows[-1][0]
        yield from rows


def _shot(row: Row, library_zone: ZoneInfo) -> tuple[Shot | None, NeighbourZone | None]:
    """Return the photo, None if it takes no part, and the offset that it has from a neighbour now."""
    _, content_id, asset_id, camera_id, text, *neighbour = row
    capture: dict[str, Any] = json.loads(text)
    parsed = parse_local(capture["local"])
    if (
        capture["source"] in _NO_CLOCK
        or parsed is None
        or PRECISIONS.index(parsed[1]) < PRECISIONS.index("minute")
    ):
        return None, None
    kept = NeighbourZone(*neighbour) if neighbour[0] is not None else None
    offset_min, zone = capture.get("offset_min"), capture.get("zone")
    if kept is not None and offset_min == kept.offset_min:
        offset_min = zone = None  # it asks again; were it a source, photos would pass offsets on and on
    elif capture["source"] in _INSTANTS and zone == library_zone.key:
        return None, None
    second = int((parsed[0] - _EPOCH).total_seconds())
    return Shot(ContentId(content_id), AssetId(asset_id), camera_id, second, offset_min, zone), kept


def _uids(session: Session, asset_ids: Collection[AssetId]) -> dict[AssetId, str]:
    rows = session.rows(
        "SELECT a.id, a.uid FROM json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value",
        (json.dumps(sorted(asset_ids)),),
    )
    return {AssetId(row[0]): row[1] for row in rows}
