"""Names of `Originals/` for clients that know only UTF-8 and legal names: WebDAV, browsers. Pure.

A raw name that is legal everywhere is shown as it is, its Unicode form untouched. Any other is cleaned and
carries `~xxxxxx`, made of its inode number. So names are unique in a folder without looking at its other
entries: raw names are, suffixes are, and a raw name that looks suffixed is suffixed itself.
"""

from __future__ import annotations

import unicodedata

from catalog import names
from catalog.ids import ALPHABET, SHORT_LENGTH, uid_from_int
from vfs.inodes import Inode, Kind, pack, unpack

_JUNK_PREFIXES = ("._", ".", "~$")
_JUNK = frozenset({"desktop.ini", "thumbs.db", "autorun.inf", "mach_kernel"})


def shown_name(raw: bytes, inode: int) -> str:
    """Return what a raw name of this entry is called over HTTP."""
    clean = names.clean_name(raw)
    if not names.must_carry_suffix(clean):
        text = raw.decode()
        if unicodedata.normalize("NFC", text) == clean.text:
            return text
    return names.with_suffix(clean.text, short_of_inode(inode))


def short_of_inode(inode: int) -> str:
    """Return six characters that tell the entries of one folder apart: 29 bits of the row, one of the kind."""
    kind, key = unpack(inode)
    return uid_from_int((key << 1 | (kind is Kind.DIRECTORY)) & (1 << 5 * SHORT_LENGTH) - 1)[-SHORT_LENGTH:]


def raw_candidates(name: str) -> list[bytes]:
    """Return the raw names that one query each can try: as it is, composed and decomposed."""
    forms = dict.fromkeys([name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)])
    return [form.encode("utf-8", "surrogateescape") for form in forms]


def inode_of_suffixed(name: str) -> Inode | None:
    """Return the number that a shown name's suffix was made of, or None; the caller compares the names."""
    parted = names.split_suffix(name)
    if parted is None:
        return None
    number = 0
    for character in parted[1]:
        number = number * len(ALPHABET) + ALPHABET.index(character)
    return pack(Kind.DIRECTORY if number & 1 else Kind.LOCATION, number >> 1)


def is_junk(name: str) -> bool:
    """Tell whether clients only probe for it: not worth reading a folder for."""
    return name.startswith(_JUNK_PREFIXES) or name.lower() in _JUNK
