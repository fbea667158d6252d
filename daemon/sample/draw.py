"""Pictures of the sample library: a sky, hills and a sun, drawn from a seed; and their EXIF.

Must not know where files lie. The same seed gives the same pixels.
"""

from __future__ import annotations

import io
import math
import random

import pillow_heif
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational

from daemon.sample.plan import SCANNER, Shot

SIZE_PX = (640, 426)
_SKIES = (
    ((64, 116, 190), (236, 214, 180)),
    ((22, 34, 84), (240, 132, 84)),
    ((120, 170, 220), (232, 240, 248)),
)
_HILLS = (((58, 92, 70), (34, 58, 46)), ((96, 84, 60), (52, 46, 40)), ((150, 160, 176), (88, 98, 120)))

# EXIF tag numbers (CIPA DC-008).
_MAKE, _MODEL, _ORIENTATION, _SOFTWARE, _DATETIME = 0x010F, 0x0110, 0x0112, 0x0131, 0x0132
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_ORIGINAL, _DIGITIZED, _LENS = 0x9003, 0x9004, 0xA434
_OFFSET, _OFFSET_ORIGINAL, _OFFSET_DIGITIZED = 0x9010, 0x9011, 0x9012

# What must be done to upright pixels so that a viewer that obeys the tag shows them upright again.
_STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def picture(scene: int, caption: str) -> Image.Image:
    """Draw an upright RGB landscape of `SIZE_PX` with a caption."""
    chance = random.Random(scene)
    width, height = SIZE_PX
    image = _sky(*_SKIES[scene % 3])
    canvas = ImageDraw.Draw(image)
    x, y, r = chance.randrange(60, width - 60), chance.randrange(40, height // 2), chance.randrange(18, 40)
    canvas.ellipse((x - r, y - r, x + r, y + r), fill=(255, 244, 200))
    for depth, colour in enumerate(_HILLS[scene // 3 % 3]):
        base, phase = height * (0.55 + 0.2 * depth), chance.random() * 6
        ridge = [
            (x, base - 40 * math.sin(x / (90 - 20 * depth) + phase) - 15 * math.sin(x / 23 + phase))
            for x in range(0, width + 8, 8)
        ]
        canvas.polygon([(0, height), *ridge, (width, height)], fill=colour)
    canvas.text((12, height - 22), caption, fill=(255, 255, 255))
    return image


def _sky(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Image.Image:
    column = Image.new("RGB", (1, 2))
    column.putpixel((0, 0), top)
    column.putpixel((0, 1), bottom)
    return column.resize(SIZE_PX, Image.Resampling.BILINEAR)


def encode(shot: Shot) -> bytes:
    """Return the file of a jpeg, heic or png shot."""
    caption = shot.taken.isoformat(" ") if shot.taken else "no date inside"
    image = picture(shot.scene, caption)
    if shot.orientation != 1:
        image = image.transpose(_STORED_AS[shot.orientation])
    buffer = io.BytesIO()
    if shot.format == "jpeg":
        image.save(buffer, "JPEG", quality=82, exif=exif_of(shot))
    elif shot.format == "heic":
        exif = exif_of(shot).tobytes()
        pillow_heif.from_pillow(image).save(buffer, quality=60, exif=exif)
    else:
        _save_png(image, shot, buffer)
    return buffer.getvalue()


def _save_png(image: Image.Image, shot: Shot, buffer: io.BytesIO) -> None:
    texts = PngInfo()
    texts.add_text("Software", "glassine sample")
    if shot.camera is SCANNER:
        image.save(buffer, "PNG", pnginfo=texts, exif=exif_of(shot))
    else:
        image.save(buffer, "PNG", pnginfo=texts)


def exif_of(shot: Shot) -> Image.Exif:
    """Return the tags that the shot's camera would write; empty if there is no camera."""
    exif = Image.Exif()
    if shot.camera is None or shot.taken is None:
        return exif
    stamp = shot.taken.strftime("%Y:%m:%d %H:%M:%S")
    exif[_MAKE], exif[_MODEL] = shot.camera.make, shot.camera.model
    exif[_ORIENTATION], exif[_SOFTWARE], exif[_DATETIME] = shot.orientation, "glassine sample", stamp
    sub = exif.get_ifd(_EXIF_IFD)
    if shot.camera is not SCANNER:
        sub[_ORIGINAL] = stamp
    sub[_DIGITIZED] = stamp
    if shot.camera.lens:
        sub[_LENS] = shot.camera.lens
    if shot.offset_min is not None and shot.camera.writes_offset:
        sub[_OFFSET] = sub[_OFFSET_ORIGINAL] = sub[_OFFSET_DIGITIZED] = offset_text(shot.offset_min)
    if shot.position is not None:
        exif.get_ifd(_GPS_IFD).update(_gps(*shot.position))
    return exif


def offset_text(offset_min: int) -> str:
    """Return `+09:00` for 540."""
    return f"{'-' if offset_min < 0 else '+'}{abs(offset_min) // 60:02d}:{abs(offset_min) % 60:02d}"


def _gps(lat: float, lon: float, alt: float) -> dict[int, object]:
    return {
        1: "N" if lat >= 0 else "S",
        2: _sexagesimal(abs(lat)),
        3: "E" if lon >= 0 else "W",
        4: _sexagesimal(abs(lon)),
        5: b"\x00" if alt >= 0 else b"\x01",
        6: IFDRational(round(abs(alt) * 10), 10),
    }


def _sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    hundredths = round(degrees * 360_000)
    whole, rest = divmod(hundredths, 360_000)
    minutes, seconds = divmod(rest, 6_000)
    return IFDRational(whole), IFDRational(minutes), IFDRational(seconds, 100)
