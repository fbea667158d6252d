"""A volume that hangs in the kernel, where no signal reaches who waits for it, keeps nobody from ending."""

from __future__ import annotations

import os
import select
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.library import Library, LibraryLock
from faults.fault_fs import FaultFs, open_fault_fs
from product import REPOSITORY, Product, wait_until
from source_mutant import seed_mutant
from vfs import mounting

pytestmark = [pytest.mark.mount, pytest.mark.slow]

# The promise, and what a busy machine of two cores needs on top of it to start a process and to notice an end.
PROMISE_S = 3.0
MARGIN_S = 1.0


def can_abort() -> bool:
    """Whether we may abort a connection of ours: root may, and others where fusectl is mounted (systemd does that)."""
    return os.geteuid() == 0 or "/sys/fs/fuse/connections" in Path("/proc/self/mounts").read_text()


@pytest.fixture
def nas(tmp_path: Path, sample: Path) -> Iterator[FaultFs]:
    stored = tmp_path / "stored"
    stored.mkdir()
    for source in sorted((sample / "2019" / "Iceland").glob("*.JPG"))[:6]:
        shutil.copy(source, stored / source.name)
    with open_fault_fs(stored, tmp_path / "volume") as served:
        yield served


@pytest.fixture
def mutant() -> tuple[str, str, str] | None:
    """Module, text, and what it is replaced by in every process of the product; None = as it is."""
    return None


@pytest.fixture
def product(tmp_path: Path, nas: FaultFs, mutant: tuple[str, str, str] | None) -> Iterator[Product]:
    product = Product(tmp_path)
    if mutant is not None:
        seeded = seed_mutant(tmp_path / "mutant", *mutant)
        product.environment["PYTHONPATH"] = os.pathsep.join([str(seeded), str(REPOSITORY)])
    product.init(nas.place)
    product.up()
    wait_until(lambda: len(os.listdir(product.mountpoint / "Originals" / "Photos")) == 6, what="listed")
    wait_until(lambda: not product.data("status")["scanning"], what="read")
    yield product
    nas.set("normal")
    product.detach()


def reading(path: Path, results: list[bytes | OSError]) -> threading.Thread:
    def read() -> None:
        try:
            results.append(path.read_bytes())
        except OSError as error:
            results.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def daemon_pid(product: Product) -> int:
    (found,) = [one for one in product.data("status")["processes"] if one["kind"] == "daemon"]
    return int(found["pid"])


@pytest.mark.parametrize("is_asked", [False, True], ids=["by a signal", "by down"])
def test_the_daemon_ends_in_time_and_nothing_is_left_although_a_mount_is_stuck_in_the_kernel(
    product: Product, nas: FaultFs, is_asked: bool
) -> None:
    names = sorted(os.listdir(nas.stored))
    pid = daemon_pid(product)
    pidfd = os.pidfd_open(pid)
    results: list[bytes | OSError] = []
    nas.set("hang")
    readers = [reading(product.mountpoint / "Originals" / "Photos" / name, results) for name in names]
    wait_until(lambda: nas.hanging() >= 2, what="the mount's threads wait for the volume")
    asked_s = time.monotonic()
    if is_asked:
        product.run("down")
        limit_s = PROMISE_S + 2 * MARGIN_S  # the command starts, and looks whether all is gone
    else:
        os.kill(pid, signal.SIGTERM)
        limit_s = PROMISE_S + MARGIN_S
    assert select.select([pidfd], [], [], 20)[0]
    assert time.monotonic() - asked_s < limit_s
    os.close(pidfd)
    assert mounting.mount_type(product.mountpoint) is None
    if can_abort():
        for reader in readers:  # they got errors, although whom they asked still hangs
            reader.join(2)
        assert len(results) == len(names)
        assert all(isinstance(result, OSError) for result in results)
    with LibraryLock(Library(product.library)):
        pass
    nas.set("normal")
    product.up()
    wait_until(lambda: product.data("status")["volumes"][0]["state"] == "online", what="online again")
    assert (product.mountpoint / "Originals" / "Photos" / names[0]).read_bytes() == (
        nas.stored / names[0]
    ).read_bytes()


@pytest.mark.root
@pytest.mark.parametrize("mutant", [("vfs.mounting", "if is_forced:", "if False:")])
def test_without_the_abort_of_its_connection_readers_of_the_mount_would_wait_on(
    product: Product, nas: FaultFs, mutant: tuple[str, str, str]
) -> None:
    names = sorted(os.listdir(nas.stored))
    results: list[bytes | OSError] = []
    nas.set("hang")
    readers = [reading(product.mountpoint / "Originals" / "Photos" / name, results) for name in names]
    wait_until(lambda: nas.hanging() >= 2, what="the mount's threads wait for the volume")
    product.run("down")
    for reader in readers:
        reader.join(0.5)
    assert any(reader.is_alive() for reader in readers)
