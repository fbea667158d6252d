"""What exiftool's answer means: its tags in our terms, added to what the header said.

Tags are asked for by name: what nobody needs is neither decoded nor answered. `#` after a tag asks for its number, none
for its words. Facts of cameras come as tags; what people wrote comes as the XMP and IPTC blocks themselves, because
exiftool's JSON writes keywords like `1e5` or `True` as numbers and truths, and our own readers know the standards'
rules. Knows neither processes nor files, but for the places of previews, which are looked at before they are believed.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from catalog.facts import Kind
from daemon.media.draft import Draft, clean_text
from daemon.media.exif_words import is_default
from daemon.media.iptc import read_iptc
from daemon.media.jpeg_frames import say_preview
from daemon.media.sound_words import say_sound_word
from daemon.media.source import ByteSource
from daemon.media.xmp import read_xmp

MAX_ANSWER_BYTES = 16 * 1024 * 1024  # an XMP packet of a whole film, and all the rest, several times
# Every tag costs 0.05 ms (2026-11-21, exiftool 12.57), so each kind of file is asked for its own.
_TAGS_OF_ALL = """Composite:ImageSize Orientation# Make Model Software GPSLatitude# GPSLongitude# GPSAltitude#
    DateTimeOriginal CreateDate ModifyDate DateCreated TimeCreated GPSDateTime
    SubSecTimeOriginal SubSecTimeDigitized SubSecTime OffsetTimeOriginal OffsetTimeDigitized OffsetTime
    ContentIdentifier MediaGroupUUID XMP IPTC Error"""
_TAGS_OF_PHOTOS = """LensModel LensID SerialNumber TimeZone# DaylightSavings# BurstUUID ProjectionType
    ExposureTime# FNumber# ISO# FocalLength# FocalLengthIn35mmFormat# ExposureCompensation# Flash#
    ImageDescription Artist Copyright XPTitle XPComment XPKeywords
    PreviewImageStart# PreviewImageLength# JpgFromRawStart# JpgFromRawLength# OtherImageStart# OtherImageLength#
    ThumbnailOffset# ThumbnailLength#"""
_TAGS_OF_OTHERS = """Duration# CreationDate ContentCreateDate CreationDateValue RecordingTime Year Date
    Artist Album AlbumTitle Author Genre Title Name Track TrackNumber VideoCodec VideoCodecID AudioCodecID# Compression"""

