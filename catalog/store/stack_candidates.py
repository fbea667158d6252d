"""Stack candidates as the rules want them: assets of some cells, with where they are and what their bytes say.

Reads only. A cell, or an identifier, that too many assets share is looked at by its oldest ones alone (`CELL_LIMIT`): a
hostile folder costs what a large one costs, and who is not looked at is in no stack by rule, which is never a wrong one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import NamedTuple

from catalog import dates
from catalog.dates import NeighbourZone
from catalog.ids import AssetId, VolumeId
from catalog.stacks import Candidate
from catalog.store.db import Row, Session
from catalog.store.facts_codec import facts_from_text

# The longest bursts have 100 frames, each perhaps with a RAW and an edit; numbered copies end at 20.
CELL_LIMIT = 300
TWIN_LIMIT = 300  # frames of one burst; halves of one Live Photo, its edits and copies are fewer
_OF_THE_PATH = frozenset({"filename", "directory", "mtime"})

# Indexes asset_cell and asset_twin, whose entries are in the order of ids. Aliases have neither.
IN_CELLS = (
    "SELECT a.id, a.cell, a.twin, a.stack_id FROM json_each(?1) AS wanted CROSS JOIN asset AS a ON a.id IN"
    " (SELECT m.id FROM asset AS m INDEXED BY asset_cell WHERE m.cell = wanted.value ORDER BY m.id LIMIT ?2)"
)
BY_TWINS = (
    "SELECT a.id, a.cell, a.twin, a.stack_id FROM json_each(?1) AS wanted CROSS JOIN asset AS a ON a.id IN"
    " (SELECT m.id FROM asset AS m INDEXED BY asset_twin WHERE m.twin = wanted.value ORDER BY m.id LIMIT ?2)"
)
BY_IDS = "SELECT a.id, a.cell, a.twin, a.stack_id FROM json_each(?1) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value"
CANDIDATES = (
    "SELECT a.id, l.volume_id, d.path, l.name, a.kind, a.mime, l.mtime_ns, c.facts, c.created_ns,"
    " n.offset_min, n.zone, n.from_uid"
    " FROM json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value"
    " JOIN location AS l ON l.id = a.location_id JOIN directory AS d ON d.id = l.directory_id"
    " LEFT JOIN content AS c ON c.id = a.facts_id LEFT JOIN neighbour_zone AS n ON n.content_id = c.id ORDER BY a.id"
)
VERSIONS = (
    "SELECT a.id, l.volume_id, d.path, l.name, c.kind, c.mime, l.mtime_ns, c.facts, c.created_ns,"
    " n.offset_min, n.zone, n.from_uid"
    " FROM json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value"
    " JOIN location AS l ON l.id = a.location_id JOIN directory AS d ON d.id = l.directory_id"
    " JOIN content AS c ON c.id = a.content_id LEFT JOIN neighbour_zone AS n ON n.content_id = c.id ORDER BY a.id"
)


class Placed(NamedTuple):
    """Where an asset's mates are looked for, and the stack that it is in now."""

    id: AssetId
    cell: int | None
    twin: int | None
    stack_id: int | None


def in_cells(session: Session, cells: Collection[int]) -> list[Placed]:
    """Return the assets of these cells, of each the oldest `CELL_LIMIT`."""
    return _placed(session.rows(IN_CELLS, (json.dumps(sorted(cells)), CELL_LIMIT)))


def by_twins(session: Session, twins: Collection[int]) -> list[Placed]:
    """Return the assets with these identifiers, of each the oldest `TWIN_LIMIT`."""
    return _placed(session.rows(BY_TWINS, (json.dumps(sorted(twins)), TWIN_LIMIT)))


def by_ids(session: Session, asset_ids: Collection[AssetId]) -> list[Placed]:
    """Return these assets, aliases as well."""
    return _placed(session.rows(BY_IDS, (json.dumps(sorted(asset_ids)),)))


def read_candidates(session: Session, asset_ids: Collection[AssetId]) -> list[Candidate]:
    """Return what the rules look at, by id; assets without a location are left out."""
    wanted = json.dumps(sorted(asset_ids))
    return [_candidate(session, row) for row in session.rows(CANDIDATES, (wanted,))]


def read_versions(session: Session, asset_ids: Collection[AssetId]) -> list[Candidate]:
    """Return the same of the contents that these assets have now, read or not, before anything is derived of them."""
    wanted = json.dumps(sorted(asset_ids))
    return [_candidate(session, row) for row in session.rows(VERSIONS, (wanted,))]


def _placed(rows: Sequence[Row]) -> list[Placed]:
    return [Placed._make(row) for row in rows]


def _candidate(session: Session, row: Row) -> Candidate:
    asset_id, volume_id, directory, name, kind, mime, mtime_ns, text, created_ns, *zoned = row
    plain = Candidate(AssetId(asset_id), VolumeId(volume_id), directory, name, kind, mime)
    if text is None:
        return plain
    facts = facts_from_text(text)
    # The path tells what a movie's clock meant (UTC or local); a date of the path's own is none of the bytes.
    path = directory + b"/" + name if directory else name
    neighbour = NeighbourZone(*zoned) if zoned[0] is not None else None
    capture = dates.resolve(
        kind, facts, path, mtime_ns, session.zone, created_ns, neighbour=neighbour
    ).capture
    is_of_bytes = capture.source not in _OF_THE_PATH
    return Candidate(
        plain.asset_id,
        plain.volume_id,
        directory,
        name,
        kind,
        mime,
        is_raw=facts.is_raw,
        local=capture.local if is_of_bytes else None,
        precision=capture.precision if is_of_bytes else None,
        offset_min=capture.offset_min if is_of_bytes else None,
        make=facts.make,
        model=facts.model,
        duration_s=facts.duration_s,
        live_id=facts.extra.get("live_id"),
        burst_id=facts.extra.get("burst_id"),
    )
