"""Which embedded picture serves which size, and that exactly one orientation counts."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catalog.facts import Facts, Preview
from catalog.previews import (
    LARGE,
    LARGEST,
    MOVIE,
    SCALED_MOST_BYTES,
    SLICE_MOST_BYTES,
    SMALL,
    Chosen,
    Picture,
    Plan,
    choose,
    movie_of,
    needs_making,
    plan,
    prefix_of,
    shown_length,
    upright,
)
from previewed import is_upright, jpeg_of, picture, turned_jpeg

SIZE = 50_000_000
PHOTO = Picture(6000, 4000, 1, SIZE)


def preview(
    width: int, height: int, *, length: int = 5000, origin: str = "raw", orientation: int = 0
) -> Preview:
    """Return a preview somewhere in the file; those of one size lie at one place."""
    return Preview(origin, 1000 + width, length, width, height, orientation)


def widths(*previews: Preview, photo: Picture = PHOTO) -> dict[int, int]:
    """Return slot -> width of what serves it."""
    return {one.slot: one.width for one in choose(previews, photo)}


@pytest.mark.parametrize(
    ("edges", "wanted"),
    [
        ([], {}),
        ([160], {SMALL: 160, LARGEST: 160}),
        ([639], {SMALL: 639, LARGEST: 639}),
        ([640], {SMALL: 640, LARGE: 640, LARGEST: 640}),
        ([160, 320, 1620], {SMALL: 320, LARGE: 1620, LARGEST: 1620}),
        ([160, 1023, 1024, 6000], {SMALL: 1023, LARGE: 1024, LARGEST: 6000}),
        ([255, 900], {SMALL: 900, LARGE: 900, LARGEST: 900}),
        ([63], {}),
    ],
)
def test_the_smallest_that_is_large_enough_serves_a_size(edges: list[int], wanted: dict[int, int]) -> None:
    assert widths(*(preview(edge, edge * 2 // 3) for edge in edges)) == wanted


def test_nothing_of_megabytes_is_a_thumbnail() -> None:
    large = preview(6000, 4000, length=SLICE_MOST_BYTES + 1)
    assert widths(preview(160, 120), large) == {SMALL: 160, LARGE: 6000, LARGEST: 6000}
    assert widths(large) == {LARGE: 6000, LARGEST: 6000}


@pytest.mark.parametrize(
    "bad",
    [
        Preview("heif", 1000, 5000, 320, 240),
        Preview("raw", -1, 5000, 320, 240),
        Preview("raw", SIZE - 4999, 5000, 320, 240),
        Preview("raw", 1000, 0, 320, 240),
        Preview("raw", 1000, 5000, 0, 0),
        Preview("raw", 1000, 5000, 320, 70_000),
        Preview("raw", "1000", 5000, 320, 240),  # type: ignore[arg-type]
        Preview("raw", 1000, 1 << 80, 320, 240),
    ],
)
def test_what_cannot_be_a_slice_is_never_served(bad: Preview) -> None:
    assert choose([bad], PHOTO) == []


def orientation(one: Preview, photo: Picture) -> int:
    """Return what is put in front of the largest."""
    return choose([one], photo)[-1].orientation


@pytest.mark.parametrize("said", range(1, 9))
def test_the_photos_orientation_is_put_in_front_of_a_preview_that_says_none(said: int) -> None:
    assert orientation(preview(320, 213), PHOTO._replace(orientation=said)) == said


@pytest.mark.parametrize("own", range(1, 9))
def test_a_preview_that_says_its_own_orientation_gets_no_second_one(own: int) -> None:
    assert orientation(preview(320, 213, orientation=own), PHOTO._replace(orientation=8)) == 1


def test_a_preview_whose_pixels_were_turned_already_stays_as_it_is() -> None:
    assert orientation(preview(213, 320), PHOTO._replace(orientation=6)) == 1
    assert orientation(preview(320, 240), Picture(None, None, 6, SIZE)) == 6


def test_a_thumbnail_of_a_picture_that_was_turned_without_it_is_stale() -> None:
    upright_now = Picture(4000, 6000, 1, SIZE)
    assert choose([preview(160, 120)], upright_now) == []
    assert widths(preview(160, 160), photo=upright_now) == {SMALL: 160, LARGEST: 160}
    assert widths(preview(160, 120), photo=Picture(3000, 3000, 1, SIZE)) == {SMALL: 160, LARGEST: 160}


@pytest.mark.parametrize("said", range(1, 9))
def test_what_stands_in_front_is_read_by_a_viewer_and_has_the_length_that_is_promised(said: int) -> None:
    body = jpeg_of(picture(60, 40))
    shown = upright(body, said)
    assert len(shown) == shown_length(len(body), said)
    assert Image.open(io.BytesIO(shown)).getexif().get(0x0112, 1) == said
    assert shown == body if said == 1 else shown.endswith(body[2:])


def test_a_turned_slice_is_shown_upright() -> None:
    stored = turned_jpeg(160, 120)
    assert not is_upright(stored)
    assert is_upright(upright(stored, 6))


@pytest.mark.parametrize("value", [0, 1, 9, -3, 65_535])
def test_no_orientation_and_nonsense_put_nothing_in_front(value: int) -> None:
    assert prefix_of(value) == b""


def test_the_segment_in_front_is_a_whole_app1_segment() -> None:
    made = prefix_of(6)
    assert made[:4] == b"\xff\xd8\xff\xe1"
    assert struct.unpack(">H", made[4:6]) == (len(made) - 4,)


@pytest.mark.parametrize(
    ("motion", "wanted"),
    [
        ([1000, 500], Chosen(MOVIE, 1000, 500, 0, 0, 1)),
        ([SIZE - 500, 500], Chosen(MOVIE, SIZE - 500, 500, 0, 0, 1)),
        ([SIZE - 499, 500], None),
        ([0, 500], None),
        ([1000, -1], None),
        ([1000], None),
        (None, None),
        ("1000", None),
        ([1.5, 500], None),
    ],
)
def test_the_movie_of_a_motion_photo_lies_in_the_file(motion: object, wanted: Chosen | None) -> None:
    assert movie_of(motion, SIZE) == wanted


MEGABYTES = SLICE_MOST_BYTES + 1


def planned(*previews: Preview, is_raw: bool = True) -> Plan:
    """Return the plan of a photo."""
    facts = Facts("photo", "image/x-canon-cr2", width=6000, height=4000, is_raw=is_raw, previews=previews)
    return plan(facts, 2 * SCALED_MOST_BYTES)


@pytest.mark.parametrize(
    ("sizes", "scaled", "copied", "source"),
    [
        # (long edge, bytes) of the previews; slots made, slots copied, long edge of what they are made from
        ([(160, 5000), (6000, MEGABYTES)], (SMALL, LARGE), (), 6000),
        ([(6000, MEGABYTES)], (SMALL, LARGE), (), 6000),
        ([(255, 5000), (6000, MEGABYTES)], (SMALL, LARGE), (), 6000),
        ([(256, 5000), (6000, MEGABYTES)], (LARGE,), (SMALL,), 6000),
        ([(160, 5000), (570, 9000), (6000, MEGABYTES)], (LARGE,), (SMALL,), 6000),
        ([(160, 5000), (640, 9000), (6000, MEGABYTES)], (LARGE,), (SMALL,), 6000),
        ([(160, 5000), (1500, MEGABYTES), (6000, MEGABYTES)], (SMALL, LARGE), (), 1500),
        ([(160, 5000), (1024, 9000), (6000, MEGABYTES)], (), (SMALL,), None),
        ([(160, 5000), (500, MEGABYTES)], (SMALL,), (), 500),
        ([(6000, SCALED_MOST_BYTES)], (SMALL, LARGE), (), 6000),
        ([(160, 5000), (6000, SCALED_MOST_BYTES + 1)], (), (SMALL,), None),
        ([(160, 5000)], (), (SMALL,), None),
        ([], (), (), None),
    ],
)
def test_where_slices_are_too_small_or_of_megabytes_a_size_is_made_from_a_large_one(
    sizes: list[tuple[int, int]], scaled: tuple[int, ...], copied: tuple[int, ...], source: int | None
) -> None:
    previews = [preview(edge, edge * 2 // 3, length=length) for edge, length in sizes]
    found = planned(*previews, is_raw=bool(sizes))
    assert (found.scaled, tuple(one.slot for one in found.copied)) == (scaled, copied)
    assert (None if found.source is None else found.source.width) == source
    assert found.is_making == bool(scaled)
    assert found.has_pictures == bool(sizes)


def test_what_was_made_stands_in_place_of_slices_and_the_largest_stays_one() -> None:
    found = planned(preview(160, 120), preview(6000, 4000, length=MEGABYTES))
    made = [Chosen(SMALL, None, 9000, 256, 171, 1), Chosen(LARGE, None, 90_000, 1024, 683, 1)]
    assert [one.slot for one in found.rows] == [LARGEST, SMALL, LARGE]
    assert found.with_made(made) == [found.rows[0], *made]
    assert found.with_made(made[:1]) == list(found.rows)
    assert found.with_made([]) == list(found.rows)
    assert planned(preview(160, 120)).with_made(made) == [*planned(preview(160, 120)).rows]


def test_what_a_decoder_gave_is_the_largest_too() -> None:
    found = planned()
    assert found.decoded == (1, True)
    made = [Chosen(SMALL, None, 9000, 256, 171, 1), Chosen(LARGE, None, 90_000, 1024, 683, 1)]
    assert found.with_made(made) == [made[1]._replace(slot=LARGEST), *made]
    assert found.with_made(found.with_made(made)) == found.with_made(made)
    assert found.with_made(made[:1]) == [made[0]._replace(slot=LARGEST), made[0]]
    assert found.with_made(made[1:]) == []


def test_only_what_has_no_slice_is_given_to_a_decoder() -> None:
    item = Preview("heif", 1000, 5000, 320, 240)
    assert needs_making([item], is_raw=False, has_slice=False)
    assert needs_making([], is_raw=True, has_slice=False)
    assert not needs_making([item], is_raw=True, has_slice=True)
    assert not needs_making([], is_raw=False, has_slice=False)


_NUMBERS = st.integers(-(2**40), 2**40)
_PREVIEWS = st.builds(
    Preview,
    st.sampled_from(["exif", "mpf", "raw", "heif", "psd", "cover", "other"]),
    _NUMBERS,
    _NUMBERS,
    st.integers(0, 70_000),
    st.integers(0, 70_000),
    st.integers(-1, 9),
)


@given(st.lists(_PREVIEWS, max_size=8), st.integers(0, 2**40), st.integers(-1, 9))
def test_whatever_facts_say_a_slice_lies_in_the_file_and_slots_are_once(
    previews: list[Preview], size: int, said: int
) -> None:
    found = choose(previews, Picture(6000, 4000, said, size))
    assert len({one.slot for one in found}) == len(found)
    for one in found:
        assert one.offset is not None
        assert 0 <= one.offset < one.offset + one.length <= size
        assert 1 <= one.orientation <= 8
