"""What follows from statements: folders, covers, texts, counts, names and the change feed, through real commands."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from catalog import commands
from catalog.buckets import ALL, OWN, Bucket, MediaType, View, path_of
from catalog.commands import layer
from catalog.ids import AssetId
from catalog.store import assets, changes, journal, layer_folders, listing
from catalog.values import FolderRow
from store_harness import StoreHarness

DAY = Bucket(View.TIMELINE, 20190807, 0)


def do(catalog: StoreHarness, command: layer.LayerCommand) -> None:
    """Carry a command out a moment later."""
    catalog.now_ns += 1
    commands.execute(catalog.writer, command, now_ns=catalog.now_ns)


def photo(catalog: StoreHarness, path: bytes, **stamps: int) -> str:
    """Make a photo and return its uid."""
    catalog.put(path, path.decode("latin-1"), **stamps)
    catalog.ingest()
    return uid(catalog, path)


def uid(catalog: StoreHarness, path: bytes) -> str:
    return str(catalog.column(catalog.asset_at(path), "uid"))


def pair(catalog: StoreHarness) -> tuple[str, str]:
    """Make a RAW and its JPEG and return their uids."""
    catalog.put(b"d/IMG_1.CR2", "raw", inode=1)
    catalog.put(b"d/IMG_1.JPG", "jpeg", inode=2)
    catalog.scan()
    catalog.read_facts(make="Canon", model="EOS")
    catalog.read_hashes()
    return uid(catalog, b"d/IMG_1.CR2"), uid(catalog, b"d/IMG_1.JPG")


def names_in(catalog: StoreHarness, view: View, key: int, sub: int = 0) -> list[str]:
    return [row.name for row in listing.photos_in(catalog.writer, Bucket(view, key, sub))]


def row_of(catalog: StoreHarness, table: str, name: str) -> int:
    found = catalog.writer.value(f"SELECT id FROM {table} WHERE name = ? AND is_deleted = 0", (name,))
    assert found is not None, name
    return int(found)


def feed_of(catalog: StoreHarness, command: layer.LayerCommand) -> list[tuple[str, str, str | None]]:
    """Carry a command out and return what it told the frontends."""
    seq = changes.latest_seq(catalog.writer)
    do(catalog, command)
    found = changes.since(catalog.writer, seq) or []
    return [(one.kind, one.subject, None if one.name is None else one.name.decode()) for one in found]


# ---- folders that follow


def test_a_tag_is_a_folder_and_everything_above_it_knows_its_photos(catalog: StoreHarness) -> None:
    do(catalog, layer.TagAdd((photo(catalog, b"a.jpg"),), ("animals/cat",)))
    above, below = row_of(catalog, "tag", "animals"), row_of(catalog, "tag", "cat")
    assert names_in(catalog, View.TAGS, below, OWN) == ["a.jpg"]
    assert names_in(catalog, View.TAGS, below, ALL) == ["a.jpg"]
    assert names_in(catalog, View.TAGS, above, OWN) == []
    assert names_in(catalog, View.TAGS, above, ALL) == ["a.jpg"]
    assert [row.label for row in layer_folders.folders_below(catalog.writer, View.TAGS, 0)] == ["animals"]
    assert [row.id for row in layer_folders.folders_below(catalog.writer, View.TAGS, above)] == [below]
    assert layer_folders.label_path(catalog.writer, Bucket(View.TAGS, below, ALL)) == "animals/cat"


def test_one_edit_tells_the_frontends_what_it_changed_and_nothing_else(catalog: StoreHarness) -> None:
    uids = [photo(catalog, b"a.jpg"), photo(catalog, b"b.jpg")]
    do(catalog, layer.TagAdd((uids[0],), ("cat",)))
    tag = row_of(catalog, "tag", "cat")
    content = str(catalog.column(catalog.asset_at(b"b.jpg"), "content_id"))
    told = feed_of(catalog, layer.TagAdd((uids[1],), ("cat",)))
    assert Counter(told) == Counter(
        [
            ("entry+", f"6:{tag}:0", "b.jpg"),
            ("entry+", f"6:{tag}:1", "b.jpg"),
            ("photo", content, None),
        ]
    )
    told = feed_of(catalog, layer.TagRemove((*uids,), ("cat",)))
    assert ("bucket-", f"6:{tag}:0", None) in told
    assert ("entry-", f"6:{tag}:1", "a.jpg") in told
    assert layer_folders.folders_below(catalog.writer, View.TAGS, 0) == [], "nothing is listed in it"


def test_a_title_changes_the_photo_in_every_folder_at_once(catalog: StoreHarness) -> None:
    one = photo(catalog, b"a.jpg")
    changed_ns = catalog.column(catalog.asset_at(b"a.jpg"), "changed_ns")
    content = str(catalog.column(catalog.asset_at(b"a.jpg"), "content_id"))
    assert feed_of(catalog, layer.Title((one,), "The sea")) == [("photo", content, None)]
    assert catalog.column(catalog.asset_at(b"a.jpg"), "changed_ns") != changed_ns


def test_counts_and_generations_of_the_layers_folders_follow(catalog: StoreHarness) -> None:
    uids = [photo(catalog, b"%d.jpg" % number) for number in range(3)]
    do(catalog, layer.Rate(tuple(uids), 5))
    (before,) = listing.buckets_of_view(catalog.writer, View.RATINGS)
    assert (before.key, before.count) == (5, 3)
    do(catalog, layer.Rate((uids[0],), 4))
    after = {row.key: row for row in listing.buckets_of_view(catalog.writer, View.RATINGS)}
    assert {key: row.count for key, row in after.items()} == {4: 1, 5: 2}
    assert after[5].generation > before.generation
    assert after[5].changed_ns > before.changed_ns
    do(catalog, layer.Rate(tuple(uids), 0))
    assert listing.buckets_of_view(catalog.writer, View.RATINGS) == [], "rated 0 is in no folder"


def test_merged_tags_are_one_folder_and_a_deleted_tag_is_none(catalog: StoreHarness) -> None:
    first, second = photo(catalog, b"a.jpg"), photo(catalog, b"b.jpg")
    do(catalog, layer.TagAdd((first,), ("sea",)))
    do(catalog, layer.TagAdd((second,), ("ocean",)))
    do(catalog, layer.TagRename("ocean", "sea"))
    tag = row_of(catalog, "tag", "sea")
    assert names_in(catalog, View.TAGS, tag) == ["a.jpg", "b.jpg"]
    do(catalog, layer.TagDelete("sea"))
    assert catalog.writer.rows("SELECT * FROM member") == []
    assert layer_folders.folder_by_id(catalog.writer, View.TAGS, tag) is None


def test_people_have_a_folder_per_year_which_a_new_date_changes(catalog: StoreHarness) -> None:
    one = photo(catalog, b"a.jpg")
    do(catalog, layer.PersonAdd((one,), "Anna"))
    do(catalog, layer.FaceAdd(one, 0.1, 0.1, 0.2, 0.2, "Bob"))
    people = {name: row_of(catalog, "person", name) for name in ("Anna", "Bob")}
    assert [names_in(catalog, View.PEOPLE, row_id, 2019) for row_id in people.values()] == [["a.jpg"]] * 2
    do(catalog, layer.DateSet((one,), "2005-05"))
    assert [(row.key, row.sub) for row in listing.buckets_of_view(catalog.writer, View.PEOPLE)] == [
        (row_id, 2005) for row_id in sorted(people.values())
    ]
    assert [row.label for row in layer_folders.folders_below(catalog.writer, View.PEOPLE, 0)] == [
        "Anna",
        "Bob",
    ]


def test_an_album_is_a_folder_from_the_first_day_and_stays_when_it_is_empty(catalog: StoreHarness) -> None:
    one = photo(catalog, b"a.jpg")
    do(catalog, layer.AlbumCreate("Trips/Rome"))
    (trips,) = layer_folders.folders_below(catalog.writer, View.ALBUMS, 0)
    (rome,) = layer_folders.folders_below(catalog.writer, View.ALBUMS, trips.id)
    assert (rome.parent_id, rome.label) == (trips.id, "Rome")
    do(catalog, layer.AlbumAdd((one,), "Trips/Rome"))
    filled = layer_folders.folder_labelled(catalog.writer, View.ALBUMS, trips.id, "Rome")
    assert filled is not None
    assert filled.generation > rome.generation
    assert names_in(catalog, View.ALBUMS, rome.id) == ["a.jpg"]
    do(catalog, layer.AlbumRemove((one,), "Trips/Rome"))
    assert layer_folders.folder_by_id(catalog.writer, View.ALBUMS, rome.id) is not None
    assert layer_folders.folder_labelled(catalog.writer, View.ALBUMS, trips.id, "rome") is None
    assert layer_folders.folder_folded(catalog.writer, View.ALBUMS, trips.id, "rome") is not None
    do(catalog, layer.AlbumDelete("Trips", is_recursive=True))
    assert layer_folders.folders_below(catalog.writer, View.ALBUMS, 0) == []


def test_folders_are_paged_by_their_rows(catalog: StoreHarness) -> None:
    for number in range(7):
        do(catalog, layer.AlbumCreate(f"Album {number}"))
    paged: list[FolderRow] = []
    while page := layer_folders.folders_below(
        catalog.writer, View.ALBUMS, 0, paged[-1].id if paged else 0, 3
    ):
        paged.extend(page)
    assert [row.label for row in paged] == [f"Album {number}" for number in range(7)]


def test_a_position_of_the_file_counts_until_somebody_says_another(catalog: StoreHarness) -> None:
    catalog.put(b"a.jpg", "a")
    catalog.said_by[b"a.jpg"] = {"lat": 52.5, "lon": 13.4, "alt": 34.0}
    catalog.ingest()
    position = "SELECT lat, lon, alt FROM effective"
    assert catalog.writer.rows(position) == [(52.5, 13.4, 34.0)]
    do(catalog, layer.PlaceSet((uid(catalog, b"a.jpg"),), 1.0, 2.0))
    assert catalog.writer.rows(position) == [(1.0, 2.0, None)]
    do(catalog, layer.PlaceSet((uid(catalog, b"a.jpg"),), None, None))
    assert catalog.writer.rows(position) == [], "nowhere that is to be told"
    do(catalog, layer.PlaceClear((uid(catalog, b"a.jpg"),)))
    assert catalog.writer.rows(position) == [(52.5, 13.4, 34.0)]


def test_a_library_of_which_nothing_is_said_has_rows_for_its_names_alone(catalog: StoreHarness) -> None:
    photo(catalog, b"IMG_1.JPG")
    assert catalog.writer.rows("SELECT * FROM effective") == []
    assert catalog.writer.rows("SELECT * FROM member") == []
    assert catalog.writer.rows("SELECT * FROM photo_text") == [("img 1 jpg", "", "", "", "", "")]


def test_the_full_text_holds_what_is_said_and_forgets_it(catalog: StoreHarness) -> None:
    one = photo(catalog, b"a.jpg")
    do(catalog, layer.Title((one,), "Größe"))
    do(catalog, layer.Describe((one,), "A café"))
    do(catalog, layer.TagAdd((one,), ("animals/cat", "Zoo")))
    do(catalog, layer.PersonAdd((one,), "Zoë"))
    assert catalog.writer.row("SELECT * FROM photo_text") == (
        "a jpg", "grosse", "a cafe", "zoo ¦ animals cat", "zoe", "",
    )  # fmt: skip
    do(catalog, layer.TagRename("animals/cat", "animals/lion"))
    assert catalog.writer.value("SELECT tags FROM photo_text") == "zoo ¦ animals lion"
    do(catalog, layer.TagDelete("animals"))
    do(catalog, layer.TagDelete("Zoo"))
    do(catalog, layer.Title((one,), None))
    assert catalog.writer.row("SELECT name, title, tags FROM photo_text") == ("a jpg", "", "")


# ---- trash


def test_the_trash_takes_a_photo_out_of_every_folder_and_gives_it_back_by_its_name(
    catalog: StoreHarness,
) -> None:
    first = photo(catalog, b"a/IMG_1.JPG")
    do(catalog, layer.AlbumAdd((first,), "Rome", is_created=True))
    album = row_of(catalog, "album", "Rome")
    before = {view: catalog.shown(view) for view in View}
    do(catalog, layer.TrashPut((first,)))
    (day,) = [row.key for row in listing.buckets_of_view(catalog.writer, View.TRASH)]
    assert names_in(catalog, View.TRASH, day) == ["IMG_1.JPG"]
    assert [view for view in View if catalog.shown(view)] == [View.TRASH]
    second = photo(catalog, b"b/IMG_1.JPG")
    do(catalog, layer.AlbumAdd((second,), "Rome"))
    assert names_in(catalog, View.ALBUMS, album) == [f"IMG_1~{second[:6]}.JPG"]
    do(catalog, layer.TrashRestore((first,)))
    assert names_in(catalog, View.ALBUMS, album) == ["IMG_1.JPG", f"IMG_1~{second[:6]}.JPG"]
    assert all(before[view].items() <= catalog.shown(view).items() for view in View)


def test_the_trash_shows_what_has_a_file(catalog: StoreHarness) -> None:
    do(catalog, layer.TrashPut((photo(catalog, b"a/IMG_1.JPG"),)))
    kept = catalog.disk[b"a"].pop(b"IMG_1.JPG")
    catalog.scan()
    assert catalog.shown(View.TRASH) == {}
    catalog.disk[b"a"][b"IMG_1.JPG"] = kept
    catalog.scan()
    assert len(catalog.shown(View.TRASH)) == 1
    assert catalog.shown() == {}, "a tombstoned file never returns by a scan"


def test_what_is_hidden_is_in_no_folder(catalog: StoreHarness) -> None:
    one = photo(catalog, b"a.jpg")
    do(catalog, layer.Favorite((one,)))
    do(catalog, layer.Hide((one,)))
    assert not any(catalog.shown(view) for view in View)
    content = catalog.column(catalog.asset_at(b"a.jpg"), "content_id")
    assert listing.photo_by_content(catalog.writer, content) is None  # type: ignore[arg-type]


# ---- stacks


def test_views_show_the_cover_and_the_raw_folder_shows_the_raw(catalog: StoreHarness) -> None:
    raw, _ = pair(catalog)
    assert [row.name for row in catalog.in_day(20190807)] == ["IMG_1.JPG"]
    assert names_in(catalog, View.TYPES, MediaType.PHOTO, 2019) == ["IMG_1.JPG"]
    assert names_in(catalog, View.TYPES, MediaType.RAW, 2019) == ["IMG_1.CR2"]
    named = listing.photo_named(catalog.writer, Bucket(View.TYPES, MediaType.RAW, 2019), "IMG_1.CR2")
    assert named is not None
    assert named.uid == raw
    assert listing.photo_by_content(catalog.writer, named.content_id) is not None
    assert listing.photo_named(catalog.writer, DAY, "IMG_1.CR2") is None


def test_a_stack_is_a_folder_of_all_its_members_in_the_year_of_its_cover(catalog: StoreHarness) -> None:
    pair(catalog)
    assert layer_folders.stack_years(catalog.writer) == [2019]
    (row,) = layer_folders.stacks_of_year(catalog.writer, 2019)
    assert names_in(catalog, View.STACKS, row.id, 2019) == ["IMG_1.CR2", "IMG_1.JPG"]
    assert layer_folders.stack_labelled(catalog.writer, 2019, row.label) == row
    assert layer_folders.stack_folded(catalog.writer, 2019, row.label.upper()) == row
    assert layer_folders.stack_labelled(catalog.writer, 2018, row.label) is None
    assert layer_folders.stack_labelled(catalog.writer, 2019, "IMG_1") is None
    assert layer_folders.stack_folder(catalog.writer, 2019, row.id) == row
    assert layer_folders.stack_folder(catalog.writer, 2019, 99) is None
    label = layer_folders.label_path(catalog.writer, Bucket(View.STACKS, row.id, 2019))
    assert path_of(Bucket(View.STACKS, row.id, 2019), label) == f"Stacks/2019/{row.label}"


def test_the_cover_stands_for_a_member_where_both_are_put(catalog: StoreHarness) -> None:
    raw, jpeg = pair(catalog)
    do(catalog, layer.AlbumAdd((raw,), "RAW alone", is_created=True))
    do(catalog, layer.AlbumAdd((raw, jpeg), "Both", is_created=True))
    do(catalog, layer.TagAdd((raw,), ("a/b",)))
    do(catalog, layer.TagAdd((jpeg,), ("a/c",)))
    assert names_in(catalog, View.ALBUMS, row_of(catalog, "album", "RAW alone")) == ["IMG_1.CR2"]
    assert names_in(catalog, View.ALBUMS, row_of(catalog, "album", "Both")) == ["IMG_1.JPG"]
    assert names_in(catalog, View.TAGS, row_of(catalog, "tag", "b"), OWN) == ["IMG_1.CR2"]
    assert names_in(catalog, View.TAGS, row_of(catalog, "tag", "a"), ALL) == ["IMG_1.JPG"]


def test_trashing_the_cover_brings_out_the_other_and_restoring_hides_it_again(catalog: StoreHarness) -> None:
    raw, jpeg = pair(catalog)
    do(catalog, layer.AlbumAdd((raw, jpeg), "Both", is_created=True))
    album = row_of(catalog, "album", "Both")
    told = feed_of(catalog, layer.TrashPut((jpeg,)))
    assert ("entry+", DAY.subject(), "IMG_1.CR2") in told
    assert [row.name for row in catalog.in_day(20190807)] == ["IMG_1.CR2"]
    assert names_in(catalog, View.ALBUMS, album) == ["IMG_1.CR2"]
    assert layer_folders.stack_years(catalog.writer) == [], "a stack of one is none"
    do(catalog, layer.TrashRestore((jpeg,)))
    assert [row.name for row in catalog.in_day(20190807)] == ["IMG_1.JPG"]
    assert layer_folders.stack_years(catalog.writer) == [2019]


def test_a_cover_that_was_chosen_wins_until_another_is(catalog: StoreHarness) -> None:
    raw, jpeg = pair(catalog)
    do(catalog, layer.StackCover(raw))
    assert [row.name for row in catalog.in_day(20190807)] == ["IMG_1.CR2"]
    do(catalog, layer.StackCover(jpeg))
    assert [row.name for row in catalog.in_day(20190807)] == ["IMG_1.JPG"]
    do(catalog, layer.Undo())
    assert [row.name for row in catalog.in_day(20190807)] == ["IMG_1.CR2"]


def test_a_member_that_goes_missing_leaves_the_others_as_they_are(catalog: StoreHarness) -> None:
    pair(catalog)
    kept = catalog.disk[b"d"].pop(b"IMG_1.JPG")
    catalog.scan()
    assert [row.name for row in catalog.in_day(20190807)] == ["IMG_1.CR2"]
    catalog.disk[b"d"][b"IMG_1.JPG"] = kept
    catalog.scan()
    assert [row.name for row in catalog.in_day(20190807)] == ["IMG_1.JPG"]


def test_a_merge_takes_the_younger_out_of_its_stack(catalog: StoreHarness) -> None:
    catalog.put(b"a/IMG_9.JPG", "jpeg", inode=9)
    catalog.ingest()
    older = catalog.asset_at(b"a/IMG_9.JPG")
    catalog.put(b"d/IMG_1.CR2", "raw", inode=1)
    catalog.put(b"d/IMG_1.JPG", "jpeg", inode=2)
    catalog.scan()
    catalog.read_facts(make="Canon", model="EOS")
    younger = catalog.asset_at(b"d/IMG_1.JPG")
    assert catalog.column(younger, "stack_id") is not None
    catalog.say(younger, "title", '"said before the bytes were read"')
    catalog.read_hashes()
    assert catalog.asset_at(b"d/IMG_1.JPG") == older
    assert (catalog.column(younger, "stack_id"), catalog.column(younger, "cover_id")) == (None, None)
    assert catalog.writer.rows("SELECT asset_id, title FROM effective") == [
        (older, "said before the bytes were read")
    ]
    assert {row.name for row in catalog.in_day(20190807)} == {"IMG_9.JPG", "IMG_1.CR2"}


def test_a_live_photo_is_in_the_folder_of_live_photos_by_its_cover(catalog: StoreHarness) -> None:
    for path in (b"d/IMG_1.HEIC", b"d/IMG_1.MOV"):
        catalog.put(path, path.decode())
        catalog.said_by[path] = {"extra": {"live_id": "A-B-C"}, "duration_s": 2.5}
    catalog.ingest()
    assert names_in(catalog, View.TYPES, MediaType.LIVE, 2019) == ["IMG_1.HEIC"]
    assert names_in(catalog, View.TYPES, MediaType.VIDEO, 2019) == []
    do(catalog, layer.StackSplit((uid(catalog, b"d/IMG_1.MOV"),)))
    assert names_in(catalog, View.TYPES, MediaType.LIVE, 2019) == []
    assert names_in(catalog, View.TYPES, MediaType.VIDEO, 2019) == ["IMG_1.MOV"]


# ---- names


def test_a_name_in_an_album_is_never_given_to_another_photo(catalog: StoreHarness) -> None:
    first, second = photo(catalog, b"a/IMG_1.JPG"), photo(catalog, b"b/IMG_1.JPG")
    do(catalog, layer.AlbumAdd((second,), "Rome", is_created=True))
    album = row_of(catalog, "album", "Rome")
    do(catalog, layer.AlbumAdd((first,), "Rome"))
    assert names_in(catalog, View.ALBUMS, album) == [f"IMG_1~{first[:6]}.JPG", "IMG_1.JPG"]
    do(catalog, layer.AlbumRemove((second,), "Rome"))
    assert names_in(catalog, View.ALBUMS, album) == [f"IMG_1~{first[:6]}.JPG"]
    do(catalog, layer.AlbumAdd((second,), "Rome"))
    assert names_in(catalog, View.ALBUMS, album) == [f"IMG_1~{first[:6]}.JPG", "IMG_1.JPG"]


@pytest.mark.parametrize("view", [View.ALBUMS, View.TAGS])
def test_a_photo_without_an_extension_of_a_photo_carries_its_suffix_beside_folders(
    catalog: StoreHarness, view: View
) -> None:
    catalog.put(b"Rome", "a")
    catalog.scan()
    from catalog.store import ingest
    from catalog.values import SniffResult

    due = ingest.sniff_due(catalog.writer, catalog.volume_id, 5)
    sniffed = [SniffResult(item, "photo", "image/jpeg") for item in due]
    ingest.record_sniffs(catalog.writer, sniffed, catalog.writer.zone, catalog.now_ns)
    catalog.read_facts()
    catalog.read_hashes()
    one = uid(catalog, b"Rome")
    do(catalog, layer.AlbumAdd((one,), "Trips", is_created=True))
    do(catalog, layer.TagAdd((one,), ("Trips",)))
    key = row_of(catalog, "album" if view == View.ALBUMS else "tag", "Trips")
    bucket = Bucket(view, key, 0)
    assert names_in(catalog, view, key) == [f"Rome~{one[:6]}"]
    assert listing.photo_named(catalog.writer, bucket, "Rome") is None
    assert listing.photo_folded(catalog.writer, bucket, f"ROME~{one[:6]}") is not None
    assert [row.name for row in catalog.in_day(20190807)] == ["Rome"]
    assert catalog.writer.rows("SELECT * FROM claim WHERE view >= 5") == []


def test_every_name_of_a_folder_of_the_layer_leads_to_its_photo(catalog: StoreHarness) -> None:
    uids = [photo(catalog, b"d%d/IMG_%d.JPG" % (number, number % 2), inode=number + 1) for number in range(6)]
    uids.append(photo(catalog, b"x/bad\xff.jpg"))
    do(catalog, layer.Favorite(tuple(uids)))
    bucket = Bucket(View.FAVORITES, 0, 0)
    rows = listing.photos_in(catalog.writer, bucket)
    assert len({row.name for row in rows}) == 7
    for row in rows:
        assert listing.photo_named(catalog.writer, bucket, row.name) == row
        assert listing.photo_folded(catalog.writer, bucket, row.name.upper()) == row
    cookies = [listing.photo_cookie(bucket, row) for row in rows]
    assert cookies == sorted(cookies) == [row.asset_id for row in rows]
    assert listing.photos_in(catalog.writer, bucket, cookies[2], 2) == rows[3:5]


# ---- who says what


def test_who_says_a_thing_is_found_whatever_they_say_of_it(catalog: StoreHarness) -> None:
    first, second = photo(catalog, b"a.jpg"), photo(catalog, b"b.jpg")
    do(catalog, layer.TagAdd((first, second), ("sea",)))
    do(catalog, layer.TagRemove((second,), ("sea",)))
    do(catalog, layer.FaceAdd(first, 0.1, 0.1, 0.2, 0.2, "Bob"))
    do(catalog, layer.StackMake((first, second)))
    for table, name, found in (("tag", "sea", 1), ("person", "Bob", 1)):
        thing = catalog.writer.value(f"SELECT uid FROM {table} WHERE name = ?", (name,))
        assert len(assets.assets_saying(catalog.writer, table, [thing])) >= found
    stack = catalog.writer.value("SELECT uid FROM stack WHERE origin = 'user'")
    assert assets.assets_saying(catalog.writer, "stack", [stack]) == [
        catalog.asset_at(b"a.jpg"),
        catalog.asset_at(b"b.jpg"),
    ]
    assert assets.assets_saying(catalog.writer, "album", ["nothing"]) == []


def test_what_the_heir_of_former_bytes_inherits_is_in_the_journal(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "first")
    catalog.ingest()
    do(catalog, layer.Rate((uid(catalog, b"IMG_1.JPG"),), 5))
    catalog.put(b"IMG_1.JPG", "second!")
    catalog.ingest()
    catalog.put(b"copy/IMG_1.JPG", "first", inode=77)
    catalog.ingest()
    heir = catalog.asset_at(b"copy/IMG_1.JPG")
    assert heir != catalog.asset_at(b"IMG_1.JPG")
    row = journal.newest(catalog.writer)[0]
    assert (row.author, row.command["do"], row.command["into"]) == (
        "glassine",
        "inherit",
        catalog.column(heir, "uid"),
    )
    inherited = [one for one in row.items if one.source == "user"]
    assert [(one.asset_id, one.property, one.before, one.after) for one in inherited] == [
        (heir, "rating", None, "5")
    ]
    assert names_in(catalog, View.RATINGS, 5) == ["IMG_1.JPG"], "it stands for its former version"
    do(catalog, layer.StackSplit((uid(catalog, b"IMG_1.JPG"),)))
    assert names_in(catalog, View.RATINGS, 5) == ["IMG_1.JPG", f"IMG_1~{str(row.command['into'])[:6]}.JPG"]


def test_a_refresh_of_nothing_and_of_nobody_is_harmless(catalog: StoreHarness) -> None:
    seq = changes.latest_seq(catalog.writer)
    photo(catalog, b"a.jpg")
    after = changes.latest_seq(catalog.writer)
    assets.refresh(catalog.writer, [], 1, catalog.writer.zone)
    assets.refresh(catalog.writer, [AssetId(1), AssetId(999)], 1, catalog.writer.zone, may_restack=True)
    assert after > seq
    assert changes.latest_seq(catalog.writer) == after, "nothing changed, nothing is told"


def test_a_statement_of_nothing_known_changes_no_folder(catalog: StoreHarness) -> None:
    photo(catalog, b"a.jpg")
    asset_id = catalog.asset_at(b"a.jpg")
    for name, value in (("tag", True), ("album", {"at": 1}), ("person", True), ("stack", "nowhere")):
        element = "" if name == "stack" else "zzzzzzzzzzzzzzzzzzzzzzzzzz"
        catalog.say(asset_id, name, json.dumps(value), element=element)
    assert catalog.writer.rows("SELECT * FROM member") == []
    assert len(catalog.in_day(20190807)) == 1


def test_what_joins_a_transaction_is_undone_with_it_and_alone_is_one_itself(catalog: StoreHarness) -> None:
    writer = catalog.writer

    def fail_later() -> None:
        with writer.atomic():
            with writer.joined():
                writer.execute("INSERT INTO meta VALUES ('joined', 'x')")
            assert writer.is_in_transaction
            raise RuntimeError("later")

    with pytest.raises(RuntimeError, match="later"):
        fail_later()
    assert writer.rows("SELECT * FROM meta WHERE key = 'joined'") == []
    with writer.joined():
        writer.execute("INSERT INTO meta VALUES ('joined', 'x')")
    assert not writer.is_in_transaction
    assert writer.rows("SELECT value FROM meta WHERE key = 'joined'") == [("x",)]
