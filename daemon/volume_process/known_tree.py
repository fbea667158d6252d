"""The directories that a watcher knows: by the kernel's key of each, and by where it is.

A rename moves one node and with it all below, whatever their number. Keys are what the kernel names a directory by in
events: a watch descriptor (inotify), a file-system id with a file handle (fanotify). Pure: knows no kernel, no disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

K = TypeVar("K")


class Place(Generic[K]):
    """One directory; `parent` is None for the root, and for what was forgotten."""

    __slots__ = ("children", "key", "name", "parent")

    def __init__(self, key: K, name: bytes, parent: Place[K] | None) -> None:
        self.key = key
        self.name = name
        self.parent = parent
        self.children: dict[bytes, Place[K]] | None = None  # most directories hold none

    def child(self, name: bytes) -> Place[K] | None:
        """Return the known directory of that name in it."""
        return self.children.get(name) if self.children else None

    @property
    def path(self) -> bytes:
        """Return the path from the root, which is b"" itself."""
        names = []
        place = self
        while place.parent is not None:
            names.append(place.name)
            place = place.parent
        return b"/".join(reversed(names))


class KnownTree(Generic[K]):
    """Owned by one thread. A key has one place: a directory is put where it was seen last."""

    def __init__(self) -> None:
        self._by_key: dict[K, Place[K]] = {}
        self._root: Place[K] | None = None

    def __len__(self) -> int:
        return len(self._by_key)

    def by_key(self, key: K) -> Place[K] | None:
        """Return the place of a directory that an event names; None = not ours."""
        return self._by_key.get(key)

    def at(self, path: bytes) -> Place[K] | None:
        """Return what is known at a path."""
        place = self._root
        for name in path.split(b"/") if path else ():
            if place is None:
                return None
            place = place.child(name)
        return place

    def put(self, path: bytes, key: K) -> list[K]:
        """Say that the directory of this key is at `path`; returns the keys that nobody needs any more.

        A place above it that is not known is none of ours: nothing happens then. A directory known elsewhere moves, with
        all below it; another one that was known at the path is forgotten.
        """
        place = self._by_key.get(key)
        if not path:
            return self._put_root(key)
        above, _, name = path.rpartition(b"/")
        parent = self.at(above)
        if parent is None:
            return []
        if place is None:
            dropped = self._clear(parent, name)
            self._attach(Place(key, name, None), parent, name)
            return dropped
        return self.move(place, parent, name)

    def _put_root(self, key: K) -> list[K]:
        if self._root is not None and self._root.key == key:
            return []
        dropped = self.forget(self._root) if self._root is not None else []
        self._root = self._by_key[key] = Place(key, b"", None)
        return dropped

    def move(self, place: Place[K], parent: Place[K], name: bytes) -> list[K]:
        """Put a known directory, and all below it, elsewhere; returns the keys of what it replaced."""
        if place.parent is parent and place.name == name:
            return []
        if place is self._root or self._is_within(parent, place):
            return []  # events told out of order: the listing that follows puts it right
        dropped = self._clear(parent, name)
        self._detach(place)
        self._attach(place, parent, name)
        return dropped

    def forget(self, place: Place[K]) -> list[K]:
        """Forget a directory and all below it; returns their keys."""
        self._detach(place)
        if place is self._root:
            self._root = None
        dropped = []
        to_do = [place]
        while to_do:
            one = to_do.pop()
            to_do.extend(one.children.values() if one.children else ())
            one.children = None
            if self._by_key.get(one.key) is one:
                del self._by_key[one.key]
                dropped.append(one.key)
        return dropped

    def children_of(self, path: bytes) -> Iterator[Place[K]]:
        """Yield the known directories in a directory; it may be changed meanwhile."""
        place = self.at(path)
        yield from list(place.children.values()) if place is not None and place.children else ()

    def _clear(self, parent: Place[K], name: bytes) -> list[K]:
        replaced = parent.child(name)
        return self.forget(replaced) if replaced is not None else []

    def _attach(self, place: Place[K], parent: Place[K], name: bytes) -> None:
        place.parent, place.name = parent, name
        if parent.children is None:
            parent.children = {}
        parent.children[name] = place
        self._by_key[place.key] = place

    @staticmethod
    def _detach(place: Place[K]) -> None:
        parent = place.parent
        if parent is not None and parent.children is not None and parent.children.get(place.name) is place:
            del parent.children[place.name]
        place.parent = None

    @staticmethod
    def _is_within(place: Place[K] | None, above: Place[K]) -> bool:
        while place is not None:
            if place is above:
                return True
            place = place.parent
        return False
