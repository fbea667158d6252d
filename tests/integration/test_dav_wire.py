"""What strangers send on the wire: smuggled and broken requests, mutated paths, half requests, slow readers, TLS."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import resource
import socket
import ssl
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from catalog.values import OWNER
from dav.auth import Credentials, SignIn
from dav.front import make_app
from dav.httpd import LazyTls
from dav.tls import self_signed
from integration.dav_fake_tree import FakeTree, Folder, Running, serving
from vfs.nodes import Entry, Node

BIG = 24 << 20
PROPFIND = b"PROPFIND / HTTP/1.1\r\nHost: localhost\r\nDepth: 0\r\n\r\n"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> FakeTree:
    folder = tmp_path_factory.mktemp("files")
    photo, video = folder / "photo.jpg", folder / "video.mp4"
    photo.write_bytes(os.urandom(50_000))
    with video.open("wb") as file:
        for _ in range(BIG >> 20):
            file.write(os.urandom(1 << 20))
    many = Folder(3, {b"IMG_%05d.JPG" % number: photo for number in range(10_000)})
    return CachedTree(
        Folder(
            1,
            {b"photo.jpg": photo, b"video.mp4": video, b"album": Folder(2, {b"a.jpg": photo}), b"many": many},
        )
    )


class CachedTree(FakeTree):
    """Nodes are made once: the time of a listing is that of the HTTP face."""

    def __init__(self, root: Folder) -> None:
        super().__init__(root)
        self._made: dict[tuple[bytes, int], Node] = {}

    def _node(self, name: bytes, found: Path | Folder) -> Node:
        key = (name, id(found))
        if key not in self._made:
            self._made[key] = super()._node(name, found)
        return self._made[key]


@pytest.fixture(scope="module")
def running(tree: FakeTree, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tree, workers=24, spill=tmp_path_factory.mktemp("spill")) as server:
        yield server


@pytest.fixture(scope="module")
def secured(
    tree: FakeTree, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Running, ssl.SSLContext]]:
    certificate, key = self_signed(
        tmp_path_factory.mktemp("tls"), ["localhost", "127.0.0.1"], now=datetime.now(UTC)
    )
    with serving(tree, tls=LazyTls(str(certificate), str(key)), workers=24) as server:
        yield server, ssl.create_default_context(cafile=str(certificate))


def talk(running: Running, request: bytes, *, timeout_s: float = 5.0) -> bytes:
    """Send, then read to the end of the connection."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=timeout_s) as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(request)
        parts = []
        while part := sock.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def one_answer(raw: bytes) -> tuple[int, bytes]:
    """Check that the bytes are exactly one complete response; return its status and body."""
    head, separator, body = raw.partition(b"\r\n\r\n")
    assert separator, f"no complete header: {raw[:200]!r}"
    lines = head.split(b"\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
    if fields.get(b"transfer-encoding") == b"chunked":
        assert body.endswith(b"0\r\n\r\n")
    else:
        assert len(body) == int(fields[b"content-length"]), raw[:300]
    return int(lines[0].split()[1]), body


def promptly(running: Running, limit_s: float) -> None:
    """A listing is answered within the limit."""
    start = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
    connection.request("PROPFIND", "/album", headers={"Depth": "1"})
    assert connection.getresponse().read().count(b"<D:href>") == 2
    connection.close()
    took = time.perf_counter() - start
    assert took < limit_s, f"a listing took {took:.2f} s"


# ---- framing


@pytest.mark.parametrize(
    "fields",
    [
        b"Host: localhost\r\nContent-Length: 3\r\nContent-Length: 3\r\n",
        b"Host: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        b"Host: localhost\r\nTransfer-Encoding: gzip, chunked\r\n",
        b"Host: localhost\r\nTransfer-Encoding : chunked\r\n",
        b"Host: localhost\r\nContent-Length: 1_0\r\n",
        b"Host: localhost\r\nContent-Length: +5\r\n",
        b"Host: localhost\r\nContent-Length: -1\r\n",
        b"Host: localhost\r\nIf_None_Match: *\r\n",
        b"Host: localhost\r\n: empty\r\n",
        b"Host: localhost\r\nno colon\r\n",
        b"Host: localhost\r\nX: a\r\n folded\r\n",
        b"Host: localhost\r\nX: a\x00b\r\n",
        b"Host: localhost\r\nX: a\rb\r\n",
        b"Host: localhost\r\nHost: evil.example\r\n",
        b"Host: localhost\nX: lf\r\n",
        b"Host:\r\n",
        b"",
        b"Host: localhost\r\n" + b"X: y\r\n" * 200,
    ],
)
def test_a_request_that_two_servers_could_read_differently_ends_the_connection(
    running: Running, fields: bytes
) -> None:
    smuggled = b"GET /photo.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n"
    status, _ = one_answer(talk(running, b"GET /none HTTP/1.1\r\n" + fields + b"\r\n" + smuggled))
    assert status == 400


@pytest.mark.parametrize(
    "body",
    [b"zz\r\nabc\r\n0\r\n\r\n", b"3\r\nabcdef\r\n0\r\n\r\n", b"-3\r\n", b"0x3\r\nabc\r\n0\r\n\r\n", b"\r\n"],
)
def test_a_bad_chunk_ends_the_connection_and_what_follows_is_not_run(running: Running, body: bytes) -> None:
    head = b"PROPFIND / HTTP/1.1\r\nHost: localhost\r\nDepth: 0\r\nTransfer-Encoding: chunked\r\n\r\n"
    status, _ = one_answer(talk(running, head + body + PROPFIND))
    assert status == 400


@pytest.mark.parametrize(
    ("line", "statuses"),
    [
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1", {414}), (b"GET / HTTP/9.9", {505}), (b"GET / HTTP/1.x", {400}), (b"GET /", {400}),
        (b"GET //[ HTTP/1.1", {400}), (b"GET http://[ HTTP/1.1", {400}), (b"GET http://localhost/ HTTP/1.1", {400}),
        (b"get / HTTP/1.1", {400}), (b"GET \x01 HTTP/1.1", {400}), (b"CONNECT localhost:1 HTTP/1.1", {405}), (b"\x16\x03\x01\x02", {400}),
    ],
)  # fmt: skip
def test_a_request_line_that_is_none_gets_a_complete_answer(
    running: Running, line: bytes, statuses: set[int]
) -> None:
    status, _ = one_answer(talk(running, line + b"\r\nHost: localhost\r\n\r\n"))
    assert status in statuses


def test_a_header_of_many_megabytes_is_not_taken_in(running: Running) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status, _ = one_answer(
        talk(running, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * (8 << 20) + b"\r\n\r\n")
    )
    assert status in {400, 413}
    # Ours is the request that this test holds itself, twice.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000


def test_http_1_0_is_served_and_closed(running: Running) -> None:
    raw = talk(running, b"GET /photo.jpg HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert one_answer(raw)[0] == 200


# ---- paths


def mutated_targets(count: int) -> Iterator[bytes]:
    """Addresses that were right once, and the tricks of the books."""
    chooser = random.Random(20_261_121)
    tricks = [b"..", b"%2e%2e", b"%252e", b"%5c", b"%00", b"//", b"/./", b"%c0%ae", b"%ff", b"%", b"\xff", b"%2F", b";", b"?", b"%0d%0a",
              b"http://x/", b"~", b"CON", b"._", b"%ed%a0%80", b"a" * 300, b"%e2%80%ae", b"\\", b"*", b"::$DATA", b"%zz"]  # fmt: skip
    for _ in range(count):
        target = bytearray(
            chooser.choice([b"/photo.jpg", b"/album/a.jpg", b"/album/", b"/", b"/many/IMG_00001.JPG"])
        )
        for _ in range(chooser.randint(1, 4)):
            place = chooser.randint(0, len(target))
            if chooser.random() < 0.7:
                target[place:place] = chooser.choice(tricks)
            else:
                target[place:place] = bytes([chooser.randint(33, 255)])
        yield bytes(target)


def test_no_mutated_path_is_a_server_error_a_hang_or_a_half_answer(running: Running) -> None:
    methods = [b"GET", b"HEAD", b"PROPFIND", b"PUT", b"DELETE", b"MKCOL", b"MOVE", b"OPTIONS", b"LOCK"]
    for number, target in enumerate(mutated_targets(500)):
        method = methods[number % len(methods)]
        start = time.perf_counter()
        raw = talk(
            running,
            method
            + b" "
            + target
            + b" HTTP/1.1\r\nHost: localhost\r\nDepth: 1\r\nDestination: "
            + target
            + b"\r\nConnection: close\r\n\r\n",
        )
        assert time.perf_counter() - start < 2.0, target
        status = int(raw.split(b" ", 2)[1])
        assert status < 500, (method, target, raw[:200])
        if method != b"HEAD" and status != 304:
            one_answer(raw)


# ---- bodies that are never read


def test_a_large_upload_is_refused_before_it_is_sent(running: Running) -> None:
    head = b"PUT /new.mp4 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 600000000\r\n"
    for expectation in (b"", b"Expect: 100-continue\r\n"):
        start = time.perf_counter()
        status, body = one_answer(talk(running, head + expectation + b"\r\n"))
        assert (status, b"read-only" in body) == (403, True)
        assert time.perf_counter() - start < 3.0


def test_a_client_that_sends_on_still_gets_the_answer(running: Running) -> None:
    head = b"PUT /new.mp4 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 700000\r\n\r\n"
    assert one_answer(talk(running, head + b"x" * 700_000))[0] == 403


def test_a_body_that_is_wanted_is_asked_for(running: Running) -> None:
    body = b'<propfind xmlns="DAV:"><propname/></propfind>'
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as sock:
        sock.sendall(
            b"PROPFIND / HTTP/1.1\r\nHost: localhost\r\nDepth: 0\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
            % len(body)
        )
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert sock.recv(1000).startswith(b"HTTP/1.1 207 ")


# ---- slow clients


def slow_reader(port: int, path: bytes, *, context: ssl.SSLContext | None = None) -> Any:
    """Ask for a large body and take nothing of it yet."""
    sock: Any = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    sock.settimeout(20)
    sock.connect(("127.0.0.1", port))
    if context is not None:
        sock = context.wrap_socket(sock, server_hostname="localhost")
    method, _, rest = path.partition(b" ")
    sock.sendall(method + b" " + rest + b" HTTP/1.1\r\nHost: localhost\r\nDepth: 1\r\n\r\n")
    return sock


def response_of(sock: Any) -> bytes:
    """Read the response that was asked for."""
    response = http.client.HTTPResponse(sock)
    response.begin()
    return response.read()


@pytest.mark.slow
def test_two_hundred_slow_readers_and_half_typed_requests_do_not_delay_a_listing(running: Running) -> None:
    readers = [slow_reader(running.port, b"GET /video.mp4") for _ in range(200)]
    typists = []
    for _ in range(10):
        typist = socket.create_connection(("127.0.0.1", running.port))
        typist.sendall(b"GET / HTTP/1.1\r\nHost: lo")
        typists.append(typist)
    try:
        for _ in range(5):
            promptly(running, 1.0)
            for reader in readers:
                reader.recv(4096)
    finally:
        for sock in (*readers, *typists):
            sock.close()


@pytest.mark.slow
def test_forty_slow_readers_of_a_listing_do_not_hold_the_workers(running: Running) -> None:
    readers = [slow_reader(running.port, b"PROPFIND /many") for _ in range(40)]
    try:
        for reader in readers:
            reader.recv(1, socket.MSG_PEEK)  # each of them has its answer before it, and takes nothing of it
        promptly(running, 1.0)
        assert response_of(readers[7]).count(b"<D:href>") == 10_001
    finally:
        for reader in readers:
            reader.close()


@pytest.mark.slow
def test_a_reader_that_pauses_gets_the_whole_file(running: Running, tree: FakeTree) -> None:
    reader = slow_reader(running.port, b"GET /video.mp4")
    time.sleep(2.0)
    assert response_of(reader) == tree.folder.entries[b"video.mp4"].read_bytes()  # type: ignore[union-attr]
    reader.sendall(PROPFIND)
    assert response_of(reader).count(b"<D:href>") == 1, "the connection goes on"
    reader.close()


@pytest.mark.slow
def test_a_request_that_is_not_typed_in_time_is_cut(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as typist:
        start = time.perf_counter()
        with contextlib.suppress(ConnectionError):
            for _ in range(40):
                typist.sendall(b"G")
                time.sleep(0.2)
        assert time.perf_counter() - start < 8.0


@pytest.mark.slow
def test_a_stop_does_not_wait_for_anybody(tree: FakeTree) -> None:
    with serving(tree) as server:
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
        readers = [slow_reader(server.port, b"GET /video.mp4") for _ in range(20)]
        typist = socket.create_connection(("127.0.0.1", server.port))
        typist.sendall(b"GET /")
        time.sleep(0.3)
        start = time.perf_counter()
        server.server.stop()
        assert time.perf_counter() - start < 2.0
        for sock in (*silent, *readers, typist):
            sock.close()


# ---- TLS


@pytest.mark.slow
def test_silent_connections_do_not_delay_anothers_handshake(secured: tuple[Running, ssl.SSLContext]) -> None:
    server, context = secured
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(50)]
    try:
        start = time.perf_counter()
        connection = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=10)
        connection.request("GET", "/photo.jpg")
        assert len(connection.getresponse().read()) == 50_000
        connection.close()
        assert time.perf_counter() - start < 1.0
    finally:
        for sock in silent:
            sock.close()


@pytest.mark.slow
@pytest.mark.parametrize("path", [b"GET /video.mp4", b"PROPFIND /many"])
def test_a_slow_reader_over_tls_gets_every_byte(
    secured: tuple[Running, ssl.SSLContext], tree: FakeTree, path: bytes
) -> None:
    server, context = secured
    reader = slow_reader(server.port, path, context=context)
    time.sleep(1.0)
    body = response_of(reader)
    reader.close()
    if path.startswith(b"GET"):
        assert body == tree.folder.entries[b"video.mp4"].read_bytes()  # type: ignore[union-attr]
    else:
        assert body.count(b"<D:href>") == 10_001


def test_many_requests_share_one_tls_connection(secured: tuple[Running, ssl.SSLContext]) -> None:
    server, context = secured
    connection = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=10)
    for _ in range(20):
        connection.request("GET", "/photo.jpg", headers={"Range": "bytes=0-9999", "Cookie": "x" * 9000})
        assert len(connection.getresponse().read()) == 10_000
    connection.close()


