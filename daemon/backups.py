"""The daily backup: when it is due, made in a thread beside the writer; and how long ago the last good one was.

The schedule is the time of the newest good backup itself, so a restart neither forgets nor repeats one. A failure is
a warning in the log and in `status`, and is tried again within the hour; an older backup is never given for it. Must
not know: how a backup is made (`catalog.store.backup`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from catalog.errors import GlassineError
from catalog.library import Library
from catalog.store import backup
from daemon.config import BackupSection

log = logging.getLogger(__name__)

_S_PER_H = 3_600
_NS_PER_S = 10**9
# A library that was just opened has better things to do; and the first scan of a new one changes everything.
FIRST_LOOK_S = 300.0
# Looked at this often: a clock that jumps, or a machine that slept, delays a backup by no more.
LOOK_S = 600.0
# After a failure: a full disk is not fuller for being tried every hour.
RETRY_S = 3_600.0
# An answer of `status` that names a lateness of half an interval would cry wolf after every night.
_LATE_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class BackupState:
    """What `status` and `doctor` say: `trouble` is one sentence, or None."""

    directory: Path
    last_ns: int | None
    trouble: str | None


class Backups:
    """Owned by `open_backups`."""

    def __init__(self, library: Library, settings: BackupSection) -> None:
        self._library = library
        self._settings = settings
        self.directory = directory_of(library, settings)
        self.failure: str | None = None

    async def run(self) -> None:
        """Make backups when they are due, for ever. Checkpoint."""
        await trio.sleep(FIRST_LOOK_S)
        while True:
            wait_s = LOOK_S
            if await trio.to_thread.run_sync(self._is_due):
                wait_s = LOOK_S if await self.make() else RETRY_S
            await trio.sleep(wait_s)

    async def make(self) -> bool:
        """Make one now and remove what is too old; return whether it worked. Checkpoint; the thread is awaited."""
        try:
            made, removed = await trio.to_thread.run_sync(self._make)
        except (GlassineError, OSError) as error:
            self.failure = error.message if isinstance(error, GlassineError) else str(error)
            log.warning("no backup was made: %s", self.failure)
            return False
        self.failure = None
        log.info("backup %s (%d bytes), %d older ones removed", made.path, made.size, len(removed))
        return True

    def degraded(self) -> list[str]:
        """Say what does not work, for `status`."""
        return [] if self.failure is None else [f"backup: {self.failure}"]

    def _is_due(self) -> bool:
        last_ns = backup.newest_good_ns(self.directory)
        age_ns = None if last_ns is None else time.time_ns() - last_ns
        # A backup from the future: the clock went back, so make one that is right.
        return age_ns is None or age_ns < 0 or age_ns >= self._settings.interval_h * _S_PER_H * _NS_PER_S

    def _make(self) -> tuple[backup.BackupFile, list[Path]]:
        return backup.make_backup(
            self._library,
            self.directory,
            keep=self._settings.keep,
            max_age_ns=max_age_ns(self._settings),
            now_ns=time.time_ns(),
            heartbeat=trio.from_thread.check_cancelled,
        )


@asynccontextmanager
async def open_backups(library: Library, settings: BackupSection) -> AsyncIterator[Backups]:
    """Make backups for the length of the block; one under way at its end is dropped with its file."""
    backups = Backups(library, settings)
    async with trio.open_nursery() as nursery:
        if settings.enabled:
            nursery.start_soon(backups.run)
        yield backups
        nursery.cancel_scope.cancel()


def directory_of(library: Library, settings: BackupSection) -> Path:
    """Return where the backups of a library lie; a relative place is below the library."""
    return library.path / Path(settings.directory).expanduser() if settings.directory else library.backups_dir


def max_age_ns(settings: BackupSection) -> int:
    """Return the age at which a backup goes."""
    return settings.max_age_days * 24 * _S_PER_H * _NS_PER_S


def state_of(library: Library, settings: BackupSection, *, now_ns: int) -> BackupState:
    """Return how the backups of a library are; reads a few pages of each. Blocks."""
    directory = directory_of(library, settings)
    try:
        last_ns = backup.newest_good_ns(directory)
    except OSError as error:
        return BackupState(directory, None, f"{directory} cannot be read: {error.strerror}")
    if not settings.enabled:
        return BackupState(directory, last_ns, None)
    late_ns = _LATE_INTERVALS * settings.interval_h * _S_PER_H * _NS_PER_S
    trouble = None
    if last_ns is not None and now_ns - last_ns > late_ns:
        trouble = f"the newest good backup is {(now_ns - last_ns) // (_S_PER_H * _NS_PER_S)} hours old"
    return BackupState(directory, last_ns, trouble)
