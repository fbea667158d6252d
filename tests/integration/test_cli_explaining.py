"""`show --layers`, `why hidden`, `why missing` and queries about what was said: the real command, held to its schemas."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from catalog.commands import execute
from catalog.commands.layer import AlbumAdd, FaceAdd, Hide, PlaceSet, Rate, TagAdd, TagAlias, Title, TrashPut
from integration.cli_runner import Glassine
from library_builder import BuiltLibrary, build_library, varied_files

NOW_NS = 1_800_000_000 * 10**9


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuiltLibrary]:
    made = build_library(tmp_path_factory.mktemp("explaining"), varied_files())
    (made.library.path / "config.toml").write_text('[memories]\nexclude = ["tag=private"]\n')
    yield made
    made.close()


@pytest.fixture(scope="module")
def glassine(built: BuiltLibrary) -> Glassine:
    return Glassine(built.library.path)


@pytest.fixture(scope="module")
def uids(built: BuiltLibrary, glassine: Glassine) -> dict[str, str]:
    """Name -> uid, after something was said about some."""
    found = {
        photo["name"]: photo["uid"] for photo in glassine("find", "--json", schema="find").lines("photo")
    }
    one, other = found["IMG_0001.JPG"], found["clip.mp4"]
    for number, command in enumerate(
        (
            TagAdd((one, other), ("animals/cat", "private")), TagAlias("animals/cat", "Katze"), Rate((one,), 5), Title((one,), "Café am Meer"),
            AlbumAdd((one,), "Rome/Day 1", is_created=True), FaceAdd(one, 0.1, 0.2, 0.3, 0.4, "Anna"), Hide((other,)), TrashPut((found["song.mp3"],)),
        )
    ):  # fmt: skip
        execute(built.writer, command, now_ns=NOW_NS + number)
    return found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tag=katze", {"IMG_0001.JPG"}),
        ("tag=cat is:hidden", {"clip.mp4"}),
        ("rating>=4", {"IMG_0001.JPG"}),
        ("cafe", {"IMG_0001.JPG"}),
        ("person:anna album:rome has:face", {"IMG_0001.JPG"}),
        ("trashed=..", {"song.mp3"}),
    ],
)
def test_queries_about_the_layer_find_what_was_said(
    glassine: Glassine, uids: dict[str, str], query: str, expected: set[str]
) -> None:
    done = glassine("find", "--json", query, schema="find")
    assert {photo["name"] for photo in done.lines("photo")} == expected


def test_layers_say_who_said_what(glassine: Glassine, uids: dict[str, str]) -> None:
    (told,) = glassine("show", "--layers", "--json", uids["IMG_0001.JPG"], schema="show").data
    assert {said["value"] for said in told["layers"]["tag"]} == {"animals/cat", "private"}
    assert told["layers"]["face"][0]["value"]["name"] == "Anna"
    text = glassine("show", "--layers", uids["IMG_0001.JPG"]).stdout.decode()
    assert "* title        user      Café am Meer  owner, " in text
    assert "* capture      embedded  " in text


def test_why_hidden_names_every_reason(glassine: Glassine, uids: dict[str, str]) -> None:
    told = glassine("why", "hidden", "--json", uids["clip.mp4"], schema="why-hidden").data
    assert [reason["kind"] for reason in told["reasons"]] == ["hidden", "excluded"]
    assert "tag=private" in told["reasons"][1]["message"]
    told = glassine("why", "hidden", "--json", uids["song.mp3"], schema="why-hidden").data
    assert [reason["kind"] for reason in told["reasons"]] == ["trashed"]
    assert any(path.startswith("Trash/") for path in told["views"])
    text = glassine("why", "hidden", uids["clip.mp4"]).stdout.decode()
    assert "hidden: it is in no view, since " in text
    assert "nothing keeps it" in glassine("why", "hidden", uids["IMG_0002.CR2"]).stdout.decode()


def test_why_missing_tells_where_a_photo_is(glassine: Glassine, uids: dict[str, str]) -> None:
    told = glassine("why", "missing", "--json", uids["IMG_0001.JPG"], schema="why-missing").data
    assert told["is_missing"] is False
    assert told["places"][0]["state"] == "present"
    assert "present: " in glassine("why", "missing", uids["IMG_0001.JPG"]).stdout.decode()


def test_why_place_tells_of_position_and_towns(
    built: BuiltLibrary, glassine: Glassine, uids: dict[str, str]
) -> None:
    told = glassine("why", "place", "--json", uids["day.jpg"], schema="why-place").data
    assert (told["place"], told["position"], told["candidates"]) == (None, None, [])
    assert "nobody tells a position" in glassine("why", "place", uids["day.jpg"]).stdout.decode()
    execute(built.writer, PlaceSet((uids["day.jpg"],), 52.4009, 13.0591), now_ns=NOW_NS + 100)
    told = glassine("why", "place", "--json", uids["day.jpg"], schema="why-place").data
    assert told["place"] == {"country": "Germany", "region": "Brandenburg", "city": "Potsdam"}
    assert (told["layer"], told["said_by"]) == ("user", "owner")
    text = glassine("why", "place", uids["day.jpg"]).stdout.decode()
    assert "Potsdam, Brandenburg, Germany" in text
    assert "GeoNames" in text
    assert [photo["name"] for photo in glassine("find", "--json", "city=potsdam").lines("photo")] == [
        "day.jpg"
    ]


def test_why_name_tells_of_the_folders_of_the_layer(glassine: Glassine, uids: dict[str, str]) -> None:
    told = glassine("why", "name", "--json", "--view", "Tags", uids["IMG_0001.JPG"], schema="why-name").data
    assert {one["folder"] for one in told["folders"]} == {
        "Tags/animals/_all", "Tags/animals/cat", "Tags/animals/cat/_all", "Tags/private", "Tags/private/_all",
    }  # fmt: skip


def test_the_help_explains_the_language_and_lists_the_fields(glassine: Glassine) -> None:
    told = glassine("find", "--help-fields", "--json", schema="fields").data
    assert {"tag", "album", "person", "rating", "label", "stack", "trashed", "title"} <= {
        field["name"] for field in told
    }
    text = glassine("help", "query").stdout.decode()
    assert "tag=animals" in text
    assert "has:" in text
