"""Folders that ask: Search, Searches, Memories, Offline. They hold no rows; what they list follows from a query.

Invariants:
- only photos that can be shown are listed, a member of a stack only where its cover is not;
- names never move: the plain name belongs to the first asset that ever had it in this library, whether that is listed,
  trashed or merged; all others carry their short id. So a name is the same in every dynamic folder, always;
- a listing goes on behind an asset id (the cookie); a name is looked up through an index, whatever the query.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog import names
from catalog.ids import AssetId, ContentHash, ContentId, Uid
from catalog.query.predicate import And, Choice, DayRange, Not, Or, Predicate, Term, TextMatch
from catalog.store import volumes
from catalog.store.conditions import compiled
from catalog.store.db import Row, Session
from catalog.store.find import with_aliases
from catalog.store.leads import Lead, lead_of
from catalog.store.query_functions import register_functions
from catalog.values import PhotoRow, Volume

NO_LIMIT = -1
_AT_ONCE = 1000
Days = tuple[int, int]

# Who had a name first: index asset_fold, one step. Those that never have a plain name are not in it.
FIRST_OF_FOLD = (
    "SELECT min(f.id) FROM asset AS f INDEXED BY asset_fold WHERE f.fold = {} AND f.is_suffixed = 0"
)
_PHOTO = (
    "SELECT a.id, a.content_id, a.uid, a.short, a.name, a.is_suffixed, a.size, a.mtime_ns, a.changed_ns, a.mime, c.hash,"
    f" ({FIRST_OF_FOLD.format('a.fold')}) FROM "
)
PHOTOS_BY_ID = (
    f"{_PHOTO} json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value"
    " CROSS JOIN content AS c ON c.id = a.content_id ORDER BY a.id"
)
# asset(short) is unique: the implicit index of the column.
PHOTO_BY_SHORT = "SELECT id, cover_id FROM asset WHERE short = ? AND state = 'shown'"
PHOTO_BY_FOLD = f"SELECT id, cover_id FROM asset WHERE id = ({FIRST_OF_FOLD.format('?')}) AND state = 'shown'"
# The first present file of a photo ends the search: directory(volume_id, path) and location(directory_id, name) are unique.
HOLDS_PHOTOS = (
    "SELECT EXISTS (SELECT 1 FROM directory AS d CROSS JOIN location AS l ON l.directory_id = d.id"
    " WHERE d.volume_id = ? AND l.state = 'present' AND l.content_id IS NOT NULL)"
)
# index asset_day
HAS_DAYS = "SELECT EXISTS (SELECT 1 FROM asset AS a INDEXED BY asset_day WHERE a.state = 'shown' AND a.day BETWEEN ? AND ?)"


def photos_matching(
    session: Session, predicate: Predicate, after: int = 0, limit: int = NO_LIMIT
) -> list[PhotoRow]:
    """Return the photos that a dynamic folder lists, by asset id, those behind `after`, at most `limit`."""
    asked = _ask(session, predicate)
    found: list[AssetId] = []
    while limit < 0 or len(found) < limit:
        room = _AT_ONCE if limit < 0 else min(_AT_ONCE, limit - len(found))
        rows = asked.next(after, room)
        found += asked.without_covered(rows)
        if len(rows) < room:
            break
        after = rows[-1][0]
    return _photos(session, found)


def photo_matching_named(session: Session, predicate: Predicate, name: str) -> PhotoRow | None:
    """Return the photo that the folder shows under exactly this name, or that `name~short.ext` names.

    The suffixed form finds a photo even where its plain name is shown; the row carries the shown name.
    """
    found = _named(session, predicate, name)
    if found is None:
        return None
    suffixed = names.with_suffix(found[1], found[0].uid[:6])
    return found[0] if name in (found[0].name, suffixed) else None


def photo_matching_folded(session: Session, predicate: Predicate, name: str) -> PhotoRow | None:
    """Like `photo_matching_named`, but for clients to whom case and Unicode form mean nothing. Never ambiguous."""
    found = _named(session, predicate, name)
    if found is None:
        return None
    suffixed = names.with_suffix(found[1], found[0].uid[:6])
    return found[0] if names.fold(name) in (names.fold(found[0].name), names.fold(suffixed)) else None


def of_days(ranges: Iterable[Days], *, excluded: Predicate | None = None) -> Predicate:
    """Return the query that Memories ask: packed days from … to (both included), without what is excluded."""
    days = Or(tuple(Term("date", DayRange(low, high)) for low, high in ranges))
    return days if excluded is None else And((days, Not(excluded)))


def photos_of_days(
    session: Session,
    ranges: Sequence[Days],
    after: int = 0,
    limit: int = NO_LIMIT,
    *,
    excluded: Predicate | None = None,
) -> list[PhotoRow]:
    """Return the photos of some ranges of packed days as a dynamic folder lists them (index asset_day)."""
    return photos_matching(session, of_days(ranges, excluded=excluded), after, limit)


def years_with_days(
    session: Session, ranges_by_year: Mapping[int, Sequence[Days]], *, excluded: Predicate | None = None
) -> list[int]:
    """Return those years, in order, of whose ranges of days there is a photo to show."""
    return [year for year, ranges in sorted(ranges_by_year.items()) if _has_photo(session, ranges, excluded)]


def offline_volumes(session: Session) -> list[Volume]:
    """Return the volumes that cannot be read now and hold photos, in order of their ids."""
    return [
        volume
        for volume in sorted(volumes.volumes(session), key=lambda volume: volume.id)
        if volume.state not in ("online", "unknown") and session.value(HOLDS_PHOTOS, (volume.id,))
    ]


def of_offline_volume(volume: Volume) -> Predicate:
    """Return the query that Offline/<volume>/ asks: what this volume holds, and no volume that can be read."""
    held = Term("held", TextMatch((names.fold(volume.name),)))
    return And((Term("is", Choice("offline")), held))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query made ready for the pages of one call."""

    session: Session
    condition: str
    values: list[Any]
    lead: Lead | None

    def next(self, after: int, limit: int) -> list[Row]:
        """Return (asset, its cover or None) of the next that match and can be shown."""
        led, led_values = (
            ("", ()) if self.lead is None else (f" AND a.id IN ({self.lead.sql})", self.lead.values)
        )
        sql = (
            f"SELECT a.id, a.cover_id FROM asset AS a WHERE a.id > ?{led} AND a.state = 'shown' AND {self.condition}"
            " ORDER BY a.id LIMIT ?"
        )
        return self.session.rows(sql, [after, *led_values, *self.values, limit])

    def matching(self, asset_ids: Iterable[int]) -> set[int]:
        """Return which of these match and can be shown."""
        sql = (
            "SELECT a.id FROM json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value"
            f" WHERE a.state = 'shown' AND {self.condition}"
        )
        rows = self.session.rows(sql, [json.dumps(sorted(set(asset_ids))), *self.values])
        return {row[0] for row in rows}

    def without_covered(self, rows: Sequence[Row]) -> list[AssetId]:
        """Return those for whom no cover stands in the same folder."""
        covers = {cover_id for _, cover_id in rows if cover_id is not None}
        listed = self.matching(covers) if covers else set()
        return [AssetId(asset_id) for asset_id, cover_id in rows if cover_id not in listed]


