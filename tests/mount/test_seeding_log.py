"""What the log tells of folders that somebody opened: nothing of those that no file manager shows."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from previewed import exif_jpeg
from product import Product, wait_until

pytestmark = pytest.mark.mount


def test_folders_of_photos_that_a_client_opens_leave_no_line_in_the_log(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "IMG_20190807_120000.jpg").write_bytes(exif_jpeg(orientation=1))
    product = Product(tmp_path)
    product.init(photos)
    product.run("scan")
    (photo,) = product.found()
    try:
        product.up()
        assert os.listdir(product.mountpoint / ".glassine" / "by-id" / photo["uid"])
        time.sleep(0.5)  # of folders that are told together the last one is first
        os.listdir(product.mountpoint / "Timeline" / "2019" / "2019-08" / "2019-08-07")
        cache = product.home / "xdg-cache"
        wait_until(lambda: list(cache.rglob("*.png")), what="a thumbnail of the day")
    finally:
        product.down()
        product.detach()
    assert "no thumbnails" not in (product.library / "state" / "log" / "daemon.log").read_text()
