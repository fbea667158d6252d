"""Boxes: the container of MP4, MOV, HEIC, AVIF and CR3 (ISO 14496-12, QuickTime File Format)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from daemon.media.source import ByteSource, Malformed

MAX_BOXES = 5000  # at one level; a fragmented movie of an hour has some thousand


class Box(NamedTuple):
    """Kind and place of a box's content; `end` is clamped to its parent."""

    kind: bytes
    start: int
    end: int


def boxes(source: ByteSource, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes of a level; the walk ends at the first that cannot be one.

    Size 0 reaches to the end, size 1 means a 64-bit size. Four zero bytes end a QuickTime `udta`.
    """
    at = start
    for _ in range(MAX_BOXES):
        if at + 8 > end:
            return
        size, kind = struct.unpack(">I4s", source.hop(at, 8))
        header = 8
        if size == 1:
            if at + 16 > end:
                return
            (size,), header = struct.unpack(">Q", source.hop(at + 8, 8)), 16
        elif size == 0:
            size = end - at
        if size < header:
            return
        yield Box(kind, at + header, min(at + size, end))
        at += size


def child(source: ByteSource, parent: Box, *path: bytes) -> Box | None:
    """Return the first box along a path of kinds, or None."""
    here: Box | None = parent
    for kind in path:
        if here is None:
            return None
        here = next((box for box in boxes(source, here.start, here.end) if box.kind == kind), None)
    return here


def content(source: ByteSource, box: Box, limit: int) -> bytes:
    """Return the content of a box, which must not be larger than the limit."""
    size = box.end - box.start
    if size > limit:
        raise Malformed(f"a box {box.kind!r} of {size} bytes")
    return source.read(box.start, size)


def after_version(source: ByteSource, meta: Box) -> Box:
    """Return `meta` without its version word: ISO says it has one, QuickTime says not (metadata.md 6)."""
    head = source.read_up_to(meta.start, 8)
    is_plain = head[4:8] in (b"hdlr", b"keys", b"ilst", b"mhdr")
    return meta if is_plain else Box(meta.kind, min(meta.start + 4, meta.end), meta.end)
