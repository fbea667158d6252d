"""Volumes, their library paths and their state. A row is never deleted: a forgotten one is no volume, and keeps its row.

Invariants: each volume has exactly one root directory row, made with it; a change of state touches nothing but
the volume's own row (charter 3); a forgotten one is found by nobody here, and holds neither its name nor its place.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from catalog import names
from catalog.errors import AlreadyExists, InvalidValue, NotFound
from catalog.ids import DirectoryId, VolumeId
from catalog.store import changes, models
from catalog.store.db import Session, Writer
from catalog.values import LibraryPath, Mode, NestedMount, Volume, VolumeState

_KNOWN = models.Volume.select().where(models.Volume.forgotten_ns.is_null())


def add_volume(
    writer: Writer,
    name: str,
    root: bytes,
    *,
    now_ns: int,
    backend: str = "local",
    mode: Mode = "ro",
    excludes: Sequence[str] = (),
) -> VolumeId:
    """Add a volume in state unknown, with its root directory.

    Args:
        name: any text; stored cleaned, unique under `names.fold`.
        root: absolute path, or the key of an object store.

    Raises:
        AlreadyExists: the name or the root is taken. InvalidValue: the name is empty.
    """
    if not name.strip():
        raise InvalidValue("a volume needs a name", name=name)
    label = names.clean_label(name)
    with writer.atomic():
        _refuse_taken(writer, label, root, backend)
        row = models.Volume.insert(
            name=label, fold=names.fold(label), root=root, backend=backend, mode=mode, state="unknown",
            state_since_ns=now_ns, had_data=0, excludes=json.dumps(list(excludes), ensure_ascii=False),
            created_ns=now_ns,
        )  # fmt: skip
        volume_id = VolumeId(writer.run(row))
        writer.execute(
            "INSERT INTO directory (volume_id, parent_id, name, path, mtime_ns, changed_ns)"
            " VALUES (?, NULL, x'', x'', ?, ?)",
            (volume_id, now_ns, now_ns),
        )
        _tell(writer, volume_id)
    return volume_id


def volumes(session: Session) -> list[Volume]:
    """Return all volumes, oldest first; not those that were forgotten."""
    table = models.Volume
    return [_volume(row) for row in session.run(_KNOWN.order_by(table.id))]


def volume_by_id(session: Session, volume_id: VolumeId) -> Volume:
    """Return one volume.

    Raises:
        NotFound: no such volume.
    """
    rows = session.run(_KNOWN.where(models.Volume.id == volume_id))
    if not rows:
        raise NotFound(f"there is no volume number {volume_id}", volume_id=volume_id)
    return _volume(rows[0])


def volume_by_name(session: Session, name: str) -> Volume:
    """Return the volume of this name, however it is written (case, Unicode form).

    Raises:
        NotFound: no such volume.
    """
    name = name.encode("utf-8", "backslashreplace").decode()  # a word of the shell need not be UTF-8
    folds = [names.fold(name), names.fold(names.clean_label(name)) if name.strip() else ""]
    rows = session.run(_KNOWN.where(models.Volume.fold.in_(folds)))
    if not rows:
        raise NotFound(f"there is no volume {name!r}", hint="`glassine volume list` shows them", volume=name)
    return _volume(rows[0])


def set_volume_state(
    writer: Writer, volume_id: VolumeId, state: VolumeState, reason: str | None, now_ns: int
) -> bool:
    """Note a state and why; return whether it changed. Nothing else changes (charter 3)."""
    with writer.atomic():
        changed = writer.execute(
            "UPDATE volume SET state = ?1, state_reason = ?2,"
            " state_since_ns = CASE WHEN state = ?1 THEN state_since_ns ELSE ?3 END"
            " WHERE id = ?4 AND (state <> ?1 OR state_reason IS NOT ?2)",
            (state, reason, now_ns, volume_id),
        )
        if changed:
            _tell(writer, volume_id)
    return bool(changed)


def set_identity(writer: Writer, volume_id: VolumeId, identity: str, *, before: str | None) -> None:
    """Note what the probe saw (JSON), to compare with at the next probe; nothing if it is not `before` any more.

    Then the owner said something about the volume while the probe was on its way: the next one knows it.
    """
    with writer.atomic():
        writer.execute(
            "UPDATE volume SET identity = ? WHERE id = ? AND identity IS ?", (identity, volume_id, before)
        )


def accept_absence(writer: Writer, volume_id: VolumeId, now_ns: int) -> None:
    """Accept what is there now as the truth, by the owner's word.

    The next empty listing of the root counts, what is missing by now is not held by the guard any more, and file systems
    that were mounted below it and are away are not waited for. The next probe has their inodes forgotten.
    """
    with writer.atomic():
        writer.execute(
            "UPDATE volume SET had_data = 0, accepted_ns = ?, hold = NULL WHERE id = ?", (now_ns, volume_id)
        )
        writer.execute(
            "UPDATE volume SET identity = (SELECT json_set(identity, '$.unmounted', json_group_array(path)) FROM"
            " (SELECT hex(path) AS path FROM nested_mount WHERE volume_id = ?1 AND state = 'away'"
            " UNION SELECT value FROM json_each(identity, '$.unmounted')))"
            " WHERE id = ?1 AND identity IS NOT NULL"
            " AND EXISTS (SELECT 1 FROM nested_mount WHERE volume_id = ?1 AND state = 'away')",
            (volume_id,),
        )
        writer.execute("DELETE FROM nested_mount WHERE volume_id = ? AND state = 'away'", (volume_id,))
        _tell(writer, volume_id)


def relocate(writer: Writer, volume_id: VolumeId, root: bytes, now_ns: int) -> None:
    """Give a volume another root; who it is there is learnt by the next probe, paths inside it stay as they are.

    Of its identity there remains what it was at the place that it left: whether inodes mean the same files is told by it.

    Raises:
        AlreadyExists: another volume has that root.
    """
    with writer.atomic():
        volume = volume_by_id(writer, volume_id)
        table = models.Volume
        other = writer.run(
            _KNOWN.where((table.root == root) & (table.backend == volume.backend) & (table.id != volume_id))
        )
        if other:
            raise AlreadyExists(
                f"the place is taken by the volume {other[0]['name']!r}", volume=other[0]["name"]
            )
        state = volume.state if volume.state in ("disabled", "retired") else "unknown"
        writer.execute(
            "UPDATE volume SET root = ?, identity = iif(identity IS NULL OR json_type(identity, '$.left') IS NOT NULL, identity,"
            " json_object('left', json(identity))), state = ?, state_reason = NULL, state_since_ns = ? WHERE id = ?",
            (root, state, now_ns, volume_id),
        )
        _tell(writer, volume_id)


def mark_forgotten(writer: Writer, volume_id: VolumeId, now_ns: int) -> None:
    """Make it no volume: nobody finds it, its name and place are free. `catalog.store.traces` sweeps its rows."""
    with writer.atomic():
        writer.execute(
            "UPDATE volume SET forgotten_ns = ?1, state = 'retired', state_reason = 'forgotten by the owner',"
            " state_since_ns = ?1, fold = '/forgotten/' || id, root = CAST('/forgotten/' || id AS BLOB) WHERE id = ?2",
            (now_ns, volume_id),
        )
        _tell(writer, volume_id)


def is_forgotten(session: Session, volume_id: VolumeId) -> bool:
    """Tell whether its owner forgot a volume; whoever is still looking at it must not bring rows back."""
    found = session.row("SELECT 1 FROM volume WHERE id = ? AND forgotten_ns IS NOT NULL", (volume_id,))
    return found is not None


def nested_mounts(session: Session, volume_id: VolumeId) -> list[NestedMount]:
    """Return the file systems known below a volume's root, by path."""
    rows = session.rows(
        "SELECT path, key, state FROM nested_mount WHERE volume_id = ? ORDER BY path", (volume_id,)
    )
    return [NestedMount(bytes(row[0]), row[1], row[2] == "away") for row in rows]


