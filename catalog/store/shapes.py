"""How SQL tells who is listed in a leaf folder: a few shapes for all views, shared by listings and claims.

Up to CAMERAS a column of `asset` decides, each with an index of its own; the rare folders of Types/ go by their mask and
hold members of stacks too; from ALBUMS on the rows of `member` decide.
"""

from __future__ import annotations

from typing import NamedTuple

from catalog.buckets import Bucket, MediaType, View

KIND, SPECIAL, MEMBER = 100, 101, 102


class Shape(NamedTuple):
    """`pages` is the index that pages the folder; `names` is the index that finds a folded name in it.

    `condition` is about `a` (asset), `m` (member); ?1 ?2 ?3 are the bucket. `is_joined`: `m` takes part.
    """

    pages: str
    names: str
    condition: str
    is_joined: bool = False


SHAPES: dict[int, Shape] = {
    View.TIMELINE: Shape("asset_timeline", "asset_name", "a.is_shown = 1 AND a.day = ?2"),
    View.RECENT: Shape("asset_recent", "asset_name", "a.is_shown = 1 AND a.added_day = ?2"),
    View.CAMERAS: Shape("asset_camera", "asset_name", "a.is_shown = 1 AND a.camera_id = ?2 AND a.year = ?3"),
    KIND: Shape(
        "asset_kind",
        "asset_name",
        "a.is_shown = 1 AND a.kind = CASE ?2 WHEN 1 THEN 'photo' WHEN 2 THEN 'video' ELSE 'audio' END AND a.year = ?3",
    ),
    SPECIAL: Shape(
        "asset_special",
        "asset_fold",
        "a.state = 'shown' AND a.year = ?3 AND a.types > 7 AND a.types & ?2",
    ),
    MEMBER: Shape(
        "",
        "asset_fold",
        "m.view = ?1 AND m.key = ?2 AND m.sub = ?3 AND m.asset_id = a.id AND m.is_listed = 1",
        is_joined=True,
    ),
}


def shape_of(bucket: Bucket) -> int:
    """Return the key of SHAPES for a folder."""
    if bucket.view >= View.ALBUMS:
        return MEMBER
    if bucket.view == View.TYPES:
        return KIND if bucket.key <= MediaType.AUDIO else SPECIAL
    return bucket.view
