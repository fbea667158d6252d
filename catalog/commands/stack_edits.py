"""Carrying out what a person says about stacks: make one, choose who stands for it, take photos out.

What is said wins over every rule for ever (`catalog.store.stacks`): a photo said to be in a stack stays in it wherever
its file moves, one said to be in none stays alone whatever partner turns up, until it is said otherwise or undone.
"""

from __future__ import annotations

from typing import Any

from catalog.commands.layer import StackCover, StackMake, StackSplit
from catalog.errors import InvalidValue, UsageError
from catalog.ids import AssetId, new_uid
from catalog.stacks import cover_rank
from catalog.store.edits import Edit
from catalog.store.sayings import ruling
from catalog.store.stack_candidates import read_candidates
from catalog.store.stacks import StackRow, covers_among, label_of, stacks_with


def make(edit: Edit, command: StackMake) -> dict[str, Any]:
    """Make one stack of photos and of everyone who is in a stack with them.

    A stack made by hand among them grows (the oldest does, if there are several); else a new one is made.

    Raises:
        UsageError: fewer than two photos.
    """
    photos = edit.photos(command.photos)
    if len(photos) < 2:
        raise UsageError("a stack has at least two photos", hint="Name all photos that belong together.")
    joined = stacks_with(edit.writer, photos)
    members = list(dict.fromkeys([*photos, *(member for stack in joined for member in stack.members)]))
    by_hand = next((stack for stack in joined if stack.origin == "user"), None)
    uid = _new_stack(edit, members) if by_hand is None else by_hand.uid
    edit.say(members, "stack", uid)
    return {"stack": uid}


def _new_stack(edit: Edit, members: list[AssetId]) -> str:
    uid = new_uid()
    cover = min(read_candidates(edit.writer, members), key=cover_rank).asset_id
    name = edit.writer.value("SELECT name FROM asset WHERE id = ?", (cover,))
    row = {
        "origin": "user",
        "kind": "manual",
        "label": label_of(name, uid),
        "is_deleted": 0,
        "created_ns": edit.made_ns,
    }
    edit.put("stack", uid, row)
    return uid


def cover(edit: Edit, command: StackCover) -> dict[str, Any]:
    """Let a photo stand for its stack from now on.

    Raises:
        InvalidValue: it is in no stack.
    """
    (photo,) = edit.photos([command.photo])
    stack = _stack_of(edit, photo)
    if stack is None:
        raise InvalidValue(
            "this photo is in no stack", hint="glassine stack make puts photos into one.", photo=command.photo
        )
    said = {one: by_element[""] for one, by_element in ruling(edit.writer, stack.members, "cover").items()}
    chosen = [one for one, statement in said.items() if statement.value is not None]
    newest = max(chosen, key=lambda one: (said[one].value, -one), default=None)
    if newest != photo:
        edit.say([photo], "cover", edit.made_ns)
    return {"stack": stack.uid}


def split(edit: Edit, command: StackSplit) -> dict[str, Any]:
    """Take photos out of their stacks; who stands for a stack takes everyone out of it."""
    photos = edit.photos(command.photos)
    leaving: dict[AssetId, None] = {}
    left: list[str] = []
    covers = covers_among(edit.writer, photos)
    for stack in stacks_with(edit.writer, photos):
        named = [one for one in photos if one in stack.members]
        is_dissolved = any(one in covers for one in named)
        leaving.update(dict.fromkeys(stack.members if is_dissolved else named))
        left.append(stack.uid)
    edit.say(list(leaving), "stack", False)
    return {"stacks": left}


def _stack_of(edit: Edit, photo: AssetId) -> StackRow | None:
    found = stacks_with(edit.writer, [photo])
    return found[0] if found else None
