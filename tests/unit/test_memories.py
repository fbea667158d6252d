"""Which days Memories/ shows on which day: ISO weeks, ends of months and years, and the 29th of February."""

from __future__ import annotations

from datetime import date

import pytest

from vfs.views.memories import Span, ranges_of, years_of


@pytest.mark.parametrize(
    ("today", "year", "wanted"),
    [
        (date(2026, 11, 21), 2019, [(2019_11_21, 2019_11_21)]),
        (
            date(2026, 2, 28),
            2020,
            [(2020_02_28, 2020_02_29)],
        ),  # no 29th this year: its photos are shown today
        (date(2026, 2, 28), 2019, [(2019_02_28, 2019_02_28)]),
        (date(2024, 2, 28), 2020, [(2020_02_28, 2020_02_28)]),  # they will be shown tomorrow
        (date(2024, 2, 29), 2020, [(2020_02_29, 2020_02_29)]),
        (date(2024, 2, 29), 2023, []),
        (date(2100, 2, 28), 2096, [(2096_02_28, 2096_02_29)]),  # 2100 is no leap year
        (date(2026, 3, 1), 2020, [(2020_03_01, 2020_03_01)]),
    ],
)
def test_today_is_the_same_day_of_another_year(today, year, wanted):
    assert ranges_of(Span.TODAY, year, today) == wanted


@pytest.mark.parametrize(
    ("today", "year", "wanted"),
    [
        (date(2026, 11, 21), 2025, [(2025_11_17, 2025_11_23)]),  # week 47
        # A week over the end of a month leaves out the photos of which only the month is known.
        (date(2026, 9, 1), 2025, [(2025_09_01, 2025_09_07)]),
        (date(2026, 10, 1), 2024, [(2024_09_30, 2024_09_30), (2024_10_01, 2024_10_06)]),
        (date(2026, 10, 1), 2022, [(2022_10_03, 2022_10_09)]),
        # The first week of 2026 began in December, and so did that of 2020.
        (date(2025, 12, 30), 2020, [(2019_12_30, 2019_12_31), (2020_01_01, 2020_01_05)]),
        (date(2027, 1, 1), 2020, [(2020_12_28, 2020_12_31), (2021_01_01, 2021_01_03)]),  # week 53 of 2026
        (date(2027, 1, 1), 2019, []),  # 2019 had 52
    ],
)
def test_a_week_has_the_number_of_this_week_in_another_iso_year(today, year, wanted):
    assert ranges_of(Span.WEEK, year, today) == wanted


def test_a_month_takes_in_what_has_no_day():
    ((low, high),) = ranges_of(Span.MONTH, 2019, date(2026, 2, 3))
    assert (low, high) == (2019_02_00, 2019_02_99)


@pytest.mark.parametrize(
    ("span", "today", "wanted"),
    [
        (Span.TODAY, date(2026, 11, 21), range(2006, 2026)),
        (Span.MONTH, date(2026, 1, 1), range(2006, 2026)),
        (Span.WEEK, date(2027, 1, 1), range(2006, 2026)),  # still the ISO year 2026
        (Span.WEEK, date(2025, 12, 30), range(2006, 2026)),  # already the ISO year 2026
        (Span.TODAY, date(5, 6, 7), range(1, 5)),
    ],
)
def test_only_earlier_years_are_shown_twenty_of_them(span, today, wanted):
    assert years_of(span, today, 20) == wanted


@pytest.mark.parametrize("span", Span)
def test_the_future_is_never_shown(span):
    for ordinal in range(date(2019, 12, 1).toordinal(), date(2028, 3, 10).toordinal()):
        today = date.fromordinal(ordinal)
        packed = today.year * 10_000 + today.month * 100 + today.day
        for year in years_of(span, today, 3):
            assert all(low <= high < packed for low, high in ranges_of(span, year, today)), (today, year)
