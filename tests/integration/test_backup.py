"""Backups of the catalog: consistent while it is written, verified, kept by count and age, never half there."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from catalog.errors import (
    AlreadyExists,
    CatalogCorrupt,
    CatalogTooNew,
    GlassineError,
    InvalidValue,
    LibraryLocked,
    StorageFull,
)
from catalog.library import Library
from catalog.store import backup
from catalog.store.check import check
from catalog.store.db import open_reader
from store_harness import NOW_NS, StoreHarness

DAY_NS = 24 * 3600 * 10**9
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def filled(catalog: StoreHarness) -> StoreHarness:
    """A catalog of a few megabytes: three hundred photos."""
    for number in range(300):
        catalog.put(f"roll{number % 7}/IMG_{number:04d}.JPG".encode(), f"picture {number}", inode=number + 1)
    catalog.ingest()
    return catalog


def library_of(path: Path, home: Path) -> Library:
    """Put a copy of a backup where a catalog would be."""
    library = Library(home)
    library.make_directories()
    shutil.copyfile(path, library.catalog_path)
    return library


def wrong_in(path: Path, home: Path) -> list[str]:
    """Return what is wrong with a backup when it is used as a catalog; both halves of an edit must be in it."""
    reader = None
    try:
        reader = open_reader(library_of(path, home))
        found = [str(violation) for violation in check(reader)]
        ratings, titles = (
            reader.rows(
                "SELECT count(*), sum(json_extract(value, '$')) FROM statement WHERE property = ?", (name,)
            )
            for name in ("rating", "title")
        )
    except GlassineError as error:
        return [error.message]
    finally:
        if reader is not None:
            reader.close()
    return found + ([] if ratings == titles else [f"half an edit: {ratings} and {titles}"])


class Editing:
    """1,000 edits, each of two statements that belong together, by a thread of its own."""

    def __init__(self, harness: StoreHarness, count: int) -> None:
        self._harness = harness
        self._count = count
        self._assets = [row[0] for row in harness.writer.rows("SELECT id FROM asset ORDER BY id")]
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        for number in range(self._count):
            asset_id = self._assets[number % len(self._assets)]
            with self._harness.writer.atomic():
                for name, value in (("rating", f"{number % 5}"), ("title", f'"{number % 5}"')):
                    self._harness.say(asset_id, name, value, made_ns=number)

    def __enter__(self) -> Editing:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.join()


def backups_during_edits(
    harness: StoreHarness, home: Path, copy: Callable[[Library, Path], object], *, edits: int = 1000
) -> list[list[str]]:
    """Take copies for as long as edits are being made, and return what is wrong with each."""
    found, number = [], 0
    with Editing(harness, edits) as editing:
        while editing.thread.is_alive() or not number:
            target = home / f"copy-{number}"
            copy(harness.library, target)
            found.append(wrong_in(target, home / f"library-{number}"))
            number += 1
    return found


def test_a_backup_taken_while_a_thousand_edits_run_is_consistent(
    filled: StoreHarness, tmp_path: Path
) -> None:
    found = backups_during_edits(filled, tmp_path, backup.backup_to)
    assert len(found) >= 3, "the edits were over too soon to prove anything"
    assert [wrong for wrong in found if wrong] == []


def test_the_harness_goes_red_on_a_copied_file(filled: StoreHarness, tmp_path: Path) -> None:
    """The mutant: copy the file, as people do. It lacks the log, so it is old, torn, or both."""

    def copy_as_people_do(library: Library, target: Path) -> None:
        # In a process of its own: closing the file here would drop SQLite's locks.
        subprocess.run(["cp", str(library.catalog_path), str(target)], check=True)

    # A copy that falls between two edits lacks what the log still holds; one that falls into a checkpoint is torn.
    filled.say(filled.asset_at(b"roll0/IMG_0000.JPG"), "rating", "1", made_ns=5)
    filled.writer.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    filled.say(filled.asset_at(b"roll0/IMG_0000.JPG"), "title", '"1"', made_ns=5)
    acknowledged = [tuple(row) for row in filled.writer.rows("SELECT value FROM statement ORDER BY id")]
    copy_as_people_do(filled.library, tmp_path / "copied")
    copied = open_reader(library_of(tmp_path / "copied", tmp_path / "mutant"))
    assert copied.rows("SELECT value FROM statement ORDER BY id") != acknowledged
    copied.close()
    assert wrong_in(tmp_path / "copied", tmp_path / "checked")
    found = backups_during_edits(filled, tmp_path, copy_as_people_do)
    assert any(found), "the harness saw nothing wrong with copied files"


def test_a_backup_holds_every_row_and_is_private(filled: StoreHarness, tmp_path: Path) -> None:
    old_umask = os.umask(0)
    try:
        made = backup.backup_to(filled.library, tmp_path / "copy.db")
    finally:
        os.umask(old_umask)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert wrong_in(made.path, tmp_path / "library") == []
    reader = open_reader(Library(tmp_path / "library"))
    for table in ("asset", "content", "location", "claim", "change", "bucket"):
        sql = f"SELECT * FROM {table}"
        assert reader.rows(sql) == filled.writer.rows(sql)
    reader.close()
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"], "a log beside it"


def test_it_never_replaces_a_file_unless_told_to(filled: StoreHarness, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("mine")
    with pytest.raises(AlreadyExists):
        backup.backup_to(filled.library, target)
    assert target.read_text() == "mine"
    assert backup.backup_to(filled.library, target, is_replacing=True).is_good


@pytest.mark.parametrize("offset", [0, 17, 100, 5000, -5000, -3])
def test_verification_finds_a_flipped_bit(filled: StoreHarness, tmp_path: Path, offset: int) -> None:
    made = backup.backup_to(filled.library, tmp_path / "copy.db")
    raw = bytearray(made.path.read_bytes())
    raw[offset] ^= 1
    made.path.write_bytes(raw)
    with pytest.raises((CatalogCorrupt, InvalidValue, CatalogTooNew)):
        backup.verify_backup(made.path)


@pytest.mark.parametrize("content", [b"", b"{}", b"SQLite format 3\0", os.urandom(5000)])
def test_what_is_no_backup_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InvalidValue):
        backup.verify_backup(path)


def test_a_foreign_database_is_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "foreign.db"
    apsw.Connection(str(path)).execute("CREATE TABLE meta (key, value)")
    assert backup.look_at(path).reason == "it has no page checksums"


def test_a_damaged_catalog_gives_no_backup(filled: StoreHarness, tmp_path: Path) -> None:
    filled.writer.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = library_of(backup.backup_to(filled.library, tmp_path / "good").path, tmp_path / "damaged")
    raw = bytearray(copy.catalog_path.read_bytes())
    raw[len(raw) // 2] ^= 1
    copy.catalog_path.write_bytes(raw)
    with pytest.raises(CatalogCorrupt):
        backup.backup_to(copy, tmp_path / "bad")
    assert not list(tmp_path.glob(".glassine-*")) + list(tmp_path.glob("bad*"))


# ---- keeping


def make(harness: StoreHarness, day: float, *, keep: int = 3, max_age_days: int = 10) -> list[str]:
    """Make a backup on a day and return the names that are kept, newest first."""
    now_ns = NOW_NS + int(day * DAY_NS)
    directory = harness.library.backups_dir
    backup.make_backup(harness.library, directory, keep=keep, max_age_ns=max_age_days * DAY_NS, now_ns=now_ns)
    return [one.path.name for one in backup.kept(directory)]


def test_backups_are_kept_by_count(catalog: StoreHarness) -> None:
    for day in range(5):
        names = make(catalog, day)
    assert len(names) == 3
    assert names == sorted(names, reverse=True)


def test_backups_are_kept_by_age_but_never_is_the_newest_good_one_removed(catalog: StoreHarness) -> None:
    first = make(catalog, 0)
    assert make(catalog, 30) != first
    directory = catalog.library.backups_dir
    later_ns = NOW_NS + 400 * DAY_NS
    assert backup.prune(catalog.library, directory, keep=3, max_age_ns=DAY_NS, now_ns=later_ns) == []
    assert len(backup.kept(directory)) == 1


def test_a_damaged_newer_one_does_not_count_as_the_newest_good_one(catalog: StoreHarness) -> None:
    make(catalog, 0)
    directory = catalog.library.backups_dir
    (directory / "catalog-20990101T000000Z.sqlite3").write_bytes(b"half")
    later_ns = NOW_NS + 400 * DAY_NS
    assert backup.prune(catalog.library, directory, keep=1, max_age_ns=DAY_NS, now_ns=later_ns) == []
    assert backup.newest_good_ns(directory) == NOW_NS // 10**9 * 10**9


def test_files_of_others_stay(catalog: StoreHarness, tmp_path: Path) -> None:
    directory = catalog.library.backups_dir
    directory.mkdir()
    for name in ("notes.txt", "catalog-mine.sqlite3", "catalog-20200101T000000Z.sqlite3"):
        (directory / name).write_text("mine")
    for day in range(5):
        make(catalog, day, keep=1)
    assert (directory / "notes.txt").read_text() == "mine"
    assert (directory / "catalog-mine.sqlite3").read_text() == "mine"
    assert (directory / "catalog-20200101T000000Z.sqlite3").read_text() == "mine"
    assert len([one for one in backup.kept(directory) if one.is_good]) == 1


def test_backups_of_another_library_stay(catalog: StoreHarness, tmp_path: Path) -> None:
    from store_harness import make_harness

    make(catalog, 0)
    other = make_harness(tmp_path / "other")
    directory = catalog.library.backups_dir
    backup.make_backup(other.library, directory, keep=1, max_age_ns=DAY_NS, now_ns=NOW_NS + 90 * DAY_NS)
    other.close()
    assert len(backup.kept(directory)) == 2


def test_two_in_one_second_have_two_names(catalog: StoreHarness) -> None:
    make(catalog, 0)
    assert len(make(catalog, 0)) == 2


def test_two_at_once_is_one_too_many(catalog: StoreHarness) -> None:
    directory = catalog.library.backups_dir
    refused = []

    def heartbeat() -> None:
        if not refused:
            with pytest.raises(LibraryLocked) as caught:
                make(catalog, 1)
            refused.append(caught.value)

    backup.make_backup(
        catalog.library, directory, keep=1, max_age_ns=DAY_NS, now_ns=NOW_NS, heartbeat=heartbeat
    )
    assert refused


# ---- disks that are full, and kills


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    place = tmp_path / "tiny"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.root
def test_a_disk_that_is_too_small_is_refused_before_it_is_filled(
    filled: StoreHarness, tiny_disk: Path
) -> None:
    filled.writer.execute("CREATE TABLE ballast (x BLOB)")
    filled.writer.execute("INSERT INTO ballast VALUES (zeroblob(2000000))")
    with pytest.raises(StorageFull, match="needs"):
        backup.backup_to(filled.library, tiny_disk / "copy")
    assert os.listdir(tiny_disk) == []
    filled.writer.execute("DROP TABLE ballast")


@pytest.mark.root
def test_a_disk_that_fills_up_meanwhile_leaves_nothing_half(filled: StoreHarness, tiny_disk: Path) -> None:
    size = filled.writer.value("PRAGMA page_count") * filled.writer.value("PRAGMA page_size")
    filled.writer.execute("CREATE TABLE ballast (x BLOB)")
    room = os.statvfs(tiny_disk)
    filled.writer.execute(
        "INSERT INTO ballast VALUES (zeroblob(?))", (max(0, room.f_bavail * room.f_frsize - size - 60_000),)
    )

    def fill() -> None:
        (tiny_disk / "other").write_bytes(b"x" * 200_000)

    reader = open_reader(filled.library)
    part = tiny_disk / "part"
    part.touch()
    fill()
    with reader.snapshot():
        reader.rows("SELECT 1 FROM meta")
        with pytest.raises(StorageFull):
            backup.copy_pages(reader.connection, part)
    reader.close()
    part.unlink()
    with pytest.raises(StorageFull):
        backup.backup_to(filled.library, tiny_disk / "copy")
    assert os.listdir(tiny_disk) == ["other"]
    filled.writer.execute("DROP TABLE ballast")


KILLED_BACKUP = """
import sys, time
from pathlib import Path
from catalog.library import Library
from catalog.store import backup
library = Library(sys.argv[1])
backup.make_backup(library, library.backups_dir, keep=2, max_age_ns=10**18, now_ns=int(sys.argv[2]))
"""


@pytest.mark.parametrize("name", ["backup.step", "backup.copied", "file.written", "file.named"])
def test_a_kill_leaves_no_half_file_under_a_final_name(catalog: StoreHarness, name: str) -> None:
    make(catalog, 0)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "GLASSINE_FAILPOINT": f"{name}:1"}
    command = [sys.executable, "-c", KILLED_BACKUP, str(catalog.library.path), str(NOW_NS + DAY_NS)]
    killed = subprocess.run(command, env=environment, check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr
    directory = catalog.library.backups_dir
    for found in backup.kept(directory):
        backup.verify_backup(found.path)
    assert len(backup.kept(directory)) == (2 if name == "file.named" else 1)
    make(catalog, 2)
    assert not list(directory.glob(".glassine-*")), "what the killed one left is swept away"
