"""The journal as `log` reads it: what a row changed, bounded, of some photos, of photos that were merged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.commands import EditOptions, execute
from catalog.commands.layer import AlbumAdd, LayerCommand, Rate, TagAdd, TagRename, Undo
from catalog.ids import AssetId
from catalog.store import history
from catalog.store.photos import resolve_photo
from library_builder import BuiltLibrary, FileSpec, build_library

COUNT = history.MAX_ITEMS + 20


@pytest.fixture
def built(tmp_path: Path) -> Iterator[BuiltLibrary]:
    made = build_library(
        tmp_path, {f"{number:04d}.jpg": FileSpec(captured="2019") for number in range(COUNT)}
    )
    yield made
    made.close()


def do(built: BuiltLibrary, command: LayerCommand) -> int:
    built.now_ns += 1
    answer = execute(built.writer, command, now_ns=built.now_ns, options=EditOptions())
    return int(answer["journal"])


def uids(built: BuiltLibrary) -> list[str]:
    return [uid for (uid,) in built.writer.rows("SELECT uid FROM asset ORDER BY id")]


def test_rows_come_newest_first_with_before_and_after(built: BuiltLibrary) -> None:
    one, other = uids(built)[:2]
    first = do(built, Rate((one, other), 3))
    second = do(built, Rate((one,), None))
    undone = do(built, Undo(second))
    found = history.entries(built.writer, limit=10)
    assert [entry.id for entry in found] == [undone, second, first]
    assert [entry.undone_by for entry in found] == [None, undone, None]
    assert (found[2].photos, found[2].item_count) == (2, 2)
    assert [(item.uid, item.before, item.after and item.after.value) for item in found[2].items] == [
        (one, None, 3),
        (other, None, 3),
    ]
    (taken_back,) = found[1].items
    assert (taken_back.before and taken_back.before.value, taken_back.after) == (3, None)
    assert found[0].items[0].after == taken_back.before  # exactly: the time as well


def test_paging_goes_on_behind_a_row(built: BuiltLibrary) -> None:
    rows = [do(built, Rate((uids(built)[0],), number)) for number in range(5)]
    page = history.entries(built.writer, limit=2)
    assert [entry.id for entry in page] == rows[:2:-1]
    assert [entry.id for entry in history.entries(built.writer, limit=2, before=page[-1].id)] == rows[2:0:-1]


def test_elements_are_called_as_they_are_called_now(built: BuiltLibrary) -> None:
    one = uids(built)[0]
    row = do(built, TagAdd((one,), ("sea",)))
    do(built, AlbumAdd((one,), "Travel/Rome", is_created=True))
    do(built, TagRename("sea", "water/ocean"))
    names = {
        item.property: item.name for entry in history.entries(built.writer, limit=9) for item in entry.items
    }
    assert names == {"tag": "water/ocean", "album": "Travel/Rome"}
    (made,) = [entry for entry in history.entries(built.writer, limit=9) if entry.id == row]
    (thing,) = made.things
    assert (thing.kind, thing.before, thing.after and thing.after["path"]) == ("tag", None, "sea")


def test_a_row_of_many_photos_tells_their_number_and_the_first(built: BuiltLibrary) -> None:
    everybody = uids(built)
    do(built, Rate(tuple(everybody), 1))
    (entry,) = history.entries(built.writer, limit=1)
    assert (entry.photos, entry.item_count, len(entry.items)) == (COUNT, COUNT, history.MAX_ITEMS)
    last = AssetId(resolve_photo(built.writer, everybody[-1]))
    (of_last,) = history.entries(built.writer, limit=1, asset_ids=[last])
    assert [item.uid for item in of_last.items] == [everybody[-1]]
    assert of_last.item_count == COUNT


def test_the_history_of_a_photo_holds_what_was_said_of_those_that_merged_into_it(built: BuiltLibrary) -> None:
    row = do(built, Rate((uids(built)[1],), 4))
    built.put("copy.jpg", FileSpec(body=b"the same bytes" * 100, captured="2019"))
    built.rescan(hashes=False)
    (copy,) = built.writer.rows("SELECT uid FROM asset ORDER BY id DESC LIMIT 1")
    said = do(built, Rate((copy[0],), 5))
    built.put("twin.jpg", FileSpec(body=b"the same bytes" * 100, captured="2019"))
    built.rescan(hashes=False)
    twin = uids(built)[-1]
    said_of_twin = do(built, Rate((twin,), 2))
    built.rescan()
    survivor = resolve_photo(built.writer, twin)
    found = [entry.id for entry in history.entries(built.writer, limit=9, asset_ids=[survivor])]
    assert {said, said_of_twin} <= set(found)
    assert row not in found


PLANS = {
    "NEWEST": (2, "SEARCH journal USING INTEGER PRIMARY KEY (rowid<?)"),
    "OF_ASSETS": (3, "INDEX journal_item_asset (asset_id=?)"),
    "MERGED": (1, "INDEX asset_alias (merged_into=?)"),
    "COUNTS": (1, "INDEX journal_item_journal (journal_id=?)"),
    "ITEMS": (2, "INDEX journal_item_journal (journal_id=?)"),
    "THINGS": (2, "INDEX journal_thing_journal (journal_id=?)"),
}


@pytest.mark.parametrize("name", PLANS)
def test_every_statement_searches_its_index(built: BuiltLibrary, name: str) -> None:
    count, wanted = PLANS[name]
    rows = built.writer.rows(f"EXPLAIN QUERY PLAN {getattr(history, name)}", [1] * count)
    lines = [row[3] for row in rows]
    assert any(wanted in line for line in lines), lines
    assert not any(line.startswith("SCAN") and "VIRTUAL TABLE" not in line for line in lines), lines
