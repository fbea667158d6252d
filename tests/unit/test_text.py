"""Tokens of full text: what is found by which word, and that FTS5 with our tokens agrees with the Python face."""

from __future__ import annotations

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.text import MAX_TOKEN_CHARACTERS, SEPARATOR, indexed, matches, phrase, tokens

TEXTS = st.text(
    st.one_of(
        st.sampled_from("abcXYZ 019_-.é\u0301旅行ภาษาไทยкАßİı🎉¦\"'*/がパ한글ﬁ①"),
        st.characters(codec="utf-8"),
    ),
    max_size=14,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IMG_0012.jpg", ["img", "0012", "jpg"]),
        ("Café Crème", ["cafe", "creme"]),
        ("東京旅行2019", ["東", "京", "旅", "行", "2019"]),
        ("Straße", ["strasse"]),
        ("ﬁancé ＡＢＣ１２", ["fiance", "abc", "12"]),
        ("İstanbul", ["istanbul"]),
        ("Ελλάδα ᾼ", ["ελλαδα", "α"]),
        ("がっこう", ["か", "っ", "こ", "う"]),
        ("party🎉🎉2", ["party", "🎉", "🎉", "2"]),
        ("a\u00a6b ￤", ["a", "b"]),
        ("--- !!! \x00\u200b", []),
        ("ก๒๓ข", ["ก", "๒๓", "ข"]),
    ],
)
def test_a_text_is_cut_into_these_tokens(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("word", "text", "is_found"),
    [
        ("beach", "Beaches", True),
        ("cafe", "Café", True),
        ("café", "CAFE", True),
        ("img_00", "IMG_0012.jpg", True),
        ("旅行", "東京旅行", True),
        ("行旅", "東京旅行", False),
        ("each", "Beaches", False),
        ("sunset at the be", "A sunset at the beach.", True),
        ("sunset beach", "A sunset at the beach", False),
        ("---", "---", False),
    ],
)
def test_a_word_finds_the_texts_in_which_its_tokens_stand_in_a_row(
    word: str, text: str, is_found: bool
) -> None:
    assert matches(tokens(word), ["nothing", text]) is is_found


def test_a_phrase_does_not_reach_from_one_element_into_the_next() -> None:
    assert not matches(tokens("cat dog"), ["cat", "dog"])
    assert indexed(["cat", "dog/Big"]) == f"cat {SEPARATOR} dog big"


def test_a_word_without_tokens_has_no_phrase() -> None:
    assert phrase("***") is None
    assert phrase("Img_1") == '"img 1" *'


@given(TEXTS)
def test_the_tokens_of_tokens_are_those_tokens(text: str) -> None:
    found = tokens(text)
    assert tokens(" ".join(found)) == found
    assert all(len(token) <= MAX_TOKEN_CHARACTERS and SEPARATOR not in token for token in found)


@given(TEXTS.filter(lambda text: text == text.upper().lower()))
def test_case_does_not_matter_where_it_can_be_undone(text: str) -> None:
    assert tokens(text.upper()) == tokens(text)


def test_the_index_and_the_python_face_agree() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE VIRTUAL TABLE photo_text USING fts5 (name, tags, tokenize = 'ascii', columnsize = 0)"
    )

    @given(st.lists(TEXTS, min_size=1, max_size=3), st.lists(TEXTS, max_size=4), TEXTS, st.data())
    def agree(name: list[str], tags: list[str], free: str, data: st.DataObject) -> None:
        texts = [name[0], *tags]
        part = data.draw(st.sampled_from(texts))
        start = data.draw(st.integers(0, len(part)))
        word = data.draw(st.sampled_from([free, part, part[start:], part[: start + 2]]))
        question = phrase(word)
        if question is None:
            assert not tokens(word)
            return
        connection.execute("DELETE FROM photo_text")
        connection.execute("INSERT INTO photo_text VALUES (?, ?)", (indexed([name[0]]), indexed(tags)))
        found = connection.execute(
            "SELECT count(*) FROM photo_text WHERE photo_text MATCH ?", (question,)
        ).fetchone()
        assert bool(found[0]) is matches(tokens(word), texts)

    agree()
    connection.close()
