"""Thumbnails for folders of the mount that somebody opened: what is embedded, put where file managers look for them.

The mount may write nothing and speak to nobody (`vfs.confine_server`): it tells its launcher the numbers of folders on a
pipe, and the launcher tells us. The folder opened last comes first; a crawler that opens thousands costs no more than the
last few. Only the user's own cache of thumbnails is written, and only pictures at least as large as those that a file
manager would make: it would believe a smaller one for ever. Must not know: what a preview is made of.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import trio

from catalog.errors import GlassineError, InvalidValue, NotFound
from catalog.ids import ContentId, LocationId, VolumeId
from catalog.library import Library
from catalog.previews import LARGEST, SMALL, cached_path, previews_dir
from catalog.store import listing, previews
from catalog.store.db import Reader, ReaderPool
from catalog.store.previews import Shown
from catalog.values import OWNER, WorkItem
from daemon import freedesktop_thumbnails as thumbnails
from daemon.bell import Bell
from daemon.freedesktop_thumbnails import Original
from daemon.media.preview_protocol import PreviewItem, PreviewResult, Wish, preview_item
from daemon.previews import PictureSource
from vfs.beneath import file_stamp
from vfs.inodes import ROOT, Inode, Kind, unpack
from vfs.nodes import Entry, Node, Ref
from vfs.options import TreeOptions
from vfs.tree import Tree, open_tree

log = logging.getLogger(__name__)

# Photos of one folder: nobody looks at more at once, and 500 take some seconds.
MOST_PHOTOS = 500
# Folders that wait; the newest are wanted.
MOST_FOLDERS = 8
BATCH = 16
# The tree asks with one while the folder's photos are asked about with another.
_READERS = 2
_MAX_DEPTH = 64
_REACHABLE = ("online", "unknown")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A photo without fresh thumbnails: what they say, which sizes, and the file that a worker reads."""

    original: Original
    sizes: tuple[str, ...]
    item: PreviewItem


@dataclass(slots=True)
class _Folder:
    mountpoint: str
    inode: int
    left: list[_Wanted] | None = field(default=None)


