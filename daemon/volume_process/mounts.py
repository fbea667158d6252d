"""The mount table: which mounts lie below a root, of what type, told without touching any of them.

The descriptor of `/proc/self/mountinfo` is opened before Landlock shuts the door and read again from its begin.
Format: proc_pid_mountinfo(5). Octal escapes stand for space, tab, newline, backslash.
"""

from __future__ import annotations

import os
import re
import select
import threading
from collections.abc import Iterable, Iterator
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
# An inode number stays with its file through renames and remounts, and is another file's only when that one is gone: the
# proof of a move (decision 0006, 4). What is not named here has numbers that are made up, at least now and then:
# - vfat, msdos, exfat: counted up whenever a file comes into memory (fs/fat/inode.c, iunique);
# - fuse, fuse.*, fuseblk: each server as it likes (exfat-fuse, sshfs and bindfs count; ntfs-3g alone would do);
# - cifs, smb3: the server's, until it has none for one file; then made up for all, unasked (mount.cifs(8), serverino);
# - overlay: another number once a lower file is copied up (Documentation/filesystems/overlayfs.rst, xino);
# - 9p, virtiofs: the host's numbers, folded into one where it has several devices (QEMU, multidevs);
# - iso9660, udf, squashfs, erofs: nothing moves in them.
KEEPS_INODES = frozenset(
    {
        *("ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "bcachefs", "jfs", "reiserfs", "nilfs2", "zfs"),
        "tmpfs",  # for as long as it is mounted, and another mount is another storage
        *("ntfs", "ntfs3"),  # the number of the MFT record
        *("hfs", "hfsplus", "apfs"),  # catalog node and object ids
        *(
            "nfs",
            "nfs4",
            "ceph",
        ),  # the server's own, which is as good as its file system: where it is not, files are read again
    }
)
# Two names that differ in case only are one entry, always. ext4, f2fs and tmpfs can do it by directory, a FUSE server
# as it likes: who must know it of one name asks for that name (`second_look`).
FOLDS_CASE = frozenset({"vfat", "msdos", "exfat", "ntfs", "ntfs3", "cifs", "smb3", "hfs", "hfsplus", "apfs"})
_MOST_READINGS = 100
_ESCAPE = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of the table. `device` is `major:minor` of the file system.

    `number` is the kernel's of this very mount (given again when it is gone), `parent` that of the one below it.
    """

    point: bytes
    fs_type: str
    source: bytes
    number: int = 0
    device: str = ""
    parent: int | None = None

    @property
    def is_remote(self) -> bool:
        """Whether others can change it without this kernel noticing."""
        return _REMOTE.fullmatch(self.fs_type) is not None

    @property
    def keeps_inodes(self) -> bool:
        """Whether an inode number proves which file it is."""
        return self.fs_type in KEEPS_INODES

    @property
    def text(self) -> str:
        """What tells this mount from the one that was there before a remount."""
        source, point = (name.decode("utf-8", "backslashreplace") for name in (self.source, self.point))
        return f"{self.number} {self.device} {self.fs_type} {source} {point}"


class MountTable:
    """Reads the table anew on each call; owns its descriptor. Any thread. A machine without /proc has an empty table.

    Attributes:
        generation: another number once anything was mounted or unmounted. Lines alone do not tell: ids and device numbers
            are given again, so another tmpfs at the same place has the very line of the one before.
    """

    def __init__(self, path: str = "/proc/self/mountinfo") -> None:
        self._turn = threading.Lock()  # one descriptor has one place to read from
        self._events = select.poll()
        self.generation = 0
        try:
            self._fd: int | None = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._fd = None
        else:
            self._events.register(self._fd, select.POLLPRI)

    @property
    def is_there(self) -> bool:
        """Whether this machine has a mount table."""
        return self._fd is not None

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
            self.generation += bool(self._events.poll(0))
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
    number, parent, device, _, point = before.split(b" ")[:5]
    return Mount(
        point=_unescaped(point),
        fs_type=os.fsdecode(fs_type),
        source=_unescaped(source),
        number=int(number),
        device=device.decode("ascii"),
        parent=int(parent),
    )


def _unescaped(text: bytes) -> bytes:
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), text)


def mount_of(path: bytes, mounts: list[Mount]) -> Mount | None:
    """Return the mount that holds an absolute, resolved path."""
    holders = [mount for mount in mounts if mount.point == b"/" or is_below(path, mount.point)]
    longest = max((len(mount.point) for mount in holders), default=0)
    return next((mount for mount in reversed(holders) if len(mount.point) == longest), None)


def visible(mounts: Iterable[Mount]) -> list[Mount]:
    """Return the mounts that one can get to: a mount at a directory above covers what was mounted below before."""
    table = list(mounts)
    places = {(mount.parent, mount.point) for mount in table if mount.parent is not None}
    covered = {
        mount.number
        for mount in table
        if any((mount.parent, above) in places for above in _directories_above(mount.point))
    }
    parents = {mount.number: mount.parent for mount in table}

    def can_be_reached(mount: Mount) -> bool:
        here: int | None = mount.number
        for _ in table:  # and not for ever: the first mount of all may be its own parent
            if here is None or here in covered:
                break
            here = parents.get(here)
        return here not in covered

    return [mount for mount in table if can_be_reached(mount)]


def _directories_above(path: bytes) -> Iterator[bytes]:
    end = path.rfind(b"/")
    while end > 0:
        yield path[:end]
        end = path.rfind(b"/", 0, end)


def is_below(path: bytes, above: bytes) -> bool:
    """Whether an absolute path is `above` or lies below it."""
    return path == above or path.startswith(above.rstrip(b"/") + b"/")
