"""Pictures with known answers: JPEG, RAW-like TIFF, HEIF, CR3, JPEG XL, JPEG 2000, PSD, PNG, GIF, WebP.

For tests only. Built by hand from the formats' own definitions (`media_files`); Pillow and pillow-heif only encode pixels.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from PIL import Image

from generated_case import Case
from media_files import (
    ASCII,
    BYTE,
    LONG,
    RATIONAL,
    SHORT,
    SRATIONAL,
    UNDEFINED,
    ExifSpec,
    Tag,
    bmp,
    box,
    directory,
    exif_block,
    gif,
    heic,
    iptc_block,
    jpeg,
    movie,
    pixels,
    png,
    png_chunk,
    segment,
    tiff,
    tiff_picture,
    xmp_packet,
)

DTO = "ExifIFD:DateTimeOriginal"
MOMENT = "2021:06:23 18:51:37"
LOCAL = "2021-06-23T18:51:37"
LIVE, BURST = "6C9F3A54-8E21-4C69-A5D8-1F04A3E5B7C2", "0D3B4E6A-77F2-4D0C-9B1E-5A8C3F2D1E00"
SMALL = jpeg(size=(16, 12), seed=5)
MIDDLE = jpeg(size=(32, 24), seed=6)
MOVIE = movie(created=0, duration_s=3.0, size=(64, 48))


# ---- EXIF


def thumbnailed(spec: ExifSpec, thumbnail: bytes) -> bytes:
    """Return an EXIF block whose second directory points at a thumbnail behind it."""
    return chained(exif_block(spec), [thumbnail], spec.order)


def chained(block: bytes, pictures: Sequence[bytes], order: str, *, told_bytes: int | None = None) -> bytes:
    """Return a TIFF with a further directory for each JPEG, each pointed at by JPEGInterchangeFormat."""
    (previous,) = struct.unpack_from(f"{order}I", block, 4)
    for picture in pictures:
        (count,) = struct.unpack_from(f"{order}H", block, previous)
        block += b"\0" * (len(block) % 2)
        at = len(block)
        length = len(picture) if told_bytes is None else told_bytes
        tags: dict[int, Tag] = {0x0201: (LONG, [at + 2 + 24 + 4]), 0x0202: (LONG, [length])}
        link = previous + 2 + 12 * count
        block = block[:link] + struct.pack(f"{order}I", at) + block[link + 4 :]
        block += directory(tags, at, order) + picture
        previous = at
    return block


def apple_note(tags: Mapping[int, Tag]) -> bytes:
    """Return Apple's maker note: offsets count from its first byte."""
    return b"Apple iOS\0\0\1MM" + directory(tags, 14, ">")


def nikon_note(minutes: int, *, is_summer: bool, order: str = "<") -> bytes:
    """Return Nikon's maker note with WorldTime: a TIFF of its own behind ten bytes."""
    world_time = struct.pack(f"{order}hBB", minutes, is_summer, 0)
    return b"Nikon\0\2\x11\0\0" + tiff({0x0024: (UNDEFINED, world_time)}, order=order)


def with_canon_note(spec: ExifSpec, told: Sequence[int]) -> bytes:
    """Return an EXIF block with Canon's maker note, whose offsets count like those of the block itself."""
    room = b"\xee" * (2 + 12 + 4 + 16)
    size = len(room)
    spec.exif_more[0x927C] = (UNDEFINED, room)
    empty = exif_block(spec)
    at = empty.index(room)
    note = directory({0x0035: (LONG, [one & 0xFFFFFFFF for one in told])}, at, spec.order)
    return empty[:at] + note + empty[at + size :]


EXPOSED: dict[int, Tag] = {
    0x829A: (RATIONAL, [(1, 250)]),
    0x829D: (RATIONAL, [(28, 10)]),
    0x8827: (SHORT, [400]),
    0x9204: (SRATIONAL, [(-2, 3)]),
    0x9209: (SHORT, [0x19]),
    0x920A: (RATIONAL, [(50, 1)]),
    0xA405: (SHORT, [75]),
    0xA431: (ASCII, b"SN 123 \0"),
    0xA434: (ASCII, b"50mm F2.8\0"),
}
EXPOSURE = {
    "time_s": 0.004,
    "f_number": 2.8,
    "iso": 400,
    "bias_ev": -0.666667,
    "flash": True,
    "focal_mm": 50,
    "focal_35mm": 75,
}


def _exif_cases() -> list[Case]:
    cases = []
    for order, name in (("<", "little-endian"), (">", "big-endian")):
        spec = ExifSpec(
            original=MOMENT,
            original_subsec="09",
            original_offset="+02:00",
            digitized="2021:06:23 18:51:38",
            make="Canon\0\0",
            model="Canon EOS 5D ",
            orientation=6,
            lat=-33.5,
            lon=151.25,
            alt=-4.5,
            gps_date="2021:06:23",
            gps_time=(16, 51, 37),
            order=order,
            exif_more=dict(EXPOSED),
        )
        expected = {
            "mime": "image/jpeg",
            "width": 48,
            "height": 32,
            "make": "Canon",
            "model": "Canon EOS 5D",
            "lens": "50mm F2.8",
            "serial": "SN 123",
            "orientation": 6,
            "lat": -33.5,
            "lon": 151.25,
            "alt": -4.5,
            "exposure": EXPOSURE,
            "previews": [("exif", 16, 12, SMALL)],
            "dates": {
                DTO: ("2021-06-23T18:51:37.090000", 120),
                "ExifIFD:CreateDate": "2021-06-23T18:51:38",
                "GPS:GPSDateTime": "2021-06-23T16:51:37",
            },
        }
        cases.append(
            Case(f"a full EXIF block, {name}", "a.jpg", jpeg(exif=thumbnailed(spec, SMALL)), expected)
        )
    cases += [
        _jpeg("a time of ten seconds", {0x829A: (RATIONAL, [(10, 1)])}, exposure={"time_s": 10}),
        _jpeg(
            "a time of zero is none",
            {0x829A: (RATIONAL, [(0, 1)]), 0x829D: (RATIONAL, [(8, 1)])},
            exposure={"f_number": 8},
        ),
        _jpeg("an endless time is none", {0x829A: (RATIONAL, [(1, 0)])}),
        _jpeg(
            "ISO beyond the short field",
            {0x8827: (SHORT, [65535]), 0x8831: (LONG, [102400])},
            exposure={"iso": 102400},
        ),
        _jpeg("a flash that did not fire", {0x9209: (SHORT, [0x10])}, exposure={"flash": False}),
        _jpeg("an unknown focal length is none", {0x920A: (RATIONAL, [(0, 0)]), 0xA405: (SHORT, [0])}),
    ]
    return cases


