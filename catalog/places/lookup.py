"""Which city a position counts for: the nearest point, where large places reach a little further than small ones.

Every point of the table has an advance of `weight * WEIGHT_KM`, 0.7 km * ln(population / 1,000): the border between a town
and a village lies a little nearer to the village. That a point counts for its own place or, as a part of a city, for the
city, was decided when the table was built (`scripts/build_places.py`). Exact great circles in double precision. Pure.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from catalog.places.table import BAND_UNITS, BANDS, UNITS, WEIGHT_KM, Table

EARTH_RADIUS_KM = 6371.0088  # mean radius, IUGG
# Further from any town there is no place: without it the middle of the Atlantic would be in the Azores.
LIMIT_KM = 60.0
# How far to look, the nearest first: in settled country the first circle holds the answer.
_CIRCLES_KM = (10.0, 20.0, LIMIT_KM)
_KM_PER_UNIT = math.pi * EARTH_RADIUS_KM / 180 / UNITS
_RADIANS = math.pi / 180 / UNITS
_WHOLE_CIRCLE = 360 * UNITS


class Candidate(NamedTuple):
    """A point near a position: how far it is, less by how much its size brings it nearer. The least `score_km` wins."""

    score_km: float
    distance_km: float
    point: int


def nearest(table: Table, lat: float, lon: float) -> Candidate | None:
    """Return the point that wins; None = nothing within LIMIT_KM, or no position on Earth."""
    if not is_position(lat, lon):
        return None
    best: Candidate | None = None
    for reach_km in _CIRCLES_KM:
        # What lies outside of a circle is further than its edge, less the greatest advance.
        certain_km = reach_km - table.greatest_advance_km
        best = min(_within(table, lat, lon, reach_km), default=None)
        if best is not None and best.score_km <= certain_km:
            break
    return best


def around(table: Table, lat: float, lon: float) -> list[Candidate]:
    """Return every point within LIMIT_KM, the winner first: for explanations."""
    return sorted(_within(table, lat, lon, LIMIT_KM)) if is_position(lat, lon) else []


def is_position(lat: float, lon: float) -> bool:
    """Tell whether these degrees are a point on Earth; 360 degrees east is Greenwich again."""
    return abs(lat) <= 90 and abs(lon) <= 360  # false for NaN


def _within(table: Table, lat: float, lon: float, reach_km: float) -> Iterator[Candidate]:
    """Yield the points of a circle, in no order."""
    north, east = (lat + 90) * UNITS, (lon + 180) % 360 * UNITS
    phi, cos_phi = math.radians(lat), math.cos(math.radians(lat))
    lons, lats, weights = table.lons, table.lats, table.weights
    sin, cos, asin, sqrt = math.sin, math.cos, math.asin, math.sqrt
    for first, last, edge in _stretches(table, north, east, reach_km):
        for point in range(first, last):
            height = edge + lats[point]
            half_phi, half_lambda = (height - north) * _RADIANS / 2, (lons[point] - east) * _RADIANS / 2
            cos_there = cos(phi + 2 * half_phi)
            chord = sin(half_phi) ** 2 + cos_phi * cos_there * sin(half_lambda) ** 2
            distance_km = 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord)))
            if distance_km <= reach_km:
                yield Candidate(distance_km - weights[point] * WEIGHT_KM, distance_km, point)


def _stretches(table: Table, north: float, east: float, reach_km: float) -> Iterator[tuple[int, int, int]]:
    """Yield (first point, one behind the last, lower edge of their band) of the bands that a circle touches."""
    reach = reach_km / _KM_PER_UNIT
    sides = _sides(north, east, reach_km)
    for band in range(
        max(0, int((north - reach) // BAND_UNITS)), min(BANDS - 1, int((north + reach) // BAND_UNITS)) + 1
    ):
        start, end = table.starts[band], table.starts[band + 1]
        for west_side, east_side in sides if start < end else ():
            first = bisect_left(table.lons, west_side, start, end)
            last = bisect_right(table.lons, east_side, first, end)
            if first < last:
                yield first, last, band * BAND_UNITS


def _sides(north: float, east: float, reach_km: float) -> list[tuple[float, float]]:
    """Return the western and eastern ends of a circle, in two parts where it crosses the date line."""
    angle = reach_km / EARTH_RADIUS_KM
    height = abs(north * _RADIANS - math.pi / 2)
    if height + angle >= math.pi / 2:  # a pole is within
        return [(0, _WHOLE_CIRCLE)]
    # The meridians that touch a circle on a sphere.
    half = math.asin(min(1.0, math.sin(angle) / math.cos(height))) / _RADIANS
    west_side, east_side = east - half, east + half
    if west_side < 0:
        return [(0, east_side), (west_side + _WHOLE_CIRCLE, _WHOLE_CIRCLE)]
    if east_side > _WHOLE_CIRCLE:
        return [(west_side, _WHOLE_CIRCLE), (0, east_side - _WHOLE_CIRCLE)]
    return [(west_side, east_side)]
