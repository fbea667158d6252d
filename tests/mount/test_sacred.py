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
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.photos import make_photos
from capabilities import require
from product import Product, end, files_below, wait_until
from sacred import fingerprints, touched
from source_mutant import seed_mutant
from strace_reading import TRACED, opened_files, removed_files, trespasses

MARKER = ".glassine-volume"

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


def traced_life(
    product: Product,
    photos: Path,
    log: Path,
    *,
    then: Callable[[], None] | None = None,
    **environment: str,
) -> list[str]:
    """Run scan, crawl, what `then` does, and Ctrl-C of the whole product under strace; return the log's lines."""
    command = product.command("up", "--foreground", "--mount", str(product.mountpoint), "--no-dav")
    traced = ["strace", "-f", "-y", "-qq", "-s", "4096", "-e", f"trace={TRACED}", "-o", str(log), *command]
    process = subprocess.Popen(
        traced, env=product.env(**environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: os.path.ismount(product.mountpoint), what="mounted under strace")
        total = sum(path.name != MARKER for path in files_below(photos))
        wait_until(lambda: len(product.found()) == total, what=f"{total} photos found")
        crawl(product.mountpoint, photos)
        if then is not None:
            then()
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
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert opened_files(log.read_text(errors="replace").splitlines(), photos) == []
    shutil.rmtree(photos)


# ---- the purge: the one exception, and no step further

UNLINK = "os.unlink(name, dir_fd=directory_fd)"
PURGE_MUTANTS = {
    "removes a neighbour too": (
        "daemon.purge.remover", UNLINK,
        "[os.unlink(one, dir_fd=directory_fd) for one in os.listdir(b'/proc/self/fd/%d' % directory_fd)]",
    ),
    "tries to open the file for writing first": (
        "daemon.purge.remover", UNLINK,
        "\n            ".join(
            [
                "try: os.close(os.open(name, os.O_RDWR, dir_fd=directory_fd))",
                "except OSError: pass",
                UNLINK,
            ]
        ),
    ),
    "forgets which volumes are read-only": (
        "catalog.purge", 'if file.volume_mode != "rw":', "if False:",
    ),
}  # fmt: skip


def purged_life(product: Product, photos: Path, archive: Path, log: Path, **environment: str) -> list[str]:
    """Trash two photos that are on both volumes and purge them, all under strace; return the log's lines."""
    product.run("init", "--zone", "UTC")
    product.run("volume", "add", str(photos), "--name", "Photos", "--writable")
    product.run("volume", "add", str(archive), "--name", "Archive")

    def purge() -> None:
        wait_until(lambda: not product.data("status")["pending"]["hashes"], what="all hashed")
        product.run("trash", "put", *(str(photos / path) for path in chosen(photos)))
        product.run("trash", "purge", "--all", "--yes", check=False)

    return traced_life(product, photos, log, then=purge, **environment)


def chosen(photos: Path) -> list[Path]:
    """Return the two photos that are purged, relative."""
    return [path.relative_to(photos) for path in files_below(photos) if path.name != MARKER][:2]


@pytest.fixture
def archive(tmp_path: Path, photos: Path) -> Path:
    return Path(shutil.copytree(photos, tmp_path / "archive"))


def test_a_purge_is_the_only_removal_and_only_on_the_writable_volume(
    tmp_path: Path, photos: Path, archive: Path
) -> None:
    require("strace")
    product = Product(tmp_path)
    wanted = chosen(photos)
    before = fingerprints(photos), fingerprints(archive)
    lines = purged_life(product, photos, archive, tmp_path / "strace.log")
    removed = [photos / path for path in wanted]
    assert sorted(removed_files(lines, photos)) == sorted(removed)
    assert removed_files(lines, archive) == []
    marker = [photos / MARKER]  # the one new file, on the writable volume alone
    assert trespasses(lines, [photos, archive], may_remove=removed, may_make=marker) == []
    assert len(trespasses(lines, [photos, archive], may_make=marker)) == len(removed)
    assert trespasses(lines, [photos, archive], may_remove=removed)
    after = fingerprints(photos)
    for path in (b".", os.fsencode(MARKER)):  # the root's own time moved when the marker was made
        assert after.pop(path) != before[0].pop(path, None)
    assert touched(before[0], after, removed=[os.fsencode(path) for path in wanted]) == []
    assert touched(before[1], fingerprints(archive)) == []


@pytest.mark.parametrize("mutant", PURGE_MUTANTS)
def test_the_check_goes_red_on_a_purge_that(tmp_path: Path, photos: Path, archive: Path, mutant: str) -> None:
    require("strace")
    product = Product(tmp_path)
    removed = [photos / path for path in chosen(photos)]
    seeded = seed_mutant(tmp_path / "mutant", *PURGE_MUTANTS[mutant])
    paths = os.pathsep.join([str(seeded), product.env()["PYTHONPATH"]])
    lines = purged_life(product, photos, archive, tmp_path / "strace.log", PYTHONPATH=paths)
    assert trespasses(lines, [photos, archive], may_remove=removed, may_make=[photos / MARKER])
