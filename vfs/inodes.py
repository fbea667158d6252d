"""Inode numbers: 8 bits of kind and 55 bits of a key that the catalog owns and never reuses.

Pure packing, no table: a number means the same before and after a restart, so nothing is rebuilt at start,
FORGET is a no-op and a file handle of NFS stays good. The top bit is never set, so a number fits into every
signed 64-bit field (`st_ino`, SQLite, cookies). Knows no catalog; `vfs.tree` turns a number into a node.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, NewType

from catalog.errors import NotFound

Inode = NewType("Inode", int)

KEY_BITS = 55
_KEY_MASK = (1 << KEY_BITS) - 1
_MIRROR_BIT = 1 << 62  # the highest bit of a kind
_YEAR_BITS = 16
_DATE_BITS = 32


class Kind(IntEnum):
    """What a number stands for. File handles outlive releases: numbers are added, never changed."""

    FIXED = 0
    CONTENT = 1  # a photo in any view: row of content
    LOCATION = 2  # a file in Originals/: row of location
    DIRECTORY = 3  # a directory in Originals/: row of directory
    VOLUME = 4  # a folder of Originals/: row of volume, its root directory included
    TIMELINE = 5  # a folder of Timeline/: level and packed date
    RECENT = 6  # a folder of Recent/: packed day
    TYPES = 7  # a folder of Types/: flag and year
    CAMERAS = 8  # a folder of Cameras/: row of camera and year
    BY_ID = 9  # .glassine/by-id/<uid>/: row of asset
    META = 10  # its meta.json: row of asset
    ALBUM = 11  # a folder of Albums/: row of album
    TAG = 12  # a folder of Tags/, or its _all: row of tag, own or all
    PERSON = 13  # a folder of People/: row of person and year
    RATING = 14  # a folder of Ratings/: the rating
    STACK = 15  # a folder of Stacks/: row of stack (0 = the folder of a year) and year
    TRASH = 16  # a folder of Trash/: packed day
    SEARCHES = 17  # a folder of Searches/: row of saved_search
    SEARCH = 18  # a folder of Search/: hash of the query; known in memory only
    MEMORIES = 19  # a folder of Memories/: span and year
    OFFLINE = 20  # a folder of Offline/: row of volume
    PLACE = 21  # a folder of Places/: row of place
    THUMB = 22  # thumb-256.jpg and the like in .glassine/by-id/<uid>/: row of content and which
    PREVIEW = 23  # a picture in Previews/: row of content
    MIRROR = 128  # a folder of Previews/: the whole number of the folder that it mirrors


class Fixed(IntEnum):
    """Keys of `Kind.FIXED`: the entries that every tree has."""

    ROOT = 1
    TIMELINE = 2
    UNDATED = 3
    RECENT = 4
    TYPES = 5
    CAMERAS = 6
    ORIGINALS = 7
    SERVICE = 8
    SERVICE_BY_ID = 9
    STATUS = 10
    VERSION = 11
    ALBUMS = 12
    TAGS = 13
    PEOPLE = 14
    FAVORITES = 15
    RATINGS = 16
    STACKS = 17
    TRASH = 18
    SEARCHES = 19
    SEARCH = 20
    MEMORIES = 21
    OFFLINE = 22
    PLACES = 23
    PREVIEWS = 24


class DateLevel(IntEnum):
    """Which folder of the Timeline a packed date names."""

    YEAR = 0  # 2019/: YYYY0000
    MONTH = 1  # 2019-08/: YYYYMM00
    DAY = 2  # a leaf: YYYYMMDD, YYYYMM00 (2019-08-xx), YYYY0000 (2019-xx)
    UNDATED = 3  # Undated/2019/: YYYY


_FILE_KINDS = frozenset({Kind.CONTENT, Kind.LOCATION, Kind.META, Kind.THUMB, Kind.PREVIEW})
_FIXED_FILES = frozenset({Fixed.STATUS, Fixed.VERSION})
# Folders whose entries follow from a question and the clock, not from rows that the change feed tells of.
_FLEETING_KINDS = frozenset({Kind.SEARCHES, Kind.SEARCH, Kind.MEMORIES, Kind.OFFLINE, Kind.MIRROR})
_FLEETING_FIXED = frozenset({Fixed.SEARCHES, Fixed.SEARCH, Fixed.MEMORIES, Fixed.OFFLINE, Fixed.PREVIEWS})


class Unpacked(NamedTuple):
    """An inode number taken apart."""

    kind: Kind
    key: int


class NoSuchInode(NotFound):
    """The number was never given out by this program."""


def pack(kind: Kind, key: int) -> Inode:
    """Return the number; `key` is 0 <= key < 2**55, of a mirrored folder its whole number."""
    if kind is Kind.MIRROR and 0 <= key < _MIRROR_BIT:
        return Inode(_MIRROR_BIT | key)
    if not 0 <= key <= _KEY_MASK:
        raise ValueError(f"key {key} of {kind.name} does not fit into {KEY_BITS} bits")
    return Inode(kind << KEY_BITS | key)


def unpack(inode: int) -> Unpacked:
    """Inverse of `pack`; NoSuchInode if the kind is unknown."""
    if inode & _MIRROR_BIT and 0 < inode < _MIRROR_BIT << 1:
        unpack(inode ^ _MIRROR_BIT)
        return Unpacked(Kind.MIRROR, inode ^ _MIRROR_BIT)
    if inode < 0 or inode >> KEY_BITS not in _KINDS:
        raise NoSuchInode(f"inode {inode} is none of ours")
    return Unpacked(_KINDS[inode >> KEY_BITS], inode & _KEY_MASK)


_KINDS = {int(kind): kind for kind in Kind}


def is_file(inode: int) -> bool:
    """Tell whether the number is a file's, from the number alone."""
    kind, key = unpack(inode)
    return kind in _FILE_KINDS or (kind is Kind.FIXED and key in _FIXED_FILES)


