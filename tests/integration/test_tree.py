"""The tree over a real catalog and real files: numbers, cookies, names, errors, and what it must not do."""

from __future__ import annotations

import os
import random
import time
import unicodedata
from collections.abc import Iterator

import pytest

from catalog.errors import ChangedUnderneath, NotFound, UsageError, VolumeOffline
from catalog.store import volumes
from catalog.store.db import ReaderPool
from catalog.values import OWNER
from library_builder import VOLUME, BuiltLibrary, FileSpec, build_library, varied_files
from vfs.inodes import ROOT, Fixed, Kind, pack, unpack
from vfs.nodes import Entry, Node
from vfs.tree import Tree, TreeOptions, open_tree

DAY = b"Timeline/2019/2019-08/2019-08-07"


class Harness:
    """A library and its tree; closed by the fixture."""

    def __init__(self, built: BuiltLibrary) -> None:
        self.built = built
        self.pool = ReaderPool(built.library, 2)
        self.now_ns = time.time_ns()
        self.tree = self.make_tree()

    def make_tree(self, options: TreeOptions | None = None) -> Tree:
        return open_tree(
            self.built.library, self.pool, clock=lambda: self.now_ns, report=dict, options=options
        )

    def node(self, path: str | bytes) -> Node:
        return self.tree.resolve(os.fsencode(path), OWNER)

    def names(self, path: str | bytes) -> list[str]:
        return sorted(os.fsdecode(entry.name) for entry in self.tree.children(self.node(path), OWNER))

    def set_volume(self, state: str) -> None:
        volumes.set_volume_state(self.built.writer, self.built.volume_id, state, "a test", time.time_ns())  # type: ignore[arg-type]

    def close(self) -> None:
        self.pool.close()
        self.built.close()


@pytest.fixture
def make(tmp_path) -> Iterator[object]:
    made: list[Harness] = []

    def build(files: dict[str | bytes, FileSpec], **options: object) -> Harness:
        harness = Harness(build_library(tmp_path, files, **options))  # type: ignore[arg-type]
        made.append(harness)
        return harness

    yield build
    for harness in made:
        harness.close()


@pytest.fixture
def varied(make) -> Harness:
    return make(varied_files())


def walk_rows(tree: Tree, node: Node) -> list[Entry]:
    """Return all below that follows from rows, not from a question."""
    found: list[Entry] = []
    for entry in tree.children(node, OWNER):
        if not entry.node.is_fleeting:
            found += [entry, *(walk_rows(tree, entry.node) if entry.node.is_dir else ())]
    return found


def walk(tree: Tree, node: Node) -> Iterator[tuple[Node, Entry]]:
    for entry in tree.children(node, OWNER):
        yield node, entry
        if entry.node.is_dir:
            yield from walk(tree, entry.node)


# Numbers


def test_every_node_can_be_made_again_from_its_number_alone(varied):
    service = varied.node(".glassine")
    seen = [*walk(varied.tree, varied.tree.root()), *walk(varied.tree, service)]
    assert len(seen) > 40
    another = varied.make_tree()
    for _, entry in seen:
        assert another.node(entry.node.inode) == entry.node, entry.name


def test_lookup_gives_exactly_what_the_listing_showed(varied):
    for parent, entry in walk(varied.tree, varied.tree.root()):
        assert varied.tree.lookup(parent, entry.name, OWNER) == entry.node, entry.name


def test_a_photo_has_one_number_in_every_view_and_another_one_in_originals(varied):
    numbers = {
        varied.node(f"{folder}/IMG_0002.CR2").inode
        for folder in ("Timeline/2019/2019-08/2019-08-08", f"Recent/{varied.built.added_day}", "Types/RAW/2019",
                       "Types/Photos/2019", "Cameras/Canon EOS 5D/2019")
    }  # fmt: skip
    assert len(numbers) == 1
    assert unpack(numbers.pop()).kind is Kind.CONTENT
    assert unpack(varied.node(f"Originals/{VOLUME}/2019/IMG_0002.CR2").inode).kind is Kind.LOCATION


