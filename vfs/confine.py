"""Confine the calling process for ever: Landlock, seccomp and limits, for every helper that touches originals.

A media worker or a volume process calls `confine` once, before it sees an untrusted byte; its children
inherit everything. After it the kernel refuses what charter sentence 1 forbids: to write, create, rename,
remove or re-time any file at all, to open a socket, to trace another process. One helper, the remover of the purge, keeps
the right to remove files below one root; another one, the writer of markers, to make a small new file in one directory.

Landlock alone does not stop fchmod, utime, setxattr on a read-only descriptor, nor UDP and unix sockets
(notes/README.md, correction 2); seccomp does. Seccomp alone cannot see openat2's flags; Landlock does. What
this kernel or system lacks is said in the report, so that `status` and `doctor` can show it; nothing here
knows what the process is for. Blocks for about a millisecond. Not reversible, not to be called with threads
running: both only bind the calling thread and its later children.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import struct
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

# linux/landlock.h, linux/prctl.h; system call numbers since 5.13 are the same on every architecture.
_SYS_CREATE_RULESET, _SYS_ADD_RULE, _SYS_RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_FILE, _MAKE_REG = 1 << 5, 1 << 8
_ALL_OF_ABI_1 = (1 << 13) - 1
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15  # ABI 2, 3, 5
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_NET_TCP = 0b11  # ABI 4: bind and connect
_SCOPES = 0b11  # ABI 6: abstract unix sockets, signals to the outside

_WHAT_OLD_KERNELS_LACK: tuple[tuple[int, str], ...] = (
    (3, "truncation is not held by Landlock"),
    (4, "TCP is not held by Landlock"),
    (6, "signals to other processes are not held by Landlock"),
)

# Refused with EPERM whatever the arguments. Each line is a way to change an original, to leave the box or
# to speak to somebody.
_REFUSED_CALLS: tuple[str, ...] = tuple(
    """
    chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat
    utime utimes utimensat futimesat
    setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat file_setattr
    unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat rmdir mkdir mkdirat mknod mknodat
    truncate ftruncate fallocate creat
    socket socketpair connect bind listen accept accept4 sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg
    mq_open mq_unlink msgget semget shmget
    io_uring_setup io_uring_enter io_uring_register io_setup io_submit
    fanotify_init fanotify_mark memfd_create memfd_secret
    ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp
    mount umount2 move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr pivot_root chroot
    setns unshare open_by_handle_at
    bpf perf_event_open userfaultfd keyctl add_key request_key
    init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff
    settimeofday clock_settime adjtimex clock_adjtime acct quotactl quotactl_fd sethostname setdomainname
    syslog personality lookup_dcookie vhangup
    """.split()  # noqa: SIM905 - words read better as words
)
_EXECUTE_CALLS = ("execve", "execveat")
# The one call that removes a file below a `removable` tree; with AT_REMOVEDIR it is refused there as well.
_REMOVE_CALL = "unlinkat"
# Its flags are behind a pointer, where seccomp cannot see them; who does without it uses openat.
_OPEN_BY_STRUCT = "openat2"
# Numbers for libseccomp versions that do not know the names yet (the same on every architecture).
_NEW_CALLS = {
    "fchmodat2": 452,
    "setxattrat": 463,
    "removexattrat": 466,
    "file_setattr": 469,
    "quotactl_fd": 443,
    "process_madvise": 440,
    "mount_setattr": 442,
}
# ioctl(2) requests that change a file through a read-only descriptor: attributes (chattr), versions, dedupe,
# reflinks, and the ext4, xfs and btrfs commands of the same kind are refused with their groups below.
_REFUSED_IOCTLS: tuple[int, ...] = (
    0x40086602,  # FS_IOC_SETFLAGS
    0x40046602,  # FS_IOC32_SETFLAGS
    0x401C5820,  # FS_IOC_FSSETXATTR
    0x40087602,  # FS_IOC_SETVERSION
    0x40049409,  # FICLONE
    0x4020940D,  # FICLONERANGE
    0xC0189436,  # FIDEDUPERANGE
    0x5412,  # TIOCSTI
    0x541C,  # TIOCLINUX
    0x800C6613,  # FS_IOC_SET_ENCRYPTION_POLICY
    0x40806685,  # FS_IOC_ENABLE_VERITY
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the process and each of its children. None leaves a limit as it is.

    `file_bytes` 0: whatever Landlock let through, no file can grow; pipes are not files.
    """

    address_space_bytes: int | None = None
    file_bytes: int | None = 0
    open_files: int | None = 256


