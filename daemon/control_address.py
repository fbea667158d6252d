"""Where the control socket is found and which protocol is spoken there: what its two ends share.

Alone in its module, because a client must not pay for the server's imports. Must not know: requests.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

PROTOCOL_VERSION = 1
# sun_path holds 108 bytes with its final zero, unix(7).
_MAX_SOCKET_PATH_BYTES = 107


@contextlib.contextmanager
def short_address(socket_path: Path) -> Iterator[str]:
    """Yield an address that fits into `sun_path`, whatever the length of the path; valid inside the block."""
    if len(os.fsencode(socket_path)) <= _MAX_SOCKET_PATH_BYTES:
        yield os.fspath(socket_path)
        return
    folder = os.open(socket_path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{socket_path.name}"
    finally:
        os.close(folder)
