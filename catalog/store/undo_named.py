"""What an undo leaves alive: tags and persons that files and sidecars name.

A row may have made a tag that a file turned out to name later. To take the row back takes away what was said with it,
never the thing: it would be made anew, under another number, when the file is read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from catalog.store.db import Session
from catalog.store.embedded_names import named_by_files
from catalog.store.tags import TREE
from catalog.store.things import Snapshot

_Changes = Mapping[tuple[str, str], tuple[Snapshot, Snapshot | None]]


def kept_alive(session: Session, base_id: int, changes: _Changes) -> set[tuple[str, str]]:
    """Return the tags and persons among these that stay although the row that made them is taken back.

    Args:
        session: any.
        base_id: the row that said it first, however often it was taken back and done again since.
        changes: (kind, uid) -> (now, what the undo would make of it).

    A tag that somebody deleted is deleted again by a redo: only what the base row made is kept.
    """
    made = {
        (kind, uid)
        for kind, uid in session.rows(
            "SELECT kind, uid FROM journal_thing WHERE journal_id = ? AND before IS NULL"
            " AND kind IN ('tag', 'person')",
            (base_id,),
        )
    }
    going = {key for key, (now, before) in changes.items() if key in made and _goes(now, before)}
    persons = named_by_files(session, "person", [uid for kind, uid in going if kind == "person"])
    moving = {uid for kind, uid in changes.keys() - going if kind == "tag"}
    tags = {uid for kind, uid in going if kind == "tag" and _is_needed(session, uid, moving)}
    return {("person", uid) for uid in persons} | {("tag", uid) for uid in tags}


def _goes(now: Snapshot, before: Snapshot | None) -> bool:
    return not now["is_deleted"] and (before is None or bool(before["is_deleted"]))


def _is_needed(session: Session, uid: str, moving: Iterable[str]) -> bool:
    """Tell whether files name a tag, or one below it that would stay there."""
    node = TREE.of_uid(session, uid)
    below = TREE.below(session, node.id) if node is not None else []
    return bool(named_by_files(session, "tag", {uid, *(one.uid for one in below)}.difference(moving)))
