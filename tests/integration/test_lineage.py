"""A former version that is back beside the present one: in one stack with it, unless people or the bytes say otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.buckets import View
from catalog.commands import execute
from catalog.commands.layer import LayerCommand, Rate, StackCover, StackMake, StackSplit, Undo
from catalog.errors import Conflict
from catalog.ids import AssetId
from catalog.store import ingest, journal
from catalog.store.explain_layer import explain_hidden
from catalog.store.stacks import stack_of
from catalog.values import HashResult
from store_harness import StoreHarness

PRESENT, FORMER = b"IMG_1.JPG", b"backup/IMG_1.JPG"

DAY_NS = 86_400 * 10**9


def edit(catalog: StoreHarness, path: bytes = PRESENT) -> AssetId:
    """Make a photo and edit it in place."""
    catalog.put(path, "first")
    catalog.ingest()
    catalog.put(path, "second!")
    catalog.ingest()
    return catalog.asset_at(path)


def bring_back(catalog: StoreHarness, path: bytes = FORMER) -> AssetId:
    """Put the former bytes beside the present ones."""
    catalog.put(path, "first", inode=99)
    catalog.ingest()
    return catalog.asset_at(path)


def uid(catalog: StoreHarness, asset_id: AssetId) -> str:
    return str(catalog.column(asset_id, "uid"))


def do(catalog: StoreHarness, command: LayerCommand) -> dict[str, Any]:
    catalog.now_ns += 1
    return execute(catalog.writer, command, now_ns=catalog.now_ns)


def rescan(catalog: StoreHarness) -> None:
    """Let everything be looked at and read again, by another file of the same bytes and a touched one."""
    catalog.put(b"more/IMG_1.JPG", "first", inode=500)
    catalog.ingest()
    catalog.put(PRESENT, "second!", mtime_ns=catalog.now_ns)
    catalog.ingest()


def test_a_former_version_beside_the_present_one_is_stacked_behind_it(catalog: StoreHarness) -> None:
    present = edit(catalog)
    former = bring_back(catalog)
    stack = stack_of(catalog.writer, present)
    assert stack is not None
    assert (stack["kind"], stack["origin"], stack["cover"]) == ("edit", "rule", uid(catalog, present))
    assert [one["uid"] for one in stack["members"]] == [uid(catalog, present), uid(catalog, former)]
    (why,) = stack["why"]
    assert (why["rule"], len(why["photos"])) == ("version", 2)
    assert catalog.shown() == {"20190807/IMG_1.JPG": present}
    assert set(catalog.shown(View.STACKS).values()) == {present, former}
    assert catalog.check() == []


def test_why_hidden_tells_that_versions_of_one_photo_are_stacked(catalog: StoreHarness) -> None:
    edit(catalog)
    (reason,) = explain_hidden(catalog.writer, bring_back(catalog))["reasons"]
    assert reason["by"] == "rule"
    assert "the present version) of a stack of versions of one photo" in reason["message"]


def test_the_stack_is_in_the_journal_row_of_the_inheritance(catalog: StoreHarness) -> None:
    present = edit(catalog)
    former = bring_back(catalog)
    row = journal.newest(catalog.writer)[0]
    assert (row.author, row.command["do"]) == ("glassine", "inherit")
    assert [(one.asset_id, one.property, one.source, one.before) for one in row.items] == [
        (present, "stack", "plugin", None),
        (former, "stack", "plugin", None),
        (present, "cover", "plugin", None),
    ]
    assert catalog.writer.rows("SELECT kind, before FROM journal_thing WHERE journal_id = ?", (row.id,)) == [
        ("stack", None)
    ]


def test_a_split_of_versions_wins_for_ever(catalog: StoreHarness) -> None:
    present, former = edit(catalog), bring_back(catalog)
    do(catalog, StackSplit((uid(catalog, former),)))
    rescan(catalog)
    assert stack_of(catalog.writer, present) is stack_of(catalog.writer, former) is None
    assert set(catalog.shown().values()) == {present, former}
    assert catalog.check() == []


def test_a_photo_that_was_split_off_before_is_not_stacked_with_its_former_version(
    catalog: StoreHarness,
) -> None:
    present = edit(catalog)
    catalog.say(present, "stack", "false")
    former = bring_back(catalog)
    assert stack_of(catalog.writer, present) is stack_of(catalog.writer, former) is None
    assert catalog.said(former) == {("stack", ""): "false"}
    assert catalog.check() == []


def test_a_split_that_is_undone_brings_the_stack_of_versions_back(catalog: StoreHarness) -> None:
    present, former = edit(catalog), bring_back(catalog)
    before = stack_of(catalog.writer, present)
    do(catalog, StackSplit((uid(catalog, present),)))
    assert stack_of(catalog.writer, former) is None
    do(catalog, Undo(None))
    assert stack_of(catalog.writer, former) == before
    assert catalog.check() == []


def test_an_inheritance_is_not_undone_and_a_split_does_what_an_undo_would(catalog: StoreHarness) -> None:
    present, former = edit(catalog), bring_back(catalog)
    with pytest.raises(Conflict):
        do(catalog, Undo(journal.newest(catalog.writer)[0].id))
    do(catalog, StackSplit((uid(catalog, present),)))
    assert stack_of(catalog.writer, present) is stack_of(catalog.writer, former) is None
    assert catalog.check() == []


def test_a_stack_made_by_hand_takes_the_former_version_in_and_keeps_its_cover(catalog: StoreHarness) -> None:
    present = edit(catalog)
    catalog.put(b"IMG_2.JPG", "another")
    catalog.ingest()
    other = catalog.asset_at(b"IMG_2.JPG")
    do(catalog, StackMake((uid(catalog, present), uid(catalog, other))))
    do(catalog, StackCover(uid(catalog, present)))
    former = bring_back(catalog)
    stack = stack_of(catalog.writer, former)
    assert stack is not None
    assert (stack["kind"], stack["origin"], stack["cover"]) == ("manual", "user", uid(catalog, present))
    assert len(stack["members"]) == 3
    assert catalog.check() == []


def test_a_person_chooses_the_former_version_as_the_cover(catalog: StoreHarness) -> None:
    present, former = edit(catalog), bring_back(catalog)
    do(catalog, StackCover(uid(catalog, former)))
    assert stack_of(catalog.writer, present)["cover"] == uid(catalog, former)  # type: ignore[index]
    do(catalog, Undo(None))
    assert stack_of(catalog.writer, present)["cover"] == uid(catalog, present)  # type: ignore[index]


def test_the_raw_of_the_photo_stays_with_it_and_the_stack_keeps_its_kind(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.CR2", "raw")
    catalog.put(PRESENT, "first")
    catalog.scan()
    catalog.read_facts(make="Canon", model="EOS")
    catalog.read_hashes()
    catalog.put(PRESENT, "second!")
    catalog.put(FORMER, "first", inode=99)
    catalog.scan()
    catalog.read_facts(make="Canon", model="EOS")
    catalog.read_hashes()
    stack = stack_of(catalog.writer, catalog.asset_at(FORMER))
    assert stack is not None
    assert stack["kind"] == "raw"
    assert stack["cover"] == uid(catalog, catalog.asset_at(PRESENT))
    assert {one["uid"] for one in stack["members"]} == {
        uid(catalog, catalog.asset_at(path)) for path in (PRESENT, FORMER, b"IMG_1.CR2")
    }
    assert catalog.check() == []


def test_a_third_version_joins_the_stack_of_the_other_two(catalog: StoreHarness) -> None:
    present, former = edit(catalog), bring_back(catalog)
    catalog.put(PRESENT, "third!!!")
    catalog.ingest()
    catalog.put(b"other/IMG_1.JPG", "second!", inode=150)
    catalog.ingest()
    second = catalog.asset_at(b"other/IMG_1.JPG")
    stack = stack_of(catalog.writer, second)
    assert stack is not None
    assert stack["cover"] == uid(catalog, present)
    assert {one["uid"] for one in stack["members"]} == {
        uid(catalog, one) for one in (present, former, second)
    }
    assert catalog.check() == []


def test_another_picture_that_was_written_over_the_first_is_not_stacked_with_it(
    catalog: StoreHarness,
) -> None:
    catalog.put(PRESENT, "first")
    catalog.ingest()
    catalog.dates[PRESENT] = "2021-05-06T07:08:09"
    catalog.put(PRESENT, "second!")
    catalog.ingest()
    do(catalog, Rate((uid(catalog, catalog.asset_at(PRESENT)),), 4))
    former = bring_back(catalog)
    assert catalog.said(former) == {("rating", ""): "4"}
    assert stack_of(catalog.writer, former) is None
    assert set(catalog.shown().values()) == {catalog.asset_at(PRESENT), former}


@pytest.mark.parametrize("order", [(b"A.JPG", b"B.JPG"), (b"B.JPG", b"A.JPG")])
@pytest.mark.parametrize("keeps_inodes", [True, False])
def test_two_files_that_swap_names_are_not_stacked(
    catalog: StoreHarness, order: tuple[bytes, bytes], keeps_inodes: bool
) -> None:
    catalog.put(b"A.JPG", "alpha", inode=1)
    catalog.put(b"B.JPG", "beta", inode=2)
    catalog.ingest()
    catalog.put(b"A.JPG", "beta", inode=2 if keeps_inodes else 3)
    catalog.put(b"B.JPG", "alpha", inode=1 if keeps_inodes else 4)
    catalog.scan()
    catalog.read_facts()
    for path in order:
        catalog.read_hashes(path)
    assert set(catalog.shown()) == {"20190807/A.JPG", "20190807/B.JPG"}
    assert catalog.writer.value("SELECT count(*) FROM stack") == 0
    assert catalog.check() == []


def write_a_third_photo_over_the_first(catalog: StoreHarness) -> AssetId:
    """A.JPG holds what C.JPG holds and its former bytes are elsewhere, all of it unread; returns the photo of A.JPG."""
    catalog.put(b"A.JPG", "alpha", inode=1)
    catalog.put(b"B.JPG", "beta", inode=2)
    catalog.put(b"C.JPG", "gamma", inode=3)
    catalog.ingest()
    first = catalog.asset_at(b"A.JPG")
    catalog.put(b"A.JPG", "gamma", inode=4)
    catalog.put(b"new/A.JPG", "alpha", inode=5)
    catalog.scan()
    catalog.read_facts()
    return first


def test_a_former_version_waits_until_it_is_known_what_lies_in_its_place(catalog: StoreHarness) -> None:
    first = write_a_third_photo_over_the_first(catalog)
    catalog.say(first, "title", '"alpha"')
    catalog.read_hashes(b"new/A.JPG")
    assert catalog.asset_at(b"new/A.JPG") != first
    next_ns = ingest.next_hash_ns(catalog.writer, catalog.volume_id)
    assert next_ns is not None
    assert next_ns > catalog.now_ns, "it leaves room for the others"
    catalog.read_hashes(b"A.JPG")
    catalog.now_ns = next_ns
    catalog.read_hashes(b"new/A.JPG")
    assert catalog.asset_at(b"new/A.JPG") == first
    assert catalog.asset_at(b"A.JPG") == catalog.asset_at(b"C.JPG") != first
    assert catalog.said(first) == {("title", ""): '"alpha"'}
    assert catalog.said(catalog.asset_at(b"C.JPG")) == {}
    assert catalog.writer.value("SELECT count(*) FROM stack") == 0
    assert ingest.next_hash_ns(catalog.writer, catalog.volume_id) is None
    assert catalog.check() == []


def test_nobody_waits_for_ever_for_a_file_that_is_always_busy(catalog: StoreHarness) -> None:
    first = write_a_third_photo_over_the_first(catalog)
    (unread,) = (
        item for item in ingest.hash_due(catalog.writer, catalog.volume_id, 10) if item.path == b"A.JPG"
    )
    later_ns = catalog.now_ns + 30 * DAY_NS
    ingest.record_hashes(catalog.writer, [HashResult(unread, None, "busy", later_ns)], catalog.now_ns)
    catalog.read_hashes(b"new/A.JPG")
    assert ingest.next_hash_ns(catalog.writer, catalog.volume_id) is not None
    assert stack_of(catalog.writer, catalog.asset_at(b"new/A.JPG")) is None, "it waits"
    catalog.now_ns += DAY_NS
    catalog.read_hashes(b"new/A.JPG")
    restored = catalog.asset_at(b"new/A.JPG")
    assert restored != first
    assert stack_of(catalog.writer, restored) is not None
    assert ingest.hash_due(catalog.writer, catalog.volume_id, 10, now_ns=catalog.now_ns) == []
    assert catalog.check() == []


def test_a_former_version_waits_for_an_edit_and_inherits_then(catalog: StoreHarness) -> None:
    catalog.put(PRESENT, "first")
    catalog.ingest()
    present = catalog.asset_at(PRESENT)
    catalog.say(present, "rating", "4")
    catalog.put(PRESENT, "second!")
    catalog.put(FORMER, "first", inode=99)
    catalog.scan()
    catalog.read_facts()
    catalog.read_hashes(FORMER, PRESENT)  # one batch: it is looked at again behind the edit
    former = catalog.asset_at(FORMER)
    assert (catalog.asset_at(PRESENT), former != present) == (present, True)
    assert catalog.said(present) == catalog.said(former) == {("rating", ""): "4"}
    assert stack_of(catalog.writer, former) is not None
    assert ingest.hash_due(catalog.writer, catalog.volume_id, 10) == []
    assert catalog.check() == []


def test_an_unread_file_that_turns_out_to_be_a_third_photo_leaves_the_stack_again(
    catalog: StoreHarness,
) -> None:
    write_a_third_photo_over_the_first(catalog)
    (unread,) = (
        item for item in ingest.hash_due(catalog.writer, catalog.volume_id, 10) if item.path == b"A.JPG"
    )
    ingest.record_hashes(catalog.writer, [HashResult(unread, None, "EIO", catalog.now_ns)], catalog.now_ns)
    catalog.read_hashes(b"new/A.JPG")  # nobody waits for a file that cannot be read
    restored = catalog.asset_at(b"new/A.JPG")
    assert stack_of(catalog.writer, restored) is not None, "as far as anybody knows A.JPG was edited"
    catalog.read_hashes(b"A.JPG")
    assert catalog.asset_at(b"A.JPG") == catalog.asset_at(b"C.JPG")
    assert stack_of(catalog.writer, restored) is stack_of(catalog.writer, catalog.asset_at(b"C.JPG")) is None
    assert restored in catalog.shown().values()
    assert catalog.writer.value("SELECT count(*) FROM statement") == 0
    assert catalog.check() == []


def test_a_missing_copy_of_the_former_bytes_that_returns_is_stacked_without_being_read(
    catalog: StoreHarness,
) -> None:
    catalog.put(PRESENT, "same")
    catalog.put(FORMER, "same", inode=2)
    catalog.ingest()
    kept = catalog.disk[b"backup"].pop(b"IMG_1.JPG")
    catalog.scan()
    catalog.put(PRESENT, "edited")
    catalog.ingest()
    catalog.disk[b"backup"][b"IMG_1.JPG"] = kept
    catalog.scan()
    stack = stack_of(catalog.writer, catalog.asset_at(FORMER))
    assert stack is not None
    assert stack["cover"] == uid(catalog, catalog.asset_at(PRESENT))
    assert catalog.check() == []
