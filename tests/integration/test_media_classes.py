"""Two classes of workers: what a normal one cannot hold goes once to a heavy one, of which there is one at a time.

The large allocations are real and happen in real workers: a seeded mutant of the header reader makes them for files whose
names begin with `heavy`, `endless` or `slow`.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from struct import pack

import pytest
import trio
from PIL import Image

from capabilities import require
from catalog.facts import READER_VERSION
from catalog.ids import ContentId, LocationId, VolumeId
from catalog.values import WorkItem
from daemon.media.pool import MediaPool, open_media_pool
from daemon.media.preview_protocol import PreviewResult, preview_item
from daemon.media.protocol import HEAVY, NORMAL, TooHeavy, require_class
from media_files import box, heic, jpeg, tiff_picture
from sacred import fingerprints
from source_mutant import seed_mutant

LOST = "a media worker was lost"
HOG = """
    import time
    hog = bytearray(1200 << 20) if name.startswith(b"heavy") else bytearray(2300 << 20) if name.startswith(b"endless") else b""
    time.sleep(0.2 if name.startswith(b"heavy") else 60 if name.startswith(b"slow") and hog is not None else 0)
    mime = sniff(source, name)
"""


@pytest.fixture
def greedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant = seed_mutant(
        tmp_path / "mutant", "daemon.media.header", "\n    mime = sniff(source, name)\n", HOG
    )
    monkeypatch.setenv("PYTHONPATH", os.fspath(mutant))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


def _items(root: Path, tier: str = "header") -> list[WorkItem]:
    return list(_each_item(root, tier))


def _each_item(root: Path, tier: str) -> Iterator[WorkItem]:
    for number, name in enumerate(sorted(os.listdir(os.fsencode(root))), 1):
        status = os.stat(os.path.join(os.fsencode(root), name))
        yield WorkItem(
            LocationId(number),
            ContentId(number),
            VolumeId(1),
            os.fsencode(root),
            name,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
            status.st_ino,
            tier,  # type: ignore[arg-type]
        )


@pytest.mark.slow
@pytest.mark.usefixtures("greedy")
async def test_what_a_normal_worker_cannot_hold_is_read_by_a_heavy_one(root: Path) -> None:
    for name in ("a.jpg", "heavy.jpg", "z.jpg"):
        (root / name).write_bytes(jpeg())
    async with open_media_pool(workers=1) as pool:
        results = await pool.read(_items(root))
        assert (pool.report.heavy_files, pool.report.workers_started, pool.report.workers_lost) == (1, 2, 0)
        assert len(pool.report.worker_pids) == 1, "the heavy worker does not stay"
    assert all(result.facts is not None and result.facts.mime == "image/jpeg" for result in results)


@pytest.mark.slow
@pytest.mark.usefixtures("greedy")
async def test_what_a_heavy_worker_cannot_hold_is_a_finding_and_is_not_tried_again(root: Path) -> None:
    for name in ("endless.jpg", "z.jpg"):
        (root / name).write_bytes(jpeg())
    async with open_media_pool(workers=1) as pool:
        endless, fine = await pool.read(_items(root))
        assert (pool.report.heavy_files, pool.report.workers_lost) == (1, 0)
    assert fine.facts is not None
    assert endless.error is None
    assert endless.finding is not None
    assert endless.finding.reason == "needs more than 2 GiB of memory"
    assert (endless.finding.tool, endless.finding.version) == ("worker", str(READER_VERSION))


@pytest.mark.slow
@pytest.mark.usefixtures("greedy")
async def test_one_heavy_worker_at_a_time_over_the_whole_pool(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for folder in (root, other):
        for number in range(3):
            (folder / f"heavy{number}.jpg").write_bytes(jpeg())
    most = 0
    async with open_media_pool(workers=4) as pool, trio.open_nursery() as nursery:

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, _heavy_workers(pool))
                await trio.sleep(0.01)

        nursery.start_soon(watch)
        results = await pool.read([*_items(root), *_items(other)])
        nursery.cancel_scope.cancel()
    assert [result.facts is not None for result in results] == [True] * 6
    assert most == 1


def _heavy_workers(pool: MediaPool) -> int:
    limit = str(HEAVY.address_space_bytes)
    found = 0
    for pid in pool.report.worker_pids:
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
        found += any(line.startswith("Max address space") and limit in line for line in lines)
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("greedy")
@pytest.mark.allows_log(LOST)
async def test_a_bomb_of_time_costs_its_own_deadline_only(root: Path) -> None:
    for name in ("a.jpg", "slow.jpg", "z.jpg"):
        (root / name).write_bytes(jpeg())
    async with open_media_pool(workers=1, deadline_s=2.0) as pool:
        results = await pool.read(_items(root))
    assert [result.finding is not None for result in results] == [False, True, False]
    assert results[1].finding is not None
    assert results[1].finding.reason == "no answer in 2 s"


def test_limits_of_the_classes_are_those_of_the_decision() -> None:
    assert (NORMAL.address_space_bytes, NORMAL.deadline_s) == (1 << 30, 20.0)
    assert (HEAVY.address_space_bytes, HEAVY.deadline_s) == (2 << 30, 120.0)
    require_class(NORMAL, 64_000_000)
    require_class(HEAVY, 12_240 * 16_320)
    with pytest.raises(TooHeavy):
        require_class(NORMAL, 64_000_001)
    with pytest.raises(TooHeavy):
        require_class(HEAVY, 3_600_000_000)


# ---- large pictures and bombs


def _large_picture(path: Path) -> None:
    """Write a picture of 200 megapixels; grey and plain, so that it takes 200 MB for a second."""
    Image.new("L", (16_320, 12_240), 90).save(path, quality=30)


def _png_bomb() -> bytes:
    """Return a PNG of 3,600 megapixels in 440 kB."""
    row = b"\0" * 7501
    squeezer = zlib.compressobj(9)
    idat = b"".join(squeezer.compress(row * 1000) for _ in range(60)) + squeezer.flush()
    head = pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        pack(">I", len(content)) + kind + content + pack(">I", zlib.crc32(kind + content))
        for kind, content in ((b"IHDR", head), (b"IDAT", idat), (b"IEND", b""))
    )


def _nested(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = box(b"moov", inner)
    return box(b"ftyp", b"isom\0\0\0\0isom") + inner


def _lying_heic() -> bytes:
    """Return a HEIC whose item says that it is 60,000 x 60,000 pixels."""
    whole = heic()
    at = whole.index(b"ispe")
    return whole[: at + 8] + pack(">II", 60_000, 60_000) + whole[at + 16 :]


@pytest.mark.slow
async def test_a_photo_of_200_megapixels_passes_and_bombs_are_facts_or_findings_at_once(root: Path) -> None:
    require("exiftool")
    _large_picture(root / "large.jpg")
    _large_picture(root / "large.png")
    (root / "bomb.png").write_bytes(_png_bomb())
    (root / "lying.heic").write_bytes(_lying_heic())
    (root / "nested.mp4").write_bytes(_nested(5_000))
    (root / "huge.dng").write_bytes(tiff_picture(size=(50_000, 1), is_dng=True)[:-49_000])
    before = fingerprints(root)
    items = [*_items(root), *_items(root, "deep")]
    with trio.fail_after(60):
        async with open_media_pool(workers=1) as pool:
            results = {(one.item.path, one.item.tier): one for one in await pool.read(items)}
            assert pool.report.workers_lost == 0
    for tier in ("header", "deep"):
        for name, size in (
            (b"large.jpg", (16_320, 12_240)),
            (b"large.png", (16_320, 12_240)),
            (b"bomb.png", (60_000, 60_000)),
        ):
            facts = results[name, tier].facts
            assert facts is not None, (name, tier)
            assert (facts.width, facts.height) == size
    assert all(one.error is None for one in results.values())
    assert fingerprints(root) == before


def _jpeg_bomb() -> bytes:
    """Return a JPEG whose frame header says 65,000 x 65,000."""
    whole = jpeg()
    at = whole.index(b"\xff\xc0")
    return whole[: at + 5] + pack(">HH", 65_000, 65_000) + whole[at + 9 :]


def _as_png(item: WorkItem) -> WorkItem:
    return preview_item(item, [("png", 256, 0, item.size, 1)])


@pytest.mark.slow
async def test_200_megapixels_are_decoded_by_a_heavy_worker_and_a_bomb_by_none(root: Path) -> None:
    _large_picture(root / "large.jpg")
    (root / "bomb.jpg").write_bytes(_jpeg_bomb())
    (root / "small.jpg").write_bytes(jpeg())
    (root / "lying.heic").write_bytes(_lying_heic())
    bomb, large, lying, small = _items(root)
    wanted = [_as_png(bomb), _as_png(large), preview_item(lying, [("make", 1, False)]), _as_png(small)]
    with trio.fail_after(60):
        async with open_media_pool(workers=1) as pool:
            results = await pool.read(wanted)
            assert (pool.report.heavy_files, pool.report.workers_lost) == (1, 0)
    told = {one.item.path: one for one in results}
    assert isinstance(told[b"large.jpg"], PreviewResult)
    assert isinstance(told[b"small.jpg"], PreviewResult)
    assert [max(one.width, one.height) for one in told[b"large.jpg"].pictures] == [256]
    assert [one.body[:4] for one in told[b"small.jpg"].pictures] == [b"\x89PNG"]
    for name in (b"bomb.jpg", b"lying.heic"):
        assert told[name].finding is not None, name
        assert told[name].error is None
    assert told[b"bomb.jpg"].finding.tool == "pillow"  # type: ignore[union-attr]
    assert told[b"bomb.jpg"].finding.version == metadata.version("pillow")  # type: ignore[union-attr]
