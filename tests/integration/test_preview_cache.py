"""Previews in the cache: real files, real workers, a real catalog; originals away, caches too small, tools that fail."""

from __future__ import annotations

import io
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from living import Living, open_living
from PIL import Image

from capabilities import require
from catalog.ids import ContentHash, VolumeId
from catalog.library import Library
from catalog.previews import SLICE_MOST_BYTES, previews_dir, upright
from catalog.store import volumes as volume_store
from catalog.store.db import ReaderPool
from catalog.values import OWNER
from daemon.preview_cache import PreviewCache
from daemon.previews import Previews, open_previews
from daemon.scan import scan_volume
from previewed import exif_jpeg, heic_with_thumbnail, is_upright, large_jpeg, large_raw
from sacred import corpus_dir
from vfs.tree import open_tree

MIB = 1 << 20


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder that becomes a volume."""
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@asynccontextmanager
async def filling(living: Living, *, most_bytes: int = 100 * MIB) -> AsyncIterator[Previews]:
    async with open_previews(
        living.library, living.writer, living.media, living.ingest.idle_bell, most_bytes=most_bytes
    ) as previews:
        yield previews


async def work(living: Living) -> dict[str, tuple[str, str, str | None]]:
    """Return name -> (task, state, reason)."""
    rows = await living.rows(
        "SELECT a.name, w.task, w.state, w.reason FROM preview_work AS w JOIN content AS c ON c.id = w.content_id"
        " JOIN asset AS a ON a.content_id = c.id"
    )
    return {str(row[0]): (str(row[1]), str(row[2]), row[3]) for row in rows}  # type: ignore[misc]


async def until(is_done: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again; fail after a while."""
    with trio.fail_after(30):
        while True:
            if await is_done():
                return
            await trio.sleep(0.05)


async def settled(living: Living) -> dict[str, tuple[str, str, str | None]]:
    """Wait until nothing is due, and return what came of it."""

    async def is_done() -> bool:
        states = [state for _, state, _ in (await work(living)).values()]
        return bool(states) and "due" not in states

    await until(is_done)
    return await work(living)


async def scanned(living: Living, photos: Path) -> VolumeId:
    """Add the volume and read it wholly."""
    volume_id = await living.add(photos)
    await scan_volume(living.services, volume_id, waits_for_ingest=True)
    return volume_id


def cached(library: Library) -> list[Path]:
    """Return the files of the cache."""
    return sorted(previews_dir(library.cache_dir).rglob("*.jpg"))


def read(library: Library, path: str) -> bytes:
    """Read a file of the tree, as a frontend does."""
    pool = ReaderPool(library, 1)
    try:
        tree = open_tree(library, pool, clock=time.time_ns, report=dict)
        with tree.open(tree.resolve(os.fsencode(path), OWNER), OWNER) as file:
            return file.read(0, file.size)
    finally:
        pool.close()


async def thumb(living: Living, name: str, size: int = 256) -> bytes:
    """Read the thumbnail of a photo through the tree."""
    ((uid,),) = await living.rows("SELECT uid FROM asset WHERE name = ?", name)
    return await trio.to_thread.run_sync(read, living.library, f".glassine/by-id/{uid}/thumb-{size}.jpg")


@pytest.mark.slow
async def test_slices_are_copied_as_they_are_shown_and_show_when_the_volume_is_away(
    library: Library, photos: Path
) -> None:
    (photos / "side.jpg").write_bytes(exif_jpeg(orientation=6))
    (photos / "plain.jpg").write_bytes(exif_jpeg(orientation=1, seed=5))
    async with open_living(library) as living, filling(living):
        volume_id = await scanned(living, photos)
        assert await settled(living) == {
            "side.jpg": ("copy", "done", None),
            "plain.jpg": ("copy", "done", None),
        }
        before = {name: await thumb(living, name) for name in ("side.jpg", "plain.jpg")}
        assert sorted(path.read_bytes() for path in cached(library)) == sorted(before.values())
        assert all(is_upright(body) for body in before.values())
        assert {oct(path.stat().st_mode & 0o777) for path in cached(library)} == {"0o600"}
        await living.writer.run(
            volume_store.set_volume_state, volume_id, "offline", "unplugged", time.time_ns()
        )
        shutil.move(photos, photos.with_name("gone"))
        assert {name: await thumb(living, name) for name in before} == before
        shutil.move(photos.with_name("gone"), photos)


