"""A sidecar as settling sees it: its row with the place of its file, whom it is about, and how certain that is.

Values and the questions that read them; decides nothing. `catalog.store.sidecar_settling` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from catalog.facts import Facts
from catalog.ids import DirectoryId, LocationId
from catalog.sidecars.binding import CERTAINTY, Claim
from catalog.sidecars.names import Form
from catalog.store.db import Row, Session
from catalog.store.facts_codec import facts_from_text


@dataclass(slots=True)
class SidecarFile:
    """A row of `sidecar`, with the place of its file."""

    location_id: LocationId
    directory_id: DirectoryId
    form: Form
    state: str
    author: str | None
    said: str | None
    reason: str | None
    overruled: str | None
    name: bytes
    volume: str
    directory: bytes
    size: int
    mtime_ns: int
    inode: int
    is_here: bool
    facts: Facts | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.facts = facts_from_text(self.said) if self.said is not None else None

    @property
    def path(self) -> str:
        """Where it is, for people: `volume:path`; bytes that are no UTF-8 as `\\xff`."""
        path = self.directory + b"/" + self.name if self.directory else self.name
        return f"{self.volume}:{path.decode('utf-8', 'backslashreplace')}"

    @property
    def claim(self) -> Claim:
        """What it says itself about whom it is about."""
        extra = self.facts.extra if self.facts is not None else {}
        known = {name: value for name in Claim._fields if isinstance(value := extra.get(name), str)}
        return Claim(**known)


_SIDECAR = (
    "SELECT s.location_id, s.directory_id, s.form, s.state, s.author, s.said, s.reason, s.overruled, l.name, v.name,"
    " d.path, l.size, l.mtime_ns, l.inode, l.state = 'present' AND l.size > 0 FROM sidecar AS s"
    " CROSS JOIN location AS l ON l.id = s.location_id CROSS JOIN directory AS d ON d.id = l.directory_id"
    " CROSS JOIN volume AS v ON v.id = l.volume_id WHERE "
)
# index sidecar_cell
OF_CELLS = _SIDECAR + "s.directory_id = ? AND s.cell IN (SELECT wanted.value FROM json_each(?) AS wanted)"
OF_IDS = _SIDECAR + "s.location_id IN (SELECT wanted.value FROM json_each(?) AS wanted)"


class Voice(NamedTuple):
    """A sidecar that has something to say about a photo."""

    sidecar: SidecarFile
    rule: str

    @property
    def rank(self) -> tuple[int, int, int]:
        """More certain, then newer, then seen earlier."""
        return (CERTAINTY[self.rule], -self.sidecar.mtime_ns, self.sidecar.location_id)  # type: ignore[index]


def is_same(gone: SidecarFile, other: SidecarFile) -> bool:
    """Tell whether a sidecar that is gone is this other one of the same photo now: it says the same, or has its inode."""
    if gone.form != other.form or gone.author == other.author:
        return False
    return gone.said == other.said or (gone.inode == other.inode != 0 and gone.volume == other.volume)


def free_author(session: Session, path: str) -> str:
    """Return what its statements are signed with: the path, and a number where another sidecar was there once."""
    author, number = path, 1
    while session.row("SELECT 1 FROM sidecar WHERE author = ?", (author,)) is not None:
        number += 1
        author = f"{path} ({number})"
    return author


def sidecar_file(row: Row) -> SidecarFile:
    """Return the value of a row of `OF_CELLS` or `OF_IDS`."""
    values: tuple[Any, ...] = (*row[:8], bytes(row[8]), row[9], bytes(row[10]), *row[11:14], bool(row[14]))
    return SidecarFile(*values)
