"""cheroot, hardened: strict headers, deadlines, TLS handshakes and slow readers off the accept and worker threads.

Each override names what stock cheroot 11.1 does instead (notes, section 8; cheroot issues 718, 737, 748). It must not
know WebDAV: it runs a WSGI application, and hands a `FileBody`-like answer (`dav.outbox.Body`) to the sender.

Invariants: the accept thread never reads from a client; a request that is not typed within its deadline is cut;
an answer before the whole request was read ends the connection, after a linger; a short body never ends a
response as if it were whole.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import selectors
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cheroot import server, wsgi
from cheroot.makefile import MakeFile
from cheroot.ssl.builtin import BuiltinSSLAdapter

from dav.outbox import Outbox
from dav.sender import PATIENCE_S, Sender
from dav.wire import RequestBody, StrictHeaders

log = logging.getLogger(__name__)

WORKERS = 24
SENDERS = 8
HEADER_DEADLINE_S = 5.0
BODY_DEADLINE_S = 10.0
MAX_HEADER_BYTES = 65_536
KEEP_ALIVE_S = 75
MAX_CONNECTIONS = 1024
MAX_CONNECTIONS_PER_ADDRESS = 400
WRITE_BYTES = 65_536

_REQUEST_TARGET = re.compile(rb"[\x21-\x7e\x80-\xff]+")


class Request(server.HTTPRequest):
    """One request. Stock: answers 100-continue and drains any body before the application decided."""

    header_reader: Callable[[Any, dict[bytes, bytes]], dict[bytes, bytes]] = StrictHeaders()
    expects_continue = False

    def read_request_line(self) -> bool:
        """Refuse what urlsplit cannot take with a 400. Stock: an exception, answered with 500."""
        try:
            is_good = super().read_request_line()  # type: ignore[no-untyped-call]
        except ValueError:
            is_good = self.refuse("Malformed Request-URI.")
        if is_good and not _REQUEST_TARGET.fullmatch(self.uri):
            is_good = self.refuse("Malformed Request-URI.")
        return bool(is_good)

    def refuse(self, reason: str) -> bool:
        """Answer 400 to a request that cannot be read on."""
        self.simple_response("400 Bad Request", reason)
        return False

    def read_request_headers(self) -> bool:
        """Hide Expect from the base class, which would answer it at once."""
        reader = self.header_reader

        def read(rfile: Any, headers: dict[bytes, bytes]) -> dict[bytes, bytes]:
            reader(rfile, headers)
            self.expects_continue = headers.pop(b"Expect", b"").lower() == b"100-continue"
            if self.response_protocol != "HTTP/1.1" and b"Transfer-Encoding" in headers:
                raise ValueError("HTTP/1.0 knows no transfer coding.")
            return headers

        self.header_reader = read
        is_good = bool(super().read_request_headers())  # type: ignore[no-untyped-call]
        if is_good and b"close" in self.inheaders.get(b"Connection", b"").lower():
            self.close_connection = True
        return is_good

    def body_wanted(self) -> None:
        """The application reads the body: say so to a client that waits, and give it time."""
        self.conn.deadline = time.monotonic() + BODY_DEADLINE_S
        if self.expects_continue:
            self.conn.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def simple_response(self, status: str, msg: str = "") -> None:
        """An error of the HTTP layer: the rest of the input is not understood, so linger."""
        self.conn.has_unread_input = True
        super().simple_response(status, msg)

    def respond(self) -> None:
        """Run the application. Stock: an own reader that takes a chunk of any size into memory."""
        length = None if self.chunked_read else int(self.inheaders.get(b"Content-Length", 0))
        self.rfile = RequestBody(self.conn.rfile, length, self.body_wanted)
        self.conn.deadline = None
        self.server.gateway(self).respond()
        if self.chunked_write:
            self.conn.wfile.write(b"0\r\n\r\n")

    def send_headers(self) -> None:
        """An unread body closes the connection. Stock: reads all of it into memory first."""
        self.conn.deadline = None
        if not self.rfile.is_finished:
            self.close_connection = True
            self.conn.has_unread_input = True
        super().send_headers()


class Gateway(wsgi.Gateway_10):
    """WSGI, with two differences: a file range goes to the outbox, and a short body is an error."""

    def respond(self) -> None:
        """Run the application and write or hand over its body."""
        response = self.req.server.wsgi_app(self.env, self.start_response)
        if hasattr(response, "fileno"):
            self.req.ensure_headers_sent()
            self.req.conn.outbox.append_body(response)
            return
        try:
            for chunk in filter(None, response):
                self.write(chunk)
            self.req.ensure_headers_sent()
        finally:
            if hasattr(response, "close"):
                response.close()


class PatientWriter:
    """`conn.wfile`: writes while the client reads; what a slow client does not take goes to the outbox."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.bytes_written = 0

    def write(self, data: bytes) -> int:
        """Send, or keep. Raises OSError when the peer is gone."""
        self.bytes_written += len(data)
        sent = 0 if self._connection.outbox else self._send(memoryview(data))
        if sent < len(data):
            self._connection.outbox.append_bytes(bytes(data[sent:]))
        return len(data)

    def _send(self, view: memoryview) -> int:
        sock = self._connection.socket
        sock.settimeout(PATIENCE_S)
        sent = 0
        try:
            while sent < len(view):
                sent += sock.send(view[sent : sent + WRITE_BYTES])
        except TimeoutError:
            log.debug("slow reader %s", self._connection.remote_addr)
        finally:
            sock.settimeout(HEADER_DEADLINE_S)
        return sent


