"""The disks of the yank matrix that can be broken and mended, and the rows of the matrix.

A rig is made in an empty home whose `stored` holds the files. File systems in user space serve an ordinary user; real
devices need root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.photos import make_photos
from faults.fault_fs import FaultFs


class Rig(Protocol):
    """A disk that can be broken: where its files are stored, where the product sees them, and both ways."""

    parts: list[tuple[Path, str]]
    place: Path

    def inject(self) -> None: ...
    def undo(self) -> None: ...
    def close(self) -> None: ...


class FuseRig:
    """A fault file system whose mode changes."""

    def __init__(self, home: Path, mode: str, *, ms: float = 0, below: str = "") -> None:
        self.stored, self.place = home / "stored", home / "volume"
        self.parts = [(self.stored, "")]
        self._mode, self._ms, self._below = mode, ms, below
        self._served = FaultFs(self.stored, self.place, pace_ms=1)

    def inject(self) -> None:
        self._served.set(self._mode, ms=self._ms, below=self._below)

    def undo(self) -> None:
        self._served.set("normal")

    def close(self) -> None:
        self._served.close()


class PulledFuse:
    """A file system that is detached lazily; `swaps`: and another one is there instead."""

    def __init__(self, home: Path, *, swaps: bool = False) -> None:
        self.stored, self.place = home / "stored", home / "volume"
        self.parts = [(self.stored, "")]
        self._swaps = swaps
        self._foreign = home / "foreign"
        if swaps:
            _make_foreign(self._foreign)
        self._served = [FaultFs(self.stored, self.place, pace_ms=1)]

    def inject(self) -> None:
        self._served[-1].unmount()
        if self._swaps:
            self._served.append(FaultFs(self._foreign, self.place))

    def undo(self) -> None:
        if self._swaps:
            self._served.pop().close()
        self._served.pop().close()
        self._served.append(FaultFs(self.stored, self.place, pace_ms=1))

    def close(self) -> None:
        while self._served:
            self._served.pop().close()


class NestedFuse:
    """A plain directory in which another file system is mounted, which goes."""

    def __init__(self, home: Path) -> None:
        self.place = home / "volume"
        (home / "stored").rename(self.place)
        nested = self.place / "DCIM" / "0001"
        nested.rename(home / "nested")
        nested.mkdir()
        self._nested = (home / "nested", nested)
        self.parts = [(self.place, ""), (home / "nested", "DCIM/0001")]
        self._served = FaultFs(*self._nested, pace_ms=1)

    def inject(self) -> None:
        self._served.unmount()

    def undo(self) -> None:
        self._served.close()
        self._served = FaultFs(*self._nested, pace_ms=1)

    def close(self) -> None:
        self._served.close()


class ClosedFolder:
    """A plain directory whose mode forbids everything; only for an ordinary user."""

    def __init__(self, home: Path) -> None:
        self.place = home / "volume"
        self.parts = [(self.place, "")]
        (home / "stored").rename(self.place)

    def inject(self) -> None:
        self.place.chmod(0)

    def undo(self) -> None:
        self.place.chmod(0o755)

    def close(self) -> None:
        self.undo()


def _make_foreign(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    make_photos(folder / "Kids", 20, seed=99, pad_bytes=2_000)


def _run(*command: str | Path) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"


class LoopRig:
    """ext4 on a loop device, mounted at the volume's place and, for the witnesses, a second time where files are stored."""

    def __init__(self, home: Path, way: str) -> None:
        from loop_disk import loop_disk

        self._way = way
        self._stack = ExitStack()
        self.place = home / "volume"
        self.parts = [(home / "disk", "")]
        with self._stack:
            self._disk = self._stack.enter_context(loop_disk(home / "disk", size_kib=24 * 1024))
            for entry in (home / "stored").iterdir():
                shutil.move(entry, self._disk / entry.name)
            self.place.mkdir(exist_ok=True)
            self._stack.callback(self._take_off)
            if way == "other disk":
                self._other = self._stack.enter_context(loop_disk(home / "other disk", size_kib=8 * 1024))
                _make_foreign(Path(self._other))
            if way == "nested":
                self._nested = self._stack.enter_context(loop_disk(home / "nested disk", size_kib=8 * 1024))
                folder = self._disk / "DCIM" / "0001"
                for entry in folder.iterdir():
                    shutil.move(entry, self._nested / entry.name)
                self.parts.append((home / "nested disk", "DCIM/0001"))
            self._mount()
            self._stack = self._stack.pop_all()

    def _mount(self) -> None:
        self._disk.mount_at(self.place)
        if self._way == "nested":
            self._nested.mount_at(self.place / "DCIM" / "0001")

    def _take_off(self) -> None:
        while os.path.ismount(self.place):
            _run("umount", "--lazy", self.place)

    def inject(self) -> None:
        if self._way == "read-only":
            self._disk.remount("ro")
        elif self._way == "nested":
            _run("umount", "--lazy", self.place / "DCIM" / "0001")
        elif self._way == "empty":
            _run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", self.place)
        else:
            _run("umount", "--lazy", self.place)
            if self._way == "other disk":
                self._other.mount_at(self.place)

    def undo(self) -> None:
        if self._way == "read-only":
            self._disk.remount("rw")
        elif self._way == "nested":
            self._nested.mount_at(self.place / "DCIM" / "0001")
        else:
            if self._way in ("other disk", "empty"):
                _run("umount", "--lazy", self.place)
            if self._way != "empty":
                self._mount()

    def close(self) -> None:
        self._stack.close()


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the matrix.

    Attributes:
        make: the rig, in an empty home whose `stored` holds the files.
        states: what the volume's state may be while it lasts.
        reason: words that the reason of the state holds.
        may_miss: files may be called missing: the product cannot know better (half a root is gone, the disk answers).
        is_root: needs root.
        is_user: needs an ordinary user, whom modes stop.
        wants_scan: the volume was online all the time, so nothing tells when its folder is well again: files that could not
            be read are tried again after minutes, or when a scan is asked for, as is done here.
    """

    make: Callable[[Path], Rig]
    states: tuple[str, ...]
    reason: str = ""
    may_miss: bool = False
    is_root: bool = False
    is_user: bool = False
    wants_scan: bool = False


FAULTS: dict[str, Fault] = {
    "lazy unmount": Fault(PulledFuse, ("offline",), "not mounted"),
    "empty mount point": Fault(lambda home: FuseRig(home, "empty"), ("suspect",), "empty"),
    "other disk": Fault(lambda home: PulledFuse(home, swaps=True), ("suspect",)),
    "half-empty root": Fault(lambda home: FuseRig(home, "half"), ("online", "suspect"), may_miss=True),
    "hollow tree": Fault(lambda home: FuseRig(home, "hollow"), ("suspect",), "half empty"),
    "EACCES": Fault(lambda home: FuseRig(home, "eacces"), ("suspect",), "EACCES"),
    "EACCES by mode": Fault(ClosedFolder, ("suspect",), "EACCES", is_user=True),
    "EIO": Fault(lambda home: FuseRig(home, "eio"), ("suspect",), "EIO"),
    "ESTALE": Fault(lambda home: FuseRig(home, "estale"), ("suspect",), "ESTALE"),
    "EACCES of a folder": Fault(
        lambda home: FuseRig(home, "eacces", below="DCIM/0001"), ("online", "suspect"), wants_scan=True
    ),
    "EIO of a folder": Fault(
        lambda home: FuseRig(home, "eio", below="DCIM/0001"), ("online", "suspect"), wants_scan=True
    ),
    "hang": Fault(lambda home: FuseRig(home, "hang"), ("suspect",), "answer"),
    "slow": Fault(lambda home: FuseRig(home, "slow", ms=100), ("online",)),
    "nested mount gone": Fault(NestedFuse, ("online",)),
    "device: lazy unmount": Fault(
        lambda home: LoopRig(home, "pulled"), ("offline",), "not mounted", is_root=True
    ),
    "device: empty mount point": Fault(
        lambda home: LoopRig(home, "empty"), ("offline", "suspect"), "empty", is_root=True
    ),
    "device: other disk": Fault(
        lambda home: LoopRig(home, "other disk"), ("suspect",), "another storage", is_root=True
    ),
    "device: read-only remount": Fault(lambda home: LoopRig(home, "read-only"), ("online",), is_root=True),
    "device: nested mount gone": Fault(lambda home: LoopRig(home, "nested"), ("online",), is_root=True),
}
# fault of the issue -> why it has no row of its own kind
IMPOSSIBLE = {
    "half-empty root on a device": "a real device loses half of its root only with its file system, which is then unreadable: EIO",
    "EIO, ESTALE, hang, slow on a loop device": "needs device-mapper, which this kernel has not; FUSE answers the same to the same calls",
    "read-only remount by FUSE": "the fault file system is read-only from its first mount; a device has both states",
    "EACCES as root": "root may everything but what the server refuses: the FUSE row refuses root too, the mode row is for users",
}

# Faults of the issue -> rows that stand for them; "device" rows need root.
OF_THE_ISSUE = {
    "lazy unmount": ("lazy unmount", "device: lazy unmount"),
    "empty mount point": ("empty mount point", "device: empty mount point"),
    "other disk at the path": ("other disk", "device: other disk"),
    "half-empty root": ("half-empty root", "hollow tree"),
    "EACCES": ("EACCES", "EACCES by mode", "EACCES of a folder"),
    "EIO": ("EIO", "EIO of a folder"),
    "ESTALE": ("ESTALE",),
    "hang": ("hang",),
    "slow": ("slow",),
    "read-only remount": ("device: read-only remount",),
    "nested mount gone": ("nested mount gone", "device: nested mount gone"),
}
