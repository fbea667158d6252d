"""One file that a test made, and everything that readers shall say of it; and the comparison of the two.

For tests only. `expected` is the whole truth: a field that it does not name must have its default, so that a reader that
invents something fails too. Independent of exiftool: the answers stand beside the bytes' makers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from catalog.facts import Facts, descriptive_to_json

_PLAIN = tuple(
    one.name
    for one in fields(Facts)
    if one.name not in ("candidates", "findings", "descriptive", "previews", "extra", "tier")
)
_DEFAULTS = Facts(kind="photo", mime="")


@dataclass(frozen=True, slots=True)
class Case:
    """A generated file with its known answers.

    Attributes:
        name: a sentence's worth of what is special about it.
        file_name: last component of its path.
        content: the bytes.
        expected: fields of `Facts` that are not their default (`kind` is "photo" if absent, `mime` always stands), and
            `dates`: source -> local or (local, minutes east of UTC); None = offered and refused.
            `findings`: tools.
            `descriptive`: as JSON.
            `previews`: (origin, width, height, bytes), largest first.
            `motion`: the movie's bytes.
            Any other word is a key of `extra`.
    """

    name: str
    file_name: str
    content: bytes
    expected: dict[str, Any]


def told(facts: Facts, content: bytes) -> dict[str, Any]:
    """Return what facts say, in the form of `Case.expected`."""
    found: dict[str, Any] = {
        name: getattr(facts, name)
        for name in _PLAIN
        if name == "mime" or getattr(facts, name) != getattr(_DEFAULTS, name)
    }
    extra = dict(facts.extra)
    if "motion" in extra:
        offset, length = extra.pop("motion")
        found["motion"] = content[offset : offset + length]
    parts = {
        "dates": {
            one.source: (one.local, one.offset_min) if one.offset_min is not None else one.local
            for one in facts.candidates
        },
        "findings": [one.tool for one in facts.findings],
        "descriptive": descriptive_to_json(facts.descriptive) if facts.descriptive else {},
        "previews": [
            (one.origin, one.width, one.height, content[one.offset : one.offset + one.length])
            for one in facts.previews
        ],
    }
    return found | extra | {name: value for name, value in parts.items() if value}


def differences(facts: Facts, case: Case) -> dict[str, tuple[Any, Any]]:
    """Return field -> (ours, expected) of what differs; numbers agree to seven digits."""
    ours = told(facts, case.content)
    return {
        name: (ours.get(name), case.expected.get(name))
        for name in ours.keys() | case.expected.keys()
        if not _is_same(ours.get(name), case.expected.get(name))
    }


def _is_same(ours: Any, expected: Any) -> bool:
    if isinstance(ours, float) and isinstance(expected, int | float):
        return math.isclose(ours, expected, rel_tol=1e-7, abs_tol=1e-7)
    return bool(ours == expected)
