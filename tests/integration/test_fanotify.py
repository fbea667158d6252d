"""Watchers on a real kernel: fanotify and inotify tell the same, and fanotify works inside the confinement.

One suite for both: whatever is done to a tree, both name the same directories, and both know afterwards where
every directory is. What needs a mark on a file system needs root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from test_volume_process import open_session

from daemon.excludes import Excludes
from daemon.volume_process import fanotify
from daemon.volume_process.protocol import TreeChange
from daemon.volume_process.walk import Territory
from daemon.volume_process.watchers import FanotifyWatcher, InotifyWatcher, NoWatcher, open_watcher
from daemon.volume_process.watching import TreeWatcher
from loop_disk import loop_disk
from source_mutant import seed_mutant

METHODS = ("inotify", pytest.param("fanotify", marks=pytest.mark.root))


class Watched:
    """A watcher of a tree and what it said."""

    def __init__(self, root: Path, watcher: TreeWatcher[int] | TreeWatcher[bytes]) -> None:
        self.root = root
        self.watcher = watcher

    def said(self, *, within_s: float = 0.2) -> tuple[set[bytes], set[bytes]]:
        """Return the directories and the new trees that it names until it is silent."""
        directories: set[bytes] = set()
        new_trees: set[bytes] = set()
        while (change := self.watcher.wait(within_s)) is not None:
            directories.update(change.directories)
            new_trees.update(change.new_trees)
        return directories, new_trees

    def knows_where_all_is(self) -> bool:
        """Whether what it knows is what is there."""
        truth = {
            os.fsencode(os.path.relpath(where, self.root)).removeprefix(b".")
            for where, _, _ in os.walk(self.root)
        }
        return len(self.watcher.tree) == len(truth) and all(self.watcher.tree.at(path) for path in truth)


def make_watcher(
    method: str, root: Path, *patterns: str, own: tuple[Path, ...] = ()
) -> TreeWatcher[int] | TreeWatcher[bytes]:
    own_files = [(path.stat().st_dev, path.stat().st_ino) for path in own]
    territory = Territory(Excludes(patterns, ()), own_files)
    path = os.fsencode(root)
    if method == "inotify":
        return InotifyWatcher(path, territory)
    marks = fanotify.open_marks(path, [])
    assert marks.take()
    return FanotifyWatcher(path, territory, marks)


@pytest.fixture(params=METHODS)
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    """A tree of a few directories, watched."""
    root = tmp_path / "photos"
    for folder in ("a/b/c", "d", "x.cache/y"):
        (root / folder).mkdir(parents=True)
    (root / "a" / "old.jpg").write_bytes(b"old")
    (tmp_path / "outside" / "in").mkdir(parents=True)
    watcher = make_watcher(request.param, root, "*.cache/")
    watcher.start()
    yield Watched(root, watcher)
    watcher.close()


def test_a_file_that_is_written_and_closed_is_told_at_once(watched: Watched) -> None:
    (watched.root / "a" / "b" / "new.jpg").write_bytes(b"x")
    assert watched.said() == ({b"a/b"}, set())


def test_a_file_that_only_appears_is_told_when_it_was_quiet_for_a_second(watched: Watched) -> None:
    os.link(watched.root / "a" / "old.jpg", watched.root / "d" / "link.jpg")
    assert watched.said() == (set(), set())
    directories, _ = watched.said(within_s=1.5)
    assert b"d" in directories


def test_attributes_of_a_file_are_told(watched: Watched) -> None:
    os.chmod(watched.root / "a" / "old.jpg", 0o600)
    assert watched.said(within_s=1.5) == ({b"a"}, set())


def test_a_rename_within_a_directory_is_told_once(watched: Watched) -> None:
    os.rename(watched.root / "a" / "old.jpg", watched.root / "a" / "new.jpg")
    assert watched.said() == ({b"a"}, set())


def test_a_rename_across_directories_names_both(watched: Watched) -> None:
    os.rename(watched.root / "a" / "old.jpg", watched.root / "d" / "old.jpg")
    assert watched.said() == ({b"a", b"d"}, set())


def test_a_file_that_is_removed_is_told(watched: Watched) -> None:
    (watched.root / "a" / "old.jpg").unlink()
    assert watched.said() == ({b"a"}, set())


def test_directories_made_deep_with_a_file_in_them_at_once_are_told_as_a_tree_and_watched(
    watched: Watched,
) -> None:
    deep = watched.root / "1" / "2" / "3" / "4"
    deep.mkdir(parents=True)
    (deep / "new.jpg").write_bytes(b"x")
    directories, new_trees = watched.said()
    assert b"" in directories
    assert b"1" in new_trees
    assert watched.knows_where_all_is() is False  # x.cache is none of ours
    (deep / "late.jpg").write_bytes(b"x")
    assert watched.said() == ({b"1/2/3/4"}, set())


def test_a_directory_that_is_moved_within_is_known_at_its_new_place_with_all_below_it(
    watched: Watched,
) -> None:
    before = watched.watcher.tree.at(b"a/b/c")
    os.rename(watched.root / "a" / "b", watched.root / "d" / "e")
    assert watched.said() == ({b"a", b"d"}, {b"d/e"})
    assert watched.watcher.tree.at(b"d/e/c") is before  # moved, not forgotten and watched anew
    (watched.root / "d" / "e" / "c" / "new.jpg").write_bytes(b"x")
    assert watched.said() == ({b"d/e/c"}, set())


def test_a_directory_that_is_moved_to_and_fro_is_known_where_it_is_at_last(watched: Watched) -> None:
    for _ in range(3):
        os.rename(watched.root / "a", watched.root / "z")
        os.rename(watched.root / "z", watched.root / "a")
    os.rename(watched.root / "a", watched.root / "z")
    watched.said()
    (watched.root / "z" / "b" / "new.jpg").write_bytes(b"x")
    assert watched.said() == ({b"z/b"}, set())
    assert watched.watcher.tree.at(b"a") is None


def test_two_directories_that_swap_names_are_told_apart(watched: Watched) -> None:
    os.rename(watched.root / "a", watched.root / "t")
    os.rename(watched.root / "d", watched.root / "a")
    os.rename(watched.root / "t", watched.root / "d")
    watched.said()
    (watched.root / "d" / "b" / "new.jpg").write_bytes(b"x")
    assert watched.said() == ({b"d/b"}, set())


def test_a_directory_that_comes_from_outside_is_a_new_tree_and_one_that_leaves_is_forgotten(
    watched: Watched, tmp_path: Path
) -> None:
    os.rename(tmp_path / "outside", watched.root / "d" / "inside")
    assert watched.said() == ({b"d"}, {b"d/inside"})
    (watched.root / "d" / "inside" / "in" / "new.jpg").write_bytes(b"x")
    assert watched.said() == ({b"d/inside/in"}, set())
    os.rename(watched.root / "a", tmp_path / "away")
    assert watched.said() == ({b""}, set())
    assert watched.watcher.tree.at(b"a") is None
    (tmp_path / "away" / "b" / "new.jpg").write_bytes(b"x")
    assert watched.said() == (set(), set())


def test_a_tree_that_is_removed_leaves_nothing_behind(watched: Watched) -> None:
    shutil.rmtree(watched.root / "a")
    directories, _ = watched.said()
    assert b"" in directories
    shutil.rmtree(watched.root / "x.cache")
    watched.said()
    assert watched.knows_where_all_is()


def test_a_directory_that_is_made_again_under_its_old_name_is_watched(watched: Watched) -> None:
    shutil.rmtree(watched.root / "a")
    (watched.root / "a" / "b").mkdir(parents=True)
    watched.said()
    (watched.root / "a" / "b" / "new.jpg").write_bytes(b"x")
    assert watched.said() == ({b"a/b"}, set())


def test_what_is_excluded_is_not_told_and_a_directory_that_is_renamed_into_it_is_forgotten(
    watched: Watched,
) -> None:
    (watched.root / "x.cache" / "y" / "thumb.jpg").write_bytes(b"x")
    assert watched.said() == (set(), set())
    os.rename(watched.root / "a", watched.root / "a.cache")
    assert watched.said() == ({b""}, set())
    (watched.root / "a.cache" / "b" / "new.jpg").write_bytes(b"x")
    assert watched.said() == (set(), set())
    os.rename(watched.root / "a.cache", watched.root / "a")
    assert watched.said() == ({b""}, {b"a"})
    (watched.root / "a" / "b" / "new.jpg").write_bytes(b"x")
    assert watched.said() == ({b"a/b"}, set())


def test_a_nomedia_file_makes_its_whole_directory_worth_a_look(watched: Watched) -> None:
    (watched.root / "a" / ".nomedia").touch()
    directories, new_trees = watched.said()
    assert (directories, new_trees) == ({b"a"}, {b"a"})
    (watched.root / "a" / ".nomedia").unlink()
    assert watched.said() == ({b"a"}, {b"a"})


def test_a_directory_whose_mode_changes_is_listed_again_and_not_all_below_it(watched: Watched) -> None:
    os.chmod(watched.root / "a" / "b", 0o700)
    assert watched.said() == ({b"a/b"}, set())


@pytest.mark.parametrize("place", ["photos", "above"])
def test_a_root_that_is_moved_away_is_told_like_one_that_is_unmounted(
    tmp_path: Path, request: pytest.FixtureRequest, place: str
) -> None:
    for method in ("inotify", "fanotify") if os.geteuid() == 0 else ("inotify",):
        root = tmp_path / method / "above" / "photos"
        (root / "a").mkdir(parents=True)
        watcher = make_watcher(method, root)
        watcher.start()
        moved = root if place == "photos" else root.parent
        os.rename(moved, moved.with_name("elsewhere"))
        change = watcher.wait(2)
        assert change is not None
        assert change.is_unmounted
        watcher.close()


def test_a_wait_without_end_is_ended_by_another_thread(watched: Watched) -> None:
    threading.Timer(0.05, watched.watcher.wake).start()
    assert watched.watcher.wait(None) is None
    watched.watcher.wake()
    assert watched.watcher.wait(None) is None  # one that came before the wait is not lost


def test_where_inotify_is_refused_the_watcher_says_why_and_waits(tmp_path: Path) -> None:
    territory = Territory(Excludes((), ()))
    held = []
    try:
        while not isinstance(watcher := open_watcher(os.fsencode(tmp_path), territory, None), NoWatcher):
            held.append(watcher)
            assert len(held) < 5000
    finally:
        for one in held:
            one.close()
    assert watcher.method == "polling"
    assert "max_user_instances" in (watcher.watch_limit or "")
    watcher.wake()
    assert watcher.wait(None, lambda: None) is None
    watcher.close()


@pytest.mark.root
def test_a_directory_that_is_mounted_at_a_second_place_is_said(watched: Watched) -> None:
    (watched.root / "d" / "again").mkdir()
    subprocess.run(["mount", "--bind", watched.root / "a", watched.root / "d" / "again"], check=True)
    try:
        watched.watcher.start()
        assert "second place" in (watched.watcher.watch_limit or "")
    finally:
        subprocess.run(["umount", watched.root / "d" / "again"], check=True)


# ---- fanotify alone


@pytest.mark.root
def test_nothing_of_the_rest_of_the_file_system_is_told(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    (tmp_path / "state").mkdir()
    (root / "state").mkdir()
    watcher = make_watcher("fanotify", root, own=(root / "state",))
    watcher.start()
    for number in range(300):
        (tmp_path / "state" / f"{number}").write_bytes(b"x")
        (root / "state" / f"{number}").write_bytes(b"x")
    assert watcher.wait(0.3) is None
    watcher.close()


@pytest.mark.root
def test_an_overflow_is_no_loss_of_places(tmp_path: Path) -> None:
    """fanotify's own queue has no limit here: what it does after one is what inotify does, so it is said by hand."""
    (tmp_path / "photos").mkdir()
    watcher = make_watcher("fanotify", tmp_path / "photos")
    watcher.start()
    (tmp_path / "photos" / "new").mkdir()
    for _ in watcher._marks.read():  # type: ignore[union-attr]
        pass  # lost
    watcher.lost_events()
    watcher.wake()
    assert watcher.wait(0.1) is None
    change = watcher.wait(0.1)
    assert change is None or change.is_overflow
    watcher.close()