class Seeder:
    """Owned by `open_seeding`.

    Args:
        tree: as the mount shows it.
        pool: for questions beside the tree.
        media: who turns previews into PNG.
        target: the user's thumbnails; None = none are wanted.
        cache: where copies of previews lie.
    """

    def __init__(
        self, tree: Tree, pool: ReaderPool, media: PictureSource, *, target: Path | None, cache: Path
    ) -> None:
        self._tree = tree
        self._pool = pool
        self._media = media
        self._target = target
        self._cache = cache
        self._folders: list[_Folder] = []
        self._bell = Bell()
        self.written = 0

    def opened(self, mountpoint: object, inodes: object) -> None:
        """Note that folders were opened, the last one last. Never a checkpoint.

        Raises:
            InvalidValue: that is not what a mount says.
        """
        if not isinstance(mountpoint, str) or not os.path.isabs(mountpoint) or not isinstance(inodes, list):
            raise InvalidValue("opened: a mount point and numbers of folders are wanted")
        if not all(isinstance(one, int) for one in inodes):
            raise InvalidValue("opened: numbers of folders are wanted")
        if self._target is None:
            return
        for inode in inodes:
            self._folders = [one for one in self._folders if one.inode != inode]
            self._folders.append(_Folder(mountpoint, inode))
        del self._folders[:-MOST_FOLDERS]
        self._bell.ring()

    async def run(self) -> None:
        """Write thumbnails as long as folders wait, for ever. Checkpoint."""
        heard = 0
        while True:
            while self._folders:
                await self._step(self._folders[-1])
            heard = await self._bell.wait(heard)

    async def _step(self, folder: _Folder) -> None:
        """Do a few photos of a folder, or find out which."""
        try:
            if folder.left is None:
                folder.left = await trio.to_thread.run_sync(self._wanted, folder.mountpoint, folder.inode)
            batch, folder.left = folder.left[:BATCH], folder.left[BATCH:]
            if batch:
                results = await self._media.read([one.item for one in batch])
                for one, result in zip(batch, results, strict=True):
                    if isinstance(result, PreviewResult) and result.pictures:
                        bodies = [picture.body for picture in result.pictures]
                        await trio.to_thread.run_sync(self._write, one, bodies)
        except (
            GlassineError,
            OSError,
        ) as error:  # a convenience: whatever fails, file managers help themselves
            # Folders of `.glassine` are in no listing: nobody wants thumbnails of them, every client opens thousands.
            level = logging.DEBUG if isinstance(error, NotFound) else logging.INFO
            log.log(level, "no thumbnails for a folder of %s: %s", folder.mountpoint, error)
            folder.left = []
        if not folder.left and folder in self._folders:
            self._folders.remove(folder)

    def _write(self, wanted: _Wanted, bodies: Sequence[bytes]) -> None:
        assert self._target is not None
        for size, body in zip(wanted.sizes, bodies, strict=False):
            try:
                told = thumbnails.with_texts(body, wanted.original, edge_px=thumbnails.SIZES[size])
            except ValueError as error:
                log.info("no thumbnail of %s: %s", wanted.original.uri, error)
                continue
            thumbnails.write(thumbnails.path_of(self._target, size, wanted.original.uri), told)
            self.written += 1

    # What is asked of the catalog, in a thread

    def _wanted(self, mountpoint: str, inode: int) -> list[_Wanted]:
        """Return the photos of a folder that lack thumbnails, in its order. Blocks."""
        node = self._tree.node(inode)
        if not node.is_dir:
            return []
        path = b"/".join([os.fsencode(mountpoint).rstrip(b"/"), *self._names_to(node.inode)])
        entries = (entry for entry in self._tree.children(node, OWNER) if not entry.node.is_dir)
        with self._pool.reader() as reader:
            found = (self._wanted_of(reader, path, entry) for entry in islice(entries, MOST_PHOTOS))
            return [one for one in found if one is not None]

    def _names_to(self, inode: Inode) -> list[bytes]:
        """Return the names from the root to a folder; NotFound for one that no folder lists."""
        names: list[bytes] = []
        for _ in range(_MAX_DEPTH):
            if inode == ROOT:
                return names[::-1]
            above = self._tree.parent(Ref(inode))
            names.append(self._name_in(above, inode))
            inode = above
        raise NotFound("too deep")

    def _name_in(self, folder: Inode, inode: Inode) -> bytes:
        for entry in self._tree.children(Ref(folder), OWNER):
            if entry.node.inode == inode:
                return entry.name
        raise NotFound(f"no folder lists inode {inode:x}")

    def _wanted_of(self, reader: Reader, folder: bytes, entry: Entry) -> _Wanted | None:
        assert self._target is not None
        node = entry.node
        content_id = _content_of(reader, node)
        shown = None if content_id is None else _best(reader, content_id)
        if shown is None or node.mime is None:
            return None
        original = Original(
            thumbnails.uri_of(folder + b"/" + entry.name), node.mtime_ns // 10**9, node.size, node.mime
        )
        edge_px = max(shown.chosen.width, shown.chosen.height)
        sizes = tuple(
            size
            for size, needed_px in thumbnails.SIZES.items()
            if edge_px >= needed_px
            and not thumbnails.is_fresh(thumbnails.path_of(self._target, size, original.uri), original)
        )
        item = self._item(reader, shown, sizes) if sizes else None
        return None if item is None else _Wanted(original, sizes, item)

    def _item(self, reader: Reader, shown: Shown, sizes: Sequence[str]) -> PreviewItem | None:
        """Return the file that a worker shall read: the copy in the cache, else the original if it is there."""
        edges = [thumbnails.SIZES[size] for size in sizes]
        if shown.hash is not None:
            for slot in shown.slots:
                path = cached_path(self._cache, shown.hash, slot)
                item = _cached_item(self._cache, path, shown)
                if item is not None:
                    return preview_item(item, [("png", edge, 0, item.size, 1) for edge in edges])
        target = listing.open_target_of_content(reader, shown.content_id)
        chosen = shown.chosen
        if target is None or chosen.offset is None or target.volume_state not in _REACHABLE:
            return None
        item = WorkItem(
            LocationId(0), shown.content_id, target.volume_id, target.root, target.path, target.size,
            target.mtime_ns, target.ctime_ns, target.inode,
        )  # fmt: skip
        wishes: list[Wish] = [
            ("png", edge, chosen.offset, chosen.length, chosen.orientation) for edge in edges
        ]
        return preview_item(item, wishes)


def _content_of(reader: Reader, node: Node) -> ContentId | None:
    at = unpack(node.inode)
    if at.kind in (Kind.CONTENT, Kind.PREVIEW):
        return ContentId(at.key)
    if at.kind is not Kind.LOCATION:
        return None
    row = listing.location_by_id(reader, LocationId(at.key))
    return None if row is None else row.content_id


def _best(reader: Reader, content_id: ContentId) -> Shown | None:
    return previews.preview_of(reader, content_id, SMALL) or previews.preview_of(reader, content_id, LARGEST)


def _cached_item(cache: Path, path: Path, shown: Shown) -> WorkItem | None:
    """Return a file of the cache as workers take files: a path below a root, and what it is known to be."""
    try:
        stamp = file_stamp(os.stat(path, follow_symlinks=False))
    except OSError:
        return None
    if stamp.size != shown.size:
        return None
    return WorkItem(
        LocationId(0), shown.content_id, VolumeId(0), os.fsencode(cache), os.fsencode(path.relative_to(cache)),
        stamp.size, stamp.mtime_ns, stamp.ctime_ns, stamp.inode,
    )  # fmt: skip


@asynccontextmanager
async def open_seeding(
    library: Library, options: TreeOptions, media: PictureSource, *, is_wanted: bool
) -> AsyncIterator[Seeder]:
    """Write thumbnails for the length of the block.

    Args:
        library: whose mounts tell what is opened.
        options: how their tree looks.
        media: who turns previews into PNG.
        is_wanted: False = nothing is ever written.
    """
    target = thumbnails.thumbnails_dir(os.environ) if is_wanted else None
    pool = ReaderPool(library, _READERS)
    try:
        tree = open_tree(library, pool, clock=time.time_ns, report=dict, options=options)
        seeder = Seeder(tree, pool, media, target=target, cache=previews_dir(library.cache_dir))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(seeder.run)
            yield seeder
            nursery.cancel_scope.cancel()
    finally:
        pool.close()
