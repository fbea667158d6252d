"""Random layers, said with real commands: for tests that want everything that can be said, and repeatable by a seed.

`speak(writer, rng, count)` carries out `count` random commands on the photos of a catalog. A refusal (a name that is
taken, nobody of that name) is part of the game; anything else is an error of the test.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from catalog.commands import execute
from catalog.commands import layer as c
from catalog.errors import GlassineError
from catalog.store.db import Writer

_WORDS = (
    "cat",
    "Cat",
    "dog",
    "Größe",
    "日本",
    "a/b",
    "x" * 40,
    "été",
    "..",
    "IMG_1.jpg",
    "Ω ~abc",
    "_all",
    "z",
)
_LABELS = ("Red", "green", "Blau")
_QUERIES = ("rating:5", "tag:cat", "date:2019..", "is:raw OR label:Red")


def speak(writer: Writer, rng: random.Random, count: int, *, first_ns: int) -> int:
    """Carry out random commands; return how many were done."""
    done = 0
    for number in range(count):
        uids = [row[0] for row in writer.rows("SELECT uid FROM asset WHERE merged_into IS NULL ORDER BY id")]
        command = _random_command(rng, uids)
        try:
            execute(
                writer,
                command,
                now_ns=first_ns + number * 1_000,
                author=rng.choice(("owner", "owner", "anna")),
            )
            done += 1
        except GlassineError:
            continue
    return done


def _random_command(rng: random.Random, uids: list[str]) -> c.LayerCommand:
    some = tuple(rng.sample(uids, rng.randint(1, min(4, len(uids)))))
    return rng.choice(_MAKERS)(rng, some)


def _path(rng: random.Random) -> str:
    return "/".join(rng.choice(_WORDS) for _ in range(rng.randint(1, 3)))


_Maker = Callable[[random.Random, tuple[str, ...]], c.LayerCommand]
_MAKERS: tuple[_Maker, ...] = (
    lambda rng, some: c.TagAdd(some, (_path(rng), _path(rng))),
    lambda rng, some: c.TagAdd(some, (_path(rng),)),
    lambda rng, some: c.TagRemove(some, (_path(rng),), is_below=rng.random() < 0.5),
    lambda rng, some: c.TagCreate(_path(rng)),
    lambda rng, some: c.TagRename(_path(rng), _path(rng)),
    lambda rng, some: c.TagDelete(rng.choice(_WORDS)),
    lambda rng, some: c.TagAlias(_path(rng), _path(rng), is_removed=rng.random() < 0.3),
    lambda rng, some: c.AlbumCreate(_path(rng)),
    lambda rng, some: c.AlbumAdd(some, _path(rng), is_created=True),
    lambda rng, some: c.AlbumRemove(some, rng.choice(_WORDS)),
    lambda rng, some: c.AlbumOrder(rng.choice(_WORDS), by=rng.choice(("date", "name"))),
    lambda rng, some: c.AlbumRename(_path(rng), _path(rng)),
    lambda rng, some: c.AlbumDelete(rng.choice(_WORDS), is_recursive=True),
    lambda rng, some: c.AlbumCover(rng.choice(_WORDS), some[0]),
    lambda rng, some: c.SearchSave(rng.choice(_WORDS), rng.choice(_QUERIES)),
    lambda rng, some: c.SearchDelete(rng.choice(_WORDS)),
    lambda rng, some: c.Rate(some, rng.choice((None, 0, 1, 3, 5))),
    lambda rng, some: c.Label(some, rng.choice((None, *_LABELS))),
    lambda rng, some: c.Favorite(some, rng.random() < 0.7),
    lambda rng, some: c.Reject(some, rng.random() < 0.7),
    lambda rng, some: c.Hide(some[:1], rng.random() < 0.4),
    lambda rng, some: c.Title(some, rng.choice((None, "", *_WORDS))),
    lambda rng, some: c.Describe(some, rng.choice((None, "", "two\nlines \U0001f600"))),
    lambda rng, some: c.DateSet(some, rng.choice(("1931", "1954-06", "2001-02-03", "2020-02-29T10:11:12.345678"))),
    lambda rng, some: c.DateShift(some, months=rng.randint(-30, 30), days=rng.randint(-9, 9)),
    lambda rng, some: c.DateClear(some),
    lambda rng, some: c.PlaceSet(some, rng.uniform(-90, 90), rng.uniform(-180, 180), rng.choice((None, 12.5))),
    lambda rng, some: c.PlaceSet(some, None, None),
    lambda rng, some: c.PlaceClear(some),
    lambda rng, some: c.PersonAdd(some, rng.choice(("Ann", "ann", "Bo", "Ünal"))),
    lambda rng, some: c.PersonRemove(some, rng.choice(("Ann", "Bo"))),
    lambda rng, some: c.PersonRename("Ann", rng.choice(("Bo", "Cy", "Dee"))),
    lambda rng, some: c.PersonMerge(("Bo", "Cy"), "Dee"),
    lambda rng, some: c.FaceAdd(some[0], 0.1, 0.2, 0.3, rng.random() / 2, rng.choice((None, "Ann", "Eve"))),
    lambda rng, some: c.FaceRemove(some[0], person="Ann"),
    lambda rng, some: c.StackMake(some),
    lambda rng, some: c.StackCover(some[0]),
    lambda rng, some: c.StackSplit(some),
    lambda rng, some: c.TrashPut(some[:1]),
    lambda rng, some: c.TrashRestore(some),
    lambda rng, some: c.Undo(),
)  # fmt: skip
