"""The files of previews in the library's cache: whole or not there, and never more of them than was allowed.

A file is what the tree shows, byte for byte; its name follows from hash and slot (`catalog.previews.cached_path`). Nothing in
it is precious: it may be deleted at any time, and what was not used for longest goes first. Blocking; one thread at a time.
Must not know: the catalog.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from catalog.ids import ContentHash
from catalog.library import DIRECTORY_MODE, FILE_MODE
from catalog.previews import cached_path

# Trimmed down to this part, so that the next trimming is not at the next file.
_TRIMMED = 0.9
_PART = ".part"


class _Kept(NamedTuple):
    used_ns: int
    size: int
    path: Path


class PreviewCache:
    """See the module.

    Args:
        directory: made when the first file is written.
        most_bytes: all files together; 0 = nothing is kept.
    """

    def __init__(self, directory: Path, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.used_bytes = 0
        self._directory = directory

    @property
    def has_room(self) -> bool:
        """Whether there is room for files that had to go before."""
        return self.used_bytes < self.most_bytes * _TRIMMED

    @property
    def is_full(self) -> bool:
        """Whether something must go."""
        return self.used_bytes > self.most_bytes

    def is_lost(self) -> bool:
        """Tell whether somebody removed all of it."""
        return self.used_bytes > 0 and not self._directory.exists()

    def measure(self) -> None:
        """Count what is there, and remove what a kill left half written."""
        self.used_bytes = 0
        for kept in self._files():
            if kept.path.name.endswith(_PART):
                kept.path.unlink(missing_ok=True)
            else:
                self.used_bytes += kept.size

    def path(self, digest: ContentHash, slot: int) -> Path:
        """Return where a file is, or would be."""
        return cached_path(self._directory, digest, slot)

    def has_all(self, digest: ContentHash, slots: Iterable[int]) -> bool:
        """Tell whether there is a file for each of these slots."""
        return all(self.path(digest, slot).exists() for slot in slots)

    def put(self, digest: ContentHash, slot: int, body: bytes) -> None:
        """Write a file; one of the same name is replaced at once. Raises OSError."""
        target = self.path(digest, slot)
        os.makedirs(target.parent, mode=DIRECTORY_MODE, exist_ok=True)
        part = target.with_name(target.name + _PART)
        with contextlib.suppress(FileNotFoundError):
            self.used_bytes -= target.stat().st_size
        # Not synced: a file that a power cut left too short is not believed, and copied again.
        with open(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE), "wb"
        ) as file:
            file.write(body)
        os.rename(part, target)
        self.used_bytes += len(body)

    def trim(self) -> set[ContentHash]:
        """Remove what was not used for longest until nine tenths are left; return whose files went."""
        kept = sorted(self._files())
        self.used_bytes = sum(one.size for one in kept)
        gone: set[ContentHash] = set()
        for one in kept:
            if self.has_room or self.used_bytes == 0:
                break
            one.path.unlink(missing_ok=True)
            self.used_bytes -= one.size
            with contextlib.suppress(ValueError):  # nothing of ours
                gone.add(ContentHash(bytes.fromhex(one.path.name.partition("-")[0])))
        return gone

    def _files(self) -> Iterator[_Kept]:
        try:
            folders = [Path(entry.path) for entry in os.scandir(self._directory) if entry.is_dir()]
        except FileNotFoundError:
            return
        for folder in folders:
            for entry in os.scandir(folder):
                with contextlib.suppress(FileNotFoundError):
                    found = entry.stat(follow_symlinks=False)
                    yield _Kept(max(found.st_atime_ns, found.st_mtime_ns), found.st_size, Path(entry.path))
