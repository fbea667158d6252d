"""What movies and M4A say in words: Apple's keys, user data, iTunes' list, places (QuickTime File Format, 3GPP TS 26.244).

Texts only; clocks of headers and tracks are read by `daemon.media.movie`.
"""

from __future__ import annotations

import re
import struct

from daemon.media.boxes import Box, after_version, boxes, child, content
from daemon.media.draft import Draft, clean_text
from daemon.media.jpeg_frames import say_preview
from daemon.media.sound_words import say_sound_word
from daemon.media.source import ByteSource
from daemon.media.xmp import MAX_PACKET_BYTES, read_xmp

_MAX_SMALL = 64 * 1024
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

_SOUND_WORDS = {
    "\xa9nam": "title",
    "\xa9ART": "artist",
    "\xa9alb": "album",
    "\xa9gen": "genre",
    "\xa9cmt": "comment",
    "com.apple.quicktime.title": "title",
    "com.apple.quicktime.description": "comment",
    "com.apple.quicktime.artist": "artist",
}
_UTF8 = 1  # of the kinds of values in a list
_MAX_WORD = 16 * 1024
_MAX_ID = 64


def read_user_data(source: ByteSource, udta: Box, draft: Draft) -> None:
    for box in boxes(source, udta.start, udta.end):
        if box.kind == b"meta":
            read_meta(source, box, draft)
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
    elif kind.decode("latin-1") in _SOUND_WORDS:
        say_sound_word(_SOUND_WORDS[kind.decode("latin-1")], text, draft)


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


def read_meta(source: ByteSource, box: Box, draft: Draft) -> None:
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
    if holder is None or holder.end - holder.start <= 8:
        return
    if entry.kind == b"covr":
        say_preview(source, "cover", holder.start + 8, holder.end - holder.start - 8, draft)
    elif holder.end - holder.start <= _MAX_WORD:
        body = content(source, holder, _MAX_WORD)
        index = int.from_bytes(entry.kind, "big")
        name = names[index - 1] if 0 < index <= len(names) else entry.kind.decode("latin-1")
        _read_list_value(name, int.from_bytes(body[1:4], "big"), body[8:], draft)


def _read_list_value(name: str, kind: int, value: bytes, draft: Draft) -> None:
    if name == "trkn" and len(value) >= 4:
        say_sound_word("track", str(int.from_bytes(value[2:4], "big")), draft)
    if kind != _UTF8:
        return
    text = value.decode("utf-8", "replace")
    if name == "com.apple.quicktime.creationdate":
        draft.say_date("QuickTime:Keys:CreationDate", text)
    elif name == "\xa9day":
        draft.say_date("QuickTime:UserData:ContentCreateDate", text)
    elif name in ("com.apple.quicktime.location.ISO6709", "\xa9xyz"):
        _say_iso6709(text, draft)
    elif name == "com.apple.quicktime.content.identifier":
        draft.say_extra("live_id", clean_text(text)[:_MAX_ID] or None)
    elif name in _KEY_TEXTS:
        draft.say_text(_KEY_TEXTS[name], text)
    elif name in _SOUND_WORDS:
        say_sound_word(_SOUND_WORDS[name], text, draft)
