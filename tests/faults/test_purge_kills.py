"""Crash: a purge that is killed at any failpoint removes nothing unwritten, and the next one settles what it left.

One library; each case trashes two photos, kills the purge (the command, or its remover) at a failpoint, and looks: every
file that is gone has its row, nothing else was touched. Then an undisturbed purge must end all rows and the catalog must
be clean. The harness counts only if it goes red on a purge that writes nothing down.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.photos import make_photos
from catalog.library import Library
from catalog.store.db import open_reader
from product import Product, files_below
from sacred import Fingerprint, fingerprints, touched
from source_mutant import seed_mutant

pytestmark = pytest.mark.slow

# Where a file is, or a moment ago was, under way: the daemon's side, then the remover's.
OURS = ("purge.recorded", "purge.judged", "purge.answered", "purge.finished")
REMOVERS = ("purge.opened", "purge.verified", "purge.unlink", "purge.unlinked", "purge.synced")
KILLS = [
    *((name, passes) for name in (*OURS[1:], *REMOVERS) for passes in (1, 2)),
    ("purge.recorded", 1),
    *(("store.commit", passes) for passes in (1, 2, 3, 4, 5)),
    *(("store.committed", passes) for passes in (1, 2, 3, 4, 5)),
    ("process.frame", 4),
]
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)


@dataclass(slots=True)
class Crashed:
    """The library of all cases, and the photos that no case has used yet."""

    product: Product
    photos: Path
    unused: list[Path]
    kills: int = 0

    def take(self) -> list[Path]:
        chosen = [self.unused.pop(), self.unused.pop()]
        self.product.run("trash", "put", *map(str, chosen))
        return chosen

    def relative(self, paths: list[Path]) -> list[bytes]:
        return [os.fsencode(path.relative_to(self.photos)) for path in paths]

    def rows(self, paths: list[Path]) -> dict[str, list[str]]:
        """Return name -> states of its rows, oldest first."""
        reader = open_reader(Library(self.product.library))
        try:
            rows = reader.rows(
                "SELECT l.name, p.state FROM purge AS p JOIN location AS l ON l.id = p.location_id ORDER BY p.id"
            )
        finally:
            reader.close()
        return {
            path.name: [state for name, state in rows if os.fsdecode(name) == path.name] for path in paths
        }


def make_crashed(home: Path, count: int) -> Crashed:
    photos = home / "photos"
    make_photos(photos, count, pad_bytes=500)
    paths = list(files_below(photos))  # before the volume gets its marker
    product = Product(home)
    product.run("init", "--zone", "UTC")
    product.run("volume", "add", str(photos), "--name", "Photos", "--writable")
    product.run("scan")
    return Crashed(product, photos, paths)


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crashed]:
    crashed = make_crashed(tmp_path_factory.mktemp("crash"), 2 * len(KILLS) + 6)
    yield crashed
    crashed.product.run("scan", "--full")
    left = [path for path in files_below(crashed.photos) if path.name != ".glassine-volume"]
    assert len(crashed.product.found()) == len(left)
    assert crashed.kills >= 20, f"only {crashed.kills} of the cases killed anything"


def assert_written_before_touched(
    crashed: Crashed, before: dict[bytes, Fingerprint], chosen: list[Path]
) -> None:
    """Whatever was killed: only trashed files are gone, and of each that is there is a row that says so, or may."""
    gone = [path for path in chosen if not path.exists()]
    assert touched(before, fingerprints(crashed.photos), removed=crashed.relative(gone)) == []
    rows = crashed.rows(gone)
    assert all(states and states[-1] in ("planned", "done") for states in rows.values()), rows


def assert_settled(crashed: Crashed, before: dict[bytes, Fingerprint], chosen: list[Path]) -> None:
    """After an undisturbed purge every trashed file is gone, done once, and the catalog knows."""
    crashed.product.run("trash", "purge", "--all", "--yes")
    assert not any(path.exists() for path in chosen)
    assert touched(before, fingerprints(crashed.photos), removed=crashed.relative(chosen)) == []
    for states in crashed.rows(chosen).values():
        assert states.count("done") == 1
        assert states[-1] == "done"
        assert "planned" not in states
    check = crashed.product.run("--json", "check", check=False)
    assert check.returncode == 0, check.stdout


@pytest.mark.parametrize(("name", "passes"), KILLS)
def test_a_purge_killed_at_a_failpoint_removed_nothing_unwritten_and_is_settled(
    crashed: Crashed, name: str, passes: int
) -> None:
    chosen = crashed.take()
    before = fingerprints(crashed.photos)
    killed = crashed.product.run(
        "trash", "purge", "--all", "--yes", check=False, GLASSINE_FAILPOINT=f"{name}:{passes}"
    )
    was_remover = name in REMOVERS and "broke off" in killed.stderr
    crashed.kills += killed.returncode in KILLED or was_remover
    assert_written_before_touched(crashed, before, chosen)
    assert_settled(crashed, before, chosen)


def test_the_kills_between_removal_and_record_really_happen(crashed: Crashed) -> None:
    """Gone on disk, planned in the catalog: the moment that everything else here is about."""
    chosen = crashed.take()
    before = fingerprints(crashed.photos)
    killed = crashed.product.run(
        "trash", "purge", "--all", "--yes", check=False, GLASSINE_FAILPOINT="purge.answered:1"
    )
    assert killed.returncode in KILLED
    assert sorted(crashed.rows(chosen).values()) == [["planned"], ["planned"]]
    assert [path.exists() for path in chosen].count(False) == 1
    assert_settled(crashed, before, chosen)


def test_the_harness_goes_red_on_a_purge_that_writes_nothing_down(tmp_path: Path) -> None:
    crashed = make_crashed(tmp_path, 6)
    chosen = crashed.take()
    before = fingerprints(crashed.photos)
    old = "    return written\n\n\ndef _written("
    new = '    writer.execute("DELETE FROM purge")\n' + old
    seeded = seed_mutant(tmp_path / "mutant", "catalog.store.purging", old, new)
    site = seeded / "sitecustomize.py"
    site.write_text(site.read_text() + "module.why_stop = lambda *arguments: None\n")
    paths = os.pathsep.join([str(seeded), crashed.product.env()["PYTHONPATH"]])
    failpoint = {"GLASSINE_FAILPOINT": "purge.answered:1", "PYTHONPATH": paths}
    crashed.product.run("trash", "purge", "--all", "--yes", check=False, **failpoint)
    assert any(not path.exists() for path in chosen), "the mutant removed nothing: it proves nothing"
    with pytest.raises(AssertionError):
        assert_written_before_touched(crashed, before, chosen)
