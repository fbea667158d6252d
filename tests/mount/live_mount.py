"""A library that changes under its mount, and how many requests reach the server meanwhile."""

from __future__ import annotations

import time

from mounted import Mount

from catalog.commands import execute
from catalog.commands.layer import LayerCommand
from library_builder import BuiltLibrary, FileSpec

DAY = "Timeline/2019/2019-08/2019-08-07"
NOON = FileSpec(captured="2019-08-07T12:00:00")
SEEN_S = 1.0  # an edit is visible within a second


class Live:
    """A library and its mount."""

    def __init__(self, built: BuiltLibrary, mount: Mount) -> None:
        self.built = built
        self.mount = mount
        self.place = mount.place

    def add(self, path: str, spec: FileSpec = NOON) -> None:
        self.built.put(path, spec)
        self.built.rescan()

    def remove(self, path: str) -> None:
        self.built.remove(path)
        self.built.rescan()

    def do(self, *commands: LayerCommand) -> None:
        """Carry commands out, now."""
        for command in commands:
            execute(self.built.writer, command, now_ns=time.time_ns())

    def uid(self, name: str) -> str:
        """Return the uid of the photo that is called so everywhere."""
        return str(self.built.writer.value("SELECT uid FROM asset WHERE name = ?", (name,)))

    def drained(self) -> None:
        """Wait until the follower has told the kernel everything so far: its poll interval, twice."""
        time.sleep(0.25)


def asked(live: Live, do) -> dict[str, int]:
    """Return which requests reached the server while something was done."""
    before = live.mount.operations()
    do()
    after = live.mount.operations()
    own = {"open": 1, "read": 2, "release": 1, "getattr": 1}  # of reading status.json itself, at most
    return {name: count - before.get(name, 0) - own.get(name, 0) for name, count in after.items()}
