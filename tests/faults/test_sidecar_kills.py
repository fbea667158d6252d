"""Killed while sidecars are read: all words of a sidecar or none, and the next scan says the rest."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from bench.photos import make_photos
from product import Product
from sacred import fingerprints
from sidecar_texts import takeout, xmp

pytestmark = pytest.mark.slow

PHOTOS = 40
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
KILLS = [("store.sidecars", passes) for passes in (1, 2, 3)] + [
    ("store.commit", passes) for passes in (8, 10, 12)
]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kills") / "photos"
    make_photos(folder, PHOTOS, per_folder=PHOTOS, pad_bytes=100)
    for number, photo in enumerate(sorted(folder.rglob("*.JPG"))):
        words = xmp(rating=number % 5 + 1, title=f"Number {number}", tags=["all", f"tag {number}"])
        photo.with_name(f"{photo.name}.xmp").write_text(words)
        if number % 4 == 0:
            photo.with_name(f"{photo.name}.json").write_text(takeout(photo.name, 1, description="google"))
    return folder


def _said(product: Product) -> list[dict[str, Any]]:
    names = ("name", "rating", "title", "tags", "description", "sidecars")
    return sorted(({name: one[name] for name in names} for one in product.found("is:any")), key=str)


@pytest.fixture(scope="module")
def undisturbed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    product = Product(tmp_path_factory.mktemp("undisturbed"))
    product.init(photos)
    product.run("scan")
    found = _said(product)
    assert len(found) == PHOTOS
    assert all(one["rating"] and one["title"] and len(one["tags"]) == 2 for one in found)
    return found


@pytest.mark.parametrize(("failpoint", "passes"), KILLS)
def test_a_kill_leaves_no_half_set_of_words_and_the_next_scan_says_the_rest(
    tmp_path: Path, photos: Path, undisturbed: list[dict[str, Any]], failpoint: str, passes: int
) -> None:
    before = fingerprints(photos)
    product = Product(tmp_path)
    product.init(photos)
    killed = product.run("scan", check=False, GLASSINE_FAILPOINT=f"{failpoint}:{passes}")
    assert killed.returncode in KILLED
    for one in _said(product):
        assert (one["rating"] is None) == (one["title"] is None) == (one["tags"] == []), one
    assert product.run("check", check=False).returncode == 0
    product.run("scan")
    assert _said(product) == undisturbed
    assert product.run("check", check=False).returncode == 0
    assert fingerprints(photos) == before
