"""A purge without a daemon: the same services, and the control socket for edits meanwhile.

Holds the library lock while it runs. Must not know: how lines are shown.
"""

from __future__ import annotations

from collections.abc import Callable

from catalog.library import Library
from daemon.config import Config
from daemon.control import open_control
from daemon.foreground import Foreground, foreground_requests, run_in_foreground, telling
from daemon.purge.request import Line, purge_for
from daemon.services import open_services


def purge_in_foreground(
    library: Library, config: Config, argument: object, on_line: Callable[[Line], None]
) -> Line:
    """Purge and return what `purge_for` returns. Main thread; blocks until every file was looked at.

    Raises:
        LibraryLocked: another process holds the library.
        Interrupted: a signal, or `glassine down`; what was purged is noted, the rest is untouched.
    """

    async def work(foreground: Foreground[Line]) -> None:
        async with (
            open_services(library, config) as services,
            open_control(
                library.socket_path,
                foreground_requests(services, foreground.stop, is_scanning=False),
                clients=config.limits.writers,
            ),
        ):
            foreground.ready()
            foreground.result = await purge_for(services.purger, argument, telling(on_line))

    return run_in_foreground(
        library,
        "purge",
        work,
        interrupted="the purge was interrupted; what it had not come to is untouched",
    )
