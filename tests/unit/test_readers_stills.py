"""Header readers of pictures: every field by a file with known answers, and damage that stays a finding."""

from __future__ import annotations

import random
import struct
import tempfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.facts import Facts
from daemon.media.header import NO_MEDIA, read_header
from daemon.media.source import ByteSource, Malformed, MemorySource
from daemon.media.xmp_model import read_model
from daemon.media.xmp_xml import MAX_PACKET_BYTES
from media_files import (
    LONG,
    SHORT,
    ExifSpec,
    bmp,
    exif_block,
    flac,
    gif,
    heic,
    iptc_block,
    jpeg,
    movie,
    png,
    tiff_picture,
    wav,
    webp,
    xmp_packet,
)

DTO = "ExifIFD:DateTimeOriginal"
FULL = ExifSpec(
    original="2019:08:07 14:33:02",
    original_subsec="09",
    original_offset="+02:00",
    digitized="2019:08:07 14:33:03",
    modified="2020:01:01 00:00:01",
    make="Canon\0\0",
    model="Canon EOS 5D ",
    lens="EF50mm f/1.4",
    software="Ver.1",
    orientation=6,
    lat=-33.856784,
    lon=151.215297,
    alt=-4.5,
    gps_date="2019:08:07",
    gps_time=(12, 33, 2),
)


def _read(content: bytes, name: bytes = b"x.jpg") -> Facts:
    return read_header(MemorySource(content), name)


def _dates(facts: Facts) -> dict[str, str | None]:
    return {one.source: one.local for one in facts.candidates}


def _assert_full(facts: Facts) -> None:
    assert facts.findings == ()
    assert (facts.make, facts.model, facts.software) == ("Canon", "Canon EOS 5D", "Ver.1")
    assert facts.orientation == 6
    assert facts.lat == pytest.approx(-33.856784, abs=1e-6)
    assert facts.lon == pytest.approx(151.215297, abs=1e-6)
    assert _dates(facts)[DTO] == "2019-08-07T14:33:02.090000"
    assert facts.candidates[0].offset_min == 120


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_jpeg_tells_all_of_its_exif_in_both_byte_orders(order: str) -> None:
    FULL.order = order
    facts = _read(jpeg(size=(48, 32), exif=FULL))
    _assert_full(facts)
    assert (facts.kind, facts.mime, facts.width, facts.height) == ("photo", "image/jpeg", 48, 32)
    assert (facts.alt, facts.lens) == (-4.5, "EF50mm f/1.4")
    assert _dates(facts)["GPS:GPSDateTime"] == "2019-08-07T12:33:02"
    assert not facts.needs_deep


@pytest.mark.parametrize(
    ("build", "mime"),
    [
        (lambda: heic(size=(64, 64), exif=FULL), "image/heic"),
        (lambda: png(size=(64, 64), exif=FULL), "image/png"),
        (lambda: png(size=(64, 64), exif=FULL, is_exif_last=True), "image/png"),
        (lambda: webp(size=(64, 64), exif=FULL), "image/webp"),
        (lambda: tiff_picture(size=(64, 64), exif=FULL), "image/tiff"),
    ],
)
def test_other_containers_tell_the_same_exif_and_the_stored_size(
    build: Callable[[], bytes], mime: str
) -> None:
    facts = _read(build())
    _assert_full(facts)
    assert (facts.mime, facts.width, facts.height) == (mime, 64, 64)


def test_a_dng_is_told_from_a_tiff_by_its_tag_and_takes_the_size_of_the_full_picture() -> None:
    facts = _read(tiff_picture(size=(64, 64), exif=FULL, is_dng=True), b"x.tif")
    _assert_full(facts)
    assert (facts.mime, facts.is_raw, facts.needs_deep) == ("image/x-adobe-dng", True, True)
    assert (facts.width, facts.height) == (64, 64)


def test_gif_and_bmp_tell_their_size() -> None:
    for content, mime in ((gif(size=(12, 9)), "image/gif"), (bmp(size=(12, 9)), "image/bmp")):
        facts = _read(content)
        assert (facts.mime, facts.width, facts.height) == (mime, 12, 9)


def test_xmp_is_read_as_attributes_and_as_elements() -> None:
    attributes = {"xmp:CreateDate": "2019-08-07T14:33:02+02:00", "exif:GPSLatitude": "33,51.40704S"}
    elements = {"photoshop:DateCreated": "2019-08", "exif:GPSLongitude": "151,12,55E", "tiff:Model": "X100"}
    facts = _read(jpeg(xmp=xmp_packet(attributes, elements)))
    assert _dates(facts) == {
        "XMP-photoshop:DateCreated": "2019-08",
        "XMP-xmp:CreateDate": "2019-08-07T14:33:02",
    }
    assert facts.lat == pytest.approx(-33.856784)
    assert facts.lon == pytest.approx(151.215277, abs=1e-6)
    assert facts.model == "X100"


