"""Inode numbers are of one file system: what is known by the numbers of another one joins no photos, and changes none."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from catalog.errors import NotFound
from catalog.store import ingest, inodes, moves, scanning, second_look, traces, volumes
from catalog.values import DirectoryListing, HashResult
from store_harness import StoreHarness, digest

A, B = b"a/A.JPG", b"b/B.JPG"
# One size, one time, and numbers that two file systems gave to different files.
STAMP = {"inode": 10, "mtime_ns": 100}


def stored_inodes(catalog: StoreHarness) -> list[int]:
    return [row[0] for row in catalog.writer.rows("SELECT inode FROM location ORDER BY id")]


def forget_all(catalog: StoreHarness, beneath: bytes = b"") -> int:
    steps, after = 1, inodes.forget(catalog.writer, catalog.volume_id, beneath, limit=1)
    while after is not None:
        steps, after = steps + 1, inodes.forget(catalog.writer, catalog.volume_id, beneath, after, limit=1)
    return steps


def test_equal_stamps_of_another_file_system_join_no_photos(catalog: StoreHarness) -> None:
    catalog.put(A, "body 0", **STAMP)
    catalog.put(B, "body 1", inode=11, mtime_ns=100)
    catalog.ingest()
    first, second = catalog.asset_at(A), catalog.asset_at(B)
    for number, asset_id in enumerate((first, second)):
        catalog.say(asset_id, "rating", str(1 + number))
    forget_all(catalog)
    # The copy of the disk gave each file the number that the other one had.
    catalog.put(A, "body 0", inode=11, mtime_ns=100, ctime_ns=50)
    catalog.put(B, "body 1", inode=10, mtime_ns=100, ctime_ns=50)
    catalog.scan()
    assert (catalog.asset_at(A), catalog.asset_at(B)) == (first, second)
    assert len(ingest.recheck_due(catalog.writer, catalog.volume_id, 10)) == 2
    assert [catalog.column(one, "state") for one in (first, second)] == ["shown", "shown"]
    catalog.read_hashes()
    assert (catalog.asset_at(A), catalog.asset_at(B)) == (first, second)
    assert stored_inodes(catalog) == [11, 10]
    catalog.move(A, b"c/A.JPG")
    catalog.scan()
    assert catalog.asset_at(b"c/A.JPG") == first


def test_a_stamp_that_was_displaced_on_another_file_system_proves_nothing(catalog: StoreHarness) -> None:
    catalog.put(A, "body 0", **STAMP)
    catalog.ingest()
    first = catalog.asset_at(A)
    catalog.say(first, "rating", "5")
    catalog.put(A, "edited", inode=12, mtime_ns=300)
    catalog.ingest()
    assert catalog.writer.value("SELECT count(*) FROM displaced") == 1
    forget_all(catalog)
    catalog.put(B, "BODY 1", **STAMP)
    catalog.scan()
    assert catalog.asset_at(B) != first
    catalog.read_facts()
    catalog.read_hashes()
    assert catalog.said(catalog.asset_at(B)) == {}


def test_what_is_forgotten_is_of_one_place_alone_and_is_listed_again(catalog: StoreHarness) -> None:
    for number, path in enumerate((A, B, b"b/x/C.JPG", b"bb/D.JPG")):
        catalog.put(path, f"body {number}", inode=10 + number, mtime_ns=100 + number)
    catalog.ingest()
    assert forget_all(catalog, b"b") > 2
    assert sorted(stored_inodes(catalog)) == [0, 0, 10, 13]
    listed = scanning.known_digests(catalog.writer, catalog.volume_id)
    assert (b"b" in listed, b"b/x" in listed, b"a" in listed, b"bb" in listed) == (False, False, True, True)
    forget_all(catalog)
    assert set(stored_inodes(catalog)) == {0}
    assert scanning.known_digests(catalog.writer, catalog.volume_id) == {}


def test_a_copy_on_another_file_system_below_does_not_change_with_a_file_of_the_same_number(
    catalog: StoreHarness,
) -> None:
    volumes.note_nested_mounts(catalog.writer, catalog.volume_id, [(b"b", "a clone of the disk")], 1)
    catalog.put(A, "body 0", **STAMP)
    catalog.put(B, "body 0", **STAMP)
    catalog.ingest()
    first = catalog.asset_at(A)
    assert catalog.asset_at(B) == first
    catalog.put(A, "edited", inode=10, mtime_ns=300)
    catalog.scan(b"a")
    row = catalog.writer.row(
        "SELECT c.hash, l.mtime_ns FROM location AS l JOIN content AS c ON c.id = l.content_id WHERE l.name = CAST('B.JPG' AS BLOB)"
    )
    assert row == (digest("body 0"), 100)
    catalog.read_facts()
    catalog.read_hashes()


# ---- looks, readings and words of the owner that cross each other


def test_a_reading_from_before_a_change_time_moved_does_not_settle_what_came_after(
    catalog: StoreHarness,
) -> None:
    catalog.put(A, "body 0", **STAMP)
    catalog.ingest()
    one = catalog.disk[b"a"][b"A.JPG"]
    catalog.disk[b"a"][b"A.JPG"] = replace(one, ctime_ns=20)
    catalog.scan()
    (item,) = ingest.recheck_due(catalog.writer, catalog.volume_id, 10)
    # While that reading is on its way the bytes change, the time is set back, and a listing sees it.
    catalog.disk[b"a"][b"A.JPG"] = replace(one, ctime_ns=30, body="BODY 0")
    catalog.scan()
    ingest.record_hashes(catalog.writer, [HashResult(item, digest("body 0"))], catalog.now_ns)
    assert len(ingest.recheck_due(catalog.writer, catalog.volume_id, 10)) == 1
    catalog.read_hashes()
    catalog.read_facts()
    hashes = catalog.writer.rows("SELECT c.hash FROM location AS l JOIN content AS c ON c.id = l.content_id")
    assert hashes == [(digest("BODY 0"),)]


def test_a_first_hash_from_before_a_change_time_moved_is_not_believed(catalog: StoreHarness) -> None:
    catalog.put(A, "body 0", **STAMP)
    catalog.scan()
    catalog.read_facts()
    (item,) = ingest.hash_due(catalog.writer, catalog.volume_id, 10)
    one = catalog.disk[b"a"][b"A.JPG"]
    catalog.disk[b"a"][b"A.JPG"] = replace(one, ctime_ns=30, body="BODY 0")
    catalog.scan()
    ingest.record_hashes(catalog.writer, [HashResult(item, digest("body 0"))], catalog.now_ns)
    catalog.read_hashes()
    assert catalog.writer.rows("SELECT hash FROM content") == [(digest("BODY 0"),)]


def test_a_name_whose_change_time_moved_while_another_name_of_its_file_was_written_to_is_read_once(
    catalog: StoreHarness,
) -> None:
    for name in (b"a/1.JPG", b"a/2.JPG"):
        catalog.put(name, "body", **STAMP)
    catalog.ingest()
    # The listing looked at the first name before the file was written to, and at the second one after.
    catalog.disk[b"a"][b"1.JPG"] = replace(catalog.disk[b"a"][b"1.JPG"], ctime_ns=20)
    catalog.put(b"a/2.JPG", "edited", inode=10, mtime_ns=300, ctime_ns=30)
    catalog.scan()
    assert catalog.check() == []
    catalog.put(b"a/1.JPG", "edited", inode=10, mtime_ns=300, ctime_ns=30)
    catalog.ingest()
    assert catalog.asset_at(b"a/1.JPG") == catalog.asset_at(b"a/2.JPG")


def test_nothing_is_seen_on_a_volume_that_was_forgotten_meanwhile(catalog: StoreHarness) -> None:
    catalog.put(A, "body 0", **STAMP)
    catalog.ingest()
    volumes.mark_forgotten(catalog.writer, catalog.volume_id, catalog.now_ns)
    while traces.sweep_forgotten(catalog.writer, catalog.now_ns):
        pass
    part = DirectoryListing(b"a", 5, catalog.entries(b"a"), is_first=True, is_last=True, digest=b"d" * 32)
    with pytest.raises(NotFound):
        scanning.apply_listing(catalog.writer, catalog.volume_id, part, catalog.now_ns)
    volumes.note_nested_mounts(catalog.writer, catalog.volume_id, [(b"b", "other")], 1)
    assert catalog.check() == []


def test_the_owner_moves_a_volume_while_a_probe_of_its_former_place_is_on_its_way(
    catalog: StoreHarness,
) -> None:
    seen = json.dumps({"key": "uuid:1/2", "fs": "uuid:1", "is_strong": True})
    volumes.set_identity(catalog.writer, catalog.volume_id, seen, before=None)
    volumes.relocate(catalog.writer, catalog.volume_id, b"/elsewhere", 1)
    later = json.dumps({"key": "uuid:1/2", "fs": "uuid:1", "is_strong": True, "mount": "1"})
    volumes.set_identity(catalog.writer, catalog.volume_id, later, before=seen)
    kept = volumes.volume_by_id(catalog.writer, catalog.volume_id).identity
    assert json.loads(kept or "") == {"left": json.loads(seen)}
    volumes.relocate(catalog.writer, catalog.volume_id, b"/elsewhere/again", 1)
    assert volumes.volume_by_id(catalog.writer, catalog.volume_id).identity == kept


def test_file_systems_that_the_owner_does_not_wait_for_are_written_down_for_the_next_probe(
    catalog: StoreHarness,
) -> None:
    volumes.set_identity(catalog.writer, catalog.volume_id, '{"key": "uuid:1/2"}', before=None)
    volumes.note_nested_mounts(catalog.writer, catalog.volume_id, [(b"b\xff", "other")], 1)
    volumes.note_nested_mounts(catalog.writer, catalog.volume_id, [(b"b\xff", None)], 2)
    volumes.accept_absence(catalog.writer, catalog.volume_id, 3)
    volumes.accept_absence(catalog.writer, catalog.volume_id, 4)
    kept = json.loads(volumes.volume_by_id(catalog.writer, catalog.volume_id).identity or "")
    assert [bytes.fromhex(one) for one in kept["unmounted"]] == [b"b\xff"]


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        (inodes.IN_VOLUME, "location_inode (volume_id=?)"),
        (inodes.HOLDS_ANY, "sqlite_autoindex_directory_1 (volume_id=? AND path>? AND path<?)"),
    ],
)
def test_what_is_forgotten_is_found_by_an_index(catalog: StoreHarness, sql: str, wanted: str) -> None:
    plan = [row[3] for row in catalog.writer.rows("EXPLAIN QUERY PLAN " + sql, (1, 1))]
    assert any(wanted in step for step in plan), plan


def test_a_photo_returns_to_a_version_whose_last_place_was_dropped(catalog: StoreHarness) -> None:
    catalog.put(b"a/1.JPG", "one", inode=1)
    catalog.put(b"b/2.JPG", "two", inode=2)
    catalog.ingest()
    asset_id, other_id = catalog.asset_at(b"a/1.JPG"), catalog.asset_at(b"b/2.JPG")
    catalog.say(asset_id, "rating", "5")
    for body, mtime_ns in (("edited", 20), ("one", 30)):
        catalog.put(b"a/1.JPG", body, inode=1, mtime_ns=mtime_ns)
        catalog.ingest()
    # The edited version was last seen at a/1.JPG. The photo has another place, the other photo takes this one, and leaves it.
    catalog.put(b"c/1.JPG", "one", inode=3)
    catalog.ingest()
    catalog.put(b"a/1.JPG", "two", inode=1, mtime_ns=40)
    catalog.ingest()
    location_id = catalog.writer.value(
        "SELECT id FROM location WHERE name = CAST('1.JPG' AS BLOB) ORDER BY id"
    )
    catalog.remove(b"a/1.JPG")
    catalog.scan()
    second_look.settle_gone(catalog.writer, catalog.volume_id, [location_id], catalog.now_ns)
    assert traces.drop(catalog.writer, [location_id], catalog.now_ns) == 1
    last_places = "SELECT count(*) FROM content WHERE last_location_id = ?"
    assert catalog.writer.value(last_places, (location_id,)) > 0
    catalog.put(b"c/1.JPG", "two", inode=3, mtime_ns=50)
    catalog.ingest()
    assert catalog.asset_at(b"c/1.JPG") == other_id
    assert catalog.column(asset_id, "state") == "missing"
    assert catalog.column(asset_id, "location_id") is not None
    assert catalog.said(asset_id) == {("rating", ""): "5"}
    assert catalog.check() == []
    catalog.put(b"d/1.JPG", "one", inode=4)
    catalog.ingest()
    assert catalog.asset_at(b"d/1.JPG") == asset_id
    assert moves.moved(catalog.writer, catalog.volume_id, []) == []
