"""The change feed on its way to the kernel: what it may have cached and must forget, told precisely.

A thread of its own follows the feed (`PRAGMA data_version`, so no wake-up can be lost and no daemon is needed) and
writes notifications to the FUSE descriptor. Never from a handler or the event loop: the kernel holds the folder's
lock while it waits for a handler, and a loop stuck in a notification answers nobody (reproduced; only
`/sys/fs/fuse/connections/N/abort` frees it).

Order, per batch: read the feed; `announce` on the loop, after which no older answer can reach the kernel; then
tell the kernel. So an answer is either fresh, or forgotten again.

`plan` is pure. Folders are expired, not dropped: a dropped one breaks `pwd` in shells that stand in it.
"""

from __future__ import annotations

import errno
import logging
import os
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import trio

from catalog.buckets import bucket_from_subject
from catalog.changes import Change
from catalog.ids import DirectoryId
from catalog.library import Library
from catalog.store import changes, listing
from catalog.store.db import Reader, open_reader
from vfs.fuse_border import Activity
from vfs.inodes import ROOT, THUMB_SLOTS, Inode, Kind, pack, pack_thumb
from vfs.tree import Tree
from vfs.views.contract import Step
from vfs.views.originals import ORIGINALS, directory_inode, shown_volumes

log = logging.getLogger(__name__)

# An edit must be seen within a second; a look costs a few microseconds and reads shared memory only. Where nothing was said
# for a while it may take a little longer: a machine at rest is woken twice a second and not ten times.
POLL_S = 0.1
_RESTING_POLL_S = 0.5
_RESTS_AFTER_S = 10.0
# Above it one epoch (0.06 ms, everything is asked again when used) is cheaper than telling each name (11 us).
BULK_CHANGES = 2000
# After an error of the catalog the feed is tried again, not at once.
_ERROR_PAUSE_S = 1.0

_HEADER = struct.Struct("<IiQ")  # fuse_out_header: length, code, unique 0
_INVAL_INODE = struct.Struct("<Qqq")  # inode, offset, length; a negative offset spares the pages
_INVAL_ENTRY = struct.Struct("<QII")  # parent, length of name, flags
_CODE_INVAL_INODE = 2
_CODE_INVAL_ENTRY = 3
_CODE_INC_EPOCH = 8  # protocol 7.44, Linux 6.16
_EXPIRE_ONLY = 1  # protocol 7.38, Linux 6.2; older kernels drop the entry instead
_ATTRIBUTES_ONLY = -1
# ENOENT: not cached, the usual case. The others: the mount is gone, and its cache with it.
_NOTHING_CACHED = frozenset({errno.ENOENT, errno.ENOTCONN, errno.ENODEV})


@dataclass(slots=True)
class Plan:
    """What the kernel must forget. Ordered, each thing once.

    Attributes:
        dropped: (folder, name) of photos: whatever is cached under the name, absence too.
        expired: (folder, name) to be asked for again at the next use; what is in use stays usable.
        folders: numbers whose attributes changed.
        files: numbers whose attributes and pages may have changed.
        is_everything: too much changed, or part of the feed is lost.
    """

    dropped: dict[tuple[Inode, bytes], None] = field(default_factory=dict)
    expired: dict[tuple[Inode, bytes], None] = field(default_factory=dict)
    folders: dict[Inode, None] = field(default_factory=dict)
    files: dict[Inode, None] = field(default_factory=dict)
    is_everything: bool = False


