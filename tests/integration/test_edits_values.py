"""What is said in one value: ratings, labels, marks, texts, dates, places, trash; and saved searches."""

from __future__ import annotations

import math
from typing import Any

import pytest
from editing import Photos

from catalog.commands import Command
from catalog.commands.layer import (
    DateClear,
    DateSet,
    DateShift,
    Describe,
    Favorite,
    Hide,
    Label,
    PlaceClear,
    PlaceSet,
    Rate,
    Reject,
    SearchDelete,
    SearchSave,
    Title,
    TrashPut,
    TrashRestore,
)
from catalog.errors import InvalidQuery, InvalidValue, NotFound
from catalog.store import searches

HOUR_US = 3600 * 10**6


def test_ratings_are_said_and_taken_back(four: Photos) -> None:
    assert four.do(Rate(four.uids, 5))["changed"] == 4
    assert four.do(Rate(four.uids[:1], 0))["changed"] == 1
    assert four.of("rating") == [0, 5, 5, 5]
    assert four.do(Rate(four.uids[:2], None))["changed"] == 2
    assert four.of("rating") == [None, None, 5, 5]
    assert four.do(Rate(four.uids[:2], None))["journal"] is None


@pytest.mark.parametrize("rating", [-1, 6, 2**70])
def test_a_rating_is_zero_to_five(four: Photos, rating: int) -> None:
    four.refuse(Rate(four.uids, rating), InvalidValue, str(rating))


@pytest.mark.parametrize(("kind", "field"), [(Title, "title"), (Describe, "description"), (Label, "label")])
def test_texts_are_said_as_they_are_and_an_empty_one_says_nothing(
    four: Photos, kind: Any, field: str
) -> None:
    text = "Ünï\x00\u202e\n\t👨‍👩‍👧 ' \" \\ <x>"
    four.do(kind(four.uids[:2], f" {text} "))
    assert four.of(field) == [text, text, None, None]
    assert four.do(kind(four.uids[:1], text))["journal"] is None
    assert four.do(kind(four.uids[:1], ""))["changed"] == 1
    assert four.of(field) == [None, text, None, None]
    assert four.do(kind(four.uids[:1], None))["changed"] == 1
    four.refuse(kind(four.uids, "x" * 200_000), InvalidValue)
    four.refuse(kind(four.uids, "\ud800"), InvalidValue)


@pytest.mark.parametrize(("kind", "field"), [(Favorite, "favorite"), (Reject, "rejected"), (Hide, "hidden")])
def test_marks_are_set_and_taken_away_where_they_are(four: Photos, kind: Any, field: str) -> None:
    assert four.do(kind(four.uids, False))["journal"] is None, "where nobody says yes, no says nothing"
    assert four.do(kind(four.uids[:2], True))["changed"] == 2
    answer = four.do(kind(four.uids, False))
    assert (answer["changed"], answer["unchanged"]) == (2, 2)
    assert four.of(field) == [False] * 4


def test_the_later_word_of_two_authors_wins(four: Photos) -> None:
    four.do(Rate(four.uids[:1], 5), author="anna")
    four.do(Rate(four.uids[:1], 1), author="bob")
    assert four.of("rating")[0] == 1
    assert four.do(Rate(four.uids[:1], 5), author="anna")["changed"] == 1, "her word is older than his"
    assert four.of("rating")[0] == 5


def test_the_later_word_wins_although_the_clock_went_back(four: Photos) -> None:
    four.do(Favorite(four.uids), author="anna")
    four.catalog.now_ns -= 10**15
    four.do(Favorite(four.uids, False), author="bob")
    assert four.of("favorite") == [False] * 4


# ---- dates


def local(four: Photos) -> list[str]:
    return [capture["local"] for capture in four.of("capture")]


