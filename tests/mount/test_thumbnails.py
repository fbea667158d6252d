"""Thumbnails for folders of a real mount that somebody opened: found where file managers look, with what they check."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

from previewed import exif_jpeg, heic_with_thumbnail, is_upright, large_raw
from product import Product, wait_until
from sacred import fingerprints

pytestmark = pytest.mark.mount

SIZES = {"normal": 128, "large": 256}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A volume of four photos of one day."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "IMG_20190807_120000.heic").write_bytes(heic_with_thumbnail())
    (folder / "IMG_20190807_130000.jpg").write_bytes(exif_jpeg(orientation=6))
    (folder / "IMG_20190807_140000 'ü & #1.jpg").write_bytes(exif_jpeg(orientation=1, seed=4))
    (folder / "IMG_20190807_150000.nef").write_bytes(large_raw(orientation=6))
    return folder


@pytest.fixture
def product(tmp_path: Path, photos: Path) -> Iterator[Product]:
    made = Product(tmp_path)
    made.init(photos)
    yield made
    made.detach()


def folder_of(product: Product) -> Path:
    """Return the day's folder once the four photos are in it."""
    day = product.mountpoint / "Timeline" / "2019" / "2019-08" / "2019-08-07"
    wait_until(lambda: day.exists() and len(os.listdir(day)) == 4, what="the photos")
    return day


def thumbnail(product: Product, file: Path, size: str) -> Path:
    """Return where GLib looks for the thumbnail of a file."""
    uri = "file://" + quote(os.fsencode(file), safe="!$&'()*+,-./:=@_~")
    name = hashlib.md5(uri.encode(), usedforsecurity=False).hexdigest()
    return product.home / "xdg-cache" / "thumbnails" / size / f"{name}.png"


def wanted(day: Path) -> list[tuple[Path, str]]:
    """Return the thumbnails that must come: an EXIF thumbnail of 160 pixels is too small for the larger size."""
    found = []
    for file in sorted(day.iterdir()):
        found += [(file, size) for size in SIZES if size == "normal" or file.suffix in (".heic", ".nef")]
    return found


def wait_for_previews(product: Product) -> None:
    """Wait until the previews of HEIC and NEF are made: before that nothing large can be seeded for them."""
    for suffix in (".heic", ".nef"):
        (photo,) = [one for one in product.found() if one["name"].endswith(suffix)]
        made = product.mountpoint / ".glassine" / "by-id" / photo["uid"] / "thumb-256.jpg"
        wait_until(lambda made=made: _edge_px(made) >= 256, what=f"the preview of the {suffix}")


def _edge_px(file: Path) -> int:
    """Return the long edge of a picture through the mount; 0 = it is not there."""
    try:
        body = file.read_bytes()
    except FileNotFoundError:
        return 0
    return max(Image.open(io.BytesIO(body)).size)


def test_a_folder_that_is_opened_gets_thumbnails_that_file_managers_believe(
    product: Product, photos: Path
) -> None:
    before = fingerprints(photos)
    product.up()
    day = folder_of(product)
    wait_for_previews(product)
    other = product.mountpoint / "Recent"
    (recent,) = other.iterdir()
    for place in (day, recent):
        os.listdir(place)
    wait_until(
        lambda: all(thumbnail(product, file, size).exists() for file, size in wanted(recent)),
        what="thumbnails",
    )
    for file, size in wanted(recent):
        path = thumbnail(product, file, size)
        assert path.stat().st_mode & 0o777 == 0o600
        picture = Image.open(path)
        picture.load()
        assert picture.text["Thumb::MTime"] == str(int(file.stat().st_mtime))  # type: ignore[attr-defined]
        assert picture.text["Thumb::URI"].startswith("file:///")  # type: ignore[attr-defined]
        assert picture.text["Thumb::Size"] == str(file.stat().st_size)  # type: ignore[attr-defined]
        assert max(picture.size) == SIZES[size]
        buffer = io.BytesIO()
        picture.convert("RGB").save(buffer, "JPEG")
        assert is_upright(buffer.getvalue()), file
    assert not list((product.home / "xdg-cache").rglob("*.part"))
    assert fingerprints(photos) == before
    product.down()


def test_no_thumbnails_where_they_are_not_wanted(product: Product) -> None:
    product.environment["GLASSINE_PREVIEWS_SEED_THUMBNAILS"] = "false"
    product.up()
    day = folder_of(product)
    wait_for_previews(product)
    os.listdir(day)
    product.down()
    assert not (product.home / "xdg-cache").exists()


def test_a_mount_without_a_daemon_serves_folders_as_ever(product: Product) -> None:
    product.up()
    folder_of(product)
    product.down()
    product.run("mount", str(product.mountpoint))
    assert len(os.listdir(folder_of(product))) == 4
    product.run("unmount", str(product.mountpoint))
