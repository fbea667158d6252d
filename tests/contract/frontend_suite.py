"""One suite for every face of the tree: in process, mounted, over HTTP. They must agree, byte for byte.

A face is an `Oser`: the few calls of `os` that a reader needs. Plug one in by subclassing `FrontendSuite` with
an `oser` fixture; `built` is the library behind it (tests/library_builder.py). Paths have no leading slash; names
are str, `Originals/` of raw bytes by surrogateescape where the face can carry them (`is_raw`). Errors are
FileNotFoundError for what is not there and OSError for what cannot be read or written.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar, Protocol

import pytest

from library_builder import VOLUME, BuiltLibrary

WINDOWS = 40  # random reads per file and face


@dataclass(frozen=True, slots=True)
class Status:
    """What every face can say of an entry."""

    is_dir: bool
    size: int
    mtime_ns: int


class OpenedFile(Protocol):
    """An open file of a face."""

    def read_at(self, offset: int, size: int) -> bytes:
        """Return exactly these bytes, fewer at the end."""


class Oser(Protocol):
    """A face of the tree."""

    is_raw: bool  # carries names that are no UTF-8
    mtime_unit_ns: int  # what it rounds times down to

    def listdir(self, path: str) -> list[str]: ...
    def stat(self, path: str) -> Status: ...
    def read(self, path: str) -> bytes: ...
    def open(self, path: str) -> AbstractContextManager[OpenedFile]: ...


def tree_of(oser: Oser, top: str) -> list[str]:
    """Return everything below a folder as sorted readable lines: `a/b/` or `a/b.jpg 1234`."""
    lines: list[str] = []
    for name in oser.listdir(top):
        path = f"{top}/{name}" if top else name
        status = oser.stat(path)
        if status.is_dir:
            lines += [f"{path}/", *tree_of(oser, path)]
        else:
            lines.append(f"{path} {status.size}")
    return sorted(lines)


def files_of(oser: Oser, top: str) -> Iterator[str]:
    """Yield every file below a folder."""
    for name in sorted(oser.listdir(top)):
        path = f"{top}/{name}" if top else name
        if oser.stat(path).is_dir:
            yield from files_of(oser, path)
        else:
            yield path


class FrontendSuite:
    """What holds for every face."""

    views: ClassVar[list[str]] = [
        "Timeline", "Recent", "Memories", "Albums", "Searches", "Search", "Tags", "People", "Places", "Favorites", "Ratings", "Types",
        "Cameras", "Stacks", "Previews", "Originals", "Offline", "Trash",
    ]  # fmt: skip

    def test_the_root_shows_the_views_and_hides_the_service_folder(self, oser: Oser):
        assert oser.listdir("") == self.views
        assert oser.stat(".glassine").is_dir

    def test_the_timeline_is_what_the_captures_say(self, oser: Oser, built: BuiltLibrary):
        assert tree_of(oser, "Timeline") == built.expected_timeline()

    def test_types_and_cameras_hold_the_same_photos_by_year(self, oser: Oser, built: BuiltLibrary):
        assert tree_of(oser, "Types") == built.expected_types()
        assert tree_of(oser, "Cameras") == built.expected_cameras()

    def test_recent_holds_everything_under_the_day_it_came(self, oser: Oser, built: BuiltLibrary):
        (day,) = oser.listdir("Recent")
        assert day == built.added_day
        assert len(oser.listdir(f"Recent/{day}")) == built.shown_count()

    def test_originals_are_the_volume_as_it_is(self, oser: Oser, built: BuiltLibrary):
        if not oser.is_raw:
            assert len(list(files_of(oser, f"Originals/{VOLUME}"))) == len(built.files)
            return
        found = {path.removeprefix(f"Originals/{VOLUME}/") for path in files_of(oser, "Originals")}
        assert found == {os.fsdecode(path) for path in built.files}

    def test_originals_have_the_sizes_and_times_of_their_files(self, oser: Oser, built: BuiltLibrary):
        for path in built.utf8_paths():
            shown = oser.stat(f"Originals/{VOLUME}/{path}")
            real = os.stat(built.root / path)
            wanted = real.st_mtime_ns - real.st_mtime_ns % oser.mtime_unit_ns
            assert (shown.size, shown.mtime_ns) == (real.st_size, wanted), path

    def test_mtime_in_views_is_the_capture_time_before_1970_too(self, oser: Oser, built: BuiltLibrary):
        for path, mtime_ns in built.expected_mtimes().items():
            wanted = mtime_ns - mtime_ns % oser.mtime_unit_ns
            assert oser.stat(path).mtime_ns == wanted, path

    def test_every_file_has_the_bytes_of_its_original(self, oser: Oser, built: BuiltLibrary):
        bodies = sorted(body for body in built.shown_bodies())
        assert sorted(oser.read(path) for path in files_of(oser, "Timeline")) == bodies
        for path in built.utf8_paths():
            assert oser.read(f"Originals/{VOLUME}/{path}") == (built.root / path).read_bytes()

    def test_random_windows_are_the_bytes_of_the_original(self, oser: Oser, built: BuiltLibrary):
        chooser = random.Random(7)
        for path in built.utf8_paths():
            body = (built.root / path).read_bytes()
            with oser.open(f"Originals/{VOLUME}/{path}") as opened:
                for _ in range(WINDOWS):
                    offset = chooser.randint(0, len(body) + 10)
                    size = chooser.randint(1, len(body) + 10)
                    assert opened.read_at(offset, size) == body[offset : offset + size]

    @pytest.mark.parametrize(
        "path",
        [
            "Nothing", "timeline.txt", "Timeline/19", "Timeline/2019/2019-13", "Timeline/2019/2019-00",
            "Timeline/2019/2020-08", "Timeline/2019/2019-08/2019-08-32", "Timeline/2019/2019-08/2019-08-07/no.jpg",
            "Timeline/Undated/1", "Recent/1999-01-01", "Types/Music", "Types/Photos/20", "Cameras/None",
            "Originals/none", f"Originals/{VOLUME}/none", ".glassine/by-id/abc", ".glassine/none", ".Trash-1000",
            "Timeline/.hidden", ".glassine/by-id/00000000000000000000000000/original",
        ],
    )  # fmt: skip
    def test_what_is_not_there_is_not_found(self, oser: Oser, path: str):
        with pytest.raises(FileNotFoundError):
            oser.stat(path)

    def test_every_listed_name_is_found_and_a_suffixed_one_too(self, oser: Oser, built: BuiltLibrary):
        for path in files_of(oser, "Timeline"):
            assert not oser.stat(path).is_dir
        for path in built.suffixed_paths():
            assert not oser.stat(path).is_dir

    def test_photos_are_reachable_by_their_uid(self, oser: Oser, built: BuiltLibrary):
        for uid, body in built.bodies_by_uid().items():
            assert sorted(oser.listdir(f".glassine/by-id/{uid}")) == ["meta.json", "original"]
            assert oser.read(f".glassine/by-id/{uid}/original") == body
            meta = oser.read(f".glassine/by-id/{uid}/meta.json")
            assert uid.encode() in meta
            assert oser.stat(f".glassine/by-id/{uid}/meta.json").size == len(meta)

    def test_the_status_names_the_library_and_its_volumes(self, oser: Oser, built: BuiltLibrary):
        import json

        status = json.loads(oser.read(".glassine/status.json"))
        assert status["library"] == str(built.library.path)
        assert [volume["name"] for volume in status["volumes"]] == [VOLUME]
