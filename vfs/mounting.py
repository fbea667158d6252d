"""Mount points: fit to mount on, stale or alive, who keeps them busy, and the ladder down.

It knows the mount table and /proc, no FUSE library and no catalog, so that the command line can unmount without
either. Invariants: nothing here looks *into* a mount of ours, which could hang; a mount point that holds
anything is never covered; a crash leaves a mount that answers ENOTCONN, never an empty directory that a
mirroring tool would believe. Blocking; call from a process that may wait.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import re
import stat
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import AlreadyExists, GlassineError, NotFound, NotPermitted, UsageError

log = logging.getLogger(__name__)

SUBTYPE = "glassine"
FS_TYPE = f"fuse.{SUBTYPE}"
FUSE_DEVICE = "/dev/fuse"

SEALED_MODE = 0o300  # fusermount3 wants to enter and to write

_CONNECTIONS = "/sys/fs/fuse/connections"  # fusectl, in Documentation/filesystems/fuse.rst

_MNT_FORCE, _MNT_DETACH = 1, 2
_UMOUNT_NOFOLLOW = 8
_UNMOUNT_TOOL = "fusermount3"
_RETRY_S = 0.1
_TOOL_LIMIT_S = 20.0  # fusermount3 takes milliseconds; a stuck one must not keep us for ever
_OCTAL = re.compile(rb"\\([0-7]{3})")
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that keeps a mount busy; `what` is a path below the mount or its working directory."""

    pid: int
    command: str
    what: str


def why_no_fuse() -> str | None:
    """Return why nothing can be mounted on this machine, or None if it can."""
    if not os.path.exists(FUSE_DEVICE):
        return f"{FUSE_DEVICE} is missing (container without FUSE, or module not loaded)"
    if os.geteuid() == 0 or os.access(FUSE_DEVICE, os.R_OK | os.W_OK) or _has_unmount_tool():
        return None
    return f"no access to {FUSE_DEVICE} and no {_UNMOUNT_TOOL} (package fuse3)"


def mount_type(mountpoint: Path) -> str | None:
    """Return the type of the topmost file system mounted exactly there, from the mount table alone."""
    wanted = os.fsencode(real_mountpoint(mountpoint))
    found = None
    with open("/proc/self/mountinfo", "rb") as table:
        for line in table:
            place, _, tail = line.partition(b" - ")
            if _unescaped(place.split()[4]) == wanted:
                found = os.fsdecode(_unescaped(tail.split()[0]))
    return found


def real_mountpoint(mountpoint: Path) -> Path:
    """Return the absolute path with the parents' symlinks resolved; the last component is not looked at."""
    absolute = Path(os.path.abspath(mountpoint))
    return Path(os.path.realpath(absolute.parent)) / absolute.name


def prepare(mountpoint: Path) -> bool:
    """Make the mount point fit: create the directory, refuse what is in use.

    Returns:
        Whether a mount without a server lies there. It is left alone, to be replaced when the new one is ready.

    Raises:
        AlreadyExists: a live mount of ours is there.
        UsageError: no directory, or not an empty one.
        NotFound: its parent does not exist.
        NotPermitted: it cannot be created or listed.
    """
    if mount_type(mountpoint) == FS_TYPE:
        if not is_stale(mountpoint):
            raise AlreadyExists(f"{mountpoint} is mounted already", hint=f"glassine unmount {mountpoint}")
        log.warning("a mount without a server was left at %s: taking its place", mountpoint)
        return True
    try:
        is_empty = _create(mountpoint) or not _listed(mountpoint)
    except NotADirectoryError as error:
        raise UsageError(f"{mountpoint} is not a directory") from error
    except PermissionError as error:
        raise NotPermitted(f"{mountpoint}: {error.strerror}") from error
    if not is_empty:
        raise UsageError(
            f"{mountpoint} is not empty", hint="name an empty directory, or one that does not exist yet"
        )
    return False


