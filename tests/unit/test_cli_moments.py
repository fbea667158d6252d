"""What `date set` and `date shift` understand, and what they refuse."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import InvalidValue
from daemon.cli.moments import Delta, When, read_delta, read_when


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2019", None, When("2019")),
        ("2019-08", None, When("2019-08")),
        ("0001-01-01", None, When("0001-01-01")),
        ("2020-02-29", None, When("2020-02-29")),
        ("2019-08-07T14:03", None, When("2019-08-07T14:03")),
        ("2019-08-07 14:03", None, When("2019-08-07T14:03")),
        ("2019-08-07T14:03:05", None, When("2019-08-07T14:03:05")),
        ("2019-08-07T14:03:05.5", None, When("2019-08-07T14:03:05.500000")),
        ("2019-08-07T14:03+02:00", None, When("2019-08-07T14:03", 120)),
        ("2019-08-07T14:03:05-0330", None, When("2019-08-07T14:03:05", -210)),
        ("2019-08-07 14:03:05 Z", None, When("2019-08-07T14:03:05", 0)),
        ("2019-08-07T14:03", "Europe/Rome", When("2019-08-07T14:03", 120, "Europe/Rome")),
        ("2019-01-07T14:03", "Europe/Rome", When("2019-01-07T14:03", 60, "Europe/Rome")),
        ("2019-08-07T14:03+02:00", "Europe/Rome", When("2019-08-07T14:03", 120, "Europe/Rome")),
        ("2019-08", "Europe/Rome", When("2019-08", None, "Europe/Rome")),
    ],
)
def test_moments_of_every_precision_are_read_exactly(text: str, zone: str | None, expected: When) -> None:
    assert read_when(text, zone) == expected


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2019-02-31", "2019-02-29", "2019-13", "2019-00", "0000", "19", "12019", "2019-8-7", "2019-08-07T24:00",
     "2019-08-07T14", "2019-08-07T14:60", "2019-08-07T14:03:05.1234567", "2019-08-07T14:03+15:00", "2019-08-07+02:00",
     "2019-08-07T14:03+02:75", "2019-08-07T14:03 CET", "２０１９", "2019-08-07T14:03\n2019"],
)  # fmt: skip
def test_impossible_moments_are_refused_with_the_value_and_an_example(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_when(text)
    assert repr(text) in caught.value.message
    assert "2019-08-07" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("zone", "hint"),
    [("Europe/Romee", "Europe/Rome"), ("", None), ("../etc/passwd", None), ("Mars/Olympus", None)],
)
def test_unknown_zones_are_refused_with_the_nearest(zone: str, hint: str | None) -> None:
    with pytest.raises(InvalidValue, match="there is no zone") as caught:
        read_when("2019-08-07T14:03", zone)
    assert hint is None or hint in str(caught.value.hint)


def test_an_offset_against_the_zone_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"says \+05:00, but Europe/Rome has \+02:00"):
        read_when("2019-08-07T14:03+05:00", "Europe/Rome")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+1h30m", Delta(microseconds=5_400_000_000)),
        ("1h30m", Delta(microseconds=5_400_000_000)),
        ("-2d", Delta(days=-2)),
        ("+1y2mo3d", Delta(months=14, days=3)),
        ("-1w", Delta(days=-7)),
        ("-00:30", Delta(microseconds=-1_800_000_000)),
        ("+7:00:00", Delta(microseconds=25_200_000_000)),
        ("+0:00:00.5", Delta(microseconds=500_000)),
        ("-90s", Delta(microseconds=-90_000_000)),
        ("+1.25s", Delta(microseconds=1_250_000)),
        ("+5min", Delta(microseconds=300_000_000)),
        ("\u22121h", Delta(microseconds=-3_600_000_000)),
        ("+1y-", None),
    ],
)
def test_distances_in_every_form_are_read_exactly(text: str, expected: Delta | None) -> None:
    if expected is None:
        with pytest.raises(InvalidValue):
            read_delta(text)
    else:
        assert read_delta(text) == expected


@pytest.mark.parametrize(
    "text", ["", "+", "-", "5", "-5", "+1", "1h2y", "1d1d", "+1M", "0d", "-00:00", "1:60", "1:2", "++1h", "1.5h", "9999999d", "20000y",
             "+99999999999999999999s", "+" + "9" * 5000 + "s", "one hour"],
)  # fmt: skip
def test_impossible_distances_are_refused_with_the_value_and_an_example(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_delta(text)
    assert repr(text) in caught.value.message
    assert "+1h30m" in str(caught.value.hint)


@given(st.integers(0, 9998), st.integers(0, 11), st.integers(0, 27), st.integers(0, 23), st.integers(0, 59))
def test_every_written_distance_is_read_back(
    years: int, months: int, days: int, hours: int, minutes: int
) -> None:
    text = f"-{years}y{months}mo{days}d{hours}h{minutes}m"
    expected = Delta(-(years * 12 + months), -days, -(hours * 60 + minutes) * 60_000_000)
    if expected == Delta():
        with pytest.raises(InvalidValue, match="moves nothing"):
            read_delta(text)
    else:
        assert read_delta(text) == expected


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (read_when, read_delta):
        with suppress(InvalidValue):  # anything else fails
            read(text)
