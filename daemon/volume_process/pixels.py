"""The pixel hash: BLAKE3-256 of what a JPEG's decoder sees, whatever its metadata, while the file streams by.

Taken beside the hash of all bytes, from the same chunks (decision 0005, 11). In: tables, frame headers, restart interval,
scans with their entropy-coded data, EOI, and APP14, which tells the colour model. Out: all other APPn, comments, fill
bytes between segments, and whatever follows EOI. So a copy whose tags were edited, or whose metadata were all taken out,
has the same pixel hash (metadata.md 4).

Invariants: the result does not depend on where chunks end; memory is bounded by a marker's head of four bytes; anything
that ITU T.81 does not foresee here (an unknown marker, a length below 2, an end before EOI) gives no hash at all. Two
files of one pixel hash decode alike; the reverse is not promised.
"""

from __future__ import annotations

import re

from blake3 import blake3

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_APP14 = 0xEE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# DHT, DAC, DQT, DNL, DRI and the frames; without DHP and EXP, which belong to hierarchical JPEGs that nobody writes.
_HASHED = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD, _SOS, _APP14}) | _FRAMES
_SKIPPED = frozenset(range(0xE0, 0xF0)) - {_APP14} | {0xFE}
# Within a scan: 0xFF 0x00 is data, 0xFF 0xD0 to 0xD7 restarts, a second 0xFF fills.
_IN_SCAN = frozenset({0x00, *range(0xD0, 0xD8)})
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


class PixelHash:
    """One pass over one file: `feed` every chunk in order, then ask for `digest`."""

    def __init__(self) -> None:
        self._hasher = blake3()
        self._head = bytearray()  # of the marker that is being read: 0xFF, code, two bytes of length
        self._left = 0  # bytes of the segment that are still to come
        self._is_hashed = False  # the segment
        self._is_started = self._is_in_scan = self._has_frame = self._has_scan = False
        self._is_over = False  # no byte will change the result any more
        self._digest: bytes | None = None

    @property
    def digest(self) -> bytes | None:
        """32 bytes once EOI has come; None before, and for ever if this is no JPEG, or one with surprises."""
        return self._digest

    def feed(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes of the file."""
        view = memoryview(chunk)
        at = 0
        while at < len(view) and not self._is_over:
            if self._left:
                at = self._pass_segment(view, at)
            elif self._is_in_scan and not self._head:
                at = self._pass_scan(view, at)
            else:
                self._take(view[at])
                at += 1

    def _pass_segment(self, view: memoryview, at: int) -> int:
        end = min(at + self._left, len(view))
        if self._is_hashed:
            self._hasher.update(view[at:end])
        self._left -= end - at
        return end

    def _pass_scan(self, view: memoryview, at: int) -> int:
        """Hash entropy-coded data up to the marker that ends it, or up to a last byte that may begin one."""
        match = _END_OF_SCAN.search(view, at)
        end = match.start() if match is not None else len(view) - (view[-1] == 0xFF)
        self._hasher.update(view[at:end])
        if end < len(view):
            self._head.append(0xFF)
            return end + 1
        return end

    def _take(self, byte: int) -> None:
        """Take one byte of a marker's head."""
        head = self._head
        if len(head) == 1 and byte == 0xFF:  # a fill byte; within a scan it counts as data
            if self._is_in_scan:
                self._hasher.update(b"\xff")
            return
        head.append(byte)
        if len(head) == 1:
            self._is_over = byte != 0xFF
        elif len(head) == 2:
            self._take_code(byte)
        elif len(head) == 4:
            self._take_length(head[1], int.from_bytes(head[2:], "big"))

    def _take_code(self, code: int) -> None:
        if not self._is_started:
            self._is_started, self._is_over = True, code != _SOI
            self._head.clear()
        elif self._is_in_scan and code in _IN_SCAN:
            self._hasher.update(bytes(self._head))
            self._head.clear()
        elif code == _EOI:
            self._hasher.update(b"\xff\xd9")
            self._is_over = True
            if self._has_frame and self._has_scan:
                self._digest = self._hasher.digest()
        else:
            self._is_in_scan = False
            self._is_over = code not in _HASHED and code not in _SKIPPED

    def _take_length(self, code: int, length: int) -> None:
        self._is_hashed = code in _HASHED
        if self._is_hashed:
            self._hasher.update(bytes(self._head))
        self._head.clear()
        self._left = length - 2
        self._is_over = length < 2
        self._has_frame |= code in _FRAMES
        if code == _SOS:
            self._is_in_scan = self._has_scan = True
