"""JPEG 2000: size, EXIF, XMP and IPTC (ISO 15444-1): a naked codestream, or boxes around one."""

from __future__ import annotations

import struct

from daemon.media.boxes import Box, boxes
from daemon.media.draft import Draft
from daemon.media.exif import read_exif_part
from daemon.media.iptc import read_iptc
from daemon.media.source import ByteSource, Malformed
from daemon.media.xmp import MAX_PACKET_BYTES, read_xmp

_CODESTREAM = b"\xff\x4f\xff\x51"
_EXIF = b"JpgTiffExif->JP2"
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")


def read_jp2(source: ByteSource, draft: Draft) -> None:
    """Read the boxes, or the codestream alone; EXIF comes before XMP and XMP before IPTC."""
    if source.read(0, 4) == _CODESTREAM:
        _read_codestream(source, 0, draft)
        return
    known: dict[bytes, Box] = {}
    for box in boxes(source, 0, source.size):
        if box.kind == b"jp2h":
            _read_header(source, box, draft)
        elif box.kind == b"jp2c" and draft.width is None:
            _read_codestream(source, box.start, draft)
        elif box.kind == b"uuid" and 16 < box.end - box.start <= MAX_PACKET_BYTES:
            known.setdefault(source.hop(box.start, 16), box)
    if _EXIF in known:
        read_exif_part(source, known[_EXIF].start + 16, draft)
    if _XMP in known:
        read_xmp(_content(source, known[_XMP]), draft)
    if _IPTC in known:
        read_iptc(_content(source, known[_IPTC]), draft)


def _content(source: ByteSource, box: Box) -> bytes:
    return source.read(box.start + 16, box.end - box.start - 16)


def _read_header(source: ByteSource, header: Box, draft: Draft) -> None:
    for box in boxes(source, header.start, header.end):
        if box.kind == b"ihdr":
            height, width = struct.unpack(">II", source.read(box.start, 8))
            draft.say_size(width, height)


def _read_codestream(source: ByteSource, at: int, draft: Draft) -> None:
    """Read SIZ: the reference grid less the picture's offset in it."""
    head = source.read(at, 24)
    if head[:4] != _CODESTREAM:
        raise Malformed("no JPEG 2000 codestream where one should begin")
    right, bottom, left, top = struct.unpack_from(">IIII", head, 8)
    draft.say_size(right - left, bottom - top)
