"""The ways to hear of changes, best first: one fanotify mark, inotify watches, nothing at all.

All feed the same `TreeChange`, so that nobody behind them asks which it was. `open_watcher` chooses.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import ClassVar

from daemon.volume_process import fanotify, inotify
from daemon.volume_process.known_tree import Place
from daemon.volume_process.mounts import MountTable, mount_of
from daemon.volume_process.nested import nested_mounts
from daemon.volume_process.protocol import Hello, TreeChange, WatchMethod
from daemon.volume_process.walk import Territory
from daemon.volume_process.watching import TreeWatcher, Waker, Watcher

log = logging.getLogger(__name__)

_OF_A_TREE = (
    inotify.CLOSE_WRITE
    | inotify.DELETE
    | inotify.MOVED_FROM
    | inotify.MOVED_TO
    | inotify.CREATE
    | inotify.ATTRIB
    | inotify.ONLYDIR
    | inotify.EXCL_UNLINK
)
_OF_THE_ROOT = inotify.MOVE_SELF | inotify.DELETE_SELF | inotify.ONLYDIR


def mark_volume(hello: Hello, mounts: MountTable) -> fanotify.Marks | None:
    """Mark the file systems of a volume, before the process confines itself; None = not permitted or not supported."""
    if hello.backend != "local":
        return None
    table = mounts.mounts()
    try:
        root = os.path.realpath(hello.root)
        mount = mount_of(root, table)
        if mount is None or mount.is_remote:
            return None
        nested = nested_mounts(root, table, hello.other_roots, named=hello.root)
        local = [one.point for one in nested.values() if not one.is_remote]
        return fanotify.open_marks(root, local)
    except OSError as error:
        log.debug("no fanotify for %r: %s", hello.root, error)
        return None


def unheard_mounts(hello: Hello, mounts: MountTable) -> list[bytes]:
    """Return the places below the root that other machines change unseen."""
    root = os.path.realpath(hello.root)
    nested = nested_mounts(root, mounts.mounts(), hello.other_roots, named=hello.root)
    return [path for path, mount in nested.items() if mount.is_remote]


def open_watcher(
    root: bytes, territory: Territory, marks: fanotify.Marks | None, unheard: Sequence[bytes] = ()
) -> Watcher:
    """Return the best watcher that this process may have; call `start` next.

    Args:
        marks: what was marked before the process confined itself; None = not permitted or not supported.
        unheard: as `unheard_mounts`.
    """
    watcher: Watcher
    if marks is not None and marks.take():
        watcher = FanotifyWatcher(root, territory, marks)
    else:
        try:
            watcher = InotifyWatcher(root, territory)
        except OSError as error:
            return NoWatcher(_why_not(error))
    if unheard:
        watcher.watch_limit = f"other machines change {os.fsdecode(unheard[0])} unseen"
    return watcher


def _why_not(error: OSError) -> str:
    if error.errno == errno.EMFILE:
        return "no changes are heard of: too many inotify instances (sysctl fs.inotify.max_user_instances)"
    return f"no changes are heard of: inotify says {error.strerror}"


class InotifyWatcher(TreeWatcher[int]):
    """A watch on every directory. At the limit of watches those that are set stay, and `watch_limit` says so."""

    method: ClassVar[WatchMethod] = "inotify"

    def __init__(self, root: bytes, territory: Territory) -> None:
        self._inotify = inotify.Inotify()
        super().__init__(root, territory)
        self.waker.listen_to(self._inotify.fileno())
        self._holders: set[int] = set()

    def start(self, tick: Callable[[], None] = lambda: None) -> None:
        """See `Watcher.start`."""
        super().start(tick)
        for fd in _root_and_above(self.root):
            # MASK_ADD: the root has a watch of its tree already, which this one must not replace.
            with suppress(OSError):  # a directory above that we may not read
                self._holders.add(self._inotify.add_watch(fd, _OF_THE_ROOT | inotify.MASK_ADD))

    def key_of(self, fd: int) -> int | None:
        """See `TreeWatcher.key_of`: the watch descriptor, one per directory whatever leads to it."""
        try:
            return self._inotify.add_watch(fd, _OF_A_TREE | inotify.MASK_ADD)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.ENOMEM):
                raise
            self.watch_limit = (
                f"only {len(self.tree)} directories can be watched (sysctl fs.inotify.max_user_watches)"
            )
            return None

    def let_go(self, keys: list[int]) -> None:
        """See `TreeWatcher.let_go`."""
        for key in keys:
            with suppress(OSError):  # the kernel dropped it with its directory
                self._inotify.remove_watch(key)

    def read_events(self) -> bool:
        """See `TreeWatcher.read_events`."""
        moving: dict[int, tuple[Place[int], bytes, bool]] = {}
        for event in self._inotify.read():
            self._take(event, moving)
        for above, name, is_dir in moving.values():
            self.renamed(above, name, None, b"", is_dir=is_dir)
        return True

    def _take(self, event: inotify.Event, moving: dict[int, tuple[Place[int], bytes, bool]]) -> None:
        watch, mask, cookie, name = event
        if mask & inotify.Q_OVERFLOW:
            self.lost_events()
            return
        place = self.tree.by_key(watch)
        is_root = place is not None and place.parent is None
        if watch in self._holders and mask & _OF_THE_ROOT and (is_root or place is None):
            self.lost_root()
        if place is None:
            return
        if mask & inotify.UNMOUNT and is_root:
            self.lost_root()
        if mask & inotify.IGNORED:
            self.forget(place)
            return
        if not name:
            if mask & inotify.ATTRIB and is_root:
                self.changed_itself(place)  # of others their parent tells
            return
        is_dir = bool(mask & inotify.ISDIR)
        if mask & inotify.MOVED_FROM:
            moving[cookie] = (place, name, is_dir)
        elif mask & inotify.MOVED_TO:
            above, old_name, _ = moving.pop(cookie, (None, b"", is_dir))
            self.renamed(above, old_name, place, name, is_dir=is_dir)
        elif mask & inotify.CREATE:
            self.appeared(place, name, is_dir=is_dir)
        elif mask & inotify.DELETE:
            self.went(place, name, is_dir=is_dir)
        else:
            self.written(place, name, is_dir=is_dir, is_urgent=bool(mask & inotify.CLOSE_WRITE))

    def close(self) -> None:
        """See `Watcher.close`."""
        super().close()
        self._inotify.close()


class FanotifyWatcher(TreeWatcher[bytes]):
    """One mark per file system, and a map from file handles to directories: no watch, and no limit of them."""

    method: ClassVar[WatchMethod] = "fanotify"

    def __init__(self, root: bytes, territory: Territory, marks: fanotify.Marks) -> None:
        super().__init__(root, territory)
        self._marks = marks
        self.waker.listen_to(marks.fileno())
        self._above: set[tuple[bytes, bytes]] = set()

    def start(self, tick: Callable[[], None] = lambda: None) -> None:
        """See `Watcher.start`."""
        super().start(tick)
        name = b""
        for fd in _root_and_above(self.root):
            if name and (key := self._marks.key_of(fd)) is not None:
                self._above.add((key, name))
            name = os.path.basename(os.readlink(b"/proc/self/fd/%d" % fd))

    def key_of(self, fd: int) -> bytes | None:
        """See `TreeWatcher.key_of`: the file-system id and the file handle."""
        key = self._marks.key_of(fd)
        if key is None:
            shown = os.fsdecode(os.readlink(b"/proc/self/fd/%d" % fd))
            self.watch_limit = f"the file system at {shown} is not watched"
        return key

    def read_events(self) -> bool:
        """See `TreeWatcher.read_events`."""
        seen = ours = 0
        for event in self._marks.read():
            seen += 1
            ours += self._take(event)
        return ours > 0 or seen == 0

    def _take(self, event: fanotify.Event) -> bool:
        mask, key, name, new_key, new_name = event
        if mask & fanotify.Q_OVERFLOW:
            self.lost_events()
            return True
        is_dir = bool(mask & fanotify.ONDIR)
        place = self.tree.by_key(key)
        if is_dir and mask & (fanotify.RENAME | fanotify.DELETE) and (key, name) in self._above:
            self.lost_root()
        if mask & fanotify.RENAME:
            new_place = self.tree.by_key(new_key)
            self.renamed(place, name, new_place, new_name, is_dir=is_dir)
            return place is not None or new_place is not None
        if place is None:
            return False
        if name == b".":
            self.changed_itself(place)
            return True
        # Merged events have lost their order: what was made may be gone, and the walk finds that out.
        if mask & fanotify.DELETE:
            self.went(place, name, is_dir=is_dir)
        if mask & fanotify.CREATE:
            self.appeared(place, name, is_dir=is_dir)
        if mask & (fanotify.CLOSE_WRITE | fanotify.ATTRIB):
            is_urgent = bool(mask & fanotify.CLOSE_WRITE)
            self.written(place, name, is_dir=is_dir, is_urgent=is_urgent)
        return True

    def close(self) -> None:
        """See `Watcher.close`."""
        super().close()
        self._marks.give_back()


class NoWatcher:
    """Hears of nothing, says why, and ends its wait when it is woken."""

    method: ClassVar[WatchMethod] = "polling"

    def __init__(self, why: str) -> None:
        self.watch_limit: str | None = why
        self._waker = Waker()

    def start(self, tick: Callable[[], None]) -> None:
        """See `Watcher.start`."""
        tick()

    def wait(self, timeout_s: float | None, tick: Callable[[], None]) -> TreeChange | None:
        """See `Watcher.wait`."""
        self._waker.wait(timeout_s)
        tick()
        return None

    def wake(self) -> None:
        """See `Watcher.wake`."""
        self._waker.wake()

    def close(self) -> None:
        """See `Watcher.close`."""
        self._waker.close()


def _root_and_above(root: bytes) -> Iterator[int]:
    """Yield O_PATH descriptors of the root and of every directory above it: whoever moves one moves the volume."""
    here: bytes | None = os.path.realpath(root)
    while here:
        with suppress(OSError):
            fd = os.open(here, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                yield fd
            finally:
                os.close(fd)
        above = os.path.dirname(here)
        here = above if above != here else None
