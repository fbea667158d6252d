"""What programs do with the mount: find, tar, cp, rsync, attributes, xattrs, statfs, and every way to write."""

from __future__ import annotations

import ctypes
import errno
import os
import random
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3
from mounted import Mount, MountOser, open_mount

from capabilities import require
from contract.frontend_suite import files_of
from library_builder import VOLUME, BuiltLibrary, FileSpec, build_library, varied_files
from vfs import xattrs

pytestmark = pytest.mark.mount

DAY = "Timeline/2019/2019-08/2019-08-07"
BIG_BYTES = 3_000_017
libc = ctypes.CDLL(None, use_errno=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Iterator[BuiltLibrary]:
    body = random.Random(5).randbytes(BIG_BYTES)
    files = {**varied_files(), "big.jpg": FileSpec(body=body, captured="2018-03-04T05:06:07")}
    library = build_library(tmp_path_factory.mktemp("built"), files)
    yield library
    library.close()


@pytest.fixture(scope="module")
def mount(built: BuiltLibrary, tmp_path_factory) -> Iterator[Mount]:
    with open_mount(built.library, tmp_path_factory.mktemp("mount") / "mnt") as mounted:
        yield mounted


@pytest.fixture
def photo(mount: Mount) -> Path:
    return mount.place / DAY / "IMG_0001.JPG"


def run(*command: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([os.fspath(one) for one in command], capture_output=True, text=True, **options)  # type: ignore[call-overload,no-any-return]


# Attributes


def test_find_sees_regular_files_of_mode_0444_with_one_link(mount):
    done = run("find", mount.place / "Timeline", "-type", "f", "-printf", "%m %n %y %U %G\n")
    assert set(done.stdout.splitlines()) == {f"444 1 f {os.getuid()} {os.getgid()}"}
    done = run("find", mount.place, "-type", "d", "-printf", "%m %n\n")
    assert set(done.stdout.splitlines()) == {"555 1"}
    assert not run("find", mount.place, "!", "-type", "f", "!", "-type", "d").stdout


def test_blocks_are_those_of_the_size_and_atime_is_mtime(mount, photo):
    found = photo.stat()
    assert found.st_blocks == -(-found.st_size // 512)
    assert found.st_blksize == 128 * 1024
    assert found.st_atime_ns == found.st_mtime_ns


def test_numbers_are_the_same_after_a_restart(mount, built, tmp_path):
    numbers = {
        path: os.stat(mount.place / path).st_ino for path in files_of(MountOser(mount.place), "Timeline")
    }
    with open_mount(built.library, tmp_path / "mnt") as another:
        assert {path: os.stat(another.place / path).st_ino for path in numbers} == numbers


def test_a_directory_lists_types_and_the_numbers_that_stat_gives(mount):
    for folder in ("", "Timeline/2019", DAY, f"Originals/{VOLUME}"):
        with os.scandir(mount.place / folder) as entries:
            for entry in entries:
                assert entry.inode() == os.stat(entry.path).st_ino
                assert entry.is_dir(follow_symlinks=False) == os.path.isdir(entry.path)


def test_seeking_in_a_folder_goes_back_to_the_same_entry(mount):
    # What seekdir(3) does after telldir(3): glibc hands the cookie back to the kernel.
    libc.opendir.restype = libc.readdir.restype = ctypes.c_void_p
    libc.telldir.restype = ctypes.c_long
    libc.telldir.argtypes = libc.readdir.argtypes = libc.closedir.argtypes = [ctypes.c_void_p]
    libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
    stream = libc.opendir(os.fsencode(mount.place / f"Originals/{VOLUME}"))
    seen = []
    while True:
        cookie = libc.telldir(stream)
        entry = libc.readdir(stream)
        if not entry:
            break
        seen.append((cookie, ctypes.string_at(entry + 19)))
    for cookie, name in random.Random(1).sample(seen, len(seen)):
        libc.seekdir(stream, cookie)
        assert ctypes.string_at(libc.readdir(stream) + 19) == name
    libc.closedir(stream)


def test_statfs_answers_with_no_room_to_write(mount):
    found = os.statvfs(mount.place)
    assert (found.f_bavail, found.f_favail, found.f_namemax) == (0, 0, 255)
    assert found.f_blocks > 0
    assert run("df", mount.place).returncode == 0


def test_the_mount_is_not_ro_for_the_kernel_and_says_what_it_is(mount):
    line = next(
        line for line in Path("/proc/self/mountinfo").read_text().splitlines() if f" {mount.place} " in line
    )
    options, tail = line.split(" - ")
    assert "ro" not in options.split()[5].split(",")
    assert tail.split()[:2] == ["fuse.glassine", "glassine"]
    assert "allow_other" not in tail


# Reading


def test_random_windows_of_a_big_file_are_its_bytes(mount, built):
    body = (built.root / "big.jpg").read_bytes()
    chooser = random.Random(9)
    fd = os.open(mount.place / "Timeline/2018/2018-03/2018-03-04/big.jpg", os.O_RDONLY)
    try:
        for _ in range(150):
            offset, size = chooser.randint(0, BIG_BYTES), chooser.randint(1, 300_000)
            assert os.pread(fd, size, offset) == body[offset : offset + size]
        assert os.lseek(fd, 0, os.SEEK_DATA) == 0
        assert os.lseek(fd, 0, os.SEEK_HOLE) == BIG_BYTES
        with pytest.raises(OSError, match="No such device or address"):
            os.lseek(fd, BIG_BYTES, os.SEEK_DATA)
    finally:
        os.close(fd)


def test_tar_with_sparse_files_archives_the_bytes(mount, built, tmp_path):
    archive = tmp_path / "all.tar"
    done = run("tar", "-S", "-C", mount.place, "-cf", archive, "Timeline")
    assert done.returncode == 0, done.stderr
    with tarfile.open(archive) as read:
        bodies = sorted(read.extractfile(one).read() for one in read.getmembers() if one.isfile())  # type: ignore[union-attr]
    assert bodies == sorted(built.shown_bodies())


def test_cp_keeps_bytes_and_capture_times(mount, built, tmp_path):
    done = run("cp", "-a", "--reflink=auto", mount.place / "Timeline", tmp_path / "copy")
    assert done.returncode == 0, done.stderr
    for path, mtime_ns in built.expected_mtimes().items():
        copied = tmp_path / "copy" / path.removeprefix("Timeline/")
        assert copied.stat().st_mtime_ns == mtime_ns
        assert copied.read_bytes() == (mount.place / path).read_bytes()
    run("chmod", "-R", "u+w", tmp_path / "copy")


def test_rsync_copies_once_and_then_finds_nothing_to_do(mount, tmp_path):
    require("rsync")
    command = ["rsync", "-aHX", "--itemize-changes", f"{mount.place}/Timeline/", tmp_path / "copy"]
    first, second = run(*command), run(*command)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert first.stdout
    assert not second.stdout
    run("chmod", "-R", "u+w", tmp_path / "copy")


def test_grep_reads_everything(mount):
    done = run("grep", "-rlc", "no photo", mount.place / "Originals")
    assert done.stdout.strip() == str(mount.place / "Originals" / VOLUME / "notes.txt")


def test_mapping_a_file_shows_its_bytes(mount, built):
    import mmap

    with (
        open(mount.place / "Timeline/2018/2018-03/2018-03-04/big.jpg", "rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped,
    ):
        assert mapped[:] == (built.root / "big.jpg").read_bytes()


def test_a_whole_crawl_leaves_times_and_bytes_of_originals_alone(mount, built):
    for folder, _, names in os.walk(os.fsencode(built.root)):
        for name in names:
            path = os.path.join(folder, name)
            os.utime(path, ns=(10**18, os.stat(path).st_mtime_ns))
    before = {path: os.stat(path) for path in _all_files(built.root)}
    for path in files_of(MountOser(mount.place), ""):
        MountOser(mount.place).read(path)
    after = {path: os.stat(path) for path in _all_files(built.root)}
    # ctime was moved by our own utime above, before the catalog would look again.
    assert {path: (s.st_atime_ns, s.st_mtime_ns, s.st_ctime_ns, s.st_size) for path, s in after.items()} == {
        path: (s.st_atime_ns, s.st_mtime_ns, s.st_ctime_ns, s.st_size) for path, s in before.items()
    }


def _all_files(root: Path) -> Iterator[bytes]:
    for folder, _, names in os.walk(os.fsencode(root)):
        yield from (os.path.join(folder, name) for name in names)


# Extended attributes


def test_photos_say_who_they_are(mount, built, photo):
    uid = os.getxattr(photo, "user.glassine.uid").decode()
    assert built.bodies_by_uid()[uid] == photo.read_bytes()
    assert os.getxattr(photo, "user.glassine.hash").decode() == blake3(photo.read_bytes()).hexdigest()
    assert os.getxattr(photo, "user.mime_type") == b"image/jpeg"
    assert os.getxattr(photo, "user.glassine.capture") == b"2019-08-07T10:11:12"
    assert os.getxattr(photo, "user.glassine.source") == b"ExifIFD:DateTimeOriginal"
    assert os.getxattr(photo, "user.glassine.volume") == VOLUME.encode()
    assert os.getxattr(photo, "user.glassine.state") == b"present"
    original = mount.place / "Originals" / VOLUME / "2019" / "IMG_0001.JPG"
    assert os.getxattr(original, "user.glassine.uid").decode() == uid


def test_every_listed_attribute_has_a_value_and_others_list_none(mount, photo):
    listed = os.listxattr(photo)
    assert set(listed) == {name.decode() for name in xattrs.NAMES}
    for name in listed:
        os.getxattr(photo, name)
    for other in (mount.place, mount.place / "Timeline", mount.place / "Originals" / VOLUME / "notes.txt"):
        assert os.listxattr(other) == []


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("security.selinux", errno.EOPNOTSUPP), ("system.posix_acl_access", errno.EOPNOTSUPP),
        ("user.unknown", errno.ENODATA), ("user.glassine.unknown", errno.ENODATA),
    ],
)  # fmt: skip
def test_attributes_that_are_not_there_have_the_right_errno(mount, photo, name, wanted):
    for place in (photo, mount.place):
        with pytest.raises(OSError, match=r"\[Errno") as raised:
            os.getxattr(place, name)
        assert raised.value.errno == wanted


# Writing: every call there is


def _open_with(flags):
    def attempt(photo, folder):
        os.close(os.open(photo, flags))

    return attempt


def _checked(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _fchmod_opened(photo, folder):
    fd = os.open(photo, os.O_RDONLY)
    try:
        os.fchmod(fd, 0o600)
    finally:
        os.close(fd)


WRITES = {
    "open O_WRONLY": _open_with(os.O_WRONLY),
    "open O_RDWR": _open_with(os.O_RDWR),
    "open O_APPEND": _open_with(os.O_WRONLY | os.O_APPEND),
    "open O_TRUNC": _open_with(os.O_RDONLY | os.O_TRUNC),
    "creat": lambda photo, folder: os.close(os.open(folder / "new.jpg", os.O_CREAT | os.O_WRONLY)),
    "creat O_EXCL": lambda photo, folder: os.close(
        os.open(folder / "new.jpg", os.O_CREAT | os.O_EXCL | os.O_RDWR)
    ),
    "O_TMPFILE": lambda photo, folder: os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR)),
    "mknod": lambda photo, folder: os.mknod(folder / "new", 0o600),
    "mkfifo": lambda photo, folder: os.mkfifo(folder / "new"),
    "mkdir": lambda photo, folder: os.mkdir(folder / "new"),
    "rmdir": lambda photo, folder: os.rmdir(folder),
    "unlink": lambda photo, folder: os.unlink(photo),
    "rename file": lambda photo, folder: os.rename(photo, folder / "other.jpg"),
    "rename onto": lambda photo, folder: os.rename(photo, folder / "also.jpg"),
    "rename folder": lambda photo, folder: os.rename(folder, folder.with_name("other")),
    "link": lambda photo, folder: os.link(photo, folder / "other.jpg"),
    "symlink": lambda photo, folder: os.symlink("target", folder / "other.jpg"),
    "truncate": lambda photo, folder: os.truncate(photo, 0),
    "truncate longer": lambda photo, folder: os.truncate(photo, 1 << 30),
    "chmod": lambda photo, folder: os.chmod(photo, 0o600),
    "chmod folder": lambda photo, folder: os.chmod(folder, 0o700),
    "chown": lambda photo, folder: os.chown(photo, os.getuid(), os.getgid()),
    "utime": lambda photo, folder: os.utime(photo, ns=(1, 1)),
    "utime now": lambda photo, folder: os.utime(photo),
    "utime folder": lambda photo, folder: os.utime(folder, ns=(1, 1)),
    "fchmod": _fchmod_opened,
    "setxattr": lambda photo, folder: os.setxattr(photo, "user.xdg.tags", b"holiday"),
    "removexattr": lambda photo, folder: os.removexattr(photo, "user.mime_type"),
    "setxattr folder": lambda photo, folder: os.setxattr(folder, "user.any", b"x"),
    "access W_OK": lambda photo, folder: _checked(libc.access(os.fsencode(photo), os.W_OK)),
    "access W_OK folder": lambda photo, folder: _checked(libc.access(os.fsencode(folder), os.W_OK)),
}


@pytest.mark.parametrize("place", ["Timeline/2019/2019-08/2019-08-07", f"Originals/{VOLUME}/2019"])
@pytest.mark.parametrize("name", list(WRITES))
def test_every_way_to_write_is_refused_as_on_a_read_only_file_system(mount, name, place):
    folder = mount.place / place
    photo = folder / "IMG_0001.JPG"
    before = sorted(os.listdir(folder)), photo.stat()
    with pytest.raises(OSError, match=r"\[Errno") as raised:
        WRITES[name](photo, folder)
    allowed = {errno.EROFS}
    if name == "O_TMPFILE":
        allowed = {
            errno.EOPNOTSUPP,
            errno.EROFS,
        }  # refused by the kernel: FUSE before 7.37 knows no such call
    assert raised.value.errno in allowed, os.strerror(raised.value.errno)
    assert (sorted(os.listdir(folder)), photo.stat()) == before


def test_a_descriptor_for_reading_cannot_be_used_to_write(mount, photo):
    for attempt in (
        lambda fd: os.write(fd, b"x"),
        lambda fd: os.ftruncate(fd, 0),
        lambda fd: os.posix_fallocate(fd, 0, 9),
    ):
        fd = os.open(photo, os.O_RDONLY)
        try:
            with pytest.raises(OSError, match=r"\[Errno") as raised:
                attempt(fd)
            assert raised.value.errno in (errno.EBADF, errno.EINVAL)
        finally:
            os.close(fd)


def test_writing_into_the_service_folder_is_refused_too(mount):
    for path in (".glassine/new", ".glassine/by-id/new", "new"):
        with pytest.raises(OSError, match="Read-only file system"):
            (mount.place / path).write_bytes(b"x")


@pytest.mark.root
def test_root_opens_nothing_for_writing_either(mount, photo):
    with pytest.raises(OSError, match="Read-only file system"):
        photo.open("r+b")


# Trouble


def test_a_bug_in_the_server_is_eio_for_one_request_and_the_mount_goes_on(tmp_path):
    library = build_library(tmp_path, {"a.jpg": FileSpec(captured="2019-08-07T10:00:00")})
    (uid,) = library.bodies_by_uid()
    library.writer.execute("UPDATE asset SET capture = 'no JSON'")  # what no code of ours expects
    place = tmp_path / "mnt"
    log_path = tmp_path / "log"
    mount = Mount(library.library, place, log_path)
    try:
        with pytest.raises(OSError, match="Input/output error"):
            (place / f".glassine/by-id/{uid}/meta.json").read_bytes()
        assert (place / DAY / "a.jpg").read_bytes()
        assert mount.status()["frontend"]["errors"] > 0  # type: ignore[index]
        assert mount.end() == 0
    finally:
        mount.clean_up()
        library.writer.close()  # no check: the catalog is broken on purpose
    assert "Traceback" in mount.log
    assert "lookup" in mount.log
