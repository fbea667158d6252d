"""The bench of the suites about confinement: a photo, a secret beside its root, and a confined child that tries something."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from media_files import jpeg

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


def make_places(tmp_path: Path) -> tuple[Path, Path]:
    """Make a root with a photo and a folder in it, and a directory outside with a secret; return both."""
    root, outside = tmp_path / "photos", tmp_path / "outside"
    (root / "folder").mkdir(parents=True)
    outside.mkdir()
    (root / "photo.jpg").write_bytes(jpeg())
    (outside / "secret").write_text("secret")
    return root, outside


def attempt(
    body: str, root: Path, outside: Path, *, setup: str = SETUP, argument: str | None = None
) -> tuple[str, dict[str, object]]:
    """Let a child that is confined by `setup` run the statements.

    Args:
        argument: the third word of its command line, by default our process id.

    Returns:
        "allowed" or the name of the errno, and the report of the confinement.
    """
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            setup.replace("{body}", body),
            str(root),
            str(outside),
            str(os.getpid()) if argument is None else argument,
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    verdict, report = json.loads(done.stdout)
    return verdict, report
