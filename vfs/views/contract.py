"""What a view is: three questions about its own inode numbers, answered from one reader.

A view holds no state and knows no frontend. Every answer takes a bounded number of indexed queries, whatever
the size of the folder: a listing is one query per page, never one per entry.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from catalog.buckets import Bucket
from catalog.errors import NotFound
from catalog.store.db import Reader
from catalog.values import Viewer
from vfs.inodes import Inode, Unpacked
from vfs.nodes import Entry, Node


class Step(NamedTuple):
    """One name on the way to a folder: what a kernel caches."""

    parent: Inode
    name: bytes


class View(Protocol):
    """A part of the tree. Raises NotFound for what is not there (any more)."""

    def node(self, reader: Reader, at: Unpacked) -> Node:
        """Return the node with fresh attributes."""

    def lookup(self, reader: Reader, at: Unpacked, name: bytes, viewer: Viewer) -> Node:
        """Return the entry of that exact name."""

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return up to `limit` entries with cookies above `after`, ascending; fewer only at the end."""

    def parent(self, reader: Reader, at: Unpacked) -> Inode:
        """Return the folder that holds this folder."""

    def folded(self, reader: Reader, at: Unpacked, name: str) -> Node | None:
        """Return the entry equal to a name but for case and Unicode form, by an index; NotFound if there is none.

        None: there is no index for this folder, and it is short enough to be read.
        """


class StaticView(View, Protocol):
    """A view whose leaf folders are buckets."""

    def leaf(self, bucket: Bucket) -> Inode:
        """Return the number of the leaf folder."""

    def steps(self, reader: Reader, bucket: Bucket) -> list[Step]:
        """Return the names from below the view's root to the leaf folder, top first; also of a folder that has just gone."""


class LabelledView(StaticView, Protocol):
    """A static view whose folders are rows that a person named."""

    def chain(self, reader: Reader, row: int) -> list[Inode]:
        """Return the numbers of a row's folder (0 = the view's root) and of those above it, the root last."""


def missing(name: bytes | str) -> NotFound:
    """Return the error of a name that is not there."""
    shown = name if isinstance(name, str) else name.decode("utf-8", "backslashreplace")
    return NotFound(f"no entry {shown!r}")


def page(entries: list[Entry], after: int, limit: int) -> list[Entry]:
    """Return the wanted part of a short, complete listing."""
    return sorted((entry for entry in entries if entry.cookie > after), key=lambda entry: entry.cookie)[
        :limit
    ]
