"""Work that needs the library for itself: asked of the daemon if there is one, else done here under the lock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from catalog.errors import DaemonNotRunning, LibraryLocked

if TYPE_CHECKING:
    from catalog.library import Library

T = TypeVar("T")
# A daemon that takes the lock needs a moment until it listens.
_STARTING_S = 5.0
_TURN_S = 0.1


def ask_or_do(
    library: Library, request: str, argument: object, do: Callable[[], T], *, timeout_s: float
) -> T | Any:
    """Return the daemon's answer to a request, or what `do` returns where no daemon is. Blocks.

    Args:
        do: takes the library lock itself; raises LibraryLocked if somebody has it.

    Raises:
        DaemonNotRunning: it went away in the middle. LibraryLocked: somebody holds the library and does not listen.
        GlassineError: the daemon's own.
    """
    from daemon.requests import ask

    deadline = time.monotonic() + _STARTING_S
    while True:
        try:
            return ask(library, request, argument, timeout_s=timeout_s)
        except DaemonNotRunning as error:
            if error.details.get("was_asked"):
                raise
        try:
            return do()
        except LibraryLocked:
            if time.monotonic() > deadline:
                raise
            time.sleep(_TURN_S)
