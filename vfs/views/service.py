"""`.glassine/`: what programs ask for. Found by name, not listed in the root.

`by-id/<uid>/original` and `meta.json` for every photo ever known, and what is embedded in it (`vfs.views.preview_nodes`;
old uids of merged photos too; by-id lists nothing, since nobody wants a million folders), `status.json` (the command line finds the library by it), `version`.
Generated files are made when they are looked at and again when they are opened: size and bytes of one open agree.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from catalog.errors import NotFound
from catalog.ids import AssetId
from catalog.store import changes, listing, photos, progress, standing
from catalog.store.db import Reader
from catalog.store.texts import instant_text
from catalog.store.volumes import volumes
from catalog.values import PhotoRow, Viewer, Volume
from vfs.inodes import Fixed, Inode, Kind, Unpacked, pack, unpack
from vfs.nodes import Entry, Node
from vfs.options import ViewPaths
from vfs.views.contract import missing, page
from vfs.views.folders import decoded, fixed_node, photo_node
from vfs.views.preview_nodes import SLOT_BY_NAME, preview_node, thumb_node

SERVICE = pack(Kind.FIXED, Fixed.SERVICE)
BY_ID = pack(Kind.FIXED, Fixed.SERVICE_BY_ID)
STATUS = pack(Kind.FIXED, Fixed.STATUS)
VERSION = pack(Kind.FIXED, Fixed.VERSION)
SERVICE_NAME = b".glassine"
ORIGINAL_NAME = b"original"
META_NAME = b"meta.json"
_BY_NAME = {b"by-id": BY_ID, b"status.json": STATUS, b"version": VERSION}
_JSON = "application/json"
_TEXT = "text/plain"


@dataclass(frozen=True, slots=True)
class Served:
    """What the process that serves the tree knows of itself.

    Attributes:
        library: absolute path.
        zone: name of the library's zone.
        created_ns: when the library was made.
        report: fresh JSON fields of the frontend (operations, errors) under the key `frontend`.
    """

    library: Path
    zone: str
    created_ns: int
    report: Callable[[], dict[str, object]]


class ServiceView:
    """See `vfs.views.contract.View`.

    Args:
        served: what is told of the serving process.
        paths: where photos are found in this tree, today.
    """

    def __init__(self, served: Served, paths: Callable[[], ViewPaths]) -> None:
        self._served = served
        self._paths = paths

    def node(self, reader: Reader, at: Unpacked) -> Node:
        """Return a folder, or a generated file with the size that it has now."""
        inode = pack(*at)
        if inode in (SERVICE, BY_ID):
            return fixed_node(inode, self._served.created_ns)
        if at.kind is Kind.BY_ID:
            return fixed_node(inode, _photo(reader, at.key).ctime_ns)
        if at.kind in (Kind.THUMB, Kind.PREVIEW):
            return preview_node(reader, at)
        return self._generated(reader, at)

    def lookup(self, reader: Reader, at: Unpacked, name: bytes, viewer: Viewer) -> Node:
        """Return an entry; below by-id any uid that was ever given out, in full."""
        if at.kind is Kind.BY_ID:
            if name == ORIGINAL_NAME:
                return photo_node(_photo(reader, at.key))
            if name == META_NAME:
                return self._generated(reader, Unpacked(Kind.META, at.key))
            return self._preview(reader, at, name)
        if pack(*at) == BY_ID:
            row = listing.photo_by_uid(reader, decoded(name))
            if row is None:
                raise missing(name)
            return fixed_node(pack(Kind.BY_ID, row.asset_id), row.ctime_ns)
        if name not in _BY_NAME:
            raise missing(name)
        return self.node(reader, unpack(_BY_NAME[name]))

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return what the folder shows; nothing for by-id."""
        if at.kind is Kind.BY_ID:
            names = [ORIGINAL_NAME, META_NAME, *SLOT_BY_NAME]
        else:
            names = [] if pack(*at) == BY_ID else list(_BY_NAME)
        entries = []
        for number, name in enumerate(names, start=1):
            with suppress(NotFound):  # nothing is embedded for the slot
                entries.append(Entry(name, number, self.lookup(reader, at, name, viewer)))
        return page(entries, after, limit)

    def parent(self, reader: Reader, at: Unpacked) -> Inode:
        """Return the folder above."""
        if at.kind is Kind.BY_ID:
            return BY_ID
        return SERVICE if pack(*at) == BY_ID else pack(Kind.FIXED, Fixed.ROOT)

    def folded(self, reader: Reader, at: Unpacked, name: str) -> None:
        """Nothing here has an index by folded name."""

    def body(self, reader: Reader, at: Unpacked) -> bytes:
        """Return the bytes of a generated file, as of now."""
        if at.kind is Kind.META:
            row = _photo(reader, at.key)
            (document,) = photos.documents(reader, [row.asset_id])
            return _json({**document, "views": self._paths().all_shown(document["views"])})
        if pack(*at) == VERSION:
            return metadata.version("glassine").encode() + b"\n"
        return _json(self._status(reader))

    def generated(self, reader: Reader, at: Unpacked) -> tuple[Node, bytes]:
        """Return node and bytes of one moment."""
        body = self.body(reader, at)
        changed_ns = self._served.created_ns
        if at.kind is Kind.META:
            changed_ns = _photo(reader, at.key).ctime_ns
        node = Node(
            inode=pack(*at),
            is_dir=False,
            size=len(body),
            mtime_ns=changed_ns,
            ctime_ns=changed_ns,
            mime=_TEXT if pack(*at) == VERSION else _JSON,
            is_generated=True,
        )
        return node, body

    def _preview(self, reader: Reader, at: Unpacked, name: bytes) -> Node:
        slot = SLOT_BY_NAME.get(name)
        node = None if slot is None else thumb_node(reader, _photo(reader, at.key).content_id, slot)
        if node is None:
            raise missing(name)
        return node

    def _generated(self, reader: Reader, at: Unpacked) -> Node:
        return self.generated(reader, at)[0]

    def _status(self, reader: Reader) -> dict[str, object]:
        counts, stands = progress.volume_counts(reader), standing.standings(reader)
        return {
            "library": str(self._served.library),
            "version": metadata.version("glassine"),
            "zone": self._served.zone,
            "generation": changes.latest_seq(reader),
            "volumes": [
                _volume_status(
                    volume,
                    counts.get(volume.id, progress.VolumeCounts()),
                    stands.get(volume.id, standing.Standing()),
                )
                for volume in volumes(reader)
            ],
            "frontend": self._served.report(),
        }


def _volume_status(
    volume: Volume, counts: progress.VolumeCounts, stands: standing.Standing
) -> dict[str, object]:
    """Return what is told of a volume; the names are those of `glassine status --json`, times RFC 3339 in UTC."""
    return {
        "name": volume.name,
        "mode": volume.mode,
        "state": volume.state,
        "reason": volume.state_reason,
        "since": instant_text(volume.state_since_ns),
        "files": counts.present,
        "missing": counts.missing,
        "damaged": stands.damaged,
        "hold": volume.hold,
        "away": [path.decode("utf-8", "replace") for path in stands.away],
        "is_scanning": counts.is_scanning,
        "last_full_scan": _instant(volume.full_scan_ns),
        "last_quick_scan": _instant(volume.quick_scan_ns),
        "verified_since": _instant(stands.verified_ns),
    }


def _instant(ns: int | None) -> str | None:
    return None if ns is None else instant_text(ns)


def _photo(reader: Reader, asset_id: int) -> PhotoRow:
    row = listing.photo_by_asset(reader, AssetId(asset_id))
    if row is None:
        raise missing(f"asset {asset_id}")
    return row


def _json(document: dict[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"
