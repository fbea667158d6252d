"""A purge that somebody asked for: which photos, lines of what became of each file, and the numbers, as JSON values.

The same for the control socket and for a purge in the foreground; both end up in `glassine trash purge`. Must not know:
who reads the lines.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from catalog.errors import InvalidValue
from catalog.purge import KEPT_BECAUSE, TrashedFile
from daemon.cli.output import instant, path_fields
from daemon.endings import first_error
from daemon.purge.protocol import REFUSED_BECAUSE
from daemon.purge.service import Item, Purger, PurgeWish

Line = dict[str, Any]
Tell = Callable[[Line], Awaitable[None]]

# Clients take a minute's silence for a hang; a large file is read for longer.
_LINE_EVERY_S = 1.0
NS_PER_DAY = 86_400 * 10**9
COUNTS = ("files", "planned", "purged", "kept", "refused", "failed", "bytes")
_COUNT_OF_STATE = {"done": "purged"}
OWNER = "owner"


def reason_text(reason: str) -> str:
    """Say a reason for people; an errno name says itself."""
    return KEPT_BECAUSE.get(reason) or REFUSED_BECAUSE.get(reason) or f"the system refuses ({reason})"


def item_line(file: TrashedFile, state: str, reason: str | None, *, retention_ns: int) -> Line:
    """Return the line of one file; `state` is planned, purged, kept, refused or failed."""
    return {
        "type": "item",
        "uid": file.uid,
        "name": file.name,
        "volume": file.volume,
        **path_fields(file.path),
        "size": file.size,
        "trashed_at": instant(file.trashed_ns),
        "retention_ends": None if file.trashed_ns is None else instant(file.trashed_ns + retention_ns),
        "state": _COUNT_OF_STATE.get(state, state),
        "reason": reason,
        "message": None if reason is None else reason_text(reason),
    }


def count(counts: Counter[str], line: Line) -> None:
    """Add a line to the numbers: bytes are those of planned and purged files."""
    counts["files"] += 1
    counts[line["state"]] += 1
    if line["state"] in ("planned", "purged"):
        counts["bytes"] += line["size"]


async def purge_for(purger: Purger, argument: object, tell: Tell) -> Line:
    """Purge what a request asks for, at once.

    Args:
        argument: `{"photos": [uid…] or null (all of the trash), "older_than_days": whole number}`.
        tell: gets a line of type item per file that was looked at, and one of type progress a second.

    Returns:
        `{"counts": …}`.

    Raises:
        NotFound: a uid is no photo's. InvalidValue: the argument is no such request. Nothing was purged.
    """
    uids, older_than_days = _checked(argument)
    asset_ids = None if uids is None else await purger.assets_named(uids)
    wish = PurgeWish(asset_ids, older_than_days * NS_PER_DAY, OWNER)
    retention_ns = purger.settings.retention_days * NS_PER_DAY
    counts: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
    sending = trio.Lock()

    async def send(line: Line) -> None:
        async with sending:
            await tell(line)

    async def tell_item(item: Item) -> None:
        line = item_line(item.file, item.state, item.reason, retention_ns=retention_ns)
        count(counts, line)
        await send(line)

    async def tell_progress() -> None:
        while True:
            await trio.sleep(_LINE_EVERY_S)
            await send({"type": "progress", **counts})

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell_progress)
            await purger.purge(wish, time.time_ns(), tell_item)
            nursery.cancel_scope.cancel()
    except ExceptionGroup as group:  # a Cancelled among them makes it no ExceptionGroup, and goes on as it is
        raise first_error(group) from group
    return {"counts": dict(counts)}


def _checked(argument: object) -> tuple[list[str] | None, int]:
    if isinstance(argument, dict):
        photos, days = argument.get("photos"), argument.get("older_than_days")
        is_list = isinstance(photos, list) and all(isinstance(uid, str) for uid in photos)
        if (photos is None or is_list) and type(days) is int and 0 <= days <= 36_500:
            return photos, days
    raise InvalidValue('a purge is asked for by {"photos": [uids] or null, "older_than_days": number}')