@pytest.mark.slow
async def test_the_thumbnail_of_a_heic_is_made_once_and_has_a_row_of_exact_length(
    library: Library, photos: Path
) -> None:
    (photos / "phone.heic").write_bytes(heic_with_thumbnail())
    async with open_living(library) as living, filling(living):
        await scanned(living, photos)
        assert await settled(living) == {"phone.heic": ("make", "done", None)}
        body = await thumb(living, "phone.heic")
        rows = await living.rows('SELECT slot, "offset", length, width, height FROM preview ORDER BY slot')
        assert rows == [(0, None, len(body), 320, 212), (256, None, len(body), 320, 212)]
        assert is_upright(body)
        (path,) = cached(library)
        path.unlink()
        with pytest.raises(Exception, match="not in the cache"):
            await thumb(living, "phone.heic")


@pytest.mark.slow
async def test_what_the_cache_lost_is_made_again_at_the_next_start(library: Library, photos: Path) -> None:
    (photos / "phone.heic").write_bytes(heic_with_thumbnail())
    (photos / "side.jpg").write_bytes(exif_jpeg(orientation=6))
    async with open_living(library) as living, filling(living):
        await scanned(living, photos)
        await settled(living)
        before = {path: path.read_bytes() for path in cached(library)}
        assert len(before) == 2
    shutil.rmtree(previews_dir(library.cache_dir))
    async with open_living(library) as living:
        for volume in await living.volumes.all():
            await living.volumes.probe(volume.id)
        async with filling(living):

            async def is_back() -> bool:
                return {path: path.read_bytes() for path in cached(library)} == before

            await until(is_back)


@pytest.mark.slow
async def test_a_maker_that_fails_is_a_row_and_is_not_asked_again_before_it_changes(
    library: Library, photos: Path
) -> None:
    whole = heic_with_thumbnail()
    at = whole.index(b"mdat") + 4
    (photos / "broken.heic").write_bytes(whole[:at] + bytes(len(whole) - at))
    async with open_living(library) as living, filling(living):
        await scanned(living, photos)
        task, state, reason = (await settled(living))["broken.heic"]
        assert (task, state) == ("make", "failed")
        assert reason is not None
        assert reason.startswith("pillow-heif: ")
        assert await living.rows("SELECT count(*) FROM preview") == [(0,)]
    async with open_living(library) as living, filling(living):
        await trio.sleep(0.3)
        assert (await work(living))["broken.heic"][1] == "failed"
        await living.writer.run(lambda writer: writer.execute("UPDATE preview_work SET version = 'older'"))
    async with open_living(library) as living, filling(living):
        for volume in await living.volumes.all():
            await living.volumes.probe(volume.id)

        async def is_tried_again() -> bool:
            rows = await living.rows("SELECT state, version FROM preview_work")
            return rows[0][0] == "failed" and rows[0][1] != "older"

        await until(is_tried_again)


@pytest.mark.slow
async def test_a_small_cache_lets_go_of_what_was_not_used_and_what_was_made_is_not_promised_any_more(
    library: Library, photos: Path
) -> None:
    for number in range(6):
        (photos / f"{number}.jpg").write_bytes(exif_jpeg(orientation=1, seed=number))
    (photos / "phone.heic").write_bytes(heic_with_thumbnail())
    async with open_living(library) as living, filling(living, most_bytes=6_000) as previews:
        await scanned(living, photos)
        await settled(living)
        assert sum(path.stat().st_size for path in cached(library)) <= 6_000
        assert previews.cache.used_bytes == sum(path.stat().st_size for path in cached(library))
        for number in range(6):
            assert is_upright(await thumb(living, f"{number}.jpg"))
        promised = await living.rows(
            "SELECT c.hash FROM preview AS p JOIN content AS c ON c.id = p.content_id"
            ' WHERE p."offset" IS NULL AND p.slot = 256'
        )
        for (digest,) in promised:
            assert previews.cache.path(ContentHash(bytes(digest)), 256).exists()  # type: ignore[call-overload]


