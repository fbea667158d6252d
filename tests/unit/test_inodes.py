"""Inode numbers: packing is exact, stable and never leaves 63 bits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfs import inodes
from vfs.inodes import DateLevel, Fixed, Kind


def test_the_root_is_one():
    assert inodes.ROOT == 1


@given(st.sampled_from(Kind), st.integers(0, 2**55 - 1))
def test_unpacking_gives_back_what_was_packed_and_stays_positive(kind, key):
    number = inodes.pack(kind, key)
    assert 0 <= number < 2**63
    assert inodes.unpack(number) == (kind, key)


@given(st.sampled_from(DateLevel), st.integers(0, 9999_12_31))
def test_dates_survive_packing(level, packed):
    assert inodes.unpack_date(inodes.unpack(inodes.pack_date(level, packed)).key) == (level, packed)


@given(
    st.sampled_from([Kind.TYPES, Kind.CAMERAS, Kind.PERSON, Kind.STACK]),
    st.integers(1, 2**38),
    st.integers(0, 9999),
)
def test_pairs_survive_packing(kind, row, year):
    assert inodes.unpack_pair(inodes.unpack(inodes.pack_pair(kind, row, year)).key) == (row, year)


@given(st.sampled_from([kind for kind in Kind if kind is not Kind.MIRROR]), st.integers(0, 2**55 - 1))
def test_a_mirrored_folder_is_told_from_its_number_alone(kind, key):
    number = inodes.pack(Kind.MIRROR, inodes.pack(kind, key))
    assert number < 2**63
    assert inodes.unpack(number) == (Kind.MIRROR, inodes.pack(kind, key))
    assert not inodes.is_file(number)


@given(st.integers(1, 2**48), st.sampled_from(inodes.THUMB_SLOTS))
def test_previews_survive_packing(content_id, slot):
    number = inodes.pack_thumb(content_id, slot)
    assert inodes.is_file(number)
    assert inodes.unpack_thumb(inodes.unpack(number).key) == (content_id, slot)


def test_a_year_folder_and_the_folder_of_its_undated_months_differ():
    assert inodes.pack_date(DateLevel.YEAR, 2019_00_00) != inodes.pack_date(DateLevel.DAY, 2019_00_00)


@pytest.mark.parametrize("key", [-1, 2**55])
def test_a_key_that_does_not_fit_is_refused(key):
    with pytest.raises(ValueError, match="55 bits"):
        inodes.pack(Kind.CONTENT, key)


@pytest.mark.parametrize("number", [-1, 2**63, 255 << 55])
def test_a_foreign_number_is_refused(number):
    with pytest.raises(inodes.NoSuchInode):
        inodes.unpack(number)


def test_numbers_of_today_are_the_numbers_of_the_first_release():
    # Kernels, NFS clients and thumbnailers remember them: this table may grow, never change.
    assert {kind.name: int(kind) for kind in Kind} == {
        "FIXED": 0, "CONTENT": 1, "LOCATION": 2, "DIRECTORY": 3, "VOLUME": 4, "TIMELINE": 5, "RECENT": 6,
        "TYPES": 7, "CAMERAS": 8, "BY_ID": 9, "META": 10, "ALBUM": 11, "TAG": 12, "PERSON": 13, "RATING": 14, "STACK": 15,
        "TRASH": 16, "SEARCHES": 17, "SEARCH": 18, "MEMORIES": 19, "OFFLINE": 20,
        "PLACE": 21, "THUMB": 22, "PREVIEW": 23, "MIRROR": 128,
    }  # fmt: skip
    assert {fixed.name: int(fixed) for fixed in Fixed} == {
        "ROOT": 1, "TIMELINE": 2, "UNDATED": 3, "RECENT": 4, "TYPES": 5, "CAMERAS": 6, "ORIGINALS": 7, "SERVICE": 8,
        "SERVICE_BY_ID": 9, "STATUS": 10, "VERSION": 11, "ALBUMS": 12, "TAGS": 13, "PEOPLE": 14, "FAVORITES": 15,
        "RATINGS": 16, "STACKS": 17, "TRASH": 18, "SEARCHES": 19, "SEARCH": 20, "MEMORIES": 21, "OFFLINE": 22,
        "PLACES": 23, "PREVIEWS": 24,
    }  # fmt: skip


@given(st.integers(1, 2**48), st.sampled_from([0, 1]))
def test_tags_survive_packing(row, sub):
    assert inodes.unpack_tag(inodes.unpack(inodes.pack_tag(row, sub)).key) == (row, sub)


def test_names_may_be_kept_but_in_the_dynamic_views():
    fleeting = {kind for kind in Kind if inodes.is_fleeting(inodes.pack(kind, 1))}
    assert fleeting == {Kind.SEARCHES, Kind.SEARCH, Kind.MEMORIES, Kind.OFFLINE, Kind.MIRROR}
    fixed = {one for one in Fixed if inodes.is_fleeting(inodes.pack(Kind.FIXED, one))}
    assert fixed == {Fixed.SEARCHES, Fixed.SEARCH, Fixed.MEMORIES, Fixed.OFFLINE, Fixed.PREVIEWS}
