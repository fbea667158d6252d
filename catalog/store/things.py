"""Things as documents: the rows of tags, albums, persons, saved searches and stacks as JSON, references as uids.

What journal, undo and dump speak. A snapshot holds the columns of a row but for id and uid, with references renamed:
`parent`, `tag` and `merged_into` are uids. A row once made is never removed, and its uid keeps its number: to restore
"no such row" is to mark it deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from catalog.store.db import Session, Writer

Snapshot = dict[str, Any]


class Kind(NamedTuple):
    """Where a kind of thing is stored. `references`: column -> (name in a snapshot, table)."""

    table: str
    columns: tuple[str, ...]
    references: dict[str, tuple[str, str]]


KINDS: dict[str, Kind] = {
    "tag": Kind(
        "tag",
        ("parent_id", "name", "path", "label", "fold", "merged_into", "is_deleted", "created_ns"),
        {"parent_id": ("parent", "tag"), "merged_into": ("merged_into", "tag")},
    ),
    "tag_alias": Kind(
        "tag_alias", ("path", "tag_id", "origin", "is_deleted", "created_ns"), {"tag_id": ("tag", "tag")}
    ),
    "album": Kind(
        "album",
        ("parent_id", "name", "path", "label", "fold", "cover", "is_deleted", "created_ns"),
        {"parent_id": ("parent", "album")},
    ),
    "person": Kind(
        "person",
        ("name", "label", "fold", "merged_into", "is_deleted", "created_ns"),
        {"merged_into": ("merged_into", "person")},
    ),
    "search": Kind("saved_search", ("name", "label", "fold", "query", "is_deleted", "created_ns"), {}),
    "stack": Kind("stack", ("origin", "kind", "label", "is_deleted", "created_ns"), {}),
}


def snapshot(session: Session, kind: str, uid: str) -> Snapshot | None:
    """Return one thing as JSON values, or None if there was never such a row."""
    return snapshots(session, kind, [uid]).get(uid)


def snapshots(session: Session, kind: str, uids: Iterable[str] | None = None) -> dict[str, Snapshot]:
    """Return uid -> snapshot of these things (None: all of the kind) in order of creation; unknown ones are left out."""
    described = KINDS[kind]
    columns = [
        f"(SELECT r.uid FROM {described.references[name][1]} AS r WHERE r.id = t.{name})"
        if name in described.references
        else f"t.{name}"
        for name in described.columns
    ]
    names = _names(described)
    sql = f"SELECT t.uid, {', '.join(columns)} FROM {described.table} AS t"
    if uids is None:
        rows = session.rows(f"{sql} ORDER BY t.id")
    else:
        rows = session.rows(
            f"{sql} WHERE t.uid IN (SELECT value FROM json_each(?)) ORDER BY t.id",
            (json.dumps(list(uids)),),
        )
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}


def restore(writer: Writer, kind: str, uid: str, wanted: Snapshot | None) -> None:
    """Make one row what a snapshot says; None = there was none, so it is marked deleted."""
    restore_all(writer, [(kind, uid, wanted)])


def restore_all(writer: Writer, wanted: Sequence[tuple[str, str, Snapshot | None]]) -> None:
    """Make rows what their snapshots say, in any order: names may be swapped, references may point forward.

    Raises:
        CatalogError: the result breaks a rule of the tables (a label or path that another living thing has).
    """
    with writer.joined():
        for kind in KINDS:
            of_kind = [(uid, content) for one, uid, content in wanted if one == kind]
            if of_kind:
                _clear_the_way(writer, kind, of_kind)
        for kind, described in KINDS.items():
            living = [(uid, content) for one, uid, content in wanted if one == kind and content is not None]
            if living:
                _write(writer, described, living)


def _clear_the_way(writer: Writer, kind: str, wanted: list[tuple[str, Snapshot | None]]) -> None:
    """Mark all of them deleted, so that no unique index minds their order; make the rows that there are not yet."""
    described = KINDS[kind]
    writer.executemany(
        f"UPDATE {described.table} SET is_deleted = 1 WHERE uid = ?", [(uid,) for uid, _ in wanted]
    )
    known = {
        row[0]
        for row in writer.rows(
            f"SELECT uid FROM {described.table} WHERE uid IN (SELECT value FROM json_each(?))",
            (json.dumps([uid for uid, _ in wanted]),),
        )
    }
    new = [(uid, content) for uid, content in wanted if content is not None and uid not in known]
    names = _names(described)
    placed = [name for name in described.columns if name not in described.references]
    # A reference that may not be NULL (tag_alias.tag_id) must point somewhere real from the start.
    needed = [name for name in described.references if name == "tag_id"]
    columns = ["uid", *placed, *needed]
    marks = ", ".join(["?"] * (1 + len(placed)) + ["(SELECT id FROM tag WHERE uid = ?)"] * len(needed))
    writer.executemany(
        f"INSERT INTO {described.table} ({', '.join(columns)}) VALUES ({marks})",
        [
            (
                uid,
                *(1 if name == "is_deleted" else content[name] for name in placed),
                *(content[names[described.columns.index(name)]] for name in needed),
            )
            for uid, content in new
        ],
    )


def _write(writer: Writer, described: Kind, wanted: list[tuple[str, Snapshot]]) -> None:
    assignments = [
        f"{name} = (SELECT r.id FROM {described.references[name][1]} AS r WHERE r.uid = ?)"
        if name in described.references
        else f"{name} = ?"
        for name in described.columns
    ]
    names = _names(described)
    writer.executemany(
        f"UPDATE {described.table} SET {', '.join(assignments)} WHERE uid = ?",
        [(*(content[name] for name in names), uid) for uid, content in wanted],
    )


def _names(described: Kind) -> list[str]:
    """Return the names of a snapshot in the order of the columns."""
    return [
        described.references[name][0] if name in described.references else name for name in described.columns
    ]


def classes(session: Session, kind: str, uids: Iterable[str] | None = None) -> dict[str, str | None]:
    """Return uid -> uid of the thing that it means now: itself, what it was merged into, or None = deleted.

    Args:
        kind: of the things.
        uids: only these; unknown ones are left out. None: all of the kind.
    """
    described = KINDS[kind]
    goal = "merged_into" if "merged_into" in described.columns else "id"
    sql = (
        f"SELECT t.uid, CASE WHEN t.is_deleted = 0 AND c.is_deleted = 0 THEN c.uid END FROM {described.table} AS t"
        f" JOIN {described.table} AS c ON c.id = ifnull(t.{goal}, t.id)"
    )
    if uids is None:
        return dict(session.rows(sql))
    return dict(
        session.rows(
            f"{sql} WHERE t.uid IN (SELECT value FROM json_each(?))", (json.dumps(sorted(set(uids))),)
        )
    )


def members_of_class(session: Session, kind: str, uids: Iterable[str]) -> list[str]:
    """Return these things and everything that was merged into them: all uids whose statements count for them."""
    table = KINDS[kind].table
    wanted = list(dict.fromkeys(uids))
    if "merged_into" not in KINDS[kind].columns:
        return wanted
    merged = session.rows(
        f"SELECT m.uid FROM {table} AS c CROSS JOIN {table} AS m ON m.merged_into = c.id"
        " WHERE c.uid IN (SELECT value FROM json_each(?)) AND m.is_deleted = 0 ORDER BY m.id",
        (json.dumps(wanted),),
    )
    return [*wanted, *(uid for (uid,) in merged)]


def row_ids(session: Session, kind: str, uids: Iterable[str]) -> Mapping[str, int]:
    """Return uid -> row of these things; unknown ones are left out."""
    return dict(
        session.rows(
            f"SELECT uid, id FROM {KINDS[kind].table} WHERE uid IN (SELECT value FROM json_each(?))",
            (json.dumps(list(uids)),),
        )
    )
