"""The originals that no test may change: where they come from, and the fingerprint that shows it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import blake3

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """All that must never change about an original. No atime: reading may set it where O_NOATIME is refused."""

    size: int
    mode: int
    uid: int
    gid: int
    inode: int
    mtime_ns: int
    ctime_ns: int
    xattrs: tuple[tuple[str, bytes], ...]
    blake3: str | None


def fingerprints(root: Path) -> dict[bytes, Fingerprint]:
    """Return the fingerprint of every file and directory below (and of) the root, by relative path."""
    top = os.fsencode(root)
    found = {b".": _fingerprint(top)}
    for folder, folders, names in os.walk(top):
        for name in (*folders, *names):
            path = os.path.join(folder, name)
            found[os.path.relpath(path, top)] = _fingerprint(path)
    return found


def touched(
    before: dict[bytes, Fingerprint], after: dict[bytes, Fingerprint], *, removed: Iterable[bytes] = ()
) -> list[bytes]:
    """Return what differs beyond a purge of the files `removed`: they are gone, and their directories' times moved."""
    gone = set(removed)
    parents = {os.path.dirname(path) or b"." for path in gone}
    found = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    return sorted(
        path
        for path in found
        if not (path in gone and path not in after)
        and not (path in parents and path in after and _is_same_directory(before[path], after[path]))
    )


def _is_same_directory(before: Fingerprint, after: Fingerprint) -> bool:
    kept = ("mode", "uid", "gid", "inode", "xattrs", "blake3")
    return all(getattr(before, name) == getattr(after, name) for name in kept)


def _fingerprint(path: bytes) -> Fingerprint:
    status = os.lstat(path)
    is_file = os.path.isfile(path) and not os.path.islink(path)
    return Fingerprint(
        size=status.st_size,
        mode=status.st_mode,
        uid=status.st_uid,
        gid=status.st_gid,
        inode=status.st_ino,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        xattrs=_xattrs(path),
        blake3=_digest(path) if is_file else None,
    )


def _xattrs(path: bytes) -> tuple[tuple[str, bytes], ...]:
    try:
        names = sorted(os.listxattr(path, follow_symlinks=False))
    except OSError:
        return ()  # a file system without attributes
    return tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in names)


def _digest(path: bytes) -> str:
    flags = os.O_RDONLY | os.O_CLOEXEC
    with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as original:
        return blake3.blake3(original.read()).hexdigest()


def corpus_dir() -> Path | None:
    """Return the corpus of real files, or None where there is none."""
    place = Path(os.environ.get("GLASSINE_CORPUS") or REPOSITORY.parent / "shared" / "corpus")
    return place if (place / "media").is_dir() else None


def copy_originals(target: Path) -> Path:
    """Copy the corpus' media, or write the sample library where there is no corpus; returns `target`."""
    corpus = corpus_dir()
    if corpus is not None:
        shutil.copytree(corpus / "media", target, symlinks=True)
        for folder, folders, names in os.walk(os.fsencode(target)):
            for name in (*folders, *names, b"."):  # the corpus may be read-only; ours can be removed again
                path = os.path.join(folder, name)
                if not os.path.islink(path):
                    os.chmod(path, os.lstat(path).st_mode | 0o200)
        return target
    from daemon.sample.write import write_sample

    write_sample(target)
    return target
