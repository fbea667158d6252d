"""Carrying out what a person says about tags: on photos, and to the tags themselves.

A tag that photos have is found by any of its names (`catalog.store.tags`); what is made is called exactly as written.
Invariants: nothing ever points to a tag that was merged (pointers and aliases move along); paths follow their parents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalog.commands.layer import TagAdd, TagAlias, TagCreate, TagDelete, TagRemove, TagRename
from catalog.errors import AlreadyExists, Conflict, InvalidValue, NotFound
from catalog.ids import AssetId, new_uid
from catalog.labels import shown, split_path
from catalog.store import tags, things
from catalog.store.edits import Edit
from catalog.store.held import held
from catalog.store.hierarchy import Node
from catalog.store.sayings import ruling
from catalog.store.things import Snapshot
from catalog.things import Tag

_Change = tuple[str, str, Snapshot | None]


def add(edit: Edit, command: TagAdd) -> dict[str, Any]:
    """Put tags on photos."""
    asset_ids = edit.photos(command.photos)
    _require_tags(command.tags)
    created: list[str] = []
    found = [_find_or_make(edit, split_path(text, tags.WHAT), created) for text in command.tags]
    for node in dict.fromkeys(found):
        edit.say(_without(edit, asset_ids, node), "tag", True, node.uid)
    return {"tag": found[0].path, "tags": [node.path for node in found], "created": created}


def remove(edit: Edit, command: TagRemove) -> dict[str, Any]:
    """Take tags off photos, whoever put them there: people, or the program that wrote them into the file."""
    asset_ids = edit.photos(command.photos)
    _require_tags(command.tags)
    found = [tags.resolve_tag(edit.writer, text) for text in command.tags]
    uids = [str(tag.uid) for tag in found]
    if command.is_below:
        uids += [node.uid for tag in found for node in tags.TREE.below(edit.writer, tag.id)]
    elements = things.members_of_class(edit.writer, "tag", uids)
    by_element: dict[str, list[AssetId]] = {}
    for asset_id, of_asset in held(edit.writer, asset_ids, "tag", elements).items():
        for element in of_asset:
            by_element.setdefault(element, []).append(asset_id)
    for element, having in by_element.items():
        edit.say(having, "tag", False, element)
    return {"tag": found[0].path, "tags": [tag.path for tag in found]}


def _require_tags(texts: Sequence[str]) -> None:
    if not texts:
        raise InvalidValue("no tag is named", hint="name at least one tag")


def _without(edit: Edit, asset_ids: Sequence[AssetId], node: Node) -> list[AssetId]:
    """Leave out photos that have the tag by the author's kind of word about something merged into it."""
    merged = things.members_of_class(edit.writer, "tag", [node.uid])[1:]
    if not merged:
        return list(asset_ids)
    having = {
        asset_id
        for asset_id, of_asset in ruling(edit.writer, asset_ids, "tag", merged).items()
        if any(said.value and said.source == edit.source for said in of_asset.values())
    }
    return [asset_id for asset_id in asset_ids if asset_id not in having]


# ---- making


def create(edit: Edit, command: TagCreate) -> dict[str, Any]:
    """Make a tag and those above it; a tag that differs from another by case alone is a tag of its own."""
    names = split_path(command.tag, tags.WHAT)
    path = "/".join(names)
    alias = tags.alias_at(edit.writer, path)
    if alias is not None and alias.origin == "user":
        raise AlreadyExists(
            f"{shown(path)} is another name of a tag", hint="`tag alias --remove` frees it", tag=path
        )
    created: list[str] = []
    parent = _find_or_make(edit, names[:-1], created) if names[1:] else None
    if _exact(edit, parent, names[-1]) is not None:
        raise AlreadyExists(
            f"there is a tag {shown(path)} already", hint="`tag add` puts it on photos", tag=path
        )
    return {"tag": _make(edit, names[-1], parent, created).path, "created": created}


def _exact(edit: Edit, parent: Node | None, name: str) -> Node | None:
    return tags.TREE.at(edit.writer, f"{parent.path}/{name}" if parent else name)


