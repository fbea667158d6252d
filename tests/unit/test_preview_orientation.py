"""What an embedded preview says of its own orientation, read from the bytes: exactly one may be applied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from daemon.media.draft import Draft
from daemon.media.jpeg_frames import say_preview
from daemon.media.source import MemorySource
from previewed import jpeg_of, picture

AT = 100


def with_exif(orientation: int | None) -> bytes:
    """Return a JPEG with EXIF; None = an EXIF block that says nothing about it."""
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    if orientation is not None:
        exif[0x0112] = orientation
    return jpeg_of(picture(64, 48), exif=exif.tobytes())


def told(body: bytes, *, origin: str = "raw") -> int | None:
    """Return what is noted of a preview that lies in a file; None = it is none."""
    draft = Draft(kind="photo", mime="image/x-canon-cr2")
    say_preview(MemorySource(bytes(AT) + body + bytes(50)), origin, AT, len(body), draft)
    return draft.previews[0].orientation if draft.previews else None


@pytest.mark.parametrize("origin", ["raw", "mpf", "exif", "psd", "cover"])
@pytest.mark.parametrize("said", range(1, 9))
def test_an_orientation_that_a_preview_says_is_noted(said: int, origin: str) -> None:
    assert told(with_exif(said), origin=origin) == said


@pytest.mark.parametrize("body", [jpeg_of(picture(64, 48)), with_exif(None), with_exif(0), with_exif(9)])
def test_a_preview_that_says_none_or_nonsense_has_none(body: bytes) -> None:
    assert told(body) == 0


def test_an_orientation_behind_other_segments_is_found() -> None:
    whole = with_exif(6)
    comment = b"\xff\xfe\x13\x88" + b"c" * 4998
    assert told(whole[:2] + comment + whole[2:]) == 6


@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_bytes_defeat_it(noise: bytes, cut: int) -> None:
    whole = with_exif(6)
    told(b"\xff\xd8\xff\xe1" + noise)
    assert told(whole[:cut] + noise) in {None, 0, *range(1, 9)}
