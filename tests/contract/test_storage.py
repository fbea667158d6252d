"""One suite for every back end of `vfs.storage.BACKENDS`; what only one can do follows below."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

import vfs.beneath
from capabilities import skip_without
from catalog.errors import ChangedUnderneath
from vfs.beneath import open_beneath, open_root
from vfs.storage import BACKENDS, memory
from vfs.storage.contract import Storage, access_of

MTIME_NS = 1_500_000_000_123_456_789


def failing(number: int) -> pytest.RaisesExc[OSError]:
    """Expect an OSError with this errno."""
    return pytest.raises(OSError, check=lambda error: error.errno == number)


class Bench(Protocol):
    """A storage under test and a hand that changes it from outside."""

    root: bytes
    backend: str

    def put(self, path: bytes, body: bytes) -> None: ...

    def remove(self, path: bytes) -> None: ...

    def vanish(self) -> None: ...


class LocalBench:
    backend = "local"

    def __init__(self, directory: Path) -> None:
        self.root = os.fsencode(directory / "volume")
        os.mkdir(self.root)

    def put(self, path: bytes, body: bytes) -> None:
        full = self.root + b"/" + path
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as file:
            file.write(body)
        os.utime(full, ns=(MTIME_NS, MTIME_NS))

    def remove(self, path: bytes) -> None:
        os.unlink(self.root + b"/" + path)

    def vanish(self) -> None:
        os.rename(self.root, self.root + b".away")


class MemoryBench:
    backend = "memory"

    def __init__(self, directory: Path) -> None:
        self.root = os.fsencode(directory)
        memory.create_bucket(self.root)

    def put(self, path: bytes, body: bytes) -> None:
        memory.put(self.root, path, body, MTIME_NS)

    def remove(self, path: bytes) -> None:
        memory.delete(self.root, path)

    def vanish(self) -> None:
        memory.drop_bucket(self.root)


BENCHES: dict[str, Callable[[Path], Bench]] = {"local": LocalBench, "memory": MemoryBench}


@pytest.fixture(params=sorted(BACKENDS))
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    return BENCHES[request.param](tmp_path)


@pytest.fixture
def storage(bench: Bench) -> Iterator[Storage]:
    bench.put(b"2019/IMG_1.JPG", b"one")
    bench.put(b"2019/deep/er/\xff\xfe\n.jpg", b"raw name")
    bench.put(b"top.png", b"")
    opened = BACKENDS[bench.backend](bench.root)
    yield opened
    opened.close()


def _names(storage: Storage, path: bytes, skip: frozenset[bytes] = frozenset()) -> set[tuple[bytes, str]]:
    return {(dentry.name, dentry.kind) for dentry in storage.list(path, skip)}


def test_every_back_end_is_under_test() -> None:
    assert set(BENCHES) == set(BACKENDS)


def test_listing_has_every_entry_once_with_raw_names(storage: Storage) -> None:
    assert _names(storage, b"") == {(b"2019", "d"), (b"top.png", "f")}
    assert _names(storage, b"2019") == {(b"IMG_1.JPG", "f"), (b"deep", "d")}
    assert _names(storage, b"2019/deep/er") == {(b"\xff\xfe\n.jpg", "f")}


def test_skipped_names_are_left_out(storage: Storage) -> None:
    assert _names(storage, b"", frozenset([b"2019"])) == {(b"top.png", "f")}


def test_listing_and_stat_and_open_tell_the_same_stamp(storage: Storage) -> None:
    listed = next(dentry for dentry in storage.list(b"2019") if dentry.kind == "f")
    assert (listed.size, listed.mtime_ns) == (3, MTIME_NS)
    assert storage.stat(b"2019/IMG_1.JPG") == listed
    with storage.open(b"2019/IMG_1.JPG", listed.stamp) as file:
        assert file.stamp() == listed.stamp


def test_stamps_are_only_as_fine_as_the_capabilities_say(storage: Storage) -> None:
    dentry = storage.stat(b"2019/IMG_1.JPG")
    assert bool(dentry.inode) == storage.capabilities.inodes
    assert bool(dentry.ctime_ns) == storage.capabilities.change_times


def test_reads_are_exact_at_every_offset_and_short_only_at_the_end(bench: Bench, storage: Storage) -> None:
    body = bytes(range(256)) * 20
    bench.put(b"big.bin", body)
    with storage.open(b"big.bin") as file:
        assert file.size == len(body)
        for offset, size in ((0, 10), (255, 2), (5000, 500), (5119, 1), (5120, 1), (9999, 1), (0, 0)):
            assert file.read_at(offset, size) == body[offset : offset + size]


def test_an_empty_file_opens(storage: Storage) -> None:
    with storage.open(b"top.png") as file:
        assert (file.size, file.read_at(0, 10)) == (0, b"")


@pytest.mark.parametrize(
    ("path", "number"),
    [
        (b"nothing", errno.ENOENT),
        (b"2019/nothing", errno.ENOENT),
        (b"2019", errno.EISDIR),
        (b"", errno.EISDIR),
    ],
)
def test_open_says_what_is_wrong(storage: Storage, path: bytes, number: int) -> None:
    with failing(number):
        storage.open(path)


def test_listing_what_is_no_directory_says_so(storage: Storage) -> None:
    for path, number in ((b"nothing", errno.ENOENT), (b"top.png", errno.ENOTDIR)):
        with failing(number):
            list(storage.list(path))


def test_a_changed_file_is_refused_when_another_version_was_expected(bench: Bench, storage: Storage) -> None:
    expected = storage.stat(b"2019/IMG_1.JPG").stamp
    bench.put(b"2019/IMG_1.JPG", b"other bytes")
    with pytest.raises(ChangedUnderneath):
        storage.open(b"2019/IMG_1.JPG", expected)


def test_an_open_file_notices_that_it_is_another_version_now(bench: Bench, storage: Storage) -> None:
    with storage.open(b"2019/IMG_1.JPG") as file:
        before = file.stamp()
        bench.put(b"2019/IMG_1.JPG", b"longer than before")
        assert file.stamp() != before


def test_identity_stays_while_files_come_and_go(bench: Bench, storage: Storage) -> None:
    before = storage.probe(), storage.instance()
    bench.put(b"new.jpg", b"x")
    bench.remove(b"top.png")
    assert (storage.probe(), storage.instance()) == before
    with BACKENDS[bench.backend](bench.root) as again:
        assert (again.probe(), again.instance()) == before


def test_a_directory_has_one_identity_by_whatever_name(storage: Storage) -> None:
    identity, _ = storage.identify_directory(b"2019")
    other, _ = storage.identify_directory(b"2019/deep")
    assert identity is None or identity != other
    with pytest.raises(NotADirectoryError):
        storage.identify_directory(b"top.png")


def test_a_storage_that_is_gone_cannot_be_opened(bench: Bench, storage: Storage) -> None:
    storage.close()
    bench.vanish()
    with pytest.raises(FileNotFoundError):
        BACKENDS[bench.backend](bench.root)


# The local back end: what only a file system can do to us.


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    path = tmp_path / "volume"
    path.mkdir()
    (path / "a").mkdir()
    (path / "a" / "photo.jpg").write_bytes(b"bytes")
    (tmp_path / "secret").write_bytes(b"secret")
    return path


@pytest.fixture(params=["openat2", "stepwise"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run with openat2 and as on a kernel without it."""
    monkeypatch.setattr(vfs.beneath, "_has_openat2", request.param == "openat2")


