"""Dates that sidecars tell: statements of the set property `date` -> candidates.

Pure. A statement may come from an old dump or from another program's hand, so a value that is no date document says nothing;
whether a date can be believed is judged with those of the bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from catalog.capture import MAX_OFFSET_MIN
from catalog.date_order import TOLD
from catalog.facts import DateCandidate
from catalog.layer import Statement, winner


def candidates_from_statements(statements: Iterable[Statement]) -> tuple[DateCandidate, ...]:
    """Return what statements of the property `date` tell, one candidate per source; others are not looked at.

    `false` tells nothing (any more). Of several sidecars that tell the same source the one that was read last rules.
    """
    by_source: dict[str, list[Statement]] = {}
    for said in statements:
        if said.property == "date" and said.element in TOLD and isinstance(said.value, dict):
            by_source.setdefault(said.element, []).append(said)
    found = (_candidate(source, winner(group)) for source, group in sorted(by_source.items()))
    return tuple(candidate for candidate in found if candidate is not None)


def _candidate(source: str, said: Statement | None) -> DateCandidate | None:
    value: dict[str, Any] = said.value if said is not None else {}
    raw, local, offset_min = value.get("raw"), value.get("local"), value.get("offset_min")
    if not isinstance(raw, str) or not isinstance(local, str | None):
        return None
    if isinstance(offset_min, bool) or not isinstance(offset_min, int | None):
        return None
    if offset_min is not None and abs(offset_min) > MAX_OFFSET_MIN:
        return None
    is_utc = value.get("is_utc") is True
    return DateCandidate(source, raw, local, None if is_utc else offset_min, is_utc)