def test_new_bytes_get_a_new_number_and_the_same_name(make):
    harness = make({"a.jpg": FileSpec(captured="2019-08-07T10:00:00")})
    before = harness.node(DAY + b"/a.jpg")
    harness.built.put(
        "a.jpg", FileSpec(body=b"edited" * 100, captured="2019-08-07T10:00:00", mtime_ns=5 * 10**18)
    )
    harness.built.rescan()
    after = harness.node(DAY + b"/a.jpg")
    assert after.inode != before.inode
    assert after.size == 600
    with pytest.raises(NotFound):
        harness.tree.resolve(DAY + b"/b.jpg", OWNER)


def test_numbers_that_were_never_given_out_are_not_found(varied):
    for inode in (0, 12345 << 40, pack(Kind.CONTENT, 99_999), pack(Kind.LOCATION, 99_999), pack(Kind.DIRECTORY, 99_999),
                  pack(Kind.FIXED, 99), pack(Kind.VOLUME, 99), pack(Kind.META, 99), 2**62, pack(Kind.TIMELINE, 7 << 40)):  # fmt: skip
        with pytest.raises(NotFound):
            varied.tree.node(inode)


def test_every_folder_knows_the_folder_that_holds_it(varied):
    for parent, entry in walk(varied.tree, varied.tree.root()):
        if entry.node.is_dir:
            assert varied.tree.parent(entry.node) == parent.inode, entry.name
    assert varied.tree.parent(varied.tree.root()) == ROOT
    assert varied.tree.parent(varied.node(".glassine/by-id")) == varied.node(".glassine").inode


# Listings


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_a_listing_in_pages_is_the_listing(varied, limit):
    for path in (
        "",
        "Timeline",
        "Timeline/2019",
        "Timeline/2019/2019-08",
        DAY,
        f"Originals/{VOLUME}",
        "Types/Photos",
    ):
        node = varied.node(path)
        whole = list(varied.tree.children(node, OWNER))
        paged, after = [], 0
        while page := list(varied.tree.children(node, OWNER, after, limit)):
            assert len(page) <= limit
            paged += page
            after = page[-1].cookie
        assert paged == whole, path
        assert [entry.cookie for entry in whole] == sorted({entry.cookie for entry in whole})
        assert all(entry.cookie > 0 for entry in whole)


def test_a_listing_under_change_misses_nothing_that_stays_and_doubles_nothing(make):
    files = {
        f"{number:04d}.jpg": FileSpec(body=b"%d" % number, captured="2019-08-07T10:00:00")
        for number in range(300)
    }
    harness = make(files, hashes=False)
    chooser = random.Random(3)
    stable = {f"{number:04d}.jpg" for number in range(0, 300, 3)}
    seen: list[str] = []
    after, node = 0, harness.node(DAY)
    while page := list(harness.tree.children(node, OWNER, after, 40)):
        seen += [entry.name.decode() for entry in page]
        after = page[-1].cookie
        if len(seen) > 250:  # else the end would run away
            continue
        for name in chooser.sample(sorted(set(map(os.fsdecode, harness.built.files)) - stable), 9):
            harness.built.remove(name)
        harness.built.put(f"new{after}.jpg", FileSpec(captured="2019-08-07T10:00:00"))
        harness.built.rescan(hashes=False)
    assert len(seen) == len(set(seen))
    assert stable <= set(seen)


def test_a_page_is_one_query_whatever_its_size(make):
    files = {
        f"{number:03d}.jpg": FileSpec(body=b"%d" % number, captured="2019-08-07T10:00:00")
        for number in range(200)
    }
    harness = make(files, hashes=False)
    pool = ReaderPool(harness.built.library, 1)
    tree = open_tree(harness.built.library, pool, clock=time.time_ns, report=dict)
    statements: list[str] = []
    with pool.reader() as reader:
        reader.connection.exec_trace = lambda _cursor, sql, _bindings: statements.append(sql) or True
    for path in (DAY, os.fsencode(f"Originals/{VOLUME}")):
        node = tree.resolve(path, OWNER)
        statements.clear()
        assert len(list(tree.children(node, OWNER, 0, 1000))) == 200
        queries = [sql for sql in statements if sql not in ("BEGIN", "COMMIT")]
        assert len(queries) <= 3, queries  # Originals: its root, its directories, its files
    pool.close()


