"""The Python face of queries: what a photo document answers."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from catalog.errors import InvalidQuery
from catalog.query import TextMatch, camera_texts, parse
from catalog.query.predicate import distance_km

CAPTURE = {
    "local": "2019-08-07T12:30:00",
    "offset_min": 120,
    "zone": None,
    "precision": "second",
    "source": "ExifIFD:DateTimeOriginal",
    "confidence": "exact",
}
DOCUMENT: dict[str, Any] = {
    "uid": "k7m2qxabcdefghjkmnpqrstvw0",
    "hash": "1f" * 32,
    "name": "IMG_0001.JPG",
    "kind": "photo",
    "types": ["photo", "raw"],
    "mime": "image/x-adobe-dng",
    "size": 20_000_000,
    "width": 4000,
    "height": 3000,
    "duration_s": None,
    "added": "2026-03-17",
    "capture": CAPTURE,
    "camera": {"make": "Canon", "model": "Canon EOS 5D", "lens": "EF 50mm f/1.8"},
    "position": {"lat": 52.1, "lon": 13.4, "alt": None},
    "place": None,
    "title": None,
    "description": None,
    "tags": [],
    "people": [],
    "hidden": False,
    "trashed_at": None,
    "findings": [],
    "locations": [
        {"volume": "NAS", "path": "2019/Zürich/IMG_0001.JPG", "path_b64": None, "state": "present"}
    ],
}
BARE: dict[str, Any] = {
    **DOCUMENT,
    "hash": None,
    "types": [],
    "width": None,
    "height": None,
    "capture": None,
    "camera": {"make": None, "model": None, "lens": None},
    "position": None,
}


def holds(text: str, document: dict[str, Any] = DOCUMENT) -> bool:
    return parse(text, today=date(2026, 3, 31)).match(document)


@pytest.mark.parametrize(
    "text",
    [
        "", "img_0001", "name=IMG_*", "name=*.jpg", "ext=jpg", "camera=canon", 'camera="Canon EOS 5D"', "camera=canon*",
        "camera=EOS*|Canon*", "lens=50mm", "volume=nas", "path=2019/*", "path=ZÜRICH", "path=Zu\u0308rich", "date=2019", "date=2019-08",
        "date=2019-08-07", "date>=2019-08-07", "-date<2019", "added=-2w..", "type=photo", "type=raw", "is:raw", "has:gps", "has:hash",
        "has:camera has:lens has:date has:offset has:dimensions", "near=52.1,13.45,5km", "size>=20MB", "width=4000", "height<3001",
        "uid=~k7m2qx", "hash=1f1f", "mime=image/*", "is:any", "-is:missing -is:offline -is:trashed -is:hidden -is:undated -is:broken",
        "NOT (type=video OR type=audio)",
    ],
)  # fmt: skip
def test_holds(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "beach", "name=IMG*.png", "ext=jp", "camera=nikon", "volume=na", "path=2018/*", "date=2018", "date=2019-08-08..", "added=-1w..",
        "type=video", "is:panorama", "near=52.1,14.4,5km", "size>20MB", "width>4000", "duration>=0", "uid=abc", "is:pending",
    ],
)  # fmt: skip
def test_does_not_hold(text: str) -> None:
    assert not holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "has:gps",
        "has:camera",
        "has:hash",
        "has:dimensions",
        "has:date",
        "width>0",
        "date=..",
        "near=0,0,30000km",
        "type=photo is:raw",
    ],
)
def test_what_is_not_known_is_false_and_its_negation_true(text: str) -> None:
    assert not holds(text, BARE)
    assert holds(f"-({text})", BARE)
    assert holds("is:pending", BARE)


@pytest.mark.parametrize(
    ("local", "precision", "inside", "outside"),
    [("2019", "year", "2019", "2019-08"), ("2019-08", "month", "2019-08", "2019-08-01")],
)
def test_a_partial_date_is_in_its_year_and_month_alone(
    local: str, precision: str, inside: str, outside: str
) -> None:
    document = {**DOCUMENT, "capture": {**CAPTURE, "local": local, "precision": precision}}
    assert holds(f"date={inside}", document)
    assert not holds(f"date={outside}", document)


def test_a_guess_from_the_mtime_is_undated() -> None:
    document = {**DOCUMENT, "capture": {**CAPTURE, "source": "mtime", "confidence": "guess"}}
    assert holds("is:undated -has:date", document)
    assert not holds("date=2019", document)


@pytest.mark.parametrize(
    ("states", "true", "false"),
    [
        (["missing"], "is:missing", "is:offline"),
        (["missing", "offline"], "is:offline", "is:missing"),
        (["offline", "present"], "-is:offline", "is:missing"),
        (["missing", "present"], "-is:missing", "is:offline"),
    ],
)
def test_missing_and_offline_look_at_all_locations(states: list[str], true: str, false: str) -> None:
    document = {**DOCUMENT, "locations": [{**DOCUMENT["locations"][0], "state": state} for state in states]}
    assert holds(true, document)
    assert not holds(false, document)


def test_layer_values_answer_bare_words() -> None:
    document = {
        **DOCUMENT,
        "title": "Am Strand",
        "tags": ["Reise/Beach"],
        "people": ["Ann"],
        "place": {"country": "France", "region": None, "city": None},
    }
    assert holds("strand beach ann france", document)


def test_like_patterns_escape_what_like_would_read() -> None:
    assert TextMatch(("", "50%_a\\", "")).like_pattern() == "%50\\%\\_a\\\\%"


def test_the_make_is_not_doubled_in_a_cameras_texts() -> None:
    assert camera_texts("Canon", "Canon EOS 5D") == ("Canon EOS 5D", "Canon")
    assert camera_texts("Apple", "iPhone SE") == ("Apple iPhone SE", "Apple", "iPhone SE")
    assert camera_texts(None, None) == ()


def test_distances_are_great_circles() -> None:
    assert distance_km(52.52, 13.405, 48.8566, 2.3522) == pytest.approx(877.5, abs=1)
    assert distance_km(0, 179.9, 0, -179.9) == pytest.approx(22.24, abs=0.1)


SAID: dict[str, Any] = {
    **DOCUMENT,
    "title": "Café am Meer",
    "description": "Two dogs, one stick",
    "tags": ["animals/dog", "Straße"],
    "albums": ["Trips/Rome 2019"],
    "people": ["Anna Schmidt", "Ōe"],
    "rating": 4,
    "label": "Rot",
    "favorite": True,
    "rejected": True,
    "faces": [{"id": "f", "name": None, "x": 0, "y": 0, "w": 1, "h": 1}],
    "stack": {"id": "k7m2qxabcdefghjkmnpqrstvw9", "kind": "burst", "cover": DOCUMENT["uid"], "members": []},
    "trashed_at": "2026-03-30T22:30:00Z",
    "trashed_on": "2026-03-31",
}


@pytest.mark.parametrize(
    "text",
    [
        "cafe", "CAFÉ", '"am me"', "stick", "dog", '"animals dog"', "schmi", "oe", "title=meer", "title=caf*", "title=*am*",
        "description=dogs", "person=anna", "people=schmidt", "person=*dt", "tag=animals", "tag=dog", "tag=animals/dog", "tag=STRASSE",
        "tag=an*", "tag=animals/*", "tag=*/dog", "album=trips", 'album="rome 2019"', "album=trips/*", "rating=4", "rating>3", "rating=1..4",
        "rating=none|4", "label=rot", "label=r*", "favorite=yes", "is:favorite", "is:rejected", "is:trashed", "is:stacked", "is:cover", "stack=burst",
        "stack=k7m2qx", "has:tag has:album has:title has:description has:rating has:label has:person has:face has:stack has:position",
        "trashed=2026-03-31", "trashed=-1d..", "text=dogs", "*MEER", "*animals/d*",
    ],
)  # fmt: skip
def test_what_is_said_holds(text: str) -> None:
    assert holds(text, SAID)
    assert not holds(f"-({text})", SAID)


@pytest.mark.parametrize(
    "text",
    [
        "eer", "rome", '"dogs stick"', "title=dogs", "description=cafe", "person=chmidt", "person=dog", "tag=anim", "tag=cat", "tag=animals/cat", "tag=dog/animals",
        "tag=d*", "album=rome", "album=trips/rome", "rating=5", "rating<4", "rating=none", "label=ro", "favorite=no", "stack=raw", "stack=k7m2qz",
        "trashed=2026-03-30", '"meer two"', "meer.jpg", "is:hidden",
    ],
)  # fmt: skip
def test_what_is_not_said_does_not_hold(text: str) -> None:
    assert not holds(text, SAID)


def test_nothing_said_is_none_of_it() -> None:
    for text in (
        "has:tag", "has:album", "has:title", "has:rating", "has:label", "has:person", "has:face", "has:stack", "rating>=0", "is:favorite",
        "is:rejected", "is:cover", "trashed=..", "tag=*", "album=*", "person=*", "label=*", "title=*", "stack=burst",
    ):  # fmt: skip
        assert not holds(text), text
    assert holds("rating=none favorite=no")


SETTINGS = {
    **DOCUMENT,
    "exposure": {"iso": 1600, "f_number": 2.8, "time_s": 0.01667, "focal_mm": 50},
    "creator": "Ada; Grace",
}


@pytest.mark.parametrize(
    "text",
    [
        "iso=1600", "iso>=800", "aperture=2.8", "aperture=f/2.8", "aperture=f/1.4..f/4", "shutter=1/60", "shutter=1/60s", "shutter<=1/60",
        "shutter=1/125..1/30", "-shutter>1/60", "-shutter<1/60", "focal=50", "focal=50mm", "focal=24mm..70mm", "creator=grace", "has:creator",
    ],
)  # fmt: skip
def test_what_a_camera_was_set_to_holds_however_it_is_written(text: str) -> None:
    assert holds(text, SETTINGS)
    assert holds(f"-({text})", BARE) or text.startswith("-")


@pytest.mark.parametrize(
    "text", ["shutter=1/0", "shutter=fast", "focal=mm", "aperture=f/", "iso=1/2", "shutter>1/2..1"]
)
def test_what_no_camera_can_be_set_to_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery):
        holds(text)


def test_what_is_in_a_file_beside_its_picture() -> None:
    assert holds("is:motion is:animated is:hdr", {**DOCUMENT, "motion": True, "frames": 7, "gain_map": True})
    assert holds(
        "-is:motion -is:animated -is:hdr", {**DOCUMENT, "motion": False, "frames": 1, "gain_map": False}
    )
    assert holds("-is:motion -is:animated -is:hdr", BARE)