def _jpeg(name: str, exif: dict[int, Tag], *, make: str | None = None, **expected: Any) -> Case:
    content = jpeg(exif=ExifSpec(original=MOMENT, make=make, exif_more=exif))
    plain = {"mime": "image/jpeg", "width": 48, "height": 32, "dates": {DTO: LOCAL}}
    return Case(name, "a.jpg", content, plain | ({"make": make} if make else {}) | expected)


def _maker_note_cases() -> list[Case]:
    live, burst = LIVE.encode() + b"\0", BURST.encode() + b"\0"
    canon = {
        "mime": "image/jpeg",
        "width": 48,
        "height": 32,
        "make": "Canon",
        "dates": {DTO: LOCAL},
    }

    def of_canon(name: str, told: Sequence[int], order: str = "<", **expected: Any) -> Case:
        spec = ExifSpec(original=MOMENT, make="Canon", order=order)
        return Case(name, "a.jpg", jpeg(exif=with_canon_note(spec, told)), canon | expected)

    def zone(source: str, minutes: int) -> dict[str, Any]:
        return {"zone_min": minutes, "zone_source": f"{source}:TimeZone"}

    both = apple_note({0x000B: (ASCII, burst), 0x0011: (ASCII, live)})
    return [
        _jpeg("Apple's identifiers", {0x927C: (UNDEFINED, both)}, make="Apple", live_id=LIVE, burst_id=BURST),
        _jpeg(
            "Apple's note without identifiers",
            {0x927C: (UNDEFINED, apple_note({0x0001: (SHORT, [14])}))},
            make="Apple",
        ),
        _jpeg(
            "Apple's note cut off",
            {0x927C: (UNDEFINED, both[:40])},
            make="Apple",
        ),
        _jpeg(
            "Nikon in winter",
            {0x927C: (UNDEFINED, nikon_note(60, is_summer=False))},
            make="NIKON",
            **zone("Nikon", 60),
        ),
        _jpeg(
            "Nikon in summer",
            {0x927C: (UNDEFINED, nikon_note(60, is_summer=True))},
            make="NIKON",
            **zone("Nikon", 120),
        ),
        _jpeg(
            "Nikon in the west, big-endian",
            {0x927C: (UNDEFINED, nikon_note(-210, is_summer=False, order=">"))},
            make="NIKON",
            **zone("Nikon", -210),
        ),
        _jpeg(
            "Nikon with a zone that is none",
            {0x927C: (UNDEFINED, nikon_note(7, is_summer=False))},
            make="NIKON",
        ),
        of_canon("Canon's zone in the east", (16, 540, 8, 0), **zone("Canon", 540)),
        of_canon("Canon's zone in the west, big-endian", (16, -480, 30, 60), ">", **zone("Canon", -480)),
        of_canon("Canon in London", (16, 0, 20, 0), **zone("Canon", 0)),
        of_canon("a Canon that nobody told its city", (16, 0, 0, 0)),
        of_canon("Canon's note that was moved", (99, 540, 8, 0)),
    ]


def _preview_cases() -> list[Case]:
    spec = ExifSpec(original=MOMENT)
    plain = {"mime": "image/jpeg", "width": 48, "height": 32, "dates": {DTO: LOCAL}}
    turned = jpeg(size=(16, 12), exif=ExifSpec(orientation=8))
    lossless = SMALL.replace(b"\xff\xc0", b"\xff\xc3", 1)
    return [
        Case(
            "a thumbnail that is none",
            "a.jpg",
            jpeg(exif=thumbnailed(spec, b"no JPEG at all, only text")),
            plain,
        ),
        Case("a lossless JPEG is no preview", "a.jpg", jpeg(exif=thumbnailed(spec, lossless)), plain),
        Case(
            "a thumbnail longer than the file",
            "a.jpg",
            jpeg(exif=chained(exif_block(spec), [SMALL], "<", told_bytes=1 << 24)),
            plain,
        ),
        Case(
            "a thumbnail with EXIF of its own",
            "a.jpg",
            jpeg(exif=thumbnailed(spec, turned)),
            plain | {"previews": [("exif", 16, 12, turned)]},
        ),
    ]


# ---- MPF and motion photos


class Picture(NamedTuple):
    """A further picture of an MPF file: its declared kind and bytes."""

    kind: int
    content: bytes


