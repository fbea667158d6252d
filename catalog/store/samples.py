"""Known files that a probe looks for: is what is at the root still the volume that was scanned?

A few present files, spread over the directories of the volume, the same ones as long as nothing changes. Cheap with a
million files: one pass over the volume's entries of an index, then seeks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from catalog.ids import VolumeId
from catalog.store import models
from catalog.store.db import Session, Writer
from catalog.store.volumes import nested_mounts
from catalog.values import Sample

# Directories that hold no file of their own are passed over, so many in a row at most.
_MOST_EMPTY = 50


def samples(session: Session, volume_id: VolumeId, limit: int = 16) -> list[Sample]:
    """Return up to `limit` present files of a volume that are not empty, in the order of their directories.

    None below a file system that is away: its files are not expected.
    """
    away = [nested.path for nested in nested_mounts(session, volume_id) if nested.is_away]
    # Covered by the unique index of (volume_id, path).
    directories = [
        row[0]
        for row in session.rows("SELECT id FROM directory WHERE volume_id = ? ORDER BY path", (volume_id,))
    ]
    found: dict[bytes, Sample] = {}
    per_directory = -(-limit // max(1, len(directories)))
    for place in _spread(len(directories), limit):
        for directory_id in directories[place : place + _MOST_EMPTY]:
            ours = _files_in(session, directory_id, away, per_directory)
            if ours:
                found.update((sample.path, sample) for sample in ours)
                break
    return list(found.values())[:limit]


def _spread(length: int, count: int) -> Iterator[int]:
    """Yield up to `count` different places in a list, evenly, the first one included."""
    return iter(sorted({place * length // count for place in range(count)}) if length else ())


def _files_in(session: Session, directory_id: int, away: Sequence[bytes], count: int) -> list[Sample]:
    """Return up to `count` files of a directory, spread over the order in which they were seen first."""
    path = bytes(session.value("SELECT path FROM directory WHERE id = ?", (directory_id,)))
    if any(path == place or path.startswith(place + b"/") for place in away):
        return []
    # Both ends are seeks in location_directory, which holds present files alone.
    first, last = session.rows(
        "SELECT (SELECT min(id) FROM location WHERE directory_id = ?1 AND state = 'present'),"
        " (SELECT max(id) FROM location WHERE directory_id = ?1 AND state = 'present')",
        (directory_id,),
    )[0]
    if first is None:
        return []
    prefix = path + b"/" if path else b""
    found = {}
    for place in range(count):
        rows = session.rows(
            "SELECT id, name, size, mtime_ns FROM location INDEXED BY location_directory"
            " WHERE directory_id = ? AND state = 'present' AND id >= ? AND size > 0 ORDER BY id LIMIT 1",
            (directory_id, first + (last + 1 - first) * place // count),
        )
        for location_id, name, size, mtime_ns in rows:
            found[location_id] = Sample(prefix + bytes(name), size, mtime_ns)
    return list(found.values())


def unknown_entries(
    session: Session, volume_id: VolumeId, directory: bytes, names: Sequence[bytes]
) -> list[bytes]:
    """Return those names in a directory that were never seen there, as a file or as a directory, in their order."""
    known = {
        bytes(row[0])
        for row in session.rows(
            "SELECT child.name FROM directory AS d JOIN directory AS child ON child.parent_id = d.id"
            " WHERE d.volume_id = ?1 AND d.path = ?2"
            " UNION ALL SELECT l.name FROM directory AS d JOIN location AS l ON l.directory_id = d.id"
            " WHERE d.volume_id = ?1 AND d.path = ?2",
            (volume_id, directory),
        )
    }
    return [name for name in names if name not in known]


def set_marker(writer: Writer, volume_id: VolumeId, uid: str) -> None:
    """Note the uid in the marker at a volume's root."""
    with writer.atomic():
        writer.run(models.Volume.update(marker=uid).where(models.Volume.id == volume_id))
