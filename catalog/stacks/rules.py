"""The rules that unite two files, strongest first: each a name or an identifier, and the proof that goes with it.

| rule | looks at | proof |
|---|---|---|
| identifier | Apple's content identifier, same directory | one still, one movie, 3 s |
| burst | identifier of a burst, else name of a burst's frame, same directory | same camera, 30 s from first to last |
| raw | a RAW and a photo of the same shot by name, same family | same camera, 2 s |
| variant | a phone's own renditions by name, same directory | same camera, 2 s |
| edit | an edit or copy beside what it was made from, same family | same camera, the same second |
| name | photo and movie of the same name, same directory | 3 s, less than 6 s long, one of each |

A family is a directory and its subfolders for formats and roles (`catalog.stacks.names`). "Same camera" means known on both
sides and equal. For RAWs alone: unknown on both sides counts as equal in the same directory in the same second, for there
name, folder and clock agree; unknown on one side only is no proof, because that file went through other hands.
A moment that is unknown, or known to the minute only, proves nothing.
Sources: metadata.md section 3, rivals.md 4.5.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from catalog.stacks.candidate import US_PER_S, Candidate, Subject, span_us, subject_of

Rule = Literal["identifier", "burst", "raw", "variant", "edit", "name"]
Kind = Literal["live", "burst", "raw", "variant", "edit"]
KIND_OF: dict[Rule, Kind] = {
    "identifier": "live", "burst": "burst", "raw": "raw", "variant": "variant", "edit": "edit", "name": "live",
}  # fmt: skip

LIVE_US = 3 * US_PER_S  # the still lies somewhere in its movie of 1.5 to 3 s
BURST_US = 30 * US_PER_S  # 100 frames, the most that phones take in one, last 10 s; slow ones longer
BURST_FRAMES = (
    200  # fewer than the store looks at of one identifier, so that too many are always seen as such
)
SAME_SHOT_US = 2 * US_PER_S  # RAW and JPEG of a Pixel are written more than 1 s apart (photoprism#4757)
SAME_SUBSEC_US = US_PER_S // 100  # editors round hundredths
LIVE_DURATION_S = 6.0  # a longer movie was taken for its own sake


class Link(NamedTuple):
    """Two files that a rule unites."""

    rule: Rule
    first: Subject
    second: Subject


def limit_us(rules: Iterable[Rule]) -> int:
    """Return how far apart members of one stack may be that these rules made."""
    found = set(rules)
    if "burst" in found:
        return BURST_US
    return LIVE_US if found & {"identifier", "name"} else SAME_SHOT_US


def are_near(subjects: Sequence[Subject], within_us: int) -> bool:
    """Tell whether all moments are known and none is further than this from another."""
    moments = [one.moment for one in subjects if one.moment is not None]
    return len(moments) == len(subjects) and span_us(moments) <= within_us


def contradict(subjects: Sequence[Subject], within_us: int) -> bool:
    """Tell whether something known of these files says that they are not one thing: clock, camera or identifier."""
    cameras = {one.camera for one in subjects if one.camera is not None}
    identifiers = {one.candidate.live_id for one in subjects if one.candidate.live_id is not None}
    moments = [one.moment for one in subjects if one.moment is not None]
    return len(cameras) > 1 or len(identifiers) > 1 or span_us(moments) > within_us


def are_versions(one: Candidate, other: Candidate) -> bool:
    """Tell whether bytes that replaced others can be an edit of them, and not another picture by the same name."""
    return one.kind == other.kind and not contradict((subject_of(one), subject_of(other)), SAME_SHOT_US)


def identified_pairs(subjects: Iterable[Subject]) -> list[Link]:
    """Return still and movie of the same identifier and directory.

    Where an identifier is said by more than one of each (an edited Live Photo keeps it), equal names tell the halves.
    """
    by_identifier: dict[object, list[Subject]] = defaultdict(list)
    for one in subjects:
        if one.candidate.live_id is not None:
            by_identifier[one.place, one.candidate.live_id].append(one)
    links = []
    for mates in by_identifier.values():
        pair = _one_of_each(mates)
        pairs = [pair] if pair else [_one_of_each(named) for named in _by_slot(mates)]
        links += [
            Link("identifier", *found) for found in pairs if found is not None and are_near(found, LIVE_US)
        ]
    return links


def identified_bursts(subjects: Iterable[Subject]) -> list[list[Link]]:
    """Return the bursts that an identifier tells of, each as links from frame to frame.

    An identifier that is said by two cameras, by files whose clock is unknown or far off, or by more than a camera takes
    in one burst, tells nothing. What has a content identifier is a Live Photo first, and is found by that alone.
    """
    by_identifier: dict[object, list[Subject]] = defaultdict(list)
    for one in subjects:
        candidate = one.candidate
        if candidate.burst_id is not None and candidate.live_id is None and not one.is_movie:
            by_identifier[one.place, candidate.burst_id].append(one)
    found = []
    for frames in by_identifier.values():
        is_burst = 1 < len(frames) <= BURST_FRAMES and all(one.camera for one in frames)
        if is_burst and are_near(frames, BURST_US) and not contradict(frames, BURST_US):
            frames.sort(key=lambda one: (one.moment.local_us if one.moment else 0, one.id))
            found.append([Link("burst", *pair) for pair in pairwise(frames)])
    return found


def _by_slot(subjects: Iterable[Subject]) -> Iterable[list[Subject]]:
    slots: dict[object, list[Subject]] = defaultdict(list)
    for one in subjects:
        slots[one.form.slot].append(one)
    return slots.values()


def _one_of_each(subjects: Sequence[Subject]) -> tuple[Subject, Subject] | None:
    stills = [one for one in subjects if not one.is_movie]
    movies = [one for one in subjects if one.is_movie]
    return (stills[0], movies[0]) if len(stills) == len(movies) == 1 else None


def burst_links(cell: Sequence[Subject]) -> Iterator[Link]:
    """Link each frame of a burst to the next of the same camera; whoever is too far off tears the burst apart."""
    frames: dict[object, list[Subject]] = defaultdict(list)
    for one in cell:
        is_frame = one.form.burst is not None and not one.form.marks and not one.is_movie
        if is_frame and one.camera and one.moment:
            frames[one.place, one.camera].append(one)
    for burst in frames.values():
        burst.sort(key=lambda one: (one.form.burst_number, one.id))
        for first, second in pairwise(burst):
            if first.form.slot != second.form.slot and are_near((first, second), BURST_US):
                yield Link("burst", first, second)


def raw_links(cell: Sequence[Subject]) -> Iterator[Link]:
    """Link each RAW with what the camera, or a converter, made of the same shot."""
    for shot in _by_slot(one for one in cell if not one.is_movie and one.moment):
        raws = [one for one in shot if one.candidate.is_raw]
        others = [one for one in shot if not one.candidate.is_raw]
        for raw in raws:
            yield from (Link("raw", raw, one) for one in others if _is_same_shot(raw, one))


def _is_same_shot(raw: Subject, other: Subject) -> bool:
    if not are_near((raw, other), SAME_SHOT_US):
        return False
    if raw.camera is None and other.camera is None:
        return raw.place == other.place and _is_same_second(raw, other)
    return raw.camera == other.camera


def variant_links(cell: Sequence[Subject]) -> Iterator[Link]:
    """Link renditions that a phone wrote of one shot: `.PORTRAIT-01.COVER` and `-02.ORIGINAL`, with and without a tail."""
    shots: dict[object, list[Subject]] = defaultdict(list)
    for one in cell:
        if not one.is_movie and one.moment and one.camera:
            shots[one.place, one.form.slot, one.camera].append(one)
    for shot in shots.values():
        tails = sorted((one for one in shot if one.form.variant), key=lambda one: one.id)
        for one in shot:
            if tails and one is not tails[0] and are_near((tails[0], one), SAME_SHOT_US):
                yield Link("variant", tails[0], one)


def edit_links(cell: Sequence[Subject]) -> Iterator[Link]:
    """Link an edit or a copy with what it was made from.

    That is: the name without one of its marks, or without any; for edits every file that is no edit. A copy does not
    go with another copy (`Holiday (1)`, `Holiday (2)` are two photos) unless what both were made from is there.
    """
    sources: dict[object, list[Subject]] = defaultdict(list)
    for one in cell:
        if one.camera and not is_edit(one):
            for second in _seconds(one):
                sources[one.candidate.kind, one.form.burst, one.camera, second].append(one)
    for made in cell:
        if made.form.marks or made.is_in_edits:
            near = (
                source
                for second in _seconds(made)
                for source in sources[made.candidate.kind, made.form.burst, made.camera, second]
            )
            found = {one.id: one for one in near if one is not made and _is_source(one, made)}
            yield from (Link("edit", one, made) for one in found.values() if _is_same_second(one, made))


def _seconds(subject: Subject) -> Iterator[int]:
    """Yield keys of which two in the same second share one: seconds of wall clock, and of the hundredth around it."""
    if subject.moment is not None:
        local_us = subject.moment.local_us
        yield from {(local_us + slack_us) // US_PER_S for slack_us in (-SAME_SUBSEC_US, 0, SAME_SUBSEC_US)}


def is_edit(subject: Subject) -> bool:
    """Tell whether name or folder say that it was edited."""
    return subject.form.is_edited or subject.is_in_edits


def _is_source(source: Subject, made: Subject) -> bool:
    return is_edit(made) or source.form.marks < made.form.marks


def _is_same_second(one: Subject, other: Subject) -> bool:
    first, second = one.moment, other.moment
    if first is None or second is None:
        return False
    if first.is_subsec and second.is_subsec:
        return span_us((first, second)) <= SAME_SUBSEC_US
    if first.instant_us is not None and second.instant_us is not None:
        return first.instant_us // US_PER_S == second.instant_us // US_PER_S
    return first.local_us // US_PER_S == second.local_us // US_PER_S


Links = Callable[[Sequence[Subject]], Iterator[Link]]
# Strongest first; `identified_pairs` comes before them and `name` after them (`catalog.stacks.grouping`).
TIERS: tuple[Links, ...] = (burst_links, raw_links, variant_links, edit_links)
