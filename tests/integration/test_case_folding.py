"""Names that differ in case only: on a file system that folds case (exFAT), and on one that does not."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from volume_sessions import hashed, open_session, walked

from capabilities import require
from daemon.excludes import Excludes
from daemon.volume_process.second_look import SecondLook, folds_case
from daemon.volume_process.walk import Territory
from vfs.storage.local import LocalStorage


@pytest.fixture
def exfat(tmp_path: Path) -> Iterator[Path]:
    """A stick as cameras and phones write it: folds case, has no inodes (and with FUSE even the kernel knows no exFAT)."""
    require("loop")
    require("exfat-fuse")
    image, place = tmp_path / "exfat.img", tmp_path / "stick"
    with open(image, "wb") as out:
        out.truncate(8 << 20)
    place.mkdir()
    subprocess.run(["mkfs.exfat", image], check=True, capture_output=True)
    shown = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True, text=True)
    device = shown.stdout.strip()
    try:
        subprocess.run(["mount.exfat-fuse", device, place], check=True, capture_output=True)
        try:
            yield place
        finally:
            subprocess.run(["umount", place], check=True)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


@pytest.mark.root
async def test_a_name_that_answers_by_case_folding_alone_is_gone(exfat: Path) -> None:
    (exfat / "Album").mkdir()
    (exfat / "Album" / "DSC_1.JPG").write_bytes(b"one")
    (exfat / "Album" / "DSC_2.JPG").write_bytes(b"two")
    async with open_session(exfat) as session:
        before = await walked(session)
        (exfat / "Album" / "DSC_1.JPG").rename(exfat / "Album" / "dsc_1.jpg")
        assert (exfat / "Album" / "DSC_1.JPG").exists()  # or there is nothing to be tested
        after = await walked(session)
        assert set(after.files) == {b"Album/dsc_1.jpg", b"Album/DSC_2.JPG"}
        assert after.digests != before.digests
        _, fates = await session.look([b"Album/DSC_1.JPG", b"Album/dsc_1.jpg", b"Album/DSC_2.JPG", b"Album"])
        assert fates == ["gone", "present", "present", "present"]


@pytest.mark.root
async def test_a_directory_renamed_in_case_only_takes_all_below_it_along(exfat: Path) -> None:
    (exfat / "Album" / "deep").mkdir(parents=True)
    (exfat / "Album" / "deep" / "x.jpg").write_bytes(b"x")
    async with open_session(exfat) as session:
        (exfat / "Album").rename(exfat / "album")
        _, fates = await session.look(
            [b"Album", b"Album/deep", b"Album/deep/x.jpg", b"album/deep/x.jpg", b"album/DEEP/x.jpg"]
        )
        assert fates == ["gone", "gone", "gone", "present", "gone"]


@pytest.mark.root
async def test_on_a_file_system_without_inodes_files_are_walked_and_hashed_by_the_rest_of_their_stamps(
    exfat: Path,
) -> None:
    (exfat / "x.jpg").write_bytes(b"x")
    os.utime(exfat / "x.jpg", (1_500_000_000, 1_500_000_000))
    async with open_session(exfat) as session:
        found = await walked(session)
        assert found.files[b"x.jpg"].inode == 0
        assert (exfat / "x.jpg").stat().st_ino != 0
        (answer,) = await hashed(session, list(found.files.items()))
        assert answer.failure in (None, "busy")  # busy: the change time may be younger than two seconds
        other = found.files[b"x.jpg"]._replace(size=2)
        (answer,) = await hashed(session, [(b"x.jpg", other)])
        assert answer.failure == "changed"
        report = await session.probe()
        assert (report.keeps_inodes, report.folds_case) == (False, True)


def test_where_case_matters_two_names_are_two_files(tmp_path: Path) -> None:
    (tmp_path / "A.jpg").write_bytes(b"A")
    with LocalStorage(os.fsencode(tmp_path)) as storage:
        second = SecondLook(storage, Territory(Excludes()))
        assert [second.is_gone(path) for path in (b"A.jpg", b"a.jpg", b"A.jpg/x")] == [False, True, True]
        assert folds_case(storage, [b"A.jpg"]) is False
        assert folds_case(storage, [b"123", b"\xc3\xa4"]) is None


def test_a_directory_that_changes_while_its_names_are_read_proves_nothing(tmp_path: Path) -> None:
    class Busy(LocalStorage):
        def names(self, path: bytes) -> Iterator[bytes]:
            (tmp_path / "meanwhile.jpg").touch()
            os.utime(tmp_path, ns=(1, 1))
            yield b"another.jpg"

    (tmp_path / "x.jpg").touch()
    with Busy(os.fsencode(tmp_path)) as storage:
        assert SecondLook(storage, Territory(Excludes())).is_gone(b"x.jpg") is None
