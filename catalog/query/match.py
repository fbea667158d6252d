"""The Python face of a query: what a photo document says about each field.

Reads the photo document of `catalog.store.photos.documents` (CLI.md, "Photo document") and fields of it that exist
for queries: `name` (as folders show it), `types` (lower-case names of its MediaType bits, kind included), `albums`
(paths), `added` and `trashed_on` (`YYYY-MM-DD`: the days first seen and trashed, in the library's zone, as `Recent/` and
`Trash/` name them). Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from catalog.capture import CaptureTime, local_day
from catalog.query.fields import KINDS, TYPES
from catalog.query.predicate import camera_texts

Document = Mapping[str, Any]
# Who found a file damaged, as the photo document's findings name it.
DAMAGE_TOOL = "verify"


def values_of(field: str, document: Document) -> Iterable[object]:
    """Return the values that a term about this field looks at; empty when nothing is known."""
    return _VALUES[field](document)


def _key(name: str) -> Callable[[Document], Iterable[object]]:
    return lambda document: (document.get(name),)


def _camera(document: Document) -> Iterable[object]:
    camera = document.get("camera") or {}
    return camera_texts(camera.get("make"), camera.get("model"))


def _lens(document: Document) -> Iterable[object]:
    return ((document.get("camera") or {}).get("lens"),)


def _words(document: Document) -> Iterable[object]:
    place = document.get("place") or {}
    return (
        document.get("name"),
        document.get("title"),
        document.get("description"),
        *(document.get("tags") or ()),
        *(document.get("people") or ()),
        *place.values(),
    )


def _place(*levels: str) -> Callable[[Document], Iterable[object]]:
    return lambda document: [(document.get("place") or {}).get(level) for level in levels]


def _locations(key: str) -> Callable[[Document], Iterable[object]]:
    return lambda document: [location[key] for location in document.get("locations") or ()]


def _day(document: Document) -> Iterable[object]:
    capture = document.get("capture")
    return (local_day(CaptureTime(**capture)),) if capture else ()


def _day_of(key: str) -> Callable[[Document], Iterable[object]]:
    def values(document: Document) -> Iterable[object]:
        day = document.get(key)
        return (int(day.replace("-", "")),) if day else ()

    return values


def _held(document: Document) -> Iterable[object]:
    return [one["volume"] for one in document.get("locations") or () if one["state"] != "missing"]


def _exposure(key: str) -> Callable[[Document], Iterable[object]]:
    return lambda document: ((document.get("exposure") or {}).get(key),)


def _stack(document: Document) -> Iterable[object]:
    stack = document.get("stack") or {}
    return stack.get("kind"), stack.get("id")


def _has(document: Document) -> Iterable[object]:
    capture = document.get("capture") or {}
    camera = document.get("camera") or {}
    known = {
        "gps": document.get("position") is not None,
        "place": document.get("place") is not None,
        "camera": bool(camera.get("make") or camera.get("model")),
        "lens": bool(camera.get("lens")),
        "date": bool(capture) and capture.get("confidence") != "guess",
        "offset": capture.get("offset_min") is not None and capture.get("confidence") != "guess",
        "hash": document.get("hash") is not None,
        "finding": bool(document.get("findings")),
        "sidecar": bool(document.get("sidecars")),
        "dimensions": document.get("width") is not None and document.get("height") is not None,
        "rating": document.get("rating") is not None,
        "stack": document.get("stack") is not None,
        "tag": bool(document.get("tags")),
        "album": bool(document.get("albums")),
        "person": bool(document.get("people")),
        "face": bool(document.get("faces")),
        **{name: bool(document.get(name)) for name in ("title", "description", "label", "creator")},
    }
    return [word for word, is_known in known.items() if is_known]


def _is(document: Document) -> Iterable[object]:
    states = {location["state"] for location in document.get("locations") or ()}
    capture = document.get("capture")
    true = {
        "any": True,
        "trashed": document.get("trashed_at") is not None,
        "hidden": bool(document.get("hidden")),
        "favorite": bool(document.get("favorite")),
        "rejected": bool(document.get("rejected")),
        "cover": (document.get("stack") or {}).get("cover") == document.get("uid"),
        "missing": states <= {"missing"},
        "offline": "offline" in states and not states & {"present", "changed"},
        "pending": capture is None,
        "damaged": any(finding["tool"] == DAMAGE_TOOL for finding in document.get("findings") or ()),
        "undated": capture is not None and capture["confidence"] == "guess",
        "motion": bool(document.get("motion")),
        "animated": (document.get("frames") or 1) > 1,
        "hdr": bool(document.get("gain_map")),
    }
    kinds = [document.get("kind")]
    types = [name for name in document.get("types") or () if name in TYPES and name not in KINDS]
    return [word for word, holds in true.items() if holds] + kinds + types


_VALUES: dict[str, Callable[[Document], Iterable[object]]] = {
    **{name: _key(name) for name in ("name", "uid", "hash", "mime", "kind", "size", "width", "height")},
    **{name: _key(name) for name in ("title", "description", "rating", "label", "creator")},
    "iso": _exposure("iso"),
    "aperture": _exposure("f_number"),
    "shutter": _exposure("time_s"),
    "focal": _exposure("focal_mm"),
    "person": lambda document: document.get("people") or (),
    "place": _place("country", "region", "city"),
    **{level: _place(level) for level in ("country", "region", "city")},
    "tag": lambda document: document.get("tags") or (),
    "album": lambda document: document.get("albums") or (),
    "stack": _stack,
    "trashed": _day_of("trashed_on"),
    "held": _held,
    "word": _words,
    "camera": _camera,
    "lens": _lens,
    "volume": _locations("volume"),
    "path": _locations("path"),
    "type": lambda document: document.get("types") or (),
    "date": _day,
    "added": _day_of("added"),
    "duration": _key("duration_s"),
    "near": _key("position"),
    "has": _has,
    "is": _is,
}
