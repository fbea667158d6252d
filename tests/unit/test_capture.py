"""Capture time: the record, its packed day, and the instant it is shown as."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.capture import (
    CaptureTime,
    Confidence,
    day_bounds,
    format_local,
    from_mtime,
    instant_ns,
    local_day,
    parse_local,
)

BERLIN = ZoneInfo("Europe/Berlin")


def _capture(
    local: str, offset_min: int | None = None, zone: str | None = None, confidence: Confidence = "exact"
) -> CaptureTime:
    parsed = parse_local(local)
    assert parsed is not None
    return CaptureTime(local, parsed[1], offset_min, zone, "ExifIFD:DateTimeOriginal", confidence)


def _ns(*fields: int) -> int:
    return (
        int((datetime(*fields, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
        * 1000
    )  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "precision"),
    [
        ("2019", "year"),
        ("2019-08", "month"),
        ("2019-08-07", "day"),
        ("2019-08-07T14:33", "minute"),
        ("2019-08-07T14:33:02", "second"),
        ("2019-08-07T14:33:02.090000", "subsec"),
        ("0001-01-01T00:00:00", "second"),
    ],
)
def test_every_precision_is_read_and_written_back_the_same(text: str, precision: str) -> None:
    parsed = parse_local(text)
    assert parsed is not None
    assert parsed[1] == precision
    assert format_local(*parsed) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "19",
        "2019-13",
        "2019-02-30",
        "2019-08-07T24:00",
        "0000-01-01",
        "2019-08-07 14:33",
        "2019-08-07T14",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_local(text) is None


@given(st.datetimes())
def test_a_wall_clock_survives_text(moment: datetime) -> None:
    assert parse_local(format_local(moment, "subsec")) == (moment, "subsec")


@pytest.mark.parametrize(
    ("capture", "day", "bounds"),
    [
        (_capture("2019-08-07T14:33:02"), 20190807, (date(2019, 8, 7), date(2019, 8, 7))),
        (_capture("2020-02"), 20200200, (date(2020, 2, 1), date(2020, 2, 29))),
        (_capture("1987"), 19870000, (date(1987, 1, 1), date(1987, 12, 31))),
        (_capture("2001-05-05T00:00:00", confidence="guess"), -2001, (date(2001, 1, 1), date(2001, 12, 31))),
    ],
)
def test_the_packed_day_tells_what_is_known(
    capture: CaptureTime, day: int, bounds: tuple[date, date]
) -> None:
    assert local_day(capture) == day
    assert day_bounds(day) == bounds


def test_the_offset_rules_the_instant_then_the_zone_then_the_library() -> None:
    local = "2019-08-07T14:33:02"
    assert instant_ns(_capture(local, 540), BERLIN) == _ns(2019, 8, 7, 5, 33, 2)
    assert instant_ns(_capture(local, None, "Asia/Tokyo"), BERLIN) == _ns(2019, 8, 7, 5, 33, 2)
    assert instant_ns(_capture(local), BERLIN) == _ns(2019, 8, 7, 12, 33, 2)
    assert instant_ns(_capture(local, 0), BERLIN) == _ns(2019, 8, 7, 14, 33, 2)


def test_partial_dates_are_shown_at_noon_of_their_first_day() -> None:
    zone = ZoneInfo("UTC")
    assert instant_ns(_capture("1987"), zone) == _ns(1987, 1, 1, 12)
    assert instant_ns(_capture("1987-06"), zone) == _ns(1987, 6, 1, 12)
    assert instant_ns(_capture("1987-06-05"), zone) == _ns(1987, 6, 5, 12)


def test_instants_before_1970_are_negative_and_exact_to_the_microsecond() -> None:
    assert instant_ns(_capture("1969-12-31T23:59:59.999999", 0), BERLIN) == -1000
    assert instant_ns(_capture("1900-01-01T00:00:00.000001", 0), BERLIN) == _ns(1900, 1, 1) + 1000


@pytest.mark.parametrize("local", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("offset_min", [-840, 0, 840])
def test_the_first_and_the_last_year_do_not_overflow(local: str, offset_min: int) -> None:
    shift_ns = offset_min * 60 * 10**9
    assert (
        instant_ns(_capture(local, offset_min), BERLIN) == instant_ns(_capture(local, 0), BERLIN) - shift_ns
    )


@pytest.mark.parametrize("local", ["0001-01-01", "9999"])
def test_the_first_and_the_last_year_without_an_offset_do_not_overflow(local: str) -> None:
    for zone in (BERLIN, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Midway")):
        instant_ns(_capture(local), zone)


def test_an_mtime_is_a_guess_in_the_librarys_zone() -> None:
    guess = from_mtime(_ns(2019, 8, 7, 22, 30), BERLIN)
    assert (guess.local, guess.offset_min, guess.confidence) == ("2019-08-08T00:30:00", 120, "guess")
    assert local_day(guess) == -2019


@given(st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1))
def test_any_mtime_of_64_bits_becomes_a_real_date(mtime_ns: int) -> None:
    guess = from_mtime(mtime_ns, BERLIN)
    assert parse_local(guess.local) is not None
    assert instant_ns(guess, BERLIN) // 10**9 == mtime_ns // 10**9


def test_zones_with_odd_minutes_and_seconds_do_not_break() -> None:
    # Amsterdam was +00:19:32 before 1937.
    guess = from_mtime(_ns(1930, 1, 1, 12), ZoneInfo("Europe/Amsterdam"))
    assert parse_local(guess.local) is not None
