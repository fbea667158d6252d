"""Buckets: which folders list an asset, their stored form and their paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.buckets import (
    TYPE_LABELS,
    Bucket,
    MediaType,
    View,
    bucket_from_subject,
    buckets_of,
    day_parts,
    is_always_suffixed,
    looks_like_media,
    path_of,
)


def test_a_photo_is_in_one_folder_per_view_and_type() -> None:
    found = buckets_of(
        is_shown=True,
        day=20190807,
        year=2019,
        added_day=20261120,
        types=MediaType.PHOTO | MediaType.RAW,
        camera_id=7,
    )
    assert found == {
        Bucket(View.TIMELINE, 20190807, 0),
        Bucket(View.RECENT, 20261120, 0),
        Bucket(View.TYPES, MediaType.PHOTO, 2019),
        Bucket(View.TYPES, MediaType.RAW, 2019),
        Bucket(View.CAMERAS, 7, 2019),
    }


@pytest.mark.parametrize(
    ("is_shown", "day", "year"), [(False, 20190807, 2019), (True, None, None), (True, 20190807, None)]
)
def test_what_is_not_shown_or_has_no_day_is_in_no_folder(
    is_shown: bool, day: int | None, year: int | None
) -> None:
    assert not buckets_of(is_shown=is_shown, day=day, year=year, added_day=20261120, types=1, camera_id=1)


def test_a_photo_without_a_camera_is_in_no_camera() -> None:
    found = buckets_of(is_shown=True, day=-2019, year=2019, added_day=20261120, types=1, camera_id=None)
    assert {bucket.view for bucket in found} == {View.TIMELINE, View.RECENT, View.TYPES}


@given(st.builds(Bucket, st.sampled_from([int(view) for view in View]), st.integers(), st.integers()))
def test_the_form_of_the_feed_leads_back_to_the_bucket(bucket: Bucket) -> None:
    assert bucket_from_subject(bucket.subject()) == bucket


@pytest.mark.parametrize(
    ("bucket", "path"),
    [
        (Bucket(View.TIMELINE, 20190807, 0), "Timeline/2019/2019-08/2019-08-07"),
        (Bucket(View.TIMELINE, 20190800, 0), "Timeline/2019/2019-08/2019-08-xx"),
        (Bucket(View.TIMELINE, 20190000, 0), "Timeline/2019/2019-xx"),
        (Bucket(View.TIMELINE, -2019, 0), "Timeline/Undated/2019"),
        (Bucket(View.TIMELINE, 8000101, 0), "Timeline/0800/0800-01/0800-01-01"),
        (Bucket(View.TIMELINE, -33, 0), "Timeline/Undated/0033"),
        (Bucket(View.RECENT, 20261120, 0), "Recent/2026-11-20"),
        (Bucket(View.TYPES, MediaType.PANORAMA, 2019), "Types/Panoramas/2019"),
        (Bucket(View.TYPES, MediaType.AUDIO, 33), "Types/Audio/0033"),
        (Bucket(View.CAMERAS, 7, 2019), "Cameras/Canon EOS 5D/2019"),
    ],
)
def test_a_bucket_has_one_path(bucket: Bucket, path: str) -> None:
    assert path_of(bucket, "Canon EOS 5D") == path


def test_every_type_has_a_label() -> None:
    assert set(TYPE_LABELS) == set(MediaType)
    assert len(set(TYPE_LABELS.values())) == len(MediaType)


def test_days_have_at_most_three_folders() -> None:
    assert day_parts(20190807) == ("2019", "2019-08", "2019-08-07")
    assert day_parts(-2019) == ("Undated", "2019")


def test_behind_a_cover_a_photo_is_in_the_rarer_folders_of_types_alone() -> None:
    types = MediaType.PHOTO | MediaType.RAW | MediaType.PANORAMA
    found = buckets_of(
        is_shown=False, is_covered=True, day=20190807, year=2019, added_day=20261120, types=types, camera_id=7
    )
    assert found == {
        Bucket(View.TYPES, MediaType.RAW, 2019),
        Bucket(View.TYPES, MediaType.PANORAMA, 2019),
    }


@pytest.mark.parametrize(
    ("bucket", "label", "path"),
    [
        (Bucket(View.ALBUMS, 3, 0), "Trips/Rome", "Albums/Trips/Rome"),
        (Bucket(View.TAGS, 3, 0), "animals/cat", "Tags/animals/cat"),
        (Bucket(View.TAGS, 3, 1), "animals/cat", "Tags/animals/cat/_all"),
        (Bucket(View.PEOPLE, 3, 2019), "Anna", "People/Anna/2019"),
        (Bucket(View.FAVORITES, 0, 0), None, "Favorites"),
        (Bucket(View.RATINGS, 5, 0), None, "Ratings/5"),
        (Bucket(View.STACKS, 3, 2019), "IMG_1~abc123", "Stacks/2019/IMG_1~abc123"),
        (Bucket(View.TRASH, 20261120, 0), None, "Trash/2026-11-20"),
    ],
)
def test_folders_of_the_layer_have_paths(bucket: Bucket, label: str | None, path: str) -> None:
    assert path_of(bucket, label) == path


@pytest.mark.parametrize(
    ("fold", "is_media"),
    [
        ("img_1.jpg", True),
        ("clip.mov", True),
        ("rome", False),
        ("rome.d", False),
        ("._x.jpg", False),
        (".jpg", False),
    ],
)
def test_beside_folders_a_photo_needs_the_extension_of_one_for_its_plain_name(
    fold: str, is_media: bool
) -> None:
    assert looks_like_media(fold) == is_media
    assert is_always_suffixed(View.ALBUMS, fold) == is_always_suffixed(View.TAGS, fold) == (not is_media)
    assert not is_always_suffixed(View.TIMELINE, fold)