@pytest.mark.parametrize(
    ("text", "precision", "stored"),
    [
        ("2001", "year", "2001"),
        ("0001-01", "month", "0001-01"),
        ("2000-02-29", "day", "2000-02-29"),
        ("2001-02-28T23:59", "minute", "2001-02-28T23:59:00"),
        ("2001-02-28T23:59:58", "second", "2001-02-28T23:59:58"),
        ("9999-12-31T23:59:59.5", "subsec", "9999-12-31T23:59:59.500000"),
    ],
)
def test_a_date_has_the_precision_in_which_it_is_written(
    four: Photos, text: str, precision: str, stored: str
) -> None:
    four.do(DateSet(four.uids[:1], text))
    capture = four.document(0)["capture"]
    assert (capture["local"], capture["precision"]) == (stored, precision)
    assert (capture["source"], capture["confidence"]) == ("user", "exact")
    four.do(DateClear(four.uids[:1]))
    assert four.document(0)["capture"]["source"] == "ExifIFD:DateTimeOriginal"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "x",
            "2001-02-31",
            "2001-02-29",
            "2001-13",
            "0000",
            "10000-01-01",
            "2001-2-3",
            "2001-02-28 10:00",
        ),
        *("2001-02-28T24:00", "2001-02-28T10:00:61", "2001-02-28T10:00Z", "\ud800"),
    ],
)
def test_what_is_no_date_is_refused(four: Photos, text: str) -> None:
    four.refuse(DateSet(four.uids, text), InvalidValue)


@pytest.mark.parametrize(
    ("text", "zone", "offset_min", "expected"),
    [
        ("2019-07-01T12:00", "Europe/Berlin", None, 120),
        ("2019-01-01T12:00:00", "Europe/Berlin", None, 60),
        ("2019-10-27T02:30:00", "Europe/Berlin", None, None),  # the clock shows it twice
        ("2019-10-27T02:30:00", "Europe/Berlin", 60, 60),
        ("2019-03-31T02:30:00", "Europe/Berlin", None, None),  # the clock never shows it
        ("2019-07-01", "Europe/Berlin", None, None),
        ("1880-07-01T12:00:00", "Europe/Berlin", None, None),  # local mean time, 53 min 28 s
        ("2019-07-01T12:00:00", None, -570, -570),
    ],
)
def test_a_zone_gives_the_offset_where_the_clock_is_plain(
    four: Photos, text: str, zone: str | None, offset_min: int | None, expected: int | None
) -> None:
    capture = four.do(DateSet(four.uids[:1], text, offset_min, zone))["capture"]
    assert (capture["zone"], capture["offset_min"]) == (zone, expected)


@pytest.mark.parametrize(
    ("zone", "offset_min"),
    [
        ("Mars/Olympus", None),
        ("../../etc/passwd", None),
        ("Europe", None),
        ("", None),
        ("Europe/Berlin", 0),
        (None, 841),
        (None, -841),
        ("a\x00b", None),
    ],
)
def test_a_zone_exists_and_an_offset_is_possible(
    four: Photos, zone: str | None, offset_min: int | None
) -> None:
    four.refuse(DateSet(four.uids, "2019-07-01T12:00:00", offset_min, zone), InvalidValue)


def test_a_shift_moves_the_clock_of_each_photo(four: Photos) -> None:
    answer = four.do(DateShift(four.uids, months=1, days=-1, microseconds=HOUR_US))
    assert answer["changed"] == 4
    assert local(four)[:2] == ["2019-08-31T13:00:00", "2019-09-01T13:00:00"]
    four.do(DateShift(four.uids, days=1, microseconds=-HOUR_US))
    four.do(DateShift(four.uids, months=-1))
    assert local(four)[0] == "2019-08-01T12:00:00"


def test_the_day_stays_as_far_as_the_month_has_it(four: Photos) -> None:
    four.do(DateSet(four.uids[:1], "2019-01-31"))
    four.do(DateShift(four.uids[:1], months=13))
    assert local(four)[0] == "2020-02-29"


