"""Rows that go, and what of them stays: the last trace of a photo, its words, its names; and forgetting a volume."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.ids import LocationId
from catalog.store import changes, missing_places, scanning, trace_rows, traces, volumes
from catalog.store.absence import mark_directory_missing
from catalog.store.explain_missing import explain_missing, explain_missing_path
from sacred import REPOSITORY
from store_harness import StoreHarness, make_harness


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[StoreHarness]:
    """A library with one online volume; sound at the end."""
    harness = make_harness(tmp_path / "library")
    yield harness
    assert harness.check() == []
    harness.close()


def place(catalog: StoreHarness, path: bytes) -> LocationId:
    """Return the row of a file."""
    directory, _, name = path.rpartition(b"/")
    found = catalog.writer.value(
        "SELECT l.id FROM location AS l JOIN directory AS d ON d.id = l.directory_id WHERE d.path = ? AND l.name = ?",
        (directory, name),
    )
    assert found is not None, path
    return LocationId(found)


def paths(catalog: StoreHarness) -> set[bytes]:
    """Return the paths of all rows."""
    rows = catalog.writer.rows(
        "SELECT d.path, l.name FROM location AS l JOIN directory AS d ON d.id = l.directory_id"
    )
    return {directory + b"/" + name if directory else name for directory, name in rows}


def drop(catalog: StoreHarness, *wanted: bytes) -> int:
    """Drop the rows of these files."""
    return traces.drop(catalog.writer, [place(catalog, one) for one in wanted], catalog.now_ns)


def test_the_row_of_a_copy_that_is_gone_goes_and_nothing_else_changes(catalog: StoreHarness) -> None:
    catalog.put(b"a/1.JPG", "one", inode=1)
    catalog.put(b"b/1.JPG", "one", inode=2)
    catalog.ingest()
    asset = catalog.asset_at(b"a/1.JPG")
    catalog.say(asset, "title", '"the sea"')
    shown = catalog.shown()
    catalog.remove(b"b/1.JPG")
    catalog.scan()
    assert drop(catalog, b"b/1.JPG") == 1
    assert paths(catalog) == {b"a/1.JPG"}
    assert catalog.shown() == shown
    assert catalog.said(asset) == {("title", ""): '"the sea"'}


def test_the_last_trace_of_a_photo_stays(catalog: StoreHarness) -> None:
    catalog.put(b"a/1.JPG", "one", inode=1)
    catalog.ingest()
    catalog.remove(b"a/1.JPG")
    catalog.scan()
    assert drop(catalog, b"a/1.JPG") == 0
    assert paths(catalog) == {b"a/1.JPG"}


def test_of_two_places_that_are_gone_the_ruling_one_stays_and_the_date_with_it(catalog: StoreHarness) -> None:
    for number in (1, 2):
        catalog.put(b"%d/1.JPG" % number, "one", inode=number)
        catalog.dates[b"%d/1.JPG" % number] = None
    catalog.ingest()
    asset = catalog.asset_at(b"1/1.JPG")
    day = catalog.column(asset, "day")
    catalog.remove(b"1/1.JPG")
    catalog.remove(b"2/1.JPG")
    catalog.scan()
    assert drop(catalog, b"1/1.JPG", b"2/1.JPG") == 1
    assert paths(catalog) == {b"1/1.JPG"}
    assert catalog.column(asset, "day") == day


def test_a_file_that_moved_leaves_no_row_behind_even_before_anybody_called_it_missing(
    catalog: StoreHarness,
) -> None:
    catalog.put(b"a/1.JPG", "one", inode=1)
    catalog.put(b"b/2.JPG", "one", inode=1)
    catalog.ingest()
    asset = catalog.asset_at(b"a/1.JPG")
    name = catalog.column(asset, "name")
    seq = changes.latest_seq(catalog.writer)
    catalog.remove(b"a/1.JPG")
    assert drop(catalog, b"a/1.JPG") == 1
    catalog.scan()
    assert paths(catalog) == {b"b/2.JPG"}
    assert (catalog.column(asset, "state"), catalog.column(asset, "name")) == ("shown", name)
    told = {(one.kind, one.name) for one in changes.since(catalog.writer, seq) or ()}
    assert ("orig-", b"1.JPG") in told


def test_a_present_file_that_nothing_else_holds_is_left_alone(catalog: StoreHarness) -> None:
    catalog.put(b"a/1.JPG", "one", inode=1)
    catalog.put(b"a/notes.txt", "no photo", inode=2)
    catalog.ingest()
    assert drop(catalog, b"a/1.JPG", b"a/notes.txt") == 0


def test_versions_that_were_seen_at_a_dropped_place_tell_where_their_photo_is(catalog: StoreHarness) -> None:
    catalog.put(b"a/1.JPG", "one", inode=1)
    catalog.ingest()
    asset = catalog.asset_at(b"a/1.JPG")
    catalog.put(b"a/1.JPG", "edited", inode=1)
    catalog.ingest()
    catalog.put(b"b/1.JPG", "edited", inode=3)
    catalog.remove(b"a/1.JPG")
    catalog.ingest()
    assert drop(catalog, b"a/1.JPG") == 1
    rows = catalog.writer.rows("SELECT last_location_id FROM content WHERE asset_id = ?", (asset,))
    assert {row[0] for row in rows} == {place(catalog, b"b/1.JPG"), None}


def test_the_place_whose_bytes_were_overwritten_by_another_photo_stays_the_trace_of_the_first(
    catalog: StoreHarness,
) -> None:
    catalog.put(b"a/1.JPG", "first", inode=1)
    catalog.put(b"b/2.JPG", "second", inode=2)
    catalog.ingest()
    first = catalog.asset_at(b"a/1.JPG")
    catalog.put(b"a/1.JPG", "second", inode=3)
    catalog.ingest()
    assert catalog.column(first, "state") == "missing"
    catalog.remove(b"a/1.JPG")
    catalog.scan()
    assert drop(catalog, b"a/1.JPG") == 0
    assert catalog.column(first, "location_id") == place(catalog, b"a/1.JPG")


def test_empty_directories_go_from_below_and_never_the_root_or_one_with_rows(catalog: StoreHarness) -> None:
    catalog.put(b"keep/1.JPG", "one", inode=1)
    catalog.put(b"x/y/z/1.JPG", "one", inode=2)
    catalog.put(b"x/2.txt", "other", inode=3)
    catalog.disk[b""] = {}
    catalog.disk[b"x/y"] = {}
    catalog.ingest()
    for path in (b"x/y/z", b"x/y", b"x"):
        del catalog.disk[path]
    catalog.scan(b"")
    top = catalog.writer.value("SELECT id FROM directory WHERE path = CAST('x' AS BLOB)")
    mark_directory_missing(catalog.writer, catalog.volume_id, top, catalog.now_ns)
    assert drop(catalog, b"x/y/z/1.JPG") == 1
    left = {bytes(row[0]) for row in catalog.writer.rows("SELECT path FROM directory")}
    assert left == {b"", b"keep", b"x"}
    assert drop(catalog, b"x/2.txt") == 1
    left = {bytes(row[0]) for row in catalog.writer.rows("SELECT path FROM directory")}
    assert left == {b"", b"keep"}


def test_the_place_of_a_nested_mount_stays(catalog: StoreHarness) -> None:
    catalog.put(b"x/usb/2.txt", "other", inode=3)
    catalog.disk[b""] = {}
    catalog.disk[b"x"] = {}
    catalog.ingest()
    volumes.note_nested_mounts(catalog.writer, catalog.volume_id, [(b"x/usb", "key")], catalog.now_ns)
    top = catalog.writer.value("SELECT id FROM directory WHERE path = CAST('x' AS BLOB)")
    mark_directory_missing(catalog.writer, catalog.volume_id, top, catalog.now_ns)
    assert drop(catalog, b"x/usb/2.txt") == 1
    left = {bytes(row[0]) for row in catalog.writer.rows("SELECT path FROM directory")}
    assert left == {b"", b"x", b"x/usb"}


# ---- what else refers to a place


def test_a_sidecar_whose_words_count_stays_and_one_without_words_goes(catalog: StoreHarness) -> None:
    from catalog.facts import Descriptive, Facts, FactsResult
    from catalog.store import sidecars

    for name in (b"1", b"2"):
        catalog.put(b"a/" + name + b".JPG", name.decode(), inode=int(name))
        catalog.put(b"a/" + name + b".JPG.xmp", "words", inode=10 + int(name))
    catalog.scan()
    catalog.read_facts()
    (one, other) = sidecars.sidecars_due(
        catalog.writer, 10, volume_id=catalog.volume_id, now_ns=catalog.now_ns
    )
    said = Facts(None, "application/rdf+xml", descriptive=Descriptive(title="the sea"))
    silent = Facts(None, "application/rdf+xml", descriptive=Descriptive())
    sidecars.record_sidecars(
        catalog.writer, [FactsResult(one, said), FactsResult(other, silent)], catalog.now_ns
    )
    asset = catalog.asset_at(b"a/1.JPG")
    for name in (b"1", b"2"):
        catalog.remove(b"a/" + name + b".JPG.xmp")
    catalog.scan()
    assert drop(catalog, b"a/1.JPG.xmp", b"a/2.JPG.xmp") == 1
    assert paths(catalog) == {b"a/1.JPG", b"a/2.JPG", b"a/1.JPG.xmp"}
    assert catalog.writer.value("SELECT value FROM statement WHERE asset_id = ?", (asset,)) == '"the sea"'


def test_cells_and_damage_of_a_dropped_place_go_with_it(catalog: StoreHarness) -> None:
    catalog.put(b"a/1.JPG", "one", inode=1)
    catalog.put(b"b/1.JPG", "one", inode=2)
    catalog.put(b"b/9.JPG.xmp", "about nobody", inode=3)
    catalog.ingest()
    from catalog.store import file_cells

    with catalog.writer.atomic():
        file_cells.fill(
            catalog.writer, catalog.writer.value("SELECT id FROM directory WHERE path = CAST('b' AS BLOB)")
        )
    gone = place(catalog, b"b/1.JPG")
    catalog.writer.execute("INSERT INTO damage VALUES (?, zeroblob(32), 1, 1)", (gone,))
    assert catalog.writer.value("SELECT count(*) FROM file_cell WHERE location_id = ?", (gone,))
    catalog.remove(b"b/1.JPG")
    catalog.scan()
    assert drop(catalog, b"b/1.JPG") == 1
    assert not catalog.writer.value("SELECT count(*) FROM file_cell WHERE location_id = ?", (gone,))
    assert not catalog.writer.value("SELECT count(*) FROM damage")


def test_what_the_trash_tells_of_stays(catalog: StoreHarness) -> None:
    catalog.put(b"a/1.JPG", "one", inode=1)
    catalog.put(b"b/1.JPG", "one", inode=2)
    catalog.ingest()
    asset = catalog.asset_at(b"a/1.JPG")
    catalog.remove(b"b/1.JPG")
    catalog.scan()
    catalog.writer.execute("INSERT INTO journal (command, author, made_ns) VALUES ('{}', 'x', 1)")
    catalog.writer.execute(
        "INSERT INTO purge (journal_id, asset_id, location_id, hash, size, mtime_ns, ctime_ns, inode, state, planned_ns,"
        " ended_ns) VALUES ((SELECT max(id) FROM journal), ?, ?, zeroblob(32), 1, 1, 1, 1, 'done', 1, 1)",
        (asset, place(catalog, b"b/1.JPG")),
    )
    assert drop(catalog, b"b/1.JPG") == 0


def test_foreign_keys_are_on_again_after_rows_went(catalog: StoreHarness) -> None:
    catalog.put(b"a/1.JPG", "one", inode=1)
    catalog.put(b"b/1.JPG", "one", inode=2)
    catalog.ingest()
    catalog.remove(b"b/1.JPG")
    catalog.scan()
    drop(catalog, b"b/1.JPG")
    assert catalog.writer.value("PRAGMA foreign_keys") == 1


# ---- what the missing rule lets go, asked again in the transaction


@pytest.fixture
def copy_gone(catalog: StoreHarness) -> LocationId:
    """A copy that is missing; its photo is there."""
    catalog.put(b"a/1.JPG", "one", inode=1)
    catalog.put(b"b/1.JPG", "one", inode=2)
    catalog.ingest()
    catalog.remove(b"b/1.JPG")
    catalog.scan()
    return place(catalog, b"b/1.JPG")


def since(catalog: StoreHarness, one: LocationId) -> int:
    """Return since when a file is missing."""
    return int(catalog.writer.value("SELECT missing_since_ns FROM location WHERE id = ?", (one,)))


def test_a_judged_row_goes(catalog: StoreHarness, copy_gone: LocationId) -> None:
    judged = {copy_gone: since(catalog, copy_gone)}
    assert traces.drop_missing(catalog.writer, judged, catalog.now_ns) == 1


def test_a_file_that_was_there_meanwhile_stays(catalog: StoreHarness, copy_gone: LocationId) -> None:
    judged = {copy_gone: since(catalog, copy_gone)}
    catalog.put(b"b/1.JPG", "one", inode=2)
    catalog.scan()
    catalog.remove(b"b/1.JPG")
    catalog.scan()
    assert traces.drop_missing(catalog.writer, judged, catalog.now_ns) == 0


@pytest.mark.parametrize("state", ["unknown", "suspect", "offline"])
def test_nothing_goes_while_any_volume_is_away(
    catalog: StoreHarness, copy_gone: LocationId, state: str
) -> None:
    other = volumes.add_volume(catalog.writer, "Other", b"/other", now_ns=1)
    volumes.set_volume_state(catalog.writer, other, state, "a reason", 2)  # type: ignore[arg-type]
    judged = {copy_gone: since(catalog, copy_gone)}
    assert traces.drop_missing(catalog.writer, judged, catalog.now_ns) == 0
    volumes.set_volume_state(catalog.writer, other, "retired", "a reason", 2)
    assert traces.drop_missing(catalog.writer, judged, catalog.now_ns) == 1


# ---- volumes that their owner forgot


def sweep(catalog: StoreHarness, limit: int = 3) -> None:
    """Sweep in small steps."""
    for _ in range(200):
        if not traces.sweep_forgotten(catalog.writer, catalog.now_ns, limit):
            return
    raise AssertionError("sweeping does not end")


def some_of_everything(catalog: StoreHarness) -> None:
    """Ten photos, a copy on another volume, a file of no photo, a directory that is empty."""
    for number in range(10):
        catalog.put(b"a/b/%d.JPG" % number, f"photo {number}", inode=number + 1)
    catalog.put(b"x/notes.txt", "no photo", inode=20)
    catalog.disk |= {b"": {}, b"a": {}, b"empty/too": {}, b"empty": {}}
    catalog.ingest()


def test_a_plan_counts_what_forgetting_would_do(catalog: StoreHarness) -> None:
    some_of_everything(catalog)
    catalog.say(catalog.asset_at(b"a/b/1.JPG"), "title", '"the sea"')
    here = catalog.volume_id
    catalog.volume_id = volumes.add_volume(catalog.writer, "Other", b"/other", now_ns=1)
    catalog.disk = {b"c": {}}
    catalog.put(b"c/1.JPG", "photo 3", inode=99)
    catalog.ingest()
    plan = traces.forget_plan(catalog.writer, here)
    assert (plan.files, plan.photos_only_here, plan.photos_only_here_said, plan.photos_elsewhere) == (
        11,
        9,
        1,
        1,
    )
    assert plan.bytes == catalog.writer.value("SELECT sum(size) FROM location WHERE volume_id = ?", (here,))


def test_a_forgotten_volume_leaves_last_traces_and_every_word(catalog: StoreHarness) -> None:
    some_of_everything(catalog)
    asset = catalog.asset_at(b"a/b/1.JPG")
    catalog.say(asset, "title", '"the sea"')
    volumes.add_library_path(catalog.writer, catalog.volume_id, b"a")
    volumes.note_nested_mounts(catalog.writer, catalog.volume_id, [(b"empty/too", "key")], 1)
    volumes.mark_forgotten(catalog.writer, catalog.volume_id, catalog.now_ns)
    sweep(catalog)
    assert paths(catalog) == {b"a/b/%d.JPG" % number for number in range(10)}
    left = {bytes(row[0]) for row in catalog.writer.rows("SELECT path FROM directory")}
    assert left == {b"", b"a", b"a/b"}
    assert catalog.column(asset, "state") == "missing"
    assert catalog.said(asset) == {("title", ""): '"the sea"'}
    assert catalog.shown() == {}
    assert not traces.sweep_forgotten(catalog.writer, catalog.now_ns)


def test_a_sweep_that_was_killed_goes_on_after_a_restart(catalog: StoreHarness) -> None:
    some_of_everything(catalog)
    volumes.mark_forgotten(catalog.writer, catalog.volume_id, catalog.now_ns)
    for _ in range(4):
        assert traces.sweep_forgotten(catalog.writer, catalog.now_ns, 3)
    catalog.reopen()
    sweep(catalog)
    assert paths(catalog) == {b"a/b/%d.JPG" % number for number in range(10)}


def test_photos_of_a_forgotten_volume_are_the_same_again_where_their_bytes_turn_up(
    catalog: StoreHarness,
) -> None:
    some_of_everything(catalog)
    asset = catalog.asset_at(b"a/b/1.JPG")
    uid, name = catalog.column(asset, "uid"), catalog.column(asset, "name")
    catalog.say(asset, "title", '"the sea"')
    shown = catalog.shown()
    volumes.mark_forgotten(catalog.writer, catalog.volume_id, catalog.now_ns)
    sweep(catalog)
    catalog.volume_id = volumes.add_volume(catalog.writer, "Photos", b"/photos", now_ns=2)
    volumes.set_volume_state(catalog.writer, catalog.volume_id, "online", None, 2)
    catalog.ingest()
    assert catalog.shown() == shown
    again = catalog.writer.value(
        "SELECT c.asset_id FROM location AS l JOIN content AS c ON c.id = l.content_id"
        " WHERE l.volume_id = ? AND l.name = CAST('1.JPG' AS BLOB)",
        (catalog.volume_id,),
    )
    assert (again, catalog.column(asset, "uid"), catalog.column(asset, "name")) == (asset, uid, name)
    assert catalog.said(asset) == {("title", ""): '"the sea"'}


# ---- why


def test_why_missing_tells_what_the_rule_says_and_what_holds_a_place(
    catalog: StoreHarness, copy_gone: LocationId
) -> None:
    asset = catalog.asset_at(b"a/1.JPG")

    def told(days: int = 0) -> dict[str, object]:
        document = explain_missing(catalog.writer, asset, catalog.now_ns + days * 86_400 * 10**9)
        assert (document["is_missing"], document["places"][0]["verdict"]) == (False, None)
        return dict(document["places"][1])

    assert (told()["verdict"], told()["full_scans"]) == ("keep", 0)
    for _ in range(2):
        row = scanning.begin_scan(catalog.writer, catalog.volume_id, "full", catalog.now_ns + 1)
        scanning.end_scan(catalog.writer, row, "done", counts={}, now_ns=catalog.now_ns + 1)
    assert (told(8)["verdict"], told(8)["full_scans"]) == ("go", 2)
    other = volumes.add_volume(catalog.writer, "Other", b"/other", now_ns=1)
    volumes.set_volume_state(catalog.writer, other, "offline", "unplugged", 1)
    assert told(8)["reason"] == "the volume 'Other' is offline: the file may be there"
    volumes.set_volume_state(catalog.writer, other, "disabled", None, 1)
    assert told(8)["verdict"] == "go"
    missing_places.set_hold(catalog.writer, catalog.volume_id, "many are gone")
    assert told(8)["reason"] == "many are gone"
    for key in ("key", None):
        volumes.note_nested_mounts(catalog.writer, catalog.volume_id, [(b"b", key)], 1)
    assert (told(8)["verdict"], told(8)["mount_away"]) == ("keep", "b")
    volumes.set_volume_state(catalog.writer, catalog.volume_id, "suspect", "half empty", 1)
    assert (told(8)["volume_state"], told(8)["volume_reason"]) == ("suspect", "half empty")


def test_why_missing_of_a_path_tells_of_files_that_are_gone_and_of_no_photos(catalog: StoreHarness) -> None:
    some_of_everything(catalog)
    catalog.remove(b"x/notes.txt")
    catalog.remove(b"a/b/1.JPG")
    catalog.scan()

    def told(path: bytes) -> dict[str, object] | None:
        return explain_missing_path(catalog.writer, catalog.volume_id, path, catalog.now_ns)

    photo = told(b"a/b/1.JPG")
    assert photo is not None
    assert photo["uid"] == catalog.column(catalog.asset_at(b"a/b/1.JPG"), "uid")
    assert photo["is_missing"] is True
    (row,) = photo["places"]  # type: ignore[misc]
    assert (row["path"], row["state"], row["reason"]) == (
        "a/b/1.JPG",
        "missing",
        "it is the last place where the photo was seen",
    )
    notes, there = told(b"x/notes.txt"), told(b"a/b/2.JPG")
    assert notes is not None
    assert there is not None
    assert (notes["uid"], notes["is_missing"], there["is_missing"]) == (None, True, False)
    assert told(b"x/never.txt") is None


def test_why_missing_tells_that_a_volume_was_forgotten(catalog: StoreHarness) -> None:
    some_of_everything(catalog)
    asset = catalog.asset_at(b"a/b/1.JPG")
    volumes.mark_forgotten(catalog.writer, catalog.volume_id, catalog.now_ns)
    sweep(catalog)
    document = explain_missing(catalog.writer, asset, catalog.now_ns)
    assert document["rule"] == "its owner forgot the volume where it was last seen"
    (row,) = document["places"]
    assert (row["is_forgotten"], row["volume"], row["verdict"]) == (True, "Photos", "keep")
    assert row["reason"] == "it is the last place where the photo was seen"


# ---- kills and plans

_SWEEP = "import sys; from pathlib import Path; from catalog.library import Library; from daemon.forgetting import sweep_alone; sweep_alone(Library(Path(sys.argv[1])))"


@pytest.mark.slow
@pytest.mark.parametrize(
    "failpoint",
    [
        "store.forgetting:1",
        "store.forgetting:3",
        "store.traces:1",
        "store.commit:1",
        "store.commit:3",
        "store.missing:1",
    ],
)
def test_a_sweep_that_is_killed_anywhere_ends_as_one_that_is_not(
    catalog: StoreHarness, failpoint: str
) -> None:
    some_of_everything(catalog)
    asset = catalog.asset_at(b"a/b/1.JPG")
    catalog.say(asset, "title", '"the sea"')
    volumes.mark_forgotten(catalog.writer, catalog.volume_id, catalog.now_ns)
    command = [sys.executable, "-c", _SWEEP, str(catalog.library.path)]
    killed = subprocess.run(
        command, env={**os.environ, "GLASSINE_FAILPOINT": failpoint}, cwd=REPOSITORY, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert catalog.check() == []
    assert traces.next_forgotten(catalog.writer) is not None
    subprocess.run(command, cwd=REPOSITORY, check=True)
    assert traces.next_forgotten(catalog.writer) is None
    assert paths(catalog) == {b"a/b/%d.JPG" % number for number in range(10)}
    assert catalog.said(asset) == {("title", ""): '"the sea"'}


@pytest.mark.parametrize(
    ("sql", "count", "expected"),
    [
        pytest.param(trace_rows.REPLACED, 1, "asset_location", id="photos that are nowhere"),
        pytest.param(
            trace_rows.HELD_ELSEWHERE, 2, "location_content (content_id=?)", id="other places of bytes"
        ),
        pytest.param(
            missing_places.PAGE, 3, "location_missing (volume_id=? AND rowid>?)", id="a page of the rule"
        ),
        pytest.param(missing_places.COMPLETE_SCANS, 4, "scan_volume (volume_id=?)", id="scans since"),
    ],
)
def test_questions_about_traces_use_their_index(
    catalog: StoreHarness, sql: str, count: int, expected: str
) -> None:
    rows = catalog.writer.rows(f"EXPLAIN QUERY PLAN {sql}", [1] * count)
    assert any(expected in row[3] for row in rows), rows
    assert not any("SCAN l" in row[3] or "TEMP B-TREE" in row[3] for row in rows), rows


# ---- what the machine of volumes found (tests/stateful/test_volume_machine.py)


def test_a_directory_that_is_listed_before_those_above_it_brings_them_back(catalog: StoreHarness) -> None:
    catalog.put(b"x/y/1.JPG", "one")
    catalog.disk |= {b"": {}, b"x": {}}
    catalog.scan()
    top = catalog.writer.value("SELECT id FROM directory WHERE path = CAST('x' AS BLOB)")
    mark_directory_missing(catalog.writer, catalog.volume_id, top, catalog.now_ns)
    catalog.list_directory(b"x/y")
    assert catalog.check() == []


def test_a_name_that_was_no_photos_rules_a_photo_that_it_is_linked_to(catalog: StoreHarness) -> None:
    catalog.put(b"a/notes.txt", "no photo", inode=1)
    catalog.scan()
    catalog.put(b"b/1.JPG", "one", inode=2)
    catalog.ingest()
    catalog.disk[b"a"][b"notes.txt"] = catalog.disk[b"b"][b"1.JPG"]
    catalog.scan(b"a")
    asset = catalog.asset_at(b"b/1.JPG")
    assert catalog.column(asset, "location_id") == place(catalog, b"a/notes.txt")
