"""wsgidav's part: the cold verbs. Today every one of them is refused; the Inbox will be a second provider.

wsgidav knows the order in which RFC 4918 wants a PUT, MKCOL, DELETE, COPY or MOVE to be judged (is it there, is the
parent a collection, may it be overwritten); the provider says what is there and that nothing may be changed. See
`docs/decisions/0002-webdav-front.md`.

Invariants: wsgidav sees a fresh environment with vetted header fields and an empty body, so that no body is read and
none of its parsers (it takes lxml when it can) meets a client's bytes; its answers never leave as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import Any, Protocol
from urllib.parse import urlsplit

from wsgidav.dav_error import HTTP_FORBIDDEN, DAVError
from wsgidav.dav_provider import DAVCollection, DAVNonCollection, DAVProvider
from wsgidav.request_resolver import RequestResolver
from wsgidav.wsgidav_app import WsgiDAVApp

from catalog.errors import NotFound
from dav.dates import NS_PER_S
from dav.paths import BadTarget, NoSuchTarget, Target, parse_target
from dav.responses import HttpError
from vfs.nodes import Node

VERBS = frozenset({"PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPPATCH"})
READ_ONLY = "This library shows your photos and changes nothing: the folder is read-only."
_PROTECTED = "cannot-modify-protected-property"


class Resolver(Protocol):
    """Finds what a path names. Raises NotFound."""

    def __call__(self, names: tuple[str, ...]) -> Node: ...


class Folder(DAVCollection):  # type: ignore[misc] # wsgidav is untyped
    """A collection that refuses everything; the refusals are those of the base class."""

    def __init__(self, path: str, environ: dict[str, Any], node: Node) -> None:
        super().__init__(path, environ)
        self.node = node

    def get_etag(self) -> None:
        """Conditions are not judged: the answer is no anyway."""

    def get_last_modified(self) -> float:
        """Seconds since 1970."""
        return self.node.mtime_ns / NS_PER_S

    def get_member_names(self) -> list[str]:
        """Recursion is refused before wsgidav asks."""
        return []

    def handle_delete(self) -> bool:
        """Refuse before any recursion."""
        raise DAVError(HTTP_FORBIDDEN)

    def handle_copy(self, dest_path: str, *, depth_infinity: bool) -> bool:
        """Refuse before any recursion."""
        raise DAVError(HTTP_FORBIDDEN)

    def handle_move(self, dest_path: str) -> bool:
        """Refuse before any recursion."""
        raise DAVError(HTTP_FORBIDDEN)


class File(DAVNonCollection):  # type: ignore[misc] # wsgidav is untyped
    """A file that refuses everything."""

    def __init__(self, path: str, environ: dict[str, Any], node: Node) -> None:
        super().__init__(path, environ)
        self.node = node

    def get_content_length(self) -> int:
        """Bytes."""
        return self.node.size

    def get_content(self) -> None:
        """GET never comes here."""
        raise DAVError(HTTP_FORBIDDEN)

    def get_content_type(self) -> str | None:
        """Media type."""
        return self.node.mime

    def get_etag(self) -> None:
        """Conditions are not judged: the answer is no anyway."""

    def support_etag(self) -> bool:
        """See `get_etag`."""
        return False

    def get_last_modified(self) -> float:
        """Seconds since 1970."""
        return self.node.mtime_ns / NS_PER_S

    def handle_delete(self) -> bool:
        """Refuse."""
        raise DAVError(HTTP_FORBIDDEN)

    def handle_copy(self, dest_path: str, *, depth_infinity: bool) -> bool:
        """Refuse."""
        raise DAVError(HTTP_FORBIDDEN)

    def handle_move(self, dest_path: str) -> bool:
        """Refuse."""
        raise DAVError(HTTP_FORBIDDEN)


class TreeProvider(DAVProvider):  # type: ignore[misc] # wsgidav is untyped
    """The tree, as wsgidav's provider."""

    def __init__(self, resolve: Resolver) -> None:
        super().__init__()
        self._resolve = resolve

    def get_resource_inst(self, path: str | None, environ: dict[str, Any]) -> Folder | File | None:
        """Return what a path names, or None. wsgidav asks for the parent of the root with None."""
        if path is None:
            return None
        try:
            node = self._resolve(tuple(name for name in path.split("/") if name))
        except NotFound:
            return None
        return (Folder if node.is_dir else File)(path, environ, node)

    def custom_request_handler(
        self, environ: dict[str, Any], start_response: Any, default_handler: Any
    ) -> Iterable[bytes]:
        """Refuse PROPPATCH before wsgidav parses a body; the rest as usual."""
        if environ["REQUEST_METHOD"] == "PROPPATCH":
            raise DAVError(HTTP_FORBIDDEN, err_condition="{DAV:}" + _PROTECTED)
        answer: Iterable[bytes] = default_handler(environ, start_response)
        return answer