class Connection(server.HTTPConnection):
    """A client's connection. Owned by the selector, a worker or the sender, one at a time."""

    RequestHandlerClass = Request

    def __init__(self, owner: Server, sock: Any, makefile: Any = MakeFile) -> None:
        super().__init__(owner, sock, makefile)
        self.outbox = Outbox(owner.spill_directory)
        self.wfile = PatientWriter(self)
        self.deadline: float | None = None
        self.is_admitted = False
        self.has_unread_input = False
        self._is_secured = not isinstance(sock, ssl.SSLSocket)
        self._keeps = False
        self._is_closed = False

    def communicate(self) -> bool:
        """Serve one request. True = the connection goes on, or has bytes to send."""
        self.deadline = time.monotonic() + HEADER_DEADLINE_S
        self.server.sender.watch(self)
        try:
            self._keeps = self._secure() and bool(super().communicate())  # type: ignore[no-untyped-call]
        finally:
            self.server.sender.unwatch(self)
        return self._keeps or bool(self.outbox)

    def _secure(self) -> bool:
        """Shake hands, in the worker. Stock: on the accept thread, so that one silent client stops all."""
        if self._is_secured:
            return True
        try:
            self.socket.settimeout(HEADER_DEADLINE_S)
            self.socket.do_handshake()
        except OSError as error:
            log.debug("no TLS with %s: %s", self.remote_addr, error)
            return False
        self._is_secured = True
        return True

    def sent(self) -> None:
        """The sender is done."""
        if self._keeps:
            self.socket.settimeout(HEADER_DEADLINE_S)
            self.server.put_conn(self)
        else:
            self.close()

    def abort(self) -> None:
        """Close without the rest."""
        self.has_unread_input = False
        self.close()

    def close(self) -> None:
        """Close; let an early answer reach a client that is still sending."""
        if self._is_closed:
            return
        self._is_closed = True
        self.outbox.clear()
        self.server.forget(self)
        if self.has_unread_input and self.server.ready:
            self.rfile.close()
            self.server.sender.linger(self.socket)
            return
        with contextlib.suppress(OSError):
            super().close()


