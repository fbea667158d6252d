"""Zones of neighbours with real files: the pass follows the headers by itself, and has nothing to do afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from living import Living, open_living

from catalog.library import Library
from daemon.scan import scan_volume
from media_files import ExifSpec, jpeg


def _photo(original: str, offset: str | None, seed: int) -> bytes:
    spec = ExifSpec(original=original, original_offset=offset, make="Nikon", model="D70")
    return jpeg(exif=spec, seed=seed)


async def _offsets(living: Living) -> dict[str, int | None]:
    rows = await living.rows("SELECT name, capture FROM asset ORDER BY name")
    return {str(name): json.loads(str(capture)).get("offset_min") for name, capture in rows}


@pytest.mark.slow
async def test_a_photo_gets_the_offset_of_the_photos_around_it_in_one_scan(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    (root / "1.jpg").write_bytes(_photo("2019:08:07 09:00:00", "+09:00", 1))
    (root / "2.jpg").write_bytes(_photo("2019:08:07 12:00:00", None, 2))
    (root / "3.jpg").write_bytes(_photo("2019:08:09 12:00:00", None, 3))
    library = Library(tmp_path / "library")
    async with open_living(library) as living:
        volume_id = await living.add(root)
        await scan_volume(living.services, volume_id, waits_for_ingest=True)
        assert await _offsets(living) == {"1.jpg": 540, "2.jpg": 540, "3.jpg": None}
        assert await living.rows("SELECT * FROM zone_due") == []
    async with open_living(library) as living:
        await living.volumes.probe(volume_id)
        await living.ingest.drained(volume_id)
        assert await _offsets(living) == {"1.jpg": 540, "2.jpg": 540, "3.jpg": None}
