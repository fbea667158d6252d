"""Conditional requests (RFC 9110 13) for GET and HEAD. Pure.

The date that is shown is the capture time, which stays when the bytes change: it answers If-Modified-Since, as
clients expect, but is never a strong validator, so If-Range with a date means the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

from dav.dates import NS_PER_S, parse_http_date

_TAG = re.compile(r'(?:W/)?"[^"]*"')


class Verdict(Enum):
    """How to go on."""

    PROCEED = 200
    NOT_MODIFIED = 304
    FAILED = 412


def _tags(header: str) -> list[str]:
    return _TAG.findall(header)


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/")


def matches_strongly(header: str, etag: str) -> bool:
    """RFC 9110 8.8.3.2, for If-Match and If-Range; `*` matches anything that exists."""
    return header.strip() == "*" or (not etag.startswith("W/") and etag in _tags(header))


def matches_weakly(header: str, etag: str) -> bool:
    """RFC 9110 8.8.3.2, for If-None-Match. Unquoted tags match nothing, as some clients intend."""
    return header.strip() == "*" or _opaque(etag) in [_opaque(tag) for tag in _tags(header)]


def evaluate(environ: Mapping[str, object], etag: str, mtime_ns: int) -> Verdict:
    """Apply the preconditions in the order of RFC 9110 13.2.2; fields that make no sense are ignored."""
    modified_s = mtime_ns // NS_PER_S
    if_match = _field(environ, "HTTP_IF_MATCH")
    if if_match is not None:
        if not matches_strongly(if_match, etag):
            return Verdict.FAILED
    elif (limit := _date(environ, "HTTP_IF_UNMODIFIED_SINCE")) is not None and modified_s > limit:
        return Verdict.FAILED
    if_none_match = _field(environ, "HTTP_IF_NONE_MATCH")
    if if_none_match is not None:
        return Verdict.NOT_MODIFIED if matches_weakly(if_none_match, etag) else Verdict.PROCEED
    limit = _date(environ, "HTTP_IF_MODIFIED_SINCE")
    return Verdict.NOT_MODIFIED if limit is not None and modified_s <= limit else Verdict.PROCEED


def wants_range(environ: Mapping[str, object], etag: str) -> bool:
    """If-Range (RFC 9110 13.1.5): is the range still of these bytes?"""
    if_range = _field(environ, "HTTP_IF_RANGE")
    return if_range is None or (if_range.strip() != "*" and matches_strongly(if_range, etag))


def _field(environ: Mapping[str, object], name: str) -> str | None:
    value = environ.get(name)
    return value if isinstance(value, str) else None


def _date(environ: Mapping[str, object], name: str) -> int | None:
    text = _field(environ, name)
    return None if text is None else parse_http_date(text)
