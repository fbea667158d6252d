"""Texts of `place set` and `face add`: a position on earth, a rectangle in a picture. Pure.

A position is `LAT,LON[,ALT]`: signed degrees, or degrees, minutes and seconds with N, S, E, W. Degrees are those of
WGS 84, altitude is metres.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from catalog.errors import InvalidValue

PLACE_EXAMPLE = "52.1,13.4 or -33.8,151.2,20m or 52°31'12\"N,13°24'18\"E"
REGION_EXAMPLE = "0.25,0.1,0.2,0.3: left, top, width and height as parts of the upright picture"
_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_ANGLE = re.compile(
    rf"(?P<front>[NSEW])?\s*(?P<sign>[+-])?(?P<d>{_NUMBER})\s*(?:°|d|\s|$|(?=[NSEW]))\s*"
    rf"(?:(?P<m>{_NUMBER})\s*(?:['′]|\s|$|(?=[NSEW]))\s*)?(?:(?P<s>{_NUMBER})\s*(?:[\"″]|''|\s|$|(?=[NSEW]))\s*)?"
    r"(?P<back>[NSEW])?",
    re.ASCII | re.IGNORECASE,
)
_ALTITUDE = re.compile(rf"(?P<value>[+-]?(?:{_NUMBER}))\s*m?", re.ASCII)
_PART = re.compile(rf"[+-]?(?:{_NUMBER})", re.ASCII)
_HEMISPHERES = {"N": ("lat", 1), "S": ("lat", -1), "E": ("lon", 1), "W": ("lon", -1)}
_LIMIT_DEG = {"lat": 90.0, "lon": 180.0}
# Photos are taken in mines, in aircraft and from orbit; what is beyond is a mistake.
_MAX_ALTITUDE_M = 1_000_000.0


@dataclass(frozen=True, slots=True)
class Position:
    """Signed degrees north and east; metres above the sea, or None."""

    lat: float
    lon: float
    alt: float | None = None


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle, 0..1 of the upright picture: top left corner and extent."""

    x: float
    y: float
    w: float
    h: float


def read_position(text: str) -> Position:
    """Read `LAT,LON[,ALT]`.

    Raises:
        InvalidValue: not that, or off the earth.
    """
    parts = [part.strip() for part in text.replace("\u2212", "-").split(",")]
    if len(parts) not in (2, 3):
        raise _bad_place(text, "is no position")
    lat, lon = _angle(text, parts[0], "lat"), _angle(text, parts[1], "lon")
    return Position(lat, lon, _altitude(text, parts[2]) if len(parts) == 3 else None)


def read_region(text: str) -> Region:
    """Read `X,Y,W,H`; whether it lies in the picture is the layer's business."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 4 or not all(_PART.fullmatch(part) for part in parts):
        raise InvalidValue(f"{text!r} is no rectangle", hint=f"For instance {REGION_EXAMPLE}.", value=text)
    x, y, w, h = (float(part) for part in parts)
    return Region(x, y, w, h)


def _angle(text: str, part: str, axis: str) -> float:
    match = _ANGLE.fullmatch(part)
    if match is None or (match["front"] and match["back"]):
        raise _bad_place(text, "is no position")
    letter = (match["front"] or match["back"] or "").upper()
    named, sign = _HEMISPHERES.get(letter, (axis, -1 if match["sign"] == "-" else 1))
    if named != axis:
        raise _bad_place(text, "has its longitude before its latitude")
    if letter and match["sign"]:
        raise _bad_place(text, "has a sign and a letter for the same direction")
    minutes, seconds = float(match["m"] or 0), float(match["s"] or 0)
    if minutes >= 60 or seconds >= 60:
        raise _bad_place(text, "has 60 minutes or seconds, or more")
    degrees = sign * (float(match["d"]) + minutes / 60 + seconds / 3600)
    if not abs(degrees) <= _LIMIT_DEG[axis]:
        what = "latitude" if axis == "lat" else "longitude"
        raise _bad_place(text, f"has a {what} beyond {_LIMIT_DEG[axis]:.0f} degrees")
    return degrees


def _altitude(text: str, part: str) -> float:
    match = _ALTITUDE.fullmatch(part)
    if match is None:
        raise _bad_place(text, "has an altitude that is no number of metres")
    metres = float(match["value"])
    if not (math.isfinite(metres) and abs(metres) <= _MAX_ALTITUDE_M):
        raise _bad_place(text, "has an altitude beyond 1000 km")
    return metres


def _bad_place(text: str, what: str) -> InvalidValue:
    return InvalidValue(f"{text!r} {what}", hint=f"For instance {PLACE_EXAMPLE}.", value=text)
