"""Folders that people and rules make: albums, tags, persons, places, stacks; what is below them, by label, by number.

Listings page by row, which never moves. An album's folder is there as soon as the album is; a tag's, a person's and a place's
while some photo is listed in it or below; a stack's while two of its photos can be seen. `label_path` is the way to one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from catalog import names
from catalog.buckets import ALL, OWN, Bucket, View
from catalog.store.db import Session, Writer
from catalog.values import FolderRow

NO_LIMIT = -1


class _Kind(NamedTuple):
    """How the folders of one view are told: their columns and who is there; `t` is the thing's row."""

    columns: str
    condition: str
    parent: str  # expression of the parent's row; 0 = top


def _latest(column: str, view: View, subs: str) -> str:
    return f"ifnull((SELECT max({column}) FROM bucket WHERE view = {int(view)} AND key = t.id{subs}), 0)"


def _kind(table: str, view: View, *, condition: str, parent: str, subs: str = "") -> _Kind:
    changed, generation = _latest("changed_ns", view, subs), _latest("generation", view, subs)
    columns = f"t.id, {parent}, t.label, max(t.created_ns, {changed}), {generation} FROM {table} AS t"
    return _Kind(columns, condition, parent)


_CANONICAL = "t.is_deleted = 0 AND t.merged_into IS NULL"
_PARENT = "ifnull(t.parent_id, 0)"
_HOLDS = "EXISTS (SELECT 1 FROM bucket AS b WHERE b.view = {} AND b.key = t.id{} AND b.count > 0)"
# A place and those below it, at most two levels; only cities list photos. Index place_below (whose expression has no affinity,
# so what it is compared with must have none), primary key of bucket.
_WITHIN = (
    "FROM (SELECT t.id AS id UNION ALL SELECT r.id FROM place AS r WHERE ifnull(r.parent_id, 0) = +t.id UNION ALL"
    " SELECT c.id FROM place AS r CROSS JOIN place AS c ON ifnull(c.parent_id, 0) = +r.id"
    " WHERE ifnull(r.parent_id, 0) = +t.id)"
    f" AS w CROSS JOIN bucket AS b ON b.view = {int(View.PLACES)} AND b.key = w.id AND b.sub = 0"
)
_KINDS: dict[int, _Kind] = {
    View.ALBUMS: _kind("album", View.ALBUMS, condition="t.is_deleted = 0", parent=_PARENT),
    View.TAGS: _kind(
        "tag",
        View.TAGS,
        condition=f"{_CANONICAL} AND {_HOLDS.format(int(View.TAGS), f' AND b.sub = {ALL}')}",
        parent=_PARENT,
    ),
    View.PEOPLE: _kind(
        "person", View.PEOPLE, condition=f"{_CANONICAL} AND {_HOLDS.format(int(View.PEOPLE), '')}", parent="0"
    ),
    View.PLACES: _Kind(
        f"t.id, {_PARENT}, t.label, ifnull((SELECT max(b.changed_ns) {_WITHIN}), 0),"
        f" ifnull((SELECT max(b.generation) {_WITHIN}), 0) FROM place AS t",
        f"EXISTS (SELECT 1 {_WITHIN} WHERE b.count > 0)",
        _PARENT,
    ),
}


def _below(kind: _Kind) -> str:
    return f"SELECT {kind.columns} WHERE {kind.parent} = ?1 AND {kind.condition} AND t.id > ?2 ORDER BY t.id LIMIT ?3"


