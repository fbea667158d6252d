"""The client of the control socket for everything that is no edit: status, scan, wake, shutdown.

Blocking, for the command line; edits go through `catalog.commands.client`. Must not know: how the daemon does it.

Invariants
- Every wait has a limit, except between the lines of a scan, where the daemon's heartbeat is the limit.
- What comes back is the `data` of the answer, or the error that the daemon had, as the same class.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

from catalog.errors import DaemonNotRunning, LibraryLocked
from catalog.library import Library
from daemon.control_address import PROTOCOL_VERSION, short_address

ANSWER_TIMEOUT_S = 10.0
# The daemon sends a progress line every second while a scan runs, also when nothing moves.
STREAM_TIMEOUT_S = 60.0
Line = dict[str, Any]


def ask(
    library: Library,
    request: str,
    argument: object = None,
    *,
    on_line: Callable[[Line], None] | None = None,
    timeout_s: float = ANSWER_TIMEOUT_S,
) -> Any:
    """Send one request and return the `data` of its answer. Blocks.

    Args:
        on_line: called with every line before the last one (progress, finding, error).
        timeout_s: the longest silence that is accepted.

    Raises:
        DaemonNotRunning: nobody listens; or the daemon ended meanwhile (details: `was_asked`).
        LibraryLocked: nobody answers in time.
        GlassineError: the daemon's own error.
    """
    with _connected(library, timeout_s) as connection:
        try:
            message = json.dumps({"v": PROTOCOL_VERSION, request: argument})
            connection.sendall(message.encode("ascii") + b"\n")
            with connection.makefile("rb") as lines:
                for raw in lines:
                    line = json.loads(raw)
                    if "ok" in line and "type" not in line:
                        return _data_of(line)
                    if on_line is not None:
                        on_line(line)
        except TimeoutError as error:
            raise LibraryLocked(f"the daemon did not answer within {timeout_s:.0f} s") from error
        except OSError as error:
            raise DaemonNotRunning(f"the daemon went away: {error.strerror}", was_asked=True) from error
    raise DaemonNotRunning("the daemon went away before it answered", was_asked=True)


def _connected(library: Library, timeout_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        with short_address(library.socket_path) as address:
            connection.connect(address)
    except OSError as error:
        connection.close()
        raise DaemonNotRunning(
            f"no daemon serves {library.path}", hint="glassine up starts it", path=str(library.path)
        ) from error
    return connection


def _data_of(line: Line) -> Any:
    if line["ok"]:
        return line["data"]
    from catalog.commands.client import error_from  # imports the store, which nobody needs for a good answer

    raise error_from(line["error"])
