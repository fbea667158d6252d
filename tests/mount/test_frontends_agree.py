"""Tree, mount and WebDAV on a real library, scanned and read by the product: one answer, and the original bytes."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from mounted import MountOser, open_mount

from catalog.library import Library
from catalog.store.db import ReaderPool
from catalog.values import OWNER
from contract.frontend_suite import Status
from contract.test_frontend_dav import NS_PER_S, DavOser, open_dav
from contract.test_frontend_tree import TreeOser
from product import Product
from vfs.nodes import Node
from vfs.options import VIEW_NAMES
from vfs.tree import open_tree

pytestmark = pytest.mark.mount

WINDOWS = 3  # random reads per file and face
ORIGINALS = "Originals/Photos"
Everything = dict[str, Status]


@dataclass(slots=True)
class Faces:
    """The same library, three times, and what lies on its volume."""

    root: Path
    tree: TreeOser
    mount: MountOser
    dav: DavOser

    def in_tree(self) -> dict[str, Node]:
        """Everything by its path."""
        return dict(self._below(self.tree.tree.root(), ""))

    def _below(self, folder: Node, path: str) -> Iterator[tuple[str, Node]]:
        for entry in self.tree.tree.children(folder, OWNER):
            below = path + os.fsdecode(entry.name)
            yield below, entry.node
            if entry.node.is_dir:
                yield from self._below(entry.node, below + "/")

    def in_mount(self, path: str = "") -> Everything:
        """Everything by its path, as system calls say it."""
        found: Everything = {}
        for name in self.mount.listdir(path):
            below = f"{path}/{name}" if path else name
            found[below] = status = self.mount.stat(below)
            if status.is_dir:
                found |= self.in_mount(below)
        return found

    def in_dav(self, path: str) -> Everything:
        """Everything below a folder by its path, as PROPFIND says it."""
        found: Everything = {}
        for name, status in self.dav.scan(path).items():
            below = f"{path}/{name}" if path else name
            found[below] = status
            if status.is_dir:
                found |= self.in_dav(below)
        return found


@pytest.fixture(scope="module")
def faces(originals: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faces]:
    product = Product(tmp_path_factory.mktemp("agree"))
    product.init(originals)
    product.run("scan")
    library = Library(product.library)
    pool = ReaderPool(library, 2)
    tree = TreeOser(open_tree(library, pool, clock=time.time_ns, report=dict))
    with open_mount(library, product.mountpoint) as mount, open_dav(library) as dav:
        yield Faces(originals, tree, MountOser(mount.place), dav)
    pool.close()


def coarse(status: Status) -> Status:
    """Return what HTTP can say: whole seconds, no sizes of folders."""
    return replace(status, mtime_ns=status.mtime_ns - status.mtime_ns % NS_PER_S)


def test_the_mount_shows_exactly_the_tree(faces: Faces):
    tree = {path: Status(node.is_dir, node.size, node.mtime_ns) for path, node in faces.in_tree().items()}
    assert len(tree) > 100
    assert faces.in_mount() == tree


def test_propfind_shows_the_same_names_sizes_and_times_as_the_mount(faces: Faces):
    mount = {path: coarse(status) for path, status in faces.in_mount().items()}
    dav = faces.in_dav("")
    is_view = {path: status for path, status in dav.items() if not path.startswith("Originals/")}
    assert is_view == {path: mount[path] for path in mount if not path.startswith("Originals/")}
    # Raw names that HTTP cannot carry are shown otherwise, but each is shown once.
    assert len(dav) == len(mount)
    same = dav.keys() & mount.keys()
    assert len(same) > 0.9 * len(mount)
    assert {path: dav[path] for path in same} == {path: mount[path] for path in same}


@pytest.mark.parametrize("path", ["", ".glassine", *VIEW_NAMES.values()])
def test_folders_that_are_always_there_have_one_time_on_every_face(faces: Faces, path: str):
    said = {coarse(face.stat(path)).mtime_ns for face in (faces.tree, faces.mount, faces.dav)}
    assert len(said) == 1
    assert said.pop() > 0


def test_originals_are_the_files_of_the_volume(faces: Faces):
    files = {
        f"{ORIGINALS}/{place.relative_to(faces.root)}": place.stat()
        for place in faces.root.rglob("*")
        if place.is_file() and not place.is_symlink()
    }
    mount = {path: status for path, status in faces.in_mount(ORIGINALS).items() if not status.is_dir}
    assert mount.keys() <= files.keys()
    assert len(mount) > 0.9 * len(files)  # the rest are names that are excluded
    for path, status in mount.items():
        assert (status.size, status.mtime_ns) == (files[path].st_size, files[path].st_mtime_ns), path


def test_random_windows_are_the_original_bytes_on_every_face(faces: Faces):
    chooser = random.Random(11)
    tree = faces.in_tree()
    body_by_hash = {
        node.hash: (faces.root / path.removeprefix(f"{ORIGINALS}/")).read_bytes()
        for path, node in tree.items()
        if path.startswith(f"{ORIGINALS}/") and node.hash is not None
    }
    files = [
        path for path, node in tree.items() if not node.is_dir and path.startswith(("Timeline", "Types"))
    ]
    assert len(files) > 50
    for path in files:
        body = body_by_hash[tree[path].hash]
        with faces.tree.open(path) as direct, faces.mount.open(path) as mounted, faces.dav.open(path) as web:
            for _ in range(WINDOWS):
                offset, size = chooser.randint(0, len(body)), chooser.randint(1, 200_000)
                wanted = body[offset : offset + size]
                assert direct.read_at(offset, size) == wanted, path
                assert mounted.read_at(offset, size) == wanted, path
                assert web.read_at(offset, size) == wanted, path
