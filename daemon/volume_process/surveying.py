"""What of a volume may be looked at now: the rules, minus what is ours, another volume's, or away.

Told by the mount table; a place is touched only where something was mounted since. Every request surveys anew, and then
its storage expects the very mounts that were found (`LocalStorage.expect_mounts`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from daemon.excludes import Excludes
from daemon.volume_process.mounts import OWN_FS_TYPE, Mount, MountTable, is_below, mount_of, visible
from daemon.volume_process.nested import Presence, Remembered, nested_mounts
from daemon.volume_process.protocol import Hello
from daemon.volume_process.walk import Territory
from vfs.storage.contract import Storage
from vfs.storage.local import LocalStorage


@dataclass(frozen=True, slots=True)
class Survey:
    """What may be looked at, the mount that holds the root, and what is mounted below it by path."""

    territory: Territory
    holder: Mount | None
    nested: dict[bytes, Mount]


class Surveyor:
    """Surveys one volume; lives as long as the process and remembers what was mounted below the root. Any thread."""

    def __init__(self, hello: Hello, mounts: MountTable) -> None:
        self._hello = hello
        self._mounts = mounts
        self._excludes = Excludes(hello.excludes, hello.config_excludes)
        self._remembered = Remembered(hello.nested)

    def survey(self, storage: Storage) -> Survey:
        """Look up what is mounted now; OSError ENODEV if the root's own mount was taken away. Blocks on what is new."""
        if not isinstance(storage, LocalStorage):
            return Survey(Territory(self._excludes), None, {})
        root = storage.where()
        presence = self._remembered.presence(
            storage,
            self._mounts,
            lambda table: nested_mounts(root, table, self._hello.other_roots, named=self._hello.root),
        )
        storage.expect_mounts({path: mount.number for path, mount in presence.mounts.items()})
        holder = mount_of(root, visible(presence.table))
        territory = Territory(
            self._excludes,
            self._hello.own_files,
            self._skipped(root, presence),
            away=presence.away,
            mounts={**presence.mounts, **({b"": holder} if holder is not None else {})},
        )
        return Survey(territory, holder, dict(presence.mounts))

    def survey_again(self, storage: Storage, path: bytes) -> Territory:
        """Look up the mounts once more, after somebody who only mounts on demand was asked to at this path."""
        if isinstance(storage, LocalStorage):
            with suppress(OSError):
                storage.identify_mount(path)
        return self.survey(storage).territory

    def _skipped(self, root: bytes, presence: Presence) -> set[bytes]:
        """Return the paths of our own mounts and of other volumes."""
        foreign = [mount.point for mount in presence.table if mount.fs_type == OWN_FS_TYPE]
        bases = {root, self._hello.root}
        return {
            point[len(base) :].strip(b"/")
            for point in (*foreign, *self._hello.other_roots)
            for base in bases
            if point != base and is_below(point, base)
        }