def _find_or_make(edit: Edit, names: Sequence[str], created: list[str]) -> Node:
    """Return the tag that these names mean; make it, below the deepest one that there is, if there is none."""
    for known in range(len(names), 0, -1):
        node = tags.find(edit.writer, names[:known])
        if node is not None:
            break
    else:
        node, known = None, 0
    for name in names[known:]:
        node = _make(edit, name, node, created)
    assert node is not None, "a path has at least one name"
    return node


def _make(edit: Edit, name: str, parent: Node | None, created: list[str]) -> Node:
    path = f"{parent.path}/{name}" if parent else name
    _drop_alias(edit, path)
    uid = new_uid()
    edit.put("tag", uid, tags.new_tag(edit.writer, uid, name, parent, edit.made_ns))
    created.append(path)
    node = tags.TREE.of_uid(edit.writer, uid)
    assert node is not None, "just made"
    return node


def _drop_alias(edit: Edit, path: str) -> None:
    """A path that becomes a tag's own is no other name of another any more."""
    alias = tags.alias_at(edit.writer, path)
    if alias is not None:
        edit.put("tag_alias", alias.uid, _gone(edit, "tag_alias", alias.uid))


def _gone(edit: Edit, kind: str, uid: str) -> Snapshot:
    return {**_now(edit, kind, uid), "is_deleted": 1}


def _now(edit: Edit, kind: str, uid: str) -> Snapshot:
    found = things.snapshot(edit.writer, kind, uid)
    assert found is not None, f"{kind} {uid} was just found"
    return found


# ---- moving and merging


def rename(edit: Edit, command: TagRename) -> dict[str, Any]:
    """Give a tag another path, or merge it into the tag of that path."""
    tag = _node(tags.resolve_tag(edit.writer, command.tag))
    names = split_path(command.name, tags.WHAT)
    written = "/".join(names)
    created: list[str] = []
    goal = _goal(edit, written)
    if goal is None or goal.uid == tag.uid:
        if written.startswith(tag.path + "/"):
            raise _cycle(tag, written)
        parent = _find_or_make(edit, names[:-1], created) if names[1:] else None
        if parent is not None:
            _refuse_cycle(edit, tag, parent, written)
        goal = _exact(edit, parent, names[-1])
        if goal is None:
            path = _move(edit, tag, names[-1], parent)
            return {"tag": path, "former": tag.path, "merged": False, "created": created}
    is_merged = goal.uid != tag.uid
    if is_merged:
        _refuse_cycle(edit, tag, goal, written)
        _merge(edit, tag, goal)
    return {"tag": goal.path, "former": tag.path, "merged": is_merged, "created": created}


def _node(tag: Tag) -> Node:
    return Node(tag.id, tag.uid, tag.parent_id, tag.name, tag.path, tag.label, tag.created_ns)


def _goal(edit: Edit, path: str) -> Node | None:
    """Return the tag that is there already: of this path, or that a person's alias says it means."""
    exact = tags.TREE.at(edit.writer, path)
    alias = tags.alias_at(edit.writer, path)
    if exact is None and alias is not None and alias.origin == "user":
        return tags.TREE.of_uid(edit.writer, alias.tag_uid)
    return exact


def _refuse_cycle(edit: Edit, tag: Node, goal: Node, path: str) -> None:
    if goal.uid == tag.uid or goal.id in {node.id for node in tags.TREE.below(edit.writer, tag.id)}:
        raise _cycle(tag, path)


def _cycle(tag: Node, path: str) -> Conflict:
    return Conflict(
        f"the tag {shown(tag.path)} cannot become {shown(path)}: that is inside of itself",
        hint="choose a path outside of it",
        tag=tag.path,
        name=path,
    )


def _move(edit: Edit, tag: Node, name: str, parent: Node | None) -> str:
    path = f"{parent.path}/{name}" if parent else name
    _drop_alias(edit, path)
    moved = tags.TREE.placed(edit.writer, _now(edit, "tag", tag.uid), tag.uid, name, parent)
    below = _paths_below(edit, tag, path)
    for _, _, content in below:
        assert content is not None, "they are there"
        _drop_alias(edit, content["path"])
    edit.put_all([("tag", tag.uid, moved), *below])
    _remember_path(edit, tag.path, tag.uid)
    return path


