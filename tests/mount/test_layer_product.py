"""The whole product: what is said on the command line is a folder in the mount and over WebDAV, by the configured names."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote

import pytest

from product import Product, wait_until

pytestmark = [pytest.mark.mount, pytest.mark.slow]

SEEN_S = 1.0
CONFIG = """
[views]
albums = "Alben"
cameras = ""
[dav]
port = 0
"""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Iterator[Product]:
    """A scanned library with daemon, mount and WebDAV."""
    home = tmp_path_factory.mktemp("product")
    photos = home / "photos"
    photos.mkdir()
    for source in sorted((sample / "2019" / "Iceland").glob("*.JPG"))[:12]:
        (photos / source.name).write_bytes(source.read_bytes())
    product = Product(home)
    product.init(photos)
    (product.library / "config.toml").write_text(CONFIG)
    product.run("scan")
    try:
        product.run("up", "--mount", str(product.mountpoint))
        yield product
    finally:
        product.detach()


def status_over_http(product: Product, path: str) -> int:
    """Return the status of a GET."""
    (url,) = [one["details"]["url"] for one in product.data("status")["processes"] if one["kind"] == "dav"]
    try:
        with urllib.request.urlopen(url + quote(path), timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_the_views_have_the_names_of_the_configuration_on_every_face(product: Product) -> None:
    assert (product.mountpoint / "Alben").is_dir()
    assert not (product.mountpoint / "Cameras").exists()
    assert [status_over_http(product, path) for path in ("Alben/", "Albums/", "Cameras/")] == [200, 404, 404]
    names = {row["name"] for row in product.data("ls")}
    assert "Alben" in names
    assert not {"Albums", "Cameras"} & names


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (("tag", "add", "animals/cat"), "Tags/animals/cat"),
        (("album", "add", "Trip", "--create"), "Alben/Trip"),
        (("person", "add", "Anna"), "People/Anna/2019"),
        (("favorite",), "Favorites"),
        (("rate", "5"), "Ratings/5"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_what_is_said_on_the_command_line_is_a_folder_within_a_second(
    product: Product, command: tuple[str, ...], path: str
) -> None:
    photo = product.found()[0]
    shown = product.mountpoint / path / photo["name"]
    assert not shown.exists()
    product.run(*command, photo["uid"])
    committed = time.monotonic()
    wait_until(shown.exists, what=f"{path} is shown", deadline_s=SEEN_S)
    assert time.monotonic() - committed < SEEN_S
    assert status_over_http(product, f"{path}/{photo['name']}") == 200
    product.run("undo")
    wait_until(lambda: not shown.exists(), what=f"{path} is taken back", deadline_s=SEEN_S)
    assert status_over_http(product, f"{path}/{photo['name']}") == 404


def test_where_photos_were_taken_is_a_folder_on_every_face(product: Product) -> None:
    found = product.found("country=iceland")
    assert found, "the sample was taken there"
    photo = found[0]
    (path,) = [one for one in photo["views"] if one.startswith("Places/")]
    place = photo["place"]
    assert path == f"Places/Iceland/{place['region']}/{place['city']}/{photo['name']}"
    assert (product.mountpoint / path).read_bytes() == (product.mountpoint / photo["views"][0]).read_bytes()
    assert status_over_http(product, path) == 200
    told = product.data("why", "place", photo["uid"])
    assert (told["place"], told["position"], told["layer"]) == (place, photo["position"], "embedded")
    product.run("place", "set", "--", "41.8902,12.4922", photo["uid"])
    moved = product.mountpoint / "Places/Italy/Lazio/Rome" / photo["name"]
    wait_until(moved.exists, what="the photo is in Rome", deadline_s=SEEN_S)
    wait_until(lambda: not (product.mountpoint / path).exists(), what="and not in Iceland", deadline_s=SEEN_S)
    product.run("undo")
    wait_until((product.mountpoint / path).exists, what="it is back", deadline_s=SEEN_S)


def test_every_path_that_is_told_of_a_photo_is_there(product: Product) -> None:
    """Whatever the views are called, and whoever tells: `show`, `find`, `why` and the file beside the photo."""
    photo = product.found()[0]
    product.run("album", "add", "Told", "--create", photo["uid"])
    (shown,) = product.data("show", photo["uid"])
    (found,) = product.found("album:Told")
    meta = product.mountpoint / ".glassine" / "by-id" / photo["uid"] / "meta.json"
    named = [f"{one['folder']}/{one['name']}" for one in product.data("why", "name", photo["uid"])["folders"]]
    hidden = product.data("why", "hidden", photo["uid"])["views"]
    assert f"Alben/Told/{photo['name']}" in named
    assert shown["views"] == found["views"] == json.loads(meta.read_bytes())["views"] == hidden
    assert shown["views"][: len(named)] == named
    for path in shown["views"]:
        wait_until((product.mountpoint / path).is_file, what=f"{path} is there", deadline_s=SEEN_S)
        assert status_over_http(product, path) == 200
    assert [product.data("why", "name", photo["uid"], "--view", "Alben")["folders"][0]["folder"]] == [
        "Alben/Told"
    ]
