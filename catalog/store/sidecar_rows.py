"""Rows of foreign sidecars: which files are sidecars, and when one has to be read (again).

A sidecar is due when it is seen for the first time, when it changes or comes back, and when a file that it could be about
appears, changes, goes or comes back beside it; also when such a file turns out to be another photo. What it says then is
`catalog.store.sidecars`. Too many are due rather than too few: a reading that says nothing new changes nothing.

All functions take part in the transaction of whoever changed the files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from catalog.capture import NS_PER_S
from catalog.facts import READER_VERSION
from catalog.ids import AssetId, ContentId, DirectoryId, LocationId
from catalog.sidecars.names import cell_of, cells_of, form_of
from catalog.store import file_cells
from catalog.store.db import Session, Writer

# index sidecar_cell
MARK = (
    "UPDATE sidecar SET state = 'due', retry_ns = NULL"
    " WHERE directory_id = ? AND cell IN (SELECT wanted.value FROM json_each(?) AS wanted)"
)
# index sidecar_unbound; what is, or will be, bound by its title has a name that tells nothing
MARK_UNBOUND = (
    "UPDATE sidecar SET state = 'due', retry_ns = NULL"
    " WHERE directory_id = ? AND state = 'unbound' AND form = 'takeout'"
)
# index sidecar_titled
MARK_TITLED = (
    "UPDATE sidecar SET state = 'due', retry_ns = NULL WHERE directory_id = ?1 AND location_id IN"
    " (SELECT p.location_id FROM sidecar AS s CROSS JOIN sidecar_photo AS p INDEXED BY sidecar_titled"
    " ON p.location_id = s.location_id AND p.rule = 'title' WHERE s.directory_id = ?1 AND s.form = 'takeout')"
)
_NOTE = (
    "INSERT INTO sidecar (location_id, directory_id, cell, form) VALUES (?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET state = 'due', retry_ns = NULL"
)


class SeenFile(NamedTuple):
    """A file of a listing that is new, changed or back."""

    location_id: LocationId
    name: bytes


def note_sidecars(writer: Writer, directory_id: DirectoryId, seen: Iterable[SeenFile]) -> None:
    """Make sidecars among these files due, and those that could be about one of the others."""
    files = list(seen)
    rows = [
        (one.location_id, directory_id, cell_of(one.name), form)
        for one in files
        if (form := form_of(one.name)) is not None
    ]
    writer.executemany(_NOTE, rows)
    file_cells.note_seen(writer, directory_id, files)
    mark_beside(writer, directory_id, (one.name for one in files))


def mark_beside(writer: Writer, directory_id: DirectoryId, names: Iterable[bytes]) -> None:
    """Make sidecars due that could be about files of these names, or about the same photo as sidecars of these names."""
    if has_sidecars(writer, directory_id):
        cells = sorted({cell for name in names for cell in cells_of(name)})
        writer.execute(MARK, (directory_id, json.dumps(cells)))
        writer.execute(MARK_UNBOUND, (directory_id,))
        writer.execute(MARK_TITLED, (directory_id,))


def mark_around(writer: Writer, location_ids: Iterable[LocationId]) -> None:
    """Do the same for the files of these rows."""
    rows = writer.rows(
        "SELECT l.directory_id, l.name FROM json_each(?) AS wanted CROSS JOIN location AS l ON l.id = wanted.value",
        (json.dumps(list(location_ids)),),
    )
    _mark_rows(writer, rows)


def mark_of_content(writer: Writer, content_id: ContentId) -> None:
    """Do the same for all files of these bytes: they are, or were, another photo's."""
    _mark_rows(
        writer, writer.rows("SELECT directory_id, name FROM location WHERE content_id = ?", (content_id,))
    )


def _mark_rows(writer: Writer, rows: Iterable[tuple[DirectoryId, bytes]]) -> None:
    by_directory: dict[DirectoryId, list[bytes]] = {}
    for directory_id, name in rows:
        by_directory.setdefault(directory_id, []).append(bytes(name))
    for directory_id, names in by_directory.items():
        mark_beside(writer, directory_id, names)


