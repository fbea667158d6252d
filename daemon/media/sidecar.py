"""Foreign sidecars in a media worker: the bytes of an XMP file or a Takeout JSON -> `Facts` without a kind.

Which photo it is about, and what becomes of its words, is not known here: `catalog.sidecars`, `catalog.store.sidecars`.

Invariants
- At most `MAX_BYTES` are read. What is no document of its form is one finding and says nothing.
- A value of the wrong type is a finding and says nothing; the other values stand.
- JSON that is no Takeout document says nothing and is no finding: other programs write JSON too.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.capture import format_local
from catalog.facts import READER_VERSION, DateCandidate, Facts, Finding
from daemon.media.descriptive import MAX_PEOPLE, clean_name
from daemon.media.draft import Draft
from daemon.media.source import ByteSource
from daemon.media.xmp import read_xmp

MAX_BYTES = 2 * 1024 * 1024
XMP_MIME = "application/rdf+xml"
JSON_MIME = "application/json"
TOOL = "sidecar"
TAKEN = "Takeout:photoTakenTime"
# Takeout nests four deep. Python's own limit (some 1000) would do, but costs its whole stack.
_MAX_DEPTH = 32
_MAX_FINDINGS = 20
# One that does not end goes to the end: else each of its quotes would be tried, in time that grows with their square.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Seconds that a datetime can hold; what lies between them and sense is judged with all other dates.
_FIRST_S, _LAST_S = -62_135_510_400, 253_402_214_400
_LARGEST = 1 << 60  # of a number that is a float as well
# A document with none of these is about no photo, whatever its title (`metadata.json` of an album has one as well).
_OF_PHOTOS = ("photoTakenTime", "geoData", "geoDataExif", "imageViews", "googlePhotosOrigin")


class _NotTakeoutError(ValueError):
    """The bytes are no JSON that this reads; the text says why, in user words."""


def read_sidecar(source: ByteSource, name: bytes) -> Facts:
    """Return what a sidecar says; `name` tells its form. Raises OSError for the volume alone."""
    is_json = name.lower().endswith(b".json")
    draft = Draft(kind=None, mime=JSON_MIME if is_json else XMP_MIME)
    if source.size > MAX_BYTES:
        draft.note(TOOL, f"the sidecar is larger than {MAX_BYTES // 1024 // 1024} MiB")
    elif is_json:
        _read_takeout(source.read_up_to(0, MAX_BYTES), draft)
    else:
        _read_xmp(source.read_up_to(0, MAX_BYTES), draft)
    return draft.facts("header")


def _read_xmp(content: bytes, draft: Draft) -> None:
    read_xmp(content, draft)
    # A file of zeros, as a crash leaves it, says nothing; but it must not look like a sidecar that says nothing any more.
    if content and not draft.findings and b"RDF" not in content.replace(b"\0", b""):
        draft.note(TOOL, "the sidecar is no XMP: there is no RDF in it")


def _read_takeout(content: bytes, draft: Draft) -> None:
    doubles: list[str] = []
    try:
        document = _loaded(content, doubles)
    except _NotTakeoutError as error:
        draft.note(TOOL, str(error))
        return
    if not isinstance(document, dict) or not any(name in document for name in _OF_PHOTOS):
        return
    for name in doubles[:_MAX_FINDINGS]:
        draft.note(TOOL, f"{clean_name(name)[:40]!r} is said twice; the first counts")
    _Taken(document, draft).read()


def _loaded(content: bytes, doubles: list[str]) -> Any:
    def first_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                doubles.append(name)
            found.setdefault(name, value)
        return found

    def refuse(constant: str) -> Any:
        raise _NotTakeoutError(f"the sidecar is no JSON: {constant} is no number")

    try:
        text = content.decode("utf-8-sig")
        if _depth(text) > _MAX_DEPTH:
            raise _NotTakeoutError("the sidecar is nested too deeply")
        return json.loads(text, object_pairs_hook=first_of, parse_constant=refuse)
    except UnicodeDecodeError as error:
        raise _NotTakeoutError("the sidecar is no UTF-8 text") from error
    except _NotTakeoutError:
        raise
    except (ValueError, RecursionError) as error:
        raise _NotTakeoutError("the sidecar is no JSON") from error


def _depth(text: str) -> int:
    deepest = depth = 0
    for one in _STRING.sub("", text):
        if one in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif one in "]}":
            depth -= 1
    return deepest


class _Taken:
    """One Takeout document on its way into a draft."""

    def __init__(self, document: dict[str, Any], draft: Draft) -> None:
        self._document = document
        self._draft = draft

    def read(self) -> None:
        draft = self._draft
        draft.say_extra("original_name", clean_name(self._text("title")) or None)
        draft.descriptive.say_description(self._text("description"))
        for name in self._people():
            draft.descriptive.say_person(name)
        for name in ("geoData", "geoDataExif"):
            self._position(name)
        self._date()
        for name, extra in (("favorited", "favorite"), ("trashed", "trashed"), ("archived", "archived")):
            draft.say_extra(extra, self._flag(name) or None)

    def _note(self, name: str) -> None:
        if len(self._draft.findings) < _MAX_FINDINGS:
            self._draft.findings.append(
                Finding(TOOL, str(READER_VERSION), f"{name} has a value of the wrong kind")
            )

    def _text(self, name: str) -> str | None:
        value = self._document.get(name)
        if value is None or isinstance(value, str):
            return value
        self._note(name)
        return None

    def _flag(self, name: str) -> bool:
        value = self._document.get(name, False)
        if not isinstance(value, bool):
            self._note(name)
        return value is True

    def _people(self) -> Iterator[str]:
        value = self._document.get("people", [])
        if not isinstance(value, list):
            self._note("people")
            return
        for one in value[:MAX_PEOPLE]:
            name = one.get("name") if isinstance(one, dict) else None
            if isinstance(name, str):
                yield name
            elif one != {}:
                self._note("people")

    def _position(self, name: str) -> None:
        value = self._document.get(name)
        if value is None:
            return
        parts = (
            [value.get(key) for key in ("latitude", "longitude", "altitude")]
            if isinstance(value, dict)
            else []
        )
        if not parts or not all(one is None or _is_number(one) for one in parts):
            self._note(name)
            return
        lat, lon, alt = (None if one is None else float(one) for one in parts)
        self._draft.say_position(lat, lon, alt or None)  # 0 m is what Takeout writes when it knows none

    def _date(self) -> None:
        value = self._document.get("photoTakenTime")
        if value is None:
            return
        raw = value.get("timestamp") if isinstance(value, dict) else None
        if isinstance(raw, int) and not isinstance(raw, bool):
            raw = str(raw)
        if not isinstance(raw, str):
            self._note("photoTakenTime")
            return
        digits = raw.strip().removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 12):
            self._note("photoTakenTime")
            return
        seconds = int(raw)
        if seconds == 0:
            return  # what Takeout writes for "unknown"
        self._draft.add_candidate(_candidate(raw.strip(), seconds))


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST


def _candidate(raw: str, seconds: int) -> DateCandidate:
    if not _FIRST_S <= seconds <= _LAST_S:
        return DateCandidate(TAKEN, raw, None, is_utc=True, rejected="no such date or time exists")
    moment = (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None)
    return DateCandidate(TAKEN, raw, format_local(moment, "second"), is_utc=True)
