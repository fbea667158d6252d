"""The pixel hash: the same for the same pixels whatever is said about them, none for what is no whole JPEG."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from capabilities import require
from daemon.volume_process.pixels import PixelHash
from media_files import ExifSpec, heic, jpeg, movie, pixels, png, xmp_packet

MODES: dict[str, dict[str, Any]] = {
    "baseline": {},
    "optimised": {"optimize": True},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 1},
    "progressive with restarts": {"progressive": True, "restart_marker_rows": 1},
}


def _encoded(seed: int = 0, *, mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    noise = Image.effect_noise((96, 64), 90).convert("RGB") if seed < 0 else pixels(96, 64, seed)
    noise.convert(mode).save(buffer, "JPEG", quality=85, **options)
    return buffer.getvalue()


def _hash(content: bytes, step: int = 1 << 20) -> bytes | None:
    pixel_hash = PixelHash()
    for at in range(0, len(content), step):
        pixel_hash.feed(memoryview(content)[at : at + step])
    return pixel_hash.digest


@pytest.mark.parametrize("options", MODES.values(), ids=MODES)
def test_taking_all_metadata_out_and_writing_tags_keep_the_pixel_hash(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    require("exiftool")
    content = _encoded(-1, comment=b"made by hand", **options)
    file = tmp_path / "a.jpg"
    file.write_bytes(content)
    before = _hash(content)
    assert before is not None
    for changes in (
        ["-Artist=A", "-XMP:Subject=b", "-IPTC:City=C"],
        ["-all="],
        ["-Comment=new", "-Rating=3"],
    ):
        subprocess.run(["exiftool", "-q", "-overwrite_original", *changes, str(file)], check=True)
        assert file.read_bytes() != content
        assert _hash(file.read_bytes()) == before


def test_a_cmyk_jpeg_keeps_it_too_and_its_adobe_marker_counts(tmp_path: Path) -> None:
    require("exiftool")
    content = _encoded(mode="CMYK")
    file = tmp_path / "a.jpg"
    file.write_bytes(content)
    subprocess.run(["exiftool", "-q", "-overwrite_original", "-Artist=A", str(file)], check=True)
    assert _hash(file.read_bytes()) == _hash(content) is not None
    at = content.index(b"\xff\xee")
    changed = content[: at + 15] + bytes((content[at + 15] ^ 2,)) + content[at + 16 :]
    assert _hash(changed) not in (None, _hash(content))


def test_metadata_in_front_and_bytes_behind_do_not_count() -> None:
    plain = _hash(jpeg())
    assert plain is not None
    assert _hash(jpeg(exif=ExifSpec(make="A"), xmp=xmp_packet({"xmp:CreateDate": "2019"}))) == plain
    assert _hash(jpeg() + b"a movie " * 100) == plain
    assert _hash(jpeg() + jpeg(seed=3)) == plain
    assert _hash(jpeg().replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1)) == plain  # fill bytes


def test_other_pixels_and_other_tables_are_another_hash() -> None:
    found = {_hash(_encoded(seed)) for seed in range(5)} | {_hash(_encoded(0, progressive=True))}
    assert None not in found
    assert len(found) == 6
    content = _encoded()
    at = content.index(b"\xff\xdb") + 10
    assert _hash(content[:at] + bytes((content[at] ^ 1,)) + content[at + 1 :]) not in (None, _hash(content))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"\xff\xd8",
        b"\xff\xd8\xff\xd9",
        b"plain text",
        jpeg()[:-2],
        jpeg()[:-1],
        jpeg()[: len(jpeg()) // 2],
        jpeg().replace(b"\xff\xdb", b"\xff\xdf", 1),
        jpeg().replace(b"\xff\xdb\x00\x43", b"\xff\xdb\x00\x01", 1),
        jpeg()[:2] + b"\x00" + jpeg()[2:],
        jpeg()[:2] + b"\xff\xd0" + jpeg()[2:],
        b"\xff\xd8\xff\xda\x00\x02data\xff\xd9",
        png(),
        heic(),
        movie(),
    ],
)
def test_what_is_no_whole_jpeg_has_none(content: bytes) -> None:
    assert _hash(content) is None


WHOLE = [_encoded(seed=-1, **options) + b"\xff\xd8 behind \xff\xff" for options in MODES.values()]


@given(content=st.sampled_from(WHOLE), steps=st.lists(st.integers(1, 700), min_size=1, max_size=40))
def test_where_chunks_end_does_not_matter(content: bytes, steps: list[int]) -> None:
    pixel_hash = PixelHash()
    at, number = 0, 0
    while at < len(content):
        step = steps[number % len(steps)]
        pixel_hash.feed(content[at : at + step])
        at, number = at + step, number + 1
    assert pixel_hash.digest == _hash(content) is not None


def test_byte_by_byte_is_the_same() -> None:
    for content in WHOLE:
        assert _hash(content, 1) == _hash(content) is not None


@given(
    content=st.sampled_from(WHOLE),
    places=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6),
    step=st.integers(1, 5000),
)
def test_damaged_bytes_never_raise_and_chunks_still_do_not_matter(
    content: bytes, places: list[tuple[float, int]], step: int
) -> None:
    damaged = bytearray(content)
    for place, value in places:
        damaged[int(place * (len(damaged) - 1))] = value
    assert _hash(bytes(damaged), step) == _hash(bytes(damaged))