def test_names_that_are_only_probed_cost_no_query(make):
    harness = make({"a.jpg": FileSpec(captured="2019-08-07T10:00:00")})
    harness.built.put("Thumbs.db", FileSpec(body=b"real", is_asset=False))
    harness.built.rescan()
    node = harness.node(DAY)
    pool = ReaderPool(harness.built.library, 1)
    tree = open_tree(harness.built.library, pool, clock=time.time_ns, report=dict)
    statements: list[str] = []
    with pool.reader() as reader:
        reader.connection.exec_trace = lambda _cursor, sql, _bindings: statements.append(sql) or True
    for name in (
        b".Trash-1000",
        b"._a.jpg",
        b"Thumbs.db",
        b"desktop.ini",
        b".DS_Store",
        b".hidden",
        b"autorun.inf",
    ):
        with pytest.raises(NotFound):
            tree.lookup(node, name, OWNER)
    assert statements == []
    assert tree.resolve(f"Originals/{VOLUME}/Thumbs.db".encode(), OWNER).size == 4
    pool.close()


# Views


def test_recent_forgets_a_day_when_it_is_old_enough(make):
    harness = make({"a.jpg": FileSpec(captured="2019-08-07T10:00:00")})
    day = harness.node(f"Recent/{harness.built.added_day}")
    harness.now_ns += 29 * 86_400 * 10**9
    assert harness.names("Recent") == [harness.built.added_day]
    harness.now_ns += 2 * 86_400 * 10**9
    assert harness.names("Recent") == []
    with pytest.raises(NotFound):
        harness.tree.node(day.inode)


def test_views_can_be_renamed_and_switched_off(varied):
    tree = varied.make_tree(TreeOptions(names={Fixed.TIMELINE: "Zeitleiste", Fixed.ORIGINALS: "Originals"}))
    assert [entry.name for entry in tree.children(tree.root(), OWNER)] == [b"Zeitleiste", b"Originals"]
    assert tree.resolve(b"Zeitleiste/2019", OWNER).is_dir
    with pytest.raises(NotFound):
        tree.resolve(b"Types", OWNER)


def test_folders_without_a_change_are_as_old_as_the_library_and_no_younger_with_a_volume(make):
    harness = make({})
    with harness.built.writer.atomic():
        harness.built.writer.execute("UPDATE meta SET value = '42' WHERE key = 'created_ns'")
    tree = open_tree(harness.built.library, harness.pool, clock=time.time_ns, report=dict)
    for path in (b"", b"Timeline", b"Types", b"Cameras", b"Recent", b"Originals", b".glassine"):
        assert tree.resolve(path, OWNER).mtime_ns == 42, path


def test_the_last_photo_of_a_folder_takes_the_folder_with_it(make):
    harness = make(
        {"a.jpg": FileSpec(captured="2019-08-07T10:00:00"), "b.jpg": FileSpec(captured="2020-01-01T10:00:00")}
    )
    day = harness.node(DAY)
    harness.built.remove("a.jpg")
    harness.built.rescan()
    assert harness.names("Timeline") == ["2020"]
    for path in (DAY, b"Timeline/2019", b"Types/Photos/2019"):
        with pytest.raises(NotFound):
            harness.node(path)
    with pytest.raises(NotFound):
        harness.tree.node(day.inode)


def test_a_clash_shows_the_first_plainly_and_the_others_with_their_id(varied):
    plain, suffixed = varied.names(DAY)
    assert plain == "IMG_0001.JPG"
    assert suffixed.startswith("IMG_0001~")
    first = varied.node(DAY + b"/IMG_0001.JPG")
    assert first.uid is not None
    assert varied.node(DAY + f"/IMG_0001~{first.uid[:6]}.JPG".encode()) == first


