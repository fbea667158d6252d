"""No name of an original reaches exiftool: reading it never changes it, or another file.

The last test shows that the danger is real: the obvious way of calling pyexiftool rewrites a victim.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import exiftool
import pytest

from capabilities import require
from catalog.ids import ContentId, LocationId, VolumeId
from catalog.values import WorkItem
from daemon.media.pool import open_media_pool
from media_files import ExifSpec, jpeg, tiff_picture
from product import Product, wait_until
from sacred import fingerprints

VICTIM = b"victim.jpg"
ATTACK = b"x\n-Artist=HACKED\n-overwrite_original\n" + VICTIM
HOSTILE_NAMES = (
    ATTACK,
    b"-overwrite_original",
    b"-execute.jpg",
    b"-stay_open\nFalse\n.jpg",
    b"#[CSTR]-Artist=HACKED.jpg",
    b"@args.jpg",
    b"Z\xfcrich\xff.jpg",
    b"x|touch pwned|.jpg",
    b"; rm -rf victim.jpg .jpg",
    b"%d%f.%e.jpg",
    b"\rcarriage.jpg",
    b"tab\there.jpg",
    b" leading and trailing .jpg",
    b">out.jpg",
    b"&amp.jpg",
    "ｕｎｉ\u202egpj.jpg".encode(),
    b"a" * 250 + b".dng",
)


@pytest.fixture
def hostile_volume(tmp_path: Path) -> Path:
    require("exiftool")
    root = tmp_path / "photos"
    root.mkdir()
    exif = ExifSpec(original="2019:08:07 14:33:02", make="Canon")
    for number, name in enumerate((VICTIM, *HOSTILE_NAMES)):
        path = os.path.join(os.fsencode(root), name)
        with open(path, "wb") as file:
            is_dng = number % 3 == 0 and number > 0
            file.write(
                tiff_picture(size=(8 + number, 4), is_dng=True) if is_dng else jpeg(exif=exif, seed=number)
            )
        os.utime(path, ns=(10**18, 10**18 + number))
    return root


def _items(root: Path) -> list[WorkItem]:
    items = []
    for number, name in enumerate(sorted(os.listdir(os.fsencode(root))), 1):
        status = os.stat(os.path.join(os.fsencode(root), name))
        items.append(
            WorkItem(
                LocationId(number),
                ContentId(number),
                VolumeId(1),
                os.fsencode(root),
                name,
                status.st_size,
                status.st_mtime_ns,
                status.st_ctime_ns,
                status.st_ino,
                "deep",
            )
        )
    return items


@pytest.mark.slow
async def test_reading_files_with_hostile_names_changes_none_of_them(hostile_volume: Path) -> None:
    before = fingerprints(hostile_volume)
    async with open_media_pool(workers=1) as pool:
        results = await pool.read(_items(hostile_volume))
        assert pool.report.has_exiftool
    assert len(results) == len(HOSTILE_NAMES) + 1
    for result in results:
        assert result.facts is not None, result
        assert result.facts.findings == ()
        assert result.facts.tier == "deep"
    assert fingerprints(hostile_volume) == before


@pytest.mark.slow
async def test_access_times_stay_as_they_are_in_both_tiers(hostile_volume: Path) -> None:
    items = _items(hostile_volume)
    long_ago_ns = time.time_ns() - 30 * 86_400 * 10**9
    for item in items:
        os.utime(os.path.join(item.root, item.path), ns=(long_ago_ns, item.mtime_ns))
    async with open_media_pool(workers=1) as pool:
        results = await pool.read(_items(hostile_volume))
    assert all(result.facts is not None for result in results)
    atimes = {item.path: os.stat(os.path.join(item.root, item.path)).st_atime_ns for item in items}
    assert set(atimes.values()) == {long_ago_ns}


def test_the_naive_way_of_asking_exiftool_rewrites_another_original(hostile_volume: Path) -> None:
    before = fingerprints(hostile_volume)
    here = Path.cwd()
    os.chdir(hostile_volume)
    try:
        with exiftool.ExifToolHelper(check_execute=False) as naive:
            naive.execute("-j", "-n", os.fsdecode(ATTACK))
    finally:
        os.chdir(here)
    after = fingerprints(hostile_volume)
    assert after[VICTIM] != before[VICTIM], "exiftool or pyexiftool became safe: say so in metadata.md"


@pytest.mark.slow
def test_a_daemon_reads_hostile_names_in_all_tiers_and_leaves_hash_and_ctime(
    hostile_volume: Path, tmp_path: Path
) -> None:
    before = fingerprints(hostile_volume)
    product = Product(tmp_path, {"GLASSINE_DAV_PORT": "0"})
    product.init(hostile_volume)
    try:
        product.run("up", "--no-dav")
        wait_until(lambda: _is_idle(product), what="everything read")
        found = product.found()
    finally:
        product.run("down", check=False)
    assert len(found) == len(HOSTILE_NAMES) + 1, "those without an extension are found by their bytes"
    assert all(photo["findings"] == [] for photo in found), [photo for photo in found if photo["findings"]]
    assert fingerprints(hostile_volume) == before


def _is_idle(product: Product) -> bool:
    status = product.data("status")
    return not status["scanning"] and not any(status["pending"].values())
