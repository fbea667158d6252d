"""The trash and the purge as rows, on a real catalog without a disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.ids import AssetId
from catalog.purge import PurgeRule, purge_after_ns, why_kept
from catalog.store import db, jobs, purging, volumes
from catalog.store.backup import backup_to
from catalog.store.backup_restore import restore_backup
from catalog.store.edits import Edit
from catalog.store.explain_missing import explain_missing
from catalog.store.texts import instant_text
from catalog.store.trash import TrashCursor, TrashedPhoto, not_in_trash, trash_page, trashed_file
from store_harness import NOW_NS, StoreHarness, make_harness

DAY_NS = 86_400 * 10**9
RETENTION_NS = 30 * DAY_NS
FORTY_YEARS_NS = 40 * 365 * DAY_NS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreHarness]:
    store = make_harness(tmp_path / "library")
    store.writer.execute("UPDATE volume SET mode = 'rw'")
    store.now_ns = NOW_NS - 1000  # files are seen before they are trashed
    yield store
    violations = store.check()
    store.close()
    assert violations == []


def trash(store: StoreHarness, path: bytes, at_ns: int = NOW_NS) -> AssetId:
    asset_id = store.asset_at(path)
    said(store, asset_id, at_ns, at_ns)
    return asset_id


def said(
    store: StoreHarness, asset_id: AssetId, value: int | None, at_ns: int, name: str = "trashed"
) -> None:
    with store.writer.atomic():
        edit = Edit(store.writer, author="owner", now_ns=at_ns)
        edit.say([asset_id], name, value)
        edit.finish({"do": name})


def in_trash(store: StoreHarness) -> list[TrashedPhoto]:
    photos, cursor = trash_page(store.writer)
    assert cursor is None
    return photos


def one_file(store: StoreHarness, asset_id: AssetId):
    (file,) = next(photo for photo in in_trash(store) if photo.asset_id == asset_id).files
    return file


def record(store: StoreHarness, *files, rule: PurgeRule | None = None):
    rule = rule or PurgeRule(NOW_NS + RETENTION_NS, RETENTION_NS)
    return purging.record(store.writer, files, rule, author="owner", now_ns=rule.now_ns)


def test_the_trash_tells_photos_and_their_files_those_trashed_first_first(store: StoreHarness) -> None:
    for name in (b"a.jpg", b"b.jpg", b"copy/a.jpg", b"kept.jpg"):
        store.put(name, name.decode().rpartition("/")[2])
    store.ingest()
    second, first = trash(store, b"a.jpg", NOW_NS + 5), trash(store, b"b.jpg", NOW_NS + 1)
    photos = in_trash(store)
    assert [photo.asset_id for photo in photos] == [first, second]
    assert [[file.path for file in photo.files] for photo in photos] == [
        [b"b.jpg"],
        [b"a.jpg", b"copy/a.jpg"],
    ]
    assert [photo.trashed_ns for photo in photos] == [NOW_NS + 1, NOW_NS + 5]
    assert not_in_trash(store.writer, [first, store.asset_at(b"kept.jpg")]) == [
        store.column(store.asset_at(b"kept.jpg"), "uid")
    ]


def test_pages_of_the_trash_hold_every_photo_once(
    store: StoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.store.trash.PAGE", 3)
    for number in range(8):
        store.put(b"%d.jpg" % number, str(number))
    store.ingest()
    ids = [trash(store, b"%d.jpg" % number, NOW_NS + number // 4) for number in range(8)]
    for among in (None, ids[::-1], ids[:1]):
        cursor: TrashCursor | None = TrashCursor()
        found = []
        while cursor is not None:
            page, cursor = trash_page(store.writer, among, cursor)
            found += [photo.asset_id for photo in page]
        assert sorted(found) == sorted(among or ids)


def test_a_40_year_old_mtime_is_kept_its_30_days(store: StoreHarness) -> None:
    store.put(b"old.jpg", "old", mtime_ns=NOW_NS - FORTY_YEARS_NS)
    store.ingest()
    file = one_file(store, trash(store, b"old.jpg"))
    assert why_kept(file, PurgeRule(NOW_NS, RETENTION_NS)) == "retention"
    assert why_kept(file, PurgeRule(NOW_NS + RETENTION_NS - 1, RETENTION_NS)) == "retention"
    assert why_kept(file, PurgeRule(NOW_NS + RETENTION_NS, RETENTION_NS)) is None


def test_a_copy_that_arrives_when_the_retention_is_over_has_its_own_grace(store: StoreHarness) -> None:
    store.put(b"old.jpg", "bytes")
    store.ingest()
    asset_id = trash(store, b"old.jpg")
    store.now_ns = NOW_NS + RETENTION_NS
    store.put(b"card/new.jpg", "bytes", inode=77)
    store.ingest()
    (photo,) = in_trash(store)
    assert photo.asset_id == asset_id
    later = PurgeRule(store.now_ns + RETENTION_NS, RETENTION_NS)
    for rule, kept in ((PurgeRule(store.now_ns, RETENTION_NS), [None, "retention"]), (later, [None, None])):
        assert [why_kept(file, rule) for file in photo.files] == kept
    assert purge_after_ns(photo.files, RETENTION_NS) == NOW_NS + RETENTION_NS


def test_in_a_catalog_that_was_restored_the_grace_begins_anew(store: StoreHarness, tmp_path: Path) -> None:
    """It may have been taken out of the trash after the backup was made: nobody remembers."""
    store.put(b"a.jpg", "a")
    store.ingest()
    trash(store, b"a.jpg")
    made = backup_to(store.library, tmp_path / "backup")
    assert why_kept(in_trash(store)[0].files[0], PurgeRule(NOW_NS + RETENTION_NS, RETENTION_NS)) is None
    store.writer.close()
    restored_ns = NOW_NS + RETENTION_NS
    restore_backup(store.library, made.path, now_ns=restored_ns)
    store.writer = db.open_writer(store.library)
    (file,) = in_trash(store)[0].files
    assert why_kept(file, PurgeRule(restored_ns + RETENTION_NS - 1, RETENTION_NS)) == "retention"
    assert why_kept(file, PurgeRule(restored_ns + RETENTION_NS, RETENTION_NS)) is None


def test_a_purge_is_a_journal_row_and_one_row_per_file_before_anything_else(store: StoreHarness) -> None:
    store.put(b"a.jpg", "a")
    store.ingest()
    file = one_file(store, trash(store, b"a.jpg"))
    recorded = record(store, file)
    (written,) = recorded.written.values()
    assert (written.hash, written.size, written.mtime_ns, written.ctime_ns, written.inode) == (
        store.digest_at(b"a.jpg"), file.size, file.mtime_ns, file.ctime_ns, file.inode,
    )  # fmt: skip
    row = store.writer.row("SELECT state, reason, ended_ns, asset_id FROM purge")
    assert row == ("planned", None, None, file.asset_id)
    assert "purge" in store.writer.value("SELECT command FROM journal ORDER BY id DESC LIMIT 1")
    assert record(store, file).kept == {file.location_id: "undecided"}


def test_a_done_purge_makes_the_file_missing_and_keeps_everything_said(store: StoreHarness) -> None:
    store.put(b"a.jpg", "a")
    store.ingest()
    asset_id = trash(store, b"a.jpg")
    said(store, asset_id, 5, NOW_NS, name="rating")
    before = store.said(asset_id)
    (written,) = record(store, one_file(store, asset_id)).written.values()
    purging.finish(store.writer, written, "done", None, now_ns=NOW_NS + RETENTION_NS)
    store.remove(b"a.jpg")
    assert store.said(asset_id) == before
    assert store.column(asset_id, "state") == "trashed"
    assert [photo.files for photo in in_trash(store)] == [()]
    told = explain_missing(store.writer, asset_id, NOW_NS)
    assert told["rule"] == "it was in the trash, and a purge removed its file"
    journal_id = store.writer.value("SELECT journal_id FROM purge")
    assert told["places"][0]["removed"] == {"at": instant_text(NOW_NS + RETENTION_NS), "journal": journal_id}
    store.put(b"a.jpg", "a")
    store.put(b"elsewhere/b.jpg", "a")
    store.ingest()
    assert store.column(asset_id, "state") == "trashed"
    assert {file.path for file in in_trash(store)[0].files} == {b"a.jpg", b"elsewhere/b.jpg"}
    assert store.shown() == {}


def test_a_purged_file_that_is_put_back_has_a_grace_of_its_own(store: StoreHarness) -> None:
    store.put(b"a.jpg", "bytes")
    store.ingest()
    asset_id = trash(store, b"a.jpg")
    store.now_ns = NOW_NS + RETENTION_NS
    recorded = record(store, one_file(store, asset_id), rule=PurgeRule(store.now_ns, RETENTION_NS))
    (written,) = recorded.written.values()
    purging.finish(store.writer, written, "done", None, now_ns=store.now_ns)
    store.remove(b"a.jpg")
    store.now_ns += RETENTION_NS
    returned_ns = store.now_ns
    store.put(b"a.jpg", "bytes", inode=78)
    store.ingest()
    file = one_file(store, asset_id)
    assert why_kept(file, PurgeRule(returned_ns + RETENTION_NS - 1, RETENTION_NS)) == "retention"
    assert why_kept(file, PurgeRule(store.now_ns + RETENTION_NS, RETENTION_NS)) is None


def test_a_refused_purge_leaves_the_file_present(store: StoreHarness) -> None:
    store.put(b"a.jpg", "a")
    store.ingest()
    asset_id = trash(store, b"a.jpg")
    (written,) = record(store, one_file(store, asset_id)).written.values()
    purging.finish(store.writer, written, "refused", "changed", now_ns=NOW_NS)
    assert purging.endings(store.writer, [written.purge_id]) == {written.purge_id: ("refused", "changed")}
    assert one_file(store, asset_id).is_present


def _restore(store: StoreHarness, asset_id: AssetId) -> None:
    said(store, asset_id, None, NOW_NS + 7)


def _trash_again(store: StoreHarness, asset_id: AssetId) -> None:
    said(store, asset_id, NOW_NS + RETENTION_NS + 1, NOW_NS + RETENTION_NS + 1)


def _change(store: StoreHarness, asset_id: AssetId) -> None:
    store.put(b"a.jpg", "a", mtime_ns=77)
    store.scan()


def _touch(store: StoreHarness, asset_id: AssetId) -> None:
    store.put(b"a.jpg", "a", ctime_ns=99)
    store.scan()


def _go(store: StoreHarness, asset_id: AssetId) -> None:
    store.remove(b"a.jpg")
    store.scan()


def _offline(store: StoreHarness, asset_id: AssetId) -> None:
    volumes.set_volume_state(store.writer, store.volume_id, "offline", "gone", NOW_NS)


def _suspect(store: StoreHarness, asset_id: AssetId) -> None:
    volumes.set_volume_state(store.writer, store.volume_id, "suspect", "odd", NOW_NS)


def _read_only(store: StoreHarness, asset_id: AssetId) -> None:
    store.writer.execute("UPDATE volume SET mode = 'ro'")


def _job(store: StoreHarness, asset_id: AssetId) -> None:
    jobs.enqueue(store.writer, "export", str(store.column(asset_id, "uid")), now_ns=NOW_NS)


def _job_on_bytes(store: StoreHarness, asset_id: AssetId) -> None:
    jobs.enqueue(store.writer, "clip", store.digest_at(b"a.jpg").hex(), now_ns=NOW_NS)


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (_restore, "not_trashed"),
        (_trash_again, "trashed_anew"),
        (_change, "not_hashed"),
        (_touch, "changed"),
        (_go, "gone"),
        (_offline, "offline"),
        (_suspect, "offline"),
        (_read_only, "read_only"),
        (_job, "in_use"),
        (_job_on_bytes, "in_use"),
    ],
)
def test_what_happens_between_the_row_and_the_removal_stops_it(
    store: StoreHarness, meanwhile, reason
) -> None:
    store.put(b"a.jpg", "a")
    store.ingest()
    asset_id = trash(store, b"a.jpg")
    rule = PurgeRule(NOW_NS + RETENTION_NS, RETENTION_NS)
    (written,) = record(store, one_file(store, asset_id), rule=rule).written.values()
    assert purging.why_stop(store.writer, written, rule) is None
    meanwhile(store, asset_id)
    assert purging.why_stop(store.writer, written, rule) == reason


def test_a_job_that_is_over_is_nobody_who_reads(store: StoreHarness) -> None:
    store.put(b"a.jpg", "a")
    store.ingest()
    asset_id = trash(store, b"a.jpg")
    _job(store, asset_id)
    job = jobs.claim(store.writer, lease_ns=10**9, now_ns=NOW_NS)
    assert job is not None
    assert one_file(store, asset_id).is_in_use
    jobs.complete(store.writer, job)
    assert not one_file(store, asset_id).is_in_use


def test_unhashed_bytes_are_never_purged(store: StoreHarness) -> None:
    store.put(b"a.jpg", "a")
    store.scan()
    store.read_facts()
    file = one_file(store, trash(store, b"a.jpg"))
    assert record(store, file).kept == {file.location_id: "not_hashed"}


def test_names_of_one_inode_are_written_down_one_after_the_other(store: StoreHarness) -> None:
    """The removal of one changes the change time of the other: what the next scan would see is written at once."""
    store.put(b"a.jpg", "a", inode=5)
    store.put(b"twin.jpg", "a", inode=5)
    store.ingest()
    asset_id = trash(store, b"a.jpg")
    first, second = in_trash(store)[0].files
    recorded = record(store, first, second)
    assert (list(recorded.written), recorded.later) == ([first.location_id], (second,))
    (written,) = recorded.written.values()
    purging.finish(store.writer, written, "done", None, now_ns=NOW_NS, ctime_ns=1234)
    (left,) = in_trash(store)[0].files
    assert (left.location_id, left.ctime_ns, left.asset_id) == (second.location_id, 1234, asset_id)
    assert list(record(store, second).written) == [second.location_id]


def test_an_ended_row_is_not_ended_twice(store: StoreHarness) -> None:
    store.put(b"a.jpg", "a")
    store.ingest()
    (written,) = record(store, one_file(store, trash(store, b"a.jpg"))).written.values()
    purging.finish(store.writer, written, "refused", "changed", now_ns=NOW_NS)
    purging.finish(store.writer, written, "done", None, now_ns=NOW_NS)
    assert purging.endings(store.writer, [written.purge_id]) == {written.purge_id: ("refused", "changed")}
    file = trashed_file(store.writer, written.location_id)
    assert file is not None
    assert file.is_present


def test_undecided_rows_tell_where_to_look(store: StoreHarness) -> None:
    store.put(b"dir/a.jpg", "a")
    store.ingest()
    (written,) = record(store, one_file(store, trash(store, b"dir/a.jpg"))).written.values()
    (row,) = purging.undecided(store.writer)
    assert (row.written, row.volume_id, row.path) == (written, store.volume_id, b"dir/a.jpg")


def test_50_rescans_and_flaps_bring_nothing_back(store: StoreHarness) -> None:
    for name in (b"a.jpg", b"dir/b.jpg", b"dir/c.jpg"):
        store.put(name, name.decode())
    store.ingest()
    ids = [trash(store, name) for name in (b"a.jpg", b"dir/b.jpg")]
    for number in range(50):
        state = ("offline", "suspect", "online")[number % 3]
        volumes.set_volume_state(store.writer, store.volume_id, state, None, NOW_NS)
        if number % 5 == 1:
            store.remove(b"a.jpg")
            store.ingest()
            store.put(b"a.jpg", "a.jpg", inode=1000 + number, mtime_ns=number)
        store.ingest()
        assert [store.column(one, "state") for one in ids] == ["trashed", "trashed"]
        assert set(store.shown().values()) == {store.asset_at(b"dir/c.jpg")}
    assert [photo.trashed_ns for photo in in_trash(store)] == [NOW_NS, NOW_NS]
