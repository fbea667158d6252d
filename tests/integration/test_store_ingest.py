"""Facts, sniffs and what is due: what is believed, what is shown, what waits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.buckets import View
from catalog.facts import READER_VERSION, DateCandidate, Facts, FactsResult, Finding
from catalog.store import ingest, photos, volumes
from catalog.store.renewal import derive_again, read_again_after
from catalog.values import SniffResult
from store_harness import EXIF, StoreHarness


def record(catalog: StoreHarness, *results: FactsResult) -> int:
    return ingest.record_facts(catalog.writer, results, catalog.writer.zone, catalog.now_ns)


def due(catalog: StoreHarness, tier: str = "header") -> list[bytes]:
    return [item.path for item in ingest.facts_due(catalog.writer, 100, tier=tier, now_ns=catalog.now_ns)]  # type: ignore[arg-type]


def dated(local: str | None, **fields: object) -> Facts:
    candidates = (DateCandidate(EXIF, local, local),) if local else ()
    return Facts(kind="photo", mime="image/jpeg", candidates=candidates, **fields)  # type: ignore[arg-type]


def test_facts_put_a_photo_into_its_folders(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    assert due(catalog) == [b"IMG_1.JPG"]
    catalog.read_facts(make="Canon", model="Canon EOS 5D", is_panorama=True)
    assert due(catalog) == []
    assert catalog.shown(View.TIMELINE) == {"20190807/IMG_1.JPG": 1}
    assert catalog.shown(View.RECENT) == {"20260921/IMG_1.JPG": 1}
    assert catalog.shown(View.TYPES) == {"1/IMG_1.JPG": 1, "32/IMG_1.JPG": 1}
    assert catalog.shown(View.CAMERAS) == {"1/IMG_1.JPG": 1}


def test_a_file_that_cannot_be_read_is_a_finding_and_is_shown(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    catalog.fail_facts(b"IMG_1.JPG", "truncated")
    (document,) = photos.documents(catalog.writer, [catalog.asset_at(b"IMG_1.JPG")])
    assert document["findings"] == [{"tool": "test", "version": "1", "reason": "truncated"}]
    assert document["capture"]["confidence"] == "guess"
    assert catalog.shown() == {"-2017/IMG_1.JPG": 1}
    assert due(catalog) == due(catalog, "deep") == []


def test_a_guess_shows_the_mtime_to_the_nanosecond(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x", mtime_ns=1_500_000_000_123_456_789)
    catalog.scan()
    catalog.fail_facts(b"IMG_1.JPG")
    assert catalog.in_day(-2017)[0].mtime_ns == 1_500_000_000_123_456_789


def test_bytes_that_are_no_media_keep_their_photo_with_a_finding(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    catalog.read_facts(kind=None, mime="text/html")
    (document,) = photos.documents(catalog.writer, [catalog.asset_at(b"IMG_1.JPG")])
    assert (document["kind"], document["mime"]) == ("photo", "text/html")
    assert "text/html" in document["findings"][0]["reason"]


def test_kind_and_type_follow_the_bytes_not_the_name(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    catalog.read_facts(kind="video", mime="video/mp4")
    assert catalog.shown(View.TYPES) == {"2/IMG_1.JPG": 1}


def test_a_result_about_another_version_of_the_file_is_dropped(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    (item,) = ingest.facts_due(catalog.writer, 10)
    for stale in (
        replace(item, size=item.size + 1),
        replace(item, mtime_ns=item.mtime_ns + 1),
        replace(item, inode=item.inode + 1),
        replace(item, content_id=99),
    ):
        assert record(catalog, FactsResult(stale, dated("2001-01-01"))) == 0
    assert catalog.shown() == {}
    assert record(catalog, FactsResult(item, dated("2001-01-01"))) == 1


def test_the_deep_tier_follows_where_the_header_asks_for_it(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    (item,) = ingest.facts_due(catalog.writer, 10)
    record(catalog, FactsResult(item, dated("2001-01-01T10:00:00", needs_deep=True)))
    assert due(catalog) == []
    assert due(catalog, "deep") == [b"IMG_1.JPG"]
    assert catalog.shown() == {"20010101/IMG_1.JPG": 1}, "a date in the header is enough to be shown"
    (item,) = ingest.facts_due(catalog.writer, 10, tier="deep")
    assert item.tier == "deep"
    record(catalog, FactsResult(item, dated("2001-01-01T10:00:00", needs_deep=True, lens="50mm")))
    assert due(catalog, "deep") == []
    assert photos.documents(catalog.writer, [1])[0]["camera"]["lens"] == "50mm"  # type: ignore[list-item]


def test_a_photo_without_a_date_waits_for_the_deep_tier(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.CR2", "x")
    catalog.scan()
    (item,) = ingest.facts_due(catalog.writer, 10)
    record(catalog, FactsResult(item, dated(None, needs_deep=True)))
    assert catalog.shown() == {}
    assert catalog.column(catalog.asset_at(b"IMG_1.CR2"), "state") == "pending"
    (item,) = ingest.facts_due(catalog.writer, 10, tier="deep")
    record(catalog, FactsResult(item, dated("1999-05-05T01:02:03", tier="deep")))
    assert catalog.shown() == {"19990505/IMG_1.CR2": 1}
    claims = catalog.writer.value("SELECT count(*) FROM claim")
    assert claims == 0, "it never stood below Undated, so no name is lost there"


def test_what_the_header_said_survives_a_failing_deep_tier(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    (item,) = ingest.facts_due(catalog.writer, 10)
    record(catalog, FactsResult(item, dated("2001-01-01T10:00:00", width=40, needs_deep=True)))
    (item,) = ingest.facts_due(catalog.writer, 10, tier="deep")
    record(catalog, FactsResult(item, finding=Finding("exiftool", "12", "died")))
    (document,) = photos.documents(catalog.writer, [1])  # type: ignore[list-item]
    assert (document["width"], document["capture"]["local"]) == (40, "2001-01-01T10:00:00")
    assert document["findings"][0]["reason"] == "died"


def test_an_error_that_is_not_the_files_fault_is_tried_again_later(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    (item,) = ingest.facts_due(catalog.writer, 10)
    record(catalog, FactsResult(item, error="EIO"))
    assert due(catalog) == []
    assert catalog.column(catalog.asset_at(b"IMG_1.JPG"), "state") == "pending"
    catalog.now_ns += ingest.RETRY_NS
    assert due(catalog) == [b"IMG_1.JPG"]


def test_facts_read_again_replace_the_findings(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    (item,) = ingest.facts_due(catalog.writer, 10)
    record(catalog, FactsResult(item, replace(dated("2001-01-01"), findings=(Finding("a", "1", "odd"),))))
    record(catalog, FactsResult(item, dated("2001-01-01")))
    assert photos.documents(catalog.writer, [1])[0]["findings"] == []  # type: ignore[list-item]


def test_only_volumes_that_are_online_are_asked(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    volumes.set_volume_state(catalog.writer, catalog.volume_id, "suspect", "odd", 5)
    assert due(catalog) == []
    volumes.set_volume_state(catalog.writer, catalog.volume_id, "online", None, 6)
    other = volumes.add_volume(catalog.writer, "Other", b"/other", now_ns=1)
    assert due(catalog) == [b"IMG_1.JPG"]
    assert ingest.facts_due(catalog.writer, 10, volume_id=other) == []
    assert ingest.hash_due(catalog.writer, other, 10) == []


def test_due_work_is_paged_by_content(catalog: StoreHarness) -> None:
    for number in range(5):
        catalog.put(b"IMG_%d.JPG" % number, f"{number}")
    catalog.scan()
    first = ingest.facts_due(catalog.writer, 2)
    rest = ingest.facts_due(catalog.writer, 10, after=first[-1].content_id)
    assert [item.path for item in first + rest] == [b"IMG_%d.JPG" % number for number in range(5)]
    first = ingest.hash_due(catalog.writer, catalog.volume_id, 2)
    rest = ingest.hash_due(catalog.writer, catalog.volume_id, 10, after=first[-1].content_id)
    assert len(first + rest) == 5


def test_what_was_tried_before_is_due_behind_what_was_not(catalog: StoreHarness) -> None:
    """Or a thousand large files that wait for another one would be read in turns, and the other one never."""
    for number in range(3):
        catalog.put(b"IMG_%d.JPG" % number, f"{number}")
    catalog.scan()
    first = ingest.hash_due(catalog.writer, catalog.volume_id, 1)[0]
    with catalog.writer.atomic():
        catalog.writer.execute(
            "UPDATE location SET hash_retry_ns = ? WHERE id = ?", (catalog.now_ns, first.location_id)
        )
    at = {"now_ns": catalog.now_ns}
    due = ingest.hash_due(catalog.writer, catalog.volume_id, 10, **at)
    assert [item.path for item in due] == [b"IMG_1.JPG", b"IMG_2.JPG", b"IMG_0.JPG"]
    assert len(ingest.hash_due(catalog.writer, catalog.volume_id, 2, **at)) == 2
    assert len(ingest.hash_due(catalog.writer, catalog.volume_id, 10, now_ns=catalog.now_ns - 1)) == 2


def test_a_file_of_unknown_name_becomes_a_photo_when_its_bytes_are_one(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_0001", "x")
    catalog.put(b"data.q7z", "y")
    catalog.scan()
    items = ingest.sniff_due(catalog.writer, catalog.volume_id, 10)
    assert [item.path for item in items] == [b"IMG_0001", b"data.q7z"]
    results = [SniffResult(items[0], "photo", "image/jpeg"), SniffResult(items[1], None, "x/y")]
    assert ingest.record_sniffs(catalog.writer, results, catalog.writer.zone, catalog.now_ns) == 1
    assert ingest.sniff_due(catalog.writer, catalog.volume_id, 10) == []
    catalog.read_facts()
    assert catalog.shown() == {"20190807/IMG_0001": 1}


def test_a_sniff_of_a_file_that_changed_meanwhile_is_dropped(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_0001", "x")
    catalog.scan()
    (item,) = ingest.sniff_due(catalog.writer, catalog.volume_id, 10)
    catalog.put(b"IMG_0001", "longer")
    catalog.scan()
    result = SniffResult(item, "photo", "image/jpeg")
    assert ingest.record_sniffs(catalog.writer, [result], catalog.writer.zone, catalog.now_ns) == 0
    assert len(ingest.sniff_due(catalog.writer, catalog.volume_id, 10)) == 1


@pytest.mark.parametrize(
    ("local", "day"),
    [("1931", 19310000), ("1954-06", 19540600), ("1969-07-20", 19690720), ("2019-08-07T23:59:59", 20190807)],
)
def test_the_precision_of_a_date_decides_the_folder(catalog: StoreHarness, local: str, day: int) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.dates[b"IMG_1.JPG"] = local
    catalog.ingest()
    assert list(catalog.shown()) == [f"{day}/IMG_1.JPG"]


def test_a_date_outside_of_sixty_four_bits_of_nanoseconds_is_shown_at_the_end(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.ingest()
    asset_id = catalog.asset_at(b"IMG_1.JPG")
    said = (
        '{"local": "0800-12-25", "offset_min": null, "zone": null, "precision": "day", "source": "user",'
        ' "confidence": "exact"}'
    )
    catalog.say(asset_id, "capture", said)
    refresh(catalog, asset_id)
    assert catalog.shown() == {"8001225/IMG_1.JPG": asset_id}
    assert catalog.column(asset_id, "mtime_ns") == -(2**63)


def refresh(catalog: StoreHarness, *asset_ids: int) -> None:
    from catalog.store import assets

    assets.refresh(catalog.writer, asset_ids, catalog.now_ns, catalog.writer.zone)  # type: ignore[arg-type]


def test_what_people_say_about_date_trash_and_hiding_rules(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.ingest()
    asset_id = catalog.asset_at(b"IMG_1.JPG")
    said = '{"local": "1980-02", "precision": "month", "source": "user", "confidence": "exact"}'
    for name, value, expected in (
        ("capture", said, {"19800200/IMG_1.JPG": asset_id}),
        ("capture", "null", {"20190807/IMG_1.JPG": asset_id}),
        ("hidden", "true", {}),
        ("hidden", "false", {"20190807/IMG_1.JPG": asset_id}),
        ("trashed", "123456789", {}),
        ("trashed", "null", {"20190807/IMG_1.JPG": asset_id}),
    ):
        catalog.say(asset_id, name, value, made_ns=catalog.now_ns)
        refresh(catalog, asset_id)
        assert catalog.shown() == expected, (name, value)


def test_one_camera_is_one_folder_however_its_photos_spell_it(catalog: StoreHarness) -> None:
    for number, (make, model) in enumerate(
        [
            ("Canon", "Canon EOS 5D"),
            ("Canon ", " Canon EOS 5D"),
            ("CANON", "CANON EOS 5D"),
            ("Canon", "EOS 5D"),
            ("NIKON CORPORATION", "NIKON D70"),
            ("Apple", "iPhone 13"),
            ("", "iPhone 13"),
            ("_odd", ""),
        ]
    ):
        catalog.put(b"IMG_%d.JPG" % number, f"{number}")
        catalog.scan()
        catalog.read_facts(make=make or None, model=model or None)
    labels = [row[0] for row in catalog.writer.rows("SELECT label FROM camera ORDER BY id")]
    assert labels == [
        "Canon EOS 5D",
        "NIKON D70",
        "Apple iPhone 13",
        "iPhone 13",
        "__odd",
    ]


def test_what_older_rules_derived_is_derived_again_once(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "1")
    catalog.scan()
    catalog.read_facts()
    assert derive_again(catalog.writer, catalog.now_ns) == 1, "a library that never heard of rules"
    right = catalog.writer.value("SELECT mtime_ns FROM asset")
    catalog.writer.execute("UPDATE asset SET mtime_ns = 7")  # as an older version would have had it
    assert derive_again(catalog.writer, catalog.now_ns) == 0, "these rules were applied"
    catalog.writer.execute("UPDATE meta SET value = '1' WHERE key = 'rules_version'")
    assert derive_again(catalog.writer, catalog.now_ns) == 1
    assert catalog.writer.value("SELECT mtime_ns FROM asset") == right


def test_facts_of_older_readers_are_due_again_and_the_photo_stays(
    catalog: StoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.put(b"IMG_2.CR2", "y")
    catalog.put(b"broken.jpg", "z")
    catalog.scan()
    catalog.fail_facts(b"broken.jpg")
    for item in ingest.facts_due(catalog.writer, 10):
        tier = "deep" if item.path == b"IMG_2.CR2" else "header"
        record(catalog, FactsResult(item, dated(None if tier == "deep" else "2019-08-07", tier=tier)))
    shown = catalog.shown()
    assert len(shown) == 3
    assert ingest.renew_facts(catalog.writer) == 0
    monkeypatch.setattr(ingest, "READER_VERSION", READER_VERSION + 1)
    assert ingest.renew_facts(catalog.writer) == 3
    assert ingest.renew_facts(catalog.writer) == 0
    assert (due(catalog), due(catalog, "deep")) == ([b"IMG_1.JPG", b"broken.jpg"], [b"IMG_2.CR2"])
    refresh(catalog, 1, 2, 3)
    assert catalog.shown() == shown
    catalog.read_facts()
    assert due(catalog) == due(catalog, "deep") == []


def test_what_an_older_exiftool_could_not_read_is_due_when_there_is_another_one(
    catalog: StoreHarness,
) -> None:
    catalog.put(b"a.cr2", "x")
    catalog.put(b"b.jpg", "y")
    catalog.put(b"c.cr2", "z")
    catalog.scan()
    lacks = {b"a.cr2": "none", b"c.cr2": "13.58"}
    for item in ingest.facts_due(catalog.writer, 10):
        version = lacks.get(item.path)
        findings = (Finding("exiftool", version, "only the header was read"),) if version else ()
        record(catalog, FactsResult(item, dated("2019-08-07", findings=findings)))
    writer = catalog.writer
    assert due(catalog) == due(catalog, "deep") == []
    assert read_again_after(writer, "exiftool", "first", lambda: None) == 0, "it does not answer: ask again"
    assert read_again_after(writer, "exiftool", "first", lambda: "13.58") == 1
    assert due(catalog, "deep") == [b"a.cr2"]
    assert read_again_after(writer, "exiftool", "first", lambda: "13.60") == 0, (
        "the same program is not asked"
    )
    assert read_again_after(writer, "exiftool", "second", lambda: "13.60") == 1
    assert due(catalog, "deep") == [b"a.cr2", b"c.cr2"]
