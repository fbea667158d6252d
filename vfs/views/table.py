"""Which view answers for which number: the one place where all of them are known.

Two tables, because the numbers of Kind and Fixed overlap and an IntEnum is its number to a dict.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from zoneinfo import ZoneInfo

from catalog.buckets import View as BucketView
from catalog.zones import local_day
from vfs.inodes import Fixed, Kind, Unpacked, pack, unpack
from vfs.options import TreeOptions
from vfs.views.cameras import cameras_view
from vfs.views.contract import LabelledView, StaticView, View, missing
from vfs.views.memories import MemoriesView
from vfs.views.nested import albums_view
from vfs.views.offline import OfflineView
from vfs.views.originals import OriginalsView
from vfs.views.people import PeopleView
from vfs.views.places import PlacesView
from vfs.views.previews import PreviewsView
from vfs.views.recent import RecentView
from vfs.views.root import RootNames
from vfs.views.search import SearchView
from vfs.views.searches import SearchesView
from vfs.views.service import ServiceView
from vfs.views.shelves import FavoritesView, ratings_view, trash_view
from vfs.views.stacks import StacksView
from vfs.views.tags import TagsView
from vfs.views.timeline import TimelineView
from vfs.views.types import types_view


class ViewTable:
    """Every view of one tree. Immutable once made.

    Args:
        service: the view of `.glassine`.
        zone: the library's.
        created_ns: when the library was made.
        clock: ns since 1970.
        options: how far back views look.

    Attributes:
        static: code of the catalog's view -> (its root, the view).
        labelled: those of them whose folders people name.
        search: the view of `Search/`.
    """

    def __init__(
        self,
        service: ServiceView,
        *,
        zone: ZoneInfo,
        created_ns: int,
        clock: Callable[[], int],
        options: TreeOptions,
    ) -> None:
        self._by_kind: dict[Kind, View] = {}
        self._by_fixed: dict[Fixed, View] = {}
        self.static: dict[int, tuple[Fixed, StaticView]] = {}
        self.labelled: dict[int, LabelledView] = {}

        def today() -> date:
            return local_day(clock(), zone)

        self.search = SearchView(created_ns, today)
        self._add_of_columns(RecentView(zone=zone, clock=clock, days=options.recent_days))
        self._add_of_members()
        self._add_dynamic(
            SearchesView(today),
            MemoriesView(
                today=today,
                zone=zone,
                years_back=options.memories_years_back,
                excludes=options.memories_excludes,
            ),
        )
        self._add_others(OriginalsView(created_ns), service)
        self._add_previews(RootNames(options.names))

    def view(self, at: Unpacked) -> View:
        """Return the view that answers for a number; NotFound if there is none (the root included)."""
        try:
            return self._by_fixed[Fixed(at.key)] if at.kind is Kind.FIXED else self._by_kind[at.kind]
        except (ValueError, KeyError) as error:
            raise missing(f"inode {pack(*at):x}") from error

    def _add_of_columns(self, recent: RecentView) -> None:
        timeline = TimelineView()
        self._by_fixed[Fixed.UNDATED] = timeline
        self._add(BucketView.TIMELINE, Fixed.TIMELINE, Kind.TIMELINE, timeline)
        self._add(BucketView.RECENT, Fixed.RECENT, Kind.RECENT, recent)
        self._add(BucketView.TYPES, Fixed.TYPES, Kind.TYPES, types_view())
        self._add(BucketView.CAMERAS, Fixed.CAMERAS, Kind.CAMERAS, cameras_view())

    def _add_of_members(self) -> None:
        albums, tags, people = albums_view(), TagsView(), PeopleView()
        self.labelled = {BucketView.ALBUMS: albums, BucketView.TAGS: tags, BucketView.PEOPLE: people}
        self._add(BucketView.ALBUMS, Fixed.ALBUMS, Kind.ALBUM, albums)
        self._add(BucketView.TAGS, Fixed.TAGS, Kind.TAG, tags)
        self._add(BucketView.PEOPLE, Fixed.PEOPLE, Kind.PERSON, people)
        self._add(BucketView.PLACES, Fixed.PLACES, Kind.PLACE, PlacesView())
        self._add(BucketView.FAVORITES, Fixed.FAVORITES, None, FavoritesView())
        self._add(BucketView.RATINGS, Fixed.RATINGS, Kind.RATING, ratings_view())
        self._add(BucketView.STACKS, Fixed.STACKS, Kind.STACK, StacksView())
        self._add(BucketView.TRASH, Fixed.TRASH, Kind.TRASH, trash_view())

    def _add_dynamic(self, searches: SearchesView, memories: MemoriesView) -> None:
        self._by_fixed[Fixed.SEARCH] = self._by_kind[Kind.SEARCH] = self.search
        self._by_fixed[Fixed.SEARCHES] = self._by_kind[Kind.SEARCHES] = searches
        self._by_fixed[Fixed.MEMORIES] = self._by_kind[Kind.MEMORIES] = memories
        self._by_fixed[Fixed.OFFLINE] = self._by_kind[Kind.OFFLINE] = OfflineView()

    def _add_others(self, originals: OriginalsView, service: ServiceView) -> None:
        self._by_fixed[Fixed.ORIGINALS] = originals
        self._by_kind |= dict.fromkeys([Kind.VOLUME, Kind.DIRECTORY, Kind.LOCATION], originals)
        self._by_kind |= dict.fromkeys([Kind.BY_ID, Kind.META, Kind.THUMB, Kind.PREVIEW], service)
        own = [Fixed.SERVICE, Fixed.SERVICE_BY_ID, Fixed.STATUS, Fixed.VERSION]
        self._by_fixed |= dict.fromkeys(own, service)

    def _add_previews(self, names: RootNames) -> None:
        """Mirror the static views, but for the trash."""
        shown = {fixed: view for fixed, view in self.static.values() if fixed is not Fixed.TRASH}
        roots = [entry for entry in names.listed() if unpack(entry[1]).key in shown]

        def mirrored(at: Unpacked) -> View:
            view = self.view(at)
            if not any(view is one for one in shown.values()):
                raise missing(f"inode {pack(*at):x}")
            return view

        previews = PreviewsView(roots, mirrored)
        self._by_fixed[Fixed.PREVIEWS] = self._by_kind[Kind.MIRROR] = previews

    def _add(self, bucket_view: BucketView, fixed: Fixed, kind: Kind | None, view: StaticView) -> None:
        self.static[bucket_view] = (fixed, view)
        self._by_fixed[fixed] = view
        if kind is not None:
            self._by_kind[kind] = view
