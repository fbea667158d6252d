"""A catalog for the tests of the store: `catalog` is a new one; `check` must be clean when the test ends.

`StoreHarness` says in one line what a scan, the readers and the hasher would report. No file exists on disk: the
store never opens one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from editing import Photos, make_photos

from store_harness import StoreHarness, make_harness

__all__ = ["Photos", "StoreHarness", "catalog", "four"]


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[StoreHarness]:
    """A new library with one online volume; its invariants are checked at the end."""
    harness = make_harness(tmp_path / "library")
    yield harness
    violations = harness.check()
    harness.close()
    assert violations == []


@pytest.fixture
def four(catalog: StoreHarness) -> Photos:
    """Four photos and nothing said about them."""
    return make_photos(catalog)
