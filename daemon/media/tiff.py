"""TIFF structure and the EXIF that lives in it: image file directories, tags, positions, dates.

One parser for the EXIF block of JPEG, PNG, WebP, HEIC and CR3 and for TIFF, DNG and most RAW files. It
follows only IFD0, SubIFDs, the EXIF and the GPS directory, never maker notes. Loops and lying counts end in
`Malformed` or in an ignored tag. Tag numbers: EXIF 2.32, TIFF 6, DNG 1.6.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from daemon.media.draft import Draft
from daemon.media.source import ByteSource, Malformed

_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}
_TYPE_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
MAX_TAGS = 512  # of one directory; a Canon maker note has 80
MAX_TEXT_BYTES = 4096
_MAX_NUMBERS = 64

_EXIF_IFD, _GPS_IFD, _SUB_IFDS = 0x8769, 0x8825, 0x014A
_XMP_TAG, _IPTC_TAG, _DNG_VERSION, _MAKER_NOTE = 0x02BC, 0x83BB, 0xC612, 0x927C

Value = str | bytes | tuple[int | float, ...]


@dataclass(frozen=True, slots=True)
class Directory:
    """Tags of one image file directory, read when asked for; the first of a double tag rules."""

    source: ByteSource
    base: int
    order: str
    places: dict[int, tuple[int, int, int]]

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
        """Return numbers (rationals divided, n/0 dropped), or () when absent or of another type."""
        kind, count, _ = self.places.get(tag, (0, 0, 0))
        content = self.content(tag, _MAX_NUMBERS * 8)
        if content is None:
            return ()
        count = min(count, len(content) // _TYPE_BYTES[kind])
        if kind in _TYPE_CODES:
            return struct.unpack_from(f"{self.order}{count}{_TYPE_CODES[kind]}", content)
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
    count = min(count, MAX_TAGS)
    table = source.read_up_to(base + at + 2, 12 * count)
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
    return Directory(source, base, order, places)


def subdirectory(parent: Directory, tag: int, index: int = 0) -> Directory | None:
    """Return a directory that a tag points to, or None if there is none that can be read."""
    pointers = parent.numbers(tag)
    if len(pointers) <= index:
        return None
    try:
        return read_directory(parent.source, parent.base, parent.order, int(pointers[index]))
    except (Malformed, struct.error):
        return None


def read_exif_block(source: ByteSource, base: int, draft: Draft) -> Directory:
    """Read the EXIF at `base` into the draft; returns IFD0 for format-specific tags."""
    ifd0, _ = read_structure(source, base)
    draft.say_text("make", ifd0.text(0x010F))
    draft.say_text("model", ifd0.text(0x0110))
    draft.say_text("software", ifd0.text(0x0131))
    draft.say_orientation(ifd0.whole(0x0112))
    exif = subdirectory(ifd0, _EXIF_IFD)
    if exif is not None:
        _read_exif_directory(exif, draft)
    else:
        exif = ifd0  # some scanners and TIFF/EP files keep the EXIF tags in IFD0
        draft.say_date("ExifIFD:DateTimeOriginal", ifd0.text(0x9003))
    _read_modify_date(ifd0, exif, draft)
    gps = subdirectory(ifd0, _GPS_IFD)
    if gps is not None:
        _read_gps(gps, draft)
    return ifd0


def _read_exif_directory(exif: Directory, draft: Draft) -> None:
    common_offset = exif.text(0x9010)
    draft.say_date(
        "ExifIFD:DateTimeOriginal",
        exif.text(0x9003),
        subsec=exif.text(0x9291),
        offset=exif.text(0x9011) or common_offset,
    )
    draft.say_date(
        "ExifIFD:CreateDate",
        exif.text(0x9004),
        subsec=exif.text(0x9292),
        offset=exif.text(0x9012) or common_offset,
    )
    draft.say_text("lens", exif.text(0xA434))
    draft.has_maker_notes = draft.has_maker_notes or _MAKER_NOTE in exif.places


def _read_modify_date(ifd0: Directory, exif: Directory, draft: Draft) -> None:
    draft.say_date("IFD0:ModifyDate", ifd0.text(0x0132), subsec=exif.text(0x9290), offset=exif.text(0x9010))


def _read_gps(gps: Directory, draft: Draft) -> None:
    lat = _degrees(gps.numbers(2), gps.text(1), "S")
    lon = _degrees(gps.numbers(4), gps.text(3), "W")
    altitude = gps.numbers(6)
    is_below = gps.whole(5) == 1
    alt = None if not altitude else (-altitude[0] if is_below else altitude[0])
    draft.say_position(lat, lon, alt)
    date, clock = gps.text(0x1D), gps.numbers(7)
    if date and len(clock) == 3:
        draft.say_date("GPS:GPSDateTime", gps_moment(date, clock), is_utc=True)


def _degrees(parts: tuple[float, ...], reference: str | None, negative: str) -> float | None:
    if not parts or not reference or not reference.strip():
        return None
    degrees = sum(part / scale for part, scale in zip(parts[:3], (1, 60, 3600), strict=False))
    return -degrees if reference.strip().upper().startswith(negative) else degrees


def gps_moment(date: str, clock: tuple[float, ...]) -> str:
    """Return the text of a GPS date and time; seconds carry decimals, and some receivers write 60."""
    hours, minutes, seconds = clock
    whole = int(seconds)
    micros = min(round((seconds - whole) * 1_000_000), 999_999)
    fraction = f".{micros:06d}" if micros else ""
    return f"{date.strip()} {int(hours):02d}:{int(minutes):02d}:{whole:02d}{fraction}"


def is_dng(ifd0: Directory) -> bool:
    """Tell whether the file calls itself DNG."""
    return _DNG_VERSION in ifd0.places


def largest_image(ifd0: Directory) -> tuple[int, int] | None:
    """Return (width, height) of the largest image among IFD0 and its SubIFDs."""
    directories = [ifd0]
    for index in range(min(len(ifd0.numbers(_SUB_IFDS)), 8)):
        child = subdirectory(ifd0, _SUB_IFDS, index)
        directories += [child] if child is not None else []
    sizes = [
        (width, height)
        for one in directories
        if (width := one.whole(0x0100)) and (height := one.whole(0x0101))
    ]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def main_image(ifd0: Directory) -> tuple[int, int] | None:
    """Return (width, height) of the directory that calls itself full resolution (NewSubfileType 0), else largest."""
    children = [subdirectory(ifd0, _SUB_IFDS, index) for index in range(min(len(ifd0.numbers(_SUB_IFDS)), 8))]
    for one in (ifd0, *children):
        if one is not None and one.whole(0x00FE) == 0 and one.whole(0x0100) and one.whole(0x0101):
            return one.whole(0x0100) or 0, one.whole(0x0101) or 0
    return largest_image(ifd0)


def embedded_packets(ifd0: Directory) -> tuple[bytes | None, bytes | None]:
    """Return (XMP packet, IPTC records) that a TIFF carries, or None for each."""
    return ifd0.content(_XMP_TAG, 2 * 1024 * 1024), ifd0.content(_IPTC_TAG, 256 * 1024)


def read_split_exif(
    source: ByteSource, ifd0_at: int | None, exif_at: int | None, gps_at: int | None, draft: Draft
) -> None:
    """Read EXIF whose directories are TIFF blocks of their own (CR3); a missing one is passed over."""
    ifd0 = read_structure(source, ifd0_at)[0] if ifd0_at is not None else None
    if ifd0 is not None:
        draft.say_text("make", ifd0.text(0x010F))
        draft.say_text("model", ifd0.text(0x0110))
        draft.say_text("software", ifd0.text(0x0131))
        draft.say_orientation(ifd0.whole(0x0112))
    if exif_at is not None:
        exif = read_structure(source, exif_at)[0]
        _read_exif_directory(exif, draft)
        if ifd0 is not None:
            _read_modify_date(ifd0, exif, draft)
    if gps_at is not None:
        _read_gps(read_structure(source, gps_at)[0], draft)
