"""JPEGs that lie within another file: is there one at this place, and how large is its picture?

Looks at markers up to the frame header only, in a few bounded glances. Lossless JPEG, as which DNG and CR2 store the
sensor's own values, begins with the same three bytes and is no picture for anybody. ITU T.81 annex B.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from catalog.facts import Preview
from daemon.media.draft import Draft
from daemon.media.source import ByteSource, Malformed, MemorySource
from daemon.media.tiff import read_structure

START = b"\xff\xd8\xff"
_GLANCE_BYTES = 2048  # the frame header of a preview without EXIF of its own is within
_MAX_SEGMENTS = 64
# A block of 64 pixels takes a bit at least (T.81: no Huffman code is shorter). Who says more would fill a viewer's memory.
_MOST_PX_PER_BYTE = 512
_DECODABLE = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive: what browsers show
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
_SOS, _EOI, _APP1 = 0xDA, 0xD9, 0xE1
_ORIENTATION = 0x0112


class Frame(NamedTuple):
    """Stored pixels, number of colour components and own EXIF orientation (0 = none) of a JPEG that browsers can show."""

    width: int
    height: int
    components: int
    orientation: int = 0


def frame_at(source: ByteSource, at: int, length: int) -> Frame | None:
    """Return the frame of the JPEG at `at`, or None if there is none that browsers can show within `length`.

    One that tells more pixels than `length` bytes can hold is none.
    """
    end = at + length
    if length < 16 or at < 0 or end > source.size:
        return None
    try:
        head = source.glance(at, min(length, _GLANCE_BYTES))
        frame = _frame_in(source, head, at, end) if head.startswith(START) else None
    except (Malformed, struct.error):
        return None
    return frame if frame is not None and frame.width * frame.height <= length * _MOST_PX_PER_BYTE else None


def _frame_in(source: ByteSource, head: bytes, start: int, end: int) -> Frame | None:
    at, orientation = start + 2, 0
    for _ in range(_MAX_SEGMENTS):
        if at + 10 > end:
            return None
        within = at - start
        part = head[within : within + 10] if within + 10 <= len(head) else source.glance(at, 10)
        marker = part[1]
        if part[0] != 0xFF or marker in (_SOS, _EOI):
            return None
        if marker == 0xFF or marker in _WITHOUT_LENGTH:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _DECODABLE:
            height, width = struct.unpack_from(">HH", part, 5)
            return Frame(width, height, part[9], orientation) if width and height else None
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return None
        if marker == _APP1 and part[4:10] == b"Exif\0\0" and not orientation:
            orientation = _orientation(source, at + 10, end)
        at += 2 + struct.unpack_from(">H", part, 2)[0]
    return None


def _orientation(source: ByteSource, at: int, end: int) -> int:
    """Return what the EXIF block of the picture itself says; 0 = nothing."""
    try:
        block = MemorySource(source.glance(at, min(_GLANCE_BYTES, end - at)))
        told = read_structure(block)[0].whole(_ORIENTATION)
    except (Malformed, struct.error):
        return 0
    return told if told is not None and 1 <= told <= 8 else 0


def preview_of(frame: Frame, origin: str, at: int, length: int) -> Preview:
    """Return the preview that lies at a place."""
    return Preview(origin, at, length, frame.width, frame.height, frame.orientation)


def say_preview(source: ByteSource, origin: str, at: int, length: int, draft: Draft) -> Frame | None:
    """Note the JPEG at a place as a preview, if there is one; returns its frame."""
    frame = frame_at(source, at, length)
    if frame is not None:
        draft.add_preview(preview_of(frame, origin, at, length))
    return frame
