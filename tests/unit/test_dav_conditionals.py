"""Conditional requests: RFC 9110 section 13, and dates as HTTP writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dav.conditionals import Verdict, evaluate, wants_range
from dav.dates import http_date, parse_http_date, rfc3339

TAG = '"abc"'
WEAK = 'W/"abc"'
SHOWN_NS = 1_565_170_000_500_000_000
SAME = http_date(SHOWN_NS)
LATER = http_date(SHOWN_NS + 1_000_000_000)
EARLIER = http_date(SHOWN_NS - 1_000_000_000)


@pytest.mark.parametrize(
    ("fields", "etag", "verdict"),
    [
        ({}, TAG, Verdict.PROCEED),
        ({"HTTP_IF_MATCH": "*"}, TAG, Verdict.PROCEED),
        ({"HTTP_IF_MATCH": '"x", "abc"'}, TAG, Verdict.PROCEED),
        ({"HTTP_IF_MATCH": '"x"'}, TAG, Verdict.FAILED),
        ({"HTTP_IF_MATCH": WEAK}, WEAK, Verdict.FAILED),
        ({"HTTP_IF_NONE_MATCH": "*"}, TAG, Verdict.NOT_MODIFIED),
        ({"HTTP_IF_NONE_MATCH": WEAK}, TAG, Verdict.NOT_MODIFIED),
        ({"HTTP_IF_NONE_MATCH": TAG}, WEAK, Verdict.NOT_MODIFIED),
        ({"HTTP_IF_NONE_MATCH": "abc"}, TAG, Verdict.PROCEED),
        ({"HTTP_IF_NONE_MATCH": '"x"', "HTTP_IF_MODIFIED_SINCE": LATER}, TAG, Verdict.PROCEED),
        ({"HTTP_IF_MODIFIED_SINCE": SAME}, TAG, Verdict.NOT_MODIFIED),
        ({"HTTP_IF_MODIFIED_SINCE": LATER}, TAG, Verdict.NOT_MODIFIED),
        ({"HTTP_IF_MODIFIED_SINCE": EARLIER}, TAG, Verdict.PROCEED),
        ({"HTTP_IF_MODIFIED_SINCE": "yesterday"}, TAG, Verdict.PROCEED),
        ({"HTTP_IF_UNMODIFIED_SINCE": EARLIER}, TAG, Verdict.FAILED),
        ({"HTTP_IF_UNMODIFIED_SINCE": SAME}, TAG, Verdict.PROCEED),
        ({"HTTP_IF_MATCH": TAG, "HTTP_IF_UNMODIFIED_SINCE": EARLIER}, TAG, Verdict.PROCEED),
    ],
)
def test_preconditions_are_judged_in_the_order_of_the_rfc(
    fields: dict[str, str], etag: str, verdict: Verdict
) -> None:
    assert evaluate(fields, etag, SHOWN_NS) is verdict


@pytest.mark.parametrize(
    ("value", "etag", "is_wanted"),
    [
        (None, TAG, True),
        (TAG, TAG, True),
        ('"x"', TAG, False),
        (WEAK, WEAK, False),
        ("*", TAG, False),
        (SAME, TAG, False),
    ],
)
def test_a_range_needs_a_strong_match_and_a_date_is_none(
    value: str | None, etag: str, is_wanted: bool
) -> None:
    assert wants_range({} if value is None else {"HTTP_IF_RANGE": value}, etag) is is_wanted


@given(st.datetimes())
def test_dates_are_those_of_the_standard_library_before_1970_too(moment: datetime) -> None:
    aware = moment.replace(microsecond=0, tzinfo=UTC)
    instant_ns = int((aware - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000_000
    assert http_date(instant_ns) == format_datetime(aware, usegmt=True)
    assert rfc3339(instant_ns) == aware.strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20)


def test_dates_beyond_the_calendar_are_clamped() -> None:
    assert http_date(-(10**21)).endswith("0001 00:00:00 GMT")
    assert http_date(10**21) == "Fri, 31 Dec 9999 23:59:59 GMT"


@pytest.mark.parametrize(
    "text",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_all_three_forms_of_a_date_are_read(text: str) -> None:
    assert parse_http_date(text) == 784_111_777


@given(st.text(max_size=60))
def test_no_text_makes_the_date_parser_fail(text: str) -> None:
    assert isinstance(parse_http_date(text), int | None)
