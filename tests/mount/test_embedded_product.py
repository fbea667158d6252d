"""The whole product: what Lightroom wrote into a JPEG is a folder at once; a person's word stands above it; the file stays."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from media_files import ExifSpec, jpeg
from product import Product, wait_until
from xmp_packets import alternatives, bag, packet

pytestmark = [pytest.mark.mount, pytest.mark.slow]

EXIF = ExifSpec(original="2019:08:07 14:33:02", make="Canon", model="EOS 5D", orientation=6)
REGION = (
    '<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag><rdf:li rdf:parseType="Resource">'
    "<mwg-rs:Name>Anna Schmidt</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type>"
    '<mwg-rs:Area stArea:x="0.25" stArea:y="0.4" stArea:w="0.3" stArea:h="0.4" stArea:unit="normalized"/>'
    "</rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
)
LIGHTROOM = packet(
    "<xmp:Rating>4</xmp:Rating><xmp:Label>Red</xmp:Label>"
    + alternatives("dc:title", x_default="At the sea")
    + alternatives("dc:description", x_default="Wind and waves")
    + alternatives("dc:rights", x_default="CC BY 4.0")
    + bag("dc:creator", "Ada Lovelace", kind="Seq")
    + bag("dc:subject", "places", "beach", "holiday")
    + bag("lr:hierarchicalSubject", "places|beach", "holiday")
    + REGION
)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A library with daemon and mount; its one volume gets files while it runs."""
    home = tmp_path_factory.mktemp("product")
    photos = home / "photos"
    photos.mkdir()
    (photos / "plain.jpg").write_bytes(jpeg(exif=EXIF, seed=1))
    product = Product(home)
    product.init(photos)
    product.run("scan")
    try:
        product.up()
        yield product
    finally:
        product.detach()


def state_of(path: Path) -> tuple[str, int, int, int]:
    """Return what a program that touched the file could not leave as it was."""
    stat = path.stat()
    return hashlib.sha256(path.read_bytes()).hexdigest(), stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def test_what_lightroom_wrote_is_seen_at_once_and_a_tag_can_be_taken_off(product: Product) -> None:
    original = product.home / "photos" / "IMG_1.JPG"
    # Looked up and listed before: the kernel must forget that nothing is there.
    assert not (product.mountpoint / "Tags/holiday/IMG_1.JPG").exists()
    assert os.listdir(product.mountpoint / "Tags") == os.listdir(product.mountpoint / "People") == []
    original.write_bytes(jpeg(exif=EXIF, xmp=LIGHTROOM, seed=2))
    before = state_of(original)
    product.run("scan")
    folders = ("Tags/places/beach", "Tags/holiday", "People/Anna Schmidt/2019", "Ratings/4")
    shown = [product.mountpoint / folder / "IMG_1.JPG" for folder in folders]
    for path in shown:
        wait_until(path.is_file, what=f"{path} is shown", deadline_s=5)
    for query in (
        "tag:beach",
        "tag:places",
        "person:anna",
        "title:sea",
        "rating:4",
        "creator:lovelace",
        "waves",
        "label:red",
    ):
        assert [photo["name"] for photo in product.found(query)] == ["IMG_1.JPG"], query
    assert [photo["name"] for photo in product.found("has:face has:creator")] == ["IMG_1.JPG"]
    (document,) = product.found("holiday")
    assert (document["creator"], document["rights"], document["label"]) == (
        "Ada Lovelace",
        "CC BY 4.0",
        "Red",
    )
    (face,) = document["faces"]
    # Stored 0.1..0.4 and 0.2..0.6; turned to the right to be shown upright.
    assert face["name"] == "Anna Schmidt"
    assert [face[side] for side in "xywh"] == pytest.approx([0.4, 0.1, 0.4, 0.3])
    assert {document["sources"][name] for name in ("tags", "people", "title", "faces", "rating")} == {
        "embedded"
    }

    assert os.getxattr(shown[0], "user.xdg.tags").decode() == "holiday,places/beach"
    assert os.getxattr(shown[0], "user.xdg.comment") == b"Wind and waves"
    assert os.getxattr(shown[0], "user.baloo.rating") == b"8"
    assert json.loads(os.getxattr(shown[0], "user.glassine.people")) == ["Anna Schmidt"]

    product.run("tag", "remove", "holiday", document["uid"])
    wait_until(lambda: not shown[1].exists(), what="the tag is taken off", deadline_s=5)
    assert shown[0].is_file()
    assert [photo["tags"] for photo in product.found("tag:beach")] == [["places/beach"]]
    product.run("undo")
    wait_until(shown[1].is_file, what="the tag is back", deadline_s=5)
    assert state_of(original) == before
    product.run("check")


def test_a_renamed_tag_takes_photos_along_that_come_later(product: Product) -> None:
    product.run("tag", "rename", "places", "world")
    later = product.home / "photos" / "IMG_2.JPG"
    later.write_bytes(jpeg(exif=EXIF, xmp=LIGHTROOM, seed=3))
    product.run("scan")
    for name in ("IMG_1.JPG", "IMG_2.JPG"):
        path = product.mountpoint / "Tags/world/beach" / name
        wait_until(path.is_file, what=f"{path} is shown", deadline_s=5)
    assert not (product.mountpoint / "Tags/places").exists()
    (layers,) = product.data("show", "--layers", product.found("name:IMG_2.JPG")[0]["uid"])
    assert {one["value"] for one in layers["layers"]["tag"]} == {"world/beach", "holiday"}
