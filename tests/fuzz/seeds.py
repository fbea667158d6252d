"""Seeds of the fuzzers: small files and packets of every format, made by the tests' own generators, plus the corpus if there."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import generated_truth
import media_files as make
from sacred import corpus_dir

MAX_CORPUS_BYTES = 64 * 1024  # larger files are cut to this: what is read of them lies in front
_BESIDE = (".aae", ".txt", ".pdf", ".csv", ".html", ".xmp", ".json")
APPLE_NOTES = (
    b"Apple iOS\0\0\1MM"
    + make.tiff({0x0011: (make.ASCII, b"E905E6C6-C747-4805-942F-9904A0281F02\0")}, order=">")[8:]
)


@cache
def file_seeds() -> tuple[tuple[str, bytes], ...]:
    """Return (extension, bytes): generated ones first, then those of the corpus, in the order of their names."""
    return (*generated_truth.seeds(), *_of_corpus())


def _of_corpus() -> tuple[tuple[str, bytes], ...]:
    corpus = corpus_dir()
    paths = sorted((corpus / "media").rglob("*")) if corpus is not None else []
    return tuple(
        (path.suffix.lower().lstrip(".") or "bin", _head_of(path))
        for path in paths
        if path.is_file() and path.stat().st_size and path.suffix.lower() not in _BESIDE
    )


def _head_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_CORPUS_BYTES)


@cache
def xmp_seeds() -> tuple[bytes, ...]:
    """Return packets: generated ones, those that other programs wrote, and one in each encoding."""
    packets = [
        *generated_truth.packets(),
        make.xmp_packet({"exif:DateTimeOriginal": "2019-08-07T14:33:02+02:00"}),
    ]
    text = packets[0].decode()
    packets += [
        text.encode("utf-16"),
        text.encode("utf-16-be"),
        text.encode("utf-32"),
        text.encode("utf-8-sig"),
    ]
    corpus = corpus_dir()
    if corpus is not None:
        packets += [
            path.read_bytes()[:MAX_CORPUS_BYTES] for path in sorted((corpus / "media").rglob("*.xmp"))
        ]
    return tuple(one for one in packets if one)


@cache
def takeout_seeds() -> tuple[bytes, ...]:
    """Return documents as Takeout writes them beside photos."""
    document = {
        "title": "IMG_1.jpg",
        "description": "words",
        "photoTakenTime": {"timestamp": "1565187182", "formatted": "x"},
        "geoData": {
            "latitude": 52.5,
            "longitude": 13.4,
            "altitude": 40.0,
            "latitudeSpan": 0.0,
            "longitudeSpan": 0.0,
        },
        "geoDataExif": {"latitude": 0.0, "longitude": 0.0, "altitude": 0.0},
        "people": [{"name": "Ada"}, {"name": "Бо"}],
        "favorited": True,
        "imageViews": "3",
    }
    found = [
        json.dumps(document).encode(),
        json.dumps(document, ensure_ascii=False, indent=2).encode("utf-8-sig"),
    ]
    corpus = corpus_dir()
    if corpus is not None:
        found += [path.read_bytes()[:MAX_CORPUS_BYTES] for path in sorted((corpus / "media").rglob("*.json"))]
    return tuple(found)


@cache
def iptc_seeds() -> tuple[bytes, ...]:
    """Return Photoshop resources; records are their content."""
    return (make.iptc_block("20190807", "143302+0200"), *generated_truth.resources())
