"""The frontend suite through the kernel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mounted import MountOser, open_mount

from contract.frontend_suite import FrontendSuite
from contract.layer_suite import LayerSuite
from contract.preview_suite import PreviewSuite
from library_builder import BuiltLibrary, build_library, varied_files
from organised import Organised, organise
from previewed import build as build_previewed

pytestmark = pytest.mark.mount


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Iterator[BuiltLibrary]:
    library = build_library(tmp_path_factory.mktemp("built"), varied_files())
    yield library
    library.close()


@pytest.fixture(scope="module")
def oser(built: BuiltLibrary, tmp_path_factory) -> Iterator[MountOser]:
    with open_mount(built.library, tmp_path_factory.mktemp("mount") / "mnt") as mount:
        yield MountOser(mount.place)


class TestMount(FrontendSuite):
    """See `FrontendSuite`."""


@pytest.fixture(scope="module")
def organised(tmp_path_factory) -> Iterator[Organised]:
    made = organise(tmp_path_factory.mktemp("organised"))
    yield made
    made.built.close()


@pytest.fixture(scope="module")
def face(organised: Organised, tmp_path_factory) -> Iterator[MountOser]:
    with open_mount(organised.built.library, tmp_path_factory.mktemp("mount") / "mnt") as mount:
        yield MountOser(mount.place)


class TestLayerInMount(LayerSuite):
    """See `LayerSuite`."""


@pytest.fixture(scope="module")
def previewed(tmp_path_factory) -> Iterator[BuiltLibrary]:
    library = build_previewed(tmp_path_factory.mktemp("previewed"))
    yield library
    library.close()


@pytest.fixture(scope="module")
def preview_face(previewed: BuiltLibrary, tmp_path_factory) -> Iterator[MountOser]:
    with open_mount(previewed.library, tmp_path_factory.mktemp("mount") / "mnt") as mount:
        yield MountOser(mount.place)


class TestPreviewsInMount(PreviewSuite):
    """See `PreviewSuite`."""
