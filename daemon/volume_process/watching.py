"""Watch a tree with inotify: hints about directories to look at again, never a truth.

inotify reports no writes through a mapping, loses events when its queue is full, has a limit of watches per user
and sees nothing that happens on another machine. So it only names directories; the walk decides. Watches are set on
descriptors opened beneath the root, so depth and symlinks do not matter; a watch pins no mount.

Writing is told when the writer closes the file. A file that only appeared (a slow copy, a hard link) is told after
`_QUIET_S`, so that a copy is not read again and again while it grows.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from contextlib import suppress

from daemon.volume_process import inotify
from daemon.volume_process.protocol import TreeChange
from daemon.volume_process.walk import Territory
from vfs.beneath import open_directory_beneath
from vfs.storage.local import LocalStorage

_AT_ONCE = inotify.CLOSE_WRITE | inotify.DELETE | inotify.MOVED_FROM | inotify.MOVED_TO
_MASK = _AT_ONCE | inotify.CREATE | inotify.ATTRIB | inotify.ONLYDIR | inotify.EXCL_UNLINK
_COALESCE_S = 0.05
_QUIET_S = 1.0
# More directories than this in one go: a full look is cheaper than a list of them.
_MOST_DIRECTORIES = 10_000


class TreeWatcher:
    """Watches on every directory of a tree; owned by one thread. Close it."""

    def __init__(self, root: bytes, territory: Territory) -> None:
        self._root = root
        self._territory = territory
        self._inotify = inotify.Inotify()
        self._path_by_watch: dict[int, bytes] = {}
        self._due_by_directory: dict[bytes, float] = {}
        self._new_trees: set[bytes] = set()
        self._is_overflow = False
        self._is_unmounted = False
        self.watch_limit: str | None = None

    def add_trees(self, paths: list[bytes], tick: Callable[[], None]) -> None:
        """Watch these directories and all below them; what cannot be opened or watched is left to the looks."""
        with LocalStorage(self._root) as storage:
            to_do = list(paths)
            while to_do and self.watch_limit is None:
                path = to_do.pop()
                tick()
                with suppress(OSError):
                    if self._add(storage, path):
                        to_do.extend(self._subdirectories(storage, path))

    def _add(self, storage: LocalStorage, path: bytes) -> bool:
        """Watch a directory; False = it is our own state: watched, every write of the catalog would be a change."""
        fd = open_directory_beneath(storage.root_fd, path)
        try:
            found = os.fstat(fd)
            if self._territory.is_own_directory((found.st_dev, found.st_ino)):
                return False
            watch = self._inotify.add_watch(fd, _MASK)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.ENOMEM):
                self.watch_limit = (
                    f"only {len(self._path_by_watch)} directories can be watched"
                    " (sysctl fs.inotify.max_user_watches)"
                )
            raise
        finally:
            os.close(fd)
        self._path_by_watch[watch] = path
        return True

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
        return [prefix + name for name in names if not excludes(prefix + name, name, is_dir=True)]

    def wait(self, timeout_s: float, tick: Callable[[], None]) -> TreeChange | None:
        """Wait for something to tell, at most so long; None = nothing yet. Blocks, not on the volume."""
        deadline = time.monotonic() + timeout_s
        while (now := time.monotonic()) < deadline:
            pause_s = min(deadline - now, self._next_due_s(now))
            if self._inotify.wait(pause_s):
                time.sleep(_COALESCE_S)
                for event in self._inotify.read():
                    self._note(event)
            new_trees = sorted(self._new_trees)
            if new_trees:
                # Watches first, the listing after: what comes between the two is seen by one of them.
                self.add_trees(new_trees, tick)
            if change := self._take_due(new_trees):
                return change
        return None

    def _next_due_s(self, now: float) -> float:
        return max(0.0, min(self._due_by_directory.values(), default=now + 3600) - now)

    def _note(self, event: inotify.Event) -> None:
        watch, mask, name = event
        if mask & inotify.Q_OVERFLOW:
            self._is_overflow = True
            return
        path = self._path_by_watch.get(watch)
        if path is None:
            return
        if mask & inotify.UNMOUNT:
            self._is_unmounted = True
        if mask & inotify.IGNORED:
            del self._path_by_watch[watch]
            return
        child = path + b"/" + name if path else name
        is_dir = bool(mask & inotify.ISDIR)
        if name and (
            name in self._territory.names_skipped_in(path)
            or self._territory.excludes.excludes(child, name, is_dir=is_dir)
        ):
            return
        if is_dir and mask & inotify.MOVED_FROM:
            self._forget_tree(child)
        if is_dir and mask & (inotify.CREATE | inotify.MOVED_TO):
            self._new_trees.add(child)
        is_urgent = is_dir or mask & _AT_ONCE
        due = time.monotonic() + (0 if is_urgent else _QUIET_S)
        self._due_by_directory[path] = min(due, self._due_by_directory.get(path, due))

    def _forget_tree(self, top: bytes) -> None:
        below = top + b"/"
        for watch, path in list(self._path_by_watch.items()):
            if path == top or path.startswith(below):
                del self._path_by_watch[watch]
                with suppress(OSError):
                    self._inotify.remove_watch(watch)

    def _take_due(self, new_trees: list[bytes]) -> TreeChange | None:
        now = time.monotonic()
        due = sorted(path for path, at in self._due_by_directory.items() if at <= now)
        is_overflow = self._is_overflow or len(due) > _MOST_DIRECTORIES or len(new_trees) > _MOST_DIRECTORIES
        if not (due or new_trees or is_overflow or self._is_unmounted):
            return None
        for path in due:
            del self._due_by_directory[path]
        self._new_trees.difference_update(new_trees)
        change = TreeChange(
            directories=() if is_overflow else tuple(due),
            new_trees=() if is_overflow else tuple(new_trees),
            is_overflow=is_overflow,
            is_unmounted=self._is_unmounted,
            watch_limit=self.watch_limit,
        )
        self._is_overflow = self._is_unmounted = False
        return change

    def close(self) -> None:
        """Drop all watches."""
        self._inotify.close()
