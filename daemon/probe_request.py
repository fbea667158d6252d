"""A probe that somebody asked for: which volumes, and what state each of them is in then, as JSON values.

The same for the control socket of the daemon and of a foreground scan. Must not know: who reads the answer.
"""

from __future__ import annotations

from typing import Any

import trio

from catalog.errors import InvalidValue
from catalog.ids import VolumeId
from catalog.values import Volume
from daemon.volumes import Volumes


async def probe_volumes(volumes: Volumes, name: str | None) -> list[Volume]:
    """Probe one volume, or all, side by side; return them as they are then, oldest first.

    Raises:
        NotFound: no volume has that name.
    """
    chosen = await volumes.all() if name is None else [await volumes.named(name)]
    found: dict[VolumeId, Volume] = {}

    async def probe(volume: Volume) -> None:
        found[volume.id] = await volumes.probe(volume.id)

    async with trio.open_nursery() as nursery:
        for volume in chosen:
            nursery.start_soon(probe, volume)
    return [found[volume.id] for volume in chosen]


async def probe_for(volumes: Volumes, argument: object) -> dict[str, Any]:
    """Answer the request `{"volume": name or null}` with `{"volumes": [{"name", "state", "reason"}]}`.

    Raises:
        InvalidValue: the argument is no such request. NotFound: as above.
    """
    name = argument.get("volume") if isinstance(argument, dict) else argument
    if not isinstance(argument, dict) or not (name is None or isinstance(name, str)):
        raise InvalidValue('a probe is asked for by {"volume": name or null}')
    probed = await probe_volumes(volumes, name)
    rows = [{"name": one.name, "state": one.state, "reason": one.state_reason} for one in probed]
    return {"volumes": rows}
