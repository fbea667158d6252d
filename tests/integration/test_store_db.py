"""Connections: checksums, locks, modes, transactions and how SQLite's errors become ours."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from pathlib import Path

import apsw
import pytest

from catalog.errors import CatalogCorrupt, CatalogError, CatalogTooNew, LibraryLocked, NoLibrary, StorageFull
from catalog.library import Library
from catalog.store import db, migrations
from catalog.store.db import Reader, ReaderPool, Writer
from store_harness import NOW_NS, StoreHarness

PAGE = 4096


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A library without a connection to it."""
    library = Library(tmp_path / "library")
    migrations.create(library, "UTC", NOW_NS).close()
    return library


def flip(path: Path, offset: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[offset] ^= 0x10
    path.write_bytes(raw)


def test_every_flipped_bit_in_a_page_is_reported_as_damage(catalog: StoreHarness) -> None:
    for number in range(300):
        catalog.put(b"a/IMG_%04d.JPG" % number, f"body {number}")
    catalog.ingest()
    catalog.close()
    path = catalog.library.catalog_path
    sound = path.read_bytes()
    pages = len(sound) // PAGE
    assert pages > 50
    for page in range(1, pages, pages // 25):
        flip(path, page * PAGE + 1000)
        with pytest.raises(CatalogCorrupt):
            read_everything(catalog.library)
        path.write_bytes(sound)
    read_everything(catalog.library)
    catalog.writer = db.open_writer(catalog.library)


def read_everything(library: Library) -> None:
    reader = db.open_reader(library)
    try:
        # integrity_check visits every page, and the checksum VFS verifies each one that is read.
        if reader.value("PRAGMA integrity_check") != "ok":
            raise CatalogCorrupt("integrity_check")
    finally:
        reader.close()


def test_a_flipped_bit_in_content_is_damage_and_not_data(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.ingest()
    catalog.close()
    path = catalog.library.catalog_path
    sound = path.read_bytes()
    flip(path, sound.index(b"ExifIFD:DateTimeOriginal"))
    reader = db.open_reader(catalog.library)
    with pytest.raises(CatalogCorrupt):
        reader.rows("SELECT capture, facts FROM asset JOIN content ON content.id = content_id")
    reader.close()
    path.write_bytes(sound)
    catalog.writer = db.open_writer(catalog.library)


def test_the_library_of_another_language_reads_the_catalog(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.ingest()
    with sqlite3.connect(f"file:{catalog.library.catalog_path}?mode=ro", uri=True) as stock:
        assert stock.execute("SELECT name FROM asset").fetchall() == [("IMG_1.JPG",)]
    stock.close()


def test_pages_keep_eight_bytes_for_the_checksum(library: Library) -> None:
    header = library.catalog_path.read_bytes()[:100]
    assert header[20] == db.RESERVED_BYTES


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_files_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        writer = migrations.create(Library(tmp_path / "library"), "UTC", NOW_NS)
    finally:
        os.umask(before)
    with writer.atomic():
        writer.execute("INSERT INTO meta VALUES ('x', 'y')")
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in [tmp_path / "library", *(tmp_path / "library").iterdir()]
    }
    writer.close()
    assert {name: mode for name, mode in modes.items() if name.startswith("catalog")} == {
        "catalog.sqlite3": 0o600,
        "catalog.sqlite3-wal": 0o600,
        "catalog.sqlite3-shm": 0o600,
    }
    assert {mode for name, mode in modes.items() if not name.startswith("catalog")} == {0o700}


def test_a_newer_schema_is_refused_by_readers_and_writers(library: Library) -> None:
    writer = db.open_writer(library)
    writer.rows("PRAGMA user_version = 99")
    writer.close()
    for opened in (db.open_reader, db.open_writer):
        with pytest.raises(CatalogTooNew) as caught:
            opened(library)
        assert caught.value.details["schema"] == 99


def test_a_schema_that_was_not_migrated_is_refused_by_readers(library: Library) -> None:
    writer = db.open_writer(library)
    writer.rows("PRAGMA user_version = 0")
    writer.close()
    with pytest.raises(CatalogError, match="must be migrated"):
        db.open_reader(library)


def test_a_place_without_a_catalog_is_no_library(tmp_path: Path) -> None:
    with pytest.raises(NoLibrary):
        db.open_reader(Library(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_damage(library: Library) -> None:
    library.catalog_path.write_bytes(b"something else" * 1000)
    with pytest.raises(CatalogCorrupt):
        db.open_reader(library)


def test_settings_of_the_writer_are_the_durable_ones(library: Library) -> None:
    writer = db.open_writer(library)
    settings = {
        name: writer.value(f"PRAGMA {name}")
        for name in (
            "journal_mode",
            "synchronous",
            "foreign_keys",
            "wal_autocheckpoint",
            "checksum_verification",
        )
    }
    writer.close()
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "wal_autocheckpoint": 1000,
        "checksum_verification": "1",
    }


def test_a_reader_can_neither_write_nor_checkpoint(library: Library) -> None:
    writer, reader = db.open_writer(library), db.open_reader(library)
    with writer.atomic():
        writer.execute("INSERT INTO meta VALUES ('x', 'y')")
    log = library.catalog_path.with_name("catalog.sqlite3-wal")
    size = log.stat().st_size
    with pytest.raises(CatalogError):
        reader.rows("DELETE FROM meta")
    with pytest.raises(CatalogError):
        reader.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    assert log.stat().st_size == size > 0
    reader.close()
    writer.close()


def test_a_snapshot_sees_one_moment_and_nests(library: Library) -> None:
    writer, reader = db.open_writer(library), db.open_reader(library)
    count = "SELECT count(*) FROM meta"
    with reader.snapshot():
        before = reader.value(count)
        with writer.atomic():
            writer.execute("INSERT INTO meta VALUES ('x', 'y')")
        with reader.snapshot():
            assert reader.value(count) == before
        assert reader.value(count) == before
    assert reader.value(count) == before + 1
    reader.close()
    writer.close()


def test_data_version_changes_with_a_commit_of_another_connection(library: Library) -> None:
    writer, reader = db.open_writer(library), db.open_reader(library)
    before = reader.data_version()
    assert reader.data_version() == before
    with writer.atomic():
        writer.execute("INSERT INTO meta VALUES ('x', 'y')")
    assert reader.data_version() != before
    reader.close()
    writer.close()


def keys(session: Writer | Reader) -> set[str]:
    return {row[0] for row in session.rows("SELECT key FROM meta")}


def insert(writer: Writer, key: str) -> None:
    writer.execute("INSERT INTO meta VALUES (?, '')", (key,))


class Stop(BaseException):
    """Not an Exception: as KeyboardInterrupt or trio's Cancelled."""


def test_a_transaction_is_rolled_back_on_any_base_exception(library: Library) -> None:
    writer = db.open_writer(library)
    with pytest.raises(Stop), writer.atomic():  # noqa: PT012 - the block is the transaction
        insert(writer, "x")
        raise Stop
    assert "x" not in keys(writer)
    with writer.atomic():
        insert(writer, "y")
    assert "y" in keys(writer)
    writer.close()


def test_a_nested_failure_undoes_the_inner_part_alone(library: Library) -> None:
    writer = db.open_writer(library)
    with writer.atomic():
        insert(writer, "outer")
        with pytest.raises(Stop), writer.atomic():  # noqa: PT012 - the block is the transaction
            insert(writer, "inner")
            raise Stop
        insert(writer, "after")
    assert {"outer", "after"} <= keys(writer)
    assert "inner" not in keys(writer)
    writer.close()


def test_the_first_error_is_seen_when_the_rollback_fails_too(library: Library) -> None:
    writer = db.open_writer(library)
    with pytest.raises(Stop), writer.atomic():  # noqa: PT012 - the block is the transaction
        insert(writer, "x")
        # As SQLite does by itself on a full disk: the transaction is gone before our rollback comes.
        writer.connection.execute("ROLLBACK")
        raise Stop
    assert "x" not in keys(writer)
    with writer.atomic():
        insert(writer, "y")
    writer.close()


def test_a_violated_foreign_key_at_commit_rolls_back(library: Library) -> None:
    writer = db.open_writer(library)
    with pytest.raises(CatalogError), writer.atomic():  # noqa: PT012 - the block is the transaction
        insert(writer, "x")
        writer.execute(
            "INSERT INTO content (asset_id, size, kind, mime, created_ns) VALUES (99, 1, 'photo', 'x', 1)"
        )
    assert "x" not in keys(writer)
    assert not writer.is_in_transaction
    writer.close()


def test_a_full_disk_is_said_so_and_nothing_is_half_done(library: Library) -> None:
    writer = db.open_writer(library)
    pages = writer.value("PRAGMA page_count")
    writer.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageFull), writer.atomic():  # noqa: PT012 - the block is the transaction
        insert(writer, "small")
        for number in range(1000):
            insert(writer, f"{number}" * 200)
    assert "small" not in keys(writer)
    writer.rows("PRAGMA max_page_count = 100000")
    with writer.atomic():
        insert(writer, "small")
    writer.close()


def test_a_second_writer_is_told_that_the_catalog_is_busy(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "BUSY_TIMEOUT_S", 0.05)
    first, second = db.open_writer(library), db.open_writer(library)
    with first.atomic(), pytest.raises(LibraryLocked), second.atomic():
        pass
    first.close()
    second.close()


def test_errors_of_peewee_statements_are_ours_too(library: Library) -> None:
    from catalog.store import models

    writer = db.open_writer(library)
    with pytest.raises(CatalogError):
        writer.run(models.Volume.insert(name="x"))
    writer.close()


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (apsw.FullError("full"), StorageFull),
        (apsw.CorruptError("malformed"), CatalogCorrupt),
        (apsw.NotADBError("no database"), CatalogCorrupt),
        (apsw.BusyError("busy"), LibraryLocked),
        (apsw.IOError("disk I/O error"), CatalogError),
        (apsw.ConstraintError("unique"), CatalogError),
    ],
)
def test_sqlites_errors_have_a_class_of_ours(error: apsw.Error, ours: type[Exception]) -> None:
    assert type(db.translated(error)) is ours


def test_a_pool_lends_one_reader_to_one_thread_at_a_time(library: Library) -> None:
    pool = ReaderPool(library, 2)
    lent: list[Reader] = []
    inside = threading.Barrier(2)

    def use() -> None:
        with pool.reader() as reader:
            inside.wait(5)
            lent.append(reader)
            assert "zone" in keys(reader)
            inside.wait(5)

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(reader) for reader in lent}) == 2
    with pool.reader() as reader:
        assert reader in lent
    pool.close()


@pytest.mark.slow
def test_readers_neither_fail_nor_see_names_vanish_while_the_writer_works(catalog: StoreHarness) -> None:
    from catalog.buckets import Bucket, View
    from catalog.store import listing

    done = threading.Event()
    problems: list[str] = []
    listed: set[str] = set()

    def follow() -> None:
        reader = catalog.reader()
        while not done.is_set():
            with reader.snapshot():
                rows = listing.photos_in(reader, Bucket(View.TIMELINE, 20190807, 0))
            names = {row.name for row in rows}
            if not listed <= names:
                problems.append(f"vanished: {listed - names}")
            listed.update(names)
        reader.close()

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        for number in range(40):
            catalog.put(b"d%d/IMG_%d.JPG" % (number, number % 7), f"{number}", inode=number)
            catalog.scan(b"d%d" % number)
            catalog.read_facts()
            catalog.read_hashes()
    finally:
        done.set()
        thread.join()
    assert problems == []
    assert len(listed) > 1
