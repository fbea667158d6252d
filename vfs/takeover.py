"""Puts a new session where a mount died, so that nobody ever sees the directory underneath.

Between detaching a dead mount and mounting again lies the empty mount point, and a mirroring tool that looks just
then believes that every photo is gone. So the new session is mounted *beneath* the dead one (Linux 6.5, as root), and then the
dead one is taken away: before, requests fail with ENOTCONN; afterwards, they wait for the new server. libfuse
cannot do that (it refuses a mount point that it cannot stat), but takes a session that is mounted already, by its
descriptor.

Where the system cannot, the dead mount is detached at the last moment, and some milliseconds stay; see
`vfs.mounting` on sealed mount points, which cannot be listed even then.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vfs import mounting

log = logging.getLogger(__name__)

# linux/mount.h and linux/fcntl.h; these system calls have one number on every architecture.
_MOVE_MOUNT, _FSOPEN, _FSCONFIG, _FSMOUNT = 429, 430, 431, 432
_CLOEXEC = 1  # FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC
_SET_FLAG, _SET_STRING, _CREATE = 0, 1, 6
_NOSUID_NODEV = 0x2 | 0x4
_EMPTY_PATH, _BENEATH = 0x4, 0x200
_AT_FDCWD = -100
_MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


@contextmanager
def dead_mount_replaced(mountpoint: Path, *, flags: frozenset[str] = frozenset()) -> Iterator[str]:
    """Give what libfuse is to mount on: the place itself, or `/dev/fd/N` of a session that is mounted already.

    When the block ends well, the new session is what everybody sees; if it raises, the dead mount still is.

    Args:
        mountpoint: where a dead mount of ours lies.
        flags: options of FUSE without a value, as `allow_other`.
    """
    place = os.fspath(mounting.real_mountpoint(mountpoint))
    dead_fd = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        session_fd = _mounted_beneath(place, flags)
        if session_fd is None:
            mounting.detach(mountpoint)
            yield place
            return
        try:
            yield f"/dev/fd/{session_fd}"
        except BaseException:
            # The session ends with its descriptor; its mount would outlive the dead one above it, and answer errors.
            with suppress(OSError):
                os.close(session_fd)
            raise
        _take_away(dead_fd)
    finally:
        os.close(dead_fd)


def _mounted_beneath(place: str, flags: frozenset[str]) -> int | None:
    """Mount a session that has no server yet; return its descriptor, or None where that cannot be done."""
    session_fd = os.open(mounting.FUSE_DEVICE, os.O_RDWR | os.O_CLOEXEC)
    try:
        mount_fd = _new_mount(session_fd, flags)
        try:
            _call(_MOVE_MOUNT, mount_fd, b"", _AT_FDCWD, os.fsencode(place), _EMPTY_PATH | _BENEATH)
        finally:
            os.close(mount_fd)
    except OSError as error:
        os.close(session_fd)
        log.info("cannot mount beneath: %s; a short gap cannot be avoided", error)
        return None
    return session_fd


def _new_mount(session_fd: int, flags: frozenset[str]) -> int:
    """Return a mount that is nowhere yet, with the options that libfuse would have given."""
    values = {
        "source": mounting.SUBTYPE,
        "subtype": mounting.SUBTYPE,
        "fd": str(session_fd),
        "rootmode": f"{stat.S_IFDIR:o}",
        "user_id": str(os.getuid()),
        "group_id": str(os.getgid()),
    }
    made_fd = _call(_FSOPEN, b"fuse", _CLOEXEC)
    try:
        for name, value in values.items():
            _call(_FSCONFIG, made_fd, _SET_STRING, name.encode(), value.encode(), 0)
        for name in flags:
            _call(_FSCONFIG, made_fd, _SET_FLAG, name.encode(), None, 0)
        _call(_FSCONFIG, made_fd, _CREATE, None, None, 0)
        return _call(_FSMOUNT, made_fd, _CLOEXEC, _NOSUID_NODEV)
    finally:
        os.close(made_fd)


def _take_away(dead_fd: int) -> None:
    """Detach exactly that mount. By its descriptor: by its path it could be the new one, if somebody was quicker."""
    if _libc.umount2(b"/proc/self/fd/%d" % dead_fd, _MNT_DETACH) == 0:
        return
    if (number := ctypes.get_errno()) != errno.EINVAL:  # EINVAL: it is mounted no more
        raise OSError(number, os.strerror(number), "the dead mount")


def _call(number: int, *arguments: int | bytes | None) -> int:
    whole = [
        ctypes.c_long(argument) if isinstance(argument, int) else ctypes.c_char_p(argument)
        for argument in (number, *arguments)
    ]
    result = int(_libc.syscall(*whole))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), f"system call {number}")
    return result
