"""The missing rule: may the row of a file that is gone go? One pure function, a table that a user can read.

Absence is not deletion (charter 3): before this rule a file was called missing by two looks on a proven volume, and it
stays listed as missing. The rule only tells when the *place* where it was may be forgotten. What people said is never
touched by it, and the last trace of a photo stays (it tells where to look for it).

The grace follows digiKam (notes/rivals.md 1b), the cap ImageApi, the guard rclone bisync (notes/reliability.md R10).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from catalog.capture import NS_PER_S

NS_PER_DAY = 86_400 * NS_PER_S
# (days missing, complete scans since) that together are enough.
GRACES: tuple[tuple[int, int], ...] = ((7, 2), (30, 1))
# So many missing files of one volume are everyday life, whatever part of it they are.
GUARD_FLOOR = 50

Verdict = Literal["keep", "go"]


@dataclass(frozen=True, slots=True)
class Absence:
    """What is known of a missing file's place.

    Attributes:
        missing_since_ns: when two looks did not find it.
        full_scans: complete scans of its volume that began after that and listed everything.
        is_last_trace: no other place of the photo is known.
        is_accepted: the owner said, after it went, that what is gone is gone.
        volume_hold: why nothing of its volume goes now (guard, state), or None.
        library_hold: why nothing at all goes now (another volume is suspect or offline), or None.
        is_purge: the trash still tells of it.
        is_witness: it is a sidecar, and what it said of photos counts.
    """

    missing_since_ns: int
    full_scans: int
    is_last_trace: bool = False
    is_accepted: bool = False
    volume_hold: str | None = None
    library_hold: str | None = None
    is_purge: bool = False
    is_witness: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rule says, and why, in user words."""

    verdict: Verdict
    reason: str


def judge(absence: Absence, now_ns: int) -> Judged:  # noqa: PLR0911 - a table of rules
    """Tell whether the row of a missing file may go. First match wins; `why missing` shows the reason."""
    if absence.is_purge:
        return Judged("keep", "the trash tells of it")
    if absence.is_witness:
        return Judged("keep", "it is a sidecar, and what it said counts")
    if absence.is_last_trace:
        return Judged("keep", "it is the last place where the photo was seen")
    if absence.library_hold is not None:
        return Judged("keep", absence.library_hold)
    if absence.volume_hold is not None and not absence.is_accepted:
        return Judged("keep", absence.volume_hold)
    days = max(0, now_ns - absence.missing_since_ns) / NS_PER_DAY
    if any(days >= least and absence.full_scans >= scans for least, scans in GRACES):
        return Judged(
            "go", f"missing for {int(days)} days and {absence.full_scans} complete scans of its volume"
        )
    wanted = " or ".join(f"{least} days and {scans} complete scans" for least, scans in GRACES)
    return Judged(
        "keep", f"missing for {int(days)} days and {absence.full_scans} complete scans; it takes {wanted}"
    )


def guard(missing: int, known: int, percent: int) -> str | None:
    """Tell why a mass disappearance waits for its owner: so many of the files known on a volume are missing.

    Args:
        missing: files of it that are missing and that the owner did not accept.
        known: files of it that are known, missing ones included.
        percent: of `known`; above it, and above `GUARD_FLOOR` files, nothing goes.
    """
    if missing <= GUARD_FLOOR or missing * 100 <= known * percent:
        return None
    return (
        f"{missing} of {known} files are missing, more than {percent} %: their places are kept until"
        " `glassine volume accept-empty` says that this is so"
    )
