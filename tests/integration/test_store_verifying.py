"""The store's part of verification: what is due, what one reading and two prove, and that nothing else is written."""

from __future__ import annotations

import pytest

from catalog.ids import ContentHash, LocationId
from catalog.store import verifying, waits
from catalog.store.verifying import Reading
from catalog.values import WorkItem
from store_harness import File, StoreHarness, digest

OTHER = ContentHash(b"o" * 32)
ANOTHER = ContentHash(b"a" * 32)


@pytest.fixture
def three(catalog: StoreHarness) -> StoreHarness:
    """Three photos that were hashed, beside an empty file and one that is no photo."""
    for number in range(3):
        catalog.put(b"d/%d.jpg" % number, f"body {number}")
    catalog.put(b"d/empty.jpg", "")
    catalog.put(b"d/notes.txt", "text")
    catalog.ingest()
    catalog.now_ns += 10
    return catalog


def due(
    catalog: StoreHarness, *, after: int = 0, limit: int = 100, cutoff_ns: int | None = None
) -> list[WorkItem]:
    cutoff = catalog.now_ns if cutoff_ns is None else cutoff_ns
    return verifying.due(catalog.writer, catalog.volume_id, cutoff, after, limit)


def read(
    catalog: StoreHarness, item: WorkItem, found: ContentHash, *, is_second: bool = False
) -> verifying.Outcome:
    catalog.now_ns += 1
    return verifying.record(catalog.writer, [Reading(item, found, is_second=is_second)], catalog.now_ns)


def test_hashed_photos_are_due_by_id_in_pages(three: StoreHarness) -> None:
    items = due(three)
    assert [item.path for item in items] == [b"d/0.jpg", b"d/1.jpg", b"d/2.jpg"]
    assert [item.path for item in due(three, limit=1, after=items[0].location_id)] == [b"d/1.jpg"]
    size = sum(item.size for item in items)
    assert verifying.left(three.writer, three.volume_id, three.now_ns) == (3, size)


def test_an_unread_a_missing_and_a_moved_change_time_are_not_due(three: StoreHarness) -> None:
    three.remove(b"d/0.jpg")
    three.put(b"d/1.jpg", "other body")
    three.scan(b"d")
    three.writer.execute("UPDATE location SET recheck_due = 1 WHERE name = '2.jpg'")
    three.writer.execute("UPDATE location SET recheck_due = 1 WHERE name = CAST('2.jpg' AS BLOB)")
    assert due(three) == []
    three.writer.execute("UPDATE location SET recheck_due = 0")


def test_equal_bytes_are_stamped_and_not_due_until_the_cut_off_moves(three: StoreHarness) -> None:
    item = due(three)[0]
    cutoff_ns = three.now_ns
    outcome = read(three, item, digest("body 0"))
    assert (outcome.verified, outcome.bytes, outcome.mended) == (1, item.size, 0)
    assert item not in due(three, cutoff_ns=cutoff_ns)
    assert item in due(three, cutoff_ns=three.now_ns + 1)


def test_a_time_of_comparison_ahead_of_the_clock_does_not_count(three: StoreHarness) -> None:
    three.writer.execute("UPDATE location SET verified_ns = ?", (three.now_ns + 10**18,))
    assert due(three) == []
    latest_ns = three.now_ns + 10**9
    found = verifying.due(three.writer, three.volume_id, three.now_ns, 0, 9, latest_ns=latest_ns)
    assert len(found) == 3


def test_one_reading_proves_no_damage(three: StoreHarness) -> None:
    """A cable, a cache or memory may err once: it is asked again."""
    item = due(three)[0]
    outcome = read(three, item, OTHER)
    assert (outcome.differing, outcome.damaged) == ([item], [])
    assert verifying.damaged(three.writer, three.volume_id) == []
    assert read(three, item, digest("body 0"), is_second=True).verified == 1


def test_two_readings_do_and_leave_all_else_alone(three: StoreHarness) -> None:
    item = due(three)[0]
    tables = ("content", "asset", "location", "statement", "journal", "change", "claim", "bucket")
    before = {table: three.writer.rows(f"SELECT * FROM {table}") for table in tables}
    cutoff_ns = three.now_ns
    outcome = read(three, item, OTHER, is_second=True)
    assert outcome.damaged == [item.location_id]
    assert {table: three.writer.rows(f"SELECT * FROM {table}") for table in tables} == before
    (damage,) = verifying.damaged(three.writer, three.volume_id)
    assert (damage.path, damage.expected, damage.found) == (b"d/0.jpg", digest("body 0"), OTHER)
    assert damage.found_ns == damage.read_ns == three.now_ns
    assert item not in due(three, cutoff_ns=cutoff_ns)  # compared, by this run
    assert item in due(three, cutoff_ns=three.now_ns + 1)
    read(three, item, ANOTHER, is_second=True)
    (later,) = verifying.damage_of(three.writer, [item.location_id])
    assert (later.found, later.found_ns, later.read_ns) == (ANOTHER, damage.found_ns, three.now_ns)
    assert read(three, item, digest("body 0")).mended == 1
    assert verifying.damaged(three.writer) == []


