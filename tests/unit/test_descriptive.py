"""Descriptive drafts: the order of trust, tags of many sources, faces, and texts that no catalog should hold."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.facts import Descriptive, FaceRegion, descriptive_from_json, descriptive_to_json
from daemon.media.descriptive import (
    MAX_DEPTH,
    MAX_NAME,
    MAX_PEOPLE,
    MAX_TAGS,
    MAX_TEXT,
    RANKS,
    DescriptiveDraft,
    Source,
    clean_name,
    clean_text,
)


def _tags(*paths: str) -> tuple[str, ...]:
    draft = DescriptiveDraft()
    for path in paths:
        draft.say_tag(path.split("/"))
    found = draft.finished()
    return found.tags if found else ()


# ---- the order of trust


@pytest.mark.parametrize("order", list(itertools.permutations(["xmp", "iptc", "exif", "xp"])))
def test_sources_settle_by_rank_in_whatever_order_the_file_has_them(order: tuple[Source, ...]) -> None:
    draft = DescriptiveDraft()
    for source in order:
        words = draft.said_by(source)
        if source != "xmp":
            words.say_title(f"title of {source}")
        if source in ("exif", "xp"):
            words.say_creators([source])
            words.say_rating(2 if source == "exif" else 5)
        words.say_tag([source])
        words.say_person(source)
    assert draft.finished() == Descriptive(
        title="title of iptc",
        creators=("exif",),
        rating=2,
        tags=("xmp", "iptc", "exif", "xp"),
        people=("xmp", "iptc", "exif", "xp"),
    )


def test_what_an_earlier_tier_knew_stands_before_every_source() -> None:
    known = Descriptive(title="known", tags=("a/b",), people=("Ada",), rating=0, is_rejected=True)
    draft = DescriptiveDraft.of(known)
    words = draft.said_by("xmp")
    words.say_title("new")
    words.say_label("Red")
    words.say_rating(4)
    words.say_tag(["b"])
    words.say_tag(["c"])
    words.say_person("Ada")
    assert draft.finished() == Descriptive(
        title="known", label="Red", tags=("a/b", "c"), people=("Ada",), rating=0, is_rejected=True
    )


def test_one_source_that_rejects_is_enough_and_no_star_is_lost() -> None:
    draft = DescriptiveDraft()
    draft.said_by("exif").say_rating(3)
    draft.said_by("xmp").say_rating(-1)
    assert draft.finished() == Descriptive(rating=3, is_rejected=True)


def test_settling_changes_nothing_and_silence_is_none() -> None:
    draft = DescriptiveDraft()
    assert draft.finished() is None
    draft.said_by("iptc").say_title("  \0x")
    draft.say_creators(["", " "])
    draft.say_tag(["", " "])
    assert draft.finished() is None
    draft.said_by("iptc").say_title("t")
    assert draft.finished() == draft.finished() == Descriptive(title="t")


# ---- tags


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["beach", "beach"], ("beach",)),
        (["Beach", "beach"], ("Beach",)),
        (["People/Ada", "Ada"], ("People/Ada",)),
        (["ada", "PEOPLE", "People/Ada"], ("People/Ada",)),
        (["People", "People/Ada", "People/Ada/Young"], ("People/Ada/Young",)),
        (["a/b", "b/a"], ("a/b", "b/a")),
        (["a/b", "A/B"], ("a/b",)),
        (["a/b/c", "a/b", "x/b"], ("a/b/c", "x/b")),
        (["a//b", " a / b "], ("a/b",)),
    ],
)
def test_a_tag_is_told_once_and_what_is_above_it_goes_with_it(said: list[str], told: tuple[str, ...]) -> None:
    assert _tags(*said) == told


def test_a_slash_in_a_name_is_no_step() -> None:
    draft = DescriptiveDraft()
    draft.say_tag(["Music", "AC/DC"])
    draft.say_tag(["Music", "AC", "DC"])
    found = draft.finished()
    assert found is not None
    assert found.tags == ("Music/AC／DC",)


def test_only_keywords_at_iptc_s_limit_are_taken_for_cut_ones() -> None:
    long = "x" * 80
    assert _tags(long, "x" * 64) == (long,)
    assert _tags(long, "x" * 50, "x" * 70) == (long, "x" * 50, "x" * 70)
    assert _tags("größer", "gr??er") == ("größer", "gr??er")
    assert _tags("größer", "gr??er", "gr?ßer") == ("größer", "gr??er")


def test_tags_end_at_their_bounds_in_good_time() -> None:
    begin = time.process_time()
    assert len(_tags(*(f"{n}/" + "/".join("abcdefgh") for n in range(2 * MAX_TAGS)))) == MAX_TAGS
    assert len(_tags(*(f"{n:?>64}" for n in range(2 * MAX_TAGS)))) == MAX_TAGS
    assert time.process_time() - begin < 5
    assert _tags("/".join("a" * (MAX_DEPTH + 1))) == ()


# ---- faces


def test_faces_of_several_sources_are_united_and_doubles_dropped() -> None:
    draft = DescriptiveDraft()
    draft.said_by("iptc").say_face("Ada", 0.101, 0.1, 0.2, 0.2)
    draft.said_by("iptc").say_face(None, 0.1, 0.1, 0.2, 0.2)
    draft.said_by("xmp").say_face("Ada", 0.1, 0.1, 0.2, 0.2)
    draft.said_by("xmp").say_face("Bea", 0.1, 0.1, 0.2, 0.2)
    found = draft.finished()
    assert found is not None
    assert [face.name for face in found.faces] == ["Ada", "Bea"]
    assert found.people == ("Ada", "Bea")


@given(st.tuples(*[st.floats(width=32)] * 4))
def test_a_face_lies_within_the_picture_or_is_none(box: tuple[float, float, float, float]) -> None:
    draft = DescriptiveDraft()
    draft.say_face(None, *box)
    for face in draft.faces:
        assert 0 <= face.x <= face.x + face.w <= 1 + 2e-6
        assert 0 <= face.y <= face.y + face.h <= 1 + 2e-6


def test_people_and_faces_end_at_their_bounds() -> None:
    draft = DescriptiveDraft()
    for number in range(2 * MAX_PEOPLE):
        draft.say_person(f"p{number}")
        draft.say_face(f"p{number}", 0.1, 0.1, 0.1, 0.1)
    assert (len(draft.people), len(draft.faces)) == (MAX_PEOPLE, MAX_PEOPLE)


# ---- texts


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("  a  b\n", "a b"),
        ("a\0b", "a"),
        ("a\x07b", "a b"),
        ("cafe\u0301", "café"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
        ("می‌خواهم", "می‌خواهم"),
        ("\ufeffa\ud800", "a"),
        ("\u2028", ""),
        (None, ""),
        ("x" * 2_000, "x" * MAX_NAME),
    ],
)
def test_names_are_one_clean_line(raw: str | None, name: str) -> None:
    assert clean_name(raw) == name


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (" a\r\nb\rc\n\n\td ", "a\nb\nc\n\n\td"),
        ("a\x07b\0c", "ab"),
        ("x" * 20_000, "x" * MAX_TEXT),
        (None, ""),
    ],
)
def test_texts_keep_their_lines(raw: str | None, text: str) -> None:
    assert clean_text(raw) == text


_ANY = st.text(st.characters(), max_size=30)


@given(st.lists(st.tuples(st.sampled_from(RANKS), st.lists(_ANY, max_size=3), _ANY, st.floats()), max_size=6))
def test_anything_said_is_clean_and_survives_json(said: list[tuple[Source, list[str], str, float]]) -> None:
    draft = DescriptiveDraft()
    for source, path, text, number in said:
        words = draft.said_by(source)
        words.say_tag(path)
        words.say_title(text)
        words.say_description(text)
        words.say_rating(number)
        words.say_face(text, 0.1, 0.1, number, 0.5)
    found = draft.finished()
    if found is None:
        return
    assert descriptive_from_json(descriptive_to_json(found)) == found
    for tag in found.tags:
        assert tag.encode()
        assert all(name and name == name.strip() for name in tag.split("/"))
    assert len(set(found.tags)) == len(found.tags)
    assert found.rating is None or 0 <= found.rating <= 5
    assert {face.name for face in found.faces if face.name} <= set(found.people)
    assert all(isinstance(face, FaceRegion) for face in found.faces)
