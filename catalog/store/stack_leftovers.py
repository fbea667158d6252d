"""Pairs that look like a Live Photo or RAW and JPEG and are in no stack, because more than one could be the partner.

Reads only, for `doctor`. Bounded: cells and identifiers that at least two assets share and one is alone in, at most
`SHARED_LIMIT` of each. Of whom people said anything about stacks nothing is told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from catalog.ids import AssetId
from catalog.stacks.ambiguity import left_apart
from catalog.store.db import Session
from catalog.store.stack_candidates import by_twins, in_cells, read_candidates

SHARED_LIMIT = 10_000
_AT_ONCE = 200
# Indexes asset_cell and asset_twin alone for the groups; rows of assets only where two share one.
_SHARED = (
    "SELECT s.shared FROM (SELECT {0} AS shared FROM asset INDEXED BY asset_{0} WHERE {0} IS NOT NULL"
    " GROUP BY {0} HAVING count(*) > 1) AS s WHERE EXISTS (SELECT 1 FROM asset AS a INDEXED BY asset_{0}"
    " WHERE a.{0} = s.shared AND a.stack_id IS NULL) LIMIT ?"
)
SHARED_CELLS = _SHARED.format("cell")
SHARED_TWINS = _SHARED.format("twin")
_FREE = (
    "SELECT a.id, a.uid, d.path, l.name FROM json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value"
    " JOIN location AS l ON l.id = a.location_id JOIN directory AS d ON d.id = l.directory_id"
    " WHERE a.state = 'shown' AND NOT EXISTS"
    " (SELECT 1 FROM statement AS s WHERE s.asset_id = a.id AND s.property = 'stack')"
)


class Leftover(NamedTuple):
    """Two photos left apart: kind `live` or `raw`; uid and path below its volume (bytes) of each."""

    kind: str
    uids: tuple[str, str]
    paths: tuple[bytes, bytes]


def leftovers(session: Session) -> Iterator[Leftover]:
    """Yield pairs that were left apart because of ambiguity, each once; take as many as are wanted."""
    told: set[tuple[AssetId, AssetId]] = set()
    twins = [row[0] for row in session.rows(SHARED_TWINS, (SHARED_LIMIT,))]
    cells = [row[0] for row in session.rows(SHARED_CELLS, (SHARED_LIMIT,))]
    for page in _pages(twins):
        yield from _leftovers(session, [one.id for one in by_twins(session, page)], told)
    for page in _pages(cells):
        placed = in_cells(session, page)
        halves = by_twins(session, {one.twin for one in placed if one.twin is not None})
        yield from _leftovers(session, [one.id for one in (*placed, *halves)], told)


def _leftovers(
    session: Session, asset_ids: Iterable[AssetId], told: set[tuple[AssetId, AssetId]]
) -> list[Leftover]:
    pairs = [
        one
        for one in left_apart(read_candidates(session, set(asset_ids)))
        if (one.first, one.second) not in told
    ]
    told.update((one.first, one.second) for one in pairs)
    ends = sorted({end for one in pairs for end in (one.first, one.second)})
    known: dict[int, tuple[str, bytes]] = {
        row[0]: (row[1], row[2] + b"/" + row[3] if row[2] else row[3])
        for row in session.rows(_FREE, (json.dumps(ends),))
    }
    return [
        Leftover(
            one.kind,
            (known[one.first][0], known[one.second][0]),
            (known[one.first][1], known[one.second][1]),
        )
        for one in pairs
        if one.first in known and one.second in known
    ]


def _pages(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), _AT_ONCE):
        yield numbers[start : start + _AT_ONCE]
