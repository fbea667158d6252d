"""How the tree looks: names and order of the views, and what a configuration may choose. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from vfs.inodes import Fixed

# Every view of this version, in the order of the root. A configuration may rename or leave out.
VIEW_NAMES: Mapping[Fixed, str] = MappingProxyType(
    {
        Fixed.TIMELINE: "Timeline",
        Fixed.RECENT: "Recent",
        Fixed.MEMORIES: "Memories",
        Fixed.ALBUMS: "Albums",
        Fixed.SEARCHES: "Searches",
        Fixed.SEARCH: "Search",
        Fixed.TAGS: "Tags",
        Fixed.PEOPLE: "People",
        Fixed.FAVORITES: "Favorites",
        Fixed.RATINGS: "Ratings",
        Fixed.TYPES: "Types",
        Fixed.CAMERAS: "Cameras",
        Fixed.STACKS: "Stacks",
        Fixed.ORIGINALS: "Originals",
        Fixed.OFFLINE: "Offline",
        Fixed.TRASH: "Trash",
    }
)
RECENT_DAYS = 30
MEMORIES_YEARS_BACK = 20


@dataclass(frozen=True, slots=True)
class TreeOptions:
    """How the tree looks.

    Attributes:
        names: what the views are called; one that is left out is switched off.
        recent_days: how many days Recent/ shows, today included.
        memories_years_back: how many earlier years Memories/ shows.
        memories_excludes: queries whose photos Memories/ leaves out; valid ones.
    """

    names: Mapping[Fixed, str] = field(default_factory=lambda: VIEW_NAMES)
    recent_days: int = RECENT_DAYS
    memories_years_back: int = MEMORIES_YEARS_BACK
    memories_excludes: tuple[str, ...] = ()
