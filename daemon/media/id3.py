"""ID3v2 tags: words, date and cover, as MP3, AIFF and WAV carry them (ID3v2.2, 2.3, 2.4).

Frames are hopped over, so that covers cost nothing. A tag that was unsynchronised as a whole is read into memory, and
its cover, whose bytes are not as they lie in the file, is no preview.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from daemon.media.draft import Draft
from daemon.media.jpeg_frames import START, say_preview
from daemon.media.sound_words import say_sound_word
from daemon.media.source import ByteSource, Malformed, MemorySource

_MAX_FRAMES = 500
_MAX_TEXT_BYTES = 16 * 1024
_MAX_UNSYNCHRONISED_BYTES = 2 * 1024 * 1024
_UNSYNCHRONISED, _EXTENDED = 0x80, 0x40
_FRAME_IS_CHANGED = 0x0F  # of 2.4: grouped, compressed, encrypted, unsynchronised or with a length in front
_WORDS = {"TIT2": "title", "TPE1": "artist", "TALB": "album", "TCON": "genre", "TRCK": "track"}
_SHORT_NAMES = {
    "TT2": "TIT2",
    "TP1": "TPE1",
    "TAL": "TALB",
    "TCO": "TCON",
    "TRK": "TRCK",
    "TYE": "TYER",
    "PIC": "APIC",
}
_DATES = ("TDRC", "TYER")
_ENCODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
_NUMBERED_GENRE = re.compile(r"^\(?\d+\)?(?=\D|$)")


class _Frame(NamedTuple):
    name: str
    at: int
    length: int
    is_changed: bool


def end_of_id3(source: ByteSource, at: int = 0) -> int:
    """Return the place behind the tag at `at`, or `at` if there is none."""
    head = source.read_up_to(at, 10)
    if len(head) < 10 or head[:3] != b"ID3":
        return at
    return at + 10 + _synchsafe(head[6:10]) + (10 if head[5] & 0x10 else 0)


def read_id3(source: ByteSource, at: int, draft: Draft, *, has_file_offsets: bool = True) -> None:
    """Read the tag at a place; a damaged one ends where it cannot be followed.

    Args:
        source: the file, or an unpacked copy.
        at: of the tag's first byte.
        draft: takes words, date and cover.
        has_file_offsets: False for an unpacked copy, which has no previews.
    """
    head = source.read(at, 10)
    version, flags, size = head[3], head[5], _synchsafe(head[6:10])
    if head[:3] != b"ID3" or version not in (2, 3, 4):
        return
    if flags & _UNSYNCHRONISED and version < 4:
        if size <= _MAX_UNSYNCHRONISED_BYTES:
            body = source.read_up_to(at + 10, size).replace(b"\xff\x00", b"\xff")
            plain = head[:5] + bytes((flags & ~_UNSYNCHRONISED,)) + _as_synchsafe(len(body)) + body
            read_id3(MemorySource(plain), 0, draft, has_file_offsets=False)
        return
    start = at + 10
    if flags & _EXTENDED and version >= 3:
        extra = source.read(start, 4)
        start += _synchsafe(extra) if version == 4 else 4 + int.from_bytes(extra, "big")
    end = min(at + 10 + size, source.size)
    for frame in _frames(source, start, end, version):
        if frame.name != "APIC" or has_file_offsets:
            _read_frame(source, frame, draft)


def _frames(source: ByteSource, at: int, end: int, version: int) -> Iterator[_Frame]:
    for _ in range(_MAX_FRAMES):
        frame = _frame_at(source, at, end, version)
        if frame is None:
            return
        yield frame
        at = frame.at + frame.length


def _frame_at(source: ByteSource, at: int, end: int, version: int) -> _Frame | None:
    """Return the frame at a place; None at the padding, and where no frame can be."""
    head_bytes = 6 if version == 2 else 10
    if at + head_bytes >= end:
        return None
    head = source.hop(at, head_bytes)
    name = head[: 3 if version == 2 else 4].decode("latin-1")
    if not name.isalnum():
        return None
    if version == 2:
        length, is_changed = int.from_bytes(head[3:6], "big"), False
    else:
        length = _synchsafe(head[4:8]) if version == 4 else int.from_bytes(head[4:8], "big")
        is_changed = bool(head[9] & _FRAME_IS_CHANGED) if version == 4 else bool(head[9] & 0xE0)
    start = at + head_bytes
    if start + length > end:
        return None
    return _Frame(_SHORT_NAMES.get(name, name), start, length, is_changed)


def _read_frame(source: ByteSource, frame: _Frame, draft: Draft) -> None:
    if frame.is_changed or frame.length < 2:
        return
    if frame.name == "APIC":
        _read_picture(source, frame, draft)
    elif frame.name in _WORDS:
        text = _text(source, frame)
        say_sound_word(_WORDS[frame.name], _without_number(text) if frame.name == "TCON" else text, draft)
    elif frame.name in _DATES:
        draft.say_date("ID3:RecordingTime", _text(source, frame))


def _text(source: ByteSource, frame: _Frame) -> str:
    """Return the first text of a frame: an encoding, then texts that NULs part."""
    content = source.read_up_to(frame.at, min(frame.length, _MAX_TEXT_BYTES))
    text = content[1:].decode(_ENCODINGS.get(content[0], "latin-1"), "replace")
    return text.split("\0", 1)[0]


def _without_number(genre: str) -> str:
    """Drop the number of ID3v1's list of genres, which `(17)Rock` repeats."""
    return _NUMBERED_GENRE.sub("", genre)


def _read_picture(source: ByteSource, frame: _Frame, draft: Draft) -> None:
    """Note the cover: what stands before it are an encoding, a type and a description."""
    head = source.glance(frame.at, min(frame.length, 1024))
    skip = head.find(START)
    if skip > 0:
        say_preview(source, "cover", frame.at + skip, frame.length - skip, draft)


def _synchsafe(digits: bytes) -> int:
    return sum((digit & 0x7F) << shift for digit, shift in zip(digits, (21, 14, 7, 0), strict=True))


def _as_synchsafe(number: int) -> bytes:
    return struct.pack(">4B", *((number >> shift) & 0x7F for shift in (21, 14, 7, 0)))


def read_id3v1_year(source: ByteSource, draft: Draft) -> None:
    """Note the year that the last 128 bytes tell, for files without a better tag."""
    try:
        tail = source.hop(source.size - 128, 128)
    except Malformed:
        return
    if tail[:3] == b"TAG":
        draft.say_date("ID3:RecordingTime", tail[93:97].decode("latin-1").strip("\0 "))
        for name, first in (("title", 3), ("artist", 33), ("album", 63)):
            say_sound_word(name, tail[first : first + 30].decode("latin-1"), draft)
