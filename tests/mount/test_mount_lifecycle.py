"""Starting, ending, crashing, busy and stale mounts, and what the server may do."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from mounted import Mount, open_mount, wait_until

from catalog.errors import AlreadyExists, GlassineError, NotFound, UsageError
from catalog.library import Library
from library_builder import BuiltLibrary, FileSpec, build_library
from product import Product
from vfs import mounting

pytestmark = pytest.mark.mount

DAY = "Timeline/2019/2019-08/2019-08-07"
SPEC = FileSpec(captured="2019-08-07T12:00:00")


@pytest.fixture
def built(tmp_path) -> Iterator[BuiltLibrary]:
    library = build_library(tmp_path, {"a.jpg": SPEC})
    yield library
    library.close()


@pytest.fixture
def mount(built, tmp_path) -> Iterator[Mount]:
    mounted = Mount(built.library, tmp_path / "mnt", tmp_path / "log")
    try:
        assert mounted.is_ready, mounted.first_line + mounted.log
        yield mounted
    finally:
        mounted.clean_up()


def is_mounted(mount: Mount) -> bool:
    return mounting.mount_type(mount.place) == mounting.FS_TYPE


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_unmounts_and_ends_both_processes(mount, how):
    server = mount.server_pid
    assert mount.end(how) == 0
    assert not is_mounted(mount)
    assert not os.path.exists(f"/proc/{server}")
    assert "Traceback" not in mount.log


def test_the_mount_answers_as_soon_as_it_says_that_it_is_ready(mount):
    assert (mount.place / DAY / "a.jpg").read_bytes() == SPEC.bytes_for(b"a.jpg")


def test_a_mountpoint_made_for_the_mount_goes_with_it(mount):
    mount.end()
    assert not mount.place.exists()


def test_a_mountpoint_that_was_there_stays_and_is_empty(built, tmp_path):
    place = tmp_path / "there"
    place.mkdir()
    with open_mount(built.library, place):
        assert (place / DAY).is_dir()
    assert os.listdir(place) == []


def test_unmounting_from_outside_ends_the_process_with_success(mount):
    # The kernel holds the mount for a few milliseconds after it said that it is ready; the command waits a second, too.
    mounting.unmount(mount.place, patience_s=1.0)
    assert mount.process.wait(10) == 0
    assert not mount.place.exists()


def test_a_busy_mount_says_who_keeps_it_and_is_left_alone(mount):
    with subprocess.Popen(["sleep", "60"], cwd=mount.place / DAY) as keeper:
        with pytest.raises(GlassineError, match=f"sleep {keeper.pid}") as raised:
            mounting.unmount(mount.place)
        assert raised.value.details["holders"] == [
            {"pid": keeper.pid, "command": "sleep", "path": str(mount.place / DAY)}
        ]
        assert (mount.place / DAY / "a.jpg").exists()
        keeper.kill()


@pytest.mark.slow
def test_ending_a_busy_mount_detaches_it_after_a_deadline_and_tells_who_was_busy(mount):
    with subprocess.Popen(["sleep", "60"], cwd=mount.place / DAY) as keeper:
        assert mount.end() == 0
        assert not is_mounted(mount)
        assert f"sleep {keeper.pid}" in mount.log
        keeper.kill()


def test_a_killed_server_leaves_an_error_never_an_empty_folder(mount):
    os.kill(mount.server_pid, signal.SIGKILL)
    assert mount.process.wait(10) == 1
    with pytest.raises(OSError, match="not connected") as raised:
        os.listdir(mount.place)
    assert raised.value.errno == errno.ENOTCONN


def test_a_killed_launcher_takes_the_server_along_with_the_same_outcome(mount):
    server = mount.server_pid
    mount.process.kill()
    mount.process.wait()
    wait_until(lambda: not os.path.exists(f"/proc/{server}"))
    with pytest.raises(OSError, match="not connected"):
        os.listdir(mount.place)


def test_a_stale_mount_is_recovered_at_the_next_start(mount, built):
    os.kill(mount.server_pid, signal.SIGKILL)
    mount.process.wait(10)
    with open_mount(built.library, mount.place) as again:
        assert (again.place / DAY / "a.jpg").read_bytes()
        table = Path("/proc/self/mountinfo").read_text()
        assert table.count(f" {mount.place} ") == 1
        assert "taking its place" in again.log


class Mirror(threading.Thread):
    """Lists a folder all the time, as a sync tool would; `seen` are the distinct outcomes."""

    def __init__(self, place: Path) -> None:
        super().__init__()
        self._place = place
        self._ended = threading.Event()
        self.seen: Counter[str] = Counter()

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                self.seen["full" if os.listdir(self._place) else "empty"] += 1
            except OSError as error:
                self.seen[errno.errorcode[error.errno or 0]] += 1

    def end(self) -> None:
        self._ended.set()
        self.join()


def test_no_moment_between_a_crash_and_the_next_start_shows_an_empty_folder(mount, built):
    mirror = Mirror(mount.place)
    mirror.start()
    try:
        current = mount
        for number in range(3):
            os.kill(current.server_pid, signal.SIGKILL)
            assert current.process.wait(10) == 1
            current.clean_up_process()
            current = Mount(built.library, mount.place, mount.place.with_name(f"log{number}"))
            assert current.is_ready, current.log
            before = mirror.seen["full"]
            wait_until(lambda: mirror.seen["full"] > before)  # noqa: B023 - called here
    finally:
        mirror.end()
        current.clean_up()
    assert mirror.seen["ENOTCONN"]
    assert mirror.seen["full"]
    # EACCES: to an ordinary user, for whom the system mounts only after detaching, the place is sealed.
    assert set(mirror.seen) <= {"full", "ENOTCONN", "ECONNABORTED", "EIO", "EACCES"}, mirror.seen


@pytest.mark.parametrize("victim", ["server", "launcher"])
def test_the_daemon_mounts_again_and_nobody_sees_an_empty_folder(tmp_path, victim):
    product = Product(tmp_path)
    (tmp_path / "photos").mkdir()
    product.init(tmp_path / "photos")
    product.up()
    mirror = Mirror(product.mountpoint)
    mirror.start()
    try:
        (record,) = (product.library / "state" / "processes").glob("mount-*.json")
        pid = int(record.stem.rpartition("-")[2])
        if victim == "server":
            pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        wait_until(lambda: mirror.seen["full"])
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: mirror.seen["ENOTCONN"])
        before = mirror.seen["full"]
        wait_until(lambda: mirror.seen["full"] > before, 10)
    finally:
        mirror.end()
        product.detach()
    assert not mirror.seen["empty"], mirror.seen
    assert not mirror.seen["ENOENT"], mirror.seen


def test_a_start_that_fails_leaves_the_errors_of_the_dead_mount(mount, built, tmp_path):
    os.kill(mount.server_pid, signal.SIGKILL)
    mount.process.wait(10)
    refused = Mount(Library(tmp_path / "none"), mount.place, tmp_path / "second.log")
    assert refused.first_line.startswith("NoLibrary")
    refused.clean_up_process()
    with pytest.raises(OSError, match="not connected"):
        os.listdir(mount.place)


def test_a_mountpoint_that_we_made_cannot_be_listed_without_its_mount_by_its_owner(mount):
    place = mount.place
    os.kill(mount.server_pid, signal.SIGKILL)
    mount.process.wait(10)
    mounting.detach(place)
    assert stat.S_IMODE(place.stat().st_mode) == mounting.SEALED_MODE
    assert mounting.prepare(place) is False
    assert stat.S_IMODE(place.stat().st_mode) == mounting.SEALED_MODE
    (place / "file").touch()
    with pytest.raises(UsageError, match="not empty"):
        mounting.prepare(place)
    mounting.remove_sealed(place)
    assert (place / "file").exists()


def test_a_folder_that_holds_anything_is_never_covered(built, tmp_path):
    place = tmp_path / "full"
    place.mkdir()
    (place / "file").touch()
    refused = Mount(built.library, place, tmp_path / "log")
    assert refused.first_line.startswith("UsageError")
    assert refused.process.wait(10) == UsageError.exit_code
    assert (place / "file").exists()
    refused.clean_up()


def test_mounting_twice_on_one_place_is_refused(mount, built, tmp_path):
    second = Mount(built.library, mount.place, tmp_path / "second.log")
    assert second.first_line.startswith("AlreadyExists")
    second.process.wait(10)
    second.process.stdout.close()
    assert (mount.place / DAY / "a.jpg").exists()


def test_two_mounts_of_one_library_live_side_by_side(mount, built, tmp_path):
    with open_mount(built.library, tmp_path / "other") as other:
        assert (other.place / DAY / "a.jpg").stat().st_ino == (mount.place / DAY / "a.jpg").stat().st_ino


def test_without_a_library_nothing_is_mounted_and_the_reason_is_told(tmp_path):
    refused = Mount(Library(tmp_path / "none"), tmp_path / "mnt", tmp_path / "log")
    assert refused.first_line.startswith("NoLibrary")
    assert refused.process.wait(10) == 10
    assert not (tmp_path / "mnt").exists()
    refused.clean_up()


def test_a_mountpoint_without_a_parent_is_refused(tmp_path):
    with pytest.raises(NotFound, match="does not exist"):
        mounting.prepare(tmp_path / "no" / "parent")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="not a directory"):
        mounting.prepare(tmp_path / "file")
    with pytest.raises(NotFound, match="no mount of ours"):
        mounting.unmount(tmp_path)


def test_a_place_with_odd_characters_is_found_in_the_mount_table(built, tmp_path):
    place = tmp_path / "a b\\c\té"
    with open_mount(built.library, place):
        assert mounting.mount_type(place) == mounting.FS_TYPE
        with pytest.raises(AlreadyExists):
            mounting.prepare(place)
        (tmp_path / "link").symlink_to(tmp_path)
        assert mounting.mount_type(tmp_path / "link" / place.name) == mounting.FS_TYPE


def test_the_server_is_confined_and_the_launcher_that_unmounts_is_not(mount):
    def field(pid: int, name: str) -> str:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))

    assert (field(mount.server_pid, "NoNewPrivs"), field(mount.server_pid, "Seccomp")) == ("1", "2")
    assert field(mount.process.pid, "NoNewPrivs") == "0"


CONFINED = """
import ctypes, os, sys
from pathlib import Path
from vfs.confine_server import confine_server
allowed, other = Path(sys.argv[1]), Path(sys.argv[2])
print(confine_server([allowed]))
def attempt(name, do):
    try:
        do()
    except OSError as error:
        print(name, error.errno)
    else:
        print(name, 0)
