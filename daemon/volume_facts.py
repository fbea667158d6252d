"""What can be told of a volume without touching it, and its free space, asked so that a hung disk hangs nobody.

Blocking, for the command line and `status`; imports no trio.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catalog.store.db import Reader
    from catalog.values import Volume
    from daemon.config import ScanSection

_NS_PER_H = 3_600 * 1_000_000_000
# A disk that is awake answers in microseconds; who sleeps or hangs is not waited for.
SPACE_LIMIT_S = 2.0
_TURN_S = 0.01
# The child alone may hang: it holds nothing of ours, not even our output.
_ASK_SPACE = "import os, sys\ns = os.statvfs(os.fsencode(sys.argv[1]))\nprint(s.f_bavail * s.f_frsize, s.f_blocks * s.f_frsize)"


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes that we could still write, and bytes in all."""

    free_bytes: int
    total_bytes: int


def recorded_identity(volume: Volume) -> dict[str, Any]:
    """Return what the last good probe recorded; empty before the first one at this root; of old catalogs some keys are missing."""
    seen = dict(json.loads(volume.identity)) if volume.identity else {}
    return {} if "left" in seen else seen  # it was relocated: who it is at its new place is not known yet


def is_remote(volume: Volume) -> bool:
    """Whether the last good probe found a file system that other machines change unseen."""
    return bool(recorded_identity(volume).get("is_remote"))


def next_full_ns(volume: Volume, settings: ScanSection) -> int | None:
    """Return when the next complete scan is due; None for what is not scanned, or was never (then it is due)."""
    if volume.full_scan_ns is None or volume.state in ("disabled", "retired"):
        return None
    hours = settings.full_interval_network_h if is_remote(volume) else settings.full_interval_local_h
    return volume.full_scan_ns + hours * _NS_PER_H


def hold_of(reader: Reader, volume: Volume, missing: int, settings: ScanSection) -> str | None:
    """Return why the places of a volume's missing files (so many) wait for their owner: as noted, or as the next hourly tick will."""
    from catalog.absence_rule import GUARD_FLOOR
    from catalog.store.missing_places import guard_of

    if volume.hold or missing <= GUARD_FLOOR or volume.state in ("disabled", "retired"):
        return volume.hold
    return guard_of(reader, volume, settings.missing_guard_percent)


def free_space(path: bytes, *, limit_s: float = SPACE_LIMIT_S) -> Space | None:
    """Ask for the space of a file system; None if it does not answer in time, or with an error. Blocks for `limit_s`.

    A child asks: one that hangs in the kernel is left behind with SIGKILL pending, and ends when the disk does answer.
    """
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _ASK_SPACE, path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert child.stdout is not None
    with child.stdout as answer:
        deadline = time.monotonic() + limit_s
        while child.poll() is None:
            if time.monotonic() > deadline:
                child.kill()
                return None
            time.sleep(_TURN_S)
        words = answer.read().split()
    return Space(int(words[0]), int(words[1])) if len(words) == 2 else None
