"""Which photos a sidecar is about, by the names in its directory and by what it says of itself; or why nobody knows.

Pure rules (metadata.md 2.1 and 5), in this order:

| sidecar | is about |
|---|---|
| `IMG.JPG.xmp` | `IMG.JPG` |
| `IMG.xmp` | the file of the extension that it names; else the RAW file `IMG.*`; else all pictures and videos `IMG.*` |
| `IMG_01.CR2.xmp` | the duplicate 1 of `IMG.CR2` in darktable, if it says so and there is no `IMG_01.CR2` |
| `IMG.JPG.json` and the other names of Takeout | `IMG.JPG`, and edited copies of it that have none of their own |
| any other name of Takeout | the file that its title names |

Case and Unicode form count only where two names differ by nothing else. What fits several files, and is not meant for all
of them, is ambiguous: it is about nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple
from unicodedata import normalize

from catalog.names import fold
from catalog.sidecars.names import (
    cell_of,
    cells_of,
    form_of,
    key_of,
    split_media,
    split_number,
    takeout_names,
    text_of,
    title_as_name,
    without_edit,
)

Kind = Literal["photo", "raw", "video", "audio"]
Rule = Literal["name", "extension", "raw", "stem", "duplicate", "takeout", "title", "none"]

# Why a sidecar is about a photo. The more certain one wins where two say different things about one photo.
RULES: dict[Rule, str] = {
    "name": "it is called like the file",
    "extension": "it says for files of which extension it was written",
    "raw": "it is called like the RAW file but for the extension",
    "stem": "it is called like the file but for the extension",
    "duplicate": "darktable wrote it for a duplicate of the file, which has no sidecar itself",
    "takeout": "Google Takeout calls the JSON of the file so",
    "title": "its title is the name of the file",
    "none": "nobody knows",
}
CERTAINTY: dict[Rule, int] = {rule: place for place, rule in enumerate(RULES)}


class Neighbour(NamedTuple):
    """A media file of the directory."""

    name: bytes
    kind: Kind


class Claim(NamedTuple):
    """What a sidecar says about itself: `catalog.facts.EXTRA` of these names; None = nothing."""

    for_extension: str | None = None
    derived_from: str | None = None
    original_name: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whom a sidecar is about.

    Attributes:
        names: of the files, in the order of the directory; none = nobody knows.
        rule: how that is known.
        reason: why nobody knows, in user words; None if somebody does.
        is_version: it is about another version of the photo (a duplicate of darktable): it says nothing about the photo.
        candidates: those that it could be about, where it is ambiguous.
    """

    names: tuple[bytes, ...]
    rule: Rule
    reason: str | None = None
    is_version: bool = False
    candidates: tuple[bytes, ...] = ()


