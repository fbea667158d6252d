"""Backups of the catalog: whole, consistent while the daemon writes, verified before they get their name.

How: SQLite's backup API from a reader's snapshot, through the checksum VFS on both sides. Measured here on
2026-11-21 (60 MB, a writer between the steps): 0.07 s, and exact; VACUUM INTO took twice that, and it renumbers rows
of tables without a key, whose order the journal needs. The snapshot is why stepping never starts again
(reliability.md 0.9: without one it starved); copying the file is corrupt (ibid.).

Invariants: what has the name of a backup was read back from the disk with every checksum right and every table as
long as the catalog's; mode 0600; the newest good one is never removed, nor is any file that is not ours. A backup is
one file in rollback mode, without a log beside it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import quote

import apsw

from catalog.errors import CatalogCorrupt, CatalogTooNew, InvalidValue, LibraryLocked, StorageFull
from catalog.failpoints import failpoint
from catalog.library import DIRECTORY_MODE, FILE_MODE, Library
from catalog.store.db import (
    CHECKSUM_VFS,
    RESERVED_BYTES,
    Reader,
    open_reader,
    register_checksum_vfs,
    translated,
)
from catalog.store.schema import SCHEMA_VERSION
from catalog.whole_file import appearing, sweep_parts

_NAME = re.compile(r"catalog-(\d{8}T\d{6}Z)(?:-(\d+))?\.sqlite3\Z")
_TIME = "%Y%m%dT%H%M%SZ"
_LOCK_NAME = ".lock"
# 8 MB: between two steps the thread can be interrupted; larger steps are not faster.
_PAGES_PER_STEP = 2048
_HEADER_BYTES = 100  # sqlite.org/fileformat2.html section 1.3
_MAGIC = b"SQLite format 3\0"
_RESERVED_OFFSET = 20
_MOST_FINDINGS = 5
_STEPS_PER_BEAT = 100_000  # of SQLite's virtual machine: some milliseconds
_NS_PER_S = 10**9


Heartbeat = Callable[[], None]


def _silent() -> None:
    """Nobody wants to end it."""


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A backup as it lies there.

    Attributes:
        size: bytes.
        made_ns: when, by its name; by its mtime if it was given another name.
        library_uid, schema: what it holds; None where it cannot be read.
        is_good: False = it cannot be read as a backup; only `verify_backup` reads all of it.
        reason: why it is not good, in user words.
    """

    path: Path
    size: int
    made_ns: int
    library_uid: str | None = None
    schema: int | None = None
    is_good: bool = False
    reason: str | None = None


# ---- making one


def backup_to(
    library: Library, target: Path, *, is_replacing: bool = False, heartbeat: Heartbeat = _silent
) -> BackupFile:
    """Write a backup of the catalog to a file. Blocks; needs no lock, whoever writes goes on.

    Args:
        is_replacing: whether a file of that name may be replaced.
        heartbeat: called every few milliseconds; what it raises ends the work, and nothing is left of it.

    Raises:
        AlreadyExists: there is a file of that name. StorageFull: it does not fit; nothing is left of it.
        CatalogCorrupt: the catalog is damaged, or what was written is not what was read.
    """
    reader = open_reader(library)
    try:
        with reader.snapshot():
            lengths = _lengths(reader.connection)
            _refuse_too_little_room(reader, target)
            with appearing(target, is_replacing=is_replacing) as part, _told_of(target):
                copy_pages(reader.connection, part, heartbeat=heartbeat)
                failpoint("backup.copied")
                verify_backup(part, lengths=lengths, heartbeat=heartbeat)
    finally:
        reader.close()
    return look_at(target)


