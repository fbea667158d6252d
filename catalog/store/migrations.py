"""Migrations: numbered, forward only, each in one transaction with its `migration` row and `user_version`.

A new library runs all of them as well. A released migration is frozen: when migration 5 comes, what
`volumes_migration` takes from the schema today is written out there. A kill at any instant leaves the old schema or the new one, never half of one
(without the transaction 71 of 100 kill points left half a schema: reliability.md 2). Knows no daemon.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import apsw
from blake3 import blake3

from catalog.errors import AlreadyExists, GlassineError, InvalidValue, MigrationFailed
from catalog.failpoints import failpoint
from catalog.ids import new_uid
from catalog.library import FILE_MODE, Library
from catalog.store.db import CHECKSUM_VFS, RESERVED_BYTES, Writer, raise_ours, register_checksum_vfs
from catalog.store.first_schema import STATEMENTS as FIRST
from catalog.store.layer_migration import STATEMENTS as LAYER
from catalog.store.truth_migration import STATEMENTS as TRUTH
from catalog.store.volumes_migration import STATEMENTS as VOLUMES

log = logging.getLogger(__name__)

NEW_SUFFIX = ".new"


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; `number` - 1 is the step before it. `rebuilds`: a table that others refer to."""

    number: int
    name: str
    statements: tuple[str, ...]
    rebuilds: bool = False

    @property
    def digest(self) -> str:
        """BLAKE3 hex of the statements, as recorded in the catalog."""
        return blake3("\0".join(self.statements).encode()).hexdigest()


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "spine", FIRST),
    Migration(2, "layer", LAYER, rebuilds=True),
    Migration(3, "truth", TRUTH),
    Migration(4, "volumes", VOLUMES),
)


def create(library: Library | str | os.PathLike[str], zone: str | ZoneInfo, now_ns: int) -> Writer:
    """Make the catalog of a library and return the writer; the caller holds the library lock.

    The file is built under another name and appears whole: a kill leaves no half library.

    Args:
        library: its directories are made if missing.
        zone: IANA name, fixed for the life of the library.
        now_ns: when.

    Raises:
        AlreadyExists: there is a catalog. InvalidValue: no such zone. NotPermitted: a network file system.
    """
    library = library if isinstance(library, Library) else Library(library)
    key = _zone_key(zone)
    library.make_directories()
    if library.exists():
        raise AlreadyExists(f"there is a library at {library.path}", path=str(library.path))
    _build(library, key, now_ns)
    return Writer(library)


def migrate(writer: Writer, now_ns: int, migrations: tuple[Migration, ...] = MIGRATIONS) -> int:
    """Bring the schema up to date and return how many steps that took (0: nothing was written).

    Raises:
        MigrationFailed: a step was rolled back; the catalog is as it was before that step.
    """
    done = int(writer.value("PRAGMA user_version"))
    due = [migration for migration in migrations if migration.number > done]
    for migration in due:
        log.info("migrating the catalog to schema %d (%s)", migration.number, migration.name)
        try:
            _apply(writer, migration, now_ns)
        except GlassineError as error:
            raise MigrationFailed(
                f"migration {migration.number} ({migration.name}) was rolled back: {error.message}",
                hint="the catalog is unchanged; report this",
                number=migration.number,
            ) from error
    return len(due)


def _apply(writer: Writer, migration: Migration, now_ns: int) -> None:
    with _foreign_keys_off(writer) if migration.rebuilds else nullcontext(), writer.atomic():
        for statement in migration.statements:
            writer.execute(statement)
            failpoint("store.migration")
        broken = writer.rows("PRAGMA foreign_key_check") if migration.rebuilds else []
        if broken:
            raise MigrationFailed(f"{len(broken)} rows would refer to nothing", table=str(broken[0][0]))
        writer.execute(
            "INSERT INTO migration (number, name, digest, applied_ns) VALUES (?, ?, ?, ?)",
            (migration.number, migration.name, migration.digest, now_ns),
        )
        writer.execute(f"PRAGMA user_version = {migration.number}")


@contextmanager
def _foreign_keys_off(writer: Writer) -> Iterator[None]:
    """Let a table be dropped that others refer to; the pragma does nothing inside a transaction."""
    writer.rows("PRAGMA foreign_keys = 0")
    try:
        yield
    finally:
        writer.rows("PRAGMA foreign_keys = 1")


def _build(library: Library, zone: str, now_ns: int) -> None:
    final = library.catalog_path
    building = final.with_name(final.name + NEW_SUFFIX)
    for end in ("", "-wal", "-shm", "-journal"):
        building.with_name(building.name + end).unlink(missing_ok=True)  # of a creation that was killed
    _reserve_file(building)
    writer = Writer(library, path=building)
    try:
        migrate(writer, now_ns)
        with writer.atomic():
            writer.executemany(
                "INSERT INTO meta (key, value) VALUES (?, ?)",
                [("library_uid", new_uid()), ("zone", zone), ("created_ns", str(now_ns))],
            )
        writer.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        writer.close()  # the last connection removes -wal and -shm
    failpoint("store.create")
    os.rename(building, final)
    _sync_directory(library)


def _reserve_file(path: Path) -> None:
    """Make an empty database, mode 0600, with room for the checksums.

    The mode is set before SQLite opens it: -wal and -shm inherit it (0644 under a usual umask otherwise). The
    room is only granted before the first page is written.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        os.fchmod(fd, FILE_MODE)
    finally:
        os.close(fd)
    register_checksum_vfs()
    try:
        connection = apsw.Connection(os.fspath(path), vfs=CHECKSUM_VFS)
        try:
            connection.reserve_bytes("main", RESERVED_BYTES)
            connection.execute("VACUUM")  # writes page 1 with the new layout
        finally:
            connection.close()
    except apsw.Error as error:
        raise_ours(error)


def _sync_directory(library: Library) -> None:
    fd = os.open(library.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _zone_key(zone: str | ZoneInfo) -> str:
    key = zone if isinstance(zone, str) else zone.key
    try:
        ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidValue(
            f"{key!r} is no time zone", hint="use an IANA name such as Europe/Berlin", zone=key
        ) from error
    return key
