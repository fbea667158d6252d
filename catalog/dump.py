"""The dump as a document: its shape in JSON and how it is read and written piece by piece. Pure; no SQL, no files.

One object: facts about the library, then arrays whose items stand on a line each (docs/format.md; the schema is
docs/schemas/dump-document.json). Times are ns since 1970 as integers of 64 bits. A dump is written in one order for one
state; it is read in any order and any spacing, an item at a time, so that a million photos need no memory.
"""

from __future__ import annotations

import base64
import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from catalog.dump_values import (
    check_history,
    check_row,
    check_statement,
    require_entry,
    require_instant,
    require_integer,
    require_text,
    require_type,
    require_uid,
)
from catalog.errors import CatalogTooNew, InvalidValue

FORMAT = "dump"
VERSION = 1
ARRAYS = ("volumes", "cameras", "places", "things", "words", "photos", "claims", "journal")
Item = dict[str, Any]

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_CHUNK_BYTES = 256 * 1024
# One photo with 100,000 statements is below it; beyond is no dump of ours.
_MOST_ITEM_CHARACTERS = 64 * 1024 * 1024
_KINDS = ("photo", "video", "audio")
_MOST_ROWS = 2**53  # of a journal: what JSON readers agree about, and room for those to come


def encode(value: Any) -> str:
    """Return the one JSON text of a value."""
    return _ENCODER.encode(value)


def path_fields(path: bytes) -> Item:
    """Return `path`, and `path_b64` where the path is not UTF-8 (or holds what JSON cannot)."""
    try:
        return {"path": path.decode("utf-8")}
    except UnicodeDecodeError:
        return {"path": path.decode("utf-8", "replace"), "path_b64": base64.b64encode(path).decode("ascii")}


def path_of(item: Item, key: str = "path") -> bytes:
    """Inverse of `path_fields`; raises ValueError."""
    exact = item.get(f"{key}_b64")
    return base64.b64decode(exact, validate=True) if exact is not None else str(item[key]).encode("utf-8")


# ---- reading


def read(file: BinaryIO) -> Iterator[tuple[str, Any]]:
    """Yield (name, value) of a dump, each item of an array by itself, in the order of the document. Blocks.

    Raises:
        InvalidValue: this is no JSON, no dump, or cut off. CatalogTooNew: of a later version.
    """
    text = _Text(file)
    text.expect("{")
    if text.peek() == "}":
        _refuse("it is empty")
    while True:
        name = text.value()
        text.expect(":")
        if text.peek() == "[" and name in ARRAYS:
            yield from ((name, item) for item in text.items())
        else:
            value = text.value()
            _check_header(name, value)
            yield str(name), value
        if text.either(",", "}") == "}":
            break
    text.end()


def _check_header(name: str, value: Any) -> None:
    if name == "glassine" and value != FORMAT:
        _refuse("it is no dump")
    if name == "version" and (type(value) is not int or value > VERSION):
        raise CatalogTooNew(
            f"the dump has version {value}, this program knows {VERSION}",
            hint="use the newer program that wrote it",
        )


