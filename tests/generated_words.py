"""Files with known words, dates and places, made from the formats' own definitions: the answers are what was written in.

Independent of exiftool and of our readers. A case says what must come out of both tiers; nothing else is looked at. Containers
are those of `media_files`; packets are written here, in the forms that programs use (metadata.md 2.2, 2.3).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import media_files as make
from media_files import ASCII, BYTE, LONG, SHORT, UNDEFINED, ExifSpec
from xmp_packets import packet


class Words(NamedTuple):
    """One file: its name, its bytes, and what must be said of it. `expected` is dotted names of `catalog.facts.Facts`."""

    name: str
    content: bytes
    expected: dict[str, Any]


def words_cases() -> Iterator[Words]:
    """Yield every case; names are unique."""
    yield from _orientations()
    yield from _positions()
    yield from _dates()
    yield from _exif_words()
    yield from _windows_words()
    yield from _iptc_words()
    yield from _xmp_words()
    yield from _people()
    yield from _movies()
    yield from _containers()


# ---- EXIF


def _orientations() -> Iterator[Words]:
    for value in range(1, 9):
        order = "<" if value % 2 else ">"
        exif = ExifSpec(orientation=value, order=order, make="Maker", model=f"M{value}")
        expected = {"orientation": value, "make": "Maker", "model": f"M{value}", "width": 48, "height": 32}
        yield Words(f"turned-{value}.jpg", make.jpeg(exif=exif), expected)
        yield Words(f"turned-{value}.tif", make.tiff_picture(exif=exif), expected | {"width": 8, "height": 4})


def _positions() -> Iterator[Words]:
    places = {
        "north-east": (52.520008, 13.404954, 34.0),
        "south-east": (-33.856784, 151.215297, 5.5),
        "north-west": (37.386505, -122.076462, -0.9),
        "south-west": (-54.801912, -68.302951, 30.0),
        "equator": (0.0, 9.4536, None),
        "greenwich": (51.4779, 0.0, 47.0),
        "pole": (89.99, -179.99, 0.0),
    }
    for name, (lat, lon, alt) in places.items():
        exif = ExifSpec(lat=lat, lon=lon, alt=alt)
        expected = {"lat": lat, "lon": lon, "alt": alt}
        yield Words(f"gps-{name}.jpg", make.jpeg(exif=exif), expected)
        yield Words(f"gps-{name}.png", make.png(exif=exif), expected)
        yield Words(f"gps-{name}.heic", make.heic(exif=exif), expected)
    nowhere = ExifSpec(lat=0.0, lon=0.0, alt=0.0)
    yield Words("gps-nowhere.jpg", make.jpeg(exif=nowhere), {"lat": None, "lon": None})
    degrees = "52,31.20048N", "13,24.29724E"
    xmp = make.xmp_packet({"exif:GPSLatitude": degrees[0], "exif:GPSLongitude": degrees[1]})
    yield Words("gps-xmp.webp", make.webp(xmp=xmp), {"lat": 52.520008, "lon": 13.404954})


def _dates() -> Iterator[Words]:
    taken = "2019:08:07 14:33:02"
    for digits, micros in (("9", "900000"), ("09", "090000"), ("123", "123000"), ("000001", "000001")):
        exif = ExifSpec(original=taken, original_subsec=digits, original_offset="+02:00")
        expected = {"date": f"2019-08-07T14:33:02.{micros}", "offset_min": 120}
        yield Words(f"subsec-{digits}.jpg", make.jpeg(exif=exif), expected)
    for offset, minutes in (
        ("+00:00", 0),
        ("-03:30", -210),
        ("+05:45", 345),
        ("+14:00", 840),
        ("-12:00", -720),
    ):
        exif = ExifSpec(original=taken, original_offset=offset)
        name = offset.replace(":", "").replace("+", "p").replace("-", "m")
        yield Words(
            f"offset-{name}.heic",
            make.heic(exif=exif),
            {"date": "2019-08-07T14:33:02", "offset_min": minutes},
        )
    bogus = ("0000:00:00 00:00:00", "    :  :     :  :  ", "2019:02:31 10:00:00", "2019:08:07 25:00:00")
    for number, text in enumerate(bogus):
        exif = ExifSpec(original=text, digitized="2018:01:02 03:04:05")
        yield Words(f"bogus-{number}.jpg", make.jpeg(exif=exif), {"date": "2018-01-02T03:04:05"})
    yield Words(
        "only-modified.jpg",
        make.jpeg(exif=ExifSpec(modified="2001:09:09 01:46:40")),
        {"date": "2001-09-09T01:46:40"},
    )
    old = ExifSpec(original="1919:05:04 12:30:00")
    yield Words("old-scan.tif", make.tiff_picture(exif=old), {"date": "1919-05-04T12:30:00"})
    iptc = make.iptc_block("20190807", "143302+0200")
    yield Words("iptc-date.jpg", make.jpeg(iptc=iptc), {"date": "2019-08-07T14:33:02", "offset_min": 120})
    for text, local in (
        ("2019", "2019"),
        ("2019-08", "2019-08"),
        ("2019-08-07", "2019-08-07"),
        ("2019-08-07T14:33", "2019-08-07T14:33"),
    ):
        xmp = make.xmp_packet({"photoshop:DateCreated": text})
        yield Words(f"partial-{text.replace(':', '')}.jpg", make.jpeg(xmp=xmp), {"date": local})


def _exif_words() -> Iterator[Words]:
    said = {0x010E: "Ein Tag am Meer", 0x013B: "Ada L.", 0x8298: "© 2019 Ada L."}
    expected = {
        "title": None,
        "description": "Ein Tag am Meer",
        "creators": ("Ada L.",),
        "rights": "© 2019 Ada L.",
    }
    for encoding in ("utf-8", "latin-1"):
        tags = {tag: (ASCII, text.encode(encoding) + b"\0") for tag, text in said.items()}
        exif = ExifSpec(ifd0_more=tags)
        yield Words(f"words-{encoding}.jpg", make.jpeg(exif=exif), expected)
        yield Words(f"words-{encoding}.heic", make.heic(exif=exif), expected)
    for stars in range(6):
        exif = ExifSpec(ifd0_more={0x4746: (SHORT, [stars])})
        yield Words(f"stars-{stars}.jpg", make.jpeg(exif=exif), {"rating": stars})
    for text in ("OLYMPUS DIGITAL CAMERA", "SONY DSC"):
        exif = ExifSpec(ifd0_more={0x010E: (ASCII, text.ljust(32).encode() + b"\0")})
        yield Words(f"camera-says-{text.split()[0]}.jpg", make.jpeg(exif=exif), {"description": None})
    comment = b"UNICODE\0" + "Grüße".encode("utf-16-le")
    exif = ExifSpec(exif_more={0x9286: (UNDEFINED, comment)})
    yield Words("comment-unicode.jpg", make.jpeg(exif=exif), {"description": "Grüße"})
    yield Words(
        "comment-ascii.jpg",
        make.jpeg(exif=ExifSpec(exif_more={0x9286: (UNDEFINED, b"ASCII\0\0\0Hello you")})),
        {"description": "Hello you"},
    )


def _windows_words() -> Iterator[Words]:
    def wide(text: str) -> tuple[int, list[int]]:
        return BYTE, list(text.encode("utf-16-le") + b"\0\0")

    tags = {
        0x9C9B: wide("Überschrift Ä"),
        0x9C9C: wide("Kommentar"),
        0x9C9E: wide("Haus;Katze;Straße 5"),
        0x9C9D: wide("Bo"),
    }
    expected = {
        "title": "Überschrift Ä",
        "description": "Kommentar",
        "tags": {"Haus", "Katze", "Straße 5"},
        "creators": ("Bo",),
    }
    yield Words("windows.jpg", make.jpeg(exif=ExifSpec(ifd0_more=tags)), expected)
    yield Words("windows.png", make.png(exif=ExifSpec(ifd0_more=tags)), expected)


# ---- IPTC


def iptc_resources(records: list[tuple[int, bytes]], *, is_utf_8: bool) -> bytes:
    """Return Photoshop resources with records of the application (dataset, value)."""
    head = b"\x1c\x01\x5a\x00\x03\x1b%G" if is_utf_8 else b""
    body = head + b"".join(
        b"\x1c\x02" + struct.pack(">BH", number, len(value)) + value for number, value in records
    )
    return b"8BIM\x04\x04\0\0" + struct.pack(">I", len(body)) + body + b"\0" * (len(body) % 2)


def _iptc_words() -> Iterator[Words]:
    for encoding in ("utf-8", "latin-1"):
        texts = (
            (5, "Überschrift"),
            (25, "Möwe"),
            (25, "1e5"),
            (25, "true"),
            (80, "Ada"),
            (116, "© Ada"),
            (120, "Zwei\nZeilen"),
        )
        records = [(number, text.encode(encoding)) for number, text in texts]
        expected = {
            "title": "Überschrift",
            "tags": {"Möwe", "1e5", "true"},
            "creators": ("Ada",),
            "rights": "© Ada",
        }
        block = iptc_resources(records, is_utf_8=encoding == "utf-8")
        yield Words(f"iptc-{encoding}.jpg", make.jpeg(iptc=block), expected)
    unmarked = iptc_resources([(25, "Łódź".encode())], is_utf_8=False)
    yield Words("iptc-unmarked.jpg", make.jpeg(iptc=unmarked), {"tags": {"Łódź"}})


# ---- XMP

_TAGS = "<dc:subject><rdf:Bag>{}</rdf:Bag></dc:subject>"


def _bag(*names: str) -> str:
    return "".join(f"<rdf:li>{name}</rdf:li>" for name in names)


def _xmp_words() -> Iterator[Words]:
    forms = {
        "flat": (
            _TAGS.format(_bag("1e5", "1.10", "-0", "true", "007")),
            {"tags": {"1e5", "1.10", "-0", "true", "007"}},
        ),
        "deep": (
            f"<lr:hierarchicalSubject><rdf:Bag>{_bag('Orte|Berlin|Mitte')}</rdf:Bag></lr:hierarchicalSubject>"
            + _TAGS.format(_bag("Mitte", "Sommer")),
            {"tags": {"Orte/Berlin/Mitte", "Sommer"}},
        ),
        "digikam": (
            f"<digiKam:TagsList><rdf:Seq>{_bag('Tiere/Hund')}</rdf:Seq></digiKam:TagsList>",
            {"tags": {"Tiere/Hund"}},
        ),
        "title": (
            '<dc:title><rdf:Alt><rdf:li xml:lang="de">Deutsch</rdf:li><rdf:li xml:lang="x-default">Überschrift</rdf:li></rdf:Alt></dc:title>',
            {"title": "Überschrift"},
        ),
        "description": (
            '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">A &amp; B &lt;3</rdf:li></rdf:Alt></dc:description>',
            {"description": "A & B <3"},
        ),
        "label": ("<xmp:Label>Rot</xmp:Label>", {"label": "Rot"}),
        "rejected": ("<xmp:Rating>-1</xmp:Rating>", {"is_rejected": True, "rating": None}),
        "creators": (
            "<dc:creator><rdf:Seq><rdf:li>Ada</rdf:li><rdf:li>Bo</rdf:li></rdf:Seq></dc:creator>",
            {"creators": ("Ada", "Bo")},
        ),
        "rights": (
            '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">CC0</rdf:li></rdf:Alt></dc:rights>',
            {"rights": "CC0"},
        ),
        "cyrillic": (_TAGS.format(_bag("Море", "空", "🦄")), {"tags": {"Море", "空", "🦄"}}),
    }
    for name, (body, expected) in forms.items():
        xmp = packet(body)
        yield Words(f"xmp-{name}.jpg", make.jpeg(xmp=xmp), expected)
        yield Words(f"xmp-{name}.png", make.png(xmp=xmp), expected)
        yield Words(f"xmp-{name}.webp", make.webp(xmp=xmp), expected)
        yield Words(f"xmp-{name}.heic", make.heic(xmp=xmp), expected)
    for stars in range(6):
        yield Words(
            f"xmp-stars-{stars}.mp4",
            make.movie(xmp=packet(f"<xmp:Rating>{stars}</xmp:Rating>")),
            {"rating": stars},
        )


def _people() -> Iterator[Words]:
    area = 'stArea:x="{}" stArea:y="{}" stArea:w="0.2" stArea:h="0.4" stArea:unit="normalized"'
    regions = "".join(
        f'<rdf:li><rdf:Description mwg-rs:Name="{name}" mwg-rs:Type="Face"><mwg-rs:Area {area.format(x, y)}/></rdf:Description></rdf:li>'
        for name, x, y in (("Ada L.", 0.5, 0.5), ("Бо", 0.2, 0.3))
    )
    body = (
        '<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="48" stDim:h="32" stDim:unit="pixel"/>'
        f"<mwg-rs:RegionList><rdf:Bag>{regions}</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
    )
    faces = {(0.4, 0.3, 0.2, 0.4), (0.1, 0.1, 0.2, 0.4)}
    expected = {"people": {"Ada L.", "Бо"}, "faces": faces}
    yield Words("people.jpg", make.jpeg(xmp=packet(body)), expected)
    yield Words("people.png", make.png(size=(48, 32), xmp=packet(body)), expected)
    yield Words("people.heic", make.heic(size=(96, 64), xmp=packet(body)), expected)


# ---- films and other containers


def _movies() -> Iterator[Words]:
    utc = make.SECONDS_1904_TO_1970 + 1_565_187_182  # 2019-08-07T14:13:02Z
    for version in (0, 1):
        content = make.movie(created=utc, version=version, duration_s=5.0)
        expected = {"date": "2019-08-07T14:13:02", "duration_s": 5.0, "width": 1920, "height": 1080}
        yield Words(f"mvhd-{version}.mp4", content, expected)
    key = {
        "com.apple.quicktime.creationdate": "2019-08-07T16:13:02+0200",
        "com.apple.quicktime.make": "Apple",
    }
    content = make.movie(created=utc + 90_000_000, keys=key, brand=b"qt  ")
    yield Words("keys.mov", content, {"date": "2019-08-07T16:13:02", "offset_min": 120, "make": "Apple"})
    place = {"com.apple.quicktime.location.ISO6709": "+52.5200+013.4050+034.000/"}
    yield Words(
        "place.mov", make.movie(keys=place, brand=b"qt  "), {"lat": 52.52, "lon": 13.405, "alt": 34.0}
    )
    yield Words(
        "place.mp4",
        make.movie(user_data={b"\xa9xyz": "-33.8568+151.2153/"}),
        {"lat": -33.8568, "lon": 151.2153},
    )
    for rotation in (0, 90, 180, 270):
        yield Words(
            f"turned-{rotation}.mp4",
            make.movie(rotation=rotation),
            {"rotation_deg": rotation or None, "width": 1920},
        )
    yield Words("zero.mp4", make.movie(created=0), {"date": None})
    yield Words("seventies.mp4", make.movie(created=1_565_187_182), {"date": "2019-08-07T14:13:02"})
    live = {"com.apple.quicktime.content.identifier": "E905E6C6-C747-4805-942F-9904A0281F02"}
    yield Words(
        "live.mov", make.movie(keys=live, brand=b"qt  "), {"live_id": "E905E6C6-C747-4805-942F-9904A0281F02"}
    )
    yield Words(
        "headless.mov", make.movie(has_ftyp=False, is_mdat_first=True), {"width": 1920, "duration_s": 2.0}
    )


def _containers() -> Iterator[Words]:
    exif = ExifSpec(make="Maker", model="Model", original="2019:08:07 14:33:02", lens="50mm F1.8")
    expected = {"make": "Maker", "model": "Model", "date": "2019-08-07T14:33:02", "lens": "50mm F1.8"}
    yield Words("late-exif.png", make.png(exif=exif, is_exif_last=True), expected)
    yield Words("all.webp", make.webp(exif=exif), expected | {"width": 30, "height": 20})
    yield Words("wrong-name.png", make.jpeg(exif=exif), expected | {"mime": "image/jpeg"})
    yield Words("wrong-name.jpg", make.heic(exif=exif), expected | {"mime": "image/heic"})
    yield Words("noname", make.png(exif=exif), expected | {"mime": "image/png"})
    plain = {key: value for key, value in expected.items() if key != "lens"}
    yield Words(
        "camera.dng",
        make.tiff_picture(size=(64, 48), exif=exif, is_dng=True),
        plain | {"width": 64, "height": 48},
    )
    yield Words(
        "sound.wav",
        make.wav(seconds=2.0, recorded=("2019-08-07", "14:33:02")),
        {"duration_s": 2.0, "kind": "audio"},
    )
    yield Words(
        "sound.flac", make.flac(seconds=3.0, date="2019-08-07"), {"duration_s": 3.0, "date": "2019-08-07"}
    )
    yield Words("small.gif", make.gif(size=(12, 9)), {"width": 12, "height": 9, "mime": "image/gif"})
    yield Words("small.bmp", make.bmp(size=(12, 9)), {"width": 12, "height": 9, "mime": "image/bmp"})
    shot = {0x8827: (SHORT, [400]), 0x920A: (make.RATIONAL, [(50, 1)]), 0x829A: (make.RATIONAL, [(1, 125)])}
    told = ExifSpec(exif_more=shot | {0xA431: (ASCII, b"033024001432\0")})
    exposure = {"iso": 400, "focal_mm": 50, "time_s": 0.008}
    yield Words("exposure.jpg", make.jpeg(exif=told), {"serial": "033024001432", "exposure": exposure})
    large = ExifSpec(ifd0_more={0x0100: (LONG, [4000]), 0x0101: (LONG, [3000])})
    yield Words("shrunk.jpg", make.jpeg(exif=large), {"width": 48, "height": 32})
