"""What is asked of a media worker about previews, and what comes back: pictures, a few at a time.

A wish is a list: `["slice", slot, offset, length, orientation]` a JPEG of the file, as it is shown; `["scale", slots,
offset, length, orientation]` a JPEG of the file made smaller, for each slot; `["make", orientation, is_raw]` what only a
decoder gives, in both sizes; `["png", slot, offset, length, orientation]` a JPEG of the file as PNG with a long edge of
`slot` pixels. Bytes from a worker are not trusted: whatever comes back is checked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib import metadata
from typing import Any, NamedTuple, cast

from catalog.facts import FactsResult, Finding
from catalog.values import WorkItem
from daemon.frames import FrameError

# Of all pictures of one answer together: two slices of 2 MiB, each with its segment in front.
ANSWER_MOST_BYTES = 4 * 1024 * 1024 + 4096
_MAX_PICTURES = 4
_MAX_EDGE_PX = 1 << 16

Wish = tuple[Any, ...]


def makers_version() -> str:
    """Return the versions of what makes previews: where they failed, only others are worth a second try."""
    tools = ("pillow", "pillow-heif", "rawpy")
    return " ".join(["2", *(f"{tool}/{metadata.version(tool)}" for tool in tools)])


class Picture(NamedTuple):
    """A picture of a worker: for which slot, its bytes, and its pixels as stored."""

    slot: int
    body: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PreviewItem(WorkItem):
    """A file of which pictures are wanted."""

    wishes: tuple[Wish, ...] = ()


@dataclass(frozen=True, slots=True)
class PreviewResult(FactsResult):
    """What came of it: pictures, or a finding (the bytes defeat the makers), or an error (try later)."""

    pictures: tuple[Picture, ...] = ()


def preview_item(item: WorkItem, wishes: Sequence[Wish]) -> PreviewItem:
    """Return an item with wishes."""
    values = {one.name: getattr(item, one.name) for one in fields(WorkItem)}
    return PreviewItem(**{**values, "tier": "preview"}, wishes=tuple(wishes))


def encode_pictures(pictures: Sequence[Picture]) -> list[Any]:
    """Return the message of an answer."""
    return ["pictures", [list(one) for one in pictures]]


def decode_pictures(message: object, item: WorkItem) -> FactsResult:
    """Return the result of an item.

    Raises:
        FrameError: the message is no answer.
    """
    try:
        kind, *rest = cast("list[Any]", message)
        if kind == "done":
            _, finding, error = rest
            told = Finding(*map(str, finding)) if finding is not None else None
            return PreviewResult(item, finding=told, error=None if error is None else str(error))
        (raw,) = rest
        pictures = tuple(_picture(one) for one in raw)
    except (TypeError, ValueError) as problem:
        raise FrameError("a media worker answered nonsense") from problem
    total = sum(len(one.body) for one in pictures)
    if kind != "pictures" or len(pictures) > _MAX_PICTURES or total > ANSWER_MOST_BYTES:
        raise FrameError("a media worker answered nonsense")
    return PreviewResult(item, pictures=pictures)


def _picture(raw: Any) -> Picture:
    slot, body, width, height = raw
    is_sound = isinstance(body, bytes) and all(isinstance(one, int) for one in (slot, width, height))
    if not is_sound or not (0 <= width < _MAX_EDGE_PX and 0 <= height < _MAX_EDGE_PX):
        raise ValueError("no picture")
    return Picture(slot, body, width, height)
