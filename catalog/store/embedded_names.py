"""What a word in files and sidecars means: `embedded_name`, the rows that turn texts into tags and persons.

A row is made by the writer when a word is first read, and never points elsewhere by itself: a rename, a merge or a new
tag of the same spelling moves no photo. What is made here is in no journal: nobody said it.

A tag is looked for by its exact path, then by any alias (former paths too), then whatever the case (the oldest of
several), then in the same ways below the deepest of its parents that there is. A person is looked for whatever the case,
then among those who were merged into others. What is not found is made, parents included.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Literal

from catalog.buckets import View
from catalog.errors import InvalidValue
from catalog.ids import AssetId, new_uid
from catalog.labels import check_name, split_path
from catalog.names import fold
from catalog.store import persons, tags, things
from catalog.store.db import Session, Writer
from catalog.store.hierarchy import Node

NameKind = Literal["tag", "person"]

# embedded_name's primary key
UIDS_OF = (
    "SELECT n.text, n.uid FROM json_each(?2) AS wanted CROSS JOIN embedded_name AS n"
    " ON n.kind = ?1 AND n.text = wanted.value"
)


def is_name(kind: str, text: str) -> bool:
    """Tell whether a text can be a tag's path or a person's name; what cannot says nothing. Pure."""
    return _names_in(text) is not None if kind == "tag" else _person_name(text) is not None


def uids_of(session: Session, kind: NameKind, texts: Collection[str]) -> dict[str, str]:
    """Return text -> uid of those that have a row; the others say nothing."""
    return dict(session.rows(UIDS_OF, (kind, json.dumps(list(texts))))) if texts else {}


def made_uids(writer: Writer, kind: NameKind, texts: Collection[str], now_ns: int) -> dict[str, str]:
    """Return text -> uid; those without a row get one. In the caller's transaction."""
    known = uids_of(writer, kind, texts)
    uid_of = tag_uid if kind == "tag" else person_uid
    for text in texts:
        if text not in known and (uid := uid_of(writer, text, now_ns)) is not None:
            known[text] = uid
    return known


def tag_uid(writer: Writer, path: str, now_ns: int) -> str | None:
    """Return the uid of the tag that a path in a file means; row and tag are made when they are missing.

    None = this cannot be a tag. In the caller's transaction.
    """
    names = _names_in(path)
    if names is None:
        return None
    known = uids_of(writer, "tag", [path]).get(path)
    return known or _remember(writer, "tag", path, _find_or_make_tag(writer, names, now_ns))


def person_uid(writer: Writer, name: str, now_ns: int) -> str | None:
    """Return the uid of the person whom a name in a file means; row and person are made when they are missing.

    None = nobody can be called so. In the caller's transaction.
    """
    checked = _person_name(name)
    if checked is None:
        return None
    known = uids_of(writer, "person", [name]).get(name)
    return known or _remember(writer, "person", name, _find_or_make_person(writer, checked, now_ns))


def _remember(writer: Writer, kind: NameKind, text: str, uid: str) -> str:
    writer.execute("INSERT INTO embedded_name (kind, text, uid) VALUES (?, ?, ?)", (kind, text, uid))
    return uid


def _names_in(path: str) -> tuple[str, ...] | None:
    try:
        return split_path(path, tags.WHAT)
    except InvalidValue:
        return None


def _person_name(text: str) -> str | None:
    try:
        return check_name(text, persons.WHAT)
    except InvalidValue:
        return None


# ---- tags


def _find_or_make_tag(writer: Writer, names: Sequence[str], now_ns: int) -> str:
    node, known = None, 0
    for count in range(len(names), 0, -1):
        node = _find_tag(writer, names[:count])
        if node is not None:
            known = count
            break
    for name in names[known:]:
        path = f"{node.path}/{name}" if node else name
        node = _called(writer, path) or _make_tag(writer, name, node, now_ns)
    assert node is not None, "a path has at least one name"
    return node.uid


def _find_tag(session: Session, names: Sequence[str]) -> Node | None:
    found = _called(session, "/".join(names)) or _oldest(tags.TREE.folded(session, names))
    for cut in range(len(names) - 1, 0, -1):
        if found is not None:
            return found
        above = _called(session, "/".join(names[:cut])) or _oldest(tags.TREE.folded(session, names[:cut]))
        if above is not None:
            rest = names[cut:]
            path = "/".join((above.path, *rest))
            return _called(session, path) or _oldest(tags.TREE.folded(session, rest, above.id))
    return found


