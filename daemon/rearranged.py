"""All known files that were looked for are gone: was the volume emptied, or did somebody re-sort it?

Where folders were renamed or files were moved, there is something new where the old names were. One listing of each of
those places tells. Only asked for a root that is beyond doubt the recorded one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from catalog.ids import VolumeId
from catalog.store.samples import unknown_entries
from catalog.values import DirectoryListing, Observed, Sample
from daemon.volume_session import VolumeSession
from daemon.writer import WriterService

# A note that somebody left is no new order; a new folder is, and so are as many files as prove that the old ones are gone.
_ENOUGH_FILES = 4


async def is_rearranged(
    session: VolumeSession, writer: WriterService, volume_id: VolumeId, gone: Sequence[Sample]
) -> bool:
    """Tell whether something that the catalog does not know is where these files were.

    Raises:
        VolumeOffline: the volume went away meanwhile.
    """
    above = sorted({path for sample in gone for path in _directories_above(sample.path)})
    _, fates = await session.look(above)
    present = {path for path, fate in zip(above, fates, strict=True) if fate == "present"} | {b""}
    deepest = {next(path for path in _directories_above(sample.path) if path in present) for sample in gone}
    new_files = 0
    async with session.open_walk(sorted(deepest), is_recursive=False) as parts:
        async for part in parts:
            if not isinstance(part, DirectoryListing):
                continue
            new = await _unknown(writer, volume_id, part.path, part.entries)
            new_files += sum(entry.kind == "f" for entry in new)
            if new_files >= _ENOUGH_FILES or any(entry.kind == "d" for entry in new):
                return True
    return False


def _directories_above(path: bytes) -> list[bytes]:
    """Return the directories above a path, deepest first, the root at last."""
    found = []
    while path:
        path = path.rpartition(b"/")[0]
        found.append(path)
    return found


async def _unknown(
    writer: WriterService, volume_id: VolumeId, path: bytes, entries: Iterable[Observed]
) -> list[Observed]:
    by_name = {entry.name: entry for entry in entries}
    names = await writer.read(unknown_entries, volume_id, path, list(by_name))
    return [by_name[name] for name in names]
