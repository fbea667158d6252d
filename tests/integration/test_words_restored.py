"""The whole way of words: files and sidecars of other programs, what people make of them, a dump, another library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from media_files import ExifSpec, jpeg
from product import Product
from xmp_packets import alternatives, bag, packet

pytestmark = pytest.mark.slow

EXIF = ExifSpec(original="2019:08:07 14:33:02", make="Canon", model="EOS 5D")
INSIDE = packet(
    "<xmp:Rating>4</xmp:Rating>"
    + alternatives("dc:title", x_default="At the sea")
    + bag("lr:hierarchicalSubject", "places|beach", "holiday")
    + bag("Iptc4xmpExt:PersonInImage", "Anna")
)
BESIDE = packet(
    "<xmp:Rating>2</xmp:Rating><exif:DateTimeOriginal>2018-01-02T03:04:05+01:00</exif:DateTimeOriginal>"
    + alternatives("dc:title", x_default="From the sidecar")
    + bag("dc:subject", "holiday", "side")
)


def library(home: Path, photos: Path) -> Product:
    """Make a library of these photos and read them."""
    home.mkdir()
    product = Product(home)
    product.init(photos)
    product.run("scan")
    return product


def looks(product: Product) -> dict[str, tuple[Any, ...]]:
    """Return name -> what is said of each photo, and by whom."""
    fields = ("title", "rating", "tags", "people", "sources")
    return {
        one["name"]: (*(one[name] for name in fields), one["capture"]["local"]) for one in product.found()
    }


def dump_of(product: Product, name: str) -> bytes:
    product.run("check")
    product.run("dump", str(product.home / name))
    return (product.home / name).read_bytes()


def test_a_dump_is_the_same_in_a_library_that_had_read_the_same_words_by_itself(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "A.JPG").write_bytes(jpeg(exif=EXIF, xmp=INSIDE, seed=1))
    (photos / "B.JPG").write_bytes(jpeg(exif=EXIF, seed=2))
    (photos / "B.JPG.xmp").write_bytes(BESIDE)
    first = library(tmp_path / "one", photos)
    assert looks(first)["B.JPG"][:3] == ("From the sidecar", 2, ["holiday", "side"])
    first.run("tag", "rename", "holiday", "trips/h")
    first.run("person", "rename", "Anna", "Hannah")
    first.run("tag", "remove", "side", first.found("name:B.JPG")[0]["uid"])
    first.run("tag", "remove", "places/beach", first.found("name:A.JPG")[0]["uid"])
    wanted, seen = dump_of(first, "dump.json"), looks(first)
    assert (seen["A.JPG"][2:4], seen["B.JPG"][2]) == ((["trips/h"], ["Hannah"]), ["trips/h"])

    second = library(tmp_path / "two", photos)
    second.run("restore", str(first.home / "dump.json"), "--yes")
    assert dump_of(second, "restored.json") == wanted
    second.run("scan")
    assert dump_of(second, "scanned.json") == wanted
    assert looks(second) == seen
