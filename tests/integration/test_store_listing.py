"""Listings: pages, names with and without suffix, Originals, what is opened, folders and their times."""

from __future__ import annotations

import pytest

from catalog.buckets import Bucket, View
from catalog.errors import NotFound
from catalog.ids import ContentId, DirectoryId, LocationId
from catalog.store import listing, scanning, volumes
from catalog.values import DirectoryListing, Observed
from store_harness import StoreHarness

DAY = Bucket(View.TIMELINE, 20190807, 0)


def many(catalog: StoreHarness, count: int, name: bytes = b"IMG_%04d.JPG") -> None:
    for number in range(count):
        path = b"d%d/" % number + (name % number if b"%" in name else name)
        catalog.put(path, f"body {number}", inode=number + 1)
    catalog.ingest()


def test_a_folder_is_paged_by_content_id_and_resumes(catalog: StoreHarness) -> None:
    many(catalog, 25)
    whole = listing.photos_in(catalog.writer, DAY)
    ids = [photo.content_id for photo in whole]
    assert ids == sorted(ids)
    paged: list[int] = []
    while page := listing.photos_in(catalog.writer, DAY, paged[-1] if paged else 0, 7):
        assert len(page) <= 7
        paged.extend(photo.content_id for photo in page)
    assert paged == ids


def test_the_first_photo_of_a_name_is_plain_and_later_ones_carry_their_id(catalog: StoreHarness) -> None:
    many(catalog, 3, b"IMG_1.JPG")
    photos = listing.photos_in(catalog.writer, DAY)
    shorts = [photo.uid[:6] for photo in photos]
    assert [photo.name for photo in photos] == [
        "IMG_1.JPG",
        f"IMG_1~{shorts[1]}.JPG",
        f"IMG_1~{shorts[2]}.JPG",
    ]


def test_every_shown_name_and_every_suffixed_name_leads_to_its_photo(catalog: StoreHarness) -> None:
    many(catalog, 3, b"IMG_1.JPG")
    catalog.put(b"x/alone.png", "alone", inode=77)
    catalog.put(b"x/bad\xff.jpg", "bad", inode=78)
    catalog.put(b"x/x~abc123.jpg", "suffixed", inode=79)
    catalog.ingest()
    for photo in listing.photos_in(catalog.writer, DAY):
        assert listing.photo_named(catalog.writer, DAY, photo.name) == photo
        name = str(catalog.column(photo.asset_id, "name"))
        stem, dot, extension = name.rpartition(".")
        assert listing.photo_named(catalog.writer, DAY, f"{stem}~{photo.uid[:6]}{dot}{extension}") == photo


@pytest.mark.parametrize(
    "name",
    [
        "img_1.jpg",
        "IMG_1.JPG ",
        "IMG_2.JPG",
        "IMG_1~zzzzzz.JPG",
        "",
        ".",
        "x~abc123.jpg",
        "bad\ufffd.jpg",
        "~",
    ],
)
def test_other_names_lead_nowhere(catalog: StoreHarness, name: str) -> None:
    many(catalog, 1, b"IMG_1.JPG")
    catalog.put(b"x/x~abc123.jpg", "suffixed", inode=79)
    catalog.put(b"x/bad\xff.jpg", "bad", inode=78)
    catalog.ingest()
    assert listing.photo_named(catalog.writer, DAY, name) is None


def test_a_suffix_of_a_photo_in_another_folder_leads_nowhere(catalog: StoreHarness) -> None:
    many(catalog, 1, b"IMG_1.JPG")
    (photo,) = listing.photos_in(catalog.writer, DAY)
    other = Bucket(View.TIMELINE, 20190808, 0)
    assert listing.photo_named(catalog.writer, other, f"IMG_1~{photo.uid[:6]}.JPG") is None
    assert listing.photo_named(catalog.writer, other, "IMG_1.JPG") is None


def test_names_are_found_in_any_case_and_form_when_asked_so(catalog: StoreHarness) -> None:
    catalog.put("Größe.JPG".encode(), "x")
    many(catalog, 2, b"IMG_1.JPG")
    second = listing.photos_in(catalog.writer, DAY)[-1]
    for name in ("GRÖSSE.jpg", "Gro\u0308ße.JPG"):
        found = listing.photo_folded(catalog.writer, DAY, name)
        assert found is not None
        assert found.name == "Größe.JPG"
        assert listing.photo_named(catalog.writer, DAY, name) is None
    assert listing.photo_folded(catalog.writer, DAY, second.name.lower()) == second
    assert listing.photo_folded(catalog.writer, DAY, second.name.upper()) == second


