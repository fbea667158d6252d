"""The frame of a command that works without a daemon: the library lock, its entry in the registry, signals.

Must not know: what the command does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import trio

from catalog.errors import Interrupted
from catalog.library import Library, LibraryLock
from daemon import processes
from daemon.control import Handler, Line, Send
from daemon.endings import first_error, open_signals
from daemon.services import Services, edit

T = TypeVar("T")


class Foreground(Generic[T]):
    """What a command that works without a daemon can say of itself.

    Attributes:
        result: to be set by the work; it counts also if a signal comes while the services end.
    """

    def __init__(self, entry: processes.Registration, scope: trio.CancelScope) -> None:
        self.result: T | None = None
        self._entry = entry
        self._scope = scope

    def ready(self) -> None:
        """Say that the services are open."""
        self._entry.update("ready")

    def stop(self) -> None:
        """End the work, as a signal does; returns at once."""
        self._scope.cancel()


def run_in_foreground(
    library: Library, kind: str, work: Callable[[Foreground[T]], Awaitable[None]], *, interrupted: str
) -> T:
    """Do the work and return its result. Main thread; blocks.

    Args:
        library: locked meanwhile.
        kind: of process, for `status`.
        work: sets the result.
        interrupted: what the user is told when a signal, or `glassine down`, ended it.

    Raises:
        LibraryLocked: another process holds the library.
        Interrupted: it was ended before it had a result.
    """
    try:
        return trio.run(_run, library, kind, work, interrupted)
    except BaseExceptionGroup as group:
        raise first_error(group) from group


async def _run(
    library: Library, kind: str, work: Callable[[Foreground[T]], Awaitable[None]], interrupted: str
) -> T:
    with (
        LibraryLock(library),
        processes.register(library.processes_dir, kind) as entry,
        trio.CancelScope() as scope,
    ):
        foreground: Foreground[T] = Foreground(entry, scope)
        async with open_signals(foreground.stop):
            await work(foreground)
    if foreground.result is None:
        raise Interrupted(interrupted)
    return foreground.result


def foreground_requests(
    services: Services, stop: Callable[[], None], *, is_scanning: bool
) -> dict[str, Handler]:
    """Return what the control socket takes meanwhile: edits, the question how it goes, and the wish to end.

    Args:
        stop: called for that wish.
        is_scanning: what `status` says.
    """

    async def take_edit(argument: object, send: Send) -> Line:
        answer = await edit(services, argument, send)
        await services.scan.volumes.stop_unused()  # in a daemon its watch does so
        return answer

    async def tell_status(argument: object, send: Send) -> Line:
        return {"ready": False, "scanning": is_scanning, "processes": services.processes(), "degraded": []}

    async def shut_down(argument: object, send: Send) -> Line:
        stop()
        return {}

    return {"edit": take_edit, "status": tell_status, "shutdown": shut_down}


def telling(on_line: Callable[[Line], None]) -> Send:
    """Return an asynchronous form of a function that takes lines of progress; a checkpoint each."""

    async def tell(line: Line) -> None:
        on_line(line)
        await trio.lowlevel.checkpoint()

    return tell
