"""HEIC, HEIF and AVIF: size of the primary item, EXIF and XMP items, rotation (ISO 23008-12, 14496-12).

The size is the stored one (`ispe`) and the orientation is EXIF's, as every other format reports them; `irot`
is only noted, because decoders apply it themselves (metadata.md 8).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from daemon.media.boxes import Box, after_version, boxes, child, content
from daemon.media.draft import Draft
from daemon.media.source import ByteSource, Malformed
from daemon.media.tiff import read_exif_block
from daemon.media.xmp import MAX_PACKET_BYTES, read_xmp

_MAX_TABLE_BYTES = 4 * 1024 * 1024
_MAX_ITEMS = 4096  # a 200 MP picture has some hundred tiles


@dataclass(slots=True)
class _Items:
    """Tables of the meta box: types and places of items, and their properties."""

    primary: int = 0
    types: dict[int, bytes] = field(default_factory=dict)
    places: dict[int, tuple[int, int]] = field(default_factory=dict)
    properties: list[Box] = field(default_factory=list)
    properties_by_item: dict[int, list[int]] = field(default_factory=dict)


def read_heif(source: ByteSource, draft: Draft) -> None:
    """Read the meta box into the draft."""
    meta = next((box for box in boxes(source, 0, source.size) if box.kind == b"meta"), None)
    if meta is None:
        raise Malformed("no meta box: nothing tells what is inside")
    items = _read_items(source, after_version(source, meta))
    _read_properties(source, items, draft)
    for item, kind in items.types.items():
        place = items.places.get(item)
        if place is None:
            continue
        if kind == b"Exif":
            _read_exif(source, place, draft)
        elif kind == b"mime" and place[1] <= MAX_PACKET_BYTES:
            packet = source.read_up_to(*place)
            if b"xmpmeta" in packet[:4096] or b"rdf:RDF" in packet[:4096]:
                read_xmp(packet, draft)


def _read_items(source: ByteSource, meta: Box) -> _Items:
    items = _Items()
    idat: Box | None = None
    locations = b""
    for box in boxes(source, meta.start, meta.end):
        if box.kind == b"pitm":
            body = content(source, box, 64)
            items.primary = struct.unpack_from(">H" if body[0] == 0 else ">I", body, 4)[0]
        elif box.kind == b"iinf":
            _read_item_infos(source, box, items)
        elif box.kind == b"iloc":
            locations = content(source, box, _MAX_TABLE_BYTES)
        elif box.kind == b"idat":
            idat = box
        elif box.kind == b"iprp":
            _read_property_tables(source, box, items)
    if locations:
        _read_locations(locations, idat, items)
    return items


def _read_item_infos(source: ByteSource, box: Box, items: _Items) -> None:
    version = source.read(box.start, 1)[0]
    first = box.start + (6 if version == 0 else 8)
    for info in boxes(source, first, box.end):
        if info.kind != b"infe" or len(items.types) >= _MAX_ITEMS:
            continue
        head = source.read_up_to(info.start, 12)
        if head[:1] == b"\x02" and len(head) >= 12:
            items.types[int.from_bytes(head[4:6], "big")] = head[8:12]
        elif head[:1] == b"\x03":
            long_head = source.read(info.start, 14)
            items.types[int.from_bytes(long_head[4:8], "big")] = long_head[10:14]


def _read_property_tables(source: ByteSource, box: Box, items: _Items) -> None:
    for part in boxes(source, box.start, box.end):
        if part.kind == b"ipco":
            items.properties = list(boxes(source, part.start, part.end))
        elif part.kind == b"ipma":
            _read_associations(content(source, part, _MAX_TABLE_BYTES), items)


def _read_associations(table: bytes, items: _Items) -> None:
    version, is_wide = table[0], bool(table[3] & 1)
    (count,) = struct.unpack_from(">I", table, 4)
    at = 8
    for _ in range(min(count, _MAX_ITEMS)):
        item = int.from_bytes(table[at : at + (2 if version == 0 else 4)], "big")
        at += 2 if version == 0 else 4
        amount = table[at]
        at += 1
        step = 2 if is_wide else 1
        mask = 0x7FFF if is_wide else 0x7F
        numbers = [
            int.from_bytes(table[at + step * k : at + step * k + step], "big") & mask for k in range(amount)
        ]
        items.properties_by_item[item] = numbers
        at += step * amount


def _read_locations(table: bytes, idat: Box | None, items: _Items) -> None:
    """Read `iloc`; only items in one piece are kept (EXIF and XMP always are)."""
    version = table[0]
    offset_bytes, length_bytes = table[4] >> 4, table[4] & 15
    base_bytes, index_bytes = table[5] >> 4, table[5] & 15 if version in (1, 2) else 0
    at, id_bytes = (10, 4) if version == 2 else (8, 2)
    count = int.from_bytes(table[6 : 6 + id_bytes], "big")
    for _ in range(min(count, _MAX_ITEMS)):
        item = int.from_bytes(table[at : at + id_bytes], "big")
        at += id_bytes
        method = table[at + 1] & 15 if version in (1, 2) else 0
        at += 4 if version in (1, 2) else 2
        base = int.from_bytes(table[at : at + base_bytes], "big")
        at += base_bytes
        (extents,) = struct.unpack_from(">H", table, at)
        at += 2
        for extent in range(extents):
            at += index_bytes
            offset = base + int.from_bytes(table[at : at + offset_bytes], "big")
            length = int.from_bytes(table[at + offset_bytes : at + offset_bytes + length_bytes], "big")
            at += offset_bytes + length_bytes
            if extent == 0 and extents == 1:
                _note_place(items, item, method, (offset, length), idat)


def _note_place(items: _Items, item: int, method: int, place: tuple[int, int], idat: Box | None) -> None:
    """Note where an item is: method 0 counts from the start of the file, 1 from `idat`."""
    if method == 0:
        items.places[item] = place
    elif method == 1 and idat is not None:
        items.places[item] = (idat.start + place[0], place[1])


def _read_properties(source: ByteSource, items: _Items, draft: Draft) -> None:
    for number in items.properties_by_item.get(items.primary, ()):
        if not 0 < number <= len(items.properties):
            continue
        box = items.properties[number - 1]
        if box.kind == b"ispe":
            draft.say_size(*struct.unpack(">II", source.read(box.start + 4, 8)))
        elif box.kind == b"irot":
            draft.extra["irot_deg"] = 90 * (source.read(box.start, 1)[0] & 3)


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


def read_cr3(source: ByteSource, draft: Draft) -> None:
    """Read the TIFF blocks in Canon's own box of a CR3: CMT1 (IFD0), CMT2 (EXIF), CMT4 (GPS) by `tiff`."""
    from daemon.media.tiff import read_split_exif

    moov = next((box for box in boxes(source, 0, source.size) if box.kind == b"moov"), None)
    canon = child(source, moov, b"uuid") if moov is not None else None
    if canon is None:
        raise Malformed("no Canon box: nothing tells what is inside")
    inner = Box(canon.kind, canon.start + 16, canon.end)
    places = {box.kind: box.start for box in boxes(source, inner.start, inner.end)}
    read_split_exif(source, places.get(b"CMT1"), places.get(b"CMT2"), places.get(b"CMT4"), draft)
