"""The few properties of an embedded XMP packet that facts need: dates, position, camera, panorama.

A full data model comes with sidecars (Truth issue); here the top-level properties in both spellings
(attribute and element) are enough. Parsed by defusedxml: no DTD, no entity, no external anything, and
2 MiB at most.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from daemon.media.draft import Draft
from daemon.media.source import Malformed

MAX_PACKET_BYTES = 2 * 1024 * 1024
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_EXIF = "{http://ns.adobe.com/exif/1.0/}"
_PANO = "{http://ns.google.com/photos/1.0/panorama/}"
_TIFF = "{http://ns.adobe.com/tiff/1.0/}"
_DATES = (
    ("XMP-exif:DateTimeOriginal", f"{_EXIF}DateTimeOriginal", False),
    ("XMP-photoshop:DateCreated", "{http://ns.adobe.com/photoshop/1.0/}DateCreated", False),
    ("XMP-xmp:CreateDate", "{http://ns.adobe.com/xap/1.0/}CreateDate", False),
    ("XMP-exif:GPSDateTime", f"{_EXIF}GPSTimeStamp", True),
)
_COORDINATE = re.compile(
    r"(?P<d>\d{1,3})(?:,(?P<m>\d{1,2}(?:\.\d+)?))?(?:,(?P<s>\d{1,2}(?:\.\d+)?))?(?P<k>[NSEWnsew])"
)
_OFFSET_TAIL = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$")


def read_xmp(packet: bytes, draft: Draft) -> None:
    """Read a packet into the draft; a packet that is no XML becomes a finding."""
    try:
        properties = top_properties(packet)
    except Malformed as error:
        draft.note("xmp", str(error))
        return
    for source, key, is_utc in _DATES:
        text = properties.get(key)
        if text and is_utc:
            text = _OFFSET_TAIL.sub("", text)
        draft.say_date(source, text, is_utc=is_utc)
    draft.say_position(
        _degrees(properties.get(f"{_EXIF}GPSLatitude")),
        _degrees(properties.get(f"{_EXIF}GPSLongitude")),
        _altitude(properties),
    )
    draft.say_text("make", properties.get(f"{_TIFF}Make"))
    draft.say_text("model", properties.get(f"{_TIFF}Model"))
    orientation = properties.get(f"{_TIFF}Orientation", "")
    draft.say_orientation(int(orientation) if orientation.isascii() and orientation.isdecimal() else None)
    if properties.get(f"{_PANO}ProjectionType") or properties.get(f"{_PANO}UsePanoramaViewer") == "True":
        draft.is_panorama = True


def top_properties(packet: bytes) -> dict[str, str]:
    """Return the simple top-level properties, `{namespace}name` -> text; the first of a double one rules.

    Raises:
        Malformed: too large, not well-formed, or with a DTD or entities.
    """
    if len(packet) > MAX_PACKET_BYTES:
        raise Malformed(f"the XMP packet is larger than {MAX_PACKET_BYTES // 1024 // 1024} MiB")
    packet = packet.strip(b"\0 \t\r\n")
    if not packet:
        return {}
    try:
        root = fromstring(packet, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Malformed(
            f"the XMP packet is no well-formed XML without a DTD ({type(error).__name__})"
        ) from error
    properties: dict[str, str] = {}
    for name, text in _simple_properties(root):
        properties.setdefault(name, text)
    return properties


def _simple_properties(root: Element) -> Iterator[tuple[str, str]]:
    rdf = root if root.tag == f"{_RDF}RDF" else root.find(f".//{_RDF}RDF")
    for description in rdf if rdf is not None else ():
        for name, text in description.attrib.items():
            yield name, text.strip()
        for child in description:
            if isinstance(child.tag, str) and len(child) == 0 and child.text and child.text.strip():
                yield child.tag, child.text.strip()


def _degrees(text: str | None) -> float | None:
    """Read `DDD,MM.mmmmk` or `DDD,MM,SSk` (XMP part 2, GPSCoordinate)."""
    match = _COORDINATE.fullmatch((text or "").strip())
    if match is None:
        return None
    degrees = int(match["d"]) + float(match["m"] or 0) / 60 + float(match["s"] or 0) / 3600
    return -degrees if match["k"] in "SWsw" else degrees


def _altitude(properties: dict[str, str]) -> float | None:
    numerator, _, denominator = properties.get(f"{_EXIF}GPSAltitude", "").partition("/")
    try:
        altitude = float(numerator) / float(denominator or 1)
    except (ValueError, ZeroDivisionError):
        return None
    return -altitude if properties.get(f"{_EXIF}GPSAltitudeRef") == "1" else altitude
