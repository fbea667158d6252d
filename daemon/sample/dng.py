"""A minimal raw photo: one uncompressed 16-bit Bayer plane as DNG 1.4 (Adobe DNG specification, chapter 4).

Written with `struct` alone: one IFD, an EXIF IFD and a GPS-free body that exiftool and LibRaw read.
"""

from __future__ import annotations

import random
import struct

from daemon.sample.draw import offset_text
from daemon.sample.plan import Shot

WIDTH_PX, HEIGHT_PX = 128, 96
_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _SRATIONAL = 1, 2, 3, 4, 5, 10
_PACKED = {_BYTE: "B", _SHORT: "H", _LONG: "I"}
# XYZ to camera, D65: the identity of sRGB, times 10,000.
_COLOR_MATRIX = (32406, -15372, -4986, -9689, 18758, 415, 557, -2040, 10570)

Entry = tuple[int, int, int, bytes]  # tag, type, count, payload


def encode_dng(shot: Shot) -> bytes:
    """Return the bytes of a DNG with the shot's dates and camera."""
    assert shot.camera is not None
    assert shot.taken is not None
    stamp = shot.taken.strftime("%Y:%m:%d %H:%M:%S")
    camera = f"{shot.camera.make} {shot.camera.model}"
    exif: list[Entry] = [_text(0x9003, stamp), _text(0x9004, stamp)]
    if shot.offset_min is not None:
        exif.append(_text(0x9011, offset_text(shot.offset_min)))
    main: list[Entry] = [
        _numbers(254, _LONG, 0),
        _numbers(256, _LONG, WIDTH_PX),
        _numbers(257, _LONG, HEIGHT_PX),
        _numbers(258, _SHORT, 16),
        _numbers(259, _SHORT, 1),
        _numbers(262, _SHORT, 32803),
        _text(271, shot.camera.make),
        _text(272, shot.camera.model),
        _numbers(274, _SHORT, shot.orientation),
        _numbers(277, _SHORT, 1),
        _numbers(278, _LONG, HEIGHT_PX),
        _numbers(279, _LONG, WIDTH_PX * HEIGHT_PX * 2),
        _numbers(284, _SHORT, 1),
        _text(306, stamp),
        _numbers(33421, _SHORT, 2, 2),
        _numbers(33422, _BYTE, 0, 1, 1, 2),
        _numbers(50706, _BYTE, 1, 4, 0, 0),
        _numbers(50707, _BYTE, 1, 1, 0, 0),
        _text(50708, camera),
        _numbers(50717, _LONG, 65535),
        (50721, _SRATIONAL, 9, b"".join(struct.pack("<ii", value, 10000) for value in _COLOR_MATRIX)),
        (50728, _RATIONAL, 3, struct.pack("<6I", 1, 1, 1, 1, 1, 1)),
        _numbers(50778, _SHORT, 21),
    ]
    return _assemble(main, exif, _bayer(shot.scene))


def _numbers(tag: int, kind: int, *values: int) -> Entry:
    return tag, kind, len(values), struct.pack(f"<{len(values)}{_PACKED[kind]}", *values)


def _text(tag: int, text: str) -> Entry:
    payload = text.encode("ascii") + b"\0"
    return tag, _ASCII, len(payload), payload


def _bayer(seed: int) -> bytes:
    chance = random.Random(seed)
    tint = [chance.randrange(3000, 9000) for _ in range(4)]
    plane = [
        min(65535, tint[(y & 1) * 2 + (x & 1)] + x * 180 + y * 120)
        for y in range(HEIGHT_PX)
        for x in range(WIDTH_PX)
    ]
    return struct.pack(f"<{len(plane)}H", *plane)


def _assemble(main: list[Entry], exif: list[Entry], strip: bytes) -> bytes:
    # Two passes: the tables' length does not depend on the offsets in them.
    strip_at = exif_at = 0
    for _ in range(2):
        table = sorted([*main, _numbers(273, _LONG, strip_at), _numbers(0x8769, _LONG, exif_at)])
        first = _ifd(table, 8)
        exif_at = 8 + len(first)
        second = _ifd(sorted(exif), exif_at)
        strip_at = exif_at + len(second)
    return b"II*\0" + struct.pack("<I", 8) + first + second + strip


def _ifd(entries: list[Entry], offset: int) -> bytes:
    """Return the table and the values that do not fit in it, as they lie from `offset` on."""
    values_at = offset + 2 + 12 * len(entries) + 4
    table, values = struct.pack("<H", len(entries)), b""
    for tag, kind, count, payload in entries:
        table += struct.pack("<HHI", tag, kind, count)
        if len(payload) <= 4:
            table += payload.ljust(4, b"\0")
        else:
            table += struct.pack("<I", values_at + len(values))
            values += payload + b"\0" * (len(payload) % 2)
    return table + struct.pack("<I", 0) + values
