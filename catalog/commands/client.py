"""Handing an edit to whoever writes: the daemon over `state/control.sock`, or, with nobody there, this process.

One line of JSON each way: `{"v": 1, "edit": {…}, "options": {…}}`, then `{"ok": true, "data": …}` or `{"ok": false,
"error": {…}}`, which is raised here as the class of its code. The answer comes after the commit; until then the daemon
sends a line with a `type` every few seconds, so that silence means trouble however long an edit takes. Blocks.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

from catalog.commands.codec import encode
from catalog.commands.execute import execute
from catalog.commands.options import EditOptions, encode_options
from catalog.commands.values import Command
from catalog.errors import GlassineError, LibraryLocked, all_errors
from catalog.library import Library, LibraryLock, locked_by
from catalog.store.db import open_writer
from catalog.store.migrations import migrate
from catalog.store.renewal import derive_again

PROTOCOL_VERSION = 1
# The longest silence. The daemon tells every 5 s that an edit is waiting for its turn or under way; before that a client
# waits 20 s at most among too many others. No edit is given up for being large.
ANSWER_TIMEOUT_S = 30.0
# A starting daemon needs a moment between taking the lock and listening; another command that edits, a few seconds.
LOCK_WAIT_S = 10.0
MAX_ANSWER_BYTES = 16 * 1024 * 1024


class _NobodyListensError(Exception):
    """No socket, or one that a dead daemon left: nothing was sent. No error of ours, which a daemon may answer."""


def submit(
    library: Library | str | os.PathLike[str], command: Command, options: EditOptions | None = None
) -> dict[str, Any]:
    """Have an edit done and return what `execute` returns. A second writer waits for its turn.

    Raises:
        NoLibrary: there is no library. LibraryLocked: somebody holds it and does not listen.
        GlassineError: the edit was refused; nothing was changed.
    """
    library = (library if isinstance(library, Library) else Library(library)).require()
    options = options or EditOptions()
    request: dict[str, Any] = {"edit": encode(command)}
    if options != EditOptions():
        request["options"] = encode_options(options)
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        with contextlib.suppress(_NobodyListensError):
            return _ask(library, request, ANSWER_TIMEOUT_S)
        try:
            lock = LibraryLock(library).acquire()
        except LibraryLocked:
            if time.monotonic() >= deadline:
                raise locked_by(library) from None
            time.sleep(0.05)
            continue
        with lock:
            return _execute_alone(library, command, options)


def _ask(library: Library, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """Send one request and return the `data` of its answer.

    Raises:
        _NobodyListensError: nothing was sent. LibraryLocked: no answer in time, or the connection broke: the edit
        may or may not have been done. GlassineError: the daemon's own refusal.
    """
    with _connected(library, timeout_s) as connection:
        try:
            line = json.dumps({"v": PROTOCOL_VERSION, **request}, separators=(",", ":")) + "\n"
            connection.sendall(line.encode("ascii"))
            answer = _answer(connection)
        except (OSError, ValueError) as error:
            raise LibraryLocked(
                "the daemon did not answer", hint="see `glassine status`; the edit may have been done"
            ) from error
    if answer.get("ok"):
        data: dict[str, Any] = answer["data"]
        return data
    raise error_from(answer.get("error") or {})


def error_from(document: dict[str, Any]) -> GlassineError:
    """Rebuild an error from its JSON form; an unknown code becomes the base class."""
    kinds = {kind.code: kind for kind in all_errors()}
    kind = kinds.get(str(document.get("code")), GlassineError)
    details = {
        name: value
        for name, value in document.items()
        if name not in ("code", "message", "hint", "exit_code")
    }
    return kind(str(document.get("message") or "the daemon refused"), hint=document.get("hint"), **details)


def _execute_alone(library: Library, command: Command, options: EditOptions) -> dict[str, Any]:
    writer = open_writer(library)
    try:
        now_ns = time.time_ns()
        migrate(writer, now_ns)
        derive_again(writer, now_ns)
        return execute(writer, command, now_ns=now_ns, options=options)
    finally:
        writer.close()


@contextlib.contextmanager
def _connected(library: Library, timeout_s: float) -> Iterator[socket.socket]:
    """Connect through the directory's descriptor: sun_path holds 107 bytes, library paths may be longer."""
    try:
        directory = os.open(library.state_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise _NobodyListensError from error
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        connection.settimeout(timeout_s)
        try:
            connection.connect(f"/proc/self/fd/{directory}/{library.socket_path.name}")
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise _NobodyListensError from error
        except OSError as error:
            raise LibraryLocked(f"the daemon cannot be reached: {error.strerror or error}") from error
        yield connection
    finally:
        connection.close()
        os.close(directory)


def _answer(connection: socket.socket) -> dict[str, Any]:
    """Return the first line that is no sign of life."""
    with connection.makefile("rb") as lines:
        while True:
            line = lines.readline(MAX_ANSWER_BYTES)
            if not line.endswith(b"\n"):
                raise ConnectionError("the answer is incomplete")
            answer = json.loads(line)
            if not isinstance(answer, dict):
                raise ValueError("the answer is no object")
            if "type" not in answer:
                return answer
