"""The table of places in memory and in its file: points of cities, in bands of latitude, and what they are called.

Made by `scripts/build_places.py`, read by `catalog.places`. Knows nothing of how a place is chosen.

File: one line of JSON (`HEADER`), then one zlib stream of sections, each a 4-byte length and its bytes. Integers are
little-endian; columns of more than one byte are written byte by byte (all low bytes, then the next), which halves them.
Invariants: the same table always gives the same bytes; points are sorted by band, longitude, latitude; coordinates are
whole ten-thousandths of a degree, never floats of single precision, which pick a wrong city up to 2 km away.
"""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import Any, NamedTuple

FORMAT = "glassine-places-1"
UNITS = 10_000  # per degree: 11 m
BANDS = 1_800  # of a tenth of a degree, from the South Pole
BAND_UNITS = 180 * UNITS // BANDS
WEIGHT_KM = 0.05  # what one step of a weight is worth
NO_REGION = ""


class City(NamedTuple):
    """What a point counts for; `region` is NO_REGION where a country has none there."""

    country: str
    region: str
    city: str


class Point(NamedTuple):
    """One place of the source: degrees, the weight (0 to 255, see WEIGHT_KM), and the city that it counts for."""

    lat: float
    lon: float
    weight: int
    city: City


@dataclass(frozen=True, slots=True)
class Table:
    """All points. Parallel columns; `starts[band]` is the first point of a band, `starts[BANDS]` their number."""

    header: dict[str, Any]
    countries: Sequence[str]
    regions: Sequence[tuple[str, int]]  # name, country
    city_names: bytes  # of all cities in a row
    name_ends: array[int]
    city_regions: array[int]
    starts: array[int]
    lons: array[int]  # from -180 degrees, in units
    lats: array[int]  # from the lower edge of the band, in units
    cities: array[int]
    weights: bytes
    greatest_advance_km: float

    def city(self, point: int) -> City:
        """Return what a point counts for."""
        number = self.cities[point]
        region, country = self.regions[self.city_regions[number]]
        start = self.name_ends[number - 1] if number else 0
        return City(self.countries[country], region, self.city_names[start : self.name_ends[number]].decode())


def encode(points: Iterable[Point], header: dict[str, Any]) -> bytes:
    """Return the file of these points: the same bytes for the same points, in whatever order they come."""
    cities = sorted({point.city for point in points})
    regions = sorted({city[:2] for city in cities})
    countries = sorted({country for country, _ in regions})
    number_of = {city: number for number, city in enumerate(cities)}
    region_of = {region: number for number, region in enumerate(regions)}
    rows = sorted((*_units(point), number_of[point.city], point.weight) for point in points)
    encoded = [city.city.encode() for city in cities]
    counts = array("H", bytes(2 * BANDS))
    for band, *_ in rows:
        counts[band] += 1
    lons = [row[1] for row in rows]
    sections = (
        "\n".join(countries).encode(),
        "\n".join(name for _, name in regions).encode(),
        _planes(array("H", [countries.index(country) for country, _ in regions])),
        b"".join(encoded),
        bytes(map(len, encoded)),
        _planes(array("H", [region_of[city[:2]] for city in cities])),
        _planes(counts),
        _planes(array("i", [second - first for first, second in pairwise(chain([0], lons))])),
        _planes(array("H", [row[2] for row in rows])),
        _planes(array("i", [row[3] for row in rows])),
        bytes(row[4] for row in rows),
    )
    first = json.dumps({"format": FORMAT, **header}, ensure_ascii=False, sort_keys=True).encode()
    payload = b"".join(len(section).to_bytes(4, "little") + section for section in sections)
    return first + b"\n" + zlib.compress(payload, 9)


def decode(raw: bytes) -> Table:
    """Read a file of `encode`; about 25 ms for 100,000 points.

    Raises:
        ValueError, zlib.error: it is none.
    """
    first, _, packed = raw.partition(b"\n")
    header = json.loads(first)
    if header.get("format") != FORMAT:
        raise ValueError(f"a table of places of another format: {header.get('format')}")
    (
        countries, region_names, region_countries, city_names, name_lengths, city_regions, counts, lons, lats, cities, weights,
    ) = _sections(zlib.decompress(packed))  # fmt: skip
    return Table(
        header,
        countries.decode().split("\n"),
        list(zip(region_names.decode().split("\n"), _column("H", region_countries), strict=True)),
        city_names,
        array("i", accumulate(name_lengths)),
        _column("H", city_regions),
        array("i", accumulate(_column("H", counts), initial=0)),
        array("i", accumulate(_column("i", lons))),
        _column("H", lats),
        _column("i", cities),
        weights,
        max(weights, default=0) * WEIGHT_KM,
    )


def header_of(raw: bytes) -> dict[str, Any]:
    """Return the header alone."""
    found: dict[str, Any] = json.loads(raw.partition(b"\n")[0])
    return found


def _units(point: Point) -> tuple[int, int, int]:
    """Return (band, longitude, latitude within the band)."""
    lat = min(round((point.lat + 90) * UNITS), 180 * UNITS - 1)
    return lat // BAND_UNITS, round((point.lon + 180) * UNITS) % (360 * UNITS), lat % BAND_UNITS


def _sections(payload: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(payload):
        size = int.from_bytes(payload[start : start + 4], "little")
        yield payload[start + 4 : start + 4 + size]
        start += 4 + size


def _planes(column: array[int]) -> bytes:
    raw, width = _little_endian(column).tobytes(), column.itemsize
    return b"".join(raw[plane::width] for plane in range(width))


def _column(typecode: str, planes: bytes) -> array[int]:
    column = array(typecode)
    raw, width = bytearray(len(planes)), column.itemsize
    for plane in range(width):
        size = len(planes) // width
        raw[plane::width] = planes[plane * size : (plane + 1) * size]
    column.frombytes(bytes(raw))
    return _little_endian(column)


def _little_endian(column: array[int]) -> array[int]:
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column