def mpf_jpeg(primary: bytes, pictures: Sequence[Picture], order: str = ">") -> bytes:
    """Return a JPEG with further pictures behind it and the index that tells of them."""

    def index(places: Sequence[int]) -> bytes:
        rows = [(0x20030000, len(primary), 0)]
        rows += [(one.kind, len(one.content), place) for one, place in zip(pictures, places, strict=True)]
        entries = b"".join(struct.pack(f"{order}IIIHH", *row, 0, 0) for row in rows)
        return tiff(
            {0xB000: (UNDEFINED, b"0100"), 0xB001: (LONG, [len(rows)]), 0xB002: (UNDEFINED, entries)},
            order=order,
        )

    size = len(index([0] * len(pictures)))
    head = 2 + 4 + len(b"MPF\0")
    behind = head + size + len(primary) - 2
    places = [behind - head + sum(len(one.content) for one in pictures[:at]) for at in range(len(pictures))]
    body = primary[:2] + segment(0xE2, b"MPF\0" + index(places)) + primary[2:]
    return body + b"".join(one.content for one in pictures)


def gain_map() -> bytes:
    """Return a grey JPEG that calls itself a gain map."""
    buffer = io.BytesIO()
    pixels(24, 16).convert("L").save(buffer, "JPEG")
    body = buffer.getvalue()
    packet = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta hdrgm:Version='1.0'/>"
    return body[:2] + segment(0xE1, packet) + body[2:]


def google_xmp(attributes: str) -> bytes:
    """Return a packet with Google's camera properties."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" '
        f"{attributes}/></rdf:RDF></x:xmpmeta>"
    ).encode()


def container_xmp(length: int) -> bytes:
    """Return a packet with Google's directory of items, the last one a movie of `length` bytes."""
    items = "".join(
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="{mime}" Item:Semantic="{semantic}"'
        f' Item:Length="{size}" Item:Padding="0"/></rdf:li>'
        for mime, semantic, size in (("image/jpeg", "Primary", 0), ("video/mp4", "MotionPhoto", length))
    )
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"'
        ' xmlns:Container="http://ns.google.com/photos/1.0/container/"'
        ' xmlns:Item="http://ns.google.com/photos/1.0/container/item/" GCamera:MotionPhoto="1">'
        f"<Container:Directory><rdf:Seq>{items}</rdf:Seq></Container:Directory>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def samsung_trailer(content: bytes, kind: int = 0x0A30) -> bytes:
    """Return Samsung's trailer with one entry."""
    name = b"MotionPhoto_Data"
    entry = struct.pack("<HHI", 0, kind, len(name)) + name + content
    table = b"SEFH" + struct.pack("<IIHHII", 107, 1, 0, kind, len(entry), len(entry))
    return entry + table + struct.pack("<I", len(table)) + b"SEFT"


def _mpf_and_motion_cases() -> list[Case]:
    plain = {"mime": "image/jpeg", "width": 48, "height": 32}
    samsung = ExifSpec(make="samsung")
    micro = google_xmp(f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(MOVIE)}"')
    lying = google_xmp('GCamera:MicroVideo="1" GCamera:MicroVideoOffset="80"')
    middle = jpeg(size=(24, 16), seed=6)
    return [
        Case(
            "a large preview in MPF",
            "a.jpg",
            mpf_jpeg(jpeg(), [Picture(0x010002, MIDDLE)]),
            plain | {"previews": [("mpf", 32, 24, MIDDLE)]},
        ),
        Case(
            "MPF, little-endian, two previews",
            "a.mpo",
            mpf_jpeg(jpeg(), [Picture(0x010001, SMALL), Picture(0x010002, MIDDLE)], "<"),
            plain | {"previews": [("mpf", 32, 24, MIDDLE), ("mpf", 16, 12, SMALL)]},
        ),
        Case(
            "a gain map in MPF",
            "a.jpg",
            mpf_jpeg(jpeg(), [Picture(0, gain_map())]),
            plain | {"gain_map": True},
        ),
        Case(
            "a picture of no kind and the same shape",
            "a.jpg",
            mpf_jpeg(jpeg(), [Picture(0, middle)]),
            plain | {"previews": [("mpf", 24, 16, middle)]},
        ),
        Case(
            "a picture of no kind and another shape", "a.jpg", mpf_jpeg(jpeg(), [Picture(0, MIDDLE)]), plain
        ),
        Case(
            "the other eye is no preview", "a.mpo", mpf_jpeg(jpeg(), [Picture(0x020002, jpeg(seed=4))]), plain
        ),
        Case("an MPF index that lies", "a.jpg", mpf_jpeg(jpeg(), [Picture(0x010002, b"text" * 9)]), plain),
        Case("a micro video", "MVIMG_1.jpg", jpeg(xmp=micro) + MOVIE, plain | {"motion": MOVIE}),
        Case(
            "a motion photo's directory",
            "a.MP.jpg",
            jpeg(xmp=container_xmp(len(MOVIE))) + MOVIE,
            plain | {"motion": MOVIE},
        ),
        Case(
            "a length that lies, and the movie is found",
            "a.jpg",
            jpeg(xmp=lying) + MOVIE,
            plain | {"motion": MOVIE},
        ),
        Case("a motion photo without its movie", "a.jpg", jpeg(xmp=micro), plain),
        Case("text where the movie should be", "a.jpg", jpeg(xmp=micro) + b"x" * len(MOVIE), plain),
        Case(
            "Samsung's trailer",
            "a.jpg",
            jpeg(exif=samsung) + samsung_trailer(MOVIE),
            plain | {"make": "samsung", "motion": MOVIE},
        ),
        Case(
            "Samsung's trailer before a directory that lies",
            "a.jpg",
            jpeg(exif=samsung, xmp=container_xmp(80)) + samsung_trailer(MOVIE),
            plain | {"make": "samsung", "motion": MOVIE},
        ),
        Case(
            "another entry in Samsung's trailer",
            "a.jpg",
            jpeg(exif=samsung) + samsung_trailer(MOVIE, kind=0x0A01),
            plain | {"make": "samsung"},
        ),
    ]