@pytest.mark.root
def test_marks_that_nobody_reads_are_dropped_and_are_gone_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanotify, "_UNUSED_S", 0.05)
    marks = fanotify.open_marks(os.fsencode(tmp_path), [])
    marks.give_back()
    deadline_s = time.monotonic() + 5
    while marks.take():
        marks.give_back()
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
    assert not marks.take()


@pytest.mark.root
def test_events_from_before_the_watch_are_dropped(tmp_path: Path) -> None:
    marks = fanotify.open_marks(os.fsencode(tmp_path), [])
    (tmp_path / "early").mkdir()
    assert marks.take()
    assert list(marks.read()) == []
    marks.close()


# ---- in a confined process


def inotify_watches_of(pid: int) -> int:
    """Count the inotify watches of a process, all threads and descriptors."""
    found = 0
    for entry in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            found += Path(f"/proc/{pid}/fdinfo/{entry}").read_text().count("inotify wd:")
        except FileNotFoundError:
            continue
    return found


async def next_change(items: object) -> TreeChange:
    with trio.fail_after(20):
        return await items.__anext__()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.root
async def test_a_confined_process_watches_five_thousand_directories_without_a_single_watch(
    tmp_path: Path,
) -> None:
    for number in range(100):
        for below in range(49):
            (tmp_path / f"{number:03}" / f"{below:02}").mkdir(parents=True)
    async with open_session(tmp_path) as session, session.open_watch() as changes:
        first = await next_change(changes)
        assert (first.method, first.watch_limit) == ("fanotify", None)
        assert inotify_watches_of(session.child.pid) == 0
        assert session.confinement is not None
        assert session.confinement["has_seccomp"]
        (tmp_path / "099" / "48" / "new.jpg").write_bytes(b"x")
        assert (await next_change(changes)).directories == (b"099/48",)
        os.rename(tmp_path / "050", tmp_path / "moved")
        assert (await next_change(changes)).new_trees == (b"moved",)
        (tmp_path / "moved" / "07" / "new.jpg").write_bytes(b"x")
        assert (await next_change(changes)).directories == (b"moved/07",)


