"""Yardsticks of an edit: from the client through the control socket to the answer after the commit.

The peer is a plain SQLite commit (WAL, synchronous=FULL) of two rows on the same disk: no edit that survives a
power cut can cost less. A fresh process per edit, as in the shell, is measured beside it.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from bench.timing import Figure, Report, alternating, glassine, seconds_of
from catalog.commands import AddAccount, DisableAccount
from catalog.commands.client import submit
from catalog.library import Library

ROUNDS = 200
NAME = "bench"


@contextlib.contextmanager
def plain_sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database as careful as the catalog, with nothing of ours."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE statement (id INTEGER PRIMARY KEY, asset INTEGER, value TEXT)")
    connection.execute("CREATE TABLE journal (id INTEGER PRIMARY KEY, command TEXT, made_ns INTEGER)")
    try:
        yield connection
    finally:
        connection.close()


def commit_s(connection: sqlite3.Connection, number: int) -> float:
    """Commit a statement and its journal row."""
    began = time.monotonic()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO statement (asset, value) VALUES (?, 'holiday')", (number,))
    connection.execute("INSERT INTO journal (command, made_ns) VALUES ('tag add', ?)", (time.time_ns(),))
    connection.execute("COMMIT")
    return time.monotonic() - began


def edit_s(library: Library, number: int) -> float:
    """Have one small edit done by the daemon."""
    began = time.monotonic()
    submit(library, DisableAccount(NAME, is_disabled=number % 2 == 0))
    return time.monotonic() - began


def measure_edits(report: Report, work: Path) -> None:
    """The same edit through the running daemon, and as a whole command; medians, in turn with the peer."""
    place = work / "edits"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    library = Library(place / "library")
    seconds_of(glassine(library.path, "init", "--zone", "UTC"))
    submit(library, AddAccount(NAME, "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$c29tZXRoaW5n"))
    seconds_of(glassine(library.path, "up", "--no-dav"))
    numbers = iter(range(10 * ROUNDS))
    try:
        with plain_sqlite(place / "plain.sqlite3") as connection:
            ours, peer = alternating(
                lambda: edit_s(library, next(numbers)),
                lambda: commit_s(connection, next(numbers)),
                rounds=ROUNDS,
            )
        whole = [seconds_of(glassine(library.path, "user", "disable", NAME)) for _ in range(5)]
    finally:
        seconds_of(glassine(library.path, "down"))
    note = f"median of {ROUNDS}, in turn with a plain SQLite commit"
    report.add(Figure("edit through the control socket", ours * 1000, peer * 1000, "ms", "", note))
    report.add(
        Figure("edit as a whole command", statistics.median(whole), None, "s", "", "start of Python to exit")
    )