def test_a_shift_across_a_change_of_clocks_follows_the_zone(four: Photos) -> None:
    four.do(DateSet(four.uids[:1], "2019-03-30T12:00:00", zone="Europe/Berlin"))
    four.do(DateShift(four.uids[:1], days=1))
    assert four.document(0)["capture"]["offset_min"] == 120


@pytest.mark.parametrize(
    ("text", "shift", "is_possible"),
    [
        ("2019", {"months": 12}, True),
        ("2019", {"months": 1}, False),
        ("2019-08", {"months": 1}, True),
        ("2019-08", {"days": 1}, False),
        ("2019-08-07", {"days": 1}, True),
        ("2019-08-07", {"microseconds": 24 * HOUR_US}, True),
        ("2019-08-07", {"microseconds": HOUR_US}, False),
        ("2019-08-07T12:00", {"microseconds": HOUR_US}, True),
        ("2019-08-07T12:00", {"microseconds": 10**6}, False),
        ("2019-08-07T12:00:00", {"microseconds": 10**6}, True),
        ("2019-08-07T12:00:00", {"microseconds": 1}, False),
    ],
)
def test_a_shift_needs_a_date_that_knows_so_much(
    four: Photos, text: str, shift: dict[str, int], is_possible: bool
) -> None:
    four.do(DateSet(four.uids[2:3], text))
    command = DateShift(four.uids[2:], **shift)
    if is_possible:
        assert four.do(command)["changed"] == 2
    else:
        assert four.refuse(command, InvalidValue, four.uids[2]).details["photo"] == four.uids[2]


@pytest.mark.parametrize(
    "shift",
    [
        {"months": -12 * 2019},
        {"months": 12 * 7981},
        {"days": -(10**7)},
        {"days": 10**12},
        {"microseconds": 10**18},
    ],
)
def test_no_shift_leaves_the_calendar(four: Photos, shift: dict[str, int]) -> None:
    four.refuse(DateShift(four.uids, **shift), InvalidValue, four.uids[0])


def test_a_date_that_nobody_knows_yet_is_not_shifted(four: Photos) -> None:
    four.catalog.put(b"late.jpg", "late")
    four.catalog.scan()
    (uid,) = (row[0] for row in four.catalog.writer.rows("SELECT uid FROM asset WHERE name = 'late.jpg'"))
    four.refuse(DateShift((four.uids[0], uid), days=1), InvalidValue, uid)
    assert four.do(DateSet((uid,), "2001"))["changed"] == 1, "but it is said at once"
    four.refuse(DateShift(four.uids), InvalidValue, "nothing")


# ---- places


def test_places_are_set_denied_and_taken_back(four: Photos) -> None:
    four.do(PlaceSet(four.uids, -33.8, 151.2, 3))
    assert four.of("position") == [{"lat": -33.8, "lon": 151.2, "alt": 3.0}] * 4
    assert four.do(PlaceSet(four.uids[:1], None, None))["changed"] == 1
    assert four.of("position")[0] is None
    four.do(PlaceClear(four.uids))
    assert four.of("position") == [None] * 4
    assert four.do(PlaceClear(four.uids))["journal"] is None
    assert four.do(PlaceSet(four.uids, 90, -180))["changed"] == 4


@pytest.mark.parametrize(
    ("lat", "lon", "alt"),
    [
        (90.1, 0, None), (-91, 0, None), (0, 180.5, None), (0, -181, None), (math.nan, 0, None), (0, math.inf, None),
        (0, 0, math.nan), (1.0, None, None), (None, 1.0, None), (None, None, 1.0),
    ],
)  # fmt: skip
def test_a_position_lies_on_earth(
    four: Photos, lat: float | None, lon: float | None, alt: float | None
) -> None:
    four.refuse(PlaceSet(four.uids, lat, lon, alt), InvalidValue)


# ---- trash


