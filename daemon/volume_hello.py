"""What a volume process is told when it begins: made in one place, for the daemon and for a look before a relocation."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from catalog.library import Library
from catalog.values import NestedMount, Volume
from daemon.config import ScanSection
from daemon.volume_process.mounts import is_below
from daemon.volume_process.protocol import Hello


def hello_for(
    library: Library,
    settings: ScanSection,
    volume: Volume,
    volumes: Iterable[Volume],
    nested: Iterable[NestedMount] = (),
) -> Hello:
    """Return the first message to the process of a volume. Blocks for a stat of our own directories.

    Args:
        library: whose directories are never looked into.
        settings: what is excluded everywhere.
        volume: the one to serve.
        volumes: all of them; one whose root lies below this one's belongs to itself alone.
        nested: file systems that are known to be mounted below the root.
    """
    return Hello(
        root=volume.root,
        backend=volume.backend,
        excludes=volume.excludes,
        config_excludes=tuple(settings.excludes),
        own_files=_own_files(library),
        other_roots=tuple(
            other.root
            for other in volumes
            if other.id != volume.id
            and other.backend == "local"
            and other.state != "retired"
            and is_below(other.root, volume.root)
        ),
        nested=tuple((mount.path, mount.key) for mount in nested),
    )


def _own_files(library: Library) -> tuple[tuple[int, int], ...]:
    """Return (st_dev, st_ino) of our own directories: told by identity, whatever way leads there."""
    found = []
    for path in (library.path, library.state_dir, library.cache_dir, library.sidecars_dir):
        with suppress(FileNotFoundError):
            status = path.stat()
            found.append((status.st_dev, status.st_ino))
    return tuple(found)
