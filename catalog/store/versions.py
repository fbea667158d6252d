"""Versions of bytes: what happens to assets when a file changes, or when known bytes turn up again.

The rules of DESIGN section 3 and charter 2 (assets follow content, never paths):
- the only present location of a content changes -> the same asset gets a new version, statements stay;
- one of several copies changes -> that file is a new, provisional asset; hard links are one file, and change together;
- a former version turns up while nothing holds the current one -> the asset returns to it;
- a former version turns up beside the current one -> a new asset takes it over, with the statements of that moment, and
  is stacked with it (`catalog.store.lineage`).

Invariants: the content of a present location is the current one of its asset (I12); no content on an alias (I5).
Callers hold a transaction and a `Refresh` that is applied at its end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from catalog import media_types
from catalog.facts import Kind
from catalog.ids import AssetId, ContentId, LocationId, VolumeId
from catalog.store import changes, journal, lineage, sidecar_rows
from catalog.store.assets import Refresh
from catalog.store.births import Birth, bear_asset, new_contents
from catalog.store.db import Session, Writer
from catalog.store.inodes import Mounts


class Changed(NamedTuple):
    """A location whose bytes are not those that we knew; size and mtime are the new ones.

    `inode` is that of a file that was written to in place: other names of it changed with it. 0: another file lies there.
    """

    location_id: LocationId
    content_id: ContentId | None
    name: bytes
    size: int
    mtime_ns: int
    must_sniff: bool
    inode: int = 0


def assets_of(session: Session, content_ids: Iterable[ContentId]) -> list[AssetId]:
    """Return the assets that these contents belong to."""
    wanted = json.dumps(list(content_ids))
    rows = session.rows(
        "SELECT DISTINCT asset_id FROM content WHERE id IN (SELECT value FROM json_each(?))", (wanted,)
    )
    return [AssetId(row[0]) for row in rows]


def change_bytes(writer: Writer, changed: Changed, refresh: Refresh, now_ns: int) -> list[LocationId]:
    """Give a changed file its new content: a new version, a new asset, or none; return its other names, which got it too."""
    row = None
    if changed.content_id is not None:
        row = writer.row("SELECT asset_id, kind, mime FROM content WHERE id = ?", (changed.content_id,))
    if row is None:
        _become_asset(writer, changed, refresh, now_ns)
        return []
    asset_id = AssetId(row[0])
    refresh.remember([asset_id])
    note_last_place(writer, changed.content_id, changed.location_id)
    links = _other_links(writer, changed)
    if _is_held_elsewhere(writer, changed, asset_id, links):
        _become_asset(writer, changed, refresh, now_ns)
    else:
        birth = _birth(changed) or Birth(
            changed.location_id, changed.name, changed.size, changed.mtime_ns, row[1], row[2]
        )
        (content_id,) = new_contents(writer, [(asset_id, birth)], now_ns=now_ns)
        writer.execute("UPDATE asset SET content_id = ? WHERE id = ?", (content_id, asset_id))
        point(writer, changed.location_id, content_id)
    _follow_links(writer, changed, links)
    return links


def settle(writer: Writer, content_ids: Iterable[ContentId], refresh: Refresh, now_ns: int) -> None:
    """Make each of these contents, which some present location holds, the current one of its asset."""
    for content_id in content_ids:
        asset_id, current = writer.row(
            "SELECT a.id, a.content_id FROM content AS c JOIN asset AS a ON a.id = c.asset_id WHERE c.id = ?",
            (content_id,),
        ) or (None, None)
        if asset_id is None or current == content_id:
            continue
        refresh.remember([asset_id])
        if current is not None and is_present(writer, current):
            split_off(writer, content_id, refresh, now_ns)
        else:
            writer.execute("UPDATE asset SET content_id = ? WHERE id = ?", (content_id, asset_id))


def split_off(
    writer: Writer, content_id: ContentId, refresh: Refresh, now_ns: int, *, with_statements: bool = True
) -> AssetId:
    """Make a new asset for a version that turned up beside the current one; return it."""
    row = writer.row(
        "SELECT l.id, l.name, l.mtime_ns, c.size, c.kind, c.mime, c.asset_id FROM location AS l"
        " JOIN content AS c ON c.id = l.content_id WHERE c.id = ? ORDER BY l.state = 'missing', l.id LIMIT 1",
        (content_id,),
    )
    assert row is not None, "somebody saw these bytes"
    new_id, empty_content = bear_asset(
        writer, Birth(LocationId(row[0]), row[1], row[3], row[2], row[4], row[5]), now_ns=now_ns
    )
    former_owner = AssetId(row[6])
    refresh.remember([new_id, former_owner], may_restack=True)
    take_over(
        writer,
        new_id,
        content_id,
        former_owner=former_owner,
        with_statements=with_statements,
        now_ns=now_ns,
    )
    writer.execute("DELETE FROM content WHERE id = ?", (empty_content,))
    return new_id


def take_over(
    writer: Writer,
    asset_id: AssetId,
    content_id: ContentId,
    *,
    former_owner: AssetId,
    with_statements: bool,
    now_ns: int,
) -> None:
    """Give a version to another asset, which inherits what is said about the former owner at this moment.

    With the statements comes the stack of both. The caller's `Refresh` remembers both assets, with `may_restack`.
    """
    writer.execute("UPDATE content SET asset_id = ? WHERE id = ?", (asset_id, content_id))
    writer.execute("UPDATE asset SET content_id = ? WHERE id = ?", (content_id, asset_id))
    sidecar_rows.mark_of_content(writer, content_id)
    if not with_statements:
        return
    items = journal.inherit_statements(writer, asset_id, former_owner)
    stack = lineage.stack_with_former(writer, former_owner, asset_id, now_ns=now_ns)
    if stack is not None:
        items += stack.items
    if items:
        uids: dict[AssetId, str] = dict(
            writer.rows("SELECT id, uid FROM asset WHERE id IN (?, ?)", (asset_id, former_owner))
        )
        command = {"do": "inherit", "from": uids[former_owner], "into": uids[asset_id]}
        journal_id = journal.append(writer, command, author=journal.MACHINE, now_ns=now_ns, items=items)
        if stack is not None:
            journal.append_new_thing(writer, journal_id, "stack", stack.uid, stack.row)


def is_present(session: Session, content_id: ContentId) -> bool:
    """Tell whether some present location holds these bytes."""
    row = session.row(
        "SELECT 1 FROM location WHERE content_id = ? AND state = 'present' LIMIT 1", (content_id,)
    )
    return row is not None


def note_last_place(writer: Writer, content_id: ContentId | None, location_id: LocationId) -> None:
    """Note where bytes were until now."""
    writer.execute("UPDATE content SET last_location_id = ? WHERE id = ?", (location_id, content_id))


def _is_held_elsewhere(
    writer: Writer, changed: Changed, asset_id: AssetId, links: Sequence[LocationId]
) -> bool:
    """Tell whether another present file holds these bytes, or the current ones of the asset (a copy came back first)."""
    row = writer.row(
        "SELECT 1 FROM asset AS a JOIN location AS l ON l.content_id IN (?, a.content_id)"
        " WHERE a.id = ? AND l.state = 'present' AND l.id NOT IN (SELECT value FROM json_each(?)) LIMIT 1",
        (changed.content_id, asset_id, json.dumps([changed.location_id, *links])),
    )
    return row is not None


# index location_content
_LINKS = (
    "SELECT o.id, l.volume_id, d.path, e.path FROM location AS l CROSS JOIN location AS o ON o.content_id = l.content_id"
    " AND o.volume_id = l.volume_id AND o.inode = ?2 AND o.state = 'present' AND o.id <> l.id"
    " CROSS JOIN directory AS d ON d.id = l.directory_id CROSS JOIN directory AS e ON e.id = o.directory_id WHERE l.id = ?1"
)


def _other_links(writer: Writer, changed: Changed) -> list[LocationId]:
    if not changed.inode:
        return []
    rows = writer.rows(_LINKS, (changed.location_id, changed.inode))
    if not rows:
        return []
    # A clone of a disk that is mounted below it has the same bytes by the same number, and is another file.
    mounts = Mounts(writer, VolumeId(rows[0][1]))
    return [LocationId(one) for one, _, path, other in rows if mounts.of(path) == mounts.of(other)]


def _follow_links(writer: Writer, changed: Changed, links: Sequence[LocationId]) -> None:
    """Give the other names of a file that was written to its new bytes and stamp; their own listings find nothing new."""
    if not links:
        return
    wanted = json.dumps(links)
    writer.execute(
        "UPDATE location SET (content_id, sniff_due) = (SELECT content_id, sniff_due FROM location WHERE id = ?1),"
        " size = ?2, mtime_ns = ?3, hash_failure = NULL, hash_retry_ns = NULL, verified_ns = NULL, recheck_due = 0"
        " WHERE id IN (SELECT value FROM json_each(?4))",
        (changed.location_id, changed.size, changed.mtime_ns, wanted),
    )
    writer.execute("DELETE FROM damage WHERE location_id IN (SELECT value FROM json_each(?))", (wanted,))
    sidecar_rows.mark_around(writer, links)
    changes.append(writer, [("orig", f"l{one}", None) for one in links])


def _become_asset(writer: Writer, changed: Changed, refresh: Refresh, now_ns: int) -> None:
    """Treat the file as if it were seen for the first time."""
    birth = _birth(changed) if changed.size else None
    content_id = None
    if birth is not None:
        asset_id, content_id = bear_asset(writer, birth, now_ns=now_ns)
        refresh.remember([asset_id])
    point(writer, changed.location_id, content_id, must_sniff=changed.must_sniff)


def _birth(changed: Changed) -> Birth | None:
    guess = media_types.guess(changed.name)
    if guess is None:
        return None
    kind: Kind = guess.kind
    return Birth(changed.location_id, changed.name, changed.size, changed.mtime_ns, kind, guess.mime)


def point(
    writer: Writer, location_id: LocationId, content_id: ContentId | None, *, must_sniff: bool = False
) -> None:
    """Let a file have these bytes; None = none that we know."""
    writer.execute(
        "UPDATE location SET content_id = ?, sniff_due = ? WHERE id = ?",
        (content_id, int(must_sniff), location_id),
    )


def disprove(writer: Writer, location_id: LocationId) -> None:
    """Bytes changed, or may have, while their stamp did not: what had the same stamp before proves nothing any more."""
    writer.execute(
        "DELETE FROM displaced WHERE (volume_id, inode, size, mtime_ns) ="
        " (SELECT volume_id, inode, size, mtime_ns FROM location WHERE id = ?)",
        (location_id,),
    )
    writer.execute(
        "UPDATE location SET inode = 0 WHERE id IN (SELECT o.id FROM location AS l CROSS JOIN location AS o"
        " INDEXED BY location_inode ON o.volume_id = l.volume_id AND o.inode = l.inode AND o.inode <> 0"
        " WHERE l.id = ? AND o.state = 'missing' AND o.size = l.size AND o.mtime_ns = l.mtime_ns)",
        (location_id,),
    )
