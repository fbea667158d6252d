"""What `place set` and `face add` understand, and what they refuse."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import InvalidValue
from daemon.cli.positions import Position, Region, read_position, read_region


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("52.1,13.4", Position(52.1, 13.4)),
        ("52.1, 13.4, 34m", Position(52.1, 13.4, 34.0)),
        ("-33.8,151.2,-4.5", Position(-33.8, 151.2, -4.5)),
        ("\u221233.8,151.2", Position(-33.8, 151.2)),
        ("0,0", Position(0.0, 0.0)),
        ("90,-180", Position(90.0, -180.0)),
        ("33.75S,151.25E", Position(-33.75, 151.25)),
        ("52°30'N,13°15'E", Position(52.5, 13.25)),
        ("52°30'36\"N, 13°15'18\"W, 120m", Position(52.51, -13.255, 120.0)),
        ("52° 30′ 36″ n,13° 15′ 18″ w", Position(52.51, -13.255)),
        ("N52 30.6,E13 15.3", Position(52.51, 13.255)),
        ("52 30 36 N,13 15 18 E", Position(52.51, 13.255)),
    ],
)
def test_positions_in_every_form_are_read(text: str, expected: Position) -> None:
    found = read_position(text)
    assert found.lat == pytest.approx(expected.lat, abs=1e-9)
    assert found.lon == pytest.approx(expected.lon, abs=1e-9)
    assert found.alt == expected.alt


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no position"), ("52.1", "is no position"), ("52,1,13,4", "is no position"), ("a,b", "is no position"),
        ("nan,1", "is no position"), ("1e9,0", "is no position"), ("90.0001,0", "latitude beyond 90"),
        ("0,180.5", "longitude beyond 180"), ("0,-181", "longitude beyond 180"), ("13E,52N", "longitude before its latitude"),
        ("-33S,151E", "sign and a letter"), ("52 60 N,13 E", "60 minutes"), ("52,13,high", "altitude"), ("52,13,inf", "altitude"),
        ("52,13,9999999m", "beyond 1000 km"), ("N52N,13E", "is no position"), ("89 59 59.9999 N,180 0 1 E", "longitude beyond"),
    ],
)  # fmt: skip
def test_positions_off_the_earth_are_refused_with_the_value_and_an_example(text: str, said: str) -> None:
    with pytest.raises(InvalidValue, match=said) as caught:
        read_position(text)
    assert repr(text) in caught.value.message
    assert "52.1,13.4" in str(caught.value.hint)


def test_regions_are_four_numbers() -> None:
    assert read_region("0.25,.1, 0.5,1") == Region(0.25, 0.1, 0.5, 1.0)
    for text in ("", "1,2,3", "1,2,3,4,5", "a,b,c,d", "nan,0,1,1", "0.1;0.1;0.1;0.1"):
        with pytest.raises(InvalidValue, match="is no rectangle"):
            read_region(text)


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_every_position_in_plain_decimals_is_read_back(lat: float, lon: float) -> None:
    assert read_position(f"{lat:.9f},{lon:.9f}") == Position(float(f"{lat:.9f}"), float(f"{lon:.9f}"))


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (read_position, read_region):
        with suppress(InvalidValue):  # anything else fails
            read(text)
