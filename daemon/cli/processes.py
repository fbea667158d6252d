"""`up`, `down`, `status`, `daemon`, `mount`, `unmount`, `dav`: the processes of a library.

`daemon`, `mount --foreground` and `dav` stay; they say one document when they are ready, and that is how whoever
started them knows (`daemon/children.py`). Imports are inside the verbs: each process loads only what it is.
"""

from __future__ import annotations

import logging
import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import EXIT_OK, EXIT_PARTIAL, GlassineError, LibraryLocked
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.library import Library
    from daemon.config import Config

log = logging.getLogger(__name__)

# Another `up` may have won the race for the lock; it is ready within this, or something is wrong.
_OTHER_UP_S = 30.0
_POLL_S = 0.1
# Thumbnails are a convenience: nobody waits for a daemon that is busy.
_OPENED_TIMEOUT_S = 1.0


@click.command()
@click.option("--foreground", "is_foreground", is_flag=True, help="Stay, and end everything on Ctrl-C.")
@click.option("--mount", "mountpoint", metavar="DIR", help="Mount here instead of mount.point.")
@click.option("--dav/--no-dav", "has_dav", default=None, help="Serve WebDAV or not, instead of dav.enabled.")
@click.option("--host", help="Listen here instead of dav.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Listen here instead of dav.port.")
@click.pass_obj
def up(
    session: Session,
    *,
    is_foreground: bool,
    mountpoint: str | None,
    has_dav: bool | None,
    host: str | None,
    port: int | None,
) -> int:
    """Start the daemon, and the mount and WebDAV as the configuration says; does nothing if it is up."""
    library = session.library()
    chosen = {
        "GLASSINE_MOUNT_POINT": None if mountpoint is None else os.path.abspath(mountpoint),
        "GLASSINE_DAV_ENABLED": None if has_dav is None else str(has_dav).lower(),
        "GLASSINE_DAV_HOST": host,
        "GLASSINE_DAV_PORT": None if port is None else str(port),
    }
    # Frontends are processes: they read the same environment.
    os.environ.update({name: value for name, value in chosen.items() if value is not None})
    session.config()  # a mistake in the configuration is this command's error, not one in a log
    if is_foreground:
        return _run_daemon(session, outlive_us=False)
    _start_daemon(session, library)
    return EXIT_OK if _tell_status(session, library)["ready"] else EXIT_PARTIAL


@click.command()
@click.pass_obj
def down(session: Session) -> None:
    """Stop every process of the library: daemon, mounts and WebDAV. Does nothing if none runs."""
    from daemon.stopping import stop_all

    stopped = [{"kind": record.kind, "pid": record.pid} for record in stop_all(session.library())]
    text = [f"stopped {item['kind']} ({item['pid']})" for item in stopped] or ["nothing was running"]
    session.output.document({"stopped": stopped}, text)


@click.command()
@click.pass_obj
def status(session: Session) -> None:
    """Tell what runs, what state volumes are in, and how much work is left."""
    _tell_status(session, session.library())


@click.command()
@click.pass_obj
def daemon(session: Session) -> int:
    """Run the daemon in the foreground; it starts the frontends that the configuration names."""
    return _run_daemon(session, outlive_us=True)


@click.command()
@click.argument("mountpoint", metavar="MNT", type=click.Path(path_type=Path))
@click.option("--foreground", "is_foreground", is_flag=True, help="Stay until it is unmounted.")
@click.option(
    "--allow-other/--no-allow-other",
    "allow_other",
    default=None,
    help="Let other users look in. Default: mount.allow_other.",
)
@click.pass_obj
def mount(session: Session, mountpoint: Path, is_foreground: bool, allow_other: bool | None) -> int:
    """Mount the tree on the empty directory MNT. Needs no daemon: what is known is shown."""
    from vfs.mounting import real_mountpoint, why_no_fuse

    missing = why_no_fuse()
    if missing is not None:
        raise GlassineError(
            f"nothing can be mounted here: {missing}", hint="WebDAV works without: glassine dav"
        )
    config = session.config()
    library = session.library()
    place = real_mountpoint(mountpoint)
    allow_other = config.mount.allow_other if allow_other is None else allow_other
    if is_foreground:
        return _serve_mount(session, library, config, place, allow_other=allow_other)
    option = "--allow-other" if allow_other else "--no-allow-other"
    data = _detach(session, library, "mount", "mount", "--foreground", option, "--", str(place))
    session.output.document(data, f"mounted on {place}")
    return EXIT_OK


@click.command()
@click.argument("mountpoint", metavar="MNT", type=click.Path(path_type=Path))
@click.pass_obj
def unmount(session: Session, mountpoint: Path) -> None:
    """Unmount MNT; says who keeps it busy if somebody does."""
    from vfs import mounting

    mounting.unmount(mountpoint, patience_s=1.0)
    session.output.document({"mountpoint": str(mountpoint)}, f"unmounted {mountpoint}")


