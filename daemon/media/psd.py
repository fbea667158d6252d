"""Photoshop documents: size, and the image resources with EXIF, XMP, IPTC and a preview (Adobe's PSD specification)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from daemon.media.draft import Draft
from daemon.media.exif import read_exif_part
from daemon.media.iptc import read_iptc
from daemon.media.jpeg_frames import say_preview
from daemon.media.source import ByteSource, Malformed
from daemon.media.xmp import MAX_PACKET_BYTES, read_xmp

_IPTC, _THUMBNAIL, _EXIF, _XMP = 0x0404, 0x040C, 0x0422, 0x0424
_THUMBNAIL_HEAD_BYTES = 28
_MAX_RESOURCES = 1000
_MAX_IPTC_BYTES = 256 * 1024

Place = tuple[int, int]


def read_psd(source: ByteSource, draft: Draft) -> None:
    """Read the header, then the resources; EXIF comes before XMP and XMP before IPTC."""
    height, width = struct.unpack(">II", source.read(14, 8))
    draft.say_size(width, height)
    (colours,) = struct.unpack(">I", source.read(26, 4))
    at = 30 + colours
    (size,) = struct.unpack(">I", source.read(at, 4))
    places: dict[int, Place] = {}
    for kind, place in _resources(source, at + 4, min(at + 4 + size, source.size)):
        places.setdefault(kind, place)
    if _EXIF in places:
        read_exif_part(source, places[_EXIF][0], draft)
    if _XMP in places and places[_XMP][1] <= MAX_PACKET_BYTES:
        read_xmp(source.read(*places[_XMP]), draft)
    if _IPTC in places and places[_IPTC][1] <= _MAX_IPTC_BYTES:
        read_iptc(source.read(*places[_IPTC]), draft)
    if _THUMBNAIL in places:
        at, length = places[_THUMBNAIL]
        say_preview(source, "psd", at + _THUMBNAIL_HEAD_BYTES, length - _THUMBNAIL_HEAD_BYTES, draft)


def _resources(source: ByteSource, at: int, end: int) -> Iterator[tuple[int, Place]]:
    """Yield (number, place) of the resources; the walk ends at the first that cannot be one."""
    for _ in range(_MAX_RESOURCES):
        if at + 12 > end:
            return
        head = source.hop(at, 7)
        if head[:4] not in (b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR"):
            raise Malformed(f"no image resource at {at}")
        name_bytes = 1 + head[6]
        size_at = at + 6 + name_bytes + name_bytes % 2
        (size,) = struct.unpack(">I", source.hop(size_at, 4))
        if size_at + 4 + size > end:
            return
        yield int.from_bytes(head[4:6], "big"), (size_at + 4, size)
        at = size_at + 4 + size + size % 2
