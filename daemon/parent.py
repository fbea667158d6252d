"""In a child process: end with the process that started us, if it wanted that.

Alone in its module, for every process imports it. Must not know: anything else.
"""

from __future__ import annotations

import ctypes
import os
import signal

from catalog.errors import GlassineError

# Names the process that the child must not outlive; set by whoever starts it.
DIE_WITH_VARIABLE = "GLASSINE_DIE_WITH_PID"
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the starter ends; nothing if we may outlive it. Main thread.

    The signal comes when the *thread* that forked us ends, prctl(2): starters fork on their main thread.
    """
    starter = os.environ.pop(DIE_WITH_VARIABLE, None)
    if starter is None:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != int(starter):  # it ended before we asked
        raise GlassineError("the process that started this one is gone")
