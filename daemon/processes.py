"""Who runs for a library: one small file per process in `state/processes`, held by flock.

A process is alive exactly while its lock is held: the kernel lets go of it when the process ends, however it
ends, so a crash leaves at most a stale file and never a wrong answer. Must not know: what the processes do.

Invariants
- A record is one write of `_RECORD_BYTES` at offset 0, so that a reader never sees half of one.
- The lock descriptor is close-on-exec: a child never keeps its parent "alive".
- Only `sweep` removes stale files, under their lock; `register` never ends up on a file that was removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_RECORD_BYTES = 4096  # one page: a write of it is seen whole or not at all


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """One living (or just died) process of a library.

    Attributes:
        kind: daemon, mount, dav, scan, purge or probe.
        health: starting, ready or stopping; or dead for a stale record.
        since_ns: when it started, wall clock.
        details: by kind: `mountpoint` of a mount, `url` of dav, `supervised_by` (a pid) when the daemon started it.
    """

    kind: str
    pid: int
    health: str
    since_ns: int
    details: dict[str, str | int | None] = field(default_factory=dict)


class Registration:
    """Our own entry; lives as long as the `with` block of `register`."""

    def __init__(self, fd: int, record: ProcessRecord) -> None:
        self._fd = fd
        self._record = record

    def update(self, health: str, **details: str | int | None) -> None:
        """Tell everybody how we are. Further details are merged into the earlier ones."""
        merged = {**self._record.details, **details}
        self._record = ProcessRecord(
            self._record.kind, self._record.pid, health, self._record.since_ns, merged
        )
        _write_record(self._fd, self._record)


@contextlib.contextmanager
def register(folder: Path, kind: str, **details: str | int | None) -> Iterator[Registration]:
    """Enter ourselves as `starting`; the entry goes when the block ends, or when the process does."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{kind}-{os.getpid()}.json"
    fd = _open_locked(path)
    try:
        record = ProcessRecord(kind, os.getpid(), "starting", time.time_ns(), dict(details))
        _write_record(fd, record)
        yield Registration(fd, record)
    finally:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        os.close(fd)


def running(folder: Path) -> list[ProcessRecord]:
    """Return the living processes, oldest first, and sweep away what dead ones left."""
    return [record for record, is_alive in _survey(folder) if is_alive]


def sweep(folder: Path) -> list[ProcessRecord]:
    """Remove the entries of processes that died without a farewell, and return them."""
    return [record for record, is_alive in _survey(folder, remove_stale=True) if not is_alive]


def signal_process(record: ProcessRecord, number: signal.Signals) -> None:
    """Send a signal to the process of a living record; nothing happens if it is gone by now."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(record.pid, number)


def _survey(folder: Path, *, remove_stale: bool = False) -> list[tuple[ProcessRecord, bool]]:
    found = []
    for path in folder.glob("*.json"):
        with contextlib.suppress(FileNotFoundError):
            entry = _look_at(path, remove_stale=remove_stale)
            if entry is not None:
                found.append(entry)
    return sorted(found, key=lambda entry: (entry[0].since_ns, entry[0].pid))


def _look_at(path: Path, *, remove_stale: bool) -> tuple[ProcessRecord, bool] | None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        is_alive = False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            is_alive = True
        record = _read_record(fd)
        if not is_alive and remove_stale:
            path.unlink()
        return None if record is None else (record, is_alive)
    finally:
        os.close(fd)


def _open_locked(path: Path) -> int:
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # A sweep may hold the lock of a stale file of a recycled pid for a moment, and remove the file.
        fcntl.flock(fd, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(fd), path.stat()):
                return fd
        os.close(fd)


def _write_record(fd: int, record: ProcessRecord) -> None:
    text = json.dumps(
        {
            "kind": record.kind,
            "pid": record.pid,
            "health": record.health,
            "since_ns": record.since_ns,
            "details": record.details,
        },
        # Escapes keep surrogates of undecodable paths representable.
        ensure_ascii=True,
    )
    assert len(text) < _RECORD_BYTES, "a process record must fit in one page"
    os.pwrite(fd, text.ljust(_RECORD_BYTES - 1).encode("ascii") + b"\n", 0)


def _read_record(fd: int) -> ProcessRecord | None:
    raw = os.pread(fd, _RECORD_BYTES, 0)
    if not raw:
        return None  # Race: created, not written yet; the next look sees it.
    document = json.loads(raw)
    return ProcessRecord(
        kind=document["kind"],
        pid=document["pid"],
        health=document["health"],
        since_ns=document["since_ns"],
        details=document["details"],
    )
