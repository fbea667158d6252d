"""The kernel's questions: thin pyfuse3 handlers that validate, translate, call the tree, and translate back.

Nothing here decides what the tree looks like, runs SQL or touches a disk on the event loop: the catalog and the
volumes are asked in threads behind limiters, only what is in memory already is answered inline.

Invariants:
- every handler is guarded (`vfs.fuse_border`): whatever goes wrong is an errno, and the mount outlives it;
- every writing request is answered EROFS, by us: the mount itself is never `ro`;
- an answer that the kernel may keep was read no earlier than the last change that the notifier announced
  (`announce`): else a listing read before a change could be cached after its invalidation;
- names of fleeting folders (dynamic views) are asked for at each use: nothing would announce that they changed;
- reads have their exact length, and a slow volume holds only its own threads.
"""

from __future__ import annotations

import errno
import os
import stat
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pyfuse3
import trio
from pyfuse3 import EntryAttributes, FUSEError

from catalog.errors import NotFound
from catalog.ids import VolumeId
from catalog.values import OWNER
from vfs import inodes, xattrs
from vfs.content import OpenBytes, OpenFile, open_original, require_reachable
from vfs.fuse_border import Activity, guarded, refused
from vfs.inodes import Inode
from vfs.nodes import PREFERRED_IO_BYTES, Entry, Node, Ref
from vfs.slices import Slice, open_cached, open_slice, require_slice
from vfs.tree import Generated, Tree

# How long the kernel may believe us. Changes are announced precisely, so this only bounds what a lost
# announcement could cost.
TIMEOUT_S = 3600.0
# Requests that one hung volume may hold; metadata and other volumes have threads of their own.
VOLUME_THREADS = 8
# Each request that waits holds a task: far more than all threads together, or metadata would queue behind reads.
MAX_TASKS = 4096
# Tasks that stay for the next request: making one for each costs a crawl 5 % (measured 2026-11).
MIN_TASKS = 8
# The largest read that the kernel sends (max_pages 256).
MAX_READ_BYTES = 1 << 20
# A listing starts small for `ls` of a few and grows for folders of 100,000, where each page is a query that
# sorts; 16,384 entries are about 8 MB while the folder is being read.
FIRST_PAGE_ENTRIES, LAST_PAGE_ENTRIES, PAGE_GROWTH = 1024, 16_384, 4
# An answer overtaken by a change is read again, but not for ever.
_FRESH_TRIES = 4
_NAME_MAX_BYTES = 255

_T = TypeVar("_T")


@dataclass(slots=True)
class _Listing:
    """An open folder and the page that it is read from; lives from opendir to releasedir."""

    inode: Inode
    announced: int = -1
    start: int = -1
    entries: list[Entry] = field(default_factory=list)
    cookies: list[int] = field(default_factory=list)
    wanted: int = FIRST_PAGE_ENTRIES
    is_last: bool = False

    def holds(self, after: int, announced: int) -> bool:
        """Tell whether the page can go on behind this cookie and nothing changed since it was read."""
        if self.announced != announced or not self.start <= after:
            return False
        return self.is_last or after < self.cookies[-1]

    def fill(self, after: int, entries: list[Entry], announced: int) -> None:
        """Take a fresh page; a short one is the last."""
        self.start, self.announced, self.entries = after, announced, entries
        self.cookies = [entry.cookie for entry in entries]
        self.is_last = len(entries) < self.wanted
        self.wanted = min(self.wanted * PAGE_GROWTH, LAST_PAGE_ENTRIES)


@dataclass(frozen=True, slots=True)
class _Opened:
    file: OpenFile
    volume_id: VolumeId | None


