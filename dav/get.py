"""GET and HEAD of files: conditionals, one range, and headers that keep a hostile original from running as a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from dav.conditionals import Verdict, evaluate, wants_range
from dav.dates import http_date
from dav.paths import quote_name
from dav.ranges import Span, Unsatisfiable, parse_range
from dav.responses import Headers, HttpError, Response
from vfs.content import OpenFile
from vfs.nodes import UNKNOWN_MIME, Node

READ_BYTES = 262_144
# Types that a browser would run or render with our origin: saved, never shown.
_ACTIVE_TYPES = (
    "text/html",
    "image/svg+xml",
    "application/xhtml+xml",
    "text/xml",
    "application/xml",
    "application/pdf",
)
_POLICY = "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'"


class FileBody:
    """A range of an open file; also a plain WSGI iterable. Owns the file."""

    def __init__(self, file: OpenFile, span: Span) -> None:
        self._file = file
        self.offset = span.offset
        self.length = span.length

    def read(self, offset: int, size: int) -> bytes:
        """See `dav.outbox.Body`."""
        return self._file.read(offset, size)

    def fileno(self) -> int | None:
        """See `dav.outbox.Body`."""
        return self._file.fileno()

    def __iter__(self) -> Iterator[bytes]:
        position, end = self.offset, self.offset + self.length
        while position < end:
            block = self._file.read(position, min(READ_BYTES, end - position))
            yield block
            position += len(block)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def get_file(
    environ: Mapping[str, Any], name: str, node: Node, open_file: Callable[[], OpenFile]
) -> Response:
    """Answer GET or HEAD of the file `node`, shown as `name`. Blocks on the volume when it is opened.

    Raises HttpError: 412, 416; whatever `open_file` raises (503 for a volume that is away).
    """
    verdict = evaluate(environ, node.etag, node.mtime_ns)
    if verdict is Verdict.NOT_MODIFIED:
        return Response(HTTPStatus.NOT_MODIFIED, _validators(node.etag, node.mtime_ns))
    if verdict is Verdict.FAILED:
        raise HttpError(HTTPStatus.PRECONDITION_FAILED, "The file is not the version that the request names.")
    file = open_file()
    try:
        return _serve(environ, name, file)
    except BaseException:
        file.close()
        raise


def _serve(environ: Mapping[str, Any], name: str, file: OpenFile) -> Response:
    headers = [*_validators(file.etag, file.mtime_ns), *_safety(name, file.mime)]
    span = _span(environ, file)
    if span is None:
        status, span = HTTPStatus.OK, Span(0, file.size)
    else:
        status = HTTPStatus.PARTIAL_CONTENT
        headers.append(("Content-Range", span.content_range(file.size)))
    headers += [("Content-Type", file.mime or UNKNOWN_MIME), ("Content-Length", str(span.length))]
    return Response(status, headers, FileBody(file, span))


def _span(environ: Mapping[str, Any], file: OpenFile) -> Span | None:
    # RFC 9110 14.2: Range is defined for GET alone.
    if environ["REQUEST_METHOD"] != "GET" or not wants_range(environ, file.etag):
        return None
    try:
        return parse_range(environ.get("HTTP_RANGE"), file.size)
    except Unsatisfiable as error:
        raise HttpError(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"The file has {file.size} bytes; the range begins behind its end.",
            headers=[("Content-Range", f"bytes */{file.size}")],
        ) from error


def _validators(etag: str, mtime_ns: int) -> Headers:
    return [
        ("ETag", etag),
        ("Last-Modified", http_date(mtime_ns)),
        ("Accept-Ranges", "bytes"),
        ("Cache-Control", "private, no-cache"),
    ]


def _safety(name: str, mime: str) -> Headers:
    headers = [
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", _POLICY),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ]
    if mime.partition(";")[0].strip().lower() in _ACTIVE_TYPES:
        # RFC 8187 form only: every byte of it is a token, whatever the name holds.
        headers.append(("Content-Disposition", f"attachment; filename*=UTF-8''{quote_name(name)}"))
    return headers
