"""Connections to the catalog: one writer, many readers, each a small object around one SQLite connection.

apsw under peewee (decision 0001): peewee owns the connection and runs the simple statements of
`catalog.store.models`; listings, lookups and ingest use prebuilt SQL on the same connection. Knows no table but
`meta`. This is the one place where SQLite's errors become ours.

Invariants:
- every connection goes through the checksum VFS, so a flipped bit is CatalogCorrupt, never data;
- only the writer checkpoints; readers are `mode=ro` and `query_only`;
- a transaction is rolled back on any BaseException and the first error is the one that is seen;
- nothing here opens the catalog file by other means while SQLite has it open (closing would drop its locks).
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import apsw
import apsw.sqlite_extra
import peewee
from playhouse.apsw_ext import APSWDatabase

from catalog.errors import (
    CatalogCorrupt,
    CatalogError,
    CatalogTooNew,
    GlassineError,
    LibraryLocked,
    StorageFull,
)
from catalog.failpoints import failpoint
from catalog.library import Library
from catalog.store.schema import SCHEMA_VERSION

log = logging.getLogger(__name__)

CHECKSUM_VFS = "cksmvfs"
# The checksum VFS keeps 8 bytes at the end of each page (sqlite.org/cksumvfs.html).
RESERVED_BYTES = 8
BUSY_TIMEOUT_S = 5.0  # only a checkpoint or a backup can stand in the way: there is one writer
STATEMENT_CACHE = 300  # all hot statements of a process; the default of 100 would evict them
WAL_CHECKPOINT_PAGES = 1000  # 4 MB of log, SQLite's default, said here because only the writer may have it
CACHE_KIB = 8 * 1024  # per connection; the operating system caches the rest

_WRITER_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",  # NORMAL lost acknowledged commits in 29 of 176 power cuts (reliability.md 0.2)
    "foreign_keys = 1",
    "temp_store = MEMORY",
    f"wal_autocheckpoint = {WAL_CHECKPOINT_PAGES}",
)

# A confined frontend may open no temporary file, so what a question gathers stays in memory: some 20 MB for a million ids.
_READER_PRAGMAS = ("query_only = 1", "temp_store = MEMORY")

Row = tuple[Any, ...]
Parameters = Sequence[Any] | dict[str, Any]

_checksums = threading.Lock()


def register_checksum_vfs() -> None:
    """Load the VFS once per process; it registers itself through any connection and stays."""
    with _checksums:
        if CHECKSUM_VFS not in apsw.vfs_names():
            throw_away = apsw.Connection(":memory:")
            apsw.sqlite_extra.load(throw_away, "cksumvfs")
            throw_away.close()


class CatalogDatabase(APSWDatabase):  # type: ignore[misc]  # peewee has no types
    """peewee's face of one connection. Not thread-local: the owner hands it to one thread at a time."""

    def __init__(self, path: Path, *, is_writer: bool) -> None:
        register_checksum_vfs()
        mode = "rw" if is_writer else "ro"
        flags = apsw.SQLITE_OPEN_READWRITE if is_writer else apsw.SQLITE_OPEN_READONLY
        super().__init__(
            f"file:{quote(os.fsencode(path))}?mode={mode}",
            thread_safe=False,
            timeout=BUSY_TIMEOUT_S,
            flags=flags | apsw.SQLITE_OPEN_URI,
            vfs=CHECKSUM_VFS,
            statementcachesize=STATEMENT_CACHE,
        )


