"""PNG: size, eXIf, XMP, words and dates in text, and the EXIF that ImageMagick hides there (PNG 3rd edition)."""

from __future__ import annotations

import struct
import zlib

from daemon.media.draft import Draft
from daemon.media.exif import read_exif_block, read_exif_part
from daemon.media.source import ByteSource, Malformed, MemorySource
from daemon.media.xmp import read_xmp

MAX_TEXT_BYTES = 4 * 1024 * 1024
_XMP_KEYWORD = b"XML:com.adobe.xmp"
_KEYWORDS = (b"Creation Time", b"Title", b"Description", b"Author", b"Copyright", b"Software")
_RAW_PROFILES = (b"Raw profile type exif", b"Raw profile type APP1")


def read_png(source: ByteSource, draft: Draft) -> None:
    """Walk the chunks to IEND, hopping over the picture data; EXIF comes before XMP and XMP before other texts."""
    texts: dict[bytes, bytes] = {}
    try:
        _walk(source, texts, draft)
    finally:
        for keyword in (_XMP_KEYWORD, *_KEYWORDS):
            if keyword in texts:
                _read_text(keyword, texts[keyword], draft)


def _walk(source: ByteSource, texts: dict[bytes, bytes], draft: Draft) -> None:
    at = 8
    while True:
        size, kind = struct.unpack(">I4s", source.hop(at, 8))
        if size > 0x7FFF_FFFF:
            raise Malformed(f"a PNG chunk of {size} bytes")
        if kind == b"IEND":
            return
        if kind == b"IHDR":
            draft.say_size(*struct.unpack(">II", source.read(at + 8, 8)))
        elif kind == b"acTL":
            (frames,) = struct.unpack(">I", source.read(at + 8, 4))
            draft.say_extra("frames", frames if 1 < frames < 1 << 31 else None)
        elif kind == b"eXIf":
            read_exif_part(source, at + 8, draft)
        elif kind in (b"tEXt", b"zTXt", b"iTXt") and size <= MAX_TEXT_BYTES:
            _keep_text(kind, source.read(at + 8, size), texts, draft)
        at += 12 + size


def _keep_text(kind: bytes, chunk: bytes, texts: dict[bytes, bytes], draft: Draft) -> None:
    """Keep the first text of each keyword that says something: inflating is what a hostile file may ask for but once."""
    keyword, _, rest = chunk.partition(b"\0")
    if keyword not in (_XMP_KEYWORD, *_KEYWORDS, *_RAW_PROFILES) or keyword in texts:
        return
    text = _text_of(kind, rest)
    texts[keyword] = text or b""
    if text is None:
        draft.note("png", "a compressed text is damaged or too large")
    elif keyword in _RAW_PROFILES:
        _read_raw_profile(text, draft)


def _read_text(keyword: bytes, text: bytes, draft: Draft) -> None:
    if keyword == _XMP_KEYWORD:
        read_xmp(text, draft)
        return
    try:  # Latin-1 by the book, UTF-8 by habit
        words = text.decode("utf-8")
    except UnicodeDecodeError:
        words = text.decode("latin-1")
    if keyword == b"Creation Time":
        draft.say_date("PNG:CreationTime", words)
    elif keyword == b"Title":
        draft.descriptive.said_by("container").say_title(words)
    elif keyword == b"Author":
        draft.descriptive.said_by("container").say_creators([words])
    elif keyword == b"Copyright":
        draft.descriptive.said_by("container").say_rights(words)
    elif keyword == b"Software":
        draft.say_text("software", words)
    elif keyword == b"Description":
        draft.descriptive.said_by("container").say_description(words)


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
            read_exif_block(MemorySource(content[6:]), 0, draft, has_file_offsets=False)
    except (ValueError, Malformed, struct.error) as error:
        draft.note("exif", f"the EXIF profile is damaged: {error}")
