"""Open originals, and only originals: read-only, beneath a volume's root, through no symlink, never a device.

Everybody who touches a file of a volume (hasher, media workers, frontends) comes through here. It knows
descriptors and bytes, no catalog and no volume states. Invariants:

- every descriptor of a file is O_RDONLY and belongs to a regular file; FIFOs, sockets and devices are looked
  at through O_PATH only, so nothing on the other side ever notices;
- no symlink and no `/proc` magic link is followed in any component, nothing outside the root is reached;
- access times stay as they are wherever the kernel lets us (O_NOATIME);
- a path may be longer than PATH_MAX: it is walked in stretches;
- with `in_one_mount` no mount point is crossed, not even onto one: EXDEV (before Linux 5.6 nothing checks this).

All functions block on the volume; a hung volume hangs them. Errors are `OSError` with the kernel's errno:
ELOOP for a symlink, EXDEV for an escape, EISDIR or EINVAL for what is no regular file.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterator
from typing import NamedTuple

_SYS_OPENAT2 = 437  # the same number on every Linux architecture (kernel 5.6)
_RESOLVE_NO_XDEV = 0x01
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_BENEATH = 0x08
_RESOLVE = _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS

# PATH_MAX is 4096 with the NUL; a stretch stays below it with room to spare.
_STRETCH_BYTES = 3500
# openat2 says EAGAIN when somebody renames or mounts beside us; more than a few in a row is not a race.
_RACE_RETRIES = 16
# SQLite and msgpack hold signed 64-bit numbers; some network file systems hand out larger inode numbers.
_INT64_MAX = (1 << 63) - 1

# statx(2): the mount id is asked for by a bit of the mask and stands at byte 144 of 256.
_AT_EMPTY_PATH, _AT_STATX_DONT_SYNC = 0x1000, 0x4000
_STATX_MNT_ID, _STX_MNT_ID, _STATX_BYTES = 0x1000, 144, 256

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _OpenHow(ctypes.Structure):
    """`struct open_how` of openat2(2)."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class FileStamp(NamedTuple):
    """What tells one version of a file from another; the same four numbers everywhere.

    `inode` is cut to 63 bits, times are clamped to 64 bits, so that the catalog can hold them. It is 0 where it is
    not known, or says nothing (a file system that makes inode numbers up).
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    def matches(self, expected: FileStamp) -> bool:
        """Whether this, as it was seen at a file, is the version that was expected."""
        return self == expected or (expected.inode == 0 and self[:3] == expected[:3])


def file_stamp(status: os.stat_result) -> FileStamp:
    """Return the stamp as the catalog stores it: compare stamps, never raw fields of a stat result."""
    return FileStamp(
        status.st_size, _clamp(status.st_mtime_ns), _clamp(status.st_ctime_ns), status.st_ino & _INT64_MAX
    )


def _clamp(number: int) -> int:
    return max(-_INT64_MAX, min(number, _INT64_MAX))


def open_root(root: bytes) -> int:
    """Open the root of a volume as an O_PATH descriptor; symlinks are followed here, and only here.

    The descriptor pins the mount (umount says EBUSY), so hold it no longer than the work takes.
    """
    return os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def open_beneath(root_fd: int, path: bytes, *, in_one_mount: bool = False) -> int:
    """Open a regular file for reading; the descriptor is O_RDONLY, CLOEXEC, NONBLOCK and NOATIME if allowed."""
    # A single file may be mounted somewhere as well: then it is its own root.
    place_fd = open_place_beneath(root_fd, path, in_one_mount=in_one_mount) if path else os.dup(root_fd)
    try:
        mode = os.fstat(place_fd).st_mode
        if not stat.S_ISREG(mode):
            raise _not_regular(mode, path)
        # Through /proc/self/fd it is this very inode that opens, whatever the name means by now.
        return _open_noatime(b"/proc/self/fd/%d" % place_fd, os.O_RDONLY | os.O_NONBLOCK)
    finally:
        os.close(place_fd)


def open_place_beneath(root_fd: int, path: bytes, *, in_one_mount: bool = False) -> int:
    """Open whatever is there as an O_PATH descriptor: it pins the place and its mount, and touches nothing."""
    return _resolve(root_fd, path, os.O_PATH | os.O_NOFOLLOW, in_one_mount=in_one_mount)


def open_directory_beneath(root_fd: int, path: bytes, *, in_one_mount: bool = False) -> int:
    """Open a directory for listing; `b""` is the root itself. O_RDONLY, no symlink, NOATIME if allowed."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return _resolve(root_fd, path, flags | os.O_NOATIME, in_one_mount=in_one_mount)
    except PermissionError as error:
        if error.errno != errno.EPERM:
            raise
        return _resolve(root_fd, path, flags, in_one_mount=in_one_mount)


