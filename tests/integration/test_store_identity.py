"""Hashes: merges, undone edits, former contents, swaps: whose bytes are these, and what stays said about whom.

The cases are the rows of the table in `catalog/store/identity.py`.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from catalog.ids import AssetId, ContentHash
from catalog.store import identity, ingest, journal, listing, photos
from catalog.values import HashResult
from store_harness import StoreHarness, digest, make_harness


def two_copies(catalog: StoreHarness) -> tuple[AssetId, AssetId]:
    """Two files of the same bytes, read but not hashed; returns (older, younger)."""
    catalog.put(b"a/IMG_1.JPG", "same")
    catalog.put(b"b/IMG_2.JPG", "same", inode=2)
    catalog.scan()
    catalog.read_facts()
    return catalog.asset_at(b"a/IMG_1.JPG"), catalog.asset_at(b"b/IMG_2.JPG")


def test_a_hash_is_stored_once_and_nothing_else_changes(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    catalog.read_facts()
    before = catalog.shown()
    assert catalog.read_hashes() == 1
    assert catalog.in_day(20190807)[0].hash == digest("x")
    assert catalog.shown() == before
    assert ingest.hash_due(catalog.writer, catalog.volume_id, 10) == []


def test_the_younger_of_two_equal_photos_merges_into_the_older(catalog: StoreHarness) -> None:
    older, younger = two_copies(catalog)
    uid = catalog.column(younger, "uid")
    catalog.say(older, "title", '"old"', made_ns=1)
    catalog.say(younger, "title", '"young"', made_ns=2)
    catalog.say(younger, "tag", "true", element="beach")
    catalog.read_hashes()
    assert catalog.asset_at(b"a/IMG_1.JPG") == catalog.asset_at(b"b/IMG_2.JPG") == older
    assert catalog.column(younger, "merged_into") == older
    assert catalog.said(older) == {("title", ""): '"young"', ("tag", "beach"): "true"}
    assert catalog.said(younger) == {}
    assert catalog.shown() == {"20190807/IMG_1.JPG": older}
    assert photos.resolve_photo(catalog.writer, str(uid)) == older
    (document,) = photos.documents(catalog.writer, [older])
    assert [one["path"] for one in document["locations"]] == ["a/IMG_1.JPG", "b/IMG_2.JPG"]


def test_a_merge_is_in_the_journal_with_every_statement(catalog: StoreHarness) -> None:
    older, younger = two_copies(catalog)
    catalog.say(older, "title", '"old"', made_ns=5)
    catalog.say(younger, "title", '"young"', made_ns=2)
    catalog.say(younger, "rating", "3")
    catalog.read_hashes()
    row = journal.newest(catalog.writer)[0]
    assert row.command["do"] == "merge"
    assert row.command["into"] == catalog.column(older, "uid")
    assert row.command["hash"] == digest("same").hex()
    assert row.author == "glassine"
    changed = {(one.asset_id, one.property): (one.before, one.after) for one in row.items}
    assert changed == {
        (younger, "title"): ('"young"', None),
        (younger, "rating"): ("3", None),
        (older, "rating"): (None, "3"),
    }
    assert catalog.said(older)["title", ""] == '"old"'


def test_the_older_photo_survives_also_when_it_is_hashed_last(catalog: StoreHarness) -> None:
    older, younger = two_copies(catalog)
    number = catalog.in_day(20190807)[0].content_id
    catalog.read_hashes(b"b/IMG_2.JPG")
    catalog.read_hashes(b"a/IMG_1.JPG")
    assert catalog.column(younger, "merged_into") == older
    assert catalog.shown() == {"20190807/IMG_1.JPG": older}
    (row,) = catalog.in_day(20190807)
    assert (row.content_id, row.hash) == (number, digest("same")), "the survivor keeps its inode"


def test_facts_of_the_merged_copy_are_not_read_twice(catalog: StoreHarness) -> None:
    catalog.put(b"a/IMG_1.JPG", "same")
    catalog.put(b"b/IMG_2.JPG", "same", inode=2)
    catalog.scan()
    (unread, read) = ingest.facts_due(catalog.writer, 10)
    from catalog.facts import FactsResult

    result = FactsResult(read, catalog.facts(read, width=77))
    ingest.record_facts(catalog.writer, [result], catalog.writer.zone, catalog.now_ns)
    catalog.read_hashes()
    assert ingest.facts_due(catalog.writer, 10) == []
    assert unread.content_id is not None
    assert photos.documents(catalog.writer, [catalog.asset_at(unread.path)])[0]["width"] == 77
    late = FactsResult(read, catalog.facts(read, width=1))
    assert ingest.record_facts(catalog.writer, [late], catalog.writer.zone, catalog.now_ns) == 0


def test_three_copies_in_one_batch_leave_one_photo_and_no_chain_of_aliases(catalog: StoreHarness) -> None:
    for number in range(3):
        catalog.put(b"%d/IMG.JPG" % number, "same", inode=number + 1)
    catalog.scan()
    catalog.read_facts()
    catalog.read_hashes(b"2/IMG.JPG", b"1/IMG.JPG", b"0/IMG.JPG")
    assert catalog.writer.rows("SELECT id, merged_into FROM asset ORDER BY id") == [
        (1, None),
        (2, 1),
        (3, 1),
    ]
    assert len(catalog.in_day(20190807)) == 1


def test_a_file_edited_in_place_is_the_same_photo_with_new_bytes(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "first")
    catalog.ingest()
    asset_id = catalog.asset_at(b"IMG_1.JPG")
    catalog.say(asset_id, "rating", "5")
    (before,) = catalog.in_day(20190807)
    catalog.put(b"IMG_1.JPG", "second!")
    assert len(catalog.scan()[0].changed) == 1
    (between,) = catalog.in_day(20190807)
    assert between.asset_id == asset_id, "it stays where it is until the new bytes are read"
    assert between.content_id != before.content_id
    assert (between.size, between.hash) == (7, None)
    catalog.read_facts()
    catalog.read_hashes()
    (after,) = catalog.in_day(20190807)
    assert (after.asset_id, after.hash) == (asset_id, digest("second!"))
    assert catalog.said(asset_id) == {("rating", ""): "5"}


def test_an_edit_that_is_undone_leads_back_to_the_first_bytes(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "first", mtime_ns=1)
    catalog.ingest()
    (before,) = catalog.in_day(20190807)
    catalog.put(b"IMG_1.JPG", "second!")
    catalog.ingest()
    catalog.put(b"IMG_1.JPG", "first", mtime_ns=3)
    catalog.ingest()
    (after,) = catalog.in_day(20190807)
    assert (after.asset_id, after.content_id) == (before.asset_id, before.content_id)
    assert catalog.writer.value("SELECT count(*) FROM content") == 2


def test_a_touched_file_is_read_again_and_stays_the_same_content(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x", mtime_ns=1)
    catalog.ingest()
    (before,) = catalog.in_day(20190807)
    catalog.put(b"IMG_1.JPG", "x", mtime_ns=2)
    catalog.ingest()
    assert catalog.in_day(20190807)[0].content_id == before.content_id
    assert catalog.writer.value("SELECT count(*) FROM content") == 1


def test_one_of_two_copies_that_changes_becomes_a_photo_of_its_own(catalog: StoreHarness) -> None:
    older, _ = two_copies(catalog)
    catalog.read_hashes()
    catalog.say(older, "rating", "4")
    catalog.put(b"b/IMG_2.JPG", "edited")
    catalog.ingest()
    new = catalog.asset_at(b"b/IMG_2.JPG")
    assert new != older
    assert catalog.asset_at(b"a/IMG_1.JPG") == older
    assert catalog.said(older) == {("rating", ""): "4"}
    assert catalog.said(new) == {}


def test_former_bytes_that_turn_up_beside_the_edited_ones_inherit_what_was_said(
    catalog: StoreHarness,
) -> None:
    catalog.put(b"IMG_1.JPG", "first")
    catalog.ingest()
    edited = catalog.asset_at(b"IMG_1.JPG")
    catalog.say(edited, "rating", "5")
    former_content = catalog.column(edited, "content_id")
    catalog.put(b"IMG_1.JPG", "second!")
    catalog.ingest()
    catalog.put(b"backup/IMG_1.JPG", "first", inode=99)
    catalog.ingest()
    restored = catalog.asset_at(b"backup/IMG_1.JPG")
    assert restored != edited
    assert catalog.column(restored, "content_id") == former_content
    assert catalog.said(restored) == catalog.said(edited) == {("rating", ""): "5"}
    catalog.say(edited, "rating", "1", made_ns=9)
    assert catalog.said(restored) == {("rating", ""): "5"}, "the statements of that moment"


def test_former_bytes_of_a_photo_whose_file_is_gone_bring_it_back(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "first")
    catalog.ingest()
    asset_id = catalog.asset_at(b"IMG_1.JPG")
    catalog.put(b"IMG_1.JPG", "second!")
    catalog.ingest()
    catalog.remove(b"IMG_1.JPG")
    catalog.scan()
    assert catalog.column(asset_id, "state") == "missing"
    catalog.put(b"elsewhere/copy.JPG", "first", inode=50)
    catalog.ingest()
    assert catalog.asset_at(b"elsewhere/copy.JPG") == asset_id
    assert catalog.column(asset_id, "state") == "shown"
    assert catalog.in_day(20190807)[0].hash == digest("first")
    assert catalog.in_day(20190807)[0].name == "IMG_1.JPG", "the name never moves"


def test_a_missing_copy_of_the_former_bytes_that_returns_is_a_photo_of_its_own(
    catalog: StoreHarness,
) -> None:
    two_copies(catalog)
    catalog.read_hashes()
    asset_id = catalog.asset_at(b"a/IMG_1.JPG")
    catalog.say(asset_id, "rating", "2")
    kept = catalog.disk[b"b"].pop(b"IMG_2.JPG")
    catalog.scan()
    catalog.put(b"a/IMG_1.JPG", "edited")
    catalog.ingest()
    assert catalog.asset_at(b"a/IMG_1.JPG") == asset_id
    catalog.disk[b"b"][b"IMG_2.JPG"] = kept
    catalog.scan()
    returned = catalog.asset_at(b"b/IMG_2.JPG")
    assert returned != asset_id
    assert catalog.said(returned) == {("rating", ""): "2"}
    assert ingest.hash_due(catalog.writer, catalog.volume_id, 10) == [], "its bytes are known"


def test_a_missing_file_of_the_former_bytes_brings_a_lost_photo_back(catalog: StoreHarness) -> None:
    two_copies(catalog)
    catalog.read_hashes()
    asset_id = catalog.asset_at(b"a/IMG_1.JPG")
    kept = catalog.disk[b"b"].pop(b"IMG_2.JPG")
    catalog.scan()
    catalog.put(b"a/IMG_1.JPG", "edited")
    catalog.ingest()
    catalog.remove(b"a/IMG_1.JPG")
    catalog.scan()
    catalog.disk[b"b"][b"IMG_2.JPG"] = kept
    catalog.scan()
    assert catalog.asset_at(b"b/IMG_2.JPG") == asset_id
    assert catalog.column(asset_id, "state") == "shown"


def test_a_photo_overwritten_with_another_keeps_its_own_statements(catalog: StoreHarness) -> None:
    catalog.put(b"A.JPG", "alpha")
    catalog.put(b"B.JPG", "beta", inode=2)
    catalog.ingest()
    first, second = catalog.asset_at(b"A.JPG"), catalog.asset_at(b"B.JPG")
    catalog.say(first, "title", '"A"')
    catalog.say(second, "title", '"B"')
    catalog.put(b"A.JPG", "beta", inode=3)
    catalog.ingest()
    assert catalog.asset_at(b"A.JPG") == catalog.asset_at(b"B.JPG") == second
    assert catalog.column(first, "state") == "missing"
    assert (catalog.said(first), catalog.said(second)) == ({("title", ""): '"A"'}, {("title", ""): '"B"'})
    catalog.put(b"restored/A.JPG", "alpha", inode=4)
    catalog.ingest()
    assert catalog.asset_at(b"restored/A.JPG") == first


@pytest.mark.parametrize("order", [(b"A.JPG", b"B.JPG"), (b"B.JPG", b"A.JPG")])
def test_two_files_that_swap_names_are_still_the_same_two_photos(
    catalog: StoreHarness, order: tuple[bytes, bytes]
) -> None:
    catalog.put(b"A.JPG", "alpha", inode=1)
    catalog.put(b"B.JPG", "beta", inode=2)
    catalog.ingest()
    first, second = catalog.asset_at(b"A.JPG"), catalog.asset_at(b"B.JPG")
    catalog.say(first, "title", '"A"')
    catalog.say(second, "title", '"B"')
    catalog.put(b"A.JPG", "beta", inode=2)
    catalog.put(b"B.JPG", "alpha", inode=1)
    catalog.scan()
    catalog.read_facts()
    for path in order:
        catalog.read_hashes(path)
    assert (catalog.asset_at(b"A.JPG"), catalog.asset_at(b"B.JPG")) == (second, first)
    assert (catalog.said(first), catalog.said(second)) == ({("title", ""): '"A"'}, {("title", ""): '"B"'})
    assert {row.name for row in catalog.in_day(20190807)} == {"A.JPG", "B.JPG"}


def test_former_bytes_found_through_an_edit_are_a_new_photo_with_what_was_said(catalog: StoreHarness) -> None:
    catalog.put(b"A.JPG", "alpha")
    catalog.put(b"B.JPG", "beta", inode=2)
    catalog.ingest()
    first, second = catalog.asset_at(b"A.JPG"), catalog.asset_at(b"B.JPG")
    catalog.say(second, "title", '"B"')
    catalog.put(b"B.JPG", "better", inode=2)
    catalog.ingest()
    catalog.put(b"A.JPG", "beta", inode=5)
    catalog.ingest()
    new = catalog.asset_at(b"A.JPG")
    assert new not in (first, second)
    assert catalog.said(new) == {("title", ""): '"B"'}
    assert catalog.column(first, "state") == "missing"
    assert catalog.asset_at(b"B.JPG") == second


def test_a_file_that_is_emptied_and_written_again_is_the_same_photo(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "first")
    catalog.ingest()
    asset_id = catalog.asset_at(b"IMG_1.JPG")
    catalog.put(b"IMG_1.JPG", "")
    catalog.ingest()
    assert catalog.asset_at(b"IMG_1.JPG") == asset_id
    (document,) = photos.documents(catalog.writer, [asset_id])
    assert document["findings"][0]["reason"] == "the file is empty"
    assert document["size"] == 0
    catalog.put(b"IMG_1.JPG", "second")
    catalog.ingest()
    assert catalog.asset_at(b"IMG_1.JPG") == asset_id
    assert catalog.in_day(20190807)[0].hash == digest("second")


def test_two_emptied_files_are_not_the_same_photo(catalog: StoreHarness) -> None:
    catalog.put(b"A.JPG", "alpha")
    catalog.put(b"B.JPG", "beta")
    catalog.ingest()
    catalog.put(b"A.JPG", "")
    catalog.put(b"B.JPG", "")
    catalog.ingest()
    assert catalog.asset_at(b"A.JPG") != catalog.asset_at(b"B.JPG")


def test_a_hash_of_another_version_of_the_file_is_dropped(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    (item,) = ingest.hash_due(catalog.writer, catalog.volume_id, 10)
    for stale in (
        replace(item, size=9),
        replace(item, mtime_ns=9),
        replace(item, inode=0),
        replace(item, content_id=None),
    ):
        assert ingest.record_hashes(catalog.writer, [HashResult(stale, digest("x"))], catalog.now_ns) == 0
    assert catalog.writer.value("SELECT count(hash) FROM content") == 0


def test_a_failed_hash_is_noted_and_tried_again_later(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    (item,) = ingest.hash_due(catalog.writer, catalog.volume_id, 10)
    failed = HashResult(item, None, "EIO", catalog.now_ns + 50)
    ingest.record_hashes(catalog.writer, [failed], catalog.now_ns)
    assert ingest.hash_due(catalog.writer, catalog.volume_id, 10, now_ns=catalog.now_ns) == []
    catalog.now_ns += 50
    catalog.read_hashes()
    assert catalog.writer.row("SELECT hash_failure, hash_retry_ns FROM location") == (None, None)


def test_a_hash_that_is_known_already_changes_nothing(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    (item,) = ingest.hash_due(catalog.writer, catalog.volume_id, 10)
    ingest.record_hashes(catalog.writer, [HashResult(item, digest("x"))], 1)
    other = HashResult(item, ContentHash(b"z" * 32))
    ingest.record_hashes(catalog.writer, [other], 1)
    assert catalog.writer.value("SELECT hash FROM content") == digest("x")


def test_a_name_that_was_shown_is_not_given_to_another_photo_after_a_merge(catalog: StoreHarness) -> None:
    older, younger = two_copies(catalog)
    assert set(catalog.shown()) == {"20190807/IMG_1.JPG", "20190807/IMG_2.JPG"}
    catalog.read_hashes()
    catalog.put(b"c/IMG_2.JPG", "another")
    catalog.ingest()
    newcomer = catalog.asset_at(b"c/IMG_2.JPG")
    short = catalog.column(newcomer, "short")
    assert catalog.shown() == {
        "20190807/IMG_1.JPG": older,
        f"20190807/IMG_2~{short}.JPG": newcomer,
    }
    assert listing.photo_by_uid(catalog.writer, str(catalog.column(younger, "uid"))) is not None


@st.composite
def renamings(draw: st.DrawFn) -> tuple[list[int], bool, list[list[int]]]:
    """Whose bytes lie at each name afterwards, whether inodes are kept, and the batches in which hashes are read."""
    count = draw(st.integers(2, 5))
    sources = draw(st.permutations(range(count)))
    order = draw(st.permutations(range(count)))
    ends = sorted({count, *draw(st.sets(st.integers(1, count)))})
    batches = [order[first:last] for first, last in zip([0, *ends], ends, strict=False)]
    return sources, draw(st.booleans()), batches


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(renaming=renamings())
@example(renaming=([2, 0, 1], True, [[2], [1], [0]]))
def test_files_that_change_names_in_one_scan_keep_their_titles_in_every_order_of_hashing(
    tmp_path_factory: pytest.TempPathFactory, renaming: tuple[list[int], bool, list[list[int]]]
) -> None:
    sources, is_inode_kept, batches = renaming
    paths = [b"%c.JPG" % (65 + index) for index in range(len(sources))]
    catalog = make_harness(tmp_path_factory.mktemp("names") / "library")
    try:
        for index, path in enumerate(paths):
            catalog.put(path, f"bytes {index}", inode=index + 1)
        catalog.ingest()
        owners = [catalog.asset_at(path) for path in paths]
        for index, owner in enumerate(owners):
            catalog.say(owner, "title", f'"{index}"')
        for path, source in zip(paths, sources, strict=True):
            catalog.put(path, f"bytes {source}", inode=source + (1 if is_inode_kept else 100))
        catalog.scan()
        catalog.read_facts()
        for batch in batches:
            due = ingest.hash_due(catalog.writer, catalog.volume_id, 10, now_ns=catalog.now_ns)
            unread = {item.path for item in due}
            if ready := [paths[index] for index in batch if paths[index] in unread]:
                catalog.read_hashes(*ready)
        catalog.now_ns += 2 * identity.WAIT_NS
        catalog.read_hashes()
        assert ingest.hash_due(catalog.writer, catalog.volume_id, 10) == []
        assert [catalog.asset_at(path) for path in paths] == [owners[source] for source in sources]
        assert [catalog.said(owner) for owner in owners] == [
            {("title", ""): f'"{index}"'} for index in range(len(owners))
        ]
        assert catalog.check() == []
    finally:
        catalog.close()


def test_the_pixel_hash_is_stored_and_equal_bytes_of_an_older_version_learn_it(catalog: StoreHarness) -> None:
    older, _ = two_copies(catalog)
    first, second = ingest.hash_due(catalog.writer, catalog.volume_id, 10)
    ingest.record_hashes(catalog.writer, [HashResult(first, digest("same"))], catalog.now_ns)
    assert catalog.writer.rows("SELECT pixel_hash FROM content WHERE hash IS NOT NULL") == [(None,)]
    result = HashResult(second, digest("same"), pixel_hash=b"p" * 32)
    ingest.record_hashes(catalog.writer, [result], catalog.now_ns)
    assert catalog.writer.rows("SELECT asset_id, pixel_hash FROM content") == [(older, b"p" * 32)]