def test_clashes_are_decided_in_each_folder_alone(catalog: StoreHarness) -> None:
    catalog.put(b"a/IMG_1.JPG", "one")
    catalog.put(b"b/IMG_1.JPG", "two")
    catalog.dates[b"b/IMG_1.JPG"] = "2019-08-09T00:00:00"
    catalog.ingest()
    assert set(catalog.shown(View.TIMELINE)) == {"20190807/IMG_1.JPG", "20190809/IMG_1.JPG"}
    assert len({name for name in catalog.shown(View.RECENT) if "~" in name}) == 1


def test_the_name_of_a_departed_owner_is_kept_for_it(catalog: StoreHarness) -> None:
    catalog.put(b"a/IMG_1.JPG", "one")
    catalog.ingest()
    first = catalog.asset_at(b"a/IMG_1.JPG")
    kept = catalog.disk[b"a"].pop(b"IMG_1.JPG")
    catalog.scan()
    catalog.put(b"b/IMG_1.JPG", "two")
    catalog.ingest()
    (photo,) = listing.photos_in(catalog.writer, DAY)
    assert photo.name.startswith("IMG_1~")
    catalog.disk[b"a"][b"IMG_1.JPG"] = kept
    catalog.scan()
    by_asset = {row.asset_id: row.name for row in listing.photos_in(catalog.writer, DAY)}
    assert by_asset[first] == "IMG_1.JPG"


def test_photos_are_found_by_what_identifies_them(catalog: StoreHarness) -> None:
    many(catalog, 2)
    catalog.put(b"p.jpg", "pending", inode=50)
    catalog.scan()
    for photo in listing.photos_in(catalog.writer, DAY):
        for found in (
            listing.photo_by_content(catalog.writer, photo.content_id),
            listing.photo_by_uid(catalog.writer, photo.uid),
            listing.photo_by_asset(catalog.writer, photo.asset_id),
        ):
            assert found is not None
            assert (found.uid, found.size, found.hash) == (photo.uid, photo.size, photo.hash)
    pending = catalog.asset_at(b"p.jpg")
    row = listing.photo_by_asset(catalog.writer, pending)
    assert row is not None
    assert listing.photo_by_content(catalog.writer, row.content_id) is None, "not shown"
    assert listing.photo_by_uid(catalog.writer, row.uid[:-1] + "!") is None
    assert listing.photo_by_uid(catalog.writer, "") is None


def test_originals_are_paged_directories_first(catalog: StoreHarness) -> None:
    for number in range(5):
        catalog.put(b"top/f%d.txt" % number, "x", inode=number)
        catalog.put(b"top/d%d/x.jpg" % number, "y", inode=number)
    catalog.scan()
    directory = listing.original_named(catalog.writer, root(catalog), b"top")
    assert directory is not None
    directory_id = directory.directory_id
    assert directory_id is not None
    whole = listing.originals_in(catalog.writer, directory_id)
    assert [row.directory_id is not None for row in whole] == [True] * 5 + [False] * 5
    for limit in (1, 3, 4, 10):
        paged: list[bytes] = []
        after = 0
        while page := listing.originals_in(catalog.writer, directory_id, after, limit):
            assert len(page) <= limit
            paged.extend(row.name for row in page)
            after = listing.original_cookie(page[-1])
        assert paged == [row.name for row in whole]


def root(catalog: StoreHarness) -> DirectoryId:
    row = listing.root_directory(catalog.writer, catalog.volume_id)
    assert row is not None
    return row.id


def test_originals_show_raw_names_stamps_and_known_bytes(catalog: StoreHarness) -> None:
    catalog.put(b"\xff\xfe.JPG", "x", mtime_ns=123, ctime_ns=456)
    catalog.ingest()
    (row,) = listing.originals_in(catalog.writer, root(catalog))
    assert (row.name, row.size, row.mtime_ns, row.ctime_ns) == (b"\xff\xfe.JPG", 1, 123, 456)
    assert row.mime == "image/jpeg"
    assert row.hash == catalog.digest_at(b"\xff\xfe.JPG")
    assert listing.original_named(catalog.writer, root(catalog), b"\xff\xfe.JPG") == row
    assert row.location_id is not None
    assert listing.location_by_id(catalog.writer, row.location_id) == row


