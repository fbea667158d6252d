"""Bytes of XML -> an element tree, hardened: for XMP packets, and for the XML that ACDSee hides in a text.

Refused, with a reason in user words: more than 2 MiB, a DTD, entities, anything external, what is not well-formed. The
encoding is found here and not by the parser, so no declaration can choose an odd one. Knows neither RDF nor XMP.
"""

from __future__ import annotations

import codecs
import re
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from daemon.media.source import Malformed

MAX_PACKET_BYTES = 2 * 1024 * 1024

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Which of the first four bytes of an ASCII text are zero, where there is no mark.
_ZEROS = {
    "x000": "utf-32-le",
    "000x": "utf-32-be",
    "x0x0": "utf-16-le",
    "0x0x": "utf-16-be",
}
_DECLARED = re.compile(rb"""<\?xml[^>]{1,100}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_SINGLE_OR_ASIAN = re.compile(
    r"iso-8859-\d+|windows-125\d|latin-?1|koi8-[ru]|shift_jis|euc-jp|euc-kr|gbk|gb2312|gb18030|big5",
    re.IGNORECASE,
)
_OUTSIDE = "\0 \t\r\n\ufeff"  # padding of packets
_ROOT = re.compile(r"<((?:[\w.-]{1,40}:)?(?:xmpmeta|xapmeta|RDF))(?=[\s>])")


def parse(packet: bytes) -> Element | None:
    """Return the root element; None when there are only blanks and NULs.

    Raises:
        Malformed: too large, not decodable, not well-formed, or with a DTD or entities.
    """
    if len(packet) > MAX_PACKET_BYTES:
        raise Malformed(f"the XMP packet is larger than {MAX_PACKET_BYTES // 1024 // 1024} MiB")
    text = decoded(packet).strip(_OUTSIDE)
    if not text:
        return None
    try:
        return _parsed(text)
    except ParseError as error:
        inner = _packet_within(text)
        if inner is None:
            raise Malformed(f"the XMP packet is not well-formed XML: {error}") from error
    try:
        return _parsed(inner)
    except ParseError as error:
        raise Malformed(f"the XMP packet is not well-formed XML: {error}") from error


def _parsed(text: str) -> Element:
    try:
        root: Element = fromstring(text, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException as error:
        raise Malformed("the XMP packet has a DTD or entities") from error
    except (ValueError, LookupError) as error:
        raise Malformed(f"the XMP packet cannot be read ({type(error).__name__})") from error
    return root


def _packet_within(text: str) -> str | None:
    """Return the packet without what was written before or after it; None if there is nothing to cut."""
    begin = _ROOT.search(text)
    tail = f"</{begin[1]}>" if begin else ""
    end = text.rfind(tail) + len(tail)
    if begin is None or end <= begin.end() or (begin.start() == 0 and end == len(text)):
        return None
    return text[begin.start() : end]


def decoded(packet: bytes) -> str:
    """Return the text of a packet in UTF-8, 16 or 32, with or without a byte order mark, else as it declares itself.

    Bytes that are no UTF-8 and declare nothing are Windows-1252: old writers on Windows put local text into UTF-8.

    Raises:
        Malformed: it is none of these.
    """
    for mark, encoding in _MARKS:
        if packet.startswith(mark):
            return _wide(packet[len(mark) :], encoding)
    wide = _ZEROS.get("".join("x" if byte else "0" for byte in packet[:4]))
    if wide is not None:
        return _wide(packet, wide)
    try:
        return packet.decode("utf-8")
    except UnicodeDecodeError:
        pass  # the declaration, or the habit of old Windows, tells more
    match = _DECLARED.search(packet, 0, 200)
    declared = match[1].decode("ascii") if match else ""
    encoding = declared if _SINGLE_OR_ASIAN.fullmatch(declared) else "cp1252"
    try:
        return packet.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return packet.decode("latin-1")


def _wide(content: bytes, encoding: str) -> str:
    unit = 4 if "32" in encoding else 2
    try:
        return content[: len(content) // unit * unit].decode(encoding)
    except UnicodeDecodeError as error:
        raise Malformed(f"the XMP packet is no {encoding[:6].upper()}") from error
