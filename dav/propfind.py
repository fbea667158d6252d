"""PROPFIND, written as text while the tree is read: constant memory, the first bytes at once.

Invariants: an entry that cannot be rendered is logged and left out, the folder is answered; values equal the header
fields of GET and the times of the mount; `allprop` is lean (RFC 4918 lets a property be undefined, and Apache leaves out
`displayname` too), because Windows takes at most 1,000,000 bytes of a listing.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from typing import Any

from dav.dates import http_date, rfc3339
from dav.paths import Target, quote_name
from dav.responses import Headers, HttpError, Response
from dav.xmlin import Name, Wanted, parse_propfind, read_body
from dav.xmlout import XML_TYPE, empty_element, text
from vfs.nodes import UNKNOWN_MIME, Entry, Node

log = logging.getLogger(__name__)

BLOCK_CHARS = 65_536
FIRST_BLOCK_CHARS = 8_192
GZIP_LEVEL = (
    1  # 11 times smaller in 16 ms for 10,000 entries (notes 1.2); higher levels cost more than they save
)
_GZIP_WBITS = 31

Renderer = Callable[[Node, str], str]


def _size(node: Node, _name: str) -> str:
    return f"<D:getcontentlength>{node.size}</D:getcontentlength>"


def _type(node: Node, _name: str) -> str:
    return f"<D:getcontenttype>{text(node.mime or UNKNOWN_MIME)}</D:getcontenttype>"


def _modified(node: Node, _name: str) -> str:
    return f"<D:getlastmodified>{http_date(node.mtime_ns)}</D:getlastmodified>"


def _created(node: Node, _name: str) -> str:
    return f"<D:creationdate>{rfc3339(node.mtime_ns)}</D:creationdate>"


def _etag(node: Node, _name: str) -> str:
    return f"<D:getetag>{text(node.etag)}</D:getetag>"


def _displayname(_node: Node, name: str) -> str:
    return f"<D:displayname>{text(name)}</D:displayname>"


def _file_kind(_node: Node, _name: str) -> str:
    return "<D:resourcetype/>"


def _folder_kind(_node: Node, _name: str) -> str:
    return "<D:resourcetype><D:collection/></D:resourcetype>"


def _no_locks(_node: Node, _name: str) -> str:
    return "<D:supportedlock/>"


_COMMON: dict[str, Renderer] = {
    "creationdate": _created,
    "getlastmodified": _modified,
    "getetag": _etag,
    "displayname": _displayname,
    "supportedlock": _no_locks,
}
FILE_PROPERTIES: dict[str, Renderer] = {
    "resourcetype": _file_kind,
    "getcontentlength": _size,
    "getcontenttype": _type,
    **_COMMON,
}
FOLDER_PROPERTIES: dict[str, Renderer] = {"resourcetype": _folder_kind, **_COMMON}
# Only when named: the first equals the last segment of the href, the second is empty on a server without locks.
_NOT_IN_ALLPROP = frozenset({"displayname", "supportedlock"})
# Windows asks for allprop and stops at 1,000,000 bytes (notes, finding 9); it uses neither of these.
_NOT_FOR_WINDOWS = frozenset({"getetag", "getcontenttype"})
_WINDOWS_AGENT = "Microsoft-WebDAV-MiniRedir"


@dataclass(frozen=True, slots=True)
class Plan:
    """How one kind of entry is rendered: the properties it has, and the tail that names those it has not."""

    renderers: tuple[Renderer, ...]
    missing: str

    def render(self, href: str, node: Node, name: str) -> str:
        """Return one `response` element."""
        found = "".join([renderer(node, name) for renderer in self.renderers])
        return (
            f"<D:response><D:href>{href}</D:href><D:propstat><D:prop>{found}</D:prop>"
            f"<D:status>HTTP/1.1 200 OK</D:status></D:propstat>{self.missing}</D:response>\n"
        )


def propfind(
    environ: Mapping[str, Any], target: Target, node: Node, children: Callable[[], Iterable[Entry]]
) -> Response:
    """Answer PROPFIND of `node`, which was found at `target`; `children` is called for Depth 1 of a folder.

    Raises HttpError: 400, 403 propfind-finite-depth, 413.
    """
    depth = _depth(environ)
    wanted = parse_propfind(read_body(environ))
    is_minimal = _wants_minimal(environ)
    is_windows = str(environ.get("HTTP_USER_AGENT", "")).startswith(_WINDOWS_AGENT)
    plans = tuple(
        _plan(wanted, known, is_minimal=is_minimal, is_windows=is_windows)
        for known in (FILE_PROPERTIES, FOLDER_PROPERTIES)
    )
    entries = children() if depth == 1 and node.is_dir else ()
    blocks = _blocks(_responses(target, node, entries, plans))
    headers: Headers = [
        ("Content-Type", XML_TYPE),
        ("Cache-Control", "no-cache"),
        ("Vary", "Accept-Encoding"),
    ]
    if is_minimal:
        headers.append(("Preference-Applied", "return=minimal"))
    if accepts_gzip(environ):
        headers.append(("Content-Encoding", "gzip"))
        blocks = compressed(blocks)
    return Response(HTTPStatus.MULTI_STATUS, headers, begun(blocks))


def _depth(environ: Mapping[str, Any]) -> int:
    depth = str(environ.get("HTTP_DEPTH", "infinity")).strip().lower()
    if depth in {"0", "1"}:
        return int(depth)
    if depth != "infinity":
        raise HttpError(HTTPStatus.BAD_REQUEST, "Depth must be 0 or 1.")
    raise HttpError(
        HTTPStatus.FORBIDDEN,
        "Whole trees are not listed in one answer. Ask folder by folder, with the header Depth: 1.",
        condition="propfind-finite-depth",
    )


def _wants_minimal(environ: Mapping[str, Any]) -> bool:
    """RFC 8144, and the older header that Microsoft's clients send."""
    prefers = str(environ.get("HTTP_PREFER", "")).replace(" ", "").lower()
    return "return=minimal" in prefers or str(environ.get("HTTP_BRIEF", "")).strip().lower() == "t"


