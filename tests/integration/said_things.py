"""Everything that people can say, said of random photos by real commands."""

from __future__ import annotations

import random

from catalog.commands import execute
from catalog.commands.layer import (
    AlbumAdd,
    AlbumCreate,
    AlbumRename,
    DateSet,
    Describe,
    FaceAdd,
    FaceRemove,
    Favorite,
    Hide,
    Label,
    LayerCommand,
    PersonAdd,
    PersonMerge,
    PersonRemove,
    PlaceSet,
    Rate,
    Reject,
    StackMake,
    StackSplit,
    TagAdd,
    TagAlias,
    TagDelete,
    TagRemove,
    TagRename,
    Title,
    TrashPut,
    TrashRestore,
)
from catalog.store.db import Writer

TAGS = ("animals", "animals/cat", "animals/dog/Rex", "Straße/Ende", "cat", "50%_off", "Ägypten", "日本/東京")
PEOPLE = ("Anna Schmidt", "Ann", "Ōe Kenzaburō", "O'Neil (junior)", "渡辺")
ALBUMS = ("Trips", "Trips/Rome 2019", "Trips/Rome 2019/best", "Été", "50%_off")
TITLES = ("Sunset at the beach", "Café am Meer", "Beaches", "東京旅行", "!!!", "50%_off", "Straße", "a*b")
# Berlin, Potsdam, New York, Singapore (which has no regions), Zürich, Reykjavík.
PLACES = (
    (52.52, 13.405),
    (52.4009, 13.0591),
    (40.758, -73.9855),
    (1.2834, 103.8607),
    (47.37, 8.54),
    (64.1466, -21.9426),
)


def say_things(writer: Writer, rng: random.Random, now_ns: int) -> None:
    """Say of random photos everything that the verbs can say; rename, merge, remove and restore some of it."""
    rows = writer.rows("SELECT uid FROM asset WHERE merged_into IS NULL ORDER BY id")
    uids = [row[0] for row in rows]

    def some(share: float = 0.1) -> tuple[str, ...]:
        return tuple(uid for uid in uids if rng.random() < share) or (rng.choice(uids),)

    commands: list[LayerCommand] = [
        *(TagAdd(some(), (tag,)) for tag in TAGS),
        *(AlbumCreate(album) for album in ALBUMS),
        *(AlbumAdd(some(), album) for album in ALBUMS),
        *(PersonAdd(some(), person) for person in PEOPLE),
        *(FaceAdd(uid, 0.1, 0.2, 0.3, 0.4, rng.choice((None, *PEOPLE))) for uid in some(0.2)),
        *(Title(some(), title) for title in TITLES),
        *(Describe(some(), title) for title in TITLES),
        *(Rate(some(), rating) for rating in range(6)),
        *(Label(some(), label) for label in ("Red", "Grün", "red", "Ре́д")),
        *(PlaceSet(some(0.05), lat, lon) for lat, lon in ((52.1, 13.41), (-33.9, -179.99), (None, None), *PLACES)),
        *(DateSet(some(0.05), local) for local in ("2019", "1890-05", "2026-09-21", "2020-02-29T23:59:59")),
        Favorite(some(0.3)), Reject(some(0.2)), Hide(some(0.1)),
        *(StackMake(tuple(rng.sample(uids, 3))) for _ in range(6)), StackSplit(some(0.05)),
        TagRemove(some(), ("animals", "cat"), is_below=True), FaceAdd(uids[0], 0.5, 0.5, 0.1, 0.1, "Ann"), FaceRemove(uids[0], person="Ann"), PersonRemove(some(), "Ann"),
        TagAlias("animals/cat", "Katze"), TagRename("50%_off", "Sale 50%_off"), TagRename("Ägypten", "animals/dog"), TagAdd(some(), ("gone",)),
        TagDelete("gone"), AlbumRename("Été", "Trips/Été"), PersonMerge(("Ann",), "Anna Schmidt"), Hide(some(0.1), is_hidden=False),
    ]  # fmt: skip
    for number, command in enumerate(commands):
        execute(writer, command, now_ns=now_ns + number * 10**9)
    for days in range(6):
        execute(writer, TrashPut(some(0.03)), now_ns=now_ns - days * 86_400 * 10**9)
    execute(writer, TrashRestore(some(0.05)), now_ns=now_ns)
