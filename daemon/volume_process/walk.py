"""Walk a storage: every directory once, every listing whole or marked as failed, nothing opened but directories.

Pure over a `Storage` (so it serves local disks and object stores alike) and without recursion; the only state that
grows is the path being walked and its siblings still to do. Invariants:

- own state, own mounts and roots of other volumes are skipped by name before they are looked at;
- symlinks, FIFOs, sockets and devices do not exist for the catalog; they are never opened;
- a directory that is its own ancestor (a bind mount) is listed as empty and not entered again;
- a listing with an error carries no digest, so that nothing it lacks is called missing and the next scan looks again;
- where a nested file system is away, nothing is listed: its place is an empty directory that says nothing;
- an inode number is 0 where the file system makes numbers up (`mounts.KEEPS_INODES`).

The digest of a directory is BLAKE3 over its own mtime, the names and inodes of its directories, and (name, size,
mtime, ctime, inode, access) of its files, sorted, after the excludes. The times of a subdirectory are in its own digest
and not in its parent's: a new photo changes one listing, not two.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import msgpack
from blake3 import blake3

from daemon.excludes import NOMEDIA, Excludes
from daemon.volume_process.mounts import Mount
from daemon.volume_process.protocol import ENTRIES_PER_PART, path_key
from vfs.storage.contract import Dentry, Storage
from vfs.storage.local import error_name, holding_point

NO_DIGESTS: Mapping[bytes, bytes] = {}
NO_MOUNTS: Mapping[bytes, Mount] = {}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of one directory's listing, as in `catalog.values.DirectoryListing`."""

    path: bytes
    mtime_ns: int
    entries: list[Dentry]
    is_first: bool
    is_last: bool
    digest: bytes | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Same:
    """A directory whose digest is the known one, and how many files it holds."""

    path: bytes
    files: int


class Territory:
    """What a walk may look at: the rules, minus our own state and what belongs to others. Immutable.

    Args:
        excludes: the rules of the volume.
        own: (device, inode) of directories of our own state.
        skipped: directories by path, never looked at: own mounts, roots of other volumes.
        away: places by path whose file system is not there now.
        mounts: what holds the root (`b""`) and what is mounted below it, by path.
    """

    def __init__(
        self,
        excludes: Excludes,
        own: Collection[tuple[int, int]] = frozenset(),
        skipped: Collection[bytes] = frozenset(),
        *,
        away: Collection[bytes] = frozenset(),
        mounts: Mapping[bytes, Mount] = NO_MOUNTS,
    ) -> None:
        self.excludes = excludes
        self.skipped = frozenset(skipped)
        self.away = frozenset(away)
        self._mounts = mounts
        self._own = frozenset(own)
        self._own_inodes = frozenset(inode for _, inode in own)
        self._skipped_names: dict[bytes, frozenset[bytes]] = {}
        for path in skipped:
            parent, _, name = path.rpartition(b"/")
            self._skipped_names[parent] = self._skipped_names.get(parent, frozenset()) | {name}

    def names_skipped_in(self, directory: bytes) -> frozenset[bytes]:
        """Return the names that must not be looked at in this directory."""
        return self._skipped_names.get(directory, frozenset())

    def is_away(self, path: bytes) -> bool:
        """Whether the file system that holds this path is not there now."""
        return any(path == away or path.startswith(away + b"/") for away in self.away)

    def holds_away(self, path: bytes) -> bool:
        """Whether a place whose file system is away lies below this path."""
        return any(away.startswith(path + b"/") for away in self.away)

    def mount_of(self, path: bytes) -> Mount | None:
        """Return the mount that holds this path; None for a storage without mounts."""
        return self._mounts.get(holding_point(path, self._mounts))

    def keeps_inodes_in(self, directory: bytes) -> bool:
        """Whether the inode numbers of the entries of a directory say anything."""
        mount = self.mount_of(directory)
        return mount is not None and mount.keeps_inodes

    def is_own(self, storage: Storage, path: bytes, dentry: Dentry) -> bool:
        """Whether a dentry is a directory of our own state; asks the storage only if the inode number says so."""
        if dentry.kind != "d" or dentry.inode not in self._own_inodes:
            return False
        with suppress(OSError):
            return self.is_own_directory(storage.identify_directory(path)[0])
        return True

    def is_own_directory(self, identity: tuple[int, int] | None) -> bool:
        """Whether (device, inode) is a directory of our own state; None (a storage without inodes) is not."""
        return identity in self._own


@dataclass(frozen=True, slots=True)
class Listing:
    """What of one directory the catalog should know.

    `entries` are sorted by name; `directories` are those among them that are directories; `error` is the name of
    the first error, and then something may be lacking.
    """

    entries: list[Dentry]
    directories: list[Dentry]
    error: str | None

    def digest(self, own_mtime_ns: int) -> bytes:
        """Return the 32 bytes that stand for a complete listing."""
        files = [entry for entry in self.entries if entry[1] == "f"] if self.directories else self.entries
        inodes = [(entry.name, entry.inode) for entry in self.directories]
        return blake3(msgpack.packb((own_mtime_ns, inodes, files))).digest()