_EXIF_DATES = (
    ("ExifIFD:DateTimeOriginal", ("ExifIFD:DateTimeOriginal", "IFD0:DateTimeOriginal"), "Original"),
    ("ExifIFD:CreateDate", ("ExifIFD:CreateDate", "IFD0:CreateDate"), "Digitized"),
    ("IFD0:ModifyDate", ("IFD0:ModifyDate",), ""),
)
# Our source -> exiftool's keys, the first that is there; the last column: defined to be UTC.
_PLAIN_DATES: tuple[tuple[str, str, bool], ...] = (
    ("XMP-exif:DateTimeOriginal", r"XMP-exif:DateTimeOriginal", False),
    ("XMP-photoshop:DateCreated", r"XMP-photoshop:DateCreated", False),
    ("XMP-xmp:CreateDate", r"XMP-xmp:CreateDate", False),
    ("GPS:GPSDateTime", r"Composite:GPSDateTime", True),
    ("RIFF:DateTimeOriginal", r"RIFF:(?:DateTimeOriginal|DateCreated)", False),
    ("Matroska:DateTimeOriginal", r"(?:Matroska|Info):DateTimeOriginal", True),
    ("ASF:CreationDate", r"ASF:CreationDate", True),
    ("H264:DateTimeOriginal", r"H264:DateTimeOriginal", False),
    ("XML:CreationDateValue", r"XML:CreationDateValue", False),
    ("ID3:RecordingTime", r"ID3v2_[234]:(?:RecordingTime|Year)|ID3v1:Year|APE:Year", False),
    ("Vorbis:Date", r"Vorbis:(?:Date|Year)", False),
    (
        "MakerNotes:DateTimeOriginal",
        r"(?:CanonRaw|SigmaRaw|MinoltaRaw|Reconyx|PhaseOne|Sanyo|Kodak|Casio|Olympus|Ricoh|Leaf)\d*"
        r":(?:DateTimeOriginal|TimeStamp)",
        False,
    ),
)
_UTC_TAIL = re.compile(r"\s*(?:Z|UTC|\+00:?00)$")
_EXPOSURE = {
    "time_s": "ExposureTime",
    "f_number": "FNumber",
    "iso": "ISO",
    "focal_mm": "FocalLength",
    "focal_35mm": "FocalLengthIn35mmFormat",
    "bias_ev": "ExposureCompensation",
}
_SOUND_WORDS = {
    "title": ("Title", "Name"),
    "artist": ("Artist", "Author"),
    "album": ("Album", "AlbumTitle"),
    "genre": ("Genre",),
    "track": ("Track", "TrackNumber"),
}
_CODECS = ("VideoCodecID", "VideoCodec", "Compression")
_PREVIEWS = (
    ("JpgFromRawStart", "JpgFromRawLength"),
    ("PreviewImageStart", "PreviewImageLength"),
    ("OtherImageStart", "OtherImageLength"),
    ("ThumbnailOffset", "ThumbnailLength"),
)
# What exiftool says where it does not know a lens, or knows only how far it zooms.
_NO_LENS = re.compile(r"[\d\s.-]*|n/?a|none|unknown.*|manual lens.*", re.IGNORECASE)
_CAMERA_GROUPS = ("ExifIFD", "IFD0", "Composite")
_MAX_ZONE_MIN = 14 * 60
_MAX_EXPOSURE = 1e9  # seconds, millimetres or ISO beyond this are damage


def tags_of(kind: Kind | None) -> list[str]:
    """Return what to ask of a file of this kind."""
    own = _TAGS_OF_PHOTOS if kind == "photo" else _TAGS_OF_OTHERS
    return [*_TAGS_OF_ALL.split(), *own.split()]


class NotAnAnswer(Exception):
    """The text says what came instead, after the word `exiftool`."""


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: `Group1:Tag` -> texts, one but for lists, exactly as exiftool wrote them."""

    values: dict[str, tuple[str, ...]]

    def text(self, *keys: str) -> str | None:
        """Return the first text of the first of these keys that is there."""
        return next((_unpacked(self.values[key][0]) for key in keys if self.values.get(key)), None)

    def first(self, tag: str, *groups: str) -> str | None:
        """Return a tag of the first of these groups that has it, else of any group."""
        found = self.text(*(f"{group}:{tag}" for group in groups))
        return found if found is not None else next(self.all(tag), None)

    def all(self, tag: str) -> Iterator[str]:
        """Yield the texts of a tag, group by group."""
        for key, texts in self.values.items():
            if key.rpartition(":")[2] == tag:
                yield from map(_unpacked, texts)

    def number(self, tag: str, *groups: str) -> float | None:
        """Return a tag's number, or None where it is none."""
        return _number(self.first(tag, *groups))

    def block(self, key: str) -> bytes | None:
        """Return the bytes of a packet, or None."""
        text = (self.values.get(key) or ("",))[0]
        return _bytes_of(text) or text.encode("utf-8", "surrogatepass") or None


def parse(answer: bytes | str) -> Said:
    """Return the only object of the answer.

    Raises:
        NotAnAnswer: it is no JSON, or too long.
    """
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    if len(text) > MAX_ANSWER_BYTES:
        raise NotAnAnswer(f"answered {len(text)} characters")
    if not text.strip():
        return Said({})
    try:
        # Numbers stay the letters that they are: 1.10 is not 1.1.
        documents = json.loads(text, parse_float=str, parse_int=str, parse_constant=str, strict=False)
        return Said({key: _texts(value) for key, value in documents[0].items()})
    except (ValueError, RecursionError, AttributeError, LookupError, TypeError) as error:
        raise NotAnAnswer("answered no JSON") from error


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(text for one in value for text in _texts(one))
    if isinstance(value, bool):
        return ("true" if value else "false",)
    return (value,) if isinstance(value, str) else ()


