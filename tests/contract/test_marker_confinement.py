"""What the confined writer of markers may do beyond a reader: make a small new file by its root's descriptor; nothing else."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from capabilities import require
from contract import confined
from contract.confined import FORBIDDEN, SETUP, make_places
from media_files import jpeg
from sacred import fingerprints, touched

WRITER = SETUP.replace(
    "report = confine(", "place = os.open(root, os.O_PATH | os.O_DIRECTORY)\nreport = confine("
).replace("limits=Limits())", "creatable_fd=place, limits=Limits(file_bytes=4096))")
NEW = "os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW"
MAKE = f"os.open(b'.glassine-volume', {NEW}, 0o644, dir_fd=place)"
# Cases that forbid a reader what is this one's very task, or that need a victim of their own.
NOT_HERE = ("kill", "signal")
MORE: dict[str, str] = {
    "make a file by its path": f"os.open(root + b'/new.jpg', {NEW})",
    "make a file outside": f"os.open(b'new', {NEW}, 0o644, dir_fd=os.open(outside, os.O_PATH))",
    "make a file outside, from the root": f"os.open(b'../outside/new', {NEW}, 0o644, dir_fd=place)",
    "make a file by another descriptor of the folder": (
        f"os.open(b'new', {NEW}, 0o644, dir_fd=os.open(root + b'/folder', os.O_PATH))"
    ),
    "open an existing file for writing": "os.open(b'photo.jpg', os.O_WRONLY, dir_fd=place)",
    "open an existing file for appending": "os.open(b'photo.jpg', os.O_WRONLY | os.O_APPEND, dir_fd=place)",
    "open an existing file for writing, if need be": (
        "os.open(b'photo.jpg', os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=place)"
    ),
    "truncate an existing file": "os.open(b'photo.jpg', os.O_WRONLY | os.O_TRUNC, dir_fd=place)",
    "truncate an existing file, as if new": (
        f"os.open(b'photo.jpg', {NEW} | os.O_TRUNC, 0o644, dir_fd=place)"
    ),
    "open an existing file for both": "os.open(b'photo.jpg', os.O_RDWR, dir_fd=place)",
    "make a file to read and write": (
        "os.open(b'new', os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=place)"
    ),
    "make a file without a name": "os.open(b'.', os.O_TMPFILE | os.O_WRONLY, 0o644, dir_fd=place)",
    "write again to what was made": (
        f"os.close({MAKE}); os.open(b'.glassine-volume', os.O_WRONLY, dir_fd=place)"
    ),
    "rename what was made": f"os.close({MAKE}); os.rename(root + b'/.glassine-volume', root + b'/photo.jpg')",
    "remove what was made": f"os.close({MAKE}); os.unlink(b'.glassine-volume', dir_fd=place)",
    "change the mode of what was made": f"os.fchmod({MAKE}, 0o777)",
}


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    return make_places(tmp_path)


attempt = partial(confined.attempt, setup=WRITER)


def test_it_makes_a_new_file_at_its_root(places: tuple[Path, Path]) -> None:
    root, outside = places
    verdict, report = attempt(f"fd = {MAKE}; os.write(fd, b'x'); os.fsync(fd)", root, outside)
    assert (verdict, report["has_seccomp"]) == ("allowed", True)
    assert (root / ".glassine-volume").read_bytes() == b"x"


def test_it_never_makes_one_that_is_there(places: tuple[Path, Path]) -> None:
    root, outside = places
    (root / ".glassine-volume").write_bytes(b"mine")
    verdict, _ = attempt(MAKE, root, outside)
    assert verdict == "EEXIST"
    os.unlink(root / ".glassine-volume")
    os.symlink("photo.jpg", root / ".glassine-volume")
    before = fingerprints(root)
    assert attempt(MAKE, root, outside)[0] == "EEXIST"
    assert fingerprints(root) == before


def test_what_it_makes_stays_small(places: tuple[Path, Path]) -> None:
    root, outside = places
    body = f"import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); fd = {MAKE}; os.write(fd, bytes(4096)); os.write(fd, b'x')"
    verdict, _ = attempt(body, root, outside)
    assert verdict == "EFBIG"
    assert (root / ".glassine-volume").stat().st_size == 4096


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in (*FORBIDDEN, *MORE) if not any(word in name for word in NOT_HERE)]
)
def test_everything_else_is_refused(name: str, places: tuple[Path, Path]) -> None:
    body = {**FORBIDDEN, **MORE}[name]
    if "call(" in body:
        require("x86-64")
    root, outside = places
    before = fingerprints(root), fingerprints(outside)
    verdict, _ = attempt(body, root, outside)
    assert verdict in ("EPERM", "EACCES"), (name, verdict)
    made = (root / ".glassine-volume").exists()  # by the cases that go on from there
    assert not touched(before[0], fingerprints(root)) or (made and body.find(MAKE) >= 0)
    assert sorted(os.listdir(root)) == sorted(
        ["folder", "photo.jpg", *([".glassine-volume"] if made else [])]
    )
    assert (root / "photo.jpg").read_bytes() == jpeg()
    assert fingerprints(outside) == before[1]
