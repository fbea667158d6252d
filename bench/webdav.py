"""Yardsticks of WebDAV: PROPFIND of 10,000 files against rclone, Apache and stock wsgidav on the same folder."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.ingest import fresh_library
from bench.photos import make_photos
from bench.timing import Figure, Report, glassine, seconds_of

HOST = "127.0.0.1"
APACHE_MODULES = ("mpm_event", "authz_core", "dav", "dav_fs", "unixd")


def free_port() -> int:
    """Ask the kernel for a port nobody uses."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def propfind(port: int, path: str) -> tuple[float, int]:
    """Send one PROPFIND Depth 1 allprop. Returns (seconds, bytes)."""
    connection = http.client.HTTPConnection(HOST, port, timeout=120)
    began = time.monotonic()
    connection.request("PROPFIND", path, headers={"Depth": "1"})
    answer = connection.getresponse()
    body = answer.read()
    took = time.monotonic() - began
    connection.close()
    assert answer.status == 207, f"{path}: {answer.status} {body[:200]!r}"
    return took, len(body)


@contextlib.contextmanager
def served(command: Sequence[str], port: int) -> Iterator[int]:
    """Run a server until the block ends."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            assert server.poll() is None, f"{command[0]} ended with {server.returncode}"
            assert time.monotonic() < deadline, f"{command[0]} did not start"
            with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
                break
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait(20)


def apache_command(folder: Path, work: Path, port: int) -> list[str] | None:
    """Write a minimal configuration for mod_dav; None when Apache is not installed."""
    binary = shutil.which("apache2") or shutil.which("/usr/sbin/apache2")
    if binary is None:
        return None
    lines = [
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
        for name in APACHE_MODULES
        if name != "unixd"
    ]
    lines += [
        f"ServerName {HOST}",
        f"Listen {HOST}:{port}",
        f"PidFile {work}/apache.pid",
        f"ErrorLog {work}/apache.log",
    ]
    lines += [f"DavLockDB {work}/davlock", f'DocumentRoot "{folder}"', "User www-data", "Group www-data"]
    lines += [f'<Directory "{folder}">', "Dav On", "Require all granted", "</Directory>"]
    configuration = work / "apache.conf"
    configuration.write_text("\n".join(lines) + "\n")
    return [binary, "-f", str(configuration), "-DFOREGROUND"]


STOCK = """
import sys
from cheroot import wsgi
from wsgidav.fs_dav_provider import FilesystemProvider
from wsgidav.wsgidav_app import WsgiDAVApp
app = WsgiDAVApp({"provider_mapping": {"/": FilesystemProvider(sys.argv[1], readonly=True)},
                  "simple_dc": {"user_mapping": {"*": True}}, "verbose": 0, "logging": {"enable": False}})
wsgi.Server(("127.0.0.1", int(sys.argv[2])), app).start()
"""


def measure_webdav(report: Report, work: Path, *, count: int = 10_000) -> None:
    """One folder of `count` files; best of 5 requests each."""
    folder = work / "dav" / "photos"
    make_photos(folder, count, per_folder=count, pad_bytes=200)
    files = folder / "DCIM" / "0000"
    library = fresh_library(work / "dav", folder)
    seconds_of(glassine(library, "scan"))
    port = free_port()
    with served(glassine(library, "dav", "--port", str(port)), port):
        ours = [propfind(port, "/Originals/Bench/DCIM/0000/") for _ in range(5)]
    note = f"{count} entries, allprop, best of 5; ours {ours[0][1] / count:.0f} B per entry"
    for name, command, path in _peers(files, work / "dav"):
        peer_port = int(command[-1]) if name == "stock wsgidav" else int(name.rsplit(":", 1)[1])
        with served(command, peer_port):
            peer = min(propfind(peer_port, path)[0] for _ in range(5))
        report.add(Figure(f"PROPFIND vs {name.split(':')[0]}", min(ours)[0], peer, "s", "", note))


def _peers(files: Path, work: Path) -> Iterator[tuple[str, list[str], str]]:
    port = free_port()
    yield (
        f"rclone:{port}",
        ["rclone", "serve", "webdav", "--read-only", "--addr", f"{HOST}:{port}", str(files)],
        "/",
    )
    port = free_port()
    apache = apache_command(files, work, port)
    if apache is None:
        print("Apache is not installed: left out", flush=True)
    else:
        yield f"Apache:{port}", apache, "/"
    yield "stock wsgidav", [sys.executable, "-c", STOCK, str(files), str(free_port())], "/"
