"""The process `glassine dav`: everything between its options and a running server, in the order of starting.

Invariants: standard output stays empty; the catalog is opened for reading only; nothing of a client is read before the
process is confined; a stop ends within `STOP_S` even if a volume does not answer.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from catalog.errors import EXIT_OK, NotFound, UsageError
from catalog.library import Library
from catalog.store import accounts
from catalog.store.db import ReaderPool, open_reader
from dav.auth import Credentials, Hosts, SignIn
from dav.front import make_app
from dav.httpd import LazyTls, Server
from dav.options import DavOptions, check
from dav.tls import own_addresses, own_names, self_signed
from vfs.confine_server import confine_server
from vfs.tree import Tree, open_tree

log = logging.getLogger(__name__)

# Requests that wait for a reader wait for microseconds; each reader may cache up to 8 MB.
READERS = 6
OPEN_FILES = 4096
STOP_S = 1.5
WILDCARDS = frozenset({"0.0.0.0", "::"})


def serve(
    options: DavOptions, *, on_ready: Callable[[str], None], stop: threading.Event | None = None
) -> None:
    """Serve a library until `stop` is set, or SIGTERM or SIGINT arrives (when called in the main thread).

    Args:
        options: see there.
        on_ready: called once with the URL, when requests are answered.
        stop: ends the service; for callers in other threads.

    Raises:
        NoLibrary, CatalogError: the catalog cannot be read.
        UsageError: the address is not allowed (see `dav.options.check`), or cannot be listened on.
    """
    library = Library(options.library).require()
    _check(options, library)
    ended = stop or threading.Event()
    # A large sort must not look for a place outside the library, where nothing may be written.
    os.environ["SQLITE_TMPDIR"] = str(library.state_dir)
    pool = ReaderPool(library, READERS)
    server = _server(options, library, pool)
    server.on_bound = lambda: _settle_in(options, library)
    with _signals_set(ended):
        try:
            _run(server, options, on_ready, ended)
        finally:
            pool.close()


def _check(options: DavOptions, library: Library) -> None:
    reader = open_reader(library)
    try:
        enabled = sum(not account.is_disabled for account in accounts.accounts(reader))
    finally:
        reader.close()
    check(options, enabled_accounts=enabled)


def _server(options: DavOptions, library: Library, pool: ReaderPool) -> Server:
    machine = own_names()
    hosts = Hosts(frozenset({*machine, *options.host_names, options.host}))
    app = make_app(
        _tree(options, library, pool),
        hosts=hosts,
        sign_in=SignIn(_finder(pool)) if options.is_public else None,
    )
    return Server(
        (options.host, options.port), app, spill_directory=library.state_dir, tls=_tls(options, library)
    )


def _tree(options: DavOptions, library: Library, pool: ReaderPool) -> Tree:
    return open_tree(library, pool, clock=time.time_ns, report=dict, options=options.tree)


def _finder(pool: ReaderPool) -> Callable[[str], Credentials | None]:
    def find(fold: str) -> Credentials | None:
        try:
            with pool.reader() as reader:
                found = accounts.account_by_name(reader, fold)
        except NotFound:
            return None
        return Credentials(found.id, found.name, found.password, found.is_disabled, found.changed_ns)

    return find


def _tls(options: DavOptions, library: Library) -> LazyTls | None:
    if not options.has_tls:
        return None
    certificate, key = options.tls_cert, options.tls_key
    if options.tls_self_signed:
        names = own_names() | own_addresses() | set(options.host_names) | ({options.host} - WILDCARDS)
        certificate, key = self_signed(library.state_dir / "tls", names, now=datetime.now(UTC))
    try:
        return LazyTls(str(certificate), str(key))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the certificate {certificate} or its key {key} cannot be used: {error}",
            hint="both must be PEM files, and the key must not need a password",
        ) from error


def _settle_in(options: DavOptions, library: Library) -> None:
    """Between listening and the first thread: raise the limit of descriptors, give up rights."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard), hard))
    if options.is_confined:
        for lack in confine_server([library.path]):
            log.info("not fully confined: %s", lack)


def _run(
    server: Server, options: DavOptions, on_ready: Callable[[str], None], ended: threading.Event
) -> None:
    try:
        server.prepare()
    except OSError as error:
        reason = (error.__cause__ or error).__str__()
        raise UsageError(
            f"cannot listen on {options.host} port {options.port}: {reason}",
            hint="choose another --port or --host; `glassine status` shows who serves already",
            host=options.host,
            port=options.port,
        ) from error
    accepting = threading.Thread(target=server.serve, name="accept")
    accepting.start()
    try:
        on_ready(_url(server, options))
        ended.wait()
    finally:
        _stop(server)
        accepting.join()


def _stop(server: Server) -> None:
    stopped = threading.Event()

    def run() -> None:
        server.stop()
        stopped.set()

    stopper = threading.Thread(target=run, name="stop")
    stopper.start()
    if not stopped.wait(STOP_S) or not server.has_ended:
        # A read of a volume that does not answer cannot be called off; the kernel ends it with the process.
        log.warning("a request did not end: leaving it behind")
        os._exit(EXIT_OK)
    stopper.join()


def _url(server: Server, options: DavOptions) -> str:
    host, port = server.bind_addr
    if host in WILDCARDS:
        reachable = sorted(
            own_addresses() - {"127.0.0.1", "::1"}, key=lambda address: (":" in address, address)
        )
        host = reachable[0] if reachable else "127.0.0.1"
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if options.has_tls else 'http'}://{shown}:{port}/"


@contextmanager
def _signals_set(ended: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set the event, where handlers may be installed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def certificate_path(library: Path) -> Path:
    """Where the self-signed certificate of a library is, for those who want to install it on a device."""
    return Library(library).state_dir / "tls" / "certificate.pem"
