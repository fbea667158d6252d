"""Previews: which embedded picture serves which size, how it is made upright, and where its copy lies. Pure.

A preview is a slice of the original, with a short EXIF segment in front where the original is turned and the slice does
not say so itself: its size is known without opening anything, and nothing is decoded. Where the only slices are too small
or too large for a size, one is made from the large one, once, into the cache (`Plan`). Knows no SQL and no tree.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from catalog.facts import Facts, Preview

# Long edges, in pixels, of what file managers and phones ask for; 0 = the largest that is embedded.
SMALL, LARGE, LARGEST = 256, 1024, 0
SIZES = (SMALL, LARGE)
MOVIE = -1  # the movie of a motion photo
# A picture for 1024 pixels that is smaller than this is a thumbnail blown up: better none.
LEAST_LARGE_PX = 640
# What is served for 256 pixels, and what is copied into the cache: more is no thumbnail, and a NAS would read all of it.
SLICE_MOST_BYTES = 2 * 1024 * 1024
# An embedded JPEG of more bytes than this is not decoded to make it smaller.
SCALED_MOST_BYTES = 64 * 1024 * 1024
# No picture that was made has more: 1024 x 1024 pixels of noise are 1 MB, the workers' answers hold no more than this.
MADE_MOST_BYTES = 4 * 1024 * 1024
# The long edge of a picture that was made: what a decoder gave is served for 256 pixels as it is, if it is not a large one.
MADE_MOST_PX = {SMALL: LEAST_LARGE_PX - 1, LARGE: LARGE}
# Origins whose bytes are a JPEG that lies in the file.
_SLICES = frozenset({"exif", "mpf", "raw", "psd", "cover"})
# Smaller ones are no help to anybody.
LEAST_PX = 64
_SQUARE = 1.05  # nearly: their long edge says nothing
_TURNED = frozenset({5, 6, 7, 8})  # orientations that swap the edges
_SOI = b"\xff\xd8"
_ORIENTATION_TAG, _SHORT = 0x0112, 3


class Chosen(NamedTuple):
    """A preview for a slot; see the table `preview`."""

    slot: int
    offset: int | None
    length: int
    width: int
    height: int
    orientation: int


class Plan(NamedTuple):
    """What previews a content has, and what is to be made of them; follows from its facts and the size of its file.

    Attributes:
        rows: slices and the movie, by slot: what is shown as long as nothing is made.
        scaled: slots that a worker makes from `source`, smallest first; empty = none.
        source: the slice that they are made from.
        decoded: (orientation, whether it is a RAW) where only a decoder of the whole file gives a picture, else None.
    """

    rows: tuple[Chosen, ...]
    scaled: tuple[int, ...] = ()
    source: Chosen | None = None
    decoded: tuple[int, bool] | None = None

    @property
    def is_making(self) -> bool:
        """Whether something is made; else slices are copied at most."""
        return bool(self.scaled) or self.decoded is not None

    @property
    def has_pictures(self) -> bool:
        """Whether there is anything to be copied or made."""
        return self.is_making or any(one.slot != MOVIE for one in self.rows)

    @property
    def copied(self) -> tuple[Chosen, ...]:
        """The slices that are copied into the cache."""
        return tuple(kept_apart(one for one in self.rows if one.slot not in self.scaled))

    def with_made(self, made: Iterable[Chosen]) -> list[Chosen]:
        """Return the rows with what was made in place of slices; what is not wanted (any more) is not in them."""
        by_slot = {one.slot: one for one in made if one.slot != LARGEST}
        if not self.wants(set(by_slot)):
            return list(self.rows)
        if self.decoded is not None:
            by_slot[LARGEST] = by_slot[max(by_slot)]._replace(slot=LARGEST)
        return sorted({**{one.slot: one for one in self.rows}, **by_slot}.values())

    def wants(self, slots: set[int]) -> bool:
        """Tell whether pictures of exactly these slots are what is to be made."""
        if self.decoded is not None:
            return SMALL in slots and slots <= set(SIZES)
        return bool(slots) and slots == set(self.scaled)


class Picture(NamedTuple):
    """What is known of the photo itself: stored pixels (None = unknown), EXIF orientation, size of its file."""

    width: int | None
    height: int | None
    orientation: int | None
    size_bytes: int


def plan(facts: Facts, size_bytes: int) -> Plan:
    """Return what previews a content has; `size_bytes` is that of its file."""
    slices = choose(facts.previews, Picture(facts.width, facts.height, facts.orientation, size_bytes))
    movie = movie_of(facts.extra.get("motion"), size_bytes)
    rows = tuple(sorted([*slices, *([movie] if movie is not None else [])]))
    if needs_making(facts.previews, is_raw=facts.is_raw, has_slice=bool(slices)):
        return Plan(rows, decoded=(facts.orientation or 1, facts.is_raw))
    return Plan(rows, *_scaling({one.slot: one for one in slices}))


def choose(previews: Iterable[Preview], picture: Picture) -> list[Chosen]:
    """Return what serves the slots, from the smallest to the largest; empty = nothing can be served as a slice.

    A slot is served by the smallest preview whose long edge reaches it, else by the largest below: for 1024 pixels only
    one of 640 at least, for 256 only one of 2 MiB at most. Below 64 pixels none is of use.
    """
    usable = sorted(
        (one for one in previews if _is_slice(one, picture) and not _is_stale(one, picture)), key=_long_edge
    )
    found = []
    small = _fitting([one for one in usable if one.length <= SLICE_MOST_BYTES], SMALL)
    large = _fitting(usable, LARGE)
    if small is not None:
        found.append(_chosen(SMALL, small, picture))
    if large is not None and _long_edge(large) >= LEAST_LARGE_PX:
        found.append(_chosen(LARGE, large, picture))
    if usable:
        found.append(_chosen(LARGEST, usable[-1], picture))
    return found


def needs_making(previews: Iterable[Preview], *, is_raw: bool, has_slice: bool) -> bool:
    """Tell whether a decoder could give a preview that is no slice."""
    return not has_slice and (is_raw or any(one.origin == "heif" for one in previews))


def movie_of(motion: object, size_bytes: int) -> Chosen | None:
    """Return the movie of a motion photo, from `Facts.extra["motion"]`, or None."""
    if not isinstance(motion, list | tuple) or len(motion) != 2:
        return None
    offset, length = motion
    if not (isinstance(offset, int) and isinstance(length, int) and offset > 0 and length > 0):
        return None
    return Chosen(MOVIE, offset, length, 0, 0, 1) if offset + length <= size_bytes else None


def prefix_of(orientation: int) -> bytes:
    """Return what stands for the first two bytes of a slice, so that it is shown upright; empty = the slice as it is.

    JEITA CP-3451: an APP1 segment right behind SOI, a TIFF block with one directory of one tag.
    """
    if not 2 <= orientation <= 8:
        return b""
    directory = struct.pack("<HHHIHHI", 1, _ORIENTATION_TAG, _SHORT, 1, orientation, 0, 0)
    content = b"Exif\0\0" + struct.pack("<2sHI", b"II", 42, 8) + directory
    return _SOI + b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def shown_length(length: int, orientation: int) -> int:
    """Return the bytes of a slice as it is shown."""
    prefix = prefix_of(orientation)
    return length + (len(prefix) - len(_SOI) if prefix else 0)


def upright(jpeg: bytes, orientation: int) -> bytes:
    """Return the bytes of a slice as it is shown."""
    prefix = prefix_of(orientation)
    return prefix + jpeg[len(_SOI) :] if prefix else jpeg


def kept_apart(chosen: Iterable[Chosen]) -> list[Chosen]:
    """Return those whose bytes have a file in the cache of their own: both sizes, equal ones once, none too large."""
    found: list[Chosen] = []
    for one in chosen:
        if one.slot in SIZES and (one.offset is None or one.length <= SLICE_MOST_BYTES):
            found += [] if any(is_same_bytes(one, other) for other in found) else [one]
    return found


def is_same_bytes(one: Chosen, other: Chosen) -> bool:
    """Tell whether two slots of a content show the same bytes."""
    return one[1:] == other[1:]


def cached_path(directory: Path, digest: bytes, slot: int) -> Path:
    """Return where the cache keeps what is shown for a slot of these bytes."""
    name = digest.hex()
    return directory / name[:2] / f"{name}-{slot}.jpg"


def previews_dir(cache_dir: Path) -> Path:
    """Return where previews lie in a library's cache."""
    return cache_dir / "previews"


