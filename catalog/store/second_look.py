"""The second look, written down: files that are gone are missing, or at another place already.

Called only by whoever looked at the disk again. What moved is no absence: the row of its former name goes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from catalog.ids import DirectoryId, LocationId, VolumeId
from catalog.store import moves, trace_rows, traces
from catalog.store.absence import mark_directory_missing, mark_missing
from catalog.store.db import Session, Writer


class Settled(NamedTuple):
    """What became of files that are gone: `missing`, or at another place already."""

    missing: int
    moved: int


def settle_gone(
    writer: Writer, volume_id: VolumeId, location_ids: Iterable[LocationId], now_ns: int
) -> Settled:
    """Let go of places that two looks did not find: the rows of files that moved go, all others are missing.

    In transactions of a batch each; call it outside of one. What stays although it moved (the trash tells of it, say) is missing.
    """
    wanted = list(location_ids)
    went = moves.moved(writer, volume_id, wanted)
    # What is no photo has no bytes that we know: it goes by its stamp alone.
    photos = {
        row[0]
        for row in writer.rows(
            "SELECT id FROM location WHERE id IN (SELECT value FROM json_each(?)) AND content_id IS NOT NULL",
            (json.dumps(went),),
        )
    }
    others = [one for one in went if one not in photos]
    mark_missing(writer, volume_id, others, now_ns)
    dropped = traces.drop(writer, [*(one for one in went if one in photos), *others], now_ns)
    return Settled(mark_missing(writer, volume_id, wanted, now_ns), dropped)


def files_in(session: Session, directory_id: DirectoryId) -> list[tuple[LocationId, bytes]]:
    """Return the present files of a directory, by name: (id, name)."""
    rows = session.rows(
        "SELECT id, name FROM location WHERE directory_id = ? AND state = 'present' ORDER BY name",
        (directory_id,),
    )
    return [(LocationId(one), bytes(name)) for one, name in rows]


def settle_directory(writer: Writer, volume_id: VolumeId, directory_id: DirectoryId, now_ns: int) -> int:
    """Let go of a directory whose files and subdirectories are settled; return how many files had come meanwhile.

    It is missing then; if nothing is known of it any more its row goes. Never the root, or where something is mounted.
    """
    if (
        writer.value("SELECT 1 FROM directory WHERE id = ? AND volume_id = ?", (directory_id, volume_id))
        is None
    ):
        return 0  # a scan and a hint may look at the same time, and the other one was first
    marked = mark_directory_missing(writer, volume_id, directory_id, now_ns)
    trace_rows.drop_directories(writer, [directory_id])
    return marked
