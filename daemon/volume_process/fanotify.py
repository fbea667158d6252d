"""fanotify(7) by ctypes: one mark per file system instead of one watch per directory.

`open_marks` is called before the process confines itself, for it refuses itself fanotify_init and fanotify_mark then. What
remains is a descriptor to read from. Events name a directory by file-system id and file handle; who wants to know where that
is keeps a map, filled with `Marks.key_of`: open_by_handle_at is refused too. A mark sees the whole file system, so most events
may be about what is none of ours.

Needs CAP_SYS_ADMIN, Linux 5.17 (FAN_RENAME), and a file system with handles and one id (btrfs subvolumes have many).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

CREATE, DELETE, ATTRIB, CLOSE_WRITE = 0x100, 0x200, 0x4, 0x8
Q_OVERFLOW, RENAME, ONDIR = 0x4000, 0x10000000, 0x40000000

_CLOEXEC, _NONBLOCK, _UNLIMITED_QUEUE, _REPORT_DFID_NAME = 0x1, 0x2, 0x10, 0xC00
_MARK_ADD, _MARK_ONLYDIR, _MARK_FILESYSTEM = 0x1, 0x8, 0x100
_MASK = CREATE | DELETE | RENAME | CLOSE_WRITE | ATTRIB | ONDIR
_AT_FDCWD, _AT_EMPTY_PATH, _AT_HANDLE_FID = -100, 0x1000, 0x200
_DFID_NAME, _OLD_DFID_NAME, _NEW_DFID_NAME = 2, 10, 12

_METADATA = struct.Struct("=IBBHQii")
_INFO = struct.Struct("=BBH")
_FSID = struct.Struct("=Q")
_HANDLE = struct.Struct("=Ii")
_MOST_HANDLE_BYTES = 128
# A read gives whole events, of 24 to some 500 bytes.
_READ_BYTES = 256 * 1024
# Marks whose events nobody reads cost the kernel memory: a scan without a watch must not keep them.
_UNUSED_S = 60.0

_libc = ctypes.CDLL(None, use_errno=True)
_libc.fanotify_mark.argtypes = (
    ctypes.c_int,
    ctypes.c_uint,
    ctypes.c_uint64,
    ctypes.c_int,
    ctypes.c_char_p,
)


class Event(NamedTuple):
    """One event, or several about the same name that the kernel merged: then their order is lost.

    `name` is b"." when the directory itself is meant. Only a rename has the new key and name.
    """

    mask: int
    key: bytes
    name: bytes
    new_key: bytes = b""
    new_name: bytes = b""


class Marks:
    """The marks of this process, made by `open_marks`: taken by one watcher at a time, closed when nobody takes them."""

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd
        self._fsid_by_device: dict[int, int] = {}
        self._turn = threading.Lock()
        self._is_taken = False
        self._expiry: threading.Timer | None = None

    def add(self, directory_fd: int) -> None:
        """Mark the file system of an open directory.

        Raises:
            OSError: it cannot be marked; EEXIST: its id is that of another one.
        """
        device, fsid = os.fstat(directory_fd).st_dev, os.fstatvfs(directory_fd).f_fsid
        if device in self._fsid_by_device:
            return
        if not fsid or fsid in self._fsid_by_device.values():
            raise OSError(errno.EEXIST, "the file system has no id of its own")
        assert self._fd is not None
        path = b"/proc/self/fd/%d" % directory_fd
        _checked(
            _libc.fanotify_mark(
                self._fd, _MARK_ADD | _MARK_ONLYDIR | _MARK_FILESYSTEM, _MASK, _AT_FDCWD, path
            )
        )
        self._fsid_by_device[device] = fsid

    def key_of(self, directory_fd: int) -> bytes | None:
        """Return how events name this directory; None when its file system is not marked."""
        fsid = self._fsid_by_device.get(os.fstat(directory_fd).st_dev)
        return None if fsid is None else _FSID.pack(fsid) + _handle_of(directory_fd)

    def take(self) -> bool:
        """Begin to read; drops what came while nobody did. False: they are closed. Then `give_back`."""
        with self._turn:
            if self._fd is None or self._is_taken:
                return False
            self._is_taken = True
            if self._expiry is not None:
                self._expiry.cancel()
        for _ in self.read():
            pass
        return True

    def give_back(self) -> None:
        """Stop reading: they are closed if nobody takes them soon. Also to be called once after confinement: it
        starts a thread."""
        with self._turn:
            self._is_taken = False
            self._expiry = threading.Timer(_UNUSED_S, self._expire)
            self._expiry.daemon = True
            self._expiry.start()

    def _expire(self) -> None:
        with self._turn:
            if not self._is_taken:
                self._close()

    def fileno(self) -> int:
        """Return the descriptor, to poll."""
        assert self._fd is not None
        return self._fd

    def read(self) -> Iterator[Event]:
        """Yield all events that are there."""
        while True:
            try:
                data = os.read(self.fileno(), _READ_BYTES)
            except BlockingIOError:
                return
            offset = 0
            while offset < len(data):
                size, _, _, metadata_size, mask, _, _ = _METADATA.unpack_from(data, offset)
                yield _event(mask, data[offset + metadata_size : offset + size])
                offset += size

    def close(self) -> None:
        """Remove the marks; idempotent."""
        with self._turn:
            self._close()

    def _close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def open_marks(root: bytes, nested: Iterable[bytes]) -> Marks:
    """Mark the file system of `root`, and those mounted at the absolute paths `nested` as far as they can be.

    Raises:
        OSError: not permitted, not supported, or the root is not there.
    """
    flags = _CLOEXEC | _NONBLOCK | _UNLIMITED_QUEUE | _REPORT_DFID_NAME
    marks = Marks(_checked(_libc.fanotify_init(flags, os.O_RDONLY | os.O_CLOEXEC)))
    try:
        _mark(marks, root)
    except BaseException:
        marks.close()
        raise
    for path in nested:
        with suppress(OSError):  # the watcher meets it without a mark, and says so
            _mark(marks, path)
    return marks


def _mark(marks: Marks, path: bytes) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        marks.add(fd)
        marks.key_of(fd)  # without handles there would be events that name nothing
    finally:
        os.close(fd)


def _handle_of(fd: int) -> bytes:
    """Return struct file_handle of an open directory: length, type, bytes."""
    handle = ctypes.create_string_buffer(_HANDLE.size + _MOST_HANDLE_BYTES)
    mount_id = ctypes.c_int()
    # The kernel names directories in events by handles that need not be openable (Linux 6.6); older ones know one kind.
    for flag in (_AT_HANDLE_FID, 0):
        _HANDLE.pack_into(handle, 0, _MOST_HANDLE_BYTES, 0)
        result = _libc.name_to_handle_at(fd, b"", handle, ctypes.byref(mount_id), _AT_EMPTY_PATH | flag)
        if result == 0 or ctypes.get_errno() != errno.EINVAL or not flag:
            break
    _checked(result)
    size, _ = _HANDLE.unpack_from(handle)
    return handle.raw[: _HANDLE.size + size]


def _event(mask: int, records: bytes) -> Event:
    """Read the information records behind one event's metadata."""
    found: dict[int, tuple[bytes, bytes]] = {}
    offset = 0
    while offset < len(records):
        kind, _, size = _INFO.unpack_from(records, offset)
        record = records[offset + _INFO.size : offset + size]
        if kind in (_DFID_NAME, _OLD_DFID_NAME, _NEW_DFID_NAME):
            key_size = _FSID.size + _HANDLE.size + _HANDLE.unpack_from(record, _FSID.size)[0]
            name, _, _ = record[key_size:].partition(b"\0")
            found[kind] = (record[:key_size], name)
        offset += size
    if _DFID_NAME in found:
        return Event(mask, *found[_DFID_NAME])
    nothing = (b"", b"")
    return Event(mask, *found.get(_OLD_DFID_NAME, nothing), *found.get(_NEW_DFID_NAME, nothing))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
