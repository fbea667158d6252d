"""Gives up rights that a server never needs: it reads what it may read, and writes in the library directory alone.

Unlike `vfs.confine`, which shuts a helper off from the network and from most files, this leaves a listening server its
sockets and its reading (volumes come and go while it runs). It holds charter sentence 1 by the kernel: nothing
outside the library directory can be opened for writing, made or removed (Landlock), no mode, owner, time or
attribute changed, nothing executed, no connection made (seccomp). Not reversible; call before any thread exists.
What the system cannot hold is returned in words.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
from pathlib import Path

from vfs.confine import landlock_abi

# linux/landlock.h and linux/prctl.h; these system calls have one number on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_NO_NEW_PRIVS = 38
_EXECUTE, _WRITE_FILE = 1 << 0, 1 << 1
_CHANGE_ENTRIES = sum(1 << bit for bit in range(4, 13))  # remove and make files, directories, links, nodes
_REFER, _TRUNCATE = 1 << 13, 1 << 14  # ABI 2, 3
_CONNECT_TCP = 1 << 1  # ABI 4
_FILE_ABI_4 = struct.Struct("=QQ")

_REFUSED = tuple(
    [
        "chmod",
        "fchmod",
        "fchmodat",
        "fchmodat2",
        "chown",
        "fchown",
        "lchown",
        "fchownat",
        "utime",
        "utimes",
        "utimensat",
        "futimesat",
        "setxattr",
        "lsetxattr",
        "fsetxattr",
        "removexattr",
        "lremovexattr",
        "fremovexattr",
        "execve",
        "execveat",
        "connect",
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "mount",
        "umount2",
        "move_mount",
        "open_tree",
        "fsopen",
        "mount_setattr",
        "pivot_root",
        "chroot",
        "setns",
        "unshare",
        "io_uring_setup",
        "bpf",
        "perf_event_open",
        "userfaultfd",
        "init_module",
        "finit_module",
        "kexec_load",
        "reboot",
    ]
)


def confine_server(library: Path) -> tuple[str, ...]:
    """Confine this process. Returns what could not be held, in words; empty = all."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return ("the system refuses to give up privileges: nothing is confined",)
    # In this order: importing pyseccomp looks for its library with a temporary file and a program.
    return (*_seccomp(), *_landlock(libc, library))


def _landlock(libc: ctypes.CDLL, library: Path) -> tuple[str, ...]:
    abi = landlock_abi()
    if not abi:
        return ("Landlock is missing: writing outside the library is not held",)
    handled = _EXECUTE | _WRITE_FILE | _CHANGE_ENTRIES
    handled |= (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0)
    attributes = _FILE_ABI_4.pack(handled, _CONNECT_TCP) if abi >= 4 else struct.pack("=Q", handled)
    libc.syscall.restype = ctypes.c_long
    ruleset = int(libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))
    if ruleset < 0:
        return (f"Landlock is refused ({os.strerror(ctypes.get_errno())}): writing is not held",)
    place = os.open(library, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", handled & ~_EXECUTE, place)
        is_held = (
            libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0) == 0
            and libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
        )
    finally:
        os.close(place)
        os.close(ruleset)
    if not is_held:
        return (f"Landlock is refused ({os.strerror(ctypes.get_errno())}): writing is not held",)
    return () if abi >= 3 else ("this kernel's Landlock does not hold truncation",)


def _seccomp() -> tuple[str, ...]:
    try:
        import pyseccomp
    except (ImportError, OSError, RuntimeError) as error:  # libseccomp2 is not installed
        return (f"seccomp is missing ({error}): modes, times and attributes are not held",)
    box = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
    for name in _REFUSED:
        # No such call on this architecture, or unknown to this libseccomp.
        with contextlib.suppress(ValueError, OSError):
            box.add_rule(pyseccomp.ERRNO(errno.EPERM), name)
    try:
        box.load()
    except OSError as error:
        return (f"seccomp is refused ({error.strerror}): modes, times and attributes are not held",)
    return ()
