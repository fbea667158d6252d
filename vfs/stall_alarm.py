"""An alarm for an event loop that waits in a read of the FUSE descriptor, where nobody can talk to it.

pyfuse3 waits until the descriptor is readable and reads it then, blocking and without letting go of Python's lock. A request
whose caller is killed in between leaves the kernel's queue, and the read waits for the next one: until then no answer goes out,
no other thread runs and no change is told (53 of 865 rounds of three killed callers did that to a bare file system, 6 of 300 to
ours). A signal ends the read with EINTR, which pyfuse3 takes as nothing.

So a timer of the kernel runs that some other thread puts off again and again: it cannot while the lock is held. Nobody
is woken by it as long as all is well.
"""

from __future__ import annotations

import signal

# More than the longest pause of whoever puts it off; so long a reader may wait for its bytes at most.
STALL_S = 1.5


def install() -> None:
    """Take the signal; main thread, before the loop runs. The timer starts with the first `put_off`."""
    signal.signal(signal.SIGALRM, lambda *_: None)


def put_off() -> None:
    """Have the main thread's system call interrupted `STALL_S` from now, unless this is called again before. Any thread."""
    signal.setitimer(signal.ITIMER_REAL, STALL_S, STALL_S)


def stop() -> None:
    """Let nobody be interrupted any more."""
    signal.setitimer(signal.ITIMER_REAL, 0)
