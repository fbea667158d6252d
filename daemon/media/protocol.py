"""Frames between the pool and a media worker: plain lists, see `daemon.frames`.

Down: `["hello", root, private directory or None]`, then `["read", items]`. Up: `["ready", confinement, has_exiftool]`,
then, in order of the items, one `["done", answer]` each, or `["stale"]` = "my confinement does not cover the
root as it is now: start a new worker for this item". Bytes from a worker are not trusted: it parses untrusted
files, so everything is checked on arrival.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from catalog.facts import Facts, FactsResult, Finding, facts_from_json
from catalog.values import WorkItem
from daemon.frames import FrameError

# Names the process that the worker must not outlive.
PARENT_VARIABLE = "GLASSINE_DIE_WITH_PID"


class Errand(NamedTuple):
    """One file below the worker's root, as the worker hears of it. `is_sniff`: nobody claims that it is media."""

    path: bytes
    size: int
    mtime_ns: int
    inode: int
    tier: str
    is_sniff: bool


def errand_of(item: WorkItem) -> Errand:
    """Return what a worker must know of an item."""
    return Errand(
        item.path,
        item.size,
        item.mtime_ns,
        item.inode,
        item.tier,
        is_sniff=item.content_id is None,
    )


class Answer(NamedTuple):
    """What a worker found: exactly one is set; see `catalog.facts.FactsResult`."""

    facts: Facts | None = None
    finding: Finding | None = None
    error: str | None = None


def encode_answer(answer: Answer) -> list[Any]:
    """Return the message of an answer."""
    finding = answer.finding
    return [
        "done",
        answer.facts.to_json() if answer.facts is not None else None,
        [finding.tool, finding.version, finding.reason] if finding is not None else None,
        answer.error,
    ]


def decode_answer(message: object, item: WorkItem) -> FactsResult:
    """Return the result of an item.

    Raises:
        FrameError: the message is no answer.
    """
    try:
        kind, facts, finding, error = cast("list[Any]", message)
        if kind != "done" or sum(part is not None for part in (facts, finding, error)) != 1:
            raise FrameError("a media worker answered nonsense")
        return FactsResult(
            item,
            facts=facts_from_json(facts) if facts is not None else None,
            finding=Finding(*map(str, finding)) if finding is not None else None,
            error=str(error) if error is not None else None,
        )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise FrameError("a media worker answered nonsense") from error