def test_the_trash_keeps_the_first_moment_and_gives_everything_back(four: Photos) -> None:
    before = [one["views"] for one in map(four.document, range(4))]
    assert four.do(TrashPut(four.uids[:2]))["changed"] == 2
    since = four.of("trashed_at")
    answer = four.do(TrashPut(four.uids))
    assert (answer["changed"], answer["unchanged"]) == (2, 2)
    assert four.of("trashed_at")[:2] == since[:2]
    assert four.do(TrashRestore(four.uids))["changed"] == 4
    assert four.of("trashed_at") == [None] * 4
    assert [one["views"] for one in map(four.document, range(4))] == before
    assert four.do(TrashRestore(four.uids))["journal"] is None
    four.catalog.now_ns += 10**10
    four.do(TrashPut(four.uids[:1]))
    assert four.of("trashed_at")[0] > since[0]


# ---- saved searches


def test_a_search_is_saved_replaced_and_forgotten(four: Photos) -> None:
    assert four.do(SearchSave("Good", "rating>=4"))["created"] is True
    assert four.do(SearchSave("GOOD", "rating>=5"))["created"] is False
    assert [(one.name, one.query) for one in searches.searches(four.catalog.writer)] == [
        ("GOOD", "rating>=5")
    ]
    assert four.do(SearchSave("GOOD", "rating>=5"))["journal"] is None
    four.do(SearchDelete("good"))
    assert searches.searches(four.catalog.writer) == []
    four.refuse(SearchDelete("good"), NotFound)
    four.do(SearchSave("good", "rating>=4"))
    assert searches.search_labelled(four.catalog.writer, "good") is not None


@pytest.mark.parametrize(
    ("name", "query", "error"),
    [
        ("", "rating>=4", InvalidValue), ("x" * 20_000, "rating>=4", InvalidValue), ("\ud800", "x", InvalidValue),
        ("x", "nope=1", InvalidQuery), ("x", "(", InvalidQuery), ("x", "x" * 20_000, InvalidValue), ("x", "\ud800", InvalidValue),
    ],
)  # fmt: skip
def test_what_is_no_search_is_refused(four: Photos, name: str, query: str, error: Any) -> None:
    four.refuse(SearchSave(name, query), error)


# ---- photos


COMMANDS: list[Any] = [
    lambda photos: Rate(photos, 5),
    lambda photos: Title(photos, None),
    lambda photos: DateShift(photos, days=1),
    TrashPut,
]


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_photos_are_named_and_nothing_is_done(four: Photos, command: Any) -> None:
    for bad in ("0" * 26, "x", "", four.uids[0][:8], "'; DROP TABLE asset; --"):
        made: Command = command((four.uids[0], bad, "1" * 26))
        assert four.refuse(made, NotFound).details["photo"] == bad
    four.refuse(command((four.uids[0], "\ud800")), InvalidValue)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_photos_and_the_same_twice_are_harmless(four: Photos, command: Any) -> None:
    assert four.do(command(()))["journal"] is None
    answer = four.do(Rate((four.uids[0], four.uids[0]), 3))
    assert (answer["changed"], answer["unchanged"], answer["photos"]) == (1, 0, [four.uids[0]])


def test_a_photo_is_found_by_the_uid_that_it_had_before_a_merge(four: Photos) -> None:
    four.do(Rate(four.uids[:1], 2))
    four.catalog.put(b"copy/IMG_9.JPG", "photo 0")
    four.catalog.scan()
    uid = four.catalog.writer.value("SELECT uid FROM asset WHERE name = 'IMG_9.JPG'")
    four.do(Title((uid,), "said while nobody knew"))
    four.catalog.ingest()
    assert four.document(0)["title"] == "said while nobody knew"
    answer = four.do(Rate((uid, four.uids[0]), 4))
    assert (answer["changed"], answer["photos"]) == (1, [four.uids[0]])
