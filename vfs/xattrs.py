"""Extended attributes of photos: what file managers, `getfattr` and scripts may ask for. Pure.

Names are constant, so that listing them costs nothing (GIO lists them for every file of a folder); an attribute
without a value is empty. Everything outside `user.` is not ours: it must be EOPNOTSUPP, because a kernel or `ls`
that hears ENODATA for `security.*` asks again for every file (25 times slower, notes of 2026).

`user.xdg.*` and `user.baloo.rating` are what KDE, GNOME and others read (freedesktop.org, CommonExtendedAttributes); a
comma inside a tag is shown as `，` there, because commas part them. `user.glassine.tags`, `albums` and `people` are exact: JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_PREFIX = b"user.glassine."
_OURS = b"user."
MAX_VALUE_BYTES = 65_536  # XATTR_SIZE_MAX of Linux: more would be E2BIG
_COMMA = "，"
_BALOO_STEPS = 2  # Baloo counts half stars: 0-10

Document = Mapping[str, Any]


def _text(key: str) -> Callable[[Document], bytes]:
    return lambda document: _cut(document[key])


def _list(key: str) -> Callable[[Document], bytes]:
    return lambda document: _fitting(document[key], lambda some: json.dumps(some, ensure_ascii=False))


def _capture(key: str) -> Callable[[Document], bytes]:
    return lambda document: _cut((document["capture"] or {}).get(key))


def _location(key: str) -> Callable[[Document], bytes]:
    return lambda document: _cut(next((location[key] for location in document["locations"]), None))


def _xdg_tags(document: Document) -> bytes:
    return _fitting([tag.replace(",", _COMMA) for tag in document["tags"]], ",".join)


def _baloo_rating(document: Document) -> bytes:
    rating = document["rating"]
    return b"" if rating is None else b"%d" % (rating * _BALOO_STEPS)


def _rating(document: Document) -> bytes:
    rating = document["rating"]
    return b"" if rating is None else b"%d" % rating


def _place(document: Document) -> bytes:
    """Return city, region and country, as people write them."""
    place = document["place"] or {}
    return _cut(", ".join(place[level] for level in ("city", "region", "country") if place.get(level)))


def _favorite(document: Document) -> bytes:
    return b"yes" if document["favorite"] else b""


_VALUES: dict[bytes, Callable[[Document], bytes]] = {
    b"user.mime_type": _text("mime"),
    b"user.xdg.tags": _xdg_tags,
    b"user.xdg.comment": _text("description"),
    b"user.baloo.rating": _baloo_rating,
    _PREFIX + b"uid": _text("uid"),
    _PREFIX + b"hash": _text("hash"),
    _PREFIX + b"capture": _capture("local"),
    _PREFIX + b"source": _capture("source"),
    _PREFIX + b"volume": _location("volume"),
    _PREFIX + b"state": _location("state"),
    _PREFIX + b"title": _text("title"),
    _PREFIX + b"rating": _rating,
    _PREFIX + b"label": _text("label"),
    _PREFIX + b"favorite": _favorite,
    _PREFIX + b"tags": _list("tags"),
    _PREFIX + b"albums": _list("albums"),
    _PREFIX + b"people": _list("people"),
    _PREFIX + b"place": _place,
    _PREFIX + b"trashed": _text("trashed_at"),
}
NAMES: tuple[bytes, ...] = tuple(_VALUES)


def is_supported(name: bytes) -> bool:
    """Tell whether the name is in the one namespace that we have."""
    return name.startswith(_OURS)


def value(document: Document, name: bytes) -> bytes:
    """Return one attribute of a photo from its document (CLI.md); KeyError for a name that is not in `NAMES`."""
    return _VALUES[name](document)


def _cut(text: str | None) -> bytes:
    """Return a text that the kernel takes, cut on a code-point boundary."""
    encoded = (text or "").encode()
    return (
        encoded
        if len(encoded) <= MAX_VALUE_BYTES
        else encoded[:MAX_VALUE_BYTES].decode("utf-8", "ignore").encode()
    )


def _fitting(elements: Sequence[str], join: Callable[[Sequence[str]], str]) -> bytes:
    """Return as many whole elements as the kernel takes; empty without any."""
    kept = list(elements)
    while kept:
        joined = join(kept).encode()
        if len(joined) <= MAX_VALUE_BYTES:
            return joined
        kept = kept[: len(kept) * MAX_VALUE_BYTES // (len(joined) + 1)]
    return b""
