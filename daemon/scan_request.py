"""A scan that somebody asked for: which volumes, lines of progress, and what came of it, as JSON values.

The same for the control socket and for a scan in the foreground; both end up in `glassine scan`. Must not know: who
reads the lines.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, fields
from typing import Any

import trio

from catalog.errors import GlassineError, InvalidValue, Unreadable, VolumeOffline
from catalog.store import progress
from catalog.store.volumes import volume_by_name
from catalog.values import Volume
from daemon.cli.output import error_document, path_fields
from daemon.scan import ScanOutcome, ScanProgress, ScanServices, scan_volume

Line = dict[str, Any]
Tell = Callable[[Line], Awaitable[None]]

_LINE_EVERY_S = 1.0
# More error lines than this help nobody; the count in the summary is complete.
_ERRORS_TOLD = 1000
# name in the summary -> name in the scan's counts
_COUNTS = {
    "seen": "files",
    "added": "added",
    "changed": "changed",
    "returned": "returned",
    "missing": "missing",
    "directories": "directories",
    "facts": "facts",
    "deep_facts": "deep_facts",
    "sidecars": "sidecars",
    "hashed": "hashed",
    "hashed_bytes": "hashed_bytes",
    "errors": "errors",
}


async def scan_for(services: ScanServices, argument: object, tell: Tell) -> Line:
    """Scan the volumes of a request to the end: rows, facts and hashes.

    Args:
        argument: `{"volumes": [name…] (empty = all that are in use), "full": bool}`.
        tell: gets lines of type progress (about one a second, also when nothing moves) and error.

    Returns:
        `{"counts": …, "error": error object or None}`: the error is what the command ends with.

    Raises:
        NotFound: one of the names is unknown; nothing was scanned.
        InvalidValue: the argument is no such request.
    """
    names, is_full = _checked(argument)
    chosen = await _chosen(services, names)
    asked = _Asked(services, is_full=is_full, board=_Board(tell, chosen))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(asked.board.tell_for_ever)
        async with trio.open_nursery() as scans:
            for volume in chosen:
                scans.start_soon(asked.scan, volume)
        nursery.cancel_scope.cancel()
    is_wanted = bool(names) and bool(asked.offline)
    return {"counts": asked.counts, "error": error_document(asked.offline[0]) if is_wanted else None}


def _checked(argument: object) -> tuple[list[str], bool]:
    if isinstance(argument, dict):
        names, is_full = argument.get("volumes"), argument.get("full")
        if (
            isinstance(names, list)
            and all(isinstance(name, str) for name in names)
            and isinstance(is_full, bool)
        ):
            return names, is_full
    raise InvalidValue('a scan is asked for by {"volumes": [names], "full": true or false}')


async def _chosen(services: ScanServices, names: Sequence[str]) -> list[Volume]:
    if not names:
        volumes = await services.volumes.all()
        return [volume for volume in volumes if volume.state not in ("disabled", "retired")]
    found = [await services.writer.read(volume_by_name, name) for name in names]
    return list({volume.id: volume for volume in found}.values())


class _Asked:
    """One request under way: what its scans have come to so far."""

    def __init__(self, services: ScanServices, *, is_full: bool, board: _Board) -> None:
        self.board = board
        self.counts = dict.fromkeys(_COUNTS, 0)
        self.offline: list[VolumeOffline] = []
        self._services = services
        self._is_full = is_full

    async def scan(self, volume: Volume) -> None:
        """Scan one volume and add its numbers; one that is not there is noted, and told."""
        try:
            outcome = await scan_volume(
                self._services, volume.id, full=self._is_full, waits_for_ingest=True, report=self.board.note
            )
        except VolumeOffline as error:
            self.offline.append(error)
            self.counts["errors"] += 1
            await self.board.tell_error(error)
            return
        for name, theirs in _COUNTS.items():
            self.counts[name] += outcome.counts.get(theirs, 0)
        await self._tell_errors(volume, outcome)

    async def _tell_errors(self, volume: Volume, outcome: ScanOutcome) -> None:
        """Tell what could not be listed or read, and count what could not be read."""
        unreadable = await self._services.writer.read(progress.unreadable, volume.id, _ERRORS_TOLD)
        self.counts["errors"] += len(unreadable)
        for what, errors in (("listed", outcome.errors), ("read", unreadable)):
            for path, errno_name in errors[:_ERRORS_TOLD]:
                shown = os.fsdecode(path) or "."
                message = f"{volume.name}: {shown} cannot be {what} ({errno_name})"
                await self.board.tell_error(
                    Unreadable(message, volume=volume.name, errno=errno_name, **path_fields(path))
                )


class _Board:
    """Collects progress of several volumes and passes it on at the speed of a reader."""

    def __init__(self, tell: Tell, volumes: Sequence[Volume]) -> None:
        self._tell = tell
        # A scan of a volume may have to wait for another one: the first lines say so.
        self._newest = {volume.name: _waiting(volume.name) for volume in volumes}
        self._sending = trio.Lock()

    def note(self, news: ScanProgress) -> None:
        """Remember the newest; never a checkpoint."""
        self._newest[news.volume] = {**asdict(news), "seconds": round(news.seconds, 1)}

    async def tell_for_ever(self) -> None:
        """Send a line per volume and second, the newest state of each: the heartbeat that clients count on."""
        while True:
            for news in list(self._newest.values()):
                await self._send({"type": "progress", **news})
            await trio.sleep(_LINE_EVERY_S)

    async def tell_error(self, error: GlassineError) -> None:
        """Send an error line."""
        await self._send({"type": "error", "error": error_document(error)})

    async def _send(self, line: Line) -> None:
        async with self._sending:
            await self._tell(line)


def _waiting(volume: str) -> Line:
    numbers = dict.fromkeys((one.name for one in fields(ScanProgress)), 0)
    return {**numbers, "volume": volume, "phase": "waiting", "seconds": 0.0}
