"""Entry of a marker writer: read the order, lock ourselves in, write one file, say how it went, end.

Every module is imported before Landlock shuts the door.
"""

from __future__ import annotations

import logging
import os
import signal
from typing import Any, cast

from daemon.frames import FrameError, read_frame, write_frame
from daemon.helper_main import begin_helper
from daemon.marker.protocol import decode_order
from daemon.marker.writing import write_marker
from daemon.volume_process.marker_file import MOST_BYTES
from vfs.confine import Confinement, Limits, confine

_OPEN_FILES = 64


def main() -> None:
    """Write one marker."""
    # SIGXFSZ: a file beyond the limit is an error of write(2), not the end of us.
    requests, replies_fd = begin_helper((signal.SIGPIPE, signal.SIGXFSZ))
    first = cast("list[Any] | None", read_frame(requests))
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
        write_frame(os.fdopen(replies_fd, "wb"), answer)
    except (FrameError, BrokenPipeError):
        logging.getLogger(__name__).warning("the daemon's pipe broke")


if __name__ == "__main__":
    main()
