"""Where exiftool is, and what it needs to run inside a confinement.

Apart from `daemon.media.exiftool`, because the pool asks it in a process that never reads a photo. Must not know: how
exiftool is talked to.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

# For `status` and `doctor`: what the user misses, and the way out.
WITHOUT_EXIFTOOL = "not found, so that RAW files and rare formats show only what their headers say (apt install libimage-exiftool-perl)"
_ANSWER_S = 20.0  # a cold perl from a slow disk takes a second or two
NO_VERSION = "none"  # the version in findings of an exiftool that is not there


@dataclass(frozen=True, slots=True)
class ExiftoolPaths:
    """The program and what it needs to run: `runnable` files, `readable` trees."""

    program: str
    runnable: tuple[bytes, ...]
    readable: tuple[bytes, ...]


def is_exiftool_there() -> bool:
    """Tell whether the program is on PATH; what it needs besides is found out by the worker that uses it."""
    return shutil.which("exiftool") is not None


def exiftool_stamp() -> str | None:
    """Return a text that changes when another exiftool is installed; None = there is none."""
    program = shutil.which("exiftool")
    if program is None:
        return None
    status = os.stat(program)
    return f"{os.path.realpath(program)} {status.st_size} {status.st_mtime_ns}"


def exiftool_version() -> str | None:
    """Ask exiftool for its version; None when it does not answer. Blocks for a tenth of a second."""
    try:
        done = subprocess.run(
            ["exiftool", "-ver"], capture_output=True, text=True, timeout=_ANSWER_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = done.stdout.strip()
    return said if done.returncode == 0 and said else None


def find_exiftool() -> ExiftoolPaths | None:
    """Look for exiftool on PATH; None if it, or its interpreter, is not there."""
    program = shutil.which("exiftool")
    interpreter = _interpreter_of(program) if program else None
    if program is None or interpreter is None:
        return None
    loaders = [
        *Path("/lib64").glob("ld-*.so*"),
        *Path("/lib").glob("ld-*.so*"),
        *Path("/lib").glob("*/ld-*.so*"),
    ]
    runnable = {os.path.realpath(path) for path in (program, interpreter, *map(str, loaders))}
    readable = (
        "/usr/lib",
        "/usr/share",
        "/usr/local/lib",
        "/usr/local/share",
        "/lib",
        "/lib64",
        "/etc/ld.so.cache",
    )
    beside = Path(os.path.realpath(program)).parent / "lib"  # where an unpacked exiftool keeps its modules
    return ExiftoolPaths(
        program,
        tuple(sorted(os.fsencode(path) for path in runnable)),
        tuple(os.fsencode(path) for path in (*readable, beside, "/dev/null", "/dev/urandom")),
    )


def _interpreter_of(program: str) -> str | None:
    with open(program, "rb") as file:
        line = file.readline(256)
    words = line[2:].split() if line.startswith(b"#!") else []
    if not words:
        return None
    if words[0].endswith(b"/env") and len(words) > 1:
        return shutil.which(os.fsdecode(words[1]))
    return os.fsdecode(words[0])