class Directory:
    """The names of one directory, ready to be asked: media files that are there, and sidecars that are not empty.

    It may hold those of some cells alone; then `of_cells` makes the one of other cells, for sidecars whose own name tells
    nothing.
    """

    def __init__(
        self,
        neighbours: Iterable[Neighbour],
        sidecars: Iterable[bytes],
        *,
        of_cells: Callable[[Iterable[str]], Directory] | None = None,
    ) -> None:
        self._of_cells = of_cells
        self._media: dict[str, list[Neighbour]] = defaultdict(list)
        for one in neighbours:
            for cell in cells_of(one.name):
                self._media[cell].append(one)
        self._indexes: dict[str, _Index] = {}
        self._jsons: dict[str, frozenset[str]] = {}
        self._sidecars: dict[str, list[bytes]] = defaultdict(list)
        for name in sidecars:
            self._sidecars[cell_of(name)].append(name)

    def verdict(self, sidecar: bytes, claim: Claim) -> Verdict:
        """Return whom a sidecar is about."""
        if form_of(sidecar) == "takeout":
            return self._of_takeout(sidecar, claim)
        return self._of_xmp(sidecar, claim)

    def _beside(self, sidecar: bytes) -> list[Neighbour]:
        return self._media.get(cell_of(sidecar), [])

    def _index(self, sidecar: bytes) -> _Index:
        cell = cell_of(sidecar)
        if cell not in self._indexes:
            self._indexes[cell] = _Index.of(self._media.get(cell, []))
        return self._indexes[cell]

    # ---- XMP

    def _of_xmp(self, sidecar: bytes, claim: Claim) -> Verdict:
        base = text_of(sidecar)[: -len(".xmp")]
        index = self._index(sidecar)
        same = index.called(base)
        if same:
            return _only(same, "name")
        of_stem = _of_one_name(index.by_stem.get(fold(base), []), base)
        if of_stem:
            return _of_stem(of_stem, claim)
        return self._of_duplicate(base, index, claim)

    def _of_duplicate(self, base: str, index: _Index, claim: Claim) -> Verdict:
        stem, _, extension = base.rpartition(".")
        original, _, number = stem.rpartition("_")
        name = f"{original}.{extension}"
        found = index.called(name)
        if not (original and found and len(number) == 2 and number.isdecimal()):
            return _nobody(
                f"there is no photo {_shown(base)} beside it, nor one of that name and any extension"
            )
        if claim.derived_from is None or fold(_basename(claim.derived_from)) != fold(name):
            return _nobody(
                f"it could be about a duplicate of {_shown(name)}, but it does not say that it was derived from that"
            )
        if len(found) > 1:
            return _ambiguous(found)
        is_version = self._speaks_before(base, found[0])
        return Verdict((found[0].name,), "duplicate", is_version=is_version)

    def _speaks_before(self, base: str, original: Neighbour) -> bool:
        """Tell whether the photo has a sidecar of its own, or a duplicate of a lower number."""
        stem = fold(_stem(text_of(original.name)))
        extension = key_of(original.name)[len(stem) :]
        there = {key_of(one.name) for one in self._beside(original.name)}
        for sidecar in self._sidecars.get(cell_of(original.name), ()):
            other = key_of(sidecar).removesuffix(".xmp")
            if form_of(sidecar) != "xmp" or other in there - {key_of(original.name)}:
                continue
            is_lower = _is_duplicate(other, stem, extension) and other < fold(base)
            if is_lower or other in (key_of(original.name), stem):
                return True
        return False

    # ---- Takeout

    def _of_takeout(self, sidecar: bytes, claim: Claim) -> Verdict:
        index = self._index(sidecar)
        found = _nearest_json(sidecar, index.by_json.get(key_of(sidecar), []), claim.original_name)
        if len(found) > 1:
            return _ambiguous(found)
        if found:
            copies = [one for one in index.copies.get(key_of(found[0].name), ()) if not self._has_json(one)]
            return Verdict((found[0].name, *(one.name for one in copies)), "takeout")
        return self._of_title(sidecar, claim.original_name)

    def _of_title(self, sidecar: bytes, title: str | None) -> Verdict:
        if not title:
            return _nobody("there is no photo of its name beside it, and it has no title")
        _, number = split_number(text_of(sidecar)[: -len(".json")])
        stem, own, extension = split_media(title_as_name(title))
        wanted = fold(f"{stem}{own}{number}{extension}")
        cells = cells_of(wanted.encode("utf-8", "replace"))
        there = self._of_cells(cells) if self._of_cells is not None else self
        called_so = [one for one in there._media.get(cells[0], ()) if key_of(one.name) == wanted]
        found = [one for one in called_so if not there._has_json(one)]
        if not found:
            return _nobody(f"there is no photo of its name beside it, nor one that is called {_shown(title)}")
        return _only(found, "title")

    def _has_json(self, media: Neighbour) -> bool:
        """Tell whether some JSON here is called like this file."""
        cell = cells_of(media.name)[-1]
        if cell not in self._jsons:
            there = (key_of(name) for name in self._sidecars.get(cell, ()) if form_of(name) == "takeout")
            self._jsons[cell] = frozenset(there)
        known = self._jsons[cell]
        return bool(known) and any(fold(name) in known for name, _ in takeout_names(text_of(media.name)))


