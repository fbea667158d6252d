"""The JPEG within another file: only one whose pixels its bytes can hold is a picture."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from daemon.media.jpeg_frames import Frame, frame_at
from daemon.media.source import MemorySource


def only_a_frame(width: int, height: int, padding: int = 0) -> bytes:
    """Return a JPEG that is nothing but a frame header and as many bytes behind it."""
    frame = struct.pack(">HBHHB9B", 17, 8, height, width, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1)
    return b"\xff\xd8\xff\xc0" + frame + b"\xff\xd9" + bytes(padding)


@pytest.mark.parametrize("padding", [0, 8_000, 60_000])
def test_a_few_bytes_that_tell_gigapixels_are_no_picture(padding: int) -> None:
    lie = only_a_frame(65_535, 65_535, padding)
    assert frame_at(MemorySource(lie), 0, len(lie)) is None


@pytest.mark.parametrize("is_progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_an_empty_picture_that_takes_the_fewest_bytes_is_one(mode: str, is_progressive: bool) -> None:
    told = io.BytesIO()
    Image.new(mode, (6_000, 4_000)).save(told, "JPEG", quality=1, optimize=True, progressive=is_progressive)
    frame = frame_at(MemorySource(told.getvalue()), 0, len(told.getvalue()))
    assert isinstance(frame, Frame)
    assert (frame.width, frame.height) == (6_000, 4_000)
