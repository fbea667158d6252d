"""Zones of neighbours in the catalog: who is looked at, what is kept, and that nothing but the offset moves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from catalog.facts import DateCandidate
from catalog.store import neighbours, photos
from store_harness import StoreHarness

DTO = "ExifIFD:DateTimeOriginal"
MORNING, NOON, EVENING = "2019-08-07T09:00:00", "2019-08-07T12:00:00", "2019-08-07T18:00:00"


def put(
    catalog: StoreHarness,
    path: bytes,
    local: str,
    offset_min: int | None = None,
    model: str = "DSLR",
    **more: Any,
) -> None:
    """Write a photo that tells a clock, perhaps with an offset."""
    catalog.put(path, path.decode())
    said = (DateCandidate(DTO, local, local, offset_min),)
    catalog.said_by[path] = {"candidates": said, "make": "X", "model": model, **more}


def look(catalog: StoreHarness) -> int:
    """Do what the pass of the daemon does; return how many photos became different."""
    count = 0
    for folder in neighbours.zones_due(catalog.writer, catalog.volume_id, 100):
        changes = neighbours.zone_changes(catalog.writer, folder.directory_id)
        count += len(changes)
        neighbours.record_zones(catalog.writer, changes, [folder], catalog.writer.zone, catalog.now_ns)
    return count


def capture(catalog: StoreHarness, path: bytes) -> dict[str, Any]:
    """Return the effective capture time."""
    found: dict[str, Any] = json.loads(str(catalog.column(catalog.asset_at(path), "capture")))
    return found


def due(catalog: StoreHarness) -> int:
    """Return how many folders are to be looked at."""
    return len(neighbours.zones_due(catalog.writer, catalog.volume_id, 100))


def test_a_clock_without_an_offset_gets_that_of_the_photos_around_it(catalog: StoreHarness) -> None:
    put(catalog, b"trip/1.jpg", MORNING, 540)
    put(catalog, b"trip/2.jpg", NOON)
    put(catalog, b"trip/3.jpg", EVENING, 540)
    catalog.ingest()
    shown, before = catalog.shown(), capture(catalog, b"trip/2.jpg")
    assert due(catalog) == 1
    assert look(catalog) == 1
    after = capture(catalog, b"trip/2.jpg")
    assert after == {**before, "offset_min": 540}
    assert catalog.shown() == shown, "no photo moves, no name changes"
    assert (due(catalog), look(catalog)) == (0, 0)


def test_why_names_the_photo_that_told_it(catalog: StoreHarness) -> None:
    put(catalog, b"1.jpg", MORNING, 540)
    put(catalog, b"2.jpg", NOON)
    catalog.ingest()
    look(catalog)
    told = photos.explain_date(catalog.writer, catalog.asset_at(b"2.jpg"))
    source = catalog.column(catalog.asset_at(b"1.jpg"), "uid")
    assert (told["zone_source"], told["neighbour"]) == ("neighbours", source)
    won = next(one for one in told["candidates"] if one["verdict"] == "won")
    assert (won["source"], won["zone_source"]) == (DTO, "neighbours")
    assert str(source) in won["reason"]


def test_another_folder_tells_nothing(catalog: StoreHarness) -> None:
    put(catalog, b"a/1.jpg", MORNING, 540)
    put(catalog, b"b/2.jpg", NOON)
    catalog.ingest()
    assert due(catalog) == 2
    assert look(catalog) == 0


def test_who_got_an_offset_is_no_source_when_new_photos_come(catalog: StoreHarness) -> None:
    put(catalog, b"1.jpg", "2019-08-07T01:00:00", 540)
    put(catalog, b"2.jpg", "2019-08-07T12:00:00")
    catalog.ingest()
    assert look(catalog) == 1
    put(catalog, b"3.jpg", "2019-08-07T23:00:00")
    catalog.ingest()
    assert look(catalog) == 0
    assert "offset_min" not in capture(catalog, b"3.jpg")
    assert capture(catalog, b"2.jpg")["offset_min"] == 540


def test_an_offset_goes_when_a_new_photo_contradicts(catalog: StoreHarness) -> None:
    put(catalog, b"1.jpg", MORNING, 540)
    put(catalog, b"2.jpg", NOON)
    catalog.ingest()
    look(catalog)
    put(catalog, b"3.jpg", EVENING, 120)
    catalog.ingest()
    assert look(catalog) == 1
    assert "offset_min" not in capture(catalog, b"2.jpg")
    assert catalog.writer.rows("SELECT * FROM neighbour_zone") == []


def test_bytes_that_tell_an_offset_need_no_neighbour(catalog: StoreHarness) -> None:
    put(catalog, b"1.jpg", MORNING, 540)
    put(catalog, b"2.jpg", NOON)
    catalog.ingest()
    look(catalog)
    put(catalog, b"2.jpg", NOON, 60)
    catalog.writer.execute("UPDATE content SET facts_state = 'due'")
    catalog.read_facts()
    assert catalog.writer.rows("SELECT * FROM neighbour_zone") == []
    look(catalog)
    assert capture(catalog, b"2.jpg")["offset_min"] == 60


def test_what_people_say_is_neither_asked_nor_told(catalog: StoreHarness) -> None:
    put(catalog, b"1.jpg", MORNING, 540)
    put(catalog, b"2.jpg", NOON)
    catalog.ingest()
    said = {
        "local": NOON,
        "precision": "second",
        "offset_min": 0,
        "zone": None,
        "source": "user",
        "confidence": "exact",
    }
    catalog.say(catalog.asset_at(b"1.jpg"), "capture", json.dumps(said))
    assert look(catalog) == 0


def test_an_instant_in_the_librarys_zone_tells_nobody_an_offset(catalog: StoreHarness) -> None:
    put(catalog, b"1.jpg", NOON)
    catalog.put(b"2.mp4", "movie")
    header = DateCandidate("QuickTime:CreateDate", "9", "2019-08-07T09:30:00", None, is_utc=True)
    catalog.said_by[b"2.mp4"] = {"candidates": (header,), "make": "X", "model": "DSLR"}
    catalog.ingest()
    assert capture(catalog, b"2.mp4")["offset_min"] == 120
    assert look(catalog) == 0


def test_a_folder_that_is_marked_while_somebody_looks_stays_due(catalog: StoreHarness) -> None:
    put(catalog, b"1.jpg", MORNING, 540)
    catalog.ingest()
    (folder,) = neighbours.zones_due(catalog.writer, catalog.volume_id, 100)
    changes = neighbours.zone_changes(catalog.writer, folder.directory_id)
    put(catalog, b"2.jpg", NOON)
    catalog.ingest()
    neighbours.record_zones(catalog.writer, changes, [folder], catalog.writer.zone, catalog.now_ns)
    assert due(catalog) == 1
    assert look(catalog) == 1


def test_a_copy_that_merges_takes_its_row_away(catalog: StoreHarness) -> None:
    put(catalog, b"a/1.jpg", MORNING, 540)
    put(catalog, b"a/2.jpg", NOON)
    put(catalog, b"b/3.jpg", MORNING, 540)
    put(catalog, b"b/4.jpg", NOON)
    for copy, of in ((b"b/3.jpg", b"a/1.jpg"), (b"b/4.jpg", b"a/2.jpg")):
        catalog.put(copy, of.decode(), inode=sum(copy))
    catalog.scan()
    catalog.read_facts()
    assert look(catalog) == 2
    catalog.read_hashes()
    assert catalog.asset_at(b"b/4.jpg") == catalog.asset_at(b"a/2.jpg")
    assert len(catalog.writer.rows("SELECT * FROM neighbour_zone")) == 1
    assert capture(catalog, b"a/2.jpg")["offset_min"] == 540


@pytest.mark.slow
def test_a_folder_of_many_pages_is_looked_at_as_one(catalog: StoreHarness) -> None:
    for number in range(2_300):
        stamp = f"2019-08-07T{10 + number % 10:02d}:{number % 60:02d}:00"
        put(catalog, b"%04d.jpg" % number, stamp, 540 if number == 2_299 else None)
    catalog.ingest()
    assert look(catalog) == 2_299
    assert look(catalog) == 0


def test_questions_about_folders_use_their_indexes(catalog: StoreHarness) -> None:
    def plan(sql: str, *values: object) -> str:
        return " | ".join(row[3] for row in catalog.writer.rows(f"EXPLAIN QUERY PLAN {sql}", values))

    assert "SCAN" not in plan(neighbours.SHOTS, 1, b"", 10)
    assert "(directory_id=? AND name>?)" in plan(neighbours.SHOTS, 1, b"", 10)
    assert "TEMP B-TREE" not in plan(neighbours.SHOTS, 1, b"", 10)
    assert "location_content (content_id=?)" in plan(neighbours.MARK_DUE, "[1]")
    assert "SCAN z" in plan(neighbours.DUE, 1, 10), "the table of due folders is short"
