"""`doctor`: is this machine fit for a library? Each check is one small function that says ok, warn or fail.

`fail` means that something would not work or would endanger the catalog (exit 1); `warn` that something is
missing which the user may not need. `--fix` mends what needs no root and cannot hurt. Decoders are tried in a
process of their own: nothing here parses media.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog.errors import EXIT_ERROR, EXIT_OK, GlassineError, NoLibrary
from daemon.cli.doctor_machine import MACHINE_CHECKS, Diagnosis, State
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.library import Library


_FREE_WARN_BYTES = 2 << 30
_FREE_FAIL_BYTES = 100 << 20  # less than one checkpoint of a large catalog may need
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


@click.command()
@click.option("--fix", is_flag=True, help="Mend what needs no root and cannot hurt.")
@click.pass_obj
def doctor(session: Session, fix: bool) -> int:
    """Check the environment: FUSE, tools, decoders, kernel, catalog engine, space, clock, volumes and their file systems.

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
    yield from _examine_volumes(library)


def _examine_volumes(library: Library) -> Iterator[Diagnosis]:
    from catalog.store import standing, volumes
    from catalog.store.db import open_reader
    from daemon.cli.doctor_volumes import LIBRARY_WIDE, Known, volume_diagnoses
    from daemon.config import ScanSection, load_config

    try:
        scan = load_config(library).scan
    except GlassineError:  # told by check_config
        scan = ScanSection()
    reader = open_reader(library)
    try:
        known = Known(
            volumes=volumes.volumes(reader),
            standings={int(key): value for key, value in standing.standings(reader).items()},
            directories=standing.directory_count(reader),
            newest_ns=standing.newest_known_ns(reader),
            scan=scan,
        )
    finally:
        reader.close()
    for check in LIBRARY_WIDE:
        yield check(known)
    yield from volume_diagnoses(known)


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


_SIDECARS_TOLD = 3  # of them by name: one line is for reading


def check_sidecars(library: Library, is_fixing: bool) -> Diagnosis:
    """Every sidecar of another program was read, is about a photo, and is contradicted by none."""
    from catalog.store.db import open_reader
    from catalog.store.explain_sidecars import trouble
    from daemon.cli.output import printable

    reader = open_reader(library)
    try:
        found = trouble(reader)
    finally:
        reader.close()
    if not found.told:
        return Diagnosis("sidecars", "ok", "none is unread, about nobody, or contradicted")
    counts = f"{found.failed} unreadable, {found.unbound} about no known photo, {found.overruled} contradicted by another"
    named = [printable(one) for one in found.told[:_SIDECARS_TOLD]]
    more = found.failed + found.unbound + found.overruled - len(named)
    told = "; ".join(named) + (f"; and {more} more" if more else "")
    return Diagnosis("sidecars", "warn", f"{counts}: {told}", "glassine why sidecar PATH tells the rest.")


LIBRARY_CHECKS: tuple[Callable[[Library, bool], Diagnosis], ...] = (
    check_config,
    check_state_private,
    check_network_state,
    check_space,
    check_stale_processes,
    check_volumes,
    check_backups,
    check_stacks,
    check_sidecars,
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
