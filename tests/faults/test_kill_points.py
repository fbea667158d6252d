"""Crash: killed at any failpoint, a scan loses work, never truth.

Each case kills the scan (SIGKILL, no clean-up) at the N-th pass of a failpoint, runs it again undisturbed, and
wants a clean `check` and the same photos as a scan that was never disturbed. The harness counts only if it
goes red on the seeded mutant, a writer without transactions.
"""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from bench.photos import make_photos
from product import Product

pytestmark = pytest.mark.slow

FAILPOINTS = (
    "store.commit",
    "store.committed",
    "store.listing_part",
    "store.listing_finished",
    "store.refresh",
)
# Passes chosen to fall into each phase of a scan of 60 files: listing, facts, hashes, merges.
PASSES = (1, 2, 3, 5)
QUICK = list(itertools.product(FAILPOINTS, PASSES))
LONG = list(itertools.product(FAILPOINTS, range(1, 41)))

MUTANT = """
import contextlib
import catalog.store.db as db
@contextlib.contextmanager
def without_transaction(self):
    yield self
    db.failpoint("store.commit")
db.Writer.atomic = without_transaction
"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crash") / "photos"
    make_photos(folder, 60, per_folder=20, pad_bytes=500)
    shutil.copytree(folder / "DCIM" / "0001", folder / "copies")  # so that hashes merge assets
    return folder


def truth_of(product: Product) -> list[dict[str, Any]]:
    """Return what the catalog says about every photo, without what is drawn at random or is a time of ours."""
    documents = []
    for photo in product.found("is:any"):
        kept = {key: value for key, value in photo.items() if key not in ("uid", "views", "stack", "type")}
        kept["locations"] = sorted(str(location) for location in photo["locations"])
        documents.append(kept)
    return sorted(documents, key=str)


@pytest.fixture(scope="module")
def undisturbed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    product = Product(tmp_path_factory.mktemp("undisturbed"))
    product.init(photos)
    product.run("scan")
    found = truth_of(product)
    assert len(found) == 60
    return found


def killed_and_scanned_again(home: Path, photos: Path, failpoint: str, **environment: str) -> tuple[Product, bool]:
    """Kill a first scan at the failpoint, then scan again. Returns the library and whether the kill happened."""
    product = Product(home)
    product.init(photos)
    killed = product.run("scan", check=False, GLASSINE_FAILPOINT=failpoint, **environment)
    product.run("scan")
    return product, killed.returncode != 0


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
    missed = [
        name
        for name in FAILPOINTS
        if not killed_and_scanned_again(tmp_path / name, photos, f"{name}:1")[1]
    ]
    assert missed == []


@pytest.mark.long
@pytest.mark.parametrize(("name", "passes"), LONG)
def test_200_kill_points(
    tmp_path: Path, photos: Path, undisturbed: list[dict[str, Any]], name: str, passes: int
) -> None:
    product, _ = killed_and_scanned_again(tmp_path, photos, f"{name}:{passes}")
    assert_same(product, undisturbed)


def test_the_harness_goes_red_on_a_writer_without_transactions(
    tmp_path: Path, photos: Path, undisturbed: list[dict[str, Any]]
) -> None:
    seeded = tmp_path / "mutant"
    seeded.mkdir()
    (seeded / "sitecustomize.py").write_text(MUTANT)
    reds = 0
    for passes in (1, 2, 3, 4):
        product = Product(tmp_path / str(passes))
        paths = os.pathsep.join([str(seeded), product.env()["PYTHONPATH"]])
        product, _ = killed_and_scanned_again(product.home, photos, f"store.refresh:{passes}", PYTHONPATH=paths)
        try:
            assert_same(product, undisturbed)
        except AssertionError:
            reds += 1
    assert reds, "the harness saw nothing wrong with a writer without transactions"
