"""Thumbnails as the specification wants them: names, text chunks, modes; and the pipe that says what was opened."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest
from PIL import Image

from daemon.freedesktop_thumbnails import (
    Original,
    is_fresh,
    path_of,
    thumbnails_dir,
    uri_of,
    with_texts,
    write,
)
from previewed import picture
from vfs.inodes import Kind, pack
from vfs.opened_folders import FolderReports, relaying

ORIGINAL = Original("file:///home/me/a.jpg", 1_565_172_000, 1234, "image/jpeg")


def png(width: int = 128, height: int = 96) -> bytes:
    """Return a PNG."""
    buffer = io.BytesIO()
    picture(width, height).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_name_is_that_of_the_specification() -> None:
    # The example of the specification itself.
    found = path_of(Path("/t"), "normal", "file:///home/jens/photos/me.png")
    assert found == Path("/t/normal/c6ee772d9e49320e97ec29a7eb5b1697.png")


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (b"/a/b c.jpg", "file:///a/b%20c.jpg"),
        ("/ü/#1 & 'x'~(2).jpg".encode(), "file:///%C3%BC/%231%20&%20'x'~(2).jpg"),
        (b"/\xff;?[].jpg", "file:///%FF%3B%3F%5B%5D.jpg"),
    ],
)
def test_uris_are_written_as_glib_writes_them(path: bytes, wanted: str) -> None:
    assert uri_of(path) == wanted


def test_a_thumbnail_says_what_file_managers_check(tmp_path: Path) -> None:
    target = path_of(tmp_path / "thumbnails", "normal", ORIGINAL.uri)
    assert not is_fresh(target, ORIGINAL)
    write(target, with_texts(png(), ORIGINAL, edge_px=128))
    shown = Image.open(target)
    shown.load()
    assert shown.text == ORIGINAL.texts()  # type: ignore[attr-defined]
    assert is_fresh(target, ORIGINAL)
    assert not is_fresh(target, Original(ORIGINAL.uri, 1, 1234, "image/jpeg"))
    assert [oct(path.stat().st_mode & 0o777) for path in (target, target.parent)] == ["0o600", "0o700"]
    assert os.listdir(target.parent) == [target.name]


@pytest.mark.parametrize("body", [b"", b"\xff\xd8 no png", png(129, 20), png()[:20], b"x" * 2_000_000])
def test_what_is_no_thumbnail_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"PNG|thumbnail"):
        with_texts(body, ORIGINAL, edge_px=128)


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({"XDG_CACHE_HOME": "/c", "HOME": "/h"}, Path("/c/thumbnails")),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, Path("/h/.cache/thumbnails")),
        ({"HOME": "/h"}, Path("/h/.cache/thumbnails")),
        ({}, None),
    ],
)
def test_thumbnails_are_where_the_user_keeps_them(environ: dict[str, str], wanted: Path | None) -> None:
    assert thumbnails_dir(environ) == wanted


class Told:
    """Gathers what the launcher would tell the daemon."""

    def __init__(self) -> None:
        self.folders: list[int] = []
        self.is_told = threading.Event()

    def __call__(self, folders: list[int]) -> None:
        self.folders += folders
        self.is_told.set()
        raise ConnectionRefusedError("no daemon: that is nothing to the launcher")


DAY, OTHER = pack(Kind.TIMELINE, 5), pack(Kind.ALBUM, 7)


def test_folders_that_are_opened_are_told_once_and_in_their_order() -> None:
    read_fd, write_fd = os.pipe()
    told = Told()
    with relaying(read_fd, told):
        reports = FolderReports(write_fd, clock=lambda: 0.0)
        for inode in (DAY, OTHER, DAY, DAY):
            reports.note(inode)
        assert told.is_told.wait(5)
    os.close(write_fd)
    assert told.folders == [DAY, OTHER]


def test_a_folder_is_told_again_after_a_while() -> None:
    read_fd, write_fd = os.pipe()
    now = 0.0
    reports = FolderReports(write_fd, clock=lambda: now)
    reports.note(DAY)
    now = 11.0
    reports.note(DAY)
    assert os.read(read_fd, 1000) == b"%d\n%d\n" % (DAY, DAY)
    os.close(read_fd)
    reports.note(OTHER)  # nobody listens: nothing happens
    os.close(write_fd)


def test_a_pipe_that_is_full_is_not_waited_for() -> None:
    read_fd, write_fd = os.pipe()
    ticks = iter(range(0, 10**9, 100))
    reports = FolderReports(write_fd, clock=lambda: float(next(ticks)))
    for number in range(10_000):
        reports.note(pack(Kind.ALBUM, number))
    os.close(read_fd)
    os.close(write_fd)


def test_what_is_no_number_of_a_folder_is_not_told_and_a_server_that_ends_ends_it() -> None:
    read_fd, write_fd = os.pipe()
    told = Told()
    with relaying(read_fd, told):
        os.write(write_fd, b"rm -rf\n-3\n%d\n%d\n" % (255 << 55, DAY))
        assert told.is_told.wait(5)
        os.close(write_fd)
    assert told.folders == [DAY]


def test_the_end_of_the_launcher_is_not_held_up_by_a_server_that_hangs() -> None:
    read_fd, write_fd = os.pipe()
    with relaying(read_fd, Told()):
        pass
    os.close(write_fd)
