"""Extended attributes of a photo from its document."""

from __future__ import annotations

import json

import pytest

from vfs import xattrs

EMPTY = {
    "mime": None, "uid": None, "hash": None, "capture": None, "locations": [], "title": None, "description": None, "rating": None,
    "label": None, "favorite": False, "tags": [], "albums": [], "people": [], "place": None, "trashed_at": None,
}  # fmt: skip
ORGANISED = EMPTY | {
    "mime": "image/jpeg", "uid": "u" * 26, "hash": "ab", "capture": {"local": "2019-08", "source": "user"},
    "locations": [{"volume": "NAS", "state": "present"}, {"volume": "B", "state": "offline"}],
    "title": "Am See", "description": "Größe\nzwei", "rating": 4, "label": "red", "favorite": True,
    "place": {"country": "Germany", "region": "Brandenburg", "city": "Potsdam"},
    "tags": ["animals/cat", "one, two"], "albums": ["Trip/Day 1"], "people": ["Anna"], "trashed_at": "2026-11-20T00:00:00Z",
}  # fmt: skip


def values(document):
    return {name.decode(): xattrs.value(document, name).decode() for name in xattrs.NAMES}


def test_an_attribute_without_a_value_is_empty():
    assert set(values(EMPTY).values()) == {""}


def test_what_is_said_is_in_the_attributes():
    assert values(ORGANISED) == {
        "user.mime_type": "image/jpeg",
        "user.xdg.tags": "animals/cat,one， two",
        "user.xdg.comment": "Größe\nzwei",
        "user.baloo.rating": "8",
        "user.glassine.uid": "u" * 26,
        "user.glassine.hash": "ab",
        "user.glassine.capture": "2019-08",
        "user.glassine.source": "user",
        "user.glassine.volume": "NAS",
        "user.glassine.state": "present",
        "user.glassine.title": "Am See",
        "user.glassine.rating": "4",
        "user.glassine.label": "red",
        "user.glassine.favorite": "yes",
        "user.glassine.tags": '["animals/cat", "one, two"]',
        "user.glassine.albums": '["Trip/Day 1"]',
        "user.glassine.people": '["Anna"]',
        "user.glassine.place": "Potsdam, Brandenburg, Germany",
        "user.glassine.trashed": "2026-11-20T00:00:00Z",
    }


@pytest.mark.parametrize(("rating", "stars"), [(0, b"0"), (5, b"10")])
def test_a_rating_of_baloo_counts_half_stars(rating, stars):
    assert xattrs.value(EMPTY | {"rating": rating}, b"user.baloo.rating") == stars


def test_no_value_is_longer_than_the_kernel_takes():
    tags = [f"{number:05d}{'ä' * 300}" for number in range(1000)]
    document = EMPTY | {"tags": tags, "description": "x" + "ä" * 100_000}
    shown = {name: xattrs.value(document, name) for name in xattrs.NAMES}
    assert max(map(len, shown.values())) <= 65_536
    exact = json.loads(shown[b"user.glassine.tags"])
    assert exact == tags[: len(exact)]
    assert len(exact) > 50
    assert shown[b"user.xdg.comment"].decode().endswith("ä")
    assert shown[b"user.xdg.tags"].decode().split(",") == tags[: len(shown[b"user.xdg.tags"].split(b","))]


@pytest.mark.parametrize("name", [b"security.selinux", b"system.posix_acl_access", b"trusted.x"])
def test_other_namespaces_are_not_ours(name):
    assert not xattrs.is_supported(name)
