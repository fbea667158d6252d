"""The local back end: a directory of a mounted file system, read through descriptors beneath its root.

Nothing here opens anything for writing, follows a symlink, or opens what is no regular file (`vfs.beneath`).
The root's descriptor is held from construction to `close` and pins the mount: make one per piece of work.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress

from catalog.errors import ChangedUnderneath
from vfs.beneath import (
    FileStamp,
    file_stamp,
    open_beneath,
    open_directory_beneath,
    open_root,
    stat_beneath,
)
from vfs.closing import Closing
from vfs.storage.contract import Capabilities, Dentry, Identity, Kind

_FS_IOC_GETFSUUID = 0x80111500  # _IOR(0x15, 0, struct fsuuid2 {u8 len; u8 uuid[16]}), Linux 6.9
_BY_UUID = b"/dev/disk/by-uuid"
_TYPE_MASK, _REGULAR = 0o170000, 0o100000
_MAX = (1 << 63) - 1


class LocalStorage(Closing):
    """See `vfs.storage.contract.Storage`. `leases` says that the kernel knows them; a file may still refuse."""

    capabilities = Capabilities(
        change_times=True, inodes=True, rename_detection=True, write=False, case_folding=False, leases=True
    )

    def __init__(self, root: bytes) -> None:
        self.root = root
        self._root_fd = open_root(root)
        self._is_open = True

    @property
    def root_fd(self) -> int:
        """O_PATH descriptor of the root, valid until `close`."""
        return self._root_fd

    def instance(self) -> str:
        """Return st_dev and st_ino of the root."""
        status = os.fstat(self._root_fd)
        return f"{status.st_dev}/{status.st_ino}"

    def probe(self) -> Identity:
        """Return the identity of what was opened; reads no directory."""
        status = os.fstat(self._root_fd)
        with _directory(self._root_fd, b"") as fd:
            name = _uuid_by_ioctl(fd) or _uuid_by_device(status.st_dev)
            name = name or f"fsid:{os.fstatvfs(fd).f_fsid:x}"
        description = f"file system {name}, root inode {status.st_ino}"
        return Identity(key=f"{name}/{status.st_ino}", description=description)

    def list(self, path: bytes, skip: Set[bytes] = frozenset()) -> Iterator[Dentry]:
        """Yield every entry of a directory; the descriptor is closed when the iterator ends or is closed.

        The inner loop of a rescan: 100,000 entries in 0.3 s (find -printf: 0.2 s; 2 cores, warm, 2026-11), hence
        flat and without calls that a file does not need.
        """
        new = tuple.__new__
        with _directory(self._root_fd, path) as fd, os.scandir(fd) as entries:
            for entry in entries:
                name = entry.name.encode("utf-8", "surrogateescape")
                if name in skip:
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # vanished since it was listed
                    continue
                except OSError:
                    yield _unreadable(name, entry)
                    continue
                mtime_ns, ctime_ns = status.st_mtime_ns, status.st_ctime_ns
                if (
                    status.st_mode & _TYPE_MASK == _REGULAR
                    and -_MAX < mtime_ns < _MAX
                    and -_MAX < ctime_ns < _MAX
                ):
                    yield new(Dentry, (name, "f", status.st_size, mtime_ns, ctime_ns, status.st_ino & _MAX))
                else:
                    yield _dentry(name, status)

    def identify_directory(self, path: bytes) -> tuple[tuple[int, int] | None, int]:
        """Return (st_dev, st_ino) and mtime_ns of a directory; opens it as O_PATH only."""
        status = stat_beneath(self._root_fd, path)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        return (status.st_dev, status.st_ino), file_stamp(status).mtime_ns

    def stat(self, path: bytes) -> Dentry:
        """Return one entry without opening it."""
        status = stat_beneath(self._root_fd, path)
        return _dentry(path.rpartition(b"/")[2], status)

    def open(self, path: bytes, expected: FileStamp | None = None) -> LocalFile:
        """Open a regular file, if it is the version that was expected."""
        opened = LocalFile(open_beneath(self._root_fd, path))
        if expected is not None and opened.opened_stamp != expected:
            opened.close()
            shown = os.fsdecode(path)
            raise ChangedUnderneath(f"{shown!r} is not the file that the catalog knows", path=shown)
        return opened

    def close(self) -> None:
        """Let go of the root."""
        if self._is_open:
            self._is_open = False
            os.close(self._root_fd)


class LocalFile(Closing):
    """One open regular file; owns its descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._is_open = True
        self.opened_stamp = self.stamp()

    @property
    def size(self) -> int:
        """Bytes, when it was opened."""
        return self.opened_stamp.size

    def fileno(self) -> int:
        """Return the read-only descriptor."""
        return self._fd

    def read_at(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes, fewer only at the end of the file."""
        parts: list[bytes] = []
        while size > 0:
            part = os.pread(self._fd, size, offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def stamp(self) -> FileStamp:
        """Look again."""
        return file_stamp(os.fstat(self._fd))

    def close(self) -> None:
        """Close the descriptor."""
        if self._is_open:
            self._is_open = False
            os.close(self._fd)


@contextmanager
def _directory(root_fd: int, path: bytes) -> Iterator[int]:
    fd = open_directory_beneath(root_fd, path)
    try:
        yield fd
    finally:
        os.close(fd)


def _unreadable(name: bytes, entry: os.DirEntry[str]) -> Dentry:
    """Return what is known of an entry that cannot be looked at.

    A directory (a dead mount: ENOTCONN) will say why when it is to be listed.
    """
    with suppress(OSError):
        if entry.is_dir(follow_symlinks=False):
            return Dentry(name, "d", 0, 0, 0, 0)
    return Dentry(name, "unreadable", 0, 0, 0, 0)


def _dentry(name: bytes, status: os.stat_result) -> Dentry:
    kind = _kind(status.st_mode)
    if kind == "other":
        return Dentry(name, kind, 0, 0, 0, 0)
    return Dentry(name, kind, *file_stamp(status))


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "f"
    return "d" if stat.S_ISDIR(mode) else "other"


def _uuid_by_ioctl(fd: int) -> str | None:
    answer = bytearray(17)
    try:
        fcntl.ioctl(fd, _FS_IOC_GETFSUUID, answer)
    except OSError:  # an older kernel, or a file system without one (vfat, NFS, FUSE)
        return None
    length = answer[0]
    return f"uuid:{answer[1 : 1 + length].hex()}" if length and any(answer[1 : 1 + length]) else None


def _uuid_by_device(device: int) -> str | None:
    """Ask udev's links which file system lives on the device; no I/O on the volume."""
    try:
        names = os.listdir(_BY_UUID)
    except OSError:
        return None
    for name in names:
        with suppress(OSError):
            status = os.stat(os.path.join(_BY_UUID, name))
            if stat.S_ISBLK(status.st_mode) and status.st_rdev == device:
                return f"uuid:{os.fsdecode(name).replace('-', '').lower()}"
    return None


def error_name(error: OSError) -> str:
    """Return `EIO`, `EACCES` …: what the catalog stores and people read."""
    return errno.errorcode.get(error.errno or 0, "EIO")
