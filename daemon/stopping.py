"""`glassine down`: end every process of a library, politely first, and leave nothing mounted.

Blocking. Must not know: what the processes do. Invariants: it ends in seconds, whatever hangs; nothing that
belongs to another library is touched, for only holders of locks in this library's registry are.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from catalog.errors import DaemonNotRunning, GlassineError, LibraryLocked
from catalog.library import Library
from daemon import processes
from daemon.processes import ProcessRecord
from daemon.requests import ask
from vfs import mounting

log = logging.getLogger(__name__)

# The daemon needs up to three seconds when something hangs; the rest is for those started by hand.
_DAEMON_S = 4.0
_OTHERS_S = 2.5
_KILL_S = 1.0
_SHUTDOWN_ANSWER_S = 2.0


def stop_all(library: Library) -> list[ProcessRecord]:
    """End the daemon, then whatever else runs for the library; return what was running, oldest first."""
    found = processes.running(library.processes_dir)
    with contextlib.ExitStack() as descriptors:
        pidfds = {
            record.pid: pidfd for record in found if (pidfd := _opened(record.pid, descriptors)) is not None
        }
        daemons = [record for record in found if record.kind == "daemon"]
        for record in daemons:
            _ask_daemon(library, record)
        _wait_or_kill(daemons, pidfds, _DAEMON_S)
        # Frontends that a killed daemon left behind, or that were started by hand, are among these.
        others = [
            record for record in found if record.kind != "daemon" and not _has_ended(pidfds, record.pid, 0)
        ]
        for record in others:
            processes.signal_process(record, signal.SIGTERM)
        _wait_or_kill(others, pidfds, _OTHERS_S)
    for record in [*found, *processes.sweep(library.processes_dir)]:
        _detach(record)
    return found


def _opened(pid: int, descriptors: contextlib.ExitStack) -> int | None:
    """Return a descriptor of the process, closed with the stack: a pid may be used again, this may not."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    descriptors.callback(os.close, pidfd)
    return pidfd


def _has_ended(pidfds: Mapping[int, int], pid: int, limit_s: float) -> bool:
    """Wait for the end of a process itself, not only of its lock; return whether it has come."""
    return pid not in pidfds or bool(select.select([pidfds[pid]], [], [], max(0.0, limit_s))[0])


def _ask_daemon(library: Library, record: ProcessRecord) -> None:
    try:
        ask(library, "shutdown", timeout_s=_SHUTDOWN_ANSWER_S)
    except (DaemonNotRunning, LibraryLocked) as error:
        # Starting, stopping or stuck: a signal reaches it in all three.
        log.debug("the daemon did not take the request: %s", error.message)
        processes.signal_process(record, signal.SIGTERM)


def _wait_or_kill(records: Sequence[ProcessRecord], pidfds: Mapping[int, int], limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    for record in records:
        if not _has_ended(pidfds, record.pid, deadline - time.monotonic()):
            log.warning("%s (pid %d) did not end in time and is killed", record.kind, record.pid)
            _kill(record.pid)
            _has_ended(pidfds, record.pid, _KILL_S)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        # Its whole group if it leads one; a process started by hand in a shell's group goes alone.
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)


def _detach(record: ProcessRecord) -> None:
    mountpoint = record.details.get("mountpoint")
    if not isinstance(mountpoint, str) or mounting.mount_type(Path(mountpoint)) != mounting.FS_TYPE:
        return
    try:
        mounting.unmount(Path(mountpoint), is_lazy=True, is_forced=True)
    except GlassineError as error:
        log.warning("%s", error.message)
