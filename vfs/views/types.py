"""Types/: Photos, Videos, Audio, RAW, Live, Panoramas, Screenshots, each by year of capture."""

from __future__ import annotations

from catalog.buckets import TYPE_LABELS, MediaType, View
from catalog.store.db import Reader
from catalog.values import BucketRow
from vfs.inodes import Fixed, Kind
from vfs.views.contract import missing
from vfs.views.pairs import PairView

_KEYS = {label: int(flag) for flag, label in TYPE_LABELS.items()}


class TypeLabels:
    """See `vfs.views.pairs.Labels`: a closed list."""

    def label(self, reader: Reader, key: int) -> str:
        """Return the folder's name of a flag."""
        try:
            return TYPE_LABELS[MediaType(key)]
        except (ValueError, KeyError) as error:
            raise missing(f"type {key}") from error

    def key(self, reader: Reader, label: str) -> int | None:
        """Return the flag of a folder."""
        return _KEYS.get(label)

    def label_of_row(self, row: BucketRow) -> str:
        """Return the folder's name."""
        return TYPE_LABELS[MediaType(row.key)]


def types_view() -> PairView:
    """Return the view."""
    return PairView(view=View.TYPES, kind=Kind.TYPES, fixed=Fixed.TYPES, labels=TypeLabels())
