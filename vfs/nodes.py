"""What the tree's doors give: nodes with all their attributes, and entries of a folder.

Values only. Names are bytes, exactly as FUSE shows them; in views they are UTF-8. Times are ns since 1970 and
may be negative. Named tuples, not dataclasses: a listing makes 100,000 of them (a frozen dataclass with
slots costs four times as much to make, measured 2026-11).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from vfs.inodes import Inode, is_fleeting

FILE_MODE = 0o444
DIRECTORY_MODE = 0o555
BLOCK_BYTES = 512
PREFERRED_IO_BYTES = 128 * 1024
DIRECTORY_MIME = "inode/directory"
UNKNOWN_MIME = "application/octet-stream"


class Named(Protocol):
    """Anything that says which node it means; the doors need no more of a parent than this."""

    @property
    def inode(self) -> Inode:
        """The number."""


class Ref(NamedTuple):
    """A node by its number alone: what a kernel request carries."""

    inode: Inode


class Node(NamedTuple):
    """One file or folder with its attributes, of one moment.

    Attributes:
        inode: see `vfs.inodes`; the same photo has the same number in every view.
        is_dir: a folder (0555), else a regular file (0444); there is nothing else.
        size: exact bytes; 0 for folders.
        mtime_ns: capture time in views, the file's own in `Originals/`, last change for folders. atime equals it.
        ctime_ns: last change of what we know; the file's own in `Originals/`.
        mime: type, or None when nobody knows.
        hash: BLAKE3-256 of the bytes, or None (folders, unread and generated files).
        uid: of the asset, or None.
        generation: of a folder: another number after every change of its entries; 0 where there is none.
        is_generated: bytes are made by us and may differ at the next open.
        part: strong tag of bytes that follow from an original, its hash and which part of it; None = another rule.
    """

    inode: Inode
    is_dir: bool
    size: int
    mtime_ns: int
    ctime_ns: int
    mime: str | None = None
    hash: bytes | None = None
    uid: str | None = None
    generation: int = 0
    is_generated: bool = False
    part: str | None = None

    @property
    def mode(self) -> int:
        """Permission bits."""
        return DIRECTORY_MODE if self.is_dir else FILE_MODE

    @property
    def blocks(self) -> int:
        """Blocks of 512 bytes: never 0 for bytes that exist, or `tar -S` archives zeros."""
        return -(-self.size // BLOCK_BYTES)

    @property
    def is_fleeting(self) -> bool:
        """A folder of a dynamic view: neither its names nor its times may be kept. Its photos' attributes may."""
        return self.is_dir and is_fleeting(self.inode)

    @property
    def etag(self) -> str:
        """Entity tag of RFC 9110 section 8.8.3, quotes included.

        Strong (the content hash) once the bytes are read; weak before, and for what is generated.
        """
        if self.hash is not None:
            return f'"{self.hash.hex()}"'
        if self.part is not None:
            return f'"{self.part}"'
        if self.generation:
            return f'W/"{self.inode:x}-{self.generation:x}"'
        return f'W/"{self.inode:x}-{self.size:x}-{self.mtime_ns:x}-{self.ctime_ns:x}"'


class Entry(NamedTuple):
    """One name of a folder.

    `cookie` is stable while the entry lives, > 0, ascending within a listing: listing again after it goes on
    exactly behind it, whatever came or went meanwhile.
    """

    name: bytes
    cookie: int
    node: Node
