"""The root: the views that are switched on, by their names, and the service folder that is not listed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from vfs.inodes import Fixed, Inode, Kind, pack
from vfs.views.service import SERVICE, SERVICE_NAME

# Every view of this version, in the order of the root. A configuration may rename or leave out.
VIEW_NAMES: Mapping[Fixed, str] = MappingProxyType(
    {
        Fixed.TIMELINE: "Timeline",
        Fixed.RECENT: "Recent",
        Fixed.TYPES: "Types",
        Fixed.CAMERAS: "Cameras",
        Fixed.ORIGINALS: "Originals",
    }
)


class RootNames:
    """Which name means which view; pure."""

    def __init__(self, names: Mapping[Fixed, str] = VIEW_NAMES) -> None:
        self._by_name: dict[bytes, Inode] = {
            name.encode(): pack(Kind.FIXED, fixed) for fixed, name in names.items()
        }
        self._by_fixed = {fixed: name.encode() for fixed, name in names.items()}

    def inode(self, name: bytes) -> Inode | None:
        """Return the number of an entry of the root, the service folder included, or None."""
        return SERVICE if name == SERVICE_NAME else self._by_name.get(name)

    def name(self, fixed: Fixed) -> bytes | None:
        """Return what a view is called, or None if it is switched off."""
        return self._by_fixed.get(fixed)

    def listed(self) -> list[tuple[bytes, Inode]]:
        """Return what the root lists."""
        return list(self._by_name.items())
