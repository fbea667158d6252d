"""`why missing`, and `why hidden` as far as disks are to blame: volumes and file systems below them that are away.

Reads the catalog alone: no volume is asked.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from daemon.cli.output import instant, printable, readable, to_the_second
from daemon.cli.photos import ORIGINALS, absolute, one_photo, volume_of

if TYPE_CHECKING:
    from catalog.ids import AssetId
    from catalog.store.db import Reader
    from catalog.store.standing import Nested
    from catalog.values import Volume
    from daemon.cli.session import Session

_REACHABLE = ("online", "unknown")


def away_reasons(reader: Reader, asset_id: AssetId) -> Iterator[dict[str, Any]]:
    """Yield why a photo whose files are not missing cannot be opened now; nothing if one of them can.

    It is listed all the same: these are no reasons to hide a photo, but what people see who look for it.
    """
    from catalog.store.photos import documents
    from catalog.store.standing import standings
    from catalog.store.volumes import volumes

    (document,) = documents(reader, [asset_id])
    places = [place for place in document["locations"] if place["state"] in ("present", "offline")]
    known = {volume.name: volume for volume in volumes(reader)}
    stands = standings(reader)
    found = []
    for place in places:
        volume = known.get(place["volume"])
        if volume is None:
            continue
        nested = _nested_above(place["path"], [one for one in stands[volume.id].nested if one.is_away])
        if volume.state in _REACHABLE and nested is None:
            return
        found.append(_volume_away(volume) if nested is None else _nested_away(volume, nested))
    yield from {reason["message"]: reason for reason in found}.values()


def _nested_above(path: str, away: list[Nested]) -> Nested | None:
    raw = path.encode("utf-8", "replace")
    return next((one for one in away if raw == one.path or raw.startswith(one.path + b"/")), None)


def _volume_away(volume: Volume) -> dict[str, Any]:
    reason = f" ({volume.state_reason})" if volume.state_reason else ""
    return _reason(
        "offline",
        f"not hidden, but its volume {volume.name} is {volume.state}{reason}: it is listed here and in Offline/, and"
        " cannot be opened",
        volume.state_since_ns,
    )


def _nested_away(volume: Volume, nested: Nested) -> dict[str, Any]:
    return _reason(
        "away",
        f"not hidden, but what was mounted at {readable(nested.path)} on {volume.name} is away: it is listed, and"
        " cannot be opened",
        nested.since_ns,
    )


def _reason(kind: str, message: str, since_ns: int) -> dict[str, Any]:
    return {
        "kind": kind,
        "message": message,
        "since": instant(since_ns),
        "by": None,
        "stack": None,
        "cover": None,
    }


# ---- missing


def missing_document(session: Session, reader: Reader, word: str) -> dict[str, Any]:
    """Explain the absence of a photo, or of the one file that a path names.

    Raises:
        NotFound: nothing is known of it.
    """
    from catalog.store.photos import explain_missing, explain_missing_path, resolve_photo
    from catalog.store.volumes import volumes

    now_ns = time.time_ns()
    place = original_of(os.fsencode(word), volumes(reader))
    told = None if place is None else explain_missing_path(reader, place[0].id, place[1], now_ns)
    if told is None:
        return explain_missing(reader, one_photo(session, reader, word), now_ns)
    if told["uid"] is not None:
        photo = explain_missing(reader, resolve_photo(reader, told["uid"]), now_ns)
        (own,) = told["places"]
        is_own = (own["volume"], own["path"], own["path_b64"])
        told["places"] += [
            one for one in photo["places"] if (one["volume"], one["path"], one["path_b64"]) != is_own
        ]
    return told


def original_of(path: bytes, known: list[Volume]) -> tuple[Volume, bytes] | None:
    """Return the volume and the path inside it of a file, there or not: by its path on the disk, in a mount, or in the tree."""
    from daemon.cli.tree import mount_of

    inside = mount_of(path)
    if inside is None:
        place = volume_of(absolute(path), known)
        if place is not None:
            return place
    view, _, rest = (path.strip(b"/") if inside is None else inside.relative).partition(b"/")
    name, _, relative = rest.partition(b"/")
    volume = next((one for one in known if os.fsencode(one.name) == name), None)
    return None if volume is None or view != ORIGINALS else (volume, relative)


def missing_lines(told: dict[str, Any]) -> Iterator[str]:
    """Yield what people read of it."""
    who = f"{told['uid']}  {printable(told['name'])}" if told["uid"] else "no photo"
    yield f"{who}: {told['rule']}"
    for place in told["places"]:
        since = f" since {to_the_second(place['missing_since'])}" if place["missing_since"] else ""
        state = "forgotten" if place["is_forgotten"] else place["volume_state"]
        volume = f"{printable(place['volume'])} ({state})"
        purge = place["removed"]
        removed = (
            f", removed {to_the_second(purge['at'])} by a purge (journal {purge['journal']})" if purge else ""
        )
        yield f"  {place['state']}{since}: {printable(place['path'])} on {volume}, first seen {to_the_second(place['first_seen'])}{removed}"
        yield from _circumstances(place)


def _circumstances(place: dict[str, Any]) -> Iterator[str]:
    if place["volume_reason"]:
        yield f"    the volume: {printable(place['volume_reason'])}"
    if place["mount_away"]:
        yield f"    what was mounted at {printable(place['mount_away'])} is away: nothing below it counts as missing"
    if place["verdict"] == "keep":
        yield f"    this place is remembered: {printable(place['reason'])}"
    elif place["verdict"] == "go":
        yield f"    this place may be forgotten: {printable(place['reason'])}"
