"""RIFF: WebP pictures and WAV sounds (Google's WebP container specification; EBU Tech 3285 for `bext`)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from daemon.media.draft import Draft
from daemon.media.exif import read_exif_part
from daemon.media.id3 import read_id3
from daemon.media.sound_words import say_sound_word
from daemon.media.source import ByteSource
from daemon.media.xmp import MAX_PACKET_BYTES, read_xmp

MAX_CHUNKS = 20_000  # frames of an animation
MAX_INFO_BYTES = 64 * 1024
_MAX_WORD = 4096
_INFO_WORDS = {
    b"INAM": "title",
    b"IART": "artist",
    b"IPRD": "album",
    b"IGNR": "genre",
    b"ITRK": "track",
    b"IPRT": "track",
    b"ICMT": "comment",
}


class Chunk(NamedTuple):
    """Kind, place and size of a chunk's content; the last one may be cut off by the end of the file."""

    kind: bytes
    at: int
    size: int


def chunks(source: ByteSource, at: int, end: int | None = None) -> Iterator[Chunk]:
    """Yield the chunks of a level."""
    end = source.size if end is None else min(end, source.size)
    for _ in range(MAX_CHUNKS):
        if at + 8 > end:
            return
        kind, size = struct.unpack("<4sI", source.hop(at, 8))
        yield Chunk(kind, at + 8, size)
        at += 8 + size + size % 2


def read_webp(source: ByteSource, draft: Draft) -> None:
    """Read size, EXIF and XMP of a WebP; count the pictures of an animation."""
    frames, packets = 0, []
    for chunk in chunks(source, 12):
        if chunk.kind == b"EXIF":
            read_exif_part(source, chunk.at, draft)
        elif chunk.kind == b"XMP " and chunk.size <= MAX_PACKET_BYTES:
            packets.append(chunk)
        elif chunk.kind == b"ANMF":
            frames += 1
        else:
            _read_webp_size(source, chunk, draft)
    draft.say_extra("frames", frames if frames > 1 else None)
    for chunk in packets[:1]:
        read_xmp(source.read(chunk.at, chunk.size), draft)


def _read_webp_size(source: ByteSource, chunk: Chunk, draft: Draft) -> None:
    if chunk.kind == b"VP8X":
        head = source.read(chunk.at, 10)
        draft.say_size(1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little"))
    elif chunk.kind == b"VP8 ":
        head = source.read(chunk.at, 10)
        if head[3:6] == b"\x9d\x01\x2a":
            width, height = struct.unpack_from("<HH", head, 6)
            draft.say_size(width & 0x3FFF, height & 0x3FFF)
    elif chunk.kind == b"VP8L":
        (bits,) = struct.unpack("<I", source.read(chunk.at + 1, 4))
        draft.say_size(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))


def read_wav(source: ByteSource, draft: Draft) -> None:
    """Read length, date and words of a WAV; RF64 sizes beyond 4 GiB come from `ds64`."""
    bytes_per_second = 0
    data_bytes = 0
    for chunk in chunks(source, 12):
        if chunk.kind == b"fmt " and chunk.size >= 16:
            code, _, _, bytes_per_second = struct.unpack("<HHII", source.hop(chunk.at, 12))
            draft.say_extra("codec", "pcm" if code in (1, 3, 0xFFFE) else f"wav-{code:04x}")
        elif chunk.kind == b"ds64" and chunk.size >= 16:
            (data_bytes,) = struct.unpack("<Q", source.hop(chunk.at + 8, 8))
        elif chunk.kind == b"data":
            data_bytes = data_bytes if chunk.size == 0xFFFFFFFF else chunk.size
        elif chunk.kind == b"bext" and chunk.size >= 338:
            stamp = source.read(chunk.at + 320, 18).decode("latin-1")
            draft.say_date("RIFF:DateTimeOriginal", f"{stamp[:10]} {stamp[10:]}")
        elif chunk.kind in (b"id3 ", b"ID3 "):
            read_id3(source, chunk.at, draft)
        else:
            read_info(source, chunk, draft)
    if bytes_per_second:
        draft.say_duration(min(data_bytes, source.size) / bytes_per_second)


def read_info(source: ByteSource, chunk: Chunk, draft: Draft) -> None:
    """Read date and words of a `LIST` of kind `INFO`; any other chunk says nothing."""
    if chunk.kind != b"LIST" or not 4 < chunk.size <= MAX_INFO_BYTES or source.hop(chunk.at, 4) != b"INFO":
        return
    for kind, at, size in chunks(source, chunk.at + 4, chunk.at + chunk.size):
        text = source.read_up_to(at, min(size, _MAX_WORD)).decode("utf-8", "replace")
        if kind == b"ICRD":
            draft.say_date("RIFF:DateTimeOriginal", text)
        elif kind == b"ISFT":
            draft.say_text("software", text)
        elif kind in _INFO_WORDS:
            say_sound_word(_INFO_WORDS[kind], text, draft)
