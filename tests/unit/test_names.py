"""Display names: valid everywhere, stable, and the inverse of themselves where they promise it."""

from __future__ import annotations

import json
import os
import random
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathvalidate import is_valid_filename

from capabilities import require
from catalog.names import (
    MAX_NAME_BYTES,
    clean_label,
    clean_name,
    fold,
    must_carry_suffix,
    split_extension,
    split_suffix,
    with_suffix,
)
from sacred import corpus_dir

FAMILY = "👩‍👩‍👧"
HOSTILE_LETTERS = (
    "aAéÉßſİıKÅäöü漢字あ\u0301\u0308\u0338\u0345=<>\u202e\u200b\ufeff\u2028 ..___--~~()"
    ":\"/\\|?*\t\n\x00\x7f\x85%#&+$'\u3000\u00a0\u00ad\ufdd0\uffff\U0001f468\u200d\u200c\ud7a3\u1100\u1161"
    "abcxyzABC0123456789"
) + FAMILY
EXTENSIONS = (
    ".jpg",
    ".JPG",
    ".heic",
    "",
    ".CR2",
    ".tar.gz",
    ".",
    ".jpg ",
    ".jpg_original",
    ".фото",
    "." + "x" * 40,
)
RESERVED = ("CON", "nul", "com1", "LPT9", "aux", "COM¹", "CONIN$", "prn ", "Nul.tar")
SHORT = "k7m2qx"


def _hostile(count: int) -> Iterator[bytes]:
    rnd = random.Random(20261121)
    for number in range(count):
        shape = number % 5
        if shape == 0:
            yield rnd.randbytes(rnd.randint(0, 255))
        elif shape == 1:
            yield (rnd.choice(RESERVED) + rnd.choice(("", " ", ".", "  .")) + rnd.choice(EXTENSIONS)).encode()
        elif shape == 2:
            yield (rnd.choice("漢aß\u0301👧") * rnd.randint(60, 300) + rnd.choice(EXTENSIONS)).encode()
        else:
            stem = "".join(rnd.choice(HOSTILE_LETTERS) for _ in range(rnd.randint(0, 60)))
            yield (stem + rnd.choice(EXTENSIONS)).encode()


def _assert_valid_everywhere(name: str) -> None:
    assert len(name.encode()) <= MAX_NAME_BYTES
    assert len(name.encode("utf-16-le")) // 2 <= 250
    for platform in ("windows", "linux", "macos"):
        assert is_valid_filename(name, platform=platform), (platform, name)


@pytest.mark.slow
def test_no_hostile_name_is_invalid_on_windows_linux_or_macos() -> None:
    for raw in _hostile(100_000):
        clean = clean_name(raw)
        suffixed = with_suffix(clean.text, SHORT)
        _assert_valid_everywhere(suffixed)
        _assert_valid_everywhere(clean.text)
        assert clean_name(clean.text.encode()).text == clean.text
        assert split_suffix(suffixed) == (clean.text, SHORT)
        assert unicodedata.is_normalized("NFC", clean.text)


def test_the_naughty_strings_of_the_corpus_become_valid_names_and_labels() -> None:
    require("corpus")
    place = corpus_dir()
    assert place is not None
    strings = json.loads((place / "lists" / "blns.json").read_text())
    assert len(strings) > 400
    for text in strings:
        _assert_valid_everywhere(clean_name(os.fsencode(text.encode("utf-8", "surrogatepass"))).text)
        _assert_valid_everywhere(clean_label(text))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"IMG_0001.JPG", "IMG_0001.JPG"),
        ("Ünï.jpg".encode(), "Ünï.jpg"),
        ("U\u0308ni\u0308.jpg".encode(), "Ünï.jpg"),
        (b"Z\xfcrich.jpg", "Z\ufffdrich.jpg"),
        ("a\u202egpj.exe".encode(), "agpj.exe"),
        (b"a/b\\c:d.jpg", "a／b＼c：d.jpg"),
        (b"nul.jpg", "nul_.jpg"),
        (b"NUL .tar.gz", "NUL_.tar.gz"),
        (b"con", "con_"),
        (b"conned.jpg", "conned.jpg"),
        (b".hidden.jpg", "．hidden.jpg"),
        (b"  x.jpg ", "x.jpg"),
        (b"trail. . .", "trail. . ．"),
        (b".", "．"),
        (b"..", "．．"),
        (b"", "_"),
        (b"\x01\x02", "_"),
        (f"{FAMILY}.jpg".encode(), f"{FAMILY}.jpg"),
        ("نامه\u200cای.jpg".encode(), "نامه\u200cای.jpg"),
        (b"x<1>.jpg", "x＜1＞.jpg"),
    ],
)
def test_names_are_cleaned_by_the_rules_in_their_order(raw: bytes, shown: str) -> None:
    assert clean_name(raw).text == shown


