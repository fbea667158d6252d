"""MP4, MOV, 3GP and M4A: movie header and tracks (ISO 14496-12, QuickTime File Format).

Only the tree of boxes is walked, in hops; sample tables and media data are never read. A file without a
video track is sound. mvhd creation comes before modification, and version 1 is 64-bit (metadata.md 1.3).
"""

from __future__ import annotations

import struct

from daemon.media.boxes import Box, boxes, child, content
from daemon.media.draft import Draft, clean_text
from daemon.media.movie_words import read_meta, read_user_data
from daemon.media.source import ByteSource, Malformed
from daemon.media.xmp import MAX_PACKET_BYTES, read_xmp

_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def read_movie(source: ByteSource, draft: Draft) -> None:
    """Read the movie box into the draft; a file without one (an unfinished recording) is Malformed."""
    moov: Box | None = None
    for box in boxes(source, 0, source.size):
        if box.kind == b"moov":
            moov = moov or box
            _read_moov(source, box, draft)
        elif box.kind == b"uuid":
            _read_uuid(source, box, draft)
        elif box.kind == b"meta":
            read_meta(source, box, draft)
    if moov is None:
        raise Malformed("no movie box: the recording was not finished, or the end is missing")


def _read_moov(source: ByteSource, moov: Box, draft: Draft) -> None:
    """Read the tracks first: they tell whether the words are about a film or a song."""
    parts = list(boxes(source, moov.start, moov.end))
    codecs: dict[bytes, str] = {}
    for box in parts:
        if box.kind == b"trak":
            handler, codec = _read_track(source, box, draft)
            codecs.setdefault(handler, codec)
    if b"soun" in codecs and b"vide" not in codecs and draft.kind == "video":
        draft.kind = "audio"
    draft.say_extra("codec", codecs.get(b"vide") or codecs.get(b"soun") or None)
    for box in parts:
        if box.kind == b"mvhd":
            _read_movie_header(source, box, draft)
        elif box.kind == b"udta":
            read_user_data(source, box, draft)
        elif box.kind == b"meta":
            read_meta(source, box, draft)
        elif box.kind == b"uuid":
            _read_uuid(source, box, draft)


def _read_movie_header(source: ByteSource, box: Box, draft: Draft) -> None:
    if source.read(box.start, 1)[0] == 1:
        created, _, scale, length = struct.unpack(">QQIQ", source.read(box.start + 4, 28))
        is_unknown = length == 0xFFFF_FFFF_FFFF_FFFF
    else:
        created, _, scale, length = struct.unpack(">IIII", source.read(box.start + 4, 16))
        is_unknown = length == 0xFFFF_FFFF
    draft.say_quicktime_date(created)
    if scale and not is_unknown:
        draft.say_duration(length / scale)


def _read_track(source: ByteSource, trak: Box, draft: Draft) -> tuple[bytes, str]:
    """Return the handler kind (`vide`, `soun`, …) and codec, after noting the stored size and rotation of video."""
    handler_box = child(source, trak, b"mdia", b"hdlr")
    handler = source.read(handler_box.start + 8, 4) if handler_box else b""
    if handler not in (b"vide", b"soun"):
        return handler, ""
    sample = child(source, trak, b"mdia", b"minf", b"stbl", b"stsd")
    # Version, count, then the first sample entry: size, kind, 24 bytes, width, height.
    entry = source.read(sample.start, min(sample.end - sample.start, 44)) if sample is not None else b""
    codec = clean_text(entry[12:16].decode("latin-1"))
    if handler != b"vide":
        return handler, codec
    if len(entry) == 44:
        draft.say_size(*struct.unpack_from(">HH", entry, 40))
    header = child(source, trak, b"tkhd")
    if header is not None:
        _read_track_header(source, header, draft)
    return handler, codec


def _read_track_header(source: ByteSource, header: Box, draft: Draft) -> None:
    body = content(source, header, 256)
    matrix_at = 4 + (32 if body[0] == 1 else 20) + 16
    a, b, _, c, d = struct.unpack_from(">5i", body, matrix_at)
    width, height = struct.unpack_from(">II", body, matrix_at + 36)
    draft.say_size(width >> 16, height >> 16)
    rotation = {(1, 0, 0, 1): 0, (0, 1, -1, 0): 90, (-1, 0, 0, -1): 180, (0, -1, 1, 0): 270}.get(
        (_sign(a), _sign(b), _sign(c), _sign(d))
    )
    if rotation and "rotation_deg" not in draft.extra:
        draft.extra["rotation_deg"] = rotation


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _read_uuid(source: ByteSource, box: Box, draft: Draft) -> None:
    if 16 < box.end - box.start <= MAX_PACKET_BYTES and source.hop(box.start, 16) == _XMP_UUID:
        read_xmp(source.read(box.start + 16, box.end - box.start - 16), draft)