def size_of(body: bytes) -> tuple[int, int]:
    """Decode a picture, and return its pixels as stored."""
    shown = Image.open(io.BytesIO(body))
    shown.load()
    return shown.size


async def shown_lengths(living: Living) -> dict[int, int | None]:
    """Return slot -> bytes of what was made, None for slices, of the only photo."""
    rows = await living.rows('SELECT slot, "offset", length FROM preview')
    return {int(row[0]): None if row[1] is not None else int(row[2]) for row in rows}  # type: ignore[call-overload]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("orientation", "sizes"), [(1, ((256, 171), (1024, 683))), (6, ((171, 256), (683, 1024)))]
)
async def test_a_raw_whose_only_large_picture_has_megabytes_gets_both_sizes_in_the_cache(
    library: Library, photos: Path, orientation: int, sizes: tuple[tuple[int, int], ...]
) -> None:
    large = large_jpeg(orientation=orientation)
    assert len(large) > SLICE_MOST_BYTES
    (photos / "a.nef").write_bytes(large_raw(orientation=orientation, large=large))
    async with open_living(library) as living, filling(living):
        volume_id = await scanned(living, photos)
        assert await settled(living) == {"a.nef": ("make", "done", None)}
        small, middle = await thumb(living, "a.nef"), await thumb(living, "a.nef", 1024)
        assert (size_of(small), size_of(middle)) == sizes
        assert is_upright(small)
        assert is_upright(middle)
        assert Image.open(io.BytesIO(middle)).getexif() == {}
        assert await shown_lengths(living) == {0: None, 256: len(small), 1024: len(middle)}
        largest = await trio.to_thread.run_sync(read, library, _only_picture(library))
        assert largest == upright(large, orientation)
        await living.writer.run(
            volume_store.set_volume_state, volume_id, "offline", "unplugged", time.time_ns()
        )
        assert [await thumb(living, "a.nef"), await thumb(living, "a.nef", 1024)] == [small, middle]


def _only_picture(library: Library) -> str:
    """Return the path of the only picture of Previews/Timeline."""
    pool = ReaderPool(library, 1)
    try:
        tree = open_tree(library, pool, clock=time.time_ns, report=dict)
        path, node = "Previews/Timeline", tree.resolve(b"Previews/Timeline", OWNER)
        while node.is_dir:
            (entry,) = tree.children(node, OWNER)
            path, node = f"{path}/{entry.name.decode()}", entry.node
        return path
    finally:
        pool.close()


@pytest.mark.slow
async def test_a_cache_that_is_removed_while_the_daemon_runs_is_filled_again(
    library: Library, photos: Path
) -> None:
    (photos / "a.nef").write_bytes(large_raw())
    async with open_living(library) as living, filling(living):
        await scanned(living, photos)
        await settled(living)
        before = {path: path.read_bytes() for path in cached(library)}
        assert len(before) == 2
        shutil.rmtree(previews_dir(library.cache_dir))

        async def is_back() -> bool:
            living.ingest.idle_bell.ring()
            return {path: path.read_bytes() for path in cached(library)} == before

        await until(is_back)
        await settled(living)
        assert len(await thumb(living, "a.nef", 1024)) in {len(body) for body in before.values()}


@pytest.mark.slow
async def test_a_size_that_had_to_go_from_the_cache_is_a_slice_again_of_right_length(
    library: Library, photos: Path
) -> None:
    large = large_jpeg()
    (photos / "a.nef").write_bytes(large_raw(large=large))
    async with open_living(library) as living, filling(living, most_bytes=30_000):
        await scanned(living, photos)
        await settled(living)

        async def is_gone() -> bool:
            return set((await shown_lengths(living)).values()) == {None}

        await until(is_gone)
        assert size_of(await thumb(living, "a.nef")) == (160, 120)
        assert await thumb(living, "a.nef", 1024) == large
        assert await work(living) == {"a.nef": ("make", "done", None)}
    async with open_living(library) as living:
        for volume in await living.volumes.all():
            await living.volumes.probe(volume.id)
        async with filling(living):

            async def is_made() -> bool:
                return (await shown_lengths(living))[1024] is not None

            await until(is_made)
            assert size_of(await thumb(living, "a.nef", 1024)) == (1024, 683)


