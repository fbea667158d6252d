"""What is said with albums and to albums: their photos, their order, their cover; nesting, moving, deleting."""

from __future__ import annotations

import pytest
from editing import Photos

from catalog.commands.layer import (
    AlbumAdd,
    AlbumCover,
    AlbumCreate,
    AlbumDelete,
    AlbumOrder,
    AlbumRemove,
    AlbumRename,
    DateSet,
)
from catalog.errors import AlreadyExists, Conflict, InvalidValue, NotFound
from catalog.store import albums, changes


def order(four: Photos, album: str = "Best") -> list[int]:
    """Return the photos of an album in its order, as numbers of the four."""
    writer = four.catalog.writer
    found = albums.photos_in_order(writer, albums.resolve_album(writer, album).id)
    numbers = {four.asset(index): index for index in range(len(four.uids))}
    return [numbers[asset_id] for asset_id in found]


def chosen(four: Photos, *numbers: int) -> tuple[str, ...]:
    return tuple(four.uids[number] for number in numbers)


def test_photos_go_to_the_end_in_the_given_order_and_keep_their_place(four: Photos) -> None:
    assert four.do(AlbumAdd(chosen(four, 2, 0), "Best", is_created=True))["created"] == ["Best"]
    answer = four.do(AlbumAdd(chosen(four, 3, 0, 1), "best"))
    assert (answer["album"], answer["changed"], answer["unchanged"]) == ("Best", 2, 1)
    assert order(four) == [2, 0, 3, 1]
    assert albums.albums(four.catalog.writer)[0].count == 4


def test_who_is_taken_out_and_put_in_again_goes_to_the_end(four: Photos) -> None:
    four.do(AlbumAdd(four.uids, "Best", is_created=True))
    answer = four.do(AlbumRemove(chosen(four, 0), "Best"))
    assert (order(four), answer["changed"]) == ([1, 2, 3], 1)
    assert four.do(AlbumRemove(chosen(four, 0), "Best"))["journal"] is None
    four.do(AlbumAdd(chosen(four, 0), "Best"))
    assert order(four) == [1, 2, 3, 0]


def test_an_album_is_ordered_by_date_or_name(four: Photos) -> None:
    four.do(AlbumAdd(chosen(four, 3, 1, 0, 2), "Best", is_created=True))
    four.do(AlbumOrder("Best", by="name"))
    assert order(four) == [0, 1, 2, 3]
    four.do(DateSet(chosen(four, 3), "1999"))
    four.do(AlbumOrder("Best", by="date"))
    assert order(four) == [3, 0, 1, 2]
    assert four.do(AlbumOrder("Best", by="date"))["journal"] is None


@pytest.mark.parametrize(
    ("moved", "before", "after", "expected"),
    [
        ((3,), 1, None, [0, 3, 1, 2]),
        ((0,), None, 2, [1, 2, 0, 3]),
        ((3, 2), None, None, [3, 2, 0, 1]),
        ((0, 1), None, 3, [2, 3, 0, 1]),
        ((2, 1), 0, None, [2, 1, 0, 3]),
    ],
)
def test_some_photos_move_before_or_after_another(
    four: Photos, moved: tuple[int, ...], before: int | None, after: int | None, expected: list[int]
) -> None:
    four.do(AlbumAdd(four.uids, "Best", is_created=True))
    answer = four.do(
        AlbumOrder(
            "Best",
            chosen(four, *moved),
            before=None if before is None else four.uids[before],
            after=None if after is None else four.uids[after],
        )
    )
    assert order(four) == expected
    assert answer["changed"] == len(moved), "who does not move is not touched"


def test_where_there_is_no_room_the_album_is_spaced_anew(four: Photos) -> None:
    four.do(AlbumAdd(four.uids, "Best", is_created=True))
    expected = [0, 1, 2, 3]
    for turn in range(60):
        mover = 2 + turn % 2
        four.do(AlbumOrder("Best", chosen(four, mover), after=four.uids[0]))
        expected.remove(mover)
        expected.insert(1, mover)
        assert order(four) == expected


