"""What a confined helper may not do: one case per call, refused by the kernel, as any user and even as root.

Each case runs in a child that is confined exactly as a media worker is, with a real photo below the root.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from capabilities import require
from media_files import jpeg
from sacred import fingerprints
from vfs.confine import landlock_abi

SETUP = """
import ctypes, errno, fcntl, json, os, socket, struct, sys
from vfs.confine import Limits, confine
root, outside, argument = (os.fsencode(word) for word in sys.argv[1:4])
photo = root + b"/photo.jpg"
fd = os.open(photo, os.O_RDONLY)
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")
report = confine(readable=[root, *(os.fsencode(path) for path in (sys.prefix, sys.base_prefix + "/lib"))], limits=Limits())
def attempt():
    {body}
try:
    attempt()
    print(json.dumps(["allowed", report.to_json()]))
except OSError as error:
    print(json.dumps([errno.errorcode[error.errno], report.to_json()]))
"""

# What must be refused, and how the kernel says so: seccomp EPERM, Landlock EACCES.
FORBIDDEN: dict[str, str] = {
    # to change what a file holds
    "open for writing": "os.open(photo, os.O_WRONLY)",
    "open for reading and writing": "os.open(photo, os.O_RDWR)",
    "open for appending": "os.open(photo, os.O_WRONLY | os.O_APPEND)",
    "open and truncate": "os.open(photo, os.O_RDONLY | os.O_TRUNC)",
    "open by the old call": "call(2, photo, os.O_RDWR, 0)",
    "create": "os.open(root + b'/new.jpg', os.O_CREAT | os.O_WRONLY)",
    "create without writing": "os.open(root + b'/new.jpg', os.O_CREAT | os.O_RDONLY)",
    "creat": "call(85, root + b'/new.jpg', 0o600)",
    "create outside": "os.open(outside + b'/new.jpg', os.O_CREAT | os.O_WRONLY)",
    "temporary file": "os.open(root, os.O_TMPFILE | os.O_RDWR)",
    "open for writing by openat2": "call(437, -100, photo, struct.pack('QQQ', os.O_RDWR, 0, 0), 24)",
    "create by openat2": "call(437, -100, root + b'/n', struct.pack('QQQ', os.O_CREAT | os.O_WRONLY, 0o600, 0), 24)",
    "reopen the descriptor for writing": "os.open(b'/proc/self/fd/%d' % fd, os.O_RDWR)",
    "write to our own memory file": "os.open('/proc/self/mem', os.O_RDWR)",
    "open a device": "os.open('/dev/null', os.O_WRONLY)",
    "read what is not ours": "os.open(outside + b'/secret', os.O_RDONLY)",
    "read what is not ours by openat2": "call(437, -100, outside + b'/secret', struct.pack('QQQ', os.O_RDONLY, 0, 0), 24)",
    "read the passwords": "os.open('/etc/passwd', os.O_RDONLY)",
    "list what is not ours": "os.listdir(outside)",
    "truncate": "os.truncate(photo, 1)",
    "ftruncate": "os.truncate(fd, 1)",
    "fallocate": "os.posix_fallocate(fd, 0, 10)",
    # modes, owners, times, attributes
    "chmod": "os.chmod(photo, 0o600)",
    "fchmod": "os.fchmod(fd, 0o600)",
    "fchmodat": "call(268, -100, photo, 0o600)",
    "fchmodat2": "call(452, -100, photo, 0o600, 0)",
    "chown": "call(92, photo, os.getuid(), os.getgid())",
    "fchown": "os.fchown(fd, os.getuid(), os.getgid())",
    "lchown": "call(94, photo, os.getuid(), os.getgid())",
    "fchownat": "call(260, -100, photo, os.getuid(), os.getgid(), 0)",
    "utime": "call(132, photo, None)",
    "utimes": "call(235, photo, None)",
    "futimesat": "call(261, -100, photo, None)",
    "utimensat": "os.utime(photo, (1, 1))",
    "futimens": "os.utime(fd, (1, 1))",
    "setxattr": "os.setxattr(photo, b'user.x', b'1')",
    "lsetxattr": "os.setxattr(photo, b'user.x', b'1', follow_symlinks=False)",
    "fsetxattr": "os.setxattr(fd, b'user.x', b'1')",
    "setxattrat": "call(463, -100, photo, 0, b'user.x', struct.pack('QII', 0, 0, 0), 16)",
    "removexattr": "os.removexattr(photo, b'user.x')",
    "lremovexattr": "os.removexattr(photo, b'user.x', follow_symlinks=False)",
    "fremovexattr": "os.removexattr(fd, b'user.x')",
    "removexattrat": "call(466, -100, photo, 0, b'user.x')",
    "file_setattr": "call(469, -100, photo, ctypes.create_string_buffer(64), 64, 0)",
    "chattr": "fcntl.ioctl(fd, 0x40086602, struct.pack('l', 0x10))",
    "clone a range into it": "fcntl.ioctl(fd, 0x40049409, fd)",
    # names
    "unlink": "call(87, photo)",
    "remove below a descriptor": "os.unlink(b'photo.jpg', dir_fd=os.open(root, os.O_RDONLY))",
    "rmdir": "os.rmdir(root + b'/folder')",
    "mkdir": "os.mkdir(root + b'/new')",
    "mkdirat": "os.mkdir(b'new', dir_fd=os.open(root, os.O_RDONLY))",
    "rename": "call(82, photo, root + b'/other.jpg')",
    "renameat": "call(264, -100, photo, -100, root + b'/other.jpg')",
    "renameat2": "call(316, -100, photo, -100, root + b'/other.jpg', 0)",
    "link": "call(86, photo, root + b'/other.jpg')",
    "linkat": "call(265, -100, photo, -100, root + b'/other.jpg', 0)",
    "symlink": "call(88, photo, root + b'/other.jpg')",
    "symlinkat": "call(266, photo, -100, root + b'/other.jpg')",
    "mknod of a pipe": "os.mknod(root + b'/fifo', 0o010600)",
    "mknod of a file": "os.mknod(root + b'/file', 0o100600)",
    "mknod of a device": "os.mknod(root + b'/device', 0o020600, os.makedev(1, 3))",
    "mknodat": "call(259, -100, root + b'/fifo', 0o010600, 0)",
    # to speak to somebody
    "tcp socket": "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
    "udp socket": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "raw socket": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "tcp socket of IPv6": "socket.socket(socket.AF_INET6, socket.SOCK_STREAM)",
    "udp socket of IPv6": "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
    "unix socket": "socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)",
    "unix datagram socket": "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "netlink socket": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "packet socket": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)",
    "vsock socket": "socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)",
    "crypto socket": "socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET, 0)",
    "bluetooth socket": "call(41, 31, 3, 3)",
    "socketpair": "socket.socketpair()",
    "connect": "call(42, fd, b'', 0)",
    "bind": "call(49, fd, b'', 0)",
    "send": "call(44, fd, b'x', 1, 0, None, 0)",
    "send a message": "call(46, fd, ctypes.create_string_buffer(64), 0)",
    "receive a message": "call(47, fd, ctypes.create_string_buffer(64), 0)",
    "message queue": "call(240, b'/glassine', os.O_CREAT | os.O_RDWR, 0o600, None)",
    "io_uring": "call(425, 8, ctypes.create_string_buffer(256))",
    "enter io_uring": "call(426, fd, 1, 0, 0, None, 0)",
    "register with io_uring": "call(427, fd, 0, None, 0)",
    "asynchronous writes": "call(206, 1, ctypes.create_string_buffer(8))",
    "fanotify": "call(300, 0, 0)",
    # other processes
    "trace another process": "call(101, 16, int(argument), 0, 0)",
    "read another process": "call(310, int(argument), None, 0, None, 0, 0)",
    "write another process": "call(311, int(argument), None, 0, None, 0, 0)",
    "take a descriptor of another process": "call(438, os.pidfd_open(int(argument)), 0, 0)",
    "signal another process": "os.kill(int(argument), 10)",
    "run a program": "os.execv('/bin/true', ['true'])",
    "run a program by its descriptor": "call(322, fd, b'', None, None, 0x1000)",
    "a program in memory": "call(319, b'x', 0)",
    # the system
    "mount": "call(165, b'none', root, b'tmpfs', 0, None)",
    "mount by the new calls": "call(430, b'tmpfs', 0)",
    "unmount": "call(166, root, 0)",
    "unshare": "call(272, 0x10000000)",
    "enter another namespace": "call(308, fd, 0)",
    "change root": "os.chroot(root)",
    "open by handle": "call(304, -100, ctypes.create_string_buffer(64), 0)",
    "set the clock": "call(227, 0, struct.pack('ll', 0, 0))",
    "keys": "call(250, 0, 0, 0, 0, 0)",
    "bpf": "call(321, 0, None, 0)",
    "performance events": "call(298, ctypes.create_string_buffer(128), 0, -1, -1, 0)",
    "faults in user space": "call(323, 0)",
    "load a module": "call(313, fd, b'', 0)",
    "quota": "call(179, 0, None, 0, None)",
    "swap": "call(167, photo, 0)",
    "accounting": "call(163, photo)",
}


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    root, outside = tmp_path / "photos", tmp_path / "outside"
    (root / "folder").mkdir(parents=True)
    outside.mkdir()
    (root / "photo.jpg").write_bytes(jpeg())
    (outside / "secret").write_text("secret")
    return root, outside


def _attempt(
    body: str, root: Path, outside: Path, argument: str, setup: str = SETUP
) -> tuple[str, dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-P", "-c", setup.replace("{body}", body), str(root), str(outside), argument],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    verdict, report = json.loads(done.stdout)
    return verdict, report


@pytest.mark.slow
@pytest.mark.parametrize("name", FORBIDDEN)
def test_the_kernel_refuses(name: str, places: tuple[Path, Path]) -> None:
    if os.uname().machine != "x86_64" and "call(" in FORBIDDEN[name]:
        pytest.skip("missing: the system call numbers of this architecture")
    root, outside = places
    before = fingerprints(root)
    # A stranger: signal 10 would kill it.
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        try:
            verdict, report = _attempt(FORBIDDEN[name], root, outside, str(sleeper.pid))
            assert sleeper.poll() is None
        finally:
            sleeper.kill()
    assert verdict in ("EPERM", "EACCES"), (name, verdict)
    assert fingerprints(root) == before
    assert report["has_seccomp"] is True
    assert report["landlock_abi"] == landlock_abi() > 0


# As a worker that may run exiftool: with these few programs, and no other.
WITH_EXIFTOOL = SETUP.replace(
    "limits=Limits())", "executable=find_exiftool().runnable, limits=Limits())"
).replace("from vfs.confine", "from daemon.media.exiftool_paths import find_exiftool\nfrom vfs.confine")
PROGRAMS = ("/bin/true", "/bin/sh", "/usr/bin/env", sys.executable)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_worker_with_exiftool_runs_nothing_else(program: str, places: tuple[Path, Path]) -> None:
    require("exiftool")
    body = f"os.execv({program!r}, ['x', '-c', 'print(1)'])"
    assert _attempt(body, *places, "0", setup=WITH_EXIFTOOL)[0] in ("EPERM", "EACCES")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["open for writing", "unlink", "chmod", "udp socket", "utimensat", "a program in memory"]
)
def test_what_exiftool_may_run_changes_nothing_about_the_other_locks(
    name: str, places: tuple[Path, Path]
) -> None:
    require("exiftool")
    assert _attempt(FORBIDDEN[name], *places, "0", setup=WITH_EXIFTOOL)[0] in ("EPERM", "EACCES")


@pytest.mark.slow
@pytest.mark.skipif(
    os.uname().machine != "x86_64", reason="missing: the second set of call numbers of x86-64"
)
def test_calls_by_their_other_numbers_end_the_process_or_are_refused(places: tuple[Path, Path]) -> None:
    """x32 numbers name the same calls once more; a filter that forgot them would be none."""
    root, outside = places
    before = fingerprints(root)
    for number in (2, 85, 87, 90, 132):  # open, creat, unlink, chmod, utime
        program = SETUP.replace("{body}", f"call(0x40000000 + {number}, photo, 0o600, 0)")
        done = subprocess.run(
            [sys.executable, "-P", "-c", program, str(root), str(outside), "0"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "allowed" not in done.stdout, number
    assert fingerprints(root) == before


@pytest.mark.parametrize(
    "body",
    [
        "os.read(fd, 10)",
        "os.close(os.open(photo, os.O_RDONLY))",
        "os.close(os.open(b'/proc/self/fd/%d' % fd, os.O_RDONLY))",
        "os.listdir(root)",
        "os.stat(outside)",
        "import encodings.idna",
    ],
)
def test_what_a_reader_needs_stays_allowed(body: str, places: tuple[Path, Path]) -> None:
    assert _attempt(body, *places, "0")[0] == "allowed"


@pytest.mark.slow
def test_the_same_calls_are_allowed_without_confinement(places: tuple[Path, Path]) -> None:
    """The cases bite: without `confine` they succeed (or fail for another reason than permission)."""
    root, outside = places
    unconfined = SETUP.replace("confine(readable", "(lambda **_: None)(readable").replace(
        "report.to_json()", "None"
    )
    for name in (
        "open for writing",
        "create",
        "fchmod",
        "futimens",
        "unlink",
        "rename",
        "symlinkat",
        "mkdir",
        "mknod of a pipe",
        "utimes",
        "tcp socket",
        "unix socket",
        "netlink socket",
        "socketpair",
        "a program in memory",
        "asynchronous writes",
        "fsetxattr",
        "run a program",
    ):
        (root / "photo.jpg").write_bytes(jpeg())
        program = unconfined.replace("{body}", FORBIDDEN[name])
        done = subprocess.run(
            [sys.executable, "-P", "-c", program, str(root), str(outside), "0"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "EPERM" not in done.stdout, name
        assert "EACCES" not in done.stdout, name


def test_memory_files_and_cores_are_limited(places: tuple[Path, Path]) -> None:
    program = """
