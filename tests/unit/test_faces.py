"""Face regions become upright exactly as pictures do; their uids do not depend on how a writer rounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from catalog.faces import region_uid, upright
from catalog.facts import FaceRegion
from catalog.ids import ALPHABET, UID_LENGTH

WIDTH, HEIGHT = 40, 20


def painted(box: tuple[int, int, int, int], orientation: int) -> Image.Image:
    """Return a stored picture with a white face in it (left, top, right, bottom) and an orientation to be applied."""
    image = Image.new("L", (WIDTH, HEIGHT))
    image.paste(255, box)
    image.getexif()[0x0112] = orientation
    return image


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("box", [(2, 4, 10, 6), (30, 12, 40, 20), (0, 0, 3, 19)])
def test_a_region_is_where_pillow_puts_the_face(box: tuple[int, int, int, int], orientation: int) -> None:
    left, top, right, bottom = box
    region = FaceRegion("Anna", left / WIDTH, top / HEIGHT, (right - left) / WIDTH, (bottom - top) / HEIGHT)
    shown = ImageOps.exif_transpose(painted(box, orientation))
    face = shown.getbbox()
    assert face is not None
    found = upright(region, orientation)
    assert found.name == "Anna"
    assert (
        found.x * shown.width,
        found.y * shown.height,
        (found.x + found.w) * shown.width,
        (found.y + found.h) * shown.height,
    ) == pytest.approx(face)


@pytest.mark.parametrize("orientation", [None, 0, 1, 9, -3])
def test_what_is_no_orientation_turns_nothing(orientation: int | None) -> None:
    region = FaceRegion(None, 0.1, 0.2, 0.3, 0.4)
    assert upright(region, orientation) == region


@given(st.integers(1, 8), st.floats(0, 1), st.floats(0, 1), st.floats(0.001, 1), st.floats(0.001, 1))
def test_an_upright_region_stays_within_the_picture(
    orientation: int, x: float, y: float, w: float, h: float
) -> None:
    region = FaceRegion(None, x, y, min(w, 1 - x), min(h, 1 - y))
    found = upright(region, orientation)
    assert min(found.x, found.y) >= 0
    assert max(found.x + found.w, found.y + found.h) <= 1 + 1e-6


def test_a_region_has_the_same_uid_however_its_digits_were_rounded() -> None:
    uid = region_uid(FaceRegion("Anna", 0.1, 0.2, 0.3, 0.4))
    assert uid == region_uid(FaceRegion("Anna", 0.100004, 0.2, 0.3, 0.399999))
    assert len(uid) == UID_LENGTH
    assert set(uid) <= set(ALPHABET)


def test_another_name_or_place_is_another_region() -> None:
    known = FaceRegion("Anna", 0.1, 0.2, 0.3, 0.4)
    others = [
        FaceRegion("Ben", 0.1, 0.2, 0.3, 0.4),
        FaceRegion(None, 0.1, 0.2, 0.3, 0.4),
        FaceRegion("Anna", 0.1, 0.2, 0.3, 0.5),
    ]
    assert len({region_uid(one) for one in (known, *others)}) == 4
