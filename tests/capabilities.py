"""What this machine can do: `require("fuse")` is the way to skip a test.

With /dev/fuse, exiftool and ffmpeg, and what ./test installs, nothing is skipped; under CI a skip is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from typing import NoReturn

import pytest

from sacred import REPOSITORY, corpus_dir


def _can_make_namespaces() -> bool:
    done = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False)
    return done.returncode == 0


def _has_loop_devices() -> bool:
    if os.geteuid() != 0:
        return False
    try:
        os.close(os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _has_exfat() -> bool:
    return all(shutil.which(name) for name in ("mkfs.exfat", "mount.exfat-fuse"))


def _has_program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _can_mount() -> bool:
    return os.access("/dev/fuse", os.R_OK | os.W_OK) and shutil.which("fusermount3") is not None


# name -> (what is missing, in words; whether it is there)
CAPABILITIES: dict[str, tuple[str, Callable[[], bool]]] = {
    "fuse": ("/dev/fuse with access, and fusermount3 (package fuse3)", _can_mount),
    "root": ("root rights", lambda: os.geteuid() == 0),
    "x86-64": (
        "an x86-64: the numbers of its system calls are known",
        lambda: os.uname().machine == "x86_64",
    ),
    "user": ("an ordinary user: root may do everything", lambda: os.geteuid() != 0),
    "namespaces": ("network and mount namespaces (root)", _can_make_namespaces),
    "loop": ("loop devices (root)", _has_loop_devices),
    "exfat-fuse": ("the programs mkfs.exfat and mount.exfat-fuse", _has_exfat),
    "setup": ("what ./run --setup installs", (REPOSITORY / ".venv" / ".glassine-stamp").exists),
    "corpus": ("the corpus (GLASSINE_CORPUS or ../shared/corpus)", lambda: corpus_dir() is not None),
    **{
        name: (f"the program {name}", _has_program(name))
        for name in (
            *("exiftool", "ffmpeg", "strace", "rsync", "curl", "setfattr", "getfattr", "setfacl", "ip"),
            *(
                "unshare",
                "bindfs",
                "bash",
                "git",
                "zsh",
                "fish",
                "rclone",
                "apache2",
                "davfs2",
                "openssl",
                "mkfs.ext4",
                "find",
                "gio",
            ),
        )
    },
}


def require(capability: str) -> None:
    """Skip the test, naming what this machine lacks; fail under CI, which must have everything."""
    missing, is_there = CAPABILITIES[capability]
    if not is_there():
        skip_without(missing)


def skip_without(missing: str) -> NoReturn:
    """The same for what only the test itself can find out."""
    if os.environ.get("CI"):
        pytest.fail(f"CI lacks {missing}")
    pytest.skip(f"missing: {missing}")
