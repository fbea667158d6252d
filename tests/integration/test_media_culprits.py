"""A file that kills its reader, and an exiftool that dies or falls silent: recorded once, with tool and version, and no more.

Seeded mutants make real workers die over files whose names begin with `crash`; everything around them is the product.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from signal import SIGCONT, SIGSEGV, SIGSTOP

import pytest
import trio

from capabilities import require
from catalog.facts import READER_VERSION
from catalog.ids import ContentId, LocationId, VolumeId
from catalog.library import Library
from catalog.store.db import open_writer
from catalog.values import WorkItem
from daemon.media.exiftool_paths import exiftool_version
from daemon.media.pool import open_media_pool
from media_files import ExifSpec, jpeg, tiff_picture
from product import Product, wait_until
from sacred import fingerprints
from source_mutant import seed_mutant

LOST = "a media worker was lost over"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed, name in enumerate(("a.jpg", "crash.jpg", "z.jpg")):
        exif = ExifSpec(original="2019:08:07 14:33:02", make="Canon")
        (folder / name).write_bytes(jpeg(exif=exif, seed=seed))
    return folder


@pytest.fixture
def product(tmp_path: Path, photos: Path) -> Iterator[Product]:
    mutant = seed_mutant(
        tmp_path / "mutant",
        "daemon.media.header",
        "\n    mime = sniff(source, name)\n",
        f"\n    import os\n    if name.startswith(b'crash'): os.kill(os.getpid(), {SIGSEGV.value})\n    mime = sniff(source, name)\n",
    )
    product = Product(tmp_path, {"PYTHONPATH": str(mutant)})
    product.init(photos)
    yield product
    product.run("down", check=False)


def _findings(product: Product) -> dict[str, list[tuple[str, str, str]]]:
    return {
        photo["name"]: [(one["tool"], one["version"], one["reason"]) for one in photo["findings"]]
        for photo in product.found()
    }


@pytest.mark.slow
def test_a_culprit_is_recorded_once_and_read_again_by_other_readers_only(
    product: Product, photos: Path
) -> None:
    before = fingerprints(photos)
    verdict = [("worker", str(READER_VERSION), "killed by signal 11")]
    assert product.run("scan").stderr.count(LOST) == 1
    assert _findings(product) == {"a.jpg": [], "crash.jpg": verdict, "z.jpg": []}
    assert product.run("scan").stderr.count(LOST) == 0
    assert product.run("scan", "--full").stderr.count(LOST) == 0, "it is not tried again"
    _make_older(product)
    assert product.run("scan").stderr.count(LOST) == 1, "newer readers try it once"
    assert product.run("scan").stderr.count(LOST) == 0
    assert _findings(product)["crash.jpg"] == verdict
    assert [photo["name"] for photo in product.found("is:broken")] == ["crash.jpg"]
    assert fingerprints(photos) == before


def _make_older(product: Product) -> None:
    """Let the catalog say that older readers read everything."""
    writer = open_writer(Library(product.library))
    with writer.atomic():
        writer.execute("UPDATE content SET facts_version = ?", (READER_VERSION - 1,))
        writer.execute("UPDATE meta SET value = ? WHERE key = 'facts_version'", (str(READER_VERSION - 1),))
    writer.close()


# ---- exiftool


def _item(root: Path, name: str) -> WorkItem:
    status = (root / name).stat()
    return WorkItem(
        LocationId(1),
        ContentId(1),
        VolumeId(1),
        os.fsencode(root),
        os.fsencode(name),
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        "deep",
    )


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.slow
async def test_a_silent_exiftool_costs_its_own_deadline_and_is_named_with_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("exiftool")
    mutant = seed_mutant(tmp_path / "mutant", "daemon.media.protocol", "20.0, 15.0, 30", "20.0, 1.0, 30")
    monkeypatch.setenv("PYTHONPATH", str(mutant))
    root = tmp_path / "raws"
    root.mkdir()
    (root / "x.dng").write_bytes(tiff_picture(size=(64, 48), is_dng=True, exif=ExifSpec(make="Canon")))
    item = _item(root, "x.dng")
    async with open_media_pool(workers=1) as pool:
        await pool.read([item])
        (pid,) = pool.report.worker_pids
        (child,) = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        os.kill(child, SIGSTOP)
        wait_until(lambda: _state(child) == "T", what="exiftool is stopped")
        try:
            with trio.fail_after(15):
                silent, fine = await pool.read([item, replace(item)])
        finally:
            if Path(f"/proc/{child}").exists():
                os.kill(child, SIGCONT)
        assert pool.report.workers_lost == 0
    assert silent.facts is not None
    assert silent.facts.make == "Canon", "what the header said stays"
    (finding,) = silent.facts.findings
    assert (finding.tool, finding.version) == ("exiftool", exiftool_version())
    assert finding.reason == "exiftool gave no answer in 1 s"
    assert fine.facts is not None
    assert fine.facts.findings == ()


@pytest.mark.slow
def test_files_that_missed_exiftool_are_read_again_once_it_is_there(tmp_path: Path) -> None:
    require("exiftool")
    root = tmp_path / "raws"
    root.mkdir()
    (root / "x.dng").write_bytes(tiff_picture(size=(64, 48), is_dng=True, exif=ExifSpec(make="Canon")))
    (tmp_path / "bin").mkdir()
    product = Product(tmp_path)
    product.init(root)
    product.run("scan", PATH=str(tmp_path / "bin"))
    (photo,) = product.found()
    assert [(one["tool"], one["version"]) for one in photo["findings"]] == [("exiftool", "none")]
    without = product.run("--json", "status", PATH=str(tmp_path / "bin")).stdout
    assert "apt install libimage-exiftool-perl" in without
    assert "exiftool" not in product.run("--json", "status").stdout
    product.run("scan")
    (photo,) = product.found()
    assert photo["findings"] == []
