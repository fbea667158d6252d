"""Cameras/: by make and model, then by year of capture."""

from __future__ import annotations

from catalog.buckets import View
from catalog.store import listing
from catalog.store.db import Reader
from catalog.values import BucketRow
from vfs.inodes import Fixed, Kind
from vfs.views.pairs import PairView


class CameraLabels:
    """See `vfs.views.pairs.Labels`: rows of the table camera."""

    def label(self, reader: Reader, key: int) -> str:
        """Return the folder's name of a camera."""
        return listing.camera_label(reader, key)

    def key(self, reader: Reader, label: str) -> int | None:
        """Return the camera of a folder."""
        return listing.camera_labelled(reader, label)

    def label_of_row(self, row: BucketRow) -> str:
        """Return the folder's name."""
        assert row.label is not None, "a bucket of Cameras/ comes with its label"
        return row.label


def cameras_view() -> PairView:
    """Return the view."""
    return PairView(view=View.CAMERAS, kind=Kind.CAMERAS, fixed=Fixed.CAMERAS, labels=CameraLabels())
