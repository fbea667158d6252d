"""Yardsticks of the readers: fast and deep tier in files per second per core, against `exiftool -fast2` on the same files.

Per core means: per second of processor time of the workers (and their exiftool), which a busy machine does not change; the
peer's is counted the same way. The pool is the product's: confined workers, frames, checks. Warm page cache.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import trio

from bench.photos import make_photos
from bench.timing import Figure, Report, children_cpu_s, warm
from catalog.ids import ContentId, LocationId, VolumeId
from catalog.media_types import guess, tier_of
from catalog.values import WorkItem
from daemon.media.pool import open_media_pool

Tier = Literal["header", "deep"]
ROUNDS = 5


def measure_media(report: Report, work: Path, *, corpus: Path | None, count: int) -> None:
    """Measure the generated JPEGs, and a copy of the corpus if there is one."""
    generated = work / "media-photos"
    make_photos(generated, count)
    _measure(report, generated, f"{count} generated JPEG")
    if corpus is not None:
        copied = work / "corpus"
        shutil.copytree(corpus, copied, dirs_exist_ok=True, ignore=shutil.ignore_patterns("corrupt"))
        _measure(report, copied, "corpus without corrupt files")


def _measure(report: Report, folder: Path, what: str) -> None:
    warm(folder)
    items = _items(folder)
    tiers: tuple[tuple[Tier, str, str, list[WorkItem]], ...] = (
        ("header", "fast tier", "", items),
        ("deep", "deep tier", "", items),
        ("deep", "deep tier, its own formats", "", [item for item in items if _is_deep(item)]),
    )
    for tier, name, aim, chosen in tiers:
        if not chosen:
            continue
        # A second look at the same files would find perl started: both sides start theirs anew in every round.
        ours, peer = _alternating(lambda: _ours(chosen, tier), lambda: _peer(chosen))  # noqa: B023 - called at once
        rate, peer_rate = len(chosen) / ours, len(chosen) / peer
        note = f"{what}: {len(chosen)} files, files per second per core; the ratio is ours / peer, more is better"
        report.add(Figure(name, rate, peer_rate, "/s", aim, note))


def _alternating(ours: Callable[[], float], peer: Callable[[], float]) -> tuple[float, float]:
    pairs = [(ours(), peer()) for _ in range(ROUNDS)]
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


def _is_deep(item: WorkItem) -> bool:
    known = guess(item.path.rpartition(b"/")[2])
    return known is not None and tier_of(known.mime) == "deep"


def _items(folder: Path) -> list[WorkItem]:
    found = []
    for number, path in enumerate(sorted(folder.rglob("*")), 1):
        name = os.fsencode(path.name)
        if not path.is_file() or guess(name) is None or not path.stat().st_size:
            continue
        status = path.stat()
        found.append(
            WorkItem(
                LocationId(number),
                ContentId(number),
                VolumeId(1),
                os.fsencode(folder),
                os.fsencode(path.relative_to(folder)),
                status.st_size,
                status.st_mtime_ns,
                status.st_ctime_ns,
                status.st_ino,
            )
        )
    return found


def _ours(items: list[WorkItem], tier: Tier) -> float:
    """Return processor seconds of one worker and its exiftool over all files, its start not counted."""

    async def read() -> float:
        async with open_media_pool(workers=1) as pool:
            wanted = [replace(item, tier=tier) for item in items]
            await pool.read(wanted[:1])
            (pid,) = pool.report.worker_pids
            before_s = _cpu_s(pid)
            await pool.read(wanted)
            assert pool.report.worker_pids == {pid}, "the worker was replaced"
            return _cpu_s(pid) - before_s

    return trio.run(read)


def _cpu_s(pid: int) -> float:
    """Return processor seconds of a worker and its living child."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ticks = 0
    for one in (str(pid), *children):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _peer(items: list[WorkItem]) -> float:
    """Return processor seconds of one exiftool over all files, its start not counted."""
    started_s = _exiftool_cpu_s(["-ver"])
    names = "\n".join(f"./{os.fsdecode(item.path)}" for item in items)
    argfile = Path(os.fsdecode(items[0].root)) / ".." / "peer.args"
    argfile.write_bytes(os.fsencode(names))
    return _exiftool_cpu_s(["-fast2", "-json", "-@", str(argfile)], cwd=items[0].root) - started_s


def _exiftool_cpu_s(arguments: list[str], cwd: bytes | None = None) -> float:
    before_s, began = children_cpu_s(), time.monotonic()
    # Its exit code tells of files that it does not know.
    subprocess.run(["exiftool", *arguments], cwd=cwd, capture_output=True, check=False)
    assert time.monotonic() > began
    return children_cpu_s() - before_s