def test_a_folder_has_no_bytes(varied):
    with pytest.raises(UsageError):
        varied.tree.open(varied.node("Timeline"), OWNER)


def test_etags_are_the_hash_once_the_bytes_are_read_and_weak_before(make):
    harness = make({"a.jpg": FileSpec(captured="2019-08-07T10:00:00")}, hashes=False)
    assert harness.node(DAY + b"/a.jpg").etag.startswith('W/"')
    harness.built.rescan()
    node = harness.node(DAY + b"/a.jpg")
    assert node.hash is not None
    assert node.etag == f'"{node.hash.hex()}"'
    before = harness.node(DAY).etag
    harness.built.put("b.jpg", FileSpec(captured="2019-08-07T11:00:00"))
    harness.built.rescan()
    assert harness.node(DAY).etag != before


# Bytes


@pytest.mark.parametrize("state", ["offline", "suspect", "disabled"])
def test_a_volume_that_is_away_keeps_its_entries_and_opens_nothing_at_once(varied, state):
    before = walk_rows(varied.tree, varied.tree.root())
    varied.set_volume(state)
    os.rename(varied.built.root, varied.built.root.with_name("elsewhere"))
    assert walk_rows(varied.tree, varied.tree.root()) == before
    started = time.monotonic()
    for path in (DAY + b"/IMG_0001.JPG", f"Originals/{VOLUME}/song.mp3"):
        with pytest.raises(VolumeOffline):
            varied.tree.open(varied.node(path), OWNER)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("state", ["unknown", "online"])
def test_a_root_that_is_gone_before_anybody_noticed_is_an_offline_volume(varied, state):
    varied.set_volume(state)
    os.rename(varied.built.root, varied.built.root.with_name("elsewhere"))
    with pytest.raises(VolumeOffline):
        varied.tree.open(varied.node(DAY + b"/IMG_0001.JPG"), OWNER)


def change_size(path):
    path.write_bytes(b"other")


def change_time(path):
    os.utime(path, ns=(1, 1))


def change_inode(path):
    status = path.stat()
    body = path.read_bytes()
    path.rename(path.with_name("kept"))
    path.write_bytes(body)
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))


def remove(path):
    path.unlink()


def make_a_link(path):
    path.unlink()
    path.symlink_to("/etc/passwd")