def list_directory(
    storage: Storage, territory: Territory, path: bytes, tick: Callable[[], None] = lambda: None
) -> Listing:
    """List one directory under the rules of the territory.

    `tick` is called for every entry: somebody outside watches whether we still move.
    """
    found: list[Dentry] = []
    error_found: str | None = None
    prefix = path + b"/" if path else b""
    may_exclude = territory.excludes.may_exclude
    try:
        for dentry in storage.list(path, territory.names_skipped_in(path)):
            tick()
            if may_exclude(dentry[0]) and territory.excludes.excludes(
                prefix + dentry.name, dentry.name, is_dir=dentry.kind == "d"
            ):
                if dentry.name == NOMEDIA and dentry.kind == "f" and path:
                    return Listing([], [], None)
            elif dentry[1] == "f":
                found.append(dentry)
            elif dentry.kind == "unreadable":
                error_found = error_found or "EIO"
            elif dentry.kind == "d" and not territory.is_own(storage, prefix + dentry.name, dentry):
                found.append(dentry)
    except OSError as error:
        error_found = error_name(error)
    if not territory.keeps_inodes_in(path):
        found = [dentry._replace(inode=0) for dentry in found]
    found.sort()
    return Listing(found, [entry for entry in found if entry[1] == "d"], error_found)


def walk(
    storage: Storage,
    starts: Collection[bytes],
    territory: Territory,
    *,
    known: Mapping[bytes, bytes] = NO_DIGESTS,
    is_recursive: bool = True,
    tick: Callable[[], None] = lambda: None,
    survey_again: Callable[[bytes], Territory] | None = None,
) -> Iterator[Part | Same]:
    """Yield the listing of every directory at and below `starts`, depth first, by name.

    A listing comes in parts of at most `ENTRIES_PER_PART`; one with the known digest (by `path_key`) comes as `Same`.

    Args:
        survey_again: looks at the mounts again, for at this path another file system is there than the territory says.
    """
    to_do: list[tuple[bytes, tuple[int, int] | None]] = [
        (start, None) for start in sorted(starts, reverse=True)
    ]
    on_path: set[tuple[int, int]] = set()
    while to_do:
        path, leaving = to_do.pop()
        if leaving is not None:
            on_path.discard(leaving)
            continue
        if territory.is_away(path):
            continue
        identity, mtime_ns, listing = _look_into(storage, territory, path, on_path, tick)
        if listing.error == _OTHER_MOUNT and survey_again is not None:
            territory = survey_again(path)
            if not territory.is_away(path):
                identity, mtime_ns, listing = _look_into(storage, territory, path, on_path, tick)
        if territory.is_own_directory(identity):
            continue  # a watcher may name it as a start
        yield from _report(path, mtime_ns, listing, known.get(path_key(path)) if known else None)
        if is_recursive and listing.directories:
            if identity is not None:
                on_path.add(identity)
                to_do.append((path, identity))
            prefix = path + b"/" if path else b""
            to_do.extend((prefix + entry.name, None) for entry in reversed(listing.directories))


_NOTHING = Listing([], [], None)
_OTHER_MOUNT = "ENODEV"  # `LocalStorage.expect_mounts`


def _look_into(
    storage: Storage,
    territory: Territory,
    path: bytes,
    on_path: Collection[tuple[int, int]],
    tick: Callable[[], None],
) -> tuple[tuple[int, int] | None, int, Listing]:
    """Return (identity, mtime_ns, listing) of a directory; our own state and one that is being walked are not listed."""
    identity, mtime_ns = None, 0
    try:
        identity, mtime_ns = storage.identify_directory(path)
        if territory.is_own_directory(identity) or identity in on_path:
            return identity, mtime_ns, _NOTHING
        return identity, mtime_ns, list_directory(storage, territory, path, tick)
    except OSError as error:
        return identity, mtime_ns, Listing([], [], error_name(error))


def _report(path: bytes, mtime_ns: int, listing: Listing, known: bytes | None) -> Iterator[Part | Same]:
    digest = None if listing.error else listing.digest(mtime_ns)
    entries = listing.entries
    if digest is not None and digest == known:
        yield Same(path, len(entries) - len(listing.directories))
        return
    for start in range(0, len(entries) or 1, ENTRIES_PER_PART):
        is_last = start + ENTRIES_PER_PART >= len(entries)
        yield Part(
            path=path,
            mtime_ns=mtime_ns,
            entries=entries[start : start + ENTRIES_PER_PART],
            is_first=start == 0,
            is_last=is_last,
            digest=digest if is_last else None,
            error=listing.error,
        )