def extended(packet: bytes, name: bytes, *, step: int, without: int = -1) -> bytes:
    """Return the segments of an extended XMP packet, cut into parts of `step` bytes."""
    parts = range(0, len(packet), step)
    return b"".join(
        segment(
            0xE1,
            b"http://ns.adobe.com/xmp/extension/\0"
            + name
            + struct.pack(">II", len(packet), at)
            + packet[at : at + step],
        )
        for number, at in enumerate(parts)
        if number != without
    )


def _extended_xmp_cases() -> list[Case]:
    name = b"0123456789ABCDEF0123456789ABCDEF"
    main = xmp_packet({"xmp:CreateDate": "2019-08-07T14:33:02"}) + b"<!-- " + name + b" -->"
    more = xmp_packet({"photoshop:DateCreated": "2018-01-02T03:04:05"})
    plain = {"mime": "image/jpeg", "width": 48, "height": 32}
    created = {"XMP-xmp:CreateDate": "2019-08-07T14:33:02"}
    both = {"XMP-photoshop:DateCreated": "2018-01-02T03:04:05", **created}

    def placed(segments: bytes, packet: bytes = main) -> bytes:
        body = jpeg(xmp=packet)
        at = body.index(b"\xff\xe0", 2) if b"\xff\xe0" in body[:400] else 2
        at = 2 + 2 + struct.unpack_from(">H", body, 4)[0] if body[3] == 0xE1 else at
        return body[:at] + segments + body[at:]

    return [
        Case(
            "extended XMP in parts", "a.jpg", placed(extended(more, name, step=100)), plain | {"dates": both}
        ),
        Case(
            "extended XMP with a part missing",
            "a.jpg",
            placed(extended(more, name, step=100, without=1)),
            plain | {"dates": created, "findings": ["xmp"]},
        ),
        Case(
            "extended XMP of another state of the file",
            "a.jpg",
            placed(extended(more, name[::-1], step=100)),
            plain | {"dates": created},
        ),
    ]


# ---- TIFF and RAW


def with_blobs(build: Callable[[list[int]], bytes], blobs: Sequence[bytes]) -> bytes:
    """Return a structure with blobs behind it; `build` gets their places, and its length does not depend on them."""
    at = len(build([0] * len(blobs)))
    places = []
    for blob in blobs:
        places.append(at)
        at += len(blob)
    return build(places) + b"".join(blobs)


def image_tags(
    size: tuple[int, int], strip: tuple[int, int], *, subfile: int, compression: int, photometric: int = 6
) -> dict[int, Tag]:
    """Return the tags of one picture in one strip."""
    return {
        0x00FE: (LONG, [subfile]),
        0x0100: (LONG, [size[0]]),
        0x0101: (LONG, [size[1]]),
        0x0103: (SHORT, [compression]),
        0x0106: (SHORT, [photometric]),
        0x0111: (LONG, [strip[0]]),
        0x0117: (LONG, [strip[1]]),
    }


def _camera(make: str) -> dict[int, Tag]:
    return {0x010F: (ASCII, make.encode() + b"\0")}