# indexes album_below, tag_below, place_below; persons by their row
FOLDERS_BELOW: dict[int, str] = {view: _below(kind) for view, kind in _KINDS.items()}
# indexes album_sibling, tag_sibling, place_sibling, person_fold
FOLDER_BY_FOLD: dict[int, str] = {
    view: f"SELECT {kind.columns} WHERE {kind.parent} = ?1 AND t.fold = ?2 AND {kind.condition}"
    for view, kind in _KINDS.items()
}
FOLDER_BY_ID: dict[int, str] = {
    view: f"SELECT {kind.columns} WHERE t.id = ?1 AND {kind.condition}" for view, kind in _KINDS.items()
}
_STACKS = int(View.STACKS)
# index bucket_sub, one search per year
_NEXT_YEAR = f"SELECT min(b.sub) FROM bucket AS b INDEXED BY bucket_sub WHERE b.view = {_STACKS} AND b.count > 0 AND b.sub > {{}}"
STACK_YEARS = (
    f"WITH RECURSIVE years (sub) AS ({_NEXT_YEAR.format(-(2**63))}"
    f" UNION ALL SELECT ({_NEXT_YEAR.format('years.sub')}) FROM years WHERE years.sub IS NOT NULL)"
    " SELECT sub FROM years WHERE sub IS NOT NULL"
)
# bucket's primary key, all stacks: a stack that has just gone is a change of its year as well
STACK_YEAR_FOLDERS = (
    f"SELECT sub, max(changed_ns), max(generation) FROM bucket WHERE view = {_STACKS} GROUP BY sub HAVING max(count) > 0"
    " ORDER BY sub"
)
_STACK = (
    "SELECT s.id, b.sub, s.label, b.changed_ns, b.generation FROM bucket AS b{index} CROSS JOIN stack AS s ON s.id = b.key"
    f" WHERE b.view = {_STACKS} AND b.count > 0 AND b.sub = ?1"
)
STACKS_OF_YEAR = _STACK.format(index=" INDEXED BY bucket_sub") + " AND b.key > ?2 ORDER BY b.key LIMIT ?3"
STACK_OF_YEAR = _STACK.format(index="") + " AND b.key = ?2"
# uid is unique; the label ends with its first six characters
STACK_BY_SHORT = "SELECT id, label FROM stack WHERE uid >= ?1 AND uid < ?1 || '~'"


def folders_below(
    session: Session, view: int, parent_id: int, after: int = 0, limit: int = NO_LIMIT
) -> list[FolderRow]:
    """Return the folders right below an album, tag or place (0: the top), or the persons, by row, those behind `after`."""
    return [FolderRow(*row) for row in session.rows(FOLDERS_BELOW[view], (parent_id, after, limit))]


def folder_labelled(session: Session, view: int, parent_id: int, label: str) -> FolderRow | None:
    """Return the folder that is called exactly so."""
    found = folder_folded(session, view, parent_id, label)
    return found if found is not None and found.label == label else None


def folder_folded(session: Session, view: int, parent_id: int, label: str) -> FolderRow | None:
    """Like `folder_labelled`, but for clients to whom case and Unicode form mean nothing. Never ambiguous."""
    row = session.row(FOLDER_BY_FOLD[view], (parent_id, names.fold(label)))
    return None if row is None else FolderRow(*row)


def folder_by_id(session: Session, view: int, folder_id: int) -> FolderRow | None:
    """Return a folder by its row; None = it is not there (any more)."""
    row = session.row(FOLDER_BY_ID[view], (folder_id,))
    return None if row is None else FolderRow(*row)


def stack_years(session: Session) -> list[int]:
    """Return the years that have stacks, oldest first."""
    return [int(row[0]) for row in session.rows(STACK_YEARS)]


def stack_year_folders(session: Session) -> list[FolderRow]:
    """Return the years that have stacks as folders, oldest first; `id` is the year, times are of the last change in it."""
    return [FolderRow(year, 0, f"{year:04d}", *rest) for year, *rest in session.rows(STACK_YEAR_FOLDERS)]


def stacks_of_year(session: Session, year: int, after: int = 0, limit: int = NO_LIMIT) -> list[FolderRow]:
    """Return the stacks whose cover is of a year, by row, those behind `after`; `parent_id` is the year."""
    return [FolderRow(*row) for row in session.rows(STACKS_OF_YEAR, (year, after, limit))]


def stack_labelled(session: Session, year: int, label: str) -> FolderRow | None:
    """Return the stack of a year whose folder is called exactly so."""
    return next((row for row in _stacks_called(session, year, label) if row.label == label), None)


