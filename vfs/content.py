"""Bytes of one open file: an original behind its volume, or a document that we generated.

It knows storages and targets, no SQL and no frontend. Invariants:

- what is read is the version that the catalog promised when it was opened, or an error: never other bytes;
- a read gives exactly the bytes asked for, fewer only at the end of the file: a kernel that gets a short
  answer in the middle believes that the file shrank, for every later reader;
- a volume, or a file system mounted below it, that is known to be away is not touched: the error comes at once;
- a file that is not there says something about the file only on the mount that a probe proved: elsewhere its volume is away;
- nothing here blocks except on the volume itself; `read_nowait` never does.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from catalog.errors import ChangedUnderneath, GlassineError, Unreadable, VolumeOffline
from catalog.ids import VolumeId
from catalog.values import OpenTarget
from vfs.beneath import FileStamp
from vfs.closing import Closing
from vfs.nodes import UNKNOWN_MIME, Node
from vfs.storage import BACKENDS
from vfs.storage.contract import Storage, StoredFile

# States in which a volume may be touched; `unknown` = not probed since it was added.
_REACHABLE = frozenset({"online", "unknown"})
# What the operating system says when a storage, not a file, is gone.
_GONE = frozenset(
    {
        errno.ENOTCONN,
        errno.ESTALE,
        errno.ENODEV,
        errno.ENXIO,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ETIMEDOUT,
    }
)


class OpenFile(Protocol):
    """One open file of the tree; closed by its context. May be read from several threads."""

    @property
    def size(self) -> int:
        """Exact bytes."""

    @property
    def etag(self) -> str:
        """Entity tag with quotes, of exactly these bytes."""

    @property
    def mime(self) -> str:
        """Media type."""

    @property
    def mtime_ns(self) -> int:
        """The time that the tree shows."""

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes, fewer only at the end. Blocks on the volume."""

    def read_nowait(self, offset: int, size: int, buffer: memoryview) -> memoryview | bytes | None:
        """Return what `read` would if it is in memory already, else None. `buffer` is used for the answer."""

    def fileno(self) -> int | None:
        """Return a read-only descriptor to send from, or None."""

    def close(self) -> None:
        """Let go; idempotent."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


def open_original(node: Node, target: OpenTarget) -> OpenOriginal:
    """Open the original that the catalog promises. Blocks on the volume.

    Raises:
        VolumeOffline: the volume cannot be reached; known at once if the catalog says so.
        ChangedUnderneath: size, mtime or inode are not what the catalog knows; a scan is due.
        Unreadable: the file is there, but the system does not let us read it.
    """
    require_reachable(target)
    return OpenOriginal(node, target, _open_stored(target))


def require_reachable(target: OpenTarget) -> None:
    """Raise VolumeOffline if the catalog knows that the volume is away. Never blocks."""
    if target.volume_state not in _REACHABLE:
        raise offline(target, f"is {target.volume_state}")
    if target.is_away:
        raise offline(target, "has this file on another file system, which is not mounted now")


def _open_stored(target: OpenTarget) -> StoredFile:
    try:
        storage = BACKENDS[target.backend](target.root)
    except OSError as error:
        raise offline(target, f"does not answer ({error.strerror})") from error
    try:
        stored = storage.open(target.path)
        if _is_expected(target, stored.stamp()):
            return stored
        stored.close()
        raise _changed(target)
    except OSError as error:
        raise _believed(target, storage, _translated(target, error)) from error
    except ChangedUnderneath as error:
        raise _believed(target, storage, error) from error
    finally:
        storage.close()  # the root's descriptor would pin the volume; the file's own does while it is open


def _is_expected(target: OpenTarget, stamp: FileStamp) -> bool:
    # The change time is left out: a chmod or a new hard link moves it, and the bytes are the same.
    return stamp.matches(FileStamp(target.size, target.mtime_ns, stamp.ctime_ns, target.inode))


def _believed(target: OpenTarget, storage: Storage, error: GlassineError) -> GlassineError:
    """Return the error to raise: who finds another file on another mount has not found out that the file changed."""
    if target.instance is None or not isinstance(error, ChangedUnderneath):
        return error
    with suppress(OSError):
        if storage.instance() == target.instance:
            return error
    return offline(target, "is not mounted where it was")


class OpenOriginal(Closing):
    """See `OpenFile`. Owns the stored file."""

    def __init__(self, node: Node, target: OpenTarget, stored: StoredFile) -> None:
        self.size = target.size
        self.etag = node.etag
        self.mime = node.mime or UNKNOWN_MIME
        self.mtime_ns = node.mtime_ns
        self.volume_id: VolumeId = target.volume_id
        self._target = target
        self._stored = stored
        self._nowait_fd = stored.fileno()

    def read(self, offset: int, size: int) -> bytes:
        """See `OpenFile.read`; VolumeOffline, ChangedUnderneath or Unreadable."""
        wanted = max(0, min(size, self.size - offset))
        try:
            found = self._stored.read_at(offset, wanted)
        except OSError as error:
            raise _translated(self._target, error) from error
        if len(found) != wanted:
            raise _changed(self._target)
        return found

    def read_nowait(self, offset: int, size: int, buffer: memoryview) -> memoryview | None:
        """See `OpenFile.read_nowait`; the answer is valid until the buffer is used again."""
        wanted = max(0, min(size, self.size - offset))
        if self._nowait_fd is None or wanted > len(buffer):
            return None
        try:
            found = os.preadv(self._nowait_fd, [buffer[:wanted]], offset, os.RWF_NOWAIT)
        except BlockingIOError:
            return None
        except OSError:
            # This file system has no such read (EOPNOTSUPP), or is in trouble: `read` finds out and says so.
            self._nowait_fd = None
            return None
        return buffer[:wanted] if found == wanted else None

    def fileno(self) -> int | None:
        """Return the original's descriptor (O_RDONLY)."""
        return self._stored.fileno()

    def close(self) -> None:
        """Close the original."""
        self._nowait_fd = None
        self._stored.close()