def test_what_is_missing_is_not_listed(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.ingest()
    (row,) = listing.originals_in(catalog.writer, root(catalog))
    assert row.location_id is not None
    assert row.content_id is not None
    catalog.remove(b"IMG_1.JPG")
    catalog.scan()
    assert listing.originals_in(catalog.writer, root(catalog)) == []
    assert listing.original_named(catalog.writer, root(catalog), b"IMG_1.JPG") is None
    assert listing.location_by_id(catalog.writer, row.location_id) is None
    assert listing.open_target_of_location(catalog.writer, row.location_id) is None
    assert listing.open_target_of_content(catalog.writer, row.content_id) is None


def test_bytes_are_opened_from_a_volume_that_is_online(catalog: StoreHarness) -> None:
    catalog.put(b"d/IMG_1.JPG", "same")
    catalog.ingest()
    other = volumes.add_volume(catalog.writer, "Other", b"/other", now_ns=1)
    part = DirectoryListing(b"", 1, (Observed(b"copy.jpg", "f", 4, 9, 9, 9),), True, True, None)
    scanning.apply_listing(catalog.writer, other, part, 1)
    volumes.set_volume_state(catalog.writer, other, "online", None, 1)
    from catalog.store import ingest
    from catalog.values import HashResult

    (item,) = ingest.hash_due(catalog.writer, other, 5)
    digest = catalog.digest_at(b"d/IMG_1.JPG")
    ingest.record_hashes(catalog.writer, [HashResult(item, digest)], 1)
    content_id = listing.photos_in(catalog.writer, DAY)[0].content_id
    target = listing.open_target_of_content(catalog.writer, content_id)
    assert target is not None
    assert (target.root, target.path, target.volume_state) == (b"/photos", b"d/IMG_1.JPG", "online")
    volumes.set_volume_state(catalog.writer, catalog.volume_id, "offline", "unplugged", 2)
    target = listing.open_target_of_content(catalog.writer, content_id)
    assert target is not None
    assert (target.root, target.path, target.size, target.mtime_ns) == (b"/other", b"copy.jpg", 4, 9)
    volumes.set_volume_state(catalog.writer, other, "offline", "unplugged", 3)
    target = listing.open_target_of_content(catalog.writer, content_id)
    assert target is not None
    assert (target.volume_name, target.volume_state) == ("Photos", "offline")


def test_folders_count_and_change_with_their_entries(catalog: StoreHarness) -> None:
    catalog.put(b"a/IMG_1.JPG", "one")
    catalog.put(b"b/IMG_2.JPG", "two")
    catalog.dates[b"b/IMG_2.JPG"] = "2020-02-02T00:00:00"
    catalog.ingest()
    rows = {row.key: row for row in listing.buckets_of_view(catalog.writer, View.TIMELINE)}
    assert {key: row.count for key, row in rows.items()} == {20190807: 1, 20200202: 1}
    catalog.put(b"c/IMG_3.JPG", "three")
    catalog.ingest()
    after = {row.key: row for row in listing.buckets_of_view(catalog.writer, View.TIMELINE)}
    assert after[20200202] == rows[20200202]
    assert after[20190807].count == 2
    assert after[20190807].generation > rows[20190807].generation
    assert after[20190807].changed_ns > rows[20190807].changed_ns
    assert listing.view_changed_ns(catalog.writer, View.TIMELINE) == after[20190807].changed_ns
    assert [
        row.key for row in listing.buckets_of_view(catalog.writer, View.TIMELINE, 20200000, 20209999)
    ] == [20200202]
    for path in (b"a/IMG_1.JPG", b"c/IMG_3.JPG"):
        catalog.remove(path)
    catalog.scan()
    assert [row.key for row in listing.buckets_of_view(catalog.writer, View.TIMELINE)] == [20200202]


def test_cameras_are_found_by_their_label(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    catalog.read_facts(make="Canon", model="EOS 5D")
    (row,) = listing.buckets_of_view(catalog.writer, View.CAMERAS)
    assert (row.label, row.sub) == ("Canon EOS 5D", 2019)
    assert listing.camera_label(catalog.writer, row.key) == "Canon EOS 5D"
    assert listing.camera_labelled(catalog.writer, "Canon EOS 5D") == row.key
    assert listing.camera_labelled(catalog.writer, "canon eos 5d") is None
    with pytest.raises(NotFound):
        listing.camera_label(catalog.writer, 99)


def test_numbers_that_name_nothing_are_none(catalog: StoreHarness) -> None:
    assert listing.directory_by_id(catalog.writer, DirectoryId(999)) is None
    assert listing.location_by_id(catalog.writer, LocationId(999)) is None
    assert listing.open_target_of_content(catalog.writer, ContentId(999)) is None
    assert listing.photos_in(catalog.writer, Bucket(View.TYPES, 1, 1999)) == []
