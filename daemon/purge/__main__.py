"""Entry of a remover: read `hello`, lock ourselves in, take one file after the other until stdin ends.

Every module is imported before Landlock shuts the door. One thread: what hangs in the kernel is silent, and the daemon
counts the seconds.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from typing import Any, BinaryIO, cast

from daemon.frames import FrameError, read_frame, write_frame
from daemon.helper_main import begin_helper
from daemon.purge.protocol import decode_hello, decode_order, encode_ending
from daemon.purge.remover import look, remove
from daemon.volume_process.protocol import PULSE_S
from vfs.confine import Limits, confine

_BY_UUID = b"/dev/disk/by-uuid"
_OPEN_FILES = 64


class _Pipe:
    """The daemon's end, and the pulse of a long read: a `hashing.Pace`."""

    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        self._requests = requests
        self._replies = replies
        self._told_s = time.monotonic()

    def receive(self) -> list[Any] | None:
        """Return the next message; None when the daemon is gone."""
        return cast("list[Any] | None", read_frame(self._requests))

    def send(self, message: list[Any]) -> None:
        """Send one message."""
        write_frame(self._replies, message)
        self._told_s = time.monotonic()

    def may_go(self) -> bool:
        """Tell that every byte was compared, and wait for the word."""
        self.send(["verified"])
        return self.receive() == ["go"]

    def take(self, size: int) -> None:
        """Nothing is held back: a purge reads a file once."""

    def tick(self) -> None:
        """Tell that we are alive."""
        if time.monotonic() - self._told_s > PULSE_S:
            self.send(["pulse"])


def main() -> None:
    """Run the process; does not return while the daemon is there."""
    requests, replies_fd = begin_helper((signal.SIGIO, signal.SIGPIPE))
    pipe = _Pipe(requests, os.fdopen(replies_fd, "wb"))
    first = pipe.receive()
    if first is None:
        return
    hello = decode_hello(first)
    confinement = confine(readable=[_BY_UUID], removable=[hello.root], limits=Limits(open_files=_OPEN_FILES))
    try:
        pipe.send(["hello", confinement.to_json()])
        while (message := pipe.receive()) is not None:
            if message[0] == "look":
                pipe.send(["looked", look(hello, message[1])])
            else:
                pipe.send(encode_ending(remove(hello, decode_order(message), pipe, pipe.may_go)))
    except (FrameError, BrokenPipeError):
        logging.getLogger(__name__).warning("the daemon's pipe broke")
    os._exit(0)


if __name__ == "__main__":
    main()
