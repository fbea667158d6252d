"""Motion photos: the movie that phones put behind a still, and where it begins.

Names, XMP and trailers all tell of it, and lie (metadata.md 0.7 and 3), so a place counts only if a movie begins there:
bytes 4 to 8 are `ftyp`, and that box lies within the file. Order of trust: a HEIF's `mpvd` box, Samsung's trailer (SEF),
what XMP tells. If XMP tells of a movie and no place holds one, the last megabytes are searched for it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from daemon.media.boxes import Box, boxes
from daemon.media.draft import Draft
from daemon.media.source import ByteSource, Malformed

_MOVIE_BOXES = frozenset(
    (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"meta", b"moof", b"sidx")
)
_BRANDS = (b"mp4", b"iso", b"qt ", b"avc", b"M4V", b"hvc", b"3gp")
_MAX_FTYP_BYTES = 512
_SEF_MOVIE = 0x0A30
_MAX_SEF_ENTRIES = 100
_MAX_SEF_BYTES = 64 * 1024
_SEARCHED_BYTES = 12 * 1024 * 1024  # a phone's three seconds have 2 to 8 MB
_STEP_BYTES = 1024 * 1024
_MAX_PLACES = 100


def read_motion(source: ByteSource, draft: Draft, inside: Box | None = None) -> None:
    """Note the movie, if there is one.

    Args:
        source: the file.
        draft: of a still whose XMP was read; gets `motion`.
        inside: content of the `mpvd` box of a HEIF.
    """
    for start, end in _candidates(source, draft, inside):
        found = _movie_at(source, start, end)
        if found is not None:
            draft.say_extra("motion", list(found))
            return


def _candidates(source: ByteSource, draft: Draft, inside: Box | None) -> Iterator[tuple[int, int]]:
    if inside is not None:
        yield inside.start, inside.end
    # Only those who write the trailer are asked for it: it costs a read at the other end of the file.
    if draft.motion_hints or "samsung" in (draft.make or "").casefold():
        yield from _of_samsung(source)
    for length in draft.motion_hints:
        yield source.size - length, source.size
    if draft.motion_hints:
        yield from _found_near_the_end(source)


def _movie_at(source: ByteSource, start: int, end: int) -> tuple[int, int] | None:
    """Return (offset, length) of the movie at a place: as far as its boxes go, if they hold a movie header."""
    end = min(end, source.size)
    if not 0 < start < end - 16:
        return None
    try:
        size, kind = struct.unpack(">I4s", source.hop(start, 8))
        if kind != b"ftyp" or not 16 <= size <= min(_MAX_FTYP_BYTES, end - start):
            return None
        has_header, last = False, start
        for box in boxes(source, start, end):
            if box.kind not in _MOVIE_BOXES:
                break
            has_header |= box.kind == b"moov"
            last = box.end
    except Malformed:
        return None
    return start, (last if has_header else end) - start


def _of_samsung(source: ByteSource) -> Iterator[tuple[int, int]]:
    """Yield the movie that the trailer's directory tells: entries count back from where the directory begins."""
    try:
        size, mark = struct.unpack("<I4s", source.hop(source.size - 8, 8))
        if mark != b"SEFT" or not 12 <= size <= min(_MAX_SEF_BYTES, source.size - 8):
            return
        start = source.size - 8 - size
        directory = source.hop(start, size)
        if directory[:4] != b"SEFH":
            return
        (count,) = struct.unpack_from("<I", directory, 8)
        for index in range(min(count, _MAX_SEF_ENTRIES, (size - 12) // 12)):
            kind, back, length = struct.unpack_from("<2xHII", directory, 12 + 12 * index)
            if kind == _SEF_MOVIE and 8 <= length <= back <= start:
                (name_bytes,) = struct.unpack("<I", source.hop(start - back + 4, 4))
                yield start - back + 8 + name_bytes, start - back + length
    except (Malformed, struct.error):
        return


def _found_near_the_end(source: ByteSource) -> Iterator[tuple[int, int]]:
    """Yield places in the last megabytes where a movie's first box seems to be, the first one first."""
    at = max(source.size - _SEARCHED_BYTES, 0)
    tail, left = b"", _MAX_PLACES
    while at < source.size:
        try:
            part = tail + source.read_up_to(at, _STEP_BYTES)
        except Malformed:
            return
        base = at - len(tail)
        found = part.find(b"ftyp")
        while found >= 0 and left > 0:
            left -= 1
            if found >= 4 and part[found + 4 : found + 7] in _BRANDS:
                yield base + found - 4, source.size
            found = part.find(b"ftyp", found + 4)
        tail, at = part[-11:], at + _STEP_BYTES
