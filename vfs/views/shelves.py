"""Views of one level: Ratings/5 … 1/ and Trash/<day>/, where a bucket's key is the folder's name; and Favorites/, all
of whose photos stand in its own folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from catalog.buckets import Bucket, View
from catalog.store import listing
from catalog.store.db import Reader
from catalog.values import Viewer
from vfs.inodes import Fixed, Inode, Kind, Unpacked, pack
from vfs.nodes import Entry, Node
from vfs.views.contract import Step, missing, page
from vfs.views.folders import folded_photo, folder_node, photo, photos, view_node

FAVORITES = pack(Kind.FIXED, Fixed.FAVORITES)
_FAVORITES = Bucket(View.FAVORITES, 0, 0)
_HIGHEST_RATING = 5
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)


class FavoritesView:
    """See `vfs.views.contract.StaticView`."""

    def node(self, reader: Reader, at: Unpacked) -> Node:
        """Return the folder; it is always there."""
        rows = listing.buckets_of_view(reader, View.FAVORITES)
        return folder_node(FAVORITES, rows) if rows else view_node(reader, FAVORITES, View.FAVORITES)

    def lookup(self, reader: Reader, at: Unpacked, name: bytes, viewer: Viewer) -> Node:
        """Return a photo."""
        return photo(reader, _FAVORITES, name)

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return photos."""
        return photos(reader, _FAVORITES, after, limit)

    def parent(self, reader: Reader, at: Unpacked) -> Inode:
        """Return the root."""
        return pack(Kind.FIXED, Fixed.ROOT)

    def folded(self, reader: Reader, at: Unpacked, name: str) -> Node | None:
        """Find a photo."""
        return folded_photo(reader, _FAVORITES, name)

    def leaf(self, bucket: Bucket) -> Inode:
        """Return the number of the folder."""
        return FAVORITES

    def steps(self, reader: Reader, bucket: Bucket) -> list[Step]:
        """There is nothing below the root of the view."""
        return []


class ShelvesView:
    """See `vfs.views.contract.StaticView`.

    Args:
        name_of: key -> name of the folder.
        key_of: inverse; None = no folder is ever called so.
        cookie_of: key -> cookie, in the order of the listing.
    """

    def __init__(
        self, *, view: View, kind: Kind, fixed: Fixed, name_of: Callable[[int], str],
        key_of: Callable[[str], int | None], cookie_of: Callable[[int], int],
    ) -> None:  # fmt: skip
        self._view = view
        self._kind = kind
        self._root = pack(Kind.FIXED, fixed)
        self._name_of, self._key_of, self._cookie_of = name_of, key_of, cookie_of

    def node(self, reader: Reader, at: Unpacked) -> Node:
        """Return the view's root or a folder."""
        if at.kind is Kind.FIXED:
            return view_node(reader, self._root, self._view)
        return folder_node(pack(*at), listing.buckets_of_view(reader, self._view, at.key, at.key))

    def lookup(self, reader: Reader, at: Unpacked, name: bytes, viewer: Viewer) -> Node:
        """Return a folder, or a photo."""
        if at.kind is not Kind.FIXED:
            return photo(reader, self._bucket(at), name)
        key = self._key_of(name.decode("utf-8", "replace"))
        if key is None:
            raise missing(name)
        return self.node(reader, Unpacked(self._kind, key))

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return folders, or photos."""
        if at.kind is not Kind.FIXED:
            return photos(reader, self._bucket(at), after, limit)
        entries = [
            Entry(
                self._name(row.key), self._cookie_of(row.key), folder_node(pack(self._kind, row.key), [row])
            )
            for row in listing.buckets_of_view(reader, self._view)
        ]
        return page(entries, after, limit)

    def parent(self, reader: Reader, at: Unpacked) -> Inode:
        """Return the folder above."""
        return pack(Kind.FIXED, Fixed.ROOT) if at.kind is Kind.FIXED else self._root

    def folded(self, reader: Reader, at: Unpacked, name: str) -> Node | None:
        """Find a photo; folders are few."""
        return None if at.kind is Kind.FIXED else folded_photo(reader, self._bucket(at), name)

    def leaf(self, bucket: Bucket) -> Inode:
        """Return the number of a folder."""
        return pack(self._kind, bucket.key)

    def steps(self, reader: Reader, bucket: Bucket) -> list[Step]:
        """Return its one name."""
        return [Step(self._root, self._name(bucket.key))]

    def _bucket(self, at: Unpacked) -> Bucket:
        return Bucket(self._view, at.key, 0)

    def _name(self, key: int) -> bytes:
        return self._name_of(key).encode()


def ratings_view() -> ShelvesView:
    """Return Ratings/: the best first, and only those that somebody gave."""
    names = {str(rating): rating for rating in range(1, _HIGHEST_RATING + 1)}
    return ShelvesView(
        view=View.RATINGS, kind=Kind.RATING, fixed=Fixed.RATINGS, name_of=str, key_of=names.get,
        cookie_of=lambda rating: _HIGHEST_RATING + 1 - rating,
    )  # fmt: skip


def trash_view() -> ShelvesView:
    """Return Trash/: by the day of trashing."""
    return ShelvesView(
        view=View.TRASH, kind=Kind.TRASH, fixed=Fixed.TRASH, name_of=_day_name, key_of=_day_key, cookie_of=int
    )


def _day_name(key: int) -> str:
    return f"{key // 10_000:04d}-{key // 100 % 100:02d}-{key % 100:02d}"


def _day_key(name: str) -> int | None:
    match = _DAY.fullmatch(name)
    return None if match is None else int("".join(match.groups()))
