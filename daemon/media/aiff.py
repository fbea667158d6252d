"""AIFF and AIFC: length and words (Apple's Audio Interchange File Format 1.3)."""

from __future__ import annotations

import struct

from daemon.media.draft import Draft, clean_text
from daemon.media.id3 import read_id3
from daemon.media.sound_words import say_sound_word
from daemon.media.source import ByteSource

_MAX_CHUNKS = 1000
_MAX_WORD = 4096
_WORDS = {b"NAME": "title", b"AUTH": "artist", b"ANNO": "comment"}


def read_aiff(source: ByteSource, draft: Draft) -> None:
    """Read the chunks behind the form's head."""
    at = 12
    for _ in range(_MAX_CHUNKS):
        if at + 8 > source.size:
            return
        kind, size = struct.unpack(">4sI", source.hop(at, 8))
        if kind == b"COMM" and size >= 18:
            _read_common(source.read(at + 8, min(size, 22)), draft)
        elif kind == b"ID3 ":
            read_id3(source, at + 8, draft)
        elif kind in _WORDS:
            text = source.read_up_to(at + 8, min(size, _MAX_WORD)).decode("utf-8", "replace")
            say_sound_word(_WORDS[kind], text, draft)
        at += 8 + size + size % 2


def _read_common(common: bytes, draft: Draft) -> None:
    """Read channels, frames, bits and the rate, an 80-bit float; AIFC names a codec behind them."""
    frames, _, exponent, mantissa = struct.unpack_from(">IHHQ", common, 2)
    # 16383 is the bias, 63 the bits behind the point. Rates of sound lie between 1 Hz and 4 MHz.
    shift = 63 - ((exponent & 0x7FFF) - 16383)
    if 40 <= shift <= 63:
        rate = mantissa / (1 << shift)
        draft.say_duration(frames / rate if rate else None)
    codec = clean_text(common[18:22].decode("latin-1"))
    draft.say_extra("codec", "pcm" if codec in ("", "NONE", "sowt") else codec)
