"""When a volume is looked at next: pure, from what the catalog keeps and how well changes are heard.

Two clocks. The catalog keeps the wall's, which people and time servers set; everything here is counted on one that nobody
sets and that runs on while the machine sleeps (CLOCK_BOOTTIME). `Known` is the bridge: a stamp of the catalog is turned
into an age once, when it is first seen, so that a wall clock that jumps neither stops looks nor makes them spin.

The rules:

- network: quick looks every `quick_interval_s`, a complete scan `full_interval_network_h` after the last one, whoever was
  started meanwhile; at the start a quick look, unless a complete scan is due.
- local: a complete scan at the start (nobody heard what happened before), then every `full_interval_local_h`.
- local and everything is heard: no quick looks. The disk may sleep.
- local and not everything is heard: quick looks; who sees that the device wrote nothing may leave one out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from catalog.values import Volume
from daemon.config import ScanSection

_S = 1_000_000_000
_H = 3600 * _S


@dataclass(frozen=True, slots=True)
class Now:
    """One moment on both clocks, in ns: `wall` since 1970, `steady` since boot."""

    wall_ns: int
    steady_ns: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of earlier looks of one volume.

    Attributes:
        started_ns: steady time since when changes are heard, or were to be.
        full_ns, quick_ns: steady time at which the last complete scan, the last quick look ended; may be negative (before
            boot); None = none that can be believed.
        full_stamp, quick_stamp: the catalog's stamps that these came from.
        is_caught_up: a complete scan that began after `started_ns` has ended.
    """

    started_ns: int
    full_ns: int | None = None
    quick_ns: int | None = None
    full_stamp: int | None = None
    quick_stamp: int | None = None
    is_caught_up: bool = False


@dataclass(frozen=True, slots=True)
class Looks:
    """Steady times in ns of the next looks; `quick_ns` None = none are needed."""

    full_ns: int
    quick_ns: int | None

    @property
    def kind(self) -> Literal["full", "quick"]:
        """Which comes first."""
        return "quick" if self.quick_ns is not None and self.quick_ns < self.full_ns else "full"

    @property
    def due_ns(self) -> int:
        """When the first one comes."""
        return self.full_ns if self.quick_ns is None else min(self.full_ns, self.quick_ns)


def begin(volume: Volume, now: Now) -> Known:
    """Start to count for a volume. A stamp from the future proves nothing: the clock was wrong then, or is now."""
    return Known(
        started_ns=now.steady_ns,
        full_ns=_steady(volume.full_scan_ns, now),
        quick_ns=_steady(volume.quick_scan_ns, now),
        full_stamp=volume.full_scan_ns,
        quick_stamp=volume.quick_scan_ns,
    )


def learn(known: Known, volume: Volume, now: Now) -> Known:
    """Take note of looks that ended since, whoever asked for them: their stamps are new, so they are at most that old."""
    if volume.full_scan_ns != known.full_stamp:
        ended_ns = _since_start(volume.full_scan_ns, known, now)
        known = replace(known, full_stamp=volume.full_scan_ns, full_ns=ended_ns)
    if volume.quick_scan_ns != known.quick_stamp:
        ended_ns = _since_start(volume.quick_scan_ns, known, now)
        known = replace(known, quick_stamp=volume.quick_scan_ns, quick_ns=ended_ns)
    return known


def next_looks(known: Known, settings: ScanSection, *, hears_all: bool, is_remote: bool) -> Looks:
    """Decide when to look next.

    Args:
        hears_all: a watch tells every change that this machine makes.
        is_remote: other machines change the volume unseen.
    """
    hours = settings.full_interval_network_h if is_remote else settings.full_interval_local_h
    is_owed = known.full_ns is None or not (is_remote or known.is_caught_up)
    full_ns = known.started_ns if known.full_ns is None or is_owed else known.full_ns + hours * _H
    if hears_all and not is_remote:
        return Looks(full_ns, None)
    last_ns = max((one for one in (known.full_ns, known.quick_ns) if one is not None), default=None)
    if last_ns is None or last_ns < known.started_ns:
        return Looks(full_ns, known.started_ns)
    return Looks(full_ns, last_ns + settings.quick_interval_s * _S)


def wall_of(steady_ns: int, now: Now) -> int:
    """Return the wall time of a steady one, as far as the wall clock is right now."""
    return now.wall_ns + steady_ns - now.steady_ns


def _steady(stamp: int | None, now: Now) -> int | None:
    if stamp is None or stamp > now.wall_ns:
        return None
    return now.steady_ns - (now.wall_ns - stamp)


def _since_start(stamp: int | None, known: Known, now: Now) -> int | None:
    """Turn a stamp that is new to us into a steady time between our start and now, whatever the wall clock did."""
    if stamp is None:
        return None
    steady_ns = _steady(stamp, now)
    return now.steady_ns if steady_ns is None else max(known.started_ns, steady_ns)
