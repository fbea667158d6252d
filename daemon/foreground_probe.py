"""A probe without a daemon: the writer and the volume processes, nothing else. Holds the library lock meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.library import Library
from catalog.values import Volume
from daemon.config import Config
from daemon.foreground import Foreground, run_in_foreground
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

    async def work(foreground: Foreground[list[Volume]]) -> None:
        async with open_volumes_alone(library, config, spare=spare) as volumes:
            foreground.ready()
            foreground.result = await probe_volumes(volumes, name)

    return run_in_foreground(library, "probe", work, interrupted="the probe was interrupted")
