"""Other file systems mounted below a volume's root: where they are, who they are, and which ones are away.

A nested mount has a presence of its own. Its key is made like a root's (`Identity.key`), so that another disk at the same
place is told from the one that was there. Whoever was there once (the catalog says it in `Hello.nested`, or this
process saw it) and is not there now is *away*: nobody looks at its place, where an empty directory waits.

A place is touched again only after something, anywhere, was mounted or unmounted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from daemon.volume_process.mounts import OWN_FS_TYPE, Mount, MountTable, is_below, visible
from vfs.storage.local import LocalStorage

_TRIGGER = "autofs"
# Looking at such a place would mount something, or lead back to us.
_NOT_LOOKED_AT = frozenset({OWN_FS_TYPE, _TRIGGER})


def nested_mounts(
    root: bytes, mounts: Iterable[Mount], other_roots: Iterable[bytes] = (), *, named: bytes | None = None
) -> dict[bytes, Mount]:
    """Return the mounts below a root by path from it, without slash at either end; ours and other volumes' are left out.

    Args:
        root: absolute and resolved, as the mount table writes it.
        mounts: the table; a later mount at the same point hides an earlier one.
        other_roots: of other volumes: what lies at or below one belongs to it.
        named: the root as its volume names it, if that is another path (a symlink leads there).
    """
    others = tuple(other_roots)
    bases = {root, named or root}
    found: dict[bytes, Mount] = {}
    for mount in visible(mounts):
        if mount.point == root or not is_below(mount.point, root):
            continue
        path = mount.point[len(root) :].strip(b"/")
        places = [base.rstrip(b"/") + b"/" + path for base in bases]
        if any(is_below(place, other) for place in places for other in others):
            continue
        found[path] = mount
    # Whatever lies below one of ours is ours.
    hidden = [path for path, mount in found.items() if mount.fs_type in _NOT_LOOKED_AT]
    return {
        path: mount
        for path, mount in found.items()
        if not any(path == one or path.startswith(one + b"/") for one in hidden)
    }


def nested_key(storage: LocalStorage, path: bytes) -> str:
    """Return the key of the file system that is mounted at a path. Blocks on it; OSError as it gives."""
    return storage.identify_mount(path).key


@dataclass(frozen=True, slots=True)
class Presence:
    """What is mounted below the root now: mounts by path, the paths whose file system is away, the table that says so."""

    mounts: Mapping[bytes, Mount]
    away: frozenset[bytes]
    table: Sequence[Mount]


class Remembered:
    """Which file system belongs where below one root; lives as long as the process. Any thread.

    Args:
        known: (path, key) of those that the catalog remembers.
    """

    def __init__(self, known: Iterable[tuple[bytes, str]]) -> None:
        self._key_by_path = dict(known)
        # (generation of the mount table, key) as it was looked at last, by path. Race: two threads write the same.
        self._seen: dict[bytes, tuple[int, str]] = {}

    def presence(
        self,
        storage: LocalStorage,
        mounts: MountTable,
        below: Callable[[Sequence[Mount]], dict[bytes, Mount]],
    ) -> Presence:
        """Compare what is there with what was there; remembers what is new. Blocks on a file system that is new.

        Args:
            storage: the root.
            mounts: the mount table.
            below: finds the mounts below the root in it (`nested_mounts`).
        """
        table = mounts.mounts()
        present = below(table)
        absent = self._key_by_path.keys() - present.keys()
        for path in absent:
            # An export below an NFS export and an automount are there only while somebody uses them: knock.
            with suppress(OSError):
                nested_key(storage, path)
        if absent:
            table = mounts.mounts()
            present = below(table)
        away = {path for path in list(self._key_by_path) if path not in present}  # other threads add to it
        for path in present:
            key = self._key(storage, path, mounts.generation)
            if key is not None:
                self._key_by_path.setdefault(path, key)
            if self._key_by_path.get(path) != key:
                away.add(path)
        return Presence(present, frozenset(away), table)

    def _key(self, storage: LocalStorage, path: bytes, generation: int) -> str | None:
        """Return who is mounted there; None if it does not answer."""
        seen = self._seen.get(path)
        if seen is not None and seen[0] == generation:
            return seen[1]
        try:
            key = nested_key(storage, path)
        except OSError:
            return None
        self._seen[path] = (generation, key)
        return key
