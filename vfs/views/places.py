"""Places/: country, region, city; photos stand in the cities. A country without regions holds its cities itself.

Folders are there while a photo is listed in them or below. Nobody names them: what comes and goes is told by the buckets of
the cities alone.
"""

from __future__ import annotations

from catalog.buckets import View
from vfs.inodes import Fixed, Inode, Kind, pack
from vfs.views.nested import NestedView


class PlacesView(NestedView):
    """See `NestedView`."""

    def __init__(self) -> None:
        super().__init__(view=View.PLACES, fixed=Fixed.PLACES)

    def _number(self, row: int) -> Inode:
        return pack(Kind.PLACE, row) if row else self._root
