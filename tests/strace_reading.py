"""Read an `strace -f -y` log and name every call that could write on a volume: the sacred files' witness.

Paths and descriptors are resolved by strace itself (`-y` prints the path behind each descriptor); a relative
path is joined to its directory descriptor. Attempts count, whether the kernel refused them or not: the
product must not even try. Knows nothing of Glassine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

OPENING = {"open", "openat", "openat2", "creat"}
WRITING_FLAGS = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE", "O_APPEND")
# Any mention of a volume in one of these is a finding; the reading calls of the same families are not here.
WRITING = {
    *("creat", "truncate", "ftruncate", "fallocate", "unlink", "unlinkat", "rename", "renameat", "renameat2"),
    *("link", "linkat", "symlink", "symlinkat", "mkdir", "mkdirat", "rmdir", "mknod", "mknodat"),
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"),
    *("utime", "utimes", "utimensat", "futimesat", "setxattr", "lsetxattr", "fsetxattr"),
    *("removexattr", "lremovexattr", "fremovexattr", "write", "pwrite64", "writev", "pwritev", "pwritev2"),
    *("sendfile", "copy_file_range", "splice"),
}
# The question mark: a name that this strace or this machine does not know is no error.
TRACED = ",".join(f"?{name}" for name in sorted(OPENING | WRITING))
_CALL = re.compile(r"^(?:\[pid\s+\d+\]\s+|\d+\s+)?(?P<name>[a-z_0-9]+)\((?P<rest>.*)$")
_DESCRIPTOR = re.compile(r"(?:\d+|AT_FDCWD)<(?P<path>/[^>]*)>")
_QUOTED = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)"')
# These calls read from one descriptor and write to another; only the written one matters.
_TARGET_FIRST = {"sendfile"}


@dataclass(frozen=True, slots=True)
class Trespass:
    """One call that names a path on a volume and could change it."""

    call: str
    path: str
    line: str


def _unescape(text: str) -> str:
    return (
        text.encode("latin-1", "backslashreplace")
        .decode("unicode_escape")
        .encode("latin-1")
        .decode("utf-8", "replace")
    )


def _paths(rest: str) -> list[str]:
    """Every absolute path that the arguments name, relative names joined to the descriptor before them."""
    found: list[str] = []
    base = "/"
    for match in re.finditer(rf"{_DESCRIPTOR.pattern}|{_QUOTED.pattern}", rest):
        if match.group("path") is not None:
            base = match.group("path")
            found.append(base)
        else:
            name = _unescape(match.group("text"))
            found.append(name if name.startswith("/") else f"{base.rstrip('/')}/{name}")
    return found


def _written_paths(name: str, rest: str) -> list[str]:
    if name in _TARGET_FIRST:
        first = _DESCRIPTOR.search(rest.split(",", 1)[0])
        return [first.group("path")] if first else []
    if name in {"write", "pwrite64", "writev", "pwritev", "pwritev2", "copy_file_range", "splice"}:
        # Only descriptors: the data itself may quote any path.
        head = rest if name in {"copy_file_range", "splice"} else rest.split(",", 1)[0]
        return [match.group("path") for match in _DESCRIPTOR.finditer(head)]
    return _paths(rest)


def _is_removal_of(rest: str, paths: list[str], may_remove: Iterable[Path]) -> bool:
    """Whether this `unlinkat` removes one file (no directory) that may be removed."""
    return "AT_REMOVEDIR" not in rest and bool(paths) and Path(paths[-1]) in set(may_remove)


def _is_making_of(name: str, rest: str, paths: list[str], may_make: Iterable[Path]) -> bool:
    """Whether this call makes one new file that may be made, over no other, or writes to it."""
    is_new = name == "openat" and "O_WRONLY|O_CREAT|O_EXCL" in rest
    return (is_new or name == "write") and bool(paths) and Path(paths[-1]) in set(may_make)


def trespasses(
    lines: Iterable[str],
    roots: Iterable[Path],
    *,
    may_remove: Iterable[Path] = (),
    may_make: Iterable[Path] = (),
) -> list[Trespass]:
    """Return each call that opens for writing, or changes, anything at or below one of the roots.

    `may_remove` are the files that a purge was asked for: `unlinkat` of exactly these is no trespass. `may_make` are new
    files: to make exactly these, where nothing is, and to write to them is none.
    """
    prefixes = [str(root) for root in roots]
    found = []
    for line in lines:
        match = _CALL.match(line)
        if match is None:
            continue
        name, rest = match.group("name"), match.group("rest")
        if name in OPENING and name != "creat":
            if not any(flag in rest for flag in WRITING_FLAGS):
                continue
            paths = _paths(rest)
        elif name in WRITING:
            paths = _written_paths(name, rest)
            if name == "unlinkat" and _is_removal_of(rest, paths, may_remove):
                continue
        else:
            continue
        if _is_making_of(name, rest, paths, may_make):
            continue
        for path in paths:
            if any(path == prefix or path.startswith(prefix + "/") for prefix in prefixes):
                found.append(Trespass(name, path, line.rstrip()))
                break
    return found


def removed_files(lines: Iterable[str], root: Path) -> list[Path]:
    """Return each file below the root that was removed, in order."""
    found = []
    for line in lines:
        match = _CALL.match(line)
        if (
            match is not None
            and match.group("name") in ("unlink", "unlinkat")
            and line.rstrip().endswith("= 0")
        ):
            path = (_paths(match.group("rest")) or [""])[-1]
            if path.startswith(f"{root}/"):
                found.append(Path(path))
    return found


def opened_files(lines: Iterable[str], root: Path) -> list[str]:
    """Return the path of every successful open of something below the root that is not O_DIRECTORY or O_PATH."""
    found = []
    for line in lines:
        match = _CALL.match(line)
        if match is None or match.group("name") not in OPENING or "= -1 " in line:
            continue
        rest = match.group("rest")
        if "O_DIRECTORY" in rest or "O_PATH" in rest:
            continue
        result = re.search(r"\) = \d+<(?P<path>/[^>]*)>\s*$", line)
        path = result.group("path") if result else (_paths(rest) or [""])[-1]
        if path.startswith(f"{root}/"):
            found.append(path)
    return found
