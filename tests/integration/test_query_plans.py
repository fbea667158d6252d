"""Plans of queries: what leads to few photos is an index, and what is asked of each photo searches, never scans."""

from __future__ import annotations

from datetime import date

import pytest

from catalog.commands import execute
from catalog.commands.layer import AlbumAdd, PersonAdd, Rate, TagAdd, TagAlias, TagRename
from catalog.ids import AssetId
from catalog.query import Predicate, parse
from catalog.store import dynamic, find, folders, layer_documents, leads
from catalog.store.explain_layer import COVER
from catalog.store.explain_missing import LAST_PLACE, PLACES
from store_harness import StoreHarness

TODAY = date(2026, 9, 21)


@pytest.fixture
def said(catalog: StoreHarness) -> StoreHarness:
    """A few photos with a tag, an album and a person: names are looked up when a query is compiled."""
    for number in range(3):
        catalog.put(b"IMG_%d.JPG" % number, f"{number}")
    catalog.ingest()
    uids = tuple(row[0] for row in catalog.writer.rows("SELECT uid FROM asset"))
    commands = (
        TagAdd(uids, ("animals/cat",)),
        AlbumAdd(uids, "Rome", is_created=True),
        PersonAdd(uids, "Anna"),
        Rate(uids, 4),
    )
    for command in commands:
        execute(catalog.writer, command, now_ns=catalog.now_ns)
    find.register_functions(catalog.writer)
    return catalog


def read(text: str) -> Predicate:
    return parse(text, today=TODAY)


def plan(catalog: StoreHarness, sql: str, values: list[object] | tuple[object, ...]) -> list[str]:
    return [row[3] for row in catalog.writer.rows(f"EXPLAIN QUERY PLAN {sql}", list(values))]


LEADS: list[tuple[str, str]] = [
    ("date=2019-08", "INDEX asset_day (day>? AND day<?)"),
    ("is:undated", "INDEX asset_day (day<?)"),
    ("tag=animals", "PRIMARY KEY (view=? AND key=? AND sub=?)"),
    ("album=rome", "PRIMARY KEY (view=? AND key=? AND sub=?)"),
    ("person=*anna*", "PRIMARY KEY (view=? AND key=?)"),
    ("trashed=2019", "PRIMARY KEY (view=? AND key>? AND key<?)"),
    ("is:favorite", "PRIMARY KEY (view=?)"),
    ("has:tag", "PRIMARY KEY (view=?)"),
    ("has:sidecar", "PRIMARY KEY (asset_id>?)"),
    ("has:person", "PRIMARY KEY (view=?)"),
    ("rating>=4", "INDEX effective_rating (rating>?"),
    ("has:rating", "INDEX effective_rating"),
    ("label=red", "INDEX effective_label (label=?)"),
    ("near=52,13,5km", "INDEX effective_lat (lat>? AND lat<?)"),
    ("is:trashed", "INDEX effective_trashed"),
    ("is:hidden", "INDEX asset_state (state=?)"),
    ("is:missing", "INDEX asset_state (state=?)"),
    ("is:pending", "INDEX asset_state (state=?)"),
    ("is:stacked", "INDEX asset_stack (stack_id>?)"),
    ("stack=burst", "INDEX asset_stack (stack_id=?)"),
    ("has:face", "INDEX effective_faces"),
    ("uid=k7m2qx", "sqlite_autoindex_asset_1 (short=?)"),
    ("hash=1f00", "sqlite_autoindex_content_1 (hash>? AND hash<?)"),
    ("camera=canon*", "INDEX asset_camera (camera_id=?)"),
    ("added=2019", "INDEX asset_recent (added_day>? AND added_day<?)"),
    ("type:video", "INDEX asset_kind (kind=?)"),
    ("volume=nas", "(directory_id=?)"),
    ("path=2019/*", "(directory_id=?)"),
    ("beach", "photo_text VIRTUAL TABLE INDEX"),
    ('title="at the sea"', "photo_text VIRTUAL TABLE INDEX"),
    ("person=anna", "photo_text VIRTUAL TABLE INDEX"),
]


