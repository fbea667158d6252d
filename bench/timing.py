"""Run commands and time them; print figures as ratios. Shared by the yardsticks of this folder."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

GLASSINE = [sys.executable, "-P", "-m", "daemon.cli.main"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report: ours, the peer's, their ratio, and the aim if the issue named one."""

    name: str
    ours: float
    peer: float | None
    unit: str
    aim: str = ""
    note: str = ""

    def ratio(self) -> float | None:
        """Return ours / peer, or None without a peer."""
        return self.ours / self.peer if self.peer else None


@dataclass(slots=True)
class Report:
    """Collects figures and prints them as they come."""

    figures: list[Figure] = field(default_factory=list)

    def add(self, figure: Figure) -> None:
        """Keep and print one figure."""
        self.figures.append(figure)
        ratio = figure.ratio()
        peer = "" if figure.peer is None else f" peer {figure.peer:.4g} {figure.unit}, ratio {ratio:.3f}"
        aim = f" (aim {figure.aim})" if figure.aim else ""
        print(f"{figure.name}: {figure.ours:.4g} {figure.unit}{peer}{aim} {figure.note}", flush=True)

    def save(self, path: Path) -> None:
        """Write all figures as JSON."""
        rows = [
            {**{name: getattr(f, name) for name in f.__slots__}, "ratio": f.ratio()} for f in self.figures
        ]
        path.write_text(json.dumps(rows, indent=1) + "\n")


def seconds_of(command: Sequence[str], **options: object) -> float:
    """Run to the end, output thrown away; return wall seconds. A failure is an error."""
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
    return time.monotonic() - began


def median_of(action: Callable[[], float], *, rounds: int) -> float:
    """Return the median of some runs."""
    return statistics.median(action() for _ in range(rounds))


def alternating(ours: Callable[[], float], peer: Callable[[], float], *, rounds: int) -> tuple[float, float]:
    """Run ours and the peer in turn and return both medians: a drifting machine hits both."""
    pairs = [(ours(), peer()) for _ in range(rounds)]
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def glassine(library: Path, *arguments: str) -> list[str]:
    """Return the command line of one verb on this library."""
    return [*GLASSINE, "--library", str(library), *arguments]


def warm(folder: Path) -> None:
    """Read every file once, so that both sides start with a warm page cache."""
    subprocess.run(["tar", "-cf", "/dev/null", "-C", str(folder), "."], check=True)
    for path in folder.rglob("*"):
        if path.is_file():
            path.read_bytes()


def memory_of(pids: Sequence[int]) -> tuple[float, float]:
    """Return (sum of PSS, sum of VmHWM) of the processes, in MiB."""
    pss = hwm = 0
    for pid in pids:
        pss += _kib(f"/proc/{pid}/smaps_rollup", "Pss:")
        hwm += _kib(f"/proc/{pid}/status", "VmHWM:")
    return pss / 1024, hwm / 1024


def _kib(path: str, key: str) -> int:
    with open(path) as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(key))


def descendants(pid: int) -> list[int]:
    """Return the pid and all its living descendants."""
    found = [pid]
    for parent in found:
        for task in os.listdir(f"/proc/{parent}/task"):
            found += [int(c) for c in Path(f"/proc/{parent}/task/{task}/children").read_text().split()]
    return found


def children_cpu_s() -> float:
    """Return CPU seconds of all finished children so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
