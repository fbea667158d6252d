"""The dump: everything that people said and every name, as one JSON document, in one order for one state.

`catalog.dump` tells the shape, docs/format.md the meaning. Streams: pages of photos, never the whole. What bytes say
(facts), what is going on (scans, jobs, states of volumes), who may sign in, and where a file lies inside of its disk
(inode, ctime) are left out: they are found again, or are nobody else's business. So two libraries of the same files
in which the same was said have the same dump, whichever was scanned first.

Order: volumes, cameras by folded name; places by their names; things by kind and age; words by kind and text; photos by age (who is older has the plain name and is
not the alias); claims by folder and name.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from catalog.buckets import View
from catalog.dump import FORMAT, VERSION, encode, path_fields
from catalog.store import places, things
from catalog.store.db import Reader, Row, Session
from catalog.store.stacks import stack_uid_of

PAGE = 500
# The tables whose rows the keys of these views are.
KEY_TABLES: dict[int, tuple[str, str]] = {
    View.CAMERAS: ("camera", "label"),
    View.ALBUMS: ("album", "uid"),
    View.TAGS: ("tag", "uid"),
    View.PEOPLE: ("person", "uid"),
    View.STACKS: ("stack", "uid"),
}
VIEW_NAMES: dict[int, str] = {int(view): view.name.capitalize() for view in View}


def dump(reader: Reader, *, with_journal: bool = False) -> Generator[str, None, None]:
    """Yield the document in pieces of text, one snapshot of the catalog. Blocks.

    Args:
        with_journal: include the history of edits.

    Whoever does not read it to its end closes it, before the reader: it holds the snapshot.
    """
    with reader.snapshot():
        yield f'{{"glassine":{encode(FORMAT)},"version":{VERSION},\n"library":{encode(_library(reader))}'
        yield from _array("volumes", _volumes(reader))
        yield from _array("cameras", _cameras(reader))
        yield from _array("places", places.snapshots(reader))
        yield from _array("things", _things(reader))
        yield from _array("words", _words(reader))
        yield from _array("photos", _photos(reader))
        yield from _array("claims", _claims(reader))
        if with_journal:
            yield from _array("journal", _journal(reader))
        yield "}\n"


def _array(name: str, items: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield f",\n{encode(name)}:["
    lead = "\n"
    for item in items:
        yield lead + encode(item)
        lead = ",\n"
    yield "\n]"


def _library(session: Session) -> dict[str, Any]:
    meta: dict[str, str] = dict(session.rows("SELECT key, value FROM meta"))
    return {"uid": meta["library_uid"], "zone": meta["zone"], "created_ns": int(meta["created_ns"])}


# A forgotten volume has given its name away: a slash, which no name of a volume holds, and its number tell it from the next one.
_VOLUME_NAME = "CASE WHEN v.forgotten_ns IS NULL THEN v.name ELSE v.name || '/' || v.id END"


def _volumes(session: Session) -> Iterator[dict[str, Any]]:
    rows = session.rows(
        f"SELECT v.id, {_VOLUME_NAME}, v.backend, v.mode, iif(v.forgotten_ns IS NULL, v.state, 'forgotten'), v.root,"
        " v.excludes FROM volume AS v ORDER BY v.fold"
    )
    for volume_id, name, backend, mode, state, root, excludes in rows:
        paths = session.rows("SELECT path FROM library_path WHERE volume_id = ? ORDER BY path", (volume_id,))
        root_fields = {f"root{key.removeprefix('path')}": value for key, value in path_fields(root).items()}
        yield {
            "name": name,
            "backend": backend,
            "mode": mode,
            "state": state if state in ("disabled", "retired", "forgotten") else None,
            **root_fields,
            "excludes": json.loads(excludes),
            "paths": [path_fields(path) for (path,) in paths],
        }


def _cameras(session: Session) -> Iterator[dict[str, Any]]:
    for make, model, label in session.rows("SELECT make, model, label FROM camera ORDER BY fold"):
        yield {"make": make, "model": model, "label": label}


def _things(session: Session) -> Iterator[dict[str, Any]]:
    for kind in things.KINDS:
        for uid, row in things.snapshots(session, kind).items():
            yield {"kind": kind, "uid": uid, "row": row}


def _words(session: Session) -> Iterator[dict[str, Any]]:
    """What words in files mean: after a rename or a merge no other library could find that out."""
    for kind, text, uid in session.rows("SELECT kind, text, uid FROM embedded_name ORDER BY kind, text"):
        yield {"kind": kind, "text": text, "uid": uid}


# ---- photos


def _photos(session: Session) -> Iterator[dict[str, Any]]:
    after = 0
    while rows := session.rows(_PHOTOS, (after, PAGE)):
        page = json.dumps([row[0] for row in rows])
        contents = _grouped(session.rows(_CONTENTS, (page,)))
        wanted = json.dumps([content[1] for group in contents.values() for content in group])
        locations = _grouped(session.rows(_LOCATIONS, (wanted,)))
        statements = _grouped(session.rows(_STATEMENTS, (page,)))
        stacks = _stacks_to_tell(session, {row[6] for row in rows if row[6] is not None})
        for row in rows:
            told = stacks.get(row[6])
            yield _photo(row, told, contents.get(row[0], []), locations, statements.get(row[0], []))
        after = rows[-1][0]


_PHOTOS = """
    SELECT a.id, a.uid, a.name, a.is_suffixed, a.first_seen_ns, o.uid, a.stack_id, a.content_id FROM asset AS a
    LEFT JOIN asset AS o ON o.id = a.merged_into
    WHERE a.id > ? ORDER BY a.id LIMIT ?"""
_CONTENTS = f"""
    SELECT c.asset_id, c.id, c.hash, c.size, c.kind, c.mime, c.created_ns, {_VOLUME_NAME}, d.path, l.name, l.size, l.mtime_ns
    FROM json_each(?) AS wanted CROSS JOIN content AS c ON c.asset_id = wanted.value
    LEFT JOIN location AS l ON l.id = c.last_location_id LEFT JOIN directory AS d ON d.id = l.directory_id
    LEFT JOIN volume AS v ON v.id = l.volume_id ORDER BY c.id"""
_LOCATIONS = f"""
    SELECT l.content_id, {_VOLUME_NAME}, d.path, l.name, l.size, l.mtime_ns
    FROM json_each(?) AS wanted CROSS JOIN location AS l ON l.content_id = wanted.value
    CROSS JOIN directory AS d ON d.id = l.directory_id CROSS JOIN volume AS v ON v.id = l.volume_id ORDER BY l.id"""
_STATEMENTS = """
    SELECT s.asset_id, s.property, s.element, s.value, s.source, s.author, s.made_ns
    FROM json_each(?) AS wanted CROSS JOIN statement AS s ON s.asset_id = wanted.value ORDER BY s.id"""


def _grouped(rows: Iterable[Row]) -> dict[int, list[Row]]:
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[0], []).append(row)
    return groups


def _stacks_to_tell(session: Session, stack_ids: set[int]) -> dict[int, str]:
    """Return row -> uid of the stacks by rule that could not be found again by the uids of their members.

    Who is in a stack follows from statements and photos. Only which row it is may not: it is that of the member who
    founded it, who may have left, or several have founded one.
    """
    if not stack_ids:
        return {}
    uids: dict[int, str] = {}
    founded: dict[int, set[str]] = {}
    for row_id, uid, member in session.rows(_STACK_MEMBERS, (json.dumps(sorted(stack_ids)),)):
        uids[row_id] = uid
        founded.setdefault(row_id, set()).add(stack_uid_of(member))
    wanted = json.dumps(sorted(set().union(*founded.values())))
    known = {uid for (uid,) in session.rows(_STACKS_NAMED, (wanted,))}
    return {row_id: uid for row_id, uid in uids.items() if founded[row_id] & known != {uid}}


_STACK_MEMBERS = """
    SELECT s.id, s.uid, a.uid FROM json_each(?) AS wanted CROSS JOIN stack AS s ON s.id = wanted.value
    CROSS JOIN asset AS a INDEXED BY asset_stack ON a.stack_id = s.id WHERE s.origin = 'rule'"""
_STACKS_NAMED = "SELECT s.uid FROM json_each(?) AS wanted CROSS JOIN stack AS s ON s.uid = wanted.value"


def _photo(
    row: Row,
    stack: str | None,
    contents: list[Row],
    locations: dict[int, list[Row]],
    statements: list[Row],
) -> dict[str, Any]:
    _, uid, name, is_suffixed, first_seen_ns, alias_of, _, current_id = row
    photo: dict[str, Any] = {"uid": uid, "name": name}
    if is_suffixed:
        photo["is_suffixed"] = True
    photo["first_seen_ns"] = first_seen_ns
    if alias_of is not None:
        return photo | {"alias_of": alias_of}
    if stack is not None:
        photo["stack"] = stack
    photo["versions"] = [_version(one, one[1] == current_id, locations.get(one[1], [])) for one in contents]
    if statements:
        photo["statements"] = [_statement(one) for one in statements]
    return photo


def _version(row: Row, is_current: bool, locations: list[Row]) -> dict[str, Any]:
    _, _, digest, size, kind, mime, seen_ns, *last = row
    version = {
        "hash": None if digest is None else digest.hex(),
        "size": size,
        "kind": kind,
        "mime": mime,
        "seen_ns": seen_ns,
        "is_current": is_current,
        "locations": [_location(one[1:], size) for one in locations],
    }
    if last[0] is not None:
        version["last_location"] = _location(tuple(last), size)
    return version


def _location(row: Row, size: int) -> dict[str, Any]:
    volume, directory, name, own_size, mtime_ns = row
    path = directory + b"/" + name if directory else name
    location = {"volume": volume, **path_fields(path), "mtime_ns": mtime_ns}
    return location if own_size == size else location | {"size": own_size}


def _statement(row: Row) -> dict[str, Any]:
    _, name, element, value, source, author, made_ns = row
    said = {"property": name, "element": element} if element else {"property": name}
    return said | {"value": json.loads(value), "source": source, "author": author, "made_ns": made_ns}


# ---- claims and history


def _claims(session: Session) -> Iterator[dict[str, Any]]:
    for view, key, sub, fold, uid in session.connection.execute(_CLAIMS):
        yield {"view": VIEW_NAMES[view], "key": key, "sub": sub, "fold": fold, "photo": uid}


_KEY = "CASE k.view {} ELSE k.key END".format(
    " ".join(
        f"WHEN {int(view)} THEN (SELECT {column} FROM {table} WHERE id = k.key)"
        for view, (table, column) in KEY_TABLES.items()
    )
    + f" WHEN {int(View.PLACES)} THEN ({places.LABEL_PATH} WHERE t.id = k.key)"
)
_CLAIMS = (
    f"SELECT k.view, {_KEY} AS named, k.sub, k.fold, a.uid FROM claim AS k JOIN asset AS a ON a.id = k.asset_id"
    " WHERE named IS NOT NULL ORDER BY k.view, named, k.sub, k.fold"
)


def _journal(session: Session) -> Iterator[dict[str, Any]]:
    after = 0
    while rows := session.rows(
        "SELECT id, command, author, made_ns, undone_by FROM journal WHERE id > ? ORDER BY id LIMIT ?",
        (after, PAGE),
    ):
        page = json.dumps([row[0] for row in rows])
        items, changed = (_grouped(session.rows(sql, (page,))) for sql in (_ITEMS, _JOURNAL_THINGS))
        for row_id, command, author, made_ns, undone_by in rows:
            yield {
                "id": row_id,
                "command": json.loads(command),
                "author": author,
                "made_ns": made_ns,
                "undone_by": undone_by,
                "items": [_item(one) for one in items.get(row_id, [])],
                "things": [_journal_thing(one) for one in changed.get(row_id, [])],
            }
        after = rows[-1][0]


_ITEMS = """
    SELECT i.journal_id, a.uid, i.property, i.element, i.source, i.author, i.before, i.before_ns, i.after, i.after_ns
    FROM json_each(?) AS wanted CROSS JOIN journal_item AS i ON i.journal_id = wanted.value
    CROSS JOIN asset AS a ON a.id = i.asset_id ORDER BY i.rowid"""
_JOURNAL_THINGS = """
    SELECT t.journal_id, t.kind, t.uid, t.before, t.after
    FROM json_each(?) AS wanted CROSS JOIN journal_thing AS t ON t.journal_id = wanted.value ORDER BY t.rowid"""


def _item(row: Row) -> dict[str, Any]:
    _, uid, name, element, source, author, before, before_ns, after, after_ns = row
    item = {"photo": uid, "property": name, "element": element, "source": source, "author": author}
    if before is not None:
        item |= {"before": json.loads(before), "before_ns": before_ns}
    if after is not None:
        item |= {"after": json.loads(after), "after_ns": after_ns}
    return item


def _journal_thing(row: Row) -> dict[str, Any]:
    _, kind, uid, before, after = row
    return {
        "kind": kind,
        "uid": uid,
        "before": None if before is None else json.loads(before),
        "after": None if after is None else json.loads(after),
    }
