"""inotify(7) by ctypes: a descriptor, watches by directory descriptor, events as tuples.

The package inotify_simple looks for libc by running ldconfig or gcc with a temporary file, which a process that may
execute and write nothing cannot; these are the four calls that are needed.
"""

from __future__ import annotations

import ctypes
import math
import os
import select
import struct
from typing import NamedTuple

ATTRIB, CLOSE_WRITE, MOVED_FROM, MOVED_TO = 0x4, 0x8, 0x40, 0x80
CREATE, DELETE = 0x100, 0x200
UNMOUNT, Q_OVERFLOW, IGNORED = 0x2000, 0x4000, 0x8000
ONLYDIR, EXCL_UNLINK, ISDIR = 0x01000000, 0x04000000, 0x40000000

_EVENT = struct.Struct("iIII")
_READ_BYTES = 256 * 1024
_libc = ctypes.CDLL(None, use_errno=True)


class Event(NamedTuple):
    """One event; `name` is empty when the watched directory itself is meant."""

    watch: int
    mask: int
    name: bytes


class Inotify:
    """One inotify instance; owned by one thread. Close it."""

    def __init__(self) -> None:
        self._fd = _checked(_libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
        self._poller = select.poll()
        self._poller.register(self._fd, select.POLLIN)

    def add_watch(self, directory_fd: int, mask: int) -> int:
        """Watch the directory behind a descriptor; OSError ENOSPC at the limit of watches."""
        return _checked(_libc.inotify_add_watch(self._fd, b"/proc/self/fd/%d" % directory_fd, mask))

    def remove_watch(self, watch: int) -> None:
        """Watch it no longer; an IGNORED event follows."""
        _checked(_libc.inotify_rm_watch(self._fd, watch))

    def wait(self, timeout_s: float) -> bool:
        """Wait until there are events, at most so long; whether there are."""
        return bool(self._poller.poll(math.ceil(max(0.0, timeout_s) * 1000)))  # rounded down, it would spin

    def read(self) -> list[Event]:
        """Return all events that are there."""
        events: list[Event] = []
        while True:
            try:
                data = os.read(self._fd, _READ_BYTES)
            except BlockingIOError:
                return events
            offset = 0
            while offset < len(data):
                watch, mask, _, size = _EVENT.unpack_from(data, offset)
                offset += _EVENT.size
                events.append(Event(watch, mask, data[offset : offset + size].rstrip(b"\0")))
                offset += size

    def close(self) -> None:
        """Drop all watches."""
        os.close(self._fd)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
