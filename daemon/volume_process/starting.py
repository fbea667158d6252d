"""Start a volume process; also ahead of time, while the starter still imports what it needs to use it.

A child learns by its first message which volume it serves, so any will do. Must not know: what is said to it, and
nothing that takes time to import.

A child is started on the main thread: PR_SET_PDEATHSIG fires when the *thread* that forked ends, and trio ends idle
worker threads after 10 s.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from daemon.parent import DIE_WITH_VARIABLE


def start_helper(module: str) -> subprocess.Popen[bytes]:
    """Start a confined helper of ours that speaks frames on its pipes and dies with us; blocks for the fork. Main thread."""
    assert threading.current_thread() is threading.main_thread()
    return subprocess.Popen(
        [sys.executable, "-P", "-B", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, DIE_WITH_VARIABLE: str(os.getpid())},
        cwd="/",
        start_new_session=True,  # Ctrl-C is for the daemon, which ends its children in order
        restore_signals=True,
    )


def start_volume_process() -> subprocess.Popen[bytes]:
    """Start a child that waits for its `hello`; blocks for the fork. Main thread."""
    return start_helper("daemon.volume_process")


class SpareChild:
    """A child that nobody uses yet; made by `open_spare`, taken at most once."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = start_volume_process()

    def take(self) -> subprocess.Popen[bytes] | None:
        """Return the child, which belongs to the caller then; None if it was taken already."""
        child, self._child = self._child, None
        return child

    def end(self) -> None:
        """End the child if nobody took it. It touched no volume, so it ends at once."""
        child = self.take()
        if child is not None:
            child.kill()
            child.communicate()


@contextmanager
def open_spare() -> Iterator[SpareChild]:
    """Have a child started for the length of the block; main thread."""
    spare = SpareChild()
    try:
        yield spare
    finally:
        spare.end()
