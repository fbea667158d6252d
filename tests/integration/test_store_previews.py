"""Rows of previews: chosen with the facts, handed over in a merge, told to frontends when they change."""

from __future__ import annotations

import pytest

from catalog.facts import Preview
from catalog.previews import Chosen
from catalog.store import changes, ingest, previews
from store_harness import StoreHarness

THUMB = Preview("exif", 100, 300, 160, 120)
LARGE = Preview("raw", 500, 400, 1620, 1080)
BODY = "x" * 1000


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
        previews.note_done(catalog.writer, content_id)
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
        previews.note_made(catalog.writer, content_id, [Chosen(256, None, 777, 320, 240, 1)])
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
    assert [one.slot for one in due.chosen] == [256]  # both sizes are the same slice: one file
    assert (due.is_made, due.item.path, due.hash) == (False, b"a.jpg", catalog.digest_at(b"a.jpg"))
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
