"""XML as text: escaping and the character filter of XML 1.0. Pure; no tree is built."""

from __future__ import annotations

import re

_XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace"  # may be bound to no other prefix
XML_TYPE = "application/xml; charset=utf-8"

# https://www.w3.org/TR/xml/#charsets: everything else makes a document ill-formed, even as a reference.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NEEDS_WORK = re.compile("[^\t\n\x20-\x25\x27-\x3b\x3d\x3f-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(value: str) -> str:
    """Escape character data; what XML cannot hold becomes U+FFFD."""
    if not _NEEDS_WORK.search(value):
        return value
    clean = _NOT_XML.sub("\ufffd", value)
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def attribute(value: str) -> str:
    """Escape an attribute value, to be put between double quotes."""
    return text(value).replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;")


def empty_element(namespace: str, name: str) -> str:
    """Return an empty element in any namespace; `D` is taken for DAV: in the whole document."""
    if namespace == "DAV:":
        return f"<D:{name}/>"
    if namespace == _XML_NAMESPACE:
        return f"<xml:{name}/>"
    if not namespace:
        return f'<{name} xmlns=""/>'
    return f'<x:{name} xmlns:x="{attribute(namespace)}"/>'
