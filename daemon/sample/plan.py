"""What the sample library holds: a list of shots, pure and always the same.

Eight years of a made-up family: three cameras, two phones, a scanner, a recorder. Each trip shows one thing that photo
libraries must cope with: no zone, zones, GPS on both hemispheres, all eight orientations, clashing and Unicode
names, files without any date, duplicates, broken files, files that are no photos.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

ShotFormat = Literal["jpeg", "heic", "png", "dng", "mp4", "m4a", "wav"]


@dataclass(frozen=True, slots=True)
class Camera:
    """What a camera writes about itself."""

    make: str
    model: str
    lens: str | None = None
    writes_offset: bool = False


@dataclass(frozen=True, slots=True)
class Shot:
    """One file of the library.

    Attributes:
        path: relative, as bytes, for one name is not UTF-8.
        taken: wall clock, or None = the bytes carry no date at all.
        offset_min: minutes east of UTC; None = the camera does not know.
        position: signed degrees and metres, or None.
        orientation: EXIF 1-8.
        scene: seed and season of the picture drawn.
    """

    path: bytes
    format: ShotFormat
    taken: datetime | None
    camera: Camera | None = None
    offset_min: int | None = None
    position: tuple[float, float, float] | None = None
    orientation: int = 1
    scene: int = 0
    title: str | None = None


EOS = Camera("Canon", "Canon EOS 6D", "EF24-105mm f/4L IS USM")
NIKON = Camera("NIKON CORPORATION", "NIKON Z 6", "NIKKOR Z 24-70mm f/4 S", writes_offset=True)
FUJI = Camera("FUJIFILM", "X-T4", "XF18-55mmF2.8-4 R LM OIS", writes_offset=True)
IPHONE = Camera("Apple", "iPhone 12", "iPhone 12 back dual wide camera 4.2mm f/1.6", writes_offset=True)
PIXEL = Camera("Google", "Pixel 7", "Pixel 7 back camera 6.81mm f/1.85", writes_offset=True)
SCANNER = Camera("EPSON", "Perfection V600")

# Bytes that are no picture, and where they lie.
OTHER_FILES: dict[bytes, bytes] = {
    b"2018/Berlin/notes.txt": b"Not a photo: shown in Originals, nowhere else.\n",
    b"Strange/empty.jpg": b"",
    b"Strange/not really a picture.jpg": b"GIF? PNG? Neither. Stays visible and served, with a finding.\n",
    b"Strange/@eaDir/thumb.jpg": b"litter of a NAS, excluded\n",
}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _steps(first: datetime, count: int, seed: int, *, days: int) -> Iterator[datetime]:
    """Yield `count` ascending moments, in daylight, over so many days."""
    chance = random.Random(seed)
    for number in range(count):
        day = first + timedelta(days=number * days // count)
        yield day.replace(hour=8) + timedelta(seconds=chance.randrange(12 * 3600))


def _berlin() -> Iterator[Shot]:
    # An older camera: no zone, no GPS, and a counter that starts again in a second folder.
    for number, taken in enumerate(_steps(_at("2018-05-19"), 40, 1, days=4)):
        folder, counter = (b"100CANON", number) if number < 24 else (b"101CANON", number - 24)
        path = b"2018/Berlin/DCIM/%s/IMG_%04d.JPG" % (folder, 1 + counter)
        yield Shot(path, "jpeg", taken, EOS, scene=number)


def _iceland() -> Iterator[Shot]:
    for number, taken in enumerate(_steps(_at("2019-08-04"), 36, 2, days=7)):
        position = (64.0 + number / 40, -21.9 + number / 9, 12.0 + 20 * number)
        path = b"2019/Iceland/DSC_%04d.JPG" % (4711 + number)
        yield Shot(path, "jpeg", taken, NIKON, 0, position, scene=100 + number)
        if number % 9 == 0:
            path = b"2019/Iceland/RAW/DSC_%04d.DNG" % (4711 + number)
            yield Shot(path, "dng", taken, NIKON, 0, position, scene=100 + number)


def _phone_years() -> Iterator[Shot]:
    # Two phones: HEIC and JPEG, videos, positions on both sides of the equator and of Greenwich.
    for number, taken in enumerate(_steps(_at("2021-03-01"), 30, 3, days=290)):
        offset = 120 if 4 <= taken.month <= 10 else 60
        position = (52.5 + number / 100, 13.4 - number / 50, 34.0)
        format_: ShotFormat = "heic" if number % 3 == 0 else "jpeg"
        extension = b"HEIC" if format_ == "heic" else b"JPG"
        path = b"Phone/2021/IMG_%04d.%s" % (1001 + number, extension)
        yield Shot(
            path, format_, taken, IPHONE, offset, position, orientation=1 + number % 8, scene=200 + number
        )
    for number, taken in enumerate(_steps(_at("2024-01-05"), 40, 4, days=340)):
        position = (-33.86 - number / 60, 151.2 + number / 80, 58.0)
        stamp = (taken - timedelta(hours=10)).strftime("%Y%m%d_%H%M%S").encode() + b"%03d" % (
            number * 7 % 1000
        )
        name = b"PXL_%s%s" % (stamp, b".mp4" if number % 10 == 9 else b".jpg")
        format_ = "mp4" if number % 10 == 9 else "jpeg"
        yield Shot(b"Phone/Pixel/" + name, format_, taken, PIXEL, 600, position, scene=300 + number)


def _japan() -> Iterator[Shot]:
    for number, taken in enumerate(_steps(_at("2023-04-02"), 36, 5, days=12)):
        position = (35.0 + number / 60, 135.7 + number / 10, 40.0)
        folder = ("京都" if number < 18 else "東京").encode()
        path = b"2023/%s/DSCF%04d.JPG" % (folder, 2001 + number)
        yield Shot(path, "jpeg", taken, FUJI, 540, position, scene=400 + number)


def _clashes() -> Iterator[Shot]:
    # One day, one name, several photos: also in another case, and composed and decomposed.
    taken = _at("2020-07-18T14:00:00")
    names = (
        "Party/Anna/IMG_0001.JPG",
        "Party/Bert/IMG_0001.JPG",
        "Party/Cleo/img_0001.jpg",
        "Party/Anna/Grüße.jpg",
        "Party/Bert/Gru\u0308ße.jpg",
        "Party/Cleo/GRÜSSE.JPG",
    )
    for number, name in enumerate(names):
        yield Shot(name.encode(), "jpeg", taken + timedelta(minutes=number), EOS, scene=500 + number)


def _names() -> Iterator[Shot]:
    names = (
        "Sommerfest – das große Finale (1).jpg",
        "富士山の朝.jpg",
        "Привет из Москвы.jpg",
        "صورة.jpg",
        "🎂 birthday 🎉.jpg",
        'what? a "name": <with> * and | in it.jpg',
        "CON.jpg",
        "trailing dot..jpg",
        "  spaces  around  .jpg",
        "line\nbreak.jpg",
        "-rf.jpg",
        "a" * 240 + ".jpg",
    )
    taken = _at("2022-06-11T10:00:00")
    for number, name in enumerate(names):
        yield Shot(
            b"Strange/" + name.encode(), "jpeg", taken + timedelta(minutes=number), EOS, scene=600 + number
        )
    yield Shot(b"Strange/caf\xe9 (latin-1).jpg", "jpeg", taken + timedelta(hours=1), EOS, scene=620)
    yield Shot(b"Strange/no-date-at-all.jpg", "jpeg", None, scene=621)


def _screens_and_scans() -> Iterator[Shot]:
    for number, taken in enumerate(_steps(_at("2025-02-01"), 10, 6, days=200)):
        name = taken.strftime("Screenshots/Screenshot_%Y%m%d-%H%M%S.png").encode()
        yield Shot(name, "png", None, scene=700 + number)
    for number, taken in enumerate(_steps(_at("2025-07-04"), 10, 7, days=30)):
        name = taken.strftime("WhatsApp/IMG-%Y%m%d-").encode() + b"WA%04d.jpg" % number
        yield Shot(name, "jpeg", None, scene=720 + number)
    for number in range(8):
        # Scans know when they were scanned, and the folder when the picture was taken.
        scanned = _at("2025-11-30T20:00:00") + timedelta(minutes=3 * number)
        yield Shot(b"Scans/1987 summer/scan%03d.png" % number, "png", scanned, SCANNER, scene=740 + number)


def _sound() -> Iterator[Shot]:
    for number, taken in enumerate(_steps(_at("2022-12-24"), 3, 8, days=2)):
        yield Shot(b"Recordings/carols %d.m4a" % (1 + number), "m4a", taken, title=f"Carols {1 + number}")
    yield Shot(b"Recordings/20221225_091500 morning.wav", "wav", None)


def shots() -> list[Shot]:
    """Return every generated media file, in the order in which they are written; paths are unique."""
    parts = (_berlin, _iceland, _phone_years, _japan, _clashes, _names, _screens_and_scans, _sound)
    return [shot for part in parts for shot in part()]


# copy -> of: the same bytes twice, in another folder and under another name.
DUPLICATES: dict[bytes, bytes] = {
    b"Best of/Geysir.jpg": b"2019/Iceland/DSC_4720.JPG",
    b"Best of/IMG_0001.JPG": b"2018/Berlin/DCIM/100CANON/IMG_0001.JPG",
    b"Best of/Kyoto.jpg": "2023/京都/DSCF2001.JPG".encode(),
}
# broken -> of: only the first part of these bytes.
TRUNCATED: dict[bytes, bytes] = {b"Strange/cut off.jpg": b"2019/Iceland/DSC_4713.JPG"}
