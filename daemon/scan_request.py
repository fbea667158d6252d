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
from catalog.store import progress, waits
from catalog.store.volumes import volume_by_name
from catalog.values import Volume
from daemon.cli.output import error_document, path_fields
from daemon.scan import ScanOutcome, ScanProgress, ScanServices, scan_volume

Line = dict[str, Any]
Tell = Callable[[Line], Awaitable[None]]

_LINE_EVERY_S = 1.0
# The file is there, and we are not allowed to.
_FORBIDDEN = ("EACCES", "EPERM")
# More error lines than this help nobody; the count in the summary is complete.
_ERRORS_TOLD = 1000
# name in the summary -> name in the scan's counts
_COUNTS = {
    "seen": "files",
    "added": "added",
    "changed": "changed",
    "returned": "returned",
    "moved": "moved",
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
    chosen = await chosen_volumes(services, names)
    # A scan of a volume may have to wait for another one: the first lines say so.
    board = Board(tell, {volume.name: _waiting(volume.name) for volume in chosen})
    asked = _Asked(services, is_full=is_full, board=board)
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


async def chosen_volumes(services: ScanServices, names: Sequence[str]) -> list[Volume]:
    """Return the volumes of these names, each once; without names all that are in use.

    Raises:
        NotFound: an unknown name.
    """
    if not names:
        volumes = await services.volumes.all()
        return [volume for volume in volumes if volume.state not in ("disabled", "retired")]
    found = [await services.writer.read(volume_by_name, name) for name in names]
    return list({volume.id: volume for volume in found}.values())


class _Asked:
    """One request under way: what its scans have come to so far."""

    def __init__(self, services: ScanServices, *, is_full: bool, board: Board) -> None:
        self.board = board
        self.counts = dict.fromkeys(_COUNTS, 0)
        self.offline: list[VolumeOffline] = []
        self._services = services
        self._is_full = is_full

    async def scan(self, volume: Volume) -> None:
        """Scan one volume and add its numbers; one that is not there is noted, and told."""
        # Who asks for a scan may have just mended what made files fail.
        await self._services.ingest.try_again(volume.id)
        try:
            outcome = await scan_volume(
                self._services, volume.id, full=self._is_full, waits_for_ingest=True, report=self._note
            )
        except VolumeOffline as error:
            self.offline.append(error)
            self.counts["errors"] += 1
            await self.board.tell_error(error)
            return
        for name, theirs in _COUNTS.items():
            self.counts[name] += outcome.counts.get(theirs, 0)
        await self._tell_errors(volume, outcome)

    def _note(self, news: ScanProgress) -> None:
        self.board.put(news.volume, {**asdict(news), "seconds": round(news.seconds, 1)})

    async def _tell_errors(self, volume: Volume, outcome: ScanOutcome) -> None:
        """Tell what could not be listed or read, and count what could not be read."""
        read = self._services.writer.read
        unreadable = await read(progress.unreadable, volume.id, _ERRORS_TOLD)
        sidecars = await read(waits.unread_sidecars, volume.id, _ERRORS_TOLD)
        self.counts["errors"] += len(unreadable) + len(sidecars)
        troubles: list[tuple[bytes, str, str | None]] = [
            *((path, listing_trouble(name), name) for path, name in outcome.errors[:_ERRORS_TOLD]),
            *((path, reading_trouble(name), name) for path, name in unreadable),
            *((path, "cannot be read", None) for path in sidecars),
        ]
        for path, trouble, errno_name in troubles:
            message = f"{volume.name}: {os.fsdecode(path) or '.'} {trouble}"
            await self.board.tell_error(
                Unreadable(message, volume=volume.name, errno=errno_name, **path_fields(path))
            )


def listing_trouble(errno_name: str) -> str:
    """Say why a directory could not be listed."""
    return f"{_verb(errno_name)} be listed ({errno_name})"


def reading_trouble(errno_name: str) -> str:
    """Say why a file could not be read."""
    return f"{_verb(errno_name)} be read ({errno_name})"


def _verb(errno_name: str) -> str:
    return "may not" if errno_name in _FORBIDDEN else "cannot"


class Board:
    """Collects progress of several volumes and passes it on at the speed of a reader.

    Args:
        tell: takes a line.
        first: volume -> what is told of it until there are news.
    """

    def __init__(self, tell: Tell, first: dict[str, Line]) -> None:
        self._tell = tell
        self._newest = first
        self._sending = trio.Lock()

    def put(self, volume: str, news: Line) -> None:
        """Remember the newest; never a checkpoint."""
        self._newest[volume] = news

    async def tell_for_ever(self) -> None:
        """Send a line per volume and second, the newest state of each: the heartbeat that clients count on."""
        while True:
            for news in list(self._newest.values()):
                await self.send({"type": "progress", **news})
            await trio.sleep(_LINE_EVERY_S)

    async def tell_error(self, error: GlassineError) -> None:
        """Send an error line."""
        await self.send({"type": "error", "error": error_document(error)})

    async def send(self, line: Line) -> None:
        """Send a line; one at a time."""
        async with self._sending:
            await self._tell(line)


def _waiting(volume: str) -> Line:
    numbers = dict.fromkeys((one.name for one in fields(ScanProgress)), 0)
    return {**numbers, "volume": volume, "phase": "waiting", "seconds": 0.0}
