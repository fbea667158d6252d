"""Files of the freedesktop thumbnail specification: names, what a PNG says of its original, and writing one. Pure but for that.

https://specifications.freedesktop.org/thumbnail-spec/latest/ : `$XDG_CACHE_HOME/thumbnails/<size>/<md5 of the URI>.png`, mode
0600 in directories of mode 0700, with the original's URI, time in whole seconds and size as text chunks. A file manager that
finds one with the right time does not open the original. URIs are written as GLib writes them (`g_filename_to_uri`), because
their digest is the name. Must not know: the catalog, and where pictures come from.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_from_bytes

# Directory -> long edge in pixels.
SIZES: Mapping[str, int] = {"normal": 128, "large": 256}
_UNESCAPED = "!$&'()*+,-./:=@_~"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_IHDR_END = len(_SIGNATURE) + 25
_MOST_BYTES = 1024 * 1024  # 256 x 256 pixels of noise are 200 KB
_HEAD_BYTES = 8192
DIRECTORY_MODE, FILE_MODE = 0o700, 0o600


@dataclass(frozen=True, slots=True)
class Original:
    """What a thumbnail says of the file that it stands for."""

    uri: str
    mtime_s: int
    size_bytes: int
    mime: str

    def texts(self) -> dict[str, str]:
        """Return the text chunks."""
        return {
            "Thumb::URI": self.uri,
            "Thumb::MTime": str(self.mtime_s),
            "Thumb::Size": str(self.size_bytes),
            "Thumb::Mimetype": self.mime,
            "Software": "Glassine",
        }


def uri_of(path: bytes) -> str:
    """Return the URI of an absolute path."""
    return "file://" + quote_from_bytes(path, safe=_UNESCAPED)


def thumbnails_dir(environ: Mapping[str, str]) -> Path | None:
    """Return where the user's thumbnails are; None = this user has no place for them."""
    chosen = environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(chosen):
        return Path(chosen) / "thumbnails"
    home = environ.get("HOME", "")
    return Path(home) / ".cache" / "thumbnails" if os.path.isabs(home) else None


def path_of(directory: Path, size: str, uri: str) -> Path:
    """Return where the thumbnail of a URI is, or would be."""
    digest = hashlib.md5(uri.encode(), usedforsecurity=False).hexdigest()
    return directory / size / f"{digest}.png"


def is_fresh(path: Path, original: Original) -> bool:
    """Tell whether there is a thumbnail that a file manager would believe."""
    try:
        with open(path, "rb") as file:
            said = dict(_texts(file.read(_HEAD_BYTES)))
    except OSError:
        return False
    return (said.get("Thumb::URI"), said.get("Thumb::MTime")) == (original.uri, str(original.mtime_s))


def with_texts(png: bytes, original: Original, *, edge_px: int) -> bytes:
    """Return a PNG of a worker with what it says of the original.

    Raises:
        ValueError: that is no PNG of this size.
    """
    head = png[:_IHDR_END]
    if not _IHDR_END < len(png) <= _MOST_BYTES or not head.startswith(_SIGNATURE) or head[12:16] != b"IHDR":
        raise ValueError("no PNG")
    width, height = struct.unpack_from(">II", head, 16)
    if not (0 < width <= edge_px and 0 < height <= edge_px):
        raise ValueError(f"a thumbnail of {width} x {height} pixels")
    texts = b"".join(
        _chunk(b"tEXt", f"{key}\0{text}".encode("latin-1")) for key, text in original.texts().items()
    )
    return head + texts + png[_IHDR_END:]


def write(path: Path, body: bytes) -> None:
    """Write a thumbnail whole or not at all. Raises OSError."""
    os.makedirs(path.parent, mode=DIRECTORY_MODE, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE), "wb"
        ) as file:
            file.write(body)
        os.rename(part, path)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        raise


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _texts(head: bytes) -> Iterator[tuple[str, str]]:
    """Yield the text chunks of the beginning of a PNG."""
    at = len(_SIGNATURE)
    while at + 8 <= len(head):
        (length,) = struct.unpack_from(">I", head, at)
        kind, content = head[at + 4 : at + 8], head[at + 8 : at + 8 + length]
        if kind == b"tEXt":
            key, _, text = content.partition(b"\0")
            yield key.decode("latin-1"), text.decode("latin-1")
        at += 12 + length