@pytest.mark.root
async def test_a_second_watch_of_the_same_process_uses_the_same_mark(tmp_path: Path) -> None:
    async with open_session(tmp_path) as session:
        for _ in range(2):
            async with session.open_watch() as changes:
                assert (await next_change(changes)).method == "fanotify"
                (tmp_path / "new.jpg").write_bytes(b"x")
                assert (await next_change(changes)).directories == (b"",)
            await trio.sleep(0.1)  # its end is on the way


@pytest.mark.root
async def test_a_file_system_below_the_root_has_a_mark_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "photos" / "disk").mkdir(parents=True)
    with loop_disk(tmp_path / "photos" / "disk", size_kib=4096) as disk:
        (disk / "in").mkdir()
        async with (
            open_session(tmp_path / "photos") as session,
            session.open_watch() as changes,
        ):
            assert (await next_change(changes)).watch_limit is None
            (disk / "in" / "new.jpg").write_bytes(b"x")
            assert (await next_change(changes)).directories == (b"disk/in",)


@pytest.mark.root
async def test_a_file_system_that_cannot_be_marked_is_said_and_the_rest_is_watched(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    (root / "remote").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    subprocess.run(["bindfs", tmp_path / "elsewhere", root / "remote"], check=True)
    try:
        async with open_session(root) as session, session.open_watch() as changes:
            first = await next_change(changes)
            assert first.method == "fanotify"
            assert "remote" in (first.watch_limit or "")
            (root / "new.jpg").write_bytes(b"x")
            assert (await next_change(changes)).directories == (b"",)
    finally:
        subprocess.run(["fusermount3", "-u", "-z", root / "remote"], check=True)


@pytest.mark.root
async def test_the_suite_notices_a_watcher_that_does_not_learn_new_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant = seed_mutant(
        tmp_path / "mutant",
        "daemon.volume_process.watching",
        "self.add_trees(new_trees, tick)",
        "pass",
    )
    monkeypatch.setenv("PYTHONPATH", str(mutant))
    root = tmp_path / "photos"
    root.mkdir()
    async with open_session(root) as session, session.open_watch() as changes:
        await next_change(changes)
        (root / "new").mkdir()
        assert (await next_change(changes)).new_trees == (b"new",)
        (root / "new" / "new.jpg").write_bytes(b"x")
        with trio.move_on_after(0.25) as waiting:
            await next_change(changes)
        assert waiting.cancelled_caught
