"""All files that the tests make with known answers, in one place: what `test_generated_truth` checks and the fuzzers mutate.

`whole_cases` (generated_stills, generated_movies) say everything that must come out of the header tier. `cases` (generated_words)
say what matters of words, dates and places, which both tiers must agree on. A case says what must come out; names are unique. `expected`: names of `Facts`, of `Descriptive`, of `extra`, or `date` (local
time that rules by the bytes alone, None = no date) and `offset_min`; a set means: the same elements in any order.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import generated_case
import generated_movies
import generated_stills
import generated_words


class Case(NamedTuple):
    """One file and what must be said of it."""

    name: str
    content: bytes
    expected: dict[str, Any]


@cache
def cases() -> tuple[Case, ...]:
    """Return every case."""
    found = tuple(Case(*one) for one in generated_words.words_cases())
    assert len({one.name for one in found}) == len(found), "names are unique"
    return found


def whole_cases() -> list[generated_case.Case]:
    """Return the cases whose every field is told."""
    return [*generated_stills.CASES, *generated_movies.CASES]


@cache
def seeds() -> tuple[tuple[str, bytes], ...]:
    """Return (extension, bytes) of every case, in their order."""
    named = [(one.name, one.content) for one in cases()]
    named += [(one.file_name, one.content) for one in whole_cases()]
    return tuple(
        (name.rpartition(".")[2].lower() if "." in name else "bin", content) for name, content in named
    )


@cache
def packets() -> tuple[bytes, ...]:
    """Return the XMP packets that the files hold."""
    found = []
    for _, content in seeds():
        start, end = content.find(b"<?xpacket"), content.rfind(b"?>")
        if 0 <= start < end:
            found.append(content[start : end + 2])
    return tuple(found)


@cache
def resources() -> tuple[bytes, ...]:
    """Return the Photoshop resources that the files hold."""
    places = [(content, content.find(b"Photoshop 3.0\0")) for _, content in seeds()]
    return tuple(content[at + 14 : at + 4096] for content, at in places if at >= 0)
