"""TIFF structure: image file directories, their tags, and which of them holds the picture.

One parser for the EXIF block of JPEG, PNG, WebP, HEIC and CR3, for TIFF, DNG and most RAW files, and for maker notes
of the same build. What tags mean is told by `daemon.media.exif`, `makernotes` and `tiff_previews`. Loops and lying
counts end in `Malformed` or in an ignored tag. TIFF 6, DNG 1.6.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from daemon.media.source import ByteSource, Malformed

_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}
_TYPE_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
_FLOAT_TYPES = (11, 12)
MAX_TAGS = 512  # of one directory; a Canon maker note has 80
MAX_TEXT_BYTES = 4096
_MAX_NUMBERS = 64

SUB_IFDS = 0x014A
_XMP_TAG, _IPTC_TAG, _DNG_VERSION = 0x02BC, 0x83BB, 0xC612

Value = str | bytes | tuple[int | float, ...]


@dataclass(frozen=True, slots=True)
class Directory:
    """Tags of one image file directory, read when asked for; the first of a double tag rules.

    Attributes:
        base: what offsets count from.
        order: `<` or `>`.
        places: tag -> (type, count, offset of the value from `base`).
        next_at: offset of the next directory of the chain; 0 = none.
    """

    source: ByteSource
    base: int
    order: str
    places: dict[int, tuple[int, int, int]]
    next_at: int = 0

    def place(self, tag: int) -> tuple[int, int] | None:
        """Return (offset in the source, length in bytes) of a tag's value; None when absent."""
        found = self.places.get(tag)
        return None if found is None else (self.base + found[2], _TYPE_BYTES[found[0]] * found[1])

    def text(self, tag: int) -> str | None:
        """Return a text tag up to its first NUL, decoded as UTF-8 or else Latin-1."""
        content = self.content(tag, MAX_TEXT_BYTES)
        if content is None:
            return None
        content = content.split(b"\0", 1)[0]
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            return content.decode("latin-1")

    def numbers(self, tag: int) -> tuple[float, ...]:
        """Return numbers (rationals divided, n/0, endless ones dropped), or () when absent or of another type."""
        kind, count, _ = self.places.get(tag, (0, 0, 0))
        content = self.content(tag, _MAX_NUMBERS * 8)
        if content is None:
            return ()
        count = min(count, len(content) // _TYPE_BYTES[kind])
        if kind in _TYPE_CODES:
            numbers = struct.unpack_from(f"{self.order}{count}{_TYPE_CODES[kind]}", content)
            return tuple(one for one in numbers if math.isfinite(one)) if kind in _FLOAT_TYPES else numbers
        if kind in (5, 10):
            pairs = struct.unpack_from(f"{self.order}{2 * count}{'I' if kind == 5 else 'i'}", content)
            return tuple(pairs[at] / pairs[at + 1] for at in range(0, 2 * count, 2) if pairs[at + 1])
        return ()

    def whole(self, tag: int) -> int | None:
        """Return the first number if it is whole."""
        numbers = self.numbers(tag)
        return int(numbers[0]) if numbers and numbers[0] == int(numbers[0]) else None

    def content(self, tag: int, limit: int) -> bytes | None:
        """Return the raw bytes of a tag, at most `limit`; None when absent or out of the file."""
        place = self.places.get(tag)
        if place is None:
            return None
        kind, count, at = place
        try:
            return self.source.read(self.base + at, min(_TYPE_BYTES[kind] * count, limit))
        except Malformed:
            return None


def read_structure(source: ByteSource, base: int = 0) -> tuple[Directory, str]:
    """Return (IFD0, byte order) of the TIFF block at `base`.

    Raises:
        Malformed: no TIFF header, or IFD0 is out of reach. BigTIFF is Malformed too: nothing photographs it.
    """
    head = source.read(base, 8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise Malformed("no TIFF byte order mark")
    if head[2:4] in (b"+\x00", b"\x00+"):
        raise Malformed("BigTIFF is not read")
    return read_directory(source, base, order, struct.unpack_from(f"{order}I", head, 4)[0]), order


def read_directory(source: ByteSource, base: int, order: str, at: int) -> Directory:
    """Read the table of one directory at `base + at`; unknown types are left out."""
    (count,) = struct.unpack(f"{order}H", source.read(base + at, 2))
    table = source.read_up_to(base + at + 2, 12 * min(count, MAX_TAGS))
    following = source.read_up_to(base + at + 2 + 12 * count, 4) if count <= MAX_TAGS else b""
    places: dict[int, tuple[int, int, int]] = {}
    for index in range(len(table) // 12):
        tag, kind, length = struct.unpack_from(f"{order}HHI", table, 12 * index)
        size = _TYPE_BYTES.get(kind)
        if size is None or tag in places:
            continue
        is_inline = size * length <= 4
        value_at = at + 2 + 12 * index + 8
        if not is_inline:
            (value_at,) = struct.unpack_from(f"{order}I", table, 12 * index + 8)
        places[tag] = (kind, length, value_at)
    next_at = struct.unpack(f"{order}I", following)[0] if len(following) == 4 else 0
    return Directory(source, base, order, places, next_at)


def subdirectory(parent: Directory, tag: int, index: int = 0) -> Directory | None:
    """Return a directory that a tag points to, or None if there is none that can be read."""
    pointers = parent.numbers(tag)
    if len(pointers) <= index:
        return None
    try:
        return read_directory(parent.source, parent.base, parent.order, int(pointers[index]))
    except (Malformed, struct.error):
        return None


def is_dng(ifd0: Directory) -> bool:
    """Tell whether the file calls itself DNG."""
    return _DNG_VERSION in ifd0.places


def largest_image(ifd0: Directory) -> tuple[int, int] | None:
    """Return (width, height) of the largest image among IFD0 and its SubIFDs."""
    directories = [ifd0]
    for index in range(min(len(ifd0.numbers(SUB_IFDS)), 8)):
        child = subdirectory(ifd0, SUB_IFDS, index)
        directories += [child] if child is not None else []
    sizes = [
        (width, height)
        for one in directories
        if (width := one.whole(0x0100)) and (height := one.whole(0x0101))
    ]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def main_image(ifd0: Directory) -> tuple[int, int] | None:
    """Return (width, height) of the directory that calls itself full resolution (NewSubfileType 0), else largest."""
    children = [subdirectory(ifd0, SUB_IFDS, index) for index in range(min(len(ifd0.numbers(SUB_IFDS)), 8))]
    for one in (ifd0, *children):
        if one is not None and one.whole(0x00FE) == 0 and one.whole(0x0100) and one.whole(0x0101):
            return one.whole(0x0100) or 0, one.whole(0x0101) or 0
    return largest_image(ifd0)


def embedded_packets(ifd0: Directory) -> tuple[bytes | None, bytes | None]:
    """Return (XMP packet, IPTC records) that a TIFF carries, or None for each."""
    return ifd0.content(_XMP_TAG, 2 * 1024 * 1024), ifd0.content(_IPTC_TAG, 256 * 1024)
