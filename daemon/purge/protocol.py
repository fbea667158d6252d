"""What the daemon and a remover say to each other: one frame each, a list whose first item names it.

| down | meaning |
|---|---|
| hello, root, key, instance, may_lease | which volume; once |
| verify, path, hash, size, mtime_ns, ctime_ns, inode | is this file still exactly that one? |
| go / stop | remove it now / leave it |
| look, path | is anything there? |

| up | meaning |
|---|---|
| hello, confinement | ready, and what holds |
| pulse | still reading |
| verified | yes, every byte; the answer must be go or stop |
| ended, state, reason, ctime_ns | how it ended: see `Ending` |
| looked, fate | there, gone, or unknown (an error that is no answer) |

One file at a time, strictly in turn. Both sides use the encoders and decoders here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from catalog.ids import ContentHash
from vfs.beneath import FileStamp

State = Literal["done", "refused", "failed"]
Fate = Literal["there", "gone", "unknown"]
# Why a remover refuses, beside the reasons of catalog.purge: code -> in user words.
REFUSED_BECAUSE = {
    "gone": "the file is not there any more",
    "changed": "the file is not the one that was written down",
    "busy": "somebody has it open for writing, or wrote a moment ago",
    "offline": "the volume went away, or another one is in its place",
    "stopped": "the purge was stopped",
    "interrupted": "an earlier purge was interrupted before it touched the file",
}


@dataclass(frozen=True, slots=True)
class RemoverHello:
    """Which volume a remover serves.

    Attributes:
        key: `Identity.key` of the storage that was probed.
        instance: of the very mount that was probed.
        may_lease: leases of its file system are a proof.
    """

    root: bytes
    key: str
    instance: str
    may_lease: bool


@dataclass(frozen=True, slots=True)
class Order:
    """One file, as it was written down."""

    path: bytes
    hash: ContentHash
    stamp: FileStamp


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended.

    Attributes:
        state: done = the name is gone and its directory synced; refused = untouched; failed = the system said no, untouched.
        reason: a code of REFUSED_BECAUSE, or an errno name; None when done.
        ctime_ns: of the inode after its name went, when it has other names; else None.
    """

    state: State
    reason: str | None = None
    ctime_ns: int | None = None


def encode_hello(hello: RemoverHello) -> list[Any]:
    """Write the first message."""
    return ["hello", hello.root, hello.key, hello.instance, hello.may_lease]


def decode_hello(message: list[Any]) -> RemoverHello:
    """Read it."""
    return RemoverHello(*message[1:])


def encode_order(order: Order) -> list[Any]:
    """Write what is to be verified."""
    return ["verify", order.path, order.hash, *order.stamp]


def decode_order(message: list[Any]) -> Order:
    """Read it."""
    _, path, digest, *stamp = message
    return Order(path, ContentHash(digest), FileStamp(*stamp))


def encode_ending(ending: Ending) -> list[Any]:
    """Write how it ended."""
    return ["ended", ending.state, ending.reason, ending.ctime_ns]


def decode_ending(message: list[Any]) -> Ending:
    """Read it."""
    return Ending(*message[1:])