class Session:
    """One connection. May be used from any thread, by one at a time; blocks, never a checkpoint."""

    def __init__(self, library: Library, path: Path, *, is_writer: bool, pragmas: tuple[str, ...]) -> None:
        self.library = library
        self.database = CatalogDatabase(path, is_writer=is_writer)
        try:
            self.database.connect()
            self.connection: apsw.Connection = self.database.connection()
            for pragma in (*pragmas, f"cache_size = -{CACHE_KIB}", "mmap_size = 0"):
                self.connection.execute(f"PRAGMA {pragma}")
        except BaseException as error:
            self.database.close()
            raise_ours(error)
            raise
        self._zone: ZoneInfo | None = None

    def rows(self, sql: str, params: Parameters = ()) -> list[Row]:
        """Return all rows."""
        try:
            return self.connection.execute(sql, params).fetchall()
        except apsw.Error as error:
            raise translated(error) from error

    def row(self, sql: str, params: Parameters = ()) -> Row | None:
        """Return the first row, or None."""
        try:
            return self.connection.execute(sql, params).fetchone()
        except apsw.Error as error:
            raise translated(error) from error

    def value(self, sql: str, params: Parameters = ()) -> Any:
        """Return the first column of the first row, or None."""
        found = self.row(sql, params)
        return None if found is None else found[0]

    def run(self, query: Any) -> Any:
        """Run a peewee query on this connection and return what peewee returns, rows as a list of dicts."""
        try:
            if isinstance(query, peewee.SelectBase):
                return list(query.dicts().execute(self.database))
            return query.execute(self.database)
        except (peewee.PeeweeException, apsw.Error) as error:
            raise_ours(error)
            raise

    @property
    def zone(self) -> ZoneInfo:
        """The library's zone, fixed at `init`; read once."""
        if self._zone is None:
            self._zone = ZoneInfo(self.value("SELECT value FROM meta WHERE key = 'zone'"))
        return self._zone

    def close(self) -> None:
        """Close the connection; harmless twice."""
        self.database.close()


class Reader(Session):
    """A read-only connection. Each statement sees the newest commit, or all of a `snapshot` the same one."""

    def __init__(self, library: Library) -> None:
        super().__init__(library, library.catalog_path, is_writer=False, pragmas=_READER_PRAGMAS)
        self._snapshots = 0
        try:
            refuse_other_schema(self.value("PRAGMA user_version"), self.library)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def snapshot(self) -> Iterator[Reader]:
        """Hold one consistent view of the catalog; nests. Keep it short: it keeps the log from shrinking."""
        if self._snapshots == 0:
            self.rows("BEGIN")
        self._snapshots += 1
        try:
            yield self
        finally:
            self._snapshots -= 1
            if self._snapshots == 0 and self.connection.in_transaction:
                self.rows("COMMIT")

    def data_version(self) -> int:
        """Return a number that changes when another connection commits (PRAGMA data_version)."""
        return int(self.value("PRAGMA data_version"))