def remove_sealed(mountpoint: Path) -> None:
    """Remove a mount point that we have made; leave it if somebody has put something there."""
    with suppress(OSError):
        if mount_type(mountpoint) is None and _is_sealed(mountpoint):
            os.rmdir(mountpoint)


def detach(mountpoint: Path) -> None:
    """Take the topmost mount out of sight, whoever uses it."""
    _unmount_once(mountpoint, is_lazy=True)


def is_stale(mountpoint: Path) -> bool:
    """Tell whether the server of the mount is gone (ENOTCONN)."""
    try:
        os.stat(mountpoint)
    except OSError as error:
        return error.errno == errno.ENOTCONN
    return False


def unmount(
    mountpoint: Path, *, patience_s: float = 0.0, is_lazy: bool = False, is_forced: bool = False
) -> bool:
    """Take the mount away: plainly; while it is busy again until patience ends; lazily only if asked.

    A mount point that we have made goes with it.

    Args:
        patience_s: how long a busy mount is tried again.
        is_lazy: whether a mount that stays busy is taken out of sight.
        is_forced: whether its users get errors then, instead of being served to their end.

    Returns:
        True if it went plainly; False if it was detached and its users may still hold it.

    Raises:
        NotFound: nothing of ours is mounted there.
        GlassineError: it stays busy; `holders` says who keeps it.
    """
    if mount_type(mountpoint) != FS_TYPE:
        raise NotFound(f"no mount of ours at {mountpoint}")
    deadline = time.monotonic() + patience_s
    while not _unmount_once(mountpoint, is_lazy=False):
        if time.monotonic() >= deadline:
            keepers = holders(mountpoint)
            if not is_lazy:
                raise _busy(mountpoint, keepers)
            log.warning("%s is busy (%s): detached lazily", mountpoint, _told(keepers))
            if is_forced:
                abort_connection(mountpoint)
            _unmount_once(mountpoint, is_lazy=True)
            remove_sealed(mountpoint)
            return False
        time.sleep(_RETRY_S)
    remove_sealed(mountpoint)
    return True


def holders(mountpoint: Path) -> list[Holder]:
    """Return who has files, the working directory or the root below the mount point, as far as we may see."""
    root = os.fspath(real_mountpoint(mountpoint))
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            what = next((link for link in _links(name) if link == root or link.startswith(root + "/")), None)
            if what is not None:
                found.append(Holder(int(name), _command(name), what))
    return found


def abort_connection(mountpoint: Path) -> bool:
    """Make the kernel answer everything that is asked of our mount with an error, from now on. Touches no mount.

    That frees whoever waits for a server that hangs in the kernel, where SIGKILL does not end it. The connection is named by the
    device number in the mount table.

    Returns:
        Whether it could be done: by the owner of the mount where fusectl is mounted, by root anywhere.
    """
    device = _device_of(mountpoint)
    if device is None:
        return False
    try:
        with open(f"{_CONNECTIONS}/{device.partition(':')[2]}/abort", "wb", buffering=0) as control:
            control.write(b"1")
    except OSError as error:
        log.debug("the connection of %s: %s", mountpoint, error)
        # As root: the kernel aborts first, and then finds that it is busy, or unmounts.
        if _libc.umount2(os.fsencode(real_mountpoint(mountpoint)), _MNT_FORCE | _UMOUNT_NOFOLLOW) == 0:
            return True
        return ctypes.get_errno() == errno.EBUSY
    return True


def _device_of(mountpoint: Path) -> str | None:
    """Return `major:minor` of our topmost mount exactly there; None if there is none."""
    wanted = os.fsencode(real_mountpoint(mountpoint))
    found = None
    with open("/proc/self/mountinfo", "rb") as table:
        for line in table:
            place, _, tail = line.partition(b" - ")
            fields = place.split()
            if _unescaped(fields[4]) == wanted:
                is_ours = os.fsdecode(tail.split()[0]) == FS_TYPE
                found = fields[2].decode("ascii") if is_ours else None
    return found


