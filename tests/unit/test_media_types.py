"""What names promise, and which tier a type takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from capabilities import require
from catalog.media_types import (
    TIERS,
    extension_of,
    guess,
    guess_of_mime,
    is_known_other,
    looks_like_screenshot,
    tier_of,
    verdict_on_name,
)
from sacred import corpus_dir

# L45 of the feature map, and what it says is to be added.
L45 = {
    "photo": "jpg png webp gif bmp tiff heic avif jxl insp cr2 cr3 nef arw dng orf rw2 pef raf mrw srw rwl x3f",
    "video": "mp4 mov avi mkv webm flv wmv m4v 3gp mpg m2ts mts ogv",
    "audio": "mp3 aac m4a flac wav ogg aiff wma opus",
}


@pytest.mark.parametrize(("kind", "extensions"), L45.items())
def test_every_format_of_the_feature_map_is_guessed(kind: str, extensions: str) -> None:
    for extension in extensions.split():
        found = guess(f"IMG.{extension.upper()}".encode())
        assert found is not None, extension
        assert found.kind == kind


def test_raw_formats_say_so_and_keep_their_own_type() -> None:
    found = guess(b"a.CR3")
    assert found is not None
    assert (found.kind, found.mime, found.is_raw) == ("photo", "image/x-canon-cr3", True)
    found = guess(b"a.heic")
    assert found is not None
    assert (found.mime, found.is_raw) == ("image/heic", False)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        (b"a.jpg", "media"),
        (b"a.jpg.xmp", "other"),
        (b"a.AAE", "other"),
        (b"Thumbs.db", "other"),
        (b"desktop.ini", "other"),
        (b"GX010001.THM", "other"),
        (b"GX010001.LRV", "other"),
        (b"notes.txt", "other"),
        (b"doc.PDF", "other"),
        (b"._IMG_1.jpg", "other"),
        (b"mongolia", "unknown"),
        (b"IMG.unknown", "unknown"),
        (b".jpg", "unknown"),
        (b"\xff\xfe.jpg", "media"),
    ],
)
def test_a_name_is_media_certainly_not_or_to_be_looked_at(name: bytes, verdict: str) -> None:
    assert verdict_on_name(name) == verdict


def test_no_extension_is_both_media_and_known_not_to_be() -> None:
    for mime in TIERS:
        name = b"x." + extension_of(mime).encode()
        assert guess(name) is not None
        assert not is_known_other(name)


def test_every_type_has_a_tier_a_kind_and_an_extension_that_leads_back_to_it() -> None:
    for mime, tier in TIERS.items():
        known = guess_of_mime(mime)
        assert known is not None
        assert known.mime == mime
        assert tier == tier_of(mime)
        assert guess(f"x.{extension_of(mime)}".encode()) == known
    assert tier_of("image/jpeg") == "header"
    assert tier_of("image/x-canon-cr2") == "deep"
    assert tier_of("application/x-never-heard-of") == "deep"


def test_the_documented_table_of_formats_is_the_real_one() -> None:
    lines = (Path(__file__).parents[2] / "docs" / "formats.md").read_text().splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ") and "/" in line]
    assert {row[1]: row[2] for row in rows} == TIERS
    for kind, mime, _, extensions in rows:
        for extension in extensions.split():
            found = guess(f"x.{extension}".encode())
            assert found is not None
            assert (found.mime, found.is_raw) == (mime, kind == "RAW photo")


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        (b"Screenshot_2021-03-04-12-30-10.png", True),
        (b"Screen Shot 2019-08-07 at 2.33.02 PM.png", True),
        (b"Bildschirmfoto 2021-03-04 um 12.30.10.png", True),
        (b"Screenshot (12).png", True),
        (b"IMG_0001.PNG", False),
        (b"screenshots-are-great.jpg", True),
        (b"greenscreenshot.jpg", False),
    ],
)
def test_screenshots_are_told_by_their_names(name: bytes, is_one: bool) -> None:
    assert looks_like_screenshot(name) == is_one


def test_all_media_of_the_corpus_with_an_extension_are_guessed() -> None:
    require("corpus")
    place = corpus_dir()
    assert place is not None
    unknown = {
        name
        for _, _, names in os.walk(os.fsencode(place / "media"))
        for name in names
        if verdict_on_name(name) == "unknown"
    }
    assert unknown == {b"mongolia", b"tiff"}
