"""Maker notes: the few facts in them that identify a shot, its clock's zone, or a preview.

Apple, Nikon, Canon and Olympus, whose notes are plain directories; all others are left to exiftool. Layouts as
exiftool's tables tell them. A note that is no such directory is passed over: notes are moved by editors and then lie.
"""

from __future__ import annotations

import struct

from daemon.media.draft import Draft, clean_text
from daemon.media.jpeg_frames import say_preview
from daemon.media.source import ByteSource, Malformed, MemorySource
from daemon.media.tiff import Directory, read_directory, read_structure, subdirectory

_APPLE = b"Apple iOS\0\0\1MM"
_NIKON = b"Nikon\0"
_OLYMPUS = (b"OLYMPUS\0", b"OM SYSTEM\0")
_NO_CITY = (0, 0x7FFE)
_MAX_ZONE_MIN = 14 * 60
_MAX_ID = 64
_MAX_APPLE_BYTES = 256 * 1024


def read_maker_notes(exif: Directory, at: int, length: int, draft: Draft) -> None:
    """Read the note at a place of the file, by what it begins with or by the camera's make."""
    source = exif.source
    try:
        head = source.read_up_to(at, min(length, 18))
        if head.startswith(_APPLE):
            note = MemorySource(source.read_up_to(at, min(length, _MAX_APPLE_BYTES)))
            _read_apple(read_directory(note, 0, ">", len(_APPLE)), draft)
        elif head.startswith(_NIKON) and head[10:12] in (b"II", b"MM"):
            _read_nikon(read_structure(source, at + 10)[0], draft)
        elif head.startswith(_OLYMPUS):
            _read_olympus(source, at, head, draft)
        elif (draft.make or "").casefold().startswith("canon"):
            read_canon_notes(read_directory(source, exif.base, exif.order, at - exif.base), draft)
    except (Malformed, struct.error):
        return


def _read_apple(notes: Directory, draft: Draft) -> None:
    """Read the identifiers that a still shares with its movie (0x11) and with its burst (0x0b)."""
    draft.say_extra("live_id", clean_text(notes.text(0x0011))[:_MAX_ID] or None)
    draft.say_extra("burst_id", clean_text(notes.text(0x000B))[:_MAX_ID] or None)


def _read_nikon(notes: Directory, draft: Draft) -> None:
    """Read WorldTime: minutes, then whether daylight saving is on, which the minutes leave out (metadata.md 1.4)."""
    world_time = notes.content(0x0024, 4)
    if world_time is not None and len(world_time) == 4:
        minutes, is_summer = struct.unpack_from(f"{notes.order}hB", world_time)
        _say_zone("Nikon:TimeZone", minutes + (60 if is_summer == 1 else 0), draft)
    preview = subdirectory(notes, 0x0011)
    if preview is not None:
        at, length = preview.whole(0x0201), preview.whole(0x0202)
        if at and length:
            say_preview(notes.source, _origin(draft), notes.base + at, length, draft)


def read_canon_notes(notes: Directory, draft: Draft) -> None:
    """Read TimeInfo: its size, minutes, the city that was chosen, daylight saving.

    Only Nikon's minutes leave daylight saving out (photostructure/exiftool-vendored.js#215). Zero without a city is what
    a camera says whose owner never told it where it is.
    """
    content = notes.content(0x0035, 16)
    if content is None or len(content) < 16:
        return
    size, minutes, city, _ = struct.unpack(f"{notes.order}4i", content)
    if size == 16 and (minutes != 0 or city not in _NO_CITY):  # another size: the notes were moved
        _say_zone("Canon:TimeZone", minutes, draft)


def _read_olympus(source: ByteSource, at: int, head: bytes, draft: Draft) -> None:
    """Read the preview that CameraSettings (0x2020) points at; offsets count from the note's first byte."""
    order_at = 8 if head.startswith(b"OLYMPUS\0") else 12
    order = {b"II": "<", b"MM": ">"}.get(head[order_at : order_at + 2])
    if order is None:
        return
    settings = subdirectory(read_directory(source, at, order, order_at + 4), 0x2020)
    start, length = (settings.whole(0x0101), settings.whole(0x0102)) if settings is not None else (None, None)
    if start and length:
        say_preview(source, _origin(draft), at + start, length, draft)


def _origin(draft: Draft) -> str:
    return "raw" if draft.is_raw else "exif"


def _say_zone(source: str, minutes: int, draft: Draft) -> None:
    """Note the zone of the camera's clock, if it can be one: on the grid of 15 minutes, 14 hours at most."""
    if abs(minutes) <= _MAX_ZONE_MIN and minutes % 15 == 0 and "zone_min" not in draft.extra:
        draft.say_extra("zone_min", minutes)
        draft.say_extra("zone_source", source)