def _unmount_once(mountpoint: Path, *, is_lazy: bool) -> bool:
    """Return False if it is busy; any other failure is raised."""
    flags = _UMOUNT_NOFOLLOW | (_MNT_DETACH if is_lazy else 0)
    if _libc.umount2(os.fsencode(real_mountpoint(mountpoint)), flags) == 0:
        return True
    number = ctypes.get_errno()
    if number == errno.EBUSY:
        return False
    if number == errno.EPERM:  # not root: the setuid tool may unmount what its user has mounted
        return _unmount_by_tool(mountpoint, is_lazy=is_lazy)
    if number == errno.EINVAL:  # somebody else was quicker
        return True
    raise GlassineError(f"cannot unmount {mountpoint}: {os.strerror(number)}")


def _unmount_by_tool(mountpoint: Path, *, is_lazy: bool) -> bool:
    command = [_UNMOUNT_TOOL, "-u", *(["-z"] if is_lazy else []), "--", os.fspath(mountpoint)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TOOL_LIMIT_S, check=False)
    if done.returncode == 0 or mount_type(mountpoint) != FS_TYPE:
        return True
    if is_lazy:
        raise GlassineError(f"cannot unmount {mountpoint}: {done.stderr.strip()}")
    # The tool tells errors in words only. We mounted it, so busy is what is left; the caller has a deadline.
    log.debug("%s: %s", command, done.stderr.strip())
    return False


def _has_unmount_tool() -> bool:
    return any(
        os.access(os.path.join(place, _UNMOUNT_TOOL), os.X_OK)
        for place in os.environ.get("PATH", "").split(":")
    )


def _create(mountpoint: Path) -> bool:
    try:
        os.mkdir(mountpoint, SEALED_MODE)
    except FileExistsError:
        return False
    except FileNotFoundError as error:
        raise NotFound(f"{mountpoint.parent} does not exist", hint="create it first") from error
    return True


def _is_sealed(mountpoint: Path) -> bool:
    found = os.stat(mountpoint, follow_symlinks=False)
    return stat.S_IMODE(found.st_mode) == SEALED_MODE and found.st_uid == os.geteuid()


def _listed(mountpoint: Path) -> list[str]:
    """Return what lies there, in a directory that we have sealed too."""
    if not stat.S_ISDIR(os.stat(mountpoint).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), os.fspath(mountpoint))
    if not _is_sealed(mountpoint):
        return os.listdir(mountpoint)
    os.chmod(mountpoint, 0o700)
    try:
        return os.listdir(mountpoint)
    finally:
        os.chmod(mountpoint, SEALED_MODE)


def _links(pid: str) -> list[str]:
    """Return what a process holds by path; nothing if it is gone or not ours to see."""
    base = f"/proc/{pid}"
    places = [f"{base}/cwd", f"{base}/root"]
    found = []
    with suppress(OSError):  # not ours to see
        places += [f"{base}/fd/{fd}" for fd in os.listdir(f"{base}/fd")]
    for place in places:
        try:
            found.append(os.readlink(place))
        except OSError:
            continue
    return found


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return "?"


def _told(keepers: list[Holder]) -> str:
    return (
        ", ".join(f"{keeper.command} {keeper.pid}: {keeper.what}" for keeper in keepers) or "unknown holder"
    )


def _busy(mountpoint: Path, keepers: list[Holder]) -> GlassineError:
    return GlassineError(
        f"{mountpoint} is busy: {_told(keepers)}",
        hint="close these programs, or leave the directory",
        holders=[{"pid": keeper.pid, "command": keeper.command, "path": keeper.what} for keeper in keepers],
    )


def _unescaped(field: bytes) -> bytes:
    """Undo the octal escapes of the mount table."""
    return _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), field)
