"""Which tags, albums, persons, labels, cameras, volumes and directories a query means: compared before photos are asked.

They are few beside photos. What was found is remembered until the next commit.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from catalog.names import fold
from catalog.query.predicate import PathMatch, TextMatch, camera_texts
from catalog.store.db import Session
from catalog.store.query_functions import folded

_MOST_REMEMBERED = 256


def tags_meant(session: Session, value: PathMatch) -> list[int]:
    """Return the living tags of which a path says that they, and so those below them, are meant."""
    return _paths_meant(session, "tag", "is_deleted = 0 AND merged_into IS NULL", value)


def albums_meant(session: Session, value: PathMatch) -> list[int]:
    """Return the living albums that a path means; those in them have to be added."""
    found = _paths_meant(session, "album", "is_deleted = 0", value)
    rows = session.rows(
        "WITH RECURSIVE held(id) AS (SELECT value FROM json_each(?) UNION SELECT b.id FROM held"
        " JOIN album AS b ON ifnull(b.parent_id, 0) = held.id AND b.is_deleted = 0) SELECT id FROM held ORDER BY id",
        (json.dumps(found),),
    )
    return [row[0] for row in rows]


def persons_called(session: Session, value: TextMatch) -> list[int]:
    """Return the living persons whose names a pattern matches."""
    rows = session.rows("SELECT id, name FROM person WHERE is_deleted = 0 AND merged_into IS NULL")
    return [person_id for person_id, name in rows if value.accepts(name)]


def labels_meant(session: Session, value: TextMatch) -> list[str]:
    """Return the colour labels in use that a pattern matches; jumps from one to the next (index effective_label)."""
    rows = session.rows(
        "WITH RECURSIVE used(label) AS (SELECT min(label) FROM effective WHERE label IS NOT NULL UNION ALL"
        " SELECT (SELECT min(e.label) FROM effective AS e WHERE e.label > used.label) FROM used WHERE used.label IS NOT NULL)"
        " SELECT label FROM used WHERE label IS NOT NULL"
    )
    return [label for (label,) in rows if value.accepts(label)]


def cameras_meant(session: Session, value: TextMatch) -> list[int]:
    """Return the cameras of which make, model or both match a pattern."""
    rows = session.rows("SELECT id, make, model FROM camera ORDER BY id")
    return [row[0] for row in rows if any(value.accepts(text) for text in camera_texts(row[1], row[2]))]


def volumes_meant(session: Session, value: TextMatch) -> list[int]:
    """Return the volumes whose names match a pattern."""
    return [
        row[0] for row in session.rows("SELECT id, fold FROM volume ORDER BY id") if value.accepts(row[1])
    ]


def directories_meant(session: Session, value: TextMatch) -> list[int]:
    """Return the directories, missing ones too, in which paths can lie that begin as a pattern does."""
    return remembered(session, ("directory", value), lambda: _look_for_directories(session, value))


def remembered(session: Session, key: object, look: Callable[[], list[Any]]) -> list[Any]:
    """Return what a look-up of names gave before, as long as nothing was committed in between (nor written here).

    A folder of Search/ asks the same query for every name in it, and twenty thousand tags are ten milliseconds.
    """
    version = session.value("PRAGMA data_version"), session.connection.total_changes()
    memory: dict[object, list[Any]]
    known_version, memory = getattr(session.database, "query_names", (None, {}))
    if known_version != version or len(memory) >= _MOST_REMEMBERED:
        memory = {}
        session.database.query_names = (version, memory)
    if key not in memory:
        memory[key] = look()
    return list(memory[key])


def _paths_meant(session: Session, table: str, condition: str, value: PathMatch) -> list[int]:
    return remembered(session, (table, value), lambda: _look_for_paths(session, table, condition, value))


def _look_for_paths(session: Session, table: str, condition: str, value: PathMatch) -> list[int]:
    path = folded("path")
    if len(value.parts) > 1 or value.is_from_top:
        sql, parameters = f"{path} LIKE ? ESCAPE '\\'", [TextMatch(value.parts).like_pattern()]
    else:
        end = TextMatch(("", f"/{value.parts[0]}")).like_pattern()
        sql, parameters = f"'/' || ({path}) LIKE ? ESCAPE '\\'", [end]
    rows = session.rows(f"SELECT id FROM {table} WHERE {condition} AND {sql} ORDER BY id", parameters)
    return [row[0] for row in rows]


def _look_for_directories(session: Session, value: TextMatch) -> list[int]:
    start = value.parts[0]
    paths = (
        (row[0], fold(row[1].decode("utf-8", "replace")))
        for row in session.rows("SELECT id, path FROM directory ORDER BY id")
    )
    return [number for number, path in paths if path.startswith(start) or start.startswith(path)]