@dataclass(frozen=True, slots=True)
class Confinement:
    """What holds. `missing` says, in user words, what this system could not do; empty = everything."""

    landlock_abi: int
    has_seccomp: bool
    missing: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return plain JSON types."""
        return {**asdict(self), "missing": list(self.missing)}


def die_with_parent(parent_pid: int, signal_number: int) -> None:
    """Ask the kernel to send the signal when the thread that started this process ends.

    Ends this process at once if that has already happened. Trap: "parent" is a thread; whoever starts
    helpers must do so from a thread that lives as long as they shall.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


def confine(
    *,
    readable: Iterable[bytes] = (),
    executable: Iterable[bytes] = (),
    removable: Iterable[bytes] = (),
    creatable_fd: int | None = None,
    limits: Limits | None = None,
) -> Confinement:
    """Confine this process.

    Args:
        readable: trees (or files) that may be read. A path that does not exist is passed over.
        executable: trees whose programs may be run, and read; none = execve is refused altogether.
        removable: trees whose files (no directories) may be removed, and read: the purge alone has one.
        creatable_fd: a directory's descriptor, by which new files may be made (O_WRONLY with O_CREAT and O_EXCL), and read;
            no file that exists can be opened for writing. Landlock's right holds for the directories below as well, so
            `limits.file_bytes` says how large such a file may be. The writer of markers alone has one.
        limits: resource limits; None = `Limits()`.

    Returns:
        What holds and what is missing. Never raises for a missing feature of the system.
    """
    executable, removable = list(executable), list(removable)
    missing: list[str] = []
    pyseccomp = _load_seccomp(missing)  # first: looking for libseccomp runs ldconfig
    _set_limits(limits or Limits())
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs is refused")
    rules = [
        *((path, _READ_FILE | _READ_DIR) for path in readable),
        *((path, _READ_FILE | _READ_DIR | _EXECUTE) for path in executable),
        *((path, _READ_FILE | _READ_DIR | _REMOVE_FILE) for path in removable),
    ]
    if creatable_fd is not None:
        place = b"/proc/self/fd/%d" % creatable_fd
        rules.append((place, _READ_FILE | _READ_DIR | _MAKE_REG | _WRITE_FILE))
    abi = _landlock(rules, missing)
    refused = _REFUSED_CALLS if executable else (*_REFUSED_CALLS, *_EXECUTE_CALLS)
    if removable:
        refused = tuple(name for name in refused if name != _REMOVE_CALL)
    has_seccomp = pyseccomp is not None and _seccomp(pyseccomp, refused, missing, creatable_fd)
    return Confinement(abi, has_seccomp, tuple(missing))


def landlock_abi() -> int:
    """Return the Landlock ABI of the running kernel; 0 = none (not built in, or switched off at boot)."""
    return max(0, int(_libc.syscall(_SYS_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)))


def what_landlock_lacks(abi: int) -> list[str]:
    """Return, in user words, what a kernel of this ABI does not hold; empty = all that we ask for."""
    return [text for needed, text in _WHAT_OLD_KERNELS_LACK if abi < needed]


def _set_limits(limits: Limits) -> None:
    wanted: tuple[tuple[int, int | None], ...] = (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, limits.address_space_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
    )
    for kind, value in wanted:
        if value is None:
            continue
        _, hard = resource.getrlimit(kind)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))


def _landlock(rules: Sequence[tuple[bytes, int]], missing: list[str]) -> int:
    """Restrict this process to the rules; returns the ABI in force, 0 if there is none."""
    abi = landlock_abi()
    if abi == 0:
        missing.append(
            "Landlock is missing (kernel before 5.13, or switched off): files are held by seccomp only"
        )
        return 0
    missing.extend(what_landlock_lacks(abi))
    handled = _ALL_OF_ABI_1
    for needed, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        handled |= right if abi >= needed else 0
    ruleset_fd = _create_ruleset(abi, handled)
    try:
        for path, rights in rules:
            _add_rule(ruleset_fd, path, rights & handled)
        if _libc.syscall(_SYS_RESTRICT_SELF, ruleset_fd, 0) != 0:
            raise OSError(ctypes.get_errno(), "landlock_restrict_self failed")
    finally:
        os.close(ruleset_fd)
    return abi


def _create_ruleset(abi: int, handled: int) -> int:
    attributes = struct.pack("=Q", handled)
    if abi >= 4:
        attributes += struct.pack("=Q", _NET_TCP)
    if abi >= 6:
        attributes += struct.pack("=Q", _SCOPES)
    ruleset_fd = int(_libc.syscall(_SYS_CREATE_RULESET, attributes, len(attributes), 0))
    if ruleset_fd < 0:
        raise OSError(ctypes.get_errno(), "landlock_create_ruleset failed")
    return ruleset_fd