def note_nested_mounts(
    writer: Writer, volume_id: VolumeId, found: Sequence[tuple[bytes, str | None]], now_ns: int
) -> None:
    """Note which file systems a probe found below the root (path, key), and which it did not (path, None)."""
    known = {nested.path: nested for nested in nested_mounts(writer, volume_id)}
    with writer.atomic():
        if is_forgotten(writer, volume_id):
            return
        for path, key in found:
            before = known.get(path)
            if key is None and before is not None and not before.is_away:
                writer.execute(
                    "UPDATE nested_mount SET state = 'away', since_ns = ? WHERE volume_id = ? AND path = ?",
                    (now_ns, volume_id, path),
                )
            elif key is not None and (before is None or before.is_away):
                writer.execute(
                    "INSERT INTO nested_mount VALUES (?, ?, ?, 'present', ?)"
                    " ON CONFLICT DO UPDATE SET key = excluded.key, state = 'present', since_ns = excluded.since_ns",
                    (volume_id, path, key, now_ns),
                )


def add_library_path(writer: Writer, volume_id: VolumeId, path: bytes) -> int:
    """Scan this directory of the volume; return the id of the row.

    Raises:
        AlreadyExists: it is one already. InvalidValue: it leaves the volume.
    """
    clean = clean_relative_path(path)
    with writer.atomic():
        if any(known.path == clean for known in library_paths(writer, volume_id)):
            raise AlreadyExists(f"{_text(clean)!r} is a library path already", path=_text(clean))
        added = int(writer.run(models.LibraryPath.insert(volume_id=volume_id, path=clean)))
        _tell(writer, volume_id)
    return added


