"""Framing of requests: header fields and bodies, read strictly and in bounds.

Stock cheroot 11.1 accepts two Content-Length fields, Content-Length beside Transfer-Encoding, names with a space or
an underscore, a missing Host, and takes a chunk of any size into memory: each is a way to smuggle a request past a
proxy or to fill the memory. Pure over a file object; knows no server.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

MAX_HEADERS = 100
READ_BYTES = 65_536

# RFC 9110 5.6.2, without the underscore: it would merge with the dash in WSGI names.
_HEADER_NAME = re.compile(rb"[!#$%&'*+.^`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
# A second one of these is an attack or a bug, never a list.
_SINGLE = frozenset(
    {b"Content-Length", b"Transfer-Encoding", b"Host", b"Authorization", b"Content-Type", b"Range"}
)


class BadBody(ValueError):
    """The request body is not framed as the headers say."""


class StrictHeaders:
    """Reads header fields; raises ValueError with the reason for a 400."""

    def __call__(self, rfile: Any, headers: dict[bytes, bytes]) -> dict[bytes, bytes]:
        for _ in range(MAX_HEADERS + 1):
            line = rfile.readline()
            if line == b"\r\n":
                self._check(headers)
                return headers
            self._add(headers, line)
        raise ValueError("Too many header fields.")

    def _add(self, headers: dict[bytes, bytes], line: bytes) -> None:
        if not line.endswith(b"\r\n"):
            raise ValueError("The header is cut, or its lines do not end with CRLF.")
        name, colon, value = line[:-2].partition(b":")
        value = value.strip(b" \t")
        if not colon or not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ValueError("Malformed header field.")
        key = name.title()
        if key in headers:
            if key in _SINGLE:
                raise ValueError(f"Header field {key.decode()} is given twice.")
            value = headers[key] + b", " + value
        headers[key] = value

    def _check(self, headers: dict[bytes, bytes]) -> None:
        length = headers.get(b"Content-Length")
        coding = headers.get(b"Transfer-Encoding")
        if length is not None and not re.fullmatch(rb"[0-9]{1,18}", length):
            raise ValueError("Malformed Content-Length.")
        if coding is not None and length is not None:
            raise ValueError("Content-Length and Transfer-Encoding exclude each other.")
        if coding is not None and coding.lower() != b"chunked":
            raise ValueError("The only transfer coding understood is chunked.")
        if not headers.get(b"Host"):
            raise ValueError("The Host header field is missing.")


class RequestBody:
    """`wsgi.input`: asks for the body only when somebody reads it, and never more than that.

    `length` None means chunked; `on_wanted` is called before the first byte is read.
    """

    def __init__(self, rfile: Any, length: int | None, on_wanted: Callable[[], None]) -> None:
        self._rfile = rfile
        self._on_wanted = on_wanted
        self._left = length or 0
        self._is_chunked = length is None
        self._is_finished = length == 0
        self._is_started = False

    @property
    def is_finished(self) -> bool:
        """Nothing of this request is left on the connection."""
        return self._is_finished

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, b"" at the end. Raises BadBody."""
        wanted = size if size >= 0 else 1 << 62
        parts = []
        while wanted and not self._is_finished:
            part = self._read_some(min(wanted, READ_BYTES))
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def _read_some(self, size: int) -> bytes:
        if not self._is_started:
            self._is_started = True
            self._on_wanted()
        if self._is_chunked and not self._left:
            self._left = self._next_chunk()
            if not self._left:
                self._is_finished = True
                return b""
        part: bytes = self._rfile.read(min(size, self._left))
        if not part:
            raise BadBody("The request body ended early.")
        self._left -= len(part)
        if not self._left:
            self._end_of_part()
        return part

    def _end_of_part(self) -> None:
        if not self._is_chunked:
            self._is_finished = True
        elif self._rfile.read(2) != b"\r\n":
            raise BadBody("A chunk of the request body is longer than announced.")

    def _next_chunk(self) -> int:
        match = _CHUNK_SIZE.fullmatch(self._rfile.readline(256))
        if match is None:
            raise BadBody("Malformed chunk of the request body.")
        size = int(match[1], 16)
        if not size:
            for _ in range(MAX_HEADERS):
                if self._rfile.readline(8192) == b"\r\n":
                    return 0
            raise BadBody("Malformed trailer of the request body.")
        return size
