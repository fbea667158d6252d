"""Request targets: a list of plain names, or refused."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dav.paths import BadTarget, NoSuchTarget, parse_target, quote_name


@pytest.mark.parametrize(
    ("uri", "names", "has_slash"),
    [
        ("/", (), True),
        ("/a", ("a",), False),
        ("/a/", ("a",), True),
        ("/a%20b/c?x=/../", ("a b", "c"), False),
        ("/%C3%BC", ("ü",), False),
        ("/\xc3\xbc", ("ü",), False),
        ("/%2541", ("%41",), False),
        ("/a;v=1", ("a;v=1",), False),
        ("/...", ("...",), False),
    ],
)
def test_a_target_is_decoded_into_names(uri: str, names: tuple[str, ...], has_slash: bool) -> None:
    target = parse_target(uri)
    assert (target.names, target.has_slash) == (names, has_slash)


@pytest.mark.parametrize(
    "uri",
    ["", "a", "*", "http://h/", "/..", "/a/../b", "/.", "/%2e%2e/x", "/%2E%2e", "/%00", "/a%0d%0ab", "/a%2Fb", "/%", "/%zz",
     "/%c0%ae%c0%ae/x", "/%ff", "/%ed%a0%80", "/%7f"],
)  # fmt: skip
def test_a_malformed_target_is_refused(uri: str) -> None:
    with pytest.raises(BadTarget):
        parse_target(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "//",
        "//a",
        "/a//b",
        "/a//",
        "/" + "x" * 256,
        "/a" * 65,
        "/.DS_Store",
        "/a/._b.jpg",
        "/Thumbs.DB",
        "/desktop.ini",
    ],
)
def test_what_can_never_be_there_is_not_looked_up(uri: str) -> None:
    with pytest.raises(NoSuchTarget):
        parse_target(uri)


@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="/"),
        min_size=1,
        max_size=60,
    )
)
def test_every_name_survives_its_own_href(name: str) -> None:
    if name in {".", ".."} or name.startswith("._") or len(name.encode()) > 255:
        return
    try:
        target = parse_target("/" + quote_name(name))
    except NoSuchTarget:
        return  # a junk name
    assert target.names == (name,)
    assert not set(target.href) & set("<>&\"'") - {"'"}
    assert parse_target("/" + quote(name)).names == (name,)


def test_a_name_is_not_normalised_here() -> None:
    decomposed = unicodedata.normalize("NFD", "ü")
    assert parse_target("/" + quote(decomposed)).names == (decomposed,)
