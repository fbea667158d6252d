"""The second look: is something that a listing lacked really gone?

Gone is only what its own directory does not have, on the file system that belongs there. In falling order:

- what the rules leave out now is gone for the catalog, whatever is on the disk;
- at, below and above a place whose file system is away nothing can be told;
- ENOENT, ENOTDIR and ELOOP (a directory above is a file or a symbolic link now) are absence, for the kernel gave them inside
  the mounts that were looked up before (`LocalStorage.expect_mounts`); every other error (EACCES, EIO, ESTALE, ENODEV, ENOTCONN, ETIMEDOUT) tells nothing;
- what answers, but under a name that its directory does not have letter by letter, answers by case folding, Unicode
  normalisation or a short name: that name is gone, and the one that it has now is another entry.

Present wins: whatever changes while we look is told as present or as unknown.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from contextlib import suppress

from daemon.excludes import NOMEDIA
from daemon.volume_process.walk import Territory
from vfs.storage.contract import Kind, Storage

_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class SecondLook:
    """One request's looks; remembers which directories are written as asked for. One thread."""

    def __init__(
        self, storage: Storage, territory: Territory, tick: Callable[[], None] = lambda: None
    ) -> None:
        self._storage = storage
        self._territory = territory
        self._tick = tick
        self._fate_by_directory: dict[bytes, bool | None] = {b"": False}
        # The names of one directory, the last that was listed: paths come sorted, so that each is listed once.
        self._listed: tuple[bytes, frozenset[bytes] | None] | None = None

    def is_gone(self, path: bytes) -> bool | None:
        """Tell whether nothing that the catalog should know is at this path; None = cannot be told."""
        self._tick()
        territory = self._territory
        if any(path == skipped or path.startswith(skipped + b"/") for skipped in territory.skipped):
            return True
        if territory.is_away(path) or territory.holds_away(path):
            return None
        try:
            kind = self._storage.stat(path).kind
        except OSError as error:
            return True if error.errno in _ABSENT else None
        return None if kind == "unreadable" else self._is_other_than_known(path, kind)

    def _is_other_than_known(self, path: bytes, kind: Kind) -> bool | None:
        if kind == "other" or self._is_left_out(path, is_dir=kind == "d"):
            return True
        return self._is_spelled_otherwise(path)

    def _is_left_out(self, path: bytes, *, is_dir: bool) -> bool:
        def has_nomedia(directory: bytes) -> bool:
            with suppress(OSError):
                return self._storage.stat(directory + b"/" + NOMEDIA).kind != "unreadable"
            return False

        return self._territory.excludes.explain(path, is_dir=is_dir, has_nomedia=has_nomedia).is_excluded

    def _is_spelled_otherwise(self, path: bytes) -> bool | None:
        """Tell whether a path that answers has a part that no directory holds like this; None = cannot be told."""
        # Downwards and without recursion: a path may have 3000 parts.
        for directory in _directories_above(path):
            if directory not in self._fate_by_directory:
                self._fate_by_directory[directory] = self._is_missing_from_its_directory(directory)
            if self._fate_by_directory[directory] is not False:
                return self._fate_by_directory[directory]
        return self._is_missing_from_its_directory(path)

    def _is_missing_from_its_directory(self, path: bytes) -> bool | None:
        parent, _, name = path.rpartition(b"/")
        if self._listed is None or self._listed[0] != parent:
            self._listed = (parent, self._names_in(parent))
        names = self._listed[1]
        return None if names is None else name not in names

    def _names_in(self, directory: bytes) -> frozenset[bytes] | None:
        """Return the names that a directory holds; None if it cannot be listed, or changes meanwhile."""
        names: set[bytes] = set()
        try:
            before = self._storage.identify_directory(directory)
            for name in self._storage.names(directory):
                self._tick()
                names.add(name)
            # readdir(3) may leave out a name that is being replaced: such a listing proves nothing.
            return frozenset(names) if self._storage.identify_directory(directory) == before else None
        except OSError:
            return None


def folds_case(storage: Storage, names: Iterable[bytes]) -> bool | None:
    """Tell whether the root answers to one of its names in other letters; None = no name is fit to be asked by.

    Args:
        names: entries of the root.
    """
    known = frozenset(names)
    for name in sorted(known):
        if name.isascii() and (swapped := name.swapcase()) not in known and swapped != name:
            with suppress(OSError):
                return storage.stat(swapped).kind != "unreadable"
            return False
    return None


def _directories_above(path: bytes) -> Iterable[bytes]:
    end = path.find(b"/")
    while end >= 0:
        yield path[:end]
        end = path.find(b"/", end + 1)
