"""The virtual tree: synchronous, pure over the catalog, three doors with a viewer (lookup, children, open).

Every frontend (FUSE, WebDAV, command line, tests) comes through here; none of them knows a view, and no view
knows a frontend. The tree is made of readers alone: it never writes, opens no original except in `open`, and
holds nothing that cannot be rebuilt. Thread-safe: each call takes a reader of its own from the pool.

Invariants:
- a node can be made again from its inode number alone (`node`), after a restart too;
- names of a folder are unique, and `lookup` gives exactly what `children` showed;
- a name that file managers probe for is refused without touching the catalog, except in `Originals/`;
- listing touches no volume; an offline volume's entries stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from catalog.buckets import Bucket
from catalog.errors import NotFound, UsageError
from catalog.ids import ContentId, LocationId
from catalog.library import Library
from catalog.names import fold
from catalog.previews import previews_dir
from catalog.store import library_facts, listing, photos
from catalog.store.db import Reader, ReaderPool
from catalog.values import OpenTarget, Viewer
from catalog.zones import local_day
from vfs import web
from vfs.content import OpenBytes, OpenFile, open_original
from vfs.inodes import ROOT, Inode, Kind, Unpacked, pack, unpack
from vfs.nodes import Entry, Named, Node
from vfs.options import TreeOptions, ViewPaths
from vfs.slices import Slice, open_cached, open_slice
from vfs.views.contract import Step, missing, page
from vfs.views.folders import fixed_node, photo_node
from vfs.views.originals import entry_by_inode
from vfs.views.preview_nodes import piece_of
from vfs.views.root import RootNames
from vfs.views.search import SEARCH
from vfs.views.service import SERVICE_NAME, Served, ServiceView
from vfs.views.table import ViewTable

__all__ = ["Generated", "Original", "Slice", "Tree", "TreeOptions", "is_probe", "open_tree"]

PAGE_ENTRIES = 1000  # one query and, over FUSE, one hop to a thread; about 0.5 MB while it is held
_ORIGINALS_KINDS = frozenset({Kind.VOLUME, Kind.DIRECTORY})
_PREVIEW_KINDS = frozenset({Kind.THUMB, Kind.PREVIEW})
_PROBES = frozenset(
    {
        b".hidden", b".directory", b".xdg-volume-info", b".Trash", b".DS_Store", b".localized", b".Spotlight-V100",
        b".fseventsd", b".TemporaryItems", b".apdisk", b".git", b".nomedia", b"autorun.inf", b"AutoRun.inf",
        b"desktop.ini", b"Desktop.ini", b"Thumbs.db", b"thumbs.db", b"mach_kernel",
    }
)  # fmt: skip
_PROBE_PREFIXES = (b"._", b".Trash-", b".fuse_hidden", b".nfs")


class Original(NamedTuple):
    """A file that lies on a volume: how it is shown, and what must be found there."""

    node: Node
    target: OpenTarget


class Generated(NamedTuple):
    """A file that we make: how it is shown, and its bytes of the same moment."""

    node: Node
    body: bytes


class Tree:
    """See the module. Owned by its frontend, which closes the pool.

    Args:
        pool: readers; the tree uses one at a time per calling thread.
        served: what `.glassine/status.json` says of the serving process.
        clock: ns since 1970.
        options: names, and how far back views look.
        previews: where copies of previews lie.
    """

    def __init__(
        self,
        pool: ReaderPool,
        served: Served,
        *,
        clock: Callable[[], int],
        options: TreeOptions | None = None,
        previews: Path | None = None,
    ) -> None:
        chosen = options or TreeOptions()
        self._previews = previews or previews_dir(Library(served.library).cache_dir)
        self._pool = pool
        self._served = served
        self._names = RootNames(chosen.names)
        with pool.reader() as reader:
            zone = reader.zone
        self._service = ServiceView(served, lambda: ViewPaths(chosen, local_day(clock(), zone)))
        self._views = ViewTable(
            self._service, zone=zone, created_ns=served.created_ns, clock=clock, options=chosen
        )

    # The three doors

    def lookup(self, parent: Named, name: bytes, viewer: Viewer) -> Node:
        """Return the entry of exactly this name; in leaf folders `name~id.ext` resolves too.

        Raises:
            NotFound: there is none; unknown names never create anything.
        """
        at = unpack(parent.inode)
        if self.is_refused(parent.inode, name):
            raise missing(name)
        with self._snapshot() as reader:
            if parent.inode == ROOT:
                return self._node(reader, unpack(self._root_entry(name)))
            return self._views.view(at).lookup(reader, at, name, viewer)

    def children(
        self, node: Named, viewer: Viewer, after: int = 0, limit: int | None = None
    ) -> Iterator[Entry]:
        """Yield entries with cookies above `after`, ascending: at most `limit`, else all.

        Each page of `PAGE_ENTRIES` is one query in a snapshot of its own, and no reader is held between pages.
        """
        at = unpack(node.inode)
        left = limit
        while left is None or left > 0:
            wanted = PAGE_ENTRIES if left is None else left
            entries = self._page(at, viewer, after, wanted)
            yield from entries
            if len(entries) < wanted:
                return
            after = entries[-1].cookie
            left = None if left is None else left - len(entries)

    def open(self, node: Named, viewer: Viewer) -> OpenFile:
        """Open a file. Blocks on its volume.

        Raises:
            NotFound, UsageError: gone, or a folder.
            VolumeOffline, ChangedUnderneath, Unreadable: see `vfs.content.open_original`. A preview that lies in the
                cache is opened there.
        """
        source = self.source(node, viewer)
        if isinstance(source, Generated):
            return OpenBytes(source.node, source.body)
        if isinstance(source, Slice):
            return open_cached(source) or open_slice(source)
        return open_original(source.node, source.target)

    # Beside the doors

    def source(self, node: Named, viewer: Viewer) -> Original | Generated | Slice:
        """Do the first half of `open`, which touches the catalog only: for frontends that wait elsewhere."""
        at = unpack(node.inode)
        with self._snapshot() as reader:
            if at.kind is Kind.CONTENT:
                return Original(
                    self._node(reader, at),
                    _found(listing.open_target_of_content(reader, ContentId(at.key)), at),
                )
            if at.kind is Kind.LOCATION:
                return Original(
                    self._node(reader, at),
                    _found(listing.open_target_of_location(reader, LocationId(at.key)), at),
                )
            if at.kind in _PREVIEW_KINDS:
                return piece_of(reader, at, self._previews)
            found = self._node(reader, at)
            if found.is_dir:
                raise UsageError("a folder has no bytes")
            return Generated(*self._service.generated(reader, at))

    def root(self) -> Node:
        """Return the root."""
        return fixed_node(ROOT, self._served.created_ns)

    def node(self, inode: int) -> Node:
        """Return a node by its number, with fresh attributes; NotFound if it is gone or was never ours."""
        at = unpack(inode)
        with self._snapshot() as reader:
            return self._node(reader, at)

    def parent(self, node: Named) -> Inode:
        """Return the folder that holds a folder; the root is its own."""
        at = unpack(node.inode)
        if node.inode == ROOT:
            return ROOT
        if at.kind in (Kind.CONTENT, Kind.LOCATION, Kind.META, *_PREVIEW_KINDS):
            raise UsageError("a file may be in several folders")
        with self._pool.reader() as reader:
            return self._views.view(at).parent(reader, at)

    def resolve(self, path: bytes, viewer: Viewer) -> Node:
        """Return the node at a path below the root; exact names, empty components ignored."""
        found = self.root()
        for name in path.split(b"/"):
            if name:
                found = self.lookup(found, name, viewer)
        return found

    def steps(self, bucket: Bucket) -> list[Step]:
        """Return every name from the root to a leaf folder; empty if its view is switched off."""
        fixed, view = self._views.static[bucket.view]
        name = self._names.name(fixed)
        if name is None:
            return []
        with self._pool.reader() as reader:
            return [Step(ROOT, name), *view.steps(reader, bucket)]

    def leaf(self, bucket: Bucket) -> Inode:
        """Return the number of a leaf folder."""
        return self._views.static[bucket.view][1].leaf(bucket)

    def chain(self, view: int, row: int) -> list[Inode]:
        """Return the numbers of the folder of an album, tag or person (0 = the view's root) and of those above it.

        The root of the view is the last; empty for a view that this program does not know.
        """
        labelled = self._views.labelled.get(view)
        if labelled is None:
            return []
        with self._pool.reader() as reader:
            return labelled.chain(reader, row)

    def is_refused(self, parent: int, name: bytes) -> bool:
        """Tell whether a folder can have no entry of this name, without touching the catalog."""
        return is_probe(parent, name) or (parent == SEARCH and self._views.search.predicate(name) is None)

    def top_names(self) -> list[bytes]:
        """Return the names below the root that a client may have cached."""
        return [name for name, _, _ in self._names.listed()] + [SERVICE_NAME]

    def document(self, node: Named, viewer: Viewer) -> dict[str, Any] | None:
        """Return the photo document (CLI.md) of a file in a view or in `Originals/`; None if it is no photo."""
        at = unpack(node.inode)
        with self._snapshot() as reader:
            content_id: int | None = at.key if at.kind is Kind.CONTENT else None
            if at.kind is Kind.LOCATION:
                location = listing.location_by_id(reader, LocationId(at.key))
                content_id = None if location is None else location.content_id
            row = None if content_id is None else listing.photo_by_content(reader, ContentId(content_id))
            return None if row is None else photos.documents(reader, [row.asset_id])[0]

    # Faces for clients that fold case and Unicode, and cannot carry raw bytes

    def children_web(self, node: Named, viewer: Viewer) -> Iterator[Entry]:
        """Yield all entries with names that are UTF-8 and legal everywhere."""
        if not _is_original_folder(node.inode):
            yield from self.children(node, viewer)
            return
        for entry in self.children(node, viewer):
            yield entry._replace(name=web.shown_name(entry.name, entry.node.inode).encode())

    def lookup_web(self, parent: Named, name: str, viewer: Viewer) -> Node:
        """Return the entry of this name as `children_web` shows it; else the only one equal but for case or form."""
        for candidate in web.raw_candidates(name):
            try:
                node = self.lookup(parent, candidate, viewer)
            except NotFound:
                continue
            if not _is_original_folder(parent.inode) or web.shown_name(candidate, node.inode) == name:
                return node
        return self._suffixed_original(parent, name) or self._folded(parent, name, viewer)

    def resolve_web(self, parts: Sequence[str], viewer: Viewer) -> Node:
        """Return the node at a path of a URL, already split and decoded."""
        found = self.root()
        for part in parts:
            if part:
                found = self.lookup_web(found, part, viewer)
        return found

    # Inside

    def _folded(self, parent: Named, name: str, viewer: Viewer) -> Node:
        if is_probe(parent.inode, name.encode("utf-8", "replace")) or web.is_junk(name):
            raise missing(name)
        at = unpack(parent.inode)
        if parent.inode != ROOT:
            with self._snapshot() as reader:
                found = self._views.view(at).folded(reader, at, name)
            if found is not None:
                return found
        wanted = fold(name)
        matches = [
            entry.node for entry in self.children_web(parent, viewer) if fold(entry.name.decode()) == wanted
        ]
        if len(matches) != 1:
            raise missing(name)
        return matches[0]

    def _suffixed_original(self, parent: Named, name: str) -> Node | None:
        """Find a cleaned name of `Originals/` by its suffix: no need to read the folder."""
        inode = web.inode_of_suffixed(name) if _is_original_folder(parent.inode) else None
        if inode is None:
            return None
        at = unpack(parent.inode)
        with self._snapshot() as reader:
            entry = entry_by_inode(reader, at, inode)
        if entry is None or web.shown_name(entry.name, entry.node.inode) != name:
            return None
        return entry.node

    @contextmanager
    def _snapshot(self) -> Iterator[Reader]:
        """Lend a reader that sees one moment: what two queries say of one answer agrees."""
        with self._pool.reader() as reader, reader.snapshot():
            yield reader

    def _page(self, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        with self._snapshot() as reader:
            if pack(*at) != ROOT:
                return self._views.view(at).children(reader, at, viewer, after, limit)
            entries = [
                Entry(name, cookie, self._node(reader, unpack(inode)))
                for name, inode, cookie in self._names.listed()
            ]
            return page(entries, after, limit)

    def _node(self, reader: Reader, at: Unpacked) -> Node:
        if pack(*at) == ROOT:
            return self.root()
        if at.kind is Kind.CONTENT:
            row = listing.photo_by_content(reader, ContentId(at.key))
            if row is None:
                raise missing(f"content {at.key}")
            return photo_node(row)
        return self._views.view(at).node(reader, at)

    def _root_entry(self, name: bytes) -> Inode:
        inode = self._names.inode(name)
        if inode is None:
            raise missing(name)
        return inode


def is_probe(parent: int, name: bytes) -> bool:
    """Tell whether programs only probe for this name and no view can have it. Pure; costs nothing."""
    if name not in _PROBES and not name.startswith(_PROBE_PREFIXES):
        return False
    return not _is_original_folder(parent)


def _is_original_folder(inode: int) -> bool:
    return inode >> 55 in _ORIGINALS_KINDS


def _found(target: OpenTarget | None, at: Unpacked) -> OpenTarget:
    if target is None:
        raise missing(f"{at.kind.name.lower()} {at.key}")
    return target


def open_tree(
    library: Library,
    pool: ReaderPool,
    *,
    clock: Callable[[], int],
    report: Callable[[], dict[str, object]],
    options: TreeOptions | None = None,
) -> Tree:
    """Return the tree of a library, as every frontend makes it."""
    with pool.reader() as reader:
        created_ns = library_facts.created_ns(reader)
        served = Served(library=library.path, zone=reader.zone.key, created_ns=created_ns, report=report)
    previews = previews_dir(library.cache_dir)
    return Tree(pool, served, clock=clock, options=options, previews=previews)