def _raw_cases() -> list[Case]:
    raw = {"is_raw": True, "needs_deep": True}
    sensor = MIDDLE.replace(b"\xff\xc0", b"\xff\xc3", 1)

    def dng(places: list[int]) -> bytes:
        small = image_tags((16, 12), (places[0], len(SMALL)), subfile=1, compression=7)
        large = image_tags((32, 24), (places[1], len(MIDDLE)), subfile=1, compression=7)
        full = image_tags((600, 400), (places[2], len(sensor)), subfile=0, compression=7, photometric=32803)
        return tiff(small | _camera("Pentax") | {0xC612: (BYTE, [1, 4, 0, 0])}, subs=[full, large])

    def nef(places: list[int]) -> bytes:
        full = image_tags((600, 400), (8, 4), subfile=0, compression=34713, photometric=32803)
        preview: dict[int, Tag] = {0x0201: (LONG, [places[0]]), 0x0202: (LONG, [len(MIDDLE)])}
        main = image_tags((16, 12), (8, 4), subfile=1, compression=1, photometric=2)
        return tiff(main | _camera("NIKON"), subs=[preview, full], order=">")

    def cr2(places: list[int]) -> bytes:
        main = image_tags((32, 24), (places[0], len(MIDDLE)), subfile=0, compression=6)
        del main[0x0106], main[0x00FE]
        exif: dict[int, Tag] = {0xA002: (LONG, [600]), 0xA003: (LONG, [400])}
        return tiff(main | _camera("Canon"), exif=exif)

    def rw2(places: list[int]) -> bytes:
        jpeg_tag: dict[int, Tag] = {0x002E: (UNDEFINED, MIDDLE)}
        return b"IIU\0" + tiff(_camera("Panasonic") | jpeg_tag)[4:]

    def page(places: list[int]) -> bytes:
        return tiff(image_tags((40, 30), (8, 4), subfile=0, compression=1, photometric=2))

    def rgb(places: list[int]) -> bytes:
        return tiff(image_tags((32, 24), (places[0], len(MIDDLE)), subfile=0, compression=7, photometric=2))

    full_size = {"width": 600, "height": 400}
    return [
        Case(
            "a DNG with two previews and lossless sensor data",
            "a.dng",
            with_blobs(dng, [SMALL, MIDDLE, sensor]),
            raw
            | full_size
            | {"mime": "image/x-adobe-dng", "make": "Pentax"}
            | {"previews": [("raw", 32, 24, MIDDLE), ("raw", 16, 12, SMALL)]},
        ),
        Case(
            "a NEF's preview in a SubIFD",
            "a.nef",
            with_blobs(nef, [MIDDLE]),
            raw
            | full_size
            | {"mime": "image/x-nikon-nef", "make": "NIKON", "previews": [("raw", 32, 24, MIDDLE)]},
        ),
        Case(
            "a CR2's preview in IFD0, its size in EXIF",
            "a.cr2",
            with_blobs(cr2, [MIDDLE]),
            raw
            | full_size
            | {"mime": "image/x-canon-cr2", "make": "Canon", "previews": [("raw", 32, 24, MIDDLE)]},
        ),
        Case(
            "an ARW's chain of directories",
            "a.arw",
            chained(tiff(_camera("SONY")), [SMALL, MIDDLE], "<"),
            raw
            | {"mime": "image/x-sony-arw", "make": "SONY"}
            | {"previews": [("raw", 32, 24, MIDDLE), ("raw", 16, 12, SMALL)]},
        ),
        Case(
            "Panasonic's JpgFromRaw",
            "a.rw2",
            rw2([]),
            raw
            | {"mime": "image/x-panasonic-rw2", "make": "Panasonic", "previews": [("raw", 32, 24, MIDDLE)]},
        ),
        Case(
            "a TIFF with a thumbnail",
            "a.tif",
            chained(page([]), [SMALL], "<"),
            {"mime": "image/tiff", "width": 40, "height": 30, "previews": [("raw", 16, 12, SMALL)]},
        ),
        Case(
            "a TIFF whose strip is RGB in JPEG",
            "a.tif",
            with_blobs(rgb, [MIDDLE]),
            {"mime": "image/tiff", "width": 32, "height": 24},
        ),
        Case(
            "a RAF's preview and its thumbnail",
            "a.raf",
            raf(),
            raw
            | {
                "mime": "image/x-fuji-raf",
                "make": "FUJIFILM",
                "dates": {DTO: LOCAL},
                "previews": [("raw", 48, 32, raf()[RAF_HEAD:]), ("raw", 16, 12, SMALL)],
            },
        ),
        Case(
            "an MRW",
            "a.mrw",
            mrw(),
            raw
            | {
                "mime": "image/x-minolta-mrw",
                "make": "Minolta",
                "width": 1800,
                "height": 1200,
                "dates": {DTO: LOCAL},
            },
        ),
        Case("a CR3", "a.cr3", cr3(), raw | CR3_ANSWERS),
        Case(
            "a BigTIFF is not read",
            "a.tif",
            b"II+\0\x08\0\0\0" + bytes(64),
            {"mime": "image/tiff", "findings": ["tiff"]},
        ),
    ]


def mrw() -> bytes:
    """Return the blocks of a Minolta MRW."""
    exif = exif_block(ExifSpec(make="Minolta", original=MOMENT, order=">"))
    sizes = b"27820001" + struct.pack(">HHHH", 1204, 1804, 1200, 1800) + bytes(8)
    blocks = b"".join(
        kind + struct.pack(">I", len(one)) + one for kind, one in ((b"\0PRD", sizes), (b"\0TTW", exif))
    )
    return b"\0MRM" + struct.pack(">I", len(blocks)) + blocks + bytes(50)


RAF_HEAD = 148


def raf() -> bytes:
    """Return the head of a Fujifilm RAF with its preview."""
    preview = jpeg(exif=thumbnailed(ExifSpec(make="FUJIFILM", original=MOMENT), SMALL))
    head = b"FUJIFILMCCD-RAW ".ljust(84, b"\0") + struct.pack(">II", RAF_HEAD, len(preview))
    return head.ljust(RAF_HEAD, b"\0") + preview


CR3_ANSWERS: dict[str, Any] = {
    "mime": "image/x-canon-cr3",
    "width": 600,
    "height": 400,
    "make": "Canon",
    "zone_min": 60,
    "zone_source": "Canon:TimeZone",
    "dates": {DTO: LOCAL, "XMP-xmp:CreateDate": "2020-01-02T03:04:05"},
    "previews": [("raw", 48, 32, jpeg()), ("raw", 32, 24, MIDDLE), ("raw", 16, 12, SMALL)],
}


def cr3() -> bytes:
    """Return a CR3: EXIF in three TIFFs, a thumbnail, a preview, a picture of full size, and XMP."""
    size: dict[int, Tag] = {0x0100: (LONG, [600]), 0x0101: (LONG, [400])}
    blocks = box(b"CMT1", tiff(_camera("Canon") | size))
    blocks += box(b"CMT2", tiff({0x9003: (ASCII, MOMENT.encode() + b"\0")}))
    blocks += box(b"CMT3", tiff({0x0035: (LONG, [16, 60, 3, 0])}))
    blocks += box(b"THMB", struct.pack(">IHHIHH", 0, 16, 12, len(SMALL), 1, 0) + SMALL)
    canon = box(b"uuid", bytes.fromhex("85c0b687820f11e08111f4ce462b6a48") + blocks)
    preview = box(b"PRVW", struct.pack(">IHHHHI", 0, 1, 32, 24, 1, len(MIDDLE)) + MIDDLE)
    previews = box(b"uuid", bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16") + bytes(7) + b"\1" + preview)
    packet = xmp_packet({"xmp:CreateDate": "2020-01-02T03:04:05"})
    xmp = box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + packet)
    head = box(b"ftyp", b"crx " + bytes(4) + b"crx isom")

    def start(at: int) -> bytes:
        table = box(b"stsz", struct.pack(">III", 0, 0, 1) + struct.pack(">I", len(jpeg())))
        table += box(b"co64", struct.pack(">IIQ", 0, 1, at))
        track = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", table))))
        return head + box(b"moov", canon + track) + xmp + previews

    return start(len(start(0)) + 8) + box(b"mdat", jpeg())