def hand_over(writer: Writer, former: LocationId, location_id: LocationId, now_ns: int) -> None:
    """Let a sidecar that moved speak under its new name with its old author: nothing that it said is said anew.

    If the former name is there still, it is another sidecar from now on: read when it is certain that it did not move.
    """
    row = writer.row(
        "SELECT version, author, said, read_ns FROM sidecar WHERE location_id = ? AND author IS NOT NULL",
        (former,),
    )
    known = writer.row(
        "SELECT 1 FROM sidecar WHERE location_id = ? AND author IS NULL AND said IS NULL", (location_id,)
    )
    if row is None or known is None:
        return
    writer.execute(
        "UPDATE sidecar SET state = 'due', retry_ns = ?, version = 0, author = NULL, said = NULL, read_ns = NULL,"
        " reason = NULL, overruled = NULL WHERE location_id = ?",
        (now_ns + _MOVED_NS, former),
    )
    writer.execute(
        "UPDATE sidecar SET version = ?, author = ?, said = ?, read_ns = ? WHERE location_id = ?",
        (*row, location_id),
    )
    writer.execute(
        "UPDATE OR IGNORE sidecar_photo SET location_id = ? WHERE location_id = ?", (location_id, former)
    )
    writer.execute("DELETE FROM sidecar_photo WHERE location_id = ?", (former,))


# A scan takes its second look, which tells whether a file moved, within this time; later is no harm.
_MOVED_NS = 300 * NS_PER_S


def follow_merge(writer: Writer, younger: AssetId, older: AssetId) -> None:
    """Let sidecars of a photo that turned out to be another one be about that, and be read again."""
    writer.execute(
        "UPDATE sidecar SET state = 'due', retry_ns = NULL"
        " WHERE location_id IN (SELECT location_id FROM sidecar_photo WHERE asset_id IN (?, ?))",
        (younger, older),
    )
    writer.execute("UPDATE OR IGNORE sidecar_photo SET asset_id = ? WHERE asset_id = ?", (older, younger))
    writer.execute("DELETE FROM sidecar_photo WHERE asset_id = ?", (younger,))


def mark_about(writer: Writer, asset_ids: Iterable[AssetId]) -> None:
    """Make sidecars due that are about these photos: what they say of faces depends on how a picture is turned."""
    writer.execute(
        "UPDATE sidecar SET state = 'due', retry_ns = NULL WHERE location_id IN (SELECT p.location_id"
        " FROM json_each(?) AS wanted CROSS JOIN sidecar_photo AS p ON p.asset_id = wanted.value)",
        (json.dumps(list(asset_ids)),),
    )


def has_sidecars(session: Session, directory_id: DirectoryId) -> bool:
    """Tell whether any sidecar was ever seen in a directory."""
    return session.row("SELECT 1 FROM sidecar WHERE directory_id = ? LIMIT 1", (directory_id,)) is not None


def mark_all(writer: Writer) -> None:
    """Make every sidecar due: after a restore, whose photos have other numbers."""
    writer.execute("UPDATE sidecar SET state = 'due', retry_ns = NULL")


def renew_sidecars(writer: Writer) -> int:
    """Make what older readers read due again, at most once per version of the readers; return how many rows are due.

    Called at the start of the daemon. The first time it also finds the sidecars among the files of older catalogs.
    """
    known = writer.value("SELECT value FROM meta WHERE key = 'sidecars_version'")
    if int(known or 0) >= READER_VERSION:
        return 0
    if known is None:
        _note_known_files(writer)
    with writer.atomic():
        renewed = writer.execute(
            "UPDATE sidecar SET state = 'due', retry_ns = NULL WHERE version < ?", (READER_VERSION,)
        )
        writer.execute(
            "INSERT INTO meta VALUES ('sidecars_version', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            (str(READER_VERSION),),
        )
    return renewed


_LOOKED_AT_ONCE = 5_000
_KNOWN_FILES = (
    "SELECT id, directory_id, name FROM location WHERE id > ? AND id <= ? AND content_id IS NULL AND id NOT IN"
    " (SELECT location_id FROM sidecar)"
)


def _note_known_files(writer: Writer) -> None:
    for first in range(0, writer.last_id("location") + 1, _LOOKED_AT_ONCE):
        rows: Mapping[LocationId, tuple[DirectoryId, bytes]] = {
            row[0]: (row[1], bytes(row[2]))
            for row in writer.rows(_KNOWN_FILES, (first, first + _LOOKED_AT_ONCE))
        }
        with writer.atomic():
            writer.executemany(
                _NOTE,
                [
                    (location_id, directory_id, cell_of(name), form)
                    for location_id, (directory_id, name) in rows.items()
                    if (form := form_of(name)) is not None
                ],
            )
