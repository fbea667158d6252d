"""Who may be purged: the one rule that decides about every file of the trash, pure.

Asked twice with fresh facts: when a purge is planned, and in a transaction right before the file is touched. It knows
no disk: whether the bytes are still those that were written down is found out by the remover (`daemon.purge`).

Invariants (charter 1, FEATURES W3)
- Time counts from the moment of trashing, or since this catalog knows the file: a copy that arrives later, and a
  catalog that was restored from an earlier one, have the same grace. No time of the file takes part.
- What is not wholly known (unhashed, undecided) or not fully ours (read-only, not online, in use) is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from catalog.ids import AssetId, ContentHash, LocationId, Uid, VolumeId
from catalog.values import Mode, VolumeState

# Why a file is kept: code -> in user words. The order is the order in which the rule asks.
KEPT_BECAUSE = {
    "not_trashed": "the photo is not in the trash",
    "trashed_anew": "the photo was restored and trashed again since",
    "gone": "the file is not there any more",
    "changed": "the file is not the one that was written down",
    "read_only": "its volume is read-only: the tombstone hides it for ever",
    "no_removal": "its storage removes no files",
    "not_hashed": "its bytes were never read wholly",
    "retention": "its time in the trash is not over",
    "offline": "its volume is not online",
    "in_use": "a job reads it",
    "undecided": "an interrupted purge of it is undecided until its volume is online",
}
Reason = Literal[
    "not_trashed",
    "trashed_anew",
    "gone",
    "changed",
    "read_only",
    "no_removal",
    "not_hashed",
    "retention",
    "offline",
    "in_use",
    "undecided",
]
# These do not pass by themselves with time.
LASTING: frozenset[Reason] = frozenset({"not_trashed", "gone", "read_only", "no_removal"})
_REMOVING_BACKENDS = frozenset({"local"})


@dataclass(frozen=True, slots=True)
class TrashedFile:
    """A file of a trashed photo's current bytes, and all that decides about it.

    Attributes:
        trashed_ns: since when the photo is in the trash; None = it is not.
        is_present: as the catalog last saw it.
        known_ns: since when this catalog knows the file: its first sight, or when the catalog was restored.
        hash: of the photo's current bytes; None while unread.
        is_in_use: a pending or running job names the photo or its bytes.
        is_undecided: a purge of it was begun and nobody knows yet how it ended.
    """

    location_id: LocationId
    asset_id: AssetId
    uid: Uid
    name: str
    trashed_ns: int | None
    volume_id: VolumeId
    volume: str
    volume_mode: Mode
    volume_state: VolumeState
    backend: str
    path: bytes
    is_present: bool
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    hash: ContentHash | None
    is_in_use: bool = False
    is_undecided: bool = False
    known_ns: int = -(2**63)

    @property
    def since_ns(self) -> int | None:
        """Since when its retention runs; None: it is not in the trash."""
        return None if self.trashed_ns is None else max(self.trashed_ns, self.known_ns)


@dataclass(frozen=True, slots=True)
class PurgeRule:
    """What is asked for: files of photos that are, as files known here, in the trash for `min_age_ns` at `now_ns`."""

    now_ns: int
    min_age_ns: int


def why_kept(file: TrashedFile, rule: PurgeRule) -> Reason | None:  # noqa: PLR0911 - a table of rules
    """Return why a file may not be purged, or None if it may."""
    if file.since_ns is None:
        return "not_trashed"
    lasting = why_never(file)
    if lasting is not None:
        return lasting
    if file.hash is None:
        return "not_hashed"
    if rule.now_ns - file.since_ns < rule.min_age_ns:
        return "retention"
    if file.volume_state != "online":
        return "offline"
    if file.is_in_use:
        return "in_use"
    return "undecided" if file.is_undecided else None


def why_never(file: TrashedFile) -> Reason | None:
    """Return what keeps a file in the trash however long one waits, or None."""
    if not file.is_present:
        return "gone"
    if file.volume_mode != "rw":
        return "read_only"
    return None if file.backend in _REMOVING_BACKENDS else "no_removal"


@dataclass(frozen=True, slots=True)
class Written:
    """What the row `purge` says that the file must still be."""

    purge_id: int
    location_id: LocationId
    asset_id: AssetId
    hash: ContentHash
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    planned_ns: int


def why_stopped(written: Written, file: TrashedFile | None, rule: PurgeRule) -> Reason | None:
    """Return why a purge that was written down must stop, judged by how things stand now; None = go on."""
    if file is None:
        return "not_trashed"
    if file.trashed_ns is not None and file.trashed_ns > written.planned_ns:
        return "trashed_anew"
    kept = why_kept(file, rule)
    if kept not in (None, "undecided"):  # undecided is this very row
        return kept
    was = (written.hash, written.size, written.mtime_ns, written.ctime_ns, written.inode)
    return None if was == (file.hash, file.size, file.mtime_ns, file.ctime_ns, file.inode) else "changed"


def purge_after_ns(files: tuple[TrashedFile, ...], retention_ns: int) -> int | None:
    """Return from when on some file of a photo will be purged by itself; None = none ever will."""
    since = [file.since_ns for file in files if file.since_ns is not None and why_never(file) is None]
    return min(since) + retention_ns if since else None
