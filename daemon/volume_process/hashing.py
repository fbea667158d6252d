"""Hash originals: BLAKE3-256 of exactly one version of the bytes, in flat memory, leaving no trace.

"size and mtime were the same before and after" proves nothing: with a writer that has the file mapped, 238 of 300
such reads were torn (notes/reliability.md 0.5, measured). The proof, in falling strength:

1. On local file systems a read lease (F_SETLEASE F_RDLCK): the kernel refuses it while anybody has the file open
   or mapped for writing, and tells when somebody comes. Held from before the first byte to after the last and
   let go at once when broken, so that a writer waits for one chunk at most.
2. Where there is none (not our file, network, overlay, FUSE): the last change is at least `_SETTLED_NS` old, whatever is
   dirty is written back first (`_write_back`), and the stamp is equal after the last byte. A page that is mapped and
   dirty takes writes which no stamp shows; the kernel ends that when it writes the page back, within 35 s as a rule, but
   minutes later while a slow disk is busy. From then on the next write to it stamps the file.
3. Younger than that, but older than `_WINDOW_NS`: as 2, and read twice with the same result. The window is the coarsest
   stamp there is (FAT: 2 s): within it a second write may leave the stamp as it is.

Inode numbers prove nothing here: the bytes come through one descriptor, and its size and times are compared. So a file
system that makes inode numbers up loses nothing (`FileStamp.matches`).

What 2 and 3 cannot see, and verification will: a writer that maps a file of a tmpfs that is not ours (its pages are never
written back); one that sets both times back where the change time can be set (FAT); one on another machine within a
stamp of a server whose clock is more than a minute behind ours.

Beside it runs the pixel hash of a JPEG (`pixels`), over the same chunks.

Nothing is mapped (a file cut short would kill us with SIGBUS), nothing is evicted from the page cache (we do
not know what was there before us) but by verification, which asks for what the medium holds.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from blake3 import blake3

from catalog.errors import ChangedUnderneath
from daemon.volume_process.pixels import PixelHash
from vfs.beneath import FileStamp
from vfs.storage.contract import Storage, StoredFile
from vfs.storage.local import error_name

CHUNK_BYTES = 1024 * 1024
_WINDOW_NS = 2_000_000_000
_SETTLED_NS = 60_000_000_000
# sync_file_range(2): wait for what is being written, write the rest, wait again. In pieces, so that a slow disk is not
# taken for one that hangs.
_WRITE_AND_WAIT = 1 | 2 | 4
_WRITE_BACK_BYTES = 16 * 1024 * 1024
# Not on this file system: then the age of the last change has to do.
_NO_WRITE_BACK = frozenset({errno.ENOSYS, errno.EINVAL, errno.ESPIPE, errno.EOPNOTSUPP})

_libc = ctypes.CDLL(None, use_errno=True)

CHANGED = "changed"
BUSY = "busy"


class Pace(Protocol):
    """Says when the next bytes may be read."""

    def take(self, size: int) -> None:
        """Wait until `size` more bytes fit the budget."""

    def tick(self) -> None:
        """Note that the volume answered."""


class Digests(NamedTuple):
    """BLAKE3-256 of all bytes, and of what a decoder sees of a JPEG (None for all else), 32 bytes each."""

    whole: bytes
    pixels: bytes | None


class Disturbed(Exception):
    """The bytes cannot be hashed now; `reason` is `changed` or `busy`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def hash_file(
    storage: Storage,
    path: bytes,
    expected: FileStamp,
    pace: Pace,
    *,
    may_lease: bool,
    from_disk: bool = False,
    now_ns: Callable[[], int] = time.time_ns,
) -> tuple[Digests | None, str | None]:
    """Return (digests, None), or (None, reason): an errno name, `changed` or `busy`.

    Args:
        may_lease: the file system's leases are a proof (local, and no layers above another).
        from_disk: read what the medium holds now, not what the page cache remembers of it.
        now_ns: the clock that stamps files of this volume.
    """
    try:
        with storage.open(path, expected) as file:
            if from_disk:
                _forget_cached(file)
            return _hash_open_file(file, expected, pace, may_lease=may_lease, now_ns=now_ns), None
    except ChangedUnderneath:
        return None, CHANGED
    except Disturbed as disturbed:
        return None, disturbed.reason
    except OSError as error:
        return None, error_name(error)


