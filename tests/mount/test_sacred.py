"""Charter 1: no call that could write on a volume, in any process, from the first scan to Ctrl-C.

The whole product runs under strace; every path and descriptor is resolved, attempts count as much as
successes. The same check must go red on a mutant that opens originals O_RDWR and on one that calls fchmod.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from bench.photos import make_photos
from capabilities import require
from product import Product, end, files_below, wait_until
from strace_reading import TRACED, opened_files, trespasses

# As root: a traced fusermount3 loses its set-user-id bit, so an ordinary user cannot mount under strace.
pytestmark = [pytest.mark.mount, pytest.mark.root, pytest.mark.slow]

MUTANT = """
import os, sys
import vfs.beneath as beneath
_open = beneath.open_beneath
def _mutant(root_fd, path, *args, **kwargs):
    {body}
    return _open(root_fd, path, *args, **kwargs)
beneath.open_beneath = _mutant
"""
MUTANTS = {
    "opens O_RDWR": "\n    ".join(
        [
            "try: os.close(os.open(os.path.join(os.readlink(f'/proc/self/fd/{root_fd}').encode(), path), os.O_RDWR))",
            "except OSError: pass",
        ]
    ),
    "calls fchmod": "\n    ".join(
        [
            "fd = _open(root_fd, path)",
            "try: os.fchmod(fd, 0o444)",
            "except OSError: pass",
            "finally: os.close(fd)",
        ]
    ),
}


def crawl(mountpoint: Path, originals: Path) -> None:
    """Read every photo in every view, whole and at random windows, and compare with the originals' bytes."""
    rng = random.Random(1)
    by_size_and_name = {
        (path.name, path.stat().st_size): path.read_bytes() for path in files_below(originals)
    }
    for path in files_below(mountpoint):
        data = path.read_bytes()
        truth = by_size_and_name.get((path.name, len(data)))
        assert truth is None or data == truth, path
        offset = rng.randrange(max(len(data), 1))
        with path.open("rb") as file:
            file.seek(offset)
            assert file.read(4096) == data[offset : offset + 4096]


def traced_life(product: Product, photos: Path, log: Path, **environment: str) -> list[str]:
    """Run scan, crawl and Ctrl-C of the whole product under strace; return the log's lines."""
    command = product.command("up", "--foreground", "--mount", str(product.mountpoint), "--no-dav")
    traced = ["strace", "-f", "-y", "-qq", "-s", "4096", "-e", f"trace={TRACED}", "-o", str(log), *command]
    process = subprocess.Popen(
        traced, env=product.env(**environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: os.path.ismount(product.mountpoint), what="mounted under strace")
        total = len(list(files_below(photos)))
        wait_until(lambda: len(product.found()) == total, what=f"{total} photos found")
        crawl(product.mountpoint, photos)
        daemon = next(row for row in product.data("status")["processes"] if row["kind"] == "daemon")
        os.kill(daemon["pid"], signal.SIGINT)
        process.wait(30)
    finally:
        if process.poll() is None:
            end(process, with_signal=signal.SIGKILL)
        product.detach()
    return log.read_text(errors="replace").splitlines()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    make_photos(folder, 30)
    return folder


def test_no_process_ever_tries_to_write_on_a_volume(tmp_path: Path, photos: Path) -> None:
    require("strace")
    product = Product(tmp_path)
    product.init(photos)
    lines = traced_life(product, photos, tmp_path / "strace.log")
    assert len(opened_files(lines, photos)) >= 30, "the trace saw nobody read: it proves nothing"
    assert trespasses(lines, [photos]) == []


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_check_goes_red_on_a_mutant_that(tmp_path: Path, photos: Path, mutant: str) -> None:
    require("strace")
    seeded = tmp_path / "mutant"
    seeded.mkdir()
    (seeded / "sitecustomize.py").write_text(MUTANT.format(body=MUTANTS[mutant]))
    product = Product(tmp_path)
    product.init(photos)
    paths = os.pathsep.join([str(seeded), product.env()["PYTHONPATH"]])
    lines = traced_life(product, photos, tmp_path / "strace.log", PYTHONPATH=paths)
    assert trespasses(lines, [photos])


def test_a_second_start_opens_no_photo(tmp_path: Path, photos: Path) -> None:
    require("strace")
    product = Product(tmp_path)
    product.init(photos)
    traced_life(product, photos, tmp_path / "first.log")
    log = tmp_path / "second.log"
    command = product.command("up", "--foreground", "--mount", str(product.mountpoint), "--no-dav")
    process = subprocess.Popen(
        ["strace", "-f", "-y", "-qq", "-s", "4096", "-e", f"trace={TRACED}", "-o", str(log), *command],
        env=product.env(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: os.path.ismount(product.mountpoint), what="mounted under strace")
        wait_until(lambda: not product.data("status")["scanning"], what="the second look is over")
        names = sum(1 for _ in files_below(product.mountpoint / "Timeline"))
        assert names == len(list(files_below(photos)))
    finally:
        product.detach()
        process.wait(30)
    assert opened_files(log.read_text(errors="replace").splitlines(), photos) == []
    shutil.rmtree(photos)
