"""What a connection has still to send: bytes, ranges of open files, and the spill file of a slow reader's answer.

Knows sockets and descriptors, no threads: `dav.sender` decides who pumps and when. Invariants: segments leave in order; a
source that has fewer bytes than promised raises, so that no body ends as if it were whole; every source is closed by
the outbox.
"""

from __future__ import annotations

import errno
import os
import ssl
import tempfile
from collections import deque
from enum import Enum
from pathlib import Path
from typing import IO, Any, Protocol

# One TLS write, and one read of a body that has no descriptor: large enough that Python's share is small.
BLOCK_BYTES = 65_536
SENDFILE_BYTES = 1 << 20
SPILL_LIMIT_BYTES = 1 << 30
# The file system of the original cannot be spliced from.
_NO_SENDFILE = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
TOO_SHORT = "the original became shorter while it was being sent"


class Body(Protocol):
    """A range of an open file. `read` returns exactly `size` bytes or raises; one thread at a time."""

    offset: int
    length: int

    def read(self, offset: int, size: int) -> bytes: ...
    def fileno(self) -> int | None: ...
    def close(self) -> None: ...


class Cut(OSError):
    """The source has fewer bytes than were promised."""


class BytesSegment:
    """Bytes in memory: what was left when a write would have blocked."""

    def __init__(self, data: bytes) -> None:
        self._rest = memoryview(data)

    def send(self, sock: Any) -> int:
        sent: int = sock.send(self._rest[:BLOCK_BYTES])
        self._rest = self._rest[sent:]
        return sent

    @property
    def remaining(self) -> int:
        return len(self._rest)

    def close(self) -> None:
        self._rest = memoryview(b"")


class FileSegment:
    """A range of a file: sendfile on a plain socket, blocks otherwise.

    A block is kept until it is wholly sent: OpenSSL wants the same bytes again after a write that blocked.
    """

    def __init__(self, body: Body) -> None:
        self._body = body
        self._offset = body.offset
        self.remaining = body.length
        self._block = memoryview(b"")
        self._wants_blocks = False

    def send(self, sock: Any) -> int:
        descriptor = None if self._wants_blocks or isinstance(sock, ssl.SSLSocket) else self._body.fileno()
        sent = self._send_block(sock) if descriptor is None else self._send_file(sock, descriptor)
        self.remaining -= sent
        return sent

    def _send_file(self, sock: Any, descriptor: int) -> int:
        try:
            sent = os.sendfile(sock.fileno(), descriptor, self._offset, min(self.remaining, SENDFILE_BYTES))
        except OSError as error:
            if error.errno not in _NO_SENDFILE:
                raise
            self._wants_blocks = True
            return self._send_block(sock)
        if sent == 0:
            raise Cut(TOO_SHORT)
        self._offset += sent
        return sent

    def _send_block(self, sock: Any) -> int:
        if not self._block:
            block = self._body.read(self._offset, min(self.remaining, BLOCK_BYTES))
            if not block:
                raise Cut(TOO_SHORT)
            self._offset += len(block)
            self._block = memoryview(block)
        sent: int = sock.send(self._block)
        self._block = self._block[sent:]
        return sent

    def close(self) -> None:
        self._body.close()


class SpillBody:
    """An unlinked temporary file that takes the rest of a generated answer."""

    offset = 0

    def __init__(self, directory: Path | None) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - closed with the outbox
        self.length = 0

    def append(self, data: bytes) -> None:
        if self.length + len(data) > SPILL_LIMIT_BYTES:
            raise ConnectionAbortedError("a slow reader asked for more than the spill file may hold")
        self._file.write(data)
        self.length += len(data)

    def flush(self) -> None:
        self._file.flush()

    def fileno(self) -> int | None:
        return self._file.fileno()

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self._file.fileno(), size, offset)

    def close(self) -> None:
        self._file.close()


class Progress(Enum):
    """What a turn came to."""

    DONE = "done"
    BLOCKED = "blocked"
    MORE = "more"


class Outbox:
    """The bytes a connection has still to send, in order. Owned by the thread that owns the connection."""

    def __init__(self, spill_directory: Path | None) -> None:
        self._segments: deque[BytesSegment | FileSegment] = deque()
        self._spill_directory = spill_directory
        self._spill: SpillBody | None = None

    def __bool__(self) -> bool:
        return bool(self._segments) or self._spill is not None

    def append_bytes(self, data: bytes) -> None:
        """Keep bytes for later: the first few in memory, what follows in the spill file."""
        if not self:
            self._segments.append(BytesSegment(data))
            return
        if self._spill is None:
            self._spill = SpillBody(self._spill_directory)
        self._spill.append(data)

    def append_body(self, body: Body) -> None:
        """Send this range after all that is already here; the outbox closes it."""
        self._seal_spill()
        self._segments.append(FileSegment(body))

    def _seal_spill(self) -> None:
        if self._spill is not None:
            self._spill.flush()
            self._segments.append(FileSegment(self._spill))
            self._spill = None

    def pump(self, sock: Any, *, limit_bytes: int) -> Progress:
        """Send until all is sent, the socket is full, or the turn is over. Needs a non-blocking socket.

        Raises:
            OSError: the peer is gone, or the source is (`Cut`); GlassineError: from the source.
        """
        self._seal_spill()
        sent = 0
        while self._segments:
            segment = self._segments[0]
            if segment.remaining:
                try:
                    sent += segment.send(sock)
                except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    return Progress.BLOCKED
            if not segment.remaining:
                self._segments.popleft().close()
            elif sent >= limit_bytes:
                return Progress.MORE
        return Progress.DONE

    def clear(self) -> None:
        """Drop everything and close the sources."""
        if self._spill is not None:
            self._spill.close()
            self._spill = None
        while self._segments:
            self._segments.popleft().close()
