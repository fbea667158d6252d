"""The process `glassine mount`: a launcher that owns the mount, and a confined server that answers the kernel.

Two processes, because a confined one (Landlock) may neither mount nor unmount, and because somebody must be left
to say what happened when the server dies. The launcher forks the server before either has threads or a catalog
open; later it can keep the descriptor of /dev/fuse across a crash of the server without another change.

- start: mount point made fit, server forked, mounted, confined, session accepted by the kernel, `on_ready`;
- end: SIGTERM, SIGINT, SIGHUP or `unmount`: plain unmount, again while busy, lazily after a deadline, naming who
  was busy; the server ends by itself when the kernel drops the session;
- the server crashes: the mount stays and answers ENOTCONN, so that no mirroring tool sees an empty folder; the
  next start puts a new one in its place (`vfs.takeover`), and leaves it alone if it fails. The launcher is killed:
  the server dies with it, with the same outcome.
- a mount point that we created is removed after unmounting, so that nobody takes it for an empty library.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from catalog.errors import EXIT_ERROR, EXIT_OK, GlassineError, all_errors
from catalog.library import Library
from vfs import mounting
from vfs.opened_folders import relaying
from vfs.options import TreeOptions

log = logging.getLogger(__name__)

# Four catalog threads saturate two cores; each reader costs some MB at most.
READERS = 4
# Opening the catalog and mounting take a second on a slow disk; INIT comes at once.
START_LIMIT_S = 60.0
# How long a busy mount is retried on shutdown before it is detached lazily.
BUSY_PATIENCE_S = 1.0
# After unmounting, the server only has to notice; a thread that hangs in a dead NAS may keep it.
END_LIMIT_S = 0.6
_POLL_S = 0.05
_PR_SET_PDEATHSIG = 1
_READY = b"ready"
_MESSAGE_BYTES = 65_536
_ENDINGS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


@dataclass(frozen=True, slots=True)
class MountOptions:
    """What to mount where.

    Attributes:
        library: which library.
        mountpoint: empty directory, or one that can be created.
        allow_other: other users may look in; the kernel then checks modes. Needs `user_allow_other` in
            /etc/fuse.conf unless root mounts.
        tree: how it looks.
        readers: catalog questions at once.
    """

    library: Library
    mountpoint: Path
    allow_other: bool = False
    tree: TreeOptions = field(default_factory=TreeOptions)
    readers: int = READERS


def serve(
    options: MountOptions,
    *,
    on_ready: Callable[[], None] = lambda: None,
    on_opened: Callable[[list[int]], None] | None = None,
) -> int:
    """Mount and serve until told to end. Call from the main thread of a process without other threads.

    Args:
        options: see there.
        on_ready: called when the kernel has accepted the session.
        on_opened: called in a thread of its own with the numbers of folders that were opened; a few seconds at most.

    Returns:
        Exit code: 0 after a clean end, also when somebody else unmounted; 1 when the server died.

    Raises:
        GlassineError: it could not be mounted; nothing is left behind but a dead mount that was there before.
    """
    replaces_dead = mounting.prepare(options.mountpoint)
    with _blocked_signals():
        server = _fork(options, replaces_dead=replaces_dead, wants_opened=on_opened is not None)
        try:
            server.wait_until_ready()
        except BaseException:
            server.kill()
            if not replaces_dead:  # else errors are the better answer, as before
                _clean_up(options.mountpoint)
            raise
        with relaying(server.opened_fd, on_opened):
            on_ready()
            log.info("mounted %s", options.mountpoint)
            code = _until_the_end(options.mountpoint, server)
    if code == EXIT_OK:
        _clean_up(options.mountpoint)
    return code


class _Server:
    """The forked server as its parent sees it."""

    def __init__(self, pid: int, messages_fd: int, opened_fd: int | None = None) -> None:
        self.pid = pid
        self.opened_fd = opened_fd
        self._messages_fd = messages_fd
        self._status: int | None = None

    def wait_until_ready(self) -> None:
        """Return when the session is up; raise what the server failed with."""
        try:
            readable, _, _ = select.select([self._messages_fd], [], [], START_LIMIT_S)
            message = os.read(self._messages_fd, _MESSAGE_BYTES) if readable else b""
        finally:
            os.close(self._messages_fd)
        if message != _READY:
            raise _error_from(message)

    def poll(self) -> int | None:
        """Return the exit status (negative: signal) or None while it runs."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def wait(self, limit_s: float) -> int | None:
        """Return the exit status, or None if it still runs at the limit."""
        deadline = time.monotonic() + limit_s
        while self.poll() is None and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return self.poll()

    def kill(self) -> None:
        """End it for certain."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait(END_LIMIT_S)


def _until_the_end(mountpoint: Path, server: _Server) -> int:
    """Wait for a signal or for the server's end; return the exit code."""
    while (status := server.poll()) is None:
        # SIGCHLD is blocked since before the fork, so an end between poll and wait is not lost.
        received = signal.sigwaitinfo(_ENDINGS | {signal.SIGCHLD}).si_signo
        if received in _ENDINGS:
            log.info("ending on %s", signal.Signals(received).name)
            return _end(mountpoint, server)
    if status == 0:
        return EXIT_OK
    log.error(
        "the server of %s ended with %s; the mount answers errors until it is mounted again",
        mountpoint,
        status,
    )
    return EXIT_ERROR


