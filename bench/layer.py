"""Yardsticks of the layer: a large organised library, asked, listed and edited, beside the same in plain SQL.

The peer is a textbook SQLite database of the same photos, tags and ratings (one table each, the obvious indexes, WAL,
synchronous=FULL), asked by Python's sqlite3: it keeps no journal, no history, no names, no folders. The catalog is
filled through the store's own commands, so what is measured is what a user would have.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from bench.memory import seed
from bench.timing import Figure, Report, alternating, glassine, seconds_of
from catalog import commands
from catalog.commands.client import submit
from catalog.commands.layer import AlbumAdd, Rate, TagAdd, TagRemove
from catalog.ids import AssetId
from catalog.library import Library, LibraryLock
from catalog.query import parse
from catalog.store import find
from catalog.store.db import Reader, Writer, open_reader, open_writer

TAGS = 20_000
TAGS_PER_TOP = 100
ALBUMS = 5_000
ALBUM_PHOTOS = 100
COMMANDS_PER_COMMIT = 200  # large transactions: seeding is no measurement
RATED = 10  # one photo in so many is rated
ONE_TAG, ONE_TAG_PHOTOS = "bench/thousand", 1_000
QUERY = "tag:top042 rating>=4 date=2008..2016"
MANY = 10_000
ROUNDS = 7
VISIBLE_ROUNDS = 50
POLL_S = 0.001
SETTLE_S = 3.0


def measure_layer(report: Report, work: Path, *, count: int) -> None:
    """All figures of the layer; `work/layer` is kept between runs, seeding takes minutes."""
    place = work / "layer"
    place.mkdir(parents=True, exist_ok=True)
    library = Library(place / "library")
    uids = _organised(library, place, count)
    note = f"{count} assets, {TAGS} tags, {ALBUMS} albums"
    peer = _plain(place / "plain.sqlite3", library)
    try:
        _measure_query(report, library, peer, note)
        seconds_of(glassine(library.path, "up", "--no-dav", "--mount", str(place / "mnt")))
        try:
            _measure_listing(report, place / "mnt", peer, note)
            _measure_tagging(report, library, peer, uids, note)
            _measure_visible(report, library, place / "mnt", uids, note)
            _measure_command(report, library, place, uids, note)
        finally:
            seconds_of(glassine(library.path, "down"))
    finally:
        peer.close()


def _organised(library: Library, place: Path, count: int) -> list[str]:
    """Seed assets, then organise them by commands; return the uids by id."""
    if not library.exists():
        (place / "nothing").mkdir(exist_ok=True)
        seconds_of(glassine(library.path, "init", "--zone", "UTC"))
        seconds_of(glassine(library.path, "volume", "add", str(place / "nothing"), "--name", "Bench"))
    took = seed(library, count)
    print(f"seeded {count} assets in {took:.0f} s", flush=True)
    began = time.monotonic()
    with LibraryLock(library):
        writer = open_writer(library)
        try:
            uids = [row[0] for row in writer.rows("SELECT uid FROM asset ORDER BY id")]
            if not writer.value("SELECT count(*) FROM tag"):
                _organise(writer, uids)
        finally:
            writer.close()
    print(f"organised them in {time.monotonic() - began:.0f} s", flush=True)
    return uids


def _organise(writer: Writer, uids: list[str]) -> None:
    per_tag = max(1, len(uids) // TAGS)
    edits: list[commands.Command] = []
    for number in range(TAGS):
        photos = tuple(uids[number * per_tag : (number + 1) * per_tag])
        if photos:
            edits.append(TagAdd(photos, (f"top{number // TAGS_PER_TOP:03d}/tag{number % TAGS_PER_TOP:02d}",)))
    step = max(1, len(uids) // ALBUMS)
    for number in range(ALBUMS):
        photos = tuple(uids[number * step : number * step + ALBUM_PHOTOS])
        if photos:
            edits.append(AlbumAdd(photos, f"album {number:04d}", is_created=True))
    for rating in range(1, 6):
        edits.append(Rate(tuple(uids[rating :: RATED * 5]), rating))
    edits.append(TagAdd(tuple(uids[:: max(1, len(uids) // ONE_TAG_PHOTOS)][:ONE_TAG_PHOTOS]), (ONE_TAG,)))
    for start in range(0, len(edits), COMMANDS_PER_COMMIT):
        with writer.atomic():
            for edit in edits[start : start + COMMANDS_PER_COMMIT]:
                commands.execute(writer, edit, now_ns=time.time_ns())


def _plain(path: Path, library: Library) -> sqlite3.Connection:
    """Build the textbook database from the catalog."""
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    plain = sqlite3.connect(path, isolation_level=None)
    plain.executescript(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "CREATE TABLE photo (id INTEGER PRIMARY KEY, uid TEXT, name TEXT, size INTEGER, taken INTEGER, day INTEGER,"
        " rating INTEGER);"
        "CREATE TABLE tag (id INTEGER PRIMARY KEY, path TEXT UNIQUE, parent INTEGER);"
        "CREATE TABLE photo_tag (tag INTEGER, photo INTEGER, PRIMARY KEY (tag, photo)) WITHOUT ROWID;"
    )
    reader = open_reader(library)
    try:
        with reader.snapshot():
            plain.execute("BEGIN")
            _copy(reader, plain)
            plain.execute("COMMIT")
    finally:
        reader.close()
    plain.executescript(
        "CREATE INDEX photo_day ON photo (day); CREATE INDEX photo_rating ON photo (rating) WHERE rating IS NOT NULL;"
        "ANALYZE;"
    )
    return plain


def _copy(reader: Reader, plain: sqlite3.Connection) -> None:
    plain.executemany(
        "INSERT INTO photo VALUES (?, ?, ?, ?, ?, ?, ?)",
        reader.rows(
            "SELECT a.id, a.uid, a.name, a.size, a.mtime_ns, a.day, e.rating FROM asset AS a"
            " LEFT JOIN effective AS e ON e.asset_id = a.id"
        ),
    )
    plain.executemany("INSERT INTO tag VALUES (?, ?, ?)", reader.rows("SELECT id, path, parent_id FROM tag"))
    plain.executemany(
        "INSERT INTO photo_tag VALUES (?, ?)",
        reader.rows(
            "SELECT t.id, s.asset_id FROM statement AS s JOIN tag AS t ON t.uid = s.element WHERE s.property = 'tag'"
        ),
    )


def _timed(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def _measure_query(report: Report, library: Library, plain: sqlite3.Connection, note: str) -> None:
    """Two terms and a range: the same photos."""
    reader = open_reader(library)
    try:
        predicate = parse(QUERY, today=date(2026, 1, 1))
        sql = (
            "SELECT p.id FROM photo AS p WHERE p.rating >= 4 AND p.day BETWEEN 20080000 AND 20161231 AND p.id IN"
            " (SELECT photo FROM photo_tag WHERE tag IN (SELECT id FROM tag WHERE path = 'top042'"
            " UNION SELECT c.id FROM tag AS c JOIN tag AS t ON c.parent = t.id WHERE t.path = 'top042'))"
            " ORDER BY p.id LIMIT 1000"
        )
        ours = find.matching(reader, predicate, AssetId(0), 1000)
        theirs = [row[0] for row in plain.execute(sql)]
        assert ours == theirs, (len(ours), len(theirs))
        mine, peer = alternating(
            lambda: _timed(lambda: find.matching(reader, predicate, AssetId(0), 1000)),
            lambda: _timed(lambda: plain.execute(sql).fetchall()),
            rounds=ROUNDS * 3,
        )
    finally:
        reader.close()
    report.add(
        Figure(
            "query of two terms and a range",
            mine * 1000,
            peer * 1000,
            "ms",
            "",
            f"{len(ours)} matches; {note}",
        )
    )


def _measure_listing(report: Report, mount: Path, plain: sqlite3.Connection, note: str) -> None:
    """The first listing, with attributes, of folders that nobody looked at before."""
    folders = iter(sorted(os.listdir(mount / "Tags"))[:60])
    sql = (
        "SELECT p.name, p.size, p.taken FROM photo_tag AS m JOIN photo AS p ON p.id = m.photo WHERE m.tag ="
        " (SELECT id FROM tag WHERE path = ?)"
    )

    def listed() -> float:
        folder = mount / "Tags" / next(folders) / "_all"
        return _timed(lambda: [entry.stat().st_size for entry in os.scandir(folder)]) / max(
            1, len(os.listdir(folder)) / 1000
        )

    def asked() -> float:
        return _timed(lambda: plain.execute(sql, (ONE_TAG,)).fetchall())

    mine, peer = alternating(listed, asked, rounds=ROUNDS)
    report.add(
        Figure(
            "first listing, per 1,000 entries with attributes, through the mount",
            mine * 1000,
            peer * 1000,
            "ms",
            "",
            f"Tags/<top>/_all; peer: the rows by sqlite3 in process; {note}",
        )
    )
    first = _timed(lambda: [entry.stat() for entry in os.scandir(mount / "Tags" / ONE_TAG)])
    report.add(
        Figure(
            "first listing of 1,000 entries through the mount", first * 1000, asked() * 1000, "ms", "", note
        )
    )


def _measure_tagging(
    report: Report, library: Library, plain: sqlite3.Connection, uids: list[str], note: str
) -> None:
    """One command for 10,000 photos through the daemon; the peer inserts the rows in one transaction."""
    numbers = itertools.count(time.time_ns() // 10**9)  # new tags, also where a run is repeated
    chosen = tuple(uids[:: max(1, len(uids) // MANY)][:MANY])

    def ours() -> float:
        return _timed(lambda: submit(library, TagAdd(chosen, (f"many {next(numbers)}",))))

    def peer() -> float:
        began = time.monotonic()
        plain.execute("BEGIN IMMEDIATE")
        cursor = plain.execute("INSERT INTO tag (path) VALUES (?)", (f"many {next(numbers)}",))
        plain.executemany(
            "INSERT INTO photo_tag SELECT ?, id FROM photo WHERE id = ?",
            [(cursor.lastrowid, number * (len(uids) // len(chosen)) + 1) for number in range(len(chosen))],
        )
        plain.execute("COMMIT")
        return time.monotonic() - began

    mine, theirs = alternating(ours, peer, rounds=3)
    report.add(Figure(f"tagging {len(chosen)} photos", mine, theirs, "s", "", f"through the daemon; {note}"))


def _measure_visible(report: Report, library: Library, mount: Path, uids: list[str], note: str) -> None:
    """From the answer of an edit to the moment when a program sees it in a warm mount."""
    folder = mount / "Tags" / ONE_TAG
    waits = []
    # A run that is repeated finds the tags of the last one.
    chosen = uids[1 : 1 + 7 * VISIBLE_ROUNDS : 7]
    submit(library, TagRemove(tuple(chosen), (ONE_TAG,)))
    time.sleep(SETTLE_S)
    for uid in chosen:
        before = len(os.listdir(folder))
        submit(library, TagAdd((uid,), (ONE_TAG,)))
        began = time.monotonic()
        while len(os.listdir(folder)) == before:
            time.sleep(POLL_S)
            assert time.monotonic() - began < 5, "an edit does not appear"
        waits.append(time.monotonic() - began)
    waits.sort()
    report.add(
        Figure(
            "edit visible in a warm mount, median",
            statistics.median(waits) * 1000,
            None,
            "ms",
            "1000",
            f"p99 {waits[int(len(waits) * 0.99)] * 1000:.0f} ms; after the commit; {note}",
        )
    )


def _measure_command(report: Report, library: Library, place: Path, uids: list[str], note: str) -> None:
    """`glassine tag add` from start to exit; the peer is a Python that inserts two rows and exits."""
    chosen = range(5, 1000, 11)
    # A run that is repeated finds the tags of the last one.
    submit(library, TagAdd(tuple(uids[number] for number in chosen), ("one",)))
    submit(library, TagRemove(tuple(uids[number] for number in chosen), ("one",)))
    numbers = iter(chosen)
    script = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        " c.execute('BEGIN IMMEDIATE'); c.execute('INSERT OR IGNORE INTO photo_tag VALUES (1, ?)', (int(sys.argv[2]),));"
        " c.execute('COMMIT')"
    )

    def ours() -> float:
        return seconds_of(glassine(library.path, "tag", "add", "one", uids[next(numbers)]))

    def peer() -> float:
        command = [sys.executable, "-c", script, str(place / "plain.sqlite3"), str(next(numbers))]
        began = time.monotonic()
        subprocess.run(command, check=True)
        return time.monotonic() - began

    mine, theirs = alternating(ours, peer, rounds=ROUNDS)
    report.add(Figure("glassine tag add, start to exit", mine, theirs, "s", "", note))