def copy_pages(source: apsw.Connection, target: Path, *, heartbeat: Heartbeat = _silent) -> None:
    """Copy a database, of which the source holds a snapshot, into an empty file. The caller syncs it."""
    try:
        connection = _opened(target, apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.reserve_bytes("main", RESERVED_BYTES)
            # It has no name yet: a crash leaves nothing to recover.
            connection.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").fetchall()
            with connection.backup("main", source, "main") as copying:
                while not copying.done:
                    copying.step(_PAGES_PER_STEP)
                    failpoint("backup.step")
                    heartbeat()
        finally:
            connection.close()
        _leave_wal_mode(target)
    except apsw.Error as error:
        raise translated(error) from error


def _leave_wal_mode(target: Path) -> None:
    """A copy of a catalog in WAL mode would need a log and a directory that can be written even to be read."""
    connection = _opened(target, apsw.SQLITE_OPEN_READWRITE)
    try:
        # Exclusive: no shared memory, which not every file system offers.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE").fetchall()
    finally:
        connection.close()


def _refuse_too_little_room(reader: Reader, target: Path) -> None:
    """Not even try what would fill the disk: the catalog may live on the same one."""
    needed = int(reader.value("PRAGMA page_count")) * int(reader.value("PRAGMA page_size"))
    room = os.statvfs(target.parent)
    free = room.f_bavail * room.f_frsize
    if free < needed:
        raise StorageFull(
            f"{target.parent} has {free >> 10} KiB free, a backup needs {needed >> 10} KiB",
            hint="free some space, or name another place",
            path=str(target.parent),
        )


@contextlib.contextmanager
def _told_of(target: Path) -> Iterator[None]:
    """Say which disk is full: it need not be the library's."""
    try:
        yield
    except StorageFull as error:
        raise StorageFull(
            f"the disk of {target.parent} is full; no backup was made",
            hint="free some space, or name another place",
            path=str(target.parent),
        ) from error


# ---- verifying


def verify_backup(
    path: Path, *, lengths: dict[str, int] | None = None, heartbeat: Heartbeat = _silent
) -> BackupFile:
    """Read all of a backup: every checksum, SQLite's own check, every reference. Blocks.

    Args:
        lengths: rows of each table that it must have; None = whatever it has.
        heartbeat: see `backup_to`.

    Raises:
        InvalidValue: this is no backup of a catalog. CatalogTooNew: a newer program wrote it.
        CatalogCorrupt: it is damaged.
    """
    found = look_at(path)
    if not found.is_good:
        raise InvalidValue(f"{path} is no backup: {found.reason}", path=str(path))
    refuse_newer(found)
    try:
        connection = open_backup(path)
        connection.set_progress_handler(partial(_goes_on, heartbeat), _STEPS_PER_BEAT)
        try:
            wrong = [row[0] for row in connection.execute(f"PRAGMA integrity_check({_MOST_FINDINGS})")]
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
            actual = _lengths(connection) if lengths is not None else None
        finally:
            connection.close()
    except apsw.Error as error:
        raise _damaged(path, str(error)) from error
    if wrong != ["ok"] or broken is not None:
        raise _damaged(path, wrong[0] if wrong != ["ok"] else f"a row of {broken} refers to nothing")
    if actual != lengths:
        raise _damaged(path, "it has not the rows that the catalog has")
    return found


def _goes_on(heartbeat: Heartbeat) -> bool:
    heartbeat()
    return False  # True would interrupt SQLite


def open_backup(path: Path) -> apsw.Connection:
    """Open a backup for reading: no locks, no log, nothing is written beside it.

    Raises:
        apsw.Error: it is none.
    """
    return _opened(path, apsw.SQLITE_OPEN_READONLY, "?immutable=1")


def is_database(path: Path) -> bool:
    """Tell by its first bytes whether a file is a database; raises OSError if it cannot be read."""
    with open(path, "rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def look_at(path: Path) -> BackupFile:
    """Return what a file says of itself; reads a few pages. Never raises for what is in the file.

    Raises:
        OSError: there is no such file, or it cannot be read.
    """
    status = path.stat()
    found = BackupFile(path, status.st_size, _made_ns(path, status))
    reason = _why_no_catalog(path)
    if reason is not None:
        return replace(found, reason=reason)
    try:
        connection = open_backup(path)
        try:
            uid = connection.execute("SELECT value FROM meta WHERE key = 'library_uid'").fetchone()
            schema = connection.execute("PRAGMA user_version").fetchone()
        finally:
            connection.close()
    except apsw.Error as error:
        return replace(found, reason=f"it is damaged, or no catalog ({error})")
    if uid is None or schema is None or not schema[0]:
        return replace(found, reason="it is a database, but no catalog")
    return replace(found, library_uid=str(uid[0]), schema=int(str(schema[0])), is_good=True)


def refuse_newer(found: BackupFile) -> None:
    """Refuse a backup that this program cannot read.

    Raises:
        CatalogTooNew: a newer program wrote it.
    """
    if found.schema is not None and found.schema > SCHEMA_VERSION:
        raise CatalogTooNew(
            f"{found.path} has schema {found.schema}, this program knows {SCHEMA_VERSION}",
            hint="use the newer program that wrote it",
            path=str(found.path),
            schema=found.schema,
            known=SCHEMA_VERSION,
        )


def _why_no_catalog(path: Path) -> str | None:
    """Read the header with plain means: this is a file of its own, which nobody has open as a database."""
    with open(path, "rb") as file:
        header = file.read(_HEADER_BYTES)
    if not header.startswith(_MAGIC) or len(header) < _HEADER_BYTES:
        return "it is no SQLite database"
    if header[_RESERVED_OFFSET] != RESERVED_BYTES:
        return "it has no page checksums"
    log_path = path.with_name(path.name + "-wal")
    if log_path.exists() and log_path.stat().st_size:
        return "a log lies beside it: it was copied by other means while it was in use"
    return None


def _lengths(connection: apsw.Connection) -> dict[str, int]:
    """Return table -> rows, virtual tables by what they store."""
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
    ).fetchall()
    names = [str(row[0]) for row in tables]
    counts = [connection.execute(f'SELECT count(*) FROM "{name}"').fetchone() for name in names]
    return {name: int(str(row[0])) for name, row in zip(names, counts, strict=True) if row is not None}


def _opened(path: Path, flags: int, parameters: str = "") -> apsw.Connection:
    register_checksum_vfs()
    return apsw.Connection(
        f"file:{quote(os.fsencode(path))}{parameters}", vfs=CHECKSUM_VFS, flags=flags | apsw.SQLITE_OPEN_URI
    )


def _damaged(path: Path, what: str) -> CatalogCorrupt:
    return CatalogCorrupt(f"{path} is damaged ({what})", hint="take another backup", path=str(path))


# ---- keeping them


def make_backup(
    library: Library,
    directory: Path,
    *,
    keep: int,
    max_age_ns: int,
    now_ns: int,
    heartbeat: Heartbeat = _silent,
) -> tuple[BackupFile, list[Path]]:
    """Write a backup into the directory of backups and remove what is too many or too old. Blocks.

    Returns the new one and what was removed.

    Raises:
        LibraryLocked: another backup into it is under way. See `backup_to`.
    """
    make_directory(directory)
    with _only_one(directory):
        sweep_parts(directory)
        made = backup_to(library, _free_name(directory, now_ns), heartbeat=heartbeat)
        return made, prune(library, directory, keep=keep, max_age_ns=max_age_ns, now_ns=now_ns)


def make_directory(directory: Path) -> None:
    """Make the directory of backups, owner only, if it is missing."""
    if not directory.is_dir():
        os.makedirs(directory, mode=DIRECTORY_MODE, exist_ok=True)
        os.chmod(directory, DIRECTORY_MODE)


def kept(directory: Path) -> list[BackupFile]:
    """Return what has the name of a backup in a directory, newest first, good or not; reads a few pages of each."""
    if not directory.is_dir():
        return []
    found = []
    for path in directory.iterdir():
        if _NAME.match(path.name) and path.is_file() and not path.is_symlink():
            with contextlib.suppress(
                FileNotFoundError
            ):  # Race: another process prunes; it is gone, and that is all
                found.append(look_at(path))
    return sorted(found, key=lambda one: (one.made_ns, _number(one.path)), reverse=True)


def newest_good_ns(directory: Path) -> int | None:
    """Return when the newest good backup was made, or None."""
    return next((one.made_ns for one in kept(directory) if one.is_good), None)


def prune(library: Library, directory: Path, *, keep: int, max_age_ns: int, now_ns: int) -> list[Path]:
    """Remove backups of this library that are too many or too old; return them.

    The newest good one stays whatever its age. What cannot be read, or is another library's, is not ours to remove.
    """
    uid = _library_uid(library)
    ours = [one for one in kept(directory) if one.is_good and one.library_uid == uid]
    removed = []
    for rank, one in enumerate(ours):
        if rank and (rank >= keep or now_ns - one.made_ns > max_age_ns):
            one.path.unlink(missing_ok=True)
            removed.append(one.path)
    return removed


def _library_uid(library: Library) -> str:
    reader = open_reader(library)
    try:
        return str(reader.value("SELECT value FROM meta WHERE key = 'library_uid'"))
    finally:
        reader.close()


@contextlib.contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    fd = os.open(directory / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LibraryLocked(
                f"another backup into {directory} is under way", hint="wait for it to finish"
            ) from error
        yield
    finally:
        os.close(fd)


def _free_name(directory: Path, now_ns: int) -> Path:
    stem = "catalog-" + datetime.fromtimestamp(now_ns // _NS_PER_S, UTC).strftime(_TIME)
    path, number = directory / f"{stem}.sqlite3", 2
    while os.path.lexists(path):
        path, number = directory / f"{stem}-{number}.sqlite3", number + 1
    return path


def _made_ns(path: Path, status: os.stat_result) -> int:
    match = _NAME.match(path.name)
    if match is None:
        return status.st_mtime_ns
    try:
        made = datetime.strptime(match[1], _TIME).replace(tzinfo=UTC)
    except ValueError:  # digits that are no date
        return status.st_mtime_ns
    return (made - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1) * _NS_PER_S


def _number(path: Path) -> int:
    match = _NAME.match(path.name)
    return int(match[2] or 1) if match else 0