@pytest.mark.parametrize(("text", "expected"), LEADS)
def test_a_term_leads_through_its_index(said: StoreHarness, text: str, expected: str) -> None:
    lead = leads.lead_of(said.writer, read(text), is_shown_only=True)
    assert lead is not None
    lines = plan(said, lead.sql, lead.values)
    assert any(expected in line for line in lines), lines
    scans = [line for line in lines if line.startswith("SCAN")]
    assert all("json_each" in line or "VIRTUAL TABLE INDEX" in line or line == "SCAN s" for line in scans), (
        lines
    )
    sql, values = find.statement(said.writer, read(text), lead)
    lines = plan(said, sql, [0, *values, 10])
    assert any(line.startswith("SEARCH a USING INTEGER PRIMARY KEY (rowid=?)") for line in lines), lines


def test_the_narrowest_term_of_all_leads(said: StoreHarness) -> None:
    execute(said.writer, TagAdd((said.writer.value("SELECT uid FROM asset"),), ("rare",)), now_ns=said.now_ns)
    for text in ("tag=animals rating>=4 tag=rare date=2019", "tag=rare img"):
        lead = leads.lead_of(said.writer, read(text), is_shown_only=True)
        assert lead is not None
        assert len(said.writer.rows(lead.sql, lead.values)) <= 3
    assert leads.lead_of(said.writer, read("tag=animals OR *x*"), is_shown_only=True) is None
    assert leads.lead_of(said.writer, read("-tag=animals"), is_shown_only=True) is None
    assert leads.lead_of(said.writer, read("date=2019"), is_shown_only=False) is None
    either = leads.lead_of(said.writer, read("tag=rare OR rating=4"), is_shown_only=True)
    assert either is not None
    assert {row[0] for row in said.writer.rows(either.sql, either.values)} == {1, 2, 3}


@pytest.mark.parametrize(
    "text",
    [
        "tag=animals", "tag=a*", "album=rome", "person=*anna*", "rating>=4", "label=red", "is:favorite", "is:hidden", "is:trashed", "is:cover",
        "has:face", "has:tag", "has:title", "trashed=2019", "stack=burst", "beach", "title=sea", "near=52,13,5km", "*anna*", "has:gps",
    ],
)  # fmt: skip
def test_a_term_that_is_asked_of_each_photo_searches(said: StoreHarness, text: str) -> None:
    sql, values = find.statement(said.writer, read(f"NOT {text}"))
    lines = plan(said, sql, [0, *values, 10])
    assert any(line.startswith("SEARCH a USING INTEGER PRIMARY KEY (rowid>?)") for line in lines), lines
    scans = [line for line in lines if line.startswith("SCAN")]
    # Values of a parameter, the handful of stacks of a kind, and the one row of photo_text.
    assert all(
        "json_each" in line or line.startswith(("SCAN s", "SCAN t VIRTUAL TABLE INDEX 0:=", "SCAN CONSTANT"))
        for line in scans
    ), lines
    assert not any("TEMP B-TREE" in line for line in lines), lines


STATEMENTS = [
    (dynamic.FIRST_OF_FOLD.format("?"), 1, "asset_fold (fold=?)"),
    (dynamic.PHOTOS_BY_ID, 1, "asset_fold (fold=?)"),
    (dynamic.PHOTO_BY_FOLD, 1, "asset_fold (fold=?)"),
    (dynamic.PHOTO_BY_SHORT, 1, "sqlite_autoindex_asset_1 (short=?)"),
    (dynamic.HOLDS_PHOTOS, 1, "(volume_id=?"),
    (dynamic.HAS_DAYS, 2, "asset_day (day>? AND day<?)"),
    (layer_documents.EFFECTIVE, 1, "SEARCH e USING INTEGER PRIMARY KEY (rowid=?)"),
    (layer_documents.MEMBERS, 1, "member_asset (asset_id=?)"),
    (layer_documents.STACKS, 1, "asset_stack (stack_id=?)"),
    (PLACES, 1, "location_content (content_id=?)"),
    (LAST_PLACE, 1, "SEARCH c USING INTEGER PRIMARY KEY (rowid=?)"),
    (COVER, 1, "SEARCH b USING INTEGER PRIMARY KEY (rowid=?)"),
    *((sql, 1, "SEARCH t USING INTEGER PRIMARY KEY (rowid=?)") for sql in folders.LABELS.values()),
]


