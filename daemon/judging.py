"""What state a volume is in: one pure function, a table that a user can read.

It compares what a probe saw with what was recorded. It knows no disk and changes nothing. Who a volume is, in falling rank: its marker;
the UUID of its file system with the inode of its root; known files found where they were (decision 0006, 1).
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from catalog.values import Volume, VolumeState
from daemon.volume_facts import recorded_identity
from daemon.volume_process.protocol import ProbeReport

# Errors that say "nothing is there"; every other one says "something is wrong".
_NOTHING_THERE = frozenset({"ENOENT", "ENOTDIR", "ENODEV", "ENXIO", "ENOMEDIUM"})
# Fewer files than this prove nothing: people do delete three files.
ENOUGH_SAMPLES = 4


@dataclass(frozen=True, slots=True)
class Judgement:
    """The state that follows from a probe, why, and the identity to record (None = keep the old one).

    `is_half_empty`: only that no known file is there speaks against it; a closer look may tell that it was re-sorted.
    """

    state: VolumeState
    reason: str | None
    identity: str | None = None
    is_half_empty: bool = False


def judge(
    volume: Volume,
    report: ProbeReport,
    markers: Mapping[str, str] | None = None,
    *,
    is_rearranged: bool = False,
) -> Judgement:
    """Decide a volume's state from what was recorded and what is there now. First match wins.

    Args:
        volume: as the catalog has it.
        report: what the probe saw.
        markers: uid -> name of the other volumes of the library that have a marker.
        is_rearranged: whether a closer look found new things where the known files were.
    """
    case = _Case(volume, report, markers or {}, is_rearranged=is_rearranged)
    for rule in _RULES:
        judgement = rule(case)
        if judgement is not None:
            return judgement
    return Judgement("online", None, _identity(report))


def is_accepted(volume: Volume) -> bool:
    """Whether the owner said that what is there is all there is, and no complete scan has written that down yet."""
    return volume.accepted_ns is not None and (volume.full_scan_ns or 0) <= volume.accepted_ns


def way_out(volume: Volume) -> str | None:
    """Return what the owner can do about a volume that is not online; None where the reason says it already."""
    name = shlex.quote(volume.name)
    if volume.state == "offline":
        return (
            f"Plug it in or mount it. Is it elsewhere now: `glassine volume relocate {name} PATH`. Does it never come back:"
            f" `glassine volume retire {name}`."
        )
    if volume.state in ("disabled", "retired"):
        return f"`glassine volume enable {name}` uses it again."
    if volume.state == "suspect" and "`glassine " not in (volume.state_reason or ""):
        return f"`glassine volume probe {name}` looks again when it is mended; `glassine volume show {name}` tells all about it."
    return None


def is_marker_due(volume: Volume, report: ProbeReport) -> bool:
    """Whether an online volume should get a marker: it is writable, and none is at its root."""
    return volume.mode == "rw" and volume.backend == "local" and report.marker is None


def _identity(report: ProbeReport) -> str:
    names = (
        "key",
        "instance",
        "description",
        "fs_type",
        "is_remote",
        "fs",
        "is_strong",
        "mount",
        "keeps_inodes",
    )
    fresh = {name: getattr(report, name) for name in (*names, "folds_case")}
    return json.dumps(fresh, sort_keys=True)


class _Case:
    """One probe to be judged, and the words of it that several rules use."""

    def __init__(
        self, volume: Volume, report: ProbeReport, markers: Mapping[str, str], *, is_rearranged: bool
    ) -> None:
        self.is_rearranged = is_rearranged
        self.volume = volume
        self.report = report
        self.markers = markers
        self.recorded = recorded_identity(volume)
        self.root = os.fsdecode(volume.root)
        self.name = shlex.quote(volume.name)
        self.accept = f"if that is so, `glassine volume accept-empty {self.name}`"
        self.relocate = (
            f"if its files are here now, `glassine volume relocate {self.name} {shlex.quote(self.root)}`"
        )
        # What the owner accepted is not expected any more; what was never seen neither.
        self.expects_files = volume.had_data and not is_accepted(volume)

    @property
    def has_our_marker(self) -> bool:
        return self.report.marker is not None and self.report.marker == self.volume.marker

    @property
    def is_other_key(self) -> bool:
        """Whether another root than the recorded one is there; nothing recorded, nothing to differ."""
        return bool(self.recorded) and self.recorded["key"] != self.report.key

    @property
    def is_same_fs(self) -> bool:
        return "fs" in self.recorded and self.recorded["fs"] == self.report.fs

    @property
    def is_surely_same(self) -> bool:
        return bool(self.recorded) and not self.is_other_key and self.report.is_strong

    @property
    def is_beyond_doubt(self) -> bool:
        """Whether no other disk can look like this: not where every file system of a kind has the same key (FUSE: `fsid:0`, root 1)."""
        is_known = self.report.is_strong or self.report.keeps_inodes
        return self.has_our_marker or (bool(self.recorded) and not self.is_other_key and is_known)

    @property
    def is_still_there(self) -> bool:
        """Whether this is the mount of the last look, and it was online: then somebody changed the files."""
        was_there = (self.recorded.get("mount"), self.recorded.get("instance"))
        return self.volume.state == "online" and was_there == (self.report.mount, self.report.instance)

    @property
    def samples_are_all_others(self) -> bool:
        """Whether most known names are there, enough of them, and none is the file that it was."""
        fates = self.report.samples
        others = fates.count("other")
        return others >= ENOUGH_SAMPLES and others > len(fates) - others and fates.count("same") == 0

    @property
    def samples_are_all_gone(self) -> bool:
        fates = self.report.samples
        return fates.count("gone") >= ENOUGH_SAMPLES and fates.count("same") == fates.count("other") == 0

    @property
    def samples_are_same(self) -> bool:
        """Whether known files prove it: all that were looked at are there, enough of them (or all there are)."""
        fates = self.report.samples
        is_any_other = fates.count("gone") + fates.count("other") > 0
        enough = min(ENOUGH_SAMPLES, len(fates)) or int(self.expects_files)  # no sample proves nothing
        return not is_any_other and fates.count("same") >= enough


def _is_nothing_there(case: _Case) -> Judgement | None:
    if case.report.error in _NOTHING_THERE:
        return Judgement("offline", f"nothing is at {case.root} ({case.report.error})")
    return None


def _is_unreadable(case: _Case) -> Judgement | None:
    if case.report.error is not None:
        return Judgement("suspect", f"{case.root} cannot be listed ({case.report.error})")
    return None


def _is_own_state(case: _Case) -> Judgement | None:
    if case.report.is_own_state:
        return Judgement("suspect", f"{case.root} is a folder or a mount of Glassine itself")
    return None


def _is_other_volume(case: _Case) -> Judgement | None:
    """A marker of another volume of this library, whatever else is the same."""
    other = case.markers.get(case.report.marker or "")
    if other is None or case.has_our_marker:
        return None
    return Judgement(
        "suspect",
        f"the marker at {case.root} is that of the volume {other!r}: if that one moved here, `glassine volume relocate"
        f" {shlex.quote(other)} {shlex.quote(case.root)}`; if this is a copy, remove .glassine-volume from it",
    )


def _has_foreign_marker(case: _Case) -> Judgement | None:
    marker = case.report.marker
    if marker is None or case.volume.marker is None or case.has_our_marker:
        return None
    return Judgement(
        "suspect",
        f"another storage is at {case.root}: its marker .glassine-volume is not that of {case.volume.name!r}; if it is"
        " the right one, remove that file",
    )


def _is_not_mounted(case: _Case) -> Judgement | None:
    is_elsewhere = case.is_other_key and not case.is_same_fs and not case.has_our_marker
    if is_elsewhere and case.report.is_empty:
        return Judgement("offline", f"not mounted: {case.root} is an empty folder of another file system")
    return None


def _is_other_storage(case: _Case) -> Judgement | None:
    """Two file systems that each have a UUID are two, whatever files they hold."""
    if case.has_our_marker or not case.is_other_key or case.is_same_fs:
        return None
    if not (case.report.is_strong and case.recorded.get("is_strong")):
        return None
    return Judgement(
        "suspect", f"another storage is at {case.root}: {case.report.description}; {case.relocate}"
    )


def _is_empty(case: _Case) -> Judgement | None:
    if case.report.is_empty and case.volume.had_data:
        return Judgement("suspect", f"{case.root} is empty, but files were seen there before; {case.accept}")
    return None


def _is_unproven(case: _Case) -> Judgement | None:
    """Another root, or none recorded for a marker that is lacking: known files must tell."""
    lacks_marker = case.volume.marker is not None and case.report.marker is None
    is_unknown = case.is_other_key or (lacks_marker and not case.recorded)
    if case.has_our_marker or not is_unknown or is_accepted(case.volume):
        return None
    if case.samples_are_same:
        return None
    return Judgement(
        "suspect",
        f"another storage is at {case.root} (known files are not there as they were):"
        f" {case.report.description}; {case.relocate if case.recorded else case.accept}",
    )


def _has_lost_marker(case: _Case) -> Judgement | None:
    if case.volume.marker is None or case.report.marker is not None or is_accepted(case.volume):
        return None
    if case.is_surely_same or case.samples_are_same:
        return None  # the UUID says so, or known files do
    return Judgement(
        "suspect", f"the file .glassine-volume that was written to {case.root} is not there; {case.accept}"
    )


def _is_another_of_its_kind(case: _Case) -> Judgement | None:
    """Where each file system of a kind looks alike (FUSE), the files tell: the old names, and none is what it was."""
    if not case.recorded.get("key") or not case.expects_files or case.is_beyond_doubt or case.is_still_there:
        return None
    if not case.samples_are_all_others:
        return None
    return Judgement(
        "suspect",
        f"another storage may be at {case.root}: no known file has the size and time that it had; {case.accept}",
    )


def _is_half_empty(case: _Case) -> Judgement | None:
    if case.expects_files and case.samples_are_all_gone and not case.is_rearranged:
        gone = case.report.samples.count("gone")
        return Judgement(
            "suspect",
            f"{case.root} looks half empty: {gone} of {gone} known files are not there; {case.accept}",
            is_half_empty=case.is_beyond_doubt,
        )
    return None


_RULES = (
    _is_nothing_there,
    _is_unreadable,
    _is_own_state,
    _is_other_volume,
    _has_foreign_marker,
    _is_not_mounted,
    _is_other_storage,
    _is_empty,
    _is_unproven,
    _has_lost_marker,
    _is_another_of_its_kind,
    _is_half_empty,
)
