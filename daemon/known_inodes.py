"""Whether inode numbers that the catalog knows still name the files that they named; where they do not they are forgotten.

Two identities tell (`outdated`, pure):

| what was recorded | and is there now | then |
|---|---|---|
| a file system with a UUID | the same one | all numbers hold, wherever it is mounted and whatever its root is |
| one without (NFS, tmpfs) | the same id and type, from the same source | as before |
| one of both | anything else | no number holds |
| file systems below that the owner does not wait for any more | | none of theirs holds |
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from catalog.store import inodes
from catalog.values import Volume
from daemon.writer import WriterService

log = logging.getLogger(__name__)

_WHOLE = b""


def outdated(volume: Volume, identity: str) -> tuple[bytes, ...]:
    """Return the places at and below which no known inode number holds any more; an empty path = the whole volume.

    Args:
        volume: as the catalog has it.
        identity: what a probe found now.
    """
    recorded = json.loads(volume.identity) if volume.identity else {}
    before = recorded.get("left", recorded)
    if "key" in before and _numbered_by(before) != _numbered_by(json.loads(identity)):
        return (_WHOLE,)
    unmounted = [*before.get("unmounted", ()), *recorded.get("unmounted", ())]
    return tuple(sorted({bytes.fromhex(path) for path in unmounted}))


def _numbered_by(seen: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what gives out the numbers."""
    fs = str(seen.get("fs") or str(seen["key"]).rpartition("/")[0])
    if fs.startswith("uuid:") or seen.get("is_strong"):
        return (fs,)
    # `Mount.text`: number, device, type, source and point. The first two are others after each remount.
    source = " ".join(str(seen.get("mount", "")).split(" ")[3:4])
    return fs, str(seen.get("fs_type", "")), source


async def forget_inodes(writer: WriterService, volume: Volume, places: Iterable[bytes]) -> None:
    """Forget the numbers of files at and below these places, before anybody compares them with what is there."""
    for place in places:
        log.info("volume %s: known inodes at %r are another file system's", volume.name, place or volume.root)
        after: int | None = 0
        while after is not None:
            after = await writer.run(inodes.forget, volume.id, place, after)
