"""The item tables of HEIF and AVIF: which items there are, where, with which properties (ISO 14496-12, 23008-12)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from daemon.media.boxes import Box, boxes, content
from daemon.media.source import ByteSource

_MAX_TABLE_BYTES = 4 * 1024 * 1024
_MAX_ITEMS = 4096  # a 200 MP picture has some hundred tiles


@dataclass(slots=True)
class Items:
    """Tables of the meta box.

    Attributes:
        primary: the item that is the picture.
        types: item -> its four characters.
        places: item -> (offset, length) in the file, of items in one piece.
        properties: all of them, as boxes.
        properties_by_item: item -> numbers of its properties, from 1.
        references: (kind, from item, to items).
    """

    primary: int = 0
    types: dict[int, bytes] = field(default_factory=dict)
    places: dict[int, tuple[int, int]] = field(default_factory=dict)
    properties: list[Box] = field(default_factory=list)
    properties_by_item: dict[int, list[int]] = field(default_factory=dict)
    references: list[tuple[bytes, int, tuple[int, ...]]] = field(default_factory=list)

    def properties_of(self, item: int) -> list[Box]:
        """Return the properties of an item, in their order."""
        numbers = self.properties_by_item.get(item, ())
        return [self.properties[one - 1] for one in numbers if 0 < one <= len(self.properties)]

    def referring(self, kind: bytes, to: int) -> list[int]:
        """Return the items that refer to another one, e.g. `thmb`: its thumbnails."""
        return [item for name, item, targets in self.references if name == kind and to in targets]


def read_items(source: ByteSource, meta: Box) -> Items:
    items = Items()
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
        elif box.kind == b"iref":
            _read_references(source, box, items)
        elif box.kind == b"iprp":
            _read_property_tables(source, box, items)
    if locations:
        _read_locations(locations, idat, items)
    return items


def _read_item_infos(source: ByteSource, box: Box, items: Items) -> None:
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


def _read_references(source: ByteSource, box: Box, items: Items) -> None:
    id_bytes = 2 if source.read(box.start, 1)[0] == 0 else 4
    for one in boxes(source, box.start + 4, box.end):
        if len(items.references) >= _MAX_ITEMS or one.end - one.start > _MAX_TABLE_BYTES:
            return
        body = source.read(one.start, one.end - one.start)
        count = int.from_bytes(body[id_bytes : id_bytes + 2], "big")
        first = id_bytes + 2
        targets = tuple(
            int.from_bytes(body[at : at + id_bytes], "big")
            for at in range(first, min(first + count * id_bytes, len(body)), id_bytes)
        )
        items.references.append((one.kind, int.from_bytes(body[:id_bytes], "big"), targets))


def _read_property_tables(source: ByteSource, box: Box, items: Items) -> None:
    for part in boxes(source, box.start, box.end):
        if part.kind == b"ipco":
            items.properties = list(boxes(source, part.start, part.end))
        elif part.kind == b"ipma":
            _read_associations(content(source, part, _MAX_TABLE_BYTES), items)


def _read_associations(table: bytes, items: Items) -> None:
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


def _read_locations(table: bytes, idat: Box | None, items: Items) -> None:
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


def _note_place(items: Items, item: int, method: int, place: tuple[int, int], idat: Box | None) -> None:
    """Note where an item is: method 0 counts from the start of the file, 1 from `idat`."""
    if method == 0:
        items.places[item] = place
    elif method == 1 and idat is not None:
        items.places[item] = (idat.start + place[0], place[1])
