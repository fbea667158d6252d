"""One request of the daemon under way: how far it is, what it waits for, and that it may end early.

The thread that works calls it; the thread that reads the daemon's messages and the pulse look at it from outside.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from daemon.volume_process.protocol import WALK_WINDOW


class Cancelled(Exception):
    """The daemon does not want the answer any more."""


class Request:
    """One request under way; is a `hashing.Pace` too.

    Attributes:
        moves: grows whenever the volume answered; the pulse compares it.
        is_waiting: the thread waits for the daemon, a budget or an event and not for the volume.
        is_resting: it waits for an event, for days perhaps; nobody needs to hear a pulse meanwhile.
    """

    def __init__(self, number: int, stirs: threading.Event | None = None) -> None:
        self.number = number
        self.moves = 0
        self.is_waiting = False
        self.is_resting = False
        self._stirs = stirs or threading.Event()
        self._on_cancel: Callable[[], None] | None = None
        self.bytes_per_s = 0
        self._may_send = threading.Semaphore(WALK_WINDOW)
        self._is_cancelled = threading.Event()
        self._next_read_s = 0.0

    def tick(self) -> None:
        """Note that the volume answered; raises Cancelled when it is of no use any more."""
        self.moves += 1
        if self._is_cancelled.is_set():
            raise Cancelled

    def take(self, size: int) -> None:
        """Wait until `size` more bytes fit the budget."""
        if self.bytes_per_s:
            now = time.monotonic()
            self._next_read_s = max(now, self._next_read_s) + size / self.bytes_per_s
            with self.waiting():
                self._is_cancelled.wait(max(0.0, self._next_read_s - now))
        self.tick()

    def wait_for_window(self) -> None:
        """Wait until one more part may be sent."""
        with self.waiting():
            self._may_send.acquire()
        self.tick()

    def waiting(self) -> _Waiting:
        """Mark a `with` block in which the thread does not wait for the volume."""
        return _Waiting(self)

    def resting(self, wake: Callable[[], None]) -> _Resting:
        """Mark a `with` block in which the thread waits for an event; `wake` ends the wait when it is cancelled."""
        return _Resting(self, wake)

    def stir(self) -> None:
        """Touch the volume in the middle of a rest: `tick`, and the pulse goes on."""
        self.is_resting = self.is_waiting = False
        self._stirs.set()
        self.tick()

    def acknowledge(self) -> None:
        """Let one more part be sent."""
        self._may_send.release()

    def cancel(self) -> None:
        """Make the thread stop at its next tick."""
        self._is_cancelled.set()
        self._may_send.release()
        if (wake := self._on_cancel) is not None:
            wake()


class _Resting:
    def __init__(self, request: Request, wake: Callable[[], None]) -> None:
        self._request = request
        self._wake = wake

    def __enter__(self) -> None:
        self._request._on_cancel = self._wake
        if self._request._is_cancelled.is_set():
            self._wake()  # it was cancelled before we could be woken
        self._request.is_waiting = self._request.is_resting = True

    def __exit__(self, *_: object) -> None:
        self._request._on_cancel = None
        self._request.moves += 1
        self._request.is_waiting = self._request.is_resting = False
        self._request._stirs.set()


class _Waiting:
    def __init__(self, request: Request) -> None:
        self._request = request

    def __enter__(self) -> None:
        self._request.is_waiting = True

    def __exit__(self, *_: object) -> None:
        self._request.moves += 1
        self._request.is_waiting = False