def _scaling(slices: Mapping[int, Chosen]) -> tuple[tuple[int, ...], Chosen | None]:
    """Return the slots to be made from a slice of megabytes, and that slice.

    For 1024 pixels one is made where nothing smaller than megabytes serves it: it would come from the volume at each look.
    For 256 pixels one is made where all that is small enough has less.
    """
    source = slices.get(LARGE) or slices.get(LARGEST)
    if source is None or not SLICE_MOST_BYTES < source.length <= SCALED_MOST_BYTES:
        return (), None
    small_px = _edge_px(slices.get(SMALL))
    is_small_wanted = small_px < SMALL and small_px < _edge_px(source)
    wanted = tuple(slot for slot, is_it in ((SMALL, is_small_wanted), (LARGE, LARGE in slices)) if is_it)
    return (wanted, source) if wanted else ((), None)


def _edge_px(chosen: Chosen | None) -> int:
    return 0 if chosen is None else max(chosen.width, chosen.height)


def _is_slice(preview: Preview, picture: Picture) -> bool:
    # Facts come from a process that read hostile bytes: nothing of them is believed unseen.
    numbers = (preview.offset, preview.length, preview.width, preview.height, preview.orientation)
    if preview.origin not in _SLICES or not all(isinstance(one, int) for one in numbers):
        return False
    is_inside = preview.offset >= 0 and len(_SOI) < preview.length <= picture.size_bytes - preview.offset
    return is_inside and min(preview.width, preview.height) > 0 and LEAST_PX <= _long_edge(preview) < 1 << 16


