"""Foreign sidecars on a real disk: read by confined workers, watched, never written to."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from living import Living, open_living

from capabilities import require
from catalog.ids import VolumeId
from catalog.library import Library
from catalog.store import explain_sidecars
from catalog.store.db import Reader
from catalog.store.photos import documents
from daemon.config import ScanSection
from daemon.scan import scan_volume
from daemon.watch import open_watch
from media_files import ExifSpec, jpeg, tiff_picture
from product import Product, wait_until
from sacred import corpus_dir, fingerprints
from sidecar_texts import digikam, takeout, xmp

pytestmark = pytest.mark.slow

_MIB = 1024 * 1024


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


def _photo(path: Path, number: int) -> None:
    path.write_bytes(jpeg(exif=ExifSpec(original=f"2019:08:07 10:00:{number:02d}"), seed=number))


@asynccontextmanager
async def scanned(tmp_path: Path, root: Path) -> AsyncIterator[tuple[Living, VolumeId]]:
    """Open a library over a folder and wait until nothing is due."""
    async with open_living(Library(tmp_path / "library")) as living:
        volume_id = await living.add(root)
        await scan_volume(living.services, volume_id, waits_for_ingest=True)
        yield living, volume_id


async def words(living: Living) -> dict[str, dict[str, Any]]:
    """Return photo -> what sidecars say of it, as people see it."""

    def read(reader: Reader) -> dict[str, dict[str, Any]]:
        ids = [row[0] for row in reader.rows("SELECT id FROM asset WHERE merged_into IS NULL")]
        return {one["name"]: one for one in documents(reader, ids)}

    names = ("title", "description", "rating", "rejected", "label", "tags", "people", "favorite")
    found = await living.writer.read(read)
    return {
        photo: {name: document[name] for name in names if document[name] not in (None, [], False)}
        for photo, document in found.items()
    }


async def test_sidecars_of_lightroom_darktable_digikam_and_takeout_are_said_and_not_touched(
    tmp_path: Path, root: Path
) -> None:
    (root / "LR.DNG").write_bytes(tiff_picture(is_dng=True))
    for number, name in enumerate(("LR.JPG", "dt.jpg", "dk.jpg", "gp.jpg", "gp-edited.jpg", "alone.jpg"), 1):
        _photo(root / name, number)
    (root / "LR.xmp").write_text(xmp(rating=3, label="Red", deep_tags=["Places|Rome"], for_extension="DNG"))
    (root / "dt.jpg.xmp").write_text(xmp(rating=-1, tags=["a|b", "c"], title="dark"))
    (root / "dt_01.jpg.xmp").write_text(xmp(rating=5, derived_from="dt.jpg"))
    (root / "dk.jpg.xmp").write_text(digikam(tags=["People/Eve", "Places/Rome"], rating=4))
    (root / "gp.jpg.supplemental-metadata.json").write_text(
        takeout("gp.jpg", 1_000_000_000, description="lake", people=[{"name": "Eve"}], favorited=True)
    )
    (root / "alone.jpg.xmp").touch()
    (root / "package.json").write_text('{"name": "x"}')
    before = fingerprints(root)
    async with scanned(tmp_path, root) as (living, volume_id):
        google = {"description": "lake", "people": ["Eve"], "favorite": True}
        assert await words(living) == {
            "LR.DNG": {"rating": 3, "label": "Red", "tags": ["Places/Rome"]},
            "LR.JPG": {},
            "dt.jpg": {"rejected": True, "title": "dark", "tags": ["a|b", "c"]},
            "dk.jpg": {"rating": 4, "tags": ["People/Eve", "Places/Rome"]},
            "gp.jpg": google,
            "gp-edited.jpg": google,
            "alone.jpg": {},
        }
        assert living.ingest.progress(volume_id).sidecars == 6
        await scan_volume(living.services, volume_id, waits_for_ingest=True)
        assert living.ingest.progress(volume_id).sidecars == 6
        assert await living.rows("SELECT count(*) FROM journal") == [(4,)]
    assert fingerprints(root) == before


async def test_hostile_sidecars_are_findings_and_their_photos_are_shown(tmp_path: Path, root: Path) -> None:
    hostile = {
        "doctype": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
        "bomb": b'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">'
        + b'<!ENTITY b "&a;&a;&a;&a;">' * 9
        + b"]><l>&b;</l>",
        "large": b"",
        "deep": b"<a>" * 300_000,
        "half": xmp(rating=3, title="x").encode()[:-60],
        "binary": os.urandom(10_000),
        "zeros": b"\0" * 4_096,
    }
    for number, (name, body) in enumerate(hostile.items()):
        _photo(root / f"{name}.jpg", number)
        (root / f"{name}.jpg.xmp").write_bytes(body)
    with open(root / "large.jpg.xmp", "wb") as file:
        file.write(xmp(rating=3).encode())
        file.truncate(50_000_000)
    _photo(root / "json.jpg", 30)
    (root / "json.jpg.json").write_bytes(b'{"a":' * 200_000)
    before = fingerprints(root)
    async with scanned(tmp_path, root) as (living, volume_id):
        assert {one["findings"] != [] for one in (await _documents(living)).values()} == {True}
        assert all(value == {} for value in (await words(living)).values())
        assert await living.rows("SELECT state, count(*) FROM sidecar GROUP BY state") == [("failed", 8)]
        assert living.ingest.progress(volume_id).failed == 0
        await scan_volume(living.services, volume_id, waits_for_ingest=True)
        assert living.ingest.progress(volume_id).sidecars == 8
    assert fingerprints(root) == before


async def _documents(living: Living) -> dict[str, dict[str, Any]]:
    def read(reader: Reader) -> dict[str, dict[str, Any]]:
        ids = [row[0] for row in reader.rows("SELECT id FROM asset WHERE merged_into IS NULL")]
        return {one["name"]: one for one in documents(reader, ids)}

    return await living.writer.read(read)


async def test_sidecars_that_hashes_make_due_are_read_in_the_same_scan(tmp_path: Path, root: Path) -> None:
    _photo(root / "a.jpg", 1)
    with open(root / "a.jpg", "r+b") as file:
        file.truncate(3 * _MIB)  # its hash takes a second, so that everything else is done before
    (root / "a.jpg.xmp").write_text(xmp(rating=3, tags=["lake"]))
    slow = ScanSection(hash_mib_per_s=2)
    async with open_living(Library(tmp_path / "library"), slow) as living:
        volume_id = await living.add(root)
        await scan_volume(living.services, volume_id, waits_for_ingest=True)
        # A file that came another way than by a rename is another photo until its bytes are hashed; then it turns out whose
        # sidecar came along.
        for name in ("a.jpg", "a.jpg.xmp"):
            shutil.copyfile(root / name, root / name.replace("a.", "b."))
            (root / name).unlink()
        await scan_volume(living.services, volume_id, waits_for_ingest=True)
        due = "SELECT count(*) FROM sidecar AS s JOIN location AS l ON l.id = s.location_id"
        assert await living.rows(f"{due} WHERE s.state = 'due' AND l.state = 'present'") == [(0,)]
        assert await living.rows("SELECT DISTINCT author FROM statement") == [("photos:b.jpg.xmp",)]


async def test_a_link_that_is_called_like_a_sidecar_is_not_followed(tmp_path: Path, root: Path) -> None:
    _photo(root / "a.jpg", 1)
    (tmp_path / "elsewhere.xmp").write_text(xmp(rating=3))
    (root / "a.jpg.xmp").symlink_to(tmp_path / "elsewhere.xmp")
    async with scanned(tmp_path, root) as (living, _):
        assert await words(living) == {"a.jpg": {}}


async def test_the_real_sidecars_of_the_corpus_are_read_and_bound(tmp_path: Path, root: Path) -> None:
    require("corpus")
    corpus = corpus_dir()
    assert corpus is not None
    for part in ("sidecars", "takeout"):
        shutil.copytree(corpus / "media" / part, root / part)
    before = fingerprints(root)
    async with scanned(tmp_path, root) as (living, volume_id):
        rules = {
            path: sorted({one["rule"] for one in told["photos"]})
            for path, told in (await _all_told(living, volume_id)).items()
        }
        assert rules["sidecars/pairs/20240107_110258.jpg.xmp"] == ["name"]
        assert rules["sidecars/pairs/bunny_1sec_v2.xmp"] == ["stem"]
        assert rules["sidecars/lightroom/ladybug.xmp"] == ["stem"]
        assert rules["takeout/numbered/2015-02-04.jpg(1).json"] == ["takeout"]
        assert len(rules) > 30
        states = {row[0] for row in await living.rows("SELECT DISTINCT state FROM sidecar")}
        assert states <= {"done", "unbound"}
        found = await words(living)
        assert found["20240107_110258.jpg"]["rating"] == 3
        assert "Travel" in found["20240107_110258.jpg"]["tags"]
        assert found["bunny_1sec_v2.mp4"]["tags"] == ["rabbit", "test"]
    assert fingerprints(root) == before


async def _all_told(living: Living, volume_id: VolumeId) -> dict[str, dict[str, Any]]:
    def read(reader: Reader) -> dict[str, dict[str, Any]]:
        rows = reader.rows(
            "SELECT CASE d.path WHEN x'' THEN l.name ELSE CAST(d.path || '/' || l.name AS BLOB) END FROM sidecar AS s"
            " JOIN location AS l ON l.id = s.location_id JOIN directory AS d ON d.id = l.directory_id"
        )
        told = (explain_sidecars.explain_sidecar(reader, volume_id, bytes(path)) for (path,) in rows)
        return {one["path"]: one for one in told if one is not None}

    return await living.writer.read(read)


# ---- live


@asynccontextmanager
async def watched(tmp_path: Path, root: Path) -> AsyncIterator[Living]:
    """Open a library over a folder, followed by inotify, with a media worker that is up."""
    async with open_living(Library(tmp_path / "library")) as living:
        volume_id = await living.add(root)
        async with open_watch(living.services) as watch:

            async def is_ready() -> bool:
                note = watch.notes.get(volume_id)
                has_scanned = (await living.volume(volume_id)).full_scan_ns is not None
                return has_scanned and note is not None and note.is_watching

            await eventually(is_ready)
            await living.ingest.drained(volume_id)
            yield living


async def eventually(is_so: Callable[[], Awaitable[bool]], *, within_s: float = 10) -> None:
    """Wait until something is so."""
    with trio.fail_after(within_s):
        while not await is_so():  # noqa: ASYNC110 - the catalog on disk rings no bell
            await trio.sleep(0.02)


async def test_a_sidecar_that_appears_changes_and_goes_is_followed_within_seconds(
    tmp_path: Path, root: Path
) -> None:
    _photo(root / "a.jpg", 1)
    sidecar = root / "a.jpg.xmp"
    async with watched(tmp_path, root) as living:

        async def says(expected: dict[str, Any]) -> None:
            async def is_said() -> bool:
                return (await words(living))["a.jpg"] == expected

            await eventually(is_said)

        sidecar.write_text(xmp(rating=2, tags=["a", "b"]))
        await says({"rating": 2, "tags": ["a", "b"]})
        # As darktable and Lightroom save: a new file in the place of the old one.
        (root / "temporary").write_text(xmp(rating=5, tags=["b"]))
        (root / "temporary").rename(sidecar)
        await says({"rating": 5, "tags": ["b"]})
        (root / "new").mkdir()
        (root / "a.jpg").rename(root / "new" / "c.jpg")
        sidecar.rename(root / "new" / "c.jpg.xmp")

        async def has_moved() -> bool:
            rows = await living.rows(
                "SELECT DISTINCT CAST(l.name AS TEXT), s.author FROM sidecar_photo AS p JOIN sidecar AS s USING (location_id)"
                " JOIN location AS l ON l.id = p.location_id WHERE p.rule <> 'former' AND s.state = 'done'"
            )
            return rows == [("c.jpg.xmp", "photos:a.jpg.xmp")]  # its words are those that it said there

        await eventually(has_moved)
        await says({"rating": 5, "tags": ["b"]})
        (root / "new" / "c.jpg.xmp").unlink()

        async def is_gone() -> bool:
            return (1,) in await living.rows(
                "SELECT 1 FROM location WHERE state = 'missing' AND CAST(name AS TEXT) = 'c.jpg.xmp'"
            )

        await eventually(is_gone)
        await says({"rating": 5, "tags": ["b"]})


# ---- from outside


def test_the_command_line_tells_of_sidecars(tmp_path: Path, root: Path) -> None:
    product = Product(tmp_path)
    (root / "IMG.DNG").write_bytes(tiff_picture(is_dng=True))
    _photo(root / "b.jpg", 2)
    (root / "IMG.DNG.xmp").write_text(xmp(rating=5, title="exact"))
    (root / "IMG.xmp").write_text(xmp(rating=1, label="Blue"))
    (root / "lost.jpg.xmp").write_text(xmp(rating=1))
    product.init(root)
    product.run("scan")
    (photo,) = product.found("has:sidecar")
    assert (photo["name"], photo["rating"], photo["label"]) == ("IMG.DNG", 5, "Blue")
    assert photo["sidecars"] == ["Photos:IMG.DNG.xmp", "Photos:IMG.xmp"]
    told = product.data("why", "sidecar", photo["uid"])
    assert [one["rule"] for one in told["sidecars"]] == ["name", "raw"]
    text = product.run("why", "sidecar", str(root / "IMG.DNG")).stdout
    assert "said by it now: rating, title" in text
    assert "another sidecar says otherwise and counts more: rating" in text
    lost = product.data("why", "sidecar", str(root / "lost.jpg.xmp"))
    assert (lost["state"], lost["photos"]) == ("unbound", [])
    assert "no photo lost.jpg beside it" in lost["reason"]
    assert "Photos:IMG.DNG.xmp" in product.run("show", "--layers", photo["uid"]).stdout
    checks = {one["name"]: one for one in product.data("doctor")["checks"]}
    assert checks["sidecars"]["state"] == "warn"
    assert "0 unreadable, 1 about no known photo, 1 contradicted by another" in checks["sidecars"]["message"]
    log = product.run("log").stdout
    assert "read the sidecar Photos:IMG.DNG.xmp of 1 photo" in log
    assert product.data("status")["pending"]["sidecars"] == 0
    json.dumps(told)


def test_the_daemon_follows_a_sidecar_and_the_tree_shows_it(tmp_path: Path, root: Path) -> None:
    require("fuse")
    product = Product(tmp_path)
    _photo(root / "a.jpg", 1)
    product.init(root)
    product.up()
    try:
        wait_until(lambda: len(product.found()) == 1, what="the photo is found")
        (root / "a.jpg.xmp").write_text(xmp(rating=4, tags=["boat"]))
        tagged = product.mountpoint / "Tags" / "boat" / "a.jpg"
        wait_until(tagged.exists, what="the tag of the sidecar is a folder")
        assert (product.mountpoint / "Ratings" / "4" / "a.jpg").exists()
        told = product.data("why", "sidecar", str(product.mountpoint / "Originals" / "Photos" / "a.jpg.xmp"))
        assert [photo["name"] for photo in told["photos"]] == ["a.jpg"]
    finally:
        product.detach()
