"""A file whose bytes are to be read, as the questions for due work give it."""

from __future__ import annotations

from catalog.ids import ContentId, LocationId, VolumeId
from catalog.store.db import Row
from catalog.values import Errand, WorkItem


def work_item(row: Row, tier: Errand = "header") -> WorkItem:
    """Return the value of a row that begins with id, content, volume, root, path, size, mtime, ctime and inode."""
    location_id, content_id, volume_id, root, path, size, mtime_ns, ctime_ns, inode = row[:9]
    return WorkItem(
        LocationId(location_id),
        ContentId(content_id) if content_id is not None else None,
        VolumeId(volume_id),
        bytes(root),
        bytes(path),
        size,
        mtime_ns,
        ctime_ns,
        inode,
        tier,
    )
