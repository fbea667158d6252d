"""What the daemon and the process that writes a marker say to each other: one frame down, one frame up.

| down | meaning |
|---|---|
| mark, root, key, instance, uid, name | which volume, as it was probed; what to write |

| up | meaning |
|---|---|
| written, confinement | it is there, and on the disk |
| failed, reason | errno name, `there` (something has that name already) or `offline` (another root is there) |
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class MarkerOrder:
    """One marker to be written.

    Attributes:
        root: absolute.
        key, instance: of the very root that was probed; another one is left alone.
        uid: of the volume.
        name: of the volume, for people.
    """

    root: bytes
    key: str
    instance: str
    uid: str
    name: str


def encode_order(order: MarkerOrder) -> list[Any]:
    """Write the order."""
    return ["mark", *astuple(order)]


def decode_order(message: list[Any]) -> MarkerOrder:
    """Read it."""
    return MarkerOrder(*message[1:])
