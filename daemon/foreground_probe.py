"""A probe without a daemon: the writer and the volume processes, nothing else. Holds the library lock meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from catalog.errors import Interrupted
from catalog.library import Library, LibraryLock
from catalog.values import Volume
from daemon import processes
from daemon.config import Config
from daemon.endings import first_error, open_signals
from daemon.probe_request import probe_volumes
from daemon.services import open_volumes_alone

if TYPE_CHECKING:
    from daemon.volume_process.starting import SpareChild


def probe_in_foreground(
    library: Library, config: Config, name: str | None, *, spare: SpareChild | None = None
) -> list[Volume]:
    """Probe one volume, or all (None), and return them as they are then. Main thread; blocks until they answer or hang.

    Raises:
        LibraryLocked: another process holds the library.
        Interrupted: a signal, or `glassine down`.
        NotFound: an unknown volume.
    """
    try:
        return trio.run(_run, library, config, name, spare)
    except BaseExceptionGroup as group:
        raise first_error(group) from group


async def _run(library: Library, config: Config, name: str | None, spare: SpareChild | None) -> list[Volume]:
    result: list[Volume] | None = None
    with (
        LibraryLock(library),
        processes.register(library.processes_dir, "probe") as entry,
        trio.CancelScope() as work,
    ):
        async with (
            open_signals(work.cancel),
            open_volumes_alone(library, config, spare=spare) as volumes,
        ):
            entry.update("ready")
            result = await probe_volumes(volumes, name)
    if result is None:
        raise Interrupted("the probe was interrupted")
    return result