def stack_folded(session: Session, year: int, label: str) -> FolderRow | None:
    """Like `stack_labelled`, but case and Unicode form do not matter."""
    wanted = names.fold(label)
    return next(
        (row for row in _stacks_called(session, year, label) if names.fold(row.label) == wanted), None
    )


def stack_folder(session: Session, year: int, stack_id: int) -> FolderRow | None:
    """Return a stack as a folder of this year; None = it is none, or of another year."""
    row = session.row(STACK_OF_YEAR, (year, stack_id))
    return None if row is None else FolderRow(*row)


def _stacks_called(session: Session, year: int, label: str) -> list[FolderRow]:
    suffix = names.split_suffix(label)
    if suffix is None:
        return []
    found = [stack_folder(session, year, row_id) for row_id, _ in session.rows(STACK_BY_SHORT, (suffix[1],))]
    return [row for row in found if row is not None]


def label_path(session: Session, bucket: Bucket) -> str | None:
    """Return the label that `buckets.path_of` wants for a folder: its own, or those from the top; None = needs none."""
    view, key, _ = bucket
    nested = {View.ALBUMS: "album", View.TAGS: "tag", View.PLACES: "place"}.get(View(view))
    if nested is not None:
        rows = session.rows(_ABOVE.format(table=nested), (key,))
        return "/".join(row[0] for row in rows)
    table = {View.CAMERAS: "camera", View.PEOPLE: "person", View.STACKS: "stack"}.get(View(view))
    return None if table is None else session.value(f"SELECT label FROM {table} WHERE id = ?", (key,))


class Rung(NamedTuple):
    """One folder on the way to the top: its row, the row above it (0 = the top), and what it is called."""

    id: int
    parent_id: int
    label: str


def upwards(session: Session, view: int, row_id: int) -> list[Rung]:
    """Return an album, tag, place, person or stack and those above it, the nearest first, listed (any more) or not.

    For those who must forget names of folders that have just gone.
    """
    return [Rung(*row) for row in session.rows(UPWARDS[view], (row_id,))]


_RUNGS = (
    "WITH RECURSIVE up (id, parent_id, label, depth) AS (SELECT t.id, {parent}, t.label, 0 FROM {table} AS t WHERE t.id = ?"
    " UNION ALL SELECT t.id, {parent}, t.label, depth + 1 FROM up CROSS JOIN {table} AS t ON t.id = up.parent_id"
    " WHERE depth < 1000) SELECT id, parent_id, label FROM up ORDER BY depth"
)
UPWARDS: dict[int, str] = {
    View.ALBUMS: _RUNGS.format(table="album", parent=_PARENT),
    View.TAGS: _RUNGS.format(table="tag", parent=_PARENT),
    View.PLACES: _RUNGS.format(table="place", parent=_PARENT),
    View.PEOPLE: _RUNGS.format(table="person", parent="0"),
    View.STACKS: _RUNGS.format(table="stack", parent="0"),
}
# The depth ends a cycle, which I16 reports.
_ABOVE = (
    "WITH RECURSIVE up (label, parent_id, depth) AS (SELECT label, parent_id, 0 FROM {table} WHERE id = ?"
    " UNION ALL SELECT t.label, t.parent_id, depth + 1 FROM up CROSS JOIN {table} AS t ON t.id = up.parent_id"
    " WHERE depth < 1000) SELECT label FROM up ORDER BY depth DESC"
)


def touch_folders(writer: Writer, view: int, parent_ids: Iterable[int], now_ns: int, generation: int) -> None:
    """Note that the set of folders below these changed (0: the top): their times, and their collection ETag."""
    writer.executemany(
        "INSERT INTO bucket (view, key, sub, count, changed_ns, generation) VALUES (?, ?, ?, 0, ?, ?)"
        " ON CONFLICT DO UPDATE SET changed_ns = excluded.changed_ns, generation = excluded.generation",
        [(view, parent_id, OWN, now_ns, generation) for parent_id in sorted(set(parent_ids))],
    )
