"""Plans: every hot statement searches the index that its comment names, and no listing sorts.

EXPLAIN QUERY PLAN on a catalog with statistics of nobody (no ANALYZE is ever run): what is chosen here is chosen
on every library.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from catalog.buckets import Bucket, MediaType, View
from catalog.query import parse
from catalog.store import (
    assets,
    derive,
    embedded_names,
    explain_sidecars,
    file_cells,
    find,
    ingest,
    inputs,
    jobs,
    layer_folders,
    layer_rows,
    listing,
    neighbours,
    places,
    previews,
    progress,
    said,
    sidecar_files,
    sidecar_rows,
    sidecar_settling,
    sidecars,
)
from catalog.store.claims import OWNERS
from catalog.store.schema import INDEXES
from catalog.store.shapes import KIND, MEMBER, SHAPES, SPECIAL
from store_harness import StoreHarness, make_harness


def plan(catalog: StoreHarness, sql: str, count: int) -> list[str]:
    """Return the plan's lines. Parameters are numbers: their values do not matter to the planner."""
    find.register_functions(catalog.writer)
    return [row[3] for row in catalog.writer.rows(f"EXPLAIN QUERY PLAN {sql}", [1] * count)]


def parameters(sql: str) -> int:
    numbered = [int(number) for number in re.findall(r"\?(\d+)", sql)]
    return max(numbered, default=0) or len(re.findall(r"\?(?!\d)", sql))


def searched(lines: list[str], table: str) -> str:
    """Return how the first table is reached."""
    return next(line for line in lines if line.split()[1] == table)


PHOTO_INDEX = {
    View.TIMELINE: "asset_timeline (day=? AND content_id>?)",
    View.RECENT: "asset_recent (added_day=? AND is_shown=? AND content_id>?)",
    View.CAMERAS: "asset_camera (camera_id=? AND is_shown=? AND year=? AND content_id>?)",
    KIND: "asset_kind (kind=? AND is_shown=? AND year=? AND content_id>?)",
    SPECIAL: "asset_special (year=? AND content_id>?)",
}


@pytest.mark.parametrize("shape", list(PHOTO_INDEX))
def test_a_folder_is_paged_by_its_index_without_sorting(catalog: StoreHarness, shape: int) -> None:
    lines = plan(catalog, listing.PHOTOS_IN[shape], 5)
    assert PHOTO_INDEX[shape] in searched(lines, "a")
    assert "PRIMARY KEY (view=? AND key=? AND sub=? AND fold=?)" in searched(lines, "k")
    assert "INTEGER PRIMARY KEY" in searched(lines, "c")
    assert not any("TEMP B-TREE" in line or line.startswith("SCAN") for line in lines)


@pytest.mark.parametrize("shape", list(PHOTO_INDEX))
def test_a_name_is_searched_in_the_index_of_names(catalog: StoreHarness, shape: int) -> None:
    line = searched(plan(catalog, listing.PHOTOS_BY_FOLD[shape], 4), "a")
    assert f"INDEX {'asset_fold' if shape == SPECIAL else 'asset_name'} (fold=?" in line
    if shape == View.TIMELINE:
        assert "(fold=? AND day=?" in line


@pytest.mark.parametrize("shape", list(PHOTO_INDEX))
def test_a_suffixed_name_is_found_by_its_short_id(catalog: StoreHarness, shape: int) -> None:
    line = searched(plan(catalog, listing.PHOTO_BY_SHORT[shape], 4), "a")
    assert "sqlite_autoindex_asset_1 (short=?)" in line
    line = searched(plan(catalog, listing.PHOTO_OF_CLAIM[shape], 4), "a")
    assert "INTEGER PRIMARY KEY (rowid=?)" in line


