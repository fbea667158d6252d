"""People/: by name, then by year of capture."""

from __future__ import annotations

from catalog.buckets import View
from catalog.store import layer_folders, listing
from catalog.store.db import Reader
from catalog.values import BucketRow, Viewer
from vfs.inodes import Fixed, Inode, Kind, Unpacked, pack, pack_pair
from vfs.nodes import Entry, Node
from vfs.views.contract import missing
from vfs.views.folders import row_node
from vfs.views.pairs import PairView

PEOPLE = pack(Kind.FIXED, Fixed.PEOPLE)


class PersonLabels:
    """See `vfs.views.pairs.Labels`: rows of the table person."""

    def label(self, reader: Reader, key: int) -> str:
        """Return the folder's name of a person."""
        rungs = layer_folders.upwards(reader, View.PEOPLE, key)
        if not rungs:
            raise missing(f"person {key}")
        return rungs[0].label

    def key(self, reader: Reader, label: str) -> int | None:
        """Return the person of a folder."""
        row = listing.folder_labelled(reader, View.PEOPLE, 0, label)
        return None if row is None else row.id

    def label_of_row(self, row: BucketRow) -> str:
        """Buckets carry no names of persons: People/ is listed by its own query."""
        raise AssertionError("People/ is never listed from its buckets")


class PeopleView(PairView):
    """See `vfs.views.contract.LabelledView`; thousands of persons are listed by page."""

    def __init__(self) -> None:
        super().__init__(view=View.PEOPLE, kind=Kind.PERSON, fixed=Fixed.PEOPLE, labels=PersonLabels())

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return persons, years or photos."""
        if at.kind is not Kind.FIXED:
            return super().children(reader, at, viewer, after, limit)
        rows = listing.folders_below(reader, View.PEOPLE, 0, after, limit)
        return [
            Entry(row.label.encode(), row.id, row_node(pack_pair(Kind.PERSON, row.id, 0), row))
            for row in rows
        ]

    def folded(self, reader: Reader, at: Unpacked, name: str) -> Node | None:
        """Find a person, or a photo of a year; years are few."""
        if at.kind is not Kind.FIXED:
            return super().folded(reader, at, name)
        row = listing.folder_folded(reader, View.PEOPLE, 0, name)
        if row is None:
            raise missing(name)
        return row_node(pack_pair(Kind.PERSON, row.id, 0), row)

    def chain(self, reader: Reader, row: int) -> list[Inode]:
        """See `LabelledView.chain`; persons have nobody above them."""
        return [pack_pair(Kind.PERSON, row, 0), PEOPLE] if row else [PEOPLE]
