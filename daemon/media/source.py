"""Bytes of one file for the header readers: random access in few, large, bounded reads.

Headers lie, so every access is checked: beyond the end, or beyond the budget of a file, is `Malformed`,
never a hang and never a huge allocation. Blocks on the volume; used in media workers only.
"""

from __future__ import annotations

import os

BLOCK_BYTES = 64 * 1024  # one read holds the whole header of most photos
MAX_READ_BYTES = 8 * 1024 * 1024  # of one value: maker notes and colour profiles stay below 4 MiB
BUDGET_BYTES = 64 * 1024 * 1024  # of one file: a header reader that wants more is being led astray
MAX_READS = 50_000  # of one file: chains of tiny boxes end here
MAX_OFFSET = 1 << 62  # pread takes signed 64-bit offsets; sums of two lengths must stay below


class Malformed(Exception):
    """The bytes contradict their format; the text says how, in user words."""


class ByteSource:
    """Random access to an open file, through one cached block. Not for several threads; never closes the fd."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self.size = size
        self._start = 0
        self._block = b""
        self._budget_bytes = BUDGET_BYTES
        self._reads_left = MAX_READS

    @property
    def bytes_left(self) -> int:
        """What the budget still allows to fetch."""
        return self._budget_bytes

    def read(self, offset: int, count: int) -> bytes:
        """Return exactly `count` bytes, or raise Malformed (end of file, budget) or OSError (the volume)."""
        found = self.read_up_to(offset, count)
        if len(found) < count:
            raise Malformed(f"ends too early: {count} bytes wanted at {offset}, {len(found)} are there")
        return found

    def read_up_to(self, offset: int, count: int) -> bytes:
        """Return `count` bytes, or fewer at the end of the file."""
        if not (0 <= offset < MAX_OFFSET and 0 <= count <= MAX_READ_BYTES):
            raise Malformed(f"impossible place or length: {count} bytes at {offset}")
        self._reads_left -= 1
        if self._reads_left < 0:
            raise Malformed("too many parts")
        within = offset - self._start
        if within < 0 or within + count > len(self._block):
            if count > BLOCK_BYTES:
                return self._fetch(offset, count)
            self._start, self._block, within = offset, self._fetch(offset, BLOCK_BYTES), 0
        return self._block[within : within + count]

    def hop(self, offset: int, count: int) -> bytes:
        """Return exactly `count` bytes like `read`, fetching no more than them: for chains across a large file."""
        within = offset - self._start
        if within >= 0 and within + count <= len(self._block):
            return self.read(offset, count)
        self._reads_left -= 1
        if self._reads_left < 0 or not (0 <= offset < MAX_OFFSET and 0 <= count <= BLOCK_BYTES):
            raise Malformed("too many parts")
        found = self._fetch(offset, count)
        if len(found) < count:
            raise Malformed(f"ends too early: {count} bytes wanted at {offset}, {len(found)} are there")
        return found

    def glance(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes, fetching no more than them: far places of which little is wanted."""
        return self.hop(offset, min(count, max(self.size - offset, 0)))

    def _fetch(self, offset: int, count: int) -> bytes:
        self._budget_bytes -= count
        if self._budget_bytes < 0:
            raise Malformed("the headers are larger than any camera writes")
        chunks = []
        while count > 0:
            chunk = os.pread(self._fd, count, offset)
            if not chunk:
                break
            chunks.append(chunk)
            offset += len(chunk)
            count -= len(chunk)
        return b"".join(chunks)


class MemorySource(ByteSource):
    """The same over bytes in memory: embedded EXIF blocks, tests."""

    def __init__(self, content: bytes) -> None:
        super().__init__(-1, len(content))
        self._block = content

    def _fetch(self, offset: int, count: int) -> bytes:
        return self._block[offset : offset + count]

    def read_up_to(self, offset: int, count: int) -> bytes:
        """Return a slice; the block is the whole content."""
        if offset < 0 or count < 0 or count > MAX_READ_BYTES:
            raise Malformed(f"impossible place or length: {count} bytes at {offset}")
        return self._block[offset : offset + count]
