"""Gives up rights that a frontend never needs: it reads what it may read, and writes a few named places alone.

`vfs.confine` shuts a helper off from everything; a frontend must keep its reading (volumes come and go while it
runs) and what it serves by: the mount its event loop, WebDAV its listening sockets. This holds charter sentence 1 by
the kernel: nothing but the named places can be opened for writing, nothing made, renamed, removed (Landlock), no
mode, owner, time or attribute changed, nothing executed, nothing mounted, no connection made (seccomp, Landlock).
Not reversible; call before any thread exists.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vfs.confine import landlock_abi

# linux/landlock.h and linux/prctl.h; these system calls have one number on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_SET_NO_NEW_PRIVS = 38
_EXECUTE, _WRITE_FILE = 1 << 0, 1 << 1
_CHANGE_ENTRIES = sum(1 << bit for bit in range(4, 13))  # remove and make files, directories, links, nodes
_REFER, _TRUNCATE = 1 << 13, 1 << 14  # ABI 2, 3
_CONNECT_TCP = 1 << 1  # ABI 4
_ON_FILES = _WRITE_FILE | _TRUNCATE

# What no frontend ever asks of the system.
NEVER_CALLED = tuple(
    """
    chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes utimensat futimesat
    setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
    execve execveat connect ptrace process_vm_readv process_vm_writev
    mount umount2 move_mount open_tree fsopen mount_setattr pivot_root chroot setns unshare
    io_uring_setup bpf perf_event_open userfaultfd init_module finit_module kexec_load reboot
    """.split()  # noqa: SIM905 - words read better as words
)
SOCKET_CALLS = ("socket", "bind", "listen")


def confine_server(
    writable: Iterable[Path], *, refused_calls: Iterable[str] = NEVER_CALLED
) -> tuple[str, ...]:
    """Confine this process.

    Args:
        writable: files, or directories with all below.
        refused_calls: names of system calls; those that a system does not know are passed over.

    Returns:
        What this system cannot hold, in words; empty = all. Never raises for a missing feature.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    box = _seccomp_module()  # first: looking for libseccomp runs a program
    if libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return ("the system refuses to give up privileges: nothing is confined",)
    lacks = [_restrict_files(libc, writable), _refuse_calls(box, refused_calls)]
    return tuple(lack for lack in lacks if lack)


def _restrict_files(libc: ctypes.CDLL, writable: Iterable[Path]) -> str:
    abi = landlock_abi()
    if not abi:
        return "Landlock is missing: writing to files is not held"
    handled = _EXECUTE | _WRITE_FILE | _CHANGE_ENTRIES
    handled |= (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0)
    attributes = struct.pack("=QQ", handled, _CONNECT_TCP) if abi >= 4 else struct.pack("=Q", handled)
    ruleset = int(libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))
    if ruleset < 0:
        return f"Landlock is refused ({os.strerror(ctypes.get_errno())}): writing to files is not held"
    try:
        for place in writable:
            _allow(libc, ruleset, place, handled & ~_EXECUTE)
        if libc.syscall(_RESTRICT_SELF, ruleset, 0) != 0:
            return f"Landlock is refused ({os.strerror(ctypes.get_errno())}): writing to files is not held"
    finally:
        os.close(ruleset)
    return "" if abi >= 3 else "this kernel's Landlock does not hold truncation"


def _allow(libc: ctypes.CDLL, ruleset: int, place: Path, rights: int) -> None:
    try:
        fd = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not place.is_dir():
            rights &= _ON_FILES
        if libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, fd), 0) != 0:
            raise OSError(ctypes.get_errno(), "landlock_add_rule failed", str(place))
    finally:
        os.close(fd)


def _seccomp_module() -> Any:
    """Return the module, or why there is none."""
    try:
        import pyseccomp
    except (ImportError, OSError, RuntimeError) as error:  # libseccomp2 is not installed
        return f"seccomp is missing ({error}): modes, times and attributes are not held"
    return pyseccomp


def _refuse_calls(pyseccomp: Any, refused_calls: Iterable[str]) -> str:
    if isinstance(pyseccomp, str):
        return pyseccomp
    box = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
    for name in refused_calls:
        # No such call on this architecture, or unknown to this libseccomp.
        with contextlib.suppress(ValueError, OSError):
            box.add_rule(pyseccomp.ERRNO(errno.EPERM), name)
    try:
        box.load()
    except OSError as error:
        return f"seccomp is refused ({error.strerror}): modes, times and attributes are not held"
    return ""
