"""Hash originals: BLAKE3-256 of exactly one version of the bytes, in flat memory, leaving no trace.

"size and mtime were the same before and after" proves nothing: with a writer that has the file mapped, 238 of 300
such reads were torn (notes/reliability.md 0.5, measured). The proof, in falling strength:

1. On local file systems a read lease (F_SETLEASE F_RDLCK): the kernel refuses it while anybody has the file open
   or mapped for writing, and tells when somebody comes. Held from before the first byte to after the last and
   let go at once when broken, so that a writer waits for one chunk at most.
2. Where there is none (not our file, network, overlay): the last change is at least `_SETTLED_NS` old, so
   that no dirty page can take silent writes any more (the kernel writes them back within 35 s, and the next
   write stamps the file), and the stamp is equal after the last byte.
3. Younger than that, but older than `_WINDOW_NS`: as 2, and read twice with the same result.

Beside it runs the pixel hash of a JPEG (`pixels`), over the same chunks.

Nothing is mapped (a file cut short would kill us with SIGBUS), nothing is evicted from the page cache (we do
not know what was there before us).
"""

from __future__ import annotations

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
    now_ns: Callable[[], int] = time.time_ns,
) -> tuple[Digests | None, str | None]:
    """Return (digests, None), or (None, reason): an errno name, `changed` or `busy`.

    Args:
        may_lease: the file system's leases are a proof (local, and no layers above another).
        now_ns: the clock that stamps files of this volume.
    """
    try:
        with storage.open(path, expected) as file:
            return _hash_open_file(file, expected, pace, may_lease=may_lease, now_ns=now_ns), None
    except ChangedUnderneath:
        return None, CHANGED
    except Disturbed as disturbed:
        return None, disturbed.reason
    except OSError as error:
        return None, error_name(error)


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
        yield Proof(*digests, is_intact=lambda: file.stamp() == expected)
        return
    if may_lease and _take_lease(fd):
        try:
            digests = _read_leased(file, fd, expected, pace)
            yield Proof(*digests, is_intact=lambda: _is_leased(fd) and file.stamp() == expected)
        finally:
            with suppress(OSError):  # EAGAIN: the kernel took it back, for somebody waited too long
                fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return
    age_ns = now_ns() - max(expected.mtime_ns, expected.ctime_ns)
    # A time far in the future was set by hand or by a wrong clock: it says nothing about now.
    if abs(age_ns) < _WINDOW_NS:
        raise Disturbed(BUSY)
    digests = _read_settled(file, expected, pace, is_young=age_ns < _SETTLED_NS)
    yield Proof(*digests, is_intact=lambda: file.stamp() == expected)


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
    if file.stamp() != expected:
        raise Disturbed(CHANGED)
    return digests


def _read_settled(file: StoredFile, expected: FileStamp, pace: Pace, *, is_young: bool) -> Digests:
    digests = _digest(file, expected.size, pace, lambda: None)
    if is_young and _digest(file, expected.size, pace, lambda: None) != digests:
        raise Disturbed(BUSY)
    if file.stamp() != expected:
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
