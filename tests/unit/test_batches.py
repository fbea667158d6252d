"""How what a scan found is cut and ordered."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from catalog.ids import ContentId, LocationId
from catalog.values import Deferred, DirectoryListing, Observed
from daemon.batches import cut, families, filled, in_order, pages

ENTRY = Observed(b"x", "f", 1, 1, 1, 1)


def test_pages_hold_everything_in_order() -> None:
    assert [list(page) for page in pages(range(5), 2)] == [[0, 1], [2, 3], [4]]
    assert list(pages([], 2)) == []


def test_batches_are_filled_up_to_a_weight_and_what_is_heavier_is_alone() -> None:
    assert list(filled([1, 2, 3, 9, 1, 1], 4, int)) == [[1, 2], [3], [9], [1, 1]]
    assert list(filled([], 4, int)) == []


@pytest.mark.parametrize("count", [0, 1, 2, 4, 5])
@pytest.mark.parametrize("is_last", [True, False])
def test_a_part_is_cut_and_says_once_where_its_listing_begins_and_ends(count: int, is_last: bool) -> None:
    entries = tuple(replace(ENTRY, name=b"%d" % number) for number in range(count))
    part = DirectoryListing(b"d", 1, entries, is_first=True, is_last=is_last, digest=b"x", error="EIO")
    parts = list(cut(part, 2))
    assert sum((one.entries for one in parts), ()) == entries
    assert [len(one.entries) for one in parts] == {0: [0], 1: [1], 2: [2], 4: [2, 2], 5: [2, 2, 1]}[count]
    assert [one.is_first for one in parts] == [True] + [False] * (len(parts) - 1)
    assert [one.is_last for one in parts] == [False] * (len(parts) - 1) + [is_last]
    assert [one.digest for one in parts if not one.is_last] == [None] * (len(parts) - is_last)
    assert {one.error for one in parts} == {"EIO"}


def numbered(*names: bytes) -> list[tuple[LocationId, bytes]]:
    return [(LocationId(number), name) for number, name in enumerate(names)]


def test_names_of_one_stem_stay_in_one_batch() -> None:
    files = numbered(b"d/1.jpg", b"d/2.cr2", b"d/2.jpg", b"d/2.xmp", b"d/3.jpg")
    assert list(families(files, 2)) == [[0, 1, 2, 3], [4]]


def test_the_same_name_elsewhere_is_another_stem_and_a_batch_is_never_longer_than_twice() -> None:
    assert list(families(numbered(b"a/1.jpg", b"b/1.jpg"), 1)) == [[0], [1]]
    assert [len(one) for one in families(numbered(*[b"1.%d" % n for n in range(7)]), 2)] == [4, 3]
    assert list(families([], 2)) == []


def waiting(former: int, content: int) -> Deferred:
    return Deferred(b"", ENTRY, ContentId(former), ContentId(content))


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_bytes_have_a_new_name_before_the_old_one_takes_others(order: tuple[int, ...]) -> None:
    # 1 <- 2 <- 3 <- 4: the bytes 1 are lost, or elsewhere already; a circle of two beside it in any order.
    chain = [waiting(1, 2), waiting(2, 3), waiting(3, 4), waiting(8, 9)]
    ordered = in_order([chain[place] for place in order])
    held: set[ContentId] = set()
    for one in ordered[:]:
        if any(other.content_id == one.former_id for other in chain):
            assert one.former_id in held
        held.add(one.content_id)
    assert sorted(one.former_id for one in ordered) == [1, 2, 3, 8]


def test_a_circle_stands_together() -> None:
    circle = [waiting(1, 2), waiting(5, 6), waiting(2, 1)]
    ordered = [one.former_id for one in in_order(circle)]
    assert abs(ordered.index(ContentId(1)) - ordered.index(ContentId(2))) == 1
