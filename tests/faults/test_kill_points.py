"""Crash: killed at any failpoint, a scan loses work, never truth.

Each case kills the scan (SIGKILL, no clean-up) at the N-th pass of a failpoint, runs it again undisturbed, and
wants a clean `check` and the same photos as a scan that was never disturbed. The harness counts only if it
goes red on the seeded mutant, a writer without transactions.
"""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from bench.photos import make_photos
from product import Product

pytestmark = pytest.mark.slow

FAILPOINTS = (
    "process.frame",
    "store.commit",
    "store.committed",
    "store.facts",
    "store.hashes",
    "store.listing_finished",
    "store.listing_part",
    "store.merge",
    "store.refresh",
)
# Passes that fall into different phases of the scan: listing, facts, hashes, merges.
QUICK = [(name, passes) for name in FAILPOINTS for passes in (1, 3)] + [
    ("store.commit", 9),
    ("store.refresh", 8),
]
LONG_KILLS = 200
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)

MUTANT = """
import contextlib
import catalog.store.db as db
@contextlib.contextmanager
def without_transaction(self):
    self.connection.execute("PRAGMA foreign_keys = 0")  # some rows only fit at the end of the transaction
    yield self
    db.failpoint("store.commit")
db.Writer.atomic = without_transaction
"""


def make_folder(folder: Path, *, count: int, copied: int) -> Path:
    """Make photos, four to a folder, and copies of the first folders, so that hashes merge assets."""
    make_photos(folder, count, per_folder=4, pad_bytes=500)
    for number in range(1, copied + 1):
        shutil.copytree(folder / "DCIM" / f"{number:04d}", folder / "copies" / f"{number:04d}")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("crash") / "photos", count=60, copied=3)


def truth_of(product: Product) -> list[dict[str, Any]]:
    """Return what the catalog says about every photo, without what is drawn at random or is a time of ours."""
    documents = []
    for photo in product.found("is:any"):
        kept = {key: value for key, value in photo.items() if key not in ("uid", "views", "stack", "type")}
        kept["locations"] = sorted(str(location) for location in photo["locations"])
        documents.append(kept)
    return sorted(documents, key=str)


def undisturbed_truth(home: Path, photos: Path, *, count: int) -> list[dict[str, Any]]:
    """Return what a scan finds that nobody kills."""
    product = Product(home)
    product.init(photos)
    product.run("scan")
    found = truth_of(product)
    assert len(found) == count
    return found


@pytest.fixture(scope="module")
def undisturbed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return undisturbed_truth(tmp_path_factory.mktemp("undisturbed"), photos, count=60)


def killed_and_scanned_again(
    home: Path, photos: Path, failpoint: str, **environment: str
) -> tuple[Product, bool]:
    """Kill a first scan at the failpoint, then scan again. Returns the library and whether the kill happened."""
    product = Product(home)
    product.init(photos)
    killed = product.run("scan", check=False, GLASSINE_FAILPOINT=failpoint, **environment)
    product.run("scan")
    return product, killed.returncode in KILLED


def assert_same(product: Product, undisturbed: list[dict[str, Any]]) -> None:
    check = product.run("--json", "check", check=False)
    assert check.returncode == 0, check.stdout
    assert truth_of(product) == undisturbed


@pytest.mark.parametrize(("name", "passes"), QUICK)
def test_killed_at_a_failpoint_and_run_again_the_result_is_as_if_undisturbed(
    tmp_path: Path, photos: Path, undisturbed: list[dict[str, Any]], name: str, passes: int
) -> None:
    product, _ = killed_and_scanned_again(tmp_path, photos, f"{name}:{passes}")
    assert_same(product, undisturbed)


def test_the_kills_really_happen(tmp_path: Path, photos: Path) -> None:
    missed = []
    for name in FAILPOINTS:
        product = Product(tmp_path / name)
        product.init(photos)
        killed = product.run("scan", check=False, GLASSINE_FAILPOINT=f"{name}:1")
        if killed.returncode not in KILLED:
            missed.append((name, killed.returncode))
    assert missed == []


@pytest.mark.long
def test_200_kill_points(tmp_path: Path) -> None:
    photos = make_folder(tmp_path / "photos", count=240, copied=20)
    undisturbed = undisturbed_truth(tmp_path / "undisturbed", photos, count=240)
    kills = 0
    for name in FAILPOINTS:
        for passes in range(1, LONG_KILLS // 4 + 1):
            home = tmp_path / f"{name}-{passes}"
            product, was_killed = killed_and_scanned_again(home, photos, f"{name}:{passes}")
            assert_same(product, undisturbed)
            shutil.rmtree(home)
            if not was_killed:
                break
            kills += 1
    assert kills >= LONG_KILLS, f"only {kills} kills"


def test_the_harness_goes_red_on_a_writer_without_transactions(
    tmp_path: Path, photos: Path, undisturbed: list[dict[str, Any]]
) -> None:
    seeded = tmp_path / "mutant"
    seeded.mkdir()
    (seeded / "sitecustomize.py").write_text(MUTANT)
    reds = 0
    for failpoint in ("store.facts:1", "store.facts:2", "store.merge:1", "store.hashes:1"):
        product = Product(tmp_path / failpoint.replace(":", "-"))
        paths = os.pathsep.join([str(seeded), product.env()["PYTHONPATH"]])
        try:  # the half transaction shows in the second scan already, or in what it leaves
            product, _ = killed_and_scanned_again(product.home, photos, failpoint, PYTHONPATH=paths)
            assert_same(product, undisturbed)
        except AssertionError:
            reds += 1
    assert reds, "the harness saw nothing wrong with a writer without transactions"
