"""A few photos and a way to carry commands out, for tests of edits: every command is followed by the checker.

`Photos.dump` is everything that people said, in words that a refused command, a dry run and an undo must leave alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from catalog.commands import Command, EditOptions, execute
from catalog.commands.layer import Undo
from catalog.errors import GlassineError
from catalog.ids import AssetId
from catalog.store import photos, things
from store_harness import StoreHarness

Document = dict[str, Any]


@dataclass(slots=True)
class Photos:
    """Photos named IMG_0.JPG, IMG_1.JPG … of successive days; `uids` in that order."""

    catalog: StoreHarness
    uids: tuple[str, ...]

    def do(self, command: Command, *, author: str = "owner", **options: Any) -> Document:
        """Carry a command out; the catalog must be sound after it."""
        self.catalog.now_ns += 1
        answer = execute(
            self.catalog.writer,
            command,
            now_ns=self.catalog.now_ns,
            author=author,
            options=EditOptions(**options),
        )
        assert self.catalog.check() == []
        assert json.loads(json.dumps(answer)) == answer, "JSON types only"
        return answer

    def refuse(
        self, command: Command, error: type[GlassineError], match: str = ".", **options: Any
    ) -> GlassineError:
        """Carry out a command that must fail as this class, and leave everything as it was."""
        before = self.dump(), self.counters()
        with pytest.raises(error, match=match) as caught:
            self.do(command, **options)
        assert type(caught.value) is error
        assert (self.dump(), self.counters()) == before
        return caught.value

    def undo(self, journal: int | None = None) -> Document:
        return self.do(Undo(journal))

    def document(self, index: int) -> Document:
        """Return what `show` says of a photo."""
        return photos.documents(self.catalog.writer, [self.asset(index)])[0]

    def of(self, field: str) -> list[Any]:
        """Return one field of every photo."""
        return [self.document(index)[field] for index in range(len(self.uids))]

    def asset(self, index: int) -> AssetId:
        return AssetId(self.catalog.writer.value("SELECT id FROM asset WHERE uid = ?", (self.uids[index],)))

    def counters(self) -> tuple[Any, ...]:
        """Return what grows with every change, whatever it is."""
        return tuple(
            self.catalog.writer.value(f"SELECT max({column}) FROM {table}")
            for table, column in (("journal", "id"), ("change", "seq"), ("statement", "id"), ("tag", "id"))
        )

    def dump(self) -> tuple[Any, ...]:
        """Return everything that is said, and all living things."""
        said = self.catalog.writer.rows(
            "SELECT asset_id, property, element, source, author, value, made_ns FROM statement"
            " ORDER BY asset_id, property, element, source, author"
        )
        living = {
            (kind, uid): content
            for kind in things.KINDS
            for uid, content in things.snapshots(self.catalog.writer, kind).items()
            if not content["is_deleted"]
        }
        looks = [
            {name: value for name, value in one.items() if name not in ("changed_ns",)}
            for one in photos.documents(self.catalog.writer, [self.asset(i) for i in range(len(self.uids))])
        ]
        return said, living, looks


def make_photos(catalog: StoreHarness, count: int = 4) -> Photos:
    """Ingest some photos of 2019-08-01 and the days after it, each in a directory of its own (so none is stacked)."""
    for index in range(count):
        path = f"d{index}/IMG_{index}.JPG".encode()
        catalog.put(path, f"photo {index}")
        catalog.dates[path] = f"2019-08-{index + 1:02d}T12:00:00"
    catalog.ingest()
    rows = catalog.writer.rows("SELECT uid FROM asset ORDER BY name")
    return Photos(catalog, tuple(uid for (uid,) in rows))
