"""What `glassine doctor` examines of the machine: tools, decoders, kernel, limits, clock. No library is needed.

Decoders are tried in a process of their own: nothing here parses media. A check answers in all cases; only what makes the
program wrong is a failure, what it does without is a warning with the way out.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "warn", "fail"]

SQLITE_FIXED = (3, 51, 3)  # first release without the WAL-reset bug (reliability notes, 0.6)
_WATCHES_WARN = 65_536  # one watch per directory; libraries of 10,000 directories and more exist
FEWEST_INSTANCES = 128  # the kernel's default; one per volume, and every desktop program takes some
FEWEST_QUEUED = 16_384  # the kernel's default; events beyond it are lost, and a whole scan follows
_CAP_SYS_ADMIN = 21
_FANOTIFY_FLAGS = 0x1 | 0x2 | 0x10 | 0xC00  # those of `daemon.volume_process.fanotify.open_marks`
_FILES_WARN = 1_024
_TOOL_LIMIT_S = 20.0
_SYS_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_VERSION_FLAG = 1
# A clock before this is certainly wrong: 2026-01-01, the year of the first release.
_CLOCK_FLOOR_S = 1_767_225_600


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What one check says; `fixed` = `--fix` mended it just now."""

    name: str
    state: State
    message: str
    hint: str | None = None
    fixed: bool = False


def check_sqlite() -> Diagnosis:
    """The SQLite inside apsw has no WAL-reset bug."""
    from importlib.metadata import version

    number = version("apsw")  # apsw's version is that of the SQLite it carries
    parts = tuple(int(part) for part in number.split(".")[:3])
    if parts < SQLITE_FIXED:
        hint = (
            f"Versions before {'.'.join(map(str, SQLITE_FIXED))} can corrupt a catalog: pip install -U apsw."
        )
        return Diagnosis("sqlite", "fail", f"{number} has the WAL-reset bug", hint)
    return Diagnosis("sqlite", "ok", number)


def check_fuse() -> Diagnosis:
    """The kernel can mount us."""
    from vfs.mounting import why_no_fuse

    reason = why_no_fuse()
    if reason is not None:
        return Diagnosis(
            "fuse", "warn", reason, "Without it there is WebDAV and the command line, but no mount."
        )
    return Diagnosis("fuse", "ok", "/dev/fuse can be used")


def check_fusermount() -> Diagnosis:
    """The helper that lets ordinary users mount is there."""
    found = shutil.which("fusermount3")
    if found is None:
        return Diagnosis("fusermount3", "warn", "not found", "Only root can mount: apt install fuse3.")
    return Diagnosis("fusermount3", "ok", found)


def check_allow_other() -> Diagnosis:
    """`--allow-other` may be used by ordinary users."""
    try:
        lines = Path("/etc/fuse.conf").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    if os.geteuid() == 0 or any(line.strip() == "user_allow_other" for line in lines):
        return Diagnosis("user_allow_other", "ok", "mount --allow-other may be used")
    hint = "Needed only for mount --allow-other: a line user_allow_other in /etc/fuse.conf."
    return Diagnosis("user_allow_other", "warn", "not set in /etc/fuse.conf", hint)


def check_exiftool() -> Diagnosis:
    """exiftool answers."""
    said = _output_of(["exiftool", "-ver"])
    if said is None:
        hint = "Facts of RAW files and of rare formats stay unknown: apt install libimage-exiftool-perl."
        return Diagnosis("exiftool", "warn", "not found", hint)
    return Diagnosis("exiftool", "ok", said)


def check_ffmpeg() -> Diagnosis:
    """ffmpeg answers."""
    said = _output_of(["ffmpeg", "-version"])
    if said is None:
        hint = "Previews of videos will need it: apt install ffmpeg."
        return Diagnosis("ffmpeg", "warn", "not found", hint)
    return Diagnosis("ffmpeg", "ok", " ".join(said.split()[2:3]))


def check_heif() -> Diagnosis:
    """The HEIF decoder loads."""
    return _decoder("heif", _HEIF)


def check_raw() -> Diagnosis:
    """The RAW decoder loads."""
    return _decoder("raw", _RAW)


_HEIF = """import PIL, pillow_heif
print('libheif', pillow_heif.libheif_version() + ', pillow-heif', pillow_heif.__version__ + ', Pillow', PIL.__version__)"""
_RAW = (
    "import rawpy; print('libraw', '.'.join(map(str, rawpy.libraw_version)) + ', rawpy', rawpy.__version__)"
)


def _decoder(name: str, program: str) -> Diagnosis:
    said = _output_of([sys.executable, "-c", program])
    if said is None:
        return Diagnosis(name, "warn", "the decoder cannot be loaded", "Reinstall with ./run --setup.")
    return Diagnosis(name, "ok", said)


def check_places() -> Diagnosis:
    """The table of towns can be read."""
    said = _output_of([sys.executable, "-P", "-c", _PLACES])
    if said is None:
        hint = "Photos have no places: reinstall, or run scripts/build_places.py."
        return Diagnosis("places", "warn", "the table of towns cannot be read", hint)
    return Diagnosis("places", "ok", said)