@dataclass(frozen=True, slots=True)
class _Index:
    """The media files of a cell by folded names: long names may share one, and each of their sidecars asks."""

    by_name: dict[str, list[Neighbour]]
    by_stem: dict[str, list[Neighbour]]
    by_json: dict[str, list[Neighbour]]
    copies: dict[str, list[Neighbour]]

    @classmethod
    def of(cls, media: Iterable[Neighbour]) -> _Index:
        """Index the files of a cell; they stay in their order."""
        index = cls(defaultdict(list), defaultdict(list), defaultdict(list), defaultdict(list))
        for one in media:
            text = text_of(one.name)
            index.by_name[fold(text)].append(one)
            index.by_stem[fold(_stem(text))].append(one)
            for name in dict.fromkeys(fold(name) for name, _ in takeout_names(text)):
                index.by_json[name].append(one)
            if (original := without_edit(text)) is not None:
                index.copies[fold(original)].append(one)
        return index

    def called(self, name: str) -> list[Neighbour]:
        """Return the files that are called nearest to a name."""
        return _nearest(name, [(one, text_of(one.name)) for one in self.by_name.get(fold(name), ())])


def _of_stem(found: Sequence[Neighbour], claim: Claim) -> Verdict:
    if claim.for_extension:
        wanted = fold(claim.for_extension.strip().lstrip("."))
        named = [one for one in found if fold(text_of(one.name).rpartition(".")[2]) == wanted]
        if named:
            return _only(named, "extension")
        return _nobody(
            f"it was written for a .{_shown(wanted)} file, and there is none of its name beside it"
        )
    raws = [one for one in found if one.kind == "raw"]
    # Adobe writes into DNG files themselves: beside another RAW file of the name it is that one's.
    foreign = [one for one in raws if not one.name.lower().endswith(b".dng")]
    if raws:
        return _only(foreign or raws, "raw")
    seen = [one for one in found if one.kind != "audio"] or found
    return Verdict(tuple(one.name for one in seen), "stem")


def _only(found: Sequence[Neighbour], rule: Rule) -> Verdict:
    return Verdict((found[0].name,), rule) if len(found) == 1 else _ambiguous(found)


def _ambiguous(found: Sequence[Neighbour]) -> Verdict:
    names = ", ".join(_shown(text_of(one.name)) for one in found[:5])
    reason = f"it could be about any of these files: {names}"
    return Verdict((), "none", reason, candidates=tuple(one.name for one in found))


def _nobody(reason: str) -> Verdict:
    return Verdict((), "none", reason)


def _nearest(wanted: str, offered: Sequence[tuple[Neighbour, str]]) -> list[Neighbour]:
    """Return those that are called so exactly, else those that are but for Unicode form, else but for case."""
    for form in (str, _composed, fold):
        key = form(wanted)
        found = [one for one, text in offered if form(text) == key]
        if found:
            return found
    return []


def _of_one_name(found: list[Neighbour], base: str) -> list[Neighbour]:
    """Return all of them, unless two differ by case alone: then those whose stem is nearest to the base."""
    if len({key_of(one.name) for one in found}) == len(found):
        return found
    return _nearest(base, [(one, _stem(text_of(one.name))) for one in found])


def _nearest_json(sidecar: bytes, beside: Sequence[Neighbour], title: str | None) -> list[Neighbour]:
    """Return the files whose Takeout JSON may be called so; of several those that its title names, if any."""
    for form in (_composed, fold):
        key = form(text_of(sidecar))
        found = [
            (one, whole)
            for one in beside
            for whole in [whole for name, whole in takeout_names(text_of(one.name)) if form(name) == key][:1]
        ]
        if len(found) > 1 and title:
            wanted = form(title_as_name(title))
            found = [(one, whole) for one, whole in found if form(whole) == wanted] or found
        if found:
            return [one for one, _ in found]
    return []


def _composed(text: str) -> str:
    return normalize("NFC", text)


def _stem(text: str) -> str:
    stem, dot, _ = text.rpartition(".")
    return stem if dot and stem else text


def _is_duplicate(base: str, stem: str, extension: str) -> bool:
    """Tell whether a folded base is that of a duplicate: `img_01.cr2` of `img` and `.cr2`."""
    number = base.removeprefix(f"{stem}_").removesuffix(extension)
    return len(number) == 2 and number.isdecimal() and base == f"{stem}_{number}{extension}"


def _basename(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _shown(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:100]
