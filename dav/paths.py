"""From a request target to names, before anything else looks at it. Pure; no path ever reaches a file system.

A target is either a list of plain names or refused with a status; there is no third outcome.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

MAX_NAME_BYTES = 255
MAX_DEPTH = 64
# RFC 3986 pchar without what XML would have to escape.
HREF_SAFE = "!*'(),$-_.~:@;=+"

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# System litter that clients look for everywhere and a scan never takes in (the built-in excludes): no original is
# ever called so. The tree knows further names that only views can refuse.
_JUNK = frozenset(
    {
        ".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", ".spotlight-v100", ".fseventsd", ".temporaryitems",
        ".documentrevisions-v100", ".appledouble", ".nomedia",
    }
)  # fmt: skip


class BadTarget(ValueError):
    """The request target is malformed: 400. The message is for people."""


class NoSuchTarget(ValueError):
    """Well formed, but nothing can ever be there: 404."""


@dataclass(frozen=True, slots=True)
class Target:
    """A validated request target: decoded names from the root, and whether it ended with a slash."""

    names: tuple[str, ...]
    has_slash: bool

    @property
    def href(self) -> str:
        """The percent-encoded path, without a trailing slash; "" is the root."""
        return "".join("/" + quote_name(name) for name in self.names)


def quote_name(name: str | bytes) -> str:
    """Percent-encode one name for an href (XML-safe)."""
    return quote(name, safe=HREF_SAFE)


def is_junk(name: str) -> bool:
    """Is this a name that file managers probe for or litter with?"""
    return name.startswith("._") or name.lower() in _JUNK


def parse_target(uri: str) -> Target:
    """Split and decode the path of an origin-form request target (latin-1 text, as WSGI has it).

    Raises:
        BadTarget: bad escapes, NUL, control characters, `.`/`..`, an encoded slash, bytes that are not UTF-8.
        NoSuchTarget: an empty, overlong or junk name, or too deep.
    """
    path = uri.partition("?")[0]
    if not path.startswith("/"):
        raise BadTarget("The address must begin with a slash.")
    if _BAD_ESCAPE.search(path):
        raise BadTarget("The address contains a broken percent escape.")
    parts = path[1:].split("/")
    has_slash = parts[-1] == ""
    if has_slash:
        parts.pop()
    if len(parts) > MAX_DEPTH:
        raise NoSuchTarget("The address is deeper than any folder.")
    return Target(tuple(_name(part) for part in parts), has_slash)


def _name(part: str) -> str:
    raw = unquote_to_bytes(part.encode("latin-1"))
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadTarget("The address is not UTF-8.") from error
    if name in {".", ".."} or "/" in name or _CONTROL.search(name):
        raise BadTarget("The address contains a name that cannot be.")
    if not name or len(raw) > MAX_NAME_BYTES or is_junk(name):
        raise NoSuchTarget("There is nothing at this address.")
    return name
