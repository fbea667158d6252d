"""Zones of neighbours: the offset of a clock that tells none, as photos taken around it in the same folder have it.

Pure (metadata.md 1.4, decision 0005.8). Offsets only: nothing here moves a wall clock, so names and folders stay. Knows neither
files nor rows; `catalog.store.neighbours` brings the photos of one folder and keeps the answers.

Invariants: a photo that got its offset here is no source itself; the answer does not depend on the order of the photos;
sorted once and walked twice, so a folder of 100,000 costs what sorting costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from catalog.ids import AssetId, ContentId

WITHIN_S = 12 * 3600  # who travels between zones is under way for a while: beyond half a day anything can be


class NeighbourZone(NamedTuple):
    """An offset that a photo nearby told: minutes east of UTC, its IANA zone or None, the uid of that photo."""

    offset_min: int
    zone: str | None
    from_uid: str


class Shot(NamedTuple):
    """One photo of a folder.

    Attributes:
        content_id: of its bytes.
        asset_id: of the photo.
        camera: anything that is equal for photos of one camera; None = unknown, which is nobody's camera.
        second: its wall clock, in seconds since any fixed moment.
        offset_min: what it tells itself, or None: then it asks.
        zone: IANA name or None.
    """

    content_id: ContentId
    asset_id: AssetId
    camera: int | None
    second: int
    offset_min: int | None
    zone: str | None = None


def zones_by_neighbours(shots: Iterable[Shot]) -> dict[ContentId, Shot]:
    """Return for each photo that asks and can be answered the photo whose offset it gets.

    The same camera rules: the nearest photos before and after, 12 hours of wall clock away at most, must tell one offset if there
    are both. Where that camera tells nothing, other cameras do, if the photo lies between two of them that tell one
    offset: a camera set to the time of another zone has its photos beside theirs rather than between them.
    """
    in_time = sorted(shots, key=lambda shot: (shot.second, shot.content_id))
    before = {shot.content_id: around for shot, around in _nearest(in_time)}
    found = {}
    for shot, after in _nearest(reversed(in_time)):
        source = _judge(shot, before.pop(shot.content_id), after)
        if source is not None:
            found[shot.content_id] = source
    return found


class _Around(NamedTuple):
    """The nearest sources on one side, however far away."""

    same: Shot | None
    other: Shot | None


def _nearest(walk: Iterable[Shot]) -> Iterator[tuple[Shot, _Around]]:
    """Walk in one direction; yield each one that asks with the last sources that were passed."""
    by_camera: dict[int, Shot] = {}
    last: Shot | None = None
    last_of_another: Shot | None = None  # the last one whose camera is not that of `last`
    for shot in walk:
        if shot.offset_min is None:
            same = by_camera.get(shot.camera) if shot.camera is not None else None
            is_own = last is not None and last.camera is not None and last.camera == shot.camera
            yield shot, _Around(same, last_of_another if is_own else last)
            continue
        if last is not None and (last.camera is None or last.camera != shot.camera):
            last_of_another = last
        last = shot
        if shot.camera is not None:
            by_camera[shot.camera] = shot


def _judge(shot: Shot, before: _Around, after: _Around) -> Shot | None:
    same = [one for one in (before.same, after.same) if one is not None and _is_near(shot, one)]
    if same:
        return _agreed(shot, same)
    others = [one for one in (before.other, after.other) if one is not None and _is_near(shot, one)]
    return _agreed(shot, others) if len(others) == 2 else None


def _is_near(shot: Shot, other: Shot) -> bool:
    return abs(other.second - shot.second) <= WITHIN_S


def _agreed(shot: Shot, sources: Sequence[Shot]) -> Shot | None:
    """Return the nearest one (of two as near the earlier), or None if they tell different offsets."""
    if len({one.offset_min for one in sources}) > 1:
        return None
    return min(sources, key=lambda one: (abs(one.second - shot.second), one.second, one.content_id))