class _Text:
    """The text of a file through a window that slides over it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._window = ""
        self._at = 0
        self._is_whole = False

    def _more(self) -> None:
        chunk = self._file.read(max(_CHUNK_BYTES, len(self._window)))
        try:
            self._window = self._window[self._at :] + self._decoder.decode(chunk, not chunk)
        except UnicodeDecodeError as error:
            raise _error("it is not UTF-8") from error
        self._at = 0
        self._is_whole = not chunk
        if len(self._window) > _MOST_ITEM_CHARACTERS:
            _refuse("it is no dump")

    def peek(self) -> str:
        """Return the next character that is no space, or '' at the end."""
        while True:
            match = _SPACE.match(self._window, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._window):
                return self._window[self._at]
            if self._is_whole:
                return ""
            self._more()

    def either(self, *wanted: str) -> str:
        found = self.peek()
        if found not in wanted:
            _refuse("it is no JSON" if found else "it is cut off")
        self._at += 1
        return found

    def expect(self, wanted: str) -> None:
        self.either(wanted)

    def value(self) -> Any:
        """Return the next value, whole."""
        self.peek()
        while True:
            try:
                found, end = _DECODER.raw_decode(self._window, self._at)
            except RecursionError as error:
                raise _error("it is nested too deeply") from error
            except ValueError as error:
                if self._is_whole:
                    raise _error(f"it is no JSON, or cut off ({error})") from error
            else:
                if end < len(self._window) or self._is_whole:  # a number may go on in what was not read yet
                    self._at = end
                    return found
            self._more()

    def items(self) -> Iterator[Any]:
        """Yield the values of the array that comes next."""
        self.expect("[")
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            yield self.value()
            if self.either(",", "]") == "]":
                return

    def end(self) -> None:
        if self.peek():
            _refuse("something follows its end")


def _refuse(why: str) -> NoReturn:
    raise _error(why)


def _error(why: str) -> InvalidValue:
    return InvalidValue(
        f"this is no dump that can be read: {why}", hint="docs/format.md tells what a dump is"
    )


# ---- judging items


def checked(section: str, item: Any) -> Item:
    """Return an item of an array whose values have the types that they must have.

    Raises:
        InvalidValue: it names the section and the item.
    """
    try:
        _CHECKS[section](item)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        shown = encode(item)[:200]
        raise _error(f"{section} holds {shown}: {type(error).__name__} {error}") from error
    checked_item: Item = item
    return checked_item


def _path(item: Item) -> None:
    parts = path_of(item).split(b"/")
    if b"" in parts or b"." in parts or b".." in parts or any(b"\0" in part for part in parts):
        raise ValueError("path")


def _check_volume(item: Item) -> None:
    for name in ("name", "backend"):
        require_text(item[name])
    if item["mode"] not in ("ro", "rw") or item["state"] not in (None, "disabled", "retired", "forgotten"):
        raise ValueError("mode or state")
    path_of(item, "root")
    for pattern in item["excludes"]:
        require_text(pattern)
    for below in item["paths"]:
        path_of(below)


def _check_camera(item: Item) -> None:
    for name in ("make", "model"):
        require_text(item[name])
    require_entry(item["label"])


def _check_place(item: Item) -> None:
    names = item["names"]
    require_type(names, list)
    for name in names:
        require_text(name)
    lengths = {"country": (1,), "region": (2,), "city": (2, 3)}
    if len(names) not in lengths.get(item["level"], ()):
        raise ValueError("level")
    require_entry(item["label"])


def _check_thing(item: Item) -> None:
    require_type(item["kind"], str)
    require_uid(item["uid"])
    require_type(item["row"], dict)
    check_row(item["kind"], item["row"])


def _check_word(item: Item) -> None:
    if item["kind"] not in ("tag", "person"):
        raise ValueError("kind")
    require_text(item["text"])
    require_uid(item["uid"])


def _check_photo(item: Item) -> None:
    require_uid(item["uid"])
    require_entry(item["name"])
    require_instant(item["first_seen_ns"])
    for name in ("alias_of", "stack"):
        if item.get(name) is not None:
            require_uid(item[name])
    if item.get("alias_of") is not None:
        return
    if sum(version["is_current"] is True for version in item["versions"]) != 1:
        raise ValueError("versions: exactly one is current")
    for version in item["versions"]:
        _check_version(version)
    for said in item.get("statements", ()):
        check_statement(said)
        require_text(encode(said["value"]))


def _check_version(version: Item) -> None:
    require_type(version["is_current"], bool)
    if version["hash"] is not None and len(bytes.fromhex(version["hash"])) != 32:
        raise ValueError("hash")
    if version["kind"] not in _KINDS or version["size"] < 0:
        raise ValueError("kind or size")
    require_text(version["mime"])
    require_integer(version["size"])
    require_instant(version["seen_ns"])
    for location in [*version["locations"], *filter(None, [version.get("last_location")])]:
        _path(location)
        require_text(location["volume"])
        require_integer(location["mtime_ns"])
        require_integer(location.get("size", 0))
        if location.get("size", 0) < 0:
            raise ValueError("size")


def _check_claim(item: Item) -> None:
    require_text(item["view"])
    if type(item["key"]) is str:
        require_text(item["key"])
    else:
        require_integer(item["key"])
    require_integer(item["sub"])
    require_text(item["fold"])
    require_uid(item["photo"])


def _check_journal(item: Item) -> None:
    for number in (item["id"], item["undone_by"]):
        if number is not None and not 0 < number <= _MOST_ROWS:
            raise ValueError("number of a row")
    require_type(item["id"], int)
    require_type(item["undone_by"], int, type(None))
    require_type(item["command"], dict)
    require_text(item["command"]["do"])
    require_text(encode(item))
    require_text(item["author"])
    require_instant(item["made_ns"])
    for said in item["items"]:
        check_history(said)
    for thing in item["things"]:
        require_uid(thing["uid"])
        for name in ("before", "after"):
            if thing[name] is not None:
                check_row(thing["kind"], thing[name])


_CHECKS = {
    "volumes": _check_volume,
    "cameras": _check_camera,
    "places": _check_place,
    "things": _check_thing,
    "words": _check_word,
    "photos": _check_photo,
    "claims": _check_claim,
    "journal": _check_journal,
}
