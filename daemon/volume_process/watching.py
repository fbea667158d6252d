"""Watch a tree: hints about directories to look at again, never a truth.

The kernel reports no writes through a mapping, may lose events, and sees nothing that happens on another machine. So
a watcher only names directories; the walk decides. What all watchers share is here: which directories there are and
may be looked at, what an event means, and how long to wait. How the kernel tells is in `watchers`.

Writing is told when the writer closes the file. A file that only appeared (a slow copy, a hard link) is told after
`_QUIET_S`, so that a copy is not read again and again while it grows.

Invariant: what a directory is known by is set before it is listed; so what comes between the two is seen by one of them.
"""

from __future__ import annotations

import errno
import math
import os
import select
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar, Generic, Protocol

from daemon.excludes import NOMEDIA
from daemon.volume_process.known_tree import K, KnownTree, Place
from daemon.volume_process.protocol import TreeChange, WatchMethod
from daemon.volume_process.walk import Territory
from vfs.beneath import open_directory_beneath
from vfs.storage.local import LocalStorage

_COALESCE_S = 0.05
# A mark sees all of a file system: while nothing of it is ours we look ever more rarely, up to this.
_MOST_COALESCE_S = 0.4
_QUIET_S = 1.0
# More directories than this in one go: a full look is cheaper than a list of them.
_MOST_DIRECTORIES = 10_000
# Something else is there by now, or nothing.
_NO_DIRECTORY = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_NO_TICK: Callable[[], None] = lambda: None  # noqa: E731 - a default of two methods


class Watcher(Protocol):
    """What `open_watcher` returns; owned by one thread but for `wake`. Close it.

    Attributes:
        method: how it learns of changes; `polling` = not at all.
        watch_limit: why it does not see (all of) the tree, in user words, else None.
    """

    method: ClassVar[WatchMethod]
    watch_limit: str | None

    def start(self, tick: Callable[[], None]) -> None:
        """Begin to watch the whole tree; blocks on the volume."""

    def wait(self, timeout_s: float | None, tick: Callable[[], None]) -> TreeChange | None:
        """Wait for something to tell, at most so long; None = nothing, or `wake` was called.

        Blocks, not on the volume; where new directories are to be watched, it calls `tick` for each of them.
        """

    def wake(self) -> None:
        """Make `wait` return now, or the next one at once. Any thread; harmless after `close`."""

    def close(self) -> None:
        """Let go of everything."""


