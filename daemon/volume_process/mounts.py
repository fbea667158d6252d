"""The mount table: which mounts lie below a root, of what type, told without touching any of them.

The descriptor of `/proc/self/mountinfo` is opened before Landlock shuts the door and read again from its begin.
Format: proc_pid_mountinfo(5). Octal escapes stand for space, tab, newline, backslash.
"""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass

OWN_FS_TYPE = "fuse.glassine"
# On these the bytes live elsewhere: no inotify events of others, and a lease binds only this machine.
_REMOTE = re.compile(
    r"(nfs.*|cifs|smb.*|9p|ceph|afs|ncpfs|virtiofs|vboxsf|fuse|fuse\.(?!fuse-overlayfs|glassine).*|davfs|glusterfs|lustre)"
)
# File systems of this kernel alone whose leases see every writer. Not overlayfs: writers hold the upper file.
LEASED = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "f2fs", "bcachefs", "jfs", "vfat", "exfat", "ntfs3"}
)
_MOST_READINGS = 100
_ESCAPE = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of the table."""

    point: bytes
    fs_type: str
    source: bytes

    @property
    def is_remote(self) -> bool:
        """Whether others can change it without this kernel noticing."""
        return _REMOTE.fullmatch(self.fs_type) is not None


class MountTable:
    """Reads the table anew on each call; owns its descriptor. Any thread. A machine without /proc has an empty table."""

    def __init__(self, path: str = "/proc/self/mountinfo") -> None:
        self._turn = threading.Lock()  # one descriptor has one place to read from
        try:
            self._fd: int | None = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._fd = None

    def mounts(self) -> list[Mount]:
        """Return all mounts; a later one at the same point hides an earlier one."""
        if self._fd is None:
            return []
        with self._turn:
            # The kernel gives a page at a time: who is mounted or unmounted in between can push a line out of both. So
            # it is read until it stands still; a table that never does is believed as it was seen last.
            seen, text = None, _read_whole(self._fd)
            for _ in range(_MOST_READINGS):
                if text == seen:
                    break
                seen, text = text, _read_whole(self._fd)
        return [parse_mount(line) for line in text.splitlines()]

    def close(self) -> None:
        """Close the descriptor."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _read_whole(fd: int) -> bytes:
    os.lseek(fd, 0, os.SEEK_SET)
    parts = []
    while part := os.read(fd, 1 << 16):
        parts.append(part)
    return b"".join(parts)


def parse_mount(line: bytes) -> Mount:
    """Read one line of mountinfo."""
    before, _, after = line.partition(b" - ")
    fs_type, source = after.split(b" ")[:2]
    return Mount(_unescaped(before.split(b" ")[4]), os.fsdecode(fs_type), _unescaped(source))


def _unescaped(text: bytes) -> bytes:
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), text)


def mount_of(path: bytes, mounts: list[Mount]) -> Mount | None:
    """Return the mount that holds an absolute, resolved path."""
    holders = [mount for mount in mounts if mount.point == b"/" or is_below(path, mount.point)]
    longest = max((len(mount.point) for mount in holders), default=0)
    return next((mount for mount in reversed(holders) if len(mount.point) == longest), None)


def is_below(path: bytes, above: bytes) -> bool:
    """Whether an absolute path is `above` or lies below it."""
    return path == above or path.startswith(above.rstrip(b"/") + b"/")
