"""A purge without a daemon: the same services, and the control socket for edits meanwhile.

Holds the library lock while it runs. Must not know: how lines are shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from catalog.errors import Interrupted
from catalog.library import Library, LibraryLock
from daemon import processes
from daemon.config import Config
from daemon.control import Handler, Send, open_control
from daemon.endings import first_error, open_signals
from daemon.purge.request import Line, purge_for
from daemon.services import Services, edit, open_services


def purge_in_foreground(
    library: Library, config: Config, argument: object, on_line: Callable[[Line], None]
) -> Line:
    """Purge and return what `purge_for` returns. Main thread; blocks until every file was looked at.

    Raises:
        LibraryLocked: another process holds the library.
        Interrupted: a signal, or `glassine down`; what was purged is noted, the rest is untouched.
    """
    try:
        return trio.run(_run, library, config, argument, on_line)
    except BaseExceptionGroup as group:
        raise first_error(group) from group


async def _run(library: Library, config: Config, argument: object, on_line: Callable[[Line], None]) -> Line:
    result: Line | None = None

    async def tell(line: Line) -> None:
        on_line(line)
        await trio.lowlevel.checkpoint()

    with (
        LibraryLock(library),
        processes.register(library.processes_dir, "purge") as entry,
        trio.CancelScope() as work,
    ):
        async with (
            open_signals(work.cancel),
            open_services(library, config) as services,
            open_control(
                library.socket_path, _handlers(services, work.cancel), clients=config.limits.writers
            ),
        ):
            entry.update("ready")
            result = await purge_for(services.purger, argument, tell)
    if result is None:
        raise Interrupted("the purge was interrupted; what it had not come to is untouched")
    return result


def _handlers(services: Services, stop: Callable[[], None]) -> dict[str, Handler]:
    async def take_edit(argument: Any, send: Send) -> dict[str, Any]:
        return await edit(services, argument, send)

    async def tell_status(argument: Any, send: Send) -> dict[str, Any]:
        return {"ready": False, "scanning": False, "processes": services.processes(), "degraded": []}

    async def shut_down(argument: Any, send: Send) -> dict[str, Any]:
        stop()
        return {}

    return {"edit": take_edit, "status": tell_status, "shutdown": shut_down}
