"""The rule of neighbours: whose offset a clock without one gets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from catalog.ids import AssetId, ContentId
from catalog.neighbours import WITHIN_S, Shot, zones_by_neighbours

HOUR = 3600
DSLR, PHONE, ANOTHER = 1, 2, 3


def _shot(number: int, hours: float, camera: int | None, offset_min: int | None = None) -> Shot:
    return Shot(ContentId(number), AssetId(number), camera, int(hours * HOUR), offset_min)


def _told(*shots: Shot) -> dict[int, tuple[int, int | None]]:
    """Return for each answered photo: who told, and what."""
    return {number: (one.content_id, one.offset_min) for number, one in zones_by_neighbours(shots).items()}


def test_the_nearest_photo_of_the_same_camera_tells_the_offset() -> None:
    told = _told(_shot(1, 0, DSLR, 120), _shot(2, 1, DSLR), _shot(3, 9, DSLR, 120))
    assert told == {2: (1, 120)}


def test_one_side_is_enough_of_the_same_camera() -> None:
    assert _told(_shot(1, 5, DSLR), _shot(2, 9, DSLR, 120)) == {1: (2, 120)}
    assert _told(_shot(1, 5, DSLR, 120), _shot(2, 9, DSLR)) == {2: (1, 120)}


def test_between_two_offsets_of_one_camera_nobody_knows() -> None:
    assert _told(_shot(1, 0, DSLR, 120), _shot(2, 5, DSLR), _shot(3, 9, DSLR, 540)) == {}


def test_beyond_twelve_hours_nobody_is_a_neighbour() -> None:
    assert _told(_shot(1, 0, DSLR, 120), _shot(2, 12.01, DSLR)) == {}
    assert _told(_shot(1, 0, DSLR, 120), _shot(2, 12, DSLR)) == {2: (1, 120)}
    assert _told(_shot(1, 0, DSLR, 120), _shot(2, 5, DSLR), _shot(3, 30, DSLR, 540)) == {2: (1, 120)}


def test_another_camera_tells_it_only_from_both_sides() -> None:
    assert _told(_shot(1, 0, PHONE, 120), _shot(2, 5, DSLR)) == {}
    assert _told(_shot(1, 0, PHONE, 120), _shot(2, 5, DSLR), _shot(3, 6, PHONE, 120)) == {2: (3, 120)}
    assert _told(_shot(1, 0, PHONE, 120), _shot(2, 5, DSLR), _shot(3, 6, ANOTHER, 540)) == {}


def test_the_same_camera_is_asked_before_a_nearer_other_one() -> None:
    told = _told(
        _shot(1, 4.9, PHONE, 540), _shot(2, 5, DSLR), _shot(3, 5.1, PHONE, 540), _shot(4, 8, DSLR, 120)
    )
    assert told == {2: (4, 120)}


def test_the_same_camera_in_two_minds_is_not_overruled_by_another() -> None:
    shots = [
        _shot(1, 0, DSLR, 120),
        _shot(2, 5, DSLR),
        _shot(3, 9, DSLR, 540),
        _shot(4, 4, PHONE, 60),
        _shot(5, 6, PHONE, 60),
    ]
    assert _told(*shots) == {}


def test_unknown_cameras_are_not_one_camera() -> None:
    assert _told(_shot(1, 0, None, 120), _shot(2, 1, None)) == {}
    assert _told(_shot(1, 0, None, 120), _shot(2, 1, None), _shot(3, 2, None, 120)) == {2: (1, 120)}


def test_who_got_an_offset_here_tells_nobody() -> None:
    # 11 hours between each: an offset that was passed on would travel for ever.
    told = _told(_shot(1, 0, DSLR, 120), _shot(2, 11, DSLR), _shot(3, 22, DSLR), _shot(4, 33, DSLR))
    assert told == {2: (1, 120)}


_SHOTS = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from([DSLR, PHONE, ANOTHER, None]),
        st.sampled_from([None, None, 60, 120]),
    ),
    max_size=14,
).map(lambda rows: [_shot(number, *row) for number, row in enumerate(rows, 1)])


def _slowly(shots: list[Shot]) -> dict[int, int]:
    """Say the rule again in the simplest words: look at everybody for everybody."""
    found = {}
    for shot in shots:
        if shot.offset_min is not None:
            continue
        for is_same in (True, False):
            others = [
                one for one in shots if one.offset_min is not None
                and (one.camera is not None and one.camera == shot.camera) == is_same
            ]  # fmt: skip
            place = (shot.second, shot.content_id)
            before = [one for one in others if (one.second, one.content_id) < place]
            after = [one for one in others if (one.second, one.content_id) > place]
            ends = [max(before, key=lambda one: (one.second, one.content_id))] if before else []
            ends += [min(after, key=lambda one: (one.second, one.content_id))] if after else []
            near = [one for one in ends if abs(one.second - shot.second) <= WITHIN_S]
            if (is_same and near) or len(near) == 2:
                offsets = {one.offset_min for one in near}
                if len(offsets) == 1:
                    found[shot.content_id] = offsets.pop()
                break
    return found


@given(_SHOTS, st.randoms())
def test_two_walks_find_what_looking_at_everybody_finds_in_any_order(
    shots: list[Shot], random: object
) -> None:
    shuffled = list(shots)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    answers = {number: one.offset_min for number, one in zones_by_neighbours(shuffled).items()}
    assert answers == _slowly(shots)
