"""The bench of the yank matrix: a library with two volumes and its real daemon, and questions about it.

Asked are rows of the catalog, the tree as a frontend shows it, and the witnesses. Time is compressed by `QUICK` alone, and
not in the long profile.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.photos import make_photos
from catalog.commands.client import submit
from catalog.commands.layer import AlbumAdd, Rate, TagAdd
from catalog.commands.values import AddVolume
from catalog.library import Library, LibraryLock
from catalog.store.db import ReaderPool, open_reader
from contract.frontend_suite import tree_of
from contract.test_frontend_tree import TreeOser
from faults.witness import Opens, Sources, seed_sources
from faults.yank_rigs import Fault, Rig
from product import Product
from sacred import Fingerprint
from vfs.tree import open_tree

PHOTOS, OTHERS, DUPLICATES = 60, 12, 30
YANKED, OTHER = "Yanked", "Other"
BACK_S = 150.0
# What a disk may take before it counts as hung, and how soon and how often a lost one is looked for.
QUICK: list[Sources] = [
    {"daemon.volume_session": ("HANG_S = 15.0", "HANG_S = 4.0")},
    {"daemon.watch": ("_FIRST_PAUSE_S = 5.0", "_FIRST_PAUSE_S = 1.0")},
    {"daemon.watch": ("_MOST_PAUSE_S = 60.0", "_MOST_PAUSE_S = 2.0")},
]
TOPS = ("Timeline", "Originals", "Albums", "Tags")


def wait_until(
    condition: Callable[[], object], *, what: str, deadline_s: float = BACK_S, turn_s: float = 0.1
) -> None:
    """As `product.wait_until`, but more rarely: many benches ask at once, in one process."""
    ends = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < ends, f"not within {deadline_s:.0f} s: {what}"
        time.sleep(turn_s)


@dataclass(slots=True)
class Shot:
    """The catalog at one moment, as rows."""

    statements: list[tuple[Any, ...]]
    journal: int
    locations: dict[int, tuple[str, str, str]]  # id -> (volume, path, state)
    states: dict[str, tuple[str, str | None]]
    done: dict[str, set[str]]  # volume -> paths whose facts and hash are there

    def missing(self, volume: str) -> set[str]:
        return {path for name, path, state in self.locations.values() if (name, state) == (volume, "missing")}


@dataclass(slots=True)
class Bench:
    """A library with two volumes and its daemon. Made by `open_bench`."""

    home: Path
    fault: Fault
    rig: Rig
    product: Product
    opens: Opens
    originals: list[dict[bytes, Fingerprint]] = field(default_factory=list)
    daemon: subprocess.Popen[bytes] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    commands: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def library(self) -> Library:
        return Library(self.product.library)

    @property
    def log(self) -> Path:
        return self.home / "daemon.log"

    # The daemon

    def start(self) -> None:
        with open(self.log, "ab") as log:
            self.daemon = subprocess.Popen(
                self.product.command("daemon"),
                env=self.product.env(**self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self, limit_s: float = 6.0) -> float:
        """End the daemon; returns the seconds that it took. Its lock must be free then."""
        assert self.daemon is not None
        began = time.monotonic()
        self.daemon.send_signal(signal.SIGTERM)
        code = self.daemon.wait(limit_s)
        took_s = time.monotonic() - began
        self.daemon = None
        assert code == 0, f"the daemon ended with {code}"
        with LibraryLock(self.library):
            pass
        return took_s

    # Questions

    def missing(self) -> int:
        """Return how many files of both volumes are missing."""
        return int(self.rows("SELECT count(*) FROM location WHERE state = 'missing'")[0][0])

    def rows(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        reader = open_reader(self.library)
        try:
            return reader.rows(sql, params)
        finally:
            reader.close()

    def state(self, volume: str = YANKED) -> tuple[str, str | None]:
        rows = self.rows("SELECT state, state_reason FROM volume WHERE name = ?", volume)
        return (rows[0][0], rows[0][1]) if rows else ("none", None)

    def shot(self) -> Shot:
        reader = open_reader(self.library)
        try:
            located = reader.rows(
                "SELECT l.id, v.name, CAST(CASE d.path WHEN x'' THEN l.name ELSE d.path || '/' || l.name END AS TEXT), l.state,"
                " c.hash IS NOT NULL AND c.facts_state IN ('done', 'failed') FROM location AS l JOIN volume AS v"
                " ON v.id = l.volume_id JOIN directory AS d ON d.id = l.directory_id LEFT JOIN content AS c ON c.id = l.content_id"
            )
            return Shot(
                reader.rows("SELECT * FROM statement ORDER BY id"),
                len(reader.rows("SELECT id FROM journal")),
                {row[0]: (row[1], row[2], row[3]) for row in located},
                {
                    row[0]: (row[1], row[2])
                    for row in reader.rows("SELECT name, state, state_reason FROM volume")
                },
                {name: {row[2] for row in located if row[1] == name and row[4]} for name in (YANKED, OTHER)},
            )
        finally:
            reader.close()

    def is_due(self) -> bool:
        """Whether something is to be read, or a scan runs."""
        (unread,) = self.rows(
            "SELECT (SELECT count(*) FROM location AS l LEFT JOIN content AS c ON c.id = l.content_id WHERE l.state = 'present'"
            " AND (c.hash IS NULL OR c.facts_state IN ('due', 'deep') OR l.sniff_due = 1 OR l.recheck_due = 1))"
            " + (SELECT count(*) FROM scan WHERE state = 'running')"
            " + (SELECT count(*) FROM volume WHERE full_scan_ns IS NULL)"
        )
        return bool(unread[0])

    def wait_quiet(self, deadline_s: float = BACK_S) -> None:
        """Wait until all is read, and no file was opened for a second."""
        wait_until(lambda: not self.is_due(), what="everything is read", deadline_s=deadline_s)
        quiet_since = time.monotonic()
        ends = quiet_since + deadline_s
        while time.monotonic() - quiet_since < 1.0:
            if self.opens.take():
                quiet_since = time.monotonic()
            assert time.monotonic() < ends, "files are opened again and again"
            time.sleep(0.05)

    def tree(self, *tops: str) -> list[str]:
        pool = ReaderPool(self.library, 1)
        try:
            face = TreeOser(open_tree(self.library, pool, clock=time.time_ns, report=dict))
            return [line for top in tops for line in tree_of(face, top)]
        finally:
            pool.close()

    def read_other(self) -> float:
        """List the other volume and read a file of it, as a frontend does; returns the seconds that it took."""
        began = time.monotonic()
        pool = ReaderPool(self.library, 1)
        try:
            face = TreeOser(open_tree(self.library, pool, clock=time.time_ns, report=dict))
            names = face.listdir(f"Originals/{OTHER}/DCIM/0000")
            assert len(names) == OTHERS
            assert face.read(f"Originals/{OTHER}/DCIM/0000/{names[0]}")
        finally:
            pool.close()
        return time.monotonic() - began

    def command(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a verb and let it be: what it says is not looked at."""
        started = subprocess.Popen(
            self.product.command(*arguments),
            env=self.product.env(**self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.commands.append(started)
        return started

    # Making it

    def say(self, volume: str) -> None:
        """Say something about every third photo of a volume, through the daemon."""
        uids = tuple(
            row[0]
            for row in self.rows(
                "SELECT DISTINCT a.uid FROM location AS l JOIN volume AS v ON v.id = l.volume_id JOIN content AS c"
                " ON c.id = l.content_id JOIN asset AS a ON a.id = c.asset_id WHERE v.name = ? ORDER BY l.id",
                volume,
            )
        )[::3]
        for said in (
            TagAdd(uids, (f"seen/{volume}", "kept")),
            Rate(uids, 4),
            AlbumAdd(uids, f"Best of {volume}", is_created=True),
        ):
            submit(self.library, said)


def _make_files(home: Path) -> None:
    """Write the photos of both volumes, some of them twice."""
    home.mkdir()
    for name, count, seed in (("stored", PHOTOS, 7), ("other", OTHERS, 8)):
        make_photos(home / name, count, seed=seed, per_folder=20, pad_bytes=20_000)
        photos = sorted((home / name).rglob("*.JPG"))
        (home / name / "twice").mkdir()
        for number in range(DUPLICATES):
            shutil.copy2(photos[number % len(photos)], home / name / "twice" / f"{number:02d}.JPG")


@contextmanager
def open_bench(
    home: Path, fault: Fault, *, mutant: Sequence[Sources] = (), is_long: bool = False, **environment: str
) -> Iterator[Bench]:
    """Have the library with the other volume, and the daemon running; the disk of the matrix is not yet added."""
    _make_files(home)
    product = Product(home)
    seeded = seed_sources(home / "seeded", *([] if is_long else QUICK), *mutant)
    rig = fault.make(home)
    opens = Opens(rig.parts)
    bench = Bench(home, fault, rig, product, opens)
    paths = [str(seeded), product.env()["PYTHONPATH"]]
    bench.environment = {
        "PYTHONPATH": os.pathsep.join(paths),
        "GLASSINE_SCAN_QUICK_INTERVAL_S": "1",
        "GLASSINE_SCAN_HASH_MIB_PER_S": "2",
        "GLASSINE_VERIFY_MIB_PER_S": "1",
        "GLASSINE_WORKERS_MEDIA": "1",
        "GLASSINE_DAV_ENABLED": "false",
        "GLASSINE_SCAN_MISSING_CAP": "1",
        "GLASSINE_SCAN_MISSING_TICK_S": "1",
        **environment,
    }
    try:
        product.run("init", "--zone", "UTC")
        bench.start()
        submit(bench.library, AddVolume(OTHER, bytes(home / "other")))
        wait_until(lambda: bench.state(OTHER)[0] == "online", what="the other volume is online")
        bench.wait_quiet()
        bench.say(OTHER)
        yield bench
        if bench.daemon is not None:
            bench.stop()
        text = bench.log.read_text("utf-8", "replace")
        assert "Traceback" not in text, text[-4000:]
    finally:
        with suppress(Exception):
            rig.undo()
        if bench.daemon is not None:
            bench.daemon.kill()
            bench.daemon.wait()
        for command in bench.commands:
            command.kill()
            command.wait()
        opens.close()
        rig.close()


def add_whole(bench: Bench) -> None:
    """Add the volume of the matrix, wait until it is read, and say something about it."""
    submit(bench.library, AddVolume(YANKED, bytes(bench.rig.place)))
    wait_until(lambda: bench.state()[0] == "online", what="the volume is online")
    bench.wait_quiet()
    bench.say(YANKED)
