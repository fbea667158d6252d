"""What is said of persons: in photos, in face regions; renaming and merging them."""

from __future__ import annotations

import math

import pytest
from editing import Photos

from catalog.commands.layer import FaceAdd, FaceRemove, PersonAdd, PersonMerge, PersonRemove, PersonRename
from catalog.errors import AlreadyExists, InvalidValue, NotFound
from catalog.store import persons


def test_a_person_is_one_whatever_the_case(four: Photos) -> None:
    assert four.do(PersonAdd(four.uids[:2], "Anna"))["created"] is True
    answer = four.do(PersonAdd(four.uids[1:3], "ANNA"))
    assert (answer["person"], answer["created"], answer["changed"], answer["unchanged"]) == (
        "Anna",
        False,
        1,
        1,
    )
    assert four.of("people") == [["Anna"]] * 3 + [[]]
    assert [(one.name, one.count) for one in persons.persons(four.catalog.writer)] == [("Anna", 3)]


def test_persons_of_one_cleaned_name_have_folders_of_their_own(four: Photos) -> None:
    four.do(PersonAdd(four.uids, "AC/DC"))
    four.do(PersonAdd(four.uids, "AC／DC"))
    labels = [one.label for one in persons.persons(four.catalog.writer)]
    assert len(set(labels)) == 2
    assert four.do(PersonAdd(four.uids, "ac/dc"))["journal"] is None


def test_a_person_taken_out_leaves_the_faces_to_nobody(four: Photos) -> None:
    four.do(PersonAdd(four.uids, "Anna"))
    face = four.do(FaceAdd(four.uids[0], 0.1, 0.2, 0.3, 0.4, "anna"))["face"]
    four.do(PersonRemove(four.uids[:2], "Anna"))
    assert four.of("people") == [[], [], ["Anna"], ["Anna"]]
    assert four.document(0)["faces"] == [{"id": face, "name": None, "x": 0.1, "y": 0.2, "w": 0.3, "h": 0.4}]
    assert four.do(PersonRemove(four.uids[:2], "Anna"))["journal"] is None
    assert four.do(FaceRemove(four.uids[0], face=face))["faces"] == [face]
    assert four.document(0)["faces"] == []


def test_a_face_puts_its_person_into_the_photo(four: Photos) -> None:
    answer = four.do(FaceAdd(four.uids[0], 0, 0, 1, 1, "Bob"))
    assert (answer["person"], answer["created"], answer["changed"]) == ("Bob", True, 1)
    assert four.of("people")[0] == ["Bob"]
    assert four.do(FaceAdd(four.uids[0], 0.5, 0.5, 0.5, 0.5))["person"] is None
    four.do(FaceRemove(four.uids[0], person="bob"))
    assert (four.of("people")[0], len(four.document(0)["faces"])) == ([], 1)
    four.refuse(FaceRemove(four.uids[0], person="bob"), NotFound)


def test_merged_persons_are_one_in_photos_and_faces(four: Photos) -> None:
    four.do(PersonAdd(four.uids[:1], "Bob"))
    four.do(FaceAdd(four.uids[1], 0.1, 0.1, 0.1, 0.1, "Bobby"))
    four.do(PersonAdd(four.uids[2:3], "Robert"))
    answer = four.do(PersonMerge(("Bob", "bobby", "robert"), "Robert"))
    assert (answer["person"], answer["merged"], answer["changed"]) == ("Robert", ["Bob", "Bobby"], 2)
    assert four.of("people") == [["Robert"]] * 3 + [[]]
    assert four.document(1)["faces"][0]["name"] == "Robert"
    assert four.do(PersonAdd(four.uids[:1], "Robert"))["journal"] is None
    four.do(PersonRemove(four.uids[:2], "Robert"))
    assert four.of("people") == [[], [], ["Robert"], []]
    assert four.do(PersonMerge(("Robert",), "robert"))["journal"] is None
    assert four.do(PersonAdd(four.uids[3:], "Bob"))["created"] is True, "the name of a merged one is free"


def test_a_person_gets_another_name_that_is_free(four: Photos) -> None:
    four.do(PersonAdd(four.uids[:1], "Anna"))
    four.do(PersonAdd(four.uids[1:2], "Bob"))
    refused = four.refuse(PersonRename("Anna", "bob"), AlreadyExists)
    assert "merge" in str(refused.hint)
    assert four.do(PersonRename("anna", "ANNA"))["former"] == "Anna"
    assert four.of("people")[0] == ["ANNA"]


@pytest.mark.parametrize(
    ("region", "value"),
    [
        ((-0.1, 0, 0.5, 0.5), "-0.1"),
        ((0, 1.5, 0.5, 0.5), "1.5"),
        ((0, 0, 0, 0.5), "0"),
        ((0, 0, 0.5, -1), "-1"),
        ((0.6, 0, 0.5, 0.5), "1.1"),
        ((0, 0.9, 0.5, 0.2), "1.1"),
        ((math.nan, 0, 0.5, 0.5), "nan"),
        ((0, 0, math.inf, 0.5), "inf"),
    ],
)
def test_a_face_lies_in_the_picture(
    four: Photos, region: tuple[float, float, float, float], value: str
) -> None:
    refused = four.refuse(FaceAdd(four.uids[0], *region, "Anna"), InvalidValue, value)
    assert refused.details["value"] == value
    assert persons.persons(four.catalog.writer) == []


def test_a_face_may_reach_the_border_in_single_precision(four: Photos) -> None:
    assert four.do(FaceAdd(four.uids[0], 0.7, 0.1, 0.30000001, 0.9))["changed"] == 1


def test_who_is_nobody_is_refused(four: Photos) -> None:
    four.do(PersonAdd(four.uids, "Anna"))
    for bad in ("", "  ", "x" * 20_000, "\ud800"):
        four.refuse(PersonAdd(four.uids, bad), InvalidValue)
        four.refuse(PersonRename("Anna", bad), InvalidValue)
    for command in (
        PersonRemove(four.uids, "no"),
        PersonRename("no", "x"),
        PersonMerge(("no",), "Anna"),
        PersonMerge(("Anna",), "no"),
        FaceRemove(four.uids[0], person="no"),
        FaceRemove(four.uids[0], face="no"),
    ):
        four.refuse(command, NotFound, "'no'")
    four.refuse(PersonMerge((), "Anna"), InvalidValue)
    four.refuse(FaceRemove(four.uids[0]), InvalidValue)
    four.refuse(FaceRemove(four.uids[0], face="x", person="Anna"), InvalidValue)
