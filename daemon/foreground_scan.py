"""A scan without a daemon: the same services, the control socket for edits meanwhile, and an end when all is read.

Holds the library lock while it runs. Must not know: how lines are shown.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import trio

from catalog.errors import Interrupted
from catalog.library import Library, LibraryLock
from daemon import processes
from daemon.config import Config
from daemon.control import Handler, Send, open_control
from daemon.endings import first_error, open_signals
from daemon.missing import Missing
from daemon.probe_request import probe_for
from daemon.scan_request import Line, scan_for
from daemon.services import Services, edit, open_services
from daemon.verify_request import is_verification, verify_for
from daemon.volume_process.starting import SpareChild


def scan_in_foreground(
    library: Library,
    config: Config,
    argument: object,
    on_line: Callable[[Line], None],
    *,
    spare: SpareChild | None = None,
) -> Line:
    """Scan and return what `scan_for` returns. Main thread; blocks until rows, facts and hashes are there.

    Args:
        argument: as the control socket takes it.
        on_line: gets the lines of progress and errors.
        spare: a volume process that was started ahead of time.

    Raises:
        LibraryLocked: another process holds the library.
        Interrupted: a signal, or `glassine down`; what was read is kept.
        NotFound: an unknown volume.
    """
    try:
        return trio.run(_run, library, config, argument, on_line, spare)
    except BaseExceptionGroup as group:
        raise first_error(group) from group


async def _run(
    library: Library,
    config: Config,
    argument: object,
    on_line: Callable[[Line], None],
    spare: SpareChild | None,
) -> Line:
    result: Line | None = None
    with (
        LibraryLock(library),
        processes.register(library.processes_dir, "scan") as entry,
        trio.CancelScope() as work,
    ):
        async with (
            open_signals(work.cancel),
            open_services(library, config, spare=spare) as services,
            open_control(
                library.socket_path, _handlers(services, work.cancel), clients=config.limits.writers
            ),
        ):
            entry.update("ready")
            await Missing(services.writer, services.scan.volumes, config.scan).sweep()
            if is_verification(argument):
                result = await verify_for(services.verifier, argument, _async(on_line))
            else:
                result = await scan_for(services.scan, argument, _async(on_line))
    if result is None:
        raise Interrupted("the scan was interrupted; the next one goes on where it ended")
    return result


def _handlers(services: Services, stop: Callable[[], None]) -> dict[str, Handler]:
    async def take_edit(argument: Any, send: Send) -> dict[str, Any]:
        answer = await edit(services, argument, send)
        await services.scan.volumes.stop_unused()  # in a daemon its watch does so
        return answer

    async def tell_status(argument: Any, send: Send) -> dict[str, Any]:
        return {"ready": False, "scanning": True, "processes": services.processes(), "degraded": []}

    async def take_scan(argument: Any, send: Send) -> dict[str, Any]:
        return await scan_for(services.scan, argument, send)

    async def take_verification(argument: Any, send: Send) -> dict[str, Any]:
        return await verify_for(services.verifier, argument, send)

    async def take_probe(argument: Any, send: Send) -> dict[str, Any]:
        return await probe_for(services.scan.volumes, argument)

    async def shut_down(argument: Any, send: Send) -> dict[str, Any]:
        stop()
        return {}

    return {
        "edit": take_edit,
        "status": tell_status,
        "scan": take_scan,
        "verify": take_verification,
        "shutdown": shut_down,
    }


def _async(on_line: Callable[[Line], None]) -> Callable[[Line], Any]:
    async def tell(line: Line) -> None:
        on_line(line)
        await trio.lowlevel.checkpoint()

    return partial(tell)
