"""Stamps that are known from another name: moves, second names, swaps, edits that look like moves; by rows alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.ids import AssetId, LocationId
from catalog.store import ingest, looks, moves, scanning, second_look, stamps, volumes
from catalog.values import DirectoryListing, ListingDiff
from store_harness import File, StoreHarness, digest

A, B, C = b"a/A.JPG", b"b/B.JPG", b"c/C.JPG"


def rated(catalog: StoreHarness, *paths: bytes) -> list[AssetId]:
    """Put photos of these names there, known in all ways, each rated otherwise."""
    for number, path in enumerate(paths):
        catalog.put(path, f"body {number}", inode=10 + number, mtime_ns=100 + number)
    catalog.ingest()
    assets = [catalog.asset_at(path) for path in paths]
    for number, asset_id in enumerate(assets):
        catalog.say(asset_id, "rating", str(1 + number))
    return assets


def due(catalog: StoreHarness) -> dict[str, int]:
    return {name: number for name, number in ingest.due_counts(catalog.writer).items() if number}


def states(catalog: StoreHarness) -> list[str]:
    return [
        row[0] for row in catalog.writer.rows("SELECT state FROM asset WHERE state <> 'alias' ORDER BY id")
    ]


def rows(catalog: StoreHarness) -> int:
    return int(catalog.writer.value("SELECT count(*) FROM location"))


def location(catalog: StoreHarness, path: bytes, columns: str = "id") -> tuple[object, ...]:
    directory, _, name = path.rpartition(b"/")
    row = catalog.writer.row(
        f"SELECT {', '.join('l.' + one for one in columns.split())} FROM location AS l"
        " JOIN directory AS d ON d.id = l.directory_id WHERE d.path = ? AND l.name = ?",
        (directory, name),
    )
    assert row is not None, path
    return row


def link(catalog: StoreHarness, path: bytes, to: bytes) -> None:
    """Make a second name of a file."""
    directory, _, name = path.rpartition(b"/")
    new_directory, _, new_name = to.rpartition(b"/")
    catalog.disk.setdefault(new_directory, {})[new_name] = catalog.disk[directory][name]


@pytest.mark.parametrize("order", [(b"a", b"b"), (b"b", b"a")])
def test_a_move_is_the_same_photo_whichever_directory_is_listed_first(
    catalog: StoreHarness, order: tuple[bytes, bytes]
) -> None:
    first, _ = rated(catalog, A, B)
    shown = catalog.shown()
    catalog.move(A, b"b/moved.jpg")
    catalog.scan(*order)
    assert catalog.asset_at(b"b/moved.jpg") == first
    assert (due(catalog), catalog.shown()) == ({}, shown)
    assert catalog.check() == []


def test_a_second_name_takes_the_bytes_and_is_no_birth(catalog: StoreHarness) -> None:
    (first,) = rated(catalog, A)
    link(catalog, A, b"b/link.jpg")
    catalog.scan()
    assert catalog.asset_at(b"b/link.jpg") == first
    assert due(catalog) == {}
    assert catalog.writer.value("SELECT count(*) FROM asset") == 1


def test_names_of_one_file_are_one_birth(catalog: StoreHarness) -> None:
    catalog.put(b"a/1.jpg", "body", inode=5)
    catalog.put(b"a/2.jpg", "body", inode=5)
    catalog.put(b"b/3.jpg", "body", inode=5)
    catalog.put(b"a/4.txt", "body", inode=5)
    catalog.scan()
    assert catalog.writer.value("SELECT count(*) FROM asset") == 1
    catalog.read_facts()
    catalog.read_hashes()
    assert catalog.check() == []


def test_without_inodes_nothing_is_proven(catalog: StoreHarness) -> None:
    for path in (A, B):
        catalog.put(path, "same size", inode=0)
    catalog.scan()
    assert catalog.asset_at(A) != catalog.asset_at(B)


def test_another_file_system_has_inodes_of_its_own(catalog: StoreHarness) -> None:
    volumes.note_nested_mounts(catalog.writer, catalog.volume_id, [(b"b", "other")], 1)
    (first,) = rated(catalog, A)
    catalog.put(b"b/x/B.JPG", "BODY 0", inode=10, mtime_ns=100)
    catalog.scan()
    assert catalog.asset_at(b"b/x/B.JPG") != first
    catalog.remove(A)
    catalog.scan()
    assert location(catalog, A, "state") == ("missing",)
    link(catalog, b"b/x/B.JPG", b"b/y/B.JPG")
    catalog.scan()
    assert catalog.asset_at(b"b/y/B.JPG") == catalog.asset_at(b"b/x/B.JPG")


def test_a_row_of_a_file_that_was_missing_proves_as_well(catalog: StoreHarness) -> None:
    (first,) = rated(catalog, A)
    kept = catalog.disk[b"a"].pop(b"A.JPG")
    catalog.scan()
    assert catalog.column(first, "state") == "missing"
    catalog.disk[b"b"] = {b"B.JPG": kept}
    catalog.scan()
    assert catalog.asset_at(B) == first
    assert (catalog.column(first, "state"), due(catalog)) == ("shown", {})
    assert catalog.check() == []


@pytest.mark.parametrize("paths", [(A, b"a/B.JPG", b"a/C.JPG"), (A, B, C)])
@pytest.mark.parametrize("is_hashed", [True, False])
def test_a_rotation_across_directories_is_found_part_by_part(
    catalog: StoreHarness, paths: tuple[bytes, bytes, bytes], is_hashed: bool
) -> None:
    for number, path in enumerate(paths):
        catalog.put(path, f"body {number}", inode=10 + number, mtime_ns=100 + number)
    catalog.scan()
    catalog.read_facts()
    if is_hashed:
        catalog.read_hashes()
    assets = [catalog.asset_at(path) for path in paths]
    for asset_id in assets:
        catalog.say(asset_id, "rating", str(asset_id % 6))
    aside = b"a/aside"
    catalog.move(paths[0], aside)
    catalog.move(paths[1], paths[0])
    catalog.move(paths[2], paths[1])
    catalog.move(aside, paths[2])
    catalog.scan()
    assert [catalog.asset_at(path) for path in paths] == [assets[1], assets[2], assets[0]]
    assert states(catalog) == ["shown"] * 3
    assert due(catalog) == ({} if is_hashed else {"hash": 3})
    assert catalog.check() == []
    catalog.read_hashes()
    assert [catalog.asset_at(path) for path in paths] == [assets[1], assets[2], assets[0]]
    assert catalog.check() == []


def listed(catalog: StoreHarness, path: bytes, *, may_defer: bool) -> ListingDiff:
    part = DirectoryListing(path, 5, catalog.entries(path), is_first=True, is_last=True, digest=None)
    return scanning.apply_listing(
        catalog.writer, catalog.volume_id, part, catalog.now_ns, may_defer=may_defer
    )


def test_the_halves_of_a_swap_wait_for_each_other_so_that_no_photo_is_missing_in_between(
    catalog: StoreHarness,
) -> None:
    first, second = rated(catalog, A, B)
    catalog.disk[b"a"][b"A.JPG"], catalog.disk[b"b"][b"B.JPG"] = (
        catalog.disk[b"b"][b"B.JPG"],
        catalog.disk[b"a"][b"A.JPG"],
    )
    waiting = []
    for path in (b"a", b"b"):
        diff = listed(catalog, path, may_defer=True)
        assert (diff.changed, diff.gone, len(diff.deferred)) == ((), (), 1)
        waiting += diff.deferred
        assert states(catalog) == ["shown", "shown"]
    with catalog.writer.atomic():
        for one in waiting:
            part = DirectoryListing(
                one.directory, 5, (one.entry,), is_first=False, is_last=False, digest=None
            )
            scanning.apply_listing(catalog.writer, catalog.volume_id, part, catalog.now_ns)
    assert (catalog.asset_at(A), catalog.asset_at(B)) == (second, first)
    assert states(catalog) == ["shown", "shown"]
    assert catalog.check() == []


def test_a_photo_that_is_renamed_over_another_waits_and_then_takes_its_place(catalog: StoreHarness) -> None:
    first, second = rated(catalog, A, B)
    catalog.move(B, A)
    assert len(listed(catalog, b"a", may_defer=True).deferred) == 1
    assert catalog.asset_at(A) == first
    catalog.scan()
    assert catalog.asset_at(A) == second
    assert states(catalog) == ["missing", "shown"]
    assert rows(catalog) == 1
    assert catalog.said(first) == {("rating", ""): "1"}
    assert catalog.check() == []


def test_what_was_due_or_known_of_a_file_goes_with_it(catalog: StoreHarness) -> None:
    rated(catalog, A)
    one: File = catalog.disk[b"a"][b"A.JPG"]
    catalog.disk[b"a"][b"A.JPG"] = replace(one, ctime_ns=99)
    catalog.scan()
    (before,) = location(catalog, A, "verified_ns")
    catalog.writer.execute(
        "INSERT INTO damage VALUES (?, ?, 1, 1)", (location(catalog, A)[0], digest("rotten"))
    )
    catalog.move(A, B)
    catalog.scan(b"b", b"a")
    assert location(catalog, B, "recheck_due verified_ns") == (1, before)
    assert catalog.writer.rows("SELECT location_id FROM damage") == [location(catalog, B)]
    assert due(catalog) == {"hash": 1}


def test_a_file_that_is_no_photo_is_not_looked_at_again(catalog: StoreHarness) -> None:
    catalog.put(b"a/strange.q7z", "no photo", inode=3)
    catalog.scan()
    catalog.writer.execute("UPDATE location SET sniff_due = 0")
    catalog.move(b"a/strange.q7z", b"b/stranger.q7z")
    catalog.scan(b"b", b"a")
    assert (due(catalog), rows(catalog)) == ({}, 1)
    catalog.move(b"b/stranger.q7z", b"b/stranger.jpg")
    catalog.scan()
    assert due(catalog)["header"] == 1, "its name says that it is a photo now"


@pytest.mark.parametrize("is_read_first", [True, False])
def test_a_file_with_two_names_that_is_written_to_is_one_photo_still(
    catalog: StoreHarness, is_read_first: bool
) -> None:
    (first,) = rated(catalog, A)
    link(catalog, A, B)
    catalog.scan()
    for folder, name in ((b"a", b"A.JPG"), (b"b", b"B.JPG")):
        catalog.disk[folder][name] = File("another body", mtime_ns=777, inode=10, ctime_ns=8)
    catalog.scan(b"a")
    assert catalog.check() == [], "its other name has the new bytes at once"
    if is_read_first:
        catalog.read_facts()
        catalog.read_hashes()
    catalog.scan(b"b")
    catalog.read_facts()
    catalog.read_hashes()
    assert catalog.asset_at(A) == catalog.asset_at(B) == first
    assert catalog.said(first) == {("rating", ""): "1"}
    assert catalog.writer.value("SELECT count(*) FROM asset") == 1
    assert catalog.check() == []


def test_a_copy_stays_what_it_is_when_one_of_two_names_is_written_to(catalog: StoreHarness) -> None:
    (first,) = rated(catalog, A)
    link(catalog, A, B)
    catalog.put(C, "body 0", inode=50)
    catalog.ingest()
    for folder, name in ((b"a", b"A.JPG"), (b"b", b"B.JPG")):
        catalog.disk[folder][name] = File("another body", mtime_ns=777, inode=10, ctime_ns=8)
    catalog.ingest()
    assert catalog.asset_at(C) == first
    assert catalog.asset_at(A) == catalog.asset_at(B) != first
    assert catalog.check() == []


def save_over(catalog: StoreHarness, *, is_read: bool = False) -> AssetId:
    """List a new file beside A, then rename it over A; return the photo that it was."""
    catalog.put(b"a/new.jpg", "edited", inode=77, mtime_ns=700)
    catalog.scan()
    catalog.read_facts()
    if is_read:
        catalog.read_hashes()
    return catalog.asset_at(b"a/new.jpg")


def test_unread_bytes_that_take_the_place_of_a_photo_are_its_new_version(catalog: StoreHarness) -> None:
    (first,) = rated(catalog, A)
    new = save_over(catalog)
    catalog.move(b"a/new.jpg", A)
    catalog.scan()
    assert catalog.asset_at(A) == first
    assert catalog.column(new, "merged_into") == first
    assert (due(catalog), states(catalog), rows(catalog)) == ({"hash": 1}, ["shown"], 1)
    catalog.read_hashes()
    assert catalog.in_day(20190807)[0].hash == digest("edited")
    assert catalog.check() == []


@pytest.mark.parametrize("reason", ["it was read", "something is said of it"])
def test_bytes_that_are_somebody_take_the_place_as_a_photo_of_their_own(
    catalog: StoreHarness, reason: str
) -> None:
    (first,) = rated(catalog, A)
    new = save_over(catalog, is_read=reason == "it was read")
    if reason != "it was read":
        catalog.say(new, "rating", "5")
    catalog.move(b"a/new.jpg", A)
    catalog.scan()
    assert catalog.asset_at(A) == new
    assert states(catalog) == ["missing", "shown"]
    assert catalog.said(first) == {("rating", ""): "1"}
    assert catalog.check() == []


@pytest.mark.parametrize("order", [(b"a", b"b"), (b"b", b"a")])
def test_a_newcomer_that_took_the_name_of_a_photo_that_moved_is_another_photo(
    catalog: StoreHarness, order: tuple[bytes, bytes]
) -> None:
    (first,) = rated(catalog, A)
    catalog.move(A, B)
    catalog.put(A, "a newcomer", inode=60)
    catalog.scan(*order)
    catalog.read_facts()
    catalog.read_hashes()
    assert catalog.asset_at(B) == first
    assert catalog.asset_at(A) != first
    assert (catalog.said(catalog.asset_at(A)), states(catalog)) == ({}, ["shown", "shown"])
    assert catalog.check() == []


def test_an_edit_with_a_backup_beside_it_keeps_the_photo_at_its_name(catalog: StoreHarness) -> None:
    (first,) = rated(catalog, A)
    catalog.move(A, b"a/A.JPG_original")
    catalog.put(A, "edited", inode=60)
    catalog.scan()
    catalog.read_facts()
    catalog.writer.execute("UPDATE location SET sniff_due = 0")
    catalog.read_hashes()
    assert catalog.asset_at(A) == first
    assert catalog.said(first) == {("rating", ""): "1"}
    # And the edit is undone: the stamp is known, nothing is read.
    catalog.move(b"a/A.JPG_original", A)
    catalog.scan()
    assert catalog.asset_at(A) == first
    assert catalog.in_day(20190807)[0].hash == digest("body 0")
    assert due(catalog) == {}
    assert catalog.check() == []


def test_a_former_version_that_comes_back_while_nothing_holds_the_present_one_is_the_photo(
    catalog: StoreHarness,
) -> None:
    (first,) = rated(catalog, A)
    former = catalog.disk[b"a"][b"A.JPG"]
    catalog.put(A, "edited", inode=60)
    catalog.ingest()
    catalog.disk[b"a"][b"A.JPG"] = former
    catalog.scan()
    assert catalog.asset_at(A) == first
    assert due(catalog) == {}
    assert catalog.in_day(20190807)[0].hash == digest("body 0")
    assert catalog.check() == []


def test_a_former_version_that_comes_back_beside_the_present_one_inherits(catalog: StoreHarness) -> None:
    (first,) = rated(catalog, A)
    former = catalog.disk[b"a"][b"A.JPG"]
    catalog.put(A, "edited", inode=60)
    catalog.ingest()
    catalog.disk[b"b"] = {b"B.JPG": former}
    catalog.scan()
    heir = catalog.asset_at(B)
    assert heir != first
    assert catalog.said(heir) == catalog.said(first) == {("rating", ""): "1"}
    assert due(catalog) == {}
    assert catalog.check() == []


def test_stamps_that_were_overwritten_are_forgotten_after_the_next_complete_scan(
    catalog: StoreHarness,
) -> None:
    rated(catalog, A, B)
    catalog.put(A, "edited", inode=60)
    catalog.scan()

    def kept() -> int:
        return int(catalog.writer.value("SELECT count(*) FROM displaced"))

    assert kept() == 1
    for kind, state, left in (("quick", "done", 1), ("full", "partial", 1), ("full", "done", 0)):
        scan_id = scanning.begin_scan(catalog.writer, catalog.volume_id, kind, catalog.now_ns + 1)  # type: ignore[arg-type]
        scanning.end_scan(catalog.writer, scan_id, state, counts={}, now_ns=catalog.now_ns + 2)  # type: ignore[arg-type]
        assert kept() == left


def test_what_the_trash_tells_of_stays_missing_at_its_name(catalog: StoreHarness) -> None:
    (first,) = rated(catalog, A)
    (row_id,) = location(catalog, A)
    catalog.writer.execute(
        "INSERT INTO journal (id, command, author, made_ns) VALUES (900, '{\"do\": \"trash.purge\"}', 'owner', 1)"
    )
    catalog.writer.execute(
        "INSERT INTO purge (journal_id, asset_id, location_id, hash, size, mtime_ns, ctime_ns, inode, state, planned_ns,"
        " ended_ns) VALUES (900, ?, ?, ?, 6, 100, 7, 10, 'refused', 1, 2)",
        (first, row_id, digest("body 0")),
    )
    catalog.move(A, B)
    catalog.scan(b"b", b"a")
    assert location(catalog, A, "state") == ("missing",)
    assert catalog.asset_at(B) == first
    assert catalog.column(first, "state") == "shown"


def test_two_names_that_went_together_do_not_vouch_for_each_other(catalog: StoreHarness) -> None:
    (first,) = rated(catalog, A)
    link(catalog, A, b"a/link.jpg")
    catalog.scan()
    ids = [LocationId(int(str(location(catalog, path)[0]))) for path in (A, b"a/link.jpg")]
    assert moves.moved(catalog.writer, catalog.volume_id, ids) == []
    catalog.disk[b"a"] = {}
    catalog.scan()
    assert (catalog.column(first, "state"), rows(catalog)) == ("missing", 2)
    assert catalog.check() == []


def test_a_directory_that_moved_leaves_nothing_behind(catalog: StoreHarness) -> None:
    rated(catalog, b"old/deep/1.jpg", b"old/deep/2.jpg", b"keep/3.jpg")
    catalog.disk[b"new/deep"] = catalog.disk.pop(b"old/deep")
    catalog.scan(b"new/deep", b"new", b"")
    ids = dict(catalog.writer.rows("SELECT path, id FROM directory"))
    for path in (b"old/deep", b"old"):
        files = [one for one, _ in second_look.files_in(catalog.writer, ids[path])]
        assert second_look.settle_gone(catalog.writer, catalog.volume_id, files, 5).missing == 0
        assert second_look.settle_directory(catalog.writer, catalog.volume_id, ids[path], 5) == 0
    known = {row[0] for row in catalog.writer.rows("SELECT path FROM directory")}
    assert known == {b"", b"new", b"new/deep", b"keep"}
    assert states(catalog) == ["shown"] * 3
    assert catalog.check() == []


def test_all_that_is_known_of_a_directory_is_read_page_by_page(catalog: StoreHarness) -> None:
    rated(catalog, b"a/1.jpg", b"a/2.jpg", b"a/3.jpg", b"a/x/4.jpg", b"a/y/5.jpg")
    catalog.scan()
    directory_id = catalog.writer.value("SELECT id FROM directory WHERE path = ?", (b"a",))
    seen, after = [], None
    while page := looks.known_in(catalog.writer, directory_id, after=after, limit=2):
        seen += [one.path for one in page]
        after = page[-1]
    assert seen == [b"a/x", b"a/y", b"a/1.jpg", b"a/2.jpg", b"a/3.jpg"]


PLANS = [
    (moves.BY_INODE, (1, "[1]"), "location_inode (volume_id=? AND inode=?)"),
    (moves.DISPLACED, (1, "[1]"), "SEARCH x USING PRIMARY KEY (volume_id=? AND inode=?)"),
    (moves.MOVED, ("[1]",), "location_inode (volume_id=? AND inode=?)"),
    (ingest.RECHECK_DUE, (1, 1, 1), "location_recheck (volume_id=?)"),
    (stamps.KNOWN, (1, b"x"), "sqlite_autoindex_location_1 (directory_id=? AND name=?)"),
    (looks.KNOWN_DIRECTORIES, (1, b"x", 1), "directory_name (parent_id=? AND name>?)"),
    (looks.KNOWN_FILES, (1, b"x", 1), "sqlite_autoindex_location_1 (directory_id=? AND name>?)"),
]


@pytest.mark.parametrize(("sql", "params", "wanted"), PLANS)
def test_what_is_asked_for_every_file_has_an_index(
    catalog: StoreHarness, sql: str, params: tuple[object, ...], wanted: str
) -> None:
    plan = [row[3] for row in catalog.writer.rows("EXPLAIN QUERY PLAN " + sql, params)]
    assert any(wanted in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan


def test_bytes_that_may_have_changed_unseen_are_read_wherever_they_turn_up(catalog: StoreHarness) -> None:
    first, second = rated(catalog, A, B)
    catalog.disk[b"a"][b"A.JPG"] = replace(catalog.disk[b"a"][b"A.JPG"], ctime_ns=99, body="BODY 0")
    catalog.scan()
    one, other = catalog.disk[b"a"][b"A.JPG"], catalog.disk[b"b"][b"B.JPG"]
    catalog.disk[b"a"][b"A.JPG"], catalog.disk[b"b"][b"B.JPG"] = other, one
    catalog.scan()
    catalog.read_facts()
    catalog.read_hashes()
    hashes = catalog.writer.rows(
        "SELECT c.hash FROM location AS l JOIN content AS c ON c.id = l.content_id ORDER BY l.id"
    )
    assert hashes == [(digest("body 1"),), (digest("BODY 0"),)]
    assert catalog.asset_at(A) == second
    assert catalog.said(first) == {("rating", ""): "1"}
    assert catalog.check() == []


def test_a_missing_former_version_whose_name_is_taken_does_not_pull_its_photo_along(
    catalog: StoreHarness,
) -> None:
    (first,) = rated(catalog, A)
    catalog.put(B, "body 0", inode=50)
    catalog.ingest()  # two places of the same bytes
    catalog.remove(B)
    catalog.scan()
    catalog.put(A, "edited", inode=60)
    catalog.ingest()
    catalog.put(b"a/new.jpg", "a newcomer", inode=70)
    catalog.scan()
    link(catalog, b"a/new.jpg", B)
    catalog.scan()
    assert catalog.check() == []
    assert catalog.asset_at(A) == first
    assert catalog.asset_at(B) == catalog.asset_at(b"a/new.jpg") != first
