"""Minolta MRW: EXIF and size from the blocks before the sensor's data (layout as exiftool's MinoltaRaw tells it)."""

from __future__ import annotations

import struct

from daemon.media.draft import Draft
from daemon.media.exif import read_exif_part
from daemon.media.source import ByteSource

_MAX_BLOCKS = 20


def read_mrw(source: ByteSource, draft: Draft) -> None:
    """Read the blocks PRD (sizes) and TTW (a TIFF); exiftool does the rest."""
    (size,) = struct.unpack(">I", source.read(4, 4))
    at, end = 8, min(8 + size, source.size)
    for _ in range(_MAX_BLOCKS):
        if at + 8 > end:
            return
        kind, length = struct.unpack(">4sI", source.read(at, 8))
        if kind == b"\0PRD" and length >= 16:
            height, width = struct.unpack(">HH", source.read(at + 8 + 12, 4))
            draft.say_size(width, height)
        elif kind == b"\0TTW":
            read_exif_part(source, at + 8, draft)
        at += 8 + length