@pytest.mark.usefixtures("kernel")
def test_no_symlink_and_no_dots_lead_out_of_the_volume(volume: Path) -> None:
    os.symlink(volume.parent / "secret", volume / "link")
    os.symlink("..", volume / "up")
    os.symlink("a", volume / "inside")
    root_fd = open_root(os.fsencode(volume))
    try:
        for path in (
            b"link",
            b"up/secret",
            b"../secret",
            b"a/../../secret",
            b"inside/photo.jpg",
            os.fsencode(volume.parent / "secret"),
            b"a/photo.jpg\0",
        ):
            with pytest.raises(OSError):  # noqa: PT011 - ELOOP, EXDEV or ENOTDIR, by kernel
                os.close(open_beneath(root_fd, path))
        fd = open_beneath(root_fd, b"a/photo.jpg")
        assert os.read(fd, 10) == b"bytes"
        os.close(fd)
    finally:
        os.close(root_fd)


@pytest.mark.usefixtures("kernel")
def test_what_is_no_regular_file_is_never_opened(volume: Path) -> None:
    os.mkfifo(volume / "fifo.jpg")
    server = socket.socket(socket.AF_UNIX)
    with contextlib.chdir(volume):  # the name of a socket holds 108 bytes at most
        server.bind("sock.jpg")
    # A FIFO that was opened for reading would let this writer in.
    root_fd = open_root(os.fsencode(volume))
    try:
        for name in (b"fifo.jpg", b"sock.jpg"):
            with failing(errno.EINVAL):
                open_beneath(root_fd, name)
        with failing(errno.ENXIO):
            os.open(volume / "fifo.jpg", os.O_WRONLY | os.O_NONBLOCK)
    finally:
        os.close(root_fd)
        server.close()