# ---- HEIF


class Item(NamedTuple):
    """An item of a HEIF: its type, its bytes, its properties as boxes."""

    kind: bytes
    content: bytes
    properties: tuple[bytes, ...] = ()


def ispe(width: int, height: int) -> bytes:
    """Return a property that tells stored pixels."""
    return box(b"ispe", struct.pack(">III", 0, width, height))


def heif(
    items: Sequence[Item],
    *,
    references: Sequence[tuple[bytes, int, int]] = (),
    brand: bytes = b"heic",
    behind: bytes = b"",
) -> bytes:
    """Return a HEIF: item 1 is the picture; references are (kind, from, to)."""
    numbered = list(enumerate(items, 1))
    infos = b"".join(
        box(b"infe", struct.pack(">BxxxHH4s", 2, number, 0, one.kind) + b"\0") for number, one in numbered
    )
    properties = [one for _, item in numbered for one in item.properties]
    associations, next_property = b"", 1
    for number, one in numbered:
        indices = range(next_property, next_property + len(one.properties))
        associations += struct.pack(">HB", number, len(indices)) + bytes(indices)
        next_property += len(one.properties)
    links = b"".join(box(kind, struct.pack(">HHH", source, 1, target)) for kind, source, target in references)

    def start(at: int) -> bytes:
        extents, place = b"", at
        for number, one in numbered:
            extents += struct.pack(">HHHII", number, 0, 1, place, len(one.content))
            place += len(one.content)
        meta = box(b"hdlr", bytes(8) + b"pict" + bytes(13)) + box(b"pitm", struct.pack(">IH", 0, 1))
        meta += box(b"iinf", struct.pack(">IH", 0, len(numbered)) + infos)
        meta += box(b"iref", bytes(4) + links) if links else b""
        table = struct.pack(">II", 0, len(numbered)) + associations
        meta += box(b"iprp", box(b"ipco", b"".join(properties)) + box(b"ipma", table))
        meta += box(b"iloc", struct.pack(">IBBH", 0, 0x44, 0, len(numbered)) + extents)
        return box(b"ftyp", brand + bytes(4) + b"mif1") + box(b"meta", bytes(4) + meta)

    body = b"".join(one.content for one in items)
    return start(len(start(0)) + 8) + box(b"mdat", body) + behind


def _heif_cases() -> list[Case]:
    main = Item(b"hvc1", b"coded picture" * 4, (ispe(400, 300), box(b"irot", b"\3")))
    plain = {"mime": "image/heic", "width": 400, "height": 300, "irot_deg": 270}
    coded = b"coded thumbnail " * 8
    block = b"\0\0\0\6Exif\0\0" + exif_block(
        ExifSpec(
            make="Apple",
            original=MOMENT,
            exif_more={0x927C: (UNDEFINED, apple_note({0x0011: (ASCII, LIVE.encode() + b"\0")}))},
        )
    )
    packet = container_xmp(80)
    auxiliary = box(b"auxC", bytes(4) + b"urn:com:apple:photo:2020:aux:hdrgainmap\0")
    samsung = Item(b"Exif", b"\0\0\0\6Exif\0\0" + exif_block(ExifSpec(make="samsung")))
    frames = box(b"stsz", struct.pack(">III", 0, 0, 7))
    handler = box(b"hdlr", bytes(8) + b"pict" + bytes(13))
    sequence = box(b"moov", box(b"trak", box(b"mdia", handler + box(b"minf", box(b"stbl", frames)))))
    return [
        Case("a plain HEIC", "a.heic", heif([main]), plain),
        Case(
            "a HEIC of pillow-heif",
            "a.heic",
            heic(size=(64, 64), exif=ExifSpec(make="A", original=MOMENT)),
            {"mime": "image/heic", "width": 64, "height": 64, "make": "A", "dates": {DTO: LOCAL}},
        ),
        Case(
            "a coded thumbnail",
            "a.heic",
            heif([main, Item(b"hvc1", coded, (ispe(40, 30),))], references=[(b"thmb", 2, 1)]),
            plain | {"previews": [("heif", 40, 30, coded)]},
        ),
        Case(
            "a thumbnail of something else",
            "a.heic",
            heif([main, Item(b"hvc1", coded, (ispe(40, 30),))], references=[(b"thmb", 2, 9)]),
            plain,
        ),
        Case(
            "a thumbnail that is a JPEG",
            "a.heif",
            heif([main, Item(b"jpeg", MIDDLE, (ispe(32, 24),))], references=[(b"thmb", 2, 1)]),
            plain | {"previews": [("mpf", 32, 24, MIDDLE)]},
        ),
        Case(
            "Apple's note in a HEIC",
            "a.heic",
            heif([main, Item(b"Exif", block)], references=[(b"cdsc", 2, 1)]),
            plain | {"make": "Apple", "dates": {DTO: LOCAL}, "live_id": LIVE},
        ),
        Case(
            "a gain map of Apple's",
            "a.heic",
            heif([main, Item(b"hvc1", coded, (ispe(200, 150), auxiliary))], references=[(b"auxl", 2, 1)]),
            plain | {"gain_map": True},
        ),
        Case(
            "a tone map of ISO 21496",
            "a.avif",
            heif([main, Item(b"tmap", b"\0" * 8)], brand=b"avif"),
            plain | {"mime": "image/avif", "gain_map": True},
        ),
        Case(
            "a movie in mpvd", "a.heic", heif([main], behind=box(b"mpvd", MOVIE)), plain | {"motion": MOVIE}
        ),
        Case(
            "mpvd before a directory that lies and Samsung's trailer",
            "a.heic",
            heif(
                [main, samsung, Item(b"mime", packet)],
                behind=box(b"mpvd", MOVIE) + box(b"sefd", samsung_trailer(b"not a movie")),
            ),
            plain | {"make": "samsung", "motion": MOVIE},
        ),
        Case("mpvd without a movie", "a.heic", heif([main], behind=box(b"mpvd", b"nothing here" * 5)), plain),
        Case("a sequence", "a.heics", heif([main], brand=b"hevc", behind=sequence), plain | {"frames": 7}),
        Case(
            "no meta box",
            "a.heic",
            box(b"ftyp", b"heic" + bytes(8)),
            {"mime": "image/heic", "findings": ["heic"]},
        ),
    ]