class TreeOperations(pyfuse3.Operations):  # type: ignore[misc]  # pyfuse3 has no types for us
    """The handlers; one instance per process, because pyfuse3 knows one mount per process.

    Args:
        tree: what is served.
        library: directory whose file system statfs reports.
        activity: counters, shared with the notifier and status.json.
        catalog_threads: how many catalog questions run at once: as many as the pool has readers.
        on_start: called once, when the kernel has accepted the session; must not block.
        on_open_folder: called with the number of a folder that is opened; must not block.
    """

    supports_dot_lookup = True
    enable_writeback_cache = False
    enable_acl = False

    def __init__(
        self,
        tree: Tree,
        *,
        library: Path,
        activity: Activity,
        catalog_threads: int,
        on_start: Callable[[], None] = lambda: None,
        on_open_folder: Callable[[int], None] = lambda inode: None,
    ) -> None:
        super().__init__()
        self.activity = activity
        self.announced = 0
        self._tree = tree
        self._library = library
        self._on_start = on_start
        self._on_open_folder = on_open_folder
        self._catalog_limiter = trio.CapacityLimiter(catalog_threads)
        self._volume_limiters: defaultdict[VolumeId | None, trio.CapacityLimiter] = defaultdict(
            lambda: trio.CapacityLimiter(VOLUME_THREADS)
        )
        self._owner = os.getuid(), os.getgid()
        self._buffer = memoryview(bytearray(MAX_READ_BYTES))
        self._listings: dict[int, _Listing] = {}
        self._files: dict[int, _Opened] = {}
        self._last_handle = 0

    def init(self) -> None:
        """Note that the session is up. Runs on the loop, before the first request."""
        self._on_start()

    def announce(self) -> None:
        """Note that what was read so far may be stale. Called on the loop, before the kernel is told.

        Handlers compare the number before and after they read, and reply without a checkpoint in between:
        once this returns, no older answer can reach the kernel any more.
        """
        self.announced += 1

    # Names and attributes

    @guarded
    async def lookup(self, parent_inode: int, name: bytes, ctx: pyfuse3.RequestContext) -> EntryAttributes:
        """Return the entry, or a negative one; the kernel may keep both, except in fleeting folders."""
        if name in (b".", b".."):
            return await self._dot(parent_inode, name)
        if self._tree.is_refused(parent_inode, name):
            return _negative(TIMEOUT_S)
        node: Node | None = None
        timeout_s = _entry_timeout_s(parent_inode)
        for _ in range(_FRESH_TRIES):
            announced = self.announced
            try:
                node = await self._ask(self._tree.lookup, Ref(Inode(parent_inode)), name, OWNER)
            except NotFound:
                node = None
            if announced == self.announced:
                return _negative(timeout_s) if node is None else self._attributes(node, entry_s=timeout_s)
        return _negative(0) if node is None else self._attributes(node, entry_s=0, attr_s=0)

    async def _dot(self, inode: int, name: bytes) -> EntryAttributes:
        """Answer NFS, which asks for `.` and `..` of what the kernel has forgotten."""
        if name == b"..":
            inode = await self._ask(self._tree.parent, Ref(Inode(inode)))
        return self._attributes(await self._ask(self._tree.node, inode))

    @guarded
    async def getattr(self, inode: int, ctx: pyfuse3.RequestContext) -> EntryAttributes:
        """Return fresh attributes."""
        return self._attributes(await self._ask(self._tree.node, inode))

    @guarded
    async def access(self, inode: int, mode: int, ctx: pyfuse3.RequestContext) -> bool:
        """Tell whether the owner may: read everything, enter folders, write nothing."""
        if mode & os.W_OK:
            raise FUSEError(errno.EROFS)
        return not (mode & os.X_OK and inodes.is_file(inode))

    async def forget(self, inode_list: Sequence[tuple[int, int]]) -> None:
        """Nothing is remembered, so nothing is forgotten."""

    # Folders

    @guarded
    async def opendir(self, inode: int, ctx: pyfuse3.RequestContext) -> int:
        """Return a handle; nothing is read yet."""
        handle = self._new_handle()
        self._listings[handle] = _Listing(Inode(inode))
        self._on_open_folder(inode)
        return handle

    @guarded
    async def readdir(self, fh: int, start_id: int, token: pyfuse3.ReaddirToken) -> None:
        """Fill the reply with entries and attributes behind the cookie."""
        listing = self._listings[fh]
        for _ in range(_FRESH_TRIES):
            if listing.holds(start_id, self.announced):
                break
            await self._read_page(listing, start_id)
        is_fresh = listing.announced == self.announced
        entry_s, attr_s = (_entry_timeout_s(listing.inode), TIMEOUT_S) if is_fresh else (0.0, 0.0)
        first = bisect_right(listing.cookies, start_id)
        for entry in listing.entries[first:]:
            attributes = self._attributes(entry.node, entry_s=entry_s, attr_s=attr_s)
            if not pyfuse3.readdir_reply(token, entry.name, attributes, entry.cookie):
                return

    async def _read_page(self, listing: _Listing, after: int) -> None:
        announced = self.announced
        entries = await self._ask(self._list, listing.inode, after, listing.wanted)
        listing.fill(after, entries, announced)

    def _list(self, inode: Inode, after: int, wanted: int) -> list[Entry]:
        return list(self._tree.children(Ref(inode), OWNER, after, wanted))

    @guarded
    async def releasedir(self, fh: int) -> None:
        """Forget the page."""
        del self._listings[fh]

    # Files

    @guarded
    async def open(self, inode: int, flags: int, ctx: pyfuse3.RequestContext) -> pyfuse3.FileInfo:
        """Open for reading; generated files bypass the page cache, because their size may change."""
        if flags & os.O_ACCMODE != os.O_RDONLY or flags & os.O_TRUNC:
            raise FUSEError(errno.EROFS)
        source = await self._ask(self._tree.source, Ref(Inode(inode)), OWNER)
        if isinstance(source, Generated):
            return self._opened(OpenBytes(source.node, source.body), None, is_generated=True)
        if isinstance(source, Slice):
            return await self._open_slice(source)
        require_reachable(source.target)
        volume_id = source.target.volume_id
        return self._opened(
            await self._touch(volume_id, open_original, source.node, source.target), volume_id
        )

    async def _open_slice(self, piece: Slice) -> pyfuse3.FileInfo:
        """Open a preview: in the cache, else in its original. The library's disk has threads like the catalog."""
        file = await self._ask(open_cached, piece)
        if file is not None:
            return self._opened(file, None)
        volume_id = require_slice(piece).volume_id
        return self._opened(await self._touch(volume_id, open_slice, piece), volume_id)

    def _opened(
        self, file: OpenFile, volume_id: VolumeId | None, *, is_generated: bool = False
    ) -> pyfuse3.FileInfo:
        handle = self._new_handle()
        self._files[handle] = _Opened(file, volume_id)
        return pyfuse3.FileInfo(fh=handle, direct_io=is_generated, keep_cache=not is_generated)

    @guarded
    async def read(self, fh: int, off: int, size: int) -> bytes | memoryview:
        """Return exactly the bytes; at once if they are in memory, else from a thread of the volume."""
        opened = self._files[fh]
        # libfuse copies the reply before this task can yield, so one buffer serves all inline reads.
        found = opened.file.read_nowait(off, size, self._buffer)
        if found is not None:
            return found
        return await self._touch(opened.volume_id, opened.file.read, off, size)

    @guarded
    async def release(self, fh: int) -> None:
        """Close. Inline: closing a descriptor that never wrote does not wait, on NFS neither."""
        self._files.pop(fh).file.close()

    @guarded
    async def flush(self, fh: int) -> None:
        """Say once that there is nothing to flush; the kernel does not ask again."""
        raise FUSEError(errno.ENOSYS)

    @guarded
    async def fsync(self, fh: int, datasync: bool) -> None:
        """Nothing was written: done."""

    @guarded
    async def fsyncdir(self, fh: int, datasync: bool) -> None:
        """Nothing was written: done."""

    @guarded
    async def poll(self, inode: int, fh: int, poll_handle: object, ctx: pyfuse3.RequestContext) -> int:
        """Regular files are always ready; the kernel does not ask again."""
        raise FUSEError(errno.ENOSYS)

    @guarded
    async def readlink(self, inode: int, ctx: pyfuse3.RequestContext) -> bytes:
        """There are no symlinks."""
        raise FUSEError(errno.EINVAL)

    @guarded
    async def statfs(self, ctx: pyfuse3.RequestContext) -> pyfuse3.StatvfsData:
        """Return the size of the library's file system, and no room: nothing can be written here.

        Volumes are not asked: a hung one would hang `df`.
        """
        found = await self._ask(os.statvfs, self._library)
        answer = pyfuse3.StatvfsData()
        answer.f_bsize = answer.f_frsize = found.f_frsize
        answer.f_blocks, answer.f_bfree, answer.f_bavail = found.f_blocks, 0, 0
        answer.f_files, answer.f_ffree, answer.f_favail = found.f_files, 0, 0
        answer.f_namemax = _NAME_MAX_BYTES
        return answer

    # Extended attributes

    @guarded
    async def getxattr(self, inode: int, name: bytes, ctx: pyfuse3.RequestContext) -> bytes:
        """Return a value; the answer for foreign namespaces costs nothing."""
        if not xattrs.is_supported(name):
            raise FUSEError(errno.EOPNOTSUPP)
        document = None
        if name in xattrs.NAMES and inodes.is_file(inode):
            document = await self._ask(self._tree.document, Ref(Inode(inode)), OWNER)
        if document is None:
            raise FUSEError(pyfuse3.ENOATTR)
        return xattrs.value(document, name)

    @guarded
    async def listxattr(self, inode: int, ctx: pyfuse3.RequestContext) -> Sequence[bytes]:
        """Return the constant names for photos; costs nothing in the views."""
        kind = inodes.unpack(inode).kind
        if kind is inodes.Kind.CONTENT:
            return xattrs.NAMES
        if kind is inodes.Kind.LOCATION:
            document = await self._ask(self._tree.document, Ref(Inode(inode)), OWNER)
            return () if document is None else xattrs.NAMES
        return ()

    # What would write: chmod, chown, truncate and utime are `setattr`

    setattr = refused("setattr")
    mknod = refused("mknod")
    mkdir = refused("mkdir")
    unlink = refused("unlink")
    rmdir = refused("rmdir")
    symlink = refused("symlink")
    rename = refused("rename")
    link = refused("link")
    write = refused("write")
    create = refused("create")
    setxattr = refused("setxattr")
    removexattr = refused("removexattr")

    # Inside

    async def _ask(self, question: Callable[..., _T], *arguments: Any) -> _T:
        """Ask the catalog, in a thread."""
        return await trio.to_thread.run_sync(question, *arguments, limiter=self._catalog_limiter)

    async def _touch(self, volume_id: VolumeId | None, work: Callable[..., _T], *arguments: Any) -> _T:
        """Touch a volume, in one of its threads.

        Abandoned when the mount ends: a thread that hangs in a dead NAS must not keep the process, and it
        only reads.
        """
        return await trio.to_thread.run_sync(
            work, *arguments, limiter=self._volume_limiters[volume_id], abandon_on_cancel=True
        )

    def _new_handle(self) -> int:
        self._last_handle += 1
        return self._last_handle

    def _attributes(
        self, node: Node, *, entry_s: float = TIMEOUT_S, attr_s: float = TIMEOUT_S
    ) -> EntryAttributes:
        answer = EntryAttributes()
        answer.st_ino = node.inode
        answer.st_mode = (stat.S_IFDIR if node.is_dir else stat.S_IFREG) | node.mode
        answer.st_nlink = 1
        answer.st_uid, answer.st_gid = self._owner
        answer.st_size = node.size
        answer.st_blocks = node.blocks
        answer.st_blksize = PREFERRED_IO_BYTES
        answer.st_atime_ns = answer.st_mtime_ns = node.mtime_ns
        answer.st_ctime_ns = node.ctime_ns
        answer.entry_timeout = entry_s
        answer.attr_timeout = 0 if node.is_generated or node.is_fleeting else attr_s
        return answer


def _entry_timeout_s(folder: int) -> float:
    """Return how long the kernel may believe that a name of this folder is, or is not, there."""
    # Nobody announces that a preview was made: what .glassine/by-id/<uid>/ has is asked at each use.
    is_kept = not inodes.is_fleeting(folder) and inodes.unpack(folder).kind is not inodes.Kind.BY_ID
    return TIMEOUT_S if is_kept else 0


def _negative(timeout_s: float) -> EntryAttributes:
    """Return the answer that lets the kernel remember that a name is not there."""
    answer = EntryAttributes()
    answer.st_ino = 0
    answer.entry_timeout = timeout_s
    return answer
