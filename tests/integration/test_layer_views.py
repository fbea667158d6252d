"""The layer's views in the tree: numbers, pages, times, the clock, and questions that are never asked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pathvalidate import Platform, is_valid_filename

from capabilities import require
from catalog.commands.layer import (
    AlbumAdd,
    AlbumCreate,
    AlbumDelete,
    AlbumRename,
    PersonAdd,
    PersonRename,
    Rate,
    SearchSave,
    TagAdd,
    TagRemove,
    TagRename,
    TrashPut,
    TrashRestore,
)  # fmt: skip
from catalog.errors import InvalidValue, NotFound
from catalog.labels import check_name
from catalog.names import fold
from catalog.store.db import ReaderPool
from catalog.values import OWNER
from library_builder import FileSpec, build_library
from organised import HOSTILE, Organised, organise
from sacred import corpus_dir
from vfs.inodes import Kind, pack, unpack
from vfs.nodes import Entry, Node
from vfs.options import TreeOptions
from vfs.tree import Tree, open_tree
from vfs.views.nested import PHOTO_COOKIES
from vfs.views.search import REMEMBERED_QUERIES

NOON = "2019-08-07T12:00:00"


class Harness:
    """An organised library and its tree, under a clock that can be set."""

    def __init__(self, made: Organised) -> None:
        self.made = made
        self.pool = ReaderPool(made.built.library, 2)
        self.now_ns = time.time_ns()
        self.tree = self.make_tree()

    def make_tree(self, options: TreeOptions | None = None) -> Tree:
        return open_tree(
            self.made.built.library, self.pool, clock=lambda: self.now_ns, report=dict, options=options
        )

    def node(self, path: str) -> Node:
        return self.tree.resolve(path.encode(), OWNER)

    def entries(self, path: str) -> list[Entry]:
        return list(self.tree.children(self.node(path), OWNER))

    def names(self, path: str) -> list[str]:
        return [entry.name.decode() for entry in self.entries(path)]

    def is_there(self, path: str) -> bool:
        try:
            self.node(path)
        except NotFound:
            return False
        return True

    def set_date(self, text: str) -> None:
        self.now_ns = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(organise(tmp_path))
    yield harness
    harness.pool.close()
    harness.made.built.close()


@pytest.fixture
def dated(tmp_path: Path) -> Iterator[Harness]:
    """Photos of certain days, nothing organised."""
    days = ["2012-02-29", "2016-02-29", "2019-02-28", "2018-12-31", "2020-01-03", "2019-08-07", "2026-08-07"]
    files = {f"{day}.jpg": FileSpec(captured=f"{day}T12:00:00") for day in days}
    files["month.jpg"] = FileSpec(captured="2019-02")
    harness = Harness(Organised(build_library(tmp_path, files), datetime.now(UTC).date()))
    yield harness
    harness.pool.close()
    harness.made.built.close()


def walk(harness: Harness, path: str) -> Iterator[tuple[str, Node]]:
    for entry in harness.entries(path):
        below = f"{path}/{entry.name.decode()}"
        yield below, entry.node
        if entry.node.is_dir:
            yield from walk(harness, below)


# Numbers, pages, times


def test_a_photo_has_one_number_in_every_folder(made):
    folders = ("Timeline/2019/2019-08/2019-08-08", "Albums/Trip", "Tags/animals/cat", "Tags/animals/_all", "Favorites",
               "Search/tag=cat")  # fmt: skip
    assert len({made.node(f"{folder}/sea.jpg").inode for folder in folders}) == 1


def test_a_folder_keeps_its_number_when_it_is_renamed_or_moved(made):
    before = [made.node(path).inode for path in ("Albums/Trip", "Tags/animals/cat", "People/Anna")]
    made.made.do(
        AlbumRename("Trip", "Empty/Journey"),
        TagRename("animals/cat", "felines"),
        PersonRename("Anna", "Änne"),
    )
    assert [
        made.node(path).inode for path in ("Albums/Empty/Journey", "Tags/felines", "People/Änne")
    ] == before
    assert not any(made.is_there(path) for path in ("Albums/Trip", "Tags/animals/cat", "People/Anna"))
    parents = [made.tree.parent(made.node(path)) for path in ("Albums/Empty/Journey", "Tags/felines")]
    assert parents == [made.node(path).inode for path in ("Albums/Empty", "Tags")]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_a_listing_in_pages_is_the_listing(made, limit):
    views = (
        "Albums",
        "Tags",
        "People",
        "Favorites",
        "Ratings",
        "Stacks",
        "Trash",
        "Searches",
        "Memories",
        "Search/rating>=0",
    )
    folders = [*views, *(path for view in views for path, node in walk(made, view) if node.is_dir)]
    for path in folders:
        whole = made.entries(path)
        paged: list[Entry] = []
        while page := list(
            made.tree.children(made.node(path), OWNER, paged[-1].cookie if paged else 0, limit)
        ):
            assert len(page) <= limit
            paged += page
        assert paged == whole, path
        assert [entry.cookie for entry in whole] == sorted({entry.cookie for entry in whole}), path
        assert all(entry.cookie > 0 for entry in whole)


def test_folders_come_before_photos_and_all_between_them(made):
    assert made.names("Tags/animals") == ["cat", "_all", "beach.jpg"]
    cookies = [entry.cookie for entry in made.entries("Tags/animals")]
    assert cookies[0] < PHOTO_COOKIES == cookies[1] < cookies[2]


def test_the_root_has_its_order(made):
    listed = made.names("")
    assert listed[:4] == ["Timeline", "Recent", "Memories", "Albums"]
    assert listed[-3:] == ["Originals", "Offline", "Trash"]


def test_an_empty_album_is_as_old_as_itself_and_a_new_photo_makes_it_younger(made):
    created_ns = made.made.built.writer.value("SELECT created_ns FROM album WHERE name = 'Empty'")
    before = made.node("Albums/Empty")
    assert before.mtime_ns == created_ns
    made.made.do(AlbumAdd(made.made.uids("sea.jpg"), "Empty"))
    after = made.node("Albums/Empty")
    assert after.mtime_ns > before.mtime_ns
    assert after.etag != before.etag


@pytest.mark.parametrize(
    ("command", "folder"),
    [
        (AlbumCreate("Trip/Day 2"), "Albums/Trip"), (AlbumCreate("New"), "Albums"), (AlbumDelete("Empty"), "Albums"),
        (AlbumRename("Trip/Day 1", "Trip/Day one"), "Albums/Trip"), (TagRename("animals/cat", "animals/dog"), "Tags/animals"),
        (TagRename("animals/cat", "cat"), "Tags"), (PersonRename("Anna", "Änne"), "People"),
    ],
    ids=str,
)  # fmt: skip
def test_a_folder_whose_folders_change_has_another_etag_and_a_younger_time(made, command, folder):
    before = made.node(folder)
    made.made.do(command)
    after = made.node(folder)
    assert after.etag != before.etag
    assert after.mtime_ns > before.mtime_ns


def test_a_tag_folder_is_there_while_a_photo_is_listed_in_it_or_below(made):
    made.made.do(TagRemove(made.made.uids("beach.jpg"), ("animals",)))
    assert made.names("Tags/animals") == ["cat", "_all"]
    cat = made.node("Tags/animals/cat")
    made.made.do(TagRemove(made.made.uids("sea.jpg"), ("animals/cat",)))
    assert made.names("Tags") == []
    with pytest.raises(NotFound):
        made.tree.node(cat.inode)
    made.made.do(TagAdd(made.made.uids("sea.jpg"), ("animals/cat",)))
    assert made.node("Tags/animals/cat").inode == cat.inode


def test_a_restored_photo_is_back_under_its_old_names(made):
    before = [path for view in ("Albums", "Tags", "Favorites") for path, _ in walk(made, view)]
    made.made.do(TrashPut(made.made.uids("sea.jpg")))
    assert not made.is_there("Albums/Trip/sea.jpg")
    made.made.do(TrashRestore(made.made.uids("sea.jpg")))
    assert [path for view in ("Albums", "Tags", "Favorites") for path, _ in walk(made, view)] == before


def test_views_can_be_renamed_and_switched_off(made):
    names = {fixed: name for fixed, name in TreeOptions().names.items() if name not in ("People", "Search")}
    albums = next(fixed for fixed, name in names.items() if name == "Albums")
    tree = made.make_tree(TreeOptions(names=names | {albums: "Alben"}))
    assert tree.resolve(b"Alben/Trip/sea.jpg", OWNER) == made.node("Albums/Trip/sea.jpg")
    for path in (b"Albums", b"People", b"Search/rating=5"):
        with pytest.raises(NotFound):
            tree.resolve(path, OWNER)


# Search


def test_a_search_stores_nothing_and_needs_no_catalog_to_say_no(made):
    pool = ReaderPool(made.made.built.library, 1)
    tree = open_tree(made.made.built.library, pool, clock=time.time_ns, report=dict)
    search = tree.resolve(b"Search", OWNER)
    statements: list[str] = []
    with pool.reader() as reader:
        reader.connection.exec_trace = lambda _cursor, sql, _bindings: statements.append(sql) or True
    for name in (b"beach", b"raiting=5", b"rating=many", b"Thumbs.db", b"x" * 255, b"\xff=\xfe", b"rating:5"):
        with pytest.raises(NotFound):
            tree.lookup(search, name, OWNER)
    assert statements == []
    before = made.made.built.writer.rows(
        "SELECT count(*) FROM change UNION ALL SELECT count(*) FROM saved_search"
    )
    assert tree.lookup(search, b"rating=5", OWNER).is_dir
    after = made.made.built.writer.rows(
        "SELECT count(*) FROM change UNION ALL SELECT count(*) FROM saved_search"
    )
    assert before == after
    pool.close()


def test_a_query_keeps_its_number_and_a_new_process_has_to_look_it_up_first(made):
    node = made.node("Search/rating=5")
    assert unpack(node.inode).kind is Kind.SEARCH
    another = made.make_tree()
    with pytest.raises(NotFound):
        another.node(node.inode)
    assert another.resolve(b"Search/rating=5", OWNER).inode == node.inode
    assert another.node(node.inode).inode == node.inode
    assert another.parent(node) == made.node("Search").inode


def test_only_so_many_queries_are_remembered_and_a_used_one_longer(made):
    first, kept = made.node("Search/size=1"), made.node("Search/size=2")
    for number in range(3, REMEMBERED_QUERIES + 2):
        made.node(f"Search/size={number}")
        if number == 1000:
            made.node("Search/size=2")
    with pytest.raises(NotFound):
        made.tree.node(first.inode)
    assert made.tree.node(kept.inode).is_dir
    assert made.node("Search/size=1").inode == first.inode


def test_relative_dates_count_from_today_in_the_zone_of_the_library(dated):
    dated.set_date("2026-08-09T21:59:00")  # still the 9th in Berlin
    assert dated.names("Search/date=-2d..") == ["2026-08-07.jpg"]
    dated.set_date("2026-08-09T22:01:00")
    assert dated.names("Search/date=-2d..") == []


# Searches


def test_a_saved_search_counts_from_today(dated):
    dated.made.do(SearchSave("Lately", "date=-2d.."))
    dated.set_date("2026-08-09T12:00:00")
    assert dated.names("Searches/Lately") == ["2026-08-07.jpg"]
    dated.set_date("2026-08-19T12:00:00")
    assert dated.names("Searches/Lately") == []


@pytest.mark.allows_log(r"saved search 'Old' shows nothing: ")
def test_a_saved_search_that_is_no_query_any_more_is_an_empty_folder(dated):
    dated.made.do(SearchSave("Old", "size>1"), SearchSave("Good", "size>1"))
    with dated.made.built.writer.atomic():
        dated.made.built.writer.execute("UPDATE saved_search SET query = 'aura=blue' WHERE name = 'Old'")
    assert dated.names("Searches") == ["Old", "Good"]
    assert dated.names("Searches/Old") == []
    assert len(dated.names("Searches/Good")) == 8
    assert not dated.is_there("Searches/Old/2019-08-07.jpg")


# Memories


@pytest.mark.parametrize(
    ("today", "folder", "wanted"),
    [
        ("2026-02-28T12:00:00", "Today", {"2012": ["2012-02-29.jpg"], "2016": ["2016-02-29.jpg"], "2019": ["2019-02-28.jpg"]}),
        ("2024-02-29T12:00:00", "Today", {"2012": ["2012-02-29.jpg"], "2016": ["2016-02-29.jpg"]}),
        ("2024-02-28T12:00:00", "Today", {"2019": ["2019-02-28.jpg"]}),
        ("2026-08-07T12:00:00", "Today", {"2019": ["2019-08-07.jpg"]}),
        ("2027-08-07T12:00:00", "Today", {"2019": ["2019-08-07.jpg"], "2026": ["2026-08-07.jpg"]}),
        ("2026-08-06T22:30:00", "Today", {"2019": ["2019-08-07.jpg"]}),  # already the 7th in Berlin
        ("2026-01-01T12:00:00", "This Week", {"2019": ["2018-12-31.jpg"], "2020": ["2020-01-03.jpg"]}),
        ("2026-02-01T12:00:00", "This Month", {"2012": ["2012-02-29.jpg"], "2016": ["2016-02-29.jpg"],
                                               "2019": ["2019-02-28.jpg", "month.jpg"]}),
        ("2040-02-28T12:00:00", "Today", {}),
    ],
)  # fmt: skip
def test_memories_are_what_was_at_this_time_of_the_year(dated, today, folder, wanted):
    dated.set_date(today)
    assert dated.names("Memories") == ["Today", "This Week", "This Month"]
    years = dated.names(f"Memories/{folder}")
    assert {year: sorted(dated.names(f"Memories/{folder}/{year}")) for year in years} == wanted


def test_how_far_back_memories_look_is_a_matter_of_taste(dated):
    dated.set_date("2026-02-28T12:00:00")
    tree = dated.make_tree(TreeOptions(memories_years_back=7))
    assert [entry.name for entry in tree.children(tree.resolve(b"Memories/Today", OWNER), OWNER)] == [b"2019"]
    with pytest.raises(NotFound):
        tree.resolve(b"Memories/Today/2016", OWNER)


def test_memories_leave_out_what_nobody_wants_to_be_reminded_of(dated):
    dated.set_date("2026-02-28T12:00:00")
    dated.made.do(
        TagAdd(dated.made.uids("2019-02-28.jpg"), ("ex",)), Rate(dated.made.uids("2012-02-29.jpg"), 1)
    )
    tree = dated.make_tree(TreeOptions(memories_excludes=("tag=ex", "rating<=2")))
    today = tree.resolve(b"Memories/Today", OWNER)
    assert [entry.name for entry in tree.children(today, OWNER)] == [b"2016"]
    for path in (b"Memories/Today/2019", b"Memories/Today/2012/2012-02-29.jpg"):
        with pytest.raises(NotFound):
            tree.resolve(path, OWNER)


def test_a_memory_of_yesterday_is_no_memory_today_by_its_number_either(dated):
    dated.set_date("2026-08-07T12:00:00")
    year = dated.node("Memories/Today/2019")
    etag = dated.node("Memories/Today").etag
    dated.set_date("2026-08-08T12:00:00")
    assert dated.names("Memories/Today") == []
    assert dated.node("Memories/Today").etag != etag
    with pytest.raises(NotFound):
        dated.tree.node(year.inode)
    with pytest.raises(NotFound):
        dated.tree.node(pack(Kind.MEMORIES, 7 << 16))


# Names


def hostile_labels() -> list[str]:
    """Return names that are accepted, of one component."""
    require("corpus")
    place = corpus_dir()
    assert place is not None
    texts = [*HOSTILE, *json.loads((place / "lists" / "blns.json").read_text())]
    names = []
    for text in texts:
        with suppress(InvalidValue):
            names.append(check_name(text.replace("/", "／"), "name"))
    assert len(names) > len(texts) - 10
    return list(dict.fromkeys(names))


@pytest.mark.slow
def test_hostile_labels_are_folders_that_every_system_takes(dated):
    """As albums, tags and persons: listed, found by their name, legal, nothing lost."""
    labels = hostile_labels()
    photos = [uid for (uid,) in dated.made.built.writer.rows("SELECT uid FROM asset")]
    for label in labels:
        dated.made.do(AlbumCreate(label))
    for number, label in enumerate(labels):
        dated.made.do(PersonAdd((photos[number % len(photos)],), label))
    dated.made.do(TagAdd((photos[0],), tuple(labels)))
    for view, table in (("Albums", "album"), ("Tags", "tag"), ("People", "person")):
        names = dated.names(view)
        alive = dated.made.built.writer.value(f"SELECT count(*) FROM {table} WHERE is_deleted = 0")
        assert len(names) == len(set(names)) == alive
        assert alive > 400
        for name in names:
            assert all(
                is_valid_filename(name, platform=platform, max_len=255)
                for platform in (Platform.WINDOWS, Platform.LINUX, Platform.MACOS)
            ), name
            assert dated.node(f"{view}/{name}").is_dir
            assert dated.tree.resolve_web([view, name], OWNER) == dated.node(f"{view}/{name}")
            if fold(name.upper()) == fold(name):  # ı has no other case that is the same letter
                assert dated.tree.resolve_web([view, name.upper()], OWNER).is_dir
