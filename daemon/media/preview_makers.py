"""Makes pictures out of what is embedded: copies of slices, and what only a decoder gives. Runs in media workers.

The one place where Pillow, pillow-heif and rawpy see a byte of a file; they are loaded when first needed. Nothing is rendered
from the picture itself: only what a camera embedded is shown. Orientation is applied exactly once (metadata.md 8).
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from catalog.previews import (
    LARGE,
    LEAST_LARGE_PX,
    LEAST_PX,
    SCALED_MOST_BYTES,
    SIZES,
    SLICE_MOST_BYTES,
    SMALL,
    upright,
)
from daemon.media.preview_protocol import Picture
from daemon.media.protocol import MAX_HEAVY_PIXELS, TooHeavy, WorkerClass, require_class

if TYPE_CHECKING:
    from PIL import Image

_QUALITY = 85
_ICC_MOST_BYTES = 65_536
_WHOLE_MOST_BYTES = 400 * 1024 * 1024  # libheif and libraw hold the whole file
_DECODED_MOST_BYTES = 32 * 1024 * 1024
_BLOCK_BYTES = 1 << 20
_TURNED = (5, 6, 7, 8)
# libraw's flip -> EXIF's orientation.
_ORIENTATION_OF_FLIP = {3: 3, 5: 8, 6: 6}


class CannotMake(Exception):
    """There is no picture to be had; `tool` says who knows, the text why, in user words."""

    def __init__(self, tool: str, reason: str) -> None:
        super().__init__(reason)
        self.tool = tool


def make_pictures(fd: int, wishes: Sequence[Sequence[Any]], worker_class: WorkerClass) -> list[Picture]:
    """Fulfil wishes about one open file, in order; see `preview_protocol`.

    Raises:
        CannotMake: a tool cannot. OSError: the volume failed. TooHeavy: for another class of workers.
    """
    found: list[Picture] = []
    for kind, *arguments in wishes:
        found.extend(_MAKERS[kind](fd, worker_class, *arguments))
    return found


def _slice(fd: int, worker_class: WorkerClass, slot: int, *place: int) -> Iterator[Picture]:
    yield Picture(slot, _shown_at(fd, *place, most_bytes=SLICE_MOST_BYTES), 0, 0)


def _png(fd: int, worker_class: WorkerClass, slot: int, *place: int) -> Iterator[Picture]:
    made = _opened(_shown_at(fd, *place, most_bytes=_DECODED_MOST_BYTES), slot, worker_class)
    buffer = io.BytesIO()
    made.save(buffer, "PNG", compress_level=6)
    yield Picture(slot, buffer.getvalue(), *made.size)


def _scale(fd: int, worker_class: WorkerClass, slots: Sequence[int], *place: int) -> Iterator[Picture]:
    body = _shown_at(fd, *place, most_bytes=SCALED_MOST_BYTES)
    yield from _in_sizes(_opened(body, max(slots), worker_class), slots)


def _make(fd: int, worker_class: WorkerClass, orientation: int, is_raw: bool) -> Iterator[Picture]:
    made = _of_raw(fd, worker_class, orientation) if is_raw else _of_heif(fd, worker_class, orientation)
    made = _plain(made, LARGE)
    if max(made.size) < LEAST_PX:
        raise CannotMake("worker", f"what is embedded has {made.size[0]} x {made.size[1]} pixels")
    if max(made.size) >= LEAST_LARGE_PX:
        yield from _in_sizes(made, SIZES)
    else:
        yield _jpeg(SMALL, made)


def _in_sizes(made: Image.Image, slots: Sequence[int]) -> Iterator[Picture]:
    """Yield JPEGs of a plain picture, the largest first; it ends as the smallest."""
    for slot in sorted(slots, reverse=True):
        made.thumbnail((slot, slot))
        yield _jpeg(slot, made)


_MAKERS: dict[str, Callable[..., Iterator[Picture]]] = {
    "slice": _slice,
    "png": _png,
    "scale": _scale,
    "make": _make,
}


def _of_heif(fd: int, worker_class: WorkerClass, orientation: int) -> Image.Image:
    """Return the thumbnail item; libheif has applied `irot` and `imir` of it already."""
    import pillow_heif

    body = _whole(fd, "pillow-heif")
    with _blaming("pillow-heif"):
        pictures = pillow_heif.open_heif(io.BytesIO(body), convert_hdr_to_8bit=True)
        main = pictures[pictures.primary_index]
        sizes = main.info["thumbnails"]
        if not sizes:
            raise CannotMake("pillow-heif", "there is no thumbnail in it")
        thumbnail = main.get_thumbnail(sizes.index(max(sizes)))
        require_class(worker_class, thumbnail.size[0] * thumbnail.size[1])
        made = thumbnail.to_pillow()
    # Some cameras turn the picture and forget the thumbnail.
    return _turned(made, orientation) if _is_crosswise(made.size, main.size) else made


def _of_raw(fd: int, worker_class: WorkerClass, orientation: int) -> Image.Image:
    """Return the thumbnail that libraw finds."""
    import rawpy
    from PIL import Image

    body = _whole(fd, "rawpy")
    with _blaming("rawpy"), rawpy.imread(io.BytesIO(body)) as raw:
        thumb = raw.extract_thumb()
        shape, flip = (raw.sizes.width, raw.sizes.height), raw.sizes.flip
        said = orientation if orientation > 1 else _ORIENTATION_OF_FLIP.get(flip, 1)
        if thumb.format is rawpy.ThumbFormat.JPEG:
            made = _opened(thumb.data, LARGE, worker_class, orientation_if_none=said)
        else:
            made = Image.fromarray(thumb.data)
            made = made if said in _TURNED and _is_crosswise(made.size, shape) else _turned(made, said)
    return made


def _opened(
    body: bytes, edge_px: int, worker_class: WorkerClass, *, orientation_if_none: int = 1
) -> Image.Image:
    """Return the picture of a JPEG, upright, at most `edge_px` wide and high."""
    from PIL import Image, ImageFile, ImageOps

    Image.MAX_IMAGE_PIXELS = MAX_HEAVY_PIXELS  # Pillow's own limit refuses the photos of today's phones
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # half a picture would lie in the cache for ever
    with _blaming("pillow"):
        made = Image.open(io.BytesIO(body), formats=["JPEG", "MPO"])
        require_class(worker_class, made.size[0] * made.size[1])
        said = made.getexif().get(0x0112, 0)
        made.draft("RGB", (edge_px, edge_px))
        made.load()
        shown: Image.Image = ImageOps.exif_transpose(made)
        if said == 0:
            shown = _turned(shown, orientation_if_none)
        return _plain(shown, edge_px)


def _plain(made: Image.Image, edge_px: int) -> Image.Image:
    """Return it with eight bits per colour, and no larger than asked for."""
    profile = made.info.get("icc_profile")
    plain = made if made.mode in ("RGB", "L") else made.convert("RGB")
    plain = plain.copy()
    plain.thumbnail((edge_px, edge_px))
    plain.info = {}
    if isinstance(profile, bytes) and len(profile) <= _ICC_MOST_BYTES and made.mode != "CMYK":
        plain.info["icc_profile"] = profile
    return plain


def _turned(made: Image.Image, orientation: int) -> Image.Image:
    """Return it as EXIF's orientation says."""
    from PIL import Image

    methods = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    return made.transpose(methods[orientation]) if orientation in methods else made


