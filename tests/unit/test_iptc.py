"""IPTC records: words in their character sets, odd framings, and bytes that are none."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.facts import Descriptive
from daemon.media.draft import Draft
from daemon.media.iptc import MAX_VALUE_BYTES, read_iptc, read_photoshop

UTF_8 = (1, 90, b"\x1b%G")


def _records(*datasets: tuple[int, int, bytes]) -> bytes:
    return b"".join(
        struct.pack(">BBBH", 0x1C, record, number, len(value)) + value for record, number, value in datasets
    )


def _said(records: bytes) -> Descriptive | None:
    draft = Draft(kind="photo", mime="image/jpeg")
    read_iptc(records, draft)
    assert draft.findings == []
    return draft.facts("header").descriptive


WORDS = (
    (2, 0, b"\0\4"),
    (2, 5, b"A title"),
    (2, 10, b"1"),
    (2, 15, b"CAT"),
    (2, 25, b"beach"),
    (2, 25, b"AC/DC"),
    (2, 25, b"beach"),
    (2, 80, b"Ada"),
    (2, 80, b"Bea"),
    (2, 116, b"(c) Ada"),
    (2, 120, b"line 1\rline 2"),
)


def test_words_are_read() -> None:
    assert _said(_records(*WORDS)) == Descriptive(
        title="A title",
        description="line 1\nline 2",
        creators=("Ada", "Bea"),
        rights="(c) Ada",
        tags=("beach", "AC／DC"),
    )


@pytest.mark.parametrize(
    ("datasets", "title"),
    [
        ([UTF_8, (2, 5, "Größe".encode())], "Größe"),
        ([(2, 5, "Größe".encode())], "Größe"),
        ([(2, 5, "Größe".encode("latin-1"))], "Größe"),
        ([(1, 90, b"\x1b.A"), (2, 5, "Größe".encode("latin-1"))], "Größe"),
        ([UTF_8, (2, 5, "Größe".encode("latin-1"))], "Größe"),
        ([UTF_8, (2, 5, ("ö" * 31 + " €").encode()[:-1])], "ö" * 31),
        ([UTF_8, (2, 5, "Café".encode("latin-1"))], "Café"),
        ([(2, 5, b"plain\0\0")], "plain"),
        ([(2, 5, b"")], None),
        ([(2, 5, b""), (2, 5, b"second")], "second"),
        ([(3, 5, b"another record")], None),
    ],
)
def test_texts_are_utf_8_or_else_latin_1(datasets: list[tuple[int, int, bytes]], title: str | None) -> None:
    said = _said(_records(*datasets))
    assert (said.title if said else None) == title


def test_extended_lengths_are_read() -> None:
    caption = b"x" * 5_000
    long = b"\x1c\x02\x78\x80\x04" + struct.pack(">I", len(caption)) + caption
    said = _said(long + _records((2, 5, b"after")))
    assert said == Descriptive(title="after", description="x" * 5_000)


def test_what_is_too_large_is_passed_over_and_the_rest_is_read() -> None:
    huge = b"\x1c\x02\x78\x80\x04" + struct.pack(">I", MAX_VALUE_BYTES + 1) + b"x" * (MAX_VALUE_BYTES + 1)
    assert _said(huge + _records((2, 5, b"after"))) == Descriptive(title="after")


@pytest.mark.parametrize(
    "tail",
    [
        b"",
        b"\x1c",
        b"\x1c\x02\x05\x7f\xff",
        b"\x1c\x02\x05\x80\xff\0",
        b"\x1c\x02\x05\x80\x08" + b"\xff" * 8,
        b"\0" * 50,
    ],
)
def test_a_damaged_end_leaves_what_was_before(tail: bytes) -> None:
    said = _said(_records((2, 25, b"beach")) + tail)
    assert said is not None
    assert said.tags[:1] == ("beach",)


def test_records_that_a_tiff_stored_as_numbers_are_put_in_order() -> None:
    records = _records(UTF_8, (2, 5, b"A title"))
    records += b"\0" * (-len(records) % 4)
    words = struct.unpack(f">{len(records) // 4}I", records)
    assert _said(struct.pack(f"<{len(words)}I", *words)) == Descriptive(title="A title")


def test_keywords_that_iptc_maimed_are_the_ones_of_xmp() -> None:
    draft = Draft(kind="photo", mime="image/jpeg")
    long = "a keyword of more than sixty-four bytes, which Lightroom writes whole into XMP"
    for name in (long, "Хужирт"):
        draft.descriptive.said_by("xmp").say_tag([name])
    read_iptc(_records((2, 25, long.encode()[:64]), (2, 25, b"??????"), (2, 25, b"what?")), draft)
    descriptive = draft.facts("header").descriptive
    assert descriptive is not None
    assert descriptive.tags == (long, "Хужирт", "what?")


def test_a_hundred_thousand_keywords_end_at_a_bound() -> None:
    said = _said(_records(*((2, 25, b"%d" % number) for number in range(100_000))))
    assert said is not None
    assert len(said.tags) == 1_000


def test_the_records_are_found_among_photoshop_s_resources() -> None:
    records = _records((2, 5, b"A title"))
    other = b"8BIM\x04\x0b\x03abc" + struct.pack(">I", 3) + b"url\0"
    draft = Draft(kind="photo", mime="image/jpeg")
    read_photoshop(other + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records, draft)
    assert draft.facts("header").descriptive == Descriptive(title="A title")


@given(st.binary(max_size=200), st.booleans())
def test_bytes_are_read_or_ignored(content: bytes, has_start: bool) -> None:
    start = _records(UTF_8, (2, 25, b"beach")) if has_start else b""
    said = _said(start + content)
    assert (said is not None and said.tags[:1] == ("beach",)) or not has_start
    read_photoshop(b"8BIM\x04\x04\0\0" + content, Draft(kind="photo", mime="image/jpeg"))
