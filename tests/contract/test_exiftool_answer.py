"""What exiftool says, and what we make of it: words keep their letters, places keep their signs, lies are passed over.

The real exiftool wherever its own behaviour is the matter.
"""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import media_files as make
from capabilities import require
from catalog.facts import Preview
from daemon.media.draft import Draft
from daemon.media.exiftool import Exiftool, prepare_directory
from daemon.media.exiftool_answer import MAX_ANSWER_BYTES, NotAnAnswer, Said, parse, read_answer
from daemon.media.exiftool_paths import exiftool_version
from daemon.media.source import ByteSource, MemorySource
from generated_words import iptc_resources
from media_files import ASCII, SHORT, ExifSpec
from xmp_packets import packet

ODD_WORDS = {"1e5", "1.10", "-0", "true", "True", "null", "007", "0x1F", "1e999"}


@pytest.fixture
def tool(tmp_path: Path) -> Iterator[Exiftool]:
    require("exiftool")
    directory = tmp_path / "private"
    directory.mkdir()
    prepare_directory(directory)
    tool = Exiftool("exiftool", directory, lambda: None, deadline_s=15.0)
    yield tool
    tool.stop()


def _ask(tool: Exiftool, path: Path, mime: str, *, is_thorough: bool = True) -> Draft:
    """Return a draft that nobody but exiftool wrote into."""
    draft = Draft(kind="photo", mime=mime, needs_deep=True)
    fd = os.open(path, os.O_RDONLY)
    try:
        said = tool.read(fd, mime, "photo", is_thorough=is_thorough)
        assert read_answer(said, draft, ByteSource(fd, path.stat().st_size)) is None
    finally:
        os.close(fd)
    return draft


def test_keywords_keep_their_letters_through_the_real_exiftool(tool: Exiftool, tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    bag = "".join(f"<rdf:li>{word}</rdf:li>" for word in ODD_WORDS)
    path.write_bytes(make.jpeg(xmp=packet(f"<dc:subject><rdf:Bag>{bag}</rdf:Bag></dc:subject>")))
    draft = _ask(tool, path, "image/jpeg")
    descriptive = draft.facts("deep").descriptive
    assert descriptive is not None
    # `true` and `True` are one tag: they differ in nothing but case.
    assert {tag.casefold() for tag in descriptive.tags} == {word.casefold() for word in ODD_WORDS}
    assert tool.version == exiftool_version()


def test_iptc_keywords_keep_theirs_and_latin_letters_are_no_question_marks(
    tool: Exiftool, tmp_path: Path
) -> None:
    path = tmp_path / "x.jpg"
    records = [(25, word.encode()) for word in ("1e5", "1.10", "-0", "true")] + [
        (5, "Möwe".encode("latin-1"))
    ]
    maker = {0x010F: (ASCII, "Müller".encode("latin-1") + b"\0")}
    iptc = iptc_resources(records, is_utf_8=False)
    path.write_bytes(make.jpeg(iptc=iptc, exif=ExifSpec(ifd0_more=maker)))
    draft = _ask(tool, path, "image/jpeg")
    descriptive = draft.facts("deep").descriptive
    assert descriptive is not None
    assert set(descriptive.tags) == {"1e5", "1.10", "-0", "true"}
    assert descriptive.title == "Möwe"
    assert draft.make == "Müller"


def test_the_naive_way_loses_the_letters() -> None:
    """It bites: what exiftool writes for these keywords are numbers and truths."""
    require("exiftool")
    done = subprocess.run(
        ["exiftool", "-j", "-Subject", "-"],
        input=make.jpeg(
            xmp=packet(
                "<dc:subject><rdf:Bag><rdf:li>1.10</rdf:li><rdf:li>True</rdf:li></rdf:Bag></dc:subject>"
            )
        ),
        capture_output=True,
        check=True,
    )
    assert b"[1.10,true]" in done.stdout


def test_positions_have_their_signs_and_cameras_their_settings(tool: Exiftool, tmp_path: Path) -> None:
    path = tmp_path / "x.dng"
    more = {
        0x829A: (make.RATIONAL, [(1, 125)]),
        0x829D: (make.RATIONAL, [(28, 10)]),
        0x8827: (SHORT, [400]),
        0x920A: (make.RATIONAL, [(50, 1)]),
        0x9204: (make.SRATIONAL, [(-1, 3)]),
        0x9209: (SHORT, [0x19]),
        0xA431: (ASCII, b"0012340\0"),
        0xA434: (ASCII, b"EF50mm f/1.8\0"),
    }
    exif = ExifSpec(
        lat=-33.8568,
        lon=-122.5,
        alt=-4.5,
        exif_more=more,
        orientation=6,
        original="2019:08:07 14:33:02",
        original_subsec="09",
    )
    path.write_bytes(make.jpeg(exif=exif))
    draft = _ask(tool, path, "image/jpeg")
    assert (draft.lat, draft.lon, draft.alt) == (pytest.approx(-33.8568), pytest.approx(-122.5), -4.5)
    assert (draft.orientation, draft.lens, draft.extra["serial"]) == (6, "EF50mm f/1.8", "0012340")
    assert draft.extra["exposure"] == {
        "time_s": 0.008,
        "f_number": 2.8,
        "iso": 400,
        "focal_mm": 50,
        "bias_ev": -0.333333,
        "flash": True,
    }
    assert draft.candidates[0].local == "2019-08-07T14:33:02.090000"


def test_a_raw_is_as_large_as_its_picture_and_shows_its_preview(tool: Exiftool, tmp_path: Path) -> None:
    path = tmp_path / "x.dng"
    preview = make.jpeg(size=(160, 120))
    raw = make.tiff_picture(size=(640, 480), is_dng=True)
    # IFD1 with a thumbnail behind all: JPEGInterchangeFormat and its length.
    at = len(raw) + len(raw) % 2
    table = struct.pack("<H", 2) + b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in ((0x0201, at + 30), (0x0202, len(preview)))
    )
    first_at = struct.unpack_from("<I", raw, 4)[0]
    (count,) = struct.unpack_from("<H", raw, first_at)
    link_at = first_at + 2 + 12 * count
    raw = raw[:link_at] + struct.pack("<I", at) + raw[link_at + 4 :]
    path.write_bytes(raw.ljust(at, b"\0") + table + struct.pack("<I", 0) + preview)
    draft = _ask(tool, path, "image/x-adobe-dng")
    assert (draft.width, draft.height) == (640, 480)
    assert draft.previews == [Preview("exif", at + 30, len(preview), 160, 120)]