def _jpeg(slot: int, made: Image.Image) -> Picture:
    buffer = io.BytesIO()
    made.save(buffer, "JPEG", quality=_QUALITY, icc_profile=made.info.get("icc_profile"))
    return Picture(slot, buffer.getvalue(), *made.size)


def _is_crosswise(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] != one[1] and (one[0] > one[1]) != (other[0] > other[1])


def _shown_at(fd: int, offset: int, length: int, orientation: int, *, most_bytes: int) -> bytes:
    """Return the JPEG of a place in the file, as it is shown."""
    if length > most_bytes:
        raise CannotMake("worker", f"a preview of {length >> 20} MiB is not handled")
    body = _read(fd, offset, length)
    if len(body) != length or not body.startswith(b"\xff\xd8"):
        raise CannotMake("worker", "there is no JPEG where the preview should be")
    return upright(body, orientation)


def _whole(fd: int, tool: str) -> bytes:
    size = os.fstat(fd).st_size
    if size > _WHOLE_MOST_BYTES:
        raise CannotMake(tool, f"{size >> 20} MiB are more than is held in memory")
    return _read(fd, 0, size)


def _read(fd: int, offset: int, length: int) -> bytes:
    parts = []
    while length > 0 and (part := os.pread(fd, min(length, _BLOCK_BYTES), offset)):
        parts.append(part)
        offset += len(part)
        length -= len(part)
    return b"".join(parts)


@contextmanager
def _blaming(tool: str) -> Iterator[None]:
    """Turn what a decoder raises into `CannotMake`; what is too much for this class of workers passes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd files; what matters is raised
            yield
    except (CannotMake, TooHeavy, MemoryError):
        raise
    except Exception as error:  # border: decoders raise whatever they like over hostile bytes
        raise CannotMake(tool, f"{type(error).__name__}: {error}"[:300]) from error
