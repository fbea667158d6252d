"""The daemon: its services nested in one function. Top to bottom is the order of starting, bottom to top of ending.

Owns the library lock for its whole life, so it is the one writer. Must not know: how any service works.

Invariants
- When `run` returns, every child has ended, nothing of ours is mounted, and the lock is free.
- From the wish to end to the end it takes `_END_S` at most, whatever hangs: then the process leaves, and the kernel
  ends the children that asked for it (PR_SET_PDEATHSIG).
- The registry says `ready` when every frontend was up, or has failed once.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import trio

from catalog.errors import EXIT_OK
from catalog.library import Library, LibraryLock
from daemon import processes
from daemon.backups import Backups, open_backups
from daemon.config import Config
from daemon.control import Handler, Send, open_control
from daemon.endings import first_error, open_signals
from daemon.maintenance import open_maintenance
from daemon.previews import Previews, open_previews
from daemon.probe_request import probe_for
from daemon.purge.request import purge_for
from daemon.scan_request import scan_for
from daemon.seeding import Seeder, open_seeding
from daemon.services import Services, edit, open_services
from daemon.supervise import Frontend, Supervisor, open_frontends
from daemon.verify import open_verification
from daemon.verify_request import verify_for
from daemon.view_options import tree_options
from daemon.watch import Watch, open_watch
from vfs.mounting import real_mountpoint

log = logging.getLogger(__name__)

# The daemon exits within three seconds (decision 0006, 10). Frontends that hang take up to 2.6 of them (`children.TERMINATE_S`,
# `daemon.supervise`), side by side; what is left is for the rest, and what still hangs then is left behind.
_END_S = 2.9


@dataclass(frozen=True, slots=True)
class DaemonOptions:
    """How to run.

    Attributes:
        frontends_outlive_us: whether mount and WebDAV go on when this process is killed, for the next to adopt.
        frontend_arguments: common options that they are given.
        companion: a task beside the services (`./run` tells the user what is going on); its error ends the daemon.
    """

    frontends_outlive_us: bool = True
    frontend_arguments: tuple[str, ...] = ()
    companion: Callable[[Daemon], Awaitable[None]] | None = None


class Daemon:
    """What the running daemon can be asked and told."""

    def __init__(
        self,
        services: Services,
        watch: Watch,
        supervisor: Supervisor,
        backups: Backups,
        *,
        previews: Previews,
        seeder: Seeder,
        stop: trio.Event,
    ) -> None:
        self.services = services
        self._backups = backups
        self.previews = previews
        self.seeder = seeder
        self.watch = watch
        self._supervisor = supervisor
        self._stop = stop

    async def settled(self) -> None:
        """Wait until every frontend is up or has failed. Checkpoint."""
        await self._supervisor.settled()

    def degraded(self) -> list[str]:
        """Say what does not work as it should, and why, a sentence each."""
        services = self.services
        troubles = self._supervisor.degraded() + self._backups.degraded() + services.writer.degraded()
        return troubles + services.media.degraded() + self.previews.degraded()

    @property
    def is_ready(self) -> bool:
        """Whether every frontend serves."""
        return self._supervisor.is_ready

    async def is_busy(self) -> bool:
        """Tell whether a scan runs, or files are being read. Checkpoint."""
        return await self.services.is_busy()

    def stop(self) -> None:
        """Begin to end; returns at once."""
        self._stop.set()


def run(library: Library, config: Config, options: DaemonOptions, *, on_ready: Callable[[], None]) -> int:
    """Run until SIGTERM, SIGINT, SIGHUP or a shutdown request. Main thread; returns the exit code.

    Args:
        on_ready: called once, when the frontends are up or have failed.

    Raises:
        LibraryLocked: another process holds the library.
        CatalogError: the catalog cannot be opened.
    """
    try:
        trio.run(_run, library, config, options, on_ready)
    except BaseExceptionGroup as group:
        raise first_error(group) from group
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return EXIT_OK


async def _run(
    library: Library, config: Config, options: DaemonOptions, on_ready: Callable[[], None]
) -> None:
    stop = trio.Event()
    frontends = frontends_of(library, config, options.frontend_arguments)
    with LibraryLock(library), processes.register(library.processes_dir, "daemon") as entry:
        async with (
            open_signals(stop.set),
            open_services(library, config, is_daemon=True) as services,
            open_watch(services.scan) as watch,
            open_maintenance(services.purger, services.scan),
            open_verification(services.verifier),
            open_backups(library, config.backup) as backups,
            open_previews(
                library,
                services.writer,
                services.media,
                services.scan.ingest.idle_bell,
                most_bytes=config.previews.cache_most_bytes,
            ) as previews,
            open_seeding(
                library,
                tree_options(config),
                services.media,
                is_wanted=config.previews.seed_thumbnails,
            ) as seeder,
            open_frontends(library, frontends, outlive_us=options.frontends_outlive_us) as supervisor,
            open_control(
                library.socket_path,
                _handlers(
                    daemon := Daemon(
                        services, watch, supervisor, backups, previews=previews, seeder=seeder, stop=stop
                    )
                ),
                clients=config.limits.writers,
            ),
            trio.open_nursery() as nursery,
        ):
            if options.companion is not None:
                nursery.start_soon(options.companion, daemon)
            nursery.start_soon(_tell_ready, daemon, entry, on_ready)
            await stop.wait()
            log.info("ending")
            _leave_in_time()
            entry.update("stopping")
            nursery.cancel_scope.cancel()


def _leave_in_time() -> None:
    """Arm the last resort: a thread that hangs in the kernel must not keep us."""

    def leave(*_: object) -> None:
        log.error("something hangs; leaving it behind")
        os._exit(EXIT_OK)

    signal.signal(signal.SIGALRM, leave)
    signal.setitimer(signal.ITIMER_REAL, _END_S)


async def _tell_ready(daemon: Daemon, entry: processes.Registration, on_ready: Callable[[], None]) -> None:
    await daemon.settled()
    entry.update("ready")
    on_ready()


def frontends_of(library: Library, config: Config, common: tuple[str, ...]) -> list[Frontend]:
    """Return the frontends that the configuration names; a relative mount point is below the library."""
    found = []
    if config.mount.point:
        place = real_mountpoint(library.path / Path(config.mount.point).expanduser())
        found.append(Frontend("mount", (*common, "--foreground", "--", str(place)), place))
    if config.dav.enabled:
        found.append(Frontend("dav", common))
    return found


# ---- requests of the control socket


def _handlers(daemon: Daemon) -> dict[str, Handler]:
    handlers = {
        "edit": _edit,
        "status": _status,
        "scan": _scan,
        "verify": _verify,
        "purge": _purge,
        "probe": _probe,
        "wake": _wake,
        "opened": _opened,
        "shutdown": _shutdown,
    }
    return {name: partial(handler, daemon) for name, handler in handlers.items()}


async def _edit(daemon: Daemon, argument: Any, send: Send) -> dict[str, Any]:
    answer = await edit(daemon.services, argument, send)
    daemon.watch.refresh()
    return answer


async def _status(daemon: Daemon, argument: Any, send: Send) -> dict[str, Any]:
    return {
        "ready": daemon.is_ready,
        "scanning": await daemon.is_busy(),
        "processes": daemon.services.processes(),
        "watching": await daemon.watch.describe(),
        "degraded": daemon.degraded(),
    }


async def _scan(daemon: Daemon, argument: Any, send: Send) -> dict[str, Any]:
    return await scan_for(daemon.services.scan, argument, send)


async def _verify(daemon: Daemon, argument: Any, send: Send) -> dict[str, Any]:
    return await verify_for(daemon.services.verifier, argument, send)


async def _purge(daemon: Daemon, argument: Any, send: Send) -> dict[str, Any]:
    return await purge_for(daemon.services.purger, argument, send)


async def _probe(daemon: Daemon, argument: Any, send: Send) -> dict[str, Any]:
    return await probe_for(daemon.services.scan.volumes, argument)


async def _wake(daemon: Daemon, argument: Any, send: Send) -> dict[str, Any]:
    daemon.watch.refresh()
    daemon.services.scan.ingest.wake()
    return {}


async def _opened(daemon: Daemon, argument: Any, send: Send) -> dict[str, Any]:
    known = argument if isinstance(argument, dict) else {}
    daemon.seeder.opened(known.get("mountpoint"), known.get("folders"))
    return {}


async def _shutdown(daemon: Daemon, argument: Any, send: Send) -> dict[str, Any]:
    daemon.stop()
    return {}
