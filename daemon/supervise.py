"""The frontends that the configuration names: started as processes of their own, watched, restarted with back-off.

A frontend that somebody started by hand, or that a crashed daemon left behind, is adopted: the mount goes on without
a gap. One that ends by itself with exit code 0 was told to (`glassine unmount`) and is left alone. Must not know:
what a frontend does.

Invariants
- When the block ends every frontend has ended or been killed, and nothing of ours is left mounted.
- A frontend that dies again and again is tried at most every `_BACK_OFF_MAX_S`.
"""

from __future__ import annotations

import logging
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from catalog.errors import GlassineError, NotFound
from catalog.library import Library
from daemon import children, processes
from vfs import mounting

log = logging.getLogger(__name__)

# Promise R23: a killed mount is back within 2 s, and starting takes about one.
_BACK_OFF_FIRST_S = 0.2
_BACK_OFF_MAX_S = 60.0
# What could not even start has a reason that a fraction of a second does not cure.
_BACK_OFF_NEVER_READY_S = 5.0
# Who lived so long was healthy: the next death starts from the shortest delay.
_HEALTHY_AFTER_S = 30.0
# Detaching takes milliseconds.
_UNMOUNT_S = 0.4


@dataclass(frozen=True, slots=True)
class Frontend:
    """One frontend as the configuration names it.

    Attributes:
        kind: mount or dav: the verb, and the kind in the registry of processes.
        arguments: of the verb.
        mountpoint: of a mount: absolute; else None.
    """

    kind: str
    arguments: tuple[str, ...] = ()
    mountpoint: Path | None = None

    def is_run_by(self, record: processes.ProcessRecord) -> bool:
        """Tell whether a living process of the library is this frontend."""
        same_place = self.mountpoint is None or record.details.get("mountpoint") == str(self.mountpoint)
        return record.kind == self.kind and same_place


@dataclass(slots=True)
class FrontendState:
    """How a frontend is. `failure` says why it is not ready, in user words, while `health` is failed."""

    frontend: Frontend
    health: str = "starting"
    failure: str | None = None
    restarts: int = 0
    was_ready: bool = False


class Supervisor:
    """Handle of the running service."""

    def __init__(self, states: list[FrontendState]) -> None:
        self.states = states
        self._changed = trio.Condition()

    async def settled(self) -> None:
        """Wait until no frontend is in its first start any more: all are ready, or have failed. Checkpoint."""
        async with self._changed:
            while any(state.health == "starting" for state in self.states):
                await self._changed.wait()

    @property
    def is_ready(self) -> bool:
        """Whether every frontend serves."""
        return all(state.health == "ready" for state in self.states)

    def degraded(self) -> list[str]:
        """Say what does not serve and why, a sentence each."""
        return [
            f"{state.frontend.kind}: {state.failure or state.health}"
            for state in self.states
            if state.health != "ready"
        ]

    async def note(self, state: FrontendState, health: str, failure: str | None = None) -> None:
        """Record a change of health and wake whoever waits. Checkpoint."""
        state.health, state.failure = health, failure
        state.was_ready = state.was_ready or health == "ready"
        async with self._changed:
            self._changed.notify_all()


@asynccontextmanager
async def open_frontends(
    library: Library, frontends: Sequence[Frontend], *, outlive_us: bool
) -> AsyncIterator[Supervisor]:
    """Run the frontends until the block ends.

    Args:
        outlive_us: whether they go on serving when this process is killed (to be adopted by the next daemon).
    """
    supervisor = Supervisor([FrontendState(frontend) for frontend in frontends])
    async with trio.open_nursery() as keepers:
        for state in supervisor.states:
            keepers.start_soon(_keep, library, supervisor, state, outlive_us)
        yield supervisor
        keepers.cancel_scope.cancel()


async def _keep(library: Library, supervisor: Supervisor, state: FrontendState, outlive_us: bool) -> None:
    try:
        await _keep_alive(library, supervisor, state, outlive_us)
    finally:
        # Only now: until then a mount without its server answers errors, and never shows an empty folder.
        await _make_unmounted(state.frontend)


