"""File systems mounted below a volume's root: present, away, another one at the place, coming and going meanwhile."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from volume_sessions import bound, fuse_mount, hashed, open_session, walked

from capabilities import require
from daemon.volume_process import walk as walking
from daemon.volume_process.mounts import MountTable
from daemon.volume_process.nested import nested_key, nested_mounts
from daemon.volume_process.protocol import Hello
from daemon.volume_process.second_look import SecondLook
from daemon.volume_process.surveying import Surveyor
from loop_disk import LoopDisk, loop_disk
from vfs.beneath import FileStamp, file_stamp
from vfs.storage.local import LocalStorage

pytestmark = pytest.mark.root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    volume = tmp_path / "volume"
    (volume / "a").mkdir(parents=True)
    (volume / "a" / "x.jpg").write_bytes(b"x")
    (volume / "trip").mkdir()
    return volume


@pytest.fixture
def stick(root: Path) -> Iterator[LoopDisk]:
    """A disk of its own at `trip/stick`, with a photo and one in a folder."""
    with loop_disk(root / "trip" / "stick", size_kib=2048, image=root.parent / "stick.img") as disk:
        (disk / "y.jpg").write_bytes(b"y")
        (disk / "sub").mkdir()
        (disk / "sub" / "z.jpg").write_bytes(b"z")
        yield disk


@contextmanager
def tmpfs_at(place: Path) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def _key_at(root: Path, path: bytes) -> str:
    with LocalStorage(os.fsencode(root)) as storage:
        return nested_key(storage, path)


BELOW = [b"trip/stick/y.jpg", b"trip/stick/sub/z.jpg", b"trip/stick/sub"]
# At and above the place nothing can be told either.
AROUND = [b"trip/stick", b"trip"]


async def test_a_nested_file_system_that_is_there_is_walked_looked_at_and_hashed(
    root: Path, stick: LoopDisk
) -> None:
    nested = ((b"trip/stick", _key_at(root, b"trip/stick")),)
    async with open_session(root, nested=nested) as session:
        found = await walked(session)
        assert set(found.files) == {b"a/x.jpg", b"trip/stick/y.jpg", b"trip/stick/sub/z.jpg"}
        assert not found.errors
        _, fates = await session.look(
            [*BELOW, *AROUND, b"trip/stick/gone.jpg", b"trip/stick/sub/no/gone.jpg"]
        )
        assert fates == ["present"] * 5 + ["gone"] * 2
        answers = await hashed(session, list(found.files.items()))
        assert [answer.failure for answer in answers] == [None] * 3


async def test_where_a_remembered_file_system_is_away_nothing_is_listed_and_nothing_can_be_told(
    root: Path, stick: LoopDisk
) -> None:
    nested = ((b"trip/stick", _key_at(root, b"trip/stick")),)
    async with open_session(root, nested=nested) as session:
        before = await walked(session)
    stick.lazy_unmount()
    async with open_session(root, nested=nested) as session:
        found = await walked(session)
        assert found.directories == {b"", b"a", b"trip"}
        assert set(found.files) == {b"a/x.jpg"}
        assert not found.errors
        assert b"trip/stick" in found.subdirectories
        started_there = await walked(session, (b"trip/stick", b"trip/stick/sub"))
        assert not started_there.directories
        _, fates = await session.look([*BELOW, *AROUND, b"a/gone.jpg"])
        assert fates == ["unknown"] * 5 + ["gone"]
        assert await session.times([(b"trip/stick", 1), (b"trip/stick/sub", 1), (b"a", 1)]) == [b"a"]
        answers = await hashed(session, [(BELOW[0], before.files[BELOW[0]])])
        assert [answer.failure for answer in answers] == ["ENODEV"]
        stick.mount_again()
        again = await walked(session)
        assert again.files == before.files
        assert again.digests[b"trip/stick"] == before.digests[b"trip/stick"]


async def test_another_file_system_at_the_place_is_not_looked_into(root: Path, stick: LoopDisk) -> None:
    nested = ((b"trip/stick", _key_at(root, b"trip/stick")),)
    stick.lazy_unmount()
    with tmpfs_at(stick):
        (stick / "stranger.jpg").write_bytes(b"stranger")
        async with open_session(root, nested=nested) as session:
            found = await walked(session)
            assert set(found.files) == {b"a/x.jpg"}
            _, fates = await session.look(BELOW)
            assert fates == ["unknown"] * 3
            assert (b"trip/stick", None) in (await session.probe()).nested


async def test_what_this_process_saw_once_is_away_when_it_goes_though_nobody_told_it(
    root: Path, stick: LoopDisk
) -> None:
    async with open_session(root) as session:
        assert BELOW[0] in (await walked(session)).files
        stick.lazy_unmount()
        _, fates = await session.look(BELOW)
        assert fates == ["unknown"] * 3
        assert set((await walked(session)).files) == {b"a/x.jpg"}


async def test_a_new_file_system_over_known_files_hides_them(root: Path) -> None:
    async with open_session(root) as session:
        await walked(session)
        with tmpfs_at(root / "a"):
            (root / "a" / "other.jpg").write_bytes(b"other")
            assert set((await walked(session)).files) == {b"a/other.jpg"}
            _, fates = await session.look([b"a/x.jpg", b"a/other.jpg"])
            assert fates == ["gone", "present"]


async def test_a_nested_server_that_died_is_away_and_the_rest_goes_on(root: Path, tmp_path: Path) -> None:
    require("bindfs")
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "s.jpg").write_bytes(b"s")
    async with (
        fuse_mount(tmp_path / "served", root / "trip" / "nas") as server,
        open_session(root) as session,
    ):
        before = await walked(session)
        assert before.files[b"trip/nas/s.jpg"].inode == 0  # a server makes its numbers up
        assert before.files[b"a/x.jpg"].inode != 0
        server.kill()
        server.wait()
        found = await walked(session)
        assert set(found.files) == {b"a/x.jpg"}
        assert found.errors == {b"trip/nas": "ENOTCONN"}
        _, fates = await session.look([b"trip/nas/s.jpg", b"trip/nas", b"trip/nas/gone.jpg"])
        assert fates == ["unknown"] * 3
        answers = await hashed(session, [(b"trip/nas/s.jpg", before.files[b"trip/nas/s.jpg"])])
        assert [answer.failure for answer in answers] == ["ENOTCONN"]


async def test_a_disk_that_breaks_under_its_mount_makes_nothing_gone(root: Path, stick: LoopDisk) -> None:
    async with open_session(root) as session:
        before = await walked(session)
        stick.break_medium()
        found = await walked(session)
        assert found.errors == {b"trip/stick": "EIO"}
        assert set(found.files) == {b"a/x.jpg"}
        _, fates = await session.look([path for path in before.files if path.startswith(b"trip")])
        assert set(fates) == {"unknown"}


# ---- in the middle of something


class _Surveyed:
    """A storage, and what may be looked at in it, as a request has them after its survey."""

    def __init__(
        self,
        root: Path,
        make: type[LocalStorage] = LocalStorage,
        known: Sequence[tuple[bytes, str]] = (),
    ) -> None:
        self.storage = make(os.fsencode(root))
        self.table = MountTable()
        hello = Hello(os.fsencode(root), "local", (), (), (), (), tuple(known))
        self.surveyor = Surveyor(hello, self.table)
        self.territory = self.survey()

    def survey(self) -> walking.Territory:
        return self.surveyor.survey(self.storage).territory

    def survey_again(self, path: bytes) -> walking.Territory:
        return self.surveyor.survey_again(self.storage, path)

    def close(self) -> None:
        self.storage.close()
        self.table.close()


@pytest.fixture
def surveyed(root: Path, stick: LoopDisk) -> Iterator[_Surveyed]:
    surveyed = _Surveyed(root)
    yield surveyed
    surveyed.close()


def test_a_file_system_that_goes_after_the_survey_makes_an_error_and_no_empty_listing(
    surveyed: _Surveyed, stick: LoopDisk
) -> None:
    stick.lazy_unmount()
    for path in (b"trip/stick", b"trip/stick/sub"):
        assert walking.list_directory(surveyed.storage, surveyed.territory, path).error == "ENODEV"
    second = SecondLook(surveyed.storage, surveyed.territory)
    assert [second.is_gone(path) for path in BELOW] == [None] * 3
    with pytest.raises(OSError, check=lambda error: error.errno == errno.ENODEV):
        surveyed.storage.open(b"trip/stick/y.jpg")
    parts = list(
        walking.walk(surveyed.storage, [b""], surveyed.territory, survey_again=surveyed.survey_again)
    )
    assert [(part.path, part.error) for part in parts if isinstance(part, walking.Part)] == [
        (b"", None),
        (b"a", None),
        (b"trip", None),
        (b"trip/stick", "ENODEV"),
    ]


def test_a_file_system_that_goes_during_a_listing_leaves_the_listing_whole(
    surveyed: _Surveyed, stick: LoopDisk
) -> None:
    entries = surveyed.storage.list(b"trip/stick")
    first = next(entries)
    stick.lazy_unmount()
    names = {first.name} | {entry.name for entry in entries}
    assert names == {b"y.jpg", b"sub", b"lost+found"}


def test_a_file_system_that_comes_after_the_survey_is_refused_until_it_is_looked_up(
    surveyed: _Surveyed, root: Path
) -> None:
    with tmpfs_at(root / "a"):
        assert walking.list_directory(surveyed.storage, surveyed.territory, b"a").error == "ENODEV"
        assert SecondLook(surveyed.storage, surveyed.territory).is_gone(b"a/x.jpg") is None
        (root / "a" / "new.jpg").touch()
        found = list(
            walking.walk(surveyed.storage, [b"a"], surveyed.territory, survey_again=surveyed.survey_again)
        )
        assert [[entry.name for entry in part.entries] for part in found] == [[b"new.jpg"]]


def test_a_root_that_is_taken_away_between_opening_and_surveying_is_no_root(
    tmp_path: Path,
) -> None:
    with loop_disk(tmp_path / "disk", size_kib=2048) as disk:
        (disk / "tmp").mkdir()
        with LocalStorage(os.fsencode(disk)) as storage:
            assert storage.where() == os.fsencode(disk)
            disk.lazy_unmount()
            with pytest.raises(OSError, check=lambda error: error.errno == errno.ENODEV):
                storage.where()


class _Trusting(LocalStorage):
    """The mutant: it believes that what was looked up before is still there."""

    def expect_mounts(self, mounts: Mapping[bytes, int]) -> None:
        pass


def _look_while_it_comes_and_goes(
    root: Path, stick: LoopDisk, rounds: int, make: type[LocalStorage] = LocalStorage
) -> int:
    """Mount and unmount all the time and look; return how often it was seen whole. AssertionError: a file is gone."""
    known = [(b"trip/stick", _key_at(root, b"trip/stick"))]
    stop = threading.Event()

    def shake() -> None:
        while not stop.wait(0.001):
            stick.lazy_unmount()
            stop.wait(0.001)
            stick.mount_again()

    shaking = threading.Thread(target=shake)
    shaking.start()
    whole = 0
    try:
        for _ in range(rounds):
            surveyed = _Surveyed(root, make, known)
            second = SecondLook(surveyed.storage, surveyed.territory)
            assert not any(second.is_gone(path) for path in [*BELOW, *AROUND])
            if not surveyed.territory.is_away(b"trip/stick"):
                listing = walking.list_directory(surveyed.storage, surveyed.territory, b"trip/stick")
                names = {entry.name for entry in listing.entries}
                assert names == {b"y.jpg", b"sub"} or listing.error is not None
                whole += listing.error is None
            surveyed.close()
    finally:
        stop.set()
        shaking.join()
    return whole


@pytest.mark.slow
def test_mounting_and_unmounting_all_the_time_never_makes_a_file_gone(root: Path, stick: LoopDisk) -> None:
    assert _look_while_it_comes_and_goes(root, stick, 300) > 0


@pytest.mark.slow
def test_a_storage_that_trusts_the_survey_would_be_found_out(root: Path, stick: LoopDisk) -> None:
    with pytest.raises(AssertionError):
        _look_while_it_comes_and_goes(root, stick, 10_000, _Trusting)


# ---- which mounts one meets


async def test_another_tmpfs_at_the_place_has_the_line_of_the_one_before_and_is_told_apart(
    root: Path,
) -> None:
    async with open_session(root) as session:
        with tmpfs_at(root / "trip"):
            (root / "trip" / "first.jpg").touch()
            assert b"trip/first.jpg" in (await walked(session)).files
        with tmpfs_at(root / "trip"):
            (root / "trip" / "second.jpg").touch()
            assert b"trip/second.jpg" not in (await walked(session)).files
            _, fates = await session.look([b"trip/first.jpg"])
            assert fates == ["unknown"]


def test_a_mount_over_a_directory_above_covers_what_was_mounted_below(root: Path, stick: LoopDisk) -> None:
    table = MountTable()
    whole = os.fsencode(root)
    assert set(nested_mounts(whole, table.mounts())) == {b"trip/stick"}
    with tmpfs_at(root / "trip"):
        assert set(nested_mounts(whole, table.mounts())) == {b"trip"}
        (root / "trip" / "stick").mkdir()
        with tmpfs_at(root / "trip" / "stick"):
            mounts = nested_mounts(whole, table.mounts())
            assert {path: mount.fs_type for path, mount in mounts.items()} == {
                b"trip": "tmpfs",
                b"trip/stick": "tmpfs",
            }
    assert {mount.fs_type for mount in nested_mounts(whole, table.mounts()).values()} == {"ext4"}
    table.close()


async def test_a_single_file_that_is_mounted_somewhere_is_a_file_like_others(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere.jpg").write_bytes(b"elsewhere")
    (root / "a" / "bound.jpg").touch()
    with bound(tmp_path / "elsewhere.jpg", root / "a" / "bound.jpg"):
        stamp = file_stamp(os.stat(tmp_path / "elsewhere.jpg"))
        async with open_session(root) as session:
            found = await walked(session)
            assert found.files[b"a/bound.jpg"] == stamp
            _, fates = await session.look([b"a/bound.jpg"])
            assert fates == ["present"]
            (answer,) = await hashed(session, [(b"a/bound.jpg", stamp)])
            assert answer.failure is None


def test_stamps_without_an_inode_match_any_inode_and_nothing_else() -> None:
    seen = FileStamp(size=1, mtime_ns=2, ctime_ns=3, inode=4)
    assert seen.matches(seen)
    assert seen.matches(FileStamp(1, 2, 3, 0))
    assert not seen.matches(FileStamp(1, 2, 3, 5))
    assert not seen.matches(FileStamp(1, 2, 4, 0))