def remove_library_path(writer: Writer, volume_id: VolumeId, path: bytes) -> None:
    """Scan this directory no longer; what was seen there stays remembered.

    Raises:
        NotFound: it is none.
    """
    clean = clean_relative_path(path)
    table = models.LibraryPath
    with writer.atomic():
        removed = writer.run(table.delete().where((table.volume_id == volume_id) & (table.path == clean)))
        if not removed:
            raise NotFound(f"{_text(clean)!r} is no library path of this volume", path=_text(clean))
        _tell(writer, volume_id)


def library_paths(session: Session, volume_id: VolumeId) -> list[LibraryPath]:
    """Return the library paths of a volume, oldest first; empty = it is scanned from its root."""
    table = models.LibraryPath
    rows = session.run(table.select().where(table.volume_id == volume_id).order_by(table.id))
    return [LibraryPath(row["id"], VolumeId(row["volume_id"]), bytes(row["path"])) for row in rows]


def root_directory(session: Session, volume_id: VolumeId) -> DirectoryId:
    """Return the directory row of the volume's root."""
    return DirectoryId(
        session.value("SELECT id FROM directory WHERE volume_id = ? AND path = x''", (volume_id,))
    )


def clean_relative_path(path: bytes) -> bytes:
    """Return the path without leading, trailing and doubled slashes.

    Raises:
        InvalidValue: it contains `..` or NUL.
    """
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    if b".." in parts or b"\0" in path:
        raise InvalidValue(f"{_text(path)!r} does not stay inside the volume", path=_text(path))
    return b"/".join(parts)


def _refuse_taken(writer: Writer, label: str, root: bytes, backend: str) -> None:
    table = models.Volume
    same = writer.run(
        _KNOWN.where((table.fold == names.fold(label)) | ((table.root == root) & (table.backend == backend)))
    )
    if same:
        taken = "name" if same[0]["fold"] == names.fold(label) else "place"
        raise AlreadyExists(
            f"the {taken} is taken by the volume {same[0]['name']!r}",
            hint="`glassine volume list` shows all volumes",
            volume=same[0]["name"],
        )


def _tell(writer: Writer, volume_id: VolumeId) -> None:
    changes.append(writer, [("volume", str(volume_id), None)])


def _text(path: bytes) -> str:
    return path.decode("utf-8", "replace")


def _volume(row: dict[str, Any]) -> Volume:
    return Volume(
        id=VolumeId(row["id"]),
        name=row["name"],
        root=bytes(row["root"]),
        backend=row["backend"],
        mode=row["mode"],
        state=row["state"],
        state_reason=row["state_reason"],
        state_since_ns=row["state_since_ns"],
        identity=row["identity"],
        had_data=bool(row["had_data"]),
        excludes=tuple(json.loads(row["excludes"])),
        quick_scan_ns=row["quick_scan_ns"],
        full_scan_ns=row["full_scan_ns"],
        created_ns=row["created_ns"],
        marker=row["marker"],
        accepted_ns=row["accepted_ns"],
        hold=row["hold"],
    )
