"""Frames: how the daemon and its helper processes talk over pipes.

A frame is a 4-byte big-endian length and that many bytes of msgpack. Bytes stay bytes, text stays text,
tuples arrive as lists. A helper may be broken or malicious (it parses untrusted files), so a length beyond
`MAX_FRAME_BYTES` or bytes that are no msgpack are a `FrameError`: the reader drops the helper, nothing else.
Knows no message's meaning.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

import msgpack

from catalog.errors import GlassineError
from catalog.failpoints import failpoint

if TYPE_CHECKING:
    # Only the daemon has a trio loop; its helpers speak frames too and start faster and smaller without it.
    import trio

# A part of a directory listing is about 150 kB at worst, deep facts of one file below 1 MB.
MAX_FRAME_BYTES = 16 * 1024 * 1024
_HEADER = struct.Struct(">I")
_RECEIVE_BYTES = 256 * 1024


class FrameError(GlassineError):
    """The other side of a pipe sent something that is no frame."""


def encode_frame(message: object) -> bytes:
    """Return the frame of a message made of None, bool, int (64 bit), float, str, bytes, list, tuple and dict."""
    failpoint("process.frame")
    payload: bytes = msgpack.packb(message, use_bin_type=True)
    if len(payload) > MAX_FRAME_BYTES:
        raise FrameError(f"a frame of {len(payload)} bytes is larger than {MAX_FRAME_BYTES}")
    return _HEADER.pack(len(payload)) + payload


def decode_payload(payload: bytes) -> object:
    """Return the message in the bytes after the header."""
    try:
        message: object = msgpack.unpackb(payload, raw=False, strict_map_key=False)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise FrameError(f"a frame of {len(payload)} bytes is no msgpack") from error
    return message


def write_frame(file: BinaryIO, message: object) -> None:
    """Write one frame and flush. Blocks while the pipe is full; writers of several threads need a lock."""
    file.write(encode_frame(message))
    file.flush()


def read_frame(file: BinaryIO) -> object | None:
    """Read one frame of a blocking file; None at the end of the stream between two frames."""
    header = file.read(_HEADER.size)
    if not header:
        return None
    size = _payload_bytes(header)
    payload = file.read(size)
    if len(payload) < size:
        raise FrameError("the stream ended inside a frame")
    return decode_payload(payload)


def _payload_bytes(header: bytes) -> int:
    if len(header) < _HEADER.size:
        raise FrameError("the stream ended inside a frame")
    size: int = _HEADER.unpack(header)[0]
    if size > MAX_FRAME_BYTES:
        raise FrameError(f"a frame of {size} bytes is announced; {MAX_FRAME_BYTES} is the limit")
    return size


class FrameReceiver:
    """Frames out of a trio stream. One task at a time; the owner of the stream closes it."""

    def __init__(self, stream: trio.abc.ReceiveStream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    async def receive(self) -> object | None:
        """Return the next message, or None at the end of the stream between two frames.

        A checkpoint only when nothing is buffered: whoever takes many messages awaits something else too.
        """
        if not await self._fill(_HEADER.size):
            return None
        size = _payload_bytes(bytes(self._buffer[: _HEADER.size]))
        if not await self._fill(_HEADER.size + size):
            raise FrameError("the stream ended inside a frame")
        payload = bytes(self._buffer[_HEADER.size : _HEADER.size + size])
        del self._buffer[: _HEADER.size + size]
        return decode_payload(payload)

    async def _fill(self, wanted: int) -> bool:
        while len(self._buffer) < wanted:
            chunk = await self._stream.receive_some(_RECEIVE_BYTES)
            if not chunk:
                if self._buffer:
                    raise FrameError("the stream ended inside a frame")
                return False
            self._buffer += chunk
        return True


async def send_frame(stream: trio.abc.SendStream, message: object) -> None:
    """Send one frame into a trio stream; one task at a time. Checkpoint; waits while the pipe is full."""
    await stream.send_all(encode_frame(message))
