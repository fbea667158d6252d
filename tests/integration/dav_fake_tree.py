"""A small tree of real files with the doors that the HTTP face uses, and the server around it.

For what the real tree cannot be made to do on demand: failing entries, vanishing originals, names no view would give.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from catalog.errors import NotFound
from catalog.values import Viewer
from dav.front import make_app
from dav.httpd import LazyTls, Server
from vfs.content import OpenFile
from vfs.inodes import Inode
from vfs.nodes import Entry, Node

MTIME_NS = 1_565_170_000_000_000_000


class OpenPath:
    """A real file, opened for reading."""

    def __init__(self, path: Path, node: Node, *, size: int | None = None) -> None:
        self._fd = os.open(path, os.O_RDONLY)
        self.size = node.size if size is None else size
        self.etag = node.etag
        self.mime = node.mime or "application/octet-stream"
        self.mtime_ns = node.mtime_ns

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self._fd, size, offset)

    def fileno(self) -> int | None:
        return self._fd

    def close(self) -> None:
        os.close(self._fd)


@dataclass
class Folder:
    """Entries by name: files are paths, folders are folders."""

    inode: int
    entries: dict[bytes, Path | Folder] = field(default_factory=dict)


class FakeTree:
    """See the module. `on_open` may replace what `open` does for a path."""

    def __init__(self, root: Folder) -> None:
        self.folder = root
        self.opened = 0
        self.resolved = 0
        self.mimes: dict[bytes, str] = {}
        self.mtimes: dict[bytes, int] = {}
        self.unread: set[bytes] = set()
        self.on_open: Callable[[Path, Node], OpenFile] | None = None
        self.on_resolve: Callable[[Sequence[str]], None] = lambda _parts: None
        self._by_inode: dict[int, Path | Folder] = {}
        self._hashes: dict[Path, bytes] = {}

    def resolve_web(self, parts: Sequence[str], viewer: Viewer) -> Node:
        self.resolved += 1
        self.on_resolve(parts)
        found: Path | Folder = self.folder
        name = b""
        for part in parts:
            name = part.encode()
            if not isinstance(found, Folder) or name not in found.entries:
                raise NotFound(f"no entry {part!r}")
            found = found.entries[name]
        return self._node(name, found)

    def children_web(self, node: Node, viewer: Viewer) -> Iterator[Entry]:
        folder = self._by_inode[node.inode]
        assert isinstance(folder, Folder)
        for cookie, (name, entry) in enumerate(folder.entries.items(), 1):
            yield Entry(name, cookie, self._node(name, entry))

    def open(self, node: Node, viewer: Viewer) -> OpenFile:
        self.opened += 1
        path = self._by_inode[node.inode]
        assert isinstance(path, Path)
        return self.on_open(path, node) if self.on_open else OpenPath(path, node)  # type: ignore[return-value]

    def _node(self, name: bytes, found: Path | Folder) -> Node:
        if isinstance(found, Folder):
            self._by_inode[found.inode] = found
            return Node(Inode(found.inode), True, 0, MTIME_NS, MTIME_NS, generation=7)
        inode = int(hashlib.sha1(str(found).encode()).hexdigest()[:12], 16)
        self._by_inode[inode] = found
        digest = None if name in self.unread else self._hash(found)
        mtime_ns = self.mtimes.get(name, MTIME_NS)
        return Node(
            Inode(inode),
            False,
            found.stat().st_size,
            mtime_ns,
            mtime_ns,
            self.mimes.get(name, "image/jpeg"),
            digest,
        )

    def _hash(self, path: Path) -> bytes:
        if path not in self._hashes:
            self._hashes[path] = blake3(path.read_bytes()).digest()
        return self._hashes[path]


@dataclass
class Running:
    """A server that answers."""

    server: Server
    tree: FakeTree
    port: int


@contextmanager
def serving(
    tree: FakeTree,
    *,
    tls: LazyTls | None = None,
    workers: int = 8,
    host: str = "127.0.0.1",
    spill: Path | None = None,
    **app: object,
) -> Iterator[Running]:
    """Run the real server over the tree."""
    server = Server((host, 0), make_app(tree, **app), tls=tls, workers=workers, spill_directory=spill)  # type: ignore[arg-type]
    server.prepare()
    accepting = threading.Thread(target=server.serve)
    accepting.start()
    try:
        yield Running(server, tree, server.bind_addr[1])
    finally:
        server.stop()
        accepting.join()