def test_what_is_not_in_the_album_cannot_be_moved(four: Photos) -> None:
    four.do(AlbumAdd(chosen(four, 0, 1, 2), "Best", is_created=True))
    four.refuse(AlbumOrder("Best", chosen(four, 3)), NotFound, four.uids[3])
    four.refuse(AlbumOrder("Best", chosen(four, 0), before=four.uids[3]), NotFound, four.uids[3])
    four.refuse(AlbumOrder("Best", chosen(four, 0), before=four.uids[0]), InvalidValue, "itself")
    four.refuse(
        AlbumOrder("Best", chosen(four, 0), before=four.uids[1], after=four.uids[2]), InvalidValue, "not both"
    )
    four.refuse(AlbumOrder("Best"), InvalidValue, "no photo")
    four.refuse(AlbumOrder("Best", by="size"), InvalidValue, "'size'")
    four.refuse(AlbumOrder("Best", chosen(four, 0), by="date"), InvalidValue, "not both")


def test_the_cover_is_a_photo_of_the_album(four: Photos) -> None:
    four.do(AlbumAdd(chosen(four, 0, 1), "Best", is_created=True))
    assert four.do(AlbumCover("Best", four.uids[1]))["cover"] == four.uids[1]
    assert albums.resolve_album(four.catalog.writer, "Best").cover == four.uids[1]
    four.refuse(AlbumCover("Best", four.uids[2]), NotFound, four.uids[2])
    four.do(AlbumCover("Best", None))
    assert albums.resolve_album(four.catalog.writer, "Best").cover is None
    assert four.do(AlbumCover("Best", None))["journal"] is None


def test_albums_nest_and_move_with_what_is_in_them(four: Photos) -> None:
    assert four.do(AlbumCreate("Italy/Rome"))["created"] == ["Italy", "Italy/Rome"]
    four.do(AlbumAdd(four.uids, "Italy/Rome/Day 1", is_created=True))
    seq = changes.latest_seq(four.catalog.writer)
    answer = four.do(AlbumRename("italy/rome", "Trips/Roma"))
    assert (answer["album"], answer["former"], answer["created"]) == ("Trips/Roma", "Italy/Rome", ["Trips"])
    assert [album.path for album in albums.albums(four.catalog.writer)] == [
        "Italy",
        "Trips",
        "Trips/Roma",
        "Trips/Roma/Day 1",
    ]
    fed = [one.kind for one in changes.since(four.catalog.writer, seq) or [] if one.kind.startswith("dir")]
    assert fed == ["dir-", "dir+", "dir+"]
    assert order(four, "Trips/Roma/Day 1") == [0, 1, 2, 3]
    four.do(AlbumRename("Trips/Roma/Day 1", "First"))
    assert order(four, "First") == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["a/x", "a/b/x", "A/x", "a/b/c/d"])
def test_an_album_does_not_move_into_itself(four: Photos, name: str) -> None:
    four.do(AlbumCreate("a/b/c"))
    four.refuse(AlbumRename("a", name), Conflict, "inside of itself")


def test_albums_are_not_merged_by_a_rename(four: Photos) -> None:
    four.do(AlbumCreate("a"))
    four.do(AlbumCreate("b"))
    four.refuse(AlbumRename("a", "b"), AlreadyExists)
    four.refuse(AlbumCreate("a"), AlreadyExists)
    assert four.do(AlbumRename("a", "A"))["album"] == "A"
    assert four.do(AlbumRename("A", "A"))["journal"] is None


def test_deleting_an_album_with_others_in_it_is_asked_for(four: Photos) -> None:
    four.do(AlbumAdd(four.uids, "a/b", is_created=True))
    refused = four.refuse(AlbumDelete("a"), Conflict, "b")
    assert refused.details["albums"] == ["a/b"]
    answer = four.do(AlbumDelete("a", is_recursive=True))
    assert (answer["deleted"], answer["changed"]) == (["a", "a/b"], 4)
    assert albums.albums(four.catalog.writer) == []
    four.refuse(AlbumAdd(four.uids, "a/b"), NotFound)
    four.do(AlbumAdd(four.uids[:1], "a/b", is_created=True))
    assert order(four, "a/b") == [0]


def test_what_is_no_album_is_refused(four: Photos) -> None:
    four.do(AlbumCreate("a"))
    for bad in ("", "/", "a//b", "x" * 20_000, "\udcff"):
        four.refuse(AlbumCreate(bad), InvalidValue)
        four.refuse(AlbumAdd(four.uids, bad, is_created=True), InvalidValue)
        four.refuse(AlbumRename("a", bad), InvalidValue)
    for command in (
        AlbumAdd(four.uids, "no"),
        AlbumRemove(four.uids, "no"),
        AlbumOrder("no", by="date"),
        AlbumRename("no", "x"),
        AlbumDelete("no"),
        AlbumCover("no", None),
    ):
        four.refuse(command, NotFound, "'no'")
    four.refuse(AlbumCover("a", "0" * 26), NotFound)
