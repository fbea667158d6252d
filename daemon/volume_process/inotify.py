"""inotify(7) by ctypes: a descriptor, watches by directory descriptor, events as tuples.

The package inotify_simple looks for libc by running ldconfig or gcc with a temporary file, which a process that may
execute and write nothing cannot; these are the four calls that are needed.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import NamedTuple

ATTRIB, CLOSE_WRITE, MOVED_FROM, MOVED_TO = 0x4, 0x8, 0x40, 0x80
CREATE, DELETE, DELETE_SELF, MOVE_SELF = 0x100, 0x200, 0x400, 0x800
UNMOUNT, Q_OVERFLOW, IGNORED = 0x2000, 0x4000, 0x8000
ONLYDIR, EXCL_UNLINK, MASK_ADD, ISDIR = 0x01000000, 0x04000000, 0x20000000, 0x40000000

_EVENT = struct.Struct("iIII")
_READ_BYTES = 256 * 1024
_libc = ctypes.CDLL(None, use_errno=True)


class Event(NamedTuple):
    """One event; `name` is empty when the watched directory itself is meant; both halves of a rename have one cookie."""

    watch: int
    mask: int
    cookie: int
    name: bytes


class Inotify:
    """One inotify instance; owned by one thread. Close it.

    Raises:
        OSError: EMFILE when this user has as many as the kernel allows (fs.inotify.max_user_instances).
    """

    def __init__(self) -> None:
        self._fd = _checked(_libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))

    def fileno(self) -> int:
        """Return the descriptor, to poll."""
        return self._fd

    def add_watch(self, directory_fd: int, mask: int) -> int:
        """Watch the directory behind a descriptor; OSError ENOSPC at the limit of watches."""
        return _checked(_libc.inotify_add_watch(self._fd, b"/proc/self/fd/%d" % directory_fd, mask))

    def remove_watch(self, watch: int) -> None:
        """Watch it no longer; an IGNORED event follows."""
        _checked(_libc.inotify_rm_watch(self._fd, watch))

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
                watch, mask, cookie, size = _EVENT.unpack_from(data, offset)
                offset += _EVENT.size
                events.append(Event(watch, mask, cookie, data[offset : offset + size].rstrip(b"\0")))
                offset += size

    def close(self) -> None:
        """Drop all watches."""
        os.close(self._fd)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
