"""An XMP packet -> Draft: dates, position, camera, panorama, motion photo; words go to `daemon.media.xmp_words`.

For packets within files and for sidecars alike. Read it for every packet of a file: the first word stands. What a packet
cannot be read for becomes a finding. Properties: XMP part 2, CIPA DC-010 (exif in XMP), Google's photo metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from daemon.media.draft import Draft
from daemon.media.source import Malformed
from daemon.media.xmp_model import Model, Value, read_model
from daemon.media.xmp_words import read_xmp_words
from daemon.media.xmp_xml import MAX_PACKET_BYTES

__all__ = ["MAX_PACKET_BYTES", "motion_hints", "read_xmp"]

_EXIF = "{http://ns.adobe.com/exif/1.0/}"
_EXIF_MORE = "{http://cipa.jp/exif/1.0/}"
_TIFF = "{http://ns.adobe.com/tiff/1.0/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_PANO = "{http://ns.google.com/photos/1.0/panorama/}"
_CAMERA = "{http://ns.google.com/photos/1.0/camera/}"
_CONTAINER = "{http://ns.google.com/photos/1.0/container/}"
_OPPO_CAMERA = "{http://ns.oplus.com/photos/1.0/camera/}"
# Source, property, and where its decimals and its offset are if they stand apart, as in EXIF.
_DATES = (
    ("XMP-exif:DateTimeOriginal", f"{_EXIF}DateTimeOriginal", "Original"),
    ("XMP-photoshop:DateCreated", f"{_PHOTOSHOP}DateCreated", ""),
    ("XMP-xmp:CreateDate", "{http://ns.adobe.com/xap/1.0/}CreateDate", ""),
)
_COORDINATE = re.compile(
    r"""(?P<d>\d{1,3}(?:\.\d+)?)(?:,(?P<m>\d{1,2}(?:\.\d+)?))?(?:,(?P<s>\d{1,2}(?:\.\d+)?))?\s*(?P<k>[NSEW])""",
    re.IGNORECASE,
)
_DEGREES = re.compile(r"[+-]?\d{1,3}(?:\.\d+)?")
_OFFSET_TAIL = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$")
_CLOCK_ALONE = re.compile(r"\d{1,2}:\d{2}:\d{2}(?:\.\d+)?")
_MAX_ITEMS = 32  # of a Google container; phones write four
_MAX_HINT_BYTES = 1 << 40


def read_xmp(packet: bytes, draft: Draft) -> None:
    """Read a packet into the draft; one that is no XMP becomes a finding."""
    try:
        model = read_model(packet)
    except Malformed as error:
        draft.note("xmp", str(error))
        return
    _read_dates(model, draft)
    _read_position(model, draft)
    _read_camera(model, draft)
    _read_google(model, draft)
    draft.say_extra("for_extension", _text(model, f"{_PHOTOSHOP}SidecarForExtension") or None)
    draft.say_extra("derived_from", _derived_from(model))
    draft.motion_hints.extend(one for one in motion_hints(model) if one not in draft.motion_hints)
    read_xmp_words(model, draft)


def _text(model: Model, *names: str) -> str:
    """Return the text of the first of these properties that has one, bounded."""
    for name in names:
        value = model.get(name)
        if value is not None and (text := value.best_text()):
            return text[:1000]
    return ""


def _read_dates(model: Model, draft: Draft) -> None:
    for source, name, suffix in _DATES:
        text = _text(model, name)
        if text and suffix:
            subsec = _text(model, f"{_EXIF}SubSecTime{suffix}")
            offset = _text(model, f"{_EXIF}OffsetTime{suffix}", f"{_EXIF_MORE}OffsetTime{suffix}")
            draft.say_date(source, text, subsec=subsec, offset=offset)
        else:
            draft.say_date(source, text)
    moment = _OFFSET_TAIL.sub("", _text(model, f"{_EXIF}GPSTimeStamp"))
    if _CLOCK_ALONE.fullmatch(moment):  # as EXIF has it; XMP wants both in one
        moment = f"{_text(model, f'{_EXIF}GPSDateStamp')} {moment}"
    draft.say_date("XMP-exif:GPSDateTime", moment, is_utc=True)


def _read_position(model: Model, draft: Draft) -> None:
    draft.say_position(
        _degrees(model, "GPSLatitude", "S"), _degrees(model, "GPSLongitude", "W"), _altitude(model)
    )


def _degrees(model: Model, name: str, negative: str) -> float | None:
    """Read `DDD,MM.mmmmk` or `DDD,MM,SSk` (XMP part 2, GPSCoordinate), or Apple's decimal degrees beside a Ref."""
    text = _text(model, f"{_EXIF}{name}")
    match = _COORDINATE.fullmatch(text)
    if match is not None:
        degrees = float(match["d"]) + float(match["m"] or 0) / 60 + float(match["s"] or 0) / 3600
        return -degrees if match["k"].upper() in "SW" else degrees
    if _DEGREES.fullmatch(text) is None:
        return None
    is_negative = _text(model, f"{_EXIF}{name}Ref").upper() == negative
    return -abs(float(text)) if is_negative else float(text)


