"""Putting a backup in the place of the catalog, with a way back.

The caller holds the library lock, and nothing else runs for the library. The copy is made, verified, migrated and
synced under another name first; then the two files swap names. So a kill leaves the old catalog or the new one, and
the old one, damaged or not, stays beside it as `catalog.sqlite3.before-<time>`. The log of the old catalog is written
back into it first, or, where it is too damaged for that, moves along with it: SQLite would replay a log that lies
beside a catalog it does not belong to.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import apsw

from catalog.errors import CatalogCorrupt, GlassineError, LibraryLocked
from catalog.failpoints import failpoint
from catalog.library import FILE_MODE, Library
from catalog.store import changes, journal
from catalog.store.backup import BackupFile, copy_pages, is_database, open_backup, verify_backup
from catalog.store.db import Writer, translated
from catalog.store.identity import MACHINE
from catalog.store.library_facts import note_restored
from catalog.store.migrations import migrate
from catalog.whole_file import exchange, sync_directory, sync_file

log = logging.getLogger(__name__)

STAGED_SUFFIX = ".restoring"
KEPT_SUFFIX = ".before-"
_COMPANIONS = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done: the backup, and where the former catalog lies now (None: there was none)."""

    backup: BackupFile
    former: Path | None


def restore_backup(library: Library, source: Path, *, now_ns: int) -> Restored:
    """Make a backup the catalog. Blocks; the caller holds the library lock, and no frontend runs.

    Raises:
        InvalidValue, CatalogTooNew, CatalogCorrupt: the backup is none, too new, or damaged; nothing was done.
        StorageFull: there is no room for the copy; nothing was done.
    """
    found = verify_backup(source)
    staged = library.catalog_path.with_name(library.catalog_path.name + STAGED_SUFFIX)
    _remove(staged)
    try:
        _stage(library, found, staged, now_ns)
        former = _put_aside_log(library, now_ns) if os.path.lexists(library.catalog_path) else None
        failpoint("restore.ready")
        _swap(library, staged, former)
    finally:
        _remove(staged)
    log.info("the catalog was restored from %s; the former one is %s", source, former)
    return Restored(found, former)


def _stage(library: Library, found: BackupFile, staged: Path, now_ns: int) -> None:
    os.close(os.open(staged, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))
    try:
        source = open_backup(found.path)
        try:
            copy_pages(source, staged)
        finally:
            source.close()
    except apsw.Error as error:
        raise translated(error) from error
    failpoint("restore.copied")
    writer = Writer(library, path=staged)
    try:
        migrate(writer, now_ns)
        with writer.atomic():
            _go_on_counting(writer, _sequences(library))
            note_restored(writer, now_ns)
            command = {"do": "restore", "file": found.path.name, "made_ns": found.made_ns}
            journal.append(writer, command, author=MACHINE, now_ns=now_ns)
            changes.append(writer, [("all", "", None)])
        writer.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        writer.close()
    sync_file(staged)
    failpoint("restore.staged")
    verify_backup(staged)


def _sequences(library: Library) -> dict[str, int]:
    """Return the counters of the catalog that is to go, as far as it can be read."""
    if not _is_openable(library.catalog_path):
        return {}
    try:
        writer = Writer(library)
        try:
            return dict(writer.rows("SELECT name, seq FROM sqlite_sequence"))
        finally:
            writer.close()
    except GlassineError as error:
        log.warning("the present catalog cannot be read (%s); its numbers may be given again", error.message)
        return {}


def _is_openable(catalog: Path) -> bool:
    """Tell whether opening it cannot change it: SQLite would make a database of an empty file.

    Read by plain means: no connection of this process has it open (closing would drop its locks).
    """
    return catalog.is_file() and is_database(catalog)


def _go_on_counting(writer: Writer, former: dict[str, int]) -> None:
    """Numbers are never given twice, not even over a restore: inode numbers and the feed are made of them."""
    known: dict[str, int] = dict(writer.rows("SELECT name, seq FROM sqlite_sequence"))
    tables = {name for (name,) in writer.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for name, seq in former.items():
        if name in known and known[name] < seq:
            writer.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (seq, name))
        elif name not in known and name in tables:
            writer.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, seq))


def _put_aside_log(library: Library, now_ns: int) -> Path:
    """Write the log back, or let it go with its catalog; return the name that the former catalog will have."""
    catalog = library.catalog_path
    former = _former_name(catalog, now_ns)
    is_busy = False
    try:
        if not _is_openable(catalog):
            raise CatalogCorrupt("it is no database")
        writer = Writer(library)
        try:
            is_busy = bool(writer.value("PRAGMA wal_checkpoint(TRUNCATE)"))
        finally:
            writer.close()
    except GlassineError as error:
        log.warning("the present catalog is damaged and kept as it is: %s", error.message)
    if is_busy:
        raise LibraryLocked(
            "another program reads the catalog just now", hint="end it and try again; nothing was changed"
        )
    for end in _COMPANIONS:
        companion = catalog.with_name(catalog.name + end)
        if companion.exists():
            if companion.stat().st_size and end != "-shm":
                os.rename(companion, former.with_name(former.name + end))
            else:
                companion.unlink()
    sync_directory(library.path)
    failpoint("restore.log_aside")
    return former


def _former_name(catalog: Path, now_ns: int) -> Path:
    stamp = datetime.fromtimestamp(now_ns // 10**9, UTC).strftime("%Y%m%dT%H%M%SZ")
    name, number = catalog.name + KEPT_SUFFIX + stamp, 2
    while os.path.lexists(catalog.with_name(name)):
        name, number = f"{catalog.name}{KEPT_SUFFIX}{stamp}-{number}", number + 1
    return catalog.with_name(name)


def _swap(library: Library, staged: Path, former: Path | None) -> None:
    if former is None:
        os.rename(staged, library.catalog_path)
    else:
        # Under the name that it will have anyway once the two have swapped: nothing has to be done after that.
        os.rename(staged, former)
        failpoint("restore.named")
        exchange(library.catalog_path, former)
    failpoint("restore.swapped")
    sync_directory(library.path)


def _remove(staged: Path) -> None:
    for end in ("", *_COMPANIONS):
        staged.with_name(staged.name + end).unlink(missing_ok=True)
