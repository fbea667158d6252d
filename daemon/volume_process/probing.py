"""The probe: what is at a volume's root now. Reports, never judges (`daemon.judging` does).

Looks at the root, a few known files, the marker and the roots of nested mounts; opens no original. An error of the root is
an answer; so is one of the marker, for without it nobody knows who this is.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Sequence

from daemon.volume_process import walk as walking
from daemon.volume_process.marker_file import read_marker
from daemon.volume_process.mounts import FOLDS_CASE, KEEPS_INODES, OWN_FS_TYPE, Mount
from daemon.volume_process.nested import nested_key
from daemon.volume_process.protocol import Hello, ProbeReport, SampleFate
from daemon.volume_process.second_look import folds_case
from vfs.storage.contract import Storage
from vfs.storage.local import LocalStorage

# The place has no such entry, or is below something that is no directory now.
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR})
_STRONG = "uuid:"


def report(
    storage: Storage,
    hello: Hello,
    *,
    territory: walking.Territory,
    mount: Mount | None,
    nested: Iterable[bytes],
    samples: Sequence[tuple[bytes, int, int]],
    tick: Callable[[], None],
) -> ProbeReport:
    """Look at a root that was opened. Blocks on the volume; OSError when it cannot be told who it is.

    Args:
        mount: what holds the root, None for a storage without mounts.
        nested: paths of the mounts below the root, from the mount table (`nested.nested_mounts`).
        samples: (path, size, mtime_ns) of known files.
        tick: called whenever the volume answered.
    """
    identity = storage.probe()
    tick()
    directory, _ = storage.identify_directory(b"")
    listing = walking.list_directory(storage, territory, b"", tick)
    is_local = isinstance(storage, LocalStorage)
    fs = identity.key.rpartition("/")[0] if is_local else identity.key
    fs_type = mount.fs_type if mount else ""
    return ProbeReport(
        error=None if listing.entries else listing.error,
        key=identity.key,
        instance=storage.instance(),
        description=identity.description,
        fs_type=fs_type,
        is_remote=mount is not None and mount.is_remote,
        is_empty=not listing.entries,
        is_own_state=directory in hello.own_files or fs_type == OWN_FS_TYPE,
        fs=fs,
        is_strong=fs.startswith(_STRONG) or not is_local,
        mount=mount.text if mount else "",
        marker=read_marker(storage.root_fd) if isinstance(storage, LocalStorage) else None,
        samples=tuple(_fate(storage, *sample, tick) for sample in samples),
        nested=_nested(storage, hello, nested, tick) if isinstance(storage, LocalStorage) else (),
        keeps_inodes=fs_type in KEEPS_INODES if is_local else storage.capabilities.inodes,
        folds_case=_folds_case(storage, fs_type, listing),
    )


def _folds_case(storage: Storage, fs_type: str, listing: walking.Listing) -> bool:
    """Ask the root itself where one can: FUSE servers and some directories of ext4 do it, and no table knows which."""
    asked = (
        folds_case(storage, (entry.name for entry in listing.entries))
        if storage.capabilities.inodes
        else None
    )
    return asked or fs_type in FOLDS_CASE or storage.capabilities.case_folding


def _fate(storage: Storage, path: bytes, size: int, mtime_ns: int, tick: Callable[[], None]) -> SampleFate:
    tick()
    try:
        dentry = storage.stat(path)
    except OSError as error:
        return "gone" if error.errno in _GONE else "unknown"
    if dentry.kind == "unreadable":
        return "unknown"
    is_same = dentry.kind == "f" and (dentry.size, dentry.mtime_ns) == (size, mtime_ns)
    return "same" if is_same else "other"


def _nested(
    storage: LocalStorage, hello: Hello, paths: Iterable[bytes], tick: Callable[[], None]
) -> tuple[tuple[bytes, str | None], ...]:
    """Return (path, key) of the mounts below the root, and (path, None) for a remembered one that is not there."""
    found: dict[bytes, str | None] = {}
    for path in paths:
        tick()
        try:
            found[path] = nested_key(storage, path)
        except OSError:
            continue  # it does not answer: as if it were not there, which is what a remembered one is then called
    for path, key in hello.nested:
        if found.get(path) != key:
            found[path] = None
    return tuple(sorted(found.items()))