@pytest.mark.parametrize("reason", ["EIO", "ESTALE", "EACCES", "busy", "changed"])
def test_no_error_is_damage_and_the_file_stays_due(three: StoreHarness, reason: str) -> None:
    item = due(three)[0]
    for is_second in (False, True):
        outcome = verifying.record(three.writer, [Reading(item, None, reason, is_second)], three.now_ns)
        assert (outcome.failed, outcome.damaged) == ([(item, reason)], [])
    assert item in due(three)
    assert three.writer.rows("SELECT * FROM damage") == []
    assert three.writer.value("SELECT count(*) FROM location WHERE hash_failure IS NOT NULL") == 0


def test_a_result_about_a_file_that_changed_meanwhile_is_dropped(three: StoreHarness) -> None:
    by_stamp, by_ctime, gone = due(three)
    three.put(b"d/0.jpg", "body 9", mtime_ns=1)
    three.disk[b"d"][b"1.jpg"] = File("body 1", inode=by_ctime.inode, ctime_ns=99)
    three.remove(b"d/2.jpg")
    three.scan(b"d")
    for item in (by_stamp, by_ctime, gone):
        outcome = read(three, item, OTHER, is_second=True)
        assert (outcome.outdated, outcome.damaged) == (1, [])
    three.writer.execute("UPDATE location SET recheck_due = 0")


def test_damage_goes_with_its_file_and_with_another_stamp(three: StoreHarness) -> None:
    first, second, _ = due(three)
    for item in (first, second):
        read(three, item, OTHER, is_second=True)
    three.remove(b"d/0.jpg")
    three.put(b"d/1.jpg", "restored", mtime_ns=5)
    three.scan(b"d")
    assert verifying.damaged(three.writer) == []
    verifying.begin(three.writer, three.volume_id, 1, three.now_ns)
    assert three.writer.rows("SELECT * FROM damage") == []


def test_copies_that_are_damaged_themselves_are_no_good_copies(three: StoreHarness) -> None:
    for name in (b"d/copy.jpg", b"e/copy.jpg"):
        three.put(name, "body 0", inode=sum(name))
    three.ingest()
    three.now_ns += 10
    items = {item.path: item for item in due(three)}
    read(three, items[b"d/0.jpg"], OTHER, is_second=True)
    read(three, items[b"d/copy.jpg"], OTHER, is_second=True)
    copies = verifying.good_copies(three.writer, items[b"d/0.jpg"].location_id)
    assert [copy.path for copy in copies] == [b"e/copy.jpg"]
    finding = verifying.findings_of(three.writer, [items[b"d/0.jpg"].content_id])  # type: ignore[list-item]
    assert [len(found) for found in finding.values()] == [2]


def test_a_run_is_begun_once_and_ended_once(three: StoreHarness) -> None:
    writer, volume_id = three.writer, three.volume_id
    first = verifying.begin(writer, volume_id, 1, 2)
    second = verifying.begin(writer, volume_id, 3, 4)  # the first was never ended: lost with its process
    verifying.end(writer, second, "done", counts={"checked": 3}, now_ns=5)
    verifying.end(writer, second, "failed", counts={}, now_ns=6)
    states = dict(writer.rows("SELECT id, state FROM verification"))
    assert states == {first: "abandoned", second: "done"}
    last = verifying.last_run(writer, volume_id)
    assert last is not None
    assert (last.id, last.cutoff_ns, last.ended_ns, last.counts) == (second, 3, 5, {"checked": 3})


def test_the_questions_use_their_indexes(three: StoreHarness) -> None:
    plan = _plan(three, verifying.DUE, (0, 1, 2, 3, 4))
    assert "l USING INTEGER PRIMARY KEY" in plan
    assert "TEMP B-TREE" not in plan
    wanted = {
        "hash": "location_unread",
        "header": "content_facts_due",
        "deep": "content_facts_due",
        "sidecar": "sidecar_due",
    }
    for kind, index in wanted.items():
        assert index in _plan(three, waits.WAITING[kind], (1, 0, 5))  # type: ignore[index]


def _plan(catalog: StoreHarness, sql: str, values: tuple[int, ...]) -> str:
    return " / ".join(row[3] for row in catalog.writer.rows(f"EXPLAIN QUERY PLAN {sql}", values))


def test_what_waits_after_an_error_is_found_and_made_due(three: StoreHarness) -> None:
    writer = three.writer
    row_id = LocationId(writer.value("SELECT id FROM location WHERE name = CAST('0.jpg' AS BLOB)"))
    later = three.now_ns + 10**15
    writer.execute(
        "UPDATE location SET hash_failure = 'EACCES', hash_retry_ns = ? WHERE id = ?", (later, row_id)
    )
    writer.execute("UPDATE content SET facts_state = 'due', facts_retry_ns = ? WHERE id = 1", (later,))
    for kind in waits.KINDS:
        while ids := waits.waiting(writer, kind, three.volume_id, 0):
            assert waits.make_due(writer, kind, ids) == len(ids) == 1
    assert writer.value("SELECT hash_retry_ns FROM location WHERE id = ?", (row_id,)) is None
    # Why stays known until it was tried.
    assert writer.value("SELECT hash_failure FROM location WHERE id = ?", (row_id,)) == "EACCES"
    assert writer.value("SELECT facts_retry_ns FROM content WHERE id = 1") is None
