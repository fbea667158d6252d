"""The builder of the table behind Places/: the same bytes for the same places, parts of cities, what is kept."""

from __future__ import annotations

import gzip
import importlib.util
import json
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from catalog.places import lookup, table

SCRIPT = Path(__file__).resolve().parent.parent.parent / "scripts" / "build_places.py"
COUNTRIES = {"DE": {"name": "Germany"}, "PL": {"name": "Poland "}, "SG": {"name": "Singapore"}}


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_places", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["build_places"] = module
    spec.loader.exec_module(module)
    return module


def row(
    city: str, lat: float, lon: float, population: int, state: str | None = "Land", *, country: str = "DE"
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "country_code": country, "city": city, "latitude": lat, "longitude": lon, "population": population,
    }  # fmt: skip
    return found if state is None else {**found, "state": state, "county": "not read"}


def towns(count: int) -> list[dict[str, Any]]:
    rng = random.Random(3)
    return [
        row(
            f"Ort {number}",
            rng.uniform(47, 55),
            rng.uniform(6, 15),
            rng.choice((0, 900, 4_000, 30_000, 2_000_000)),
        )
        for number in range(count)
    ]


def city_at(raw: bytes, lat: float, lon: float) -> table.City | None:
    found = table.decode(raw)
    best = lookup.nearest(found, lat, lon)
    return None if best is None else found.city(best.point)


def test_the_same_places_make_the_same_bytes_in_whatever_order_they_come(builder: ModuleType) -> None:
    rows = towns(300)
    first = builder.build(rows, COUNTRIES)
    random.Random(9).shuffle(rows)
    assert builder.build(rows, COUNTRIES) == first


def test_the_script_writes_what_it_builds(
    builder: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = towns(40)
    (tmp_path / "geocode.gz").write_bytes(gzip.compress(json.dumps(rows).encode()))
    (tmp_path / "countries.json").write_text(json.dumps(COUNTRIES))
    output = tmp_path / "cities.dat"
    arguments = [
        "--geocode", str(tmp_path / "geocode.gz"), "--countries", str(tmp_path / "countries.json"), "--output", str(output),
    ]  # fmt: skip
    builder.main(arguments)
    assert output.read_bytes() == builder.build(rows, COUNTRIES)
    assert "sha256" in capsys.readouterr().out
    builder.main(arguments)
    assert output.read_bytes() == builder.build(rows, COUNTRIES)


def test_a_district_counts_for_its_city_and_a_town_of_another_region_does_not(builder: ModuleType) -> None:
    raw = builder.build(
        [
            row("City", 52.50, 13.40, 2_000_000),
            row("District", 52.56, 13.40, 50_000),
            row("Neighbour", 52.50, 13.45, 50_000, state="Other"),
            row("Outside", 52.50, 13.70, 50_000),
        ],
        COUNTRIES,
    )
    assert city_at(raw, 52.56, 13.40) == ("Germany", "Land", "City")
    assert city_at(raw, 52.50, 13.455) == ("Germany", "Other", "Neighbour")
    assert city_at(raw, 52.50, 13.70) == ("Germany", "Land", "Outside")


def test_a_region_that_is_a_city_has_no_other_place(builder: ModuleType) -> None:
    berlin = [
        row("Berlin", 52.52, 13.40, 3_000_000, "State of Berlin"),
        row("Köpenick", 52.44, 13.60, 60_000, "State of Berlin"),
    ]
    assert city_at(builder.build(berlin, COUNTRIES), 52.44, 13.60) == ("Germany", "State of Berlin", "Berlin")
    singapore = [
        row("Singapore", 1.29, 103.85, 5_000_000, None, country="SG"),
        row("Woodlands", 1.44, 103.79, 250_000, None, country="SG"),
    ]
    assert city_at(builder.build(singapore, COUNTRIES), 1.44, 103.79) == (
        "Singapore",
        table.NO_REGION,
        "Singapore",
    )
    far = [*berlin, row("Exclave", 53.2, 13.4, 900, "State of Berlin")]
    assert city_at(builder.build(far, COUNTRIES), 52.44, 13.60) == ("Germany", "State of Berlin", "Köpenick")
    twins = [*berlin, row("Twin", 52.60, 13.40, 1_000_000, "State of Berlin")]
    assert city_at(builder.build(twins, COUNTRIES), 52.44, 13.60) == (
        "Germany",
        "State of Berlin",
        "Köpenick",
    )


@pytest.mark.parametrize(
    ("name", "city"),
    [
        ("Zürich (Kreis 7) / Witikon", "Zürich"),
        ("Zürich 12", "Zürich"),
        ("Zürich 1er Arrondissement", "Zürich"),
        ("Kloten / Holberg", "Kloten"),
        ("Plaine 2", "Plaine 2"),
        ("Biel/Bienne", "Biel/Bienne"),
    ],
)
def test_names_of_districts_are_those_of_their_city(builder: ModuleType, name: str, city: str) -> None:
    raw = builder.build([row("Zürich", 47.37, 8.55, 30_000), row(name, 47.47, 8.55, 6_000)], COUNTRIES)
    found = city_at(raw, 47.47, 8.55)
    assert found is not None
    assert found.city == city


def test_small_places_are_kept_where_nothing_larger_is_near(builder: ModuleType) -> None:
    rows = [
        row("Town", 50.0, 10.0, 20_000),
        row("Beside", 50.03, 10.0, 4_999),
        row("Big enough", 50.03, 10.02, 5_000),
        row("Alone", 50.2, 10.0, 12),
        row("Across the line", -17.0, 179.99, 300, country="PL"),
        row("Its neighbour", -17.0, -179.99, 200, country="PL"),
    ]
    found = table.decode(builder.build(rows, COUNTRIES))
    assert {found.city(point).city for point in range(len(found.lons))} == {
        "Town",
        "Big enough",
        "Alone",
        "Across the line",
    }
    assert found.countries == ["Germany", "Poland"], "cleaned"


def test_weights_grow_with_the_logarithm_and_end(builder: ModuleType) -> None:
    weights = [builder.weight_of(people) for people in (0, 1_000, 10_000, 100_000, 250_000, 20_000_000)]
    assert weights == sorted(weights)
    assert weights[0] == weights[1] == 0
    assert weights[-1] == weights[-2] < 4.0 / table.WEIGHT_KM


def test_the_sources_are_pinned_in_the_notice_as_in_the_script(builder: ModuleType) -> None:
    notice = (SCRIPT.parent.parent / "catalog" / "places" / "NOTICE").read_text("utf-8")
    for source in (builder.CITIES, builder.COUNTRIES):
        assert source.requirement in notice
        assert source.sha256 in notice
