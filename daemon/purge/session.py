"""The daemon's end of a remover: one child, one file at a time, and a limit to its silence.

A child that ends or falls silent is killed, and its user gets `VolumeOffline`: how the file under way ended is then
unknown, and found out by looking (`daemon.purge.undecided`). Must not know: the catalog.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import trio

from catalog.errors import VolumeOffline
from daemon.frames import FrameError, FrameReceiver, send_frame
from daemon.helper_pipes import HelperPipes
from daemon.purge.protocol import (
    Ending,
    Fate,
    Order,
    RemoverHello,
    decode_ending,
    encode_hello,
    encode_order,
)
from daemon.volume_process.starting import start_helper
from daemon.volume_session import HANG_S


class Remover:
    """One living child; made by `open_remover`. One task at a time."""

    def __init__(self, hello: RemoverHello, child: subprocess.Popen[bytes], *, hang_s: float) -> None:
        self._shown = os.fsdecode(hello.root)
        self._hang_s = hang_s
        self._pipes = HelperPipes(child)
        self._receiver = FrameReceiver(self._pipes.up)
        self.confinement: Mapping[str, Any] | None = None

    async def begin(self, hello: RemoverHello) -> None:
        """Tell the child its volume and wait until it has locked itself in.

        Raises:
            VolumeOffline: the child ended, or is silent; so do all methods here.
        """
        await self._send(encode_hello(hello))
        self.confinement = (await self._answer())[1]

    async def verify(self, order: Order) -> Ending | None:
        """Have a file compared, every byte of it; None = it is that file, and the child waits for `go` or `stop`."""
        await self._send(encode_order(order))
        message = await self._answer()
        return None if message[0] == "verified" else decode_ending(message)

    async def go(self) -> Ending:
        """Have the verified file removed."""
        await self._send(["go"])
        return decode_ending(await self._answer())

    async def stop(self) -> Ending:
        """Leave the verified file."""
        await self._send(["stop"])
        return decode_ending(await self._answer())

    async def look(self, path: bytes) -> Fate:
        """Tell whether anything is at a path."""
        await self._send(["look", path])
        fate: Fate = (await self._answer())[1]
        return fate

    async def end(self) -> None:
        """Kill the child; waits for it a moment. Shielded."""
        await self._pipes.end()

    async def _send(self, message: list[Any]) -> None:
        try:
            await send_frame(self._pipes.down, message)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise self._lost("its remover ended", hangs=False) from error

    async def _answer(self) -> list[Any]:
        """Return the next message that is no pulse."""
        while True:
            with trio.move_on_after(self._hang_s) as waiting:
                message = await self._received()
            if waiting.cancelled_caught:
                raise self._lost(f"it did not answer for {self._hang_s:.0f} s", hangs=True)
            if message[0] != "pulse":
                return message

    async def _received(self) -> list[Any]:
        try:
            message = cast("list[Any] | None", await self._receiver.receive())
        except (FrameError, OSError, trio.BrokenResourceError) as error:
            raise self._lost(f"its remover broke off ({error})", hangs=False) from error
        if message is None:
            raise self._lost("its remover ended", hangs=False)
        return message

    def _lost(self, reason: str, *, hangs: bool) -> VolumeOffline:
        return VolumeOffline(f"{self._shown} cannot be reached: {reason}", path=self._shown, hangs=hangs)


@asynccontextmanager
async def open_remover(hello: RemoverHello, *, hang_s: float = HANG_S) -> AsyncIterator[Remover]:
    """Have a remover for the length of the block. Main thread.

    Raises:
        VolumeOffline: it did not start.
    """
    remover = Remover(hello, start_helper("daemon.purge"), hang_s=hang_s)
    try:
        await remover.begin(hello)
        yield remover
    finally:
        await remover.end()
