"""A bell: a counter that tasks can wait on, so that no ring between two waits is lost."""

from __future__ import annotations

import trio


class Bell:
    """Ring it from any task of the loop; waiting compares with the rings that the waiter has heard."""

    def __init__(self) -> None:
        self.rings = 0
        self._waiting = trio.lowlevel.ParkingLot()

    def ring(self) -> int:
        """Wake everybody; return the number of this ring. Never a checkpoint."""
        self.rings += 1
        self._waiting.unpark_all()
        return self.rings

    async def wait(self, heard: int) -> int:
        """Wait until it has rung more often than `heard`; return how often. Checkpoint."""
        await trio.lowlevel.checkpoint()
        while self.rings <= heard:
            await self._waiting.park()
        return self.rings
