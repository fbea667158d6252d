"""Witnesses of the fault tests that do not ask the product: which files were opened, and products with another source text."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sacred import REPOSITORY

Sources = Mapping[str, tuple[str, str]]
# (directory where files are stored, path at which the volume shows it); a mount below a part is no part of it.
Parts = Sequence[tuple[Path, str]]


def walk_parts(parts: Parts) -> Iterator[tuple[Path, str, list[str]]]:
    """Yield (directory, its path from the volume's root, names of files) of all directories of a volume."""
    for root, shown in parts:
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if not os.path.ismount(os.path.join(folder, name))]
            within = os.path.relpath(folder, root)
            yield Path(folder), os.path.normpath(os.path.join(shown, within)).removeprefix("."), names


class Opens:
    """Tells which regular files below a directory were opened, by whomever, since it was last asked (inotify)."""

    _IN_OPEN, _IN_ISDIR = 0x20, 0x40000000

    def __init__(self, parts: Parts) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self._fd >= 0, os.strerror(ctypes.get_errno())
        self._folders: dict[int, str] = {}
        for folder, shown, _ in walk_parts(parts):
            watch = self._libc.inotify_add_watch(self._fd, os.fsencode(folder), self._IN_OPEN)
            assert watch >= 0, os.strerror(ctypes.get_errno())
            self._folders[watch] = shown

    def take(self) -> set[str]:
        """Return paths from the root of the volume."""
        found: set[str] = set()
        while True:
            try:
                events = os.read(self._fd, 1 << 16)
            except BlockingIOError:
                return found
            at = 0
            while at < len(events):
                watch, mask, _, length = struct.unpack_from("iIII", events, at)
                name = events[at + 16 : at + 16 + length].rstrip(b"\0")
                at += 16 + length
                if not mask & self._IN_ISDIR and name:
                    found.add(os.path.join(self._folders[watch], os.fsdecode(name)))

    def close(self) -> None:
        os.close(self._fd)


# ---- other source texts

_SITE = """
import importlib.abc, importlib.machinery, sys

class Finder(importlib.abc.MetaPathFinder, importlib.machinery.SourceFileLoader):
    edits = {edits!r}
    def __init__(self): pass
    def find_spec(self, name, path, target=None):
        if name not in self.edits: return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        loader = Loader(name, spec.origin)
        loader.edits = self.edits[name]
        spec.loader = loader
        return spec

class Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname):
        text = self.get_data(self.path).decode()
        for old, new in self.edits:
            text = text.replace(old, new)
        return self.source_to_code(text.encode(), self.path)

sys.meta_path.insert(0, Finder())
"""


def seed_sources(folder: Path, *sources: Sources) -> Path:
    """Write a `sitecustomize` with which processes of the product import these modules edited; return its directory."""
    edits: dict[str, list[tuple[str, str]]] = {}
    for source in sources:
        for module, (old, new) in source.items():
            text = (REPOSITORY / f"{module.replace('.', '/')}.py").read_text("utf-8")
            assert old in text, f"{module} has changed: {old!r} is not there"
            edits.setdefault(module, []).append((old, new))
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(_SITE.format(edits=edits))
    return folder
