"""Tags: looking them up as people and files name them, listings, and snapshots of new ones.

Who writes them is `catalog.store.edits`. A name resolves to: the tag of exactly this path; what an alias says; the one
tag that is equal but for case and Unicode form; else the same below the tag that the path above it resolves to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from catalog.buckets import ALL, OWN, View
from catalog.errors import NotFound
from catalog.ids import Uid
from catalog.labels import shown, split_path
from catalog.store.db import Session
from catalog.store.hierarchy import Node, Tree
from catalog.store.things import Snapshot
from catalog.things import Tag

TREE = Tree("tag", "t.is_deleted = 0 AND t.merged_into IS NULL")
WHAT = "tag"


class Alias(NamedTuple):
    """A living alias; `tag_uid` is the tag it means, merged ones followed."""

    uid: Uid
    path: str
    tag_uid: Uid
    origin: str


def resolve_tag(session: Session, text: str, *, by_machine: bool = False) -> Tag:
    """Return the tag that a name means, without counts.

    Args:
        session: to ask.
        text: a path, as a person or (`by_machine`) a file writes it; then former paths count as well.

    Raises:
        NotFound: none. Ambiguous: several differ by case alone. InvalidValue: this cannot be a tag.
    """
    names = split_path(text, WHAT)
    node = find(session, names, by_machine=by_machine)
    if node is None:
        renamed = None if by_machine else find(session, names, by_machine=True)
        raise NotFound(
            f"there is no tag {shown(text)}",
            hint=f"it is called {renamed.path!r} now" if renamed is not None else "see `glassine tag list`",
            tag=text,
        )
    return Tag(*node)


def find(session: Session, names: Sequence[str], *, by_machine: bool = False) -> Node | None:
    """Return the tag that these names, from the top, mean; None if there is none (see the module's docstring).

    Raises:
        Ambiguous: several differ by case alone.
    """
    found = _find_whole(session, names, by_machine)
    for cut in range(len(names) - 1, 0, -1):
        if found is not None:
            break
        above = _find_whole(session, names[:cut], by_machine)
        if above is not None:
            return _find_below(session, above, names[cut:])
    return found


def _find_whole(session: Session, names: Sequence[str], by_machine: bool) -> Node | None:
    path = "/".join(names)
    exact = TREE.at(session, path)
    if exact is not None:
        return exact
    alias = alias_at(session, path)
    if alias is not None and (by_machine or alias.origin == "user"):
        return TREE.of_uid(session, alias.tag_uid)
    return TREE.the_one(TREE.folded(session, names), WHAT, path)


def _find_below(session: Session, above: Node, names: Sequence[str]) -> Node | None:
    path = "/".join((above.path, *names))
    exact = TREE.at(session, path)
    return exact or TREE.the_one(TREE.folded(session, names, above.id), WHAT, path)


def alias_at(session: Session, path: str) -> Alias | None:
    """Return the living alias of exactly this path."""
    row = session.row(
        "SELECT a.uid, a.path, c.uid, a.origin FROM tag_alias AS a JOIN tag AS t ON t.id = a.tag_id"
        " JOIN tag AS c ON c.id = ifnull(t.merged_into, t.id) WHERE a.path = ? AND a.is_deleted = 0",
        (path,),
    )
    return None if row is None else Alias._make(row)


def aliases_of(session: Session, uids: Iterable[str]) -> list[Alias]:
    """Return the living aliases that point to exactly these tags."""
    rows = session.rows(
        "SELECT a.uid, a.path, t.uid, a.origin FROM tag AS t CROSS JOIN tag_alias AS a ON a.tag_id = t.id"
        " WHERE t.uid IN (SELECT value FROM json_each(?)) AND a.is_deleted = 0 ORDER BY a.id",
        (json.dumps(list(uids)),),
    )
    return [Alias._make(row) for row in rows]


def tags(session: Session) -> list[Tag]:
    """Return all living tags by path, with counts and the aliases that people made."""
    counts = {
        (key, sub): count
        for key, sub, count in session.rows(
            "SELECT key, sub, count FROM bucket WHERE view = ? AND count > 0", (int(View.TAGS),)
        )
    }
    said: dict[int, list[str]] = {}
    for tag_id, path in session.rows(
        "SELECT ifnull(t.merged_into, t.id), a.path FROM tag_alias AS a JOIN tag AS t ON t.id = a.tag_id"
        " WHERE a.is_deleted = 0 AND a.origin = 'user' ORDER BY a.path"
    ):
        said.setdefault(tag_id, []).append(path)
    return [
        Tag(
            *node,
            count=counts.get((node.id, OWN), 0),
            count_below=counts.get((node.id, ALL), 0),
            aliases=tuple(said.get(node.id, ())),
        )
        for node in TREE.nodes(session)
    ]


def new_tag(session: Session, uid: str, name: str, parent: Node | None, now_ns: int) -> Snapshot:
    """Return the snapshot of a tag that is to be made."""
    blank = {"merged_into": None, "is_deleted": 0, "created_ns": now_ns}
    return TREE.placed(session, blank, uid, name, parent)


def new_alias(path: str, tag_uid: str, origin: str, now_ns: int) -> Snapshot:
    """Return the snapshot of an alias that is to be made."""
    return {"path": path, "tag": tag_uid, "origin": origin, "is_deleted": 0, "created_ns": now_ns}
