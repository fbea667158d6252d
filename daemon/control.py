"""The control socket: how other processes of the same user talk to the one that holds the library.

A request is one line of JSON, `{"v": 1, "<request>": argument}`, an edit's with `"options": {…}` if need be; the answer is any number of lines with a `type`
(progress, finding, error) and then exactly one line `{"ok": true, "data": …}` or `{"ok": false, "error": {…}}`. A
connection may carry several requests, one after the other. Must not know: what a request does; `main` gives the
handlers.

Invariants
- The socket has mode 0600 in a directory of mode 0700, and the peer's uid (SO_PEERCRED) must be ours or root's.
- A line is at most `MAX_LINE_BYTES` long; whatever is wrong with it is answered, never raised.
- A client that does not read, or does not speak, costs one task for a few seconds and nothing else.
- The socket file is ours to remove: only the holder of the library lock opens this service.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import trio

from catalog.errors import GlassineError, InvalidValue, LibraryLocked, NotPermitted
from daemon.cli.output import error_document
from daemon.control_address import PROTOCOL_VERSION, short_address

log = logging.getLogger(__name__)

# An edit of a million photos names them by uid: 30 bytes each. Only the owner can connect.
MAX_LINE_BYTES = 32 * 1024 * 1024
# A request is sent at once by its client; who needs longer is broken or hostile.
_RECEIVE_TIMEOUT_S = 10
# The kernel buffers some 200 kB; a client that leaves that unread for so long is dropped.
_SEND_TIMEOUT_S = 5
# How long a client waits for its turn before it is told that the daemon is busy.
_TURN_TIMEOUT_S = 20
# What a client that was refused may still send before the connection is cut.
_HANG_UP_S = 1
_LISTEN_BACKLOG = 64
_PEER_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: struct ucred, unix(7)

Line = dict[str, Any]
Send = Callable[[Line], Awaitable[None]]
Handler = Callable[[Any, Send], Awaitable[Line]]


class Optioned(NamedTuple):
    """The argument of a request that came with options."""

    argument: Any
    options: Any


# Requests that may carry options.
_OPTIONED = ("edit",)


class ClientGone(Exception):
    """The client hung up or stopped reading; its request ends, the daemon goes on."""


@asynccontextmanager
async def open_control(
    socket_path: Path, handlers: Mapping[str, Handler], *, clients: int
) -> AsyncIterator[None]:
    """Listen until the block ends; requests under way are then cancelled (a started commit still finishes).

    Args:
        socket_path: in the state directory; made and removed here.
        handlers: request name -> `async (argument, send) -> data`. A GlassineError is answered as such.
        clients: requests answered at the same time; more wait for their turn.
    """
    listener = _listen(socket_path)
    turns = trio.CapacityLimiter(clients)
    try:
        async with trio.open_nursery() as connections:
            listeners = [trio.SocketListener(listener)]
            connections.start_soon(partial(trio.serve_listeners, partial(_serve, handlers, turns), listeners))
            yield
            connections.cancel_scope.cancel()
    finally:
        listener.close()
        _remove(socket_path)


def _listen(socket_path: Path) -> trio.socket.SocketType:
    socket_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove(socket_path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_address(socket_path) as address:
        listener.bind(address)
    # The directory keeps others out between bind and chmod.
    _close_to_others(socket_path)
    listener.listen(_LISTEN_BACKLOG)
    return trio.socket.from_stdlib_socket(listener)


def _remove(socket_path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        socket_path.unlink()


def _close_to_others(socket_path: Path) -> None:
    socket_path.parent.chmod(0o700)
    socket_path.chmod(0o600)


async def _serve(
    handlers: Mapping[str, Handler], turns: trio.CapacityLimiter, stream: trio.SocketStream
) -> None:
    try:
        with contextlib.suppress(ClientGone):
            await _converse(handlers, turns, stream)
    except Exception:  # border: one client's failure ends its connection only; a cancellation is no Exception
        log.exception("a control connection failed")


async def _converse(
    handlers: Mapping[str, Handler], turns: trio.CapacityLimiter, stream: trio.SocketStream
) -> None:
    send = partial(_send, stream)
    uid = _peer_uid(stream)
    if uid not in (os.geteuid(), 0):
        log.warning("refused a control connection of uid %d", uid)
        await send(error_line(NotPermitted("the control socket serves the owner of the library alone")))
        await _hang_up(stream)
        return
    reader = _LineReader(stream)
    while True:
        try:
            raw = await reader.line()
        except InvalidValue as error:
            await send(error_line(error))
            await _hang_up(stream)
            return
        if raw is None:
            return
        await send(await _answer(handlers, turns, raw, send))


def _peer_uid(stream: trio.SocketStream) -> int:
    raw = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    _pid, uid, _gid = _PEER_CREDENTIALS.unpack(raw)
    return int(uid)


async def _answer(
    handlers: Mapping[str, Handler], turns: trio.CapacityLimiter, raw: bytes, send: Send
) -> Line:
    try:
        name, argument = parse_request(raw, known=handlers.keys())
        async with _turn(turns):
            return {"ok": True, "data": await handlers[name](argument, send)}
    except GlassineError as error:
        return error_line(error)
    except ClientGone:
        raise
    except Exception as error:  # border: a bug in one request is one answer; a cancellation is no Exception
        log.exception("a control request failed")
        return error_line(GlassineError(f"the daemon failed: {type(error).__name__}: {error}"))


@asynccontextmanager
async def _turn(turns: trio.CapacityLimiter) -> AsyncIterator[None]:
    with trio.move_on_after(_TURN_TIMEOUT_S) as waiting:
        await turns.acquire()
    if waiting.cancelled_caught:
        raise LibraryLocked("the daemon is busy with other clients", hint="Try again in a moment.")
    try:
        yield
    finally:
        turns.release()


def parse_request(raw: bytes, *, known: Any) -> tuple[str, Any]:
    """Return (request name, argument) of one line; the argument is an `Optioned` where options came with it.

    Raises:
        InvalidValue: no JSON object, another protocol version, not exactly one known request.
    """
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidValue("the request is not JSON") from error
    if not isinstance(document, dict) or document.get("v") != PROTOCOL_VERSION:
        raise InvalidValue(
            f"the request must be a JSON object with v = {PROTOCOL_VERSION}",
            hint="The daemon may be of another version than the command: glassine down, then glassine up.",
        )
    names = [name for name in document if name not in ("v", "options")]
    if len(names) != 1 or names[0] not in known or ("options" in document and names[0] not in _OPTIONED):
        raise InvalidValue(f"unknown request {sorted(document)}; known: {', '.join(sorted(known))}")
    argument = document[names[0]]
    return names[0], Optioned(argument, document["options"]) if "options" in document else argument


def error_line(error: GlassineError) -> Line:
    """Return the answer for an error; the client turns it back into the same class by `code`."""
    return {"ok": False, "error": error_document(error)}


async def _send(stream: trio.SocketStream, line: Line) -> None:
    """Send one line; a client that does not read it in time, or is gone, is a ClientGone. Checkpoint."""
    text = json.dumps(line, ensure_ascii=True, default=str)
    with trio.move_on_after(_SEND_TIMEOUT_S) as sending:
        try:
            await stream.send_all(text.encode("ascii") + b"\n")
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ClientGone from error
    if sending.cancelled_caught:
        raise ClientGone


async def _hang_up(stream: trio.SocketStream) -> None:
    """End our side and drop what the client still sends: closing with unread bytes would reset the connection
    and take the answer along."""
    with trio.move_on_after(_HANG_UP_S), contextlib.suppress(trio.BrokenResourceError):
        await stream.send_eof()
        while await stream.receive_some(65536):
            pass


class _LineReader:
    """Splits the stream into lines of bounded length. Lives as long as its connection."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    async def line(self) -> bytes | None:
        """Return the next line without its end, None at the end of the stream. Checkpoint.

        Raises:
            InvalidValue: the line is too long, or did not come in time.
        """
        with trio.move_on_after(_RECEIVE_TIMEOUT_S):
            return await self._next()
        if not self._buffer:
            return None  # idle between two requests: hang up, silently
        raise InvalidValue(f"the request did not arrive within {_RECEIVE_TIMEOUT_S} s")

    async def _next(self) -> bytes | None:
        searched = 0
        while True:
            end = self._buffer.find(b"\n", searched)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                return line
            if len(self._buffer) > MAX_LINE_BYTES:
                raise InvalidValue(f"the request is longer than {MAX_LINE_BYTES} bytes")
            searched = len(self._buffer)
            try:
                received = await self._stream.receive_some(65536)
            except trio.BrokenResourceError as error:
                raise ClientGone from error
            if not received:
                return None
            self._buffer += received
