"""Buckets: the leaf folders of the static views, and which of them an asset is shown in.

A bucket is (view, key, sub), three integers that name a folder for ever. Pure: the store asks `buckets_of`
with the asset's columns before and after a change and writes arrivals, departures and claims from the
difference; the views turn buckets into paths.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import NamedTuple


class View(IntEnum):
    """Static views; the numbers are stored and must not change."""

    TIMELINE = 1
    RECENT = 2
    TYPES = 3
    CAMERAS = 4


class MediaType(IntFlag):
    """Folders of Types/. The first three are the kinds; what follows is rare (index asset_special)."""

    PHOTO = 1
    VIDEO = 2
    AUDIO = 4
    RAW = 8
    LIVE = 16
    PANORAMA = 32
    SCREENSHOT = 64


TYPE_LABELS: dict[MediaType, str] = {
    MediaType.PHOTO: "Photos",
    MediaType.VIDEO: "Videos",
    MediaType.AUDIO: "Audio",
    MediaType.RAW: "RAW",
    MediaType.LIVE: "Live",
    MediaType.PANORAMA: "Panoramas",
    MediaType.SCREENSHOT: "Screenshots",
}


class Bucket(NamedTuple):
    """A leaf folder: see the table `bucket` in `catalog/store/schema.py` for the meaning of key and sub."""

    view: int
    key: int
    sub: int

    def subject(self) -> str:
        """Return the form that the change feed carries."""
        return f"{self.view}:{self.key}:{self.sub}"


def bucket_from_subject(subject: str) -> Bucket:
    """Inverse of `Bucket.subject`."""
    view, key, sub = subject.split(":")
    return Bucket(int(view), int(key), int(sub))


def buckets_of(
    *, is_shown: bool, day: int | None, year: int | None, added_day: int, types: int, camera_id: int | None
) -> frozenset[Bucket]:
    """Return every bucket that lists the asset with these columns; empty unless it is shown."""
    if not is_shown or day is None or year is None:
        return frozenset()
    found = {Bucket(View.TIMELINE, day, 0), Bucket(View.RECENT, added_day, 0)}
    found.update(Bucket(View.TYPES, flag, year) for flag in MediaType if types & flag)
    if camera_id is not None:
        found.add(Bucket(View.CAMERAS, camera_id, year))
    return frozenset(found)
