"""A library of photos with previews embedded in them, made by hand, and what should be shown of each.

The "RAW" files are no RAWs: bytes without meaning around real JPEGs, with facts as a reader would tell them. For tests of
what is done with facts; the readers have tests of their own.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image, ImageDraw

from catalog.facts import Preview
from generated_stills import with_blobs
from library_builder import BuiltLibrary, FileSpec, build_library
from media_files import ASCII, LONG, SHORT, Tag, tiff

DAY = "2019-08-07"
FOLDER = f"2019/2019-08/{DAY}"
NOON = f"{DAY}T12:00:00"
RED, BLUE = (200, 30, 30), (30, 30, 200)


def picture(width: int, height: int, *, seed: int = 0) -> Image.Image:
    """Return a picture whose upper half is red and whose lower half is blue: so it is seen which way up it is."""
    made = Image.new("RGB", (width, height), BLUE)
    draw = ImageDraw.Draw(made)
    draw.rectangle((0, 0, width, height // 2), fill=RED)
    draw.line((0, height // 2 + seed, width, height // 2 + seed), fill=(0, 200, seed % 256))
    return made


def jpeg_of(made: Image.Image, **options: Any) -> bytes:
    """Return a JPEG."""
    buffer = io.BytesIO()
    made.save(buffer, "JPEG", quality=88, **options)
    return buffer.getvalue()


def turned_jpeg(width: int, height: int, *, seed: int = 0) -> bytes:
    """Return what a camera held on its side stores: upright after a quarter turn clockwise (EXIF 6)."""
    upright = picture(height, width, seed=seed)
    return jpeg_of(upright.transpose(Image.Transpose.ROTATE_90))


def is_upright(body: bytes) -> bool:
    """Tell whether a viewer that minds EXIF shows the red half above."""
    from PIL import ImageOps

    shown = ImageOps.exif_transpose(Image.open(io.BytesIO(body))).convert("RGB")
    above, below = shown.getpixel((shown.width // 2, 4)), shown.getpixel((shown.width // 2, shown.height - 6))
    assert isinstance(above, tuple)
    assert isinstance(below, tuple)
    return above[0] > 150 > above[2] and below[2] > 150 > below[0]


@dataclass(slots=True)
class Container:
    """A file in the making: pieces with noise between them."""

    body: bytearray = field(default_factory=lambda: bytearray(b"II*\0 no real raw "))
    previews: list[Preview] = field(default_factory=list)

    def add(
        self, piece: bytes, size: tuple[int, int], *, origin: str = "raw", orientation: int = 0
    ) -> Preview:
        """Put a JPEG in; noise follows."""
        preview = Preview(origin, len(self.body), len(piece), *size, orientation)
        self.body += piece + b"\x55noise" * 37
        self.previews.append(preview)
        return preview

    def spec(self, **facts: Any) -> FileSpec:
        """Return the file."""
        said = {"previews": tuple(reversed(self.previews)), **facts}
        return FileSpec(body=bytes(self.body), captured=NOON, facts=said)


def raw(*, seed: int = 0, orientation: int | None = None) -> FileSpec:
    """Return a RAW of 6000 x 4000 with a thumbnail, a middling preview and a large one."""
    made = Container()
    for width, height in ((160, 120), (640, 480), (1620, 1080)):
        turn = orientation == 6
        body = turned_jpeg(width, height, seed=seed) if turn else jpeg_of(picture(width, height, seed=seed))
        made.add(body, (width, height))
    return made.spec(width=6000, height=4000, orientation=orientation)


def slice_at(spec: FileSpec, width: int) -> bytes:
    """Return the bytes of the preview of a width, as they lie in the file."""
    preview = next(one for one in spec.facts["previews"] if one.width == width)
    body = spec.body or b""
    return body[preview.offset : preview.offset + preview.length]


MOVIE = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + b"movie" * 100


def motion_photo() -> FileSpec:
    """Return a JPEG with an EXIF thumbnail and a movie behind it."""
    still = jpeg_of(picture(800, 600, seed=3))
    thumb = jpeg_of(picture(160, 120, seed=3))
    body = still + thumb + MOVIE
    place = [len(still) + len(thumb), len(MOVIE)]
    preview = Preview("exif", len(still), len(thumb), 160, 120)
    facts = {"previews": (preview,), "width": 800, "height": 600, "extra": {"motion": place}}
    return FileSpec(body=body, captured=NOON, facts=facts)


def files() -> dict[str | bytes, FileSpec]:
    """Return what the suite of previews knows."""
    plain = jpeg_of(picture(300, 200, seed=9))
    return {
        "IMG_1.CR2": raw(seed=1),
        "side.CR2": raw(seed=2, orientation=6),
        "bare.CR2": FileSpec(captured=NOON),
        "moving.jpg": motion_photo(),
        "plain.jpg": FileSpec(body=plain, captured=NOON),
        "IMG_1.CR2.jpg": FileSpec(body=jpeg_of(picture(310, 200, seed=10)), captured=NOON),
        "clip.mp4": FileSpec(captured=NOON),
        "song.mp3": FileSpec(captured=NOON),
    }


def build(place: Path, *, hashes: bool = True) -> BuiltLibrary:
    """Make the library."""
    return build_library(place, files(), hashes=hashes)


def uid_of(built: BuiltLibrary, name: str) -> str:
    """Return the uid of the photo of a file."""
    found = built.writer.value(
        "SELECT a.uid FROM location AS l JOIN content AS c ON c.id = l.content_id JOIN asset AS a ON a.id = c.asset_id"
        " WHERE l.name = ?",
        (name.encode(),),
    )
    assert found is not None, name
    return str(found)


# Real files, for tests with real readers


def exif_jpeg(*, orientation: int, seed: int = 0) -> bytes:
    """Return a JPEG with a thumbnail in its EXIF, as a camera that was turned writes it."""

    def stored(size: tuple[int, int]) -> Image.Image:
        return picture(size[1], size[0], seed=seed).transpose(Image.Transpose.ROTATE_90)

    made = stored((800, 600)) if orientation == 6 else picture(800, 600, seed=seed)
    thumb = stored((160, 120)) if orientation == 6 else picture(160, 120, seed=seed)
    exif = Image.Exif()
    exif[0x0112] = orientation
    block = _with_thumbnail(exif.tobytes(), jpeg_of(thumb))
    return jpeg_of(made, exif=block)


def _with_thumbnail(block: bytes, thumb: bytes) -> bytes:
    """Return an EXIF block with a second directory that points at a JPEG behind it. Pillow writes big endian."""
    body = bytearray(block[6:])
    first = int.from_bytes(body[4:8], "big")
    link = first + 2 + 12 * int.from_bytes(body[first : first + 2], "big")
    second = len(body)
    body[link : link + 4] = second.to_bytes(4, "big")
    at = second + 2 + 2 * 12 + 4
    body += (2).to_bytes(2, "big")
    for tag, value in ((0x0201, at), (0x0202, len(thumb))):
        body += (
            tag.to_bytes(2, "big")
            + (4).to_bytes(2, "big")
            + (1).to_bytes(4, "big")
            + value.to_bytes(4, "big")
        )
    body += bytes(4) + thumb
    return b"Exif\0\0" + bytes(body)


def large_jpeg(*, orientation: int = 1, size: tuple[int, int] = (2400, 1600)) -> bytes:
    """Return a JPEG of more than 2 MiB, as a camera that was turned stores it, without EXIF."""
    made = picture(*(size[::-1] if orientation == 6 else size))
    width, height = made.size
    # Noise in the middle: what `is_upright` looks at stays.
    made.paste(Image.effect_noise((width, height * 6 // 10), 90).convert("RGB"), (0, height // 5))
    if orientation == 6:
        made = made.transpose(Image.Transpose.ROTATE_90)
    buffer = io.BytesIO()
    made.save(buffer, "JPEG", quality=97)
    return buffer.getvalue()


def large_raw(*, orientation: int = 1, large: bytes | None = None) -> bytes:
    """Return a NEF with a thumbnail of 160 x 120 and one picture of megabytes, as many cameras write them."""
    turned = orientation == 6
    thumb = turned_jpeg(160, 120) if turned else jpeg_of(picture(160, 120))
    blobs = [thumb, large or large_jpeg(orientation=orientation)]

    def pointer(at: int, blob: bytes) -> dict[int, Tag]:
        return {0x0201: (LONG, [at]), 0x0202: (LONG, [len(blob)])}

    def block(places: list[int]) -> bytes:
        camera: dict[int, Tag] = {0x010F: (ASCII, b"NIKON\0"), 0x0112: (SHORT, [orientation])}
        size: dict[int, Tag] = {0xA002: (LONG, [6000]), 0xA003: (LONG, [4000])}
        subs = [pointer(at, blob) for at, blob in zip(places, blobs, strict=True)]
        return tiff(camera, exif=size, subs=subs)

    return with_blobs(block, blobs)


def heic_with_thumbnail() -> bytes:
    """Return a HEIC that holds a thumbnail of its own."""
    made = pillow_heif.from_pillow(picture(1200, 800))
    buffer = io.BytesIO()
    made.save(buffer, quality=50, thumbnails=[320])
    return buffer.getvalue()