class Waker:
    """Ends a wait of another thread."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._fd: int | None = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poller = select.poll()
        self._poller.register(self._fd, select.POLLIN)

    def listen_to(self, fd: int) -> None:
        """Also end waits when this descriptor is readable."""
        self._poller.register(fd, select.POLLIN)

    def wait(self, timeout_s: float | None) -> bool:
        """Wait; whether `wake` was not what ended it. Without a timeout nothing of us runs until something happens."""
        timeout_ms = None if timeout_s is None else math.ceil(max(0.0, timeout_s) * 1000)
        ready = {fd for fd, _ in self._poller.poll(timeout_ms)}
        assert self._fd is not None
        if self._fd in ready:
            os.eventfd_read(self._fd)
            return False
        return True

    def wake(self) -> None:
        """End the wait under way or the next one."""
        with self._turn:
            if self._fd is not None:
                os.eventfd_write(self._fd, 1)

    def close(self) -> None:
        """Close it; `wake` does nothing from now on."""
        with self._turn:
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None


class TreeWatcher(ABC, Generic[K]):
    """What every watcher that hears events does. `K` is what the kernel calls a directory by."""

    method: ClassVar[WatchMethod]

    def __init__(self, root: bytes, territory: Territory) -> None:
        self.root = root
        self.watch_limit: str | None = None
        self.tree: KnownTree[K] = KnownTree()
        self.waker = Waker()
        self._territory = territory
        self._due_by_directory: dict[bytes, float] = {}
        self._new_trees: set[bytes] = set()
        self._coalesce_s = _COALESCE_S
        self._is_overflow = False
        self._is_unmounted = False

    @abstractmethod
    def key_of(self, fd: int) -> K | None:
        """Return what events call an open directory; None = it is not watched, and `watch_limit` says why.

        Raises:
            OSError: it went away.
        """

    @abstractmethod
    def read_events(self) -> bool:
        """Take in (`appeared`, `renamed` …) all that happened; False = there was something, and nothing of it ours."""

    def let_go(self, keys: list[K]) -> None:
        """Take note that directories are of no interest any more. By default there is nothing to do."""

    def start(self, tick: Callable[[], None] = _NO_TICK) -> None:
        """See `Watcher.start`."""
        self.add_trees([b""], tick)

    # ---- the directories that there are

    def add_trees(self, paths: list[bytes], tick: Callable[[], None] = _NO_TICK) -> None:
        """Watch these directories and all below them, and none that is not there (any more)."""
        tick()
        with LocalStorage(self.root) as storage:
            to_do = list(paths)
            while to_do:
                path = to_do.pop()
                tick()
                try:
                    if self._add(storage, path):
                        to_do.extend(self._subdirectories(storage, path))
                except PermissionError:
                    continue  # nor can it be listed; whoever opens it to us changes its mode, which is told
                except OSError as error:
                    if error.errno in _NO_DIRECTORY:
                        self.forget(self.tree.at(path))
                    else:  # it may be read again without anybody telling us
                        shown = os.fsdecode(path) or os.fsdecode(self.root)
                        self.watch_limit = f"{shown} cannot be watched ({error.strerror})"

    def _add(self, storage: LocalStorage, path: bytes) -> bool:
        """Watch one directory; False = not watched, and nothing below it shall be.

        Our own state is not: every write of the catalog would be a change.
        """
        fd = open_directory_beneath(storage.root_fd, path)
        try:
            found = os.fstat(fd)
            if self._territory.is_own_directory((found.st_dev, found.st_ino)):
                return False
            key = self.key_of(fd)
            if key is None:
                return False
            self._note_twin(storage, key, path)
        finally:
            os.close(fd)
        self.let_go(self.tree.put(path, key))
        return True

    def _note_twin(self, storage: LocalStorage, key: K, path: bytes) -> None:
        """Say so when a directory is at two places (a bind mount): events can name one of them only."""
        known = self.tree.by_key(key)
        if known is None or (other := known.path) == path:
            return
        with suppress(OSError):
            fd = open_directory_beneath(storage.root_fd, other)
            try:
                if self.key_of(fd) == key:
                    shown = os.fsdecode(other)
                    self.watch_limit = f"{shown} is mounted at a second place, which cannot be watched"
            finally:
                os.close(fd)

    def _subdirectories(self, storage: LocalStorage, path: bytes) -> list[bytes]:
        """Return the directories in it that a walk would enter; by type alone, without a stat where it is known."""
        prefix = path + b"/" if path else b""
        skipped = self._territory.names_skipped_in(path)
        fd = open_directory_beneath(storage.root_fd, path)
        try:
            with os.scandir(fd) as entries:
                names = [
                    os.fsencode(entry.name)
                    for entry in entries
                    if os.fsencode(entry.name) not in skipped and entry.is_dir(follow_symlinks=False)
                ]
        finally:
            os.close(fd)
        excludes = self._territory.excludes.excludes
        entered = {name for name in names if not excludes(prefix + name, name, is_dir=True)}
        for known in self.tree.children_of(path):
            if known.name not in entered:
                self.forget(known)
        return [prefix + name for name in entered]

    def forget(self, place: Place[K] | None) -> None:
        """Watch a directory, and all below it, no longer."""
        if place is not None:
            self.let_go(self.tree.forget(place))

    # ---- what events say

    def appeared(self, above: Place[K], name: bytes, *, is_dir: bool) -> None:
        """Take in that an entry was made or moved here."""
        if self._touched(above.path, name, is_dir=is_dir, is_urgent=is_dir) and is_dir:
            self._new_trees.add(_join(above.path, name))

    def went(self, above: Place[K], name: bytes, *, is_dir: bool) -> None:
        """Take in that an entry was removed or moved out of what we watch."""
        if is_dir:
            self.forget(above.child(name))
        self._touched(above.path, name, is_dir=is_dir, is_urgent=True)

    def written(self, above: Place[K], name: bytes, *, is_dir: bool, is_urgent: bool) -> None:
        """Take in that an entry was written (at once) or that its attributes changed (later)."""
        directory = above.path
        if not is_dir:
            self._touched(directory, name, is_dir=False, is_urgent=is_urgent)
        elif above.child(name) is not None:
            self._due_at(_join(directory, name), 0)
        elif self._is_shown(directory, name, is_dir=True):
            self._new_trees.add(_join(directory, name))  # it could not be listed before, perhaps

    def renamed(
        self,
        above: Place[K] | None,
        name: bytes,
        new_above: Place[K] | None,
        new_name: bytes,
        *,
        is_dir: bool,
    ) -> None:
        """Take in a rename; None = not watched, so that it came from or went to the outside."""
        known = above.child(name) if above is not None and is_dir else None
        if above is not None:
            self._touched(above.path, name, is_dir=is_dir, is_urgent=True)
        if known is not None and new_above is not None:
            self.let_go(self.tree.move(known, new_above, new_name))
        else:
            self.forget(known)
        if new_above is not None:
            is_ours = self._touched(new_above.path, new_name, is_dir=is_dir, is_urgent=True)
            if is_dir and is_ours:
                self._new_trees.add(_join(new_above.path, new_name))
            elif is_dir:
                self.forget(new_above.child(new_name))

    def changed_itself(self, place: Place[K]) -> None:
        """Take in that the attributes of a directory changed."""
        if place.parent is not None:
            self.written(place.parent, place.name, is_dir=True, is_urgent=True)
        else:
            self._due_at(b"", 0)

    def lost_events(self) -> None:
        """Take in that there were too many events."""
        self._is_overflow = True

    def lost_root(self) -> None:
        """Take in that the root was unmounted, moved or removed."""
        self._is_unmounted = True

    def _touched(self, directory: bytes, name: bytes, *, is_dir: bool, is_urgent: bool) -> bool:
        """Note that a directory is to be listed; False = the entry is none that a walk would show."""
        if name == NOMEDIA and directory:
            self._new_trees.add(directory)  # all below it goes, or comes
        elif not self._is_shown(directory, name, is_dir=is_dir):
            return False
        self._due_at(directory, 0 if is_urgent else _QUIET_S)
        return True

    def _is_shown(self, directory: bytes, name: bytes, *, is_dir: bool) -> bool:
        if name in self._territory.names_skipped_in(directory):
            return False
        return not self._territory.excludes.excludes(_join(directory, name), name, is_dir=is_dir)

    def _due_at(self, directory: bytes, after_s: float) -> None:
        due_s = time.monotonic() + after_s
        self._due_by_directory[directory] = min(due_s, self._due_by_directory.get(directory, due_s))

    # ---- waiting

    def wait(self, timeout_s: float | None, tick: Callable[[], None] = _NO_TICK) -> TreeChange | None:
        """See `Watcher.wait`."""
        deadline_s = math.inf if timeout_s is None else time.monotonic() + timeout_s
        while (now_s := time.monotonic()) < deadline_s:
            until_s = min(deadline_s, *self._due_by_directory.values(), math.inf)
            if not self.waker.wait(None if until_s == math.inf else until_s - now_s):
                return None
            if not self._due_by_directory or time.monotonic() < until_s:
                time.sleep(self._coalesce_s)
            is_ours = self.read_events()
            self._coalesce_s = _COALESCE_S if is_ours else min(2 * self._coalesce_s, _MOST_COALESCE_S)
            if change := self._take_change(tick):
                return change
        return None

    def _take_change(self, tick: Callable[[], None]) -> TreeChange | None:
        new_trees = sorted(self._new_trees)
        if self._is_overflow:
            new_trees = [b""]  # what was lost may have been a new directory
        if new_trees and not self._is_unmounted:
            self.add_trees(new_trees, tick)
        now_s = time.monotonic()
        due = sorted(path for path, at in self._due_by_directory.items() if at <= now_s)
        is_overflow = self._is_overflow or max(len(due), len(new_trees)) > _MOST_DIRECTORIES
        if not (due or new_trees or is_overflow or self._is_unmounted):
            return None
        for path in due:
            del self._due_by_directory[path]
        if self._is_overflow:
            self._new_trees.clear()
        self._new_trees.difference_update(new_trees)
        change = TreeChange(
            directories=() if is_overflow else tuple(due),
            new_trees=() if is_overflow else tuple(new_trees),
            is_overflow=is_overflow,
            is_unmounted=self._is_unmounted,
            watch_limit=self.watch_limit,
            method=self.method,
        )
        self._is_overflow = self._is_unmounted = False
        return change

    def wake(self) -> None:
        """See `Watcher.wake`."""
        self.waker.wake()

    def close(self) -> None:
        """See `Watcher.close`."""
        self.waker.close()


def _join(directory: bytes, name: bytes) -> bytes:
    return directory + b"/" + name if directory else name