# Berlin: a table that cannot tell this one is broken, whatever else it holds.
_PLACES = """from catalog.places import SOURCE, place_at
place = place_at(52.52, 13.405)
assert place is not None and place.city == 'Berlin', place
print(SOURCE)"""


def check_landlock() -> Diagnosis:
    """The kernel can confine our helpers to reading."""
    libc = ctypes.CDLL(None, use_errno=True)
    abi = libc.syscall(_SYS_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_VERSION_FLAG)
    if abi < 1:
        hint = "Helpers still never write, but the kernel does not enforce it (Linux 5.13 with lsm=landlock does)."
        return Diagnosis("landlock", "warn", os.strerror(ctypes.get_errno()), hint)
    from vfs.confine import what_landlock_lacks

    lacks = what_landlock_lacks(abi)
    if lacks:
        hint = "Other locks (seccomp, descriptors opened for reading) hold; a newer kernel enforces it twice."
        return Diagnosis("landlock", "warn", f"ABI {abi}: {'; '.join(lacks)}", hint)
    return Diagnosis("landlock", "ok", f"ABI {abi}")


def check_seccomp() -> Diagnosis:
    """The kernel can forbid system calls."""
    if not os.path.exists("/proc/sys/kernel/seccomp/actions_avail"):
        hint = "Media readers run with fewer restraints."
        return Diagnosis("seccomp", "warn", "the kernel has no seccomp filters", hint)
    return Diagnosis("seccomp", "ok", "filters can be installed")


def inotify_limit(name: str) -> int | None:
    """Return a limit of inotify for this user, by the name of its sysctl; None without inotify."""
    try:
        return int(Path("/proc/sys/fs/inotify", name).read_text())
    except (OSError, ValueError):
        return None


def check_inotify() -> Diagnosis:
    """There are watches enough to hear of new photos at once; what a library needs is compared with its directories."""
    least = {
        "max_user_watches": (_WATCHES_WARN, _WATCHES_WARN * 8),
        "max_user_instances": (FEWEST_INSTANCES, FEWEST_INSTANCES * 4),
        "max_queued_events": (FEWEST_QUEUED, FEWEST_QUEUED * 4),
    }
    found = {name: inotify_limit(name) for name in least}
    if found["max_user_watches"] is None:
        return Diagnosis("inotify", "warn", "not available", "New photos are found by the periodic look.")
    told = ", ".join(f"{number} {name.rpartition('_')[2]}" for name, number in found.items())
    low = [name for name, number in found.items() if number is not None and number < least[name][0]]
    if low:
        ways = "; ".join(f"sysctl fs.inotify.{name}={least[name][1]}" for name in low)
        return Diagnosis("inotify", "warn", told, f"{ways}; beyond it the periodic look finds new photos.")
    return Diagnosis("inotify", "ok", told)


def check_fanotify() -> Diagnosis:
    """Tell whether one mark per file system serves instead of a watch per directory."""
    if can_use_fanotify():
        return Diagnosis("fanotify", "ok", "can be used: a million files need no watches")
    return Diagnosis(
        "fanotify", "ok", "needs CAP_SYS_ADMIN and Linux 5.17; inotify does it, with a watch per directory"
    )


def can_use_fanotify() -> bool:
    """Whether this user may mark file systems, by asking the kernel."""
    if not _has_capability(_CAP_SYS_ADMIN):
        return False
    fd = ctypes.CDLL(None, use_errno=True).fanotify_init(_FANOTIFY_FLAGS, os.O_RDONLY | os.O_CLOEXEC)
    if fd < 0:
        return False
    os.close(fd)
    return True


def _has_capability(number: int) -> bool:
    for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False


def check_open_files() -> Diagnosis:
    """The limit of open files leaves room for readers."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _FILES_WARN:
        return Diagnosis(
            "open files", "warn", f"limit {soft}", f"ulimit -n {_FILES_WARN} or more (hard limit: {hard})."
        )
    return Diagnosis("open files", "ok", "unlimited" if soft == resource.RLIM_INFINITY else f"limit {soft}")


def check_clock() -> Diagnosis:
    """The clock is not obviously wrong."""
    now_s = time.time()
    shown = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s))
    if now_s < _CLOCK_FLOOR_S:
        return Diagnosis("clock", "fail", f"{shown} is before this program was written", "Set the clock.")
    return Diagnosis("clock", "ok", shown)


MACHINE_CHECKS: tuple[Callable[[], Diagnosis], ...] = (
    check_sqlite,
    check_fuse,
    check_fusermount,
    check_allow_other,
    check_exiftool,
    check_ffmpeg,
    check_heif,
    check_raw,
    check_places,
    check_landlock,
    check_seccomp,
    check_inotify,
    check_fanotify,
    check_open_files,
    check_clock,
)


def _output_of(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TOOL_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
