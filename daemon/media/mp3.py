"""MP3: tags and length (ISO 11172-3 frame headers; the Xing, Info and VBRI headers of encoders).

An encoder's header tells how many frames there are; without one all frames have the rate of the first, as they had when
encoders wrote none.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from daemon.media.draft import Draft
from daemon.media.id3 import end_of_id3, read_id3, read_id3v1_year
from daemon.media.source import ByteSource

_SEARCHED_BYTES = 16 * 1024  # between tag and first frame lie blanks at most
_ID3V1_BYTES = 128
# kbit/s by index 1-14; of MPEG 1 layer 2 and 3, of MPEG 2 and 2.5 both.
_RATES_1_2 = (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_RATES_1_3 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_RATES_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_HERTZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_MPEG_1, _LAYER_3, _MONO = 3, 1, 3


class _Sound(NamedTuple):
    """What a frame header says: bit/s, samples per second and per frame, length of the frame, of its side information."""

    bits_per_s: int
    hertz: int
    samples: int
    length: int
    side_bytes: int


def read_mp3(source: ByteSource, draft: Draft) -> None:
    """Read the tag in front, the one behind if there is no other, and the length."""
    start = end_of_id3(source)
    if start:
        read_id3(source, 0, draft)
    else:
        read_id3v1_year(source, draft)
    draft.say_extra("codec", "mp3")
    head = source.read_up_to(start, _SEARCHED_BYTES)
    found = _first_frame(head)
    if found is None:
        draft.note("mp3", "no sound was found behind the tags")
        return
    at, sound = found
    frames = _told_frames(head[at : at + 200], sound.side_bytes)
    if frames:
        draft.say_duration(frames * sound.samples / sound.hertz)
    else:
        draft.say_duration((_end_of_sound(source) - start - at) * 8 / sound.bits_per_s)


def _end_of_sound(source: ByteSource) -> int:
    has_tag = source.size > _ID3V1_BYTES and source.hop(source.size - _ID3V1_BYTES, 3) == b"TAG"
    return source.size - (_ID3V1_BYTES if has_tag else 0)


def _first_frame(head: bytes) -> tuple[int, _Sound] | None:
    """Return the first frame header that another one follows where it says, or that ends beyond what was read."""
    at = head.find(b"\xff")
    while at >= 0:
        sound = _sound_of(head[at : at + 4])
        if sound is not None:
            following = head[at + sound.length : at + sound.length + 4]
            if len(following) < 4 or _sound_of(following) is not None:
                return at, sound
        at = head.find(b"\xff", at + 1)
    return None


def _sound_of(head: bytes) -> _Sound | None:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    rate, hertz = head[2] >> 4, head[2] >> 2 & 3
    if version not in _HERTZ or layer not in (1, 2) or not 0 < rate < 15 or hertz == 3:
        return None
    rates = _RATES_2 if version != _MPEG_1 else (_RATES_1_3 if layer == _LAYER_3 else _RATES_1_2)
    samples = 576 if layer == _LAYER_3 and version != _MPEG_1 else 1152
    is_mono = head[3] >> 6 == _MONO
    side_bytes = (17 if is_mono else 32) if version == _MPEG_1 else (9 if is_mono else 17)
    bits, per_second = rates[rate - 1] * 1000, _HERTZ[version][hertz]
    length = samples // 8 * bits // per_second + (head[2] >> 1 & 1)
    return _Sound(bits, per_second, samples, length, side_bytes)


def _told_frames(frame: bytes, side_bytes: int) -> int:
    """Return the number of frames that the encoder's header in the first frame tells, or 0."""
    xing = frame[4 + side_bytes :]
    if xing[:4] in (b"Xing", b"Info") and len(xing) >= 12 and xing[7] & 1:
        return int(struct.unpack_from(">I", xing, 8)[0])
    vbri = frame[36:]
    if vbri[:4] == b"VBRI" and len(vbri) >= 18:
        return int(struct.unpack_from(">I", vbri, 14)[0])
    return 0
