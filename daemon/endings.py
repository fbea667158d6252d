"""How a process with a trio loop is asked to end, and which error it ended with.

Shared by the daemon and a foreground scan. Must not know: services.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from catalog.errors import Interrupted

log = logging.getLogger(__name__)

ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@asynccontextmanager
async def open_signals(on_signal: Callable[[], None]) -> AsyncIterator[None]:
    """Call `on_signal` when a signal asks us to end, for the length of the block."""

    async def listen(*, task_status: trio.TaskStatus[None]) -> None:
        with trio.open_signal_receiver(*ENDINGS) as received:
            task_status.started()
            async for number in received:
                log.info("received %s", signal.Signals(number).name)
                on_signal()

    async with trio.open_nursery() as nursery:
        await nursery.start(listen)
        yield
        nursery.cancel_scope.cancel()


def first_error(group: BaseException) -> BaseException:
    """Return the first error in a group of groups; Ctrl-C as our own error."""
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return Interrupted("interrupted") if isinstance(group, KeyboardInterrupt) else group
