"""Files that want to be expensive: each ends soon, with facts or a finding, whatever it repeats or claims."""

from __future__ import annotations

import struct
import tempfile
import time
import zlib
from collections.abc import Callable

import pytest

from daemon.media.draft import MAX_FINDINGS, MAX_PREVIEWS
from daemon.media.header import read_header
from daemon.media.source import ByteSource
from generated_movies import element, ogg
from generated_stills import chained, extended, google_xmp
from media_files import box, jpeg, png, png_chunk, segment, tiff

# Of the processor, on a slow and busy machine; the pool's deadline is 20 s. All of them take well below one second here.
MOST_S = 6.0


def _png_of_bombs() -> bytes:
    bomb = zlib.compress(bytes(4 << 20), 9)
    texts = png_chunk(b"zTXt", b"Raw profile type exif\0\0" + bomb) * 3000
    return png()[:33] + texts + png()[33:]


def _png_of_bad_exif() -> bytes:
    return png()[:33] + png_chunk(b"eXIf", b"XX") * 20_000 + png()[33:]


def _jpeg_of_bad_exif() -> bytes:
    return jpeg()[:2] + segment(0xE1, b"Exif\0\0nothing") * 1990 + jpeg()[2:]


def _motion_of_lies() -> bytes:
    packet = google_xmp('GCamera:MicroVideo="1" GCamera:MicroVideoOffset="80"')
    return jpeg(xmp=packet) + (struct.pack(">I", 16) + b"ftypmp42" + bytes(4)) * 700_000


def _extended_xmp_without_end() -> bytes:
    name = b"F" * 32
    body = jpeg(xmp=b"<x/>" + name)
    return body[:2] + extended(bytes(2 << 20), name, step=60_000) * 20 + body[2:]


def _ring_of_directories() -> bytes:
    block = bytearray(tiff({0x014A: (4, [8] * 60), 0x0100: (4, [1])}))
    (count,) = struct.unpack_from("<H", block, 8)
    struct.pack_into("<I", block, 10 + 12 * count, 8)
    return bytes(block)


def _many_previews() -> bytes:
    return chained(tiff({0x0100: (4, [1])}), [jpeg(size=(8 + n, 8)) for n in range(60)], "<")


def _boxes_in_boxes() -> bytes:
    inner = box(b"trak", b"")
    for kind in (b"stbl", b"minf", b"mdia"):
        inner = box(kind, inner * 3)
    return box(b"ftyp", b"isom" + bytes(8)) + box(b"moov", box(b"trak", inner) * 4999)


def _elements_in_elements() -> bytes:
    tracks = element(0x1654AE6B, element(0xAE, element(0xE0, element(0xB0, b"\1") * 50) * 50) * 50)
    return element(0x1A45DFA3, b"") + element(0x18538067, tracks)


def _one_page_upon_another() -> bytes:
    return ogg([b"\x01vorbis" + bytes(30), b"\x03vorbis" + bytes(3 << 20)], 1)


def _gif_of_small_pictures() -> bytes:
    return b"GIF89a" + struct.pack("<HH3x", 9, 9) + (b"\x2c" + bytes(9) + b"\2\0") * 900_000


HOSTILE = [
    _png_of_bombs,
    _png_of_bad_exif,
    _jpeg_of_bad_exif,
    _motion_of_lies,
    _extended_xmp_without_end,
    _ring_of_directories,
    _many_previews,
    _boxes_in_boxes,
    _elements_in_elements,
    _one_page_upon_another,
    _gif_of_small_pictures,
]


@pytest.mark.parametrize("build", HOSTILE, ids=lambda build: build.__name__.strip("_").replace("_", " "))
def test_a_file_that_repeats_itself_or_lies_costs_little(build: Callable[[], bytes]) -> None:
    content = build()
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        started_s = time.process_time()
        facts = read_header(ByteSource(file.fileno(), len(content)), b"x.dng")
        assert time.process_time() - started_s < MOST_S
    assert facts.kind is not None
    assert len(facts.findings) <= MAX_FINDINGS
    assert len(facts.previews) <= MAX_PREVIEWS
