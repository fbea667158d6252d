"""What counts as a change: a row of the table per case, and what a second reading of the bytes makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.facts import READER_VERSION
from catalog.ids import ContentId, LocationId
from catalog.store import ingest
from catalog.store.identity import record_hashes
from catalog.store.stamps import Known, has_other_bytes, is_explained
from catalog.values import HashResult, Observed
from store_harness import NOW_NS, File, StoreHarness, digest

PATH = b"2019/IMG_1.JPG"
KNOWN = Known(LocationId(1), b"IMG_1.JPG", 5, 10, 20, 30, 40, "present", ContentId(1), 0, 1)
SEEN = Observed(b"IMG_1.JPG", "f", 5, 10, 20, 30, 40)


@pytest.mark.parametrize(
    ("seen", "is_change"),
    [
        (SEEN, False),
        (replace(SEEN, size=6), True),
        (replace(SEEN, mtime_ns=11), True),
        (replace(SEEN, inode=31), True),
        (replace(SEEN, inode=0), False),
        (replace(SEEN, ctime_ns=21), False),
        (replace(SEEN, access=41), False),
    ],
)
def test_size_mtime_and_inode_tell_a_change(seen: Observed, is_change: bool) -> None:
    assert has_other_bytes(KNOWN, seen) == is_change


def test_a_place_without_an_inode_is_told_by_size_and_mtime() -> None:
    assert not has_other_bytes(KNOWN._replace(inode=0), SEEN)
    assert has_other_bytes(KNOWN._replace(inode=0), replace(SEEN, mtime_ns=11))


@pytest.mark.parametrize(
    ("known", "seen", "explained"),
    [
        (KNOWN, SEEN, True),
        (KNOWN, replace(SEEN, ctime_ns=21), False),
        (KNOWN, replace(SEEN, ctime_ns=21, access=41), True),
        (KNOWN._replace(access=0), replace(SEEN, ctime_ns=21), False),
        (KNOWN._replace(access=0), SEEN, True),
        (KNOWN._replace(ctime_ns=0), SEEN, True),
        (KNOWN, replace(SEEN, ctime_ns=0), True),
        (KNOWN, replace(SEEN, ctime_ns=21, access=0), False),
    ],
)
def test_access_explains_a_change_time(known: Known, seen: Observed, explained: bool) -> None:
    assert is_explained(known, seen) == explained


@pytest.fixture
def photo(catalog: StoreHarness) -> StoreHarness:
    """One photo that is known, rated 4."""
    catalog.put(PATH, "body", ctime_ns=1, access=7)
    catalog.ingest()
    catalog.say(catalog.asset_at(PATH), "rating", "4")
    return catalog


def column(catalog: StoreHarness, name: str) -> object:
    return catalog.writer.value(f"SELECT {name} FROM location WHERE name = ?", (b"IMG_1.JPG",))


def touch(catalog: StoreHarness, **stamps: object) -> None:
    """Give the file other stamps, and other bytes with `body`, and let the scan see it."""
    files = catalog.disk[b"2019"]
    files[b"IMG_1.JPG"] = replace(files[b"IMG_1.JPG"], **stamps)  # type: ignore[arg-type]
    catalog.scan()


def due(catalog: StoreHarness) -> int:
    return ingest.due_counts(catalog.writer)["hash"]


def test_chmod_is_explained_and_read_by_nobody(photo: StoreHarness) -> None:
    touch(photo, ctime_ns=2, access=8)
    assert (column(photo, "ctime_ns"), column(photo, "access"), due(photo)) == (2, 8, 0)


def test_the_first_sight_of_access_alone_is_no_change(catalog: StoreHarness) -> None:
    catalog.put(PATH, "body", ctime_ns=1)
    catalog.ingest()
    touch(catalog, access=8)
    assert (column(catalog, "access"), due(catalog)) == (8, 0)


def test_an_unexplained_change_time_is_read_again_and_changes_nothing_if_the_bytes_are_the_same(
    photo: StoreHarness,
) -> None:
    shown, content_id = photo.shown(), column(photo, "content_id")
    touch(photo, ctime_ns=2)
    assert due(photo) == 1
    assert ingest.hash_due(photo.writer, photo.volume_id, 10) == [], "it is no unread file"
    assert photo.shown() == shown
    photo.read_hashes()
    assert (due(photo), column(photo, "recheck_due")) == (0, 0)
    assert column(photo, "verified_ns") == photo.now_ns
    assert column(photo, "content_id") == content_id
    assert photo.shown() == shown
    assert photo.check() == []


def test_bytes_that_changed_unseen_are_a_new_version_with_its_hash(photo: StoreHarness) -> None:
    asset_id = photo.asset_at(PATH)
    touch(photo, ctime_ns=2, body="BODY")
    photo.read_hashes()
    assert photo.asset_at(PATH) == asset_id
    assert photo.said(asset_id) == {("rating", ""): "4"}
    assert photo.in_day(20190807)[0].hash == digest("BODY")
    assert due(photo) == 0, "what was just read is not read once more"
    assert ingest.due_counts(photo.writer)["header"] == 1
    photo.read_facts()
    assert photo.check() == []


def test_bytes_that_are_another_photos_now_are_that_photo(photo: StoreHarness) -> None:
    photo.put(b"2019/IMG_2.JPG", "BODY")
    photo.ingest()
    first, second = photo.asset_at(PATH), photo.asset_at(b"2019/IMG_2.JPG")
    touch(photo, ctime_ns=2, body="BODY")
    photo.read_hashes()
    assert photo.asset_at(PATH) == second
    assert photo.column(first, "state") == "missing"
    assert photo.said(first) == {("rating", ""): "4"}
    assert photo.check() == []


def test_a_recheck_that_fails_waits_as_others_do(photo: StoreHarness) -> None:
    touch(photo, ctime_ns=2)
    (item,) = ingest.recheck_due(photo.writer, photo.volume_id, 10)
    later_ns = photo.now_ns + 10**12
    record_hashes(photo.writer, [HashResult(item, None, "EIO", later_ns)], photo.now_ns)
    assert ingest.recheck_due(photo.writer, photo.volume_id, 10, now_ns=photo.now_ns) == []
    assert ingest.next_hash_ns(photo.writer, photo.volume_id) == later_ns
    assert ingest.recheck_due(photo.writer, photo.volume_id, 10, now_ns=later_ns) == [item]


def test_a_file_that_was_never_hashed_needs_no_recheck(catalog: StoreHarness) -> None:
    catalog.put(PATH, "body", ctime_ns=1)
    catalog.scan()
    touch(catalog, ctime_ns=2)
    assert column(catalog, "recheck_due") == 0
    assert due(catalog) == 1


def test_a_hash_that_is_learnt_verifies_the_file(photo: StoreHarness) -> None:
    assert NOW_NS < int(str(column(photo, "verified_ns"))) <= photo.now_ns


def test_a_change_of_the_stamp_forgets_damage_and_the_reading(photo: StoreHarness) -> None:
    damage(photo, "rotten")
    touch(photo, ctime_ns=2, access=9)
    assert photo.writer.value("SELECT count(*) FROM damage") == 1, "who changes its mode mends nothing"
    touch(photo, mtime_ns=99, body="bodies")
    assert photo.writer.value("SELECT count(*) FROM damage") == 0
    assert column(photo, "verified_ns") is None


def test_damage_that_is_known_is_no_edit_and_right_bytes_mend_it(photo: StoreHarness) -> None:
    content_id = column(photo, "content_id")
    damage(photo, "ROTT")
    touch(photo, ctime_ns=2, body="ROTT")
    photo.read_hashes()
    assert (column(photo, "content_id"), column(photo, "recheck_due")) == (content_id, 0)
    assert photo.writer.value("SELECT count(*) FROM damage") == 1
    touch(photo, ctime_ns=3, body="body")
    photo.read_hashes()
    assert photo.writer.value("SELECT count(*) FROM damage") == 0
    assert photo.check() == []


def test_a_sidecar_whose_change_time_moved_is_read_again(catalog: StoreHarness) -> None:
    catalog.put(b"2019/IMG_1.JPG.xmp", "words", ctime_ns=1, access=7)
    catalog.scan()
    catalog.writer.execute("UPDATE sidecar SET state = 'done', version = ?", (READER_VERSION,))
    files: dict[bytes, File] = catalog.disk[b"2019"]
    files[b"IMG_1.JPG.xmp"] = replace(files[b"IMG_1.JPG.xmp"], ctime_ns=2, access=8)
    catalog.scan()
    assert ingest.due_counts(catalog.writer)["sidecar"] == 0
    files[b"IMG_1.JPG.xmp"] = replace(files[b"IMG_1.JPG.xmp"], ctime_ns=3)
    catalog.scan()
    assert ingest.due_counts(catalog.writer)["sidecar"] == 1


def damage(catalog: StoreHarness, text: str) -> None:
    """Write down that a verification found other bytes."""
    catalog.writer.execute(
        "INSERT INTO damage (location_id, found, found_ns, read_ns) VALUES (?, ?, 1, 1)",
        (column(catalog, "id"), digest(text)),
    )