SIMPLE: list[tuple[str, str, str]] = [
    ("claim owner", listing.CLAIM_OWNER, "PRIMARY KEY (view=? AND key=? AND sub=? AND fold=?)"),
    ("uid", listing.ASSET_BY_SHORT, "sqlite_autoindex_asset_1 (short=?)"),
    ("folders of a view", listing.BUCKETS_OF_VIEW, "PRIMARY KEY (view=? AND key>? AND key<?)"),
    ("files", listing.ORIGINAL_FILES, "location_directory (directory_id=? AND rowid>?)"),
    ("a file by name", listing.ORIGINAL_FILE_NAMED, "(directory_id=? AND name=?)"),
    ("directories", listing.ORIGINAL_DIRECTORIES, "directory_parent (parent_id=? AND rowid>?)"),
    ("a directory by name", listing.ORIGINAL_DIRECTORY_NAMED, "directory_name (parent_id=? AND name=?)"),
    ("header facts", ingest.FACTS_DUE["header"], "content_facts_due (facts_state=? AND id>?)"),
    ("deep facts", ingest.FACTS_DUE["deep"], "content_facts_due (facts_state=? AND id>?)"),
    ("hashes", ingest.HASH_DUE_FIRST, "sqlite_autoindex_content_1 (hash=? AND rowid>?)"),
    ("sniffs", ingest.SNIFF_DUE, "location_sniff_due (volume_id=? AND id>?)"),
    ("sidecars", sidecars.DUE, "sidecar_due (location_id>?)"),
    ("sidecars of cells", sidecar_files.OF_CELLS, "sidecar_cell (directory_id=? AND cell=?)"),
    ("sidecars of photos", sidecar_settling.OF_PHOTOS, "PRIMARY KEY (asset_id=?)"),
    ("names beside sidecars", sidecar_settling.NEIGHBOURS, "f USING PRIMARY KEY (directory_id=? AND cell=?)"),
    ("names of sidecars", sidecar_settling.SIDECAR_NAMES, "sidecar_cell (directory_id=? AND cell=?)"),
    ("whether a photo is here", sidecar_settling.IS_HERE, "location_content (content_id=?)"),
    ("names not noted yet", file_cells.FILES_AFTER, "location_directory (directory_id=? AND rowid>?)"),
    (
        "photos of a folder by name",
        neighbours.SHOTS,
        "sqlite_autoindex_location_1 (directory_id=? AND name>?)",
    ),
    ("previews to be copied", previews._DUE, "preview_due (content_id>?)"),
    ("words of files", embedded_names.UIDS_OF, "PRIMARY KEY (kind=? AND text=?)"),
    ("words that mean a thing", embedded_names.TEXTS_OF, "embedded_name_uid (uid=? AND kind=?)"),
    ("sidecars beside a file", sidecar_rows.MARK, "sidecar_cell (directory_id=? AND cell=?)"),
    ("sidecars about nobody", sidecar_rows.MARK_UNBOUND, "sidecar_unbound (directory_id=?)"),
    ("sidecars in documents", explain_sidecars.OF_PHOTOS, "PRIMARY KEY (asset_id=?)"),
    ("photos of a sidecar", explain_sidecars.PHOTOS_OF, "sidecar_photo_location (location_id=?)"),
    ("a job", jobs.CLAIMABLE, "job_due (run_after_ns<?)"),
    ("bytes of a photo", listing.OPEN_CONTENT, "location_content (content_id=?)"),
    ("bytes of a file", listing.OPEN_LOCATION, "INTEGER PRIMARY KEY (rowid=?)"),
    ("what rules an asset", inputs.INPUTS, "location_content (content_id=?)"),
    ("what is said", inputs.STATEMENTS, "sqlite_autoindex_statement_1 (asset_id=?)"),
    ("albums that are named", said.ALBUMS_NAMED, "sqlite_autoindex_album_1 (uid=?)"),
    ("persons that are named", said.PERSONS_NAMED, "sqlite_autoindex_person_1 (uid=?)"),
    ("tags that are named", said.TAGS_NAMED, "sqlite_autoindex_tag_1 (uid=?)"),
    ("tags above", said.TAGS_ABOVE, "INTEGER PRIMARY KEY (rowid=?)"),
    ("stack mates", derive.STACK_MEMBERS, "asset_stack (stack_id=?)"),
    ("kinds of stacks", derive.STACK_KINDS, "INTEGER PRIMARY KEY (rowid=?)"),
    ("effective rows", layer_rows.EFFECTIVE_OF, "INTEGER PRIMARY KEY (rowid=?)"),
    ("folders of an asset", layer_rows.MEMBERS_OF, "member_asset (asset_id=?)"),
    ("texts", layer_rows.TEXT_OF, "VIRTUAL TABLE INDEX 0:="),
    ("albums below", layer_folders.FOLDERS_BELOW[View.ALBUMS], "album_below (<expr>=? AND rowid>?)"),
    ("tags below", layer_folders.FOLDERS_BELOW[View.TAGS], "tag_below (<expr>=? AND rowid>?)"),
    ("persons", layer_folders.FOLDERS_BELOW[View.PEOPLE], "INTEGER PRIMARY KEY (rowid>?)"),
    ("places below", layer_folders.FOLDERS_BELOW[View.PLACES], "place_below (<expr>=? AND rowid>?)"),
    ("a place by label", layer_folders.FOLDER_BY_FOLD[View.PLACES], "place_sibling (<expr>=? AND fold=?)"),
    ("a place", layer_folders.FOLDER_BY_ID[View.PLACES], "PRIMARY KEY (view=? AND key=? AND sub=?)"),
    ("a place by name", places.PLACE_CALLED, "place_name (<expr>=? AND level=? AND name=?)"),
    ("a label of a place", places.PLACE_LABELLED, "place_sibling (<expr>=? AND fold=?)"),
    ("places and those above", places.PLACES_WITH_THOSE_ABOVE, "INTEGER PRIMARY KEY (rowid=?)"),
    ("an album by label", layer_folders.FOLDER_BY_FOLD[View.ALBUMS], "album_sibling (<expr>=? AND fold=?)"),
    ("a tag by label", layer_folders.FOLDER_BY_FOLD[View.TAGS], "tag_sibling (<expr>=? AND fold=?)"),
    ("a person by label", layer_folders.FOLDER_BY_FOLD[View.PEOPLE], "person_fold (fold=?)"),
    ("an album", layer_folders.FOLDER_BY_ID[View.ALBUMS], "INTEGER PRIMARY KEY (rowid=?)"),
    ("a tag", layer_folders.FOLDER_BY_ID[View.TAGS], "PRIMARY KEY (view=? AND key=? AND sub=?)"),
    ("years of stacks", layer_folders.STACK_YEARS, "bucket_sub (view=? AND sub>?)"),
    ("stacks of a year", layer_folders.STACKS_OF_YEAR, "bucket_sub (view=? AND sub=? AND key>?)"),
    ("a stack of a year", layer_folders.STACK_OF_YEAR, "(view=? AND key=? AND sub=?)"),
    ("a stack by its short id", layer_folders.STACK_BY_SHORT, "sqlite_autoindex_stack_1 (uid>? AND uid<?)"),
]


