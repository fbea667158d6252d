"""Child processes of ours: started so that they can be ended, watched by pidfd, told to die with their parent.

Every long-lived `glassine` child prints one JSON document on stdout when it is ready, or when it failed; so the pipe
is the readiness protocol (the `--json` contract of the command line, no protocol of its own). Must not know: which
child does what.

Invariants
- A child has a session of its own: Ctrl-C on the terminal reaches us, and we end the children in order; and its
  process group is all that it started.
- Children are started on the main thread: PR_SET_PDEATHSIG fires when the *thread* that forked ends, prctl(2).
- Ending takes `TERMINATE_S` at most; what hangs in the kernel then is left behind with SIGKILL pending.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import trio

from catalog.errors import GlassineError
from daemon.parent import DIE_WITH_VARIABLE

# The daemon ends within three seconds, and children end side by side. A busy mount is retried for 1 s by its owner, and WebDAV
# gives requests under way 1.5 s.
TERMINATE_S = 1.9
_KILL_S = 0.3
_MAX_DOCUMENT_BYTES = 1024 * 1024


def glassine_command(library: Path, *arguments: str) -> list[str]:
    """Return the argument list of `glassine --json --library …`; -P keeps the working directory off the import path."""
    # The attached form, for a library path may begin with a dash.
    return [sys.executable, "-P", "-m", "daemon.cli.main", "--json", f"--library={library}", *arguments]


def start(
    command: Sequence[str],
    *,
    stderr: int | None = None,
    environment: Mapping[str, str] | None = None,
    dies_with_us: bool,
) -> subprocess.Popen[bytes]:
    """Start a child with its stdout piped to us; blocks for a millisecond or two. Main thread only."""
    assert threading.current_thread() is threading.main_thread()
    chosen = dict(os.environ if environment is None else environment)
    chosen.pop(DIE_WITH_VARIABLE, None)
    if dies_with_us:
        chosen[DIE_WITH_VARIABLE] = str(os.getpid())
    return subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=chosen,
        start_new_session=True,
    )


def first_document(child: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Wait for the child's document and return its `data`. Blocks as long as the child is silent.

    Raises:
        GlassineError: of the class that the child's document names; or it ended without a word.
    """
    assert child.stdout is not None
    return parse_document(child.stdout.readline(_MAX_DOCUMENT_BYTES), child)


def parse_document(line: bytes, child: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Return the `data` of a document line; raises the error that it holds."""
    if not line:
        raise GlassineError(f"process {child.pid} ended without a word; its log says more")
    document = json.loads(line)
    if document["ok"]:
        data: dict[str, Any] = document["data"]
        return data
    from catalog.commands.client import error_from  # imports the store, which a good answer does not need

    raise error_from(document["error"])


def let_go(child: subprocess.Popen[bytes]) -> None:
    """Stop caring for a detached child: init will collect it."""
    if child.stdout is not None:
        child.stdout.close()
    if child.poll() is None:
        child.returncode = 0  # or Popen complains that it still runs, which is the purpose


async def wait_ended(pid: int) -> None:
    """Wait until a process has ended, ours or not. Checkpoint; returns at once if there is none."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        await trio.lowlevel.checkpoint()
        return
    try:
        await trio.lowlevel.wait_readable(pidfd)
    finally:
        os.close(pidfd)


async def terminate(pid: int) -> bool:
    """End a process: SIGTERM, patience, SIGKILL to its group. Returns False if even that did not help.

    Shielded, with a deadline: it is called while we are being cancelled ourselves.
    """
    with trio.CancelScope(shield=True):
        _signal(pid, signal.SIGTERM, is_group=False)
        with trio.move_on_after(TERMINATE_S):
            await wait_ended(pid)
            _signal(pid, signal.SIGKILL, is_group=True)  # what it may have left in its group
            return True
        _signal(pid, signal.SIGKILL, is_group=True)
        with trio.move_on_after(_KILL_S):
            await wait_ended(pid)
            return True
    return False


def _signal(pid: int, number: signal.Signals, *, is_group: bool) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if is_group:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
