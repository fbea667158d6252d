"""Directories of volumes: found, made, called back when they return. Never deleted.

Invariants: a directory's parents are rows, and present when it is (I2, I3); its path is its parent's plus its name.
"""

from __future__ import annotations

from catalog.errors import NotFound
from catalog.ids import DirectoryId, VolumeId
from catalog.store import changes
from catalog.store.db import Writer
from catalog.values import DirectoryListing


def directory_at(writer: Writer, volume_id: VolumeId, path: bytes, now_ns: int) -> DirectoryId:
    """Return the present directory of this path; rows for it and those above are made where missing.

    Raises:
        NotFound: no such volume.
    """
    row = writer.row(
        "SELECT id, state, parent_id, name FROM directory WHERE volume_id = ? AND path = ?", (volume_id, path)
    )
    if row is not None:
        if row[1] == "missing":
            if path:  # those above it are there as well, whoever is listed first (I3)
                directory_at(writer, volume_id, path.rpartition(b"/")[0], now_ns)
            _directory_returns(writer, row[0], row[2], row[3], now_ns)
        return DirectoryId(row[0])
    if not path:
        raise NotFound(f"there is no volume number {volume_id}", volume_id=volume_id)
    above, _, name = path.rpartition(b"/")
    parent_id = directory_at(writer, volume_id, above, now_ns)
    return _new_directory(writer, volume_id, parent_id, name, path=path, mtime_ns=now_ns, now_ns=now_ns)


def see_directories(
    writer: Writer, volume_id: VolumeId, parent_id: DirectoryId, part: DirectoryListing, now_ns: int
) -> list[bytes]:
    """Make rows for new subdirectories and call back those that were missing; return their paths."""
    found = []
    for entry in part.entries:
        if entry.kind != "d":
            continue
        path = part.path + b"/" + entry.name if part.path else entry.name
        row = writer.row(
            "SELECT id, state FROM directory WHERE volume_id = ? AND path = ?", (volume_id, path)
        )
        if row is None:
            _new_directory(
                writer, volume_id, parent_id, entry.name, path=path, mtime_ns=entry.mtime_ns, now_ns=now_ns
            )
        elif row[1] == "missing":
            _directory_returns(writer, row[0], parent_id, entry.name, now_ns)
        else:
            continue
        found.append(path)
    return found


def _new_directory(
    writer: Writer,
    volume_id: VolumeId,
    parent_id: DirectoryId,
    name: bytes,
    *,
    path: bytes,
    mtime_ns: int,
    now_ns: int,
) -> DirectoryId:
    writer.execute(
        "INSERT INTO directory (volume_id, parent_id, name, path, mtime_ns, changed_ns) VALUES (?, ?, ?, ?, ?, ?)",
        (volume_id, parent_id, name, path, mtime_ns, now_ns),
    )
    changes.append(writer, [("orig+", str(parent_id), name)])
    return DirectoryId(writer.last_id("directory"))


def _directory_returns(
    writer: Writer, directory_id: int, parent_id: int | None, name: bytes, now_ns: int
) -> None:
    writer.execute(
        "UPDATE directory SET state = 'present', digest = NULL, changed_ns = ? WHERE id = ?",
        (now_ns, directory_id),
    )
    if parent_id is not None:
        changes.append(writer, [("orig+", str(parent_id), name)])


def note_change(writer: Writer, directory_id: int, now_ns: int) -> None:
    """The directory's entries changed: its ctime, and its digest is no longer that of what we know."""
    writer.execute("UPDATE directory SET changed_ns = ? WHERE id = ?", (now_ns, directory_id))
    changes.append(writer, [("orig", f"d{directory_id}", None)])
