"""Sends bodies without letting a slow reader hold a request worker.

A connection that still has bytes to send carries an `Outbox`. `Sender` pumps it: a few threads call `sendfile`
(or read and send, over TLS), one thread waits with epoll until a full socket has room again. That thread also
ends connections that made no progress, sweeps requests past their deadline, and drains what a refused client
still sends so that the answer is not lost in a TCP reset. It must not know HTTP, files of the catalog or WSGI.

Invariants: a connection is owned by one thread at a time (worker, sender thread, or parked); a body that cannot be
sent whole ends with the connection closed, never with a body that looks complete; the waiting thread never reads
a file, so that a dead NAS stops the sender threads at worst, not the listings.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from dav.outbox import BLOCK_BYTES, Outbox, Progress

log = logging.getLogger(__name__)

# What one turn may send before others get theirs.
TURN_BYTES = 8 << 20
# What a request worker sends itself before it hands over: a hop between threads costs more than a small file.
FIRST_TURN_BYTES = 262_144
# A player that is paused takes nothing for a while; a client that is gone takes nothing for ever.
STALL_S = 120.0
# How long a request worker waits for a full socket before the rest goes to the spill file.
PATIENCE_S = 0.25
LINGER_S = 2.0
LINGER_BYTES = 1 << 20
POLL_S = 0.25
IDLE_POLL_S = 1.0


class Connection(Protocol):
    """What the sender needs of a connection."""

    socket: Any
    outbox: Outbox
    deadline: float | None

    def sent(self) -> None:
        """All is sent: wait for the next request, or close."""

    def abort(self) -> None:
        """Close now; the peer sees a cut body."""


class Sender:
    """The threads behind the outboxes. Lives as long as the server; `stop` joins what can be joined."""

    def __init__(self, *, threads: int) -> None:
        self._ready: queue.SimpleQueue[Connection | None] = queue.SimpleQueue()
        self._epoll = select.epoll()
        self._alarm = os.eventfd(0)
        self._epoll.register(self._alarm, select.EPOLLIN)
        self._lock = threading.Lock()
        self._parked: dict[int, tuple[Connection, float]] = {}
        self._lingering: dict[int, tuple[Any, float, int]] = {}
        self._watched: set[Connection] = set()
        self._is_stopping = False
        self.is_short_of_workers: Callable[[], bool] = lambda: False
        self._threads = [
            threading.Thread(target=self._send_loop, name=f"sender-{number}") for number in range(threads)
        ]
        self._threads.append(threading.Thread(target=self._wait_loop, name="sender-wait"))

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def send(self, connection: Connection) -> None:
        """Take over a connection with a full outbox. Small bodies are sent here and now, by the caller."""
        connection.socket.setblocking(False)
        self._turn(connection, FIRST_TURN_BYTES)

    def watch(self, connection: Connection) -> None:
        """Cut the connection's socket when its `deadline` (monotonic s) passes; until `unwatch`."""
        with self._lock:
            self._watched.add(connection)

    def unwatch(self, connection: Connection) -> None:
        """Stop watching."""
        with self._lock:
            self._watched.discard(connection)

    def linger(self, sock: Any) -> None:
        """Discard what the peer still sends, for a moment, then close: the answer must reach it."""
        try:
            sock.shutdown(socket.SHUT_WR)
            sock.setblocking(False)
            with self._lock:
                self._lingering[sock.fileno()] = (sock, time.monotonic() + LINGER_S, 0)
                self._epoll.register(sock.fileno(), select.EPOLLIN)
        except (OSError, ValueError):
            self._lingering.pop(sock.fileno(), None)
            sock.close()

    def stop(self, timeout_s: float) -> bool:
        """End all threads and close what they own. Returns False if one did not end within `timeout_s`."""
        self._is_stopping = True
        os.eventfd_write(self._alarm, 1)
        for _ in self._threads:
            self._ready.put(None)
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            parked = [connection for connection, _ in self._parked.values()]
            lingering = [sock for sock, _, _ in self._lingering.values()]
            self._parked.clear()
            self._lingering.clear()
        for connection in parked:
            connection.abort()
        for sock in lingering:
            sock.close()
        while not self._ready.empty():
            left = self._ready.get()
            if left is not None:
                left.abort()
        if any(thread.is_alive() for thread in self._threads):
            return False
        self._epoll.close()
        os.close(self._alarm)
        return True

    # -- sender threads

    def _send_loop(self) -> None:
        while (connection := self._ready.get()) is not None:
            self._turn(connection, TURN_BYTES)

    def _turn(self, connection: Connection, limit_bytes: int) -> None:
        try:
            progress = connection.outbox.pump(connection.socket, limit_bytes=limit_bytes)
            if self._is_stopping and progress is not Progress.DONE:
                connection.abort()
            elif progress is Progress.BLOCKED:
                self._park(connection)
            elif progress is Progress.MORE:
                self._ready.put(connection)
            else:
                connection.sent()
        except Exception as error:  # noqa: BLE001 - border: whatever ends a body ends its connection only
            log.info("body not sent whole: %s", error)
            connection.abort()

    def _park(self, connection: Connection) -> None:
        descriptor = connection.socket.fileno()
        with self._lock:
            self._parked[descriptor] = (connection, time.monotonic() + STALL_S)
            self._epoll.register(descriptor, select.EPOLLOUT)

    # -- the waiting thread

    def _wait_loop(self) -> None:
        next_sweep = 0.0
        while not self._is_stopping:
            is_idle = not (self._watched or self._parked or self._lingering)
            for descriptor, _ in self._epoll.poll(IDLE_POLL_S if is_idle else POLL_S):
                self._wake(descriptor)
            now = time.monotonic()
            if now >= next_sweep:
                next_sweep = now + POLL_S
                self._sweep(now)

    def _wake(self, descriptor: int) -> None:
        with self._lock:
            lingering = self._lingering.get(descriptor)
            parked = self._parked.pop(descriptor, None)
            if parked is not None:
                self._epoll.unregister(descriptor)
        if parked is not None:
            self._ready.put(parked[0])
        elif lingering is not None:
            self._drain(descriptor, *lingering)

    def _drain(self, descriptor: int, sock: Any, deadline: float, drained: int) -> None:
        try:
            got = len(sock.recv(BLOCK_BYTES))
        except BlockingIOError:
            return
        except OSError:
            got = 0
        if got and drained + got < LINGER_BYTES:
            self._lingering[descriptor] = (sock, deadline, drained + got)
        else:
            self._end_linger(descriptor)

    def _end_linger(self, descriptor: int) -> None:
        with self._lock:
            sock, _, _ = self._lingering.pop(descriptor)
            with contextlib.suppress(OSError):
                self._epoll.unregister(descriptor)
        sock.close()

    def _sweep(self, now: float) -> None:
        # When every worker is busy a request that is still being typed has had its time.
        grace = 4.0 if self.is_short_of_workers() else 0.0
        with self._lock:
            late = [c for c in self._watched if c.deadline is not None and c.deadline - grace < now]
            stalled = [fd for fd, (_, deadline) in self._parked.items() if deadline < now]
            ended = [fd for fd, (_, deadline, _) in self._lingering.items() if deadline < now]
            for connection in late:
                with contextlib.suppress(OSError):
                    # The TCP half only: the worker is inside the TLS object at this moment.
                    socket.socket.shutdown(connection.socket, socket.SHUT_RDWR)
            aborted = [self._parked.pop(fd)[0] for fd in stalled]
            for descriptor in stalled:
                self._epoll.unregister(descriptor)
        for connection in aborted:
            connection.abort()
        for descriptor in ended:
            self._end_linger(descriptor)