def accepts_gzip(environ: Mapping[str, Any]) -> bool:
    """RFC 9110 12.5.3, for the one coding we have."""
    for item in str(environ.get("HTTP_ACCEPT_ENCODING", "")).lower().split(","):
        coding, _, parameter = item.partition(";")
        if coding.strip() in {"gzip", "x-gzip"}:
            return parameter.replace(" ", "").rstrip("0").rstrip(".") not in {"q=", "q"}
    return False


def _plan(wanted: Wanted, known: Mapping[str, Renderer], *, is_minimal: bool, is_windows: bool) -> Plan:
    if wanted.kind == "propname":
        names = "".join(f"<D:{name}/>" for name in known)
        return Plan((lambda _node, _name: names,), "")
    asked = list(wanted.names)
    if wanted.kind == "allprop":
        left_out = _NOT_IN_ALLPROP | _NOT_FOR_WINDOWS if is_windows else _NOT_IN_ALLPROP
        asked = [("DAV:", name) for name in known if name not in left_out] + asked
    asked = list(dict.fromkeys(asked))
    found = tuple(known[name] for space, name in asked if space == "DAV:" and name in known)
    unknown = [name for name in asked if name[0] != "DAV:" or name[1] not in known]
    return Plan(found, "" if is_minimal or not unknown else _not_found(unknown))


def _not_found(names: Iterable[Name]) -> str:
    elements = "".join(empty_element(space, name) for space, name in names)
    return f"<D:propstat><D:prop>{elements}</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>"


def _responses(
    target: Target, node: Node, entries: Iterable[Entry], plans: tuple[Plan, ...]
) -> Iterator[str]:
    href = target.href
    own_name = target.names[-1] if target.names else ""
    yield '<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:">'
    yield plans[node.is_dir].render(href + "/" if node.is_dir else href, node, own_name)
    base = href + "/"
    for entry in entries:
        child = entry.node
        try:
            tail = "/" if child.is_dir else ""
            yield plans[child.is_dir].render(
                f"{base}{quote_name(entry.name)}{tail}", child, entry.name.decode("utf-8", "replace")
            )
        except Exception:  # border: one bad entry must not hide its folder
            log.exception("entry %r of %s left out of the listing", entry.name, href or "/")
    yield "</D:multistatus>\n"


def _blocks(texts: Iterator[str]) -> Iterator[bytes]:
    """Join into blocks worth a system call; the first is small so that it leaves at once."""
    pending: list[str] = []
    length = 0
    limit = FIRST_BLOCK_CHARS
    for piece in texts:
        pending.append(piece)
        length += len(piece)
        if length >= limit:
            yield "".join(pending).encode("utf-8")
            pending.clear()
            length, limit = 0, BLOCK_CHARS
    yield "".join(pending).encode("utf-8")


def compressed(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Gzip a stream; the first block is flushed through, so that the client sees it at once."""
    packer = zlib.compressobj(GZIP_LEVEL, wbits=_GZIP_WBITS)
    first = next(blocks, b"")
    yield packer.compress(first) + packer.flush(zlib.Z_SYNC_FLUSH)
    for block in blocks:
        yield packer.compress(block)
    yield packer.flush()


def begun(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Make the first block now, so that an error becomes a status and not a cut answer."""
    iterator = iter(blocks)
    first = next(iterator, b"")
    return chain((first,), iterator)
