"""Who may come in: the Host check, and Basic sign-in (RFC 7617) where the address is not loopback.

Invariants: a wrong password and an unknown name take the same path and the same time; at most two argon2 verifications
run at once and few may wait; failures are counted before the work is done, given back when it succeeds; a cached
sign-in survives neither its age nor a change of the account; nothing here logs a password.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import logging
import secrets
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from blake3 import blake3

from dav.responses import HttpError

log = logging.getLogger(__name__)

REALM = 'Basic realm="Glassine", charset="UTF-8"'
CACHE_S = 300.0
CACHE_ENTRIES = 1024
VERIFICATIONS_AT_ONCE = 2  # each takes tens of MiB
VERIFICATIONS_WAITING = 6
FAILURES_PER_ADDRESS = 60
FAILURES_PER_ACCOUNT = 8
WINDOW_S = 60.0
COUNTED_KEYS = 10_000
MAX_PASSWORD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an account is checked against. `password` is an argon2id hash in PHC form."""

    id: int
    name: str
    password: str
    is_disabled: bool
    changed_ns: int


# Looks an account up by its folded name; None if there is none.
FindAccount = Callable[[str], Credentials | None]


class Hosts:
    """Which Host header fields are ours: a name that a stranger's DNS points here is not (DNS rebinding).

    Literal addresses need no list: no DNS is involved.
    """

    def __init__(self, names: frozenset[str]) -> None:
        self._names = frozenset(name.lower().rstrip(".") for name in names) | {"localhost"}

    def check(self, host: str) -> None:
        """Raise HttpError 421 for a foreign name."""
        name = _without_port(host.strip().lower()).rstrip(".")
        if name not in self._names and not name.endswith(".localhost") and not _is_address(name):
            raise HttpError(
                HTTPStatus.MISDIRECTED_REQUEST,
                f"This server is not called {name[:100]!r}. Use its address, or add the name to the configuration.",
            )


def _without_port(host: str) -> str:
    if host.startswith("["):
        address, _, rest = host[1:].partition("]")
        return address if not rest or rest.startswith(":") else host
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Is this bind address (or `localhost`) reachable from this machine only?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Failures:
    """Counts by key in a sliding window; bounded; thread-safe."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock
        self._times: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> float:
        """Count one. Returns 0, or the seconds until one more may be tried (then nothing is counted)."""
        now = self._clock()
        with self._lock:
            times = [moment for moment in self._times.pop(key, []) if now - moment < WINDOW_S]
            self._times[key] = times
            if len(self._times) > COUNTED_KEYS:
                self._times.popitem(last=False)
            if len(times) >= self._limit:
                return WINDOW_S - (now - times[0])
            times.append(now)
            return 0.0

    def give_back(self, key: str) -> None:
        """Take the last count of a key away: it was no failure."""
        with self._lock:
            if self._times.get(key):
                self._times[key].pop()


class SignIn:
    """Checks the Authorization header. One per server; thread-safe."""

    def __init__(self, find_account: FindAccount, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._find_account = find_account
        self._clock = clock
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex(16))
        self._key = secrets.token_bytes(32)
        self._cache: OrderedDict[bytes, float] = OrderedDict()
        self._cache_lock = threading.Lock()
        self._running = threading.BoundedSemaphore(VERIFICATIONS_AT_ONCE)
        self._admitted = threading.BoundedSemaphore(VERIFICATIONS_AT_ONCE + VERIFICATIONS_WAITING)
        self._by_address = Failures(FAILURES_PER_ADDRESS, clock)
        self._by_account = Failures(FAILURES_PER_ACCOUNT, clock)

    def check(self, environ: Mapping[str, Any]) -> str:
        """Return the account's name. May block for a verification.

        Raises HttpError: 401 without or with wrong credentials, 429 after too many failures.
        """
        fold, password = _credentials(environ.get("HTTP_AUTHORIZATION", ""))
        account = self._find_account(fold)
        digest = self._digest(account, password)
        if account is not None and not account.is_disabled and self._is_cached(digest):
            return account.name
        address = _network(environ.get("REMOTE_ADDR", ""))
        self._count(address, fold)
        known = account.password if account is not None and not account.is_disabled else self._nobody
        is_right = self._verify(known, password) and known is not self._nobody
        if account is None or not is_right:
            log.warning("sign-in failed for %r from %s", fold[:64], environ.get("REMOTE_ADDR", ""))
            raise _unauthorized("The name or the password is wrong.")
        self._by_address.give_back(address)
        self._by_account.give_back(fold)
        self._remember(digest)
        return account.name

    def _count(self, address: str, fold: str) -> None:
        wait = self._by_address.take(address)
        if not wait:
            wait = self._by_account.take(fold)
            if wait:
                self._by_address.give_back(address)
        if wait:
            raise _too_many(wait)

    def _verify(self, known: str, password: bytes) -> bool:
        if not self._admitted.acquire(blocking=False):
            raise _too_many(1.0)
        try:
            with self._running:
                return self._hasher.verify(known, password)
        except (Argon2Error, InvalidHashError):
            return False
        finally:
            self._admitted.release()

    def _digest(self, account: Credentials | None, password: bytes) -> bytes:
        """The key of a cached sign-in: changes with the account, says nothing about the password."""
        stamp = f"{account.id}:{account.changed_ns}:" if account is not None else "-:"
        return blake3(stamp.encode() + password, key=self._key).digest()

    def _is_cached(self, digest: bytes) -> bool:
        with self._cache_lock:
            return self._cache.get(digest, 0.0) > self._clock()

    def _remember(self, digest: bytes) -> None:
        with self._cache_lock:
            self._cache[digest] = self._clock() + CACHE_S
            self._cache.move_to_end(digest)
            if len(self._cache) > CACHE_ENTRIES:
                self._cache.popitem(last=False)


def fold_name(name: str) -> str:
    """The form in which account names are compared."""
    return unicodedata.normalize("NFC", name).casefold()


def _credentials(header: str) -> tuple[str, bytes]:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        raise _unauthorized("Please sign in.")
    try:
        name, colon, password = base64.b64decode(token.strip(), validate=True).partition(b":")
        fold = fold_name(name.decode("utf-8"))
    except (binascii.Error, ValueError) as error:
        raise _unauthorized("The credentials are malformed.") from error
    if not colon or not fold or len(password) > MAX_PASSWORD_BYTES:
        raise _unauthorized("The credentials are malformed.")
    return fold, password


def _network(address: str) -> str:
    """One household is one source: an IPv4 address, or an IPv6 /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _unauthorized(reason: str) -> HttpError:
    return HttpError(HTTPStatus.UNAUTHORIZED, reason, headers=[("WWW-Authenticate", REALM)])


def _too_many(wait_s: float) -> HttpError:
    return HttpError(
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many failed sign-ins. Wait a little and try again.",
        headers=[("Retry-After", str(max(1, round(wait_s))))],
    )
