"""How what a scan found is cut into batches, and in which order it is written. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from catalog.ids import LocationId
from catalog.values import Deferred, DirectoryListing

T = TypeVar("T")


def pages(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into lists of at most `size`."""
    iterator = iter(items)
    while page := list(islice(iterator, size)):
        yield page


def filled(items: Iterable[T], size: int, weight: Callable[[T], int]) -> Iterator[list[T]]:
    """Put items together, in order, up to a weight of `size`; one that is heavier is alone."""
    batch: list[T] = []
    total = 0
    for item in items:
        if batch and total + weight(item) > size:
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += weight(item)
    if batch:
        yield batch


def cut(part: DirectoryListing, size: int) -> Iterator[DirectoryListing]:
    """Cut a part of a listing into parts of at most `size` entries; only the last one says how the listing ended."""
    starts = range(0, len(part.entries) or 1, size)
    for start in starts:
        is_last = part.is_last and start == starts[-1]
        yield replace(
            part,
            entries=part.entries[start : start + size],
            is_first=part.is_first and start == 0,
            is_last=is_last,
            digest=part.digest if is_last else None,
        )


def families(files: Sequence[tuple[LocationId, bytes]], size: int) -> Iterator[list[LocationId]]:
    """Cut files (id, path), ordered by path, into batches of about `size`, twice that at most.

    Names of one stem may be one stack, a RAW and its JPEG: they stay in one batch, so that the stack never falls apart.
    """
    batch: list[LocationId] = []
    last = b""
    for location_id, path in files:
        directory, _, name = path.rpartition(b"/")
        stem = directory + b"/" + name.partition(b".")[0]
        if len(batch) >= size and (stem != last or len(batch) >= 2 * size):
            yield batch
            batch = []
        batch.append(location_id)
        last = stem
    if batch:
        yield batch


def in_order(deferred: Sequence[Deferred]) -> list[Deferred]:
    """Return them so that, but for circles, bytes have their new name before the old one takes others."""
    taker = {one.content_id: one for one in deferred}
    ordered: list[Deferred] = []
    seen: set[int] = set()
    for first in deferred:
        chain: list[Deferred] = []
        one: Deferred | None = first
        while one is not None and id(one) not in seen:
            seen.add(id(one))
            chain.append(one)
            one = taker.get(one.former_id)
        ordered += reversed(chain)
    return ordered