def test_undecodable_and_cut_names_are_lossy_and_others_are_not() -> None:
    assert clean_name(b"Z\xfcrich.jpg").is_lossy
    assert clean_name(b"x" * 230 + b".jpg").is_lossy
    assert not clean_name(b"x" * 229 + b".jpg").is_lossy
    assert not clean_name(b"a:b.jpg").is_lossy


def test_a_long_name_keeps_its_extension_and_shows_that_it_was_cut() -> None:
    clean = clean_name(("漢" * 84 + ".HEIC").encode())
    assert clean.text.endswith("….HEIC")
    assert len(clean.text.encode()) <= MAX_NAME_BYTES - 7


def test_a_cut_never_ends_inside_an_emoji_sequence_or_before_an_accent() -> None:
    for padding in range(12):
        text = clean_name(("a" * padding + FAMILY * 20 + ".jpg").encode()).text
        assert text[-6] not in "\u200d\u200c"
        accented = clean_name(("a" * padding + "q\u0301" * 200 + ".jpg").encode()).text
        assert unicodedata.combining(accented[-6]) == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("IMG.JPG", "img.jpg"),
        ("Cão", "Ca\u0303o"),
        ("Straße", "STRASSE"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("\u0345\u0301", "\u0301\u0345"),
    ],
)
def test_names_that_differ_by_case_or_unicode_form_fold_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@given(st.text(max_size=40))
def test_the_fold_of_a_fold_and_of_every_unicode_form_is_the_fold(text: str) -> None:
    key = fold(text)
    assert fold(key) == key
    assert fold(unicodedata.normalize("NFD", text)) == key
    assert fold(unicodedata.normalize("NFC", text)) == key


@given(st.binary(max_size=300))
def test_cleaning_twice_changes_nothing_and_the_suffix_can_be_taken_off(raw: bytes) -> None:
    text = clean_name(raw).text
    assert clean_name(text.encode()).text == text
    assert split_suffix(with_suffix(text, SHORT)) == (text, SHORT)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("IMG_1~k7m2qx.jpg", ("IMG_1.jpg", "k7m2qx")),
        ("IMG_1~K7M2QX.JPG", ("IMG_1.JPG", "k7m2qx")),
        ("a~b~k7m2qx", ("a~b", "k7m2qx")),
        ("IMG_1.jpg", None),
        ("IMG~12345.jpg", None),
        ("IMG~holiday.jpg", None),
        ("~k7m2qx.jpg", None),
    ],
)
def test_the_suffix_is_split_off_whatever_its_case(name: str, parts: tuple[str, str] | None) -> None:
    assert split_suffix(name) == parts


def test_a_name_that_looks_suffixed_must_carry_a_suffix_itself() -> None:
    assert must_carry_suffix(clean_name(b"x~abc123.jpg"))
    assert must_carry_suffix(clean_name(b"x~ABC123.JPG"))
    assert must_carry_suffix(clean_name("x~abc12\u017f.jpg".encode()))  # a long s folds to s
    assert must_carry_suffix(clean_name(b"Z\xfcrich.jpg"))
    assert not must_carry_suffix(clean_name(b"x~holiday.jpg"))


def test_extensions_are_short_words_after_the_last_dot() -> None:
    assert split_extension("a.b.jpg") == ("a.b", ".jpg")
    assert split_extension("Dr. Who") == ("Dr. Who", "")
    assert split_extension(".jpg") == (".jpg", "")
    assert split_extension("x.jpg_original") == ("x", ".jpg_original")


def test_labels_keep_dots_double_a_leading_underscore_and_are_never_empty() -> None:
    assert clean_label("Canon EOS 5D") == "Canon EOS 5D"
    assert clean_label("_all") == "__all"
    assert clean_label("") == "_"
    assert clean_label("AC/DC") == "AC／DC"
    assert clean_label("aux") == "aux_"
    assert clean_label("\ud800x") == "\ufffdx"
    assert len(clean_label("漢" * 200).encode()) <= MAX_NAME_BYTES - 7
