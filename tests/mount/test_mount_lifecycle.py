"""Starting, ending, crashing, busy and stale mounts, and what the server may do."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mounted import Mount, open_mount, wait_until

from catalog.errors import AlreadyExists, GlassineError, NotFound, UsageError
from catalog.library import Library
from library_builder import BuiltLibrary, FileSpec, build_library
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
    assert mounted.is_ready, mounted.first_line + mounted.log
    yield mounted
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
    mounting.unmount(mount.place)
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
        assert "detaching" in again.log


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
