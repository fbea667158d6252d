"""Which folders of a mount are opened, told to whoever wants to know: numbers on a pipe, which nobody waits for.

The server of a mount is confined: it may open no socket and write no file. What it has is a pipe to its launcher, made before.
`FolderReports` is the server's end, `relaying` the launcher's. A number that does not fit into the pipe is dropped; so is one
that was told a moment ago. Nothing that comes back is ever read, so the confined side learns nothing by it.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vfs.inodes import NoSuchInode, unpack

log = logging.getLogger(__name__)

# A file manager opens a folder several times in a moment, and looks again all the time.
QUIET_S = 10.0
# What is gathered before it is told: `ls` of a few folders is one message.
GATHER_S = 0.3
MOST_AT_ONCE = 16
_REMEMBERED = 256
_PIPE_BYTES = 65_536


class FolderReports:
    """The server's end. Event loop only.

    Args:
        fd: the writing end of the pipe; made non-blocking.
        clock: seconds, monotonic.
    """

    def __init__(self, fd: int, clock: Callable[[], float] = time.monotonic) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._clock = clock
        self._told: dict[int, float] = {}

    def note(self, inode: int) -> None:
        """Say that a folder was opened. Never blocks, never raises."""
        now = self._clock()
        if now - self._told.get(inode, -QUIET_S) < QUIET_S:
            return
        if len(self._told) >= _REMEMBERED:
            self._told.clear()
        self._told[inode] = now
        try:
            os.write(self._fd, b"%d\n" % inode)  # shorter than PIPE_BUF: whole or not at all
        except OSError as error:  # full, or nobody listens any more
            log.debug("an opened folder is not told: %s", error)


@contextmanager
def relaying(fd: int | None, tell: Callable[[list[int]], None] | None) -> Iterator[None]:
    """Relay for the length of the block, in a thread of its own; without a pipe or a listener do nothing."""
    if fd is None or tell is None:
        yield
        return
    stop_fd, ours_fd = os.pipe()
    thread = threading.Thread(target=relay, args=(fd, tell, stop_fd), name="opened folders")
    thread.start()
    try:
        yield
    finally:
        os.close(ours_fd)
        thread.join()
        os.close(stop_fd)


def relay(fd: int, tell: Callable[[list[int]], None], stop_fd: int) -> None:
    """Hand on what comes through the pipe, a few at a time, until its other end is closed. Blocks; for a thread.

    Args:
        fd: the reading end; closed at the end.
        tell: gets numbers of folders, each once, the one opened last at the end. What it raises is logged.
        stop_fd: readable when there is nothing more to do: a server that hangs in the kernel never closes its end.
    """
    try:
        rest = b""
        while stop_fd not in select.select([fd, stop_fd], [], [])[0]:
            received = os.read(fd, _PIPE_BYTES)
            if not received or select.select([stop_fd], [], [], GATHER_S)[0]:
                return
            received += _more(fd)
            *lines, rest = (rest + received)[-_PIPE_BYTES:].split(b"\n")
            folders = _folders(lines)
            if folders:
                _tell(tell, folders)
    finally:
        os.close(fd)


def _more(fd: int) -> bytes:
    """Return what came meanwhile; never blocks."""
    return os.read(fd, _PIPE_BYTES) if select.select([fd], [], [], 0)[0] else b""


def _tell(tell: Callable[[list[int]], None], folders: list[int]) -> None:
    try:
        tell(folders)
    except Exception:  # border of the thread: a convenience must not end the launcher's
        log.debug("opened folders are not told", exc_info=True)


def _folders(lines: list[bytes]) -> list[int]:
    """Return the numbers, each once; the server is not believed blindly."""
    found: dict[int, None] = {}
    for line in lines:
        if line.isdigit() and len(line) < 20 and _is_ours(int(line)):
            found.pop(int(line), None)
            found[int(line)] = None
    return list(found)[-MOST_AT_ONCE:]


def _is_ours(inode: int) -> bool:
    try:
        unpack(inode)
    except NoSuchInode:
        return False
    return True
