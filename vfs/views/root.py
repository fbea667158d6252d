"""The root: the views that are switched on, by their names, and the service folder that is not listed."""

from __future__ import annotations

from collections.abc import Mapping

from vfs.inodes import Fixed, Inode, Kind, pack
from vfs.options import VIEW_NAMES
from vfs.views.service import SERVICE, SERVICE_NAME

_ORDER = {fixed: number for number, fixed in enumerate(VIEW_NAMES, start=1)}


class RootNames:
    """Which name means which view; pure."""

    def __init__(self, names: Mapping[Fixed, str] = VIEW_NAMES) -> None:
        self._by_name: dict[bytes, Inode] = {
            name.encode(): pack(Kind.FIXED, fixed) for fixed, name in names.items()
        }
        self._by_fixed = {fixed: names[fixed].encode() for fixed in _ORDER if fixed in names}

    def inode(self, name: bytes) -> Inode | None:
        """Return the number of an entry of the root, the service folder included, or None."""
        return SERVICE if name == SERVICE_NAME else self._by_name.get(name)

    def name(self, fixed: Fixed) -> bytes | None:
        """Return what a view is called, or None if it is switched off."""
        return self._by_fixed.get(fixed)

    def listed(self) -> list[tuple[bytes, Inode, int]]:
        """Return (name, number, cookie) of what the root lists, in its order."""
        return [(name, pack(Kind.FIXED, fixed), _ORDER[fixed]) for fixed, name in self._by_fixed.items()]
