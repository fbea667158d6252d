"""MP4, MOV, 3GP and M4A: movie header, tracks, Apple's keys, user data (ISO 14496-12, QuickTime File Format).

Only the tree of boxes is walked, in hops; sample tables and media data are never read. A file without a
video track is sound. mvhd creation comes before modification, and version 1 is 64-bit (metadata.md 1.3).
"""

from __future__ import annotations

import re
import struct

from daemon.media.boxes import Box, after_version, boxes, child, content
from daemon.media.draft import Draft
from daemon.media.source import ByteSource, Malformed
from daemon.media.xmp import MAX_PACKET_BYTES, read_xmp

_MAX_SMALL = 64 * 1024
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_ISO6709 = re.compile(r"(?P<lat>[+-]?\d+(?:\.\d+)?)(?P<lon>[+-]\d+(?:\.\d+)?)(?P<alt>[+-]\d+(?:\.\d+)?)?")
_UDTA_TEXTS = {b"\xa9mak": "make", b"\xa9mod": "model", b"\xa9swr": "software"}
_KEY_TEXTS = {
    "com.apple.quicktime.make": "make",
    "com.apple.quicktime.model": "model",
    "com.apple.quicktime.software": "software",
    "com.android.manufacturer": "make",
    "com.android.model": "model",
    "\xa9mak": "make",
    "\xa9mod": "model",
}


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
            _read_meta(source, box, draft)
    if moov is None:
        raise Malformed("no movie box: the recording was not finished, or the end is missing")


def _read_moov(source: ByteSource, moov: Box, draft: Draft) -> None:
    has_video = has_sound = False
    for box in boxes(source, moov.start, moov.end):
        if box.kind == b"mvhd":
            _read_movie_header(source, box, draft)
        elif box.kind == b"trak":
            handler = _read_track(source, box, draft)
            has_video |= handler == b"vide"
            has_sound |= handler == b"soun"
        elif box.kind == b"udta":
            _read_user_data(source, box, draft)
        elif box.kind == b"meta":
            _read_meta(source, box, draft)
        elif box.kind == b"uuid":
            _read_uuid(source, box, draft)
    if has_sound and not has_video and draft.kind == "video":
        draft.kind = "audio"


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


def _read_track(source: ByteSource, trak: Box, draft: Draft) -> bytes:
    """Return the handler kind (`vide`, `soun`, …) after noting the stored size and rotation of video."""
    handler_box = child(source, trak, b"mdia", b"hdlr")
    handler = source.read(handler_box.start + 8, 4) if handler_box else b""
    if handler != b"vide":
        return handler
    header = child(source, trak, b"tkhd")
    sample = child(source, trak, b"mdia", b"minf", b"stbl", b"stsd")
    if sample is not None and sample.end - sample.start >= 8 + 36:
        # version, count, then the first sample entry: size, kind, 24 bytes, width, height.
        width, height = struct.unpack(">HH", source.read(sample.start + 8 + 32, 4))
        draft.say_size(width, height)
    if header is not None:
        _read_track_header(source, header, draft)
    return handler


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


def _read_user_data(source: ByteSource, udta: Box, draft: Draft) -> None:
    for box in boxes(source, udta.start, udta.end):
        if box.kind == b"meta":
            _read_meta(source, box, draft)
        elif box.kind == b"XMP_" and box.end - box.start <= MAX_PACKET_BYTES:
            read_xmp(source.read(box.start, box.end - box.start), draft)
        elif box.kind == b"loci" and box.end - box.start <= _MAX_SMALL:
            _read_3gp_location(content(source, box, _MAX_SMALL), draft)
        elif box.kind[:1] == b"\xa9" and 4 < box.end - box.start <= _MAX_SMALL:
            _read_international_text(box.kind, content(source, box, _MAX_SMALL), draft)


