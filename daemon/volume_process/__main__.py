"""Entry of a volume process: read `hello`, lock ourselves in, answer until stdin ends.

Order matters: the mount table is opened, every module imported and the file systems marked (fanotify) before Landlock,
Landlock before the first thread.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import Any, cast

from daemon.frames import FrameError, read_frame
from daemon.helper_main import begin_helper
from daemon.volume_process.answering import Answerer
from daemon.volume_process.mounts import MountTable
from daemon.volume_process.protocol import Hello, decode_hello
from daemon.volume_process.watchers import mark_volume
from vfs.confine import Limits, confine
from vfs.storage.local import instance_of

_BY_UUID = b"/dev/disk/by-uuid"
# One directory, one file, the pipes, inotify; threads of several requests share them.
_OPEN_FILES = 256


def main() -> None:
    """Run the process; does not return while the daemon is there."""
    # A broken lease and a broken pipe are answers of a system call, not the end of us.
    requests, replies_fd = begin_helper((signal.SIGIO, signal.SIGPIPE))
    mounts = MountTable()
    first = cast("list[Any] | None", read_frame(requests))
    if first is None:
        return  # started ahead of time and not needed
    hello = decode_hello(first)
    begun_at = _instance(hello)
    marks = mark_volume(hello, mounts)
    confinement = confine(
        readable=_readable(hello),
        limits=Limits(open_files=_OPEN_FILES),
    )
    if marks is not None:
        marks.give_back()
    answerer = Answerer(hello, mounts, replies_fd, marks)
    answerer.send(["hello", 0, confinement.to_json(), begun_at])
    threading.Thread(target=answerer.pulse_for_ever, name="pulse").start()
    try:
        while (message := read_frame(requests)) is not None:
            answerer.take(cast("list[Any]", message))
    except (FrameError, OSError):
        logging.getLogger(__name__).exception("the daemon's pipe broke")
    os._exit(0)  # threads may hang in the kernel with the volume; nobody waits for them


def _instance(hello: Hello) -> str | None:
    """Return the instance of the root that we are about to watch and to be shut in with; "" = none, None = cannot be told."""
    if hello.backend != "local":
        return None
    try:
        return instance_of(os.stat(hello.root))
    except OSError:
        return ""


def _readable(hello: Hello) -> list[bytes]:
    return [_BY_UUID, hello.root] if hello.backend == "local" else [_BY_UUID]


if __name__ == "__main__":
    main()