def _bytes_of(text: str) -> bytes | None:
    """Return what exiftool packed because it is no UTF-8; None for texts that only look so."""
    if not text.startswith("base64:"):
        return None
    try:
        return base64.b64decode(text[7:], validate=True)
    except (binascii.Error, ValueError):
        return None


def _unpacked(text: str) -> str:
    packed = _bytes_of(text)
    if packed is None:
        return text
    try:
        packed.decode("utf-8")
    except UnicodeDecodeError:
        return packed.decode("latin-1")
    return text  # somebody wrote these very letters: exiftool packs only what is no UTF-8


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def read_answer(said: Said, draft: Draft, source: ByteSource) -> str | None:
    """Add what exiftool says to what the header said; for sizes of deep formats exiftool rules.

    Returns:
        what exiftool could not read, in its words, or None.
    """
    _say_size(said, draft)
    draft.say_text("make", said.first("Make", "IFD0"))
    draft.say_text("model", said.first("Model", "IFD0"))
    draft.say_text("software", said.first("Software", "IFD0"))
    draft.say_text("lens", _lens(said))
    orientation = _number(said.text("IFD0:Orientation") or said.first("Orientation"))
    draft.say_orientation(int(orientation) if orientation is not None else None)
    if draft.kind != "photo":
        draft.say_duration(said.number("Duration", "Composite"))
    draft.say_position(
        *(_number(said.text(f"Composite:GPS{name}")) for name in ("Latitude", "Longitude", "Altitude"))
    )
    draft.is_panorama = draft.is_panorama or said.text("XMP-GPano:ProjectionType") is not None
    _say_words(said, draft)
    _say_dates(said, draft)
    _say_zone(said, draft)
    _say_exposure(said, draft)
    _say_identifiers(said, draft)
    _say_sound(said, draft)
    for start, length in _preview_places(said):
        say_preview(source, "raw" if draft.is_raw else "exif", start, length, draft)
    error = said.first("Error")
    return error if error and "-fast" not in error else None


def _say_size(said: Said, draft: Draft) -> None:
    words = (said.text("Composite:ImageSize") or "").replace("x", " ").split()
    if len(words) == 2 and all(word.isascii() and word.isdecimal() for word in words):
        if draft.needs_deep and int(words[0]) > 0 and int(words[1]) > 0:
            draft.width = draft.height = None
        draft.say_size(int(words[0]), int(words[1]))


def _lens(said: Said) -> str | None:
    """Return the lens as the file names it, else as exiftool's tables do."""
    named = (said.first("LensModel", "ExifIFD"), said.text("Composite:LensID"), said.first("LensID"))
    return next((one for one in named if one and not _NO_LENS.fullmatch(one.strip())), None)


def _say_words(said: Said, draft: Draft) -> None:
    """Read what people wrote: the packets, then the words that EXIF has for it (metadata.md 2.2)."""
    xmp, iptc = said.block("XMP:XMP"), said.block("IPTC:IPTC")
    if xmp:
        read_xmp(xmp, draft)
    if iptc:
        read_iptc(iptc, draft)
    words = draft.descriptive.said_by("exif")
    description = said.text("IFD0:ImageDescription") or ""
    words.say_description(description if not is_default(description) else None)
    words.say_rights(said.text("IFD0:Copyright"))
    artist = said.text("IFD0:Artist")
    words.say_creators([artist] if artist else [])
    windows = draft.descriptive.said_by("xp")
    windows.say_title(said.text("IFD0:XPTitle"))
    windows.say_description(said.text("IFD0:XPComment"))
    for keyword in (said.text("IFD0:XPKeywords") or "").split(";"):
        windows.say_tag([keyword])


