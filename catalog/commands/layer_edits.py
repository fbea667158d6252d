"""Which function carries out which command of the layer, and what all of them have in common.

An executor is `(edit, command) -> fields of the answer`: it says and puts through the `Edit`, and raises before or in
the middle of it when something is wrong; the transaction around it is the caller's, who also finishes the edit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from catalog.commands import (
    album_edits,
    date_edits,
    layer,
    person_edits,
    search_edits,
    stack_edits,
    tag_edits,
    value_edits,
)
from catalog.commands.codec import encode
from catalog.commands.options import EditOptions
from catalog.errors import InvalidValue
from catalog.labels import shown
from catalog.store import undo
from catalog.store.db import Writer
from catalog.store.edits import MAX_TOLD, Edit, EditResult

Executor = Callable[[Edit, Any], dict[str, Any]]

EXECUTORS: dict[type[layer.LayerCommand], Executor] = {
    layer.TagAdd: tag_edits.add,
    layer.TagRemove: tag_edits.remove,
    layer.TagCreate: tag_edits.create,
    layer.TagRename: tag_edits.rename,
    layer.TagDelete: tag_edits.delete,
    layer.TagAlias: tag_edits.alias,
    layer.AlbumCreate: album_edits.create,
    layer.AlbumAdd: album_edits.add,
    layer.AlbumRemove: album_edits.remove,
    layer.AlbumOrder: album_edits.order,
    layer.AlbumRename: album_edits.rename,
    layer.AlbumDelete: album_edits.delete,
    layer.AlbumCover: album_edits.cover,
    layer.SearchSave: search_edits.save,
    layer.SearchDelete: search_edits.delete,
    layer.Rate: value_edits.rate,
    layer.Label: value_edits.label,
    layer.Favorite: value_edits.favorite,
    layer.Reject: value_edits.reject,
    layer.Hide: value_edits.hide,
    layer.Title: value_edits.title,
    layer.Describe: value_edits.describe,
    layer.DateSet: date_edits.set_date,
    layer.DateShift: date_edits.shift_date,
    layer.DateClear: date_edits.clear_date,
    layer.PlaceSet: date_edits.set_place,
    layer.PlaceClear: date_edits.clear_place,
    layer.PersonAdd: person_edits.add,
    layer.PersonRemove: person_edits.remove,
    layer.PersonRename: person_edits.rename,
    layer.PersonMerge: person_edits.merge,
    layer.FaceAdd: person_edits.add_face,
    layer.FaceRemove: person_edits.remove_face,
    layer.StackMake: stack_edits.make,
    layer.StackCover: stack_edits.cover,
    layer.StackSplit: stack_edits.split,
    layer.TrashPut: value_edits.put_into_trash,
    layer.TrashRestore: value_edits.restore_from_trash,
}


def execute_layer(
    writer: Writer, command: layer.LayerCommand, *, now_ns: int, author: str, options: EditOptions
) -> dict[str, Any]:
    """Carry out a command of the layer inside the caller's transaction.

    Raises:
        GlassineError: something is wrong; the caller must roll back.
    """
    require_text(command)
    if isinstance(command, layer.Undo):
        done = undo.undo(writer, command.journal, author=author, now_ns=now_ns, max_items=options.max_items)
        return answer_of(done.result, {"undone": done.undone, "command": done.command}, options)
    edit = Edit(writer, author=author, now_ns=now_ns)
    fields = EXECUTORS[type(command)](edit, command)
    result = edit.finish(told(command), max_items=options.max_items)
    return answer_of(result, fields, options)


def answer_of(result: EditResult, fields: dict[str, Any], options: EditOptions) -> dict[str, Any]:
    """Return what the caller is told: JSON types only."""
    return {
        "journal": None if options.is_dry_run else result.journal_id,
        "changed": result.changed,
        "unchanged": result.unchanged,
        "photos": list(result.photos),
        "dry_run": options.is_dry_run,
        **fields,
    }


def told(command: layer.LayerCommand) -> dict[str, Any]:
    """Return the command as the journal keeps it: of a long selection the first uids and `photo_count`, for its items
    say which photos were changed."""
    document = encode(command)
    photos = document.get("photos")
    if isinstance(photos, list) and len(photos) > MAX_TOLD:
        document["photo_count"] = len(photos)
        document["photos"] = photos[:MAX_TOLD]
    return document


def require_text(command: layer.LayerCommand) -> None:
    """Refuse text that no encoding can hold: what arrives as JSON, or as an argument, may be anything.

    Raises:
        InvalidValue: names the field.
    """
    for name in type(command).__dataclass_fields__:
        value = getattr(command, name)
        texts = value if isinstance(value, tuple) else (value,)
        for text in texts:
            if isinstance(text, str) and not text.isascii() and _has_surrogate(text):
                raise InvalidValue(
                    f"{name} holds half a character (a lone surrogate): {shown(text)}",
                    hint="write it as UTF-8",
                    field=name,
                    value=shown(text),
                )


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