@pytest.mark.parametrize(("sql", "count", "expected"), STATEMENTS)
def test_statements_search_their_index(catalog: StoreHarness, sql: str, count: int, expected: str) -> None:
    lines = plan(catalog, sql, [1] * count)
    assert any(expected in line for line in lines), lines
    scans = [line for line in lines if line.startswith("SCAN")]
    assert all("wanted" in line or line in ("SCAN CONSTANT ROW", "SCAN up") for line in scans), lines


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("path=2019/Rome/*", {1, 2}),
        ("path=2019/*", {1, 2, 3}),
        ("path=2019/r*", {1, 2}),
        ("path=2019/img_3.jpg", {3}),
        ("path=img*", {4}),
        ("path=2019/img_*", {3}),
        ("path=2019*", {1, 2, 3, 5}),
        ("path=*rome*", {1, 2}),
        ("path=2018/*", set()),
        ("path=2019", {1, 2, 3, 5}),
    ],
)
def test_a_path_leads_through_the_directories_that_its_beginning_fits(
    catalog: StoreHarness, text: str, found: set[int]
) -> None:
    for number, folder in enumerate((b"2019/Rome/", b"2019/Rome/day 2/", b"2019/", b"", b"2019x/"), start=1):
        catalog.put(b"%sIMG_%d.JPG" % (folder, number), f"{number}")
    catalog.ingest()
    number_of = {row[0]: int(row[1][4]) for row in catalog.writer.rows("SELECT id, name FROM asset")}
    assert {number_of[one] for one in find.matching(catalog.writer, read(text), AssetId(0), 10)} == found
    lead = leads.lead_of(catalog.writer, read(text), is_shown_only=True)
    if text.startswith("path=*") or not text.endswith("*"):  # anywhere in the path
        assert lead is None
    else:
        assert lead is not None
        assert found <= {number_of[row[0]] for row in catalog.writer.rows(lead.sql, lead.values)}
        assert leads.lead_of(catalog.writer, read(text), is_shown_only=False) is None


def test_a_lead_that_is_too_wide_is_none(said: StoreHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leads, "NARROW", 2)
    assert leads.lead_of(said.writer, read("rating=4"), is_shown_only=True) is None
    assert find.matching(said.writer, read("rating=4"), AssetId(0), 10) == [1, 2, 3]


def test_a_name_that_was_looked_up_is_forgotten_with_the_next_commit(said: StoreHarness) -> None:
    reader = said.reader()
    uids = tuple(row[0] for row in said.writer.rows("SELECT uid FROM asset"))
    for session in (said.writer, reader):
        assert len(find.matching(session, read("tag=dog"), AssetId(0), 10)) == 0
        assert len(find.matching(session, read("tag=dog"), AssetId(0), 10)) == 0
    execute(said.writer, TagAdd(uids[:2], ("animals/dog",)), now_ns=said.now_ns)
    for session in (said.writer, reader):
        assert len(find.matching(session, read("tag=dog"), AssetId(0), 10)) == 2
    execute(said.writer, TagRename("animals/dog", "animals/Hund"), now_ns=said.now_ns)
    execute(said.writer, TagAlias("animals/Hund", "perro"), now_ns=said.now_ns)
    for session in (said.writer, reader):
        for text in ("tag=hund", "tag=PERRO", "tag=animals/dog"):
            assert len(find.matching(session, read(text), AssetId(0), 10)) == 2, text
    reader.close()
