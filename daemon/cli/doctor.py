"""`doctor`: is this machine fit for a library? Each check is one small function that says ok, warn or fail.

`fail` means that something would not work or would endanger the catalog (exit 1); `warn` that something is
missing which the user may not need. `--fix` mends what needs no root and cannot hurt. Decoders are tried in a
process of their own: nothing here parses media.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from catalog.errors import EXIT_ERROR, EXIT_OK, GlassineError, NoLibrary
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.library import Library

State = Literal["ok", "warn", "fail"]

SQLITE_FIXED = (3, 51, 3)  # first release without the WAL-reset bug (reliability notes, 0.6)
_FREE_WARN_BYTES = 2 << 30
_FREE_FAIL_BYTES = 100 << 20  # less than one checkpoint of a large catalog may need
_WATCHES_WARN = 65_536  # one watch per directory; libraries of 10,000 directories and more exist
_FILES_WARN = 1_024
_TOOL_LIMIT_S = 20.0
_NETWORK_TYPES = (
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "afs",
    "ceph",
    "9p",
    "fuse.sshfs",
    "fuse.rclone",
    "ncpfs",
)
_PAIRS_TOLD = 20  # ambiguous pairs: who stacks these sees the next ones
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


@click.command()
@click.option("--fix", is_flag=True, help="Mend what needs no root and cannot hurt.")
@click.pass_obj
def doctor(session: Session, fix: bool) -> int:
    """Check the environment: FUSE, tools, decoders, kernel, catalog engine, space, clock.

    Exit code 1 if any check fails; a warning is no failure. Works without a library too.
    """
    diagnoses = list(_examine(session, is_fixing=fix))
    failed = [diagnosis.name for diagnosis in diagnoses if diagnosis.state == "fail"]
    data = {"healthy": not failed, "checks": [asdict(diagnosis) for diagnosis in diagnoses]}
    error = None
    if failed:
        error = GlassineError(f"failed: {', '.join(failed)}", hint="Each failed check says what to do.")
    session.output.document(data, _lines(diagnoses), error=error)
    return EXIT_ERROR if failed else EXIT_OK


def _lines(diagnoses: list[Diagnosis]) -> Iterator[str]:
    for diagnosis in diagnoses:
        mark = "fixed" if diagnosis.fixed else diagnosis.state
        yield f"{mark:<5} {diagnosis.name}: {diagnosis.message}"
        if diagnosis.hint and diagnosis.state != "ok":
            yield f"      {diagnosis.hint}"


def _examine(session: Session, *, is_fixing: bool) -> Iterator[Diagnosis]:
    for check in MACHINE_CHECKS:
        yield check()
    try:
        library = session.library()
    except NoLibrary as error:
        yield Diagnosis("library", "warn", error.message, error.hint)
        return
    yield Diagnosis("library", "ok", str(library.path))
    for check_library in LIBRARY_CHECKS:
        yield check_library(library, is_fixing)


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


def check_heif() -> Diagnosis:
    """The HEIF decoder loads."""
    return _decoder("heif", "import pillow_heif; print('libheif', pillow_heif.libheif_version())")


def check_raw() -> Diagnosis:
    """The RAW decoder loads."""
    return _decoder("raw", "import rawpy; print('libraw', '.'.join(map(str, rawpy.libraw_version)))")


def _decoder(name: str, program: str) -> Diagnosis:
    said = _output_of([sys.executable, "-c", program])
    if said is None:
        return Diagnosis(name, "warn", "the decoder cannot be loaded", "Reinstall with ./run --setup.")
    return Diagnosis(name, "ok", said)


def check_landlock() -> Diagnosis:
    """The kernel can confine our helpers to reading."""
    libc = ctypes.CDLL(None, use_errno=True)
    abi = libc.syscall(_SYS_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_VERSION_FLAG)
    if abi < 1:
        hint = "Helpers still never write, but the kernel does not enforce it (Linux 5.13 with lsm=landlock does)."
        return Diagnosis("landlock", "warn", os.strerror(ctypes.get_errno()), hint)
    return Diagnosis("landlock", "ok", f"ABI {abi}")


def check_seccomp() -> Diagnosis:
    """The kernel can forbid system calls."""
    if not os.path.exists("/proc/sys/kernel/seccomp/actions_avail"):
        hint = "Media readers run with fewer restraints."
        return Diagnosis("seccomp", "warn", "the kernel has no seccomp filters", hint)
    return Diagnosis("seccomp", "ok", "filters can be installed")


def check_inotify() -> Diagnosis:
    """There are watches enough to hear of new photos at once."""
    try:
        watches = int(Path("/proc/sys/fs/inotify/max_user_watches").read_text())
    except (OSError, ValueError):
        return Diagnosis("inotify", "warn", "not available", "New photos are found by the periodic look.")
    if watches < _WATCHES_WARN:
        hint = f"sysctl fs.inotify.max_user_watches={_WATCHES_WARN * 8}; beyond it the periodic look finds new photos."
        return Diagnosis("inotify", "warn", f"{watches} watches", hint)
    return Diagnosis("inotify", "ok", f"{watches} watches")


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


def check_config(library: Library, is_fixing: bool) -> Diagnosis:
    """config.toml and the environment are valid."""
    from daemon.config import load_config

    try:
        load_config(library)
    except GlassineError as error:
        return Diagnosis("config", "fail", error.message, error.hint)
    return Diagnosis("config", "ok", "valid")


def check_state_private(library: Library, is_fixing: bool) -> Diagnosis:
    """Nobody else can read or write the control socket's directory."""
    state_dir = library.state_dir
    if not state_dir.is_dir():
        if not is_fixing:
            return Diagnosis(
                "state", "warn", f"{state_dir} is missing", "It is made at the next start, or by --fix."
            )
        state_dir.mkdir(mode=0o700, parents=True)
        return Diagnosis("state", "ok", f"{state_dir} made", fixed=True)
    mode = state_dir.stat().st_mode & 0o777
    if mode & 0o022 and is_fixing:
        state_dir.chmod(0o700)
        return Diagnosis("state", "ok", f"{state_dir} made private", fixed=True)
    if mode & 0o022:
        return Diagnosis(
            "state", "fail", f"{state_dir} can be written by others", "chmod 700, or doctor --fix."
        )
    return Diagnosis("state", "ok", str(state_dir))