class Wake:
    """Sits in the selector so that a stop need not wait for its next turn. Looks like an idle connection."""

    last_used = float("inf")

    def __init__(self) -> None:
        self.descriptor = os.eventfd(0)

    def close(self) -> None:
        """Close; idempotent."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class LazyTls(BuiltinSSLAdapter):
    """TLS whose handshake happens later, in a worker."""

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, str]]:
        """Wrap without a handshake."""
        secured = self.context.wrap_socket(sock, do_handshake_on_connect=False, server_side=True)
        return secured, {"wsgi.url_scheme": "https", "HTTPS": "on"}


class Server(wsgi.Server):
    """The server. `prepare()` binds, `serve()` blocks, `stop()` ends it from another thread."""

    ConnectionClass = Connection
    _connections: Any  # cheroot's selector; made by `prepare`
    max_request_header_size = MAX_HEADER_BYTES
    keep_alive_conn_limit = 500
    shutdown_timeout = 1

    def __init__(
        self,
        address: tuple[str, int],
        application: Callable[..., Any],
        *,
        spill_directory: Path | None = None,
        tls: LazyTls | None = None,
        workers: int = WORKERS,
    ) -> None:
        super().__init__(
            address,
            application,
            numthreads=workers,
            server_name="Glassine",
            timeout=KEEP_ALIVE_S,
            request_queue_size=128,
        )
        self.gateway = Gateway
        self.spill_directory = spill_directory
        self.ssl_adapter = tls
        self.sender = Sender(threads=SENDERS)
        self.sender.is_short_of_workers = lambda: self.requests.qsize > 0 and self.requests.idle == 0
        self.has_ended = False
        self.on_bound: Callable[[], None] = lambda: None
        self._admission = threading.Lock()
        self._open: set[Connection] = set()
        self._per_address: Counter[str] = Counter()

    def prepare(self) -> None:
        """Bind and start the threads."""
        # Stock takes descriptor 3 as a listening socket if this is set, whatever address it is bound to.
        os.environ.pop("LISTEN_PID", None)
        super().prepare()
        self._wake = Wake()
        self._connections._selector.register(self._wake.descriptor, selectors.EVENT_READ, data=self._wake)
        self.sender.start()

    def bind(self, family: int, type: int, proto: int = 0) -> socket.socket:
        """Bind, then let the owner act before any thread exists."""
        bound: socket.socket = super().bind(family, type, proto)
        self.on_bound()
        return bound

    def process_conn(self, conn: Connection | Wake) -> None:
        """A new connection waits in the selector for its first byte. Stock: it takes a worker."""
        if isinstance(conn, Wake):
            conn.close()
        elif conn.is_admitted:
            super().process_conn(conn)
        elif self._admit(conn):
            self._connections.put(conn)
        else:
            conn.close()

    def _admit(self, conn: Connection) -> bool:
        with self._admission:
            if (
                len(self._open) >= MAX_CONNECTIONS
                or self._per_address[conn.remote_addr] >= MAX_CONNECTIONS_PER_ADDRESS
            ):
                log.warning("too many connections: one from %s was closed", conn.remote_addr)
                return False
            self._open.add(conn)
            self._per_address[conn.remote_addr] += 1
            conn.is_admitted = True
        return True

    def forget(self, conn: Connection) -> None:
        """A connection is closed."""
        with self._admission:
            if conn in self._open:
                self._open.discard(conn)
                self._per_address[conn.remote_addr] -= 1
                if not self._per_address[conn.remote_addr]:
                    del self._per_address[conn.remote_addr]

    def put_conn(self, conn: Connection) -> None:
        """Where a connection goes after a request: to the sender, back to a worker, or to wait."""
        if conn.outbox:
            self.sender.send(conn)
        elif self.ready and isinstance(conn.socket, ssl.SSLSocket) and conn.socket.pending():
            # Decrypted bytes wait inside OpenSSL where epoll cannot see them.
            self.process_conn(conn)
        else:
            super().put_conn(conn)

    def stop(self) -> None:
        """Close everything at once. Stock: waits for the workers, and for ever for one that writes."""
        if not self.ready:
            return
        with self._admission:
            held = list(self._open)
        for conn in held:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(conn.socket, socket.SHUT_RDWR)
        self._connections._stop_requested = True
        os.eventfd_write(self._wake.descriptor, 1)
        super().stop()
        self.has_ended = self.sender.stop(self.shutdown_timeout)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Into our log. Stock: standard error."""
        log.log(level if level >= logging.ERROR else logging.DEBUG, "%s", msg, exc_info=traceback)