@pytest.mark.parametrize(("sql", "expected"), [pytest.param(*one[1:], id=one[0]) for one in SIMPLE])
def test_hot_statements_search_their_index(catalog: StoreHarness, sql: str, expected: str) -> None:
    lines = plan(catalog, sql, parameters(sql))
    assert any(expected in line for line in lines), lines
    scanned = [line for line in lines if line.startswith("SCAN")]
    # json_each is the list of ids asked for; volumes are a handful; a recursion reads what it found; FTS5 by row number.
    known = (
        "SCAN wanted",
        "SCAN volume",
        "SCAN up",
        "SCAN w",
        "SCAN years",
        "SCAN t VIRTUAL TABLE INDEX 0:=",
        "SCAN CONSTANT",
    )
    assert all(line.startswith(known) for line in scanned), lines
    assert not any("TEMP B-TREE" in line for line in lines), lines


def test_files_that_could_not_be_read_are_found_by_their_own_index(catalog: StoreHarness) -> None:
    lines = plan(catalog, progress.UNREADABLE, 2)
    assert "INDEX location_unread (volume_id=?)" in searched(lines, "l")
    assert "INTEGER PRIMARY KEY" in searched(lines, "d")


@pytest.mark.parametrize("shape", list(SHAPES))
def test_an_arrival_asks_two_indexes(catalog: StoreHarness, shape: int) -> None:
    lines = plan(catalog, OWNERS[shape], 4)
    assert any("PRIMARY KEY (view=? AND key=? AND sub=? AND fold=?)" in line for line in lines)
    assert any(f"INDEX {SHAPES[shape].names} (fold=?" in line for line in lines)
    assert not any(line.startswith("SCAN") for line in lines if "CONSTANT" not in line), lines


