"""Files of previews: `thumb-256.jpg`, `thumb-1024.jpg`, `motion.mp4` beside an original, and pictures of `Previews/`.

Their numbers are made of the content's row; sizes are exact; times are the photo's. What they are made of is told by
`piece_of`, which touches the catalog alone.
"""

from __future__ import annotations

from pathlib import Path

from catalog.ids import ContentId
from catalog.previews import LARGE, LARGEST, MOVIE, SMALL, cached_path
from catalog.store import listing, previews
from catalog.store.db import Reader
from catalog.store.previews import Shown
from vfs.inodes import Inode, Kind, Unpacked, pack, pack_thumb, unpack_thumb
from vfs.nodes import Node
from vfs.slices import Slice
from vfs.views.contract import missing

# Names below .glassine/by-id/<uid>/, in their order there.
SLOT_BY_NAME = {b"thumb-256.jpg": SMALL, b"thumb-1024.jpg": LARGE, b"motion.mp4": MOVIE}
_JPEG, _MP4 = "image/jpeg", "video/mp4"


def thumb_node(reader: Reader, content_id: int, slot: int) -> Node | None:
    """Return a file of a content's previews, or None if there is none for the slot."""
    shown = previews.preview_of(reader, ContentId(content_id), slot)
    return None if shown is None else _node(pack_thumb(content_id, slot), shown)


def picture_node(shown: Shown) -> Node:
    """Return a picture of `Previews/`."""
    return _node(pack(Kind.PREVIEW, shown.content_id), shown)


def preview_node(reader: Reader, at: Unpacked) -> Node:
    """Return the node of a `Kind.THUMB` or `Kind.PREVIEW`; NotFound if it is gone."""
    return _found(reader, at)[0]


def piece_of(reader: Reader, at: Unpacked, cache: Path) -> Slice:
    """Return what such a file is made of; NotFound if it is gone."""
    node, shown = _found(reader, at)
    cached = []
    if shown.hash is not None:
        cached = [cached_path(cache, shown.hash, slot) for slot in shown.slots]
    return Slice(
        node,
        listing.open_target_of_content(reader, shown.content_id),
        shown.chosen.offset,
        shown.chosen.length,
        shown.chosen.orientation,
        cached,
    )


def _found(reader: Reader, at: Unpacked) -> tuple[Node, Shown]:
    content_id, slot = unpack_thumb(at.key) if at.kind is Kind.THUMB else (at.key, LARGEST)
    shown = previews.preview_of(reader, ContentId(content_id), slot)
    if shown is None:
        raise missing(f"preview of content {content_id}")
    return _node(pack(*at), shown), shown


def _node(inode: Inode, shown: Shown) -> Node:
    chosen = shown.chosen
    part = None
    if shown.hash is not None:
        place = "made" if chosen.offset is None else f"{chosen.offset:x}"
        name = "motion" if chosen.slot == MOVIE else f"{chosen.slot}"
        part = f"{shown.hash.hex()}-{name}-{place}-{chosen.length:x}-{chosen.orientation}"
    return Node(
        inode=inode,
        is_dir=False,
        size=shown.size,
        mtime_ns=shown.mtime_ns,
        ctime_ns=shown.ctime_ns,
        mime=_MP4 if chosen.slot == MOVIE else _JPEG,
        uid=shown.uid,
        part=part,
    )
