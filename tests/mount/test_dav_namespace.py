"""A phone on the same network: another network namespace, TLS, a password, curl as the WebDAV app.

Two namespaces and a pair of interfaces between them; nothing of this machine's own network is touched.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
from argon2 import PasswordHasher

from capabilities import require
from catalog.store import accounts
from dav.main import certificate_path
from integration.dav_process import Served, served
from library_builder import BuiltLibrary, FileSpec, build_library

HOME, PHONE = "10.203.77.1", "10.203.77.2"
DAY = "Timeline/2019/2019-08/2019-08-07"
D = "{DAV:}"

pytestmark = [pytest.mark.root, pytest.mark.slow]


@dataclass
class Network:
    """Names of the two namespaces."""

    home: str
    phone: str


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=20)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    for capability in ("root", "namespaces", "ip", "curl"):
        require(capability)
    names = Network(f"glassine-home-{os.getpid()}", f"glassine-phone-{os.getpid()}")
    try:
        for name in (names.home, names.phone):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run(
            "ip",
            "-n",
            names.home,
            "link",
            "add",
            "wifi0",
            "type",
            "veth",
            "peer",
            "name",
            "wifi1",
            "netns",
            names.phone,
        )
        for name, interface, address in ((names.home, "wifi0", HOME), (names.phone, "wifi1", PHONE)):
            run("ip", "-n", name, "address", "add", f"{address}/24", "dev", interface)
            run("ip", "-n", name, "link", "set", interface, "up")
        yield names
    finally:
        for name in (names.home, names.phone):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True, timeout=20)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuiltLibrary]:
    files = {
        f"IMG_{number}.jpg": FileSpec(captured="2019-08-07T10:00:00", body=os.urandom(400_000))
        for number in range(5)
    }
    library = build_library(tmp_path_factory.mktemp("built"), files)
    accounts.add_account(library.writer, "Anna", PasswordHasher().hash("geheim"), now_ns=time.time_ns())
    yield library
    library.close()


@pytest.fixture(scope="module")
def server(network: Network, built: BuiltLibrary) -> Iterator[Served]:
    inside = ("ip", "netns", "exec", network.home)
    with served(built.library.path, prefix=inside, host="0.0.0.0", tls_self_signed=True) as running:
        yield running


@dataclass
class Phone:
    """curl in the other namespace, with the certificate installed and the password saved."""

    network: Network
    base: str
    certificate: Path

    def ask(self, *arguments: str, path: str = "", user: str = "anna:geheim") -> tuple[int, bytes]:
        """Return (status, body); 0 when there was no answer."""
        sign_in = ["--user", user] if user else []
        done = subprocess.run(
            ["ip", "netns", "exec", self.network.phone, "curl", "-sS", "--max-time", "10", "--cacert", str(self.certificate),
             *sign_in, "-w", "\n%{http_code}", *arguments, self.base + path],
            capture_output=True, check=False, timeout=20,
        )  # fmt: skip
        body, _, status = done.stdout.rpartition(b"\n")
        return int(status or 0), body

    def listed(self, path: str) -> list[str]:
        """Hrefs of a folder's entries."""
        status, body = self.ask("-X", "PROPFIND", "-H", "Depth: 1", path=path)
        assert status == 207
        return [
            response.findtext(D + "href") or ""
            for response in ElementTree.fromstring(body).iter(D + "response")
        ][1:]


@pytest.fixture(scope="module")
def phone(network: Network, built: BuiltLibrary, server: Served) -> Phone:
    return Phone(network, f"https://{HOME}:{server.port}/", certificate_path(built.library.path))


def test_the_address_that_is_printed_is_the_one_a_phone_needs(server: Served) -> None:
    assert server.url == f"https://{HOME}:{server.port}/"


def test_a_stranger_sees_nothing(phone: Phone) -> None:
    assert phone.ask(user="")[0] == 401
    assert phone.ask(user="anna:wrong")[0] == 401
    assert phone.ask("-X", "PROPFIND", "-H", "Depth: 1", user="nobody:geheim")[0] == 401
    plain = Phone(phone.network, phone.base.replace("https", "http"), phone.certificate)
    assert plain.ask()[0] == 0
    assert phone.ask("-H", "Host: evil.example")[0] == 421


def test_a_phone_walks_from_the_root_to_a_photo_and_gets_its_bytes(phone: Phone, built: BuiltLibrary) -> None:
    assert {"/Timeline/", "/Originals/"} <= set(phone.listed(""))
    folder = ""
    for part in DAY.split("/"):
        folder += f"/{part}"
        assert f"{folder}/" in phone.listed(folder.rpartition("/")[0].lstrip("/"))
    hrefs = phone.listed(DAY)
    assert len(hrefs) == 5
    bodies = [phone.ask(path=href.lstrip("/")) for href in hrefs]
    assert sorted(body for _, body in bodies) == sorted(spec.body or b"" for spec in built.files.values())


def test_a_phone_resumes_a_download_and_asks_whether_a_photo_changed(
    phone: Phone, built: BuiltLibrary
) -> None:
    body = built.files[b"IMG_3.jpg"].bytes_for(b"IMG_3.jpg")
    path = f"{DAY}/IMG_3.jpg"
    assert phone.ask("-r", "1000-", path=path) == (206, body[1000:])
    _, head = phone.ask("-I", path=path)
    tag = next(
        line.partition(b":")[2].strip().decode()
        for line in head.splitlines()
        if line.lower().startswith(b"etag")
    )
    assert phone.ask("-H", f"If-None-Match: {tag}", path=path) == (304, b"")


def test_a_phone_cannot_change_anything(phone: Phone, built: BuiltLibrary) -> None:
    path = f"{DAY}/IMG_1.jpg"
    for arguments in (
        ("-T", "/etc/hostname"),
        ("-X", "DELETE"),
        ("-X", "MOVE", "-H", "Destination: /x.jpg"),
        ("-X", "PROPPATCH"),
    ):
        status, body = phone.ask(*arguments, path=path)
        assert (status, b"read-only" in body) == (403, True), arguments
    assert (built.root / "IMG_1.jpg").read_bytes() == built.files[b"IMG_1.jpg"].body


def test_a_library_on_loopback_is_not_there_for_a_phone(
    network: Network, built: BuiltLibrary, phone: Phone
) -> None:
    with served(built.library.path, prefix=("ip", "netns", "exec", network.home)) as private:
        assert private.url == f"http://127.0.0.1:{private.port}/"
        outside = Phone(network, f"http://{HOME}:{private.port}/", phone.certificate)
        assert outside.ask(user="")[0] == 0
