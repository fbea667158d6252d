"""The daemon's end of a marker writer: one process, one file, a limit of silence."""

from __future__ import annotations

import os
from typing import Any, cast

import trio

from catalog.errors import VolumeOffline
from daemon.frames import FrameError, FrameReceiver, send_frame
from daemon.helper_pipes import HelperPipes
from daemon.marker.protocol import MarkerOrder, encode_order
from daemon.volume_process.starting import start_helper


async def place_marker(order: MarkerOrder, *, hang_s: float) -> str | None:
    """Have a marker written; return None, or why not (`daemon.marker.protocol`). Main thread.

    Raises:
        VolumeOffline: the process ended without a word, or is silent for `hang_s`.
    """
    pipes = HelperPipes(start_helper("daemon.marker"))
    try:
        with trio.move_on_after(hang_s) as waiting:
            answer = await _answer(pipes, order)
        if waiting.cancelled_caught:
            raise _lost(order, f"it did not answer for {hang_s:.0f} s", hangs=True)
    finally:
        await pipes.end()
    return None if answer[0] == "written" else cast("str", answer[1])


async def _answer(pipes: HelperPipes, order: MarkerOrder) -> list[Any]:
    try:
        await send_frame(pipes.down, encode_order(order))
        answer = cast("list[Any] | None", await FrameReceiver(pipes.up).receive())
    except (FrameError, OSError, trio.BrokenResourceError) as error:
        raise _lost(order, f"the writer of its marker broke off ({error})", hangs=False) from error
    if answer is None:
        raise _lost(order, "the writer of its marker ended", hangs=False)
    return answer


def _lost(order: MarkerOrder, reason: str, *, hangs: bool) -> VolumeOffline:
    shown = os.fsdecode(order.root)
    return VolumeOffline(f"{shown} cannot be reached: {reason}", path=shown, hangs=hangs)
