"""Remove one file, if it is still exactly the one that was written down: the only unlink of an original there is.

Runs in a process that is confined to reading and removing below one root. It knows no catalog and no photo; what it is
told may be wrong, so it believes its own eyes: root, stamp, every byte, stamp again, and that the name still means the
inode whose bytes were read.

Between the last look at the name and the unlink lie a few microseconds that no system call closes: whoever renames
another file onto exactly this name in them loses that file. Nothing else fits through: where the file system has leases,
one is held until after the unlink, so that no writer can have begun; and only names in the trash are ever asked for.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from catalog.failpoints import failpoint
from daemon.purge.protocol import Ending, Fate, Order, RemoverHello
from daemon.volume_process.hashing import Disturbed, Pace, open_proof
from vfs.beneath import file_stamp, open_directory_beneath
from vfs.storage.local import LocalFile, LocalStorage, error_name

log = logging.getLogger(__name__)

# The path leads elsewhere now, or to something that is no regular file.
_ANOTHER = frozenset({errno.ENOTDIR, errno.ELOOP, errno.EXDEV, errno.EISDIR, errno.EINVAL})
# File systems that cannot sync a directory say so with these.
_NO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EROFS})


class _Refused(Exception):
    """It is not that file: leave it alone."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def remove(hello: RemoverHello, order: Order, pace: Pace, may_go: Callable[[], bool]) -> Ending:
    """Verify a file, ask, and remove its name. Blocks as long as reading it takes.

    Args:
        may_go: asked once, after every byte was compared; False leaves the file.
    """
    try:
        with LocalStorage(hello.root) as storage:
            _refuse_another_root(storage, hello)
            with storage.open(order.path) as file:
                return _Verifying(storage.root_fd, file, hello, order).remove(pace, may_go)
    except _Refused as refused:
        return Ending("refused", refused.reason)
    except Disturbed as disturbed:
        return Ending("refused", disturbed.reason)
    except OSError as error:
        return _ending_of(error)


def look(hello: RemoverHello, path: bytes) -> Fate:
    """Tell whether anything is at a path of this very volume; nothing is opened. Blocks."""
    try:
        with LocalStorage(hello.root) as storage:
            _refuse_another_root(storage, hello)
            try:
                storage.stat(path)
            except (FileNotFoundError, NotADirectoryError):
                return "gone"
            return "there"
    except (OSError, _Refused):
        return "unknown"


def _refuse_another_root(storage: LocalStorage, hello: RemoverHello) -> None:
    if storage.instance() != hello.instance or storage.probe().key != hello.key:
        raise _Refused("offline")


@dataclass(frozen=True, slots=True)
class _Verifying:
    """One open file below the root, and what it must be."""

    root_fd: int
    file: LocalFile
    hello: RemoverHello
    order: Order

    def remove(self, pace: Pace, may_go: Callable[[], bool]) -> Ending:
        failpoint("purge.opened")
        if not self.file.opened_stamp.matches(self.order.stamp):
            raise _Refused("changed")
        with open_proof(self.file, self.order.stamp, pace, may_lease=self.hello.may_lease) as proof:
            if proof.digest != self.order.hash:
                raise _Refused("changed")
            failpoint("purge.verified")
            if not may_go():
                raise _Refused("stopped")
            if not proof.is_intact():
                raise _Refused("changed")
            return self._unlink()

    def _unlink(self) -> Ending:
        directory, _, name = self.order.path.rpartition(b"/")
        directory_fd = open_directory_beneath(self.root_fd, directory)
        try:
            self._refuse_another(directory_fd, name)
            failpoint("purge.unlink")
            os.unlink(name, dir_fd=directory_fd)
            failpoint("purge.unlinked")
            _sync(directory_fd)
            failpoint("purge.synced")
        finally:
            os.close(directory_fd)
        left = os.fstat(self.file.fileno())
        return Ending("done", None, file_stamp(left).ctime_ns if left.st_nlink else None)

    def _refuse_another(self, directory_fd: int, name: bytes) -> None:
        """Compare what the name means now with the file whose bytes were read."""
        named = os.stat(name, dir_fd=directory_fd, follow_symlinks=False)
        read = os.fstat(self.file.fileno())
        is_same = (named.st_dev, named.st_ino) == (read.st_dev, read.st_ino)
        is_known = stat.S_ISREG(named.st_mode) and file_stamp(named).matches(self.order.stamp)
        if not is_same or not is_known:
            raise _Refused("changed")


def _sync(directory_fd: int) -> None:
    try:
        os.fsync(directory_fd)
    except OSError as error:
        # The name is gone. Should a power cut bring it back, the next scan finds it, still in the trash.
        if error.errno not in _NO_SYNC:
            log.warning("a directory could not be synced after a removal: %s", error)


def _ending_of(error: OSError) -> Ending:
    if error.errno == errno.ENOENT:
        return Ending("refused", "gone")
    if error.errno in _ANOTHER:
        return Ending("refused", "changed")
    return Ending("failed", error_name(error))
