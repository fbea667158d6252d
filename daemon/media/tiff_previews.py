"""Previews that TIFF directories point at: the EXIF thumbnail, and the pictures that RAW files carry beside their data.

A pointer is believed only where a JPEG begins that browsers can show (`jpeg_frames`). Tag numbers: EXIF 2.32,
TIFF/EP, DNG 1.6; Panasonic's and the makers' own as exiftool's tables name them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from daemon.media.draft import Draft
from daemon.media.jpeg_frames import say_preview
from daemon.media.source import Malformed
from daemon.media.tiff import SUB_IFDS, Directory, read_directory, subdirectory

MAX_DIRECTORIES = 24  # of one file; a DNG with all its sizes has 6
_MAX_CHAIN = 8
_MAX_CHILDREN = 8
_JPEG_AT, _JPEG_BYTES = 0x0201, 0x0202
_COMPRESSION, _PHOTOMETRIC, _STRIPS_AT, _STRIP_BYTES, _TABLES = 0x0103, 0x0106, 0x0111, 0x0117, 0x015B
_JPEG_COMPRESSIONS = (6, 7, 34892)  # old, new, and DNG's lossy one
_RGB = 2  # stored as it is: a JPEG decoder would take it for YCbCr
_PANASONIC_JPEGS = (0x002E, 0x0127)


def read_thumbnail(ifd0: Directory, draft: Draft) -> None:
    """Note the thumbnail that the second directory of an EXIF block points at."""
    second = _following(ifd0)
    if second is not None:
        is_tiff = draft.is_raw or draft.mime == "image/tiff"
        _read_jpeg_pointer(second, "raw" if is_tiff else "exif", draft)


def read_raw_previews(ifd0: Directory, draft: Draft) -> None:
    """Note what the directories of a TIFF or RAW file hold as JPEGs."""
    for directory in _directories(ifd0):
        _read_jpeg_pointer(directory, "raw", draft)
        _read_strip(directory, draft)
        for tag in _PANASONIC_JPEGS:
            place = directory.place(tag)
            if place is not None:
                say_preview(directory.source, "raw", *place, draft)


def _directories(ifd0: Directory) -> Iterator[Directory]:
    """Yield the chain that begins with IFD0 and the children of each, each once."""
    seen: set[int] = set()
    here: Directory | None = ifd0
    for _ in range(_MAX_CHAIN):
        if here is None or len(seen) >= MAX_DIRECTORIES:
            return
        yield here
        for index in range(min(len(here.numbers(SUB_IFDS)), _MAX_CHILDREN)):
            child = subdirectory(here, SUB_IFDS, index)
            if child is not None:
                yield child
        if here.next_at in seen:
            return
        seen.add(here.next_at)
        here = _following(here)


def _following(directory: Directory) -> Directory | None:
    if not directory.next_at:
        return None
    try:
        return read_directory(directory.source, directory.base, directory.order, directory.next_at)
    except (Malformed, struct.error):
        return None


def _read_jpeg_pointer(directory: Directory, origin: str, draft: Draft) -> None:
    at, length = directory.whole(_JPEG_AT), directory.whole(_JPEG_BYTES)
    if at and length:
        say_preview(directory.source, origin, directory.base + at, length, draft)


def _read_strip(directory: Directory, draft: Draft) -> None:
    """Note a directory whose whole picture is one strip, and that a JPEG with its own tables."""
    places, lengths = directory.numbers(_STRIPS_AT), directory.numbers(_STRIP_BYTES)
    is_jpeg = directory.whole(_COMPRESSION) in _JPEG_COMPRESSIONS and _TABLES not in directory.places
    if not is_jpeg or len(places) != 1 or len(lengths) != 1 or directory.whole(_PHOTOMETRIC) == _RGB:
        return
    say_preview(directory.source, "raw", directory.base + int(places[0]), int(lengths[0]), draft)
