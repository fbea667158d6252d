"""Identities: row numbers, uids and content hashes, each with its own type.

Row numbers come from AUTOINCREMENT columns and are never reused, so they may go into inode numbers. A uid
is 128 random bits as 26 characters of Crockford's base32 (https://www.crockford.com/base32.html), lower
case; its first six characters are the short id that file names carry.
"""

from __future__ import annotations

import secrets
from typing import NewType

AssetId = NewType("AssetId", int)
ContentId = NewType("ContentId", int)
LocationId = NewType("LocationId", int)
DirectoryId = NewType("DirectoryId", int)
VolumeId = NewType("VolumeId", int)
Uid = NewType("Uid", str)
ContentHash = NewType("ContentHash", bytes)

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
UID_LENGTH = 26
SHORT_LENGTH = 6
_CANONICAL = str.maketrans({"o": "0", "i": "1", "l": "1"})


def uid_from_int(number: int) -> Uid:
    """Write 128 bits as 26 characters, most significant first (the first character holds 3 bits)."""
    characters = []
    for _ in range(UID_LENGTH):
        number, digit = divmod(number, 32)
        characters.append(ALPHABET[digit])
    return Uid("".join(reversed(characters)))


def new_uid() -> Uid:
    """Draw a fresh uid from the system's random source."""
    return uid_from_int(secrets.randbits(128))


def short_of(uid: str) -> str:
    """Return the six characters that stand for the uid in file names; unique within a library."""
    return uid[:SHORT_LENGTH]


def canonical_prefix(text: str) -> str | None:
    """Return the lower-case canonical form if the text can be (a prefix of) a uid, else None.

    Accepts upper case, a leading `~`, and Crockford's look-alikes (o, i, l). At least six characters.
    """
    candidate = text.removeprefix("~").lower().translate(_CANONICAL)
    if not SHORT_LENGTH <= len(candidate) <= UID_LENGTH:
        return None
    return candidate if all(character in ALPHABET for character in candidate) else None
