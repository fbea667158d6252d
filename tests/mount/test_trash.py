"""The trash as a user meets it: the whole product, a real mount, real files on a read-only and a writable volume."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.photos import make_photos
from integration.cli_runner import validate
from product import Product, files_below, wait_until
from sacred import fingerprints

pytestmark = [pytest.mark.mount, pytest.mark.slow]

COUNT = 6
RESCANS = 50


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    make_photos(folder, COUNT)
    for photo in files_below(folder):
        os.utime(photo, (86_400, 86_400))  # 1970: older than any retention
    return folder


@pytest.fixture
def product(tmp_path: Path, photos: Path) -> Iterator[Product]:
    """A library whose one volume is writable; nothing runs yet."""
    product = Product(tmp_path)
    product.run("init", "--zone", "UTC")
    product.run("volume", "add", str(photos), "--name", "Photos", "--writable")
    yield product
    product.detach()


def start(product: Product) -> None:
    product.up()
    wait_until(lambda: len(product.found()) == COUNT, what="all photos found")
    wait_until(lambda: not product.data("status")["pending"]["hashes"], what="all photos hashed")


def shown(product: Product, view: str = "Timeline") -> set[str]:
    return {path.name for path in files_below(product.mountpoint / view)}


def count_of(photos: Path) -> int:
    """Return how many files a volume holds beside its marker."""
    return sum(path.name != ".glassine-volume" for path in files_below(photos))


def original_of(photos: Path, photo: dict[str, Any]) -> Path:
    return photos / photo["locations"][0]["path"]


def listed(product: Product, *options: str) -> list[dict[str, Any]]:
    document = json.loads(product.run("--json", "trash", "list", *options).stdout)
    validate(document, "trash-list")
    return document["data"]


def purge(product: Product, *arguments: str, **environment: str) -> tuple[int, list[dict[str, Any]]]:
    done = product.run("--json", "trash", "purge", *arguments, check=False, **environment)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    for line in lines:
        validate(line, "trash-purge")
    return done.returncode, lines


def items(lines: list[dict[str, Any]]) -> dict[str, tuple[str, str | None]]:
    return {line["path"]: (line["state"], line["reason"]) for line in lines if line["type"] == "item"}


def test_a_photo_that_is_put_and_restored_is_back_in_every_album_tag_and_name(
    product: Product, photos: Path
) -> None:
    start(product)
    photo, *_ = product.found()
    product.run("album", "create", "Trips")
    product.run("album", "add", "Trips", photo["uid"])
    product.run("tag", "add", "sea/boats", photo["uid"])
    views = product.data("show", photo["uid"])[0]["views"]
    assert any(view.startswith("Albums/Trips/") for view in views)
    before = fingerprints(photos)
    product.run("trash", "put", photo["uid"])
    (trashed,) = product.data("show", photo["uid"])
    places = [product.mountpoint / view for view in views if not view.startswith("Originals/")]
    wait_until(lambda: not any(place.exists() for place in places), what="gone from every view", deadline_s=1)
    in_trash = product.mountpoint / "Trash" / trashed["trashed_on"] / photo["name"]
    assert in_trash.read_bytes() == original_of(photos, photo).read_bytes()
    product.run("trash", "restore", photo["uid"])
    wait_until(lambda: all(place.exists() for place in places), what="back in every view", deadline_s=1)
    assert product.data("show", photo["uid"])[0]["views"] == views
    assert not in_trash.exists()
    assert fingerprints(photos) == before


def test_50_rescans_and_flaps_of_the_volume_bring_no_photo_back(product: Product, photos: Path) -> None:
    start(product)
    chosen = [photo["uid"] for photo in product.found()[:3]]
    product.run("trash", "put", *chosen)
    trashed = {photo["uid"]: photo["trashed_at"] for photo in listed(product)}
    for number in range(RESCANS):
        if number % 5 == 0:
            photos.rename(photos.with_name("away"))
            product.run("scan", check=False)
            photos.with_name("away").rename(photos)
        product.run("scan", *(["--full"] if number % 2 else []))
        assert not {photo["uid"] for photo in product.found()} & set(chosen)
    assert {photo["uid"]: photo["trashed_at"] for photo in listed(product)} == trashed
    assert len(shown(product)) == COUNT - 3
    assert len(shown(product, "Trash")) == 3
    assert count_of(photos) == COUNT


def test_the_plan_is_shown_and_nothing_happens_without_yes(product: Product, photos: Path) -> None:
    product.run("scan")
    photo, *_ = product.found()
    product.run("trash", "put", photo["uid"])
    before = fingerprints(photos)
    path = photo["locations"][0]["path"]
    code, lines = purge(product, "--all")
    assert (code, items(lines)) == (2, {path: ("planned", None)})
    assert lines[-1]["error"]["code"] == "needs_yes"
    assert lines[-1]["error"]["plan"]["planned"] == 1
    code, lines = purge(product, photo["uid"], "-n")
    assert (code, items(lines), lines[-1]["ok"]) == (0, {path: ("planned", None)}, True)
    code, lines = purge(product, "--older-than", "1", "--yes")
    assert (code, items(lines)) == (0, {path: ("kept", "retention")})
    assert purge(product, "--all", "--yes", "--max-items", "0")[0] == 2
    assert fingerprints(photos) == before


def test_what_is_no_wish_is_refused(product: Product) -> None:
    product.run("scan")
    photo, *_ = product.found()
    for arguments in (["--yes"], [photo["uid"], "--all", "--yes"], [photo["uid"], "--yes"]):
        code, lines = purge(product, *arguments)
        assert (code, lines[-1]["error"]["exit_code"]) == (2, 2)


@pytest.mark.parametrize("with_daemon", [True, False])
def test_a_purge_by_hand_removes_the_files_and_keeps_what_is_known(
    product: Product, photos: Path, with_daemon: bool
) -> None:
    if with_daemon:
        start(product)
    else:
        product.run("scan")
    first, second, *_ = product.found()
    product.run("rate", "5", first["uid"])
    product.run("trash", "put", first["uid"], second["uid"])
    code, lines = purge(product, first["uid"], "--yes")
    assert (code, items(lines)) == (0, {first["locations"][0]["path"]: ("purged", None)})
    assert lines[-1]["counts"]["bytes"] == first["size"]
    assert not original_of(photos, first).exists()
    assert original_of(photos, second).exists()
    (known,) = product.data("show", first["uid"])
    assert (known["rating"], known["locations"][0]["state"]) == (5, "missing")
    assert known["trashed_at"] is not None
    (gone, kept) = sorted(listed(product, "--all"), key=lambda photo: photo["uid"] != first["uid"])
    assert listed(product) == [kept]
    assert (gone["purge_after"], gone["kept_because"], gone["locations"]) == (None, "gone", [])
    assert kept["purge_after"] > kept["trashed_at"]
    if with_daemon:
        wait_until(lambda: shown(product, "Trash") == {second["name"]}, what="gone from Trash/", deadline_s=1)
    assert product.run("--json", "check").returncode == 0
    shutil.copy2(original_of(photos, second), original_of(photos, first).with_name("again.jpg"))
    product.run("scan")
    assert {photo["uid"] for photo in product.found()}.isdisjoint({first["uid"], second["uid"]})
    assert len(product.found()) == COUNT - 2


def test_the_daemon_purges_by_itself_what_is_past_its_retention(
    product: Product, photos: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    shutil.copytree(photos, archive)
    product.run("volume", "add", str(archive), "--name", "Archive")
    product.environment.update({"GLASSINE_TRASH_RETENTION_DAYS": "0", "GLASSINE_TRASH_INTERVAL_S": "1"})
    start(product)
    photo, *_ = product.found()
    before = fingerprints(archive)
    product.run("trash", "put", photo["uid"])
    wait_until(lambda: not original_of(photos, photo).exists(), what="purged", deadline_s=15)
    product.run("scan", "--full")
    assert count_of(photos) == COUNT - 1
    assert fingerprints(archive) == before
    (gone,) = listed(product)
    assert (gone["purge_after"], gone["kept_because"]) == (None, "read_only")
    assert len(product.found()) == COUNT - 1
    assert [row["author"] for row in product.data("log") if row["command"]["do"] == "trash.purge"] == [
        "glassine"
    ]


def test_the_daemon_keeps_everything_for_its_retention_and_for_ever_without_auto_purge(
    product: Product, photos: Path
) -> None:
    product.environment.update({"GLASSINE_TRASH_INTERVAL_S": "1"})
    start(product)
    product.run("trash", "put", *(photo["uid"] for photo in product.found()))
    product.down()
    product.environment.update({"GLASSINE_TRASH_RETENTION_DAYS": "0", "GLASSINE_TRASH_AUTO_PURGE": "false"})
    product.up()
    assert {photo["kept_because"] for photo in listed(product)} == {"auto_purge_off"}
    product.run("scan", "--full")
    product.run("scan", "--full")
    assert count_of(photos) == COUNT


def test_a_file_that_changed_is_refused_told_and_left(product: Product, photos: Path) -> None:
    product.run("scan")
    first, second, *_ = product.found()
    product.run("trash", "put", first["uid"], second["uid"])
    changed = original_of(photos, first)
    status = changed.stat()
    changed.write_bytes(changed.read_bytes()[::-1])
    os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))
    code, lines = purge(product, "--all", "--yes")
    assert code == 3
    assert items(lines) == {
        first["locations"][0]["path"]: ("refused", "changed"),
        second["locations"][0]["path"]: ("purged", None),
    }
    assert changed.exists()
    assert lines[-1]["ok"] is False