class ColdVerbs:
    """Runs a cold verb through wsgidav and turns its refusal into ours."""

    def __init__(self, resolve: Resolver) -> None:
        # It logs each refusal, and OPTIONS for every request of the root; what matters is in our answer.
        logging.getLogger("wsgidav").setLevel(logging.CRITICAL)
        self._app = WsgiDAVApp(
            {
                "provider_mapping": {"/": TreeProvider(resolve)},
                "middleware_stack": [RequestResolver],
                "verbose": 1,
                "logging": {"enable": False},
                "property_manager": None,
                "lock_storage": False,
                "http_authenticator": {
                    "accept_basic": False,
                    "accept_digest": False,
                    "default_to_digest": False,
                },
                "suppress_version_info": True,
            }
        )

    def refusal(self, environ: Mapping[str, Any], target: Target) -> HttpError:
        """Return the answer to a cold verb, whose body stays unread."""
        statuses: list[int] = []

        def start_response(status: str, _headers: object, _error: object = None) -> None:
            statuses.append(int(status[:3]))

        try:
            for _ in self._app(_vetted(environ, target), start_response):
                pass
        except DAVError as error:
            statuses.append(error.value)
        return _refusal(statuses[-1], environ["REQUEST_METHOD"])


def _vetted(environ: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """Return an environment of our own making: nothing unchecked, nothing to read."""
    path = "/" + "/".join(target.names) + ("/" if target.has_slash and target.names else "")
    vetted: dict[str, Any] = {
        "REQUEST_METHOD": environ["REQUEST_METHOD"],
        "PATH_INFO": path.encode("utf-8").decode("latin-1"),
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_PROTOCOL": environ["SERVER_PROTOCOL"],
        "HTTP_HOST": environ["HTTP_HOST"],
        "CONTENT_LENGTH": "0",
        "wsgi.url_scheme": environ["wsgi.url_scheme"],
        "wsgi.input": BytesIO(),
        "wsgidav.auth.user_name": environ.get("REMOTE_USER", ""),
    }
    if environ["REQUEST_METHOD"] in {"COPY", "MOVE"}:
        vetted["HTTP_DESTINATION"] = _destination(environ)
        vetted["HTTP_OVERWRITE"] = "F" if environ.get("HTTP_OVERWRITE") == "F" else "T"
    return vetted


def _destination(environ: Mapping[str, Any]) -> str:
    """Return the path of the Destination header, re-encoded. Raises HttpError 400, or 403 for another host."""
    value = environ.get("HTTP_DESTINATION")
    if not value:
        raise HttpError(HTTPStatus.BAD_REQUEST, "The header Destination is missing.")
    try:
        parts = urlsplit(value)
        destination = parse_target(parts.path)
    except (BadTarget, ValueError) as error:
        if isinstance(error, NoSuchTarget):
            raise HttpError(HTTPStatus.FORBIDDEN, READ_ONLY) from error
        raise HttpError(HTTPStatus.BAD_REQUEST, "The header Destination is malformed.") from error
    if parts.netloc and parts.netloc.lower() != environ["HTTP_HOST"].lower():
        raise HttpError(HTTPStatus.FORBIDDEN, "Copies to another server are not made.")
    return destination.href or "/"


def _refusal(status: int, method: str) -> HttpError:
    if status == HTTPStatus.NOT_FOUND:
        return HttpError(HTTPStatus.NOT_FOUND, "There is nothing at this address.")
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        reason = "There is a folder or file of this name already." if method == "MKCOL" else READ_ONLY
        return HttpError(
            HTTPStatus.METHOD_NOT_ALLOWED, reason, headers=[("Allow", "OPTIONS, GET, HEAD, PROPFIND")]
        )
    if status == HTTPStatus.CONFLICT:
        return HttpError(HTTPStatus.CONFLICT, "The folder that should hold it does not exist. " + READ_ONLY)
    if status == HTTPStatus.PRECONDITION_FAILED:
        return HttpError(HTTPStatus.PRECONDITION_FAILED, "The destination exists already. " + READ_ONLY)
    if status == HTTPStatus.FORBIDDEN or status >= HTTPStatus.BAD_REQUEST:
        condition = _PROTECTED if method == "PROPPATCH" else None
        return HttpError(HTTPStatus.FORBIDDEN, READ_ONLY, condition=condition)
    raise AssertionError(f"wsgidav answered {status} to {method} on a read-only tree")
