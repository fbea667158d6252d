"""Places in the store: rows, folders, documents, texts, queries and names follow from the effective position."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from catalog import commands, names, places
from catalog.buckets import Bucket, View, bucket_from_subject, path_of
from catalog.commands import layer
from catalog.ids import AssetId
from catalog.places import Place
from catalog.query import parse
from catalog.store import changes, find, layer_folders, listing, photos, renewal
from catalog.store import places as rows
from catalog.store.check import check
from catalog.store.explain_place import explain_place
from catalog.store.folders import folder_path, labels_of
from catalog.values import FolderRow
from store_harness import StoreHarness, make_harness

BERLIN = {"lat": 52.52, "lon": 13.405}
TODAY = date(2026, 9, 21)
POTSDAM = {"lat": 52.4009, "lon": 13.0591}
SINGAPORE = {"lat": 1.2834, "lon": 103.8607}
OCEAN = {"lat": 30.0, "lon": -40.0}


@pytest.fixture
def catalog(tmp_path: Path) -> StoreHarness:
    """One photo in Berlin, one in Potsdam, one in Singapore, one on the ocean, one nowhere."""
    made = make_harness(tmp_path)
    for name, position in (
        (b"berlin.jpg", BERLIN),
        (b"potsdam.jpg", POTSDAM),
        (b"singapore.jpg", SINGAPORE),
        (b"ocean.jpg", OCEAN),
        (b"nowhere.jpg", {}),
    ):
        made.said_by[name] = dict(position)
        made.put(name, name.decode())
    made.ingest()
    return made


def uid(catalog: StoreHarness, path: bytes) -> str:
    return str(catalog.column(catalog.asset_at(path), "uid"))


def do(catalog: StoreHarness, command: layer.LayerCommand) -> None:
    catalog.now_ns += 1
    commands.execute(catalog.writer, command, now_ns=catalog.now_ns)
    assert check(catalog.writer) == []


def document(catalog: StoreHarness, path: bytes) -> dict[str, Any]:
    (found,) = photos.documents(catalog.writer, [catalog.asset_at(path)])
    return found


def below(catalog: StoreHarness, *labels: str) -> list[str]:
    return [
        row.label for row in layer_folders.folders_below(catalog.writer, View.PLACES, _row(catalog, labels))
    ]


def _row(catalog: StoreHarness, labels: tuple[str, ...]) -> int:
    found = 0
    for label in labels:
        row = layer_folders.folder_labelled(catalog.writer, View.PLACES, found, label)
        assert row is not None, labels
        found = row.id
    return found


def found_by(catalog: StoreHarness, query: str) -> list[str]:
    ids = find.matching(catalog.writer, parse(query, today=TODAY), AssetId(0), 100)
    return [one["name"] for one in photos.documents(catalog.writer, ids)]


def test_positions_of_files_make_folders_by_country_region_and_city(catalog: StoreHarness) -> None:
    assert check(catalog.writer) == []
    assert below(catalog) == ["Germany", "Singapore"]
    assert below(catalog, "Germany") == ["State of Berlin", "Brandenburg"]
    assert below(catalog, "Germany", "Brandenburg") == ["Potsdam"]
    city = _row(catalog, ("Germany", "Brandenburg", "Potsdam"))
    assert [row.name for row in listing.photos_in(catalog.writer, Bucket(View.PLACES, city, 0))] == [
        "potsdam.jpg"
    ]
    assert catalog.column(catalog.asset_at(b"potsdam.jpg"), "state") == "shown"
    assert (
        document(catalog, b"potsdam.jpg")["views"].count("Places/Germany/Brandenburg/Potsdam/potsdam.jpg")
        == 1
    )


def test_a_country_without_regions_holds_its_cities_itself(catalog: StoreHarness) -> None:
    assert below(catalog, "Singapore") == ["Singapore"]
    assert document(catalog, b"singapore.jpg")["place"] == {
        "country": "Singapore",
        "region": None,
        "city": "Singapore",
    }
    assert "Places/Singapore/Singapore/singapore.jpg" in document(catalog, b"singapore.jpg")["views"]


def test_far_from_any_town_and_without_a_position_there_is_no_place(catalog: StoreHarness) -> None:
    for name in (b"ocean.jpg", b"nowhere.jpg"):
        told = document(catalog, name)
        assert told["place"] is None
        assert not any(path.startswith("Places/") for path in told["views"])
    assert document(catalog, b"ocean.jpg")["position"] == {"lat": 30.0, "lon": -40.0, "alt": None}


def test_what_a_person_says_of_the_position_moves_the_photo(catalog: StoreHarness) -> None:
    do(catalog, layer.PlaceSet((uid(catalog, b"berlin.jpg"),), 48.8584, 2.2945))
    assert document(catalog, b"berlin.jpg")["place"] == {
        "country": "France",
        "region": "Île-de-France",
        "city": "Paris",
    }
    assert below(catalog, "Germany") == ["Brandenburg"], "a folder goes with its last photo"
    do(catalog, layer.PlaceSet((uid(catalog, b"berlin.jpg"),), None, None))
    assert document(catalog, b"berlin.jpg")["place"] is None
    assert below(catalog) == ["Germany", "Singapore"]
    do(catalog, layer.PlaceSet((uid(catalog, b"nowhere.jpg"),), 52.52, 13.405))
    assert below(catalog, "Germany", "State of Berlin") == ["Berlin"]


def test_a_folder_that_comes_back_has_its_number_again(catalog: StoreHarness) -> None:
    number = _row(catalog, ("Germany", "State of Berlin", "Berlin"))
    one = uid(catalog, b"berlin.jpg")
    do(catalog, layer.PlaceSet((one,), None, None))
    do(catalog, layer.PlaceSet((one,), 52.51, 13.39))
    assert _row(catalog, ("Germany", "State of Berlin", "Berlin")) == number


def test_the_feed_tells_of_the_entry_and_of_the_folder_that_came_and_went(catalog: StoreHarness) -> None:
    seq = changes.latest_seq(catalog.writer)
    do(catalog, layer.PlaceSet((uid(catalog, b"berlin.jpg"),), 52.4009, 13.0591))
    told = [
        one
        for one in changes.since(catalog.writer, seq) or []
        if one.subject.startswith(f"{int(View.PLACES)}:")
    ]
    berlin = rows.place_id(catalog.writer, Place("Germany", "State of Berlin", "Berlin"))
    potsdam = rows.place_id(catalog.writer, Place("Germany", "Brandenburg", "Potsdam"))
    assert [(one.kind, bucket_from_subject(one.subject).key, one.name) for one in told] == [
        ("entry-", berlin, b"berlin.jpg"),
        ("entry+", potsdam, b"berlin.jpg"),
        ("bucket-", berlin, None),
    ]


def test_the_folders_above_a_city_are_as_old_as_its_last_change(catalog: StoreHarness) -> None:
    def germany() -> FolderRow:
        found = layer_folders.folder_labelled(catalog.writer, View.PLACES, 0, "Germany")
        assert found is not None
        return found

    before = germany()
    do(catalog, layer.PlaceSet((uid(catalog, b"nowhere.jpg"),), 52.4009, 13.0591))
    assert germany().changed_ns == catalog.now_ns > before.changed_ns
    assert germany().generation > before.generation
    region = layer_folders.folder_labelled(catalog.writer, View.PLACES, germany().id, "State of Berlin")
    assert region is not None
    assert region.changed_ns == before.changed_ns, "nothing changed there"


def test_two_photos_of_one_name_in_a_city_keep_their_names(catalog: StoreHarness) -> None:
    catalog.said_by[b"d/berlin.jpg"] = dict(BERLIN)
    catalog.put(b"d/berlin.jpg", "another")
    catalog.ingest()
    city = _row(catalog, ("Germany", "State of Berlin", "Berlin"))

    def shown() -> list[str]:
        return [row.name for row in listing.photos_in(catalog.writer, Bucket(View.PLACES, city, 0))]

    first, second = shown()
    assert first == "berlin.jpg"
    assert second.startswith("berlin~")
    do(catalog, layer.Hide((uid(catalog, b"berlin.jpg"),)))
    assert shown() == [second]
    assert "Places/Germany/State of Berlin/Berlin" in {
        folder_path(bucket, labels_of(catalog.writer, [bucket])) for bucket in [Bucket(View.PLACES, city, 0)]
    }


def test_siblings_of_one_label_are_told_apart_and_one_name_is_one_place(catalog: StoreHarness) -> None:
    writer = catalog.writer
    with writer.atomic():
        region = rows.get_or_create(writer, Place("Monaco", "Monaco", "Monte-Carlo"))
        city = rows.get_or_create(writer, Place("Monaco", None, "MONACO"))
        assert rows.get_or_create(writer, Place("Monaco", None, "MONACO")) == city
        slash = rows.get_or_create(writer, Place("Switzerland", "Bern", "Biel/Bienne"))
    labels = dict(writer.rows("SELECT id, label FROM place"))
    assert labels[city] == "MONACO (2)", "the region was there first"
    assert labels[slash] == "Biel／Bienne"
    assert layer_folders.label_path(writer, Bucket(View.PLACES, region, 0)) == "Monaco/Monaco/Monte-Carlo"
    assert path_of(Bucket(View.PLACES, 1, 0), "a/b") == "Places/a/b"
    assert all(fold == names.fold(label) for label, fold in writer.rows("SELECT label, fold FROM place"))
    assert rows.documents_of(writer, [slash])[slash] == {
        "country": "Switzerland", "region": "Bern", "city": "Biel/Bienne",
    }  # fmt: skip
    assert check(writer) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("country=germany", ["berlin.jpg", "potsdam.jpg"]),
        ("region=berlin", ["berlin.jpg"]),
        ("city=potsdam|singapore", ["potsdam.jpg", "singapore.jpg"]),
        ("region=singapore", []),
        ('region="state of"', ["berlin.jpg"]),
        ("place=brandenburg", ["potsdam.jpg"]),
        ("place=*land*", []),
        ("place=Sing*", ["singapore.jpg"]),
        ("has:place", ["berlin.jpg", "potsdam.jpg", "singapore.jpg"]),
        ("has:gps -has:place", ["ocean.jpg"]),
        ("brandenburg", ["potsdam.jpg"]),
        ("germany -berlin", ["potsdam.jpg"]),
    ],
)
def test_places_are_found(catalog: StoreHarness, query: str, expected: list[str]) -> None:
    assert found_by(catalog, query) == expected


def test_why_place_tells_position_source_and_neighbours(catalog: StoreHarness) -> None:
    told = explain_place(catalog.writer, catalog.asset_at(b"potsdam.jpg"))
    assert (told["layer"], told["said_by"]) == ("embedded", None)
    assert told["place"] == {"country": "Germany", "region": "Brandenburg", "city": "Potsdam"}
    assert told["candidates"][0]["city"] == "Potsdam"
    assert told["distance_km"] == told["candidates"][0]["distance_km"] < 1
    assert "GeoNames" in told["data"]
    do(catalog, layer.PlaceSet((uid(catalog, b"potsdam.jpg"),), 30.0, -40.0))
    told = explain_place(catalog.writer, catalog.asset_at(b"potsdam.jpg"))
    assert (told["layer"], told["said_by"], told["place"], told["candidates"]) == ("user", "owner", None, [])
    assert "60 km" in told["rule"]
    told = explain_place(catalog.writer, catalog.asset_at(b"nowhere.jpg"))
    assert (told["position"], told["layer"], told["place"]) == (None, None, None)


def test_check_names_a_photo_in_the_wrong_place(catalog: StoreHarness) -> None:
    potsdam = rows.place_id(catalog.writer, Place("Germany", "Brandenburg", "Potsdam"))
    berlin = catalog.asset_at(b"berlin.jpg")
    catalog.writer.execute("UPDATE effective SET place_id = ? WHERE asset_id = ?", (potsdam, berlin))
    assert {found.invariant for found in check(catalog.writer)} == {"I17"}


def test_check_names_a_place_whose_label_does_not_fold_to_what_is_stored(catalog: StoreHarness) -> None:
    catalog.writer.execute("UPDATE place SET fold = 'x' WHERE name = 'Potsdam'")
    found = check(catalog.writer)
    assert {one.invariant for one in found} == {"I15"}
    assert "place" in found[0].subject


def test_check_names_a_place_that_stands_where_it_cannot(catalog: StoreHarness) -> None:
    catalog.writer.execute(
        "UPDATE place SET parent_id = (SELECT id FROM place WHERE name = 'Potsdam') WHERE name = 'Berlin'"
    )
    found = check(catalog.writer)
    assert [one.message for one in found if one.invariant == "I15"] == ["a city cannot stand there"]


def test_a_newer_table_of_places_derives_all_photos_again(catalog: StoreHarness) -> None:
    writer = catalog.writer
    writer.execute("UPDATE effective SET place_id = NULL")
    writer.execute("DELETE FROM member WHERE view = ?", (int(View.PLACES),))
    older = renewal.RULES_VERSION - places.RULES_VERSION
    writer.execute("INSERT OR REPLACE INTO meta VALUES ('rules_version', ?)", (json.dumps(older),))
    assert renewal.derive_again(writer, catalog.now_ns) == 5
    assert document(catalog, b"berlin.jpg")["place"]["city"] == "Berlin"
    assert [one for one in check(writer) if one.invariant == "I17"] == []
