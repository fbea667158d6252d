"""MPF: the other pictures in a JPEG, previews and gain maps among them (CIPA DC-007, multi-picture format).

Phones put gain maps of HDR pictures there, cameras a preview or two, stereo cameras the other eye. Only what shows the
same picture smaller is a preview.
"""

from __future__ import annotations

import struct

from daemon.media.draft import Draft
from daemon.media.jpeg_frames import Frame, frame_at, preview_of
from daemon.media.source import ByteSource, Malformed
from daemon.media.tiff import read_structure

_ENTRIES = 0xB002
_MAX_ENTRIES = 32
_LARGE_THUMBNAIL = (
    0x01  # upper byte of the type; 0 is undefined: a gain map, or a preview of a careless writer
)
_GAIN_MAP_MARKS = (b"hdrgm:", b"HDRGainMap", b"urn:iso:std:iso:ts:21496")
_GLANCE_BYTES = 4096  # the XMP of a gain map is in its first segments
_MAX_ASPECT_ERROR = 0.02


def read_mpf(source: ByteSource, at: int, draft: Draft) -> None:
    """Read the index whose TIFF header is at `at`; places of pictures count from there. A lying one says nothing."""
    try:
        index, order = read_structure(source, at)
        entries = index.content(_ENTRIES, 16 * _MAX_ENTRIES) or b""
    except (Malformed, struct.error):
        return
    for number in range(len(entries) // 16):
        attributes, length, offset = struct.unpack_from(f"{order}III", entries, 16 * number)
        if offset:  # the first picture is the file itself
            _read_picture(source, attributes >> 16 & 0xFF, at + offset, length, draft)


def _read_picture(source: ByteSource, kind: int, at: int, length: int, draft: Draft) -> None:
    if kind not in (0, _LARGE_THUMBNAIL):
        return
    frame = frame_at(source, at, length)
    if frame is None:
        return
    if kind == 0 and _is_gain_map(source, at, length):
        draft.say_extra("gain_map", True)
    elif kind == _LARGE_THUMBNAIL or _is_smaller_same(frame, draft):
        draft.add_preview(preview_of(frame, "mpf", at, length))


def _is_gain_map(source: ByteSource, at: int, length: int) -> bool:
    try:
        head = source.glance(at, min(length, _GLANCE_BYTES))
    except Malformed:
        return False
    return any(mark in head for mark in _GAIN_MAP_MARKS)


def _is_smaller_same(frame: Frame, draft: Draft) -> bool:
    """Tell whether a picture of no declared kind may be the same one smaller: in colour, same shape."""
    if frame.components < 3 or not draft.width or not draft.height or frame.width > draft.width:
        return False
    aspect, own = frame.width / frame.height, draft.width / draft.height
    return abs(aspect / own - 1) <= _MAX_ASPECT_ERROR
