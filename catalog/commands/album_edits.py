"""Carrying out what a person says about albums: their photos and their order, and the albums themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from catalog.commands.layer import (
    AlbumAdd,
    AlbumCover,
    AlbumCreate,
    AlbumDelete,
    AlbumOrder,
    AlbumRemove,
    AlbumRename,
)
from catalog.errors import AlreadyExists, Conflict, InvalidValue, NotFound
from catalog.ids import AssetId, Uid, new_uid
from catalog.labels import shown, split_path
from catalog.store import albums, things
from catalog.store.edits import Edit
from catalog.store.hierarchy import Node
from catalog.store.sayings import assets_of_uids, ruling
from catalog.store.things import Snapshot
from catalog.things import Album

# Between two neighbours fit twenty bisections before an album is spaced anew; 2**63 leaves room for 2**43 photos.
SPACING = 2**20
ORDERS = ("date", "name")


def create(edit: Edit, command: AlbumCreate) -> dict[str, Any]:
    """Make an album and those above it."""
    names = split_path(command.album, albums.WHAT)
    created: list[str] = []
    parent = _find_or_make(edit, names[:-1], created) if names[1:] else None
    path = f"{parent.path}/{names[-1]}" if parent else names[-1]
    if albums.TREE.at(edit.writer, path) is not None:
        raise AlreadyExists(
            f"there is an album {shown(path)} already",
            hint="`album add` puts photos into it",
            album=path,
        )
    return {"album": _make(edit, names[-1], parent, created).path, "created": created}


def _find_or_make(edit: Edit, names: Sequence[str], created: list[str]) -> Node:
    for known in range(len(names), 0, -1):
        node = albums.find(edit.writer, names[:known])
        if node is not None:
            break
    else:
        node, known = None, 0
    for name in names[known:]:
        node = _make(edit, name, node, created)
    assert node is not None, "a path has at least one name"
    return node


def _make(edit: Edit, name: str, parent: Node | None, created: list[str]) -> Node:
    uid = new_uid()
    edit.put("album", uid, albums.new_album(edit.writer, uid, name, parent, edit.made_ns))
    node = albums.TREE.of_uid(edit.writer, uid)
    assert node is not None, "just made"
    created.append(node.path)
    return node


# ---- photos


def add(edit: Edit, command: AlbumAdd) -> dict[str, Any]:
    """Put photos at the end of an album in the given order; those that are in it keep their place."""
    asset_ids = edit.photos(command.photos)
    created: list[str] = []
    if command.is_created:
        album = _find_or_make(edit, split_path(command.album, albums.WHAT), created)
        uid, path = album.uid, album.path
    else:
        known = albums.resolve_album(edit.writer, command.album)
        uid, path = known.uid, known.path
    places = albums.places(edit.writer, uid)
    end = int(max(places.values(), default=0))
    new = [asset_id for asset_id in asset_ids if asset_id not in places]
    at = {asset_id: {"at": end + SPACING * number} for number, asset_id in enumerate(new, 1)}
    edit.say_each(at, "album", uid)
    return {"album": path, "created": created}


def remove(edit: Edit, command: AlbumRemove) -> dict[str, Any]:
    """Take photos out of an album."""
    asset_ids = edit.photos(command.photos)
    album = albums.resolve_album(edit.writer, command.album)
    said = ruling(edit.writer, asset_ids, "album", [album.uid])
    inside = [one for one in asset_ids if one in said and said[one][album.uid].value]
    edit.say(inside, "album", False, album.uid)
    return {"album": album.path}


def order(edit: Edit, command: AlbumOrder) -> dict[str, Any]:
    """Order an album: wholly, or by moving some of its photos."""
    album = albums.resolve_album(edit.writer, command.album)
    asset_ids = edit.photos(command.photos)
    places = albums.places(edit.writer, album.uid)
    if command.by is not None:
        _order_by(edit, command, album, places)
    else:
        _move_photos(edit, command, album, places, asset_ids)
    return {"album": album.path}


def _order_by(edit: Edit, command: AlbumOrder, album: Album, places: dict[AssetId, int | float]) -> None:
    if command.by not in ORDERS:
        raise InvalidValue(
            f"albums are ordered by date or name, not by {shown(str(command.by))}", value=command.by
        )
    if command.photos or command.before or command.after:
        raise InvalidValue("either the whole album is ordered, or some photos are moved; not both")
    _space(edit, album, albums.sorted_assets(edit.writer, list(places), command.by), places)


def _move_photos(
    edit: Edit,
    command: AlbumOrder,
    album: Album,
    places: dict[AssetId, int | float],
    asset_ids: Sequence[AssetId],
) -> None:
    if not asset_ids:
        raise InvalidValue(
            "no photo is named", hint="name photos of the album, or order all of it by date or name"
        )
    _require_inside(album, places, assets_of_uids(edit.writer, command.photos))
    moved = set(asset_ids)
    others = [one for one in places if one not in moved]
    index = _index(edit, command, album, others, places)
    low = places[others[index - 1]] if index > 0 else None
    high = places[others[index]] if index < len(others) else None
    room = _room(low, high, len(asset_ids))
    if room is None:
        _space(edit, album, [*others[:index], *asset_ids, *others[index:]], places)
        return
    first, step = room
    at = {one: {"at": first + step * number} for number, one in enumerate(asset_ids)}
    if list(places) != [*others[:index], *asset_ids, *others[index:]]:
        edit.say_each(at, "album", album.uid)


def _require_inside(album: Album, places: dict[AssetId, int | float], chosen: Mapping[AssetId, Uid]) -> None:
    for asset_id, uid in chosen.items():
        if asset_id not in places:
            raise NotFound(
                f"the photo {uid} is not in the album {shown(album.path)}",
                hint="put it into the album first",
                photo=uid,
                album=album.path,
            )


def _index(
    edit: Edit,
    command: AlbumOrder,
    album: Album,
    others: list[AssetId],
    places: dict[AssetId, int | float],
) -> int:
    """Return before which of the other photos they go."""
    if command.before is not None and command.after is not None:
        raise InvalidValue("photos go before a photo or after one; not both")
    anchor = command.before if command.before is not None else command.after
    if anchor is None:
        return 0
    chosen = assets_of_uids(edit.writer, [anchor])
    (asset_id,) = chosen
    if asset_id in places and asset_id not in others:
        raise InvalidValue(f"the photo {anchor} cannot go before or after itself", photo=anchor)
    _require_inside(album, places, chosen)
    return others.index(asset_id) + (command.after is not None)


def _room(low: int | float | None, high: int | float | None, count: int) -> tuple[int, int] | None:
    """Return (first place, step) for so many photos between two neighbours, or None if there is no room."""
    if low is None and high is None:
        return SPACING, SPACING
    if low is None:
        assert high is not None, "one of the two is there"
        return int(high) - SPACING * count, SPACING
    if high is None:
        return int(low) + SPACING, SPACING
    step = int(high - low) // (count + 1)
    return (int(low) + step, step) if step >= 1 else None


def _space(edit: Edit, album: Album, order: Sequence[AssetId], places: dict[AssetId, int | float]) -> None:
    if list(places) == list(order):
        return
    edit.say_each({one: {"at": SPACING * number} for number, one in enumerate(order, 1)}, "album", album.uid)


def cover(edit: Edit, command: AlbumCover) -> dict[str, Any]:
    """Choose the photo on the cover of an album."""
    album = albums.resolve_album(edit.writer, command.album)
    uid = None
    if command.photo is not None:
        chosen = assets_of_uids(edit.writer, [command.photo])
        _require_inside(album, albums.places(edit.writer, album.uid), chosen)
        (uid,) = chosen.values()
    edit.put("album", album.uid, {**_now(edit, album.uid), "cover": uid})
    return {"album": album.path, "cover": uid}


# ---- the albums themselves


def rename(edit: Edit, command: AlbumRename) -> dict[str, Any]:
    """Give an album another path; albums in it move along."""
    album = albums.resolve_album(edit.writer, command.album)
    names = split_path(command.name, albums.WHAT)
    if "/".join(names) == album.path:
        return {"album": album.path, "former": album.path, "created": []}
    if "/".join(names).startswith(album.path + "/"):
        raise _cycle(album, "/".join(names))
    created: list[str] = []
    parent = _find_or_make(edit, names[:-1], created) if names[1:] else None
    if parent is not None and _is_inside(edit, parent, album):
        raise _cycle(album, "/".join(names))
    path = f"{parent.path}/{names[-1]}" if parent else names[-1]
    there = albums.TREE.at(edit.writer, path)
    if there is not None and there.id != album.id:
        raise AlreadyExists(
            f"there is an album {shown(path)} already",
            hint="choose another path, or `album add` these photos to that one",
            album=path,
        )
    _move(edit, album, names[-1], parent, path)
    return {"album": path, "former": album.path, "created": created}


def _is_inside(edit: Edit, node: Node, album: Album) -> bool:
    return node.id == album.id or node.id in {one.id for one in albums.TREE.below(edit.writer, album.id)}


def _cycle(album: Album, path: str) -> Conflict:
    return Conflict(
        f"the album {shown(album.path)} cannot become {shown(path)}: that is inside of itself",
        hint="choose a path outside of it",
        album=album.path,
        name=path,
    )


def _move(edit: Edit, album: Album, name: str, parent: Node | None, path: str) -> None:
    nodes = albums.TREE.below(edit.writer, album.id)
    now = things.snapshots(edit.writer, "album", [node.uid for node in nodes])
    below = [
        ("album", node.uid, {**now[node.uid], "path": path + node.path[len(album.path) :]}) for node in nodes
    ]
    moved = albums.TREE.placed(edit.writer, _now(edit, album.uid), album.uid, name, parent)
    edit.put_all([("album", album.uid, moved), *below])


def delete(edit: Edit, command: AlbumDelete) -> dict[str, Any]:
    """Delete an album; what is said of its photos waits for an undo."""
    album = albums.resolve_album(edit.writer, command.album)
    below = albums.TREE.below(edit.writer, album.id)
    if below and not command.is_recursive:
        raise Conflict(
            f"there are albums in {shown(album.path)}: " + ", ".join(node.name for node in below[:5]),
            hint="delete them too with --recursive, or move them first",
            album=album.path,
            albums=[node.path for node in below[:100]],
        )
    now = things.snapshots(edit.writer, "album", [album.uid, *(node.uid for node in below)])
    edit.put_all([("album", uid, {**content, "is_deleted": 1}) for uid, content in now.items()])
    return {"album": album.path, "deleted": [album.path, *(node.path for node in below)]}


def _now(edit: Edit, uid: str) -> Snapshot:
    found = things.snapshot(edit.writer, "album", uid)
    assert found is not None, "just resolved"
    return found