import json, os, resource, sys
from vfs.confine import Limits, confine
confine(readable=[os.fsencode(sys.argv[1])], limits=Limits(address_space_bytes=1 << 30, open_files=50))
try: bytes(2 << 30); is_short = False
except MemoryError: is_short = True
limits = [resource.getrlimit(one) for one in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)]
print(json.dumps([is_short, limits]))
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, str(places[0])], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [True, [[0, 0], [0, 0], [50, 50]]]


WITHOUT_LANDLOCK = """
import errno, json, os, sys
import pyseccomp
old_kernel = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
old_kernel.add_rule(pyseccomp.ERRNO(errno.ENOSYS), 444)
old_kernel.load()
from vfs.confine import confine
photo = sys.argv[1] + "/photo.jpg"
report = confine(readable=[os.fsencode(sys.argv[1])])
refused = []
for attempt in (lambda: os.open(photo, os.O_RDWR), lambda: os.unlink(photo), lambda: os.chmod(photo, 0o600)):
    try: attempt()
    except PermissionError: refused.append(True)
os.close(os.open(photo, os.O_RDONLY))
print(json.dumps([report.to_json(), refused]))
"""
WITHOUT_SECCOMP = """
import json, os, sys
sys.modules["pyseccomp"] = None
from vfs.confine import confine
report = confine(readable=[os.fsencode(sys.argv[1])])
try: os.open(sys.argv[1] + "/photo.jpg", os.O_RDWR); refused = []
except PermissionError: refused = [True]
print(json.dumps([report.to_json(), refused]))
"""


@pytest.mark.parametrize(
    ("program", "abi", "has_seccomp", "refusals", "missing"),
    [(WITHOUT_LANDLOCK, 0, True, 3, "Landlock"), (WITHOUT_SECCOMP, None, False, 1, "seccomp")],
)
def test_what_a_system_lacks_is_reported_and_the_other_lock_still_holds(  # noqa: PLR0917 - a table
    program: str, abi: int | None, has_seccomp: bool, refusals: int, missing: str, places: tuple[Path, Path]
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, str(places[0])], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    report, refused = json.loads(done.stdout)
    assert (report["landlock_abi"], report["has_seccomp"]) == (
        landlock_abi() if abi is None else abi,
        has_seccomp,
    )
    assert len(refused) == refusals
    assert any(missing in text for text in report["missing"])
