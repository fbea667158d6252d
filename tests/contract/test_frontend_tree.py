"""The frontend suite on the tree itself, in process."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from catalog.errors import GlassineError, NotFound
from catalog.store.db import ReaderPool
from catalog.values import OWNER
from contract.frontend_suite import FrontendSuite, Status
from contract.layer_suite import LayerSuite
from contract.preview_suite import PreviewSuite
from library_builder import BuiltLibrary, build_library, varied_files
from organised import Organised, organise
from previewed import build as build_previewed
from vfs.content import OpenFile
from vfs.tree import Tree, open_tree


class TreeOser:
    """The tree as a face: exact names, as FUSE shows them."""

    is_raw = True
    mtime_unit_ns = 1

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def listdir(self, path: str) -> list[str]:
        node = self.tree.resolve(os.fsencode(path), OWNER)
        return [os.fsdecode(entry.name) for entry in self.tree.children(node, OWNER)]

    def stat(self, path: str) -> Status:
        try:
            node = self.tree.resolve(os.fsencode(path), OWNER)
        except NotFound as error:
            raise FileNotFoundError(path) from error
        return Status(node.is_dir, node.size, node.mtime_ns)

    def read(self, path: str) -> bytes:
        with self.open(path) as opened:
            return opened.file.read(0, opened.file.size)

    @contextmanager
    def open(self, path: str) -> Iterator[_Opened]:
        try:
            file = self.tree.open(self.tree.resolve(os.fsencode(path), OWNER), OWNER)
        except NotFound as error:
            raise FileNotFoundError(path) from error
        except GlassineError as error:
            raise OSError(path) from error
        with file:
            yield _Opened(file)


class _Opened:
    def __init__(self, file: OpenFile) -> None:
        self.file = file

    def read_at(self, offset: int, size: int) -> bytes:
        return self.file.read(offset, size)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Iterator[BuiltLibrary]:
    library = build_library(tmp_path_factory.mktemp("built"), varied_files())
    yield library
    library.close()


@pytest.fixture(scope="module")
def oser(built: BuiltLibrary) -> Iterator[TreeOser]:
    pool = ReaderPool(built.library, 2)
    yield TreeOser(open_tree(built.library, pool, clock=time.time_ns, report=dict))
    pool.close()


class TestTree(FrontendSuite):
    """See `FrontendSuite`."""


@pytest.fixture(scope="module")
def organised(tmp_path_factory) -> Iterator[Organised]:
    made = organise(tmp_path_factory.mktemp("organised"))
    yield made
    made.built.close()


@pytest.fixture(scope="module")
def face(organised: Organised) -> Iterator[TreeOser]:
    pool = ReaderPool(organised.built.library, 2)
    yield TreeOser(open_tree(organised.built.library, pool, clock=time.time_ns, report=dict))
    pool.close()


class TestLayerInTree(LayerSuite):
    """See `LayerSuite`."""


@pytest.fixture(scope="module")
def previewed(tmp_path_factory) -> Iterator[BuiltLibrary]:
    library = build_previewed(tmp_path_factory.mktemp("previewed"))
    yield library
    library.close()


@pytest.fixture(scope="module")
def preview_face(previewed: BuiltLibrary) -> Iterator[TreeOser]:
    pool = ReaderPool(previewed.library, 2)
    yield TreeOser(open_tree(previewed.library, pool, clock=time.time_ns, report=dict))
    pool.close()


class TestPreviewsInTree(PreviewSuite):
    """See `PreviewSuite`."""
