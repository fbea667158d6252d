"""A daemon one of whose volumes hangs in the kernel answers, serves the other one through both faces, and ends in time."""

from __future__ import annotations

import os
import random
import socket
import time
import urllib.request
from pathlib import Path

import pytest

from daemon.requests import ask
from faults.yank_bench import OTHER, YANKED, add_whole, open_bench, wait_until
from faults.yank_rigs import FAULTS

pytestmark = [pytest.mark.mount, pytest.mark.slow]

PROMISE_S = 3.0
MARGIN_S = 1.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_daemon_with_a_hung_volume_answers_serves_the_other_one_and_ends(tmp_path: Path) -> None:
    mountpoint, port = tmp_path / "mnt", _free_port()
    with open_bench(
        tmp_path / "bench",
        FAULTS["hang"],
        GLASSINE_MOUNT_POINT=str(mountpoint),
        GLASSINE_DAV_ENABLED="true",
        GLASSINE_DAV_PORT=str(port),
    ) as bench:
        add_whole(bench)
        wait_until(lambda: os.path.ismount(mountpoint), what="it is mounted")
        bench.rig.inject()
        wait_until(lambda: bench.state()[0] == "suspect", what="the hang is noted")
        folder = f"Originals/{OTHER}/DCIM/0000"
        name = sorted(os.listdir(mountpoint / folder))[random.Random(1).randrange(10)]
        began = time.monotonic()
        assert ask(bench.library, "status")["ready"]
        assert time.monotonic() - began < 1.0
        stored = (bench.home / "other/DCIM/0000" / name).read_bytes()
        began = time.monotonic()
        assert (mountpoint / folder / name).read_bytes() == stored
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{folder}/{name}", timeout=10) as answer:
            assert answer.read() == stored
        with pytest.raises(OSError):  # noqa: PT011 - an answer at once, whatever error
            (mountpoint / f"Originals/{YANKED}/DCIM/0000/{name}").read_bytes()
        assert time.monotonic() - began < 1.0
        assert bench.stop() < PROMISE_S + MARGIN_S
        assert not os.path.ismount(mountpoint)