def test_a_panorama_is_told_by_its_projection() -> None:
    assert _read(jpeg(xmp=xmp_packet({"GPano:ProjectionType": "equirectangular"}))).is_panorama
    assert not _read(jpeg(xmp=xmp_packet({}))).is_panorama


def test_exif_comes_before_xmp() -> None:
    facts = _read(
        jpeg(
            exif=ExifSpec(make="A", orientation=3),
            xmp=xmp_packet({"tiff:Make": "B", "tiff:Orientation": "6"}),
        )
    )
    assert (facts.make, facts.orientation) == ("A", 3)


def test_iptc_date_and_time_are_one_candidate() -> None:
    facts = _read(jpeg(iptc=iptc_block("20190807", "143302+0200")))
    (candidate,) = facts.candidates
    assert (candidate.source, candidate.local, candidate.offset_min) == (
        "IPTC:DateCreated",
        "2019-08-07T14:33:02",
        120,
    )
    assert _dates(_read(jpeg(iptc=iptc_block("20190807")))) == {"IPTC:DateCreated": "2019-08-07"}


def test_a_png_text_tells_its_creation_time() -> None:
    facts = _read(png(texts={"Creation Time": "2019:08:07 14:33:02", "Comment": "no"}))
    assert _dates(facts) == {"PNG:CreationTime": "2019-08-07T14:33:02"}


def test_a_position_of_zero_zero_is_none_and_the_equator_is_one() -> None:
    assert _read(jpeg(exif=ExifSpec(lat=0.0, lon=0.0))).lat is None
    facts = _read(jpeg(exif=ExifSpec(lat=0.0, lon=9.5)))
    assert (facts.lat, facts.lon) == (0.0, pytest.approx(9.5))


@pytest.mark.parametrize(("stored", "told"), [(0, None), (1, 1), (8, 8), (9, None), (65535, None)])
def test_only_orientations_1_to_8_are_told(stored: int, told: int | None) -> None:
    assert _read(jpeg(exif=ExifSpec(orientation=stored))).orientation == told


def test_maker_notes_without_a_date_ask_for_exiftool() -> None:
    notes = {0x927C: (7, b"RECONYX maker notes")}
    assert _read(jpeg(exif=ExifSpec(make="R", exif_more=notes))).needs_deep
    assert not _read(
        jpeg(exif=ExifSpec(make="R", original="2019:08:07 14:33:02", exif_more=notes))
    ).needs_deep


def test_the_bytes_rule_and_not_the_name() -> None:
    assert _read(jpeg(), b"wrong.heic").mime == "image/jpeg"
    assert _read(png(), b"x.jpg").mime == "image/png"
    assert _read(b"just some text", b"x.jpg") == NO_MEDIA
    assert _read(b"", b"x.jpg") == NO_MEDIA


def test_the_name_chooses_among_tiffs_only() -> None:
    content = tiff_picture(exif=FULL)
    assert _read(content, b"DSC.NEF").mime == "image/x-nikon-nef"
    assert _read(content, b"DSC.jpg").mime == "image/tiff"


# ---- damage


def test_a_cut_jpeg_keeps_what_was_read_and_gets_a_finding() -> None:
    whole = jpeg(exif=FULL)
    facts = _read(whole[: whole.index(b"\xff\xdb") + 4])
    assert facts.make == "Canon"
    assert facts.width is None
    assert [one.tool for one in facts.findings] == ["jpeg"]


def test_a_damaged_exif_block_is_a_finding_and_the_size_is_still_told() -> None:
    facts = _read(jpeg(size=(48, 32), exif=b"XX" + exif_block(FULL)[2:]))
    assert (facts.width, facts.make) == (48, None)
    assert [one.tool for one in facts.findings] == ["exif"]


def test_directories_that_point_at_themselves_end() -> None:
    block = bytearray(exif_block(ExifSpec(original="2019:08:07 14:33:02")))
    at = block.index(struct.pack("<HHI", 0x8769, LONG, 1)) + 8
    block[at : at + 4] = struct.pack("<I", 8)
    facts = _read(jpeg(exif=bytes(block)))
    assert facts.width == 48


def test_a_tag_with_a_lying_count_is_left_out() -> None:
    block = exif_block(ExifSpec(make="Canon", original="2019:08:07 14:33:02"))
    lying = block.replace(struct.pack("<HHI", 0x010F, 2, 6), struct.pack("<HHI", 0x010F, 2, 0x7FFFFFFF))
    assert lying != block
    facts = _read(jpeg(exif=lying))
    assert facts.make is None
    assert _dates(facts)[DTO] == "2019-08-07T14:33:02"


