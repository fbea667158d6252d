"""The Range header: RFC 9110 section 14."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dav.ranges import Span, Unsatisfiable, parse_range


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=10-19", Span(10, 10)),
        ("bytes=90-", Span(90, 10)),
        ("bytes=90-1000", Span(90, 10)),
        ("bytes=-5", Span(95, 5)),
        ("bytes=-1000", Span(0, 100)),
        ("BYTES = 1-2", Span(1, 2)),
    ],
)
def test_one_range_is_served_within_the_file(header: str, span: Span) -> None:
    assert parse_range(header, 100) == span


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-2",
        "items=0-3",
        "bytes=abc",
        "bytes=1-2-3",
        "bytes=+1-2",
        "bytes=1_0-20",
        "bytes=٣-٤",
        "bytes=0-0,5-6",
        "bytes=" + "9" * 40 + "-",
    ],
)
def test_what_is_malformed_unknown_or_several_means_the_whole(header: str | None) -> None:
    assert parse_range(header, 100) is None


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=100-", 100), ("bytes=0-", 0), ("bytes=-0", 10), ("bytes=-5", 0)]
)
def test_a_range_behind_the_end_cannot_be_satisfied(header: str, size: int) -> None:
    with pytest.raises(Unsatisfiable):
        parse_range(header, size)


def test_content_range_names_the_last_byte() -> None:
    assert Span(10, 10).content_range(100) == "bytes 10-19/100"


@given(st.text(max_size=30), st.integers(0, 10**12))
def test_any_header_gives_a_span_inside_the_file_or_none(header: str, size: int) -> None:
    try:
        span = parse_range("bytes=" + header, size)
    except Unsatisfiable:
        return
    if span is not None:
        assert span.offset >= 0
        assert span.length > 0
        assert span.offset + span.length <= size
