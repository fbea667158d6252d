"""What an embedded preview says of its own orientation, read from the bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catalog.facts import Preview
from daemon.media.draft import Draft
from daemon.media.preview_probe import probe_previews
from daemon.media.source import MemorySource
from previewed import jpeg_of, picture


def with_exif(orientation: int | None) -> bytes:
    """Return a JPEG with EXIF; None = an EXIF block that says nothing about it."""
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    if orientation is not None:
        exif[0x0112] = orientation
    return jpeg_of(picture(64, 48), exif=exif.tobytes())


def probed(body: bytes, *, origin: str = "raw", at: int = 100) -> int:
    """Return what is noted of a preview that lies in a file."""
    draft = Draft(kind="photo", mime="image/x-canon-cr2")
    draft.previews = [Preview(origin, at, len(body), 64, 48)]
    probe_previews(MemorySource(bytes(at) + body + bytes(50)), draft)
    return draft.previews[0].orientation


@pytest.mark.parametrize("said", range(1, 9))
def test_an_orientation_that_a_preview_says_is_noted(said: int) -> None:
    assert probed(with_exif(said)) == said


@pytest.mark.parametrize(
    "body", [jpeg_of(picture(64, 48)), with_exif(None), with_exif(0), with_exif(9), b"\xff\xd8"]
)
def test_a_preview_that_says_none_or_nonsense_has_none(body: bytes) -> None:
    assert probed(body) == 0


def test_thumbnails_of_an_exif_block_are_not_looked_at() -> None:
    assert probed(with_exif(6), origin="exif") == 0


@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_bytes_defeat_it(noise: bytes, cut: int) -> None:
    whole = with_exif(6)
    probed(b"\xff\xd8\xff\xe1" + noise)
    probed(whole[:cut] + noise)