def _called(session: Session, path: str) -> Node | None:
    """Return the tag of exactly this path, or of which this is another name."""
    exact = tags.TREE.at(session, path)
    if exact is not None:
        return exact
    alias = tags.alias_at(session, path)
    return None if alias is None else tags.TREE.of_uid(session, alias.tag_uid)


def _oldest(nodes: Sequence[Node]) -> Node | None:
    return min(nodes, key=lambda node: node.id, default=None)


def _make_tag(writer: Writer, name: str, parent: Node | None, now_ns: int) -> Node:
    uid = new_uid()
    things.restore(writer, "tag", uid, tags.new_tag(writer, uid, name, parent, now_ns))
    node = tags.TREE.of_uid(writer, uid)
    assert node is not None, "just made"
    return node


# ---- persons

_MERGED = (
    "SELECT c.uid, t.name FROM person AS t JOIN person AS c ON c.id = t.merged_into"
    " WHERE t.is_deleted = 0 AND c.is_deleted = 0 ORDER BY t.id"
)


def _find_or_make_person(writer: Writer, name: str, now_ns: int) -> str:
    found = persons.find(writer, name)
    if found is not None:
        return found.uid
    merged = next((uid for uid, former in writer.rows(_MERGED) if fold(former) == fold(name)), None)
    if merged is not None:
        return str(merged)
    uid = new_uid()
    things.restore(writer, "person", uid, persons.new_person(writer, uid, name, now_ns))
    return uid


# ---- whose files say so

_VIEWS = {"tag": int(View.TAGS), "person": int(View.PEOPLE)}
# index embedded_name_uid
TEXTS_OF = (
    "SELECT n.text FROM json_each(?2) AS wanted CROSS JOIN embedded_name AS n INDEXED BY embedded_name_uid"
    " ON n.uid = wanted.value WHERE n.kind = ?1"
)
_FOLDERS_OF = (
    "SELECT t.id, c.id, t.is_deleted OR c.is_deleted FROM {kind} AS t JOIN {kind} AS c"
    " ON c.id = ifnull(t.merged_into, t.id) WHERE t.uid IN (SELECT value FROM json_each(?))"
)
_SAYS = "EXISTS (SELECT 1 FROM json_each(?2) AS word WHERE instr(c.facts, word.value) > 0)"
# member's primary key; then rows by id
NAMING_IN_FOLDERS = (
    "SELECT DISTINCT m.asset_id FROM json_each(?1) AS folder CROSS JOIN member AS m ON m.view = ?3 AND m.key = folder.value"
    " CROSS JOIN asset AS a ON a.id = m.asset_id CROSS JOIN content AS c ON c.id = a.facts_id"
    f" WHERE {_SAYS} ORDER BY m.asset_id"
)
# All facts are read: nobody is in the folder of a thing that is gone. About a second for a million photos.
_NAMING = (
    "SELECT DISTINCT a.id FROM asset AS a CROSS JOIN content AS c ON c.id = a.facts_id"
    f" WHERE a.merged_into IS NULL AND {_SAYS} ORDER BY a.id"
)


def assets_naming(session: Session, kind: str, uids: Collection[str]) -> list[AssetId]:
    """Return the assets whose facts hold a word that means one of these tags or persons, by id, each once.

    Args:
        session: any.
        kind: of the things; nothing but tags and persons is named by files.
        uids: exactly these. Of a living thing those are looked at that are in its folder (or were, before the change
            that asks); what is gone is looked for in all facts.

    A text that equals such a word counts as the word, so that a few too many may be found; never too few.
    """
    if kind not in _VIEWS:
        return []
    texts = [row[0] for row in session.rows(TEXTS_OF, (kind, json.dumps(sorted(uids))))]
    if not texts:
        return []
    words = json.dumps([json.dumps(text, ensure_ascii=False) for text in texts])
    rows = session.rows(_FOLDERS_OF.format(kind=kind), (json.dumps(sorted(uids)),))
    if any(is_gone for _, _, is_gone in rows):
        found = session.rows(_NAMING.replace("?2", "?1"), (words,))
    else:
        folders = sorted({row_id for own, goal, _ in rows for row_id in (own, goal)})
        found = session.rows(NAMING_IN_FOLDERS, (json.dumps(folders), words, _VIEWS[kind]))
    return [AssetId(row[0]) for row in found]


def named_by_files(session: Session, kind: str, uids: Collection[str]) -> set[str]:
    """Return those of these tags or persons that some word in files or sidecars means."""
    rows = session.rows(
        "SELECT DISTINCT uid FROM embedded_name WHERE kind = ? AND uid IN (SELECT value FROM json_each(?))",
        (kind, json.dumps(sorted(uids))),
    )
    return {row[0] for row in rows}
