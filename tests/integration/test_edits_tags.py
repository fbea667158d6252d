"""What is said with tags and to tags: names, hierarchy, renaming, merging, aliases, case."""

from __future__ import annotations

import pytest
from editing import Photos

from catalog.commands.layer import TagAdd, TagAlias, TagCreate, TagDelete, TagRemove, TagRename
from catalog.errors import AlreadyExists, Ambiguous, Conflict, InvalidValue, NotFound
from catalog.store import changes, tags


def paths(four: Photos) -> list[str]:
    return [tag.path for tag in tags.tags(four.catalog.writer)]


def test_a_tag_and_those_above_it_are_made_when_it_is_put_on(four: Photos) -> None:
    answer = four.do(TagAdd(four.uids[:2], ("animals/cat", "beach")))
    assert (answer["tags"], answer["created"]) == (
        ["animals/cat", "beach"],
        ["animals", "animals/cat", "beach"],
    )
    assert (answer["changed"], answer["unchanged"], answer["photos"]) == (2, 0, list(four.uids[:2]))
    assert four.of("tags") == [["animals/cat", "beach"]] * 2 + [[], []]
    counts = {tag.path: (tag.count, tag.count_below) for tag in tags.tags(four.catalog.writer)}
    assert counts == {"animals": (0, 2), "animals/cat": (2, 2), "beach": (2, 2)}


def test_what_is_said_already_is_not_said_again(four: Photos) -> None:
    four.do(TagAdd(four.uids[:2], ("beach",)))
    answer = four.do(TagAdd(four.uids[:2], ("beach",)))
    assert (answer["journal"], answer["changed"], answer["unchanged"]) == (None, 0, 2)
    answer = four.do(TagAdd(four.uids[:3], ("beach",)))
    assert (answer["changed"], answer["unchanged"], answer["photos"]) == (1, 2, [four.uids[2]])


def test_a_name_means_the_exact_tag_then_an_alias_then_the_one_but_for_case(four: Photos) -> None:
    four.do(TagAdd(four.uids[:1], ("Animals/Cat",)))
    assert four.do(TagAdd(four.uids[1:2], ("animals/CAT",)))["tag"] == "Animals/Cat"
    assert four.do(TagAdd(four.uids[2:3], ("ANIMALS/dog",)))["created"] == ["Animals/dog"]
    four.do(TagAlias("animals/cat", "kitty"))
    assert four.do(TagAdd(four.uids[3:], ("kitty",)))["tag"] == "Animals/Cat"
    assert four.do(TagAdd(four.uids[3:], ("kitty/young",)))["created"] == ["Animals/Cat/young"]
    assert four.do(TagCreate("animals/cat"))["tag"] == "Animals/cat"
    refused = four.refuse(TagAdd(four.uids, ("ANIMALS/CAT",)), Ambiguous)
    assert refused.details["candidates"] == ["Animals/Cat", "Animals/cat"]


def test_composed_and_decomposed_are_one_tag(four: Photos) -> None:
    four.do(TagAdd(four.uids[:1], ("cafe\u0301",)))
    assert four.do(TagAdd(four.uids[1:], ("café",)))["created"] == []
    assert paths(four) == ["café"]


def test_tags_that_differ_by_case_have_folders_of_their_own(four: Photos) -> None:
    four.do(TagCreate("Beach"))
    four.do(TagCreate("beach"))
    labels = [(tag.path, tag.label) for tag in tags.tags(four.catalog.writer)]
    assert labels[0] == ("Beach", "Beach")
    assert labels[1][1].startswith("beach~")


def test_removing_takes_a_tag_off_whoever_put_it_there(four: Photos) -> None:
    four.do(TagAdd(four.uids, ("beach", "beach/sand")))
    four.catalog.writer.execute(
        "UPDATE statement SET source = 'sidecar', author = 'x.xmp' WHERE asset_id % 2 = 0"
    )
    four.catalog.writer.execute(
        "UPDATE journal_item SET source = 'sidecar', author = 'x.xmp' WHERE asset_id % 2 = 0"
    )
    answer = four.do(TagRemove(four.uids[:3], ("beach",)))
    assert (answer["changed"], answer["unchanged"]) == (3, 0)
    assert four.of("tags") == [["beach/sand"]] * 3 + [["beach", "beach/sand"]]
    assert four.do(TagRemove(four.uids, ("beach",), is_below=True))["changed"] == 4
    assert four.of("tags") == [[]] * 4
    assert four.do(TagRemove(four.uids, ("beach",)))["journal"] is None


