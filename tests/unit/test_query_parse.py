"""The query grammar: what text means, and that nonsense is an error that names its place."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.buckets import MediaType
from catalog.errors import InvalidQuery
from catalog.query import (
    FIELDS,
    And,
    Choice,
    DayRange,
    Near,
    Not,
    NumberRange,
    Or,
    PathMatch,
    Predicate,
    Term,
    TextMatch,
    TypeFlag,
    Words,
    excluded_states,
    parse,
)
from catalog.query.fields import FIELD_NAMES, HAS, IS, STACK_KINDS, TYPES
from catalog.query.parse import MAX_DEPTH, MAX_QUERY_CHARACTERS
from catalog.text import tokens

TODAY = date(2026, 3, 31)


def read(text: str) -> Predicate:
    return parse(text, today=TODAY)


def word(text: str) -> Term:
    return Term("word", Words(tuple(tokens(text))))


def camera(text: str) -> Term:
    return Term("camera", TextMatch(("", text, "")))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2019", 20190000, 20191231),
        ("2019-08", 20190800, 20190831),
        ("2020-02", 20200200, 20200229),
        ("2019-08-07", 20190807, 20190807),
        ("2019-8-7", 20190807, 20190807),
        ("2017..2019-05", 20170000, 20190531),
        ("..2019-05-03", 1, 20190503),
        ("2019-05..", 20190500, 99991231),
        ("-2w..", 20260317, 99991231),
        ("-2w", 20260317, 99991231),
        ("-1m..", 20260228, 99991231),
        ("-1y..-1d", 20250331, 20260330),
        ("-999999y..", 10101, 99991231),
        ("today", 20260331, 20260331),
        ("yesterday", 20260330, 20260330),
    ],
)
def test_dates_are_ranges_of_packed_days(text: str, low: int, high: int) -> None:
    assert read(f"date={text}") == Term("date", DayRange(low, high))
    assert read(f"added:{text}") == Term("added", DayRange(low, high))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("date>=2019", 20190000, 99991231),
        ("date>2019", 20191232, 99991231),
        ("date<2019-08", 1, 20190799),
        ("date<=2019-08", 1, 20190831),
    ],
)
def test_dates_compare(text: str, low: int, high: int) -> None:
    assert read(text) == Term("date", DayRange(low, high))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("width=4000", NumberRange(4000, 4000)),
        ("width>=4000", NumberRange(4000, None)),
        ("width>4000px", NumberRange(4000, None, has_low=False)),
        ("width<4000", NumberRange(None, 4000, has_high=False)),
        ("height=100..200", NumberRange(100, 200)),
        ("height=..200", NumberRange(None, 200)),
        ("size>=20MB", NumberRange(20_000_000, None)),
        ("size=1.5MiB", NumberRange(1_572_864, 1_572_864)),
        ("size<=2k", NumberRange(None, 2000)),
        ("duration>1m30s", NumberRange(90, None, has_low=False)),
        ("duration=1h..", NumberRange(3600, None)),
        ("duration=2.5", NumberRange(2.5, 2.5)),
    ],
)
def test_numbers_have_units_ranges_and_comparisons(text: str, expected: NumberRange) -> None:
    term = read(text)
    assert isinstance(term, Term)
    assert term.value == expected


def test_equals_is_a_synonym_of_colon_and_or_of_the_bar() -> None:
    assert read("camera=canon") == read("camera:canon") == camera("canon")
    assert read("a | b") == read("a OR b") == read("a|b") == Or((word("a"), word("b")))


def test_a_space_means_and_and_binds_more_than_or() -> None:
    assert read("a b OR c") == Or((And((word("a"), word("b"))), word("c")))
    assert read("a (b OR c)") == And((word("a"), Or((word("b"), word("c")))))
    assert read("a AND b") == read("a b")


def test_not_and_minus_negate_one_part() -> None:
    raw = Term("type", TypeFlag(MediaType.RAW))
    assert read("-is:raw a") == read("NOT is:raw a") == And((Not(raw), word("a")))
    assert read("-(a b)") == Not(And((word("a"), word("b"))))
    assert read("--a") == Not(Not(word("a")))


def test_a_bar_inside_a_value_means_any_of_them() -> None:
    assert read("camera=canon|nikon") == Or((camera("canon"), camera("nikon")))


def test_quotes_keep_spaces_bars_and_stars() -> None:
    assert read('camera="Canon EOS | 5*"') == camera("canon eos | 5*")
    assert read("'date=2019'") == word("date=2019")
    assert read('name="say \\"hi\\""') == Term("name", TextMatch(("", 'say "hi"', "")))
    assert read("don't") == word("don't")
    assert read('title=*"at the sea"*') == Term("title", TextMatch(("", "at the sea", "")))
    assert read('camera="Canon EOS"*') == Term("camera", TextMatch(("canon eos", "")))
    assert read("name=*'s*") == Term("name", TextMatch(("", "'s", "")))


def test_a_star_anchors_the_text_at_both_ends() -> None:
    assert read("name=IMG_*") == Term("name", TextMatch(("img_", "")))
    assert read("name=*_0*.jpg") == Term("name", TextMatch(("", "_0", ".jpg")))


def test_parentheses_inside_a_word_belong_to_it_when_balanced() -> None:
    assert read("(name=IMG_1(2).jpg)") == Term("name", TextMatch(("", "img_1(2).jpg", "")))


def test_extension_volume_uid_and_hash_are_not_searched_inside() -> None:
    assert read("ext=.JPG") == Term("name", TextMatch(("", ".jpg")))
    assert read("volume=NAS") == Term("volume", TextMatch(("nas",)))
    assert read("uid=~K7M2QX") == Term("uid", TextMatch(("k7m2qx", "")))
    assert read("hash=1F") == Term("hash", TextMatch(("1f", "")))


def test_kinds_types_and_states_are_words_of_closed_lists() -> None:
    assert read("type=photo") == read("is:photo") == Term("kind", Choice("photo"))
    assert read("type=RAW") == read("is:raw") == Term("type", TypeFlag(MediaType.RAW))
    assert read("has:gps") == Term("has", Choice("gps"))
    assert read("is:offline") == Term("is", Choice("offline"))


@pytest.mark.parametrize(
    "text",
    [*(f"has:{name}" for name in HAS), *(f"is:{name}" for name in IS), *(f"type:{name}" for name in TYPES)],
)
def test_every_listed_word_is_understood(text: str) -> None:
    assert isinstance(read(text), Term)


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_the_example_of_every_field_is_a_valid_query(field: object) -> None:
    read(field.example)  # type: ignore[attr-defined]


def test_near_takes_a_point_and_a_distance() -> None:
    assert read("near=52.1,13.4,5km") == Term("near", Near(52.1, 13.4, 5.0))
    assert read("near=-33.9,151.2,500m") == Term("near", Near(-33.9, 151.2, 0.5))


def test_an_empty_query_is_everything() -> None:
    assert read("") == read("   ") == And(())


def test_an_unknown_field_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(InvalidQuery) as caught:
        read("a camra=canon")
    assert caught.value.details == {"field": "camra", "suggestion": "camera", "position": 2}
    assert "camera" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("a OR", 4), ("OR a", 0), ("(a", 0), ("a)", 1), ("()", 1), ("NOT", 3), ("a AND", 5), ("| a", 0),
        ('a "b', 2), ("camera=", 0), ("camera>=5", 0), ("a|", 0), ("date=2019-13", 0), ("date=2019-02-30", 0),
        ("date=soon", 0), ("date=2020..2019", 0), ("date>2019..2020", 0), ("date=2019-08-07T12:00", 0), ("date=0000", 0),
        ("width=wide", 0), ("width=9..1", 0), ("size=1XB", 0), ("duration=m", 0), ("near=1,2", 0), ("near=91,0,1km", 0),
        ("near=1,2,3mi", 0), ("has:wings", 0), ("is:rawr", 0), ("type=hologram", 0), ('""', 0), ("x foo:bar", 2),
    ],
)  # fmt: skip
def test_nonsense_is_an_error_that_names_its_place(text: str, position: int) -> None:
    with pytest.raises(InvalidQuery) as caught:
        read(text)
    assert caught.value.details["position"] == position
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_a_wrong_word_of_a_closed_list_suggests_the_right_one() -> None:
    with pytest.raises(InvalidQuery) as caught:
        read("is:rwa")
    assert caught.value.hint == "Did you mean is:raw?"


def test_length_and_depth_are_bounded() -> None:
    with pytest.raises(InvalidQuery):
        read("a" * (MAX_QUERY_CHARACTERS + 1))
    with pytest.raises(InvalidQuery):
        read("(" * (MAX_DEPTH + 2) + "a" + ")" * (MAX_DEPTH + 2))
    with pytest.raises(InvalidQuery):
        read("-" * (MAX_DEPTH + 2) + "a")


def test_a_query_that_speaks_of_a_state_no_longer_excludes_it() -> None:
    assert excluded_states(read("beach")) == {"trashed", "hidden", "missing"}
    assert excluded_states(read("is:trashed")) == {"hidden", "missing"}
    assert excluded_states(read("a (b OR -is:missing)")) == {"trashed", "hidden"}
    assert excluded_states(read("is:any")) == frozenset()


@given(st.text(alphabet="ab date=:|()-\"'*.<>2019ORNT\\~\u00e9\udc80\n", max_size=40))
def test_any_text_gives_a_tree_or_an_invalid_query(text: str) -> None:
    try:
        predicate = read(text)
    except InvalidQuery:
        return
    assert isinstance(predicate, And | Or | Not | Term)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Café", Term("word", Words(("cafe",)))),
        ("text=Café", Term("word", Words(("cafe",)))),
        ("IMG_0012.jpg", Term("word", Words(("img", "0012", "jpg")))),
        ("IMG_*", Term("word", TextMatch(("img_", "")))),
        ("'a*b'", Term("word", Words(("a", "b")))),
        ("!!!", Term("word", TextMatch(("", "!!!", "")))),
        ("title=Sea", Term("title", Words(("sea",)))),
        ("title=*sea*", Term("title", TextMatch(("", "sea", "")))),
        ("person=Anna", Term("person", Words(("anna",)))),
        ("people:anna", Term("person", Words(("anna",)))),
        ("tag=Animals/Cat", Term("tag", PathMatch(("animals/cat",)))),
        ("tag=/Animals//Cat/", Term("tag", PathMatch(("animals/cat",)))),
        ("tag=a*/b", Term("tag", PathMatch(("a", "/b")))),
        ("album='Rome * 2019'", Term("album", PathMatch(("rome * 2019",)))),
        ("rating=3", Term("rating", NumberRange(3, 3))),
        ("rating>3", Term("rating", NumberRange(3, None, has_low=False))),
        ("rating=none", Not(Term("has", Choice("rating")))),
        ("label=Red", Term("label", TextMatch(("red",)))),
        ("favorite=yes", Term("is", Choice("favorite"))),
        ("favorite=no", Not(Term("is", Choice("favorite")))),
        ("is:stacked", Term("has", Choice("stack"))),
        ("has:position", Term("has", Choice("gps"))),
        ("stack=Burst", Term("stack", TextMatch(("burst",)))),
        ("stack=VARIANT", Term("stack", TextMatch(("variant",)))),
        ("stack=K7M2QX", Term("stack", TextMatch(("k7m2qx", "")))),
        ("trashed=2026-03", Term("trashed", DayRange(20260300, 20260331))),
    ],
)
def test_fields_of_the_layer_mean_these_terms(text: str, expected: Predicate) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("tags=a", "tag"),
        ("peple=a", "people"),
        ("raiting=3", "rating"),
        ("favourite=yes", "favorite"),
        ("is:favourite", "favorite"),
        ("has:tags", "tag"),
    ],
)
def test_what_is_unknown_is_an_error_with_a_suggestion(text: str, suggestion: str) -> None:
    with pytest.raises(InvalidQuery) as raised:
        read(text)
    assert raised.value.details["suggestion"] == suggestion


@pytest.mark.parametrize(
    "text", ["tag=/", "album=' '", "rating=five", "rating>none", "stack=pile", "favorite=maybe"]
)
def test_what_makes_no_sense_of_a_field_of_the_layer_is_an_error(text: str) -> None:
    with pytest.raises(InvalidQuery):
        read(text)


def test_a_query_about_the_day_of_trashing_looks_into_the_trash() -> None:
    assert excluded_states(read("trashed=-1w..")) == {"hidden", "missing"}
    assert excluded_states(read("is:hidden")) == {"trashed", "missing"}


def test_every_kind_of_stack_and_every_synonym_can_be_asked_for() -> None:
    assert [read(f"stack={kind}") for kind in STACK_KINDS]
    assert {name for name in FIELD_NAMES if name not in FIELDS} == {"people"}
