"""The change feed: every entry that came, went or changed, in order, with its name; gaps are told."""

from __future__ import annotations

import pytest

from catalog.changes import KINDS
from catalog.store import changes, volumes
from store_harness import StoreHarness


def since(catalog: StoreHarness, seq: int) -> list[tuple[str, str, bytes | None]]:
    found = changes.since(catalog.writer, seq, 1000)
    assert found is not None
    assert all(change.kind in KINDS for change in found)
    return [(change.kind, change.subject, change.name) for change in found]


def test_a_new_photo_is_told_once_per_folder(catalog: StoreHarness) -> None:
    seq = changes.latest_seq(catalog.writer)
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    assert since(catalog, seq)[0] == ("orig+", "1", b"IMG_1.JPG")
    seq = changes.latest_seq(catalog.writer)
    catalog.read_facts(make="Canon", model="EOS")
    told = since(catalog, seq)
    folders = {"1:20190807:0", "2:20260921:0", "3:1:2019", "4:1:2019"}
    assert {subject for kind, subject, name in told if kind == "entry+" and name == b"IMG_1.JPG"} == folders
    assert {subject for kind, subject, _ in told if kind == "bucket+"} == folders
    assert len(told) == 8


def test_a_hash_that_is_new_changes_no_folder(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    catalog.read_facts()
    seq = changes.latest_seq(catalog.writer)
    catalog.read_hashes()
    assert since(catalog, seq) == []


def test_a_photo_that_leaves_is_told_with_the_name_it_had(catalog: StoreHarness) -> None:
    catalog.put(b"a/IMG_1.JPG", "one")
    catalog.put(b"b/IMG_1.JPG", "two")
    catalog.ingest()
    second = catalog.asset_at(b"b/IMG_1.JPG")
    name = f"IMG_1~{catalog.column(second, 'short')}.JPG".encode()
    seq = changes.latest_seq(catalog.writer)
    catalog.remove(b"b/IMG_1.JPG")
    catalog.scan()
    told = since(catalog, seq)
    assert ("entry-", "1:20190807:0", name) in told
    assert ("orig-", str(directory(catalog, b"b")), b"IMG_1.JPG") in told
    assert not any(kind == "bucket-" for kind, _, _ in told)
    seq = changes.latest_seq(catalog.writer)
    catalog.remove(b"a/IMG_1.JPG")
    catalog.scan()
    assert ("bucket-", "1:20190807:0", None) in since(catalog, seq)


def directory(catalog: StoreHarness, path: bytes) -> int:
    return int(catalog.writer.value("SELECT id FROM directory WHERE path = ?", (path,)))


def test_a_photo_that_is_redated_leaves_one_folder_and_enters_another(catalog: StoreHarness) -> None:
    from catalog.store import assets

    catalog.put(b"IMG_1.JPG", "x")
    catalog.ingest()
    asset_id = catalog.asset_at(b"IMG_1.JPG")
    seq = changes.latest_seq(catalog.writer)
    said = '{"local": "2020-01-01", "precision": "day", "source": "user", "confidence": "exact"}'
    catalog.say(asset_id, "capture", said)
    assets.refresh(catalog.writer, [asset_id], catalog.now_ns, catalog.writer.zone)
    told = since(catalog, seq)
    assert ("entry-", "1:20190807:0", b"IMG_1.JPG") in told
    assert ("entry+", "1:20200101:0", b"IMG_1.JPG") in told
    content_id = catalog.column(asset_id, "content_id")
    assert ("photo", str(content_id), None) in told, "in Recent the same entry has other times now"
    assert not any(subject.startswith("2:") for kind, subject, _ in told if kind.startswith("entry"))


def test_new_bytes_lead_the_same_name_to_another_inode(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.ingest()
    seq = changes.latest_seq(catalog.writer)
    catalog.put(b"IMG_1.JPG", "other")
    catalog.scan()
    told = since(catalog, seq)
    assert ("entry-", "1:20190807:0", b"IMG_1.JPG") in told
    assert ("entry+", "1:20190807:0", b"IMG_1.JPG") in told
    assert ("orig", "l1", None) in told
    assert not any(kind.startswith("bucket") for kind, _, _ in told)


def test_nothing_is_told_twice_by_a_refresh_that_changes_nothing(catalog: StoreHarness) -> None:
    from catalog.store import assets

    catalog.put(b"IMG_1.JPG", "x")
    catalog.ingest()
    asset_id = catalog.asset_at(b"IMG_1.JPG")
    changed_ns = catalog.column(asset_id, "changed_ns")
    seq = changes.latest_seq(catalog.writer)
    assets.refresh(catalog.writer, [asset_id], catalog.now_ns + 5, catalog.writer.zone)
    assert since(catalog, seq) == []
    assert catalog.column(asset_id, "changed_ns") == changed_ns


def test_pages_of_the_feed_join_without_a_gap(catalog: StoreHarness) -> None:
    with catalog.writer.atomic():
        newest = changes.append(catalog.writer, [("orig", f"l{number}", None) for number in range(25)])
    seq, seen = newest - 25, []
    while page := changes.since(catalog.writer, seq, 10):
        seen.extend(change.subject for change in page)
        seq = page[-1].seq
    assert seen == [f"l{number}" for number in range(25)]
    assert changes.since(catalog.writer, newest, 10) == []


def test_old_rows_are_pruned_and_whoever_is_behind_is_told(
    catalog: StoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "FEED_ROWS_KEPT", 100)
    monkeypatch.setattr(changes, "PRUNE_STRIDE", 10)
    before = changes.latest_seq(catalog.writer)
    for _ in range(30):
        with catalog.writer.atomic():
            changes.append(catalog.writer, [("all", "", None)] * 7)
    kept = catalog.writer.value("SELECT count(*) FROM change")
    assert 100 <= kept <= 130
    newest = changes.latest_seq(catalog.writer)
    assert changes.since(catalog.writer, before, 10) is None
    assert changes.since(catalog.writer, newest - 100, 1000) is not None
    assert changes.since(catalog.writer, newest + 1, 10) is None, "a restored catalog is behind its readers"


def test_an_empty_feed_is_no_gap_for_who_has_seen_all_of_it(catalog: StoreHarness) -> None:
    newest = changes.latest_seq(catalog.writer)
    catalog.writer.execute("DELETE FROM change")
    assert changes.since(catalog.writer, newest, 10) == []
    assert changes.since(catalog.writer, newest - 1, 10) is None


def test_numbers_are_not_used_again_after_a_restart(catalog: StoreHarness) -> None:
    newest = changes.latest_seq(catalog.writer)
    catalog.writer.execute("DELETE FROM change")
    catalog.reopen()
    volumes.set_volume_state(catalog.writer, catalog.volume_id, "offline", "unplugged", 9)
    (change,) = changes.since(catalog.writer, newest, 10) or ()
    assert (change.seq, change.kind, change.subject) == (newest + 1, "volume", str(catalog.volume_id))
