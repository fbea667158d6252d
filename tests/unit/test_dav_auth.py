"""Hosts, credentials, limits; a real argon2, an injected clock."""

from __future__ import annotations

import base64
import threading
import time
from http import HTTPStatus

import pytest
from argon2 import PasswordHasher

from dav.auth import CACHE_S, Credentials, Hosts, SignIn, is_loopback
from dav.responses import HttpError

pytestmark = pytest.mark.allows_log(r"^WARNING dav\.auth: sign-in failed")

HASH = PasswordHasher().hash("geheim:ü")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Accounts:
    def __init__(self) -> None:
        self.rows = {"anna": Credentials(1, "Anna", HASH, False, 5)}
        self.asked = 0

    def __call__(self, fold: str) -> Credentials | None:
        self.asked += 1
        return self.rows.get(fold)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


@pytest.fixture
def sign_in(accounts: Accounts, clock: Clock) -> SignIn:
    return SignIn(accounts, clock=clock)


def request(name: str, password: str, address: str = "192.0.2.1") -> dict[str, str]:
    token = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"HTTP_AUTHORIZATION": f"Basic {token}", "REMOTE_ADDR": address}


def refused(sign_in: SignIn, environ: dict[str, str]) -> HttpError:
    with pytest.raises(HttpError) as caught:
        sign_in.check(environ)
    return caught.value


def test_the_right_password_lets_in_whatever_the_case_of_the_name(sign_in: SignIn) -> None:
    assert sign_in.check(request("ANNA", "geheim:ü")) == "Anna"


@pytest.mark.parametrize(
    "header", ["", "Basic", "Basic !!!", "Basic YQ==", "Basic " + base64.b64encode(b"\xff:x").decode(), "Digest x=y", "Bearer a",
               "Basic " + base64.b64encode(b"anna:" + b"x" * 2000).decode()]
)  # fmt: skip
def test_garbage_is_a_401_that_asks_for_basic(sign_in: SignIn, header: str) -> None:
    error = refused(sign_in, {"HTTP_AUTHORIZATION": header, "REMOTE_ADDR": "192.0.2.1"})
    assert error.status is HTTPStatus.UNAUTHORIZED
    assert ("WWW-Authenticate", 'Basic realm="Glassine", charset="UTF-8"') in error.headers


def test_wrong_unknown_and_disabled_get_the_same_answer(sign_in: SignIn, accounts: Accounts) -> None:
    accounts.rows["eve"] = Credentials(2, "Eve", HASH, True, 5)
    answers = [
        refused(sign_in, request(*pair)) for pair in (("anna", "x"), ("bob", "x"), ("eve", "geheim:ü"))
    ]
    assert {(error.status, error.reason) for error in answers} == {
        (HTTPStatus.UNAUTHORIZED, "The name or the password is wrong.")
    }


@pytest.mark.slow
def test_an_unknown_name_takes_as_long_as_a_wrong_password(sign_in: SignIn) -> None:
    def took(name: str) -> float:
        start = time.perf_counter()
        refused(sign_in, request(name, "x"))
        return time.perf_counter() - start

    pairs = [(took("anna"), took(f"nobody{n}")) for n in range(5)]
    known, unknown = sorted(a for a, _ in pairs)[2], sorted(b for _, b in pairs)[2]
    assert 0.5 < known / unknown < 2.0


def test_a_cached_sign_in_ends_with_its_age_and_with_a_change_of_the_account(
    sign_in: SignIn, accounts: Accounts, clock: Clock
) -> None:
    right = request("anna", "geheim:ü")
    assert sign_in.check(right) == "Anna"
    accounts.rows["anna"] = Credentials(1, "Anna", "not a hash", False, 5)
    assert sign_in.check(right) == "Anna", "the cache answers, not argon2"
    accounts.rows["anna"] = Credentials(1, "Anna", "not a hash", False, 6)
    assert refused(sign_in, right).status is HTTPStatus.UNAUTHORIZED
    accounts.rows["anna"] = Credentials(1, "Anna", "not a hash", False, 5)
    clock.now += CACHE_S + 1
    assert refused(sign_in, right).status is HTTPStatus.UNAUTHORIZED


def test_a_disabled_account_is_out_at_once(sign_in: SignIn, accounts: Accounts) -> None:
    right = request("anna", "geheim:ü")
    sign_in.check(right)
    accounts.rows["anna"] = Credentials(1, "Anna", HASH, True, 5)
    assert refused(sign_in, right).status is HTTPStatus.UNAUTHORIZED


def test_eight_failures_of_an_account_are_enough_for_a_minute(sign_in: SignIn, clock: Clock) -> None:
    for number in range(8):
        assert refused(sign_in, request("anna", "x", f"192.0.2.{number}")).status is HTTPStatus.UNAUTHORIZED
    error = refused(sign_in, request("anna", "geheim:ü"))
    assert error.status is HTTPStatus.TOO_MANY_REQUESTS
    assert 1 <= int(dict(error.headers)["Retry-After"]) <= 60
    clock.now += 61
    assert sign_in.check(request("anna", "geheim:ü")) == "Anna"


def test_somebody_who_is_signed_in_is_not_locked_out_by_others(sign_in: SignIn) -> None:
    sign_in.check(request("anna", "geheim:ü"))
    for number in range(9):
        refused(sign_in, request("anna", "x", f"192.0.2.{number}"))
    assert sign_in.check(request("anna", "geheim:ü")) == "Anna"


@pytest.mark.slow
def test_sixty_failures_of_an_address_are_enough_and_an_ipv6_network_is_one_address(sign_in: SignIn) -> None:
    for number in range(60):
        refused(sign_in, request(f"nobody{number}", "x", f"2001:db8::{number:x}"))
    assert refused(sign_in, request("other", "x", "2001:db8::ffff")).status is HTTPStatus.TOO_MANY_REQUESTS
    assert refused(sign_in, request("other", "x", "2001:db8:0:1::1")).status is HTTPStatus.UNAUTHORIZED


@pytest.mark.slow
def test_a_flood_of_bad_sign_ins_is_turned_away_and_not_queued(sign_in: SignIn) -> None:
    answers: list[HTTPStatus] = []

    def flood(number: int) -> None:
        answers.append(refused(sign_in, request(f"nobody{number}", "x", f"198.51.100.{number}")).status)

    threads = [threading.Thread(target=flood, args=(number,)) for number in range(100)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 100
    assert answers.count(HTTPStatus.TOO_MANY_REQUESTS) >= 50
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8180",
        "127.0.0.1:1",
        "[::1]:8180",
        "::1",
        "192.168.1.7",
        "photos.example",
        "x.localhost",
        "nas.local.",
    ],
)
def test_our_own_names_and_literal_addresses_are_hosts(host: str) -> None:
    Hosts(frozenset({"photos.example", "nas.local"})).check(host)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "", "localhost.evil.example", "127.0.0.1.nip.io", "[::1].evil.example:80x", "a:b"],
)
def test_a_foreign_name_is_misdirected(host: str) -> None:
    with pytest.raises(HttpError) as caught:
        Hosts(frozenset({"photos.example"})).check(host)
    assert caught.value.status is HTTPStatus.MISDIRECTED_REQUEST


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("photos", False),
    ],
)
def test_loopback_is_recognised(host: str, answer: bool) -> None:
    assert is_loopback(host) is answer
