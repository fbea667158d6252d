"""Restoring a library that is mounted: refused with the way out, and shown by the next mount."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from product import Product, end, wait_until
from sacred import copy_originals

pytestmark = pytest.mark.mount


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    photos = tmp_path / "photos"
    photos.mkdir()
    copied = sorted(path for path in copy_originals(tmp_path / "all").rglob("*.jpg"))[:3]
    for path in copied:
        path.rename(photos / path.name)
    product = Product(tmp_path / "home")
    product.init(photos)
    product.run("scan")
    yield product
    product.detach()


def albums(product: Product) -> list[str]:
    return sorted(os.listdir(product.mountpoint / "Albums"))


def refused(product: Product, *arguments: str) -> dict[str, object]:
    done = product.run("--json", *arguments, check=False)
    assert done.returncode == 11, done.stdout
    error: dict[str, object] = json.loads(done.stdout)["error"]
    return error


def test_a_backup_is_taken_while_all_runs_and_restored_after_down(product: Product, tmp_path: Path) -> None:
    saved = str(tmp_path / "saved.db")
    product.run("album", "create", "Kept")
    product.up()
    product.run("backup", saved)
    product.run("album", "create", "Later")
    wait_until(lambda: albums(product) == ["Kept", "Later"], what="both albums in the mount")
    error = refused(product, "restore", saved, "--yes")
    assert "glassine down" in str(error["hint"])
    assert albums(product) == ["Kept", "Later"]
    product.down()
    product.run("restore", saved, "--yes")
    product.up()
    assert albums(product) == ["Kept"]
    assert product.run("check").returncode == 0


def test_a_mount_without_a_daemon_is_named_too(product: Product, tmp_path: Path) -> None:
    saved = str(tmp_path / "saved.db")
    product.run("backup", saved)
    mount = product.start("mount", str(product.mountpoint), "--foreground")
    try:
        wait_until((product.mountpoint / "Timeline").exists, what="the mount")
        error = refused(product, "restore", saved, "--yes")
        assert "mount (pid" in str(error["message"])
    finally:
        end(mount)
    assert product.run("restore", saved, "--yes").returncode == 0
