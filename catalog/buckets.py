"""Buckets: the leaf folders of the static views, and which of them an asset is shown in.

A bucket is (view, key, sub), three integers that name a folder for ever. Pure: the store asks `buckets_of`
with the asset's columns before and after a change and writes arrivals, departures and claims from the
difference; the views turn buckets into paths.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import NamedTuple

from catalog import media_types


class View(IntEnum):
    """Static views; the numbers are stored and must not change.

    Those up to CAMERAS follow from columns of the asset; from ALBUMS on, rows of the table `member` say who is in.
    """

    TIMELINE = 1
    RECENT = 2
    TYPES = 3
    CAMERAS = 4
    ALBUMS = 5
    TAGS = 6
    PEOPLE = 7
    FAVORITES = 8
    RATINGS = 9
    STACKS = 10
    TRASH = 11
    PLACES = 12


class MediaType(IntFlag):
    """Folders of Types/. The first three are the kinds; what follows is rare (index asset_special)."""

    PHOTO = 1
    VIDEO = 2
    AUDIO = 4
    RAW = 8
    LIVE = 16
    PANORAMA = 32
    SCREENSHOT = 64


class Badge(IntFlag):
    """What a photo has beside its picture: bits of the same mask, without a folder of their own in Types/."""

    MOTION = 128
    ANIMATED = 256
    HDR = 512


TYPE_LABELS: dict[MediaType, str] = {
    MediaType.PHOTO: "Photos",
    MediaType.VIDEO: "Videos",
    MediaType.AUDIO: "Audio",
    MediaType.RAW: "RAW",
    MediaType.LIVE: "Live",
    MediaType.PANORAMA: "Panoramas",
    MediaType.SCREENSHOT: "Screenshots",
}


# Plain integers: `buckets_of` runs twice per photo of an ingest, and enum arithmetic was a tenth of its time.
_TIMELINE, _RECENT, _TYPES, _CAMERAS = (
    int(view) for view in (View.TIMELINE, View.RECENT, View.TYPES, View.CAMERAS)
)
# Of Bucket.sub in Tags/: the tag itself, and it with everything below it (the folder _all).
OWN, ALL = 0, 1
_FLAGS = tuple(int(flag) for flag in MediaType)
# Folders that show a photo although a cover stands for it: else a RAW behind its JPEG would be in no folder.
_SPECIAL_FLAGS = tuple(flag for flag in _FLAGS if flag > MediaType.AUDIO)


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


def path_of(bucket: Bucket, label: str | None = None) -> str:
    """Return the path of the folder in the tree, without leading slash.

    Args:
        bucket: what folder.
        label: of the camera, person or stack; of an album, tag or place, the labels from the top joined by `/`. The others
            need none.
    """
    view, key, sub = bucket
    if view == View.TIMELINE:
        return "Timeline/" + "/".join(day_parts(key))
    if view == View.TYPES:
        return f"Types/{TYPE_LABELS[MediaType(key)]}/{sub:04d}"
    root = _ROOTS[view]
    if view == View.FAVORITES:
        return root
    if view in (View.RECENT, View.TRASH):
        below = day_parts(key)[-1]
    elif view in (View.CAMERAS, View.PEOPLE):
        below = f"{label}/{sub:04d}"
    elif view == View.STACKS:
        below = f"{sub:04d}/{label}"
    elif view == View.TAGS and sub == ALL:
        below = f"{label}/_all"
    else:
        below = str(key if view == View.RATINGS else label)
    return f"{root}/{below}"


_ROOTS: dict[int, str] = {view: view.name.capitalize() for view in View}


def day_parts(packed: int) -> tuple[str, ...]:
    """Return the folders of a packed day (see `catalog.capture.local_day`) below the root of its view."""
    if packed < 0:
        return ("Undated", f"{-packed:04d}")
    year, month, day = f"{packed // 10_000:04d}", packed // 100 % 100, packed % 100
    if month == 0:
        return (year, f"{year}-xx")
    of_month = f"{year}-{month:02d}"
    return (year, of_month, f"{of_month}-{day:02d}" if day else f"{of_month}-xx")


def buckets_of(
    *,
    is_shown: bool,
    day: int | None,
    year: int | None,
    added_day: int,
    types: int,
    camera_id: int | None,
    is_covered: bool = False,
) -> frozenset[Bucket]:
    """Return every bucket, up to CAMERAS, that lists the asset with these columns; empty unless it can be seen.

    With `is_covered` it could be shown, but a cover stands for it: it is in the rarer folders of Types/ alone.
    """
    if day is None or year is None or not (is_shown or is_covered):
        return frozenset()
    if not is_shown:
        return frozenset([Bucket(_TYPES, flag, year) for flag in _SPECIAL_FLAGS if types & flag])
    found = {Bucket(_TIMELINE, day, 0), Bucket(_RECENT, added_day, 0)}
    found.update([Bucket(_TYPES, flag, year) for flag in _FLAGS if types & flag])
    if camera_id is not None:
        found.add(Bucket(_CAMERAS, camera_id, year))
    return frozenset(found)


# Where folders of people's making stand beside photos.
SUFFIXING_VIEWS = (int(View.ALBUMS), int(View.TAGS))


def looks_like_media(fold: str) -> bool:
    """Tell whether a folded name has an extension of a photo, video or sound.

    Folders of people's making stand beside photos in Albums/ and Tags/: there a photo without such an extension
    always carries its suffix, and a label with one carries its own. So the two never have one name.
    """
    return media_types.guess(fold.encode()) is not None


def is_always_suffixed(view: int, fold: str) -> bool:
    """Tell whether a photo of this folded name never has its plain name in the folders of a view."""
    return view in SUFFIXING_VIEWS and not looks_like_media(fold)