def test_a_descriptor_can_only_be_read_from_and_leaves_the_access_time_alone(volume: Path) -> None:
    path = volume / "a" / "photo.jpg"
    os.utime(path, ns=(1, os.stat(path).st_mtime_ns))
    with BACKENDS["local"](os.fsencode(volume)) as storage, storage.open(b"a/photo.jpg") as file:
        fd = file.fileno()
        assert fd is not None
        assert file.read_at(0, 5) == b"bytes"
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(fd, b"x")
        assert not os.get_inheritable(fd)
    assert os.stat(path).st_atime_ns == 1


def test_special_files_are_listed_as_other(volume: Path) -> None:
    os.mkfifo(volume / "fifo")
    os.symlink("a", volume / "link")
    with BACKENDS["local"](os.fsencode(volume)) as storage:
        assert _names(storage, b"") == {(b"a", "d"), (b"fifo", "other"), (b"link", "other")}


@pytest.mark.usefixtures("kernel")
def test_paths_longer_than_the_kernel_takes_work(volume: Path) -> None:
    name = b"d" * 200
    fd = os.open(volume, os.O_RDONLY)
    for _ in range(60):
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    file_fd = os.open("x.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=fd)
    os.write(file_fd, b"deep")
    os.close(file_fd)
    os.close(fd)
    path = b"/".join([name] * 60)
    with BACKENDS["local"](os.fsencode(volume)) as storage:
        assert _names(storage, path) == {(b"x.jpg", "f")}
        with storage.open(path + b"/x.jpg") as file:
            assert file.read_at(0, 9) == b"deep"


def test_times_beyond_64_bits_of_nanoseconds_are_clamped(volume: Path) -> None:
    far_ns = 15_000_000_000 * 1_000_000_000  # the year 2445, which ext4 can hold and SQLite cannot
    path = volume / "a" / "photo.jpg"
    os.utime(path, ns=(far_ns, far_ns))
    if os.stat(path).st_mtime_ns != far_ns:
        skip_without("a file system that holds such times")
    with BACKENDS["local"](os.fsencode(volume)) as storage:
        listed = next(iter(storage.list(b"a")))
        assert listed.mtime_ns == (1 << 63) - 1
        assert storage.stat(b"a/photo.jpg") == listed


def test_names_are_those_of_the_listing(storage: Storage) -> None:
    for path in (b"", b"2019", b"2019/deep/er"):
        assert set(storage.names(path)) == {dentry.name for dentry in storage.list(path)}
    with failing(errno.ENOENT):
        list(storage.names(b"nothing"))


def test_a_file_is_opened_without_its_inode_being_known(storage: Storage) -> None:
    known = storage.stat(b"2019/IMG_1.JPG").stamp._replace(inode=0)
    with storage.open(b"2019/IMG_1.JPG", known) as file:
        assert file.stamp().matches(known)
    with pytest.raises(ChangedUnderneath):
        storage.open(b"2019/IMG_1.JPG", known._replace(size=4))


def test_access_moves_with_mode_owner_group_and_links_alone() -> None:
    base = access_of(0o644, 1000, 1000, 1)
    others = {
        access_of(0o600, 1000, 1000, 1),
        access_of(0o644, 0, 1000, 1),
        access_of(0o644, 1000, 0, 1),
        access_of(0o644, 1000, 1000, 2),
    }
    assert base not in others
    assert len(others) == 4
    assert access_of(0o100644, 1000, 1000, 1) == base  # the type is not part of it
    assert 0 <= access_of(0o7777, 2**32 - 1, 2**32 - 1, 2**31) < 2**63
