"""Names that people give: what is accepted, how it is stored, and what the folder is called."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capabilities import require
from catalog.buckets import looks_like_media
from catalog.errors import InvalidValue
from catalog.ids import new_uid
from catalog.labels import MAX_TEXT_BYTES, check_name, check_text, label_of, shown, split_path
from catalog.names import fold
from sacred import corpus_dir

UID = "abcdefghjkmnpqrstvwxyz0123"


def free(folded: str) -> bool:
    return False


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("beach", "beach"),
        ("  beach\t", "beach"),
        ("cafe\u0301", "café"),
        ("..", ".."),
        ("a\x00b", "a\x00b"),
        ("\u202egnp.exe", "\u202egnp.exe"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
        ("AC/DC", "AC/DC"),
        ("x" * MAX_TEXT_BYTES, "x" * MAX_TEXT_BYTES),
    ],
)
def test_what_people_say_is_stored_as_it_was_said(text: str, stored: str) -> None:
    assert check_name(text, "person") == stored
    assert check_name(stored, "person") == stored


@pytest.mark.parametrize("text", ["", " \t\n", "x" * (MAX_TEXT_BYTES + 1), "é" * 6000, "a\ud800", "\udcff"])
def test_a_name_is_something_that_can_be_written(text: str) -> None:
    with pytest.raises(InvalidValue, match="person"):
        check_name(text, "person")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ("a",)),
        (" a / b ", ("a", "b")),
        ("../..", ("..", "..")),
        ("a／b", ("a／b",)),
        ("/".join("x" * 100), ("x",) * 100),
    ],
)
def test_a_path_is_split_at_its_slashes(text: str, parts: tuple[str, ...]) -> None:
    assert split_path(text, "tag") == parts


@pytest.mark.parametrize("text", ["", "/", "/a", "a/", "a//b", "a/ /b", "/".join("x" * 101), "a/\ud800"])
def test_a_path_has_no_empty_part_and_an_end(text: str) -> None:
    with pytest.raises(InvalidValue, match="tag"):
        split_path(text, "tag")


def test_a_label_is_the_name_cleaned() -> None:
    assert label_of("beach", UID, free) == "beach"
    assert label_of("a/b: c?", UID, free) == "a／b： c？"
    assert label_of("_all", UID, free) == "__all"


def test_a_taken_label_carries_the_short_id_and_then_more_of_it() -> None:
    assert label_of("Beach", UID, lambda folded: folded == "beach") == "Beach~abcdef"
    taken = {"beach", "beach~abcdef"}
    assert label_of("Beach", UID, lambda folded: folded in taken) == "Beach~abcdefg"


@pytest.mark.parametrize("name", ["holiday.jpg", "HOLIDAY.CR2", "film.mp4", "a.b.heic"])
def test_a_label_never_looks_like_a_photo(name: str) -> None:
    label = label_of(name, UID, free)
    assert label == f"{name}~abcdef"
    assert not looks_like_media(fold(label))


def test_a_label_that_was_cut_carries_the_short_id() -> None:
    label = label_of("x" * 5000, UID, free)
    assert label.endswith("…~abcdef")
    assert len(label.encode()) <= 240
    assert label_of("wait …", UID, free) == "wait …"


@given(st.text(max_size=400), st.sets(st.text(max_size=5), max_size=3))
def test_any_name_gets_a_label_that_every_system_can_hold(name: str, taken: set[str]) -> None:
    uid = new_uid()
    label = label_of(name, uid, lambda folded: folded in taken)
    assert 1 <= len(label.encode()) <= 240
    assert "/" not in label
    assert fold(label) not in taken
    assert not looks_like_media(fold(label))


@given(st.text(max_size=60))
def test_a_checked_text_is_checked_for_good(text: str) -> None:
    checked = check_text(text, "title")
    assert check_text(checked, "title") == checked


def test_a_bad_value_is_shown_printable_and_short() -> None:
    assert shown("a\x1b[31m\n") == ascii("a\x1b[31m\n")
    assert len(shown("x" * 1000)) < 60
    assert shown("é") == "'é'"


def test_the_naughty_strings_are_names_unless_they_are_empty() -> None:
    require("corpus")
    place = corpus_dir()
    assert place is not None
    for text in json.loads((place / "lists" / "blns.json").read_text()):
        if text.strip():
            assert check_name(text, "person") == unicodedata.normalize("NFC", text.strip())
        else:
            with pytest.raises(InvalidValue, match="is empty"):
                check_name(text, "person")
