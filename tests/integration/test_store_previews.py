"""Rows of previews: chosen with the facts, handed over in a merge, told to frontends when they change."""

from __future__ import annotations

import pytest

from catalog.facts import Preview
from catalog.ids import ContentId
from catalog.previews import Chosen, Plan
from catalog.store import changes, ingest, previews
from store_harness import StoreHarness

THUMB = Preview("exif", 100, 300, 160, 120)
LARGE = Preview("raw", 500, 400, 1620, 1080)
BODY = "x" * 1000
HUGE = Preview("raw", 1000, 5_000_000, 6000, 4000)
MADE = (Chosen(256, None, 9_000, 256, 171, 1), Chosen(1024, None, 90_000, 1024, 683, 1))
SLICES = [(0, 1000, 5_000_000, 1), (256, 100, 300, 1), (1024, 1000, 5_000_000, 1)]
SHOWN = [(0, 1000, 5_000_000, 1), (256, None, 9_000, 1), (1024, None, 90_000, 1)]


def rows(catalog: StoreHarness, path: bytes) -> list[tuple[object, ...]]:
    """Return (slot, offset, length, orientation) of the photo of a file."""
    return catalog.writer.rows(
        'SELECT p.slot, p."offset", p.length, p.orientation FROM preview AS p JOIN content AS c ON c.id = p.content_id'
        " WHERE c.asset_id = ? ORDER BY p.slot",
        (catalog.asset_at(path),),
    )


def work(catalog: StoreHarness) -> list[tuple[object, ...]]:
    """Return (task, state) of everything that the cache is due."""
    return catalog.writer.rows("SELECT task, state FROM preview_work ORDER BY content_id")


def content_of(catalog: StoreHarness, path: bytes) -> int:
    """Return the content of a file."""
    return int(catalog.writer.value("SELECT content_id FROM asset WHERE id = ?", (catalog.asset_at(path),)))


def planned(catalog: StoreHarness, content_id: int) -> Plan:
    """Return what is planned for a content that has facts."""
    found = previews.plan_of(catalog.writer, ContentId(content_id))
    assert found is not None
    return found


def put_large(catalog: StoreHarness) -> int:
    """Put a RAW there whose only large picture has megabytes, and return its content."""
    catalog.put(b"a.cr2", "x", size=9_000_000)
    catalog.scan()
    catalog.read_facts(previews=(HUGE, THUMB))
    catalog.read_hashes()
    return content_of(catalog, b"a.cr2")


def note_made(catalog: StoreHarness, content_id: int) -> None:
    """Let both sizes be made."""
    with catalog.writer.atomic():
        previews.note_done(catalog.writer, ContentId(content_id), planned(catalog, content_id), MADE)


def read_again(catalog: StoreHarness, **facts: object) -> None:
    """Let newer readers say something else."""
    with catalog.writer.atomic():
        catalog.writer.execute("UPDATE content SET facts_state = 'due', facts_retry_ns = NULL")
    catalog.read_facts(**facts)


def test_rows_come_with_the_facts(catalog: StoreHarness) -> None:
    catalog.put(b"a.jpg", BODY)
    catalog.scan()
    catalog.read_facts(previews=(LARGE, THUMB), orientation=6, width=6000, height=4000)
    assert rows(catalog, b"a.jpg") == [(0, 500, 400, 6), (256, 500, 400, 6), (1024, 500, 400, 6)]
    assert work(catalog) == [("copy", "due")]


def test_a_slice_behind_the_end_of_the_file_is_not_believed(catalog: StoreHarness) -> None:
    catalog.put(b"a.jpg", "short")
    catalog.scan()
    catalog.read_facts(previews=(LARGE, THUMB))
    assert rows(catalog, b"a.jpg") == []
    assert work(catalog) == []


def test_newer_facts_replace_rows_and_frontends_hear_of_it(catalog: StoreHarness) -> None:
    catalog.put(b"a.jpg", BODY)
    catalog.scan()
    catalog.read_facts(previews=(THUMB,))
    content_id = content_of(catalog, b"a.jpg")
    with catalog.writer.atomic():
        previews.note_done(catalog.writer, content_id, planned(catalog, content_id))
    newest = changes.latest_seq(catalog.writer)
    read_again(catalog, previews=(THUMB,))
    assert work(catalog) == [("copy", "done")]
    assert ("photo", str(content_id)) not in _told(catalog, newest)
    read_again(catalog, previews=(LARGE,))
    assert rows(catalog, b"a.jpg")[0] == (0, 500, 400, 1)
    assert work(catalog) == [("copy", "due")]
    assert ("photo", str(content_id)) in _told(catalog, newest)
    read_again(catalog)
    assert rows(catalog, b"a.jpg") == []
    assert work(catalog) == []


