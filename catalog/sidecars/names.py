"""How other programs call their sidecars: forms by name, cells, and the names that Google Takeout gives. Pure.

A *cell* is what the names of a photo and of every sidecar that could be about it by name have in common. It only says which
of them must be looked at together; too many share one rather than too few, but all of a folder must not: settling looks at
a whole cell for each batch. A sidecar has one cell, a photo of a long name two. Names are bytes, any bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from catalog import media_types
from catalog.names import fold

Form = Literal["xmp", "takeout"]

# Google clips `name.ext` + SUPPLEMENT to so many UTF-16 units (metadata.md 5), then appends the number and `.json`.
TAKEOUT_UNITS = 46
SUPPLEMENT = ".supplemental-metadata"
# What Google Photos appends to the stem of an edited copy, in the languages of its exports.
EDITED = (
    "-edited", "-effects", "-smile", "-mix", "-bearbeitet", "-bewerkt", "-modifié", "-modificato", "-ha editado",
    "-editado", "-editada", "-editat", "-edytowane", "-redigeret", "-redigerad", "-redigert", "-muokattu", "-upraveno",
    "-upravené", "-szerkesztett", "-editată", "-изменено", "-відредаговано", "-編集済み", "-已编辑", "-已編輯", "-수정됨",
)  # fmt: skip
_EDITED = tuple(fold(word) for word in EDITED)
# From this length on a JSON's name may be clipped; its cell is no longer then: a clipped name still has as much of the
# photo's stem. (A clipped name of decomposed letters may have less; its title tells then.)
_CELL_UNITS = 40
_NUMBER = re.compile(r"\(\d{1,4}\)$")
_DUPLICATE = re.compile(r"_\d\d$")
# What stands for `< > : " / \ | ? *` (and, in some exports, `& ' %`) of a title in the names of an export.
_REPLACED = re.compile(r"[<>:\"/\\|?*&'%]")


def text_of(name: bytes) -> str:
    """Return a name as text that says all of it, also where it is no UTF-8."""
    return name.decode("utf-8", "surrogateescape")


def key_of(name: bytes) -> str:
    """Return the comparison key: equal for names that differ by case or Unicode form."""
    return fold(text_of(name))


def form_of(name: bytes) -> Form | None:
    """Tell what kind of sidecar a file of this name can be; None = none. AppleDouble files (`._x`) are none."""
    lowered = name.lower()
    if name.startswith(b"._"):
        return None
    if lowered.endswith(b".xmp") and len(name) > len(b".xmp"):
        return "xmp"
    if lowered.endswith(b".json") and _can_be_takeout(name[: -len(b".json")]):
        return "takeout"
    return None


def _can_be_takeout(base: bytes) -> bool:
    """Tell whether `base` names a media file (then perhaps SUPPLEMENT), or is so long that this was cut off."""
    text, _ = split_number(text_of(base))
    if units(text) >= TAKEOUT_UNITS:
        return True
    stem, dot, tail = text.rpartition(".")
    named = stem if dot and SUPPLEMENT.startswith(f".{tail.lower()}") and "." in stem else text
    return media_types.guess(named.encode("utf-8", "surrogateescape")) is not None


def cell_of(name: bytes) -> str:
    """Return the cell of a sidecar's name."""
    return cells_of(name)[-1 if name.lower().endswith(b".json") else 0]


@lru_cache(maxsize=1 << 16)
def cells_of(name: bytes) -> tuple[str, ...]:
    """Return the cells of the sidecars that could be about a file of this name: first that of XMP files, last that of JSON.

    They are the stem without all that sidecars and copies add to it, and its number, wherever that stands: Windows calls
    all photos of a folder `Holiday (n).jpg`. Where there are several numbers none counts, and where a JSON's name may be
    clipped only what is left then counts for that.
    """
    # The same for ASCII, which most names are, in a tenth of the time.
    text = name.decode().lower() if name.isascii() else fold(name.decode("utf-8", "replace"))
    for extension in (".xmp", ".json"):
        text = text.removesuffix(extension) or text
    is_long = units(_without_supplement(text)) >= _CELL_UNITS
    numbers: list[str] = []
    while (shorter := _shortened(text, numbers)) != text:
        text = shorter
    whole = text + numbers[0] if len(numbers) == 1 else text
    of_json = clipped(text, _CELL_UNITS) if is_long else whole
    return (whole,) if of_json == whole else (whole, of_json)


def _without_supplement(text: str) -> str:
    text, number = split_number(text)
    stem, dot, tail = text.rpartition(".")
    return (stem if dot and SUPPLEMENT.startswith(f".{tail}") else text) + number


def _shortened(text: str, numbers: list[str]) -> str:
    """Take some additions off the end, if there are any and something is left; `numbers` takes up those of copies."""
    stem, dot, tail = text.rpartition(".")
    if dot and stem and (SUPPLEMENT.startswith(f".{tail}") or _is_media(f"x.{tail}")):
        return stem
    text, number = split_number(text)
    if number:
        numbers.append(number)
    text = _DUPLICATE.sub("", text) or text
    for word in _EDITED:
        text = text.removesuffix(word) or text
    return text


def _is_media(name: str) -> bool:
    return media_types.guess(name.encode()) is not None


# ---- Takeout


def units(text: str) -> int:
    """Return the length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clipped(text: str, most: int = TAKEOUT_UNITS) -> str:
    """Return as much of the beginning as fits into so many UTF-16 code units; half a pair is dropped."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * most].decode("utf-16-le", "ignore")


def split_number(text: str) -> tuple[str, str]:
    """Split `name(1)` into `name` and `(1)`, or into the whole and nothing."""
    match = _NUMBER.search(text)
    if match is None or match.start() == 0:
        return text, ""
    return text[: match.start()], match[0]


def split_media(text: str) -> tuple[str, str, str]:
    """Split a media file's name into stem, number and extension: `IMG(1).jpg` -> `IMG`, `(1)`, `.jpg`."""
    stem, dot, extension = text.rpartition(".")
    if not dot or not stem:
        stem, extension = text, ""
    return (*split_number(stem), f".{extension}" if extension else "")


def takeout_names(media: str) -> Iterator[tuple[str, str]]:
    """Yield the names that a Takeout JSON about a media file may have, each with the title that it would carry.

    With the number moved to the end and, for a name that had one from the start, without.
    """
    stem, number, extension = split_media(media)
    wholes = [(media, "")] if not number else [(stem + extension, number), (media, "")]
    for whole, moved in wholes:
        for base in (whole + SUPPLEMENT, whole):
            for text in dict.fromkeys((base, clipped(base))):
                yield f"{text}{moved}.json", whole


def title_as_name(title: str) -> str:
    """Return how an export calls a file of this title."""
    return _REPLACED.sub("_", title)


def without_edit(media: str) -> str | None:
    """Return the name of the file that this one is an edited copy of, by its name; None = it is none."""
    stem, number, extension = split_media(media)
    folded = fold(stem)
    for word in _EDITED:
        # Folding may change lengths; none of these words is changed in length, and they stand at the end.
        if folded.endswith(word) and len(folded) > len(word):
            return f"{folded[: -len(word)]}{number}{extension}"
    return None
