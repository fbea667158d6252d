"""The in-memory back end: an object store in miniature, without inodes, change times or directories.

Keys hold `/`; a directory exists as long as a key lies below it. An object is replaced as a whole, and a file
that is open keeps the bytes it was opened with. It exists so that nothing above relies on what only local
file systems have; S3 later is an addition. Buckets live as long as the process.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Set
from dataclasses import dataclass

from catalog.errors import ChangedUnderneath
from vfs.beneath import FileStamp
from vfs.closing import Closing
from vfs.storage.contract import Capabilities, Dentry, Identity


@dataclass(frozen=True, slots=True)
class _StoredObject:
    body: bytes
    mtime_ns: int


_buckets: dict[bytes, dict[bytes, _StoredObject]] = {}


def create_bucket(root: bytes) -> None:
    """Make an empty bucket; nothing happens if it exists."""
    _buckets.setdefault(root, {})


def drop_bucket(root: bytes) -> None:
    """Make the bucket unreachable, as an outage does."""
    _buckets.pop(root, None)


def put(root: bytes, key: bytes, body: bytes, mtime_ns: int) -> None:
    """Store an object as a whole."""
    _buckets[root][key] = _StoredObject(body, mtime_ns)


def delete(root: bytes, key: bytes) -> None:
    """Remove an object."""
    del _buckets[root][key]


class MemoryStorage(Closing):
    """See `vfs.storage.contract.Storage`. `root` is the name of a bucket."""

    capabilities = Capabilities(
        change_times=False,
        inodes=False,
        rename_detection=False,
        write=False,
        case_folding=False,
        leases=False,
    )

    def __init__(self, root: bytes) -> None:
        self.root = root
        self._objects()

    def _objects(self) -> dict[bytes, _StoredObject]:
        try:
            return _buckets[self.root]
        except KeyError as error:
            raise FileNotFoundError(errno.ENOENT, "no such bucket", self.root) from error

    def instance(self) -> str:
        """Return which dictionary it is: a bucket that was dropped and made again is another one."""
        return str(id(self._objects()))

    def probe(self) -> Identity:
        """Return the bucket's name as its identity."""
        self._objects()
        name = os.fsdecode(self.root)
        return Identity(key=f"bucket:{name}", description=f"bucket {name}")

    def names(self, path: bytes) -> Iterator[bytes]:
        """Yield what `list` has, by name."""
        return (dentry.name for dentry in self.list(path))

    def list(self, path: bytes, skip: Set[bytes] = frozenset()) -> Iterator[Dentry]:
        """Yield the objects and common prefixes one level below `path`."""
        objects = self._objects()
        if path in objects:
            raise NotADirectoryError(errno.ENOTDIR, "is an object", path)
        prefix = path + b"/" if path else b""
        found: dict[bytes, Dentry] = {}
        for key, stored in sorted(objects.items()):
            if key.startswith(prefix):
                name, slash, _ = key[len(prefix) :].partition(b"/")
                found[name] = Dentry(name, "d", 0, 0, 0, 0) if slash else _file(name, stored)
        if path and not found:
            raise FileNotFoundError(errno.ENOENT, "no such prefix", path)
        yield from (dentry for name, dentry in found.items() if name not in skip)

    def identify_directory(self, path: bytes) -> tuple[tuple[int, int] | None, int]:
        """Return what a prefix has: no identity and no time."""
        if self.stat(path).kind != "d":
            raise NotADirectoryError(errno.ENOTDIR, "is an object", path)
        return None, 0

    def stat(self, path: bytes) -> Dentry:
        """Return an object, or a prefix that something lies below."""
        objects = self._objects()
        name = path.rpartition(b"/")[2]
        if path in objects:
            return _file(name, objects[path])
        if path and not any(key.startswith(path + b"/") for key in objects):
            raise FileNotFoundError(errno.ENOENT, "no such object", path)
        return Dentry(name, "d", 0, 0, 0, 0)

    def open(self, path: bytes, expected: FileStamp | None = None) -> MemoryFile:
        """Open an object, if it is the version that was expected."""
        dentry = self.stat(path)
        if dentry.kind == "d":
            raise IsADirectoryError(errno.EISDIR, "is a prefix", path)
        if expected is not None and not dentry.stamp.matches(expected):
            shown = os.fsdecode(path)
            raise ChangedUnderneath(f"{shown!r} is not the object that the catalog knows", path=shown)
        return MemoryFile(self, path, self._objects()[path].body)

    def close(self) -> None:
        """Nothing is held."""


class MemoryFile(Closing):
    """The bytes of one version of an object."""

    def __init__(self, storage: MemoryStorage, path: bytes, body: bytes) -> None:
        self._storage = storage
        self._path = path
        self._body = body

    @property
    def size(self) -> int:
        """Bytes, when it was opened."""
        return len(self._body)

    def fileno(self) -> None:
        """There is no descriptor."""

    def read_at(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes, fewer only at the end."""
        return self._body[offset : offset + size]

    def stamp(self) -> FileStamp:
        """Look at what the key holds now."""
        return self._storage.stat(self._path).stamp

    def close(self) -> None:
        """Nothing is held."""


def _file(name: bytes, stored: _StoredObject) -> Dentry:
    return Dentry(name, "f", len(stored.body), stored.mtime_ns, 0, 0)
