"""The command line inside and outside a real mount: paths in it name photos, and it tells where the library is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.cli_runner import Glassine
from library_builder import BuiltLibrary, build_library, varied_files
from mount.mounted import Mount, open_mount

pytestmark = pytest.mark.mount
CLIP = "Timeline/2020/2020-02/2020-02-29/clip.mp4"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuiltLibrary]:
    made = build_library(tmp_path_factory.mktemp("inside"), varied_files())
    yield made
    made.close()


@pytest.fixture(scope="module")
def mount(built: BuiltLibrary) -> Iterator[Mount]:
    place = built.library.path.parent / "mnt"
    with open_mount(built.library, place) as mounted:
        yield mounted


@pytest.fixture
def glassine(built: BuiltLibrary) -> Glassine:
    return Glassine(built.library.path)


def test_a_path_in_the_mount_names_its_photo(mount: Mount, glassine: Glassine) -> None:
    uid = os.getxattr(mount.place / CLIP, "user.glassine.uid").decode()
    for path in (CLIP, "Originals/Photos/film/clip.mp4", "Types/Videos/2020/clip.mp4"):
        (photo,) = glassine("show", mount.place / path, "--json", schema="show").data
        assert photo["uid"] == uid
    (photo,) = glassine("show", "clip.mp4", "--json", cwd=(mount.place / CLIP).parent, schema="show").data
    assert photo["uid"] == uid


def test_a_path_through_a_link_into_the_mount_works_too(
    mount: Mount, glassine: Glassine, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(mount.place / "Timeline")
    (photo,) = glassine(
        "show", tmp_path / "link" / CLIP.removeprefix("Timeline/"), "--json", schema="show"
    ).data
    assert photo["name"] == "clip.mp4"


def test_directories_in_the_mount_need_r(mount: Mount, glassine: Glassine) -> None:
    folder = mount.place / "Types" / "Videos"
    assert glassine("show", folder, "--json").error["code"] == "usage"
    assert len(glassine("show", "-r", folder, "--json", schema="show").data) == 1


def test_ls_of_a_path_in_the_mount_is_ls_of_the_view(mount: Mount, glassine: Glassine) -> None:
    rows = glassine("ls", "Timeline/2019", "--json", schema="ls").data
    assert glassine("ls", mount.place / "Timeline" / "2019", "--json", schema="ls").data == rows
    assert glassine("ls", "2019", "--json", cwd=mount.place / "Timeline", schema="ls").data == rows
    assert glassine("ls", "Timeline/2019", "--json", cwd=mount.place / "Timeline", schema="ls").data == rows
    assert {row["name"] for row in rows} == set(os.listdir(mount.place / "Timeline" / "2019"))


def test_inside_the_mount_the_library_is_found_by_itself(
    built: BuiltLibrary, mount: Mount, tmp_path: Path
) -> None:
    nowhere = Glassine(tmp_path / "none")
    done = nowhere(
        "stats", "--json", env={"GLASSINE_LIBRARY": ""}, cwd=mount.place / "Timeline" / "2019", schema="stats"
    )
    assert done.data["photos"] == built.shown_count()


def test_the_mount_is_neither_scanned_nor_taken_as_a_volume(mount: Mount, glassine: Glassine) -> None:
    told = glassine("why", "excluded", mount.place / CLIP, "--json", schema="why-excluded").data
    assert told["reason"] == "mount"
    refused = glassine(
        "volume", "add", mount.place / "Originals", "--name", "Loop", "--json", schema="volume"
    )
    assert (refused.code, refused.error["code"]) == (2, "invalid_value")


def test_a_dead_mount_does_not_hang_the_command(built: BuiltLibrary, glassine: Glassine) -> None:
    place = built.library.path.parent / "dying"
    with open_mount(built.library, place) as dying:
        os.kill(dying.server_pid, 9)
        dying.process.kill()
        dying.process.wait()
        (photo,) = glassine("show", place / CLIP, "--json", schema="show").data
        assert photo["name"] == "clip.mp4"
