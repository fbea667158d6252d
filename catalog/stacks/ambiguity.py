"""Files that look like two halves of one thing and were left apart, because more than one could be the half. For `doctor`.

Asks the same links as `grouping`: a still and a short movie, or a RAW and a photo, whose names, clocks, cameras and
identifiers say "together", while neither of them found a partner. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from catalog.ids import AssetId
from catalog.stacks.candidate import Candidate, Subject, subject_of
from catalog.stacks.grouping import group, is_live_movie
from catalog.stacks.rules import LIVE_US, Link, are_near, contradict, raw_links


class Apart(NamedTuple):
    """Two assets that could be one: `live` still and movie, or `raw` RAW and photo; the still, or RAW, first."""

    kind: Literal["live", "raw"]
    first: AssetId
    second: AssetId


def left_apart(candidates: Collection[Candidate]) -> list[Apart]:
    """Return the pairs that were left apart, in order. Give whole cells and whole identifiers, as to `group`."""
    subjects = sorted(map(subject_of, candidates), key=lambda one: one.id)
    subjects = [one for one in subjects if one.candidate.kind != "audio"]
    by_id = {one.id: one for one in subjects}
    mates = {
        member: [by_id[other] for other in found.members if other != member]
        for found in group(candidates)
        for member in found.members
    }
    pairs = {
        Apart("live", still.id, movie.id)
        for still, movie in _live_pairs(subjects)
        if not _has(mates, still, _is_movie) and not _has(mates, movie, _is_still)
    }
    pairs |= {
        Apart("raw", link.first.id, link.second.id)
        for link in _raw_pairs(subjects)
        if not _has(mates, link.first, _is_photo) and not _has(mates, link.second, _is_raw)
    }
    return sorted(pairs, key=lambda one: (one.first, one.second, one.kind))


_Mates = dict[AssetId, list[Subject]]


def _has(mates: _Mates, one: Subject, is_partner: Callable[[Subject], bool]) -> bool:
    return any(is_partner(other) for other in mates.get(one.id, ()))


def _is_movie(one: Subject) -> bool:
    return one.is_movie


def _is_still(one: Subject) -> bool:
    return not one.is_movie


def _is_raw(one: Subject) -> bool:
    return one.candidate.is_raw


def _is_photo(one: Subject) -> bool:
    return not one.is_movie and not one.candidate.is_raw


def _live_pairs(subjects: Sequence[Subject]) -> Iterator[tuple[Subject, Subject]]:
    by_name: dict[object, list[Subject]] = defaultdict(list)
    by_identifier: dict[object, list[Subject]] = defaultdict(list)
    for one in subjects:
        if not one.is_movie or is_live_movie(one):
            by_name[one.place, one.cell].append(one)
        if one.candidate.live_id is not None:
            by_identifier[one.place, one.candidate.live_id].append(one)
    for mates in (*by_name.values(), *by_identifier.values()):
        stills = [one for one in mates if not one.is_movie]
        for movie in (one for one in mates if one.is_movie):
            for still in stills:
                if are_near((still, movie), LIVE_US) and not contradict((still, movie), LIVE_US):
                    yield still, movie


def _raw_pairs(subjects: Iterable[Subject]) -> Iterator[Link]:
    cells: dict[object, list[Subject]] = defaultdict(list)
    for one in subjects:
        cells[one.cell].append(one)
    for cell in cells.values():
        if len(cell) > 1:
            yield from raw_links(cell)
