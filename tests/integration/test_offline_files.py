"""Originals whose storage is not there: the error says so at once, and never that the file had changed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.errors import ChangedUnderneath, VolumeOffline
from catalog.store import volumes
from catalog.store.db import ReaderPool
from catalog.values import OWNER
from library_builder import VOLUME, BuiltLibrary, build_library, varied_files
from vfs.storage.local import LocalStorage
from vfs.tree import Tree, open_tree

DAY = b"Timeline/2019/2019-08/2019-08-07"
SONG = f"Originals/{VOLUME}/song.mp3".encode()


class Seen:
    """A library that was probed, and its tree."""

    def __init__(self, built: BuiltLibrary) -> None:
        self.built = built
        self.root: Path = built.root
        self.pool = ReaderPool(built.library, 2)
        self.tree: Tree = open_tree(built.library, self.pool, clock=lambda: 0, report=dict)
        with LocalStorage(os.fsencode(built.root)) as storage:
            identity = json.dumps({"instance": storage.instance()})
        volumes.set_identity(built.writer, built.volume_id, identity, before=None)
        volumes.set_volume_state(built.writer, built.volume_id, "online", None, 1)

    def read(self, path: bytes) -> bytes:
        with self.tree.open(self.tree.resolve(path, OWNER), OWNER) as file:
            return file.read(0, file.size)

    def nested(self, path: bytes, key: str | None) -> None:
        volumes.note_nested_mounts(self.built.writer, self.built.volume_id, [(path, key)], 1)

    def close(self) -> None:
        self.pool.close()
        self.built.close()


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[Seen]:
    seen = Seen(build_library(tmp_path, varied_files()))
    yield seen
    seen.close()


def _directory_of_photos(seen: Seen) -> bytes:
    """Return a directory of the volume that holds the first photo of the day."""
    target = seen.tree.source(seen.tree.resolve(DAY + b"/IMG_0001.JPG", OWNER), OWNER).target
    return bytes(target.path.rpartition(b"/")[0])


def test_another_directory_at_the_place_of_the_root_is_an_offline_volume(seen: Seen) -> None:
    assert seen.read(SONG)
    os.rename(seen.root, seen.root.with_name("elsewhere"))
    seen.root.mkdir()  # an empty mount point, before anybody noticed
    with pytest.raises(VolumeOffline, match="not mounted where it was"):
        seen.read(SONG)
    (seen.root / "song.mp3").write_bytes(b"another disk has a file of this name")
    with pytest.raises(VolumeOffline, match="not mounted where it was"):
        seen.read(SONG)


def test_a_file_that_is_gone_from_the_mount_that_was_proven_has_changed(seen: Seen) -> None:
    (seen.root / "song.mp3").unlink()
    with pytest.raises(ChangedUnderneath):
        seen.read(SONG)


def test_files_of_a_nested_file_system_that_is_away_fail_at_once_and_all_others_are_read(seen: Seen) -> None:
    above = _directory_of_photos(seen)
    photo = DAY + b"/IMG_0001.JPG"
    assert seen.read(photo)
    seen.nested(above, "a key")
    assert seen.read(photo)
    seen.nested(above, None)
    with pytest.raises(VolumeOffline, match="another file system"):
        seen.read(photo)
    assert seen.read(SONG)


def test_a_place_whose_name_only_begins_like_that_of_one_that_is_away_is_read(seen: Seen) -> None:
    above = _directory_of_photos(seen)
    seen.nested(above[:-1], "a key")
    seen.nested(above[:-1], None)
    assert seen.read(DAY + b"/IMG_0001.JPG")


def test_a_catalog_without_inodes_serves_the_file_that_has_the_rest_of_the_stamp(seen: Seen) -> None:
    seen.built.writer.execute("UPDATE location SET inode = 0")
    assert seen.read(SONG)
    os.utime(seen.root / "song.mp3", ns=(1, 1))
    with pytest.raises(ChangedUnderneath):
        seen.read(SONG)
