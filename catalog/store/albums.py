"""Albums: looking them up, what is in them in which order, and snapshots of new ones.

A photo is in an album when the ruling statement about it says `{at: number}`; the numbers order the album.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from catalog.buckets import View
from catalog.errors import NotFound
from catalog.ids import AssetId
from catalog.labels import shown, split_path
from catalog.store.db import Session
from catalog.store.hierarchy import Node, Tree
from catalog.store.sayings import ruling
from catalog.store.things import Snapshot
from catalog.things import Album

TREE = Tree("album", "t.is_deleted = 0")
WHAT = "album"


def find(session: Session, names: Sequence[str]) -> Node | None:
    """Return the album that these names, from the top, mean: exactly, else the one equal but for case.

    Raises:
        Ambiguous: several differ by case alone.
    """
    path = "/".join(names)
    return TREE.at(session, path) or TREE.the_one(TREE.folded(session, names), WHAT, path)


def resolve_album(session: Session, text: str) -> Album:
    """Return the album that a name means, without its count.

    Raises:
        NotFound: none. Ambiguous: several differ by case alone. InvalidValue: this cannot be an album.
    """
    node = find(session, split_path(text, WHAT))
    if node is None:
        raise NotFound(f"there is no album {shown(text)}", hint="see `glassine album list`", album=text)
    return _album(session, node)


def _album(session: Session, node: Node, count: int = 0) -> Album:
    cover = session.value("SELECT cover FROM album WHERE id = ?", (node.id,))
    return Album(
        node.id, node.uid, node.parent_id, node.name, node.path, node.label, cover, node.created_ns, count
    )


def albums(session: Session) -> list[Album]:
    """Return all living albums by path, with the number of photos that their folders list."""
    counts: dict[int, int] = dict(
        session.rows("SELECT key, count FROM bucket WHERE view = ? AND count > 0", (int(View.ALBUMS),))
    )
    covers: dict[int, str] = dict(
        session.rows("SELECT id, cover FROM album WHERE is_deleted = 0 AND cover IS NOT NULL")
    )
    return [
        Album(
            node.id, node.uid, node.parent_id, node.name, node.path, node.label, covers.get(node.id),
            node.created_ns, counts.get(node.id, 0),
        )
        for node in TREE.nodes(session)
    ]  # fmt: skip


def places(session: Session, album_uid: str) -> dict[AssetId, int | float]:
    """Return asset -> place of everything in an album, in its order; of equal places the older photo is first."""
    said = [
        AssetId(asset_id)
        for (asset_id,) in session.rows(
            "SELECT DISTINCT asset_id FROM statement WHERE property = 'album' AND element = ?", (album_uid,)
        )
    ]
    found = {
        asset_id: of_asset[album_uid].value["at"]
        for asset_id, of_asset in ruling(session, said, "album", [album_uid]).items()
        if of_asset[album_uid].value
    }
    return dict(sorted(found.items(), key=lambda pair: (pair[1], pair[0])))


def photos_in_order(session: Session, album_id: int) -> list[AssetId]:
    """Return everything in an album in its order, whatever the state of the photos."""
    uid = session.value("SELECT uid FROM album WHERE id = ?", (album_id,))
    return [] if uid is None else list(places(session, uid))


def sorted_assets(session: Session, asset_ids: Sequence[AssetId], by: str) -> list[AssetId]:
    """Return these assets by `date` (instant of the capture, then name) or `name`."""
    order = {"date": "a.mtime_ns, a.fold, a.name, a.id", "name": "a.fold, a.name, a.id"}[by]
    rows = session.rows(
        "SELECT a.id FROM json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value"
        f" ORDER BY {order}",
        (json.dumps(list(asset_ids)),),
    )
    return [AssetId(asset_id) for (asset_id,) in rows]


def new_album(session: Session, uid: str, name: str, parent: Node | None, now_ns: int) -> Snapshot:
    """Return the snapshot of an album that is to be made."""
    blank = {"cover": None, "is_deleted": 0, "created_ns": now_ns}
    return TREE.placed(session, blank, uid, name, parent)
