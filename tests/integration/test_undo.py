"""Undo: exactly, or not at all. Every verb there and back and there again; what stands in the way is named."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from editing import Photos, make_photos
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.commands import AddVolume, Command, execute
from catalog.commands.layer import (
    AlbumAdd,
    AlbumCover,
    AlbumCreate,
    AlbumDelete,
    AlbumOrder,
    AlbumRemove,
    AlbumRename,
    DateClear,
    DateSet,
    DateShift,
    Describe,
    FaceAdd,
    FaceRemove,
    Favorite,
    Hide,
    Label,
    PersonAdd,
    PersonMerge,
    PersonRemove,
    PersonRename,
    PlaceClear,
    PlaceSet,
    Rate,
    Reject,
    SearchDelete,
    SearchSave,
    StackCover,
    StackMake,
    StackSplit,
    TagAdd,
    TagAlias,
    TagCreate,
    TagDelete,
    TagRemove,
    TagRename,
    Title,
    TrashPut,
    TrashRestore,
    Undo,
)
from catalog.errors import Conflict, GlassineError, NotFound, TooManyItems
from catalog.store import journal, photos, tags
from store_harness import make_harness

NOBODY: tuple[str, ...] = ()
# In this order each changes something; () stands for the first three photos, "" for the first.
STORY: list[Command] = [
    TagAdd(NOBODY, ("animals/cat", "beach")),
    TagCreate("animals/dog"),
    TagAlias("animals/cat", "kitty"),
    TagRename("animals", "fauna"),
    TagAdd(NOBODY, ("animals", "fauna/dog")),
    TagRename("fauna/cat", "fauna/dog"),
    TagRemove(NOBODY, ("fauna",), is_below=True),
    TagDelete("beach"),
    AlbumCreate("Italy"),
    AlbumAdd(NOBODY, "Italy/Rome", is_created=True),
    AlbumOrder("Italy/Rome", NOBODY),
    AlbumCover("Italy/Rome", ""),
    AlbumRename("Italy", "Trips/Italia"),
    AlbumRemove(NOBODY, "Trips/Italia/Rome"),
    AlbumDelete("Trips", is_recursive=True),
    Rate(NOBODY, 5),
    Rate(NOBODY, None),
    Label(NOBODY, "red"),
    Favorite(NOBODY),
    Favorite(NOBODY, False),
    Reject(NOBODY),
    Hide(NOBODY),
    Hide(NOBODY, False),
    Title(NOBODY, "Sunset"),
    Title(NOBODY, ""),
    Describe(NOBODY, "long"),
    DateSet(NOBODY, "2001-02"),
    DateShift(NOBODY, months=1),
    DateClear(NOBODY),
    PlaceSet(NOBODY, 1.5, 2.5),
    PlaceClear(NOBODY),
    PersonAdd(NOBODY, "Anna"),
    FaceAdd("", 0.1, 0.1, 0.1, 0.1, "Bob"),
    PersonRename("Bob", "Bobby"),
    PersonMerge(("Bobby",), "Anna"),
    FaceRemove("", person="Anna"),
    PersonRemove(NOBODY, "Anna"),
    StackMake(NOBODY),
    StackCover(""),
    StackSplit(NOBODY),
    TrashPut(NOBODY),
    TrashRestore(NOBODY),
    SearchSave("Good", "rating>=4"),
    SearchDelete("Good"),
]


def filled(command: Command, four: Photos) -> Any:
    """Put the photos into a command of the story."""
    values: dict[str, Any] = {}
    for one in dataclasses.fields(command):
        if one.name == "photos":
            order = reversed(four.uids[:3]) if isinstance(command, AlbumOrder) else four.uids[:3]
            values["photos"] = tuple(order)
        elif one.name == "photo":
            values["photo"] = four.uids[1]
    return dataclasses.replace(command, **values)


def test_every_verb_can_be_taken_back_and_done_again(four: Photos) -> None:
    for command in STORY:
        before = four.dump()
        answer = four.do(filled(command, four))
        assert answer["journal"] is not None, command
        after = four.dump()
        undone = four.undo(answer["journal"])
        assert (four.dump(), undone["undone"], undone["changed"]) == (
            before,
            answer["journal"],
            answer["changed"],
        )
        four.undo(undone["journal"])
        assert four.dump() == after, command


def test_a_whole_story_is_taken_back_from_its_end(four: Photos) -> None:
    states = []
    for command in STORY:
        states.append(four.dump())
        four.do(filled(command, four))
    for state in reversed(states):
        four.undo()
        assert four.dump() == state
    assert four.refuse(Undo(), NotFound).code == "not_found"


def test_the_newest_that_is_not_taken_back_is_meant(four: Photos) -> None:
    rows = [four.do(Rate(four.uids, rating))["journal"] for rating in (1, 2, 3)]
    four.do(AddVolume("NAS", b"/nas"))
    assert four.undo()["undone"] == rows[2]
    assert four.undo()["undone"] == rows[1]
    assert four.of("rating") == [1] * 4
    redo = four.undo(four.catalog.writer.value("SELECT undone_by FROM journal WHERE id = ?", (rows[1],)))
    assert four.of("rating") == [2] * 4
    assert redo["command"]["do"] == "undo"
    assert four.undo()["undone"] == rows[1], "done again, so it can be taken back again"
    assert [
        row.undone_by is None for row in reversed(journal.newest(four.catalog.writer)) if row.id in rows
    ] == [
        True,
        False,
        False,
    ]


def test_each_author_takes_back_the_own_newest(four: Photos) -> None:
    mine = four.do(Rate(four.uids[:1], 1), author="anna")["journal"]
    four.do(Rate(four.uids[1:], 1), author="bob")
    assert four.do(Undo(), author="anna")["undone"] == mine
    assert four.of("rating") == [None, 1, 1, 1]


def test_marks_follow_chains_of_undo_and_redo(four: Photos) -> None:
    first = four.do(Rate(four.uids, 1))["journal"]
    second = four.undo(first)["journal"]
    third = four.undo(second)["journal"]
    four.refuse(Undo(second), Conflict, "already")
    fourth = four.undo(third)["journal"]
    assert four.of("rating") == [None] * 4
    marks = dict(four.catalog.writer.rows("SELECT id, undone_by FROM journal"))
    assert marks == {first: second, second: None, third: fourth, fourth: None}
    four.refuse(Undo(first), Conflict, "already")


def test_a_later_word_stands_in_the_way_and_is_named(four: Photos) -> None:
    first = four.do(Rate(four.uids, 1))["journal"]
    later = four.do(Rate(four.uids[2:3], 5))["journal"]
    refused = four.refuse(Undo(first), Conflict, f"row {later}")
    assert (refused.details["journal"], refused.details["photos"]) == ([later], [four.uids[2]])
    four.do(Title(four.uids, "about something else"))
    four.undo(later)
    four.undo(first)
    assert four.of("rating") == [None] * 4


def test_the_same_value_said_anew_is_another_word(four: Photos) -> None:
    first = four.do(Rate(four.uids, 1))["journal"]
    four.do(Rate(four.uids, None))
    again = four.do(Rate(four.uids, 1))["journal"]
    assert again in four.refuse(Undo(first), Conflict).details["journal"]


@pytest.mark.parametrize(
    ("first", "later"),
    [
        (TagCreate("a"), TagAdd(NOBODY, ("a",))),
        (TagCreate("a"), TagCreate("a/b")),
        (TagCreate("a"), TagAlias("a", "x")),
        (TagCreate("a"), TagRename("a", "b")),
        (TagAdd(NOBODY, ("c",)), TagRename("c", "d")),
        (AlbumCreate("A"), AlbumAdd(NOBODY, "A")),
        (AlbumCreate("A"), AlbumCreate("A/B")),
        (AlbumCreate("A"), AlbumRename("A", "B")),
        (SearchSave("s", "x"), SearchSave("s", "y")),
    ],
)
def test_what_leans_on_a_thing_keeps_it(four: Photos, first: Command, later: Command) -> None:
    made = four.do(filled(first, four))["journal"]
    row = four.do(filled(later, four))["journal"]
    assert row in four.refuse(Undo(made), Conflict).details["journal"]
    four.undo(row)
    four.undo(made)


def test_a_merge_into_a_thing_keeps_it(four: Photos) -> None:
    four.do(TagAdd(four.uids, ("old",)))
    made = four.do(TagCreate("new"))["journal"]
    merged = four.do(TagRename("old", "new"))["journal"]
    assert merged in four.refuse(Undo(made), Conflict).details["journal"]
    four.do(PersonAdd(four.uids[:1], "Anna"))
    made = four.do(PersonAdd(four.uids[1:2], "Bob"))["journal"]
    four.do(FaceAdd(four.uids[2], 0.1, 0.1, 0.1, 0.1, "Bob"))
    four.refuse(Undo(made), Conflict, "'Bob'")


def test_a_name_that_was_given_anew_does_not_come_back_beside_it(four: Photos) -> None:
    four.do(TagAdd(four.uids[:1], ("a/b",)))
    deleted = four.do(TagDelete("a"))["journal"]
    anew = four.do(TagAdd(four.uids[1:2], ("a",)))["journal"]
    assert anew in four.refuse(Undo(deleted), Conflict).details["journal"]
    renamed = four.do(TagRename("a", "c"))["journal"]
    four.undo(deleted)
    assert four.of("tags")[:2] == [["a/b"], ["c"]]
    four.refuse(Undo(renamed), Conflict, "'a'")


def test_a_tag_made_below_a_renamed_one_keeps_the_rename(four: Photos) -> None:
    four.do(TagCreate("a"))
    renamed = four.do(TagRename("a", "b"))["journal"]
    below = four.do(TagCreate("b/x"))["journal"]
    assert below in four.refuse(Undo(renamed), Conflict).details["journal"]
    four.undo(below)
    four.undo(renamed)
    assert [tag.path for tag in tags.tags(four.catalog.writer)] == ["a"]


def test_a_photo_merged_meanwhile_is_followed(four: Photos) -> None:
    four.catalog.put(b"copy/IMG_9.JPG", "photo 0")
    four.catalog.scan()
    uid = four.catalog.writer.value("SELECT uid FROM asset WHERE name = 'IMG_9.JPG'")
    row = four.do(Rate((uid, four.uids[1]), 4))["journal"]
    four.catalog.ingest()
    assert four.of("rating") == [4, 4, None, None]
    answer = four.undo(row)
    assert four.of("rating") == [None] * 4
    assert set(answer["photos"]) == {four.uids[0], four.uids[1]}
    four.undo(answer["journal"])
    assert four.of("rating") == [4, 4, None, None]


@pytest.mark.parametrize("is_copy_rated_first", [True, False])
def test_a_merge_that_had_to_choose_stands_in_the_way(four: Photos, is_copy_rated_first: bool) -> None:
    four.catalog.put(b"copy/IMG_9.JPG", "photo 0")
    four.catalog.scan()
    uid = four.catalog.writer.value("SELECT uid FROM asset WHERE name = 'IMG_9.JPG'")
    pair = (uid, four.uids[0]) if is_copy_rated_first else (four.uids[0], uid)
    rows = [four.do(Rate((one,), rating))["journal"] for one, rating in zip(pair, (2, 3), strict=True)]
    four.catalog.ingest()
    assert four.of("rating")[0] == 3
    merge = four.catalog.writer.value("SELECT max(id) FROM journal")
    for row in rows:
        assert merge in four.refuse(Undo(row), Conflict).details["journal"]


def test_said_of_both_at_once_is_taken_back_from_both(four: Photos) -> None:
    four.catalog.put(b"copy/IMG_9.JPG", "photo 0")
    four.catalog.scan()
    uid = four.catalog.writer.value("SELECT uid FROM asset WHERE name = 'IMG_9.JPG'")
    row = four.do(Rate((uid, four.uids[0]), 4))["journal"]
    four.catalog.ingest()
    four.undo(row)
    assert four.of("rating") == [None] * 4


def test_said_of_two_that_were_merged_is_taken_back_also_when_both_are_a_third_by_now(tmp_path: Path) -> None:
    catalog = make_harness(tmp_path / "library")
    for name in (b"c", b"b", b"a"):
        catalog.put(b"%s.JPG" % name, "same", inode=name[0])
    catalog.scan()
    uids = [catalog.column(catalog.asset_at(b"%s.JPG" % name), "uid") for name in (b"a", b"b", b"c")]
    rated = execute(catalog.writer, Rate((str(uids[1]), str(uids[2])), 5), now_ns=catalog.now_ns)["journal"]
    catalog.read_hashes(b"b.JPG", b"c.JPG")
    catalog.read_hashes(b"a.JPG")
    asset_id = catalog.asset_at(b"a.JPG")
    assert catalog.said(asset_id) == {("rating", ""): "5"}
    execute(catalog.writer, Undo(rated), now_ns=catalog.now_ns)
    assert catalog.said(asset_id) == {}
    assert catalog.check() == []
    catalog.close()


@pytest.mark.parametrize("is_redone", [False, True])
def test_a_thing_that_the_heir_of_former_bytes_has_too_stays(four: Photos, is_redone: bool) -> None:
    row = four.do(TagAdd(four.uids[:1], ("beach",)))["journal"]
    if is_redone:
        row = four.undo(four.undo(row)["journal"])["journal"]
    four.catalog.put(b"d0/IMG_0.JPG", "photo 0, edited", inode=100)
    four.catalog.put(b"copy/IMG_0.JPG", "photo 0", inode=101)
    four.catalog.ingest()
    heir = photos.documents(four.catalog.writer, [four.catalog.asset_at(b"copy/IMG_0.JPG")])[0]
    assert (heir["uid"] != four.uids[0], heir["tags"]) == (True, ["beach"])
    refused = four.refuse(Undo(row), Conflict, "'beach'")
    assert refused.details["photos"] == [heir["uid"]]
    four.do(TagRemove((heir["uid"],), ("beach",)))
    four.undo(row)
    assert four.of("tags")[0] == []


def test_a_later_word_wins_although_the_clock_went_back_and_the_program_wrote_meanwhile(four: Photos) -> None:
    four.do(Rate(four.uids[:1], 5))
    four.catalog.now_ns -= 3600 * 10**9
    four.catalog.put(b"copy/IMG_9.JPG", "photo 1")
    four.catalog.ingest()
    assert four.catalog.writer.value("SELECT command FROM journal ORDER BY id DESC").startswith(
        '{"do":"merge"'
    )
    four.do(Rate(four.uids[:1], 3), author="somebody else")
    assert four.of("rating")[0] == 3


def test_a_tag_does_not_come_back_under_what_means_another_tag_now(four: Photos) -> None:
    four.do(TagAdd(four.uids[:1], ("foo",)))
    four.do(TagAdd(four.uids[1:2], ("bar",)))
    deleted = four.do(TagDelete("foo"))["journal"]
    alias = four.do(TagAlias("bar", "foo"))["journal"]
    assert alias in four.refuse(Undo(deleted), Conflict, "'foo'").details["journal"]
    freed = four.do(TagAlias("bar", "foo", is_removed=True))["journal"]
    made = four.do(TagCreate("foo"))["journal"]
    assert made in four.refuse(Undo(freed), Conflict, "'foo'").details["journal"]
    four.undo(made)
    four.undo(freed)
    four.undo(alias)
    four.undo(deleted)
    assert four.of("tags")[:2] == [["foo"], ["bar"]]


def test_what_the_program_did_itself_is_not_taken_back(four: Photos) -> None:
    four.catalog.put(b"copy/IMG_9.JPG", "photo 0")
    four.catalog.ingest()
    merge = four.catalog.writer.value("SELECT max(id) FROM journal")
    four.refuse(Undo(merge), Conflict, "bytes are the same")
    four.do(AddVolume("NAS", b"/nas"))
    volume = four.catalog.writer.value("SELECT max(id) FROM journal")
    four.refuse(Undo(volume), Conflict, "nothing about photos")
    four.refuse(Undo(volume + 1), NotFound, str(volume + 1))
    four.refuse(Undo(-1), NotFound)


def test_an_undo_can_be_rehearsed_and_capped(four: Photos) -> None:
    row = four.do(Rate(four.uids, 4))["journal"]
    before = four.dump(), four.counters()
    answer = four.do(Undo(), is_dry_run=True)
    assert (answer["journal"], answer["changed"], answer["dry_run"], answer["undone"]) == (None, 4, True, row)
    assert (four.dump(), four.counters()) == before
    four.refuse(Undo(), TooManyItems, "4 photos", max_items=3)


RANDOM = st.lists(
    st.tuples(st.sampled_from(STORY), st.sets(st.integers(0, 2), min_size=1), st.booleans()),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(commands=RANDOM)
@pytest.mark.slow
def test_any_edits_are_taken_back_in_reverse(tmp_path_factory: pytest.TempPathFactory, commands: Any) -> None:
    catalog = make_harness(tmp_path_factory.mktemp("undo") / "library")
    four = make_photos(catalog)
    done: list[tuple[int, Any]] = []
    for command, chosen, is_redone in commands:
        made = filled(command, four)
        if dataclasses.is_dataclass(made) and hasattr(made, "photos"):
            made = dataclasses.replace(made, photos=tuple(four.uids[index] for index in sorted(chosen)))
        before = four.dump()
        try:
            answer = four.do(made)
        except GlassineError:
            assert four.dump() == before
            continue
        if answer["journal"] is None:
            assert four.dump() == before
            continue
        done.append((answer["journal"], before))
        if is_redone:
            after = four.dump()
            four.undo(four.undo(answer["journal"])["journal"])
            assert four.dump() == after
    for row, before in reversed(done):
        four.undo(row)
        assert four.dump() == before
    catalog.close()
