"""Write one marker: a new file, never over another one. Runs in a process that may do nothing else.

What was begun and not finished (a full disk, a power cut) is a file that holds no uid: as good as none, and left there for
its owner to remove; nothing of ours removes or rewrites anything on a volume.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from daemon.marker.protocol import MarkerOrder
from daemon.volume_process.marker_file import MARKER_NAME, marker_bytes
from vfs.storage.local import LocalStorage, error_name

# These flags and no others pass the filter of `vfs.confine`.
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE = 0o644
# File systems that cannot sync a directory say so with these.
_NO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})


def write_marker(order: MarkerOrder, confine_to: Callable[[int], None]) -> str | None:
    """Write the marker; return None, or why not. Blocks on the volume.

    Args:
        confine_to: called with the descriptor of the root before anything is made: locks the process in.
    """
    try:
        with LocalStorage(order.root) as storage:
            if storage.instance() != order.instance or storage.probe().key != order.key:
                return "offline"
            confine_to(storage.root_fd)
            _create(storage.root_fd, marker_bytes(order.uid, order.name))
    except FileExistsError:
        return "there"
    except OSError as error:
        return error_name(error)
    return None


def _create(root_fd: int, content: bytes) -> None:
    fd = os.open(MARKER_NAME, _NEW_FILE, _MODE, dir_fd=root_fd)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.fsync(fd)
    finally:
        os.close(fd)
    directory_fd = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root_fd)
    try:
        os.fsync(directory_fd)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(directory_fd)
