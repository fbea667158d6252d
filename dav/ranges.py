"""The Range header (RFC 9110 14): one range is served, everything else that is legal may be ignored. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPEC = re.compile(r"[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `offset` to `offset + length`, exclusive."""

    offset: int
    length: int

    def content_range(self, size: int) -> str:
        """Return the value of Content-Range."""
        return f"bytes {self.offset}-{self.offset + self.length - 1}/{size}"


class Unsatisfiable(ValueError):
    """The range is well formed and lies behind the end: 416."""


def parse_range(header: str | None, size: int) -> Span | None:
    """Return the span to serve, or None to serve the whole.

    An unknown unit, a malformed set and several ranges mean the whole (RFC 9110 14.2: a server may ignore Range).
    Raises Unsatisfiable.
    """
    unit, equals, specs = (header or "").partition("=")
    if not equals or unit.strip().lower() != "bytes" or "," in specs:
        return None
    match = _SPEC.fullmatch(specs)
    if match is None or match[0].strip() == "-":
        return None
    if not match[1]:
        length = min(int(match[2]), size)
        if not length:
            raise Unsatisfiable(header)
        return Span(size - length, length)
    first = int(match[1])
    last = int(match[2]) if match[2] else size - 1
    if match[2] and last < first:
        return None
    if first >= size:
        raise Unsatisfiable(header)
    return Span(first, min(last, size - 1) - first + 1)
