"""First sight: the rows that a file gets when its bytes become an asset's.

Ids are assigned here from the AUTOINCREMENT counters, so that a batch needs no look-up between its inserts.
Invariants: an asset, its first content, its location and the tokens of its name appear in one transaction; the short id of a new uid is
unique in the library (a drawn one that is taken is drawn again); the display name is fixed here for ever.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from catalog import names, text
from catalog.capture import from_mtime
from catalog.facts import Kind
from catalog.ids import AssetId, ContentId, LocationId, Uid, new_uid, short_of
from catalog.store.db import Writer

_INSERT_CONTENT = "INSERT INTO content (id, asset_id, size, kind, mime, facts_state, created_ns) VALUES (?, ?, ?, ?, ?, ?, ?)"
_INSERT_ASSET = (
    "INSERT INTO asset (id, uid, short, name, fold, is_suffixed, first_seen_ns, content_id, location_id, kind, mime,"
    " size, mtime_ns, added_day, state, changed_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

_INSERT_TEXT = "INSERT INTO photo_text (rowid, name, title, description, tags, people, place) VALUES (?, ?, '', '', '', '', '')"


@dataclass(frozen=True, slots=True)
class Birth:
    """A file whose bytes are to be remembered; `location_id` is its (possibly assigned) row."""

    location_id: LocationId
    name: bytes
    size: int
    mtime_ns: int
    kind: Kind
    mime: str


def draw_uids(writer: Writer, count: int) -> list[Uid]:
    """Return fresh uids whose short forms are unique in the library and among themselves."""
    drawn: dict[str, Uid] = {}
    while len(drawn) < count:
        candidates = {short_of(uid): uid for uid in (new_uid() for _ in range(count - len(drawn)))}
        taken = writer.rows(
            "SELECT short FROM asset WHERE short IN (SELECT value FROM json_each(?))",
            (json.dumps(list(candidates)),),
        )
        for (short,) in taken:
            del candidates[short]
        drawn.update(candidates)
    return list(drawn.values())


def added_day(first_seen_ns: int, zone: ZoneInfo) -> int:
    """Return YYYYMMDD of an instant in the library's zone."""
    local = from_mtime(first_seen_ns, zone).local
    return int(local[:4]) * 10_000 + int(local[5:7]) * 100 + int(local[8:10])


class Born(NamedTuple):
    """The ids of a new asset and its content."""

    asset_id: AssetId
    content_id: ContentId


class Nursery:
    """New assets with assigned ids, inserted around their locations: contents, then locations, then assets.

    In this order no foreign key but the indexed `content.asset_id` is ever open; SQLite would otherwise look
    through all assets for each new location.
    """

    def __init__(self, writer: Writer, births: Sequence[Birth], *, now_ns: int) -> None:
        self._writer = writer
        self._births = births
        self._now_ns = now_ns
        first_asset, first_content = writer.last_id("asset") + 1, writer.last_id("content") + 1
        self.born = [
            Born(AssetId(first_asset + offset), ContentId(first_content + offset))
            for offset in range(len(births))
        ]

    def insert_contents(self) -> None:
        """First."""
        self._writer.executemany(
            _INSERT_CONTENT,
            [
                (content_id, asset_id, birth.size, birth.kind, birth.mime, "due", self._now_ns)
                for (asset_id, content_id), birth in zip(self.born, self._births, strict=True)
            ],
        )

    def insert_assets(self) -> None:
        """Last: the locations exist."""
        uids = draw_uids(self._writer, len(self._births))
        day = added_day(self._now_ns, self._writer.zone)
        rows = [
            _asset_row(born, birth, uid, day, self._now_ns)
            for born, birth, uid in zip(self.born, self._births, uids, strict=True)
        ]
        self._writer.executemany(_INSERT_ASSET, rows)
        self._writer.executemany(_INSERT_TEXT, [(row[0], text.indexed([row[3]])) for row in rows])


def bear_asset(writer: Writer, birth: Birth, *, now_ns: int) -> Born:
    """Insert a provisional asset and its content for a location that exists; it points to them later."""
    nursery = Nursery(writer, [birth], now_ns=now_ns)
    nursery.insert_contents()
    nursery.insert_assets()
    return nursery.born[0]


def _asset_row(born: Born, birth: Birth, uid: Uid, day: int, now_ns: int) -> tuple[Any, ...]:
    clean = names.clean_name(birth.name)
    return (
        born.asset_id,
        uid,
        short_of(uid),
        clean.text,
        names.fold(clean.text),
        int(names.must_carry_suffix(clean)),
        now_ns,
        born.content_id,
        birth.location_id,
        birth.kind,
        birth.mime,
        birth.size,
        birth.mtime_ns,
        day,
        "pending",
        now_ns,
    )


def new_contents(
    writer: Writer, versions: Iterable[tuple[AssetId, Birth]], *, now_ns: int
) -> list[ContentId]:
    """Insert a new version of the bytes of known assets; return their ids in order.

    An empty version has nothing to read: it fails at once and says so.
    """
    first = writer.last_id("content") + 1
    rows = [
        (
            first + offset,
            asset_id,
            birth.size,
            birth.kind,
            birth.mime,
            "due" if birth.size else "failed",
            now_ns,
        )
        for offset, (asset_id, birth) in enumerate(versions)
    ]
    writer.executemany(_INSERT_CONTENT, rows)
    writer.executemany(
        "INSERT INTO finding (content_id, tool, version, reason, found_ns) VALUES (?, 'scan', '1', ?, ?)",
        [(row[0], "the file is empty", now_ns) for row in rows if row[2] == 0],
    )
    return [ContentId(row[0]) for row in rows]