def is_fleeting(inode: int) -> bool:
    """Tell whether the names of this folder may change without a word of the change feed: not to be kept."""
    kind, key = unpack(inode)
    return kind in _FLEETING_KINDS or (kind is Kind.FIXED and key in _FLEETING_FIXED)


def pack_date(level: DateLevel, packed: int) -> Inode:
    """Return the number of a Timeline folder; `packed` as `DateLevel` says."""
    return pack(Kind.TIMELINE, level << _DATE_BITS | packed)


def unpack_date(key: int) -> tuple[DateLevel, int]:
    """Inverse of `pack_date`, given the key."""
    try:
        return DateLevel(key >> _DATE_BITS), key & ((1 << _DATE_BITS) - 1)
    except ValueError as error:
        raise NoSuchInode(f"no level of the Timeline: {key >> _DATE_BITS}") from error


def pack_pair(kind: Kind, row: int, year: int) -> Inode:
    """Return the number of a folder of Types/, Cameras/ or People/ (`year` 0), or of its year folder."""
    return pack(kind, row << _YEAR_BITS | year)


def unpack_pair(key: int) -> tuple[int, int]:
    """Inverse of `pack_pair`, given the key: (row, year), year 0 for the folder itself."""
    return key >> _YEAR_BITS, key & ((1 << _YEAR_BITS) - 1)


def pack_tag(row: int, sub: int) -> Inode:
    """Return the number of a tag's folder (`sub` catalog.buckets.OWN) or of its `_all` (ALL)."""
    return pack(Kind.TAG, row << 1 | sub)


def unpack_tag(key: int) -> tuple[int, int]:
    """Inverse of `pack_tag`, given the key."""
    return key >> 1, key & 1


def pack_thumb(content_id: int, slot: int) -> Inode:
    """Return the number of thumb-256.jpg, thumb-1024.jpg or motion.mp4 (`catalog.previews`: the slots) of a content."""
    return pack(Kind.THUMB, content_id << 2 | THUMB_SLOTS.index(slot))


def unpack_thumb(key: int) -> tuple[int, int]:
    """Inverse of `pack_thumb`, given the key: (content, slot)."""
    if key & 3 >= len(THUMB_SLOTS):
        raise NoSuchInode(f"no such preview: {key & 3}")
    return key >> 2, THUMB_SLOTS[key & 3]


# Slots of `catalog.previews` by their place in the key: may grow, never change.
THUMB_SLOTS = (256, 1024, -1)
ROOT = pack(Kind.FIXED, Fixed.ROOT)
