"""A main thread that waits in a read without letting go of Python's lock, as pyfuse3 does, is woken; one that lets go is not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sacred import REPOSITORY

# ctypes.PyDLL keeps Python's lock over the call, ctypes.CDLL gives it away: no other difference.
PROGRAM = """
import ctypes, errno, os, threading, time
from vfs import stall_alarm

stall_alarm.STALL_S = 0.3

def follow():
    while True:
        {turn}
        time.sleep(0.05)

def read_of(library):
    began = time.monotonic()
    buffer = ctypes.create_string_buffer(1)
    got = library(None, use_errno=True).read(ends[0], buffer, 1)
    print(got, errno.errorcode.get(ctypes.get_errno(), ""), round(time.monotonic() - began, 1), flush=True)

ends = os.pipe()
stall_alarm.install()
threading.Thread(target=follow, daemon=True).start()
threading.Timer(1.0, os.write, (ends[1], b"x")).start()
read_of(ctypes.CDLL)
ctypes.set_errno(0)
read_of(ctypes.PyDLL)
stall_alarm.stop()
"""


def _told(turn: str, *, within_s: float = 20) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM.replace("{turn}", turn)],
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=within_s,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.slow
def test_a_read_that_holds_everybody_up_is_interrupted_and_no_other_one() -> None:
    waited, held_up = (line.split(" ") for line in _told("stall_alarm.put_off()"))
    assert waited[:1] == ["1"]
    assert float(waited[-1]) >= 0.9
    assert held_up[:2] == ["-1", "EINTR"]


@pytest.mark.slow
def test_without_the_alarm_it_would_wait_for_ever() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        _told("pass", within_s=4)
