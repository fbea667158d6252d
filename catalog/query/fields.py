"""The fields of the query language: one table for the parser, the help, the completion and the manual.

A field that is not here is an error with a suggestion, never an empty answer.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

FieldType = Literal[
    "text", "words", "path", "day", "number", "rating", "bytes", "seconds", "choice", "near", "stack"
]

KINDS = ("photo", "video", "audio")
TYPES: dict[str, str] = {
    "photo": "photos, RAW files and panoramas included",
    "video": "videos",
    "audio": "sound recordings",
    "raw": "undeveloped sensor data (DNG, CR2, NEF …)",
    "live": "live and motion photos",
    "panorama": "panoramas",
    "screenshot": "screenshots",
}
STACK_KINDS: dict[str, str] = {
    "raw": "a RAW file and its JPEG",
    "live": "a Live Photo: the picture and its clip",
    "burst": "a burst",
    "variant": "shots that the camera made of one moment",
    "edit": "an original and what was made of it",
    "manual": "put together by hand",
}
HAS: dict[str, str] = {
    "gps": "a position, from its file or from somebody",
    "position": "the same as has:gps",
    "place": "a position within 60 km of a town",
    "tag": "a tag",
    "album": "a place in an album",
    "title": "a title",
    "description": "a description",
    "rating": "a rating, 0 included",
    "label": "a colour label",
    "creator": "somebody named who made it",
    "person": "somebody in it who has a name",
    "face": "a face region",
    "stack": "others that it belongs together with",
    "camera": "a make or a model",
    "lens": "a lens",
    "date": "a capture date better than a file's mtime",
    "offset": "a capture date with a known offset from UTC",
    "hash": "been read wholly, so that its content hash is known",
    "dimensions": "a known width and height",
    "finding": "something that a reader could not understand",
    "sidecar": "a sidecar of another program (XMP, Takeout JSON)",
}
IS: dict[str, str] = {
    "any": "true of every photo; trashed, hidden and missing ones are no longer left out",
    "trashed": "in the trash",
    "hidden": "hidden, in the trash or not",
    "favorite": "a favourite",
    "rejected": "rejected",
    "stacked": "in a stack",
    "cover": "the one that stands for its stack",
    "missing": "gone from every place where it was seen",
    "offline": "on volumes that cannot be reached now, and nowhere else",
    "pending": "seen, but nothing read from its bytes yet",
    "broken": "the same as has:finding",
    "damaged": "damaged on a disk: scan --verify found other bytes than those that were read before",
    "undated": "without any date but a file's mtime (Timeline/Undated)",
    "motion": "a motion photo: its file holds a movie as well",
    "animated": "a moving picture (GIF, WebP, PNG …)",
    "hdr": "with an HDR gain map",
    **TYPES,
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        name: what the user writes before `:` or `=`.
        type: how its value is read.
        ops: the operators that make sense.
        example: a query that is valid as it stands.
        help: what it asks.
        choices: the closed list of its values, or None.
        is_whole: a text without `*` must equal the whole value instead of being contained in it.
        synonyms: other names of it.
    """

    name: str
    type: FieldType
    ops: tuple[str, ...]
    example: str
    help: str
    choices: tuple[str, ...] | None = None
    is_whole: bool = False
    synonyms: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the document of `find --help-fields --json`."""
        return {
            "name": self.name,
            "type": self.type,
            "ops": list(self.ops),
            "example": self.example,
            "help": self.help,
            "choices": list(self.choices) if self.choices is not None else None,
        }


_EQUAL = (":", "=")
_ORDER = (*_EQUAL, "..", ">", ">=", "<", "<=")
_RELATIVE_HELP = "Partial (2019, 2019-08), exact, relative (-2w = the last two weeks) or a range a..b"
_PATH_HELP = "The whole path, or its end (cat finds animals/cat); with * the whole path."

FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("date", "day", _ORDER, "date=2017..2019-05", f"Local day of capture. {_RELATIVE_HELP}."),
        Field(
            "text",
            "words",
            _EQUAL,
            "text=beach",
            "The same as a bare word: name, title, description, tags, people, places.",
        ),
        Field("tag", "path", _EQUAL, "tag=animals/cat", f"Tag, with those below it. {_PATH_HELP}"),
        Field("album", "path", _EQUAL, "album=Holidays", f"Album, with those in it. {_PATH_HELP}"),
        Field(
            "person",
            "words",
            _EQUAL,
            "person=anna",
            "Somebody in it: words of the name.",
            synonyms=("people",),
        ),
        Field("place", "words", _EQUAL, "place=bavaria", "Words of its country, region or city."),
        Field("country", "words", _EQUAL, "country=italy", "Words of the country."),
        Field(
            "region", "words", _EQUAL, 'region="new york"', "Words of the region: a state, province, Land."
        ),
        Field("city", "words", _EQUAL, "city=berlin", "Words of the city, town or village."),
        Field("title", "words", _EQUAL, 'title="at the sea"', "Words of the title."),
        Field("description", "words", _EQUAL, "description=birthday", "Words of the description."),
        Field("rating", "rating", _ORDER, "rating>=4", "0 to 5, a range, or none = never rated."),
        Field("label", "text", _EQUAL, "label=red", "Colour label.", is_whole=True),
        Field("favorite", "choice", _EQUAL, "favorite=yes", "Whether it is a favourite.", ("yes", "no")),
        Field(
            "stack",
            "stack",
            _EQUAL,
            "stack=burst",
            f"Stack of a kind ({', '.join(STACK_KINDS)}), or the id of one.",
        ),
        Field("added", "day", _ORDER, "added=-2w..", f"Day when it was first seen. {_RELATIVE_HELP}."),
        Field(
            "trashed",
            "day",
            _ORDER,
            "trashed=-1w..",
            f"Day when it was put into the trash. {_RELATIVE_HELP}.",
        ),
        Field("type", "choice", _EQUAL, "type=raw|video", "What it is.", tuple(TYPES)),
        Field("camera", "text", _EQUAL, 'camera="Canon EOS"*', "Make, model, or both."),
        Field("lens", "text", _EQUAL, "lens=*50mm*", "Lens."),
        Field("creator", "text", _EQUAL, "creator=adams", "Who made it."),
        Field("iso", "number", _ORDER, "iso>=1600", "Sensitivity."),
        Field("aperture", "number", _ORDER, "aperture=1.4..2.8", "F-number."),
        Field(
            "shutter",
            "seconds",
            _ORDER,
            "shutter<=1/500",
            "Exposure time, as 1/500 or 2s; to a hundredth part.",
        ),
        Field("focal", "number", _ORDER, "focal=24..70", "Focal length in mm, as the lens has it."),
        Field("name", "text", _EQUAL, "name=IMG_*", "Name as the folders show it."),
        Field("ext", "text", _EQUAL, "ext=jpg|jpeg", "Extension, without the dot.", is_whole=True),
        Field("path", "text", _EQUAL, "path=2019/*", "Path below the root of its volume."),
        Field("volume", "text", _EQUAL, "volume=NAS", "Volume that holds it.", is_whole=True),
        Field("uid", "text", _EQUAL, "uid=k7m2qx", "Beginning of its uid, with or without ~.", is_whole=True),
        Field(
            "hash", "text", _EQUAL, "hash=1f00", "Beginning of its content hash (BLAKE3, hex).", is_whole=True
        ),
        Field("mime", "text", _EQUAL, "mime=image/*", "Media type."),
        Field("size", "bytes", _ORDER, "size>=20MB", "Size of the file; k, M, G or KiB, MiB, GiB."),
        Field("width", "number", _ORDER, "width>=4000", "Stored width in pixels."),
        Field("height", "number", _ORDER, "height=1080", "Stored height in pixels."),
        Field("duration", "seconds", _ORDER, "duration>1m30s", "Length of a video or recording."),
        Field(
            "near", "near", _EQUAL, "near=52.1,13.4,5km", "Within a distance of a point (degrees, km or m)."
        ),
        Field("has", "choice", _EQUAL, "has:gps", "Something is known about it.", tuple(HAS)),
        Field("is", "choice", _EQUAL, "is:raw", "State or type.", tuple(IS)),
    )
}
# Every name that may stand before `:`.
FIELD_NAMES: dict[str, Field] = {
    name: field for field in FIELDS.values() for name in (field.name, *field.synonyms)
}


def nearest(word: str, known: tuple[str, ...]) -> str | None:
    """Return the known word that was probably meant, or None."""
    found = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return found[0] if found else None
