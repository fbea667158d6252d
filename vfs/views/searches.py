"""Searches/<name>/: saved queries as folders.

Relative dates count from today. A query that was valid when it was saved and is not any more (a newer program, a removed
field) is an empty folder and a line in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date

from catalog.errors import InvalidQuery
from catalog.query import Or, Predicate, parse
from catalog.store import searches
from catalog.store.db import Reader
from catalog.things import SavedSearch
from catalog.values import Viewer
from vfs.inodes import Fixed, Inode, Kind, Unpacked, pack
from vfs.nodes import Entry, Node
from vfs.views.contract import missing, page
from vfs.views.dynamic import fleeting_node, fleeting_nodes, matching, matching_folded, matching_photo
from vfs.views.folders import decoded

log = logging.getLogger(__name__)

SEARCHES = pack(Kind.FIXED, Fixed.SEARCHES)
_NOTHING = Or(())


class SearchesView:
    """See `vfs.views.contract.View`. `today`: the local day."""

    def __init__(self, today: Callable[[], date]) -> None:
        self._today = today

    def node(self, reader: Reader, at: Unpacked) -> Node:
        """Return Searches or a saved query."""
        if at.kind is Kind.SEARCHES:
            _saved(reader, at)
        return fleeting_node(reader, pack(*at))

    def lookup(self, reader: Reader, at: Unpacked, name: bytes, viewer: Viewer) -> Node:
        """Return a saved query by its label, or a photo that it finds."""
        if at.kind is Kind.SEARCHES:
            return matching_photo(reader, self._predicate(_saved(reader, at)), name)
        saved = searches.search_labelled(reader, decoded(name))
        if saved is None:
            raise missing(name)
        return fleeting_node(reader, pack(Kind.SEARCHES, saved.id))

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return saved queries, or the photos that one finds."""
        if at.kind is Kind.SEARCHES:
            return matching(reader, self._predicate(_saved(reader, at)), after, limit)
        found = sorted(searches.searches(reader), key=lambda saved: saved.id)
        nodes = fleeting_nodes(reader, [pack(Kind.SEARCHES, saved.id) for saved in found])
        entries = [
            Entry(saved.label.encode(), saved.id, node) for saved, node in zip(found, nodes, strict=True)
        ]
        return page(entries, after, limit)

    def parent(self, reader: Reader, at: Unpacked) -> Inode:
        """Return the folder above."""
        return pack(Kind.FIXED, Fixed.ROOT) if at.kind is Kind.FIXED else SEARCHES

    def folded(self, reader: Reader, at: Unpacked, name: str) -> Node | None:
        """Find a photo; saved queries are few."""
        if at.kind is Kind.FIXED:
            return None
        return matching_folded(reader, self._predicate(_saved(reader, at)), name)

    def _predicate(self, saved: SavedSearch) -> Predicate:
        try:
            return parse(saved.query, today=self._today())
        except InvalidQuery as error:
            log.warning("saved search %r shows nothing: %s", saved.name, error)
            return _NOTHING


def _saved(reader: Reader, at: Unpacked) -> SavedSearch:
    saved = searches.search_by_id(reader, at.key)
    if saved is None:
        raise missing(f"saved search {at.key}")
    return saved
