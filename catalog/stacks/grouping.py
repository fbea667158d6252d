"""From links to stacks: strongest rule first, and nothing united that contradicts itself.

Order-independent by construction: a tier's links are applied all at once. What they would unite is looked at as a whole;
if clocks, cameras or identifiers contradict each other there, or a stack grows beyond reason, all links of that tier in it
are dropped and what stronger rules made stands: an ambiguous pair is no pair, whoever came first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from catalog.ids import AssetId
from catalog.stacks.candidate import Candidate, Subject, span_us, subject_of
from catalog.stacks.rules import (
    KIND_OF,
    LIVE_DURATION_S,
    LIVE_US,
    SAME_SUBSEC_US,
    TIERS,
    Kind,
    Link,
    Rule,
    are_near,
    contradict,
    identified_bursts,
    identified_pairs,
    limit_us,
)

MAX_MEMBERS = 300  # 100 frames are the longest bursts, each perhaps with its RAW and an edit
_KINDS: tuple[Kind, ...] = ("live", "burst", "raw", "variant", "edit")  # what a stack of several is called


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one rule found: whom it united, and how far apart their clocks are at most."""

    rule: Rule
    members: tuple[AssetId, ...]
    apart_us: int


@dataclass(frozen=True, slots=True)
class Group:
    """Photos that belong together. `members` ascend, at least two; `evidence` strongest first, covers all of them."""

    kind: Kind
    members: tuple[AssetId, ...]
    cover: AssetId
    evidence: tuple[Evidence, ...]


def group(candidates: Iterable[Candidate]) -> list[Group]:
    """Return the stacks of these files by their first members; most files are in none, and no file in two.

    Give every asset of a cell together with all that share an identifier with one of them, or ambiguity is not seen.
    Ids are unique.
    """
    subjects = sorted(map(subject_of, candidates), key=lambda one: one.id)
    subjects = [one for one in subjects if one.candidate.kind != "audio"]
    pairs = identified_pairs(subjects)
    found: list[_Part] = []
    taken: set[AssetId] = set()
    inside: dict[object, list[Link]] = defaultdict(list)
    for pair in pairs:
        if pair.first.cell == pair.second.cell:
            inside[pair.first.cell].append(pair)
        elif not contradict((pair.first, pair.second), LIVE_US):
            # Names that no other rule would bring together: these two are the stack, one stack per file.
            found.append(_Part([pair.first, pair.second], [pair]))
            taken.update((pair.first.id, pair.second.id))
    bursts: dict[object, list[Link]] = defaultdict(list)
    for links in identified_bursts(one for one in subjects if one.id not in taken):
        frames = {end.id: end for link in links for end in (link.first, link.second)}
        cells_of_it = {one.cell for one in frames.values()}
        if len(cells_of_it) == 1:
            bursts[cells_of_it.pop()] += links
        else:
            found.append(_Part(list(frames.values()), links))
            taken.update(frames)
    cells: dict[object, list[Subject]] = defaultdict(list)
    for one in subjects:
        if one.id not in taken:
            cells[one.cell].append(one)
    for key, cell in cells.items():
        if len(cell) > 1:
            found += _parts_of(cell, inside[key], bursts[key])
    groups = [part.group() for part in found if len(part.members) > 1]
    return sorted(groups, key=lambda one: one.members)


def cover_rank(candidate: Candidate) -> tuple[int, ...]:
    """Return a key: the least of a stack's visible members stands for it, where nobody chose another.

    Still before movie; what every program can show before RAW; edits before the rest, copies behind it; then what the
    name calls a cover, Pixel's processed before its original, the first frame of a burst, the older asset. Needs name,
    directory, kind and is_raw alone.
    """
    one = subject_of(candidate)
    form = one.form
    is_edited = form.is_edited or one.is_in_edits
    return (
        one.is_movie, candidate.is_raw, not is_edited, len(form.marks - {"edit"}), not form.is_named_cover,
        form.variant.endswith("original"), form.burst_number, candidate.asset_id,
    )  # fmt: skip


