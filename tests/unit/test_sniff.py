"""Bytes say what a file is; the name only chooses among formats that begin alike."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from daemon.media.sniff import sniff
from daemon.media.source import ByteSource

ASF = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(24)


def ftyp(brand: bytes) -> bytes:
    return struct.pack(">I4s4sI4s", 20, b"ftyp", brand, 0, b"zzzz") + bytes(40)


@pytest.mark.parametrize(
    ("head", "name", "mime"),
    [
        (ASF, b"song.wma", "audio/x-ms-wma"),
        (ASF, b"film.wmv", "video/x-ms-wmv"),
        (ASF, b"film.jpg", "video/x-ms-wmv"),
        (ftyp(b"hhhh"), b"broken.heic", "image/heic"),
        (ftyp(b"hhhh"), b"broken.mp4", "video/mp4"),
        (ftyp(b"isom"), b"wrong.heic", "video/mp4"),
        (ftyp(b"heic"), b"wrong.mp4", "image/heic"),
        (ftyp(b"qt  "), b"wrong.heic", "video/quicktime"),
        (b"\xff\xd8\xff\xe0" + bytes(40), b"wrong.heic", "image/jpeg"),
        (b"plain text", b"wrong.jpg", None),
    ],
)
def test_the_first_bytes_decide(tmp_path: Path, head: bytes, name: bytes, mime: str | None) -> None:
    path = tmp_path / "file"
    path.write_bytes(head)
    with path.open("rb") as file:
        assert sniff(ByteSource(file.fileno(), len(head)), name) == mime
