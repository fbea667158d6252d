"""HEIC, HEIF and AVIF: size of the primary item, EXIF and XMP items, rotation, thumbnails, gain maps, movies behind.

The size is the stored one (`ispe`) and the orientation is EXIF's, as every other format reports them; `irot` is only
noted, because decoders apply it themselves (metadata.md 8). ISO 23008-12, 14496-12.
"""

from __future__ import annotations

import struct

from catalog.facts import Preview
from daemon.media.boxes import Box, after_version, boxes, child
from daemon.media.draft import Draft
from daemon.media.exif import read_exif_block
from daemon.media.heif_items import Items, read_items
from daemon.media.jpeg_frames import say_preview
from daemon.media.motion import read_motion
from daemon.media.source import ByteSource, Malformed
from daemon.media.xmp import MAX_PACKET_BYTES, read_xmp

_CODED = (b"hvc1", b"av01", b"avc1", b"hev1", b"vvc1")
_MAX_PROPERTY_BYTES = 4096
_GAIN_MAP = b"hdrgainmap"  # of Apple's and Samsung's names of auxiliary pictures
_TONE_MAP = b"tmap"  # ISO 21496-1: an item derived from picture and gain map


def read_heif(source: ByteSource, draft: Draft) -> None:
    """Read the boxes of the file into the draft."""
    meta = movie = sequence = None
    for box in boxes(source, 0, source.size):
        if box.kind == b"meta":
            meta = meta or box
        elif box.kind == b"mpvd":
            movie = movie or box
        elif box.kind == b"moov":
            sequence = sequence or box
    if meta is None:
        raise Malformed("no meta box: nothing tells what is inside")
    items = read_items(source, after_version(source, meta))
    _read_size(source, items, draft)
    _read_metadata(source, items, draft)
    _read_auxiliaries(source, items, draft)
    _read_thumbnails(source, items, draft)
    if sequence is not None:
        _read_sequence(source, sequence, draft)
    read_motion(source, draft, movie)


def _read_metadata(source: ByteSource, items: Items, draft: Draft) -> None:
    """Read the EXIF items, then the XMP items."""
    for item, kind in items.types.items():
        if kind == b"Exif" and item in items.places:
            _read_exif(source, items.places[item], draft)
    for item, kind in items.types.items():
        place = items.places.get(item)
        if kind == b"mime" and place is not None and place[1] <= MAX_PACKET_BYTES:
            packet = source.read_up_to(*place)
            if b"xmpmeta" in packet[:4096] or b"rdf:RDF" in packet[:4096]:
                read_xmp(packet, draft)


def _read_size(source: ByteSource, items: Items, draft: Draft) -> None:
    for box in items.properties_of(items.primary):
        if box.kind == b"ispe":
            draft.say_size(*struct.unpack(">II", source.read(box.start + 4, 8)))
        elif box.kind == b"irot":
            draft.extra["irot_deg"] = 90 * (source.read(box.start, 1)[0] & 3)


def _read_auxiliaries(source: ByteSource, items: Items, draft: Draft) -> None:
    for box in items.properties:
        is_small = box.end - box.start <= _MAX_PROPERTY_BYTES
        if box.kind == b"auxC" and is_small and _GAIN_MAP in source.read(box.start, box.end - box.start):
            draft.say_extra("gain_map", True)
    if _TONE_MAP in items.types.values():
        draft.say_extra("gain_map", True)


def _read_thumbnails(source: ByteSource, items: Items, draft: Draft) -> None:
    """Note the thumbnails of the primary item: coded ones for a decoder, JPEGs as they are."""
    for item in items.referring(b"thmb", items.primary):
        place, kind = items.places.get(item), items.types.get(item)
        if place is None or place[0] + place[1] > source.size:
            continue
        if kind == b"jpeg":
            say_preview(source, "mpf", *place, draft)
        elif kind in _CODED:
            width, height = _size_of(source, items, item)
            draft.add_preview(Preview("heif", *place, width, height))


def _size_of(source: ByteSource, items: Items, item: int) -> tuple[int, int]:
    for box in items.properties_of(item):
        if box.kind == b"ispe":
            width, height = struct.unpack(">II", source.read(box.start + 4, 8))
            return width, height
    return 0, 0


def _read_sequence(source: ByteSource, moov: Box, draft: Draft) -> None:
    """Note how many pictures the first picture track of a sequence has."""
    for trak in boxes(source, moov.start, moov.end):
        handler = child(source, trak, b"mdia", b"hdlr") if trak.kind == b"trak" else None
        if handler is None or source.read_up_to(handler.start + 8, 4) not in (b"pict", b"vide"):
            continue
        table = child(source, trak, b"mdia", b"minf", b"stbl", b"stsz")
        if table is not None and table.end - table.start >= 12:
            (count,) = struct.unpack(">I", source.read(table.start + 8, 4))
            draft.say_extra("frames", count if count > 1 else None)
            return


def _read_exif(source: ByteSource, place: tuple[int, int], draft: Draft) -> None:
    """Read an Exif item: four bytes tell how far the TIFF header is from the next byte."""
    try:
        (skip,) = struct.unpack(">I", source.read(place[0], 4))
        start = place[0] + 4 + skip
        if source.read_up_to(start, 2) not in (b"II", b"MM"):
            start = place[0] + 4 + (6 if source.read_up_to(place[0] + 4, 4) == b"Exif" else 0)
        read_exif_block(source, start, draft)
    except (Malformed, struct.error) as error:
        draft.note("exif", f"the EXIF item is damaged: {error}")
