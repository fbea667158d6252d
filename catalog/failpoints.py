"""Failpoints: named places where a crash test kills this process at the N-th pass.

`GLASSINE_FAILPOINT="store.commit:3"` ends the process by SIGKILL at the third pass of `store.commit`. Unset,
a failpoint is one comparison with None. Nothing but the crash harness sets it; it knows no subsystem.
"""

from __future__ import annotations

import os
import signal
import threading

VARIABLE = "GLASSINE_FAILPOINT"


class _Armed:
    """The one armed failpoint of this process, counting its passes."""

    def __init__(self, name: str, kill_at: int) -> None:
        self.name = name
        self.kill_at = kill_at
        self._passes = 0
        self._counting = threading.Lock()

    def passed(self) -> None:
        with self._counting:
            self._passes += 1
            if self._passes >= self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


def armed_from(text: str | None) -> _Armed | None:
    """Read `name:N` (`name` alone is the first pass); None or empty arms nothing."""
    if not text:
        return None
    name, _, count = text.partition(":")
    return _Armed(name, int(count or 1))


_armed = armed_from(os.environ.get(VARIABLE))


def failpoint(name: str) -> None:
    """Die here, by SIGKILL and without any clean-up, if the environment says so."""
    if _armed is not None and _armed.name == name:
        _armed.passed()
