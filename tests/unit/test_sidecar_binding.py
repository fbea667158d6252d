"""Whom a sidecar is about, by names alone: every form of metadata.md 2.1 and 5, and what is ambiguous."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog import media_types
from catalog.sidecars.binding import CERTAINTY, RULES, Claim, Directory, Kind, Neighbour, Verdict
from catalog.sidecars.names import (
    EDITED,
    cell_of,
    cells_of,
    clipped,
    form_of,
    takeout_names,
    units,
    without_edit,
)


def _neighbour(name: str) -> Neighbour:
    raw = name.encode("utf-8", "surrogateescape")
    guess = media_types.guess(raw)
    assert guess is not None, name
    kind: Kind = "raw" if guess.is_raw else guess.kind
    return Neighbour(raw, kind)


def _judged(sidecar: str, beside: str | list[str], *, others: str = "", claim: Claim = Claim()) -> Verdict:  # noqa: B008
    """Judge a sidecar; `beside` are media files, `others` other sidecars, each separated by blanks."""
    media = beside.split() if isinstance(beside, str) else beside
    sidecars = [one.encode() for one in (*others.split(), sidecar)]
    directory = Directory([_neighbour(one) for one in media], sidecars)
    return directory.verdict(sidecar.encode(), claim)


def _names(verdict: Verdict) -> str:
    return " ".join(name.decode() for name in verdict.names)


_CR2 = Claim(for_extension="CR2")
_FROM = Claim(derived_from="IMG.CR2")

XMP = [
    # sidecar, media files, claim, about, rule
    ("IMG.JPG.xmp", "IMG.JPG", Claim(), "IMG.JPG", "name"),
    ("IMG.JPG.XMP", "IMG.JPG", Claim(), "IMG.JPG", "name"),
    ("img.jpg.xmp", "IMG.JPG", Claim(), "IMG.JPG", "name"),
    ("IMG.JPG.xmp", "IMG.JPG IMG.CR2", Claim(), "IMG.JPG", "name"),
    ("IMG.JPG.xmp", "IMG.JPG img.jpg", Claim(), "IMG.JPG", "name"),
    ("Img.jpg.xmp", "IMG.JPG img.jpg", Claim(), "", "none"),
    ("IMG.JPG.xmp", "IMG.CR2", Claim(), "", "none"),
    ("IMG.JPG.xmp", "IMG.JPG.CR2", Claim(), "IMG.JPG.CR2", "raw"),
    ("IMG.JPG.xmp", "IMG.JPG IMG.JPG.CR2", Claim(), "IMG.JPG", "name"),
    ("IMG.xmp", "IMG.CR2", Claim(), "IMG.CR2", "raw"),
    ("IMG.xmp", "IMG.JPG", Claim(), "IMG.JPG", "stem"),
    ("IMG.xmp", "img.jpg", Claim(), "img.jpg", "stem"),
    ("IMG.xmp", "IMG.JPG IMG.CR2", Claim(), "IMG.CR2", "raw"),
    ("IMG.xmp", "IMG.JPG img.cr2", Claim(), "img.cr2", "raw"),
    ("IMG.xmp", "IMG.JPG IMG.HEIC", Claim(), "IMG.JPG IMG.HEIC", "stem"),
    ("IMG.xmp", "IMG.HEIC IMG.MOV", Claim(), "IMG.HEIC IMG.MOV", "stem"),
    ("IMG.xmp", "IMG.JPG IMG.WAV", Claim(), "IMG.JPG", "stem"),
    ("IMG.xmp", "IMG.WAV", Claim(), "IMG.WAV", "stem"),
    ("IMG.xmp", "IMG.CR2 IMG.DNG", Claim(), "IMG.CR2", "raw"),
    ("IMG.xmp", "IMG.DNG IMG.JPG", Claim(), "IMG.DNG", "raw"),
    ("IMG.xmp", "IMG.CR2 IMG.NEF", Claim(), "", "none"),
    ("IMG.xmp", "IMG.CR2 IMG.NEF", _CR2, "IMG.CR2", "extension"),
    ("IMG.xmp", "IMG.JPG IMG.CR2", Claim(for_extension="jpg"), "IMG.JPG", "extension"),
    ("IMG.xmp", "IMG.JPG", Claim(for_extension=".JPG"), "IMG.JPG", "extension"),
    ("IMG.xmp", "IMG.JPG", _CR2, "", "none"),
    ("IMG.xmp", "IMG.JPG img.jpg", Claim(), "IMG.JPG", "stem"),
    ("IMG.xmp", "IMG2.JPG", Claim(), "", "none"),
    ("IMG.xmp", "", Claim(), "", "none"),
    ("a.b.xmp", "a.b.jpg a.jpg", Claim(), "a.b.jpg", "stem"),
    ("IMG_01.CR2.xmp", "IMG.CR2", _FROM, "IMG.CR2", "duplicate"),
    ("IMG_01.CR2.xmp", "IMG.CR2", Claim(derived_from="/home/u/IMG.CR2"), "IMG.CR2", "duplicate"),
    ("IMG_01.CR2.xmp", "IMG.CR2", Claim(), "", "none"),
    ("IMG_01.CR2.xmp", "IMG.CR2", Claim(derived_from="IMG_01.CR2"), "", "none"),
    ("IMG_01.CR2.xmp", "IMG.CR2 IMG_01.CR2", _FROM, "IMG_01.CR2", "name"),
    ("IMG_01.CR2.xmp", "IMG.JPG", _FROM, "", "none"),
    ("IMG_1.CR2.xmp", "IMG.CR2", _FROM, "", "none"),
]


@pytest.mark.parametrize(("sidecar", "beside", "claim", "about", "rule"), XMP)
def test_an_xmp_sidecar_is_about_the_files_that_its_name_and_its_claims_mean(
    sidecar: str, beside: str, claim: Claim, about: str, rule: str
) -> None:
    verdict = _judged(sidecar, beside, claim=claim)
    assert (_names(verdict), verdict.rule) == (about, rule)
    assert (verdict.reason is None) == bool(about)


def test_names_are_equal_whatever_their_unicode_form() -> None:
    composed, decomposed = (
        unicodedata.normalize("NFC", "Müller.jpg"),
        unicodedata.normalize("NFD", "Müller.jpg"),
    )
    assert _names(_judged(f"{composed}.xmp", [decomposed])) == decomposed
    assert _names(_judged(f"{decomposed}.json", [composed])) == composed
    both = _judged(f"{decomposed}.xmp", [composed, decomposed])
    assert _names(both) == decomposed


def test_names_that_are_no_utf_8_are_told_apart_by_their_bytes() -> None:
    media = [Neighbour(b"\xff.jpg", "photo"), Neighbour(b"\xfe.jpg", "photo")]
    directory = Directory(media, [b"\xff.jpg.xmp"])
    assert directory.verdict(b"\xff.jpg.xmp", Claim()).names == (b"\xff.jpg",)
    lost = directory.verdict(b"\xfd.jpg.xmp", Claim())
    assert lost.names == ()
    assert lost.reason is not None
    lost.reason.encode()


@pytest.mark.parametrize("own", ["IMG.CR2.xmp", "img.cr2.XMP", "IMG.xmp"])
def test_a_duplicate_in_darktable_says_nothing_of_a_photo_that_has_a_sidecar(own: str) -> None:
    assert _judged("IMG_01.CR2.xmp", "IMG.CR2", others=own, claim=_FROM).is_version
    assert not _judged("IMG_01.CR2.xmp", "IMG.CR2", claim=_FROM).is_version


def test_of_several_duplicates_without_the_first_sidecar_the_lowest_speaks() -> None:
    others = "IMG_01.CR2.xmp IMG_02.CR2.xmp IMG_01.JPG.xmp"
    assert not _judged("IMG_01.CR2.xmp", "IMG.CR2", others=others, claim=_FROM).is_version
    assert _judged("IMG_02.CR2.xmp", "IMG.CR2", others=others, claim=_FROM).is_version
    beside = "IMG.CR2 IMG_01.CR2"
    assert not _judged("IMG_02.CR2.xmp", beside, others=others, claim=_FROM).is_version


# ---- Takeout

_LONG = "Screenshot_20230815_101112_com.example.gallery.jpg"  # 50 units
_TITLED = Claim(original_name="IMG.jpg")
TAKEOUT = [
    ("IMG.jpg.json", "IMG.jpg", Claim(), "IMG.jpg", "takeout"),
    ("IMG.jpg.supplemental-metadata.json", "IMG.jpg", Claim(), "IMG.jpg", "takeout"),
    ("IMG.JPG.JSON", "img.jpg", Claim(), "img.jpg", "takeout"),
    ("IMG.jpg(1).json", "IMG.jpg IMG(1).jpg", Claim(), "IMG(1).jpg", "takeout"),
    ("IMG.jpg.supplemental-metadata(1).json", "IMG.jpg IMG(1).jpg", Claim(), "IMG(1).jpg", "takeout"),
    ("IMG(1).jpg.json", "IMG.jpg IMG(1).jpg", Claim(), "IMG(1).jpg", "takeout"),
    ("IMG.jpg.json", "IMG(1).jpg", Claim(), "", "none"),
    ("IMG.jpg.json", "IMG.jpg IMG.HEIC", Claim(), "IMG.jpg", "takeout"),
    (f"{_LONG[:46]}.json", _LONG, Claim(), _LONG, "takeout"),
    (f"{_LONG}.json", _LONG, Claim(), _LONG, "takeout"),
    (f"{_LONG}.supplemental-metadata.json", _LONG, Claim(), _LONG, "takeout"),
    ("IMG.jpg.json", "IMG.jpg IMG-edited.jpg", Claim(), "IMG.jpg IMG-edited.jpg", "takeout"),
    (
        "IMG.jpg(2).json",
        "IMG(2).jpg IMG-bearbeitet(2).jpg",
        Claim(),
        "IMG(2).jpg IMG-bearbeitet(2).jpg",
        "takeout",
    ),
    ("IMG.jpg.json", "IMG-edited.jpg", Claim(), "", "none"),
    ("IMG-edited.jpg.json", "IMG-edited.jpg", Claim(), "IMG-edited.jpg", "takeout"),
    ("a&b.jpg.json", "a_b.jpg", Claim(original_name="a&b.jpg"), "a_b.jpg", "title"),
    ("x.jpg.json", "IMG.jpg", _TITLED, "IMG.jpg", "title"),
    ("x.jpg(3).json", "IMG.jpg IMG(3).jpg", _TITLED, "IMG(3).jpg", "title"),
    ("x.jpg.json", "IMG.jpg img.jpg", _TITLED, "", "none"),
    ("x.jpg.json", "other.jpg", _TITLED, "", "none"),
    ("x.jpg.json", "other.jpg", Claim(), "", "none"),
]


@pytest.mark.parametrize(("sidecar", "beside", "claim", "about", "rule"), TAKEOUT)
def test_a_takeout_json_is_about_the_file_that_its_name_or_its_title_means(
    sidecar: str, beside: str, claim: Claim, about: str, rule: str
) -> None:
    assert form_of(sidecar.encode()) == "takeout"
    verdict = _judged(sidecar, beside, claim=claim)
    assert (_names(verdict), verdict.rule) == (about, rule)


def test_an_edited_copy_with_a_json_of_its_own_does_not_take_that_of_the_original() -> None:
    others = "IMG-edited.jpg.json"
    assert _names(_judged("IMG.jpg.json", "IMG.jpg IMG-edited.jpg", others=others)) == "IMG.jpg"


@pytest.mark.parametrize("word", EDITED)
def test_edited_copies_are_known_in_every_language(word: str) -> None:
    copy = f"IMG_1{word}.jpg"
    assert without_edit(copy) == "img_1.jpg"
    assert _names(_judged("IMG_1.jpg.json", ["IMG_1.jpg", copy])) == f"IMG_1.jpg {copy}"
    decomposed = unicodedata.normalize("NFD", copy)
    assert _names(_judged("IMG_1.jpg.json", ["IMG_1.jpg", decomposed])) == f"IMG_1.jpg {decomposed}"


def test_a_json_whose_title_names_another_file_stays_with_the_name_but_never_takes_one_that_has_its_own() -> (
    None
):
    assert _judged("x.jpg.json", "IMG.jpg", others="IMG.jpg.json", claim=_TITLED).names == ()


def test_two_files_whose_names_are_clipped_alike_are_told_apart_by_the_title_or_not_at_all() -> None:
    first, second = f"{'a' * 46}1.jpg", f"{'a' * 46}2.jpg"
    name = f"{'a' * 46}.json"
    assert _judged(name, [first, second]).names == ()
    assert "any of these" in str(_judged(name, [first, second]).reason)
    told = _judged(name, [first, second], claim=Claim(original_name=second))
    assert _names(told) == second


@pytest.mark.parametrize(
    ("media", "json"),
    [
        # By rule, as in the samples of immich-go: 46 UTF-16 units of the name with its supplement, number last.
        ("IMG_20230815_101112.jpg", "IMG_20230815_101112.jpg.supplemental-metadata.json"),
        ("IMG_20230815_101112_0001.jpg", "IMG_20230815_101112_0001.jpg.supplemental-meta.json"),
        ("Screenshot_2023-08-15-10-11-12-123.jpg", "Screenshot_2023-08-15-10-11-12-123.jpg.supplem.json"),
        ("IMG_20230815_101112_0001(3).jpg", "IMG_20230815_101112_0001.jpg.supplemental-meta(3).json"),
        (
            "😀😃😄😁😆😅🤣😂🙂🙃😉😊😇🥰😍🤩😘😗😚🙂.jpg",
            "😀😃😄😁😆😅🤣😂🙂🙃😉😊😇🥰😍🤩😘😗😚🙂.jpg.s.json",
        ),
    ],
)
def test_names_are_clipped_to_46_utf_16_units_before_the_number(media: str, json: str) -> None:
    assert json in [name for name, _ in takeout_names(media)]
    assert _names(_judged(json, [media])) == media


@settings(max_examples=500)
@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=80))
@example("0" * 32 + "\U00010000" * 7 + "0")
def test_every_name_that_takeout_may_give_is_bound_to_its_file(stem: str) -> None:
    media = unicodedata.normalize("NFC", f"{stem}.jpg")
    stem = media.removesuffix(".jpg")
    if media_types.guess(media.encode()) is None or not stem.strip("."):
        return
    for json, _ in takeout_names(media):
        if form_of(json.encode()) == "takeout":
            assert _names(_judged(json, [media])) == media, json
    assert _names(_judged(f"{media}.xmp", [media])) == media
    assert _names(_judged(f"{stem}.xmp", [media])) == media


@pytest.mark.parametrize(
    "stem", ["Urlaub ({})", "Urlaub ({})-edited", "Class trip to the Alps, summer 2019 - number {:04d}"]
)
def test_photos_numbered_by_hand_share_no_cell(stem: str) -> None:
    names = [f"{stem.format(number)}.jpg" for number in range(1, 100)]
    assert len({cell_of(f"{name}.xmp".encode()) for name in names}) == 99


# Between them additions may be clipped half, and a title has to tell.
@pytest.mark.parametrize("length", [1, 2, 10, 20, 29, 30, 40, 41, 45, 46, 59])
@pytest.mark.parametrize(
    "added",
    ["", "(1)", "(1234)", "(1)(12)", "_01", "_01(2)", "(2)_01", "-edited(3)", "(3)-edited", ".cr2(1)"],
)
def test_every_sidecar_of_a_name_is_in_a_cell_of_it(length: int, added: str) -> None:
    media = f"{'x' * length}{added}.jpg"
    jsons = [name for name, _ in takeout_names(media)]
    for sidecar in (
        f"{media}.xmp",
        f"{'x' * length}{added}.xmp",
        f"{'x' * length}{added}_01.jpg.xmp",
        *jsons,
    ):
        assert cell_of(sidecar.encode()) in cells_of(media.encode()), sidecar


@given(st.text(max_size=60), st.integers(0, 80))
def test_clipping_never_leaves_more_units_nor_half_a_character(text: str, most: int) -> None:
    text = text.encode("utf-8", "replace").decode()
    short = clipped(text, most)
    assert text.startswith(short)
    assert most - 1 <= units(short) <= most or short == text
    short.encode()


@given(st.binary(max_size=60), st.binary(max_size=30))
def test_any_bytes_are_judged(sidecar: bytes, media: bytes) -> None:
    directory = Directory([Neighbour(media, "photo")], [sidecar])
    for extension in (b".xmp", b".json"):
        directory.verdict(sidecar + extension, Claim("x", "y", "z"))
    assert cell_of(cell_of(media).encode()) == cell_of(media) or units(cell_of(media)) >= 39


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.xmp", "xmp"),
        ("A.XMP", "xmp"),
        (".xmp", None),
        ("._a.jpg.xmp", None),
        ("a.xmp.bak", None),
        ("a.jpg", None),
        ("a.jpg.json", "takeout"),
        ("a.jpg(1).json", "takeout"),
        ("a.mp4.suppl.json", "takeout"),
        ("package.json", None),
        ("metadata.json", None),
        ("print-subscriptions.json", None),
        (f"{'x' * 46}.json", "takeout"),
        (f"{'x' * 46}(2).json", "takeout"),
        (f"{'x' * 45}.json", None),
    ],
)
def test_a_name_tells_what_kind_of_sidecar_a_file_can_be(name: str, form: str | None) -> None:
    assert form_of(name.encode()) == form


def test_each_rule_has_words_and_a_place() -> None:
    assert set(RULES) == set(CERTAINTY)
    assert sorted(CERTAINTY.values()) == list(range(len(RULES)))


def test_a_folder_that_windows_numbered_is_bound_at_once() -> None:
    """All `Urlaub (n)` share a cell: who compares each sidecar with each of them takes 20 s here."""
    stems = [f"Urlaub ({number})".encode() for number in range(1, 4_001)]
    sidecars = [stem + b".xmp" for stem in stems]
    directory = Directory([Neighbour(stem + b".JPG", "photo") for stem in stems], sidecars)
    began_s = time.process_time()
    verdicts = [directory.verdict(name, Claim()) for name in sidecars]
    assert time.process_time() - began_s < 2
    assert [one.names for one in verdicts] == [(stem + b".JPG",) for stem in stems]
