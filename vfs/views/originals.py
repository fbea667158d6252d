"""Originals/<volume>/…: the volumes as they are, raw names, sizes and times; no photo needs to be known.

Nodes come from the catalog alone: a volume that is away keeps its entries, and listing it touches no disk.
"""

from __future__ import annotations

from catalog.ids import DirectoryId, LocationId, VolumeId
from catalog.store import listing, volumes
from catalog.store.db import Reader
from catalog.values import DirectoryRow, OriginalRow, Viewer, Volume
from vfs.inodes import Fixed, Inode, Kind, Unpacked, pack, unpack
from vfs.nodes import DIRECTORY_MIME, Entry, Node
from vfs.views.contract import missing, page
from vfs.views.folders import fixed_node

ORIGINALS = pack(Kind.FIXED, Fixed.ORIGINALS)
_HIDDEN_STATES = frozenset({"retired"})


class OriginalsView:
    """See `vfs.views.contract.View`. The root directory of a volume is the volume's own folder."""

    def __init__(self, created_ns: int) -> None:
        self._created_ns = created_ns

    def node(self, reader: Reader, at: Unpacked) -> Node:
        """Return Originals, a volume, a directory or a file."""
        if at.kind is Kind.FIXED:
            return fixed_node(ORIGINALS, self._created_ns)
        if at.kind is Kind.VOLUME:
            return _volume_node(reader, _volume(reader, at.key))
        if at.kind is Kind.LOCATION:
            return _existing(listing.location_by_id(reader, LocationId(at.key)), at)
        directory = listing.directory_by_id(reader, DirectoryId(at.key))
        if directory is None:
            raise missing(f"directory {at.key}")
        return directory_node(directory)

    def lookup(self, reader: Reader, at: Unpacked, name: bytes, viewer: Viewer) -> Node:
        """Return a volume by its name, or an entry by its raw name."""
        if at.kind is Kind.FIXED:
            for volume in shown_volumes(reader):
                if volume.name.encode() == name:
                    return _volume_node(reader, volume)
            raise missing(name)
        directory_id = directory_of(reader, at)
        row = None if directory_id is None else listing.original_named(reader, directory_id, name)
        if row is None:
            raise missing(name)
        return original_node(row)

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return volumes, or the entries of a directory; cookies as `original_cookie` says."""
        if at.kind is Kind.FIXED:
            entries = [
                Entry(volume.name.encode(), volume.id, _volume_node(reader, volume))
                for volume in shown_volumes(reader)
            ]
            return page(entries, after, limit)
        directory_id = directory_of(reader, at)
        if directory_id is None:
            return []
        rows = listing.originals_in(reader, directory_id, after, limit)
        return [Entry(row.name, listing.original_cookie(row), original_node(row)) for row in rows]

    def parent(self, reader: Reader, at: Unpacked) -> Inode:
        """Return the folder above."""
        if at.kind is Kind.FIXED:
            return pack(Kind.FIXED, Fixed.ROOT)
        if at.kind is Kind.VOLUME:
            return ORIGINALS
        directory = listing.directory_by_id(reader, DirectoryId(at.key))
        if directory is None or directory.parent_id is None:
            raise missing(f"directory {at.key}")
        above = listing.directory_by_id(reader, directory.parent_id)
        assert above is not None, "a directory's parent is a row"
        return directory_inode(above)

    def folded(self, reader: Reader, at: Unpacked, name: str) -> None:
        """Nothing here has an index by folded name."""


def shown_volumes(reader: Reader) -> list[Volume]:
    """Return the volumes that have a folder."""
    return [volume for volume in volumes.volumes(reader) if volume.state not in _HIDDEN_STATES]


def directory_inode(row: DirectoryRow) -> Inode:
    """Return the number of a directory; the root directory of a volume is the volume's folder."""
    if row.parent_id is None:
        return pack(Kind.VOLUME, row.volume_id)
    return pack(Kind.DIRECTORY, row.id)


def directory_node(row: DirectoryRow) -> Node:
    """Return the node of a directory of a volume."""
    return Node(directory_inode(row), True, 0, row.mtime_ns, row.ctime_ns, DIRECTORY_MIME)


def original_node(row: OriginalRow) -> Node:
    """Return the node of an entry: the file's own size and times."""
    if row.directory_id is not None:
        inode = pack(Kind.DIRECTORY, row.directory_id)
        return Node(inode, True, 0, row.mtime_ns, row.ctime_ns, DIRECTORY_MIME)
    assert row.location_id is not None, "an entry of Originals/ is a directory or a file"
    inode = pack(Kind.LOCATION, row.location_id)
    return Node(inode, False, row.size, row.mtime_ns, row.ctime_ns, row.mime, row.hash)


def directory_of(reader: Reader, at: Unpacked) -> DirectoryId | None:
    """Return the row behind a folder; None for a volume that was never listed."""
    if at.kind is Kind.DIRECTORY:
        return DirectoryId(at.key)
    root = listing.root_directory(reader, VolumeId(at.key))
    return None if root is None else root.id


def entry_by_inode(reader: Reader, folder: Unpacked, inode: Inode) -> Entry | None:
    """Return the entry with this number if the folder holds it."""
    kind, key = unpack(inode)
    if kind is Kind.DIRECTORY:
        directory = listing.directory_by_id(reader, DirectoryId(key))
        name = None if directory is None else directory.path.rpartition(b"/")[2]
    else:
        location = listing.location_by_id(reader, LocationId(key))
        name = None if location is None else location.name
    directory_id = directory_of(reader, folder)
    if name is None or directory_id is None:
        return None
    row = listing.original_named(reader, directory_id, name)
    if row is None or original_node(row).inode != inode:
        return None
    return Entry(row.name, listing.original_cookie(row), original_node(row))


def _volume(reader: Reader, volume_id: int) -> Volume:
    for volume in shown_volumes(reader):
        if volume.id == volume_id:
            return volume
    raise missing(f"volume {volume_id}")


def _volume_node(reader: Reader, volume: Volume) -> Node:
    inode = pack(Kind.VOLUME, volume.id)
    root = listing.root_directory(reader, volume.id)
    if root is None:
        return fixed_node(inode, volume.created_ns)
    return Node(inode, True, 0, root.mtime_ns, root.ctime_ns, DIRECTORY_MIME)


def _existing(row: OriginalRow | None, at: Unpacked) -> Node:
    if row is None:
        raise missing(f"location {at.key}")
    return original_node(row)
