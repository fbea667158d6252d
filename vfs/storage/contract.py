"""The contract of a volume's back end: list, stat, open a range, probe, and what it can and cannot do.

A storage is blocking and belongs to one volume. Whoever uses it runs in a process or thread that may hang
(a volume process, a frontend's reader thread). Paths are bytes below the root without a leading slash; `b""` is
the root. Errors are `OSError`: ENOENT, ENOTDIR, EISDIR, ELOOP, EINVAL (no regular file), EIO, EACCES, ESTALE …
One suite, `tests/contract/test_storage.py`, holds for every back end in `BACKENDS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, NamedTuple, Protocol, Self

from vfs.beneath import FileStamp

# `other` is anything that is no file and no directory; `unreadable` could be listed, but not looked at (EIO).
Kind = Literal["f", "d", "other", "unreadable"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a back end offers; whoever needs more than is there takes the slower way.

    Attributes:
        change_times: `ctime_ns` is kept by the storage and cannot be set back (else 0).
        inodes: `inode` names a file across renames (else 0).
        rename_detection: a moved file can be recognised without reading it.
        write: new files may be put (uploads); nothing here ever rewrites one.
        case_folding: two names that differ in case only are the same entry.
        leases: the kernel can tell that nobody writes while we read.
    """

    change_times: bool
    inodes: bool
    rename_detection: bool
    write: bool
    case_folding: bool
    leases: bool


class Dentry(NamedTuple):
    """One entry of a directory as the storage reports it; the numbers as in `FileStamp`.

    They are 0 for `other` and `unreadable`; a directory's size has no meaning. A tuple and not a dataclass:
    a rescan makes a million of them, and as a tuple one costs a quarter (and msgpack packs it as it is).
    `access` is `access_of` for a file, 0 for all else and where the storage has none.
    """

    name: bytes
    kind: Kind
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    access: int = 0

    @property
    def stamp(self) -> FileStamp:
        """What tells this version from another one."""
        return FileStamp(self.size, self.mtime_ns, self.ctime_ns, self.inode)


def access_of(mode: int, owner: int, group: int, links: int) -> int:
    """Return one number that changes when one of these does: why a change time may move without the bytes.

    Two different sets may share a number (63 bits); then a change of access goes unnoticed and the bytes are read once
    more, which does no harm.
    """
    return (mode & 0o7777 | links << 12 ^ owner << 20 ^ group << 40) & ((1 << 63) - 1)


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells this storage from another one at the same address.

    `key` is opaque and stays over restarts and remounts; `description` is for people.
    """

    key: str
    description: str


class StoredFile(Protocol):
    """One open original: exactly the bytes of one version, or an error. Closed by its context."""

    @property
    def size(self) -> int:
        """Bytes, when it was opened."""

    def fileno(self) -> int | None:
        """Return a read-only descriptor for the kernel to read from, or None if there is none."""

    def read_at(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes, fewer only at the end of the file."""

    def stamp(self) -> FileStamp:
        """Look again: equal to the stamp before as long as nobody changed the file."""

    def close(self) -> None:
        """Let go; idempotent."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class Storage(Protocol):
    """One volume's bytes. Closed by its owner; may be used from several threads."""

    @property
    def capabilities(self) -> Capabilities:
        """What this storage can do."""

    def instance(self) -> str:
        """Name the very mount that was opened.

        Two storages of one root opened before and after a piece of work must give the same, else the volume went
        away meanwhile. Reads no directory.
        """

    def probe(self) -> Identity:
        """Return who this storage is; OSError if it cannot be read."""

    def names(self, path: bytes) -> Iterator[bytes]:
        """Yield the names in a directory as they are written there; looks at none of them."""

    def list(self, path: bytes, skip: Set[bytes] = frozenset()) -> Iterator[Dentry]:
        """Yield the entries of a directory in no order, `.` and `..` left out, `other` kinds included.

        Names in `skip` are not looked at, not even by stat. An error in the middle is raised: a listing that
        ended without one, and without an `unreadable` entry, is complete.
        """

    def identify_directory(self, path: bytes) -> tuple[tuple[int, int] | None, int]:
        """Return (device, inode) of a directory, or None where there are none, and its mtime_ns.

        Two paths with one identity are one directory: a bind mount, or our own state by another way.
        """

    def stat(self, path: bytes) -> Dentry:
        """Return one entry, not following it; `name` is its last component."""

    def open(self, path: bytes, expected: FileStamp | None = None) -> StoredFile:
        """Open a regular file.

        Raises:
            catalog.errors.ChangedUnderneath: it is there, but not the version that was expected
                (`FileStamp.matches`).
        """

    def close(self) -> None:
        """Let go of the root; idempotent."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
