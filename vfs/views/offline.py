"""Offline/<volume>/: the photos that cannot be opened now, by the volume that holds them."""

from __future__ import annotations

from catalog.query import Predicate
from catalog.store import dynamic
from catalog.store.db import Reader
from catalog.values import Viewer, Volume
from vfs.inodes import Fixed, Inode, Kind, Unpacked, pack
from vfs.nodes import Entry, Node
from vfs.views.contract import missing, page
from vfs.views.dynamic import fleeting_node, fleeting_nodes, matching, matching_folded, matching_photo

OFFLINE = pack(Kind.FIXED, Fixed.OFFLINE)


class OfflineView:
    """See `vfs.views.contract.View`."""

    def node(self, reader: Reader, at: Unpacked) -> Node:
        """Return Offline, or a volume that is away."""
        if at.kind is Kind.OFFLINE:
            _volume(reader, at)
        return fleeting_node(reader, pack(*at))

    def lookup(self, reader: Reader, at: Unpacked, name: bytes, viewer: Viewer) -> Node:
        """Return a volume, or a photo."""
        if at.kind is Kind.OFFLINE:
            return matching_photo(reader, _held(reader, at), name)
        for volume in dynamic.offline_volumes(reader):
            if volume.name.encode() == name:
                return fleeting_node(reader, pack(Kind.OFFLINE, volume.id))
        raise missing(name)

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return volumes, or photos."""
        if at.kind is Kind.OFFLINE:
            return matching(reader, _held(reader, at), after, limit)
        found = dynamic.offline_volumes(reader)
        nodes = fleeting_nodes(reader, [pack(Kind.OFFLINE, volume.id) for volume in found])
        entries = [
            Entry(volume.name.encode(), volume.id, node) for volume, node in zip(found, nodes, strict=True)
        ]
        return page(entries, after, limit)

    def parent(self, reader: Reader, at: Unpacked) -> Inode:
        """Return the folder above."""
        return pack(Kind.FIXED, Fixed.ROOT) if at.kind is Kind.FIXED else OFFLINE

    def folded(self, reader: Reader, at: Unpacked, name: str) -> Node | None:
        """Find a photo; volumes are few."""
        return None if at.kind is Kind.FIXED else matching_folded(reader, _held(reader, at), name)


def _volume(reader: Reader, at: Unpacked) -> Volume:
    for volume in dynamic.offline_volumes(reader):
        if volume.id == at.key:
            return volume
    raise missing(f"offline volume {at.key}")


def _held(reader: Reader, at: Unpacked) -> Predicate:
    return dynamic.of_offline_volume(_volume(reader, at))