# ---- JPEG XL, JPEG 2000, PSD


def jxl_codestream(width: int, height: int) -> bytes:
    """Return the start of a JPEG XL codestream with both sizes written out in 18 bits."""
    bits, at = 0, 0
    for number, count in ((0, 1), (2, 2), (height - 1, 18), (0, 3), (2, 2), (width - 1, 18)):
        bits |= number << at
        at += count
    return b"\xff\x0a" + bits.to_bytes(8, "little") + bytes(8)


def jxl(boxes: bytes) -> bytes:
    """Return a JPEG XL container."""
    return b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ") + boxes


def jp2_codestream(width: int, height: int) -> bytes:
    """Return the start of a JPEG 2000 codestream whose picture lies 3 pixels into the grid."""
    return b"\xff\x4f\xff\x51" + struct.pack(">HHIIII", 41, 0, width + 3, height + 3, 3, 3) + bytes(30)


def psd(size: tuple[int, int], resources: Mapping[int, bytes], *, version: int = 1) -> bytes:
    """Return a Photoshop document without layers."""
    width, height = size
    body = b"".join(
        b"8BIM" + struct.pack(">HHI", number, 0, len(one)) + one + b"\0" * (len(one) % 2)
        for number, one in resources.items()
    )
    head = b"8BPS" + struct.pack(">H6xHIIHH", version, 3, height, width, 8, 3)
    return head + struct.pack(">I", 0) + struct.pack(">I", len(body)) + body + bytes(64)


def _container_cases() -> list[Case]:
    exif = exif_block(ExifSpec(make="A", original=MOMENT))
    packet = xmp_packet({"xmp:CreateDate": "2019-08-07T14:33:02"})
    created = {"XMP-xmp:CreateDate": "2019-08-07T14:33:02"}
    small = b"\xff\x0a" + (1 | (3 << 1) | (1 << 6)).to_bytes(2, "little") + bytes(14)
    wide = b"\xff\x0a" + (1 | (8 << 1) | (5 << 6)).to_bytes(2, "little") + bytes(14)
    picture = jxl_codestream(5000, 4000)
    thumbnail = struct.pack(">IIIIIIHH", 1, 16, 12, 48, 576, len(SMALL), 24, 1) + SMALL
    ihdr = box(b"jp2h", box(b"ihdr", struct.pack(">IIHBBBB", 40, 50, 3, 7, 7, 0, 0)))
    jp2 = b"\0\0\0\x0cjP  \r\n\x87\n" + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    iptc = iptc_block("20190807", "143302+0200")
    return [
        Case(
            "JPEG XL, a codestream of 32 x 32",
            "a.jxl",
            small,
            {"mime": "image/jxl", "width": 32, "height": 32},
        ),
        Case(
            "JPEG XL, a codestream of 16:9", "a.jxl", wide, {"mime": "image/jxl", "width": 128, "height": 72}
        ),
        Case("JPEG XL, long sizes", "a.jxl", picture, {"mime": "image/jxl", "width": 5000, "height": 4000}),
        Case(
            "JPEG XL in boxes with EXIF and XMP",
            "a.jxl",
            jxl(box(b"Exif", bytes(4) + exif) + box(b"xml ", packet) + box(b"jxlc", picture)),
            {
                "mime": "image/jxl",
                "width": 5000,
                "height": 4000,
                "make": "A",
                "dates": {DTO: LOCAL, **created},
            },
        ),
        Case(
            "JPEG XL in parts with packed metadata",
            "a.jxl",
            jxl(box(b"brob", b"Exif" + bytes(20)) + box(b"jxlp", bytes(4) + picture)),
            {"mime": "image/jxl", "width": 5000, "height": 4000, "needs_deep": True},
        ),
        Case("JPEG XL without a picture", "a.jxl", jxl(b""), {"mime": "image/jxl", "findings": ["jxl"]}),
        Case("JPEG 2000", "a.jp2", jp2 + ihdr, {"mime": "image/jp2", "width": 50, "height": 40}),
        Case(
            "a codestream of JPEG 2000",
            "a.j2k",
            jp2_codestream(70, 60),
            {"mime": "image/jp2", "width": 70, "height": 60},
        ),
        Case(
            "JPEG 2000 with EXIF and XMP",
            "a.jp2",
            jp2
            + ihdr
            + box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + packet)
            + box(b"uuid", b"JpgTiffExif->JP2" + exif),
            {"mime": "image/jp2", "width": 50, "height": 40, "make": "A", "dates": {DTO: LOCAL, **created}},
        ),
        Case(
            "a Photoshop document with everything",
            "a.psd",
            psd((300, 200), {0x0404: iptc[12:], 0x0422: exif, 0x0424: packet, 0x040C: thumbnail}),
            {
                "mime": "image/vnd.adobe.photoshop",
                "width": 300,
                "height": 200,
                "make": "A",
                "dates": {DTO: LOCAL, **created, "IPTC:DateCreated": ("2019-08-07T14:33:02", 120)},
                "previews": [("psd", 16, 12, SMALL)],
            },
        ),
        Case(
            "a large Photoshop document",
            "a.psb",
            psd((40_000, 100), {}, version=2),
            {"mime": "image/vnd.adobe.photoshop", "width": 40_000, "height": 100},
        ),
        Case(
            "a Photoshop document with a damaged resource",
            "a.psd",
            psd((30, 20), {}).replace(struct.pack(">II", 0, 0), struct.pack(">II", 0, 40), 1),
            {
                "mime": "image/vnd.adobe.photoshop",
                "width": 30,
                "height": 20,
                "findings": ["vnd.adobe.photoshop"],
            },
        ),
    ]


