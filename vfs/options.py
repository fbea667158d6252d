"""How the tree looks: names and order of the views, and what a configuration may choose. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
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
        Fixed.PLACES: "Places",
        Fixed.FAVORITES: "Favorites",
        Fixed.RATINGS: "Ratings",
        Fixed.TYPES: "Types",
        Fixed.CAMERAS: "Cameras",
        Fixed.STACKS: "Stacks",
        Fixed.PREVIEWS: "Previews",
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


def first_recent_day(today: date, days: int) -> date:
    """Return the oldest day that Recent/ shows."""
    return today - timedelta(days=days - 1)


class ViewPaths:
    """Paths of the tree as the catalog knows it, turned into those of a tree that is configured. Pure.

    Args:
        options: how the tree looks.
        today: the local day.
    """

    def __init__(self, options: TreeOptions, today: date) -> None:
        self._names = {shown: options.names.get(fixed) for fixed, shown in VIEW_NAMES.items()}
        self._first_recent = first_recent_day(today, options.recent_days).isoformat()

    def shown(self, path: str) -> str | None:
        """Return the path; None: nobody finds it, because its view is switched off or its day is not recent any more."""
        view, _, below = path.partition("/")
        if view == VIEW_NAMES[Fixed.RECENT] and below < self._first_recent:
            return None
        name = self._names[view]
        return None if name is None else name + path[len(view) :]

    def all_shown(self, paths: Iterable[str]) -> list[str]:
        """Return those that can be found, in their order."""
        return [shown for shown in map(self.shown, paths) if shown is not None]
