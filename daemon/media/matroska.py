"""Matroska and WebM: date, length, size and codec (EBML, RFC 8794; Matroska, RFC 9559).

Only what stands before the first cluster is read; recordings that were broken off have elements of unknown size, which
reach to the end of what holds them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from daemon.media.draft import Draft, clean_text
from daemon.media.source import ByteSource, Malformed

_SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_SCALE, _DURATION, _DATE, _TITLE, _WRITER = 0x2AD7B1, 0x4489, 0x4461, 0x7BA9, 0x5741
_TRACK, _TRACK_KIND, _CODEC, _VIDEO, _WIDTH, _HEIGHT = 0xAE, 0x83, 0x86, 0xE0, 0xB0, 0xBA
_VIDEO_KIND, _SOUND_KIND = 1, 2
_EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
_MAX_ELEMENTS = 2000
_MAX_VALUE_BYTES = 4096
_DEFAULT_SCALE_NS = 1_000_000


class _Element(NamedTuple):
    id: int
    start: int
    end: int


def read_matroska(source: ByteSource, draft: Draft) -> None:
    """Read information and tracks of the segment."""
    for element in _elements(source, 0, source.size):
        if element.id == _SEGMENT:
            _read_segment(source, element, draft)
            return
    raise Malformed("no segment: nothing tells what is inside")


def _read_segment(source: ByteSource, segment: _Element, draft: Draft) -> None:
    has_info = has_tracks = False
    for element in _elements(source, segment.start, segment.end):
        if element.id == _INFO:
            _read_info(source, element, draft)
            has_info = True
        elif element.id == _TRACKS:
            _read_tracks(source, element, draft)
            has_tracks = True
        if element.id == _CLUSTER or (has_info and has_tracks):
            return


def _read_info(source: ByteSource, info: _Element, draft: Draft) -> None:
    values = {one.id: _value(source, one) for one in _elements(source, info.start, info.end)}
    scale_ns = int.from_bytes(values.get(_SCALE, b""), "big") or _DEFAULT_SCALE_NS
    duration = values.get(_DURATION, b"")
    if len(duration) in (4, 8):
        (ticks,) = struct.unpack(">f" if len(duration) == 4 else ">d", duration)
        draft.say_duration(ticks * scale_ns / 1e9)
    if len(values.get(_DATE, b"")) == 8:
        moment_ns = int.from_bytes(values[_DATE], "big", signed=True)
        moment = _EPOCH + timedelta(seconds=moment_ns // 1_000_000_000)
        draft.say_date("Matroska:DateTimeOriginal", f"{moment:%Y:%m:%d %H:%M:%S}", is_utc=True)
    draft.descriptive.said_by("container").say_title(_text(values.get(_TITLE)))
    draft.say_text("software", _text(values.get(_WRITER)))


def _read_tracks(source: ByteSource, tracks: _Element, draft: Draft) -> None:
    codecs: dict[int, str] = {}
    for track in _elements(source, tracks.start, tracks.end):
        if track.id != _TRACK:
            continue
        parts = {one.id: one for one in _elements(source, track.start, track.end)}
        kind = _number(source, parts.get(_TRACK_KIND))
        codecs.setdefault(kind, _text(_value(source, parts[_CODEC])) if _CODEC in parts else "")
        if kind == _VIDEO_KIND and _VIDEO in parts:
            sizes = {one.id: one for one in _elements(source, parts[_VIDEO].start, parts[_VIDEO].end)}
            draft.say_size(_number(source, sizes.get(_WIDTH)), _number(source, sizes.get(_HEIGHT)))
    draft.say_extra("codec", codecs.get(_VIDEO_KIND) or codecs.get(_SOUND_KIND) or None)
    if _SOUND_KIND in codecs and _VIDEO_KIND not in codecs:
        draft.kind = "audio"


def _elements(source: ByteSource, at: int, end: int) -> Iterator[_Element]:
    """Yield the elements of a level; the walk ends at the first that cannot be one."""
    for _ in range(_MAX_ELEMENTS):
        if at + 2 > end:
            return
        head = source.hop(at, min(12, end - at))
        id_bytes = 9 - head[0].bit_length()
        if head[0] == 0 or id_bytes > 4 or id_bytes >= len(head):
            return
        first = head[id_bytes]
        size_bytes = 9 - first.bit_length()
        if first == 0 or id_bytes + size_bytes > len(head):
            return
        size = int.from_bytes(head[id_bytes : id_bytes + size_bytes], "big") & ((1 << 7 * size_bytes) - 1)
        start = at + id_bytes + size_bytes
        is_unknown = size == (1 << 7 * size_bytes) - 1
        stop = end if is_unknown else min(start + size, end)
        yield _Element(int.from_bytes(head[:id_bytes], "big"), start, stop)
        at = stop


def _value(source: ByteSource, element: _Element) -> bytes:
    return source.hop(element.start, min(element.end - element.start, _MAX_VALUE_BYTES))


def _number(source: ByteSource, element: _Element | None) -> int:
    return int.from_bytes(_value(source, element)[:8], "big") if element is not None else 0


def _text(value: bytes | None) -> str:
    return clean_text((value or b"").decode("utf-8", "replace"))
