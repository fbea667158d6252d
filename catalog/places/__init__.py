"""Places: country, region and city of a position, from a table that comes with the program. No network, ever.

`place_at` is the one question. The table is read when it is first asked (about 30 ms, 4 MB) and kept by the process. The
country is that of the city that wins: near a border it can be the neighbour's (docs/places.md). Pure but for that file.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple

from catalog.places import lookup
from catalog.places.table import Table, decode

__all__ = ["LIMIT_KM", "RULES_VERSION", "SOURCE", "Near", "Place", "candidates_at", "place_at"]

# Raised with every change of the table or of the rules: photos are then derived again (catalog.store.renewal).
RULES_VERSION = 1
LIMIT_KM = lookup.LIMIT_KM
SOURCE = "GeoNames (CC BY 4.0)"
_FILE = "cities.dat"


class Place(NamedTuple):
    """Where a position is. `region` is None where the country has none there (Singapore, Gibraltar)."""

    country: str
    region: str | None
    city: str


class Near(NamedTuple):
    """A city near a position: the distance of its nearest point, and what it is worth when the size is counted in."""

    place: Place
    distance_km: float
    score_km: float


def place_at(lat: float, lon: float) -> Place | None:
    """Return where a position in degrees is; None = further than LIMIT_KM from any town, or no position on Earth.

    0.01 to 0.05 ms. The first call reads the table. Thread-safe.
    """
    return _at(*_rounded(lat, lon))


def candidates_at(lat: float, lon: float, limit: int) -> list[Near]:
    """Return the first cities that come into question, the winner first, each once."""
    table = _table()
    found: dict[Place, Near] = {}
    for one in lookup.around(table, *_rounded(lat, lon)):
        place = _place(table, one.point)
        if place not in found:
            found[place] = Near(place, one.distance_km, one.score_km)
        if len(found) == limit:
            break
    return list(found.values())


def _rounded(lat: float, lon: float) -> tuple[float, float]:
    """Return the position to 11 m, the grain of the table. The rule, not a shortcut: what is near has one answer."""
    return round(lat, 4), round(lon, 4)


@lru_cache(maxsize=4096)
def _at(lat: float, lon: float) -> Place | None:
    table = _table()
    found = lookup.nearest(table, lat, lon)
    return None if found is None else _place(table, found.point)


def _place(table: Table, point: int) -> Place:
    country, region, city = table.city(point)
    return Place(country, region or None, city)


@cache
def _table() -> Table:
    return decode(resources.files(__name__).joinpath(_FILE).read_bytes())
