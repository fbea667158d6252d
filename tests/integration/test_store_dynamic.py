"""Folders that ask: what they list, how it is called, and that no name there ever moves."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import names
from catalog.commands import execute
from catalog.commands.layer import (
    Favorite,
    Hide,
    LayerCommand,
    Rate,
    StackMake,
    StackSplit,
    TagAdd,
    TrashPut,
    TrashRestore,
)
from catalog.ids import AssetId
from catalog.query import Predicate, parse
from catalog.store import dynamic, volumes
from store_harness import StoreHarness, make_harness

TODAY = date(2026, 9, 21)


def read(text: str) -> Predicate:
    return parse(text, today=TODAY)


def listed(catalog: StoreHarness, text: str) -> dict[str, AssetId]:
    """Return name -> asset of a folder, after asking for every name in it."""
    predicate = read(text)
    found = dynamic.photos_matching(catalog.writer, predicate)
    assert [row.asset_id for row in found] == sorted(row.asset_id for row in found)
    for row in found:
        assert dynamic.photo_matching_named(catalog.writer, predicate, row.name) == row
        assert dynamic.photo_matching_folded(catalog.writer, predicate, row.name.swapcase()) == row
    shown = {row.name: row.asset_id for row in found}
    assert len({names.fold(name) for name in shown}) == len(found)
    return shown


def uid(catalog: StoreHarness, path: bytes) -> str:
    return str(catalog.column(catalog.asset_at(path), "uid"))


def do(catalog: StoreHarness, command: LayerCommand) -> None:
    catalog.now_ns += 10**9
    execute(catalog.writer, command, now_ns=catalog.now_ns)


@pytest.fixture
def filled(catalog: StoreHarness) -> StoreHarness:
    for path in (b"a/IMG_1.JPG", b"b/img_1.jpg", b"b/IMG_2.JPG", b"c/bad\xff.jpg"):
        catalog.put(path, path.decode("latin1"))
    catalog.ingest()
    return catalog


def test_the_first_photo_of_a_name_has_it_plain_and_others_their_short_id(filled: StoreHarness) -> None:
    first, second, third, lossy = (
        uid(filled, path) for path in (b"a/IMG_1.JPG", b"b/img_1.jpg", b"b/IMG_2.JPG", b"c/bad\xff.jpg")
    )
    assert set(listed(filled, "")) == {
        "IMG_1.JPG",
        f"img_1~{second[:6]}.jpg",
        "IMG_2.JPG",
        f"bad\ufffd~{lossy[:6]}.jpg",
    }
    assert set(listed(filled, "path=b/*")) == {f"img_1~{second[:6]}.jpg", "IMG_2.JPG"}
    do(filled, TrashPut((first,)))
    assert set(listed(filled, "img")) == {f"img_1~{second[:6]}.jpg", "IMG_2.JPG"}
    do(filled, Hide((third,)))
    do(filled, TrashRestore((first,)))
    assert set(listed(filled, "img")) == {"IMG_1.JPG", f"img_1~{second[:6]}.jpg"}


def test_a_suffixed_name_finds_a_photo_whose_plain_name_is_shown(filled: StoreHarness) -> None:
    first = uid(filled, b"a/IMG_1.JPG")
    find = dynamic.photo_matching_named
    row = find(filled.writer, read("img"), f"IMG_1~{first[:6]}.JPG")
    assert row is not None
    assert row.name == "IMG_1.JPG"
    for name in (f"img_1~{first[:6]}.JPG", "img_1.jpg", "IMG_3.JPG", f"IMG_2~{first[:6]}.JPG", "~000000", ""):
        assert find(filled.writer, read("img"), name) is None, name
    assert find(filled.writer, read("nothing"), "IMG_1.JPG") is None
    folded = dynamic.photo_matching_folded(filled.writer, read("img"), f"img_1~{first[:6]}.jpg")
    assert folded is not None
    assert folded.uid == first


def test_what_cannot_be_shown_is_in_no_dynamic_folder(filled: StoreHarness) -> None:
    first, second = uid(filled, b"a/IMG_1.JPG"), uid(filled, b"b/img_1.jpg")
    do(filled, TrashPut((first,)))
    do(filled, Hide((second,)))
    filled.remove(b"b/IMG_2.JPG")
    filled.scan()
    for text in ("img", "is:trashed", "is:hidden", "is:missing", "is:any img"):
        assert listed(filled, text) == {}
        assert dynamic.photo_matching_named(filled.writer, read(text), "IMG_1.JPG") is None


def test_a_member_of_a_stack_is_listed_where_its_cover_is_not(filled: StoreHarness) -> None:
    first, third = uid(filled, b"a/IMG_1.JPG"), uid(filled, b"b/IMG_2.JPG")
    do(filled, StackMake((first, third)))
    both = [str(filled.column(AssetId(one), "uid")) for one in filled.shown().values()]
    (member,) = {first, third} - set(both)
    (cover,) = {first, third} & set(both)
    do(filled, TagAdd((member,), ("only",)))
    name_of = {first: "IMG_1.JPG", third: "IMG_2.JPG"}
    assert set(listed(filled, "tag=only")) == {name_of[member]}
    assert name_of[cover] in listed(filled, "IMG")
    assert name_of[member] not in listed(filled, "IMG")
    assert dynamic.photo_matching_named(filled.writer, read("IMG"), name_of[member]) is None


def test_pages_go_on_behind_an_asset(filled: StoreHarness) -> None:
    whole = dynamic.photos_matching(filled.writer, read(""))
    paged, after = list(whole[:0]), 0
    while page := dynamic.photos_matching(filled.writer, read(""), after, 1):
        assert len(page) == 1
        paged += page
        after = page[-1].asset_id
    assert paged == whole
    assert dynamic.photos_matching(filled.writer, read(""), 0, 0) == []


def test_pages_are_full_although_members_are_left_out(filled: StoreHarness) -> None:
    do(
        filled,
        StackMake((uid(filled, b"a/IMG_1.JPG"), uid(filled, b"b/img_1.jpg"), uid(filled, b"b/IMG_2.JPG"))),
    )
    assert len(dynamic.photos_matching(filled.writer, read(""), 0, 2)) == 2
    assert len(dynamic.photos_matching(filled.writer, read(""), 0, 5)) == 2


def test_days_of_years_are_found_by_ranges(filled: StoreHarness) -> None:
    filled.dates = {b"d/x.jpg": "2020-02-29T10:00:00", b"d/y.jpg": "2018-08", b"d/z.jpg": None}
    for number, path in enumerate(filled.dates):
        filled.put(path, f"day {number}")
    filled.ingest()
    leap = [(20200229, 20200301)]
    assert [row.name for row in dynamic.photos_of_days(filled.writer, leap)] == ["x.jpg"]
    week = {
        2018: [(20180800, 20180831)],
        2019: [(20190801, 20190807)],
        2020: leap,
        2021: [(20210229, 20210301)],
    }
    assert dynamic.years_with_days(filled.writer, week) == [2018, 2019, 2020]
    assert dynamic.years_with_days(filled.writer, week, excluded=read("x OR img")) == [2018, 2019]
    assert dynamic.photos_of_days(filled.writer, leap, excluded=read("ext=jpg")) == []
    assert dynamic.photos_of_days(filled.writer, []) == []
    do(filled, TrashPut((uid(filled, b"d/x.jpg"),)))
    assert dynamic.years_with_days(filled.writer, week) == [2018, 2019]


def test_offline_lists_volumes_that_hold_photos_and_cannot_be_read(filled: StoreHarness) -> None:
    empty = volumes.add_volume(filled.writer, "Empty", b"/empty", now_ns=filled.now_ns)
    assert dynamic.offline_volumes(filled.writer) == []
    for volume_id in (empty, filled.volume_id):
        volumes.set_volume_state(filled.writer, volume_id, "offline", "unplugged", filled.now_ns)
    (volume,) = dynamic.offline_volumes(filled.writer)
    assert volume.name == "Photos"
    asked = dynamic.of_offline_volume(volume)
    assert len(dynamic.photos_matching(filled.writer, asked)) == 4
    volumes.set_volume_state(filled.writer, filled.volume_id, "online", None, filled.now_ns)
    assert dynamic.photos_matching(filled.writer, asked) == []


STEPS = (
    "add",
    "add",
    "add",
    "copy",
    "trash",
    "restore",
    "hide",
    "unhide",
    "stack",
    "split",
    "tag",
    "favorite",
    "remove",
    "back",
    "date",
)
QUERIES = ("", "img", "tag=t", "is:favorite", "rating>=1", "date=2019", "-tag=t", "name=*1*")


class Library:
    """A library in which things happen; knows every name that any dynamic folder ever showed."""

    def __init__(self, path: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.catalog = make_harness(path)
        self.owner: dict[str, AssetId] = {}
        self.name: dict[AssetId, str] = {}
        self.bodies: list[str] = []

    def step(self, kind: str) -> None:
        rng, catalog = self.rng, self.catalog
        if kind in ("add", "copy") or not self.bodies:
            self._add(
                rng.choice(self.bodies) if kind == "copy" and self.bodies else f"body {len(self.bodies)}"
            )
            return
        if kind in ("remove", "back", "date"):
            self._disturb(kind)
            return
        uids = [row[0] for row in catalog.writer.rows("SELECT uid FROM asset WHERE merged_into IS NULL")]
        some = tuple(rng.sample(uids, min(len(uids), rng.randint(2, 3))))
        if len(some) < 2 and kind == "stack":
            return
        commands: dict[str, LayerCommand] = {
            "trash": TrashPut(some), "restore": TrashRestore(some), "hide": Hide(some), "unhide": Hide(some, is_hidden=False),
            "stack": StackMake(some), "split": StackSplit(some), "tag": TagAdd(some, ("t",)), "favorite": Favorite(some, rng.random() < 0.5),
        }  # fmt: skip
        do(catalog, commands[kind])
        do(catalog, Rate(some[:1], rng.randint(0, 5)))

    def _add(self, body: str) -> None:
        folder = self.rng.choice((b"a", b"b", b"c", b"d/e"))
        name = self.rng.choice(
            (b"IMG_1.JPG", b"img_1.jpg", b"IMG_2.JPG", b"IMG_1~abc123.jpg", b"x\xff.jpg", b"IMG_2.CR2")
        )
        if name in self.catalog.disk.get(folder, {}):
            return
        self.catalog.put(folder + b"/" + name, body)
        self.bodies.append(body)
        self.catalog.scan()
        if self.rng.random() < 0.8:
            self.catalog.read_facts()
        if self.rng.random() < 0.7:
            self.catalog.read_hashes()

    def _disturb(self, kind: str) -> None:
        if kind == "date":
            self.catalog.ingest()
            return
        paths = sorted(folder + b"/" + name for folder, files in self.catalog.disk.items() for name in files)
        if kind == "remove" and paths:
            self.catalog.remove(self.rng.choice(paths))
        self.catalog.scan()

    def look(self) -> None:
        for text in QUERIES:
            for name, asset_id in listed(self.catalog, text).items():
                assert self.owner.setdefault(name, asset_id) == asset_id, (
                    f"{name} moved from one photo to another"
                )
                assert self.name.setdefault(asset_id, name) == name, f"{name} was called otherwise before"


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.lists(st.sampled_from(STEPS), min_size=5, max_size=30))
def test_names_in_dynamic_folders_never_move(
    tmp_path_factory: pytest.TempPathFactory, seed: int, steps: list[str]
) -> None:
    library = Library(tmp_path_factory.mktemp("dynamic") / "library", seed)
    for kind in steps:
        library.step(kind)
        library.look()
    assert library.catalog.check() == []
    library.catalog.close()