class Planner:
    """Turns changes into a plan; asks the catalog only for labels and for root directories of volumes."""

    def __init__(
        self, tree: Tree, volume_names: Callable[[], set[bytes]], folder_of: Callable[[int], Inode]
    ) -> None:
        self._tree = tree
        self._volume_names = volume_names
        self._folder_of = folder_of
        self._known_volumes = volume_names()

    def plan(self, batch: Iterable[Change]) -> Plan:
        """Return what a batch of changes means."""
        found = Plan()
        for change in batch:
            _RULES.get(change.kind, Planner._everything)(self, change, found)
        return found

    def _entry(self, change: Change, found: Plan) -> None:
        bucket = bucket_from_subject(change.subject)
        leaf = self._tree.leaf(bucket)
        found.dropped[leaf, change.name or b""] = None
        if leaf not in found.folders:  # once per batch: its time, and the times of the folders above
            found.folders[leaf] = None
            self._above(self._tree.steps(bucket), found)

    def _bucket(self, change: Change, found: Plan) -> None:
        steps = self._tree.steps(bucket_from_subject(change.subject))
        found.expired.update(dict.fromkeys((step.parent, step.name) for step in steps[1:]))
        self._above(steps, found)

    def _above(self, steps: list[Step], found: Plan) -> None:
        found.folders.update(dict.fromkeys(step.parent for step in steps if step.parent != ROOT))

    def _folder(self, change: Change, found: Plan) -> None:
        view, row = change.subject.split(":")
        chain = self._tree.chain(int(view), int(row))
        if chain:
            found.expired[chain[0], change.name or b""] = None
            found.folders.update(dict.fromkeys(chain))

    def _photo(self, change: Change, found: Plan) -> None:
        content_id = int(change.subject)
        found.files[pack(Kind.CONTENT, content_id)] = None
        found.files[pack(Kind.PREVIEW, content_id)] = None
        found.files.update(dict.fromkeys(pack_thumb(content_id, slot) for slot in THUMB_SLOTS))

    def _original_entry(self, change: Change, found: Plan) -> None:
        folder = self._folder_of(int(change.subject))
        found.expired[folder, change.name or b""] = None
        found.folders[folder] = None

    def _original(self, change: Change, found: Plan) -> None:
        letter, row = change.subject[:1], int(change.subject[1:])
        if letter == "l":
            found.files[pack(Kind.LOCATION, row)] = None
        else:
            found.folders[self._folder_of(row)] = None

    def _volume(self, change: Change, found: Plan) -> None:
        names = self._volume_names()
        for name in self._known_volumes | names:
            found.expired[ORIGINALS, name] = None
        self._known_volumes = names
        found.folders[ORIGINALS] = None
        found.folders[pack(Kind.VOLUME, int(change.subject))] = None

    def _nothing(self, change: Change, found: Plan) -> None:
        """Accounts are no matter of the mount."""

    def _everything(self, change: Change, found: Plan) -> None:
        found.is_everything = True


_RULES: dict[str, Callable[[Planner, Change, Plan], None]] = {
    "entry+": Planner._entry,
    "entry-": Planner._entry,
    "bucket+": Planner._bucket,
    "bucket-": Planner._bucket,
    "dir+": Planner._folder,
    "dir-": Planner._folder,
    "photo": Planner._photo,
    "orig+": Planner._original_entry,
    "orig-": Planner._original_entry,
    "orig": Planner._original,
    "volume": Planner._volume,
    "account": Planner._nothing,
    "all": Planner._everything,
}


class KernelNotifier:
    """Writes notifications to the FUSE descriptor: pyfuse3 lacks expiry and epochs.

    A thing that the kernel does not have cached is ENOENT: normal. Blocks while a handler of the same folder is
    at work, so it belongs into the follower's thread.
    """

    def __init__(self, fuse_fd: int, activity: Activity) -> None:
        self._fd = fuse_fd
        self._activity = activity

    def carry_out(self, plan: Plan, top_names: Iterable[bytes]) -> None:
        """Tell the kernel everything in the plan."""
        if plan.is_everything:
            self.forget_everything(top_names)
            return
        for (folder, name), is_expiry in [
            *((entry, False) for entry in plan.dropped),
            *((entry, True) for entry in plan.expired),
        ]:
            self.forget_entry(folder, name, is_expiry=is_expiry)
        for inode in plan.folders:
            self._inode(inode, _ATTRIBUTES_ONLY)
        for inode in plan.files:
            self._inode(inode, 0)

    def forget_entry(self, folder: Inode, name: bytes, *, is_expiry: bool) -> None:
        """Drop or expire what is cached under a name of a folder."""
        payload = _INVAL_ENTRY.pack(folder, len(name), _EXPIRE_ONLY if is_expiry else 0) + name + b"\0"
        self._send("expire" if is_expiry else "entry", _CODE_INVAL_ENTRY, payload)

    def forget_everything(self, top_names: Iterable[bytes]) -> None:
        """Have every name asked again: by an epoch, or on kernels before 6.16 by dropping the top folders.

        Dropping a folder drops the cached tree below it; a shell inside loses its `pwd` until it looks again,
        which is the price of a lost feed on an old kernel.
        """
        if not self._send("epoch", _CODE_INC_EPOCH, b""):
            for name in top_names:
                self.forget_entry(ROOT, name, is_expiry=False)

    def _inode(self, inode: Inode, offset: int) -> None:
        self._send("inode", _CODE_INVAL_INODE, _INVAL_INODE.pack(inode, offset, 0))

    def _send(self, kind: str, code: int, payload: bytes) -> bool:
        """Write one message; False if this kernel does not know it."""
        self._activity.notifications[kind] += 1
        try:
            os.write(self._fd, _HEADER.pack(_HEADER.size + len(payload), code, 0) + payload)
        except OSError as error:
            if error.errno in _NOTHING_CACHED:
                return True
            if error.errno in (errno.EINVAL, errno.ENOSYS):
                return False
            raise
        return True


