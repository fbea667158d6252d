"""The process `glassine dav`: what it refuses, how it serves, that it is confined, how it ends."""

from __future__ import annotations

import base64
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from capabilities import require
from catalog.store import accounts
from dav.main import certificate_path
from integration.dav_process import served, start
from library_builder import VOLUME, BuiltLibrary, FileSpec, build_library


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuiltLibrary]:
    files = {
        "IMG_1.jpg": FileSpec(captured="2019-08-07T10:00:00"),
        "IMG_2.jpg": FileSpec(captured="2019-08-07T11:00:00"),
    }
    library = build_library(tmp_path_factory.mktemp("built"), files)
    yield library
    library.close()


@pytest.fixture(scope="module")
def account(built: BuiltLibrary) -> str:
    accounts.add_account(built.writer, "Anna", PasswordHasher().hash("geheim"), now_ns=time.time_ns())
    return "Basic " + base64.b64encode(b"anna:geheim").decode()


def asked(
    connection: http.client.HTTPConnection, method: str, path: str, **headers: str
) -> tuple[int, bytes]:
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "hint"),
    [({"host": "0.0.0.0"}, "--tls-self-signed"), ({"host": "0.0.0.0", "tls_self_signed": True}, "glassine user add"),
     ({"tls_cert": "/none.pem", "tls_key": "/none.pem"}, "PEM"), ({"host": "192.0.2.77", "port": 1}, "--tls-self-signed")],
)  # fmt: skip
def test_what_is_unsafe_or_impossible_is_refused_before_anything_listens(
    tmp_path: Path, options: dict[str, object], hint: str
) -> None:
    library = build_library(tmp_path, {"a.jpg": FileSpec()})
    library.close()
    process = start(library.library.path, **options)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert "REFUSED usage" in err
    assert hint in err


@pytest.mark.slow
def test_a_port_that_is_taken_is_said_in_words(built: BuiltLibrary) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start(built.library.path, port=taken.getsockname()[1])
        _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "Address already in use" in err


@pytest.mark.slow
def test_loopback_serves_without_a_password_and_ends_at_once(built: BuiltLibrary) -> None:
    with served(built.library.path) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        status, body = asked(connection, "GET", "/Timeline/2019/2019-08/2019-08-07/IMG_1.jpg")
        assert (status, body) == (200, built.files[b"IMG_1.jpg"].bytes_for(b"IMG_1.jpg"))
        assert asked(connection, "PROPFIND", "/Timeline", Depth="1")[0] == 207
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
        start_s = time.perf_counter()
        server.process.send_signal(signal.SIGTERM)
        out, err = server.process.communicate(timeout=10)
        assert time.perf_counter() - start_s < 3.0
        assert (server.process.returncode, out, err) == (0, "", "")
        for sock in idle:
            sock.close()
        connection.close()


@pytest.mark.slow
def test_an_original_that_went_or_changed_is_a_503_and_the_folder_stays(tmp_path: Path) -> None:
    library = build_library(tmp_path, {"a.jpg": FileSpec(captured="2019-08-07T10:00:00")})
    library.close()
    with served(library.library.path) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        photo = library.root / "a.jpg"
        photo.write_bytes(b"other bytes")
        status, body = asked(connection, "GET", "/Timeline/2019/2019-08/2019-08-07/a.jpg")
        assert (status, b"glassine scan" in body) == (503, True)
        photo.unlink()
        assert asked(connection, "GET", f"/Originals/{VOLUME}/a.jpg")[0] == 503
        assert b"a.jpg" in asked(connection, "PROPFIND", "/Timeline/2019/2019-08/2019-08-07", Depth="1")[1]
        connection.close()


@pytest.mark.slow
def test_every_other_address_needs_tls_and_a_password(built: BuiltLibrary, account: str) -> None:
    with served(built.library.path, host="0.0.0.0", tls_self_signed=True) as server:
        assert server.url.startswith("https://")
        context = ssl.create_default_context(cafile=str(certificate_path(built.library.path)))
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=10)
        assert asked(connection, "GET", "/")[0] == 401
        assert asked(connection, "GET", "/", Authorization="Basic !!!")[0] == 401
        assert asked(connection, "GET", "/", Authorization=account)[0] == 200
        accounts.set_disabled(built.writer, "anna", is_disabled=True, now_ns=time.time_ns())
        assert asked(connection, "GET", "/", Authorization=account)[0] == 401
        accounts.set_disabled(built.writer, "anna", is_disabled=False, now_ns=time.time_ns())
        assert asked(connection, "GET", "/", Authorization=account)[0] == 200
        assert asked(connection, "GET", "/", Authorization=account, Host="evil.example")[0] == 421
        connection.close()


@pytest.mark.slow
def test_curl_walks_the_tree_and_resumes_a_download(built: BuiltLibrary, tmp_path: Path) -> None:
    require("curl")
    body = built.files[b"IMG_2.jpg"].bytes_for(b"IMG_2.jpg")
    target = tmp_path / "half.jpg"
    target.write_bytes(body[:100])
    with served(built.library.path) as server:
        url = f"{server.url}Timeline/2019/2019-08/2019-08-07/IMG_2.jpg"
        subprocess.run(["curl", "-sSf", "-C", "-", "-o", target, url], check=True, timeout=20)
        assert target.read_bytes() == body
        put = subprocess.run(
            ["curl", "-sS", "-T", target, "-w", "%{http_code}", f"{server.url}new.jpg"],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        assert put.stdout.endswith("403")
        assert "read-only" in put.stdout


CONFINED = """
import os, socket, sys
from pathlib import Path
from vfs.confine_server import confine_server
library, outside = Path(sys.argv[1]), Path(sys.argv[2])
missing = confine_server([library])
def refused(act):
    try:
        act()
    except PermissionError:
        return True
    return False
print(missing)
print([refused(act) for act in (
    lambda: os.open(outside, os.O_RDWR), lambda: os.open(outside, os.O_WRONLY), lambda: os.truncate(outside, 0),
    lambda: os.unlink(outside), lambda: os.rename(outside, library / "x"), lambda: outside.with_name("new").write_bytes(b""),
    lambda: os.chmod(outside, 0o600), lambda: os.utime(outside), lambda: os.setxattr(outside, "user.x", b""),
    lambda: os.fchmod(os.open(outside, os.O_RDONLY), 0o600), lambda: os.execv("/bin/true", ["true"]),
    lambda: socket.create_connection(("127.0.0.1", int(sys.argv[3]))))])
(library / "inside").write_bytes(b"x")
print(outside.read_bytes(), (library / "inside").read_bytes(), socket.create_server(("127.0.0.1", 0)) is not None)
"""


@pytest.mark.slow
def test_the_process_cannot_change_anything_outside_its_library(tmp_path: Path) -> None:
    library, outside = tmp_path / "library", tmp_path / "photo.jpg"
    library.mkdir()
    outside.write_bytes(b"original")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-c", CONFINED, str(library), str(outside), port],
            capture_output=True, text=True, check=True, timeout=20, cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONPATH": "."},
        )  # fmt: skip
    missing, answers, rest = done.stdout.splitlines()
    assert "is missing" not in missing
    assert answers == str([True] * 12)
    assert rest == "b'original' b'x' True"
