"""`mount`, `unmount` and the supervised mount: they return when it is true, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from product import Product, end, wait_until

pytestmark = pytest.mark.mount

# Promise R23 of a killed mount, and what a busy machine adds.
BACK_LIMIT_S = 6.0


@pytest.fixture
def product(tmp_path: Path, sample: Path) -> Iterator[Product]:
    """A scanned library of a dozen photos."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for source in sorted((sample / "2019" / "Iceland").glob("*.JPG"))[:12]:
        (photos / source.name).write_bytes(source.read_bytes())
    product = Product(tmp_path)
    product.init(photos)
    product.run("scan")
    yield product
    product.detach()


def _kinds(product: Product) -> list[str]:
    return sorted(process["kind"] for process in product.data("status")["processes"])


def test_mount_returns_when_it_is_up_needs_no_daemon_and_unmount_ends_it(product: Product) -> None:
    place = product.mountpoint
    assert product.data("mount", str(place))["mountpoint"] == str(place)
    assert (place / "Timeline" / "2019").is_dir()
    assert _kinds(product) == ["mount"]
    product.run("unmount", str(place))
    assert not os.path.ismount(place)
    wait_until(lambda: _kinds(product) == [], what="the process of the mount has ended")


def test_a_second_mount_on_the_same_place_is_refused_and_the_first_stays(product: Product) -> None:
    product.run("mount", str(product.mountpoint))
    done = product.run("mount", str(product.mountpoint), check=False)
    assert done.returncode == 1
    assert "mounted already" in done.stderr
    assert (product.mountpoint / "Timeline").is_dir()


def test_a_place_that_holds_something_is_refused(product: Product) -> None:
    product.mountpoint.mkdir()
    (product.mountpoint / "mine.txt").write_text("mine")
    done = product.run("mount", str(product.mountpoint), check=False)
    assert done.returncode == 2
    assert (product.mountpoint / "mine.txt").read_text() == "mine"


def test_unmount_says_who_keeps_it_busy(product: Product) -> None:
    product.run("mount", str(product.mountpoint))
    with subprocess.Popen(["sleep", "60"], cwd=product.mountpoint) as shell:
        done = product.run("unmount", str(product.mountpoint), check=False)
        shell.kill()
    assert done.returncode == 1
    assert f"sleep {shell.pid}" in done.stderr


def test_unmount_of_something_else_is_not_found(product: Product, tmp_path: Path) -> None:
    assert product.run("unmount", str(tmp_path), check=False).returncode == 15


def test_down_ends_a_mount_that_was_started_by_hand(product: Product) -> None:
    product.run("mount", str(product.mountpoint))
    product.run("down")
    assert not os.path.ismount(product.mountpoint)
    assert _kinds(product) == []


def test_foreground_mount_ends_with_zero_on_ctrl_c(product: Product) -> None:
    with product.start("mount", "--foreground", str(product.mountpoint)) as mount:
        try:
            assert mount.stdout is not None
            assert "mounted on" in mount.stdout.readline()
            assert end(mount, deadline_s=10) == 0
        finally:
            mount.kill()
    assert not os.path.ismount(product.mountpoint)


@pytest.mark.slow
def test_a_killed_mount_comes_back(product: Product) -> None:
    product.up()
    (pid,) = (process["pid"] for process in product.data("status")["processes"] if process["kind"] == "mount")
    os.kill(pid, signal.SIGKILL)
    begun, answers = time.monotonic(), set()
    while time.monotonic() - begun < BACK_LIMIT_S:
        try:
            answers.add(tuple(sorted(os.listdir(product.mountpoint))))
        except OSError as error:
            answers.add(error.strerror)
        time.sleep(0.005)
    assert (product.mountpoint / "Timeline" / "2019").is_dir()
    assert "Transport endpoint is not connected" in answers


def test_an_unmount_by_hand_is_respected_by_the_daemon(product: Product) -> None:
    product.up()
    product.run("unmount", str(product.mountpoint))
    wait_until(lambda: "mount" not in _kinds(product), what="the mount has ended")
    time.sleep(1)
    assert not os.path.ismount(product.mountpoint)
    status = product.data("status")
    assert status["ready"] is False
    assert any("by hand" in text for text in status["degraded"])
