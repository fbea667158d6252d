"""The daemon's ends of a helper's pipes, and the end of the helper: nobody waits for one that hangs in the kernel.

Must not know: what is said through the pipes.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress

import trio

from daemon.children import wait_ended

_REAP_S = 1.0


class HelperPipes:
    """One child with its stdin (`down`) and stdout (`up`) as streams of this trio loop. `reap` it.

    Attributes:
        child: started with both pipes; its own file objects are closed.
    """

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        self.child = child
        self.down = trio.lowlevel.FdStream(os.dup(child.stdin.fileno()))
        self.up = trio.lowlevel.FdStream(os.dup(child.stdout.fileno()))
        child.stdin.close()
        child.stdout.close()

    def kill(self) -> None:
        """Kill it; never waits."""
        with suppress(ProcessLookupError):
            self.child.kill()

    async def reap(self) -> bool:
        """Close the pipes and collect the killed child; False if it hangs in the kernel. Shielded, a second at most."""
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(self.down)
            await trio.aclose_forcefully(self.up)
            with trio.move_on_after(_REAP_S):
                await wait_ended(self.child.pid)
        return self.child.poll() is not None

    async def end(self) -> None:
        """Kill it and collect it; one that hangs is left to init."""
        self.kill()
        if not await self.reap():
            self.child.returncode = -9  # or Popen complains that it still runs