class OpenBytes(Closing):
    """A generated document, as it was when it was opened; see `OpenFile`."""

    def __init__(self, node: Node, body: bytes) -> None:
        self.size = len(body)
        self.etag = node.etag
        self.mime = node.mime or UNKNOWN_MIME
        self.mtime_ns = node.mtime_ns
        self._body = body

    def read(self, offset: int, size: int) -> bytes:
        """Return a part of the body."""
        return self._body[offset : offset + size]

    def read_nowait(self, offset: int, size: int, buffer: memoryview) -> bytes:
        """Return a part of the body."""
        return self.read(offset, size)

    def fileno(self) -> None:
        """There is no descriptor."""

    def close(self) -> None:
        """Nothing is held."""


def offline(target: OpenTarget, why: str) -> VolumeOffline:
    """Return the error of a volume that cannot be reached."""
    return VolumeOffline(
        f"volume {target.volume_name!r} {why}", hint="plug it in or mount it", volume=target.volume_name
    )


def _changed(target: OpenTarget) -> ChangedUnderneath:
    shown = os.fsdecode(target.path)
    return ChangedUnderneath(
        f"{shown!r} on volume {target.volume_name!r} is not the file that the catalog knows",
        hint="run `glassine scan`",
        volume=target.volume_name,
    )


def _translated(target: OpenTarget, error: OSError) -> GlassineError:
    """Turn the system's error about one original into ours."""
    if error.errno in _GONE:
        return offline(target, f"does not answer ({error.strerror})")
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ELOOP):
        return _changed(target)
    shown = os.fsdecode(target.path)
    return Unreadable(
        f"{shown!r} on volume {target.volume_name!r}: {error.strerror}", volume=target.volume_name
    )
