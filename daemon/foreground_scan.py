"""A scan without a daemon: the same services, the control socket for edits meanwhile, and an end when all is read.

Holds the library lock while it runs. Must not know: how lines are shown.
"""

from __future__ import annotations

from collections.abc import Callable

from catalog.library import Library
from daemon.config import Config
from daemon.control import Handler, Line, Send, open_control
from daemon.foreground import Foreground, foreground_requests, run_in_foreground, telling
from daemon.missing import Missing
from daemon.probe_request import probe_for
from daemon.scan_request import scan_for
from daemon.services import Services, open_services
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

    async def work(foreground: Foreground[Line]) -> None:
        async with (
            open_services(library, config, spare=spare) as services,
            open_control(
                library.socket_path,
                _requests(services) | foreground_requests(services, foreground.stop, is_scanning=True),
                clients=config.limits.writers,
            ),
        ):
            foreground.ready()
            await Missing(services.writer, services.scan.volumes, config.scan).sweep()
            if is_verification(argument):
                foreground.result = await verify_for(services.verifier, argument, telling(on_line))
            else:
                foreground.result = await scan_for(services.scan, argument, telling(on_line))

    return run_in_foreground(
        library, "scan", work, interrupted="the scan was interrupted; the next one goes on where it ended"
    )


def _requests(services: Services) -> dict[str, Handler]:
    async def take_scan(argument: object, send: Send) -> Line:
        return await scan_for(services.scan, argument, send)

    async def take_verification(argument: object, send: Send) -> Line:
        return await verify_for(services.verifier, argument, send)

    async def take_probe(argument: object, send: Send) -> Line:
        return await probe_for(services.scan.volumes, argument)

    return {"scan": take_scan, "verify": take_verification, "probe": take_probe}