@pytest.mark.slow
async def test_half_a_picture_is_not_made_smaller_and_slices_stay(library: Library, photos: Path) -> None:
    half = large_jpeg(size=(3600, 2400))
    half = half[: len(half) * 6 // 10]
    assert len(half) > SLICE_MOST_BYTES
    (photos / "a.nef").write_bytes(large_raw(large=half))
    async with open_living(library) as living, filling(living):
        await scanned(living, photos)
        task, state, reason = (await settled(living))["a.nef"]
        assert (task, state) == ("make", "failed")
        assert reason is not None
        assert reason.startswith("pillow: ")
        assert size_of(await thumb(living, "a.nef")) == (160, 120)
        assert await thumb(living, "a.nef", 1024) == half
        assert cached(library) == []


@pytest.mark.slow
async def test_previews_of_the_corpus_are_copied_or_made_by_confined_workers(
    library: Library, tmp_path: Path
) -> None:
    require("corpus")
    photos = tmp_path / "raw"
    media = corpus_dir() / "media"
    others = [media / "formats" / "heic" / "IMG_2682.heic", media / "motion-photo" / "motionphoto.heic"]
    for source in [*(path for path in (media / "raw").rglob("*") if path.is_file()), *others]:
        copy = photos / (source.relative_to(media / "raw") if source not in others else source.name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)  # the corpus is read-only, its modes too
    async with open_living(library) as living, filling(living):
        await scanned(living, photos)
        found = await settled(living)
        made = {name for name, (task, state, _) in found.items() if (task, state) == ("make", "done")}
        copied = {name for name, (task, state, _) in found.items() if (task, state) == ("copy", "done")}
        assert {"IMG_2682.heic", "motionphoto.heic", "CRW.CRW", "RAW_NIKON_D1.NEF"} <= made
        assert {"canon_eos_6d.dng", "canon-r6.cr3", "sample.arw", "sample.cr2"} <= copied
        for name in sorted(made | copied):
            shown = Image.open(io.BytesIO(await thumb(living, name)))
            shown.load()
            assert max(shown.size) >= 64, name
        large = Image.open(io.BytesIO(await thumb(living, "CRW.CRW", 1024)))
        assert large.size == (1024, 683)
        assert Image.open(io.BytesIO(await thumb(living, "motionphoto.heic"))).size == (384, 512)
        report = living.media.report.confinement
        assert report is not None
        assert report["landlock_abi"] or report["missing"]


def test_a_cache_counts_what_is_there_and_removes_what_a_kill_left(tmp_path: Path) -> None:
    cache = PreviewCache(tmp_path / "previews", 1000)
    cache.put(ContentHash(b"a" * 32), 256, b"x" * 300)
    cache.put(ContentHash(b"a" * 32), 256, b"x" * 200)
    assert cache.used_bytes == 200
    left = cache.path(ContentHash(b"a" * 32), 1024).with_suffix(".jpg.part")
    left.write_bytes(b"half")
    other = PreviewCache(tmp_path / "previews", 1000)
    other.measure()
    assert other.used_bytes == 200
    assert not left.exists()


def test_what_was_used_last_stays(tmp_path: Path) -> None:
    cache = PreviewCache(tmp_path / "previews", 1000)
    hashes = [ContentHash(bytes([number]) * 32) for number in range(4)]
    for age, digest in enumerate(hashes):
        cache.put(digest, 256, b"x" * 300)
        stamp = 10**18 + age * 10**9
        os.utime(cache.path(digest, 256), ns=(stamp, stamp))
    used = cache.path(hashes[0], 256)
    os.utime(used, ns=(2 * 10**18, used.stat().st_mtime_ns))
    assert cache.is_full
    assert cache.trim() == {hashes[1], hashes[2]}
    assert used.exists()
    assert (
        cache.used_bytes == 600 == sum(path.stat().st_size for path in (tmp_path / "previews").rglob("*.jpg"))
    )
    cache.put(hashes[1], 256, b"x" * 300)
    assert cache.trim() == {hashes[3]} or cache.used_bytes <= 900
