"""One media worker as its pool sees it: a confined child process, its pipes, its private directory.

Invariants
- A worker starts on the main thread: PR_SET_PDEATHSIG fires when the *thread* that forked ends, and trio ends idle
  worker threads after 10 s. It has a session of its own, so killing its group takes exiftool along.
- Nobody waits for a worker that hangs in the kernel: it is killed and left behind.
Must not know: who asks, and what is done with the answers.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import trio

from catalog.facts import FactsResult
from catalog.values import WorkItem
from daemon.children import wait_ended
from daemon.frames import FrameError, FrameReceiver, send_frame
from daemon.helper_pipes import HelperPipes
from daemon.media.protocol import WorkerClass, decode_answer, errand_of
from daemon.parent import DIE_WITH_VARIABLE

log = logging.getLogger(__name__)

START_DEADLINE_S = 20.0  # a cold interpreter from a slow disk takes 5 s
FILES_PER_WORKER = 50_000  # then a fresh one: no leak of any library lives for ever
_REAP_S = 1.0
# Where a process sleeps in the kernel when its storage does not answer (FUSE, NFS, page cache).
_STORAGE_WAITS = ("request_wait", "nfs", "rpc_wait", "folio_wait", "wait_on_page", "fuse", "cifs", "smb")
_PREFIX = "glassine-media-"  # of private directories: then the pid of their daemon
_PASSED_ON = ("PATH", "HOME", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START")


class WorkerProcess:
    """One child process and its pipes."""

    def __init__(self, root: bytes, worker_class: WorkerClass, *, has_exiftool: bool) -> None:
        self.root = root
        self.worker_class = worker_class
        self.has_exiftool = has_exiftool
        self.confinement: dict[str, Any] | None = None
        self.files_left = FILES_PER_WORKER
        self._directory = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=short_temporary())
        self._child = _start()
        self._pipes = HelperPipes(self._child)
        self._receiver = FrameReceiver(self._pipes.up)

    @property
    def pid(self) -> int:
        """Process id, also of its process group."""
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._child.poll() is None

    async def greet(self) -> str | None:
        """Tell the worker its root and wait until it is confined; returns None, or the errno name of a failure."""
        directory = os.fsencode(self._directory) if self.has_exiftool else None
        try:
            with trio.fail_after(START_DEADLINE_S):
                await send_frame(self._pipes.down, ["hello", self.root, directory, self.worker_class.name])
                message = cast("list[Any] | None", await self._receiver.receive())
        except trio.TooSlowError:
            return "ETIMEDOUT" if _waits_for_storage(self.pid) else "EAGAIN"
        except (trio.BrokenResourceError, FrameError):
            return "EAGAIN"
        if message is None or message[0] != "ready":
            return "EAGAIN"
        self.confinement, self.has_exiftool = message[1], message[2]
        return None

    async def ask(
        self, items: Sequence[WorkItem], answers: list[FactsResult], *, deadline_s: float
    ) -> str | None:
        """Have the items read; appends an answer per item to `answers`.

        Returns:
            None if all were answered; `stale`; `storage` if it waited for a volume; else what happened to the
            worker over the first item without an answer, in user words.
        """
        self.files_left -= len(items)
        try:
            with trio.fail_after(deadline_s):
                await send_frame(self._pipes.down, ["read", [list(errand_of(item)) for item in items]])
            while len(answers) < len(items):
                with trio.fail_after(deadline_s):
                    message = cast("list[Any] | None", await self._receiver.receive())
                if message is None:
                    return await self._how_it_ended()
                if message[0] == "stale":
                    return "stale"
                answers.append(decode_answer(message, items[len(answers)]))
        except trio.TooSlowError:
            return "storage" if _waits_for_storage(self.pid) else f"no answer in {deadline_s:g} s"
        except (trio.BrokenResourceError, OSError):
            return await self._how_it_ended()
        except (FrameError, IndexError, TypeError, KeyError):
            return "a media worker answered nonsense"
        return None

    async def _how_it_ended(self) -> str:
        with trio.move_on_after(_REAP_S):
            await wait_ended(self.pid)
        code = self._child.poll()
        if code is None:
            return "closed its pipe"
        return f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"

    async def end(self) -> None:
        """Kill the worker and its exiftool, collect it, remove its directory. Idempotent; waits a second at most."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        if not await self._pipes.reap():
            log.warning("media worker %d hangs in the kernel and is left behind", self.pid)
        shutil.rmtree(self._directory, ignore_errors=True)


def _start() -> subprocess.Popen[bytes]:
    """Start a worker; blocks for the fork. The environment is ours: no user's perl, no user's zone."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # libraw, libheif: one thread per worker, there is one worker per core.
    environment |= {
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        DIE_WITH_VARIABLE: str(os.getpid()),
    }
    return subprocess.Popen(
        [sys.executable, "-P", "-B", "-m", "daemon.media.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        cwd="/",
        start_new_session=True,
    )


def short_temporary() -> str:
    """Return where private directories go; a TMPDIR with a control character would reach exiftool's arguments."""
    chosen = tempfile.gettempdir()
    return chosen if chosen.isprintable() else "/tmp"


def remove_leftovers(temporary: str) -> None:
    """Remove private directories of daemons that were killed: a confined worker may not remove its own."""
    for name in os.listdir(temporary):
        owner, _, _ = name.removeprefix(_PREFIX).partition("-")
        if not name.startswith(_PREFIX) or not owner.isdecimal() or os.path.exists(f"/proc/{owner}"):
            continue
        path = os.path.join(temporary, name)
        # Race: another daemon removes it first; nothing is left to do then.
        with suppress(OSError):
            if os.lstat(path).st_uid == os.geteuid():
                shutil.rmtree(path)


def _waits_for_storage(pid: int) -> bool:
    """Tell whether the worker, or its exiftool, sleeps in the kernel until a storage answers."""
    children = _line_of(f"/proc/{pid}/task/{pid}/children").split()
    for one in (str(pid), *children):
        after_name = _line_of(f"/proc/{one}/stat").rpartition(")")[2].split()
        if after_name[:1] == ["D"] or _line_of(f"/proc/{one}/wchan").startswith(_STORAGE_WAITS):
            return True
    return False


def _line_of(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