def _altitude(model: Model) -> float | None:
    numerator, _, denominator = _text(model, f"{_EXIF}GPSAltitude").partition("/")
    try:
        altitude = float(numerator) / float(denominator or 1)
    except (ValueError, ZeroDivisionError):
        return None
    return -altitude if _text(model, f"{_EXIF}GPSAltitudeRef") == "1" else altitude


def _read_camera(model: Model, draft: Draft) -> None:
    draft.say_text("make", _text(model, f"{_TIFF}Make"))
    draft.say_text("model", _text(model, f"{_TIFF}Model"))
    draft.say_text("lens", _text(model, f"{_EXIF_MORE}LensModel", "{http://ns.adobe.com/exif/1.0/aux/}Lens"))
    draft.say_orientation(_whole(_text(model, f"{_TIFF}Orientation")))


def _read_google(model: Model, draft: Draft) -> None:
    projection = _text(model, f"{_PANO}ProjectionType")
    if projection or _text(model, f"{_PANO}UsePanoramaViewer").lower() == "true":
        draft.is_panorama = True
        draft.say_extra("projection", projection or None)
    draft.say_extra("burst_id", _text(model, f"{_CAMERA}BurstID") or None)
    if _text(model, "{http://ns.adobe.com/hdr-gain-map/1.0/}Version") or any(
        semantic == "GainMap" for semantic, _, _, _ in _container_items(model)
    ):
        draft.say_extra("gain_map", True)


def _derived_from(model: Model) -> str | None:
    """Return the file name in xmpMM:DerivedFrom: darktable writes it as a text, Adobe as stRef:filePath."""
    value = model.get("{http://ns.adobe.com/xap/1.0/mm/}DerivedFrom")
    if value is None:
        return None
    path = value.field("filePath") if value.fields is not None else value
    return re.split(r"[/\\]", path.best_text())[-1][:300] or None if path is not None else None


def motion_hints(model: Model) -> tuple[int, ...]:
    """Return where a motion photo's movie may begin: bytes from the end of the file, best first, each once.

    They are what phones wrote: lengths that edits made wrong, paddings that were counted or not. The reader of the file
    believes the first with an `ftyp` there (Android Motion Photo format 1.0; its predecessor's MicroVideoOffset).
    """
    hints = [
        _whole(_text(model, f"{_CAMERA}MicroVideoOffset")),
        _whole(_text(model, f"{_OPPO_CAMERA}VideoLength")),
    ]
    after = padded_after = 0
    for semantic, mime, length, padding in reversed(list(_container_items(model))):
        after += length
        padded_after += length + padding
        if semantic == "MotionPhoto" or mime.startswith("video/"):
            hints += [after, padded_after]
    return tuple(dict.fromkeys(one for one in hints if one and 0 < one < _MAX_HINT_BYTES))


def _container_items(model: Model) -> Iterator[tuple[str, str, int, int]]:
    """Yield (semantic, MIME type, length, padding) of a Google container; lengths unknown = 0."""
    directory = model.get(f"{_CONTAINER}Directory")
    for entry in directory.structures()[:_MAX_ITEMS] if directory is not None else ():
        item = entry.field("Item") or entry
        yield (
            _field_text(item, "Semantic"),
            _field_text(item, "Mime").lower(),
            _whole(_field_text(item, "Length")) or 0,
            _whole(_field_text(item, "Padding")) or 0,
        )


def _field_text(value: Value, name: str) -> str:
    field = value.field(name)
    return field.best_text() if field is not None else ""


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 15 else None
