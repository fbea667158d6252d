"""JPEG XL: size, EXIF and XMP (ISO 18181-1 and -2): a naked codestream, or boxes around one."""

from __future__ import annotations

import struct

from daemon.media.boxes import boxes
from daemon.media.draft import Draft
from daemon.media.exif import read_exif_part
from daemon.media.source import ByteSource, Malformed
from daemon.media.xmp import MAX_PACKET_BYTES, read_xmp

_CODESTREAM = b"\xff\x0a"
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIZE_BITS = (9, 13, 18, 30)
_HEAD_BYTES = 12  # the longest size header has 4 + 2 * 32 bits


def read_jxl(source: ByteSource, draft: Draft) -> None:
    """Read the boxes, or the codestream alone."""
    if source.read(0, 2) == _CODESTREAM:
        _read_size(source, 0, draft)
        return
    packets = []
    for box in boxes(source, 0, source.size):
        if box.kind == b"jxlc":
            _read_size(source, box.start, draft)
        elif box.kind == b"jxlp" and draft.width is None:
            _read_size(source, box.start + 4, draft)
        elif box.kind == b"Exif" and box.end - box.start > 12:
            (skip,) = struct.unpack(">I", source.read(box.start, 4))
            read_exif_part(source, box.start + 4 + skip, draft)
        elif box.kind == b"xml " and box.end - box.start <= MAX_PACKET_BYTES:
            packets.append(box)
        elif box.kind == b"brob":
            draft.needs_deep = True  # packed with Brotli, which exiftool can unpack
    for box in packets[:1]:
        read_xmp(source.read(box.start, box.end - box.start), draft)
    if draft.width is None:
        draft.note("jxl", "no picture begins in the file: the size is unknown")


class _Bits:
    """Reads numbers from the lowest bit on."""

    def __init__(self, content: bytes) -> None:
        self._number = int.from_bytes(content, "little")

    def take(self, count: int) -> int:
        found = self._number & ((1 << count) - 1)
        self._number >>= count
        return found


def _read_size(source: ByteSource, at: int, draft: Draft) -> None:
    """Read the size header: height, then a ratio or the width; each short in units of 8, or in one of four lengths."""
    head = source.read_up_to(at, 2 + _HEAD_BYTES)
    if head[:2] != _CODESTREAM:
        raise Malformed("no JPEG XL codestream where one should begin")
    bits = _Bits(head[2:])
    is_small = bool(bits.take(1))
    height = _length(bits, is_small=is_small)
    ratio = bits.take(3)
    if ratio:
        numerator, denominator = _RATIOS[ratio - 1]
        width = height * numerator // denominator
    else:
        width = _length(bits, is_small=is_small)
    draft.say_size(width, height)


def _length(bits: _Bits, *, is_small: bool) -> int:
    return 8 * (bits.take(5) + 1) if is_small else bits.take(_SIZE_BITS[bits.take(2)]) + 1