async def _keep_alive(
    library: Library, supervisor: Supervisor, state: FrontendState, outlive_us: bool
) -> None:
    """Run the frontend again and again. Returns when somebody else ended it with exit code 0."""
    told = None
    delay_s = _BACK_OFF_FIRST_S
    while True:
        state.was_ready = False
        started_s = trio.current_time()
        adopted = _find(library, state.frontend)
        if adopted is not None:
            failure = await _watch_adopted(supervisor, state, adopted)
        else:
            failure = await _run(library, supervisor, state, outlive_us)
        if failure is None:
            await supervisor.note(state, "ended", "it was ended by hand")
            log.info("%s has ended and is left alone", state.frontend.kind)
            return
        await supervisor.note(state, "failed", failure)
        if trio.current_time() - started_s > _HEALTHY_AFTER_S:
            delay_s = _BACK_OFF_FIRST_S
        elif not state.was_ready:
            delay_s = max(delay_s, _BACK_OFF_NEVER_READY_S)
        # Told once: a port that is taken for a day is one warning.
        level = logging.WARNING if state.was_ready or failure != told else logging.DEBUG
        log.log(level, "%s: %s; starting it again in %.1f s", state.frontend.kind, failure, delay_s)
        told = failure
        await trio.sleep(delay_s)
        delay_s = min(2 * delay_s, _BACK_OFF_MAX_S)
        state.restarts += 1


def _find(library: Library, frontend: Frontend) -> processes.ProcessRecord | None:
    for record in processes.running(library.processes_dir):
        if frontend.is_run_by(record) and record.health != "stopping":
            return record
    return None


async def _watch_adopted(
    supervisor: Supervisor, state: FrontendState, record: processes.ProcessRecord
) -> str | None:
    log.info("adopting the %s that runs already (pid %d)", record.kind, record.pid)
    await supervisor.note(state, "ready")
    try:
        await children.wait_ended(record.pid)
    finally:
        await _end(state.frontend, record.pid)
    # The exit code of a process that is not our child cannot be known: take it for a death.
    return f"process {record.pid} ended"


async def _run(
    library: Library, supervisor: Supervisor, state: FrontendState, outlive_us: bool
) -> str | None:
    """Run one child to its end. Returns None after exit code 0, else what happened."""
    command = children.glassine_command(library.path, state.frontend.kind, *state.frontend.arguments)
    child = children.start(command, dies_with_us=not outlive_us)
    failure = None
    try:
        try:
            await _first_document(child)
            await supervisor.note(state, "ready")
        except GlassineError as error:
            failure = error.message if error.hint is None else f"{error.message} ({error.hint})"
        await children.wait_ended(child.pid)
    finally:
        await _end(state.frontend, child.pid)
        code = _reap(child)
    if failure is None and code != 0:
        failure = f"process {child.pid} ended with code {code}"
    return failure


async def _first_document(child: subprocess.Popen[bytes]) -> None:
    assert child.stdout is not None
    line = b""
    fd = child.stdout.fileno()
    while not line.endswith(b"\n"):
        await trio.lowlevel.wait_readable(fd)
        received = child.stdout.read1(65536)  # type: ignore[attr-defined]
        if not received:
            break
        line += received
    children.parse_document(line, child)


async def _end(frontend: Frontend, pid: int) -> None:
    """Make sure that the process is gone. Returns at once if it is."""
    if not await children.terminate(pid):
        log.error("%s (pid %d) hangs in the kernel; it is left behind", frontend.kind, pid)


async def _make_unmounted(frontend: Frontend) -> None:
    if frontend.mountpoint is not None:
        with trio.move_on_after(_UNMOUNT_S, shield=True):
            # abandon: a mount that hangs even now must not keep us; nothing else depends on it
            await trio.to_thread.run_sync(_detach, frontend.mountpoint, abandon_on_cancel=True)


def _detach(mountpoint: Path) -> None:
    if mounting.mount_type(mountpoint) != mounting.FS_TYPE:
        return
    try:
        # Its server has ended, or hangs in the kernel where no signal reaches it: whoever waits for an answer gets an error.
        mounting.unmount(mountpoint, is_lazy=True, is_forced=True)
    except NotFound:
        return  # Race: it was unmounted in between, which is what we want
    except GlassineError as error:
        log.error("%s", error.message)


def _reap(child: subprocess.Popen[bytes]) -> int | None:
    code = child.poll()
    if child.stdout is not None:
        child.stdout.close()
    return code
