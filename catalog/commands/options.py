"""How a command is carried out, beside what it is: options of one request, as a value and on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from catalog.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class EditOptions:
    """How a command is carried out.

    Attributes:
        is_dry_run: everything is done and told, then rolled back.
        max_items: refuse (TooManyItems) to change more photos than this; None = no limit.
    """

    is_dry_run: bool = False
    max_items: int | None = None


def encode_options(options: EditOptions) -> dict[str, Any]:
    """Return the JSON document of options: only what differs from the default."""
    document: dict[str, Any] = {"dry_run": True} if options.is_dry_run else {}
    return document if options.max_items is None else {**document, "max_items": options.max_items}


def decode_options(document: object) -> EditOptions:
    """Return the options of a JSON document; None = the defaults.

    Raises:
        InvalidValue: no object, an unknown option, or one of the wrong type.
    """
    if document is None:
        return EditOptions()
    if not isinstance(document, dict) or document.keys() - {"dry_run", "max_items"}:
        raise InvalidValue("the options of an edit are dry_run and max_items")
    is_dry_run, max_items = document.get("dry_run", False), document.get("max_items")
    if type(is_dry_run) is not bool:
        raise InvalidValue("dry_run is true or false")
    if max_items is not None and (type(max_items) is not int or max_items < 0):
        raise InvalidValue("max_items is a number of photos, or null")
    return EditOptions(is_dry_run, max_items)
