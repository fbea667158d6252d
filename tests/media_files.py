"""Small media files with known answers, built by hand from the formats' own definitions.

For tests only; no runtime code imports it. Every builder returns bytes; what a file shall say is an argument,
so the known answer stands in the test. Pillow and pillow-heif only encode pixels.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pillow_heif
from PIL import Image

ASCII, BYTE, SHORT, LONG, RATIONAL, SRATIONAL, UNDEFINED = 2, 1, 3, 4, 5, 10, 7
_VALUE_BYTES = {BYTE: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, UNDEFINED: 1, SRATIONAL: 8}
SECONDS_1904_TO_1970 = 2_082_844_800

Tag = tuple[int, Any]


@dataclass(slots=True)
class ExifSpec:
    """What an EXIF block shall say. Dates as EXIF text; position in signed degrees and metres."""

    original: str | None = None
    original_subsec: str | None = None
    original_offset: str | None = None
    digitized: str | None = None
    modified: str | None = None
    make: str | None = None
    model: str | None = None
    lens: str | None = None
    software: str | None = None
    orientation: int | None = None
    lat: float | None = None
    lon: float | None = None
    alt: float | None = None
    gps_date: str | None = None
    gps_time: tuple[int, int, int] | None = None
    order: str = "<"
    ifd0_more: dict[int, Tag] = field(default_factory=dict)
    exif_more: dict[int, Tag] = field(default_factory=dict)


def exif_block(spec: ExifSpec) -> bytes:
    """Return a TIFF block (without the JPEG prefix) that says what the spec says."""
    ifd0: dict[int, Tag] = {}
    exif: dict[int, Tag] = {}
    _put_texts(
        ifd0,
        {0x010F: spec.make, 0x0110: spec.model, 0x0131: spec.software, 0x0132: spec.modified},
    )
    if spec.orientation is not None:
        ifd0[0x0112] = (SHORT, [spec.orientation])
    _put_texts(
        exif,
        {
            0x9003: spec.original,
            0x9004: spec.digitized,
            0x9011: spec.original_offset,
            0x9291: spec.original_subsec,
            0xA434: spec.lens,
        },
    )
    ifd0.update(spec.ifd0_more)
    exif.update(spec.exif_more)
    return tiff(ifd0, exif=exif, gps=_gps_tags(spec), order=spec.order)


def _put_texts(tags: dict[int, Tag], texts: Mapping[int, str | None]) -> None:
    for number, text in texts.items():
        if text is not None:
            tags[number] = (ASCII, text.encode() + b"\0")


def _gps_tags(spec: ExifSpec) -> dict[int, Tag]:
    tags: dict[int, Tag] = {}
    if spec.lat is not None and spec.lon is not None:
        tags[1] = (ASCII, b"S\0" if spec.lat < 0 else b"N\0")
        tags[2] = (RATIONAL, _sexagesimal(abs(spec.lat)))
        tags[3] = (ASCII, b"W\0" if spec.lon < 0 else b"E\0")
        tags[4] = (RATIONAL, _sexagesimal(abs(spec.lon)))
    if spec.alt is not None:
        tags[5] = (BYTE, [1 if spec.alt < 0 else 0])
        tags[6] = (RATIONAL, [(round(abs(spec.alt) * 100), 100)])
    if spec.gps_time is not None:
        tags[7] = (RATIONAL, [(number, 1) for number in spec.gps_time])
    if spec.gps_date is not None:
        tags[0x1D] = (ASCII, spec.gps_date.encode() + b"\0")
    return tags


def _sexagesimal(degrees: float) -> list[tuple[int, int]]:
    whole = int(degrees)
    minutes = int((degrees - whole) * 60)
    seconds = (degrees - whole - minutes / 60) * 3600
    return [(whole, 1), (minutes, 1), (round(seconds * 10_000_000), 10_000_000)]


def tiff(
    ifd0: Mapping[int, Tag],
    *,
    exif: Mapping[int, Tag] | None = None,
    gps: Mapping[int, Tag] | None = None,
    subs: Sequence[Mapping[int, Tag]] = (),
    order: str = "<",
    tail: bytes = b"",
) -> bytes:
    """Return a TIFF: header, IFD0, then EXIF, GPS and SubIFDs as far as they hold anything, then `tail`."""
    children: list[tuple[int, Sequence[Mapping[int, Tag]]]] = [
        (number, tables)
        for number, tables in ((0x8769, [exif or {}]), (0x8825, [gps or {}]), (0x014A, list(subs)))
        if any(tables)
    ]
    tags = dict(ifd0)
    for number, tables in children:
        tags[number] = (LONG, [0] * len(tables))
    at = 8 + len(directory(tags, 8, order))
    placed = b""
    for number, tables in children:
        places = []
        for table in tables:
            places.append(at + len(placed))
            placed += directory(table, at + len(placed), order)
        tags[number] = (LONG, places)
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(f"{order}I", 8) + directory(tags, 8, order) + placed + tail


def directory(tags: Mapping[int, Tag], at: int, order: str) -> bytes:
    """Return one image file directory for the place `at`, its values behind it; even length."""
    values_at = at + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    for number in sorted(tags):
        kind, content = tags[number]
        packed = _packed(kind, content, order)
        count = len(packed) // _VALUE_BYTES[kind]
        if len(packed) <= 4:
            inline = packed.ljust(4, b"\0")
        else:
            inline = struct.pack(f"{order}I", values_at + len(values))
            values += packed + b"\0" * (len(packed) % 2)
        entries += struct.pack(f"{order}HHI", number, kind, count) + inline
    return struct.pack(f"{order}H", len(tags)) + entries + b"\0\0\0\0" + values


def _packed(kind: int, content: Any, order: str) -> bytes:
    if isinstance(content, bytes):
        return content
    if kind in (RATIONAL, SRATIONAL):
        letter = "I" if kind == RATIONAL else "i"
        return b"".join(struct.pack(f"{order}2{letter}", *pair) for pair in content)
    return struct.pack(f"{order}{len(content)}{ {BYTE: 'B', SHORT: 'H', LONG: 'I'}[kind] }", *content)


def xmp_packet(
    attributes: Mapping[str, str] | None = None, elements: Mapping[str, str] | None = None
) -> bytes:
    """Return a packet with simple properties as attributes and as elements, named like `exif:DateTimeOriginal`."""
    spaces = {
        "exif": "http://ns.adobe.com/exif/1.0/",
        "xmp": "http://ns.adobe.com/xap/1.0/",
        "photoshop": "http://ns.adobe.com/photoshop/1.0/",
        "tiff": "http://ns.adobe.com/tiff/1.0/",
        "GPano": "http://ns.google.com/photos/1.0/panorama/",
    }
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in spaces.items())
    inside = " ".join(f'{name}="{value}"' for name, value in (attributes or {}).items())
    children = "".join(f"<{name}>{value}</{name}>" for name, value in (elements or {}).items())
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {declared} {inside}>{children}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def iptc_block(date: str, clock: str | None = None) -> bytes:
    """Return Photoshop resources with an IPTC date created (`20190807`, `143302+0200`)."""
    records = b"\x1c\x02\x37" + struct.pack(">H", len(date)) + date.encode()
    if clock is not None:
        records += b"\x1c\x02\x3c" + struct.pack(">H", len(clock)) + clock.encode()
    return b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records + b"\0" * (len(records) % 2)


def pixels(width: int, height: int, seed: int = 0) -> Image.Image:
    """Return a small RGB picture that differs by seed."""
    row = bytes((seed * 37 + x * 5) % 256 for x in range(width * 3))
    return Image.frombytes("RGB", (width, height), row * height)


def jpeg(
    *,
    size: tuple[int, int] = (48, 32),
    exif: ExifSpec | bytes | None = None,
    xmp: bytes | None = None,
    iptc: bytes | None = None,
    seed: int = 0,
) -> bytes:
    """Return a JPEG with the given segments right after SOI, in the order EXIF, XMP, IPTC."""
    buffer = io.BytesIO()
    pixels(*size, seed=seed).save(buffer, "JPEG", quality=60)
    segments = b""
    if exif is not None:
        block = exif if isinstance(exif, bytes) else exif_block(exif)
        segments += segment(0xE1, b"Exif\0\0" + block)
    if xmp is not None:
        segments += segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp)
    if iptc is not None:
        segments += segment(0xED, b"Photoshop 3.0\0" + iptc)
    body = buffer.getvalue()
    return body[:2] + segments + body[2:]


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def heic(
    *, size: tuple[int, int] = (64, 48), exif: ExifSpec | None = None, xmp: bytes | None = None, seed: int = 0
) -> bytes:
    """Return a HEIC as pillow-heif writes it, with an Exif and an XMP item."""
    picture = pillow_heif.from_pillow(pixels(*size, seed=seed))
    if exif is not None:
        picture.info["exif"] = b"Exif\0\0" + exif_block(exif)
    if xmp is not None:
        picture.info["xmp"] = xmp
    buffer = io.BytesIO()
    picture.save(buffer, quality=40)
    return buffer.getvalue()


def png(
    *,
    size: tuple[int, int] = (20, 10),
    exif: ExifSpec | None = None,
    texts: Mapping[str, str] | None = None,
    xmp: bytes | None = None,
    is_exif_last: bool = False,
) -> bytes:
    """Return a PNG with eXIf, tEXt and an XMP iTXt; EXIF before or after the picture data."""
    buffer = io.BytesIO()
    pixels(*size).save(buffer, "PNG")
    body = buffer.getvalue()
    extra = png_chunk(b"eXIf", exif_block(exif)) if exif is not None else b""
    head = b"".join(png_chunk(b"tEXt", f"{key}\0{text}".encode()) for key, text in (texts or {}).items())
    if xmp is not None:
        head += png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    after_ihdr, before_iend = 8 + 25, len(body) - 12
    parts = (body[:after_ihdr], head, body[after_ihdr:before_iend], body[before_iend:])
    return (
        parts[0]
        + (b"" if is_exif_last else extra)
        + parts[1]
        + parts[2]
        + (extra if is_exif_last else b"")
        + parts[3]
    )


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def webp(*, size: tuple[int, int] = (30, 20), exif: ExifSpec | None = None, xmp: bytes = b"") -> bytes:
    """Return a WebP."""
    buffer = io.BytesIO()
    pixels(*size).save(buffer, "WEBP", exif=exif_block(exif) if exif is not None else b"", xmp=xmp)
    return buffer.getvalue()


def tiff_picture(
    *, size: tuple[int, int] = (8, 4), exif: ExifSpec | None = None, is_dng: bool = False
) -> bytes:
    """Return an uncompressed grey TIFF, or a DNG whose full picture is in a SubIFD behind a small preview."""
    spec = exif or ExifSpec()
    width, height = size
    image: dict[int, Tag] = {
        0x00FE: (LONG, [0]),
        0x0100: (LONG, [width]),
        0x0101: (LONG, [height]),
        0x0102: (SHORT, [8]),
        0x0103: (SHORT, [1]),
        0x0106: (SHORT, [1]),
        0x0111: (LONG, [8]),  # any place will do: nobody decodes it
        0x0115: (SHORT, [1]),
        0x0116: (LONG, [height]),
        0x0117: (LONG, [width * height]),
    }
    tags: dict[int, Tag] = {}
    _put_texts(tags, {0x010F: spec.make, 0x0110: spec.model, 0x0131: spec.software, 0x0132: spec.modified})
    if spec.orientation is not None:
        tags[0x0112] = (SHORT, [spec.orientation])
    exif_tags: dict[int, Tag] = {}
    _put_texts(exif_tags, {0x9003: spec.original, 0x9011: spec.original_offset, 0x9291: spec.original_subsec})
    if is_dng:
        preview = {
            **image,
            0x00FE: (LONG, [1]),
            0x0100: (LONG, [2]),
            0x0101: (LONG, [2]),
            0x0117: (LONG, [4]),
        }
        tags |= preview | {0xC612: (BYTE, [1, 4, 0, 0])}
        return tiff(
            tags,
            exif=exif_tags,
            gps=_gps_tags(spec),
            subs=[image],
            order=spec.order,
            tail=bytes(width * height),
        )
    return tiff(
        tags | image, exif=exif_tags, gps=_gps_tags(spec), order=spec.order, tail=bytes(width * height)
    )


def box(kind: bytes, content: bytes) -> bytes:
    """Return one ISO box."""
    return struct.pack(">I", 8 + len(content)) + kind + content


def movie(
    *,
    created: int = 0,
    version: int = 0,
    duration_s: float = 2.0,
    size: tuple[int, int] = (1920, 1080),
    rotation: int = 0,
    keys: Mapping[str, str] | None = None,
    user_data: Mapping[bytes, str] | None = None,
    xmp: bytes | None = None,
    brand: bytes = b"isom",
    has_video: bool = True,
    is_mdat_first: bool = False,
    has_ftyp: bool = True,
) -> bytes:
    """Return an MP4 or MOV without any sample: only headers, which is all that facts need.

    Args:
        created: seconds since 1904 in mvhd; 0 = not set.
        version: of mvhd; 1 has 64-bit times.
        rotation: 0, 90, 180 or 270 degrees clockwise, as a track matrix.
        keys: Apple's metadata keys, e.g. `com.apple.quicktime.creationdate`.
        user_data: international texts, e.g. `©day` as Latin-1 bytes.
    """
    timescale = 1000
    length = round(duration_s * timescale)
    if version == 1:
        times = struct.pack(">QQIQ", created, created + 5, timescale, length)
    else:
        times = struct.pack(">IIII", created, created + 5, timescale, length)
    matrix = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    mvhd = bytes((version, 0, 0, 0)) + times + struct.pack(">IH10x", 0x10000, 0x100) + matrix + bytes(28)
    moov = box(b"mvhd", mvhd) + _track(size, rotation, length, is_video=has_video)
    if user_data:
        moov += box(b"udta", b"".join(_international(kind, text) for kind, text in user_data.items()))
    if keys:
        moov += _apple_meta(keys)
    head = box(b"ftyp", brand + bytes(4) + brand) if has_ftyp else b""
    mdat = box(b"mdat", bytes(64))
    body = box(b"moov", moov)
    uuid = box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + xmp) if xmp is not None else b""
    return head + (mdat + body if is_mdat_first else body + mdat) + uuid


def _track(size: tuple[int, int], rotation: int, length: int, *, is_video: bool) -> bytes:
    one = 0x10000
    a, b, c, d = {
        0: (one, 0, 0, one),
        90: (0, one, -one, 0),
        180: (-one, 0, 0, -one),
        270: (0, -one, one, 0),
    }[rotation]
    matrix = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)
    width, height = size if is_video else (0, 0)
    tkhd = bytes((0, 0, 0, 7)) + struct.pack(">IIIII", 0, 0, 1, 0, length) + bytes(16) + matrix
    tkhd += struct.pack(">II", width << 16, height << 16)
    handler = b"vide" if is_video else b"soun"
    hdlr = bytes(8) + handler + bytes(13)
    entry = bytes(6) + struct.pack(">H", 1) + bytes(16) + struct.pack(">HH", width, height) + bytes(50)
    stsd = struct.pack(">II", 0, 1) + box(b"avc1" if is_video else b"mp4a", entry)
    mdia = box(b"hdlr", hdlr) + box(b"minf", box(b"stbl", box(b"stsd", stsd)))
    return box(b"trak", box(b"tkhd", tkhd) + box(b"mdia", mdia))


def _international(kind: bytes, text: str) -> bytes:
    encoded = text.encode()
    return box(kind, struct.pack(">HH", len(encoded), 0x15C7) + encoded)


def _apple_meta(keys: Mapping[str, str]) -> bytes:
    names = b"".join(struct.pack(">I", 8 + len(key)) + b"mdta" + key.encode() for key in keys)
    entries = b"".join(
        box(struct.pack(">I", number), box(b"data", struct.pack(">II", 1, 0) + text.encode()))
        for number, text in enumerate(keys.values(), 1)
    )
    handler = box(b"hdlr", bytes(8) + b"mdta" + bytes(13))
    return box(
        b"meta", handler + box(b"keys", struct.pack(">II", 0, len(keys)) + names) + box(b"ilst", entries)
    )


def wav(*, seconds: float = 1.0, rate: int = 8000, recorded: tuple[str, str] | None = None) -> bytes:
    """Return 8-bit mono silence, with a `bext` chunk if a date and time are given."""
    samples = bytes(round(seconds * rate))
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate, 1, 8)
    if recorded is not None:
        content = bytes(320) + "".join(recorded).encode().ljust(18, b"\0") + bytes(602 - 338)
        form += b"bext" + struct.pack("<I", len(content)) + content
    body = b"WAVE" + form + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


def flac(*, seconds: float = 1.0, rate: int = 8000, date: str | None = None) -> bytes:
    """Return the metadata blocks of a FLAC without frames."""
    samples = round(seconds * rate)
    packed = (rate << 44 | 0 << 41 | 15 << 36 | samples).to_bytes(8, "big")
    info = struct.pack(">HH", 4096, 4096) + bytes(6) + packed + bytes(16)
    comments = [f"DATE={date}".encode()] if date is not None else []
    block = struct.pack("<I", 0) + struct.pack("<I", len(comments))
    block += b"".join(struct.pack("<I", len(one)) + one for one in comments)
    return (
        b"fLaC"
        + b"\0"
        + len(info).to_bytes(3, "big")
        + info
        + b"\x84"
        + len(block).to_bytes(3, "big")
        + block
    )


def gif(*, size: tuple[int, int] = (12, 9)) -> bytes:
    """Return a GIF."""
    buffer = io.BytesIO()
    pixels(*size).save(buffer, "GIF")
    return buffer.getvalue()


def bmp(*, size: tuple[int, int] = (12, 9)) -> bytes:
    """Return a BMP."""
    buffer = io.BytesIO()
    pixels(*size).save(buffer, "BMP")
    return buffer.getvalue()