def _told(catalog: StoreHarness, since: int) -> set[tuple[str, str]]:
    return {(change.kind, change.subject) for change in changes.since(catalog.writer, since) or ()}


def test_what_was_made_stays_as_long_as_the_same_would_be_made(catalog: StoreHarness) -> None:
    catalog.put(b"a.heic", BODY)
    catalog.scan()
    item = Preview("heif", 100, 300, 320, 240)
    catalog.read_facts(previews=(item,))
    assert work(catalog) == [("make", "due")]
    content_id = content_of(catalog, b"a.heic")
    with catalog.writer.atomic():
        made = [Chosen(256, None, 777, 256, 192, 1)]
        previews.note_done(catalog.writer, content_id, planned(catalog, content_id), made)
    assert rows(catalog, b"a.heic") == [(0, None, 777, 1), (256, None, 777, 1)]
    read_again(catalog, previews=(item,))
    assert rows(catalog, b"a.heic") == [(0, None, 777, 1), (256, None, 777, 1)]
    assert work(catalog) == [("make", "done")]
    read_again(catalog, previews=(LARGE,))
    assert rows(catalog, b"a.heic") == [(0, 500, 400, 1), (256, 500, 400, 1), (1024, 500, 400, 1)]
    assert work(catalog) == [("copy", "due")]


def test_the_rows_of_a_copy_go_with_its_facts_when_two_files_turn_out_to_be_one(
    catalog: StoreHarness,
) -> None:
    catalog.put(b"a.jpg", BODY)
    catalog.scan()
    catalog.read_hashes()
    catalog.put(b"b.jpg", BODY, inode=77)
    catalog.scan()
    due = [item for item in ingest.facts_due(catalog.writer, 10) if item.path == b"b.jpg"]
    results = [ingest.FactsResult(item, catalog.facts(item, previews=(THUMB,))) for item in due]
    ingest.record_facts(catalog.writer, results, catalog.writer.zone, catalog.now_ns)
    catalog.read_hashes()
    assert catalog.asset_at(b"a.jpg") == catalog.asset_at(b"b.jpg")
    assert rows(catalog, b"a.jpg") == [(0, 100, 300, 1), (256, 100, 300, 1)]
    assert catalog.writer.value("SELECT count(*) FROM preview") == 2
    assert work(catalog) == [("copy", "due")]


def test_what_goes_with_its_content_leaves_no_row(catalog: StoreHarness) -> None:
    for name in (b"a.jpg", b"b.jpg"):
        catalog.put(name, BODY, inode=len(work(catalog)) + sum(name))
    catalog.scan()
    catalog.read_facts(previews=(THUMB,))
    assert catalog.writer.value("SELECT count(*) FROM preview") == 4
    catalog.read_hashes()
    assert catalog.writer.value("SELECT count(*) FROM preview") == 2


def test_the_cache_is_due_when_facts_and_hash_are_known_and_the_volume_is_there(
    catalog: StoreHarness,
) -> None:
    catalog.put(b"a.jpg", BODY)
    catalog.scan()
    catalog.read_facts(previews=(LARGE, THUMB))
    assert previews.due(catalog.writer, 10, after=None, now_ns=catalog.now_ns) == []
    catalog.read_hashes()
    (due,) = previews.due(catalog.writer, 10, after=None, now_ns=catalog.now_ns)
    assert [one.slot for one in due.plan.copied] == [256]  # both sizes are the same slice: one file
    assert (due.plan.is_making, due.item.path, due.hash) == (False, b"a.jpg", catalog.digest_at(b"a.jpg"))
    with catalog.writer.atomic():
        previews.note_later(catalog.writer, due.content_id, catalog.now_ns)
    assert previews.due(catalog.writer, 10, after=None, now_ns=catalog.now_ns) == []
    assert len(previews.due(catalog.writer, 10, after=None, now_ns=catalog.now_ns + previews.RETRY_NS)) == 1