def check_network_state(library: Library, is_fixing: bool) -> Diagnosis:
    """The catalog lies on a local disk."""
    kind = file_system_type(library.path)
    if kind in _NETWORK_TYPES:
        hint = "SQLite's WAL needs one machine's shared memory: move the library to a local disk (originals may stay)."
        return Diagnosis("library disk", "fail", f"the catalog lies on a network file system ({kind})", hint)
    return Diagnosis("library disk", "ok", kind)


def check_space(library: Library, is_fixing: bool) -> Diagnosis:
    """There is room for the catalog to grow."""
    free = shutil.disk_usage(library.path).free
    state: State = "fail" if free < _FREE_FAIL_BYTES else "warn" if free < _FREE_WARN_BYTES else "ok"
    hint = None if state == "ok" else "A million photos need about 2 GB of catalog."
    return Diagnosis("free space", state, f"{free >> 20} MiB free", hint)


def check_stale_processes(library: Library, is_fixing: bool) -> Diagnosis:
    """No process left its entry behind."""
    from daemon import processes

    if is_fixing:
        swept = processes.sweep(library.processes_dir)
        return Diagnosis("processes", "ok", f"{len(swept)} stale entries removed", fixed=bool(swept))
    names = [f"{record.kind} {record.pid}" for record in processes.running(library.processes_dir)]
    return Diagnosis("processes", "ok", ", ".join(names) or "none running")


def check_volumes(library: Library, is_fixing: bool) -> Diagnosis:
    """Every volume can be reached."""
    from catalog.store import volumes
    from catalog.store.db import open_reader

    reader = open_reader(library)
    try:
        all_volumes = volumes.volumes(reader)
    finally:
        reader.close()
    away = [
        f"{volume.name} {volume.state}" for volume in all_volumes if volume.state in ("suspect", "offline")
    ]
    if away:
        return Diagnosis("volumes", "warn", ", ".join(away), '"glassine volume show NAME" tells why.')
    return Diagnosis("volumes", "ok", f"{len(all_volumes)} known")


def check_backups(library: Library, is_fixing: bool) -> Diagnosis:
    """There is a backup of the catalog, and it is not old."""
    from daemon.backups import state_of
    from daemon.cli.output import instant
    from daemon.config import load_config

    try:
        settings = load_config(library).backup
    except GlassineError:
        return Diagnosis("backup", "warn", "unknown: the configuration is not valid")
    state = state_of(library, settings, now_ns=time.time_ns())
    if state.trouble is not None:
        return Diagnosis(
            "backup", "warn", state.trouble, '"glassine backup" makes one; see the daemon\'s log.'
        )
    if state.last_ns is None and not settings.enabled:
        return Diagnosis("backup", "warn", "there is none", "backup.enabled is off; use glassine backup.")
    message = "none yet: the daemon makes one" if state.last_ns is None else f"{instant(state.last_ns)}"
    return Diagnosis("backup", "ok", message)


def check_stacks(library: Library, is_fixing: bool) -> Diagnosis:
    """No pair was left apart because more than one file could be the partner."""
    from itertools import islice

    from catalog.store.db import open_reader
    from catalog.store.stack_leftovers import leftovers
    from daemon.cli.output import readable

    reader = open_reader(library)
    try:
        found = list(islice(leftovers(reader), _PAIRS_TOLD + 1))
    finally:
        reader.close()
    if not found:
        return Diagnosis("stacks", "ok", "no ambiguous pair")
    told = [f"{readable(one.paths[0])} + {readable(one.paths[1])}" for one in found[:_PAIRS_TOLD]]
    told += ["…"] if len(found) > _PAIRS_TOLD else []
    hint = 'More than one could be the partner, so none was taken: "glassine stack make PHOTO PHOTO" stacks what belongs together.'
    return Diagnosis("stacks", "warn", f"left apart: {', '.join(told)}", hint)


MACHINE_CHECKS: tuple[Callable[[], Diagnosis], ...] = (
    check_sqlite,
    check_fuse,
    check_fusermount,
    check_allow_other,
    check_exiftool,
    check_heif,
    check_raw,
    check_landlock,
    check_seccomp,
    check_inotify,
    check_open_files,
    check_clock,
)
LIBRARY_CHECKS: tuple[Callable[[Library, bool], Diagnosis], ...] = (
    check_config,
    check_state_private,
    check_network_state,
    check_space,
    check_stale_processes,
    check_volumes,
    check_backups,
    check_stacks,
)


def file_system_type(path: Path) -> str:
    """Return the type of the file system that holds a path, from the mount table; no stat of the mount itself."""
    place = os.path.realpath(path)
    best, kind = "", "unknown"
    for line in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines():
        head, _, tail = line.partition(" - ")
        mounted = head.split()[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
        if (place == mounted or place.startswith(mounted.rstrip("/") + "/")) and len(mounted) >= len(best):
            best, kind = mounted, tail.split()[0]
    return kind


def _output_of(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TOOL_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
