"""Frames between the pool and a media worker, and the two classes of workers: plain lists, see `daemon.frames`.

Down: `["hello", root, private directory or None, name of the class]`, then `["read", items]`.
Up: `["ready", confinement, has_exiftool]`, then, in order of the items, one each of `["done", answer]`, `["heavy"]` =
"not for my class", or `["stale"]` = "my confinement does not cover the root as it is now: start a new worker for this
item". Bytes from a worker are not trusted: it parses untrusted files, so everything is checked on arrival.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from catalog.facts import Facts, FactsResult, Finding, facts_from_json
from catalog.values import WorkItem
from daemon.frames import FrameError
from daemon.media.preview_protocol import Picture, PreviewItem, Wish, decode_pictures, encode_pictures

_MIB = 1024 * 1024
# A picture beyond this is decoded by a heavy worker only. 64 MP as RGB are 192 MB; decoders hold two or three of them.
MAX_NORMAL_PIXELS = 64_000_000
# Beyond this nobody decodes: phones make 200 MP, and 400 MP fill a heavy worker (metadata.md 10).
MAX_HEAVY_PIXELS = 400_000_000


@dataclass(frozen=True, slots=True)
class WorkerClass:
    """What a worker may use. `deadline_s` and `exiftool_s` are wall seconds per file, `cpu_s` holds without the daemon."""

    name: str
    address_space_bytes: int
    deadline_s: float
    exiftool_s: float
    cpu_s: int
    max_pixels: int


# Header readers and perl stay below 150 MiB. A 200 MP HEIC takes 1.4 GiB and 5 s (metadata.md 10). exiftool's time is
# below the deadline, so that a slow file costs exiftool and not the worker; the time on the processor is beyond it.
NORMAL = WorkerClass("normal", 1024 * _MIB, 20.0, 15.0, 30, MAX_NORMAL_PIXELS)
HEAVY = WorkerClass("heavy", 2048 * _MIB, 120.0, 100.0, 150, MAX_HEAVY_PIXELS)
CLASSES = {one.name: one for one in (NORMAL, HEAVY)}
_MOST_WHOLE = 1 << 31
# The error of a result that never leaves the pool: another class shall read the file.
NOT_MY_CLASS = "heavy"


class TooHeavy(Exception):
    """A reader or decoder says: this picture is not for this class of workers. The text says why, in user words."""


def require_class(worker_class: WorkerClass, pixels: int) -> None:
    """Say that a picture of so many pixels is about to be decoded.

    Raises:
        TooHeavy: not by this class of workers; the worker hands the file to the heavy class, or records it.
    """
    if pixels > worker_class.max_pixels:
        limit = f"{worker_class.max_pixels // 1_000_000} megapixels"
        raise TooHeavy(f"{pixels // 1_000_000} megapixels are more than is decoded ({limit})")


class Errand(NamedTuple):
    """One file below the worker's root, as the worker hears of it. `is_sniff`: nobody claims that it is media.

    `tier` says what is wanted, see `Reader` of `daemon.media.worker`; a pool and its workers are of one version.
    """

    path: bytes
    size: int
    mtime_ns: int
    inode: int
    tier: str
    is_sniff: bool
    wishes: tuple[Wish, ...] = ()


def errand_of(item: WorkItem) -> Errand:
    """Return what a worker must know of an item."""
    return Errand(
        item.path,
        item.size,
        item.mtime_ns,
        item.inode,
        item.tier,
        is_sniff=item.content_id is None,
        wishes=item.wishes if isinstance(item, PreviewItem) else (),
    )


class Answer(NamedTuple):
    """What a worker found: exactly one is set; see `catalog.facts.FactsResult`. The error `NOT_MY_CLASS` stays here."""

    facts: Facts | None = None
    finding: Finding | None = None
    error: str | None = None
    pictures: Sequence[Picture] | None = None


def encode_answer(answer: Answer) -> list[Any]:
    """Return the message of an answer."""
    if answer.error == NOT_MY_CLASS:
        return ["heavy"]
    if answer.pictures is not None:
        return encode_pictures(answer.pictures)
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
    if message == ["heavy"]:
        return FactsResult(item, error=NOT_MY_CLASS)
    if isinstance(item, PreviewItem):
        return decode_pictures(message, item)
    try:
        kind, facts, finding, error = cast("list[Any]", message)
        if kind != "done" or sum(part is not None for part in (facts, finding, error)) != 1:
            raise FrameError("a media worker answered nonsense")
        return FactsResult(
            item,
            facts=_checked(facts_from_json(facts)) if facts is not None else None,
            finding=Finding(*map(str, finding)) if finding is not None else None,
            error=str(error) if error is not None else None,
        )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise FrameError("a media worker answered nonsense") from error


def _checked(facts: Facts) -> Facts:
    """Return the facts, whose columns the catalog can hold; raises ValueError or TypeError for others."""
    if facts.kind not in (None, "photo", "video", "audio") or not isinstance(facts.mime, str):
        raise ValueError("no kind of media")
    if any(
        one is not None and not 0 < int(one) < _MOST_WHOLE
        for one in (facts.width, facts.height, facts.orientation)
    ):
        raise ValueError("no size")
    measures = (facts.duration_s, facts.lat, facts.lon, facts.alt)
    if not all(one is None or math.isfinite(one) for one in measures):
        raise ValueError("no measure")
    return facts