@pytest.mark.parametrize("question", ["_DUE", "_PREVIEW_OF"])
def test_questions_of_previews_use_their_indexes(catalog: StoreHarness, question: str) -> None:
    sql = getattr(previews, question)
    plan = [row[3] for row in catalog.writer.rows(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?"))]
    assert not [step for step in plan if step.startswith("SCAN") and step != "SCAN volume"], plan
    assert not [step for step in plan if "TEMP B-TREE" in step], plan


def test_a_listing_asks_for_previews_by_their_key(catalog: StoreHarness) -> None:
    plan = [row[3] for row in catalog.writer.rows(f"EXPLAIN QUERY PLAN {previews._LARGEST}", ("[1, 2]",))]
    assert plan[0].startswith("SEARCH p USING PRIMARY KEY (content_id=? AND slot=?)"), plan
    assert not [step for step in plan if step.startswith("SCAN") and "json_each" not in step], plan


def test_what_is_made_of_a_slice_of_megabytes_stands_in_place_of_slices_as_long_as_it_is_there(
    catalog: StoreHarness,
) -> None:
    content_id = put_large(catalog)
    assert (rows(catalog, b"a.cr2"), work(catalog)) == (SLICES, [("make", "due")])
    note_made(catalog, content_id)
    assert (rows(catalog, b"a.cr2"), work(catalog)) == (SHOWN, [("make", "done")])
    newest = changes.latest_seq(catalog.writer)
    with catalog.writer.atomic():
        previews.note_gone(catalog.writer, [catalog.digest_at(b"a.cr2")])
    assert (rows(catalog, b"a.cr2"), work(catalog)) == (SLICES, [("make", "done")])
    assert ("photo", str(content_id)) in _told(catalog, newest)
    (done,) = previews.done_after(catalog.writer, 0, 10)
    assert done.lacks_made
    with catalog.writer.atomic():
        previews.make_due(catalog.writer, [done.content_id])
    assert work(catalog) == [("make", "due")]


def test_files_of_the_cache_that_were_lost_are_not_promised_until_they_are_made_again(
    catalog: StoreHarness,
) -> None:
    content_id = put_large(catalog)
    note_made(catalog, content_id)
    (done,) = previews.done_after(catalog.writer, 0, 10)
    assert (done.lacks_made, done.slots) == (False, (256, 1024))
    with catalog.writer.atomic():
        previews.make_due(catalog.writer, [done.content_id])
    assert (rows(catalog, b"a.cr2"), work(catalog)) == (SLICES, [("make", "due")])


def test_newer_facts_that_say_the_same_keep_what_was_made_and_others_do_not(catalog: StoreHarness) -> None:
    content_id = put_large(catalog)
    note_made(catalog, content_id)
    read_again(catalog, previews=(HUGE, THUMB))
    assert (rows(catalog, b"a.cr2"), work(catalog)) == (SHOWN, [("make", "done")])
    read_again(catalog, previews=(HUGE, THUMB), orientation=6, width=6000, height=4000)
    assert rows(catalog, b"a.cr2") == [(*row[:3], 6) for row in SLICES]
    assert work(catalog) == [("make", "due")]


def test_what_was_made_by_older_facts_is_not_noted(catalog: StoreHarness) -> None:
    content_id = put_large(catalog)
    before = planned(catalog, content_id)
    read_again(catalog, previews=(HUGE, THUMB), orientation=6, width=6000, height=4000)
    with catalog.writer.atomic():
        previews.note_done(catalog.writer, ContentId(content_id), before, MADE)
    assert work(catalog) == [("make", "due")]
    assert not [row for row in rows(catalog, b"a.cr2") if row[1] is None]


def test_work_that_failed_goes_with_the_picture_that_it_was_about(catalog: StoreHarness) -> None:
    catalog.put(b"a.heic", BODY)
    catalog.scan()
    catalog.read_facts(previews=(Preview("heif", 100, 300, 320, 240),))
    with catalog.writer.atomic():
        previews.note_failed(catalog.writer, ContentId(content_of(catalog, b"a.heic")), "1", "broken")
    read_again(catalog)
    assert work(catalog) == []