def _forget_cached(file: StoredFile) -> None:
    """Drop the clean pages of a file, so that its bytes come from the medium.

    The kernel spares pages that somebody has mapped, and dirty ones; who reads the file otherwise reads it once more.
    """
    fd = file.fileno()
    if fd is not None:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def _hash_open_file(
    file: StoredFile, expected: FileStamp, pace: Pace, *, may_lease: bool, now_ns: Callable[[], int]
) -> Digests:
    with open_proof(file, expected, pace, may_lease=may_lease, now_ns=now_ns) as proof:
        return Digests(proof.digest, proof.pixel_digest)


@dataclass(frozen=True, slots=True)
class Proof:
    """The hashes of one version of the bytes; `is_intact` tells whether they can still be no other ones."""

    digest: bytes
    pixel_digest: bytes | None
    is_intact: Callable[[], bool]


@contextmanager
def open_proof(
    file: StoredFile,
    expected: FileStamp,
    pace: Pace,
    *,
    may_lease: bool,
    now_ns: Callable[[], int] = time.time_ns,
) -> Iterator[Proof]:
    """Hash an open file; a lease, where there is one, is held until the block ends.

    Raises:
        Disturbed: the bytes cannot be hashed now. OSError: they cannot be read.
    """
    fd = file.fileno()
    if fd is None:
        digests = _read_settled(file, expected, pace, is_young=False)
        yield Proof(*digests, is_intact=lambda: file.stamp().matches(expected))
        return
    if may_lease and _take_lease(fd):
        try:
            digests = _read_leased(file, fd, expected, pace)
            yield Proof(*digests, is_intact=lambda: _is_leased(fd) and file.stamp().matches(expected))
        finally:
            with suppress(OSError):  # EAGAIN: the kernel took it back, for somebody waited too long
                fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return
    age_ns = now_ns() - max(expected.mtime_ns, expected.ctime_ns)
    # A time far in the future was set by hand or by a wrong clock: it says nothing about now.
    if abs(age_ns) < _WINDOW_NS:
        raise Disturbed(BUSY)
    _write_back(fd, expected.size, pace)
    digests = _read_settled(file, expected, pace, is_young=age_ns < _SETTLED_NS)
    yield Proof(*digests, is_intact=lambda: file.stamp().matches(expected))


def _write_back(fd: int, size: int, pace: Pace) -> None:
    """Let the kernel write what others have changed: after it, whoever changes a mapped page stamps the file again.

    Nothing of ours is written, and what is clean is left alone: no metadata, no flush of the disk's own cache.
    """
    for offset in range(0, size, _WRITE_BACK_BYTES):
        pace.tick()
        length = ctypes.c_int64(min(_WRITE_BACK_BYTES, size - offset))
        if _libc.sync_file_range(fd, ctypes.c_int64(offset), length, _WRITE_AND_WAIT) != 0:
            number = ctypes.get_errno()
            if number in _NO_WRITE_BACK:
                return
            raise OSError(number, os.strerror(number))


def _is_leased(fd: int) -> bool:
    return fcntl.fcntl(fd, fcntl.F_GETLEASE) == fcntl.F_RDLCK


def _take_lease(fd: int) -> bool:
    """Ask for a read lease: True = granted, False = not to be had here."""
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            raise Disturbed(BUSY) from error
        return False
    return True


def _read_leased(file: StoredFile, fd: int, expected: FileStamp, pace: Pace) -> Digests:
    def check() -> None:
        if not _is_leased(fd):
            raise Disturbed(BUSY)

    digests = _digest(file, expected.size, pace, check)
    check()
    if not file.stamp().matches(expected):
        raise Disturbed(CHANGED)
    return digests


def _read_settled(file: StoredFile, expected: FileStamp, pace: Pace, *, is_young: bool) -> Digests:
    digests = _digest(file, expected.size, pace, lambda: None)
    if is_young and _digest(file, expected.size, pace, lambda: None) != digests:
        raise Disturbed(BUSY)
    if not file.stamp().matches(expected):
        raise Disturbed(CHANGED)
    return digests


def _digest(file: StoredFile, size: int, pace: Pace, check: Callable[[], None]) -> Digests:
    hasher = blake3()
    pixels = PixelHash()
    offset = 0
    fd = file.fileno()
    buffer = memoryview(bytearray(min(CHUNK_BYTES, size)))
    while offset < size:
        wanted = min(CHUNK_BYTES, size - offset)
        pace.take(wanted)
        if fd is None:
            part: bytes | memoryview = file.read_at(offset, wanted)
        else:
            part = buffer[: os.preadv(fd, [buffer[:wanted]], offset)]
        pace.tick()
        if not part:
            raise Disturbed(CHANGED)
        check()
        hasher.update(part)
        pixels.feed(part)
        offset += len(part)
    return Digests(hasher.digest(), pixels.digest)
