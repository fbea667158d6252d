"""FLAC, Ogg Vorbis, Opus and Ogg FLAC: lengths, comments, a cover (RFC 9639, RFC 3533, RFC 7845, Vorbis I).

All four tell their words in the same comment block. Of an Ogg file the first pages and the last one are read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from daemon.media.draft import Draft
from daemon.media.id3 import end_of_id3
from daemon.media.jpeg_frames import say_preview
from daemon.media.sound_words import say_sound_word
from daemon.media.source import ByteSource, Malformed

MAX_COMMENT_BYTES = 1024 * 1024
_MAX_BLOCKS = 1000
_STREAMINFO, _VORBIS_COMMENT, _PICTURE, _FORBIDDEN = 0, 4, 6, 127
_WORDS = {
    b"TITLE": "title",
    b"ARTIST": "artist",
    b"ALBUM": "album",
    b"GENRE": "genre",
    b"TRACKNUMBER": "track",
    b"DESCRIPTION": "comment",
    b"COMMENT": "comment",
}
_MAX_PACKETS = 3  # identification and comments are the first two
_MAX_PAGES = 200
_LAST_BYTES = 64 * 1024  # a page has at most 65,307
_OPUS_RATE = 48_000


def read_flac(source: ByteSource, draft: Draft) -> None:
    """Read the metadata blocks."""
    at = end_of_id3(source) + 4
    draft.say_extra("codec", "flac")
    for _ in range(_MAX_BLOCKS):
        head = source.hop(at, 4)
        is_last, kind, size = bool(head[0] & 0x80), head[0] & 0x7F, int.from_bytes(head[1:], "big")
        if kind == _STREAMINFO and size >= 18:
            _read_stream_info(source.read(at + 4, 18), draft)
        elif kind == _VORBIS_COMMENT and size <= MAX_COMMENT_BYTES:
            read_vorbis_comment(source.read(at + 4, size), draft)
        elif kind == _PICTURE:
            _read_picture(source, at + 4, size, draft)
        elif kind == _FORBIDDEN:
            raise Malformed("a FLAC block of a kind that cannot be")
        if is_last:
            return
        at += 4 + size


def _read_stream_info(block: bytes, draft: Draft) -> None:
    packed = int.from_bytes(block[10:18], "big")
    rate, samples = packed >> 44, packed & ((1 << 36) - 1)
    draft.say_duration(samples / rate if rate else None)


def _read_picture(source: ByteSource, at: int, size: int, draft: Draft) -> None:
    """Note the cover: kind, type, description, four numbers, then the picture."""
    try:
        (type_bytes,) = struct.unpack(">I", source.hop(at + 4, 4))
        (text_bytes,) = struct.unpack(">I", source.hop(at + 8 + type_bytes, 4))
        start = at + 8 + type_bytes + 4 + text_bytes + 16
        (length,) = struct.unpack(">I", source.hop(start, 4))
    except Malformed:
        return
    if start + 4 + length <= at + size:
        say_preview(source, "cover", start + 4, length, draft)


def read_vorbis_comment(block: bytes, draft: Draft) -> None:
    """Read `KEY=text` entries (little-endian lengths, UTF-8); a damaged block is a finding."""
    try:
        (vendor_bytes,) = struct.unpack_from("<I", block, 0)
        (count,) = struct.unpack_from("<I", block, 4 + vendor_bytes)
        at = 8 + vendor_bytes
        for _ in range(min(count, 1000)):
            (size,) = struct.unpack_from("<I", block, at)
            _read_comment(block[at + 4 : at + 4 + min(size, 16 * 1024)], draft)
            at += 4 + size
    except struct.error as error:
        draft.note("vorbis", f"the comment block is damaged: {error}")


def _read_comment(entry: bytes, draft: Draft) -> None:
    key, _, value = entry.partition(b"=")
    if key.upper() == b"DATE":
        draft.say_date("Vorbis:Date", value.decode("utf-8", "replace"))
    elif key.upper() in _WORDS:
        say_sound_word(_WORDS[key.upper()], value.decode("utf-8", "replace"), draft)


def read_ogg(source: ByteSource, draft: Draft) -> None:
    """Read the first packets and the last page of an Ogg file of sound."""
    (serial,) = struct.unpack("<I", source.read(14, 4))
    rate = skip = 0
    for packet in _packets(source, serial):
        if packet.startswith(b"\x01vorbis") and len(packet) >= 16:
            (rate,) = struct.unpack_from("<I", packet, 12)
            draft.say_extra("codec", "vorbis")
        elif packet.startswith(b"OpusHead") and len(packet) >= 12:
            rate, (skip,) = _OPUS_RATE, struct.unpack_from("<H", packet, 10)
            draft.mime = "audio/opus"
            draft.say_extra("codec", "opus")
        elif packet.startswith(b"\x7fFLAC") and len(packet) >= 13 + 4 + 18:
            rate = int.from_bytes(packet[27:30], "big") >> 4
            draft.say_extra("codec", "flac")
        elif packet.startswith(b"\x03vorbis"):
            read_vorbis_comment(packet[7:], draft)
        elif packet.startswith(b"OpusTags"):
            read_vorbis_comment(packet[8:], draft)
        elif packet[:1] == b"\x84":  # the comment block of Ogg FLAC, if it is the last; 0x04 if not
            read_vorbis_comment(packet[4:], draft)
    samples = _last_position(source, serial)
    if rate and samples is not None:
        draft.say_duration((samples - skip) / rate)


def _packets(source: ByteSource, serial: int) -> Iterator[bytes]:
    """Yield the first packets of one stream, put together from pages."""
    at, packet, found = 0, bytearray(), 0
    for _ in range(_MAX_PAGES):
        head = source.read_up_to(at, 27)
        if len(head) < 27 or head[:4] != b"OggS":
            return
        table = source.read(at + 27, head[26])
        place = at + 27 + len(table)
        is_ours = struct.unpack_from("<I", head, 14)[0] == serial
        for lacing in table if is_ours else b"":
            packet += source.read_up_to(place, lacing)
            place += lacing
            if len(packet) > MAX_COMMENT_BYTES:
                return
            if lacing < 255:
                yield bytes(packet)
                packet, found = bytearray(), found + 1
                if found >= _MAX_PACKETS:
                    return
        at += 27 + len(table) + sum(table)


def _last_position(source: ByteSource, serial: int) -> int | None:
    """Return the granule position of the stream's last page, or None."""
    tail = source.read_up_to(max(source.size - _LAST_BYTES, 0), _LAST_BYTES)
    at = tail.rfind(b"OggS")
    while at >= 0:
        if at + 18 <= len(tail):
            position, owner = struct.unpack_from("<QI", tail, at + 6)
            if owner == serial and position < 1 << 62:
                return int(position)
        at = tail.rfind(b"OggS", 0, at)
    return None
