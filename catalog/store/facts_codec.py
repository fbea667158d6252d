"""Facts as compact JSON: what equals its default, and the findings (they have a table), is left out."""

from __future__ import annotations

import json
from dataclasses import MISSING, astuple, fields
from typing import Any

from catalog.facts import DateCandidate, Facts, descriptive_to_json, facts_from_json

_FACTS_DEFAULTS = {one.name: one.default for one in fields(Facts) if one.default is not MISSING}
_CANDIDATE_DEFAULTS = {one.name: one.default for one in fields(DateCandidate) if one.default is not MISSING}
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_KEPT_APART = ("candidates", "findings", "descriptive", "previews", "extra")
_PLAIN = tuple(one.name for one in fields(Facts) if one.name not in _KEPT_APART)


def facts_to_text(facts: Facts) -> str:
    """Return the text that `content.facts` holds."""
    document: dict[str, Any] = {}
    for name in _PLAIN:
        value = getattr(facts, name)
        if name not in _FACTS_DEFAULTS or value != _FACTS_DEFAULTS[name]:
            document[name] = value
    if facts.candidates:
        document["candidates"] = [_candidate(one) for one in facts.candidates]
    if facts.descriptive is not None:
        document["descriptive"] = descriptive_to_json(facts.descriptive)
    if facts.previews:
        document["previews"] = [list(astuple(one)) for one in facts.previews]
    if facts.extra:
        document["extra"] = facts.extra
    return _ENCODER.encode(document)


def facts_from_text(text: str) -> Facts:
    """Inverse of `facts_to_text`, without the findings."""
    return facts_from_json(json.loads(text))


def _candidate(candidate: DateCandidate) -> dict[str, Any]:
    return {
        name: value
        for name in DateCandidate.__dataclass_fields__
        if (value := getattr(candidate, name)) != _CANDIDATE_DEFAULTS.get(name, MISSING)
    }
