"""A verification that somebody asked for: first a scan, then every file of the volumes is compared with its hash.

The same for the control socket and for the foreground; both end up in `glassine scan --verify`. Lines are JSON values: those of
the scan, then progress, findings (damaged files) and errors. Must not know: who reads the lines.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict

import trio

from catalog.errors import InvalidValue, Unreadable, VolumeOffline
from catalog.store.verifying import Copy, Damage
from catalog.values import Volume
from daemon.cli.output import error_document, instant, path_fields
from daemon.endings import first_error
from daemon.scan_request import Board, Line, Tell, chosen_volumes, reading_trouble, scan_for
from daemon.verify import Verifier
from daemon.verify_run import VerifyProgress, VerifyWish

COUNTS = ("checked", "bytes", "damaged", "mended", "left")
_NS_PER_S = 10**9
_MOST_S = 100 * 366 * 86_400
# A copy on a volume in another state than these cannot be read now.
_READABLE = ("online", "unknown")


def is_verification(argument: object) -> bool:
    """Tell a verification's argument from a scan's."""
    return isinstance(argument, dict) and "every_s" in argument


async def verify_for(verifier: Verifier, argument: object, tell: Tell) -> Line:
    """Scan the volumes of a request, then compare their files.

    Args:
        argument: that of a scan, and `"every_s"` (leave out what was compared within so many seconds; null = compare all, but
            go on where a run that was cut short in the last days ended) and `"time_limit_s"` (of the comparing; null = none).
        tell: gets lines of type progress, finding and error.

    Returns:
        `{"counts": …, "error": error object or None}` as `scan_for`, with the counts of COUNTS too.

    Raises:
        NotFound: an unknown volume; nothing was done. InvalidValue: the argument is no such request.
    """
    every_s, time_limit_s = _checked(argument)
    began_ns = time.time_ns()
    services = verifier.services
    names = argument["volumes"] if isinstance(argument, dict) else []
    result = await scan_for(services, {key: argument[key] for key in ("volumes", "full")}, tell)  # type: ignore[index]
    chosen = [one for one in await chosen_volumes(services, names) if one.state == "online"]
    asked = _Asked(verifier, Board(tell, {one.name: _progress_line(_nothing(one)) for one in chosen}))
    cutoff = None if every_s is None else began_ns - every_s * _NS_PER_S
    deadline_s = float("inf") if time_limit_s is None else trio.current_time() + time_limit_s
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(asked.board.tell_for_ever)
            async with trio.open_nursery() as runs:
                for volume in chosen:
                    cutoff_ns = (
                        await verifier.cutoff_of_all(volume.id, began_ns) if cutoff is None else cutoff
                    )
                    runs.start_soon(
                        asked.verify, volume, VerifyWish(cutoff_ns, deadline_s, verifier.bytes_per_s)
                    )
            nursery.cancel_scope.cancel()
    except ExceptionGroup as group:  # a Cancelled among them makes it no ExceptionGroup, and goes on as it is
        raise first_error(group) from group
    counts = {**result["counts"], **asked.counts, "errors": result["counts"]["errors"] + asked.errors}
    error = result["error"]
    if error is None and names and asked.offline:
        error = error_document(asked.offline[0])
    return {"counts": counts, "error": error}


def _checked(argument: object) -> tuple[int | None, int | None]:
    if isinstance(argument, dict) and {"every_s", "time_limit_s", "volumes", "full"} == argument.keys():
        every_s, time_limit_s = argument["every_s"], argument["time_limit_s"]
        if _is_span(every_s, least=0) and _is_span(time_limit_s, least=1):
            return every_s, time_limit_s
    raise InvalidValue(
        'a verification is asked for by {"volumes": [names], "full": true or false, "every_s": seconds or null,'
        ' "time_limit_s": seconds or null}'
    )


def _is_span(seconds: object, *, least: int) -> bool:
    return seconds is None or (type(seconds) is int and least <= seconds <= _MOST_S)


class _Asked:
    """One request under way; the `Listener` of its runs."""

    def __init__(self, verifier: Verifier, board: Board) -> None:
        self.board = board
        self.counts = dict.fromkeys(COUNTS, 0)
        self.errors = 0
        self.offline: list[VolumeOffline] = []
        self._verifier = verifier

    async def verify(self, volume: Volume, wish: VerifyWish) -> None:
        """Compare one volume and add its numbers; one that went away is noted, and told."""
        try:
            outcome = await self._verifier.verify(volume.id, wish, self)
        except VolumeOffline as error:
            self.offline.append(error)
            self.errors += 1
            await self.board.tell_error(error)
            return
        for name in COUNTS:
            self.counts[name] += outcome.counts[name]
        self.errors += outcome.counts["errors"]
        if outcome.has_changes:
            await self._verifier.services.ingest.drained(volume.id)

    def progress(self, progress: VerifyProgress) -> None:
        """See `Listener`."""
        self.board.put(progress.volume, _progress_line(progress))

    async def damaged(self, damage: Damage, copies: Sequence[Copy]) -> None:
        """See `Listener`."""
        await self.board.send(finding_line(damage, copies))

    async def failed(self, volume: Volume, path: bytes, reason: str) -> None:
        """See `Listener`."""
        message = f"{volume.name}: {os.fsdecode(path)} {_trouble(reason)}"
        await self.board.tell_error(
            Unreadable(message, volume=volume.name, errno=_errno_of(reason), **path_fields(path))
        )


def _trouble(reason: str) -> str:
    if _errno_of(reason) is None:
        return "could not be compared: somebody has it open for writing"
    return reading_trouble(reason)


def _errno_of(reason: str) -> str | None:
    return reason if reason.startswith("E") else None


def _nothing(volume: Volume) -> VerifyProgress:
    return VerifyProgress(
        volume.name, checked=0, bytes=0, due=0, due_bytes=0, damaged=0, mended=0, errors=0, seconds=0.0
    )


def _progress_line(progress: VerifyProgress) -> Line:
    return {**asdict(progress), "phase": "verify", "seconds": round(progress.seconds, 1)}


def finding_line(damage: Damage, copies: Sequence[Copy]) -> Line:
    """Return the line of a damaged file: what its bytes should hash to and do, and where good copies of it are."""
    return {
        "type": "finding",
        "kind": "damaged",
        "uid": damage.uid,
        "name": damage.name,
        "volume": damage.volume,
        **path_fields(damage.path),
        "expected_hash": damage.expected.hex(),
        "found_hash": damage.found.hex(),
        "since": instant(damage.found_ns),
        "good_copies": [
            {
                "volume": copy.volume,
                **path_fields(copy.path),
                "state": "present" if copy.volume_state in _READABLE else "offline",
                "verified_at": instant(copy.verified_ns),
            }
            for copy in copies
        ],
    }