attempt("read", other.read_bytes)
attempt("write allowed", lambda: allowed.write_bytes(b"x"))
for name, do in {
    "write": lambda: other.write_bytes(b"x"), "append": lambda: other.open("ab"), "create": lambda: Path(str(other) + "2").touch(),
    "truncate": lambda: os.truncate(other, 0), "unlink": other.unlink, "rename": lambda: other.rename(str(other) + "3"),
    "mkdir": lambda: Path(str(other) + "4").mkdir(), "link": lambda: os.link(other, str(other) + "5"),
    "symlink": lambda: os.symlink("x", str(other) + "6"), "chmod": lambda: other.chmod(0o600),
    "utime": lambda: os.utime(other), "setxattr": lambda: os.setxattr(other, "user.a", b"x"),
    "execve": lambda: os.execv("/bin/true", ["true"]),
    "create beside": lambda: (allowed.parent / "new").touch(),
}.items():
    attempt(name, do)
"""


def test_a_confined_server_reads_everything_and_writes_what_is_named(tmp_path):
    (tmp_path / "allowed").touch()
    (tmp_path / "other").write_bytes(b"original")
    done = subprocess.run(
        [sys.executable, "-c", CONFINED, tmp_path / "allowed", tmp_path / "other"],
        capture_output=True,
        text=True,
    )
    lacks, *lines = done.stdout.splitlines()
    results = {name: int(number) for name, number in (line.rsplit(" ", 1) for line in lines)}
    assert lacks == "()", "this system cannot hold the charter by the kernel"
    assert (results.pop("read"), results.pop("write allowed")) == (0, 0)
    assert set(results.values()) <= {errno.EPERM, errno.EACCES}, results
    assert len(results) == 14
    assert (tmp_path / "other").read_bytes() == b"original"


AS_ANOTHER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A mount point that other users can reach: what pytest makes is for its user alone."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder) / "mnt"


def as_another(*command: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*AS_ANOTHER, *command], capture_output=True, check=False)


@pytest.mark.root
def test_others_read_what_is_mounted_for_them_and_write_nothing(built, open_place):
    with open_mount(built.library, open_place, others=True):
        photo = open_place / DAY / "a.jpg"
        assert as_another("cat", photo).stdout == SPEC.bytes_for(b"a.jpg")
        assert as_another("ls", open_place / DAY).stdout == b"a.jpg\n"
        for write in (["touch", photo.parent / "new"], ["rm", "-f", photo], ["chmod", "600", photo]):
            assert as_another(*write).returncode != 0, write
        with pytest.raises(OSError, match="Read-only"):
            photo.write_bytes(b"x")  # root, whom modes do not stop
    assert not open_place.exists()


@pytest.mark.root
def test_others_still_read_after_a_crash_and_a_new_start(built, open_place):
    crashed = Mount(built.library, open_place, open_place.with_name("log"), others=True)
    os.kill(crashed.server_pid, signal.SIGKILL)
    assert crashed.process.wait(10) == 1
    crashed.clean_up_process()
    with open_mount(built.library, open_place, others=True):
        assert as_another("cat", open_place / DAY / "a.jpg").stdout == SPEC.bytes_for(b"a.jpg")
        table = [
            line
            for line in Path("/proc/self/mountinfo").read_text().splitlines()
            if f" {open_place} " in line
        ]
        assert len(table) == 1
        assert {"allow_other", "default_permissions"} <= set(table[0].split()[-1].split(","))


@pytest.mark.root
def test_others_see_nothing_of_a_mount_that_is_not_for_them(built, open_place):
    with open_mount(built.library, open_place):
        assert b"denied" in as_another("ls", open_place).stderr


def test_a_slow_reader_keeps_no_metadata_waiting(mount):
    # A whole crawl while a listing is open: handles are independent.
    fd = os.open(mount.place / DAY, os.O_RDONLY | os.O_DIRECTORY)
    try:
        started = time.monotonic()
        assert os.listdir(fd) == ["a.jpg"]
        assert (mount.place / DAY / "a.jpg").stat()
        assert time.monotonic() - started < 1
    finally:
        os.close(fd)
