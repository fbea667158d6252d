"""Entry of a marker writer: read the order, lock ourselves in, write one file, say how it went, end.

Every module is imported before Landlock shuts the door.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import Any, cast

from daemon.frames import FrameError, read_frame, write_frame
from daemon.marker.protocol import decode_order
from daemon.marker.writing import write_marker
from daemon.volume_process.marker_file import MOST_BYTES
from daemon.volume_process.starting import PARENT_VARIABLE
from vfs.confine import Confinement, Limits, confine, die_with_parent

_OPEN_FILES = 64


def main() -> None:
    """Write one marker."""
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    die_with_parent(int(os.environ[PARENT_VARIABLE]), signal.SIGKILL)
    os.chdir("/")
    # SIGXFSZ: a file beyond the limit is an error of write(2), not the end of us.
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_IGN)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints goes to the log, never between two frames
    first = cast("list[Any] | None", read_frame(sys.stdin.buffer))
    if first is None:
        return
    held: list[Confinement] = []

    def lock_in(root_fd: int) -> None:
        held.append(
            confine(creatable_fd=root_fd, limits=Limits(file_bytes=MOST_BYTES, open_files=_OPEN_FILES))
        )

    failure = write_marker(decode_order(first), lock_in)
    answer = ["written", held[0].to_json()] if failure is None else ["failed", failure]
    try:
        write_frame(replies, answer)
    except (FrameError, BrokenPipeError):
        logging.getLogger(__name__).warning("the daemon's pipe broke")


if __name__ == "__main__":
    main()
