"""Request bodies: bounded reading and parsing with plain expat; never lxml, no entities, no DOCTYPE.

Limits (notes, section 8): 64 KB, 32 levels, 2,000 elements. What is over a limit is refused, not cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal
from xml.parsers import expat

from dav.responses import HttpError

MAX_BODY_BYTES = 65_536
MAX_DEPTH = 32
MAX_ELEMENTS = 2_000

Name = tuple[str, str]  # (namespace, local name)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a PROPFIND asks for. `names`: of `prop`, or of `include` beside `allprop`; unique, in order."""

    kind: Literal["allprop", "prop", "propname"]
    names: tuple[Name, ...] = ()


def read_body(environ: Mapping[str, Any]) -> bytes:
    """Read the whole body, announced or chunked.

    Raises HttpError: 413 over the limit, 400 when it is not framed as announced.
    """
    announced = environ.get("CONTENT_LENGTH") or ""
    if announced.isdigit() and int(announced) > MAX_BODY_BYTES:
        raise _too_large()
    if not announced and not environ.get("wsgi.input_terminated"):
        return b""
    limit = int(announced) if announced else MAX_BODY_BYTES + 1
    parts: list[bytes] = []
    left = limit
    try:
        while left and (part := environ["wsgi.input"].read(left)):
            parts.append(part)
            left -= len(part)
    except ValueError as error:
        raise HttpError(HTTPStatus.BAD_REQUEST, str(error), headers=[("Connection", "close")]) from error
    body = b"".join(parts)
    if len(body) > MAX_BODY_BYTES:
        raise _too_large()
    return body


def parse_propfind(body: bytes) -> Wanted:
    """Read a PROPFIND body (RFC 4918 14.20); an empty one means allprop. Raises HttpError 400."""
    if not body.strip():
        return Wanted("allprop")
    reader = _PropfindReader()
    reader.feed(body)
    return reader.wanted()


class _PropfindReader:
    """Collects the children of the root and the grandchildren below prop and include."""

    def __init__(self) -> None:
        self._path: list[Name] = []
        self._count = 0
        self._tops: list[str] = []
        self._names: dict[Name, None] = {}
        # Expat refuses a namespace that holds the separator: take one that no sane namespace has.
        self._parser = expat.ParserCreate(namespace_separator="\n")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.buffer_text = False

    def feed(self, body: bytes) -> None:
        """Parse the whole."""
        try:
            self._parser.Parse(body, True)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise _bad(f"The body is not well-formed XML ({error}).") from error

    def wanted(self) -> Wanted:
        """Return what was asked."""
        if self._tops[:1] == ["propname"]:
            return Wanted("propname")
        if "allprop" in self._tops:
            return Wanted("allprop", tuple(self._names))
        if "prop" in self._tops:
            return Wanted("prop", tuple(self._names))
        raise _bad("The body asks for nothing: prop, allprop or propname is missing.")

    def _doctype(self, *_: object) -> None:
        raise _bad("A document type is not allowed here.")

    def _start(self, tag: str, _attributes: object) -> None:
        namespace, _, local = tag.rpartition("\n")
        self._path.append((namespace, local))
        self._count += 1
        if len(self._path) > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise _bad("The body is nested too deeply or has too many elements.")
        if len(self._path) == 1 and (namespace, local) != ("DAV:", "propfind"):
            raise _bad("The body is not a propfind element.")
        if len(self._path) == 2 and namespace == "DAV:":
            self._tops.append(local)
        if len(self._path) == 3 and self._path[1] in {("DAV:", "prop"), ("DAV:", "include")}:
            self._names[(namespace, local)] = None

    def _end(self, _tag: str) -> None:
        self._path.pop()


def _bad(reason: str) -> HttpError:
    return HttpError(HTTPStatus.BAD_REQUEST, reason)


def _too_large() -> HttpError:
    return HttpError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The body is larger than {MAX_BODY_BYTES} bytes, which no request here needs.",
    )
