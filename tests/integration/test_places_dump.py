"""Places in a dump: folders are spelled, and names are held, in the restored library as they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.buckets import View
from catalog.errors import InvalidValue
from catalog.store.check import check
from integration.test_restore_dump import dump_of, fresh_library, names_of, restored
from organised import organise


@pytest.mark.parametrize("is_scanned", [True, False], ids=["scanned before", "not scanned"])
def test_a_restored_library_has_the_same_places_and_the_same_names_in_them(
    tmp_path: Path, is_scanned: bool
) -> None:
    built = organise(tmp_path).built
    # As if another Potsdam had been there first.
    built.writer.execute(
        "UPDATE place SET label = 'Potsdam (2)', fold = 'potsdam (2)' WHERE name = 'Potsdam'"
    )
    claims = built.writer.value("SELECT count(*) FROM claim WHERE view = ?", (int(View.PLACES),))
    assert claims, "two photos of one name are in Potsdam"
    document = dump_of(built.writer)
    assert {
        "level": "city",
        "names": ["Germany", "Brandenburg", "Potsdam"],
        "label": "Potsdam (2)",
    } in json.loads(document)["places"]
    fresh = fresh_library(built, tmp_path / "fresh", seed=1, is_scanned=is_scanned)
    restored(fresh.writer, document)
    fresh.rescan()
    assert check(fresh.writer) == []
    shown = [name for name in names_of(fresh.library) if "/Potsdam (2)/" in name]
    assert shown == [name for name in names_of(built.library) if "/Potsdam (2)/" in name]
    assert shown
    assert fresh.writer.value("SELECT count(*) FROM claim WHERE view = ?", (int(View.PLACES),)) == claims
    assert dump_of(fresh.writer) == document
    built.close()
    fresh.close()


@pytest.mark.parametrize(
    "place",
    [
        {"level": "city", "names": ["Nowhere", "None", "Town"], "label": "Town"},
        {"level": "country", "names": ["Germany"], "label": "Germany"},
        {"level": "country", "names": ["A", "B"], "label": "B"},
        {"level": "planet", "names": ["Earth"], "label": "Earth"},
        {"level": "country", "names": ["X"], "label": "a/b"},
        {"level": "country", "names": "X", "label": "X"},
    ],
)
def test_a_place_that_this_program_could_not_have_written_is_refused(
    tmp_path: Path, place: dict[str, object]
) -> None:
    built = organise(tmp_path).built
    document = json.loads(dump_of(built.writer))
    fresh = fresh_library(built, tmp_path / "fresh", seed=1, is_scanned=False)
    document["places"].append(place)
    with pytest.raises(InvalidValue):
        restored(fresh.writer, json.dumps(document).encode())
    assert check(fresh.writer) == []
    built.close()
    fresh.close()


def test_a_dump_of_an_older_program_tells_of_no_places(tmp_path: Path) -> None:
    built = organise(tmp_path).built
    document = json.loads(dump_of(built.writer))
    del document["places"]
    fresh = fresh_library(built, tmp_path / "fresh", seed=1, is_scanned=True)
    restored(fresh.writer, json.dumps(document).encode())
    assert check(fresh.writer) == []
    assert any(name.startswith("/Places/Germany/") for name in names_of(fresh.library))
    built.close()
    fresh.close()
