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


@given(st.sampled_from([Kind.TYPES, Kind.CAMERAS]), st.integers(1, 2**38), st.integers(0, 9999))
def test_pairs_survive_packing(kind, row, year):
    assert inodes.unpack_pair(inodes.unpack(inodes.pack_pair(kind, row, year)).key) == (row, year)


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
        "TYPES": 7, "CAMERAS": 8, "BY_ID": 9, "META": 10,
    }  # fmt: skip
    assert [int(fixed) for fixed in Fixed] == list(range(1, 12))