def _add_rule(ruleset_fd: int, path: bytes, rights: int) -> None:
    try:
        place_fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (
            errno.ENOENT,
            errno.ENOTDIR,
            errno.EACCES,
            errno.ENOTCONN,
            errno.EIO,
            errno.ESTALE,
        ):
            return  # nothing to allow there now; an offline volume gets its helper started again
        raise
    try:
        if not os.path.isdir(b"/proc/self/fd/%d" % place_fd):
            rights &= _ON_FILES
        rule = struct.pack("=Qi", rights, place_fd)
        if _libc.syscall(_SYS_ADD_RULE, ruleset_fd, _RULE_PATH_BENEATH, rule, 0) != 0:
            raise OSError(ctypes.get_errno(), "landlock_add_rule failed", path)
    finally:
        os.close(place_fd)


def _load_seccomp(missing: list[str]) -> Any:
    """Return the module, or None where libseccomp2 is not installed."""
    try:
        import pyseccomp
    except (ImportError, OSError, RuntimeError) as error:
        missing.append(f"seccomp is missing ({error}): modes, times and sockets are not held")
        return None
    return pyseccomp


def _seccomp(
    pyseccomp: Any, refused: Sequence[str], missing: list[str], creatable_fd: int | None = None
) -> bool:
    box = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
    no = pyseccomp.ERRNO(errno.EPERM)
    for name in refused:
        # ValueError, OSError: no such call on this architecture, so there is nothing to refuse.
        with contextlib.suppress(ValueError, OSError):
            box.add_rule(no, _number_of(pyseccomp, name))
    for request in _REFUSED_IOCTLS:
        box.add_rule(no, "ioctl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, request))
    if creatable_fd is None:
        _refuse_opening_for_writing(pyseccomp, box, no)
    else:
        _refuse_opening_but_new_files(pyseccomp, box, no, creatable_fd)
    if _REMOVE_CALL not in refused:
        box.add_rule(no, _REMOVE_CALL, pyseccomp.Arg(2, pyseccomp.NE, 0))
    try:
        box.load()
    except OSError as error:
        missing.append(f"seccomp is refused ({error.strerror}): modes, times and sockets are not held")
        return False
    return True


def _refuse_opening_for_writing(pyseccomp: Any, box: Any, no: int) -> None:
    """Refuse open and openat with any writing flag: the second lock beside Landlock."""
    flags = ((os.O_ACCMODE, os.O_WRONLY), (os.O_ACCMODE, os.O_RDWR), (os.O_CREAT,) * 2, (os.O_TRUNC,) * 2)
    for call, position in (("open", 1), ("openat", 2)):
        for mask, value in flags:
            with contextlib.suppress(ValueError, OSError):  # no `open` on arm64
                box.add_rule(no, call, pyseccomp.Arg(position, pyseccomp.MASKED_EQ, mask, value))


def _refuse_opening_but_new_files(pyseccomp: Any, box: Any, no: int, place_fd: int) -> None:
    """Refuse to open anything for writing but a new file, by the descriptor of its directory."""
    is_new = os.O_CREAT | os.O_EXCL
    refused = (
        (os.O_ACCMODE, os.O_RDWR),
        (os.O_TRUNC, os.O_TRUNC),
        (os.O_ACCMODE | os.O_CREAT, os.O_WRONLY),
        (os.O_ACCMODE | os.O_CREAT, os.O_CREAT),
        (is_new, os.O_CREAT),
    )
    for mask, value in refused:
        box.add_rule(no, "openat", pyseccomp.Arg(2, pyseccomp.MASKED_EQ, mask, value))
    elsewhere = pyseccomp.Arg(0, pyseccomp.NE, place_fd)
    box.add_rule(no, "openat", elsewhere, pyseccomp.Arg(2, pyseccomp.MASKED_EQ, os.O_CREAT, os.O_CREAT))
    for mask, value in (
        (os.O_ACCMODE, os.O_WRONLY),
        (os.O_ACCMODE, os.O_RDWR),
        (os.O_CREAT,) * 2,
        (os.O_TRUNC,) * 2,
    ):
        with contextlib.suppress(ValueError, OSError):  # no `open` on arm64
            box.add_rule(no, "open", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, mask, value))
    box.add_rule(no, _OPEN_BY_STRUCT)


def _number_of(pyseccomp: Any, name: str) -> int | str:
    number = int(pyseccomp.resolve_syscall(pyseccomp.system_arch(), name))
    return _NEW_CALLS.get(name, name) if number < 0 else number
