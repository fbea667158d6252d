"""Make many small but real JPEG files with distinct EXIF dates, quickly: the load of the benchmarks.

One picture is encoded once; per file the EXIF date, a serial number and some noise behind the end marker
change, so that every file has its own hash, date and size. Not part of the product.
"""

from __future__ import annotations

import io
import random
import struct
import sys
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image

DATE = b"2000:01:01 00:00:00"
CAMERAS = (("Canon", "EOS R6"), ("Apple", "iPhone 13"), ("SONY", "ILCE-7M3"), ("NIKON", "Z 6"))


def _ifd(entries: list[tuple[int, int, bytes]], offset: int) -> bytes:
    """Lay out one little-endian IFD of ASCII entries whose values follow it directly."""
    head = struct.pack("<H", len(entries))
    values = b""
    at = offset + 2 + 12 * len(entries) + 4
    for tag, kind, raw in entries:
        if kind == 4:
            head += struct.pack("<HHI4s", tag, kind, 1, raw)
            continue
        head += struct.pack("<HHII", tag, kind, len(raw), at + len(values))
        values += raw + b"\0" * (len(raw) % 2)
    return head + struct.pack("<I", 0) + values


def _exif(make: str, model: str) -> bytes:
    texts = [(0x010F, 2, make.encode() + b"\0"), (0x0110, 2, model.encode() + b"\0")]
    length = len(_ifd([*texts, (0x8769, 4, b"\0" * 4)], 8))
    pointer = struct.pack("<I", 8 + length)
    first = _ifd([*texts, (0x8769, 4, pointer)], 8)
    second = _ifd([(0x9003, 2, DATE + b"\0")], 8 + length)
    return b"Exif\0\0II*\0\x08\0\0\0" + first + second


def templates() -> list[bytes]:
    picture = Image.effect_noise((320, 240), 60).convert("RGB")
    found = []
    for make, model in CAMERAS:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=80, exif=_exif(make, model))
        found.append(buffer.getvalue())
    return found


def make_photos(
    folder: Path, count: int, *, per_folder: int = 500, seed: int = 7, pad_bytes: int = 60_000
) -> None:
    """Write `count` files `DCIM/0000/IMG_00001.JPG` …; names repeat every 9,999 as on a camera.

    A folder that holds exactly so many files already is left as it is (`--work` of an earlier run).

    Args:
        folder: created if it is missing.
        count: how many.
        per_folder: files per directory.
        seed: the same seed gives the same bytes.
        pad_bytes: upper bound of the noise behind the JPEG's end marker.
    """
    if sum(1 for path in folder.rglob("*") if path.is_file()) == count:
        return
    rng = random.Random(seed)
    pictures = templates()
    noise = rng.randbytes(pad_bytes)
    start = datetime(2005, 1, 1)  # noqa: DTZ001 - a camera's wall clock
    for index in range(count):
        parent = folder / "DCIM" / f"{index // per_folder:04d}"
        if index % per_folder == 0:
            parent.mkdir(parents=True, exist_ok=True)
        taken = start + timedelta(seconds=index * 30_011)
        date = taken.strftime("%Y:%m:%d %H:%M:%S").encode()
        body = pictures[index % len(pictures)].replace(DATE, date)
        tail = struct.pack("<Q", index) + noise[: rng.randrange(1, pad_bytes)]
        (parent / f"IMG_{index % 9_999 + 1:05d}.JPG").write_bytes(body + tail)


if __name__ == "__main__":
    make_photos(Path(sys.argv[1]), int(sys.argv[2]))
