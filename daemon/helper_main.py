"""How a confined helper process of ours begins: the same first steps for each kind of them.

Runs in the child, before it shuts itself in. Must not know: what it will be told, and trio.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterable
from typing import BinaryIO

from daemon.parent import DIE_WITH_VARIABLE
from vfs.confine import die_with_parent


def begin_helper(ignored: Iterable[signal.Signals] = ()) -> tuple[BinaryIO, int]:
    """Get ready to serve; return the pipe of requests and the descriptor for replies. Main thread.

    The process dies with its starter, holds no directory of anybody's, and ignores Ctrl-C, which is for the daemon.

    Args:
        ignored: further signals that are no end of this process, but an error of a system call.
    """
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    die_with_parent(int(os.environ[DIE_WITH_VARIABLE]), signal.SIGKILL)
    os.chdir("/")
    for number in (signal.SIGINT, *ignored):
        signal.signal(number, signal.SIG_IGN)
    replies_fd = os.dup(1)
    os.dup2(2, 1)  # whatever prints goes to the log, never between two frames
    return sys.stdin.buffer, replies_fd
