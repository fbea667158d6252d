"""What may stand in a dump as the value of a statement, the row of a thing, an item of the journal. Pure; no SQL.

A dump may come from anywhere, so nothing in it is believed: what no command of ours can say, and what could not be
shown as a folder, is refused before it is stored. Who contradicts whom is for `catalog.store.dump_restore` to find.

Every function raises TypeError, ValueError or KeyError; `catalog.dump.checked` names the item.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from catalog.capture import MAX_OFFSET_MIN, Confidence, parse_local
from catalog.date_order import SOURCES
from catalog.ids import ALPHABET, UID_LENGTH
from catalog.labels import check_name
from catalog.layer import PROPERTIES, Source
from catalog.query.fields import STACK_KINDS

_SOURCES = get_args(Source)
# Each later word is said a nanosecond after the last one at least: room for 2**50 of them.
MOST_NS = 2**63 - 2**50
_UID = re.compile(f"[{ALPHABET}]{{{UID_LENGTH}}}")
_CONTROLS = re.compile("[\x00-\x1f\x7f/]")
_MAX_NAME_BYTES = 255  # of any file system
_CONFIDENCES = get_args(Confidence)
_ORIGINS = {"stack": ("rule", "user"), "tag_alias": ("user", "renamed")}


def require_type(value: Any, *kinds: type) -> None:
    """Refuse a value of any other type; True is no number."""
    if type(value) not in kinds:
        raise TypeError(f"{value!r}")


def require_integer(value: Any) -> None:
    """Refuse what is no integer of 64 bits."""
    require_type(value, int)
    if not -(2**63) <= value < 2**63:
        raise ValueError(value)


def require_instant(value: Any) -> None:
    """Refuse what is no time of a word, or so late that no other could follow."""
    require_integer(value)
    if value > MOST_NS:
        raise ValueError(value)


def require_text(value: Any) -> None:
    """Refuse what is no text that can be stored."""
    require_type(value, str)
    value.encode("utf-8")  # lone surrogates cannot be


def require_uid(value: Any) -> None:
    """Refuse what is no uid."""
    require_type(value, str)
    if not _UID.fullmatch(value):
        raise ValueError(value)


def require_entry(value: Any) -> None:
    """Refuse what cannot be the name of one entry of a folder: none, two of them, or one that leads elsewhere."""
    require_text(value)
    if value in ("", ".", "..") or _CONTROLS.search(value) or len(value.encode()) > _MAX_NAME_BYTES:
        raise ValueError("name of an entry")


def _or_none(check: Callable[[Any], None], value: Any) -> None:
    if value is not None:
        check(value)


def _number(value: Any, least: float = -math.inf, most: float = math.inf) -> None:
    require_type(value, int, float)
    if not math.isfinite(value) or not least <= value <= most:
        raise ValueError(value)


# ---- statements


def check_statement(said: Mapping[str, Any]) -> None:
    """Refuse a statement that nobody could have made: its property, element, source, author, time and value."""
    name, element = said["property"], said.get("element", "")
    _check_who(name, element, said["source"], said["author"])
    require_instant(said["made_ns"])
    _VALUES[name](said["value"])


def check_history(item: Mapping[str, Any]) -> None:
    """Refuse an item of the journal that no command could have written."""
    require_uid(item["photo"])
    _check_who(item["property"], item["element"], item["source"], item["author"])
    for name in ("before", "after"):
        if (name in item) != (item.get(f"{name}_ns") is not None):
            raise ValueError(f"{name} and {name}_ns belong together")
        if name in item:
            _VALUES[item["property"]](item[name])
            require_instant(item[f"{name}_ns"])


def _check_who(name: Any, element: Any, source: Any, author: Any) -> None:
    require_text(name)
    require_text(element)
    known = PROPERTIES.get(name)
    if known is None or known.is_set != bool(element) or source not in _SOURCES:
        raise ValueError(f"property {name!r}, element {element!r}, source {source!r}")
    if name == "date":
        if element not in SOURCES:
            raise ValueError(f"element {element!r}")
    elif element:
        require_uid(element)
    require_text(author)


def _capture(value: Any) -> None:
    require_type(value, dict)
    parsed = parse_local(value["local"])
    if parsed is None or parsed[1] != value["precision"] or value["confidence"] not in _CONFIDENCES:
        raise ValueError("capture")
    require_text(value["source"])
    _or_none(require_text, value.get("zone"))
    offset_min = value.get("offset_min")
    if offset_min is not None:
        require_type(offset_min, int)
        _number(offset_min, -MAX_OFFSET_MIN, MAX_OFFSET_MIN)


def _rating(value: Any) -> None:
    require_type(value, int)
    _number(value, 0, 5)


def _mark(value: Any) -> None:
    require_type(value, bool)


def _position(value: Any) -> None:
    require_type(value, dict)
    _number(value["lat"], -90, 90)
    _number(value["lon"], -180, 180)
    _or_none(_number, value.get("alt"))


def _stack(value: Any) -> None:
    if value is not False:
        require_uid(value)


def _album(value: Any) -> None:
    if value is not False:
        require_type(value, dict)
        _number(value["at"], -(2**62), 2**62)


def _face(value: Any) -> None:
    if value is not False:
        require_type(value, dict)
        _or_none(require_uid, value["person"])
        for name in ("x", "y", "w", "h"):
            _number(value[name], 0, 1)


def _date(value: Any) -> None:
    """What a sidecar tells of a date; whether it can be believed is for `catalog.dates`."""
    if value is not False:
        require_type(value, dict)
        require_text(value["raw"])
        _or_none(require_text, value["local"])
        _or_none(lambda minutes: require_type(minutes, int), value["offset_min"])
        require_type(value["is_utc"], bool)


def _cleared_or(check: Callable[[Any], None]) -> Callable[[Any], None]:
    return lambda value: _or_none(check, value)


_VALUES: dict[str, Callable[[Any], None]] = {
    "capture": _cleared_or(_capture),
    "date": _date,
    **dict.fromkeys(("title", "description", "label", "creator", "rights"), _cleared_or(require_text)),
    "rating": _cleared_or(_rating),
    **dict.fromkeys(("rejected", "favorite", "hidden"), _cleared_or(_mark)),
    **dict.fromkeys(("trashed", "cover"), _cleared_or(require_instant)),
    "position": _cleared_or(_position),
    "stack": _cleared_or(_stack),
    "tag": _mark,
    "person": _mark,
    "album": _album,
    "face": _face,
}
assert _VALUES.keys() == PROPERTIES.keys(), "every property has its values"


# ---- things


def check_row(kind: str, row: Mapping[str, Any]) -> None:
    """Refuse a row of a thing that could not be stored, or whose folder could not be shown."""
    for name in _TEXTS[kind]:
        require_text(row[name])
    for name in _REFERENCES.get(kind, ()):
        _or_none(require_uid, row[name])
    if kind == "tag_alias":
        require_uid(row["tag"])
    if type(row["is_deleted"]) is not int or row["is_deleted"] not in (0, 1):
        raise ValueError("is_deleted")
    require_instant(row["created_ns"])
    if "name" in _TEXTS[kind] and check_name(row["name"], kind) != row["name"]:
        raise ValueError("name")
    if kind in ("tag", "album") and "/" in row["name"]:
        raise ValueError("name")
    if "label" in _TEXTS[kind]:
        require_entry(row["label"])
    if kind in _ORIGINS and row["origin"] not in _ORIGINS[kind]:
        raise ValueError("origin")
    if kind == "stack" and row["kind"] not in STACK_KINDS:
        raise ValueError("kind")


_LABELLED = ("name", "label", "fold")
_TEXTS: dict[str, tuple[str, ...]] = {
    "tag": (*_LABELLED, "path"),
    "tag_alias": ("path", "origin"),
    "album": (*_LABELLED, "path"),
    "person": _LABELLED,
    "search": (*_LABELLED, "query"),
    "stack": ("label", "origin", "kind"),
}
_REFERENCES: dict[str, tuple[str, ...]] = {
    "tag": ("parent", "merged_into"),
    "album": ("parent", "cover"),
    "person": ("merged_into",),
}
