"""Carrying out what a person says in one value: rating, label, marks, texts, trash. None takes the word back."""

from __future__ import annotations

from typing import Any

from catalog.commands.layer import (
    Describe,
    Favorite,
    Hide,
    Label,
    Rate,
    Reject,
    Title,
    TrashPut,
    TrashRestore,
)
from catalog.errors import InvalidValue
from catalog.labels import check_text
from catalog.store.edits import Edit
from catalog.store.sayings import ruling

MAX_DESCRIPTION_BYTES = 100 * 1024  # a long caption is some kilobytes; a book belongs elsewhere


def rate(edit: Edit, command: Rate) -> dict[str, Any]:
    """Rate photos."""
    if command.rating is not None and command.rating not in range(6):
        raise InvalidValue(f"a rating is 0 to 5, not {command.rating}", value=command.rating)
    _say(edit, command.photos, "rating", command.rating)
    return {"rating": command.rating}


def label(edit: Edit, command: Label) -> dict[str, Any]:
    """Give photos a colour label."""
    return {"label": _say_text(edit, command.photos, "label", command.label)}


def title(edit: Edit, command: Title) -> dict[str, Any]:
    """Give photos a title."""
    return {"title": _say_text(edit, command.photos, "title", command.title)}


def describe(edit: Edit, command: Describe) -> dict[str, Any]:
    """Describe photos."""
    said = _say_text(edit, command.photos, "description", command.description, MAX_DESCRIPTION_BYTES)
    return {"description": said}


def _say_text(
    edit: Edit, photos: tuple[str, ...], name: str, text: str | None, max_bytes: int | None = None
) -> str | None:
    """Say a text; an empty one says that there is none, whatever the file says."""
    if text is None:
        edit.take_back(edit.photos(photos), name)
        return None
    checked = check_text(text, name, max_bytes=max_bytes) if max_bytes else check_text(text, name)
    edit.say(edit.photos(photos), name, checked or None)
    return checked or None


def _say(edit: Edit, photos: tuple[str, ...], name: str, value: Any) -> None:
    asset_ids = edit.photos(photos)
    if value is None:
        edit.take_back(asset_ids, name)
    else:
        edit.say(asset_ids, name, value)


# ---- marks


def favorite(edit: Edit, command: Favorite) -> dict[str, Any]:
    """Make photos favourites, or no longer."""
    _mark(edit, command.photos, "favorite", command.is_favorite)
    return {"favorite": command.is_favorite}


def reject(edit: Edit, command: Reject) -> dict[str, Any]:
    """Reject photos, or no longer."""
    _mark(edit, command.photos, "rejected", command.is_rejected)
    return {"rejected": command.is_rejected}


def hide(edit: Edit, command: Hide) -> dict[str, Any]:
    """Hide photos, or no longer."""
    _mark(edit, command.photos, "hidden", command.is_hidden)
    return {"hidden": command.is_hidden}


def _mark(edit: Edit, photos: tuple[str, ...], name: str, is_on: bool) -> None:
    """Say yes of photos; say no only of those that are marked: where nobody says yes, no says nothing."""
    asset_ids = edit.photos(photos)
    if not is_on:
        said = ruling(edit.writer, asset_ids, name)
        asset_ids = [one for one in asset_ids if one in said and said[one][""].value]
    edit.say(asset_ids, name, is_on)


# ---- trash


def put_into_trash(edit: Edit, command: TrashPut) -> dict[str, Any]:
    """Put photos into the trash; those that are in it keep the moment of their trashing."""
    asset_ids = edit.photos(command.photos)
    said = ruling(edit.writer, asset_ids, "trashed")
    outside = [one for one in asset_ids if one not in said or said[one][""].value is None]
    edit.say(outside, "trashed", edit.now_ns)
    return {}


def restore_from_trash(edit: Edit, command: TrashRestore) -> dict[str, Any]:
    """Bring photos back from the trash."""
    asset_ids = edit.photos(command.photos)
    said = ruling(edit.writer, asset_ids, "trashed")
    inside = [one for one in asset_ids if one in said and said[one][""].value is not None]
    edit.say(inside, "trashed", None)
    return {}
