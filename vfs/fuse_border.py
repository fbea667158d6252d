"""The border between our errors and the kernel's: the errno table, the guard of every handler, and its counters.

Our errors become an errno by one table. Anything unknown is logged with its request, counted and answered EIO;
only Cancelled and other BaseExceptions pass: one stray exception would end pyfuse3's main loop and take the
user's mount away (tried, notes of 2026).
"""

from __future__ import annotations

import errno
import functools
import logging
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pyfuse3 import FUSEError

from catalog import errors
from catalog.errors import GlassineError

log = logging.getLogger(__name__)

_Handler = TypeVar("_Handler", bound=Callable[..., Awaitable[Any]])


@dataclass(slots=True)
class Activity:
    """What the mount did so far; shown in status.json."""

    operations: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    notifications: Counter[str] = field(default_factory=Counter)

    def report(self) -> dict[str, object]:
        """Return JSON fields; may be called from any thread."""
        return {
            "kind": "mount",
            "pid": os.getpid(),
            "operations": dict(self.operations),
            "errors": self.errors,
            "notifications": dict(self.notifications),
        }


class Active(Protocol):
    """Anything whose handlers are guarded."""

    @property
    def activity(self) -> Activity:
        """Where to count."""


# The narrowest class decides; tests/mount/test_handlers.py has a test per row.
ERRNO_OF: dict[type[GlassineError], int] = {
    errors.GlassineError: errno.EIO,
    errors.UsageError: errno.EINVAL,
    errors.NoLibrary: errno.EIO,
    errors.LibraryLocked: errno.EAGAIN,
    errors.DaemonNotRunning: errno.EROFS,
    errors.NotPermitted: errno.EACCES,
    errors.ReadOnly: errno.EROFS,
    errors.VolumeOffline: errno.EIO,
    errors.Conflict: errno.EBUSY,
    errors.NotFound: errno.ENOENT,
    errors.AlreadyExists: errno.EEXIST,
    errors.Ambiguous: errno.EINVAL,
    errors.CatalogError: errno.EIO,
    errors.StorageFull: errno.ENOSPC,
    errors.Unreadable: errno.EIO,
    errors.MediaError: errno.EIO,
    errors.NothingMatched: errno.ENOENT,
    errors.Interrupted: errno.EINTR,
}


def errno_of(error: GlassineError) -> int:
    """Return the errno of our error: the entry of its nearest class in the table."""
    return next(ERRNO_OF[kind] for kind in type(error).__mro__ if kind in ERRNO_OF)


def guarded(handler: _Handler) -> _Handler:
    """Wrap a handler as the module's first invariant says; counts the request by its name."""
    name = handler.__name__

    @functools.wraps(handler)
    async def guard(self: Active, *arguments: Any) -> Any:
        self.activity.operations[name] += 1
        try:
            return await handler(self, *arguments)
        except FUSEError:
            raise
        except GlassineError as error:
            log.debug("%s%s: %s", name, _shown(arguments), error)
            raise FUSEError(errno_of(error)) from error
        except Exception as error:
            # The border to the kernel: whatever it is, the mount must outlive it.
            self.activity.errors += 1
            log.exception("%s%s failed", name, _shown(arguments))
            raise FUSEError(errno.EIO) from error

    return guard  # type: ignore[return-value]


def refused(name: str) -> Any:
    """Return a handler that answers EROFS to a writing request."""

    async def refuse(self: Active, *_request: object) -> None:
        raise FUSEError(errno.EROFS)

    refuse.__name__ = name
    return guarded(refuse)


def _shown(arguments: Sequence[object]) -> tuple[object, ...]:
    return tuple(argument for argument in arguments if isinstance(argument, int | bytes))