@dataclass(slots=True)
class _Part:
    """Files united so far, and by what."""

    members: list[Subject]
    links: list[Link]

    @property
    def rules(self) -> set[Rule]:
        return {link.rule for link in self.links}

    def group(self) -> Group:
        """Return the value; at least two members."""
        kinds = {KIND_OF[rule] for rule in self.rules}
        cover = min(self.members, key=lambda one: cover_rank(one.candidate))
        return Group(
            next(kind for kind in _KINDS if kind in kinds),
            tuple(sorted(one.id for one in self.members)),
            cover.id,
            tuple(self._evidence(rule) for rule in KIND_OF if rule in self.rules),
        )

    def _evidence(self, rule: Rule) -> Evidence:
        linked = {
            one.id: one for link in self.links if link.rule == rule for one in (link.first, link.second)
        }
        apart = span_us(one.moment for one in linked.values() if one.moment is not None)
        return Evidence(rule, tuple(sorted(linked)), apart)


def _parts_of(cell: Sequence[Subject], pairs: Sequence[Link], bursts: Sequence[Link]) -> list[_Part]:
    """Apply the tiers to one cell; what identifiers say comes first."""
    parts = _united([_Part([one], []) for one in cell], pairs)
    parts = _united(parts, bursts)
    for tier in TIERS:
        parts = _united(parts, list(tier(cell)))
    parts = _united(parts, _named_pairs(parts, lambda one: (one.place, one.form.slot)))
    return _united(parts, _named_pairs(parts, lambda one: one.place))


def _united(parts: list[_Part], links: Sequence[Link]) -> list[_Part]:
    """Return the parts after one tier."""
    if not links:
        return parts
    part_of = {one.id: index for index, part in enumerate(parts) for one in part.members}
    root = list(range(len(parts)))

    def find(index: int) -> int:
        while root[index] != index:
            root[index] = index = root[root[index]]
        return index

    for link in links:
        root[find(part_of[link.first.id])] = find(part_of[link.second.id])
    unions: dict[int, list[_Part]] = defaultdict(list)
    for index, part in enumerate(parts):
        unions[find(index)].append(part)
    links_of: dict[int, list[Link]] = defaultdict(list)
    for link in links:
        links_of[find(part_of[link.first.id])].append(link)
    united: list[_Part] = []
    for index, union in unions.items():
        whole = _Part(
            [one for part in union for one in part.members],
            [link for part in union for link in part.links] + links_of[index],
        )
        united += [whole] if _is_sound(whole) and _is_one_second(union, links_of[index]) else union
    return united


def _is_sound(part: _Part) -> bool:
    return len(part.members) <= MAX_MEMBERS and not contradict(part.members, limit_us(part.rules))


def _is_one_second(union: Sequence[_Part], links: Sequence[Link]) -> bool:
    """Tell whether what an edit links agrees to the hundredth: between two shots of one second it could be either's."""
    linked = {link_end.id for link in links if link.rule == "edit" for link_end in (link.first, link.second)}
    moments = [
        [one.moment for one in part.members if one.id in linked and one.moment and one.moment.is_subsec]
        for part in union
    ]
    known = [of_part for of_part in moments if of_part]
    return all(
        any(span_us((one, other)) <= SAME_SUBSEC_US for one in of_part for other in further)
        for of_part, further in combinations(known, 2)
    )


def _named_pairs(parts: Sequence[_Part], slot_of: Callable[[Subject], object]) -> list[Link]:
    """Link still and movie by name where exactly one of each is left over; an ambiguous pair is no pair."""
    stills: dict[object, set[int]] = defaultdict(set)
    movies: dict[object, list[Subject]] = defaultdict(list)
    for index, part in enumerate(parts):
        if any(one.is_movie for one in part.members) and not all(one.is_movie for one in part.members):
            continue  # has its other half
        for one in part.members:
            if one.is_movie:
                movies[slot_of(one)].append(one)
            else:
                stills[slot_of(one)].add(index)
    links = []
    for slot, found in movies.items():
        if len(found) == 1 and len(stills[slot]) == 1:
            (index,) = stills[slot]
            links += _named_pair(parts[index], found[0])
    return links


def _named_pair(stills: _Part, movie: Subject) -> list[Link]:
    if not is_live_movie(movie):
        return []
    near = [one for one in stills.members if one.place == movie.place and are_near((one, movie), LIVE_US)]
    return [Link("name", one, movie) for one in near]


def is_live_movie(movie: Subject) -> bool:
    """Tell whether a movie is short enough to be the half of a photo."""
    duration_s = movie.candidate.duration_s
    return duration_s is not None and 0 < duration_s < LIVE_DURATION_S
