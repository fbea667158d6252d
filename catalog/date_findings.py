"""Findings about dates: what the bytes of one content say about its capture time that cannot be, or contradicts itself.

Pure, and free of paths, as findings are: the same bytes have the same findings wherever they lie. A blank or a zero is an empty
field and no finding; a clock that was never set is one even where a folder's name makes the date believable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from catalog.capture import parse_local
from catalog.date_order import in_order
from catalog.date_rules import IN_THE_FUTURE, RESET_REASONS, why_rejected
from catalog.date_texts import NO_SUCH_DATE
from catalog.dates import RULES_VERSION
from catalog.facts import DateCandidate, Facts, Finding

TOOL = "dates"
MIN_WITNESSES = 3  # fewer agree by chance: a program that writes one date writes it into two fields
_CONTRADICTABLE = ("ExifIFD:DateTimeOriginal", "ExifIFD:CreateDate", "MakerNotes:DateTimeOriginal")
_SECOND = len("2019-08-07T14:33:02")


def findings_of_dates(facts: Facts, now_ns: int) -> tuple[Finding, ...]:
    """Return what is wrong with the dates of one content, in the order of sources; usually nothing.

    Args:
        facts: what its bytes say; of no media there is nothing to find.
        now_ns: the present, to tell dates from the future.
    """
    if facts.kind is None or not facts.candidates:
        return ()
    candidates = in_order(facts.kind, facts.candidates)
    usable, reasons = [], []
    for candidate in candidates:
        why = why_rejected(candidate, candidates, facts, now_ns)
        if why is None:
            usable.append(candidate)
        elif (reason := _impossible(candidate, why)) is not None:
            reasons.append(reason)
    reasons += _conflict(usable)
    return tuple(Finding(TOOL, str(RULES_VERSION), reason) for reason in reasons)


def _impossible(candidate: DateCandidate, why: str) -> str | None:
    said = f"{candidate.source} says {candidate.raw[:40]}: {why}"
    if why in RESET_REASONS:
        return f"date-reset: {said}"
    is_impossible = why in (NO_SUCH_DATE, IN_THE_FUTURE) or why.startswith("older than photography")
    return f"date-impossible: {said}" if is_impossible else None


def _conflict(usable: Sequence[DateCandidate]) -> list[str]:
    """Compare the camera's own date with the wall clocks of lesser sources; they cannot overrule it, but are told of."""
    if len(usable) <= MIN_WITNESSES or usable[0].source not in _CONTRADICTABLE:
        return []
    won, *lesser = usable
    witnesses = _agreeing(lesser)
    told = (witnesses[0].local or "")[:_SECOND] if witnesses else ""
    if (
        len(witnesses) < MIN_WITNESSES
        or len(won.local or "") < _SECOND
        or told == (won.local or "")[:_SECOND]
    ):
        return []
    names = ", ".join(one.source for one in witnesses)
    return [f"date-conflict: {won.source} says {won.raw[:40]}, but {names} agree on {told}"]


def _agreeing(candidates: Sequence[DateCandidate]) -> list[DateCandidate]:
    """Return the largest group that tells one second of one wall clock."""
    clocks = [one for one in candidates if not one.is_utc and len(one.local or "") >= _SECOND]
    counted = Counter((one.local or "")[:_SECOND] for one in clocks if parse_local(one.local or ""))
    if not counted:
        return []
    ((second, _),) = counted.most_common(1)
    return [one for one in clocks if (one.local or "")[:_SECOND] == second]
