"""JPEG: the segments before the first scan (size, EXIF, XMP, IPTC). ITU T.81 annex B, JEITA CP-3451."""

from __future__ import annotations

import struct

from daemon.media.draft import Draft
from daemon.media.iptc import read_photoshop
from daemon.media.source import ByteSource, Malformed
from daemon.media.tiff import read_exif_block
from daemon.media.xmp import read_xmp

_EXIF = b"Exif\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_SOS, _EOI, _APP1, _APP13 = 0xDA, 0xD9, 0xE1, 0xED
MAX_SEGMENTS = 2000  # a panorama's extended XMP or a huge colour profile needs some hundred


def read_jpeg(source: ByteSource, draft: Draft, base: int = 0) -> None:
    """Read the segments of the JPEG at `base`; what is damaged becomes a finding, what is there is kept."""
    at = base + 2
    for _ in range(MAX_SEGMENTS):
        marker, at = _next_marker(source, at)
        if marker in _WITHOUT_LENGTH:
            continue
        if marker in (_SOS, _EOI):
            break
        (size,) = struct.unpack(">H", source.read(at, 2))
        if size < 2:
            raise Malformed(f"a JPEG segment of {size} bytes")
        _read_segment(source, marker, at + 2, size - 2, draft)
        at += size
    if draft.width is None:
        draft.note("jpeg", "no frame header before the picture data: the size is unknown")


def _next_marker(source: ByteSource, at: int) -> tuple[int, int]:
    """Return (marker, place after it); fill bytes are passed over."""
    head = source.read(at, 2)
    if head[0] != 0xFF:
        raise Malformed(f"no JPEG marker at {at}")
    marker, at = head[1], at + 2
    while marker == 0xFF:
        marker, at = source.read(at, 1)[0], at + 1
    return marker, at


def _read_segment(source: ByteSource, marker: int, at: int, size: int, draft: Draft) -> None:
    if marker in _SOF and size >= 5:
        height, width = struct.unpack(">HH", source.read(at + 1, 4))
        draft.say_size(width, height)
    elif marker == _APP1:
        head = source.read_up_to(at, min(size, len(_XMP)))
        if head.startswith(_EXIF):
            _read_exif(source, at + 6, draft)
        elif head == _XMP:
            read_xmp(source.read(at + len(_XMP), size - len(_XMP)), draft)
    elif marker == _APP13 and size > len(_PHOTOSHOP):
        block = source.read(at, size)
        if block.startswith(_PHOTOSHOP):
            read_photoshop(block[len(_PHOTOSHOP) :], draft)


def _read_exif(source: ByteSource, at: int, draft: Draft) -> None:
    try:
        read_exif_block(source, at, draft)
    except (Malformed, struct.error) as error:
        draft.note("exif", f"the EXIF block is damaged: {error}")
