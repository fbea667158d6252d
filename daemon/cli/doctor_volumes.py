"""Checks of `doctor` about the volumes of a library: what their file systems can do, how they are watched, room, the clock.

Read from the catalog, the mount table and /proc. A volume is asked for nothing but its free space, by a process that may
hang alone: a volume that hangs does not hang `doctor`.
"""

from __future__ import annotations

import ctypes
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.cli.doctor_machine import (
    FEWEST_INSTANCES,
    FEWEST_QUEUED,
    Diagnosis,
    can_use_fanotify,
    inotify_limit,
)
from daemon.cli.output import instant, printable, readable
from daemon.cli.sentences import files_text
from daemon.config import ScanSection
from daemon.judging import way_out
from daemon.volume_facts import Space, free_space, is_remote, recorded_identity

if TYPE_CHECKING:
    from catalog.store.standing import Standing
    from catalog.values import Volume

_NS_PER_S = 1_000_000_000
# Whoever sets a clock by hand is a minute off; a scan that ended later than now by more was not.
_CLOCK_SLACK_NS = 60 * _NS_PER_S
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES = 512  # more than any struct timex
INOTIFY_LIMITS = ("max_user_watches", "max_user_instances", "max_queued_events")
# Watches are counted per user: other programs want some too.
_WATCHES_SHARE = 0.8
_FREE_WARN_BYTES = 1 << 30
_GIB = 1 << 30
# These store names decomposed: what was written as é comes back as e and an accent.
_NORMALISING = frozenset({"hfs", "hfsplus"})


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalog knows, read once."""

    volumes: list[Volume]
    standings: dict[int, Standing]
    directories: int
    newest_ns: int
    scan: ScanSection


def check_watching(known: Known) -> Diagnosis:
    """There are watches, instances and room for events enough for the directories that are known."""
    if can_use_fanotify():
        return Diagnosis(
            "watching", "ok", "fanotify: one mark per file system where it can be, inotify elsewhere"
        )
    return inotify_diagnosis(known, {name: inotify_limit(name) for name in INOTIFY_LIMITS})


def inotify_diagnosis(known: Known, limits: Mapping[str, int | None]) -> Diagnosis:
    """Compare the limits of inotify, by the names of their sysctls, with what a complete watch takes. Pure."""
    watches = limits["max_user_watches"]
    if watches is None:
        hint = "New photos are found by the periodic looks (scan.quick_interval_s)."
        return Diagnosis("watching", "warn", "no inotify", hint)
    wanted = {
        "max_user_watches": int(known.directories / _WATCHES_SHARE) + 1,
        "max_user_instances": max(FEWEST_INSTANCES, 2 * len(known.volumes)),
        "max_queued_events": FEWEST_QUEUED,
    }
    short = [
        f"sysctl fs.inotify.{name}={_rounded(least)}"
        for name, least in wanted.items()
        if (limits[name] or 0) < least
    ]
    told = f"inotify: {known.directories} directories, {watches} watches for all programs of this user"
    if not short:
        return Diagnosis("watching", "ok", told)
    hint = f"{'; '.join(short)} (and in /etc/sysctl.d/); beyond it the periodic looks find what is new."
    return Diagnosis("watching", "warn", told, hint)


def _rounded(least: int) -> int:
    """Return the next power of two that leaves room to grow."""
    return 1 << (2 * least - 1).bit_length()


def check_clock_of_catalog(known: Known) -> Diagnosis:
    """The clock is not behind what it said before, and somebody sets it."""
    name, now_ns = "clock and catalog", time.time_ns()
    if known.newest_ns > now_ns + _CLOCK_SLACK_NS:
        hint = "The clock went backwards, or was wrong before: days that missing files are kept for count by it. Set the clock."
        return Diagnosis(
            name,
            "warn",
            f"it is {instant(now_ns)}, but the catalog was written at {instant(known.newest_ns)}",
            hint,
        )
    if ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)) == _TIME_ERROR:
        hint = "Missing files are kept for days by this clock: let NTP set it (timedatectl set-ntp true)."
        return Diagnosis(name, "warn", "the clock is not synchronised", hint)
    return Diagnosis(name, "ok", "the clock is synchronised, and not behind the catalog")


def volume_diagnoses(known: Known) -> Iterator[Diagnosis]:
    """Yield one diagnosis per volume: its state, its file system, its room."""
    for volume in known.volumes:
        yield _of_volume(volume, known)


def _of_volume(volume: Volume, known: Known) -> Diagnosis:
    name = f"volume {printable(volume.name)}"
    words = [volume.state, *_file_system(volume, known.scan)]
    troubles = list(_troubles(volume, known))
    if volume.mode == "rw" and volume.state == "online":
        space = free_space(volume.root)
        words.append(
            "its free space is not told in time"
            if space is None
            else f"{space.free_bytes / _GIB:.1f} GiB free"
        )
        troubles += _space_trouble(space)
    if not troubles:
        return Diagnosis(name, "ok", ", ".join(words))
    told = "; ".join(trouble for trouble, _ in troubles)
    hint = " ".join(dict.fromkeys(way for _, way in troubles if way))
    return Diagnosis(name, "warn", f"{', '.join(words)}: {told}", hint or None)


def _file_system(volume: Volume, scan: ScanSection) -> Iterator[str]:
    """Say what matters of the file system, as the last good look found it."""
    from daemon.volume_process.mounts import FOLDS_CASE, KEEPS_INODES

    seen = recorded_identity(volume)
    if not seen:
        yield "not looked at yet"
        return
    kind = str(seen.get("fs_type") or "unknown file system")
    yield kind
    if is_remote(volume):
        yield (
            f"network: looked at every {scan.quick_interval_s} s, wholly every {scan.full_interval_network_h} h,"
            " for changes by other machines are not told"
        )
    if not seen.get("keeps_inodes", kind in KEEPS_INODES):
        yield "inodes are not kept: moved files are told by their hash, so they are read again"
    if seen.get("folds_case", kind in FOLDS_CASE):
        yield "names that differ in case only are one"
    if kind in _NORMALISING:
        yield "names come back decomposed (Unicode NFD)"


def _troubles(volume: Volume, known: Known) -> Iterator[tuple[str, str]]:
    """Yield (what is wrong, the way out)."""
    if volume.state in ("suspect", "offline"):
        looks = f"glassine volume probe {shlex.quote(volume.name)} looks again."
        yield volume.state_reason or volume.state, way_out(volume) or looks
    if volume.hold:
        yield volume.hold, ""
    standing = known.standings.get(volume.id)
    if standing is not None and standing.damaged:
        yield (
            f"damaged: {files_text(standing.damaged)} with other bytes although nobody wrote to them",
            "glassine find is:damaged lists them: take good copies from a backup; the disk may be failing.",
        )
    for path in standing.away if standing is not None else ():
        yield f"what was mounted at {readable(path)} is away", "Mount it, or glassine volume accept-empty."
    if volume.mode == "rw" and volume.state == "online" and volume.marker is None:
        yield (
            "no marker .glassine-volume could be written",
            "Is it mounted read-only, or not ours to write to?",
        )


def _space_trouble(space: Space | None) -> list[tuple[str, str]]:
    if space is None or space.free_bytes >= _FREE_WARN_BYTES:
        return []
    return [("little room is left", "Uploads will be refused when it is full.")]


LIBRARY_WIDE: tuple[Callable[[Known], Diagnosis], ...] = (check_watching, check_clock_of_catalog)