def test_a_folder_of_the_layer_is_paged_by_its_rows_without_sorting(catalog: StoreHarness) -> None:
    lines = plan(catalog, listing.PHOTOS_IN[MEMBER], 5)
    assert "PRIMARY KEY (view=? AND key=? AND sub=? AND asset_id>?)" in searched(lines, "m")
    assert "INTEGER PRIMARY KEY" in searched(lines, "a")
    assert not any("TEMP B-TREE" in line or line.startswith("SCAN") for line in lines)


@pytest.mark.parametrize(
    "statements", [listing.PHOTOS_BY_FOLD, listing.PHOTO_BY_SHORT, listing.PHOTO_OF_CLAIM]
)
def test_a_name_in_a_folder_of_the_layer_is_asked_of_the_photos_of_that_name(
    catalog: StoreHarness, statements: dict[int, str]
) -> None:
    lines = plan(catalog, statements[MEMBER], 4)
    assert "SEARCH a USING" in " ".join(lines[:1]), "the photo leads"
    assert "PRIMARY KEY (view=? AND key=? AND sub=? AND asset_id=?)" in searched(lines, "m")


@pytest.mark.parametrize("kind", list(assets.SAYING))
def test_who_says_a_thing_is_found_by_property_and_element(catalog: StoreHarness, kind: str) -> None:
    lines = plan(catalog, assets.SAYING[kind], parameters(assets.SAYING[kind]))
    assert any("statement_property (property=?" in line for line in lines), lines
    assert not any(line.startswith("SCAN s") for line in lines), lines


@pytest.mark.parametrize(
    "query",
    [
        "",
        "IMG_1*",
        "camera=canon",
        "type=raw",
        "volume=Photos",
        "near=52,13,5km",
        "is:offline has:gps",
        "path=a/*",
    ],
)
def test_a_query_reads_assets_in_the_order_of_ids(catalog: StoreHarness, query: str) -> None:
    from datetime import date

    sql, values = find.statement(catalog.writer, parse(query, today=date(2026, 1, 1)))
    lines = plan(catalog, sql, len(values) + 2)
    assert "USING INTEGER PRIMARY KEY (rowid>?)" in searched(lines, "a")
    assert not any("TEMP B-TREE" in line for line in lines)
    others = [line for line in lines if line.startswith("SCAN")]
    assert all(line.split()[1] in ("k", "CONSTANT") for line in others), (
        "only cameras are few enough to be scanned"
    )


def test_every_index_that_a_statement_demands_exists() -> None:
    demanded = set(
        re.findall(
            r"INDEXED BY (\w+)", " ".join([*listing.PHOTOS_IN.values(), *listing.PHOTOS_BY_FOLD.values()])
        )
    )
    assert demanded <= set(INDEXES)


@pytest.mark.slow
def test_a_late_page_of_a_large_folder_costs_no_more_than_the_first(tmp_path: Path) -> None:
    catalog = make_harness(tmp_path / "library")
    fill(catalog, 20_000)
    bucket = Bucket(View.TYPES, MediaType.PHOTO, 2019)
    first = spent(catalog, bucket, 0)
    last = spent(catalog, bucket, 19_000)
    assert len(listing.photos_in(catalog.writer, bucket, 19_990, 500)) == 10
    assert last < first * 3
    catalog.close()


def spent(catalog: StoreHarness, bucket: Bucket, after: int) -> float:
    """Return processor seconds of the quickest of five pages."""
    best = 9.0
    for _ in range(5):
        begin = time.thread_time()
        assert len(listing.photos_in(catalog.writer, bucket, after, 500)) == 500
        best = min(best, time.thread_time() - begin)
    return best


def fill(catalog: StoreHarness, count: int) -> None:
    """Insert shown photos of one day straight into the tables."""
    with catalog.writer.atomic():
        catalog.writer.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO content (id, asset_id, size, kind, mime, created_ns)"
            " SELECT i, i, 1, 'photo', 'image/jpeg', 1 FROM n",
            (count,),
        )
        catalog.writer.execute(
            "INSERT INTO asset (id, uid, short, name, fold, first_seen_ns, content_id, kind, mime, size, mtime_ns,"
            " day, year, added_day, types, is_shown, state, changed_ns) SELECT id, printf('%026d', id),"
            " printf('%06d', id), printf('IMG_%d.JPG', id), printf('img_%d.jpg', id), 1, id, 'photo', 'image/jpeg', 1, 1,"
            " 20190807, 2019, 20190808, 1, 1, 'shown', 1 FROM content"
        )
