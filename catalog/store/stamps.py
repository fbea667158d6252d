"""Stamps: what a listing says of files, compared with what was said before. Pure but for one look-up per name.

| of a known file differs | it is |
|---|---|
| size, mtime, or inode (where both are known) | changed: other bytes |
| ctime, and access (mode, owner, group, links) as well | touched, and explained: the new stamp is noted |
| ctime alone, or access was not known before | touched for no reason that can be seen: its bytes are read again |
| access alone, where it was not known | learnt |

A ctime of 0 is one that nobody kept (another storage, a restored place): it is learnt and proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from catalog import media_types
from catalog.ids import ContentId, DirectoryId, LocationId
from catalog.store.db import Session
from catalog.values import Observed


class Stamp(NamedTuple):
    """What proves that bytes are those of another name, where a file system keeps inodes."""

    inode: int
    size: int
    mtime_ns: int


class Known(NamedTuple):
    """A location row as a listing compares it."""

    id: LocationId
    name: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    access: int
    state: str
    content_id: ContentId | None
    recheck_due: int
    is_hashed: int

    @property
    def is_present(self) -> bool:
        """Whether it was there when somebody looked last."""
        return self.state == "present"

    @property
    def stamp(self) -> Stamp:
        """As it was known until now."""
        return Stamp(self.inode, self.size, self.mtime_ns)


@dataclass(slots=True)
class Part:
    """The work of one part of a listing, sorted by what must happen. `unexplained` are among the touched ones."""

    new: list[Observed] = field(default_factory=list)
    changed: list[tuple[Known, Observed]] = field(default_factory=list)
    touched: list[tuple[Known, Observed]] = field(default_factory=list)
    unexplained: list[Known] = field(default_factory=list)
    returned: list[Known] = field(default_factory=list)


# The index behind UNIQUE (directory_id, name).
KNOWN = (
    "SELECT l.id, l.name, l.size, l.mtime_ns, l.ctime_ns, l.inode, l.access, l.state, l.content_id, l.recheck_due,"
    " c.hash IS NOT NULL FROM location AS l LEFT JOIN content AS c ON c.id = l.content_id"
    " WHERE l.directory_id = ? AND l.name = ?"
)


def known_files(session: Session, directory_id: DirectoryId, files: Sequence[Observed]) -> dict[bytes, Known]:
    """Return the rows of those of these files that have one, by name."""
    known = {}
    for entry in files:
        row = session.row(KNOWN, (directory_id, entry.name))
        if row is not None:
            known[entry.name] = Known._make(row)
    return known


def sorted_out(files: Sequence[Observed], known: Mapping[bytes, Known]) -> Part:
    """Compare a part of a listing with what was known."""
    work = Part()
    for entry in files:
        row = known.get(entry.name)
        if row is None:
            work.new.append(entry)
            continue
        if not row.is_present:
            work.returned.append(row)
        if has_other_bytes(row, entry):
            work.changed.append((row, entry))
        elif (row.ctime_ns, row.inode, row.access) != (entry.ctime_ns, entry.inode, entry.access):
            work.touched.append((row, entry))
            if not is_explained(row, entry):
                work.unexplained.append(row)
    return work


def has_other_bytes(row: Known, entry: Observed) -> bool:
    """Tell whether a stamp shows that the file is another one, or was written to."""
    # A place that a dump told of has no inode: its size and time say whether it is that file.
    is_other_file = 0 not in (row.inode, entry.inode) and row.inode != entry.inode
    return is_other_file or (row.size, row.mtime_ns) != (entry.size, entry.mtime_ns)


def is_explained(row: Known, entry: Observed) -> bool:
    """Tell whether a change time stands still, is seen for the first time, or moved because access did."""
    if row.ctime_ns == entry.ctime_ns or 0 in (row.ctime_ns, entry.ctime_ns):
        return True
    return 0 not in (row.access, entry.access) and row.access != entry.access


def stamp_of(entry: Observed) -> Stamp:
    """Return the stamp of a dentry."""
    return Stamp(entry.inode, entry.size, entry.mtime_ns)


def must_sniff(entry: Observed) -> bool:
    """Tell whether only its bytes say what a file is."""
    return (
        entry.size > 0
        and media_types.guess(entry.name) is None
        and not media_types.is_known_other(entry.name)
    )
