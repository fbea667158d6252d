"""Extended attributes of photos: what file managers, `getfattr` and scripts may ask for. Pure.

Names are constant, so that listing them costs nothing (GIO lists them for every file of a folder); an attribute
without a value is empty. Everything outside `user.` is not ours: it must be EOPNOTSUPP, because a kernel or `ls`
that hears ENODATA for `security.*` asks again for every file (25 times slower, notes of 2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PREFIX = "user.glassine."
MIME = b"user.mime_type"
NAMES: tuple[bytes, ...] = (
    MIME,
    *(f"{_PREFIX}{field}".encode() for field in ("uid", "hash", "capture", "source", "volume", "state")),
)
_OURS = b"user."


def is_supported(name: bytes) -> bool:
    """Tell whether the name is in the one namespace that we have."""
    return name.startswith(_OURS)


def values(document: Mapping[str, Any]) -> dict[bytes, bytes]:
    """Return every attribute of a photo from its document (CLI.md)."""
    capture = document["capture"] or {}
    location = next(iter(document["locations"]), {"volume": None, "state": None})
    fields = (
        document["mime"],
        document["uid"],
        document["hash"],
        capture.get("local"),
        capture.get("source"),
        location["volume"],
        location["state"],
    )
    return {name: (value or "").encode() for name, value in zip(NAMES, fields, strict=True)}
