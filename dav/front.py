"""The WSGI entry: host, sign-in, address, method, in that order; then one handler per verb.

Hot verbs are ours and read the tree; cold verbs are judged by wsgidav (`dav.provider`). Every request gets a complete
answer in words; whatever a handler raises becomes one here. Thread-safe; holds no state of a request.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote

from catalog.errors import GlassineError
from catalog.values import OWNER, Viewer
from dav.auth import Hosts, SignIn
from dav.get import get_file
from dav.pages import listing_page
from dav.paths import BadTarget, NoSuchTarget, Target, parse_target
from dav.propfind import propfind
from dav.provider import READ_ONLY, VERBS, ColdVerbs
from dav.responses import HttpError, Response, from_ours, render, unexpected
from vfs.content import OpenFile
from vfs.nodes import Entry, Node

log = logging.getLogger(__name__)

ALLOW = "OPTIONS, GET, HEAD, PROPFIND"
# Class 1 only: a share that claims locks makes Finder try to write (notes 4.3).
CLASSES = "1"
_LOCKS = frozenset({"LOCK", "UNLOCK"})
# Known to clients, meaningless here.
_KNOWN = frozenset(
    {"POST", "PATCH", "TRACE", "REPORT", "SEARCH", "ACL", "BIND", "VERSION-CONTROL", "MKCALENDAR"}
)

StartResponse = Callable[..., Any]


class WebTree(Protocol):
    """What the HTTP face needs of `vfs.tree.Tree`; see there."""

    def resolve_web(self, parts: Sequence[str], viewer: Viewer) -> Node: ...
    def children_web(self, node: Node, viewer: Viewer) -> Iterator[Entry]: ...
    def open(self, node: Node, viewer: Viewer) -> OpenFile: ...


class Front:
    """The application. `sign_in` None = everybody who gets here may read (loopback)."""

    def __init__(
        self, tree: WebTree, *, hosts: Hosts, sign_in: SignIn | None = None, viewer: Viewer = OWNER
    ) -> None:
        self._tree = tree
        self._hosts = hosts
        self._sign_in = sign_in
        self._viewer = viewer
        self._cold = ColdVerbs(self._resolve)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        response = self._answer(environ)
        log.debug("%s %r %d", environ["REQUEST_METHOD"], environ.get("REQUEST_URI", ""), response.status)
        start_response(response.status_line, response.headers)
        if environ["REQUEST_METHOD"] == "HEAD" and hasattr(response.body, "close"):
            response.body.close()
        return () if environ["REQUEST_METHOD"] == "HEAD" else response.body

    def _answer(self, environ: dict[str, Any]) -> Response:
        try:
            self._hosts.check(environ.get("HTTP_HOST", ""))
            if self._sign_in is not None:
                environ["REMOTE_USER"] = self._sign_in.check(environ)
            return self._route(environ)
        except HttpError as problem:
            error = problem
        except GlassineError as problem:
            error = from_ours(problem)
        except Exception as problem:  # noqa: BLE001 - border: a request must be answered, whatever is broken
            error = unexpected(problem)
        return render(error, as_xml=environ["REQUEST_METHOD"] not in {"GET", "HEAD"})

    def _route(self, environ: dict[str, Any]) -> Response:
        method = environ["REQUEST_METHOD"]
        target = _target(environ, is_write=method in VERBS | _LOCKS)
        if method == "OPTIONS":
            return _options()
        if method in {"GET", "HEAD"}:
            return self._get(environ, target)
        if method == "PROPFIND":
            return self._propfind(environ, target)
        if method in VERBS:
            raise self._cold.refusal(environ, target)
        if method in _LOCKS:
            raise HttpError(HTTPStatus.FORBIDDEN, READ_ONLY)
        if method in _KNOWN:
            raise HttpError(
                HTTPStatus.METHOD_NOT_ALLOWED, f"{method} is not possible here.", headers=[("Allow", ALLOW)]
            )
        raise HttpError(HTTPStatus.NOT_IMPLEMENTED, "This server does not know the method.")

    def _get(self, environ: Mapping[str, Any], target: Target) -> Response:
        node = self._found(target)
        if node.is_dir:
            return self._page(environ, target, node)
        name = target.names[-1]
        return get_file(environ, name, node, partial(self._tree.open, node, self._viewer))

    def _page(self, environ: Mapping[str, Any], target: Target, node: Node) -> Response:
        accept = environ.get("HTTP_ACCEPT", "*/*")
        if not any(kind in accept for kind in ("text/html", "text/*", "*/*")):
            raise HttpError(
                HTTPStatus.METHOD_NOT_ALLOWED, "A folder is read with PROPFIND.", headers=[("Allow", ALLOW)]
            )
        return listing_page(target, self._tree.children_web(node, self._viewer))

    def _propfind(self, environ: Mapping[str, Any], target: Target) -> Response:
        node = self._found(target)
        return propfind(environ, target, node, partial(self._tree.children_web, node, self._viewer))

    def _resolve(self, names: tuple[str, ...]) -> Node:
        return self._tree.resolve_web(names, self._viewer)

    def _found(self, target: Target) -> Node:
        node = self._resolve(target.names)
        if target.has_slash and target.names and not node.is_dir:
            raise HttpError(HTTPStatus.NOT_FOUND, "This is a file, not a folder: leave out the last slash.")
        return node


def _target(environ: Mapping[str, Any], *, is_write: bool) -> Target:
    # REQUEST_URI is what was sent; PATH_INFO has lost the difference between %2F and a slash.
    uri = environ.get("REQUEST_URI") or quote(environ["PATH_INFO"].encode("latin-1"))
    if uri == "*" and environ["REQUEST_METHOD"] == "OPTIONS":
        return Target((), has_slash=True)
    try:
        return parse_target(uri)
    except BadTarget as error:
        raise HttpError(HTTPStatus.BAD_REQUEST, str(error)) from error
    except NoSuchTarget as error:
        if is_write:
            raise HttpError(HTTPStatus.FORBIDDEN, READ_ONLY) from error
        raise HttpError(HTTPStatus.NOT_FOUND, str(error)) from error


def _options() -> Response:
    return Response(
        HTTPStatus.OK,
        [
            ("DAV", CLASSES),
            ("Allow", ALLOW),
            ("MS-Author-Via", "DAV"),
            ("Accept-Ranges", "bytes"),
            ("Content-Length", "0"),
        ],
    )


def make_app(
    tree: WebTree, *, hosts: Hosts | None = None, sign_in: SignIn | None = None, viewer: Viewer = OWNER
) -> Front:
    """Return the WSGI application over a tree; without arguments as it is on loopback."""
    return Front(tree, hosts=hosts or Hosts(frozenset()), sign_in=sign_in, viewer=viewer)