def _ask(session: Session, predicate: Predicate, *, needs_lead: bool = True) -> _Asked:
    register_functions(session)
    asked = with_aliases(session, predicate)
    condition, values = compiled(session, asked)
    lead = lead_of(session, asked, is_shown_only=True) if needs_lead else None
    return _Asked(session, condition, values, lead)


def _named(session: Session, predicate: Predicate, name: str) -> tuple[PhotoRow, str] | None:
    """Return the one photo that can have this name here, and its name without suffix."""
    suffix = names.split_suffix(name)
    row = None if suffix is None else session.row(PHOTO_BY_SHORT, (suffix[1],))
    if row is None:
        row = session.row(PHOTO_BY_FOLD, (names.fold(name),))
    if row is None:
        return None
    asked = _ask(session, predicate, needs_lead=False)
    if row[0] not in asked.matching([row[0]]) or not asked.without_covered([row]):
        return None
    (photo,) = _photos(session, [row[0]])
    return photo, str(session.value("SELECT name FROM asset WHERE id = ?", (row[0],)))


def _has_photo(session: Session, ranges: Sequence[Days], excluded: Predicate | None) -> bool:
    if excluded is not None:
        return bool(photos_of_days(session, ranges, limit=1, excluded=excluded))
    return any(session.value(HAS_DAYS, days) for days in ranges)


def _photos(session: Session, asset_ids: Sequence[AssetId]) -> list[PhotoRow]:
    return [_photo(row) for row in session.rows(PHOTOS_BY_ID, (json.dumps(asset_ids),))]


def _photo(row: Row) -> PhotoRow:
    asset_id, content_id, uid, short, name, is_suffixed, size, mtime_ns, changed_ns, mime, digest, first = row
    is_plain = not is_suffixed and first == asset_id
    return PhotoRow(
        AssetId(asset_id),
        ContentId(content_id),
        Uid(uid),
        name if is_plain else names.with_suffix(name, short),
        size,
        mtime_ns,
        changed_ns,
        mime,
        None if digest is None else ContentHash(digest),
    )
