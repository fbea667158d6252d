"""What stands in the way of an undo about things: names that were given anew, and later edits that need what would go.

Each answers with a Conflict that names the journal rows; the undo's transaction is rolled back by it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from catalog.errors import Conflict
from catalog.store import journal, things
from catalog.store.db import Session
from catalog.store.things import Snapshot

_Changes = Mapping[tuple[str, str], tuple[Snapshot, Snapshot | None]]
_TREES = ("tag", "album")
_MERGED = ("tag", "person")
_MAX_NAMED = 100


def refuse_taken_names(
    session: Session, journal_id: int, wanted: Iterable[tuple[str, str, Snapshot | None]]
) -> None:
    """Refuse when a thing that comes to life would have a name, path or label that another living one has.

    Raises:
        Conflict: names the things and the rows that made them so.
    """
    moving: dict[str, set[str]] = {}
    living: list[tuple[str, str, Snapshot]] = []
    for kind, uid, content in wanted:
        moving.setdefault(kind, set()).add(uid)
        if content is not None and _is_living(content):
            living.append((kind, uid, content))
    taken = [
        (kind, other)
        for kind, uid, content in living
        for other in _rivals(session, kind, uid, content)
        if other not in moving[kind]
    ]
    if taken:
        raise things_in_the_way(session, journal_id, taken, "has a name now that would come back")


def _is_living(content: Snapshot) -> bool:
    return not content["is_deleted"] and not content.get("merged_into")


def _rivals(session: Session, kind: str, uid: str, content: Snapshot) -> list[str]:
    table = things.KINDS[kind].table
    alive = "o.is_deleted = 0" + (" AND o.merged_into IS NULL" if kind in _MERGED else "")
    rows = []
    if "path" in content:
        rows += session.rows(
            f"SELECT o.uid FROM {table} AS o WHERE o.path = ? AND {alive} AND o.uid <> ?",
            (content["path"], uid),
        )
    if kind in _TREES:
        rows += session.rows(
            f"SELECT o.uid FROM {table} AS o WHERE ifnull(o.parent_id, 0) ="
            f" ifnull((SELECT p.id FROM {table} AS p WHERE p.uid = ?), 0) AND o.fold = ? AND {alive} AND o.uid <> ?",
            (content["parent"], content["fold"], uid),
        )
    elif "fold" in content:
        rows += session.rows(
            f"SELECT o.uid FROM {table} AS o WHERE o.fold = ? AND {alive} AND o.uid <> ?",
            (content["fold"], uid),
        )
    return [other for (other,) in rows]


def refuse_broken_things(session: Session, journal_id: int, made_ns: int, changes: _Changes) -> None:
    """Look at the things after they were put back, and at all that leans on them.

    Raises:
        Conflict: something made later would lean on what is gone, or lie in a folder that moved.
    """
    for kind in _TREES:
        uids = [uid for one, uid in changes if one == kind]
        if uids:
            _refuse_torn_tree(session, journal_id, kind, uids)
    _refuse_hidden_aliases(session, journal_id, changes)
    gone = [
        (kind, uid)
        for (kind, uid), (now, before) in changes.items()
        if _is_living(now) and (before is None or not _is_living(before))
    ]
    for kind in {kind for kind, _ in gone}:
        uids = [uid for one, uid in gone if one == kind]
        _refuse_pointers(session, journal_id, kind, uids)
        _refuse_sayings(session, journal_id, made_ns, kind, uids)


def _refuse_torn_tree(session: Session, journal_id: int, kind: str, uids: Sequence[str]) -> None:
    table = things.KINDS[kind].table
    alive = "c.is_deleted = 0" + (" AND c.merged_into IS NULL" if kind in _MERGED else "")
    is_gone = "p.is_deleted = 1" + (" OR p.merged_into IS NOT NULL" if kind in _MERGED else "")
    torn = f"({is_gone} OR c.path <> p.path || '/' || c.name)"
    wanted = json.dumps(list(uids))
    # +p.id: without it SQLite wants to convert the indexed expression, and walks all of the index instead.
    below = session.rows(
        f"SELECT c.uid FROM json_each(?) AS wanted CROSS JOIN {table} AS p ON p.uid = wanted.value"
        f" CROSS JOIN {table} AS c ON ifnull(c.parent_id, 0) = +p.id AND {alive} WHERE {torn}",
        (wanted,),
    )
    above = session.rows(
        f"SELECT p.uid FROM json_each(?) AS wanted CROSS JOIN {table} AS c ON c.uid = wanted.value AND {alive}"
        f" CROSS JOIN {table} AS p ON p.id = c.parent_id WHERE {torn}",
        (wanted,),
    )
    if below:
        raise things_in_the_way(session, journal_id, [(kind, uid) for (uid,) in below], "lies in it now")
    if above:
        raise things_in_the_way(
            session, journal_id, [(kind, uid) for (uid,) in above], "above it was changed later"
        )


def _refuse_hidden_aliases(session: Session, journal_id: int, changes: _Changes) -> None:
    """Refuse when a tag would have the path that a person made another name of a tag: it would mean nothing any more."""
    tags, aliases = ([uid for one, uid in changes if one == kind] for kind in ("tag", "tag_alias"))
    rows = session.rows(_HIDDEN_BY_TAG, (json.dumps(tags),))
    rows += session.rows(_HIDDEN_ALIAS, (json.dumps(aliases),))
    if rows:
        raise things_in_the_way(session, journal_id, rows, "has a name now that would come back")


# Each names what the row did not touch.
_ALIAS_OF_TAG = "a.path = t.path AND a.is_deleted = 0 AND a.origin = 'user'"
_HIDDEN_BY_TAG = (
    "SELECT 'tag_alias', a.uid FROM json_each(?) AS wanted CROSS JOIN tag AS t ON t.uid = wanted.value"
    f" AND t.is_deleted = 0 AND t.merged_into IS NULL CROSS JOIN tag_alias AS a ON {_ALIAS_OF_TAG}"
)
_HIDDEN_ALIAS = (
    "SELECT 'tag', t.uid FROM json_each(?) AS wanted CROSS JOIN tag_alias AS a ON a.uid = wanted.value"
    f" CROSS JOIN tag AS t ON {_ALIAS_OF_TAG} AND t.is_deleted = 0 AND t.merged_into IS NULL"
)


def _refuse_pointers(session: Session, journal_id: int, kind: str, uids: Sequence[str]) -> None:
    """Refuse when something living was merged into, or is another name of, a thing that would be gone."""
    wanted = json.dumps(list(uids))
    if kind in _MERGED:
        rows = session.rows(
            f"SELECT m.uid FROM json_each(?) AS wanted CROSS JOIN {kind} AS g ON g.uid = wanted.value"
            f" CROSS JOIN {kind} AS m ON m.merged_into = g.id WHERE m.is_deleted = 0",
            (wanted,),
        )
        if rows:
            raise things_in_the_way(
                session, journal_id, [(kind, uid) for (uid,) in rows], "was merged into it"
            )
    if kind == "tag":
        rows = session.rows(
            "SELECT a.uid FROM json_each(?) AS wanted CROSS JOIN tag AS g ON g.uid = wanted.value"
            " CROSS JOIN tag_alias AS a ON a.tag_id = g.id WHERE a.is_deleted = 0",
            (wanted,),
        )
        if rows:
            raise things_in_the_way(
                session, journal_id, [("tag_alias", uid) for (uid,) in rows], "means it now"
            )


_OF_ELEMENT = "s.property = '{}' AND s.value <> 'false' AND s.element"
_SAYINGS: dict[str, tuple[str, ...]] = {
    "tag": (_OF_ELEMENT.format("tag"),),
    "album": (_OF_ELEMENT.format("album"),),
    "person": (
        _OF_ELEMENT.format("person"),
        "s.property = 'face' AND CASE WHEN s.value <> 'false' THEN json_extract(s.value, '$.person') END",
    ),
    "stack": ("s.property = 'stack' AND s.element = '' AND json_extract(s.value, '$')",),
}


# Who inherited a word has it as of the time when it was said; the row of the inheritance tells that it came later.
_INHERITED = (
    "SELECT s.asset_id, a.uid, s.property, s.element FROM journal AS j"
    " CROSS JOIN journal_item AS i ON i.journal_id = j.id CROSS JOIN asset AS h ON h.id = i.asset_id"
    " CROSS JOIN asset AS a ON a.id = ifnull(h.merged_into, h.id) CROSS JOIN statement AS s ON s.asset_id = a.id"
    " AND s.property = i.property AND s.element = i.element AND s.source = i.source AND s.author = i.author"
    " WHERE {} IN (SELECT value FROM json_each(?)) AND j.id > ? AND j.author = ?"
    " AND json_extract(j.command, '$.do') = 'inherit'"
)


def _refuse_sayings(session: Session, journal_id: int, made_ns: int, kind: str, uids: Sequence[str]) -> None:
    """Refuse when photos were given a thing, which would be gone, after the row."""
    conditions = _SAYINGS.get(kind, ())
    wanted = json.dumps(list(uids))
    found: list[tuple[int, str, str, str]] = []
    for condition in conditions:
        found += session.rows(
            "SELECT s.asset_id, a.uid, s.property, s.element FROM statement AS s JOIN asset AS a ON a.id = s.asset_id"
            f" WHERE {condition} IN (SELECT value FROM json_each(?)) AND s.made_ns > ?",
            (wanted, made_ns),
        )
        found += session.rows(_INHERITED.format(condition), (wanted, journal_id, journal.MACHINE))
    if not found:
        return
    names = {(asset_id, name, element) for asset_id, _, name, element in found}
    later = session.rows(
        "SELECT i.journal_id, i.asset_id, i.property, i.element FROM json_each(?) AS wanted"
        " CROSS JOIN journal_item AS i ON i.asset_id = wanted.value WHERE i.journal_id > ?",
        (json.dumps(sorted({one[0] for one in found})[:1000]), journal_id),
    )
    rows = sorted({one[0] for one in later if one[1:] in names})
    by = f" (row {rows[-1]})" if rows else ""
    raise Conflict(
        f"row {journal_id} cannot be taken back: {len({one[0] for one in found})} photos were given"
        f" {_named(session, [(kind, uid) for uid in uids])} later{by}",
        hint="take the later rows back first (see `glassine log`)",
        journal=rows,
        photos=list(dict.fromkeys(one[1] for one in found))[:1000],
        things=[],
    )


def things_in_the_way(
    session: Session, journal_id: int, found: Sequence[tuple[str, str]], why: str
) -> Conflict:
    """Return the Conflict that names these things and the later rows that changed them."""
    rows = session.rows(
        "SELECT DISTINCT journal_id FROM journal_thing WHERE uid IN (SELECT value FROM json_each(?))"
        " AND journal_id > ? ORDER BY journal_id",
        (json.dumps([uid for _, uid in found]), journal_id),
    )
    later = [one[0] for one in rows]
    by = f" (row {later[-1]})" if later else ""
    return Conflict(
        f"row {journal_id} cannot be taken back: {_named(session, found)} {why}{by}",
        hint="take the later rows back first (see `glassine log`)",
        journal=later,
        photos=[],
        things=[{"kind": kind, "uid": uid} for kind, uid in found[:_MAX_NAMED]],
    )


def _named(session: Session, found: Sequence[tuple[str, str]]) -> str:
    kind, uid = found[0]
    content = things.snapshot(session, kind, uid) or {}
    name = content.get("path") or content.get("name") or content.get("label") or uid
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"the {kind.replace('_', ' ')} {name!r}{more}"
