"""Words in EXIF and in the XP tags of Windows, and what cameras put there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.facts import Descriptive
from daemon.media.header import read_header
from daemon.media.source import MemorySource
from media_files import ASCII, BYTE, SHORT, UNDEFINED, ExifSpec, jpeg, tiff
from xmp_packets import alternatives, packet

DESCRIPTION, ARTIST, COPYRIGHT, COMMENT, RATING, PERCENT = 0x010E, 0x013B, 0x8298, 0x9286, 0x4746, 0x4749
XP_TITLE, XP_COMMENT, XP_AUTHOR, XP_KEYWORDS, XP_SUBJECT = 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F


def _said(
    ifd0: dict[int, tuple[int, Any]] | None = None,
    exif: dict[int, tuple[int, Any]] | None = None,
    *,
    order: str = "<",
    xmp: bytes | None = None,
) -> Descriptive:
    spec = ExifSpec(make="Canon", ifd0_more=ifd0 or {}, exif_more=exif or {}, order=order)
    facts = read_header(MemorySource(jpeg(exif=spec, xmp=xmp)), b"x.jpg")
    assert facts.findings == ()
    assert facts.make == "Canon"
    return facts.descriptive or Descriptive()


def _ascii(text: str, encoding: str = "utf-8") -> tuple[int, bytes]:
    return ASCII, text.encode(encoding) + b"\0"


def _wide(text: str) -> tuple[int, bytes]:
    return BYTE, text.encode("utf-16-le") + b"\0\0"


def test_description_artist_and_copyright_are_read() -> None:
    said = _said({DESCRIPTION: _ascii(" A house "), ARTIST: _ascii("Ada; Bea"), COPYRIGHT: _ascii("© Ada")})
    assert said == Descriptive(description="A house", creators=("Ada", "Bea"), rights="© Ada")


def test_what_is_no_utf_8_is_latin_1() -> None:
    assert _said({DESCRIPTION: _ascii("Größe", "latin-1")}).description == "Größe"


@pytest.mark.parametrize(
    ("stored", "rights"),
    [
        (b"Ada\0Bea\0", "Ada; Bea"),
        (b"Ada\0\0", "Ada"),
        (b" \0Bea\0", "Bea"),
        (b" \0", None),
        (b"\0", None),
    ],
)
def test_a_copyright_has_a_photographer_s_and_an_editor_s_part(stored: bytes, rights: str | None) -> None:
    assert _said({COPYRIGHT: (ASCII, stored)}).rights == rights


@pytest.mark.parametrize(
    "text",
    [
        "OLYMPUS DIGITAL CAMERA         ",
        "SONY DSC",
        "DCIM",
        "MINOLTA DIGITAL CAMERA",
        "KONICA MINOLTA DIGITAL CAMERA",
        "SAMSUNG CAMERA PICTURES",
        "Exif_JPEG_PICTURE",
        "<none>",
        "<Digimax i50 MP3, Samsung #1 MP3>",
        "Created with GIMP",
        "DC0003M",
        "hdr",
        "          ",
        "",
    ],
)
def test_what_cameras_and_programs_write_by_themselves_is_no_description(text: str) -> None:
    assert _said({DESCRIPTION: _ascii(text)}) == Descriptive()


@pytest.mark.parametrize("text", ["HDR of the lake", "My Sony DSC at work", "a < b", "DC"])
def test_descriptions_that_only_resemble_them_are_kept(text: str) -> None:
    assert _said({DESCRIPTION: _ascii(text)}).description == text


@pytest.mark.parametrize("text", ["unknown", "Unknown", "Owner", " "])
def test_an_artist_that_nobody_named_is_none(text: str) -> None:
    assert _said({ARTIST: _ascii(text)}) == Descriptive()


@pytest.mark.parametrize(
    ("rating", "percent", "told"),
    [(3, 50, 3), (None, 50, 3), (4, 1, 4), (None, 99, 5), (0, None, 0), (99, None, None)],
)
def test_ratings_are_stars_or_percents(rating: int | None, percent: int | None, told: int | None) -> None:
    tags = {
        number: (SHORT, [value])
        for number, value in ((RATING, rating), (PERCENT, percent))
        if value is not None
    }
    assert _said(tags).rating == told


def test_words_of_windows_are_read() -> None:
    said = _said(
        {
            XP_TITLE: _wide("Größe 😀"),
            XP_COMMENT: _wide("a comment"),
            XP_AUTHOR: _wide("Ada;Bea"),
            XP_KEYWORDS: _wide("beach; sea;;AC/DC"),
            XP_SUBJECT: _wide("a subject"),
        }
    )
    assert said == Descriptive(
        title="Größe 😀", description="a comment", creators=("Ada", "Bea"), tags=("beach", "sea", "AC／DC")
    )
    assert _said({XP_SUBJECT: _wide("a subject")}).description == "a subject"


def test_a_title_that_windows_copies_into_the_description_is_not_one() -> None:
    tags = {DESCRIPTION: _ascii("House"), XP_TITLE: _wide("House"), XP_COMMENT: _wide("by the sea")}
    said = _said(tags)
    assert (said.title, said.description) == ("House", "by the sea")


@pytest.mark.parametrize(
    ("stored", "order", "told"),
    [
        (b"ASCII\0\0\0by the sea\0\0", "<", "by the sea"),
        (b"ascii\0\0\0by the sea", "<", "by the sea"),
        (b"\0" * 8 + "Größe der Welle".encode(), "<", "Größe der Welle"),
        (b"UNICODE\0" + "am großen Meer".encode("utf-16-le"), "<", "am großen Meer"),
        (b"UNICODE\0" + "am großen Meer".encode("utf-16-be"), ">", "am großen Meer"),
        (b"UNICODE\0" + "am großen Meer".encode("utf-16-be"), "<", "am großen Meer"),
        (b"UNICODE\0" + "am großen Meer".encode("utf-16"), ">", "am großen Meer"),
        (b"UNICODE\0" + "海のそば".encode("utf-16-be"), ">", "海のそば"),
        (b"JIS\0\0\0\0\0" + "海のそば".encode("iso2022_jp"), "<", "海のそば"),
        (b"by the sea, without any prefix", "<", "by the sea, without any prefix"),
        (b"ASCII\0\0\0Note: we went home, and slept", "<", "Note: we went home, and slept"),
        (b"ASCII\0\0\0" + b" " * 100, "<", None),
        (b"ASCII\0\0\0", "<", None),
        (b"\0" * 264, "<", None),
        (b"ASCII\0\0\0binary comment", "<", None),
        (b"ASCII\0\0\0Screenshot", "<", None),
        (
            b"ASCII\0\0\0filter: 0; fileterIntensity: 0.0; filterMask: 0; algolist: 0;\nmulti-frame: 1",
            "<",
            None,
        ),
        (b"ASCII\0\0\0Type=N, Mode=PG, DE=None, BCT=0", "<", None),
        (b"ASCII\0\0\0a5cb01550dbb9a6bf732f87e413f6e231cc4581e6a5be800fb0871dce0760cd5", "<", None),
        (b'ASCII\0\0\0{"lux": 3}', "<", None),
        (b"ASCII\0\0\0oplus_32", "<", None),
        (b"\0" * 8 + bytes(range(128, 200)), "<", None),
        (b"UNICODE\0" + b"\x01\xd8" * 20, "<", None),
        (b"ASCI", "<", None),
    ],
)
def test_a_comment_is_a_description_if_a_person_may_have_written_it(
    stored: bytes, order: str, told: str | None
) -> None:
    assert _said(exif={COMMENT: (UNDEFINED, stored)}, order=order).description == told


def test_a_comment_is_the_last_resort() -> None:
    comment = {COMMENT: (UNDEFINED, b"ASCII\0\0\0the comment")}
    assert _said({DESCRIPTION: _ascii("the description")}, comment).description == "the description"
    assert _said({XP_COMMENT: _wide("of Windows")}, comment).description == "of Windows"


def test_xmp_speaks_before_exif_although_it_comes_later_in_the_file() -> None:
    exif = {DESCRIPTION: _ascii("of EXIF"), ARTIST: _ascii("Ada"), XP_TITLE: _wide("of Windows")}
    xmp = packet(alternatives("dc:description", x_default="of XMP"), "<xmp:Rating>5</xmp:Rating>")
    said = _said(exif | {RATING: (SHORT, [2])}, xmp=xmp)
    assert said == Descriptive(title="of Windows", description="of XMP", creators=("Ada",), rating=5)


_TAGS = st.sampled_from([DESCRIPTION, ARTIST, COPYRIGHT, RATING, PERCENT, XP_TITLE, XP_KEYWORDS, XP_AUTHOR])
_CONTENT = st.tuples(st.sampled_from([ASCII, BYTE, UNDEFINED]), st.binary(min_size=1, max_size=60))


@given(st.dictionaries(_TAGS, _CONTENT, max_size=5), _CONTENT, st.sampled_from("<>"))
def test_any_bytes_in_any_tag_are_read_or_ignored(
    tags: dict[int, tuple[int, bytes]], comment: tuple[int, bytes], order: str
) -> None:
    said = _said(tags, {COMMENT: comment}, order=order)
    for text in (said.title, said.description, said.rights, *said.creators, *said.tags):
        assert text is None or (text.strip() and text.encode())


@pytest.mark.parametrize("name", [b"x.tif", b"x.NEF", b"x.CR2"])
def test_packets_in_a_tiff_or_a_raw_file_are_read(name: bytes) -> None:
    xmp, iptc = packet("<xmp:Rating>5</xmp:Rating>"), b"\x1c\x02\x05\0\5title"
    content = tiff(
        {0x0100: (SHORT, [8]), 0x0101: (SHORT, [8]), 0x02BC: (BYTE, xmp), 0x83BB: (UNDEFINED, iptc)}
    )
    facts = read_header(MemorySource(content), name)
    assert facts.descriptive == Descriptive(title="title", rating=5)