def stat_beneath(root_fd: int, path: bytes, *, in_one_mount: bool = False) -> os.stat_result:
    """Look at one entry without following or opening it; `b""` is the root itself."""
    place_fd = open_place_beneath(root_fd, path, in_one_mount=in_one_mount)
    try:
        return os.fstat(place_fd)
    finally:
        os.close(place_fd)


def _not_regular(mode: int, path: bytes) -> OSError:
    if stat.S_ISDIR(mode):
        return IsADirectoryError(errno.EISDIR, "is a directory", path)
    if stat.S_ISLNK(mode):
        return OSError(errno.ELOOP, "is a symbolic link", path)
    return OSError(errno.EINVAL, "is not a regular file", path)


def _open_noatime(path: bytes, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_NOATIME | os.O_CLOEXEC)
    except PermissionError as error:
        if error.errno != errno.EPERM:  # EPERM: neither owner nor CAP_FOWNER, so the atime may move
            raise
        return os.open(path, flags | os.O_CLOEXEC)


def mount_id(fd: int) -> int | None:
    """Return the id of the mount that a descriptor belongs to, as in /proc/self/mountinfo; None before Linux 5.8."""
    answer = ctypes.create_string_buffer(_STATX_BYTES)
    # Asked by the descriptor alone, from what the kernel has at hand: no disk and no server is waited for.
    if _libc.statx(fd, b"", _AT_EMPTY_PATH | _AT_STATX_DONT_SYNC, _STATX_MNT_ID, answer) != 0:
        return None
    (mask,) = struct.unpack_from("=I", answer)
    return int(struct.unpack_from("=Q", answer, _STX_MNT_ID)[0]) if mask & _STATX_MNT_ID else None


def _resolve(root_fd: int, path: bytes, flags: int, *, in_one_mount: bool = False) -> int:
    """Open `path` in stretches below PATH_MAX; only the last one is opened with `flags`."""
    if b"\0" in path or path.startswith(b"/") or b".." in path.split(b"/"):
        raise OSError(errno.EXDEV, "no path beneath the root", path)
    here_fd = root_fd
    try:
        for stretch, is_last in _stretches(path):
            wanted = flags if is_last else os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW
            next_fd = _open_stretch(here_fd, stretch, wanted | os.O_CLOEXEC, in_one_mount=in_one_mount)
            if here_fd != root_fd:
                os.close(here_fd)
            here_fd = next_fd
    except BaseException:
        if here_fd != root_fd:
            os.close(here_fd)
        raise
    return here_fd


def _stretches(path: bytes) -> Iterator[tuple[bytes, bool]]:
    while len(path) > _STRETCH_BYTES:
        cut = path.rfind(b"/", 0, _STRETCH_BYTES)
        if cut < 0:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path)
        yield path[:cut], False
        path = path[cut + 1 :]
    yield path or b".", True


_has_openat2 = True


def _open_stretch(at_fd: int, path: bytes, flags: int, *, in_one_mount: bool) -> int:
    global _has_openat2  # noqa: PLW0603 - a fact about the running kernel, learnt once
    if _has_openat2:
        try:
            return _openat2(at_fd, path, flags, _RESOLVE | (_RESOLVE_NO_XDEV if in_one_mount else 0))
        except OSError as error:
            if error.errno != errno.ENOSYS:
                raise
            _has_openat2 = False
    return _open_stepwise(at_fd, path, flags)


def _openat2(at_fd: int, path: bytes, flags: int, resolve: int) -> int:
    how = _OpenHow(flags, 0, resolve)
    for _ in range(_RACE_RETRIES):
        opened: int = _libc.syscall(_SYS_OPENAT2, at_fd, path, ctypes.byref(how), ctypes.sizeof(how))
        if opened >= 0:
            return opened
        number = ctypes.get_errno()
        if number not in (errno.EAGAIN, errno.EINTR):
            break
    raise OSError(number, os.strerror(number), path)


def _open_stepwise(at_fd: int, path: bytes, flags: int) -> int:
    """Do what openat2 does on kernels before 5.6: one component at a time, none of them a symlink."""
    *parents, last = path.split(b"/")
    here_fd = at_fd
    try:
        for name in parents:
            next_fd = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here_fd)
            if here_fd != at_fd:
                os.close(here_fd)
            here_fd = next_fd
        return os.open(last, flags | os.O_NOFOLLOW, dir_fd=here_fd)
    finally:
        if here_fd != at_fd:
            os.close(here_fd)
