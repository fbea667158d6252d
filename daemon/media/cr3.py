"""Canon CR3: EXIF in TIFF blocks of its own box, previews in three places (ISO 14496-12, Canon's boxes)."""

from __future__ import annotations

import struct

from daemon.media.boxes import Box, boxes, child
from daemon.media.draft import Draft
from daemon.media.exif import read_split_exif
from daemon.media.jpeg_frames import START, say_preview
from daemon.media.source import ByteSource, Malformed
from daemon.media.xmp import MAX_PACKET_BYTES, read_xmp

_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_PREVIEWS = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16")
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_HEAD_BYTES = 32  # sizes before the picture of THMB and PRVW, in all versions


def read_cr3(source: ByteSource, draft: Draft) -> None:
    """Read Canon's box: CMT1 (IFD0), CMT2 (EXIF), CMT3 (maker notes), CMT4 (GPS), THMB; and the boxes beside it."""
    has_canon = False
    for box in boxes(source, 0, source.size):
        if box.kind == b"moov":
            has_canon = _read_moov(source, box, draft) or has_canon
        elif box.kind == b"uuid" and box.end - box.start > 16:
            _read_uuid(source, box, draft)
    if not has_canon:
        raise Malformed("no Canon box: nothing tells what is inside")


def _read_moov(source: ByteSource, moov: Box, draft: Draft) -> bool:
    has_canon = False
    for box in boxes(source, moov.start, moov.end):
        if box.kind == b"uuid" and source.hop(box.start, 16) == _CANON:
            _read_canon(source, Box(box.kind, box.start + 16, box.end), draft)
            has_canon = True
        elif box.kind == b"trak":
            _read_full_picture(source, box, draft)
    return has_canon


def _read_canon(source: ByteSource, canon: Box, draft: Draft) -> None:
    places = {box.kind: box for box in boxes(source, canon.start, canon.end)}
    starts = {kind: box.start for kind, box in places.items()}
    read_split_exif(
        source,
        ifd0_at=starts.get(b"CMT1"),
        exif_at=starts.get(b"CMT2"),
        notes_at=starts.get(b"CMT3"),
        gps_at=starts.get(b"CMT4"),
        draft=draft,
    )
    if b"THMB" in places:
        _read_picture_box(source, places[b"THMB"], 8, draft)


def _read_uuid(source: ByteSource, box: Box, draft: Draft) -> None:
    kind = source.hop(box.start, 16)
    if kind == _XMP and box.end - box.start <= MAX_PACKET_BYTES:
        read_xmp(source.read(box.start + 16, box.end - box.start - 16), draft)
    elif kind == _PREVIEWS:
        # Eight bytes of counts stand before the only box.
        preview = next((one for one in boxes(source, box.start + 24, box.end) if one.kind == b"PRVW"), None)
        if preview is not None:
            _read_picture_box(source, preview, 12, draft)


def _read_picture_box(source: ByteSource, box: Box, length_at: int, draft: Draft) -> None:
    """Note the JPEG of THMB or PRVW: some numbers, its length among them, then its bytes."""
    head = source.glance(box.start, min(_HEAD_BYTES, box.end - box.start))
    skip = head.find(START)
    if skip >= length_at + 4:
        (length,) = struct.unpack_from(">I", head, length_at)
        say_preview(source, "raw", box.start + skip, min(length, box.end - box.start - skip), draft)


def _read_full_picture(source: ByteSource, trak: Box, draft: Draft) -> None:
    """Note the only sample of the track that holds the picture as a JPEG of full size."""
    table = child(source, trak, b"mdia", b"minf", b"stbl")
    if table is None:
        return
    parts = {box.kind: box for box in boxes(source, table.start, table.end)}
    if b"stsz" not in parts or b"co64" not in parts or parts[b"co64"].end - parts[b"co64"].start < 16:
        return
    common, count = struct.unpack(">II", source.read(parts[b"stsz"].start + 4, 8))
    if count != 1:
        return
    length = common or struct.unpack(">I", source.read(parts[b"stsz"].start + 12, 4))[0]
    (at,) = struct.unpack(">Q", source.read(parts[b"co64"].start + 8, 8))
    say_preview(source, "raw", at, length, draft)
