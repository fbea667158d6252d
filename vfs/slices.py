"""Bytes of a preview: a part of an original with a short segment in front, or the copy that lies in the cache.

See `catalog.previews`. Invariants: those of `vfs.content`; what lies in the cache is believed only if it has exactly the
promised length, and is opened for reading, never followed through a link. Nothing is decoded here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from catalog.errors import NotFound
from catalog.previews import prefix_of
from catalog.values import OpenTarget
from vfs.closing import Closing
from vfs.content import OpenFile, OpenOriginal, open_original, require_reachable
from vfs.nodes import UNKNOWN_MIME, Node

_JPEG_SOI_BYTES = 2


class Slice(NamedTuple):
    """What a preview is made of.

    Attributes:
        node: how it is shown.
        target: the original; None = no file holds it now.
        offset: of the preview in the original; None = it lies in the cache alone.
        orientation: to be put in front; 1 = none.
        length: of the preview in the original.
        cached: files that may hold the very bytes that are shown, the nearest first.
    """

    node: Node
    target: OpenTarget | None
    offset: int | None
    length: int
    orientation: int
    cached: Sequence[Path] = ()


def open_cached(piece: Slice) -> OpenFile | None:
    """Open the copy in the cache, or return None if there is none. Blocks on the library's own disk."""
    for path in piece.cached:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue  # not copied, gone from the cache, or the cache's own trouble: the original has it
        found = os.fstat(fd)
        if stat.S_ISREG(found.st_mode) and found.st_size == piece.node.size:
            return OpenCached(piece.node, fd)
        os.close(fd)
    return None


def require_slice(piece: Slice) -> OpenTarget:
    """Return the original that a slice is read from; never blocks.

    Raises:
        NotFound: it lay in the cache alone, or no file holds the original.
        VolumeOffline: the catalog knows that the volume is away.
    """
    if piece.target is None or piece.offset is None:
        raise NotFound("this preview is not in the cache any more")
    require_reachable(piece.target)
    return piece.target


def open_slice(piece: Slice) -> OpenFile:
    """Open the original for its part. Blocks on the volume; raises what `require_slice` and `open_original` raise."""
    target = require_slice(piece)
    assert piece.offset is not None
    return OpenSlice(piece, open_original(piece.node, target))


class OpenSlice(Closing):
    """A part of an original; see `vfs.content.OpenFile`. Owns the open original."""

    def __init__(self, piece: Slice, original: OpenOriginal) -> None:
        assert piece.offset is not None
        self._prefix = prefix_of(piece.orientation)
        # The prefix stands for the JPEG's first two bytes.
        self._start = piece.offset + (_JPEG_SOI_BYTES if self._prefix else 0) - len(self._prefix)
        self._original = original
        self.size = piece.node.size
        self.etag = piece.node.etag
        self.mime = piece.node.mime or UNKNOWN_MIME
        self.mtime_ns = piece.node.mtime_ns

    def read(self, offset: int, size: int) -> bytes:
        """See `OpenFile.read`."""
        wanted = max(0, min(size, self.size - offset))
        head = self._prefix[offset : offset + wanted]
        if len(head) == wanted:
            return head
        return head + self._original.read(self._start + offset + len(head), wanted - len(head))

    def read_nowait(self, offset: int, size: int, buffer: memoryview) -> memoryview | bytes | None:
        """See `OpenFile.read_nowait`."""
        wanted = max(0, min(size, self.size - offset))
        head = self._prefix[offset : offset + wanted]
        if len(head) == wanted:
            return head
        rest = self._original.read_nowait(self._start + offset + len(head), wanted - len(head), buffer)
        return rest if rest is None or not head else head + bytes(rest)

    def fileno(self) -> None:
        """There is no descriptor whose bytes begin where ours do."""

    def close(self) -> None:
        """Close the original."""
        self._original.close()


class OpenCached(Closing):
    """A file of the cache; see `vfs.content.OpenFile`. Owns the descriptor."""

    def __init__(self, node: Node, fd: int) -> None:
        self.size = node.size
        self.etag = node.etag
        self.mime = node.mime or UNKNOWN_MIME
        self.mtime_ns = node.mtime_ns
        self._fd = fd

    def read(self, offset: int, size: int) -> bytes:
        """Return a part: files of the cache are replaced, never changed."""
        return os.pread(self._fd, max(0, min(size, self.size - offset)), offset)

    def read_nowait(self, offset: int, size: int, buffer: memoryview) -> bytes:
        """Return a part: the library's own disk is not waited for elsewhere either."""
        return self.read(offset, size)

    def fileno(self) -> int | None:
        """Return the descriptor."""
        return self._fd if self._fd >= 0 else None

    def close(self) -> None:
        """Close the file; idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
