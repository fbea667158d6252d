"""Names that people give to tags, albums, persons and saved searches: what is accepted, and how their folder is called.

Pure. What people say is stored as it was said (NFC, without outer whitespace); only the label of the folder is cleaned.

Invariants: a name is 1 byte to 10 kB of UTF-8; a label is valid on every system (`names.clean_label`), at most 240
bytes, free among the living siblings as far as `taken` tells, and never looks like a photo.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from catalog.buckets import looks_like_media
from catalog.errors import InvalidValue
from catalog.ids import SHORT_LENGTH, UID_LENGTH
from catalog.names import LITTER, MAX_NAME_BYTES, clean_label, fold

MAX_TEXT_BYTES = 10 * 1024  # of a name or a whole path; longer is a pasted document
MAX_DEPTH = 100  # of a path; the kernel takes 4096 bytes of path, and nobody files deeper
_ELLIPSIS = "…"
_SHOWN_CHARACTERS = 40  # of a bad value in an error
# Below this a label that ends with the ellipsis was written so, not cut.
_CUT_FROM_BYTES = 200


def check_text(text: str, what: str, *, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """Return a text as it is stored: NFC, without outer whitespace; it may be empty.

    Raises:
        InvalidValue: a lone surrogate (text that no encoding holds), or too long.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidValue(
            f"the {what} {shown(text)} holds half a character (a lone surrogate)",
            hint="write it as UTF-8",
            value=shown(text),
        ) from error
    if size > max_bytes:
        raise InvalidValue(
            f"the {what} {shown(text)} has {size} bytes; {max_bytes} are the limit",
            hint="write it shorter; long texts belong into the description",
            value=shown(text),
        )
    return unicodedata.normalize("NFC", text.strip()).strip()


def check_name(text: str, what: str) -> str:
    """Return a name as it is stored. A slash is a character like any other here.

    Raises:
        InvalidValue: empty, longer than 10 kB, or with a lone surrogate.
    """
    name = check_text(text, what)
    if not name:
        raise InvalidValue(f"the {what} is empty", hint=f"give the {what} at least one character", value="")
    return name


def split_path(text: str, what: str) -> tuple[str, ...]:
    """Return the names of a path that is joined by slashes, from the top.

    Raises:
        InvalidValue: an empty name, more than 100 of them, longer than 10 kB, or a lone surrogate.
    """
    parts = tuple(check_text(part, what) for part in check_name(text, what).split("/"))
    if not all(parts):
        raise InvalidValue(
            f"the {what} {shown(text)} has an empty part",
            hint="write it as one/two, without slashes at the ends; ／ is a slash that does not separate",
            value=shown(text),
        )
    if len(parts) > MAX_DEPTH:
        raise InvalidValue(
            f"the {what} {shown(text)} has {len(parts)} levels; {MAX_DEPTH} are the limit",
            hint="use fewer slashes; ／ is a slash that does not separate",
            value=shown(text),
        )
    return parts


def label_of(name: str, uid: str, taken: Callable[[str], bool]) -> str:
    """Return what the folder of a thing is called.

    Its name cleaned; with `~short` of its uid at the end where a living sibling has that label (`taken` is asked with
    the folded label), where the label was cut, where it ends like a file name of a photo, and where programs litter
    folders with files of that name.
    """
    plain = clean_label(name)
    folded = fold(plain)
    if not (_is_cut(name, plain) or looks_like_media(folded) or folded in LITTER or taken(folded)):
        return plain
    for length in range(SHORT_LENGTH, UID_LENGTH + 1):
        suffix = f"~{uid[:length]}"
        label = _shortened(plain, MAX_NAME_BYTES - len(suffix)) + suffix
        if not taken(fold(label)):
            return label
    raise AssertionError(f"a sibling carries the whole uid {uid} in its name")


def shown(text: str) -> str:
    """Return a text as an error shows it: quoted, cut, printable."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + _ELLIPSIS
    return ascii(cut) if not cut.isprintable() else repr(cut)


def _is_cut(name: str, label: str) -> bool:
    return label.endswith(_ELLIPSIS) and not (
        name.endswith(_ELLIPSIS) and len(label.encode()) < _CUT_FROM_BYTES
    )


def _shortened(label: str, room_bytes: int) -> str:
    encoded = label.encode()
    return (
        label if len(encoded) <= room_bytes else encoded[:room_bytes].decode("utf-8", "ignore").rstrip(" .")
    )
