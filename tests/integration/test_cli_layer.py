"""The verbs of the layer through the real command, without a daemon: what they do, tell and refuse."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from capabilities import require
from catalog.errors import InvalidValue
from catalog.labels import split_path
from catalog.names import fold
from integration.cli_runner import Done, Glassine
from library_builder import BuiltLibrary, build_library, varied_files
from sacred import corpus_dir


@pytest.fixture
def built(tmp_path: Path) -> Iterator[BuiltLibrary]:
    made = build_library(tmp_path, varied_files())
    yield made
    made.close()


@pytest.fixture
def glassine(built: BuiltLibrary) -> Glassine:
    return Glassine(built.library.path)


@pytest.fixture
def uids(built: BuiltLibrary) -> dict[str, str]:
    """Name of the original -> uid."""
    by_body = {spec.bytes_for(path): path for path, spec in built.files.items()}
    return {
        by_body[body].rpartition(b"/")[2].decode("utf-8", "replace"): uid
        for uid, body in built.bodies_by_uid().items()
    }


def run(glassine: Glassine, *arguments: str, schema: str = "edit", **options: Any) -> dict[str, Any]:
    """Run an edit that must succeed; return its data."""
    name = schema if schema != "edit" else arguments[0]
    data: dict[str, Any] = glassine(*arguments, "--json", schema=name, **options).data
    return data


def photo(glassine: Glassine, uid: str) -> dict[str, Any]:
    document: dict[str, Any] = glassine("show", uid, "--json", schema="show").data[0]
    return document


def journal(built: BuiltLibrary) -> int:
    return int(built.writer.value("SELECT count(*) FROM journal"))


# ---- tags


def test_tagging_tells_what_changed_and_how_to_take_it_back(glassine: Glassine, uids: dict[str, str]) -> None:
    one, other = uids["IMG_0001.JPG"], uids["IMG_0002.CR2"]
    data = run(glassine, "tag", "add", "beach", one, other, "-t", "animals/cat")
    assert (data["changed"], data["unchanged"], data["photos"]) == (2, 0, [one, other])
    assert photo(glassine, one)["tags"] == ["animals/cat", "beach"]
    again = glassine("tag", "add", "beach", one)
    assert again.stdout.decode() == "nothing to do: 1 photo already as you say\n"
    other_case = glassine("tag", "add", "BEACH", "new/one", uids["clip.mp4"], "-n")
    assert other_case.code == 15  # one tag, then photos
    other_case = glassine("tag", "add", "BEACH", "-t", "new/one", uids["clip.mp4"], "-n").stdout.decode()
    assert (
        other_case == "tagged 1 photo with beach, new/one; new: new, new/one (dry run: nothing was changed)\n"
    )
    text = glassine("tag", "add", "sea", one, other).stdout.decode()
    assert (
        text
        == f"tagged 2 photos with sea; new: sea (journal {data['journal'] + 1}; glassine undo {data['journal'] + 1} takes it back)\n"
    )


def test_tags_are_listed_with_counts_aliases_and_as_a_tree(glassine: Glassine, uids: dict[str, str]) -> None:
    run(glassine, "tag", "add", "animals/cat", uids["clip.mp4"])
    run(glassine, "tag", "add", "animals", uids["clip.mp4"], uids["song.mp3"])
    run(glassine, "tag", "create", "empty")
    run(glassine, "tag", "alias", "animals/cat", "Katze")
    listed = glassine("tag", "list", "--json", schema="tag-list").data
    assert [(one["path"], one["photos"], one["photos_below"], one["aliases"]) for one in listed] == [
        ("animals", 2, 2, []),
        ("animals/cat", 1, 1, ["Katze"]),
        ("empty", 0, 0, []),
    ]
    unused = glassine("tag", "list", "--unused", "--json", schema="tag-list").data
    assert [one["path"] for one in unused] == ["empty"]
    assert glassine("tag", "list", "--tree").stdout.decode().splitlines()[1].endswith("    cat  (Katze)")


def test_renaming_onto_a_tag_that_is_there_makes_the_two_one(
    glassine: Glassine, uids: dict[str, str]
) -> None:
    run(glassine, "tag", "add", "sea", uids["clip.mp4"])
    run(glassine, "tag", "add", "ocean", uids["song.mp3"])
    text = glassine("tag", "rename", "sea", "ocean").stdout.decode()
    assert text.startswith("renamed the tag sea to ocean, which was there: the two are one now (journal ")
    assert [one["path"] for one in glassine("tag", "list", "--json").data] == ["ocean"]
    assert photo(glassine, uids["clip.mp4"])["tags"] == ["ocean"]


def test_a_tag_is_taken_off_and_deleted(glassine: Glassine, uids: dict[str, str]) -> None:
    one = uids["clip.mp4"]
    run(glassine, "tag", "add", "a/b", one, "-t", "c")
    assert run(glassine, "tag", "remove", "a", one)["changed"] == 0
    assert run(glassine, "tag", "remove", "a", one, "--below")["changed"] == 1
    assert photo(glassine, one)["tags"] == ["c"]
    run(glassine, "tag", "delete", "c", "--yes")
    assert photo(glassine, one)["tags"] == []


# ---- albums


def test_albums_hold_photos_in_an_order(glassine: Glassine, uids: dict[str, str]) -> None:
    a, b, c = uids["IMG_0001.JPG"], uids["IMG_0002.CR2"], uids["clip.mp4"]
    assert glassine("album", "add", "Travel/Rome", a, "--json", schema="album").code == 15
    run(glassine, "album", "add", "Travel/Rome", a, b, "--create")
    run(glassine, "album", "add", "Travel/Rome", c)
    run(glassine, "album", "order", "Travel/Rome", c, "--before", b)
    run(glassine, "album", "cover", "Travel/Rome", b)
    shown = glassine("album", "show", "Travel/Rome", "--json", schema="album-show").data
    assert [item["uid"] for item in shown["items"]] == [a, c, b]
    assert (shown["cover"], shown["photos"]) == (b, 3)
    run(glassine, "album", "cover", "Travel/Rome", "--clear")
    run(glassine, "album", "remove", "Travel/Rome", a)
    run(glassine, "album", "rename", "Travel/Rome", "Roma")
    listed = glassine("album", "list", "--json", schema="album-list").data
    assert [(one["path"], one["photos"], one["cover"]) for one in listed] == [
        ("Roma", 2, None),
        ("Travel", 0, None),
    ]
    run(glassine, "album", "delete", "Roma", "--yes")
    run(glassine, "album", "delete", "Travel")
    assert glassine("album", "list", "--json").data == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["order", "X", "--by", "date", "--before", "{uid}"],
        ["order", "X", "{uid}", "--by", "name"],
        ["order", "X"],
        ["cover", "X"],
        ["cover", "X", "{uid}", "--clear"],
        ["order", "X", "--by", "colour"],
    ],
    ids=" ".join,
)
def test_contradictions_about_albums_are_usage_errors(
    glassine: Glassine, uids: dict[str, str], built: BuiltLibrary, arguments: list[str]
) -> None:
    run(glassine, "album", "create", "X")
    before = journal(built)
    filled = [word.format(uid=uids["clip.mp4"]) for word in arguments]
    assert glassine("album", *filled, "--json", schema="album").code == 2
    assert journal(built) == before


# ---- one value per photo


def test_marks_are_set_and_taken_back(glassine: Glassine, uids: dict[str, str]) -> None:
    one = uids["IMG_0001.JPG"]
    run(glassine, "rate", "5", one)
    run(glassine, "label", "Red", one)
    run(glassine, "title", "Am Meer", one)
    run(glassine, "describe", "Zwei\nZeilen", one)
    run(glassine, "favorite", one)
    run(glassine, "reject", one)
    found = photo(glassine, one)
    assert (found["rating"], found["label"], found["title"], found["description"]) == (
        5,
        "Red",
        "Am Meer",
        "Zwei\nZeilen",
    )
    assert (found["favorite"], found["rejected"]) == (True, True)
    run(glassine, "rate", "none", one)
    run(glassine, "label", "--clear", one)
    run(glassine, "title", one, "--clear")
    run(glassine, "describe", "--clear", one)
    run(glassine, "favorite", "--off", one)
    run(glassine, "reject", one, "--off")
    found = photo(glassine, one)
    assert (found["rating"], found["label"], found["title"], found["description"]) == (None, None, None, None)
    assert (found["favorite"], found["rejected"]) == (False, False)


@pytest.mark.parametrize("rating", ["6", "-1", "5.0", "five", "", "٣"])
def test_a_rating_that_is_none_is_refused(
    glassine: Glassine, uids: dict[str, str], built: BuiltLibrary, rating: str
) -> None:
    before = journal(built)
    error = glassine("rate", rating, uids["clip.mp4"], "--json", schema="rate").error
    assert (error["code"], error["exit_code"], error["value"]) == ("invalid_value", 2, rating)
    assert journal(built) == before


def test_a_rating_behind_the_photo_is_told_the_right_order(glassine: Glassine, uids: dict[str, str]) -> None:
    error = glassine("rate", uids["clip.mp4"], "5", "--json", schema="rate").error
    assert error["hint"] == "The rating comes first: glassine rate 5 PHOTO..."


def test_hidden_photos_are_found_by_a_query_and_shown_again(glassine: Glassine, uids: dict[str, str]) -> None:
    one = uids["clip.mp4"]
    run(glassine, "hide", one)
    assert glassine("find", f"uid={one}", "--json").lines("photo") == []
    assert run(glassine, "unhide", "--query", "is:hidden")["photos"] == [one]
    assert photo(glassine, one)["hidden"] is False


# ---- dates and places


def test_dates_are_set_shifted_and_taken_back(glassine: Glassine, uids: dict[str, str]) -> None:
    one = uids["IMG_0001.JPG"]
    was = photo(glassine, one)["capture"]
    run(glassine, "date", "set", "2001-02-03T04:05", one, "--zone", "Europe/Rome")
    capture = photo(glassine, one)["capture"]
    assert (capture["local"], capture["offset_min"], capture["zone"]) == (
        "2001-02-03T04:05:00",  # CLI.md: never without seconds; `precision` tells what is known
        60,
        "Europe/Rome",
    )
    assert (capture["source"], capture["precision"]) == ("user", "minute")
    run(glassine, "date", "shift", "-1h", one)
    assert photo(glassine, one)["capture"]["local"] == "2001-02-03T03:05:00"
    run(glassine, "date", "shift", "-00:05", one)
    assert photo(glassine, one)["capture"]["local"] == "2001-02-03T03:00:00"
    run(glassine, "date", "shift", "+1y2mo3d", one)
    assert photo(glassine, one)["capture"]["local"] == "2002-04-06T03:00:00"
    run(glassine, "date", "clear", one)
    assert photo(glassine, one)["capture"] == was


@pytest.mark.parametrize(
    "arguments",
    [["set", "2019-02-31"], ["set", "yesterday"], ["set", "2019-08-07", "--zone", "Mars/Olympus"], ["shift", "5"],
     ["shift", "-5"], ["shift", "1h1y"], ["shift", "+9000y"], ["shift", "-9000y"]],
    ids=" ".join,
)  # fmt: skip
def test_impossible_dates_are_refused_and_change_nothing(
    glassine: Glassine, uids: dict[str, str], built: BuiltLibrary, arguments: list[str]
) -> None:
    before = journal(built)
    done = glassine("date", *arguments, uids["IMG_0001.JPG"], "--json", schema="date")
    assert done.code == 2
    assert done.error["code"] == "invalid_value"
    assert journal(built) == before


def test_places_are_set_denied_and_taken_back(glassine: Glassine, uids: dict[str, str]) -> None:
    one = uids["IMG_0001.JPG"]
    run(glassine, "place", "set", "-33.8,151.2,20m", one)
    assert photo(glassine, one)["position"] == {"lat": -33.8, "lon": 151.2, "alt": 20.0}
    run(glassine, "place", "set", "52°30'N,13°15'E", one)
    assert photo(glassine, one)["position"] == {"lat": 52.5, "lon": 13.25, "alt": None}
    run(glassine, "place", "set", "none", one)
    assert photo(glassine, one)["position"] is None
    run(glassine, "place", "clear", one)
    assert photo(glassine, one)["position"] is None
    assert glassine("place", "set", "-91,0", one, "--json", schema="place").error["value"] == "-91,0"


# ---- persons and faces


def test_persons_are_named_renamed_and_made_one(glassine: Glassine, uids: dict[str, str]) -> None:
    one, other = uids["IMG_0001.JPG"], uids["clip.mp4"]
    run(glassine, "person", "add", "Ann", one)
    run(glassine, "person", "add", "Anne", other)
    run(glassine, "person", "rename", "Ann", "Anna")
    run(glassine, "person", "merge", "Anne", "--into", "Anna")
    listed = glassine("person", "list", "--json", schema="person-list").data
    assert [(one["name"], one["photos"]) for one in listed] == [("Anna", 2)]
    run(glassine, "person", "remove", "Anna", other)
    assert photo(glassine, other)["people"] == []


def test_faces_are_marked_listed_and_removed(glassine: Glassine, uids: dict[str, str]) -> None:
    one = uids["IMG_0001.JPG"]
    run(glassine, "face", "add", "0.25,0.1,0.2,0.3", one, "--person", "Ann")
    run(glassine, "face", "add", "0.5,0.5,0.1,0.1", one)
    faces = glassine("face", "list", one, "--json", schema="face-list").data
    assert [(face["name"], face["x"], face["w"]) for face in faces] == [("Ann", 0.25, 0.2), (None, 0.5, 0.1)]
    run(glassine, "face", "remove", one, "--face", faces[1]["id"])
    run(glassine, "face", "remove", one, "--person", "Ann")
    assert glassine("face", "list", one, "--json").data == []
    for region in ("0.9,0.9,0.2,0.2", "-0.1,0,0.1,0.1", "0,0,0,0", "nonsense"):
        assert glassine("face", "add", region, one, "--json", schema="face").code == 2
    assert glassine("face", "remove", one, "--json", schema="face").code == 2


# ---- saved searches


def test_searches_are_saved_listed_and_forgotten(glassine: Glassine) -> None:
    run(glassine, "search", "save", "No RAW", "rating>=4", "-is:raw")
    listed = glassine("search", "list", "--json", schema="search-list").data
    assert [(one["name"], one["query"]) for one in listed] == [("No RAW", "rating>=4 -is:raw")]
    error = glassine("search", "save", "x", "colour=red", "--json", schema="search").error
    assert (error["code"], error["exit_code"]) == ("invalid_query", 2)
    run(glassine, "search", "delete", "No RAW")
    assert glassine("search", "list", "--json").data == []
    assert glassine("search", "delete", "No RAW", "--json", schema="search").code == 15


# ---- undo and log


def test_undo_takes_the_newest_edit_back_and_can_be_taken_back(
    glassine: Glassine, uids: dict[str, str]
) -> None:
    one = uids["IMG_0001.JPG"]
    run(glassine, "rate", "3", one)
    run(glassine, "rate", "4", one)
    text = glassine("undo").stdout.decode()
    assert "rated 1 photo 4" in text
    assert photo(glassine, one)["rating"] == 3
    undone = glassine("log", "--limit", "1", "--json", schema="log").data[0]
    run(glassine, "undo", str(undone["journal"]))
    assert photo(glassine, one)["rating"] == 4


def test_an_edit_that_a_later_one_stands_on_is_not_undone(
    glassine: Glassine, uids: dict[str, str], built: BuiltLibrary
) -> None:
    one = uids["IMG_0001.JPG"]
    first = run(glassine, "rate", "3", one)["journal"]
    later = run(glassine, "rate", "4", one)["journal"]
    before = journal(built)
    error = glassine("undo", str(first), "--json", schema="undo").error
    assert (error["code"], error["exit_code"]) == ("conflict", 14)
    assert error["journal"] == [later]
    assert journal(built) == before
    assert glassine("undo", "999999", "--json", schema="undo").code == 15
    assert glassine("undo", "0", "--json", schema="undo").code == 2


def test_the_log_tells_who_when_and_from_what_to_what(glassine: Glassine, uids: dict[str, str]) -> None:
    one, other = uids["IMG_0001.JPG"], uids["clip.mp4"]
    run(glassine, "rate", "3", one)
    run(glassine, "rate", "4", one)
    run(glassine, "tag", "add", "beach", other)
    rows = glassine("log", "--json", schema="log").data
    assert [row["what"] for row in rows[:3]] == [
        "tagged 1 photo with beach",
        "rated 1 photo 4",
        "rated 1 photo 3",
    ]
    (item,) = rows[1]["items"]
    assert (item["uid"], item["property"], item["before"]["value"], item["after"]["value"]) == (
        one,
        "rating",
        3,
        4,
    )
    assert rows[0]["author"] == "owner"
    assert rows[0]["items"][0]["name"] == "beach"
    assert rows[0]["things"][0]["after"]["path"] == "beach"
    of_one = glassine("log", one, "--json", schema="log").data
    assert [row["what"] for row in of_one] == ["rated 1 photo 4", "rated 1 photo 3"]
    older = glassine("log", "--before", str(rows[0]["journal"]), "--limit", "1", "--json", schema="log").data
    assert [row["journal"] for row in older] == [rows[1]["journal"]]
    assert "rating: 3 → 4" in glassine("log", one).stdout.decode()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("album", "add", "Trip", "PHOTO", "--create"), "album Trip: - → in it"),
        (("place", "set", "52.520008,13.404954,34m", "PHOTO"), "position: - → 52.520008,13.404954,34"),
        (("face", "add", "0.25,0.1,0.2,0.3", "PHOTO"), ": - → 0.25,0.1,0.2,0.3"),
        (("date", "set", "2019-07-03", "PHOTO"), "capture: - → 2019-07-03"),
        (("favorite", "PHOTO"), "favorite: - → yes"),
        (("title", "", "PHOTO"), "title: - → nothing"),
        (("tag", "add", "sea", "PHOTO"), "tag sea: - → yes"),
        (("trash", "put", "PHOTO"), "trashed: - → since 20"),
    ],
)
def test_the_log_tells_values_as_a_person_would(
    glassine: Glassine, uids: dict[str, str], words: tuple[str, ...], told: str
) -> None:
    one = uids["IMG_0001.JPG"]
    run(glassine, *(one if word == "PHOTO" else word for word in words))
    assert told in glassine("log", one).stdout.decode()


# ---- which photos


def test_photos_are_taken_in_the_order_of_mention_and_once(
    glassine: Glassine, uids: dict[str, str], tmp_path: Path
) -> None:
    a, b, c = uids["song.mp3"], uids["IMG_0001.JPG"], uids["clip.mp4"]
    listed = b"\0".join([c.encode(), a.encode(), b.encode()])
    data = run(
        glassine, "album", "add", "X", "--create", b, f"~{b[:6]}", "--from-file", "-", "-0", stdin=listed
    )
    assert data["photos"] == [b, c, a]


def test_a_query_a_folder_and_an_original_name_photos(
    glassine: Glassine, uids: dict[str, str], built: BuiltLibrary
) -> None:
    assert run(glassine, "tag", "add", "moving", "--query", "type=video")["photos"] == [uids["clip.mp4"]]
    (original,) = [path for path in built.utf8_paths() if path.endswith("song.mp3")]
    assert run(glassine, "tag", "add", "loud", str(built.root / original))["photos"] == [uids["song.mp3"]]
    assert run(glassine, "tag", "add", "old", "-r", "Timeline/1931")["photos"] == [uids["grandma.jpg"]]
    assert run(glassine, "tag", "remove", "moving", "-r", "Tags/moving")["photos"] == [uids["clip.mp4"]]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["tag", "add", "x", "zzzzzz"], 15),
        (["tag", "add", "x", "no/such/file.jpg"], 15),
        (["tag", "add", "x"], 2),
        (["tag", "add"], 2),
        (["tag", "add", "x", "Timeline"], 2),
        (["tag", "add", "x", "--query", "colour=red"], 2),
        (["tag", "add", "", "{uid}"], 2),
        (["tag", "add", "a//b", "{uid}"], 2),
        (["tag", "remove", "nobody-made-it", "{uid}"], 15),
        (["tag", "rename", "nobody-made-it", "x"], 15),
        (["tag", "delete", "nobody-made-it"], 15),
        (["album", "show", "nobody-made-it"], 15),
        (["album", "delete", "nobody-made-it"], 15),
        (["person", "merge", "nobody", "--into", "nobody else"], 15),
        (["title"], 2),
        (["title", "--clear"], 2),
        (["title", "no photo behind it"], 2),
        (["favorite"], 2),
        (["tag", "add", "x", "{uid}", "--max-items", "-1"], 2),
        (["tag", "add", "x", "{uid}", "--max-items", "many"], 2),
        (["undo", "99999999999999999999"], 15),
        (["undo", "9223372036854775807"], 15),
        (["trash", "put", ""], 2),
        (["trash", "put", "-r", ""], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_bad_arguments_are_documents_and_change_nothing(
    glassine: Glassine, uids: dict[str, str], built: BuiltLibrary, arguments: list[str], code: int
) -> None:
    before = journal(built)
    done = glassine(*[word.format(uid=uids["clip.mp4"]) for word in arguments], "--json", schema="failure")
    assert done.code == code
    assert done.error["message"]
    assert journal(built) == before


def test_a_prefix_that_names_nothing_among_good_ones_changes_nothing(
    glassine: Glassine, uids: dict[str, str], built: BuiltLibrary
) -> None:
    before = journal(built)
    done = glassine("rate", "5", uids["clip.mp4"], "~zzzzzz", uids["song.mp3"], "--json", schema="failure")
    assert done.code == 15
    assert journal(built) == before
    assert photo(glassine, uids["clip.mp4"])["rating"] is None


# ---- dry runs and caps


def test_a_dry_run_tells_and_changes_nothing(
    glassine: Glassine, uids: dict[str, str], built: BuiltLibrary
) -> None:
    before = journal(built)
    data = run(glassine, "tag", "add", "x/y", uids["clip.mp4"], "-n")
    assert (data["dry_run"], data["changed"], data["photos"]) == (True, 1, [uids["clip.mp4"]])
    text = glassine("tag", "add", "x", uids["clip.mp4"], "--dry-run").stdout.decode()
    assert text == "tagged 1 photo with x; new: x (dry run: nothing was changed)\n"
    assert journal(built) == before
    assert glassine("tag", "list", "--json").data == []


def test_a_number_below_zero_is_told_as_it_was_written(glassine: Glassine, uids: dict[str, str]) -> None:
    done = glassine("rate", "5", uids["IMG_0001.JPG"], "--max-items", "-1", "--json", schema="rate")
    assert done.error["exit_code"] == 2
    assert "'-1'" in done.error["message"]


@pytest.mark.parametrize("option", ["--limit", "--before"])
def test_a_number_beyond_every_row_asks_for_all_of_the_log(glassine: Glassine, option: str) -> None:
    assert glassine("log", option, str(2**63), "--json", schema="log").data == run(glassine, "log")


def test_a_cap_refuses_the_whole_edit(glassine: Glassine, built: BuiltLibrary) -> None:
    before = journal(built)
    error = glassine("rate", "1", "--query", "is:any", "--max-items", "2", "--json", schema="rate").error
    assert (error["code"], error["exit_code"]) == ("too_many_items", 2)
    assert journal(built) == before
    shown = built.shown_count()
    assert run(glassine, "rate", "1", "--query", "is:any", "--max-items", str(shown))["changed"] == shown


# ---- labels


LABELS = [
    "x",
    "é",
    "e\u0301",
    "a b",
    "-",
    "..x",
    "~x",
    "_x",
    "CON",
    "x" * 5000,
    "🏖️",
    "\u202etxt.exe",
    "a\u0000b"[:1],
]


@pytest.mark.parametrize("name", LABELS, ids=lambda name: repr(name[:12]))
def test_any_label_is_kept_exactly(glassine: Glassine, uids: dict[str, str], name: str) -> None:
    import unicodedata

    done = glassine("tag", "add", "--json", "--", name, uids["clip.mp4"], schema="tag")
    assert done.code == 0, done.stdout
    assert photo(glassine, uids["clip.mp4"])["tags"] == [unicodedata.normalize("NFC", name)]


@pytest.mark.parametrize(
    "name", ["", " ", "/", "a/", "x" * 10_241, b"\xff\xfe", "a/ /b"], ids=lambda name: repr(name[:12])
)
def test_labels_that_are_none_are_refused(
    glassine: Glassine, uids: dict[str, str], built: BuiltLibrary, name: str | bytes
) -> None:
    before = journal(built)
    wordings: list[list[str | bytes]] = [
        ["tag", "add", "--", name, uids["clip.mp4"]],
        ["tag", "create", "--", name],
        ["album", "create", "--", name],
        ["album", "add", "--create", "--", name, uids["clip.mp4"]],
    ]
    if "/" not in os.fsdecode(name):  # a person may be called so; the folder's label is cleaned
        wordings.append(["person", "add", "--", name, uids["clip.mp4"]])
        wordings.append(["search", "save", "--", name, "rating=5"])
    for words in wordings:
        done = glassine("--json", *words, schema="failure")
        assert (done.code, done.error["code"]) == (2, "invalid_value"), words
    assert journal(built) == before


def naughty_strings() -> list[str]:
    require("corpus")
    place = corpus_dir()
    assert place is not None
    return json.loads((place / "lists" / "blns.json").read_text("utf-8"))  # type: ignore[no-any-return]


def test_the_big_list_of_naughty_strings_is_kept_exactly_or_refused(
    glassine: Glassine, uids: dict[str, str], built: BuiltLibrary
) -> None:
    one, accepted = uids["clip.mp4"], {}
    for text in naughty_strings():
        with contextlib.suppress(InvalidValue, ValueError):
            text.encode()  # what no argument can hold
            if "\0" not in text:
                accepted["/".join(split_path(text, "tag"))] = text
    assert len(accepted) > 300
    words = [word for text in accepted.values() for word in ("-t", text)]
    done = glassine("--json", "tag", "add", "plain", *words, one, schema="tag")
    assert done.code == 0, done.stdout
    # Equal but for case is an own tag only if it is made so: `tag add` takes the one that is there.
    wanted = {fold(path) for path in [*accepted, "plain"]}
    assert {fold(path) for path in photo(glassine, one)["tags"]} == wanted
    assert {path for path in photo(glassine, one)["tags"]} <= {*accepted, "plain"}
    for command in (["tag", "list"], ["log"], ["tag", "list", "--tree"]):
        shown = glassine(*command).stdout.decode()
        assert all(line.isprintable() for line in shown.replace("\u200d", "").splitlines()), command


# ---- many writers, many photos


def test_writers_at_once_each_have_their_edit_done(glassine: Glassine, uids: dict[str, str]) -> None:
    one = uids["clip.mp4"]

    def tag(number: int) -> Done:
        return Glassine(glassine.library, is_fresh=True)("tag", "add", f"t{number}", one, "--json")

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(tag, range(4)))
    assert [one.code for one in done] == [0, 0, 0, 0], done
    assert photo(glassine, one)["tags"] == [f"t{number}" for number in range(4)]
    assert len({one.data["journal"] for one in done}) == 4


def test_control_characters_of_a_label_never_reach_the_terminal(
    glassine: Glassine, uids: dict[str, str]
) -> None:
    text = glassine("title", "\x1b[31mred", uids["clip.mp4"]).stdout
    assert b"\x1b" not in text
    assert b"\x1b" not in glassine("log").stdout
    assert (
        json.loads(glassine("log", "--json").stdout)["data"][0]["items"][0]["after"]["value"] == "\x1b[31mred"
    )
