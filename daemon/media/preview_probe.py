"""What an embedded preview says of its own orientation: the one thing that its place and size do not tell.

RAW files and MPF carry previews that are whole JPEGs with EXIF of their own. Exactly one orientation may be applied
(metadata.md 8), so it must be known whether the preview has one. A few bounded glances per preview.
"""

from __future__ import annotations

import struct
from dataclasses import replace

from catalog.facts import Preview
from daemon.media.draft import Draft
from daemon.media.source import ByteSource, Malformed
from daemon.media.tiff import read_structure

# Thumbnails within an EXIF block, and covers of songs, have none.
_MAY_HAVE_EXIF = frozenset({"raw", "mpf"})
_MAX_SEGMENTS = 16  # EXIF is the first or the second
_APP0, _APP15, _APP1 = 0xE0, 0xEF, 0xE1
_EXIF = b"Exif\0"
_ORIENTATION = 0x0112


def probe_previews(source: ByteSource, draft: Draft) -> None:
    """Note the orientation of each preview of the draft that says one."""
    draft.previews = [
        replace(one, orientation=_orientation_of(source, one)) if one.origin in _MAY_HAVE_EXIF else one
        for one in draft.previews
    ]


def _orientation_of(source: ByteSource, preview: Preview) -> int:
    """Return EXIF's 1 to 8; 0 = it says none, or nonsense."""
    try:
        at = _exif_at(source, preview)
        found = read_structure(source, at)[0].whole(_ORIENTATION) if at is not None else None
    except (Malformed, struct.error):
        return 0
    return found if found is not None and 1 <= found <= 8 else 0


def _exif_at(source: ByteSource, preview: Preview) -> int | None:
    at, end = preview.offset + 2, preview.offset + preview.length
    for _ in range(_MAX_SEGMENTS):
        head = source.glance(at, 10)
        if at + 10 > end or head[0] != 0xFF or not _APP0 <= head[1] <= _APP15:
            return None
        if head[1] == _APP1 and head[4:9] == _EXIF:
            return at + 10
        at += 2 + struct.unpack_from(">H", head, 2)[0]
    return None