def _read_international_text(kind: bytes, body: bytes, draft: Draft) -> None:
    """Read `size, language, text`; the first language is enough."""
    (size,) = struct.unpack_from(">H", body)
    text = body[4 : 4 + size].decode("utf-8", "replace")
    if kind == b"\xa9day":
        draft.say_date("QuickTime:UserData:ContentCreateDate", text)
    elif kind == b"\xa9xyz":
        _say_iso6709(text, draft)
    elif kind in _UDTA_TEXTS:
        draft.say_text(_UDTA_TEXTS[kind], text)


def _read_3gp_location(body: bytes, draft: Draft) -> None:
    """Read `loci` (3GPP TS 26.244): name, role, longitude, latitude, altitude in 16.16."""
    after_name = body.find(b"\0", 6)
    if after_name > 0 and after_name + 14 <= len(body):
        lon, lat, alt = struct.unpack_from(">iii", body, after_name + 2)
        draft.say_position(lat / 65536, lon / 65536, alt / 65536)


def _say_iso6709(text: str, draft: Draft) -> None:
    match = _ISO6709.match(text)
    if match is not None:
        altitude = float(match["alt"]) if match["alt"] else None
        draft.say_position(_iso_degrees(match["lat"], 2), _iso_degrees(match["lon"], 3), altitude)


def _iso_degrees(text: str, degree_digits: int) -> float | None:
    """Read ±D, ±DDMM or ±DDMMSS with decimals (ISO 6709 annex H; phones drop leading zeros)."""
    number = text.lstrip("+-")
    whole = number.partition(".")[0]
    if len(whole) <= degree_digits:
        degrees = float(number)
    elif len(whole) == degree_digits + 2:
        degrees = int(whole[:-2]) + float(number[degree_digits:]) / 60
    elif len(whole) == degree_digits + 4:
        minutes, seconds = number[degree_digits : degree_digits + 2], number[degree_digits + 2 :]
        degrees = int(whole[:-4]) + int(minutes) / 60 + float(seconds) / 3600
    else:
        return None
    return -degrees if text.startswith("-") else degrees


def _read_meta(source: ByteSource, box: Box, draft: Draft) -> None:
    """Read Apple's keys (`keys` + `ilst`) and iTunes' list (`ilst` alone)."""
    names: list[str] = []
    meta = after_version(source, box)
    for part in boxes(source, meta.start, meta.end):
        if part.kind == b"keys":
            names = _key_names(content(source, part, _MAX_SMALL))
        elif part.kind == b"ilst":
            for entry in boxes(source, part.start, part.end):
                _read_list_entry(source, entry, names, draft)


def _key_names(body: bytes) -> list[str]:
    names, at = [], 8
    while at + 8 <= len(body):
        size = int.from_bytes(body[at : at + 4], "big")
        if size < 8:
            break
        names.append(body[at + 8 : at + size].decode("utf-8", "replace"))
        at += size
    return names


def _read_list_entry(source: ByteSource, entry: Box, names: list[str], draft: Draft) -> None:
    holder = child(source, entry, b"data")
    if holder is None or not 8 < holder.end - holder.start <= 4096:
        return
    body = content(source, holder, 4096)
    if int.from_bytes(body[1:4], "big") != 1:  # 1 = UTF-8 text
        return
    index = int.from_bytes(entry.kind, "big")
    name = names[index - 1] if 0 < index <= len(names) else entry.kind.decode("latin-1")
    text = body[8:].decode("utf-8", "replace")
    if name == "com.apple.quicktime.creationdate":
        draft.say_date("QuickTime:Keys:CreationDate", text)
    elif name == "\xa9day":
        draft.say_date("QuickTime:UserData:ContentCreateDate", text)
    elif name in ("com.apple.quicktime.location.ISO6709", "\xa9xyz"):
        _say_iso6709(text, draft)
    elif name == "com.apple.quicktime.content.identifier":
        draft.extra["live_id"] = text[:64]
    elif name in _KEY_TEXTS:
        draft.say_text(_KEY_TEXTS[name], text)


def _read_uuid(source: ByteSource, box: Box, draft: Draft) -> None:
    if 16 < box.end - box.start <= MAX_PACKET_BYTES and source.hop(box.start, 16) == _XMP_UUID:
        read_xmp(source.read(box.start + 16, box.end - box.start - 16), draft)
