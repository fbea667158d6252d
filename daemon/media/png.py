"""PNG: size, eXIf, XMP, Creation Time, and the EXIF that ImageMagick hides in text (PNG 3rd edition)."""

from __future__ import annotations

import struct
import zlib

from daemon.media.draft import Draft
from daemon.media.source import ByteSource, Malformed, MemorySource
from daemon.media.tiff import read_exif_block
from daemon.media.xmp import read_xmp

MAX_TEXT_BYTES = 4 * 1024 * 1024
_XMP_KEYWORD = b"XML:com.adobe.xmp"
_RAW_PROFILES = (b"Raw profile type exif", b"Raw profile type APP1")


def read_png(source: ByteSource, draft: Draft) -> None:
    """Walk the chunks to IEND, hopping over the picture data."""
    at = 8
    while True:
        size, kind = struct.unpack(">I4s", source.hop(at, 8))
        if size > 0x7FFF_FFFF:
            raise Malformed(f"a PNG chunk of {size} bytes")
        if kind == b"IEND":
            return
        if kind == b"IHDR":
            draft.say_size(*struct.unpack(">II", source.read(at + 8, 8)))
        elif kind == b"eXIf":
            _read_exif(source, at + 8, draft)
        elif kind in (b"tEXt", b"zTXt", b"iTXt") and size <= MAX_TEXT_BYTES:
            _read_text(kind, source.read(at + 8, size), draft)
        at += 12 + size


def _read_exif(source: ByteSource, at: int, draft: Draft) -> None:
    # Some writers keep the JPEG prefix.
    start = at + 6 if source.read_up_to(at, 6) == b"Exif\0\0" else at
    try:
        read_exif_block(source, start, draft)
    except (Malformed, struct.error) as error:
        draft.note("exif", f"the EXIF block is damaged: {error}")


def _read_text(kind: bytes, chunk: bytes, draft: Draft) -> None:
    keyword, _, rest = chunk.partition(b"\0")
    if keyword not in (_XMP_KEYWORD, b"Creation Time", *_RAW_PROFILES):
        return
    text = _text_of(kind, rest)
    if text is None:
        draft.note("png", "a compressed text is damaged or too large")
    elif keyword == _XMP_KEYWORD:
        read_xmp(text, draft)
    elif keyword in _RAW_PROFILES:
        _read_raw_profile(text, draft)
    else:
        draft.say_date("PNG:CreationTime", text.decode("utf-8", "replace"))


def _text_of(kind: bytes, rest: bytes) -> bytes | None:
    if kind == b"tEXt":
        return rest
    if kind == b"zTXt":
        return _inflated(rest[1:])
    is_compressed = rest[:1] == b"\x01"
    _, _, after_language = rest[2:].partition(b"\0")
    _, _, text = after_language.partition(b"\0")
    return _inflated(text) if is_compressed else text


def _inflated(packed: bytes) -> bytes | None:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(packed, MAX_TEXT_BYTES)
    except zlib.error:
        return None
    return None if inflater.unconsumed_tail else text


def _read_raw_profile(text: bytes, draft: Draft) -> None:
    """Read `\\nexif\\n    1234\\n<hex>`; the content is EXIF with the JPEG prefix."""
    lines = text.split(b"\n")
    try:
        content = bytes.fromhex(b"".join(lines[3:]).decode("ascii"))
        if content.startswith(b"Exif\0\0"):
            read_exif_block(MemorySource(content[6:]), 0, draft)
    except (ValueError, Malformed, struct.error) as error:
        draft.note("exif", f"the EXIF profile is damaged: {error}")