def _say_dates(said: Said, draft: Draft) -> None:
    for source, keys, suffix in _EXIF_DATES:
        draft.say_date(
            source,
            said.text(*keys),
            subsec=said.text(f"ExifIFD:SubSecTime{suffix}"),
            offset=said.text(f"ExifIFD:OffsetTime{suffix}", "ExifIFD:OffsetTime"),
        )
    date, clock = said.text("IPTC:DateCreated"), said.text("IPTC:TimeCreated")
    draft.say_date("IPTC:DateCreated", f"{date} {clock}" if date and clock else date)
    for source, pattern, is_utc in _PLAIN_DATES:
        text = next((said.text(key) for key in said.values if re.fullmatch(pattern, key)), None)
        if text and is_utc:
            text = _UTC_TAIL.sub("", text)
        draft.say_date(source, text, is_utc=is_utc)


def _say_zone(said: Said, draft: Draft) -> None:
    """Note the zone that a camera's clock is set to: minutes, to which Nikon's daylight saving comes (metadata.md 1.4)."""
    for maker in ("Nikon", "Canon"):
        minutes = _number(said.text(f"{maker}:TimeZone"))
        if minutes is None or "zone_min" in draft.extra:
            continue
        if maker == "Nikon" and _number(said.text("Nikon:DaylightSavings")) == 1:
            minutes += 60
        if abs(minutes) <= _MAX_ZONE_MIN and minutes % 15 == 0:
            draft.say_extra("zone_min", int(minutes))
            draft.say_extra("zone_source", f"{maker}:TimeZone")


def _say_exposure(said: Said, draft: Draft) -> None:
    """Fill in what the header did not tell."""
    exposure: dict[str, Any] = {}
    for name, tag in _EXPOSURE.items():
        number = said.number(tag, *_CAMERA_GROUPS)
        if number is not None and abs(number) < _MAX_EXPOSURE and (number > 0 or name == "bias_ev"):
            rounded = float(f"{number:.6g}")
            exposure[name] = int(rounded) if rounded == int(rounded) else rounded
    flash = _number(said.text("ExifIFD:Flash"))
    if flash is not None:
        exposure["flash"] = bool(int(flash) & 1)
    exposure |= draft.extra.get("exposure", {})
    if exposure:
        draft.extra["exposure"] = exposure


def _say_identifiers(said: Said, draft: Draft) -> None:
    draft.say_extra("serial", clean_text(said.first("SerialNumber", *_CAMERA_GROUPS)) or None)
    draft.say_extra(
        "live_id", clean_text(said.first("ContentIdentifier") or said.first("MediaGroupUUID")) or None
    )
    draft.say_extra("burst_id", clean_text(said.first("BurstUUID")) or None)


def _say_sound(said: Said, draft: Draft) -> None:
    """Note the tags of sound and film, and their codec."""
    if draft.kind == "photo":
        return
    codec: str | None = next((text for tag in _CODECS if (text := clean_text(said.first(tag)))), None)
    number = said.number("AudioCodecID")
    if codec is None and number is not None and 0 <= number <= 0xFFFF:
        codec = f"wav-{int(number):04x}"
    draft.say_extra("codec", codec)
    known = draft.extra.get("audio", {})
    for name, tags in _SOUND_WORDS.items():
        if name not in known:
            say_sound_word(name, next((word for tag in tags if (word := said.first(tag))), None), draft)


def _preview_places(said: Said) -> Iterator[tuple[int, int]]:
    """Yield (offset, length) of pictures that lie whole in the file; exiftool counts from its first byte."""
    for start_tag, length_tag in _PREVIEWS:
        for key in said.values:
            group, _, tag = key.rpartition(":")
            if tag != start_tag:
                continue
            start, length = _number(said.text(key)), _number(said.text(f"{group}:{length_tag}"))
            if start is not None and length is not None and start > 0 and length > 0:
                yield int(start), int(length)