def _paths_below(edit: Edit, tag: Node, path: str) -> list[_Change]:
    """Return the tags below one with their paths below another."""
    nodes = tags.TREE.below(edit.writer, tag.id)
    now = things.snapshots(edit.writer, "tag", [node.uid for node in nodes])
    return [("tag", node.uid, {**now[node.uid], "path": path + node.path[len(tag.path) :]}) for node in nodes]


def _remember_path(edit: Edit, path: str, uid: str) -> None:
    """Leave the former path as an alias for files and sidecars that still say it."""
    if tags.TREE.at(edit.writer, path) is None and tags.alias_at(edit.writer, path) is None:
        edit.put("tag_alias", new_uid(), tags.new_alias(path, uid, "renamed", edit.made_ns))


def _merge(edit: Edit, tag: Node, goal: Node) -> None:
    """Make one tag count for another; children of the same name are merged too, the others move over."""
    merged = things.members_of_class(edit.writer, "tag", [tag.uid])
    now = things.snapshots(edit.writer, "tag", merged)
    edit.put_all([("tag", uid, {**now[uid], "merged_into": goal.uid}) for uid in merged])
    aliases = tags.aliases_of(edit.writer, [tag.uid])
    edit.put_all(
        [("tag_alias", one.uid, {**_now(edit, "tag_alias", one.uid), "tag": goal.uid}) for one in aliases]
    )
    for child in tags.TREE.children(edit.writer, tag.id):
        twin = _exact(edit, goal, child.name)
        if twin is None:
            _move(edit, child, child.name, goal)
        elif twin.uid != child.uid:
            _merge(edit, child, twin)
    _remember_path(edit, tag.path, goal.uid)


# ---- going away, other names


def delete(edit: Edit, command: TagDelete) -> dict[str, Any]:
    """Delete a tag, those below it, and their aliases."""
    tag = tags.resolve_tag(edit.writer, command.tag)
    nodes = [_node(tag), *tags.TREE.below(edit.writer, tag.id)]
    now = things.snapshots(edit.writer, "tag", [node.uid for node in nodes])
    edit.put_all(
        [
            ("tag_alias", one.uid, _gone(edit, "tag_alias", one.uid))
            for one in tags.aliases_of(edit.writer, now)
        ]
    )
    edit.put_all([("tag", uid, {**content, "is_deleted": 1}) for uid, content in now.items()])
    return {"tag": tag.path, "deleted": [node.path for node in nodes]}


def alias(edit: Edit, command: TagAlias) -> dict[str, Any]:
    """Let another path mean a tag, or no longer."""
    tag = tags.resolve_tag(edit.writer, command.tag)
    path = "/".join(split_path(command.alias, "alias"))
    known = tags.alias_at(edit.writer, path)
    answer = {"tag": tag.path, "alias": path}
    if command.is_removed:
        if known is None or known.tag_uid != tag.uid:
            raise NotFound(f"{shown(path)} is no other name of the tag {shown(tag.path)}", alias=path)
        edit.put("tag_alias", known.uid, _gone(edit, "tag_alias", known.uid))
        return answer
    _require_free(edit, tag, path, known)
    if known is None:
        edit.put("tag_alias", new_uid(), tags.new_alias(path, tag.uid, "user", edit.made_ns))
    else:
        edit.put(
            "tag_alias", known.uid, {**_now(edit, "tag_alias", known.uid), "tag": tag.uid, "origin": "user"}
        )
    return answer


def _require_free(edit: Edit, tag: Tag, path: str, known: tags.Alias | None) -> None:
    if tags.TREE.at(edit.writer, path) is not None:
        raise AlreadyExists(
            f"there is a tag {shown(path)} already", hint="`tag rename` makes the two one", tag=path
        )
    if known is not None and known.origin == "user" and known.tag_uid != tag.uid:
        raise AlreadyExists(f"{shown(path)} is another name of another tag already", alias=path)