def test_a_rename_moves_the_tags_below_and_leaves_the_former_path_to_files(four: Photos) -> None:
    four.do(TagAdd(four.uids[:2], ("animals/cat/young",)))
    answer = four.do(TagRename("animals", "nature/fauna"))
    assert (answer["tag"], answer["former"], answer["merged"]) == ("nature/fauna", "animals", False)
    assert (answer["created"], answer["changed"]) == (["nature"], 2)
    assert four.of("tags")[0] == ["nature/fauna/cat/young"]
    writer = four.catalog.writer
    assert tags.resolve_tag(writer, "animals/cat", by_machine=True).path == "nature/fauna/cat"
    refused = four.refuse(TagRemove(four.uids, ("animals/cat",)), NotFound)
    assert "nature/fauna/cat" in str(refused.hint)
    assert four.do(TagAdd(four.uids[3:], ("animals",)))["created"] == ["animals"]
    assert tags.resolve_tag(writer, "animals", by_machine=True).path == "animals"


def test_a_rename_onto_a_tag_merges_the_two_and_what_is_below(four: Photos) -> None:
    four.do(TagAdd(four.uids[:1], ("cats/young", "cats/old")))
    four.do(TagAdd(four.uids[1:2], ("kitties/young/tiny", "kitties/fat")))
    four.do(TagAdd(four.uids[2:3], ("kitties",)))
    answer = four.do(TagRename("kitties", "cats"))
    assert (answer["tag"], answer["merged"]) == ("cats", True)
    assert four.of("tags") == [["cats/old", "cats/young"], ["cats/fat", "cats/young/tiny"], ["cats"], []]
    assert paths(four) == ["cats", "cats/fat", "cats/old", "cats/young", "cats/young/tiny"]
    assert four.do(TagAdd(four.uids[2:3], ("cats",)))["journal"] is None, "it has the tag by the merged one"
    four.do(TagRemove(four.uids[2:3], ("cats",)))
    assert four.of("tags")[2] == []


def test_a_chain_of_merges_ends_in_one_tag(four: Photos) -> None:
    for index, name in enumerate("abc"):
        four.do(TagAdd(four.uids[index : index + 1], (name,)))
    four.do(TagRename("a", "b"))
    four.do(TagRename("b", "c"))
    assert four.of("tags")[:3] == [["c"]] * 3
    assert tags.resolve_tag(four.catalog.writer, "a", by_machine=True).path == "c"


def test_a_child_can_be_merged_into_its_parent(four: Photos) -> None:
    four.do(TagAdd(four.uids[:1], ("a/b/b",)))
    four.do(TagAdd(four.uids[1:2], ("a/b",)))
    four.do(TagRename("a/b", "a"))
    assert four.of("tags")[:2] == [["a/b"], ["a"]]


def test_a_rename_may_change_the_case_alone(four: Photos) -> None:
    four.do(TagAdd(four.uids, ("beach",)))
    assert four.do(TagRename("beach", "Beach"))["merged"] is False
    assert (paths(four), tags.tags(four.catalog.writer)[0].label) == (["Beach"], "Beach")
    assert four.do(TagRename("Beach", "Beach"))["journal"] is None


@pytest.mark.parametrize("name", ["a/x", "a/b/x", "a/b", "A/x", "a/b/c/d"])
def test_a_tag_does_not_move_into_itself(four: Photos, name: str) -> None:
    four.do(TagAdd(four.uids, ("a/b/c",)))
    four.refuse(TagRename("a", name), Conflict, "inside of itself")


