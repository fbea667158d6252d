"""The daemon's end of a marker writer: one process, one file, a limit of silence."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import Any, cast

import trio

from catalog.errors import VolumeOffline
from daemon.children import wait_ended
from daemon.frames import FrameError, FrameReceiver, send_frame
from daemon.marker.protocol import MarkerOrder, encode_order
from daemon.volume_process.starting import start_helper

_REAP_S = 1.0


async def place_marker(order: MarkerOrder, *, hang_s: float) -> str | None:
    """Have a marker written; return None, or why not (`daemon.marker.protocol`). Main thread.

    Raises:
        VolumeOffline: the process ended without a word, or is silent for `hang_s`.
    """
    child = start_helper("daemon.marker")
    assert child.stdin is not None
    assert child.stdout is not None
    down = trio.lowlevel.FdStream(os.dup(child.stdin.fileno()))
    up = trio.lowlevel.FdStream(os.dup(child.stdout.fileno()))
    child.stdin.close()
    child.stdout.close()
    try:
        with trio.move_on_after(hang_s) as waiting:
            answer = await _answer(down, up, order)
        if waiting.cancelled_caught:
            raise _lost(order, f"it did not answer for {hang_s:.0f} s", hangs=True)
    finally:
        await _end(child, down, up)
    return None if answer[0] == "written" else cast("str", answer[1])


async def _answer(down: trio.lowlevel.FdStream, up: trio.lowlevel.FdStream, order: MarkerOrder) -> list[Any]:
    try:
        await send_frame(down, encode_order(order))
        answer = cast("list[Any] | None", await FrameReceiver(up).receive())
    except (FrameError, OSError, trio.BrokenResourceError) as error:
        raise _lost(order, f"the writer of its marker broke off ({error})", hangs=False) from error
    if answer is None:
        raise _lost(order, "the writer of its marker ended", hangs=False)
    return answer


async def _end(
    child: subprocess.Popen[bytes], down: trio.lowlevel.FdStream, up: trio.lowlevel.FdStream
) -> None:
    with trio.CancelScope(shield=True):
        with suppress(ProcessLookupError):
            child.kill()
        await trio.aclose_forcefully(down)
        await trio.aclose_forcefully(up)
        with trio.move_on_after(_REAP_S):
            await wait_ended(child.pid)
    if child.poll() is None:
        child.returncode = -9  # it hangs in the kernel; init collects it


def _lost(order: MarkerOrder, reason: str, *, hangs: bool) -> VolumeOffline:
    shown = os.fsdecode(order.root)
    return VolumeOffline(f"{shown} cannot be reached: {reason}", path=shown, hangs=hangs)