def find_fuse_fd() -> int:
    """Return the descriptor of this process's FUSE session, which pyfuse3 keeps to itself.

    Goes when pyfuse3 offers expiry, epochs and its descriptor.
    """
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}") == "/dev/fuse":
                return int(name)
        except OSError:
            continue  # the listing's own descriptor is gone already
    raise RuntimeError("no FUSE session in this process")


class ChangeFollower:
    """The thread that follows the feed. Started by the mount's process, stopped before the session is closed.

    Args:
        library: whose feed; the follower keeps a reader of its own (data_version is per connection).
        tree: for names and numbers of folders.
        kernel: where to tell it.
        announce: runs `TreeOperations.announce` on the loop and returns after it; raises RuntimeError
            (trio.RunFinishedError) when the loop is over.
        on_turn: called each time that the feed is looked at, at least once in `_RESTING_POLL_S`.
    """

    def __init__(
        self,
        library: Library,
        tree: Tree,
        kernel: KernelNotifier,
        *,
        announce: Callable[[], None],
        activity: Activity,
        on_turn: Callable[[], None] = lambda: None,
        poll_s: float = POLL_S,
    ) -> None:
        self._tree = tree
        self._activity = activity
        self._kernel = kernel
        self._announce = announce
        self._on_turn = on_turn
        self._poll_s = poll_s
        self._is_stopping = threading.Event()
        # Opened here: what is committed from now on is announced.
        self._reader = open_reader(library)
        self._version = self._reader.data_version()
        self._moved_s = time.monotonic()
        self._seq = changes.latest_seq(self._reader)
        self._planner = Planner(tree, lambda: _volume_names(self._reader), self._folder_of)

    def run(self) -> None:
        """Follow until `stop`. Blocks; belongs into a thread."""
        try:
            self._on_turn()
            while not self._is_stopping.wait(self._pause_s()):
                self._on_turn()
                try:
                    self._look()
                except trio.RunFinishedError:
                    return
                except Exception:  # the thread's border: a dead follower would serve the past
                    self._activity.errors += 1
                    log.exception("the change feed cannot be followed; trying again")
                    self._is_stopping.wait(_ERROR_PAUSE_S)
        finally:
            self._reader.close()

    def stop(self) -> None:
        """Ask the thread to end; it does at once, or after what it is doing."""
        self._is_stopping.set()

    def _pause_s(self) -> float:
        is_resting = time.monotonic() - self._moved_s > _RESTS_AFTER_S
        return max(self._poll_s, _RESTING_POLL_S) if is_resting else self._poll_s

    def _look(self) -> None:
        version = self._reader.data_version()
        if version == self._version:
            return
        self._moved_s = time.monotonic()
        batch = changes.since(self._reader, self._seq, BULK_CHANGES + 1)
        if batch is None or len(batch) > BULK_CHANGES:
            self._seq = changes.latest_seq(self._reader)
            plan = Plan(is_everything=True)
        else:
            plan = self._planner.plan(batch)
            self._seq = batch[-1].seq if batch else self._seq
        self._announce()
        self._kernel.carry_out(plan, self._tree.top_names())
        # Only now: after an error the same changes are looked at again.
        self._version = version

    def _folder_of(self, directory_id: int) -> Inode:
        row = listing.directory_by_id(self._reader, DirectoryId(directory_id))
        return pack(Kind.DIRECTORY, directory_id) if row is None else directory_inode(row)


def _volume_names(reader: Reader) -> set[bytes]:
    return {volume.name.encode() for volume in shown_volumes(reader)}
