"""GIF, BMP, FLAC and DSF: formats whose header tells everything in a few bytes.

GIF89a, BITMAPINFO, RFC 9639, Sony's DSF specification 1.01 (exiftool before 13 does not know DSF).
"""

from __future__ import annotations

import struct

from daemon.media.draft import Draft
from daemon.media.source import ByteSource, Malformed

MAX_COMMENT_BYTES = 1024 * 1024
_STREAMINFO, _VORBIS_COMMENT = 0, 4


def read_gif(source: ByteSource, draft: Draft) -> None:
    """Read the logical screen's size."""
    draft.say_size(*struct.unpack("<HH", source.read(6, 4)))


def read_bmp(source: ByteSource, draft: Draft) -> None:
    """Read the size; a negative height is a picture stored from the top."""
    head = source.read(14, 12)
    if int.from_bytes(head[:4], "little") == 12:
        draft.say_size(*struct.unpack_from("<HH", head, 4))
        return
    width, height = struct.unpack_from("<ii", head, 4)
    draft.say_size(width, abs(height))


def read_flac(source: ByteSource, draft: Draft) -> None:
    """Read length and date."""
    at, is_last = 4, False
    while not is_last:
        head = source.hop(at, 4)
        is_last, kind, size = bool(head[0] & 0x80), head[0] & 0x7F, int.from_bytes(head[1:], "big")
        if kind == _STREAMINFO and size >= 18:
            packed = int.from_bytes(source.read(at + 4 + 10, 8), "big")
            rate, samples = packed >> 44, packed & ((1 << 36) - 1)
            draft.say_duration(samples / rate if rate else None)
        elif kind == _VORBIS_COMMENT and size <= MAX_COMMENT_BYTES:
            read_vorbis_comment(source.read(at + 4, size), draft)
        elif kind == 127:
            raise Malformed("a FLAC block of a kind that cannot be")
        at += 4 + size


def read_dsf(source: ByteSource, draft: Draft) -> None:
    """Read the length from the format chunk that follows the 28 bytes of the file header."""
    if source.read(28, 4) != b"fmt ":
        raise Malformed("no format chunk")
    rate, _, samples = struct.unpack("<IIQ", source.read(28 + 28, 16))
    draft.say_duration(samples / rate if rate else None)


def read_vorbis_comment(block: bytes, draft: Draft) -> None:
    """Read DATE of a Vorbis comment (little-endian lengths, UTF-8)."""
    try:
        (vendor_bytes,) = struct.unpack_from("<I", block, 0)
        (count,) = struct.unpack_from("<I", block, 4 + vendor_bytes)
        at = 8 + vendor_bytes
        for _ in range(min(count, 1000)):
            (size,) = struct.unpack_from("<I", block, at)
            key, _, text = block[at + 4 : at + 4 + min(size, 100)].partition(b"=")
            if key.upper() == b"DATE":
                draft.say_date("Vorbis:Date", text.decode("utf-8", "replace"))
            at += 4 + size
    except struct.error as error:
        draft.note("flac", f"the comment block is damaged: {error}")