class Writer(Session):
    """The one writing connection; its owner holds the library lock."""

    def __init__(self, library: Library, *, path: Path | None = None) -> None:
        super().__init__(library, path or library.catalog_path, is_writer=True, pragmas=_WRITER_PRAGMAS)
        self._depth = 0
        version = self.value("PRAGMA user_version")
        if version > SCHEMA_VERSION:
            self.close()
            refuse_other_schema(version, library)

    def execute(self, sql: str, params: Parameters = ()) -> int:
        """Run one statement and return how many rows it changed."""
        try:
            self.connection.execute(sql, params)
        except apsw.Error as error:
            raise translated(error) from error
        return self.connection.changes()

    def executemany(self, sql: str, params: Iterable[Parameters]) -> None:
        """Run one statement for each set of parameters."""
        try:
            self.connection.executemany(sql, params)
        except apsw.Error as error:
            raise translated(error) from error

    def last_id(self, table: str) -> int:
        """Return the greatest id that an AUTOINCREMENT table ever gave; ids above it may be assigned."""
        return int(self.value("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)) or 0)

    @property
    def is_in_transaction(self) -> bool:
        """Whether an `atomic` block is open."""
        return self._depth > 0

    @contextmanager
    def atomic(self) -> Iterator[Writer]:
        """All or nothing: BEGIN IMMEDIATE, or a savepoint inside another `atomic`.

        Rolls back on BaseException. Never masks the first error: a failing rollback is only logged.
        """
        begin, commit, undo = _statements_of(self._depth)
        self._simple(begin)
        self._depth += 1
        try:
            yield self
            if self._depth == 1:
                failpoint("store.commit")
            self._simple(commit)
        except BaseException:
            self._roll_back(undo)
            raise
        finally:
            self._depth -= 1
        if self._depth == 0:
            failpoint("store.committed")

    def joined(self) -> AbstractContextManager[Writer]:
        """Take part in the caller's transaction, or else open one: for work that fails together with its caller.

        No savepoint: its journal lies in memory, and SQLite walks all of it after each statement that may fail half-way
        (OR REPLACE, UPDATE), which made large edits a hundred times slower (30,000 rows: 48 s; 2026-11-21, SQLite 3.54).
        """
        return nullcontext(self) if self.is_in_transaction else self.atomic()

    def _simple(self, sql: str) -> None:
        try:
            self.connection.execute(sql)
        except apsw.Error as error:
            raise translated(error) from error

    def _roll_back(self, statements: tuple[str, ...]) -> None:
        # SQLite rolls back by itself on a full disk or an I/O error; then there is nothing left to undo.
        for sql in statements:
            if self.connection.in_transaction:
                try:
                    self.connection.execute(sql)
                except apsw.Error:
                    log.exception("rollback failed after another error")


def _statements_of(depth: int) -> tuple[str, str, tuple[str, ...]]:
    if depth == 0:
        return "BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",)
    name = f"s{depth}"
    return f"SAVEPOINT {name}", f"RELEASE {name}", (f"ROLLBACK TO {name}", f"RELEASE {name}")


class ReaderPool:
    """Up to `size` readers, opened when first needed, lent to one thread at a time."""

    def __init__(self, library: Library, size: int) -> None:
        self._library = library
        self._slots: queue.LifoQueue[Reader | None] = queue.LifoQueue(size)
        for _ in range(size):
            self._slots.put_nowait(None)
        self._size = size

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Lend a reader; blocks while all are lent."""
        lent = self._slots.get()
        try:
            if lent is None:
                lent = Reader(self._library)
            yield lent
        finally:
            self._slots.put_nowait(lent)

    def close(self) -> None:
        """Close every reader; waits for those that are lent. The pool can be used again afterwards."""
        lent = [self._slots.get() for _ in range(self._size)]
        for reader in lent:
            if reader is not None:
                reader.close()
            self._slots.put_nowait(None)


def open_reader(library: Library) -> Reader:
    """Open a read-only connection.

    Raises:
        NoLibrary: there is no catalog. CatalogTooNew, CatalogError: its schema is another one.
    """
    return Reader(library.require())


def open_writer(library: Library) -> Writer:
    """Open the writing connection; the caller holds the library lock. Does not migrate.

    Raises:
        NoLibrary: there is no catalog. CatalogTooNew: made by a newer program.
    """
    return Writer(library.require())


def refuse_other_schema(version: int, library: Library) -> None:
    """Compare the schema's number with ours.

    Raises:
        CatalogTooNew: written by a newer program. CatalogError: not migrated yet.
    """
    if version > SCHEMA_VERSION:
        raise CatalogTooNew(
            f"the catalog has schema {version}, this program knows {SCHEMA_VERSION}",
            hint="use the newer program that wrote it, or restore a backup",
            path=str(library.catalog_path),
            schema=version,
            known=SCHEMA_VERSION,
        )
    if version < SCHEMA_VERSION:
        raise CatalogError(
            f"the catalog has schema {version} and must be migrated to {SCHEMA_VERSION} first",
            hint="run `glassine init` once, or start the daemon",
            schema=version,
            known=SCHEMA_VERSION,
        )


def translated(error: apsw.Error) -> GlassineError:
    """Return our error for SQLite's: the one table."""
    if isinstance(error, apsw.FullError) or getattr(error, "extendedresult", None) in _NO_ROOM:
        return StorageFull("the disk that holds the library is full", hint="free some space and try again")
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return _corrupt(error)
    if isinstance(error, apsw.IOError):
        if getattr(error, "extendedresult", None) in _DAMAGE:
            return _corrupt(error)
        return CatalogError(
            f"the catalog cannot be read or written: {error}", hint="check the disk and its cable"
        )
    if isinstance(error, apsw.BusyError):
        return LibraryLocked("the catalog is busy", hint="try again in a moment")
    return CatalogError(f"the catalog refused a statement: {error}", sqlite=type(error).__name__)


# A reader makes the -shm file when nobody else has the catalog open: on a full disk not even that.
_NO_ROOM = (apsw.SQLITE_IOERR_SHMSIZE,)
_DAMAGE = (apsw.SQLITE_IOERR_DATA, apsw.SQLITE_IOERR_CORRUPTFS)


def _corrupt(error: apsw.Error) -> CatalogCorrupt:
    return CatalogCorrupt(
        f"the catalog is damaged ({error})", hint="restore the newest backup, then run `glassine check`"
    )


def raise_ours(error: BaseException) -> None:
    """Raise our form of an error of SQLite, also when peewee wrapped it; return if it is none."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, apsw.Error):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        raise translated(cause) from error
