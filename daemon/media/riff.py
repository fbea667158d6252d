"""RIFF: WebP pictures and WAV sounds (Google's WebP container specification; EBU Tech 3285 for `bext`)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from daemon.media.draft import Draft
from daemon.media.source import ByteSource, Malformed
from daemon.media.tiff import read_exif_block
from daemon.media.xmp import MAX_PACKET_BYTES, read_xmp

MAX_CHUNKS = 20_000  # frames of an animation


def read_webp(source: ByteSource, draft: Draft) -> None:
    """Read size, EXIF and XMP of a WebP."""
    for kind, at, size in _chunks(source, 12):
        if kind == b"VP8X":
            head = source.read(at, 10)
            draft.say_size(1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little"))
        elif kind == b"VP8 ":
            head = source.read(at, 10)
            if head[3:6] == b"\x9d\x01\x2a":
                width, height = struct.unpack_from("<HH", head, 6)
                draft.say_size(width & 0x3FFF, height & 0x3FFF)
        elif kind == b"VP8L":
            (bits,) = struct.unpack("<I", source.read(at + 1, 4))
            draft.say_size(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
        elif kind == b"EXIF":
            _read_exif(source, at, draft)
        elif kind == b"XMP " and size <= MAX_PACKET_BYTES:
            read_xmp(source.read(at, size), draft)


def _read_exif(source: ByteSource, at: int, draft: Draft) -> None:
    start = at + 6 if source.read_up_to(at, 6) == b"Exif\0\0" else at
    try:
        read_exif_block(source, start, draft)
    except (Malformed, struct.error) as error:
        draft.note("exif", f"the EXIF block is damaged: {error}")


def read_wav(source: ByteSource, draft: Draft) -> None:
    """Read length and date of a WAV; RF64 sizes beyond 4 GiB come from `ds64`."""
    bytes_per_second = 0
    data_bytes = 0
    for kind, at, size in _chunks(source, 12):
        if kind == b"fmt " and size >= 16:
            (bytes_per_second,) = struct.unpack("<I", source.hop(at + 8, 4))
        elif kind == b"ds64" and size >= 16:
            (data_bytes,) = struct.unpack("<Q", source.hop(at + 8, 8))
        elif kind == b"data":
            data_bytes = data_bytes if size == 0xFFFFFFFF else size
        elif kind == b"bext" and size >= 338:
            stamp = source.read(at + 320, 18).decode("latin-1")
            draft.say_date("RIFF:DateTimeOriginal", f"{stamp[:10]} {stamp[10:]}")
        elif kind == b"LIST" and size <= 65536 and source.hop(at, 4) == b"INFO":
            for tag, place, length in _chunks(source, at + 4, at + size):
                if tag == b"ICRD":
                    draft.say_date(
                        "RIFF:DateTimeOriginal", source.read(place, min(length, 64)).decode("latin-1")
                    )
    if bytes_per_second:
        draft.say_duration(min(data_bytes, source.size) / bytes_per_second)


def _chunks(source: ByteSource, at: int, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, place of the content, size); the last chunk may be cut off by the end of the file."""
    end = source.size if end is None else min(end, source.size)
    for _ in range(MAX_CHUNKS):
        if at + 8 > end:
            return
        kind, size = struct.unpack("<4sI", source.hop(at, 8))
        yield kind, at + 8, size
        at += 8 + size + size % 2
