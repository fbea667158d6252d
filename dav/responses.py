"""Answers and errors, and the one table from our errors to HTTP status.

Every error body says in plain words what happened: as `DAV:error` for WebDAV methods (RFC 4918 14.5), as a short
page or text for GET. Unknown errors and a broken catalog show an opaque id only; the log has the rest.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus

from catalog import errors
from dav.xmlout import XML_TYPE, text

log = logging.getLogger(__name__)

Headers = list[tuple[str, str]]

RETRY_AFTER_S = 60

# RFC 9110 section 15; RFC 4918 section 11. 503 = the same request may work later.
STATUS_OF: dict[type[errors.GlassineError], HTTPStatus] = {
    errors.GlassineError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.UsageError: HTTPStatus.BAD_REQUEST,
    errors.InvalidValue: HTTPStatus.BAD_REQUEST,
    errors.InvalidQuery: HTTPStatus.BAD_REQUEST,
    errors.TooManyItems: HTTPStatus.BAD_REQUEST,
    errors.NeedsYes: HTTPStatus.BAD_REQUEST,
    errors.ConfigError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.NoLibrary: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.LibraryLocked: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DaemonNotRunning: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.NotPermitted: HTTPStatus.FORBIDDEN,
    errors.ReadOnly: HTTPStatus.FORBIDDEN,
    errors.VolumeOffline: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.AlreadyExists: HTTPStatus.CONFLICT,
    errors.Ambiguous: HTTPStatus.CONFLICT,
    errors.CatalogError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.CatalogCorrupt: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.CatalogTooNew: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.MigrationFailed: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.StorageFull: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.Unreadable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ChangedUnderneath: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.MediaError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.Partial: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.NothingMatched: HTTPStatus.NOT_FOUND,
    errors.Interrupted: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Response:
    """Status, header fields and body. A body with `fileno` is a file range for the sender."""

    status: HTTPStatus
    headers: Headers = field(default_factory=list)
    body: Iterable[bytes] = ()

    @property
    def status_line(self) -> str:
        """As WSGI wants it."""
        return f"{self.status.value} {self.status.phrase}"


class HttpError(Exception):
    """An answer that is not a success.

    Args:
        status: what to answer.
        reason: one or two sentences for people.
        condition: local name of a pre/postcondition element of RFC 4918 section 16, or None.
        headers: further header fields.
    """

    def __init__(
        self,
        status: HTTPStatus,
        reason: str,
        *,
        condition: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.condition = condition
        self.headers = list(headers)


def from_ours(error: errors.GlassineError) -> HttpError:
    """Translate one of our errors by the table; the nearest named ancestor counts."""
    status = next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return unexpected(error)
    reason = error.message if error.hint is None else f"{error.message}; {error.hint}"
    headers = [("Retry-After", str(RETRY_AFTER_S))] if status is HTTPStatus.SERVICE_UNAVAILABLE else []
    return HttpError(status, reason, headers=headers)


def unexpected(error: BaseException) -> HttpError:
    """Log an error nobody foresaw and return a 500 that names only the log entry."""
    mark = secrets.token_hex(4)
    log.error("request failed (%s)", mark, exc_info=error)
    return HttpError(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"Something went wrong inside the server. Its log says more under the mark {mark}.",
    )


def render(error: HttpError, *, as_xml: bool) -> Response:
    """Make the answer of an error: `DAV:error`, or a line of text."""
    if as_xml:
        condition = f"<D:{error.condition}/>" if error.condition else ""
        body = (
            '<?xml version="1.0" encoding="utf-8"?>\n<D:error xmlns:D="DAV:">'
            f'{condition}<g:reason xmlns:g="urn:glassine">{text(error.reason)}</g:reason></D:error>\n'
        ).encode()
        kind = XML_TYPE
    else:
        body = f"{error.status.value} {error.status.phrase}\n{error.reason}\n".encode()
        kind = "text/plain; charset=utf-8"
    headers = [
        ("Content-Type", kind),
        ("Content-Length", str(len(body))),
        ("X-Content-Type-Options", "nosniff"),
        ("Cache-Control", "no-store"),
        *error.headers,
    ]
    return Response(error.status, headers, [body])
