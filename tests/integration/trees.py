"""Trees that scanners fall over, and an independent walk that says what is in them."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vfs.beneath import FileStamp, file_stamp


def independent_walk(root: Path) -> dict[bytes, FileStamp]:
    """Walk by openat alone, as the notes did, with nothing of ours: regular files and what lstat says of them."""
    found: dict[bytes, FileStamp] = {}
    stack = [(os.open(root, os.O_RDONLY | os.O_DIRECTORY), b"")]
    while stack:
        fd, prefix = stack.pop()
        with os.scandir(fd) as entries:
            for entry in entries:
                path = prefix + os.fsencode(entry.name)
                if entry.is_dir(follow_symlinks=False):
                    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                    stack.append((os.open(entry.name, flags, dir_fd=fd), path + b"/"))
                elif entry.is_file(follow_symlinks=False):
                    found[path] = file_stamp(os.stat(entry.name, dir_fd=fd, follow_symlinks=False))
        os.close(fd)
    return found


NAMES = [
    b"n" * 251 + b".jpg",
    b"\xff\xfe\x80.jpg",
    "é.jpg".encode(),
    b"e\xcc\x81.jpg",
    b"CASE.jpg",
    b"case.jpg",
    b"new\nline.jpg",
    b"-rf.jpg",
    b" lead.jpg",
    b"tail.jpg ",
    b"q\"uote'.jpg",
    b"\\back.jpg",
    b"..jpg",
    b"con.jpg",
    b"\x01\x1b[31m.jpg",
    b"a:b|c?.jpg",
]


@contextmanager
def hostile_tree(place: Path, *, levels: int = 3000) -> Iterator[Path]:
    """Make a tree with everything that scanners fall over, and a secret beside it."""
    root = place / "volume"
    root.mkdir()
    (place / "outside").mkdir()
    (place / "outside" / "secret.jpg").write_bytes(b"secret")
    raw = os.fsencode(root)
    for name in NAMES:
        with open(raw + b"/" + name, "wb") as file:
            file.write(name)
    _dig(root, levels=levels)
    os.mkfifo(root / "fifo.jpg")
    server = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(root)  # a socket's path has 108 bytes at most
    server.bind("sock.jpg")
    os.chdir(here)
    if os.geteuid() == 0:
        os.mknod(root / "null.jpg", 0o666 | 0o020000, os.makedev(1, 3))
    for target, name in (
        ("loop", "loop"),
        (".", "self"),
        ("../outside", "escape"),
        ("/etc/passwd", "passwd.jpg"),
    ):
        os.symlink(target, root / name)
    os.link(raw + b"/case.jpg", raw + b"/hard link.jpg")
    with open(root / "sparse.mov", "wb") as file:
        file.truncate(1 << 40)
    (root / "empty.jpg").touch()
    yield root
    server.close()
    subprocess.run(["rm", "-rf", root], check=True)  # shutil cannot go as deep


def _dig(root: Path, *, levels: int) -> None:
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(levels):
        os.mkdir("d" * 10, dir_fd=fd)
        below = os.open("d" * 10, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
    deep = os.open("x.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=fd)
    os.write(deep, b"deep")
    os.close(deep)
    os.close(fd)