def test_a_deleted_tag_leaves_the_photos_with_all_below_it_and_is_made_anew(four: Photos) -> None:
    four.do(TagAdd(four.uids[:2], ("a/b",)))
    four.do(TagAlias("a/b", "other"))
    answer = four.do(TagDelete("a"))
    assert (answer["deleted"], answer["changed"], answer["photos"]) == (["a", "a/b"], 2, list(four.uids[:2]))
    assert (four.of("tags"), paths(four)) == ([[]] * 4, [])
    four.refuse(TagDelete("a"), NotFound)
    four.refuse(TagRemove(four.uids, ("other",)), NotFound)
    four.do(TagAdd(four.uids[3:], ("a/b",)))
    assert four.of("tags") == [[], [], [], ["a/b"]], "what was said of the deleted one does not come back"


def test_aliases_are_said_and_taken_back(four: Photos) -> None:
    four.do(TagCreate("cat"))
    four.do(TagCreate("dog"))
    four.do(TagAlias("cat", "kitty"))
    assert tags.tags(four.catalog.writer)[0].aliases == ("kitty",)
    assert four.do(TagAlias("cat", "kitty"))["journal"] is None
    four.refuse(TagAlias("dog", "kitty"), AlreadyExists)
    four.refuse(TagAlias("dog", "cat"), AlreadyExists)
    four.refuse(TagCreate("kitty"), AlreadyExists)
    four.refuse(TagAlias("dog", "kitty", is_removed=True), NotFound)
    four.do(TagAlias("cat", "kitty", is_removed=True))
    assert four.do(TagCreate("kitty"))["created"] == ["kitty"]


def test_a_rename_onto_an_alias_follows_it(four: Photos) -> None:
    four.do(TagAdd(four.uids[:1], ("cat",)))
    four.do(TagAlias("cat", "kitty"))
    four.do(TagAdd(four.uids[1:2], ("tom",)))
    assert four.do(TagRename("tom", "kitty"))["tag"] == "cat"
    assert four.do(TagRename("cat", "kitty"))["tag"] == "kitty", "a tag may take its own other name"
    assert four.of("tags")[:2] == [["kitty"]] * 2


def test_a_tag_that_is_moved_along_takes_its_path_from_an_alias(four: Photos) -> None:
    four.do(TagAdd(four.uids[:1], ("a/b",)))
    four.do(TagAdd(four.uids[1:2], ("z",)))
    four.do(TagAlias("z", "x/b"))
    moved = four.do(TagRename("a", "x"))["journal"]
    assert [(tag.path, tag.aliases) for tag in tags.tags(four.catalog.writer)] == [
        ("x", ()), ("x/b", ()), ("z", ()),
    ]  # fmt: skip
    four.undo(moved)
    assert tags.resolve_tag(four.catalog.writer, "x/b").path == "z"


def test_folders_of_tags_are_told_to_the_change_feed(four: Photos) -> None:
    four.do(TagAdd(four.uids[:1], ("a/b",)))
    seq = changes.latest_seq(four.catalog.writer)
    parent = tags.resolve_tag(four.catalog.writer, "a").id
    four.do(TagRename("a/b", "c"))
    fed = [one for one in changes.since(four.catalog.writer, seq) or [] if one.kind.startswith("dir")]
    assert [(one.kind, one.subject, one.name) for one in fed] == [
        ("dir-", f"6:{parent}", b"b"),
        ("dir+", "6:0", b"c"),
    ]


def test_what_is_no_tag_is_refused(four: Photos) -> None:
    four.do(TagCreate("a"))
    for bad in ("", " ", "/", "a//b", "x" * 20_000, "\ud800", "/".join("x" * 200)):
        four.refuse(TagAdd(four.uids, (bad,)), InvalidValue)
        four.refuse(TagCreate(bad), InvalidValue)
        four.refuse(TagRename("a", bad), InvalidValue)
        four.refuse(TagAlias("a", bad), InvalidValue)
    four.refuse(TagAdd(four.uids, ()), InvalidValue)
    four.refuse(TagAdd(four.uids, ("ok", "")), InvalidValue)
    for command in (
        TagRemove(four.uids, ("no",)),
        TagRename("no", "x"),
        TagDelete("no"),
        TagAlias("no", "x"),
    ):
        four.refuse(command, NotFound, "'no'")
    four.refuse(TagCreate("a"), AlreadyExists)
