"""Stacks: which files are one thing - RAW and JPEG, the halves of a Live Photo, a burst, an edit and its original.

Pure rules over names and facts; the store loads candidates by cell and keeps what comes out (`catalog.store.stacks`).
What people say about stacks is laid over this there. Decision 0004, metadata.md section 3.

- `names` what a file name tells; `candidate` a file with its facts; `rules` the table of rules; `grouping` from links to stacks.
"""

from __future__ import annotations

from blake3 import blake3

from catalog.ids import VolumeId
from catalog.stacks.candidate import Candidate
from catalog.stacks.grouping import Evidence, Group, cover_rank, group
from catalog.stacks.names import can_be_stacked, family_of, form_of
from catalog.stacks.rules import Kind, Rule, are_versions

__all__ = [
    "RULES_VERSION",
    "Candidate",
    "Evidence",
    "Group",
    "Kind",
    "Rule",
    "are_versions",
    "cell_of",
    "cover_rank",
    "group",
    "identifier_of",
    "twin_of",
]

# Raise it when a cell or a rule changes: what older rules stacked is decided again.
RULES_VERSION = 2


def cell_of(volume_id: VolumeId, directory: bytes, name: bytes) -> int | None:
    """Return the cell of a file: files that a rule could unite by name share it. 63 bits, stable; None = no rule can.

    A hash of volume, folder family and base stem. Sharing a cell proves nothing.
    """
    base = form_of(name).base
    if not base or not can_be_stacked(name):
        return None
    return _hash(b"cell", volume_id, family_of(directory), base.encode("utf-8", "surrogateescape"))


def twin_of(volume_id: VolumeId, directory: bytes, live_id: str | None) -> int | None:
    """Return what the halves of a Live Photo, or the frames of a burst, share; 63 bits.

    A hash of volume, directory and identifier (`identifier_of`).
    """
    if not live_id:
        return None
    return _hash(b"twin", volume_id, directory, live_id.encode("utf-8", "surrogateescape"))


def identifier_of(live_id: str | None, burst_id: str | None) -> str | None:
    """Return what a file is found by whatever it is called: its content identifier, else that of its burst."""
    if live_id:
        return live_id
    return f"burst {burst_id}" if burst_id else None


def _hash(kind: bytes, volume_id: VolumeId, directory: bytes, text: bytes) -> int:
    # Neither a path nor a stem can hold a zero byte.
    digest = blake3(b"\0".join((kind, str(volume_id).encode(), directory, text))).digest(8)
    return int.from_bytes(digest, "big") >> 1
