"""A file that appears whole or not at all: written beside its target, synced, then given its name.

For what is written for people to keep (dumps, backups): after a crash there is the old file, the new one, or none,
never half of one. What a kill leaves behind is `.glassine-….part`. Knows nothing of what is written.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from catalog.errors import AlreadyExists
from catalog.failpoints import failpoint

FILE_MODE = 0o600
PART_PREFIX, PART_SUFFIX = ".glassine-", ".part"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
# File systems without hard links or exchange say one of these (vfat, exfat, old NFS, FUSE).
_UNSUPPORTED = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EMLINK})


@contextlib.contextmanager
def appearing(target: Path, *, is_replacing: bool = False) -> Iterator[Path]:
    """Yield the path of a new, empty file (mode 0600) that becomes `target` when the block ends well. Blocks.

    Args:
        target: its directory exists.
        is_replacing: whether a file of that name may be replaced.

    Raises:
        AlreadyExists: there is something of that name. OSError: the directory cannot be written.
    """
    if not is_replacing and os.path.lexists(target):
        raise _taken(target)
    part = target.with_name(f"{PART_PREFIX}{secrets.token_hex(8)}{PART_SUFFIX}")
    try:
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))
    except OSError as error:  # told about the file that was asked for, not about ours beside it
        raise OSError(error.errno, error.strerror, str(target)) from error
    try:
        yield part
        sync_file(part)
        failpoint("file.written")
        _give_name(part, target, is_replacing=is_replacing)
        sync_directory(target.parent)
        failpoint("file.named")
    finally:
        part.unlink(missing_ok=True)


def _give_name(part: Path, target: Path, *, is_replacing: bool) -> None:
    if not is_replacing:
        try:
            os.link(part, target)  # unlike rename it never replaces
        except FileExistsError as error:
            raise _taken(target) from error
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            if os.path.lexists(target):
                raise _taken(target) from error
        else:
            return
    os.rename(part, target)


def _taken(target: Path) -> AlreadyExists:
    return AlreadyExists(
        f"there is already something at {target}",
        hint="choose another name, or say --overwrite",
        path=str(target),
    )


def sweep_parts(directory: Path) -> int:
    """Remove what killed writers left in a directory of ours; nobody writes there now. Return how many."""
    parts = list(directory.glob(f"{PART_PREFIX}*{PART_SUFFIX}*"))
    for part in parts:
        part.unlink(missing_ok=True)
    return len(parts)


def sync_file(path: Path) -> None:
    """Put a file's bytes on the disk, and out of the page cache: who reads it next reads the disk. Blocks."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)


def sync_directory(path: Path) -> None:
    """Put a directory's names on the disk. Blocks."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def exchange(one: Path, other: Path) -> None:
    """Swap the names of two files at once (renameat2), or, where that is not possible, in two steps.

    In two steps there is a moment, microseconds long, without a file called `one`.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return
    number = ctypes.get_errno()
    if number not in _UNSUPPORTED:
        raise OSError(number, os.strerror(number), str(one), None, str(other))
    aside = other.with_name(f"{PART_PREFIX}{secrets.token_hex(8)}{PART_SUFFIX}")
    os.rename(one, aside)
    try:
        os.rename(other, one)
    except BaseException:
        os.rename(aside, one)
        raise
    os.rename(aside, other)
