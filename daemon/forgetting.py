"""Sweeping up after `volume forget` where no daemon runs: the command takes the library lock and does it itself.

Beside a daemon nothing is to be done here: it is told by its bell (`daemon.missing`).
"""

from __future__ import annotations

import time

from catalog.library import Library, LibraryLock
from catalog.store.db import Writer, open_writer
from catalog.store.traces import sweep_forgotten


def sweep_alone(library: Library) -> None:
    """Take away what the rows of forgotten volumes leave; blocks until nothing is left: some 10 s per 100,000 files.

    Raises:
        LibraryLocked: a daemon or a scan holds the library, and does it.
    """
    with LibraryLock(library):
        writer = open_writer(library)
        try:
            sweep_all(writer)
        finally:
            writer.close()


def sweep_all(writer: Writer) -> None:
    """Do every step that is left; the caller holds the library lock."""
    while sweep_forgotten(writer, time.time_ns()):
        pass
