"""A disk of our own: a file system in an image behind a loop device, to unplug, swap and break; needs root.

with loop_disk(tmp_path / "disk", size_kib=16 * 1024) as disk:
    (disk / "a.jpg").write_bytes(b"a")
    disk.lazy_unmount()     # gone; whoever holds it open keeps it
    disk.mount_again()      # back, the same file system
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path, PosixPath

from capabilities import require

# What each mkfs needs to be quiet and quick, and not to ask. Small ones only, and only what every kernel has.
_MKFS = {
    "ext4": ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1"],
    "ext2": ["mkfs.ext2", "-q", "-F"],
}
_SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN: _IOR('X', 125, __u32); ext4, xfs, btrfs, f2fs
_WITHOUT_LOG = 2


class LoopDisk(PosixPath):
    """The mount point, as the path that it is, and what one can do to the disk that is mounted there.

    Children (`disk / "a"`) are plain paths for all purposes.

    Attributes:
        image: the file that holds the file system.
        device: `/dev/loopN`.
        fs: its type.
    """

    image: Path
    device: str
    fs: str

    def remount(self, options: str = "ro") -> None:
        """Change the options of the mount in place: `ro`, `rw` …"""
        _run("mount", "-o", f"remount,{options}", str(self))

    def lazy_unmount(self) -> None:
        """Take it away at once; descriptors that are open go on working."""
        _run("umount", "--lazy", str(self))

    def unmount(self) -> None:
        """Take it away properly; fails while somebody has something of it open."""
        _run("umount", str(self))

    def mount_again(self, options: str = "") -> None:
        """Mount the same file system at the same place (also a second time, over itself)."""
        self.mount_at(self, options)

    def mount_at(self, place: Path, options: str = "") -> None:
        """Mount it (also) somewhere else; the caller unmounts it there."""
        arguments = ["-o", options] if options else []
        _run("mount", "-t", self.fs, *arguments, self.device, str(place))

    def shut_down(self) -> None:
        """Let every opening and every writing fail with EIO from now on; what is cached can still be listed."""
        fd = os.open(self, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(fd, _SHUTDOWN, _WITHOUT_LOG.to_bytes(4, "little"))
        finally:
            os.close(fd)

    def break_medium(self) -> None:
        """Let every reading of the medium fail with EIO for good, and let the kernel remember next to nothing of it."""
        self.unmount()
        self.mount_again()
        os.truncate(self.image, 0)


@contextlib.contextmanager
def loop_disk(
    place: Path, *, size_kib: int, fs: str = "ext4", options: str = "", image: Path | None = None
) -> Iterator[LoopDisk]:
    """Make a new file system of that size in a file and mount it at `place`, which is made if need be.

    Args:
        place: where; the file is `<place>.img` beside it, unless `image` says another place.
        size_kib: of the file system; ext4 wants 2048 or more.
        fs: `ext4` or `ext2`.
        options: of the mount.
    """
    require("loop")
    image = image or place.with_name(f"{place.name}.img")
    with open(image, "wb") as out:
        out.truncate(size_kib * 1024)
    place.mkdir(exist_ok=True)
    _run(*_MKFS[fs], str(image))
    device = _run("losetup", "--find", "--show", str(image)).strip()
    disk = LoopDisk(place)
    disk.image, disk.device, disk.fs = image, device, fs
    try:
        disk.mount_again(options)
        yield disk
    finally:
        _take_off(place)
        _run("losetup", "--detach", device)  # lazily, while a lazily unmounted one is still in use
        image.unlink()


def _take_off(place: Path) -> None:
    """Unmount whatever is mounted at or below `place`, as often as it takes."""
    while mounted := [point for point in _mount_points() if point == place or place in point.parents]:
        _run("umount", "--lazy", str(mounted[-1]))


def _mount_points() -> list[Path]:
    lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    points = [line.split(b" ")[4] for line in lines]
    return [Path(os.fsdecode(point.decode("unicode_escape").encode("latin-1"))) for point in points]


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