def _is_stale(preview: Preview, picture: Picture) -> bool:
    """Tell whether it shows another state of the picture: one that a program turned without its thumbnail."""
    if preview.orientation or (picture.orientation or 1) in _TURNED:
        return False
    return _lies_crosswise(preview, picture)


def _lies_crosswise(preview: Preview, picture: Picture) -> bool:
    """Tell whether the long edges of preview and picture, both as stored, are not the same."""
    if not picture.width or not picture.height:
        return False
    ratios = (preview.width / preview.height, picture.width / picture.height)
    if any(1 / _SQUARE < ratio < _SQUARE for ratio in ratios):
        return False
    return (ratios[0] > 1) != (ratios[1] > 1)


def _long_edge(preview: Preview) -> int:
    return max(preview.width, preview.height)


def _fitting(by_edge: Sequence[Preview], slot: int) -> Preview | None:
    reaching = next((one for one in by_edge if _long_edge(one) >= slot), None)
    return reaching or (by_edge[-1] if by_edge else None)


def _chosen(slot: int, preview: Preview, picture: Picture) -> Chosen:
    orientation = _orientation_in_front(preview, picture)
    return Chosen(slot, preview.offset, preview.length, preview.width, preview.height, orientation)


def _orientation_in_front(preview: Preview, picture: Picture) -> int:
    """Return the orientation to put in front: exactly one counts (metadata.md 8).

    The preview's own counts if it says one. Else the photo's does, unless the pixels were turned already.
    """
    said = picture.orientation or 1
    if preview.orientation or (said in _TURNED and _lies_crosswise(preview, picture)):
        return 1
    return said if 1 <= said <= 8 else 1