# ---- answers that lie


def test_texts_stay_texts() -> None:
    said = parse(
        b'[{"A:X": 1e5, "A:Y": [1.10, -0, true, "007", null], "B:X": "second", "A:Z": "base64:/w=="}]'
    )
    assert said.text("A:X") == "1e5"
    assert said.values["A:Y"] == ("1.10", "-0", "true", "007")
    assert list(said.all("X")) == ["1e5", "second"]
    assert said.first("X", "B") == "second"
    assert said.text("A:Z") == "\xff"
    assert said.block("A:Z") == b"\xff"


def test_a_text_that_only_looks_packed_is_itself() -> None:
    said = Said({"A:X": ("base64:aGVsbG8=",), "A:Y": ("base64:not!",)})
    assert said.text("A:X") == "base64:aGVsbG8="
    assert said.text("A:Y") == "base64:not!"


@pytest.mark.parametrize(
    "answer",
    [
        b"[",
        b"[]",
        b"{}",
        b"[1]",
        b'["x"]',
        b"null",
        b"[" * 100_000,
        b'[{"a": ' + b"[" * 50_000,
        b" " * (MAX_ANSWER_BYTES + 1),
    ],
    ids=["cut", "nobody", "no list", "a number", "a text", "null", "deep", "deep within", "endless"],
)
def test_what_is_no_answer_is_refused(answer: bytes) -> None:
    with pytest.raises(NotAnAnswer):
        parse(answer)


def test_an_empty_answer_says_nothing() -> None:
    draft = Draft(kind="photo", mime="image/jpeg")
    assert read_answer(parse(b""), draft, MemorySource(b"")) is None
    assert draft.facts("deep").descriptive is None


def test_absurd_numbers_are_absence() -> None:
    answer = parse(
        b'[{"ExifIFD:ExposureTime": 1e300, "ExifIFD:ISO": "inf", "ExifIFD:FNumber": "x", "Canon:TimeZone": 1e30,'
        b' "IFD0:Orientation": 1e40, "Composite:ImageSize": "99999999999999999999x1", "Composite:GPSLatitude": "nan",'
        b' "Composite:GPSLongitude": 1, "IFD1:ThumbnailOffset": 1e300, "IFD1:ThumbnailLength": 1e300}]'
    )
    draft = Draft(kind="photo", mime="image/x-canon-cr2", is_raw=True)
    read_answer(answer, draft, MemorySource(b"\xff\xd8\xff"))
    assert draft.extra == {}
    assert (draft.orientation, draft.lat, draft.previews) == (None, None, [])


def test_words_of_windows_are_read_where_no_reader_of_ours_saw_them() -> None:
    keywords = "Haus;Katze"
    answer = parse(
        f'[{{"IFD0:XPKeywords": "{keywords}", "IFD0:ImageDescription": "OLYMPUS DIGITAL CAMERA"}}]'
    )
    draft = Draft(kind="photo", mime="image/x-minolta-mrw", is_raw=True)
    read_answer(answer, draft, MemorySource(b""))
    descriptive = draft.facts("deep").descriptive
    assert descriptive is not None
    assert (descriptive.tags, descriptive.description) == (("Haus", "Katze"), None)
