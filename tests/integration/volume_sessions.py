"""A volume process of one's own, what it said, and mounts to put in its way."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import trio

from catalog.values import DirectoryListing
from daemon.volume_process.protocol import HashAnswer, Hello, Unchanged, WalkEnd
from daemon.volume_session import VolumeSession, start_session
from vfs.beneath import FileStamp


@asynccontextmanager
async def open_session(
    root: Path, *, hang_s: float = 15, own: tuple[Path, ...] = (), **fields: object
) -> AsyncIterator[VolumeSession]:
    own_files = tuple((path.stat().st_dev, path.stat().st_ino) for path in own)
    given = {"excludes": (), "config_excludes": (), "other_roots": (), "own_files": own_files, **fields}
    hello = Hello(root=os.fsencode(root), backend="local", **given)  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        session = start_session(hello, hang_s=hang_s)
        await nursery.start(session.serve)
        try:
            yield session
        finally:
            session.end("the test is over")
            assert await session.reap()


class Walked:
    """Everything that a walk said."""

    def __init__(self) -> None:
        self.files: dict[bytes, FileStamp] = {}
        self.directories: set[bytes] = set()
        self.subdirectories: set[bytes] = set()
        self.access: dict[bytes, int] = {}
        self.digests: dict[bytes, bytes] = {}
        self.errors: dict[bytes, str] = {}
        self.parts = 0
        self.unchanged: set[bytes] = set()
        self.unchanged_files = 0
        self.end: WalkEnd | None = None

    def take(self, item: DirectoryListing | Unchanged | WalkEnd) -> None:
        if isinstance(item, WalkEnd):
            self.end = item
        elif isinstance(item, Unchanged):
            self.unchanged.update(item.paths)
            self.unchanged_files += item.files
        else:
            self._take_listing(item)

    def _take_listing(self, listing: DirectoryListing) -> None:
        self.parts += 1
        self.directories.add(listing.path)
        if listing.error:
            self.errors[listing.path] = listing.error
        if listing.digest:
            self.digests[listing.path] = listing.digest
        prefix = listing.path + b"/" if listing.path else b""
        for entry in listing.entries:
            if entry.kind == "d":
                self.subdirectories.add(prefix + entry.name)
            if entry.kind == "f":
                self.access[prefix + entry.name] = entry.access
                self.files[prefix + entry.name] = FileStamp(
                    entry.size, entry.mtime_ns, entry.ctime_ns, entry.inode
                )


async def walked(
    session: VolumeSession,
    paths: tuple[bytes, ...] = (b"",),
    *,
    is_recursive: bool = True,
    known: dict[bytes, bytes] | None = None,
) -> Walked:
    found = Walked()
    async with session.open_walk(paths, is_recursive=is_recursive, known=known) as items:
        async for item in items:
            found.take(item)
    return found


async def hashed(session: VolumeSession, files: list[tuple[bytes, FileStamp]]) -> list[HashAnswer]:
    answers: list[HashAnswer] = []
    async with session.open_hash(files) as groups:
        async for group in groups:
            answers += group
    return answers


@contextmanager
def bound(source: Path, target: Path) -> Iterator[None]:
    subprocess.run(["mount", "--bind", source, target], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", target], check=True)


@asynccontextmanager
async def fuse_mount(source: Path, target: Path, *options: str) -> AsyncIterator[subprocess.Popen[bytes]]:
    """Mount by bindfs in the foreground: stop the process, and whoever asks the mount waits."""
    target.mkdir(exist_ok=True)
    server = subprocess.Popen(["bindfs", "-f", "--no-allow-other", *options, source, target])
    try:
        with trio.fail_after(5):
            while not os.path.ismount(target):  # noqa: ASYNC110 - the kernel rings no bell
                await trio.sleep(0.02)
        yield server
    finally:
        server.send_signal(signal.SIGCONT)
        subprocess.run(["fusermount3", "-u", "-z", target], check=True)
        server.wait(5)
