"""`glassine log` of what sidecars say: whole words, also where a thing has no name."""

from __future__ import annotations

from pathlib import Path

from media_files import jpeg
from product import Product
from sidecar_texts import takeout, xmp


def test_the_log_tells_the_whole_source_of_a_sidecars_date(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").write_bytes(jpeg())
    (photos / "a.jpg.xmp").write_text(xmp(taken="2019-08-07T10:00:00"))
    (photos / "a.jpg.json").write_text(takeout("a.jpg", 1_500_000_000))
    product = Product(tmp_path)
    product.init(photos)
    product.run("scan")
    log = product.run("log").stdout
    assert "date sidecar:XMP-exif:DateTimeOriginal: - → 2019-08-07T10:00:00" in log
    assert "date Takeout:photoTakenTime: - → " in log
