"""`glassine ls` of the layer's views: what the mount would show, by the names that the configuration chooses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contract.layer_suite import VIEWS
from integration.cli_runner import Glassine
from organised import Organised, organise


@pytest.fixture(scope="module")
def organised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Organised]:
    made = organise(tmp_path_factory.mktemp("organised"))
    yield made
    made.built.close()


@pytest.fixture(scope="module")
def glassine(organised: Organised) -> Glassine:
    return Glassine(organised.built.library.path)


@pytest.mark.parametrize("view", VIEWS)
def test_ls_lists_what_the_view_shows(glassine: Glassine, organised: Organised, view: str) -> None:
    rows = glassine("ls", view, "--json", schema="ls").data
    shown = [row["name"] + ("/" if row["kind"] == "dir" else "") for row in rows]
    wanted = {line.split("/")[0] + ("/" if "/" in line else "") for line in organised.expected()[view]}
    assert sorted(shown) == sorted(wanted)


def test_ls_of_an_album_has_the_uids_of_its_photos(glassine: Glassine, organised: Organised) -> None:
    rows = {row["name"]: row for row in glassine("ls", "Albums/Trip", "--json", schema="ls").data}
    assert (rows["Day 1"]["kind"], rows["Day 1"]["uid"]) == ("dir", None)
    assert (rows["sea.jpg"]["kind"], (rows["sea.jpg"]["uid"],)) == ("photo", organised.uids("sea.jpg"))
    assert glassine("ls", "Albums/Trip/sea.jpg", "--json", schema="ls").data == [rows["sea.jpg"]]


def test_ls_answers_a_query_and_calls_what_is_none_not_found(glassine: Glassine) -> None:
    rows = glassine("ls", "Search/tag=animals／cat", "--json", schema="ls").data
    assert [row["name"] for row in rows] == ["sea.jpg"]
    for path in ("Search/cat", "Search/aura=blue", "Albums/Nothing"):
        assert glassine("ls", path, "--json", schema="ls").code == 15


def test_ls_follows_the_names_of_the_configuration(glassine: Glassine) -> None:
    chosen = {"GLASSINE_VIEWS_ALBUMS": "Alben", "GLASSINE_VIEWS_CAMERAS": ""}
    names = [row["name"] for row in glassine("ls", "--json", schema="ls", env=chosen).data]
    assert "Alben" in names
    assert not {"Albums", "Cameras"} & set(names)
    assert glassine("ls", "Alben/Trip/Day 1", env=chosen).stdout == b"beach.jpg\n"


def test_memories_of_the_command_line_leave_out_what_the_configuration_says(
    glassine: Glassine, organised: Organised
) -> None:
    year = str(organised.today.year - 4)
    assert [row["name"] for row in glassine("ls", "Memories/Today", "--json", schema="ls").data] == [year]
    excluded = {"GLASSINE_MEMORIES_EXCLUDE": "person=Bob"}
    assert glassine("ls", "Memories/Today", "--json", schema="ls", env=excluded).data == []
    assert glassine("ls", "Memories", env={"GLASSINE_MEMORIES_EXCLUDE": "aura=blue"}).code == 2