def _end(mountpoint: Path, server: _Server) -> int:
    is_plain = True
    if mounting.mount_type(mountpoint) == mounting.FS_TYPE:
        # Its users get errors: the session would live as long as they do, and a server that hangs in the kernel with a dead
        # NAS answers nobody, not even when it is killed.
        is_plain = mounting.unmount(mountpoint, patience_s=BUSY_PATIENCE_S, is_lazy=True, is_forced=True)
    if not is_plain or server.wait(END_LIMIT_S) is None:
        server.kill()
    return EXIT_OK


def _clean_up(mountpoint: Path) -> None:
    if mounting.mount_type(mountpoint) == mounting.FS_TYPE:
        mounting.unmount(mountpoint, is_lazy=True)
    mounting.remove_sealed(mountpoint)


@contextmanager
def _blocked_signals() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS | {signal.SIGCHLD})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _fork(options: MountOptions, *, replaces_dead: bool, wants_opened: bool) -> _Server:
    messages_fd, server_fd = os.pipe()
    opened_fd, reports_fd = os.pipe() if wants_opened else (None, None)
    sys.stdout.flush()
    sys.stderr.flush()
    launcher = os.getpid()
    pid = os.fork()
    if pid:
        _close(server_fd, reports_fd)
        return _Server(pid, messages_fd, opened_fd)
    code = EXIT_ERROR
    try:
        _close(messages_fd, opened_fd)
        _become_server(launcher)
        code = _run_server(options, server_fd, replaces_dead=replaces_dead, opened_fd=reports_fd)
    except GlassineError as error:
        os.write(server_fd, _error_message(error))
    except Exception:  # the border of the process: say it, then end
        log.exception("the server of the mount failed")
    finally:
        # Not sys.exit: the fork must not run what the launcher has registered for its own end.
        logging.shutdown()
        os._exit(code)


def _become_server(launcher: int) -> None:
    """Die with the launcher; leave signals of the terminal to it."""
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDINGS | {signal.SIGCHLD})
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != launcher:  # it died before the line above
        os._exit(EXIT_ERROR)


def _close(*fds: int | None) -> None:
    for fd in fds:
        if fd is not None:
            os.close(fd)


def _run_server(options: MountOptions, ready_fd: int, *, replaces_dead: bool, opened_fd: int | None) -> int:
    from vfs import fuse_server

    def tell_ready() -> None:
        os.write(ready_fd, _READY)
        os.close(ready_fd)

    return fuse_server.run(options, tell_ready, replaces_dead=replaces_dead, opened_fd=opened_fd)


def _error_message(error: GlassineError) -> bytes:
    document = {"code": error.code, "message": error.message, "hint": error.hint}
    return json.dumps(document).encode()[:_MESSAGE_BYTES]


def _error_from(message: bytes) -> GlassineError:
    if not message:
        return GlassineError("the mount could not be made", hint="the log says why")
    document = json.loads(message)
    kinds = {kind.code: kind for kind in reversed(all_errors())}
    return kinds[document["code"]](document["message"], hint=document["hint"])