def make_a_fifo(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("change", [change_size, change_time, change_inode, remove, make_a_link, make_a_fifo])
def test_a_file_that_is_not_what_the_catalog_knows_is_never_served(varied, change):
    change(varied.built.root / "2019" / "IMG_0001.JPG")
    for path in (DAY + b"/IMG_0001.JPG", f"Originals/{VOLUME}/2019/IMG_0001.JPG"):
        with pytest.raises(ChangedUnderneath):
            varied.tree.open(varied.node(path), OWNER)


def test_a_change_of_mode_alone_does_not_stop_the_serving(varied):
    os.chmod(varied.built.root / "2019" / "IMG_0001.JPG", 0o400)
    with varied.tree.open(varied.node(DAY + b"/IMG_0001.JPG"), OWNER) as opened:
        assert opened.read(0, 10)


def test_a_file_cut_short_while_it_is_open_is_an_error_not_a_short_read(varied):
    with varied.tree.open(varied.node(DAY + b"/IMG_0001.JPG"), OWNER) as opened:
        os.truncate(varied.built.root / "2019" / "IMG_0001.JPG", 100)
        assert len(opened.read(0, 100)) == 100
        with pytest.raises(ChangedUnderneath):
            opened.read(50, 100)
        assert opened.read_nowait(50, 100, memoryview(bytearray(4096))) is None


def test_reads_have_their_exact_length_wherever_they_start(varied):
    body = (varied.built.root / "2019" / "IMG_0001.JPG").read_bytes()
    buffer = memoryview(bytearray(1 << 20))
    with varied.tree.open(varied.node(DAY + b"/IMG_0001.JPG"), OWNER) as opened:
        assert opened.size == len(body)
        for offset in (0, 1, len(body) - 1, len(body), len(body) + 5):
            assert opened.read(offset, 1000) == body[offset : offset + 1000]
            at_once = opened.read_nowait(offset, 1000, buffer)
            assert at_once is None or bytes(at_once) == body[offset : offset + 1000]


def test_an_open_original_is_read_only_and_moves_no_access_time(varied):
    path = varied.built.root / "2019" / "IMG_0001.JPG"
    os.utime(path, ns=(1_000_000_000, varied.built.files[b"2019/IMG_0001.JPG"].mtime_ns))
    with varied.tree.open(varied.node(DAY + b"/IMG_0001.JPG"), OWNER) as opened:
        assert opened.read(0, 10)
        fd = opened.fileno()
        assert fd is not None
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(fd, b"x")
    assert path.stat().st_atime_ns == 1_000_000_000


# Names over the web


def web_names(harness: Harness, path: str) -> dict[str, Node]:
    node = harness.tree.resolve_web(path.split("/"), OWNER)
    return {entry.name.decode(): entry.node for entry in harness.tree.children_web(node, OWNER)}


def test_web_names_of_originals_are_legal_unique_and_resolve(make):
    harness = make(
        {
            b"bad\xff.jpg": FileSpec(captured="2019-08-07T10:00:00"),
            b"bad\xfe.jpg": FileSpec(captured="2019-08-07T10:00:00"),
            "a:b.jpg": FileSpec(captured="2019-08-07T10:00:00"),
            "a：b.jpg": FileSpec(captured="2019-08-07T10:00:00"),
            "x~k7m2qx.jpg": FileSpec(captured="2019-08-07T10:00:00"),
            b"dir\xff/inner.jpg": FileSpec(captured="2019-08-07T10:00:00"),
            unicodedata.normalize("NFD", "café.jpg"): FileSpec(captured="2019-08-07T10:00:00"),
            "café.jpg": FileSpec(captured="2019-08-07T10:00:00"),
        }
    )
    top = f"Originals/{VOLUME}"
    shown = web_names(harness, top)
    assert len(shown) == 8
    assert {"a：b.jpg", "café.jpg"} <= shown.keys()
    assert not any(set('<>:"\\|?*') & set(name) for name in shown)
    for name, node in shown.items():
        assert harness.tree.resolve_web([*top.split("/"), name], OWNER) == node
    (folder,) = (name for name, node in shown.items() if node.is_dir)
    assert list(web_names(harness, f"{top}/{folder}")) == ["inner.jpg"]


def test_web_names_fold_case_and_unicode_but_only_to_one(make):
    harness = make(
        {
            "Ärger.JPG": FileSpec(captured="2019-08-07T10:00:00"),
            "b.jpg": FileSpec(captured="2019-08-07T10:00:00"),
            "B.JPG": FileSpec(captured="2019-08-07T11:00:00"),
        }
    )
    exact = harness.tree.resolve_web(["Originals", VOLUME, "Ärger.JPG"], OWNER)
    for name in ("ärger.jpg", unicodedata.normalize("NFD", "Ärger.JPG"), "ÄRGER.JPG"):
        assert harness.tree.resolve_web(["originals", VOLUME.upper(), name], OWNER) == exact
    assert harness.tree.resolve_web(["Originals", VOLUME, "b.jpg"], OWNER) != exact
    with pytest.raises(NotFound):  # two fit: neither is meant
        harness.tree.resolve_web(["Originals", VOLUME, "b.JPG"], OWNER)
    with pytest.raises(NotFound):
        harness.tree.resolve(b"timeline", OWNER)
    assert harness.tree.resolve_web(["timeline", "2019"], OWNER).is_dir


def test_a_foreign_suffix_names_no_entry_of_another_folder(make):
    harness = make(
        {
            b"a/bad\xff.jpg": FileSpec(captured="2019-08-07T10:00:00"),
            "b/x.jpg": FileSpec(captured="2019-08-07T10:00:00"),
        }
    )
    (name,) = web_names(harness, f"Originals/{VOLUME}/a")
    with pytest.raises(NotFound):
        harness.tree.resolve_web(["Originals", VOLUME, "b", name], OWNER)