@click.command()
@click.option("--host", help="Address to listen on. Default: dav.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on. Default: dav.port.")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Certificate chain, PEM.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="Its private key, PEM.")
@click.option(
    "--tls-self-signed", is_flag=True, default=None, help="Make, keep and use a certificate of our own."
)
@click.pass_obj
def dav(session: Session, /, **given: Any) -> int:
    """Serve the tree over WebDAV until Ctrl-C. Beyond loopback it needs an account and TLS."""
    from daemon import processes
    from daemon.parent import die_with_parent
    from daemon.view_options import tree_options
    from dav.main import serve
    from dav.options import DavOptions

    library, config = session.library(), session.config()
    _log_as_service(session, config)
    values = {name: getattr(config.dav, name) if value is None else value for name, value in given.items()}
    options = DavOptions(
        library=library.path,
        host=values["host"],
        port=values["port"],
        tls_cert=_path_or_none(values["tls_cert"]),
        tls_key=_path_or_none(values["tls_key"]),
        tls_self_signed=bool(values["tls_self_signed"]),
        host_names=config.dav.host_names,
        tree=tree_options(config),
    )
    die_with_parent()
    with processes.register(library.processes_dir, "dav", host=options.host, port=options.port) as entry:

        def tell_ready(url: str) -> None:
            entry.update("ready", url=url)
            _say_ready(session, {"url": url, "pid": os.getpid()}, f"WebDAV at {url}")

        serve(options, on_ready=tell_ready)
    return EXIT_OK


# ---- how it is done


def _serve_mount(
    session: Session, library: Library, config: Config, place: Path, *, allow_other: bool
) -> int:
    from daemon import processes
    from daemon.parent import die_with_parent
    from daemon.view_options import tree_options
    from vfs.fuse_main import MountOptions, serve

    _log_as_service(session, config)
    die_with_parent()
    options = MountOptions(
        library=library,
        mountpoint=place,
        allow_other=allow_other,
        tree=tree_options(config),
        readers=config.limits.readers,
    )
    with processes.register(library.processes_dir, "mount", mountpoint=str(place)) as entry:

        def tell_ready() -> None:
            entry.update("ready")
            _say_ready(session, {"mountpoint": str(place), "pid": os.getpid()}, f"mounted on {place}")

        opened = partial(_tell_opened, library, place) if config.previews.seed_thumbnails else None
        return serve(options, on_ready=tell_ready, on_opened=opened)


def _tell_opened(library: Library, place: Path, folders: list[int]) -> None:
    """Tell the daemon, if there is one, which folders of the mount were opened."""
    from daemon.requests import ask

    ask(library, "opened", {"mountpoint": str(place), "folders": folders}, timeout_s=_OPENED_TIMEOUT_S)


def _run_daemon(session: Session, *, outlive_us: bool) -> int:
    from daemon.main import DaemonOptions, run

    library, config = session.library(), session.config()
    _log_as_service(session, config)

    def tell_ready() -> None:
        _say_ready(session, {"pid": os.getpid(), "library": str(library.path)}, f"{library.path} is up")

    options = DaemonOptions(
        frontends_outlive_us=outlive_us, frontend_arguments=("--log-json",) if session.log_as_json else ()
    )
    return run(library, config, options, on_ready=tell_ready)


def _start_daemon(session: Session, library: Library) -> None:
    """Start a daemon and wait until it has settled, or find the one that runs."""
    from daemon import processes

    if not any(record.kind == "daemon" for record in processes.running(library.processes_dir)):
        try:
            _detach(session, library, "daemon", "daemon")
        except LibraryLocked:
            log.debug("another command was quicker, or a scan runs")
    deadline = time.monotonic() + _OTHER_UP_S
    while time.monotonic() < deadline:
        for record in processes.running(library.processes_dir):
            if record.kind == "daemon" and record.health == "ready":
                return
        if not processes.running(library.processes_dir):
            raise GlassineError(
                "the daemon ended again", hint=f"see {library.state_dir / 'log' / 'daemon.log'}"
            )
        time.sleep(_POLL_S)
    raise LibraryLocked(
        "another process holds the library and is no daemon that is ready",
        hint="glassine status tells which; wait for it, or glassine down",
    )


def _detach(session: Session, library: Library, name: str, *arguments: str) -> dict[str, Any]:
    """Start `glassine …` in a session of its own, logging to `state/log`, and return its document."""
    from daemon import children
    from daemon.logs import detached_log

    options = ["--log-json"] if session.log_as_json else []
    if session.log_level is not None or session.is_quiet or session.verbosity:
        options.append(f"--log-level={session.effective_log_level()}")
    stderr = detached_log(library.state_dir, name)
    try:
        command = children.glassine_command(library.path, *options, *arguments)
        child = children.start(command, stderr=stderr, dies_with_us=False)
    finally:
        os.close(stderr)
    try:
        return children.first_document(child)
    finally:
        children.let_go(child)


def _log_as_service(session: Session, config: Config) -> None:
    """Log at the configured level unless the command line names one."""
    from daemon.logs import set_up_logging

    is_chosen = session.log_level is not None or session.is_quiet or session.verbosity
    level = session.effective_log_level() if is_chosen else config.log.level
    set_up_logging(level=level, as_json=session.log_as_json)


def _say_ready(session: Session, data: dict[str, Any], text: str) -> None:
    session.output.document(data, text)
    session.output.flush()


def _tell_status(session: Session, library: Library) -> dict[str, Any]:
    from daemon.status import status_of, status_text

    document = status_of(library)
    session.output.document(document, status_text(document))
    return document


def _path_or_none(value: str | Path | None) -> Path | None:
    return None if value is None else Path(value)