def test_plain_http_on_the_tls_port_is_closed(secured: tuple[Running, ssl.SSLContext]) -> None:
    server, _ = secured
    assert b"HTTP/1.1 2" not in talk(server, PROPFIND)


# ---- sign-in


def test_nobody_comes_in_without_a_password_and_the_answer_comes_before_the_body(tree: FakeTree) -> None:
    from argon2 import PasswordHasher

    account = Credentials(1, "Anna", PasswordHasher().hash("geheim"), False, 1)
    with serving(tree, sign_in=SignIn(lambda fold: account if fold == "anna" else None)) as server:
        upload = b"PUT /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 600000000\r\n\r\n"
        start = time.perf_counter()
        raw = talk(server, upload)
        assert one_answer(raw)[0] == 401
        assert b'WWW-Authenticate: Basic realm="Glassine", charset="UTF-8"' in raw
        assert time.perf_counter() - start < 3.0
        for method in ("OPTIONS", "GET", "PROPFIND", "HEAD", "DELETE", "BREW"):
            assert talk(
                server, f"{method} / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            ).startswith(b"HTTP/1.1 401 ")
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/photo.jpg", headers={"Authorization": "Basic YW5uYTpnZWhlaW0="})
        assert connection.getresponse().read() != b""
        connection.close()


# ---- memory


def test_a_listing_of_any_length_takes_the_same_memory(tree: FakeTree) -> None:
    class Endless(FakeTree):
        count = 0

        def children_web(self, node: Node, viewer: object) -> Iterator[Entry]:
            photo = tree.resolve_web(["photo.jpg"], OWNER)
            return (Entry(b"IMG_%06d.JPG" % number, number, photo) for number in range(self.count))

    def peak(count: int) -> int:
        endless = Endless(Folder(1, {}))
        endless.count = count
        app = make_app(endless)
        environ = {
            "REQUEST_METHOD": "PROPFIND",
            "REQUEST_URI": "/",
            "HTTP_HOST": "localhost",
            "HTTP_DEPTH": "1",
        }
        tracemalloc.start()
        total = sum(len(block) for block in app(environ, lambda *_: None))
        _, high = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert total > count * 300
        return high

    assert peak(20_000) < peak(500) + 500_000