@pytest.mark.parametrize(
    "packet",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&a;</x:xmpmeta>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        b"<x:xmpmeta",
        b"\xff\xfe<\x00not xml",
    ],
)
def test_xmp_with_a_dtd_or_without_form_is_refused_with_a_finding(packet: bytes) -> None:
    facts = _read(jpeg(xmp=packet))
    assert [one.tool for one in facts.findings] == ["xmp"]
    assert facts.width == 48


def test_an_xmp_packet_beyond_the_cap_is_refused() -> None:
    with pytest.raises(Malformed, match="2 MiB"):
        read_model(b"<x>" + b" " * MAX_PACKET_BYTES + b"</x>")


def test_deep_xmp_is_survived() -> None:
    assert read_model(b"<a>" * 100_000 + b"</a>" * 100_000) == {}


SEEDS = {
    "jpeg": jpeg(exif=FULL, xmp=xmp_packet({"xmp:CreateDate": "2019"}), iptc=iptc_block("20190807")),
    "heic": heic(exif=FULL),
    "png": png(exif=FULL, texts={"Creation Time": "2019:08:07 14:33:02"}),
    "webp": webp(exif=FULL),
    "tiff": tiff_picture(exif=FULL, is_dng=True),
    "mp4": movie(
        created=1_624_474_297,
        keys={"com.apple.quicktime.creationdate": "2019-02-12T15:27:12+0800"},
        user_data={b"\xa9day": "2019", b"\xa9xyz": "+48.8125+002.4862/"},
        xmp=xmp_packet({"xmp:CreateDate": "2019"}),
    ),
    "wav": wav(recorded=("2019-08-07", "14:33:02")),
    "flac": flac(date="1999"),
}


def _read_damaged(name: str, whole: bytes, count: int) -> None:
    rnd = random.Random(name)
    for _ in range(count):
        damaged = bytearray(whole[: rnd.randint(0, len(whole))] if rnd.random() < 0.3 else whole)
        for _ in range(rnd.randint(1, 8)):
            if damaged:
                place = rnd.randrange(min(len(damaged), 2000))
                damaged[place] = rnd.choice((0, 1, 0x7F, 0x80, 0xFF, rnd.randrange(256)))
        facts = _read(bytes(damaged), b"x." + name.encode())
        assert facts.width is None or facts.width > 0
        assert facts.lat is None or abs(facts.lat) <= 90


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
def test_no_damage_makes_a_reader_raise_or_hang(name: str) -> None:
    _read_damaged(name, SEEDS[name], 2000)


@pytest.mark.long
@pytest.mark.parametrize("name", SEEDS)
def test_no_damage_makes_a_reader_raise_or_hang_in_a_hundred_thousand_tries(name: str) -> None:
    _read_damaged(name, SEEDS[name], 100_000)


@given(st.binary(max_size=400), st.sampled_from([seed[:16] for seed in SEEDS.values()]))
def test_random_bytes_behind_a_magic_never_raise(tail: bytes, head: bytes) -> None:
    _read(head + tail)


# ---- the source


def test_a_source_reads_the_same_bytes_as_the_file_at_random_places() -> None:
    rnd = random.Random(5)
    content = rnd.randbytes(300_000)
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        source = ByteSource(file.fileno(), len(content))
        for _ in range(300):
            at, count = rnd.randrange(300_000), rnd.choice((1, 8, 5000, 100_000))
            assert source.read_up_to(at, count) == content[at : at + count]
            if at + count <= len(content) and count <= 5000:
                assert source.hop(at, count) == content[at : at + count]
                assert source.read(at, count) == content[at : at + count]


def test_a_source_refuses_places_and_amounts_beyond_reason() -> None:
    source = MemorySource(bytes(100))
    for offset, count in ((-1, 1), (0, -1), (0, 1 << 40), (99, 2), (1 << 70, 1)):
        with pytest.raises(Malformed):
            source.read(offset, count)
    with tempfile.TemporaryFile() as file:
        file.truncate(1 << 30)
        greedy = ByteSource(file.fileno(), 1 << 30)
        for step in range(8):
            greedy.read(step * (8 << 20), 8 << 20)
        with pytest.raises(Malformed, match="larger than any camera"):
            greedy.read(0, 1 << 20)


def test_short_and_long_numbers_are_read_alike() -> None:
    for kind in (SHORT, LONG):
        facts = _read(jpeg(exif=ExifSpec(ifd0_more={0x0112: (kind, [6])})))
        assert facts.orientation == 6