# ---- PNG, GIF, WebP, BMP


def animation(kind: str, frames: int, **options: Any) -> bytes:
    """Return an animation of Pillow's."""
    buffer = io.BytesIO()
    pictures = [pixels(20, 10, seed=number * 7) for number in range(frames)]
    pictures[0].save(buffer, kind, save_all=True, append_images=pictures[1:], duration=50, **options)
    return buffer.getvalue()


def _raster_cases() -> list[Case]:
    small = {"width": 20, "height": 10}
    exif = ExifSpec(make="A", original=MOMENT)
    words = png(
        texts={
            "Title": "A title",
            "Description": "Of it",
            "Author": "Me",
            "Copyright": "(c)",
            "Software": "S",
        }
    )
    packed = png()
    packed = packed[:33] + png_chunk(b"zTXt", b"Title\0\0not deflated") + packed[33:]
    grey = io.BytesIO()
    Image.new("L", (9, 7)).save(grey, "GIF")
    return [
        Case("a PNG with words", "a.png", words, {
            "mime": "image/png",
            **small,
            "software": "S",
            "descriptive": {"title": "A title", "description": "Of it", "creators": ["Me"], "rights": "(c)"},
        }),
        Case("a PNG with EXIF behind its picture", "a.png", png(exif=exif, is_exif_last=True), {
            "mime": "image/png", **small, "make": "A", "dates": {DTO: LOCAL}
        }),
        Case("XMP does not come before EXIF in a PNG", "a.png", png(exif=exif, is_exif_last=True, xmp=xmp_packet({"tiff:Make": "B"})), {
            "mime": "image/png", **small, "make": "A", "dates": {DTO: LOCAL}
        }),
        Case("a PNG text that is damaged", "a.png", packed, {"mime": "image/png", **small, "findings": ["png"]}),
        Case("an animated PNG", "a.png", animation("PNG", 4), {"mime": "image/png", **small, "frames": 4}),
        Case("a PNG that is called JPEG", "a.jpg", png(), {"mime": "image/png", **small}),
        Case("an animated GIF", "a.gif", animation("GIF", 5), {"mime": "image/gif", **small, "frames": 5}),
        Case("a GIF cut off in its third picture", "a.gif", _cut_in_third(animation("GIF", 5)), {"mime": "image/gif", **small, "frames": 3}),
        Case("a still GIF", "a.gif", gif(), {"mime": "image/gif", "width": 12, "height": 9}),
        Case("a GIF without colours of its own", "a.gif", grey.getvalue(), {"mime": "image/gif", "width": 9, "height": 7}),
        Case("an animated WebP", "a.webp", animation("WEBP", 3, exif=exif_block(exif)), {
            "mime": "image/webp", **small, "frames": 3, "make": "A", "dates": {DTO: LOCAL}
        }),
        Case("a lossless WebP", "a.webp", _lossless(), {"mime": "image/webp", **small}),
        Case("a WebP with a thumbnail", "a.webp", _webp_with_thumbnail(), {
            "mime": "image/webp", "width": 30, "height": 20, "previews": [("exif", 16, 12, SMALL)]
        }),
        Case("a BMP", "a.bmp", bmp(), {"mime": "image/bmp", "width": 12, "height": 9}),
        Case("a TIFF", "a.tif", tiff_picture(size=(8, 4), exif=ExifSpec(model="M")), {
            "mime": "image/tiff", "width": 8, "height": 4, "model": "M"
        }),
        Case("a JPEG that is called HEIC", "a.heic", jpeg(), {"mime": "image/jpeg", "width": 48, "height": 32}),
    ]  # fmt: skip


def _cut_in_third(content: bytes) -> bytes:
    at = -1
    for _ in range(3):
        at = content.index(b"\x21\xf9\x04", at + 1)
    return content[: at + 30]


def _lossless() -> bytes:
    buffer = io.BytesIO()
    pixels(20, 10).save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


def _webp_with_thumbnail() -> bytes:
    buffer = io.BytesIO()
    pixels(30, 20).save(buffer, "WEBP", exif=thumbnailed(ExifSpec(), SMALL))
    return buffer.getvalue()


CASES: list[Case] = [
    *_exif_cases(),
    *_maker_note_cases(),
    *_preview_cases(),
    *_mpf_and_motion_cases(),
    *_extended_xmp_cases(),
    *_raw_cases(),
    *_heif_cases(),
    *_container_cases(),
    *_raster_cases(),
]
