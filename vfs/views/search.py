"""Search/<query>/: any query as a folder. It lists nothing, and looking a query up stores nothing.

A name is a query if it has `field=` for a field that exists, and parses; everything else (file managers probe for much) is
not there, which costs no question to the catalog. `／` stands for `/`. The number of a folder is a hash of its name;
which name a number means is kept in memory, for the last few thousand: a number that was forgotten is not found, and
whoever has the name finds it again.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import date

from blake3 import blake3

from catalog.errors import InvalidQuery
from catalog.query import FIELD_NAMES, Predicate, parse
from catalog.store.db import Reader
from catalog.values import Viewer
from vfs.inodes import KEY_BITS, Fixed, Inode, Kind, Unpacked, pack
from vfs.nodes import Entry, Node
from vfs.views.contract import missing
from vfs.views.dynamic import fleeting_node, matching, matching_folded, matching_photo
from vfs.views.folders import fixed_node

SEARCH = pack(Kind.FIXED, Fixed.SEARCH)
REMEMBERED_QUERIES = 4096  # a name has at most 255 bytes: some 2 MB
SLASH = "／"
_FIELD = re.compile(r"(?:^|[\s(|-])([A-Za-z_][A-Za-z0-9_-]*)[<>]?=")


class SearchView:
    """See `vfs.views.contract.View`. Thread-safe.

    Args:
        created_ns: the time of Search/ itself, whose listing never changes.
        today: the local day that relative dates count from.
    """

    def __init__(self, created_ns: int, today: Callable[[], date]) -> None:
        self._created_ns = created_ns
        self._today = today
        self._names: OrderedDict[int, str] = OrderedDict()
        self._lock = threading.Lock()

    def predicate(self, name: bytes) -> Predicate | None:
        """Return what a name asks, or None if it is no query. Pure but for the day."""
        try:
            return self._parsed(name.decode())
        except (UnicodeDecodeError, InvalidQuery):
            return None

    def node(self, reader: Reader, at: Unpacked) -> Node:
        """Return Search, or a query that was looked up lately."""
        if at.kind is Kind.FIXED:
            return fixed_node(SEARCH, self._created_ns)
        self._asked(at)
        return fleeting_node(reader, pack(*at))

    def lookup(self, reader: Reader, at: Unpacked, name: bytes, viewer: Viewer) -> Node:
        """Return the folder of a query, or a photo that matches."""
        if at.kind is not Kind.FIXED:
            return matching_photo(reader, self._asked(at), name)
        if self.predicate(name) is None:
            raise missing(name)
        return fleeting_node(reader, self._remember(name.decode()))

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return the photos of a query; Search itself lists nothing."""
        return [] if at.kind is Kind.FIXED else matching(reader, self._asked(at), after, limit)

    def parent(self, reader: Reader, at: Unpacked) -> Inode:
        """Return the folder above."""
        return pack(Kind.FIXED, Fixed.ROOT) if at.kind is Kind.FIXED else SEARCH

    def folded(self, reader: Reader, at: Unpacked, name: str) -> Node | None:
        """Find a photo; queries are meant as they are written."""
        if at.kind is Kind.FIXED:
            raise missing(name)
        return matching_folded(reader, self._asked(at), name)

    def _remember(self, name: str) -> Inode:
        # 55 bits: two of the names in memory have one number in one of 2**31 libraries; the later one wins.
        key = int.from_bytes(blake3(name.encode()).digest(length=8)) >> 64 - KEY_BITS
        with self._lock:
            self._names[key] = name
            self._names.move_to_end(key)
            if len(self._names) > REMEMBERED_QUERIES:
                self._names.popitem(last=False)
        return pack(Kind.SEARCH, key)

    def _asked(self, at: Unpacked) -> Predicate:
        with self._lock:
            name = self._names.get(at.key)
        if name is None:
            raise missing(f"search {at.key:x}")
        return self._parsed(name)

    def _parsed(self, name: str) -> Predicate:
        text = name.replace(SLASH, "/")
        if not any(word.lower() in FIELD_NAMES for word in _FIELD.findall(text)):
            raise InvalidQuery("a folder of Search/ needs field=value", query=text)
        return parse(text, today=self._today())
