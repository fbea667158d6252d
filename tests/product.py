"""Drive the whole product from outside, as a user would: the command, the mount, the processes.

Nothing here imports the product: what it can do, a stranger can do.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
COMMAND = (sys.executable, "-P", "-m", "daemon.cli.main")
DEADLINE_S = 60.0


@dataclass(slots=True)
class Product:
    """One library, its processes and its mount point."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def library(self) -> Path:
        """Where the catalog is."""
        return self.home / "library"

    @property
    def mountpoint(self) -> Path:
        """Where `up` and `mount` put the tree."""
        return self.home / "mnt"

    def command(self, *arguments: str) -> list[str]:
        """Return the whole command line of one verb."""
        return [*COMMAND, "--library", str(self.library), *arguments]

    def run(
        self, *arguments: str, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one verb to its end; a failure fails the test with what it said."""
        done = subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            timeout=DEADLINE_S * 5,
            env=self.env(**environment),
            check=False,
        )
        assert not check or done.returncode == 0, (
            f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done

    def env(self, **more: str) -> dict[str, str]:
        """Return our environment, in which the repository's packages are found, with additions."""
        paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
        # Thumbnails of folders that a test opens belong to the test, not to who runs it.
        cache = {"XDG_CACHE_HOME": str(self.home / "xdg-cache")}
        return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **cache, **self.environment, **more}

    def data(self, *arguments: str) -> Any:
        """Run a short verb with --json and return its `data`."""
        return json.loads(self.run("--json", *arguments).stdout)["data"]

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        """Run a streaming verb with --json and return its lines."""
        return [json.loads(line) for line in self.run("--json", *arguments).stdout.splitlines()]

    def found(self, query: str = "") -> list[dict[str, Any]]:
        """Return the photo documents that a query finds."""
        return [line for line in self.lines("find", *([query] if query else [])) if line["type"] == "photo"]

    def init(self, photos: Path, *, name: str = "Photos") -> None:
        """Make the library with one read-only volume."""
        self.run("init", "--zone", "UTC")
        self.run("volume", "add", str(photos), "--name", name)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a long-running verb."""
        return subprocess.Popen(
            self.command(*arguments),
            env=self.env(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def up(self) -> None:
        """Start daemon and mount, and wait until they are ready."""
        self.run("up", "--mount", str(self.mountpoint), "--no-dav")

    def down(self) -> None:
        """End every process of the library."""
        self.run("down")

    def detach(self) -> None:
        """Clean up after a failed test: nothing may stay mounted."""
        self.run("down", check=False)
        if os.path.ismount(self.mountpoint):
            subprocess.run(["umount", "-l", str(self.mountpoint)], check=False)


def wait_until(condition: Any, *, what: str, deadline_s: float = DEADLINE_S) -> None:
    """Poll until the condition holds; fail with `what` after the deadline."""
    ends = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < ends, f"not within {deadline_s:.0f} s: {what}"
        time.sleep(0.02)


def end(process: subprocess.Popen[str], *, with_signal: int = signal.SIGINT, deadline_s: float = 20.0) -> int:
    """Signal a process as a terminal would and return its exit code; one that does not end is killed, and the test fails."""
    process.send_signal(with_signal)
    try:
        process.communicate(timeout=deadline_s)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every regular file below a folder, in name order; an error of the listing is an error."""

    def refuse(error: OSError) -> None:
        raise error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders.sort()
        for name in sorted(names):
            yield Path(parent) / name
