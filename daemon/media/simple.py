"""GIF, BMP and DSF: formats whose header tells everything in a few bytes.

GIF89a, BITMAPINFO, Sony's DSF specification 1.01 (exiftool before 13 does not know DSF).
"""

from __future__ import annotations

import struct

from daemon.media.draft import Draft
from daemon.media.id3 import read_id3
from daemon.media.source import ByteSource, Malformed

# Pictures of an animation are counted as far as this: a GIF tells their number nowhere.
MAX_COUNTED_BYTES = 4 * 1024 * 1024
_EXTENSION, _PICTURE = 0x21, 0x2C


def read_gif(source: ByteSource, draft: Draft) -> None:
    """Read the logical screen's size and count the pictures."""
    head = source.read(6, 7)
    draft.say_size(*struct.unpack_from("<HH", head))
    frames = _count_pictures(source, 13 + _table_bytes(head[4]))
    draft.say_extra("frames", frames if frames > 1 else None)


def _count_pictures(source: ByteSource, at: int) -> int:
    """Walk the blocks; a file that is cut off has as many pictures as begin in it."""
    content = source.read_up_to(0, min(source.size, MAX_COUNTED_BYTES))
    found = 0
    while at + 10 <= len(content):
        if content[at] == _EXTENSION:
            at = _after_blocks(content, at + 2)
        elif content[at] == _PICTURE:
            found += 1
            at = _after_blocks(content, at + 10 + _table_bytes(content[at + 9]) + 1)
        else:
            break
    return found


def _after_blocks(content: bytes, at: int) -> int:
    while at < len(content) and content[at]:
        at += 1 + content[at]
    return at + 1


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def read_bmp(source: ByteSource, draft: Draft) -> None:
    """Read the size; a negative height is a picture stored from the top."""
    head = source.read(14, 12)
    if int.from_bytes(head[:4], "little") == 12:
        draft.say_size(*struct.unpack_from("<HH", head, 4))
        return
    width, height = struct.unpack_from("<ii", head, 4)
    draft.say_size(width, abs(height))


def read_dsf(source: ByteSource, draft: Draft) -> None:
    """Read the length from the format chunk behind the 28 bytes of the file header, and the tag at the end."""
    (tag_at,) = struct.unpack("<Q", source.read(20, 8))
    if source.read(28, 4) != b"fmt ":
        raise Malformed("no format chunk")
    rate, _, samples = struct.unpack("<IIQ", source.read(28 + 28, 16))
    draft.say_duration(samples / rate if rate else None)
    draft.say_extra("codec", "dsd")
    if 0 < tag_at < source.size:
        read_id3(source, tag_at, draft)
