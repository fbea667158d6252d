"""Files that are written while they are hashed, and the log that tells which hashes may be believed.

Each file has one writer, so its log is exact: the BLAKE3 of a version is written down before the version is made, and its
stamp after it is complete. Bytes between two versions (a file half rewritten) are in no log: a hash of them is
wrong. Writers run as processes of their own (`python hash_race.py …`), as cameras and editors do; told to stop, each
completes the version that it is at.

`race` runs whole services (scan, ingest, a volume process) against them. What photos say is of no interest here, so
the reader of facts says nothing, and the pauses after a disturbance are fractions of a second.
"""

from __future__ import annotations

import mmap
import os
import random
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from blake3 import blake3

Stamp = tuple[int, int, int, int]
PAGE = 4096
WAYS = ("append", "pwrite", "truncate", "rename", "restore", "mapped", "mapped and synced")
# Where no lease tells of them, stores through a mapping that were not synced are for `verify` to find.
WAYS_WITHOUT_LEASES = tuple(way for way in WAYS if way != "mapped")


def stamp_of(path: Path | str) -> Stamp:
    """Return (size, mtime_ns, ctime_ns, inode)."""
    status = os.lstat(path)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def body(name: str, version: int, size: int) -> bytes:
    """Return bytes every page of which names file and version: a mixture of two versions is like neither."""
    line = f"{name} {version} ".encode()
    page = (line * (PAGE // len(line) + 1))[:PAGE]
    return (page * (size // PAGE + 1))[:size]


# ---- the writer, a process


class _Writer:
    def __init__(
        self, root: Path, aside: Path, log: IO[str], seed: str, sizes: tuple[int, int], *, pause_s: float
    ) -> None:
        self._root = root
        self._aside = aside
        self._log = log
        self._dice = random.Random(seed)
        self._sizes = sizes
        self._pause_s = pause_s
        self._versions: dict[str, int] = {}

    def write(self, name: str, way: str) -> None:
        """Make one more version of a file, in pieces, and log it."""
        version = self._versions[name] = self._versions.get(name, 0) + 1
        path = self._root / name
        old = path.read_bytes()
        new = self._content(name, version, way, old)
        self._say("about", name, blake3(new).hexdigest(), way)
        getattr(self, "_" + way.replace(" ", "_"))(path, old, new)
        self._say("made", name, blake3(new).hexdigest(), *map(str, stamp_of(path)))

    def _say(self, *words: str) -> None:
        self._log.write("\t".join(words) + "\n")
        self._log.flush()

    def _content(self, name: str, version: int, way: str, old: bytes) -> bytes:
        if way == "append" and len(old) < self._sizes[1] * 2:
            return old + body(name, version, PAGE * self._dice.randrange(1, 8) + 17)
        if way == "truncate":
            return body(name, version, max(1, len(old) // 2))
        if way in ("rename", "append"):
            return body(name, version, self._dice.randrange(*self._sizes))
        return body(name, version, len(old))

    def _pause(self) -> None:
        time.sleep(self._pause_s * self._dice.choice((0, 0.1, 0.5, 1)))

    def _pieces(self, size: int, start: int = 0) -> Iterator[tuple[int, int]]:
        """Yield (from, to) of a few pieces that cover the range; a pause is between two."""
        step = max(PAGE, (size - start) // self._dice.randrange(2, 5))
        for at in range(start, size, step):
            yield at, min(size, at + step)
            self._pause()

    def _append(self, path: Path, old: bytes, new: bytes) -> None:
        if not new.startswith(old):
            self._rename(path, old, new)
            return
        with open(path, "ab", buffering=0) as file:
            for start, end in self._pieces(len(new), len(old)):
                file.write(new[start:end])

    def _pwrite(self, path: Path, old: bytes, new: bytes) -> None:
        with open(path, "r+b", buffering=0) as file:
            for start, end in self._pieces(len(new)):
                os.pwrite(file.fileno(), new[start:end], start)

    def _truncate(self, path: Path, old: bytes, new: bytes) -> None:
        with open(path, "r+b", buffering=0) as file:
            file.truncate(0)
            for start, end in self._pieces(len(new)):
                os.pwrite(file.fileno(), new[start:end], start)

    def _rename(self, path: Path, old: bytes, new: bytes) -> None:
        fresh = self._aside / f"{os.getpid()}.part"
        fresh.write_bytes(new)
        os.rename(fresh, path)

    def _restore(self, path: Path, old: bytes, new: bytes) -> None:
        before = os.stat(path)
        self._pwrite(path, old, new)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def _mapped(self, path: Path, old: bytes, new: bytes, *, is_synced: bool = False) -> None:
        with open(path, "r+b") as file:
            mapping = mmap.mmap(file.fileno(), 0)
        with mapping:
            mapping[::PAGE] = bytes(
                len(mapping[::PAGE])
            )  # every page is dirty now: no store moves a time any more
            self._pause()
            for start, end in self._pieces(len(new)):
                mapping[start:end] = new[start:end]
            if is_synced:
                mapping.flush()

    def _mapped_and_synced(self, path: Path, old: bytes, new: bytes) -> None:
        self._mapped(path, old, new, is_synced=True)
        os.utime(path)  # as rsync and editors do; msync alone need not move the time


def _write_until_told(*arguments: str) -> None:
    """Write files of the tree until stdin ends; each at least once, in random order."""
    root, aside, log, seed, least, most, rest_s, pause_s, ways = arguments
    names = sys.stdin.buffer.readline().decode().split()
    dice = random.Random(f"{seed} order")
    with open(log, "a", encoding="ascii") as out:
        writer = _Writer(Path(root), Path(aside), out, seed, (int(least), int(most)), pause_s=float(pause_s))
        turn = list(names)
        dice.shuffle(turn)
        while turn or not _is_told():
            name = turn.pop() if turn else dice.choice(names)
            writer.write(name, dice.choice(ways.split(",")))
            time.sleep(float(rest_s) * dice.random())


def _is_told() -> bool:
    readable, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(readable)


# ---- the test's side


@dataclass(slots=True)
class Log:
    """What the writers wrote down, by name of the file."""

    versions: dict[str, set[str]] = field(default_factory=dict)
    by_stamp: dict[tuple[str, Stamp], str] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    ways: dict[str, str] = field(default_factory=dict)

    def take(self, path: Path) -> None:
        """Read one writer's log."""
        for line in path.read_text("ascii").splitlines():
            kind, name, digest, *stamp = line.split("\t")
            self.versions.setdefault(name, set()).add(digest)
            if kind == "about":
                self.ways[digest] = stamp[0]
            else:
                size, mtime_ns, ctime_ns, inode = map(int, stamp)
                self.by_stamp[name, (size, mtime_ns, ctime_ns, inode)] = digest
                self.last[name] = digest

    def how(self, name: str, digest: str) -> str:
        """Say how the recorded version and the last one were made."""
        return f"recorded: {self.ways.get(digest, 'at first')}, last: {self.ways.get(self.last[name], 'at first')}"

    def wrong(self, seen: set[tuple[str, Stamp, str]]) -> list[str]:
        """Return what is wrong with hashes that the catalog had, as sentences."""
        found = []
        for name, stamp, digest in sorted(seen):
            if digest not in self.versions[name]:
                found.append(f"{name}: {digest[:16]} is no version that it ever had")
            elif self.by_stamp.get((name, stamp), digest) != digest:
                found.append(f"{name}: {digest[:16]} is not the version of that stamp")
        return found


@dataclass(slots=True)
class Writers:
    """The tree, and the processes that write in it. Made by `open_writers`."""

    stored: Path
    names: list[str]
    logs: list[Path]
    processes: list[subprocess.Popen[bytes]]

    def is_every_file_written(self) -> bool:
        """Whether each file has a second version by now."""
        return len(self.log().last) >= len(self.names) and all(
            len(versions) > 1 for versions in self.log().versions.values()
        )

    def stop(self) -> None:
        """Let each complete the version that it is at, and end."""
        for process in self.processes:
            assert process.stdin is not None
            if not process.stdin.closed:
                process.stdin.close()
        for process in self.processes:
            assert process.wait(120) == 0

    def log(self) -> Log:
        """Read what they wrote down so far; only whole after `stop`."""
        log = Log()
        for path in self.logs:
            log.take(path)
        return log


@contextmanager
def open_writers(
    place: Path,
    count: int,
    *,
    seed: int,
    sizes: tuple[int, int] = (8 * PAGE, 80 * PAGE),
    ways: Sequence[str] = WAYS,
    processes: int = 2,
    rest_s: float = 0.002,
    pause_s: float = 0.004,
    folder_of: int = 200,
) -> Iterator[Writers]:
    """Make `count` files below `place/stored` and write them for the length of the block.

    Args:
        place: a directory for the tree, the logs and files on their way.
        count: of files; `folder_of` in each folder.
        seed: of all that is random.
        sizes: least and most bytes of a file.
        ways: of writing.
        processes: that write, each its own files.
        rest_s: the longest pause between two versions.
        pause_s: the longest pause within one.
        folder_of: see count.
    """
    stored, aside = place / "stored", place / "aside"
    stored.mkdir()
    aside.mkdir()
    names = [f"{number // folder_of:03d}/{number:05d}.jpg" for number in range(count)]
    dice = random.Random(seed)
    logs, running = [], []
    first = place / "first.log"
    with open(first, "w", encoding="ascii") as out:
        for name in names:
            path = stored / name
            path.parent.mkdir(exist_ok=True)
            content = body(name, 0, dice.randrange(*sizes))
            path.write_bytes(content)
            words = ["made", name, blake3(content).hexdigest(), *map(str, stamp_of(path))]
            out.write("\t".join(words) + "\n")
    try:
        for number in range(processes):
            logs.append(place / f"{number}.log")
            logs[-1].touch()
            arguments = [stored, aside, logs[-1], f"{seed}/{number}", *sizes, rest_s, pause_s, ",".join(ways)]
            process = subprocess.Popen(
                [sys.executable, "-P", __file__, *map(str, arguments)], stdin=subprocess.PIPE
            )
            assert process.stdin is not None
            process.stdin.write(" ".join(names[number::processes]).encode() + b"\n")
            process.stdin.flush()
            running.append(process)
        yield Writers(stored, names, [first, *logs], running)
    finally:
        for process in running:
            process.kill()
            process.wait()
            assert process.stdin is not None
            if not process.stdin.closed:
                process.stdin.close()


if __name__ == "__main__":
    _write_until_told(*sys.argv[1:])
