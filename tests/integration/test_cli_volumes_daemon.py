"""The verbs about volumes through a running daemon: it looks, watches and sweeps; the command only asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.cli_runner import Glassine
from media_files import jpeg
from product import Product, wait_until

FILES = 6


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    place = tmp_path / "photos"
    for number in range(FILES):
        path = place / str(2018 + number % 2) / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(seed=number))
    return place


@pytest.fixture
def product(tmp_path: Path, photos: Path) -> Iterator[Product]:
    made = Product(tmp_path, {"GLASSINE_DAV_PORT": "0"})
    made.init(photos, name="NAS")
    made.run("up", "--no-dav")
    try:
        wait_until(lambda: len(made.found()) == FILES, what="every photo is found")
        yield made
    finally:
        made.run("down", check=False)


@pytest.fixture
def glassine(product: Product) -> Glassine:
    return Glassine(product.library)


def shown(glassine: Glassine) -> dict[str, Any]:
    data: dict[str, Any] = glassine("volume", "show", "NAS", "--json", schema="volume").data
    return data


def test_show_and_status_tell_how_a_volume_is_watched(glassine: Glassine) -> None:
    wait_until(lambda: (shown(glassine)["watching"] or {}).get("is_watching"), what="the volume is watched")
    told = shown(glassine)
    assert told["watching"]["method"] in ("inotify", "fanotify")
    assert told["next_full_scan_at"] == told["watching"]["next_full_scan"]
    assert "changes are told at once" in glassine("volume", "show", "NAS").stdout.decode()
    (volume,) = glassine("status", "--json", schema="status").data["volumes"]
    assert (volume["watching"]["is_watching"], volume["next_full_scan"] is not None) == (True, True)


def test_a_probe_is_done_by_the_daemon_at_once(glassine: Glassine, photos: Path) -> None:
    assert glassine("volume", "probe", "NAS", "--json", schema="volume-probe").data[0]["state"] == "online"
    photos.rename(photos.with_name("away"))
    done = glassine("volume", "probe", "NAS", "--json", schema="volume-probe")
    assert (done.code, done.error["state"]) == (13, "offline"), done.error
    photos.with_name("away").rename(photos)
    assert glassine("volume", "probe", "NAS", "--json", schema="volume-probe").data[0]["state"] == "online"


def test_a_relocation_is_followed_by_the_daemon_without_reading(
    product: Product, glassine: Glassine, photos: Path
) -> None:
    uids = {photo["uid"] for photo in product.found()}
    moved = photos.with_name("moved")
    photos.rename(moved)
    told = glassine("volume", "relocate", "NAS", moved, "--moved", "--json", schema="volume-relocate").data
    assert (told["found"], told["done"]) == (FILES, True)
    wait_until(lambda: shown(glassine)["state"] == "online", what="it is online again")
    summary = glassine("scan", "NAS", "--json", schema="scan").lines("summary")[0]["counts"]
    assert (summary["seen"], summary["hashed"], summary["facts"]) == (FILES, 0, 0)
    (moved / "2018" / "new.jpg").write_bytes(jpeg(seed=77))
    wait_until(lambda: len(product.found()) == FILES + 1, what="the new place is watched")
    assert uids < {photo["uid"] for photo in product.found()}


def test_forgetting_is_swept_by_the_daemon(product: Product, glassine: Glassine, photos: Path) -> None:
    uid = product.found()[0]["uid"]
    assert glassine("rate", "4", uid).code == 0
    done = glassine("volume", "forget", "NAS", "--yes", "--json", schema="volume-forget")
    assert (done.data["done"], done.data["photos_only_here"]) == (True, FILES)
    assert glassine("volume", "list", "--json").data == []
    wait_until(lambda: product.found() == [], what="its photos are missing")
    assert len(list(photos.rglob("*.jpg"))) == FILES
    (photo,) = product.found("is:missing rating=4")
    assert photo["uid"] == uid
