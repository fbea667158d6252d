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
    "open for writing": "os.open(photo, os.O_WRONLY)",
    "open for reading and writing": "os.open(photo, os.O_RDWR)",
    "open and truncate": "os.open(photo, os.O_RDONLY | os.O_TRUNC)",
    "create": "os.open(root + b'/new.jpg', os.O_CREAT | os.O_WRONLY)",
    "creat": "call(85, root + b'/new.jpg', 0o600)",
    "create outside": "os.open(outside + b'/new.jpg', os.O_CREAT | os.O_WRONLY)",
    "temporary file": "os.open(root, os.O_TMPFILE | os.O_RDWR)",
    "open for writing by openat2": "call(437, -100, photo, struct.pack('QQQ', os.O_RDWR, 0, 0), 24)",
    "create by openat2": "call(437, -100, root + b'/n', struct.pack('QQQ', os.O_CREAT | os.O_WRONLY, 0o600, 0), 24)",
    "reopen the descriptor for writing": "os.open(b'/proc/self/fd/%d' % fd, os.O_RDWR)",
    "read what is not ours": "os.open(outside + b'/secret', os.O_RDONLY)",
    "list what is not ours": "os.listdir(outside)",
    "chmod": "os.chmod(photo, 0o600)",
    "fchmod": "os.fchmod(fd, 0o600)",
    "fchmodat2": "call(452, -100, photo, 0o600, 0)",
    "chown": "os.chown(photo, os.getuid(), os.getgid())",
    "fchown": "os.fchown(fd, os.getuid(), os.getgid())",
    "lchown": "os.lchown(photo, os.getuid(), os.getgid())",
    "utime": "os.utime(photo, (1, 1))",
    "futimens": "os.utime(fd, (1, 1))",
    "setxattr": "os.setxattr(photo, b'user.x', b'1')",
    "fsetxattr": "os.setxattr(fd, b'user.x', b'1')",
    "removexattr": "os.removexattr(photo, b'user.x')",
    "unlink": "os.unlink(photo)",
    "rmdir": "os.rmdir(root + b'/folder')",
    "mkdir": "os.mkdir(root + b'/new')",
    "rename": "os.rename(photo, root + b'/other.jpg')",
    "renameat2": "call(316, -100, photo, -100, root + b'/other.jpg', 0)",
    "link": "os.link(photo, root + b'/other.jpg')",
    "symlink": "os.symlink(photo, root + b'/other.jpg')",
    "mknod": "os.mknod(root + b'/fifo', 0o010600)",
    "truncate": "os.truncate(photo, 1)",
    "ftruncate": "os.truncate(fd, 1)",
    "fallocate": "os.posix_fallocate(fd, 0, 10)",
    "chattr": "fcntl.ioctl(fd, 0x40086602, struct.pack('l', 0x10))",
    "tcp socket": "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
    "udp socket": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "unix socket": "socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)",
    "socketpair": "socket.socketpair()",
    "io_uring": "call(425, 8, ctypes.create_string_buffer(256))",
    "trace another process": "call(101, 16, int(argument), 0, 0)",
    "read another process": "call(310, int(argument), None, 0, None, 0, 0)",
    "signal another process": "os.kill(int(argument), 10)",
    "run a program": "os.execv('/bin/true', ['true'])",
    "mount": "call(165, b'none', root, b'tmpfs', 0, None)",
    "unshare": "call(272, 0x10000000)",
    "change root": "os.chroot(root)",
    "open by handle": "call(304, -100, ctypes.create_string_buffer(64), 0)",
    "set the clock": "call(227, 0, struct.pack('ll', 0, 0))",
    "bpf": "call(321, 0, None, 0)",
}


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    root, outside = tmp_path / "photos", tmp_path / "outside"
    (root / "folder").mkdir(parents=True)
    outside.mkdir()
    (root / "photo.jpg").write_bytes(jpeg())
    (outside / "secret").write_text("secret")
    return root, outside


def _attempt(body: str, root: Path, outside: Path, argument: str) -> tuple[str, dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-P", "-c", SETUP.replace("{body}", body), str(root), str(outside), argument],
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
        "tcp socket",
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
